//! Ordering nodes and peers, simulated: the other side of the wire.
//!
//! Input: the files that a node of ours would mount, and connections. Output: TLS, the participation API, metrics, `cscc` and
//! `qscc`, in the words of real nodes (2.5.16 and 3.1.5). They order no transactions. Invariants: no code that decides is
//! shared with the room `fabric`, only the shapes of messages; a block is kept byte for byte; what was killed answers
//! nobody, and its volume stays.

pub mod container;
pub mod dialer;
mod grpc;
pub mod kubelet;
pub mod net;
pub mod node;
mod orderer;
mod peer;
mod rest;
mod tls;
