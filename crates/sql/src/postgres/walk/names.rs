//! Names out of the tree.

use pg_query::protobuf::{Node, RangeVar};
use pg_query::{NodeEnum, protobuf};

use crate::statement::Name;

/// The name of a relation as written.
pub(super) fn of_range(range: &RangeVar) -> Name {
    Name { catalog: some(&range.catalogname), schema: some(&range.schemaname), name: range.relname.as_str().into() }
}

fn some(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}

/// The words of a dotted name; what is not a word is left out.
pub(super) fn words(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().filter_map(|node| word(node.node.as_ref()?)).collect()
}

/// The word that a node is.
pub(super) fn word(node: &NodeEnum) -> Option<&str> {
    match node {
        NodeEnum::String(text) => Some(&text.sval),
        _ => None,
    }
}

/// A dotted name.
pub(super) fn of_list(nodes: &[Node]) -> Option<Name> {
    of_words(&words(nodes))
}

/// A name from its words, the object last.
pub(super) fn of_words(words: &[&str]) -> Option<Name> {
    let (name, rest) = words.split_last()?;
    let (schema, rest) = rest.split_last().map_or((None, rest), |(schema, rest)| (Some(*schema), rest));
    Some(Name { catalog: rest.last().map(|word| (*word).into()), schema: schema.map(Into::into), name: (*name).into() })
}

/// The text of a constant, if it is one of text.
pub(super) fn constant_text(node: &NodeEnum) -> Option<&str> {
    match node {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            protobuf::a_const::Val::Sval(text) => Some(&text.sval),
            _ => None,
        },
        NodeEnum::TypeCast(cast) => constant_text(inner(&cast.arg)?),
        _ => None,
    }
}

/// The node inside an optional one.
pub(super) fn inner(node: &Option<Box<Node>>) -> Option<&NodeEnum> {
    node.as_ref()?.node.as_ref()
}

/// The nodes of a list.
pub(super) fn nodes(list: &[Node]) -> impl Iterator<Item = &NodeEnum> {
    list.iter().filter_map(|node| node.node.as_ref())
}
