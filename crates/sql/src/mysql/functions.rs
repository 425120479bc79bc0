//! Which functions are the servers' own and harmless, and which are their own and not.
//!
//! Only names that a server surely has are harmless there: a stored function may have any other. Those that read files, wait, take locks
//! or keep state are never harmless. Each list was tried on MySQL 9.7 and MariaDB 10.11 and 11, with a space before the parenthesis too. Spec:
//! MySQL "Built-In Function and Operator Reference", MariaDB "Built-in Functions".

mod names;

use super::mode::{Flavour, Syntax};
use crate::statement::Name;
use names::{
    ADJACENT, ADJACENT_MARIADB, OWN, OWN_MARIADB, OWN_MYSQL, PURE, PURE_MARIADB, PURE_MYSQL, PURE_NEW_MARIADB,
    PURE_NEW_MYSQL, PURE_OLD_MYSQL, UNSTABLE,
};

fn is_in(list: &[&str], name: &str) -> bool {
    list.binary_search(&name).is_ok()
}

/// Whether a call of this name, in small letters and without a database, can only be a harmless function of the server's own.
pub fn is_pure(name: &str, syntax: &Syntax) -> bool {
    let more = match syntax.flavour {
        Flavour::MySql => {
            let some = if syntax.version < 90_000 { PURE_OLD_MYSQL } else { PURE_NEW_MYSQL };
            is_in(PURE_MYSQL, name) || is_in(some, name)
        }
        Flavour::MariaDb => is_in(PURE_MARIADB, name) || (syntax.version >= 101_100 && is_in(PURE_NEW_MARIADB, name)),
    };
    more || is_in(PURE, name)
}

/// Functions that are the server's own and still a call for policy to decide on; small letters. A catalog lists them as built in.
pub fn of_the_server(flavour: Flavour) -> impl Iterator<Item = &'static str> {
    let more = match flavour {
        Flavour::MySql => OWN_MYSQL,
        Flavour::MariaDb => OWN_MARIADB,
    };
    OWN.iter().chain(more).copied()
}

/// Whether the name must stand right before its parenthesis to mean the server's own function.
pub(super) fn needs_adjacency(name: &str, syntax: &Syntax) -> bool {
    is_in(ADJACENT, name) || (syntax.is_maria() && is_in(ADJACENT_MARIADB, name))
}

/// Whether a harmless function gives the same for the same arguments throughout a statement.
pub(super) fn is_stable(name: &str) -> bool {
    !is_in(UNSTABLE, name)
}

/// Whether a listed call may run statements of its own.
pub(super) fn may_do_anything(name: &Name, syntax: &Syntax) -> bool {
    name.schema.is_some() || !of_the_server(syntax.flavour).any(|own| *own == *name.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Mode;

    #[test]
    fn the_lists_are_sorted_for_their_search() {
        let pure = [PURE, PURE_MYSQL, PURE_OLD_MYSQL, PURE_NEW_MYSQL, PURE_MARIADB, PURE_NEW_MARIADB, UNSTABLE];
        for list in pure.into_iter().chain([ADJACENT, ADJACENT_MARIADB, OWN, OWN_MYSQL, OWN_MARIADB]) {
            assert!(list.is_sorted_by(|a, b| a < b), "{list:?}");
        }
    }

    #[test]
    fn nothing_that_acts_is_pure() {
        for flavour in [Flavour::MySql, Flavour::MariaDb] {
            let syntax = Syntax::new(flavour, 90_700, false, Mode(0));
            assert!(of_the_server(flavour).all(|name| !is_pure(name, &syntax)));
            assert!(!is_pure("sys_exec", &syntax) && is_pure("lower", &syntax));
        }
    }

    #[test]
    fn what_a_server_lacks_is_not_pure_there() {
        let pure = |flavour, version, name| is_pure(name, &Syntax::new(flavour, version, false, Mode(0)));
        assert!(pure(Flavour::MySql, 80_400, "md5") && !pure(Flavour::MySql, 90_700, "md5"));
        assert!(pure(Flavour::MySql, 80_400, "uuid_to_bin") && !pure(Flavour::MariaDb, 101_116, "uuid_to_bin"));
        assert!(pure(Flavour::MariaDb, 101_116, "md5") && !pure(Flavour::MariaDb, 101_116, "point"));
        assert!(pure(Flavour::MySql, 90_700, "to_vector") && !pure(Flavour::MySql, 80_400, "to_vector"));
        assert!(pure(Flavour::MariaDb, 101_116, "sformat") && !pure(Flavour::MariaDb, 100_620, "sformat"));
        assert!(pure(Flavour::MariaDb, 100_620, "nvl") && !pure(Flavour::MySql, 90_700, "nvl"));
    }
}
