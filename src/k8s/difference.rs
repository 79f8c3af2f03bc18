//! Which fields of a live object are not as desired, and whose they are.
//!
//! Input: a desired object, a live tree with `managedFields`, our field manager. Output: [`Difference`]. It decides
//! nothing about what may be changed. Invariants: a path is written as the server writes it in a conflict, without its
//! leading dot; nothing that others own beside our fields counts as a difference.

use serde_json::{Map, Value};

use super::fields::{self, Entry, Fields, Member};
use super::foreign::{self, Foreign};
use super::object::Object;
use super::{guarded, immutable, projection};

/// Everything that [`compare`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Fields to change, in the order of the tree.
    pub fields: Vec<FieldDifference>,
    /// What others own in guarded places ([`guarded`]), bounded as [`foreign::bounded`] does.
    pub foreign: Vec<Foreign>,
    /// Paths that the server never changes on an object that exists ([`immutable`]).
    pub immutable: Vec<String>,
}

/// How a field came to differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldClass {
    /// It is ours and has another value.
    Changed,
    /// It is ours and no longer wanted.
    Removed,
    /// It is wanted and not ours.
    Lost {
        /// Who holds it with another value; empty when nobody stands against taking it.
        manager: String,
    },
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// Its path, such as `spec.template.spec.containers[name="peer"].image`.
    pub path: String,
    /// How it came to differ.
    pub class: FieldClass,
    /// The live value; none when it is not there.
    pub live: Option<Value>,
    /// The desired value; none when it goes.
    pub desired: Option<Value>,
}

/// Compares a desired object with a live tree.
pub fn compare(desired: &Object, live: &Value, manager: &str) -> Difference {
    let wanted = projection::normal_form(desired);
    let (ours, others): (Vec<Entry<'_>>, Vec<_>) =
        fields::entries(live).partition(|entry| entry.is_applied_by(manager));
    let others: Vec<Owned<'_>> =
        others.iter().map(|entry| Owned { manager: entry.manager, fields: entry.fields }).collect();
    let mut walk = Walk { kind: desired.id().kind, found: Difference::default() };
    let ours = ours.first().map(|entry| entry.fields);
    walk.step("", &Place { ours, others, live: Some(live), desired: Some(&wanted) });
    let mut found = walk.found;
    found.immutable = immutable::paths(desired.id().kind, live, &found.fields);
    found.foreign = foreign::bounded(found.foreign);
    found
}

/// What one other manager owns at a place.
#[derive(Clone, Copy)]
struct Owned<'a> {
    manager: &'a str,
    fields: &'a Fields,
}

/// One place in the tree, as everybody sees it.
struct Place<'a> {
    ours: Option<&'a Fields>,
    others: Vec<Owned<'a>>,
    live: Option<&'a Value>,
    desired: Option<&'a Value>,
}

struct Walk {
    kind: crate::model::object::Kind,
    found: Difference,
}

impl Walk {
    fn step(&mut self, path: &str, place: &Place<'_>) {
        match (place.desired, place.ours) {
            (None, None) => self.foreign(path, place),
            (None, Some(_)) => self.differs(path, FieldClass::Removed, place),
            (Some(desired), None) => self.not_ours(path, desired, place),
            (Some(desired), Some(ours)) => {
                let whole = fields::is_leaf(ours) && (!place.is_shared() || !desired.is_object());
                match (whole, place.live == place.desired) {
                    (true, true) => {}
                    (true, false) => self.differs(path, FieldClass::Changed, place),
                    (false, _) => self.descend(path, desired, place),
                }
            }
        }
    }

    fn not_ours(&mut self, path: &str, desired: &Value, place: &Place<'_>) {
        let inner = desired.is_object() && place.live.is_some_and(Value::is_object) && !place.is_held_whole();
        let keyed = desired.is_array() && place.live.is_some_and(Value::is_array) && place.is_shared();
        if inner || keyed {
            return self.descend(path, desired, place);
        }
        // Equal values never conflict: the server lets both own it.
        let holders = place.others.iter().filter(|_| place.live != place.desired);
        let manager = holders.map(|owned| owned.manager).min().unwrap_or_default();
        self.differs(path, FieldClass::Lost { manager: manager.to_owned() }, place);
    }

    fn foreign(&mut self, path: &str, place: &Place<'_>) {
        if guarded::is_guarded(self.kind, path) && place.live.is_some() {
            let all = place.others.iter();
            self.found
                .foreign
                .extend(all.map(|owned| Foreign { path: path.to_owned(), manager: owned.manager.to_owned() }));
        } else if guarded::leads_to(self.kind, path) {
            let nothing = Value::Object(Map::new());
            self.descend(path, &nothing, place);
        }
    }

    fn differs(&mut self, path: &str, class: FieldClass, place: &Place<'_>) {
        let (live, desired) = (place.live.cloned(), place.desired.cloned());
        self.found.fields.push(FieldDifference { path: path.to_owned(), class, live, desired });
    }

