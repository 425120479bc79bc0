//! The names of people, agents and groups that operators write, made whole.
//!
//! Where one identity provider is configured, `Group::"dba"` means `Group::"corp|dba"`, in the scope and in conditions
//! alike. Where there are several, a name without its provider is an error: a forbid that matches nobody would fail
//! open in silence. Ids of resources are checked to be spelled as decisions spell them, for the same reason.

use std::collections::BTreeMap;

use cedar_policy::{EntityUid, Policy};

use crate::entity::{TYPES, uid, vouched};
use crate::error::Complaint;
use crate::resource::{Kind, is_canonical, suggestion};

/// The same policy with every name whole, or what is wrong with a name in it.
pub(crate) fn complete(policy: &Policy, identities: &[String]) -> Result<Policy, Complaint> {
    let literals = policy.entity_literals();
    let mut mapping = BTreeMap::new();
    for literal in &literals {
        check_path(literal)?;
        if let Some(whole) = whole_entity(literal, identities)? {
            mapping.insert(literal.clone(), whole);
        }
    }
    if mapping.is_empty() {
        return Ok(policy.clone());
    }
    let mut expected: Vec<EntityUid> = literals.iter().map(|l| mapping.get(l).unwrap_or(l).clone()).collect();
    let rewritten = policy.sub_entity_literals(mapping).map_err(|error| Complaint::new(error.to_string()))?;
    // INVARIANT: exactly the named literals changed. Anything else would be a policy that nobody wrote.
    let mut found = rewritten.entity_literals();
    found.sort();
    expected.sort();
    if found == expected {
        Ok(rewritten)
    } else {
        Err(Complaint::new("the names in this policy could not be made whole"))
    }
}

/// The whole name of a group, as approvers are written.
pub(crate) fn whole_group(name: &str, identities: &[String]) -> Result<String, Complaint> {
    Ok(whole("Group", name, identities)?.unwrap_or_else(|| name.to_owned()))
}

fn whole_entity(literal: &EntityUid, identities: &[String]) -> Result<Option<EntityUid>, Complaint> {
    let type_name = literal.type_name();
    if ![&TYPES.user, &TYPES.agent, &TYPES.group].contains(&type_name) {
        return Ok(None);
    }
    let found = whole(&type_name.to_string(), literal.id().unescaped(), identities)?;
    Ok(found.map(|name| uid(type_name, &name)))
}

/// The whole name, where `name` is not whole already.
fn whole(type_name: &str, name: &str, identities: &[String]) -> Result<Option<String>, Complaint> {
    if identities.iter().any(|identity| name.starts_with(&vouched(identity, ""))) {
        return Ok(None);
    }
    match identities {
        [] => Ok(None),
        [only] => Ok(Some(vouched(only, name))),
        [first, ..] => Err(Complaint::new(format!("`{type_name}::\"{name}\"` does not say which identity it is of"))
            .about(format!("{type_name}::\"{name}\""))
            .help(format!("several are configured: write `{type_name}::\"{}\"`", vouched(first, name)))),
    }
}

fn check_path(literal: &EntityUid) -> Result<(), Complaint> {
    let type_name = literal.type_name().to_string();
    let id = literal.id().unescaped();
    let Some(count) = Kind::path_parts(&type_name) else { return Ok(()) };
    if is_canonical(id, count) {
        return Ok(());
    }
    let complaint =
        Complaint::new(format!("`{literal}` is no id of a {type_name}, so this policy would never match it"));
    Err(complaint.about(literal.to_string()).help(match suggestion(id, count) {
        Some(better) => format!("write `{}`", uid(literal.type_name(), &better)),
        None => format!("write `{type_name}::\"{}\"`", pattern(&type_name)),
    }))
}

fn pattern(type_name: &str) -> &'static str {
    match type_name {
        "Schema" => "upstream.schema",
        "Table" => "upstream.schema.table",
        "Column" => "upstream.schema.table.column",
        "Function" => "upstream.schema.function",
        _ => "upstream.name",
    }
}
