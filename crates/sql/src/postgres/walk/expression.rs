//! Expressions: columns, functions, operators, types, parameters, and which columns WHERE compares with a constant.

use pg_query::protobuf::{AExpr, AExprKind, BoolExprType, ColumnRef, FuncCall, JsonExprOp, Node, TypeName};
use pg_query::{NodeEnum, protobuf};

use super::{Walk, names};
use crate::postgres::builtins;
use crate::statement::Name;

impl<'t> Walk<'t> {
    /// Any node inside a statement.
    pub(super) fn node(&mut self, node: &'t NodeEnum) {
        match node {
            NodeEnum::ColumnRef(column) => self.column(column),
            NodeEnum::FuncCall(call) => self.call(node, call),
            NodeEnum::AExpr(expression) => {
                self.operator(&expression.name);
                self.parts(node);
            }
            NodeEnum::SubLink(link) => {
                self.operator(&link.oper_name);
                self.parts(node);
            }
            NodeEnum::SortBy(sort) => {
                self.operator(&sort.use_op);
                self.parts(node);
            }
            NodeEnum::AIndirection(path) => {
                self.attributes(&path.indirection);
                self.parts(node);
            }
            NodeEnum::ParamRef(parameter) => self.parameter(parameter.number),
            _ if self.syntax_function(node) => self.parts(node),
            _ if self.is_statement(node) => {}
            _ => self.parts(node),
        }
    }

    /// A statement inside another; what it does is walked by its own rules.
    fn is_statement(&mut self, node: &'t NodeEnum) -> bool {
        // SET inside CREATE FUNCTION changes nothing now.
        !matches!(node, NodeEnum::VariableSetStmt(_)) && self.known_statement(node)
    }

    pub(super) fn list(&mut self, list: &'t [Node]) {
        for node in names::nodes(list) {
            self.node(node);
        }
    }

    pub(super) fn optional(&mut self, node: &'t Option<Box<Node>>) {
        if let Some(node) = names::inner(node) {
            self.node(node);
        }
    }

    fn column(&mut self, column: &'t ColumnRef) {
        let star = column.fields.iter().any(|field| matches!(field.node, Some(NodeEnum::AStar(_))));
        let words = names::words(&column.fields);
        match (words.as_slice(), star) {
            ([], true) => self.star(),
            ([name], false) => self.unqualified(name),
            ([alias], true) => self.qualified("", alias, None),
            ([alias, name], false) => {
                self.qualified("", alias, Some(name));
                self.attribute(name);
            }
            ([.., schema, alias], true) => self.qualified(schema, alias, None),
            ([.., schema, alias, name], false) => {
                self.qualified(schema, alias, Some(name));
                self.attribute(name);
            }
            ([], false) => self.unknown(),
        }
    }

    fn attribute(&mut self, name: &str) {
        self.out.attributes.push(name.into());
    }

    fn attributes(&mut self, path: &'t [Node]) {
        for name in names::words(path) {
            self.attribute(name);
        }
    }

    /// Notes a function by its dotted name.
    pub(super) fn function(&mut self, words: &[&str]) {
        match names::of_words(words) {
            Some(name) => self.out.functions.push(name),
            None => self.unknown(),
        }
    }

    fn call(&mut self, node: &'t NodeEnum, call: &'t FuncCall) {
        let words = names::words(&call.funcname);
        self.function(&words);
        self.known_call(&words, call);
        // EVASION: `secret(t)` is the column `t.secret` (test `a_call_can_be_a_column`): the argument's whole row is reached anyway.
        self.parts(node);
    }

    pub(super) fn operator(&mut self, words: &'t [Node]) {
        let Some(name) = names::of_list(words) else { return };
        let own = name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
        if own && builtins::is_operator(&name.name) {
            if name.schema.is_none() {
                self.out.builtin_operators.push(name.name);
            }
        } else if !is_pattern(&name) {
            self.out.operators.push(name);
        }
    }

    pub(super) fn type_name(&mut self, name: &'t TypeName) {
        let words = names::words(&name.names);
        if let Some(found) = names::of_words(&words) {
            let own = found.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
            if !own || !builtins::is_type(&found.name) {
                self.out.types.push(found);
            }
        }
        self.list(&name.typmods);
    }

    fn parameter(&mut self, number: i32) {
        match u16::try_from(number) {
            Ok(number) => self.out.parameters = self.out.parameters.max(number),
            Err(_) => self.unknown(),
        }
    }