    fn descend(&mut self, path: &str, desired: &Value, place: &Place<'_>) {
        let names = place.names(desired);
        for name in &names {
            let Some(member) = fields::member(name) else { continue };
            let below = Place {
                ours: place.ours.and_then(|ours| ours.get(name)?.as_object()),
                others: place.others_below(name),
                live: place.live.and_then(|live| fields::value_of(live, &member)),
                desired: fields::value_of(desired, &member),
            };
            self.step(&fields::path_below(path, &member), &below);
        }
        if let (Value::Array(wanted), Some(Value::Array(live)), Some(_)) = (desired, place.live, place.ours) {
            self.order(path, wanted, live, &names);
        }
    }

    /// Items that are on both sides must be in the same order.
    fn order(&mut self, path: &str, wanted: &[Value], live: &[Value], names: &[String]) {
        let members: Vec<_> = names.iter().filter_map(|name| fields::member(name)).collect();
        let sequence = |items: &[Value], other: &[Value]| -> Vec<String> {
            let there = |items: &[Value], member: &Member<'_>| items.iter().enumerate().any(|(i, v)| member.is(i, v));
            let member_of = |(index, item): (usize, &Value)| members.iter().find(|member| member.is(index, item));
            let kept = items.iter().enumerate().filter_map(member_of).filter(|member| there(other, member));
            kept.map(|member| fields::path_below("", member)).collect()
        };
        let (live, desired) = (sequence(live, wanted), sequence(wanted, live));
        if live != desired {
            let (live, desired) = (Some(live.into()), Some(desired.into()));
            let path = path.to_owned();
            self.found.fields.push(FieldDifference { path, class: FieldClass::Changed, live, desired });
        }
    }
}

impl<'a> Place<'a> {
    /// Somebody else owns single parts of it.
    fn is_shared(&self) -> bool {
        self.others.iter().any(|owned| !fields::is_leaf(owned.fields))
    }

    /// Somebody else owns all of it as one value.
    fn is_held_whole(&self) -> bool {
        !self.others.is_empty() && !self.is_shared()
    }

    fn others_below(&self, name: &str) -> Vec<Owned<'a>> {
        let below = self.others.iter().filter_map(|owned| {
            let fields = owned.fields.get(name)?.as_object()?;
            Some(Owned { manager: owned.manager, fields })
        });
        below.collect()
    }

    /// The members that anybody knows of: desired, ours, others', in the order of the desired tree and then by name.
    fn names(&self, desired: &Value) -> Vec<String> {
        let owned = self.ours.into_iter().chain(self.others.iter().map(|owned| owned.fields));
        let known: Vec<&str> = owned.flat_map(|fields| fields::children(fields).map(|(name, _)| name)).collect();
        let mut names: Vec<String> = match desired {
            Value::Object(map) => map.keys().map(|key| format!("f:{key}")).collect(),
            Value::Array(items) => items.iter().map(|item| name_of(item, &known)).collect(),
            _ => Vec::new(),
        };
        for name in known {
            if !names.iter().any(|have| have == name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}

/// The member name of a desired list item, made after the names that are known for its list.
fn name_of(item: &Value, known: &[&str]) -> String {
    let keys = known.iter().find_map(|name| match fields::member(name)? {
        Member::Key(keys) => Some(keys),
        _ => None,
    });
    match keys {
        Some(keys) => {
            let own: Map<String, Value> =
                keys.keys().filter_map(|key| Some((key.clone(), item.get(key)?.clone()))).collect();
            format!("k:{}", Value::Object(own))
        }
        None => format!("v:{item}"),
    }
}

/// Whether a desired object has something at a path of a [`FieldDifference`].
pub fn has_path(object: &Object, path: &str) -> bool {
    holds(&object.tree(), path)
}

/// Keys may hold dots, so every key that fits the beginning of the path is tried.
fn holds(tree: &Value, path: &str) -> bool {
    if path.is_empty() {
        return true;
    }
    match tree {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let rest = path.strip_prefix(key.as_str());
            rest.is_some_and(|rest| match rest.strip_prefix('.') {
                Some(rest) => !rest.is_empty() && holds(value, rest),
                None => (rest.is_empty() || rest.starts_with('[')) && holds(value, rest),
            })
        }),
        Value::Array(items) => items.iter().enumerate().any(|(index, item)| {
            let rest = after_item(path, index, item);
            rest.is_some_and(|rest| holds(item, rest.strip_prefix('.').unwrap_or(rest)))
        }),
        _ => false,
    }
}

/// The rest of the path after the brackets, when they mean this item.
fn after_item<'a>(path: &'a str, index: usize, item: &Value) -> Option<&'a str> {
    let inner = path.strip_prefix('[')?;
    if let Some(rest) = inner.strip_prefix(&format!("{index}]")) {
        return Some(rest);
    }
    if let Some(rest) = inner.strip_prefix(&format!("={item}]")) {
        return Some(rest);
    }
    let mut rest = inner;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.strip_prefix(&item.get(key)?.to_string())?;
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.strip_prefix(']'),
        }
    }
}

#[cfg(test)]
mod tests;
