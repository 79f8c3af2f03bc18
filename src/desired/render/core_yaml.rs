//! The complete `core.yaml` of a release line.
//!
//! Input: release line, MSP id, addresses. Output: the file's text. It reads no files. Invariants: complete for its
//! line, so that no default of an image decides (its default for `vm.endpoint` fails every health check without
//! Docker, and 2.5 cannot blank it by environment); no secret, only paths.

use super::peer::{CHAINCODE_PORT, DATA, LISTEN_PORT, MSP, OPERATIONS_PORT, TLS};
use crate::model::fabric_release::ReleaseLine;
use crate::model::names::MspId;

/// Who and where a peer is.
pub(super) struct Addresses {
    /// Its id in logs and gossip.
    pub(super) id: String,
    /// Its network's name.
    pub(super) network: String,
    /// Host and port within the region.
    pub(super) own: String,
    /// Host and port from everywhere.
    pub(super) external: String,
    /// The first contacts within the organization.
    pub(super) bootstrap: Vec<String>,
}

/// The file's text.
pub(super) fn text(line: ReleaseLine, msp_id: &MspId, addresses: &Addresses) -> String {
    let mut text = peer(msp_id, addresses, line);
    text.push_str(&tls());
    text.push_str(&services(line));
    text.push_str(&chaincode(line));
    text.push_str(&rest());
    text
}

/// How the organization's peers talk. Blocks come from the orderers alone, so every peer is its own leader.
const GOSSIP: &str = "    useLeaderElection: false
    orgLeader: true
    membershipTrackerInterval: 5s
    maxBlockCountToStore: 10
    maxPropagationBurstLatency: 10ms
    maxPropagationBurstSize: 10
    propagateIterations: 1
    propagatePeerNum: 3
    pullInterval: 4s
    pullPeerNum: 3
    requestStateInfoInterval: 4s
    publishStateInfoInterval: 4s
    publishCertPeriod: 10s
    skipBlockVerification: false
    dialTimeout: 3s
    connTimeout: 2s
    recvBuffSize: 20
    sendBuffSize: 200
    digestWaitTime: 1s
    requestWaitTime: 1500ms
    responseWaitTime: 2s
    aliveTimeInterval: 5s
    aliveExpirationTimeout: 25s
    reconnectInterval: 25s
    maxConnectionAttempts: 120
    msgExpirationFactor: 20
    election:
      startupGracePeriod: 15s
      membershipSampleInterval: 1s
      leaderAliveThreshold: 10s
      leaderElectionDuration: 5s
";

/// How private data is fetched and kept.
const PRIVATE_DATA: &str = "      pushAckTimeout: 3s
      btlPullMargin: 10
      reconcileBatchSize: 10
      reconcileSleepInterval: 1m
      reconciliationEnabled: true
      skipPullingInvalidTransactionsDuringCommit: false
      implicitCollectionDisseminationPolicy:
        requiredPeerCount: 0
        maxPeerCount: 1
    state:
      enabled: false
      checkInterval: 10s
      responseTimeout: 3s
      batchSize: 10
      blockBufferSize: 20
      maxRetries: 3
";

fn peer(msp_id: &MspId, addresses: &Addresses, line: ReleaseLine) -> String {
    let Addresses { id, network, own, external, bootstrap } = addresses;
    let bootstrap = bootstrap.join("\n      - ");
    let retention = match line {
        ReleaseLine::V2_5 => 1000,
        ReleaseLine::V3 => 20_000,
    };
    format!(
        "peer:
  id: {id}
  networkId: {network}
  listenAddress: 0.0.0.0:{LISTEN_PORT}
  address: {own}
  addressAutoDetect: false
  chaincodeListenAddress: 127.0.0.1:{CHAINCODE_PORT}
  chaincodeAddress: 127.0.0.1:{CHAINCODE_PORT}
  localMspId: \"{msp_id}\"
  localMspType: bccsp
  mspConfigPath: {MSP}
  fileSystemPath: {DATA}
  gateway:
    enabled: true
    endorsementTimeout: 30s
    broadcastTimeout: 30s
    dialTimeout: 2m
  keepalive:
    interval: 7200s
    timeout: 20s
    minInterval: 60s
    client:
      interval: 60s
      timeout: 20s
    deliveryClient:
      interval: 60s
      timeout: 20s
  gossip:
    bootstrap:
      - {bootstrap}
    endpoint: {own}
    externalEndpoint: {external}
{GOSSIP}    pvtData:
      pullRetryThreshold: 60s
      transientstoreMaxBlockRetention: {retention}
{PRIVATE_DATA}"
    )
}

