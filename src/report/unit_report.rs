//! `REPORT.md` of a unit: the status for people.
//!
//! Input: a [`UnitStatus`]. Output: Markdown. It holds nothing that `status.yaml` does not. Invariant: it says first
//! what needs a person, with the text to commit where an approval is wanted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::markdown::{block, code, inline};
use super::unit_status::{ChannelStatus, Finding, IdentityStatus, JOINED, UnitStatus};
use crate::model::names::RegionName;
use crate::plan::outcome::UnitState;
use crate::plan::unit_plan::steps;

/// The report.
pub fn render(status: &UnitStatus) -> String {
    let mut text =
        format!("# {}\n\n**{}** — {}\n", code(&status.unit.to_string()), word(status.state), meaning(status.state));
    if let Some(revision) = status.revision {
        let _infallible = write!(text, "\nIn force: revision {}.\n", code(&revision.to_string()));
    }
    held(&mut text, status);
    list(&mut text, "Waiting for", &status.waits);
    findings(&mut text, "Refused", &status.refusals);
    findings(&mut text, "Problems in the documents", &status.diagnostics);
    list(&mut text, "Not done", &status.failures);
    list(
        &mut text,
        "Fields that others added (heddle leaves them; remove them yourself if they are not meant)",
        &status.foreign_fields,
    );
    list(
        &mut text,
        "Left behind (no plan deletes what may hold a ledger or keys; delete it yourself when nobody needs it)",
        &status.left_behind,
    );
    workloads(&mut text, status);
    channels(&mut text, status);
    identities(&mut text, status);
    if let Some(last) = &status.last_change {
        let _infallible = write!(
            text,
            "\n## Last change\n\n{}: {}{} created, {} updated, {} deleted{}, {} not done ([plan {}](/plans/{}/{}.md)).\n",
            last.at,
            if last.issued > 0 { format!("{} issued, ", last.issued) } else { String::new() },
            last.created,
            last.updated,
            last.deleted,
            if last.channel_steps > 0 { format!(", {} of channels", steps(last.channel_steps)) } else { String::new() },
            last.not_done,
            last.plan.short(),
            last.plan.0.short(2),
            last.plan.0.hex(),
        );
    }
    text
}

/// A state in one word.
pub fn word(state: UnitState) -> &'static str {
    match state {
        UnitState::Converged => "Converged",
        UnitState::Progressing => "Progressing",
        UnitState::Waiting => "Waiting",
        UnitState::Held => "Held",
        UnitState::Refused => "Refused",
        UnitState::Invalid => "Invalid",
        UnitState::Stale => "Stale",
        UnitState::Unknown => "Unknown",
        UnitState::Failed => "Failed",
    }
}

fn meaning(state: UnitState) -> &'static str {
    match state {
        UnitState::Converged => "everything is as the spec wants it, and ready.",
        UnitState::Progressing => "heddle is at it; nothing is needed from you.",
        UnitState::Waiting => "it waits for what a person brings, see below.",
        UnitState::Held => "changes wait for your approval, see below.",
        UnitState::Refused => "something cannot be done as it is written, see below.",
        UnitState::Invalid => "the newest documents cannot be used; the last good ones stay in force.",
        UnitState::Stale => "the world changed under a plan; heddle plans anew.",
        UnitState::Unknown => "it cannot be judged now, see below; nothing is changed on a guess.",
        UnitState::Failed => "something failed, see \"Not done\"; heddle tries again where that can help.",
    }
}

fn held(text: &mut String, status: &UnitStatus) {
    let Some(held) = &status.held else { return };
    let _infallible = write!(
        text,
        "\n## Needs your approval\n\n{} change(s) are held{} in [plan {}](/plans/{}/{}.md). Read it; if you agree, commit:\n",
        held.changes,
        if held.restarts > 0 { format!(" ({} restart a node)", held.restarts) } else { String::new() },
        held.plan.short(),
        held.plan.0.short(2),
        held.plan.0.hex(),
    );
    for tenant in &held.approvals_from {
        let file = format!("tenants/{tenant}/approvals/{}.yaml", held.plan.short());
        let _infallible = write!(
            text,
            "\n{}\n\n{}",
            code(&file),
            block("yaml", &approval(&held.plan.to_string(), &held.plan.short()))
        );
    }
    if !held.idle_approvals.is_empty() {
        text.push_str("\nThese approvals grant nothing of it:\n\n");
        for idle in &held.idle_approvals {
            let _infallible = writeln!(text, "- {}", inline(idle));
        }
    }
}

