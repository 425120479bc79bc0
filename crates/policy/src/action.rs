//! The actions that policies speak of, and the groups that some of them are in.
//!
//! `read` holds what takes data out, `write` what changes rows, `define` what changes structure or rights. Everything
//! else stands alone, so that no group permit ever grants it by accident: `connect` (open a session), `call` (run a
//! function that is not a pure built-in), `set` (change session state), `listen`, `lock`, `admin` (server
//! administration), `unknown` (could not be analysed), `probe` (learn from a constraint), `reveal` (see unmasked).

use crate::resource::Kind;

/// What a statement does, as policy names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Open a session.
    Connect,
    /// Read rows.
    Select,
    /// Add rows.
    Insert,
    /// Change rows.
    Update,
    /// Remove rows.
    Delete,
    /// Remove all rows.
    Truncate,
    /// Change structure.
    Ddl,
    /// Change rights.
    Grant,
    /// Bulk load.
    CopyIn,
    /// Bulk read.
    CopyOut,
    /// Run a function or procedure.
    Call,
    /// Change session state.
    Set,
    /// Subscribe to, or send, notifications.
    Listen,
    /// Take a lock by name.
    Lock,
    /// Administer the server.
    Admin,
    /// Something that could not be analysed.
    Unknown,
    /// Learn a masked value from a constraint.
    Probe,
    /// See a column, or a class of data, unmasked.
    Reveal,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 18] = [
        Self::Connect,
        Self::Select,
        Self::Insert,
        Self::Update,
        Self::Delete,
        Self::Truncate,
        Self::Ddl,
        Self::Grant,
        Self::CopyIn,
        Self::CopyOut,
        Self::Call,
        Self::Set,
        Self::Listen,
        Self::Lock,
        Self::Admin,
        Self::Unknown,
        Self::Probe,
        Self::Reveal,
    ];

    /// The name in policies: `Action::"copy_in"` is `copy_in`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Ddl => "ddl",
            Self::Grant => "grant",
            Self::CopyIn => "copy_in",
            Self::CopyOut => "copy_out",
            Self::Call => "call",
            Self::Set => "set",
            Self::Listen => "listen",
            Self::Lock => "lock",
            Self::Admin => "admin",
            Self::Unknown => "unknown",
            Self::Probe => "probe",
            Self::Reveal => "reveal",
        }
    }

    /// The group that this action is in, if any.
    #[must_use]
    pub const fn group(self) -> Option<&'static str> {
        match self {
            Self::Select | Self::CopyOut => Some("read"),
            Self::Insert | Self::Update | Self::Delete | Self::Truncate | Self::CopyIn => Some("write"),
            Self::Ddl | Self::Grant => Some("define"),
            Self::Connect
            | Self::Call
            | Self::Set
            | Self::Listen
            | Self::Lock
            | Self::Admin
            | Self::Unknown
            | Self::Probe
            | Self::Reveal => None,
        }
    }

    /// The action of this name; groups have none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether the schema lets this action be asked of that kind of resource.
    pub(crate) const fn applies_to(self, kind: Kind) -> bool {
        match self {
            Self::Connect => matches!(kind, Kind::Upstream),
            Self::Probe => matches!(kind, Kind::Table | Kind::Column),
            Self::Reveal => matches!(kind, Kind::Column | Kind::Class),
            _ => !matches!(kind, Kind::Class),
        }
    }

    /// The place of this action in [`Action::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// A set of actions, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActionSet(u32);

impl ActionSet {
    /// Every action.
    pub(crate) fn all() -> Self {
        Self(u32::MAX)
    }

    /// The actions that a policy's `Action::"name"` stands for: one, or the members of a group.
    pub(crate) fn named(name: &str) -> Self {
        let members = Action::ALL.into_iter().filter(|a| a.name() == name || a.group() == Some(name));
        Self(members.fold(0, |bits, a| bits | Self::bit(a)))
    }

    /// The actions in either set.
    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// No action at all.
    pub(crate) const fn none() -> Self {
        Self(0)
    }

    /// Whether the action is in the set.
    pub(crate) fn contains(self, action: Action) -> bool {
        self.0 & Self::bit(action) != 0
    }

    fn bit(action: Action) -> u32 {
        1u32.checked_shl(action as u32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_stands_at_its_own_index_and_is_found_by_its_name() {
        for (place, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(action.index(), place);
            assert_eq!(Action::from_name(action.name()), Some(action));
        }
    }

    #[test]
    fn a_group_stands_for_its_members_only() {
        let read = ActionSet::named("read");
        assert!(read.contains(Action::Select) && read.contains(Action::CopyOut));
        assert!(!read.contains(Action::Insert) && !read.contains(Action::Reveal));
        assert_eq!(ActionSet::named("nonsense"), ActionSet::none());
    }
}
