//! A tenant's envelope: its namespace in each region and what bounds it.
//!
//! Input: the tenant's document. Output: namespace, quota, limits, network policies, accounts, access. It renders no
//! workload. Invariants: nothing passes in or out of the namespace but what a policy names; no policy has an empty
//! list of rules (the server would write a new generation at each apply).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::labels;
use super::sheet::{Draft, Sheet, named};
use super::{authority, orderer, peer};
use crate::desired::unit::Stage;
use crate::k8s::ownership;
use crate::model::names::RegionName;
use crate::model::object::{Kind, ObjectId};
use crate::spec::fleet::Lifecycle;
use crate::spec::tenant::{Access, Tenant};

/// The version of the Pod Security standard: the oldest server that is supported, so that an upgrade of a cluster
/// never changes what is let in.
const POD_SECURITY_VERSION: &str = "v1.33";
/// The namespace of the cluster's DNS service.
const DNS_NAMESPACE: &str = "kube-system";
/// The label that Kubernetes puts on every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Writes a tenant's envelope down.
pub(super) fn render(sheet: &mut Sheet<'_>, tenant: &Tenant) {
    let unit = sheet.unit();
    unit.regions.clone_from(&tenant.regions);
    unit.decommissioned = tenant.lifecycle == Lifecycle::Decommissioned;
    if unit.decommissioned {
        return;
    }
    let Some(namespace) = sheet.namespace(&tenant.name) else { return };
    for region in &tenant.regions {
        let mut envelope = Envelope { sheet, tenant, region, namespace: &namespace };
        envelope.namespace();
        envelope.bounds();
        envelope.policies();
        envelope.accounts();
        envelope.access();
    }
}

struct Envelope<'a, 'b> {
    sheet: &'a mut Sheet<'b>,
    tenant: &'a Tenant,
    region: &'a RegionName,
    namespace: &'a str,
}

impl Envelope<'_, '_> {
    fn put(&mut self, kind: Kind, name: &str, body: Value) {
        let id = named(kind, self.namespace, name);
        self.draft(id, Stage::Envelope, json!({}), body);
    }

    fn draft(&mut self, id: ObjectId, stage: Stage, labels: Value, body: Value) {
        let (region, tenant) = (self.region, &self.tenant.name);
        self.sheet.put(Draft { region, tenant, id, stage, node: None, secrets: BTreeSet::new(), labels, body });
    }

    fn namespace(&mut self) {
        let mut labels = serde_json::Map::new();
        for mode in ["enforce", "audit", "warn"] {
            labels.insert(format!("pod-security.kubernetes.io/{mode}"), json!("restricted"));
            labels.insert(format!("pod-security.kubernetes.io/{mode}-version"), json!(POD_SECURITY_VERSION));
        }
        let id = ObjectId::cluster(Kind::Namespace, self.namespace);
        self.draft(id, Stage::Namespace, Value::Object(labels), json!({}));
    }

    fn bounds(&mut self) {
        let quota = &self.tenant.quota;
        let hard = json!({
            "requests.cpu": quota.cpu, "limits.cpu": quota.cpu,
            "requests.memory": quota.memory, "limits.memory": quota.memory,
            "requests.storage": quota.storage,
            "pods": quota.pods.to_string(),
        });
        self.put(Kind::ResourceQuota, "heddle-quota", json!({ "spec": { "hard": hard } }));
        // A quota refuses containers that say nothing; these are for what people start by hand.
        let limits = json!([{
            "type": "Container",
            "default": { "cpu": "500m", "memory": "256Mi" },
            "defaultRequest": { "cpu": "100m", "memory": "256Mi" },
        }]);
        self.put(Kind::LimitRange, "heddle-limits", json!({ "spec": { "limits": limits } }));
    }

    fn policies(&mut self) {
        let everything = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
        self.put(Kind::NetworkPolicy, "default-deny", json!({ "spec": everything }));
        self.put(
            Kind::NetworkPolicy,
            "allow-dns",
            json!({ "spec": {
                "podSelector": {},
                "policyTypes": ["Egress"],
                "egress": [{
                    "to": [{ "namespaceSelector": { "matchLabels": { NAMESPACE_NAME: DNS_NAMESPACE } } }],
                    "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }],
                }],
            } }),
        );
        // heddle itself enrols at the authorities, joins channels at the admin port and reads health.
        for (role, ports) in [
            (labels::AUTHORITY, vec![authority::LISTEN_PORT, authority::OPERATIONS_PORT]),
            ("orderer", vec![orderer::LISTEN_PORT, orderer::OPERATIONS_PORT, orderer::ADMIN_PORT]),
            ("peer", vec![peer::LISTEN_PORT, peer::OPERATIONS_PORT]),
        ] {
            let ports: Vec<_> = ports.iter().map(|port| json!({ "port": port, "protocol": "TCP" })).collect();
            let system = json!({ "matchLabels": { NAMESPACE_NAME: ownership::SYSTEM_NAMESPACE } });
            self.put(
                Kind::NetworkPolicy,
                &format!("allow-heddle-to-{role}"),
                json!({ "spec": {
                    "podSelector": { "matchLabels": { labels::ROLE: role } },
                    "policyTypes": ["Ingress"],
                    "ingress": [{ "from": [{ "namespaceSelector": system }], "ports": ports }],
                } }),
            );
        }
    }

    fn accounts(&mut self) {
        let silent = json!({ "automountServiceAccountToken": false });
        self.put(Kind::ServiceAccount, ownership::TENANT_ACCOUNT, silent.clone());
        self.put(Kind::ServiceAccount, ownership::NODE_ACCOUNT, silent);
    }

    fn access(&mut self) {
        let role = |name: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
        let account =
            json!({ "kind": "ServiceAccount", "name": ownership::TENANT_ACCOUNT, "namespace": self.namespace });
        self.put(
            Kind::RoleBinding,
            "heddle-tenant",
            json!({ "roleRef": role(ownership::TENANT_ROLE), "subjects": [account] }),
        );
        let view = match self.tenant.access {
            Access::Standard => ownership::VIEW_STANDARD_ROLE,
            Access::Restricted => ownership::VIEW_RESTRICTED_ROLE,
        };
        let group = json!({
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Group",
            "name": ownership::tenant_group(&self.tenant.name),
        });
        self.put(Kind::RoleBinding, "heddle-view", json!({ "roleRef": role(view), "subjects": [group] }));
    }
}