    /// Syntax of PostgreSQL 16 to 18 that an older server takes for a call of a function, perhaps of the user's own.
    fn syntax_function(&mut self, node: &'t NodeEnum) -> bool {
        let name = match node {
            NodeEnum::JsonFuncExpr(call) => match JsonExprOp::try_from(call.op) {
                Ok(JsonExprOp::JsonExistsOp) => "json_exists",
                Ok(JsonExprOp::JsonQueryOp) => "json_query",
                _ => "json_value",
            },
            NodeEnum::JsonParseExpr(_) => "json",
            NodeEnum::JsonScalarExpr(_) => "json_scalar",
            NodeEnum::JsonSerializeExpr(_) => "json_serialize",
            NodeEnum::JsonObjectConstructor(_) => "json_object",
            NodeEnum::JsonArrayConstructor(_) | NodeEnum::JsonArrayQueryConstructor(_) => "json_array",
            NodeEnum::JsonObjectAgg(_) => "json_objectagg",
            NodeEnum::JsonArrayAgg(_) => "json_arrayagg",
            NodeEnum::MergeSupportFunc(_) => "merge_action",
            _ => return false,
        };
        self.out.functions.push(Name::bare(name));
        true
    }

    /// WHERE: its columns are read, and its top-level terms say whether rows are named by constants.
    pub(super) fn filter(&mut self, clause: &'t Option<Box<Node>>) {
        let Some(node) = names::inner(clause) else { return };
        let mut compared = Vec::new();
        equalities(node, &mut compared);
        let effects = &mut self.out.effects;
        for item in self.scopes.last().into_iter().flat_map(|scope| &scope.items) {
            for index in item.reads.iter().chain(&item.writes) {
                let Some(effect) = effects.get_mut(*index) else { continue };
                effect.has_where = true;
                for (qualifier, column) in &compared {
                    let ours = qualifier.is_none_or(|alias| alias == item.alias);
                    if ours && !item.renamed && !effect.where_equals.iter().any(|known| **known == **column) {
                        effect.where_equals.push((*column).into());
                    }
                }
            }
        }
        self.node(node);
    }
}

/// Names that the grammar gives to what is no single operator.
fn is_pattern(name: &Name) -> bool {
    name.schema.is_none()
        && matches!(&*name.name, "BETWEEN" | "NOT BETWEEN" | "BETWEEN SYMMETRIC" | "NOT BETWEEN SYMMETRIC")
}

/// The columns that top-level AND terms compare with constants.
fn equalities<'t>(node: &'t NodeEnum, found: &mut Vec<(Option<&'t str>, &'t str)>) {
    match node {
        NodeEnum::BoolExpr(expression) if expression.boolop == BoolExprType::AndExpr as i32 => {
            for term in names::nodes(&expression.args) {
                equalities(term, found);
            }
        }
        NodeEnum::AExpr(expression) => equality(expression, found),
        _ => {}
    }
}

fn equality<'t>(expression: &'t AExpr, found: &mut Vec<(Option<&'t str>, &'t str)>) {
    let kind = AExprKind::try_from(expression.kind);
    let wanted = matches!(kind, Ok(AExprKind::AexprOp | AExprKind::AexprOpAny | AExprKind::AexprIn));
    if !wanted || names::words(&expression.name) != ["="] {
        return;
    }
    let (Some(left), Some(right)) = (names::inner(&expression.lexpr), names::inner(&expression.rexpr)) else { return };
    if is_constant(right) {
        found.extend(plain_column(left));
    } else if kind == Ok(AExprKind::AexprOp) && is_constant(left) {
        found.extend(plain_column(right));
    }
}

fn plain_column(node: &NodeEnum) -> Option<(Option<&str>, &str)> {
    let NodeEnum::ColumnRef(column) = node else { return None };
    let words = names::words(&column.fields);
    match (words.as_slice(), column.fields.len() == words.len()) {
        ([name], true) => Some((None, name)),
        ([.., alias, name], true) => Some((Some(alias), name)),
        _ => None,
    }
}

/// A literal, a parameter, or a list of them.
fn is_constant(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::AConst(_) | NodeEnum::ParamRef(_) => true,
        NodeEnum::TypeCast(cast) => names::inner(&cast.arg).is_some_and(is_constant),
        NodeEnum::AArrayExpr(array) => names::nodes(&array.elements).all(is_constant),
        NodeEnum::List(protobuf::List { items }) => names::nodes(items).all(is_constant),
        _ => false,
    }
}
