//! Policies of a channel's configuration, as far as a new channel needs them.
//!
//! Input: roles and names. Output: wire forms, and back to a text. It evaluates none. Invariant: a policy of an organization
//! names roles that `NodeOUs` tell apart, never single certificates.

use prost::Message;

use super::wire::common::{
    ConfigPolicy, ImplicitMetaPolicy, NOutOf, Policy, SignaturePolicy, SignaturePolicyEnvelope, SignatureRule,
};
use super::wire::msp::{MspPrincipal, MspRole};
use crate::model::names::MspId;

/// The policy that guards changes of nearly everything.
pub const ADMINS: &str = "Admins";
/// `Policy.type` of a policy over signatures.
const SIGNATURE: i32 = 1;
/// `Policy.type` of a policy over the policies below.
const IMPLICIT_META: i32 = 3;

/// A role in an organization (Fabric `msp/msp_principal.proto`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Its administrators.
    Admin,
    /// Its clients.
    Client,
    /// Its peers.
    Peer,
    /// Its orderers.
    Orderer,
}

impl Role {
    fn number(self) -> i32 {
        match self {
            Self::Admin => 1,
            Self::Client => 2,
            Self::Peer => 3,
            Self::Orderer => 4,
        }
    }
}

/// How many of the policies below must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quorum {
    /// One.
    Any,
    /// More than half.
    Majority,
}

impl Quorum {
    fn number(self) -> i32 {
        match self {
            Self::Any => 0,
            Self::Majority => 2,
        }
    }
}

/// Anybody of one organization in one of these roles.
pub fn any_role(msp: &MspId, roles: &[Role]) -> ConfigPolicy {
    let identities = roles.iter().map(|role| {
        let role = MspRole { msp_identifier: msp.to_string(), role: role.number() };
        MspPrincipal { principal_classification: 0, principal: role.encode_to_vec() }
    });
    let signed_by = |number: i32| SignaturePolicy { rule: Some(SignatureRule::SignedBy(number)) };
    let each = (0..).zip(roles).map(|(number, _)| signed_by(number)).collect();
    let rule = SignaturePolicy { rule: Some(SignatureRule::NOutOf(NOutOf { n: 1, rules: each })) };
    let envelope = SignaturePolicyEnvelope { version: 0, rule: Some(rule), identities: identities.collect() };
    guarded(Policy { r#type: SIGNATURE, value: envelope.encode_to_vec() })
}

/// So many of the policies of this name one level below.
pub fn of_those_below(quorum: Quorum, name: &str) -> ConfigPolicy {
    let meta = ImplicitMetaPolicy { sub_policy: name.to_owned(), rule: quorum.number() };
    guarded(Policy { r#type: IMPLICIT_META, value: meta.encode_to_vec() })
}

fn guarded(policy: Policy) -> ConfigPolicy {
    ConfigPolicy { version: 0, policy: Some(policy), mod_policy: ADMINS.to_owned() }
}