/// The document that approves a whole plan.
pub fn approval(plan: &str, name: &str) -> String {
    format!(
        "apiVersion: heddle.dev/v1alpha1\nkind: Approval\nmetadata:\n  name: \"{name}\"\nspec:\n  plan: {plan}\n  changes: all\n  reason: \"why this is right\"\n"
    )
}

fn list(text: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _infallible = write!(text, "\n## {title}\n\n");
    for item in items {
        let _infallible = writeln!(text, "- {}", inline(item));
    }
}

fn findings(text: &mut String, title: &str, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let _infallible = write!(text, "\n## {title}\n\n");
    for finding in findings {
        let place = finding.place.as_ref().map(|place| format!(" at {}", code(place))).unwrap_or_default();
        let _infallible = writeln!(text, "- {}{place}: {}", code(&finding.code), inline(&finding.message));
        if let Some(hint) = &finding.hint {
            let _infallible = writeln!(text, "  Hint: {}", inline(hint));
        }
    }
}

fn workloads(text: &mut String, status: &UnitStatus) {
    if status.workloads.is_empty() {
        return;
    }
    text.push_str("\n## Workloads\n\n| region | workload | state |\n|---|---|---|\n");
    for (region, workloads) in &status.workloads {
        for (name, state) in workloads {
            let _infallible = writeln!(text, "| {region} | {} | {} |", code(name), inline(state));
        }
    }
}

fn identities(text: &mut String, status: &UnitStatus) {
    if status.identities.is_empty() {
        return;
    }
    text.push_str("\n## Identities\n\nRenewed with the same key when a third of the life is left.\n\n");
    text.push_str("| region | identity | certificate | ends | key |\n|---|---|---|---|---|\n");
    for (region, identities) in &status.identities {
        for (name, IdentityStatus { generation, key, ends }) in identities {
            let _infallible =
                writeln!(text, "| {region} | {} | {generation} | {ends} | {} |", code(name), key.short(12));
        }
    }
}

fn channels(text: &mut String, status: &UnitStatus) {
    for (id, channel) in &status.channels {
        let _infallible = write!(text, "\n## Channel {}\n\n{}\n", code(id.as_str()), in_words(channel));
        let nodes = [("orderer", &channel.orderers), ("peer", &channel.peers)];
        let rows = nodes.iter().flat_map(|(role, regions)| {
            regions
                .iter()
                .flat_map(move |(region, nodes)| nodes.iter().map(move |(name, state)| (role, region, name, state)))
        });
        let rows: Vec<String> = rows
            .map(|(role, region, name, state)| format!("| {region} | {role} | {} | {} |\n", code(name), inline(state)))
            .collect();
        if !rows.is_empty() {
            let _infallible = write!(text, "\n| region | role | node | state |\n|---|---|---|---|\n{}", rows.concat());
        }
    }
}

/// How a channel stands, in a sentence.
pub fn in_words(channel: &ChannelStatus) -> String {
    let Some(block) = &channel.block else { return "It is not created yet.".to_owned() };
    let count = |regions: &BTreeMap<RegionName, BTreeMap<String, String>>| {
        let nodes: Vec<&String> = regions.values().flat_map(BTreeMap::values).collect();
        format!("{} of {}", nodes.iter().filter(|state| **state == JOINED).count(), nodes.len())
    };
    format!(
        "Created; its first block is {}. {} ordering nodes and {} peers have it, and {}.",
        block.short(12),
        count(&channel.orderers),
        count(&channel.peers),
        if channel.has_leader { "the ordering nodes have a leader" } else { "the ordering nodes have no leader" },
    )
}
