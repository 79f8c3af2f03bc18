//! The complete `orderer.yaml` of a release line.
//!
//! Input: release line and MSP id. Output: the file's text. It reads no files. Invariants: complete for its line,
//! because environment variables override only keys that the file holds, and nothing of another line, because an
//! unknown key stops the process (both seen on 3.1.5 and 2.5.16); no secret, only paths.

use super::orderer::{ADMIN_PORT, DATA, LISTEN_PORT, MSP, OPERATIONS_PORT, TLS};
use crate::model::fabric_release::ReleaseLine;
use crate::model::names::MspId;

/// The file's text.
pub(super) fn text(line: ReleaseLine, msp_id: &MspId) -> String {
    let mut text = general(line, msp_id);
    text.push_str(&rest());
    text
}

fn general(line: ReleaseLine, msp_id: &MspId) -> String {
    let (backoff, throttling, replication, bootstrap) = match line {
        ReleaseLine::V2_5 => ("", "", "", "  BootstrapMethod: none\n"),
        ReleaseLine::V3 => (
            "  Backoff:\n    BaseDelay: 1s\n    Multiplier: 1.6\n    MaxDelay: 2m\n",
            "  Throttling:\n    Rate: 0\n    InactivityTimeout: 5s\n",
            "    ReplicationPolicy: consensus\n",
            "",
        ),
    };
    format!(
        "General:
  ListenAddress: 0.0.0.0
  ListenPort: {LISTEN_PORT}
  TLS:
    Enabled: true
    PrivateKey: {TLS}/server.key
    Certificate: {TLS}/server.crt
    RootCAs:
      - {TLS}/ca.crt
    ClientAuthRequired: false
    ClientRootCAs:
      - {TLS}/ca.crt
  Keepalive:
    ServerMinInterval: 60s
    ServerInterval: 7200s
    ServerTimeout: 20s
{backoff}  MaxRecvMsgSize: 104857600
  MaxSendMsgSize: 104857600
{throttling}  Cluster:
    SendBufferSize: 100
    ClientCertificate: {TLS}/server.crt
    ClientPrivateKey: {TLS}/server.key
    DialTimeout: 5s
    RPCTimeout: 7s
{replication}{bootstrap}  LocalMSPDir: {MSP}
  LocalMSPID: \"{msp_id}\"
  Profile:
    Enabled: false
    Address: 127.0.0.1:6060
  BCCSP:
    Default: SW
    SW:
      Hash: SHA2
      Security: 256
  Authentication:
    TimeWindow: 15m
    NoExpirationChecks: false
"
    )
}

fn rest() -> String {
    format!(
        "FileLedger:
  Location: {DATA}/ledger
Operations:
  ListenAddress: 0.0.0.0:{OPERATIONS_PORT}
  TLS:
    Enabled: true
    Certificate: {TLS}/server.crt
    PrivateKey: {TLS}/server.key
    ClientAuthRequired: false
    ClientRootCAs:
      - {TLS}/operations-ca.crt
Metrics:
  Provider: prometheus
Admin:
  ListenAddress: 0.0.0.0:{ADMIN_PORT}
  TLS:
    Enabled: true
    Certificate: {TLS}/server.crt
    PrivateKey: {TLS}/server.key
    ClientAuthRequired: true
    ClientRootCAs:
      - {TLS}/admin-ca.crt
ChannelParticipation:
  Enabled: true
  MaxRequestBodySize: 10 MB
Consensus:
  WALDir: {DATA}/etcdraft/wal
  SnapDir: {DATA}/etcdraft/snapshot
"
    )
}
