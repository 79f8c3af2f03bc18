//! Integration tests: the real code on simulated servers and on real Git repositories on disk.

mod sim_region;
