//! Resources, and the ids that policies know them by.
//!
//! An id is a path such as `shop.public.orders`. It is only ever built, from parts, and never taken apart to decide
//! something, because a name may hold a dot: a part with anything but `[a-z0-9_$]` in it is put in double quotes
//! (doubled inside), so that no two paths share an id. The upstream's part may also hold `-` bare.

use std::fmt::Write as _;

/// What a request is about, inside the upstream of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The upstream as a whole.
    Upstream,
    /// A schema (a database, on MySQL).
    Schema(&'a str),
    /// A table, view or other relation.
    Table {
        /// Its schema.
        schema: &'a str,
        /// Its name.
        table: &'a str,
    },
    /// A column, with the classes that it was given.
    Column {
        /// The schema of its table.
        schema: &'a str,
        /// Its table.
        table: &'a str,
        /// Its name.
        column: &'a str,
        /// What it is sensitive for.
        classes: &'a [&'a str],
    },
    /// A class of sensitive data, wherever it is found on this upstream.
    Class(&'a str),
    /// A function or procedure.
    Function {
        /// Its schema.
        schema: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// A route of an HTTP service, as `GET /v1/orders`.
    Route(&'a str),
    /// An MCP tool.
    Tool(&'a str),
}

/// The entity type of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Upstream,
    Schema,
    Table,
    Column,
    Class,
    Function,
    Route,
    Tool,
}

impl Kind {
    /// The kinds whose ids are paths, with the number of their parts.
    pub(crate) fn path_parts(type_name: &str) -> Option<usize> {
        match type_name {
            "Schema" | "Route" | "Tool" => Some(2),
            "Table" | "Function" => Some(3),
            "Column" => Some(4),
            _ => None,
        }
    }
}

impl Resource<'_> {
    /// The id in policies, such as `shop.public.orders`.
    #[must_use]
    pub fn id(&self, upstream: &str) -> String {
        match *self {
            Resource::Upstream => upstream.to_owned(),
            Resource::Class(class) => class.to_owned(),
            Resource::Schema(schema) => path(upstream, &[schema]),
            Resource::Table { schema, table } => path(upstream, &[schema, table]),
            Resource::Column { schema, table, column, .. } => path(upstream, &[schema, table, column]),
            Resource::Function { schema, name } => path(upstream, &[schema, name]),
            Resource::Route(name) | Resource::Tool(name) => path(upstream, &[name]),
        }
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Resource::Upstream => Kind::Upstream,
            Resource::Schema(_) => Kind::Schema,
            Resource::Table { .. } => Kind::Table,
            Resource::Column { .. } => Kind::Column,
            Resource::Class(_) => Kind::Class,
            Resource::Function { .. } => Kind::Function,
            Resource::Route(_) => Kind::Route,
            Resource::Tool(_) => Kind::Tool,
        }
    }
}

/// What every path inside an upstream begins with.
pub(crate) fn prefix(upstream: &str) -> String {
    path(upstream, &[""]).trim_end_matches('"').to_owned()
}

/// The id of a path inside an upstream.
pub(crate) fn path(upstream: &str, parts: &[&str]) -> String {
    let mut id = String::with_capacity(48);
    push_part(&mut id, upstream, |c| is_bare(c) || c == '-');
    for part in parts {
        id.push('.');
        push_part(&mut id, part, is_bare);
    }
    id
}

/// Whether `id` is a path of so many parts as [`path`] would have written it. For checking what operators wrote.
pub(crate) fn is_canonical(id: &str, count: usize) -> bool {
    let Some(parts) = split(id) else { return false };
    let Some((upstream, rest)) = parts.split_first() else { return false };
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    parts.len() == count && path(upstream, &rest) == id
}

/// The spelling that was probably meant: each piece between dots, quoted where it has to be.
pub(crate) fn suggestion(id: &str, count: usize) -> Option<String> {
    let parts = split(id).unwrap_or_else(|| id.split('.').map(str::to_owned).collect());
    let (upstream, rest) = parts.split_first()?;
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    (parts.len() == count).then(|| path(upstream, &rest))
}

fn split(id: &str) -> Option<Vec<String>> {
    let (mut parts, mut part, mut chars) = (Vec::new(), String::new(), id.chars().peekable());
    loop {
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next()? {
                    '"' if chars.next_if_eq(&'"').is_none() => break,
                    c => part.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != '.' && *c != '"') {
                part.push(c);
            }
        }
        parts.push(std::mem::take(&mut part));
        match chars.next() {
            None => return Some(parts),
            Some('.') => {}
            Some(_) => return None,
        }
    }
}

fn push_part(id: &mut String, part: &str, bare: fn(char) -> bool) {
    if !part.is_empty() && part.chars().all(bare) {
        id.push_str(part);
    } else {
        // Writing to a String cannot fail.
        let _ = write!(id, "\"{}\"", part.replace('"', "\"\""));
    }
}

const fn is_bare(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_are_bare_and_others_are_quoted() {
        let table = |schema, table| Resource::Table { schema, table }.id("shop");
        assert_eq!(table("public", "orders"), "shop.public.orders");
        assert_eq!(table("public", "Orders"), "shop.public.\"Orders\"");
        assert_eq!(table("a.b", "c"), "shop.\"a.b\".c");
        assert_eq!(table("a", "b\"c"), "shop.a.\"b\"\"c\"");
        assert_eq!(Resource::Schema("public").id("my-shop"), "my-shop.public");
        assert_eq!(Resource::Route("GET /v1").id("shop"), "shop.\"GET /v1\"");
        assert_eq!(prefix("my-shop"), "my-shop.");
        assert_eq!(prefix("My Shop"), "\"My Shop\".");
    }

    #[test]
    fn what_operators_may_write_is_what_we_write() {
        assert!(is_canonical("shop.public.orders", 3));
        assert!(is_canonical("shop.public.\"Orders\"", 3));
        assert!(!is_canonical("shop.public.Orders", 3));
        assert!(!is_canonical("shop.public.\"orders\"", 3));
        assert!(!is_canonical("shop.orders", 3));
        assert!(!is_canonical("shop.public.\"orders", 3));
        assert!(!is_canonical("", 3));
        assert_eq!(suggestion("shop.public.Orders", 3).as_deref(), Some("shop.public.\"Orders\""));
        assert_eq!(suggestion("orders", 3), None);
    }

    proptest! {
        #[test]
        fn no_two_paths_share_an_id(
            a in prop::collection::vec("[a-zA-B.\"_ -]{0,4}", 2..4),
            b in prop::collection::vec("[a-zA-B.\"_ -]{0,4}", 2..4),
        ) {
            let id = |parts: &[String]| {
                let rest: Vec<&str> = parts[1..].iter().map(String::as_str).collect();
                path(&parts[0], &rest)
            };
            prop_assert_eq!(id(&a) == id(&b), a == b);
            prop_assert!(is_canonical(&id(&a), a.len()));
            prop_assert_eq!(split(&id(&a)), Some(a));
        }

        #[test]
        fn paths_of_another_upstream_never_begin_alike(a in "[a-zA.\"-]{0,4}", b in "[a-zA.\"-]{0,4}", t in "[a-z.\"]{0,3}") {
            prop_assert_eq!(path(&b, &[&t]).starts_with(&prefix(&a)), a == b);
        }
    }
}
