//! The story: six commits, one hand in the wrong place and eight months, told step by step.
//!
//! Input: a stage. Output: whether everything was seen as expected. It looks only through [`Eyes`]. Invariants: a step
//! begins only after everything of the step before was seen; names that heddle derives are read from the API server,
//! ids of plans from the status branch.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::DemoError;
use super::check::{self, ABSENT, Expectation, Eyes, Look, Seen, Wanted};
use super::fleet::{self, ACME, Fleet, PLATFORM};
use super::print::Printer;
use super::stage::Stage;
use crate::sim::git_host::{Files, Person};

const INES: Person = Person { name: "Ines", email: "ines@platform.example" };
const OTTO: Person = Person { name: "Otto", email: "otto@acme.example" };

const CHANNEL: &str = "trade";
const NETWORK: &str = "tenants/platform/networks/trade/status.yaml";
const ACME_STATUS: &str = "tenants/acme/organizations/acme/status.yaml";
const ORDERER_KEY: &str = "/identities/local/demo-platform~1trade-orderer-org-orderer1-tls/key";
const ORDERER_GENERATION: &str = "/identities/local/demo-platform~1trade-orderer-org-orderer1-tls/generation";
const SECOND_PEER: &str = "\n    - network: platform/trade\n      name: peer2\n      region: local";
const LAST_PEER_LINE: &str = "anchor: true";
const NODE_LABEL: &str = "/spec/template/metadata/labels/fabric.heddle.dev~1node";
const SELECTOR: &str = "/spec/selector/fabric.heddle.dev~1role";

/// The story and who tells it.
pub(super) struct Story<'a, 'b> {
    /// Where it plays.
    pub(super) stage: &'a Stage,
    /// Who tells it.
    pub(super) printer: Printer<'b>,
    /// How long to wait for what was expected.
    pub(super) patience: Duration,
    /// Ends it early.
    pub(super) stop: CancellationToken,
    /// The fleet as its people have it.
    pub(super) fleet: Fleet,
}

impl Story<'_, '_> {
    /// Tells it; ends at the first step that is not as expected.
    pub(super) async fn tell(&mut self) -> Result<bool, DemoError> {
        let started = Instant::now();
        let good = self.network_appears().await? && self.took(started)?;
        let started = Instant::now();
        let good = good && self.peer_is_added().await? && self.took(started)?;
        let started = Instant::now();
        let good = good && self.broken_spec_is_refused().await? && self.took(started)?;
        let started = Instant::now();
        let good = good && self.edit_is_put_back().await? && self.took(started)?;
        let started = Instant::now();
        let good = good && self.deletion_is_held().await? && self.took(started)?;
        let started = Instant::now();
        Ok(good && self.certificates_are_renewed().await? && self.took(started)?)
    }

    fn took(&mut self, started: Instant) -> Result<bool, DemoError> {
        self.printer.took(started.elapsed())?;
        Ok(true)
    }

    async fn network_appears(&mut self) -> Result<bool, DemoError> {
        self.printer.title("1  A network appears, with a channel")?;
        let revision = self.push(INES, "Begin the trade network", &self.fleet.files())?;
        let mut seen = vec![
            report("revision that was read", "fleet/status.yaml", "/revision", is(&revision)),
            report("keys issued for acme", ACME_STATUS, "/lastChange/issued", is("11")),
        ];
        seen.extend(all_ready("5 of 5 ready"));
        seen.extend(channel("2 of 2", "5 nodes"));
        self.expect(seen).await
    }

    async fn peer_is_added(&mut self) -> Result<bool, DemoError> {
        self.printer.title("2  A peer is added, and joins")?;
        let files = self.fleet.replace(ACME, LAST_PEER_LINE, &format!("{LAST_PEER_LINE}{SECOND_PEER}"))?;
        let revision = self.push(OTTO, "Add a second peer", &files)?;
        let mut seen = vec![report("revision that was read", "fleet/status.yaml", "/revision", is(&revision))];
        seen.extend(all_ready("6 of 6 ready"));
        seen.extend(channel("3 of 3", "6 nodes"));
        self.expect(seen).await
    }

