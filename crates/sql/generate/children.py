#!/usr/bin/env python3
"""Writes src/postgres/children.rs: for every node kind of pg_query, the parts it holds.

Usage: children.py <pg_query's src/protobuf.rs> > src/postgres/children.rs, then cargo fmt.
Kinds that a raw parse tree never holds (they are made by parse analysis) are listed in ANALYSED: meeting one is not understood.
"""
import re
import sys

ANALYSED = set("""TableFunc Var Param Aggref GroupingFuncX WindowFunc MergeSupportFuncX SubscriptingRef FuncExpr OpExpr DistinctExpr
NullIfExpr ScalarArrayOpExpr SubPlan AlternativeSubPlan FieldSelect FieldStore RelabelType CoerceViaIo ArrayCoerceExpr
ConvertRowtypeExpr CollateExpr CaseTestExpr ArrayExpr RowCompareExpr JsonConstructorExpr JsonExpr JsonTablePath
JsonTablePathScan JsonTableSiblingJoin CoerceToDomain CoerceToDomainValue NextValueExpr InferenceElem ReturningExpr TargetEntry
RangeTblRef FromExpr OnConflictExpr Query RangeTblEntry RtepermissionInfo RangeTblFunction TableSampleClause WithCheckOption
SortGroupClause WindowClause RowMarkClause SetOperationStmt InlineCodeBlock CallContext PlassignStmt MergeAction WindowFuncRunCondition""".split())
SCALARS = {"i32", "i64", "u32", "u64", "bool", "f64", "::prost::alloc::string::String", "u8", "Alias", "a_const::Val"}
# Parts that carry meaning of their own; other messages are looked through.
TYPED = {"SelectStmt": "Select", "RangeVar": "Range", "WithClause": "With", "TypeName": "Type", "IntoClause": "Into"}


def main():
    source = re.sub(r"(pub struct \w+ \{)\}", r"\1\n}", open(sys.argv[1]).read())
    structs = {}
    for name, body in re.findall(r"pub struct (\w+) \{(.*?)\n\}", source, re.S):
        fields = re.findall(r"pub (r#)?(\w+):\s*(.*?),\n(?=\s*(?:#\[|///|pub|$))", re.sub(r"\s*///.*", "", body) + "\n", re.S)
        structs[name] = [(raw + field, re.sub(r"\s+", "", kind)) for raw, field, kind in fields]
    variants = re.findall(r"^\s+([A-Z]\w+)\(\s*([^()]*?),?\s*\),$", source[source.index("pub enum Node {"):].split("\n    }")[0], re.M)
    kinds = {variant: re.sub(r".*super::(\w+).*", r"\1", kind) for variant, kind in variants}
    used, done, functions = [], set(), []

    def lines(struct):
        out = []
        for field, kind in structs[struct]:
            inner = re.sub(r"::prost::alloc::boxed::|::core::option::|::prost::alloc::vec::|super::", "", kind)
            access = f"&x.{field}"
            base = re.sub(r"[A-Za-z]+<|>|,", "", inner)
            if base == "Node":
                out.append(f"list({access}, f);" if inner.startswith("Vec") else f"one({access}, f);")
            elif base in TYPED:
                if struct in ANALYSED:
                    continue
                out.append(f"if let Some(p) = {access} {{ f(Part::{TYPED[base]}(p)); }}")
            elif base in structs and base not in ANALYSED and base != "Alias":
                used.append(base)
                loop = "for" if inner.startswith("Vec") else "if let Some(p) ="
                out.append(f"for p in {access} {{ {snake(base)}(p, f); }}" if loop == "for" else f"if let Some(p) = {access} {{ {snake(base)}(p, f); }}")
            elif base not in SCALARS and base not in structs:
                raise SystemExit(f"{struct}.{field}: a field of unknown kind {kind}")
        return out

    print(HEAD)
    arms = []
    for variant, struct in kinds.items():
        if struct in ANALYSED or variant in ANALYSED:
            continue
        if struct in TYPED:
            arms.append(f"        NodeEnum::{variant}(x) => f(Part::{TYPED[struct]}(x)),")
        elif lines(struct):
            used.append(struct)
            arms.append(f"        NodeEnum::{variant}(x) => {snake(struct)}(x, f),")
        else:
            arms.append(f"        NodeEnum::{variant}(_) => {{}}")
    print("/// Calls `f` with every part that `node` holds; false when this kind cannot be in a raw parse tree.")
    print("/// A flat table: one line for each kind.")
    print("pub fn children<'t>(node: &'t NodeEnum, f: &mut dyn FnMut(Part<'t>)) -> bool {\n    match node {")
    empty = [a for a in arms if a.endswith("{}")]
    print("\n".join(a for a in arms if not a.endswith("{}")))
    print("        " + "\n        | ".join(a.strip().replace(" => {}", "") for a in empty) + " => {}")
    print("        " + "\n        | ".join(f"NodeEnum::{v}(_)" for v in kinds if v in ANALYSED or kinds[v] in ANALYSED) + " => return false,")
    print("    }\n    true\n}\n")
    order = list(dict.fromkeys(used))
    while order:
        struct = order.pop(0)
        if struct in done:
            continue
        done.add(struct)
        before = len(used)
        body = lines(struct)
        order += [s for s in used[before:] if s not in done]
        unused = "" if body else "_"
        print(f"fn {snake(struct)}<'t>({unused}x: &'t {struct}, {unused}f: &mut dyn FnMut(Part<'t>)) {{")
        print("\n".join("    " + line for line in body) + "\n}\n")


def snake(name):
    return "nodes_of_list" if name == "List" else re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


HEAD = '''//! The parts of every node of a parse tree, so that a walk over it cannot overlook a field.
//!
//! Made by `generate/children.py` from pg_query's protobuf definitions, not by hand: a list written by hand forgets the one clause
//! that hides a table. Kinds that only parse analysis makes are not understood here; the walk then reports an unknown effect.
//! Grammar: PostgreSQL 18, src/include/nodes/parsenodes.h.

use pg_query::NodeEnum;
use pg_query::protobuf::*;

/// A part of a node that the walk is given.
#[derive(Clone, Copy)]
pub enum Part<'t> {
    /// Any node.
    Node(&'t NodeEnum),
    /// A query.
    Select(&'t SelectStmt),
    /// A relation by name.
    Range(&'t RangeVar),
    /// A WITH list.
    With(&'t WithClause),
    /// A type by name.
    Type(&'t TypeName),
    /// Where SELECT INTO or CREATE TABLE AS puts its rows.
    Into(&'t IntoClause),
}

fn one<'t>(node: &'t Option<Box<Node>>, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(kind) = node.as_ref().and_then(|n| n.node.as_ref()) {
        f(Part::Node(kind));
    }
}

fn list<'t>(nodes: &'t [Node], f: &mut dyn FnMut(Part<'t>)) {
    for kind in nodes.iter().filter_map(|n| n.node.as_ref()) {
        f(Part::Node(kind));
    }
}
'''

main()