fn tls() -> String {
    format!(
        "  tls:
    enabled: true
    clientAuthRequired: false
    cert:
      file: {TLS}/server.crt
    key:
      file: {TLS}/server.key
    rootcert:
      file: {TLS}/ca.crt
    clientRootCAs:
      files:
        - {TLS}/ca.crt
    clientCert:
      file: {TLS}/server.crt
    clientKey:
      file: {TLS}/server.key
"
    )
}

fn services(line: ReleaseLine) -> String {
    let (delivery, filter) = match line {
        ReleaseLine::V2_5 => ("", ""),
        ReleaseLine::V3 => (
            "    blockCensorshipTimeoutKey: 30s\n    minimalReconnectInterval: 100ms\n    policy: cluster\n",
            "      - name: TimeWindowCheck\n",
        ),
    };
    format!(
        "  authentication:
    timewindow: 15m
  BCCSP:
    Default: SW
    SW:
      Hash: SHA2
      Security: 256
  client:
    connTimeout: 3s
  deliveryclient:
    blockGossipEnabled: false
    reconnectTotalTimeThreshold: 3600s
    connTimeout: 3s
    reConnectBackoffThreshold: 3600s
{delivery}  profile:
    enabled: false
    listenAddress: 127.0.0.1:6060
  handlers:
    authFilters:
      - name: DefaultAuth
      - name: ExpirationCheck
{filter}    decorators:
      - name: DefaultDecorator
    endorsers:
      escc:
        name: DefaultEndorsement
    validators:
      vscc:
        name: DefaultValidation
  discovery:
    enabled: true
    authCacheEnabled: true
    authCacheMaxSize: 1000
    authCachePurgeRetentionRatio: 0.75
    orgMembersAllowedAccess: false
  limits:
    concurrency:
      endorserService: 2500
      deliverService: 2500
      gatewayService: 500
  maxRecvMsgSize: 104857600
  maxSendMsgSize: 104857600
"
    )
}

fn chaincode(line: ReleaseLine) -> String {
    let batches = match line {
        ReleaseLine::V2_5 => "",
        ReleaseLine::V3 => {
            "  runtimeParams:
    useWriteBatch: true
    maxSizeWriteBatch: 1000
    useGetMultipleKeys: true
    maxSizeGetMultipleKeys: 1000
"
        }
    };
    format!(
        "vm:
  endpoint: \"\"
chaincode:
  pull: false
  externalBuilders:
    - name: ccaas_builder
      path: /opt/hyperledger/ccaas_builder
      propagateEnvironment:
        - CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG
  installTimeout: 300s
  startuptimeout: 300s
  executetimeout: 30s
  mode: net
  keepalive: 0
  system:
    _lifecycle: enable
    cscc: enable
    lscc: enable
    qscc: enable
  logging:
    level: info
    shim: warning
{batches}"
    )
}

fn rest() -> String {
    format!(
        "ledger:
  state:
    stateDatabase: goleveldb
    totalQueryLimit: 100000
  history:
    enableHistoryDatabase: true
  pvtdataStore:
    collElgProcMaxDbBatchSize: 5000
    collElgProcDbBatchesInterval: 1000
    deprioritizedDataReconcilerInterval: 60m
    purgeInterval: 100
    purgedKeyAuditLogging: true
  snapshots:
    rootDir: {DATA}/snapshots
operations:
  listenAddress: 0.0.0.0:{OPERATIONS_PORT}
  tls:
    enabled: true
    cert:
      file: {TLS}/server.crt
    key:
      file: {TLS}/server.key
    clientAuthRequired: false
    clientRootCAs:
      files:
        - {TLS}/operations-ca.crt
metrics:
  provider: prometheus
"
    )
}