    async fn broken_spec_is_refused(&mut self) -> Result<bool, DemoError> {
        self.printer.title("3  A broken spec is refused, the rest goes on")?;
        let mut files = self.fleet.replace(ACME, "stateDatabase: LevelDB", "stateDatabase: LevleDB")?;
        files.extend(self.fleet.replace(PLATFORM, "pods: 20", "pods: 30")?);
        let revision = self.push(INES, "Raise a quota, and tidy up (with a typo in acme's file)", &files)?;
        let place = self.fleet.place(ACME, "LevleDB");
        let quota =
            Look::Object("/api/v1/namespaces/demo-platform/resourcequotas/heddle-quota".into(), "/spec/hard/pods");
        let expectations = vec![
            report("revision that was read", "fleet/status.yaml", "/revision", is(&revision)),
            report("organization acme", ACME_STATUS, "/state", is("Invalid")),
            report("where", ACME_STATUS, "/diagnostics/0/place", has(&place)),
            report("tenant platform", "tenants/platform/status.yaml", "/revision", is(&revision)),
            expectation("its quota of pods", quota, is("30")),
            workloads("6 of 6 ready"),
        ];
        if !self.expect(expectations).await? {
            return Ok(false);
        }
        let finding = |pointer: &'static str| Look::Report(ACME_STATUS.into(), pointer);
        let code = check::look(self.stage, &finding("/diagnostics/0/code")).await?;
        let message = check::look(self.stage, &finding("/diagnostics/0/message")).await?;
        self.printer.remark(&format!("Otto reads: {code} {message}"))?;
        Ok(true)
    }

    async fn edit_is_put_back(&mut self) -> Result<bool, DemoError> {
        self.printer.title("4  A hand-made edit is put back")?;
        let name = self.name_of("peer1").await?;
        let path = format!("/api/v1/namespaces/demo-acme/services/{name}");
        let before = Look::Object(path.clone(), SELECTOR);
        let plan = Look::Report(NETWORK.into(), "/lastChange/plan");
        let (role, plan) = (check::look(self.stage, &before).await?, check::look(self.stage, &plan).await?);
        let change = json!({"spec": {"selector": {"fabric.heddle.dev/role": "orderer"}}});
        let edited = self.stage.kubectl.edit(&path, &change).await?;
        let version = text(&edited, "/metadata/resourceVersion");
        self.printer.act("Somebody", &format!("runs: kubectl edit service {name} -n demo-acme"))?;
        self.printer.remark(&format!("The server answers: its selector's role is {}.", text(&edited, SELECTOR)))?;
        let expectations = vec![
            expectation("role in the Service's selector", before, is(&role)),
            expectation("version of the Service", Look::Object(path, "/metadata/resourceVersion"), not(&version)),
            report("last plan that was applied", NETWORK, "/lastChange/plan", not(&plan)),
            report("objects that it updated", NETWORK, "/lastChange/updated", is("1")),
        ];
        self.expect(expectations).await
    }

    async fn deletion_is_held(&mut self) -> Result<bool, DemoError> {
        self.printer.title("5  A deletion is held, then approved")?;
        let name = self.name_of("peer2").await?;
        let set = format!("/apis/apps/v1/namespaces/demo-acme/statefulsets/{name}");
        let service = format!("/api/v1/namespaces/demo-acme/services/{name}");
        let claim = format!("/api/v1/namespaces/demo-acme/persistentvolumeclaims/{}", self.claim_of(&name).await?);
        let exists = |path: &str| Look::Object(path.to_owned(), "/metadata/name");
        let mut files = self.fleet.replace(ACME, "stateDatabase: LevleDB", "stateDatabase: LevelDB")?;
        let gone = format!("{SECOND_PEER}\n      lifecycle: Decommissioned");
        files.extend(self.fleet.replace(ACME, SECOND_PEER, &gone)?);
        let revision = self.push(OTTO, "Correct the typo, and let peer2 go", &files)?;
        let held = vec![
            report("revision that was read", "fleet/status.yaml", "/revision", is(&revision)),
            report("organization acme", ACME_STATUS, "/state", is("Converged")),
            report("network trade", NETWORK, "/state", is("Held")),
            report("who has to approve", NETWORK, "/held/approvalsFrom", is("acme")),
            expectation("peer2's StatefulSet", exists(&set), is(&name)),
        ];
        if !self.expect(held).await? {
            return Ok(false);
        }
        let plan = check::look(self.stage, &Look::Report(NETWORK.into(), "/held/plan")).await?;
        let changes = check::look(self.stage, &Look::Report(NETWORK.into(), "/held/changes")).await?;
        self.printer.remark(&format!("Otto reads plan {} of {changes} changes, and agrees.", short(&plan)))?;
        self.push(OTTO, "Approve the end of peer2", &fleet::approval("acme", &plan))?;
        let mut done = vec![
            expectation("peer2's StatefulSet", exists(&set), is(ABSENT)),
            expectation("peer2's Service", exists(&service), is(ABSENT)),
            expectation("the volume with its ledger", Look::Object(claim, "/status/phase"), is("Bound")),
            report("objects that were deleted", NETWORK, "/lastChange/deleted", is(&changes)),
        ];
        done.extend(all_ready("5 of 5 ready"));
        done.extend(channel("2 of 2", "5 nodes"));
        self.expect(done).await
    }

