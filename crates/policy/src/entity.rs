//! Entity ids for Cedar: the fixed type names, made once, and constructors that cannot fail.
//!
//! `User::"corp|4711"`: the part before the bar is the name of the identity provider, so that two providers can never
//! vouch for each other's people. A bar or percent sign in a provider's name is escaped, which keeps that one to one.

use std::str::FromStr;
use std::sync::LazyLock;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use crate::action::Action;

/// The entity types of the schema.
pub(crate) struct Types {
    pub(crate) user: EntityTypeName,
    pub(crate) agent: EntityTypeName,
    pub(crate) group: EntityTypeName,
    pub(crate) upstream: EntityTypeName,
    pub(crate) schema: EntityTypeName,
    pub(crate) table: EntityTypeName,
    pub(crate) column: EntityTypeName,
    pub(crate) class: EntityTypeName,
    pub(crate) function: EntityTypeName,
    pub(crate) route: EntityTypeName,
    pub(crate) tool: EntityTypeName,
    pub(crate) action: EntityTypeName,
}

/// The entity types, parsed once.
pub(crate) static TYPES: LazyLock<Types> = LazyLock::new(|| Types {
    user: type_name("User"),
    agent: type_name("Agent"),
    group: type_name("Group"),
    upstream: type_name("Upstream"),
    schema: type_name("Schema"),
    table: type_name("Table"),
    column: type_name("Column"),
    class: type_name("Class"),
    function: type_name("Function"),
    route: type_name("Route"),
    tool: type_name("Tool"),
    action: type_name("Action"),
});

static ACTIONS: LazyLock<Vec<EntityUid>> =
    LazyLock::new(|| Action::ALL.iter().map(|action| uid(&TYPES.action, action.name())).collect());

/// The entity of this type and id.
pub(crate) fn uid(type_name: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(type_name.clone(), EntityId::new(id))
}

/// The entity of an action.
pub(crate) fn action(action: Action) -> EntityUid {
    ACTIONS.get(action.index()).cloned().unwrap_or_else(|| uid(&TYPES.action, action.name()))
}

/// The entity of an action group.
pub(crate) fn action_group(name: &str) -> EntityUid {
    uid(&TYPES.action, name)
}

/// The id of a person, agent or group that a provider vouches for.
pub(crate) fn vouched(identity: &str, name: &str) -> String {
    if identity.contains(['|', '%']) {
        return format!("{}|{name}", identity.replace('%', "%25").replace('|', "%7C"));
    }
    format!("{identity}|{name}")
}

#[expect(clippy::expect_used, reason = "called with literals only, each of which a test resolves")]
fn type_name(name: &str) -> EntityTypeName {
    EntityTypeName::from_str(name).expect("a plain identifier")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_cannot_be_named_so_as_to_vouch_for_anothers_people() {
        assert_eq!(vouched("corp", "4711"), "corp|4711");
        assert_ne!(vouched("a|b", "c"), vouched("a", "b|c"));
        assert_ne!(vouched("a%7Cb", "c"), vouched("a|b", "c"));
    }

    #[test]
    fn every_type_is_a_type_of_the_schema() {
        assert_eq!(uid(&TYPES.table, "x").to_string(), "Table::\"x\"");
        assert_eq!(action(Action::CopyIn).to_string(), "Action::\"copy_in\"");
    }
}