    async fn certificates_are_renewed(&mut self) -> Result<bool, DemoError> {
        self.printer.title("6  Eight months pass, and certificates are renewed")?;
        let of_orderer = |part: &'static str| Look::Report(NETWORK.into(), part);
        let key = check::look(self.stage, &of_orderer(ORDERER_KEY)).await?;
        self.stage.clock.catch_up();
        self.printer.remark("heddle's clock, 245 days behind until now, is put forward to the present.")?;
        let files = self.fleet.replace(PLATFORM, "pods: 30", "pods: 40")?;
        let revision = self.push(INES, "Raise the quota again", &files)?;
        let set = "/apis/apps/v1/namespaces/demo-platform/statefulsets/trade-orderer-org-orderer1".to_owned();
        let mut seen = vec![
            report("revision that was read", "fleet/status.yaml", "/revision", is(&revision)),
            expectation("orderer1's TLS certificate", of_orderer(ORDERER_GENERATION), is("2")),
            expectation("its key", of_orderer(ORDERER_KEY), is(&key)),
            expectation("what its pod mounts", Look::Object(set, "/spec/template/spec/volumes"), has("orderer1-tls-2")),
        ];
        seen.extend(all_ready("5 of 5 ready"));
        seen.extend(channel("2 of 2", "5 nodes"));
        self.expect(seen).await
    }

    /// The name of a node's objects, from the labels of its pods.
    async fn name_of(&self, node: &str) -> Result<String, DemoError> {
        let sets = self.stage.workloads().await?;
        // `<network>-<organization>-<node>`, and a hash where the network is another tenant's.
        let whole = format!("trade-acme-{node}");
        let is_it =
            |label: &str| label.strip_prefix(&*whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        let set = sets.iter().find(|set| is_it(&text(set, NODE_LABEL)));
        set.map(|set| text(set, "/metadata/name")).ok_or_else(|| DemoError::NoNode { node: node.to_owned() })
    }

    /// The claim that a node's pods mount.
    async fn claim_of(&self, name: &str) -> Result<String, DemoError> {
        let sets = self.stage.workloads().await?;
        let set = sets.iter().find(|set| text(set, "/metadata/name") == name);
        let volumes = set.and_then(|set| set.pointer("/spec/template/spec/volumes")).and_then(Value::as_array);
        let claims = volumes.into_iter().flatten().map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
        let claim = claims.into_iter().find(|claim| !claim.is_empty());
        claim.ok_or_else(|| DemoError::NoClaim { set: name.to_owned() })
    }

    fn push(&mut self, who: Person, message: &str, files: &Files) -> Result<String, DemoError> {
        let revision = self.stage.host.push(who, message, files)?;
        self.printer.act(who.name, &format!("pushes {}: {message}", short(&revision)))?;
        Ok(revision)
    }

    async fn expect(&mut self, expectations: Vec<Expectation>) -> Result<bool, DemoError> {
        let round = tokio::select! {
            round = check::watch(self.stage, expectations, self.patience) => round?,
            () = self.stop.cancelled() => return Err(DemoError::Stopped),
        };
        self.printer.seen(&round)?;
        Ok(round.iter().all(Seen::holds))
    }
}

fn all_ready(wanted: &str) -> Vec<Expectation> {
    vec![workloads(wanted), expectation("units of the fleet", Look::Units, is("7 Converged"))]
}

/// The channel with its leader, all ordering nodes and so many peers.
fn channel(peers: &str, nodes: &str) -> Vec<Expectation> {
    let words = format!("led, 3 of 3 orderers, {peers} peers");
    vec![
        expectation("channel trade", Look::Channel(NETWORK.into(), CHANNEL), is(&words)),
        expectation("who has it", Look::Holders(CHANNEL), is(nodes)),
    ]
}

fn workloads(wanted: &str) -> Expectation {
    expectation("StatefulSets", Look::Workloads, is(wanted))
}

fn report(what: &str, path: &str, pointer: &'static str, wanted: Wanted) -> Expectation {
    expectation(what, Look::Report(path.to_owned(), pointer), wanted)
}

fn expectation(what: &str, look: Look, wanted: Wanted) -> Expectation {
    Expectation { what: what.to_owned(), look, wanted }
}

fn is(text: &str) -> Wanted {
    Wanted::Is(text.to_owned())
}

fn has(text: &str) -> Wanted {
    Wanted::Has(text.to_owned())
}

fn not(text: &str) -> Wanted {
    Wanted::Not(text.to_owned())
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn short(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(7).collect()
}
