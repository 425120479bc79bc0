//! Definitions: everything that makes, changes or removes objects, roles and rights.
//!
//! Relations that a definition mentions in any clause suffer its action; queries inside (views, rules, SQL bodies) are read as queries,
//! because what they read now or later is what the definition gives away. Bodies in other languages are not read: they do nothing yet, and
//! a function that is not PostgreSQL's own is never taken for harmless when it is called.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    CreateFunctionStmt, DropBehavior, DropStmt, GrantStmt, GrantTargetType, Node, ObjectType, RenameStmt, RuleStmt,
    TableLikeClause, ViewStmt,
};

use super::scope::{Item, Scope};
use super::{Walk, names};
use crate::session::SessionChange;
use crate::statement::{Action, Barrier, Name, Target};

impl<'t> Walk<'t> {
    /// Whether `node` is a definition; if so it is walked. Long because it is a flat table of kinds.
    pub(super) fn definition(&mut self, node: &'t NodeEnum) -> bool {
        match node {
            NodeEnum::CreateStmt(create) => {
                self.kind("CREATE TABLE");
                if let Some(range) = &create.relation {
                    self.creates(range);
                    self.drops_at_commit(range, create.oncommit);
                }
                self.defines(node, None);
            }
            NodeEnum::CreateForeignTableStmt(create) => {
                self.kind("CREATE FOREIGN TABLE");
                if let Some(range) = create.base_stmt.as_ref().and_then(|base| base.relation.as_ref()) {
                    self.creates(range);
                }
                self.defines(node, None);
            }
            NodeEnum::ViewStmt(view) => self.view(view),
            NodeEnum::RuleStmt(rule) => self.rule(rule),
            NodeEnum::TableLikeClause(like) => self.like(like),
            NodeEnum::CreateSeqStmt(create) => {
                self.kind("CREATE SEQUENCE");
                if let Some(range) = &create.sequence {
                    self.creates(range);
                }
                self.defines(node, None);
            }
            NodeEnum::CreateFunctionStmt(create) => self.create_function(create),
            NodeEnum::DropStmt(drop) => self.drop(drop),
            NodeEnum::GrantStmt(grant) => self.grant(grant, node),
            NodeEnum::CreateTrigStmt(create) => {
                self.kind("CREATE TRIGGER");
                let target = self.function_of(&create.funcname).map(Target::Function);
                self.with_items(&["old", "new"], |walk| walk.defines(node, target));
            }
            NodeEnum::AlterTableStmt(alter) => {
                self.kind(altered(alter.objtype));
                self.own_columns(alter.relation.as_ref(), |walk| walk.defines(node, None));
            }
            NodeEnum::IndexStmt(index) => {
                self.kind("CREATE INDEX");
                self.own_columns(index.relation.as_ref(), |walk| walk.defines(node, None));
            }
            NodeEnum::CreatePolicyStmt(policy) => {
                self.kind("CREATE POLICY");
                self.own_columns(policy.table.as_ref(), |walk| walk.defines(node, None));
            }
            NodeEnum::AlterPolicyStmt(policy) => {
                self.kind("ALTER POLICY");
                self.own_columns(policy.table.as_ref(), |walk| walk.defines(node, None));
            }
            NodeEnum::CreateSchemaStmt(create) => {
                self.kind("CREATE SCHEMA");
                self.defines(node, Some(Target::Schema(create.schemaname.as_str().into())));
            }
            NodeEnum::RenameStmt(rename) => {
                self.kind("ALTER");
                self.object(rename.rename_type, &rename.object);
                self.renames(rename);
                self.defines(node, None);
            }
            NodeEnum::AlterObjectSchemaStmt(alter) => {
                self.kind("ALTER");
                self.object(alter.object_type, &alter.object);
                self.defines(node, Some(Target::Schema(alter.newschema.as_str().into())));
            }
            NodeEnum::AlterOwnerStmt(alter) => {
                self.kind("ALTER");
                self.object(alter.object_type, &alter.object);
                self.effect(Action::Grant, Target::Session);
                self.defines(node, None);
            }
            NodeEnum::CommentStmt(comment) => {
                self.kind("COMMENT");
                self.object(comment.objtype, &comment.object);
                self.defines(node, None);
            }
            NodeEnum::SecLabelStmt(label) => {
                self.kind("SECURITY LABEL");
                self.object(label.objtype, &label.object);
                self.defines(node, None);
            }
            NodeEnum::RefreshMatViewStmt(_) => {
                self.kind("REFRESH MATERIALIZED VIEW");
                self.defines(node, None);
            }
            NodeEnum::AlterFunctionStmt(alter) => {
                self.kind("ALTER FUNCTION");
                let name = alter.func.as_ref().and_then(|function| names::of_list(&function.objname));
                self.defines(node, name.map(Target::Function));
            }
            _ => match (action_of(node), kind_of(node)) {
                (Some(action), kind) => self.plain(node, action, kind),
                (None, _) => return false,
            },
        }
        true
    }

    /// Any other definition: relations that it mentions suffer it, and where it mentions none, the upstream does.
    fn plain(&mut self, node: &'t NodeEnum, action: Action, kind: &'static str) {
        self.kind(kind);
        let before = self.out.effects.len();
        self.out.barrier |= Barrier::CATALOG;
        if matches!(node, NodeEnum::DropOwnedStmt(_)) {
            self.loses_temporaries();
        }
        self.mention(action, |walk| walk.parts(node));
        let acted = self.out.effects.iter().skip(before).any(|effect| effect.action == action);
        if !acted {
            self.effect(action, Target::Session);
        }
    }

    fn defines(&mut self, node: &'t NodeEnum, target: Option<Target>) {
        if let Some(target) = target {
            self.effect(Action::Ddl, target);
        }
        self.out.barrier |= Barrier::CATALOG;
        let before = self.out.effects.len();
        self.mention(Action::Ddl, |walk| walk.parts(node));
        let acted = before > 0 || self.out.effects.len() > before;
        if !acted {
            self.effect(Action::Ddl, Target::Session);
        }
    }

    /// Clauses whose bare columns are those of this relation, which suffers the definition already.
    fn own_columns(&mut self, range: Option<&'t pg_query::protobuf::RangeVar>, inside: impl FnOnce(&mut Self)) {
        let alias = range.map_or("", |range| range.relname.as_str());
        self.with_items(&[alias], inside);
    }

    fn with_items(&mut self, aliases: &[&'t str], inside: impl FnOnce(&mut Self)) {
        let items = aliases.iter().map(|alias| Item::derived(alias)).collect();
        self.scopes.push(Scope { items });
        inside(self);
        self.scopes.pop();
    }

    fn view(&mut self, view: &'t ViewStmt) {
        self.kind("CREATE VIEW");
        if let Some(range) = &view.view {
            self.creates(range);
        }
        self.list(&view.options);
        self.isolated(|walk| walk.optional(&view.query));
    }

    /// CREATE RULE: its actions run later, in place of what the rule is on.
    fn rule(&mut self, rule: &'t RuleStmt) {
        self.kind("CREATE RULE");
        if let Some(range) = &rule.relation {
            self.effect(Action::Ddl, Target::Relation(names::of_range(range)));
        }
        self.out.barrier |= Barrier::CATALOG;
        self.with_items(&["old", "new"], |walk| {
            walk.optional(&rule.where_clause);
            walk.list(&rule.actions);
        });
    }

    /// LIKE in CREATE TABLE copies definitions, defaults and statistics of another.
    fn like(&mut self, like: &'t TableLikeClause) {
        if let Some(range) = &like.relation {
            self.effect(Action::Select, Target::Relation(names::of_range(range)));
        }
    }

    fn create_function(&mut self, create: &'t CreateFunctionStmt) {
        self.kind(if create.is_procedure { "CREATE PROCEDURE" } else { "CREATE FUNCTION" });
        if let Some(name) = names::of_list(&create.funcname) {
            self.effect(Action::Ddl, Target::Function(name));
        }
        self.out.barrier |= Barrier::CATALOG;
        self.list(&create.parameters);
        if let Some(result) = &create.return_type {
            self.type_name(result);
        }
        self.list(&create.options);
        self.isolated(|walk| walk.optional(&create.sql_body));
    }

    fn drop(&mut self, drop: &'t DropStmt) {
        self.kind(dropped(drop.remove_type));
        self.out.barrier |= Barrier::CATALOG;
        for object in names::nodes(&drop.objects) {
            self.named_object(drop.remove_type, object);
            if let (true, Some(name)) = (is_relation(drop.remove_type), object_name(object)) {
                self.out.session.push(SessionChange::DropRelation(name));
                self.out.barrier |= Barrier::TEMPORARY;
            }
        }
        let schema = drop.remove_type == ObjectType::ObjectSchema as i32;
        if schema || drop.behavior == DropBehavior::DropCascade as i32 {
            self.loses_temporaries();
        }
    }

    /// EVASION: once a temporary `customers` is gone, by whatever way, the name means the table that it hid (test
    /// `temporary_relations_go_by_every_way`).
    fn loses_temporaries(&mut self) {
        self.out.session.push(SessionChange::LoseTemporaries);
        self.out.barrier |= Barrier::TEMPORARY;
    }

    fn renames(&mut self, rename: &'t RenameStmt) {
        if let (true, Some(range)) = (is_relation(rename.rename_type), &rename.relation) {
            let to: Box<str> = rename.newname.as_str().into();
            let from = names::of_range(range);
            self.effect(Action::Ddl, Target::Relation(from.clone()));
            let to = Name { name: to, ..from.clone() };
            self.effect(Action::Ddl, Target::Relation(to.clone()));
            self.out.session.push(SessionChange::RenameRelation { from, to });
            self.out.barrier |= Barrier::TEMPORARY;
        }
    }

    fn object(&mut self, kind: i32, object: &'t Option<Box<Node>>) {
        if let Some(object) = names::inner(object) {
            self.named_object(kind, object);
        }
    }

    fn named_object(&mut self, kind: i32, object: &'t NodeEnum) {
        let target = object_target(kind, object).unwrap_or(Target::Session);
        self.effect(Action::Ddl, target);
    }

    /// GRANT and REVOKE, on each object.
    fn grant(&mut self, grant: &'t GrantStmt, node: &'t NodeEnum) {
        self.kind(if grant.is_grant { "GRANT" } else { "REVOKE" });
        let before = self.out.effects.len();
        self.mention(Action::Grant, |walk| walk.parts(node));
        let whole = grant.targtype == GrantTargetType::AclTargetAllInSchema as i32;
        for object in names::nodes(&grant.objects) {
            let target = match object {
                NodeEnum::RangeVar(_) => continue,
                NodeEnum::String(schema) if whole => Target::Schema(schema.sval.as_str().into()),
                _ => object_target(grant.objtype, object).unwrap_or(Target::Session),
            };
            self.effect(Action::Grant, target);
        }
        if self.out.effects.len() == before {
            self.effect(Action::Grant, Target::Session);
        }
        self.out.barrier |= Barrier::CATALOG;
    }
}

fn is_relation(kind: i32) -> bool {
    matches!(
        ObjectType::try_from(kind),
        Ok(ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectForeignTable
            | ObjectType::ObjectSequence
            | ObjectType::ObjectIndex)
    )
}

/// What a definition names by its kind and a node that may have several forms.
fn object_target(kind: i32, object: &NodeEnum) -> Option<Target> {
    let name = object_name(object)?;
    Some(match ObjectType::try_from(kind).ok()? {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectSequence
        | ObjectType::ObjectIndex => Target::Relation(name),
        // The relation, then the rule or the like.
        ObjectType::ObjectTrigger
        | ObjectType::ObjectRule
        | ObjectType::ObjectPolicy
        | ObjectType::ObjectColumn
        | ObjectType::ObjectTabconstraint => Target::Relation(owner(object)?),
        ObjectType::ObjectFunction
        | ObjectType::ObjectProcedure
        | ObjectType::ObjectRoutine
        | ObjectType::ObjectAggregate => Target::Function(name),
        ObjectType::ObjectSchema => Target::Schema(name.name),
        _ => Target::Session,
    })
}

fn object_name(object: &NodeEnum) -> Option<Name> {
    match object {
        NodeEnum::List(list) => names::of_list(&list.items),
        NodeEnum::ObjectWithArgs(object) => names::of_list(&object.objname),
        NodeEnum::String(name) => Some(Name::bare(&name.sval)),
        NodeEnum::TypeName(name) => names::of_list(&name.names),
        NodeEnum::RangeVar(range) => Some(names::of_range(range)),
        _ => None,
    }
}

fn owner(object: &NodeEnum) -> Option<Name> {
    let NodeEnum::List(list) = object else { return None };
    let words = names::words(&list.items);
    names::of_words(words.split_last()?.1)
}

fn dropped(kind: i32) -> &'static str {
    match ObjectType::try_from(kind) {
        Ok(ObjectType::ObjectTable) => "DROP TABLE",
        Ok(ObjectType::ObjectView) => "DROP VIEW",
        Ok(ObjectType::ObjectMatview) => "DROP MATERIALIZED VIEW",
        Ok(ObjectType::ObjectIndex) => "DROP INDEX",
        Ok(ObjectType::ObjectSequence) => "DROP SEQUENCE",
        Ok(ObjectType::ObjectSchema) => "DROP SCHEMA",
        Ok(ObjectType::ObjectFunction) => "DROP FUNCTION",
        _ => "DROP",
    }
}

fn altered(kind: i32) -> &'static str {
    match ObjectType::try_from(kind) {
        Ok(ObjectType::ObjectTable) => "ALTER TABLE",
        Ok(ObjectType::ObjectView) => "ALTER VIEW",
        Ok(ObjectType::ObjectIndex) => "ALTER INDEX",
        _ => "ALTER",
    }
}

/// What kinds of definition without rules of their own do; `None` for what is not one.
fn action_of(node: &NodeEnum) -> Option<Action> {
    Some(match node {
        NodeEnum::AlterDomainStmt(_)
        | NodeEnum::AlterCollationStmt(_)
        | NodeEnum::AlterEnumStmt(_)
        | NodeEnum::AlterExtensionContentsStmt(_)
        | NodeEnum::AlterOpFamilyStmt(_)
        | NodeEnum::AlterOperatorStmt(_)
        | NodeEnum::AlterSeqStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::AlterTypeStmt(_)
        | NodeEnum::AlterTsdictionaryStmt(_)
        | NodeEnum::AlterTsconfigurationStmt(_)
        | NodeEnum::AlterObjectDependsStmt(_)
        | NodeEnum::AlterTableMoveAllStmt(_)
        | NodeEnum::CompositeTypeStmt(_)
        | NodeEnum::CreateAmStmt(_)
        | NodeEnum::CreateCastStmt(_)
        | NodeEnum::CreateConversionStmt(_)
        | NodeEnum::CreateDomainStmt(_)
        | NodeEnum::CreateEnumStmt(_)
        | NodeEnum::CreateEventTrigStmt(_)
        | NodeEnum::AlterEventTrigStmt(_)
        | NodeEnum::CreateOpClassStmt(_)
        | NodeEnum::CreateOpFamilyStmt(_)
        | NodeEnum::CreateRangeStmt(_)
        | NodeEnum::CreateStatsStmt(_)
        | NodeEnum::CreateTransformStmt(_)
        | NodeEnum::DefineStmt(_) => Action::Ddl,
        NodeEnum::GrantRoleStmt(_)
        | NodeEnum::AlterDefaultPrivilegesStmt(_)
        | NodeEnum::DropOwnedStmt(_)
        | NodeEnum::ReassignOwnedStmt(_)
        | NodeEnum::CreateRoleStmt(_)
        | NodeEnum::AlterRoleStmt(_)
        | NodeEnum::AlterRoleSetStmt(_)
        | NodeEnum::DropRoleStmt(_) => Action::Grant,
        NodeEnum::AlterSystemStmt(_)
        | NodeEnum::ClusterStmt(_)
        | NodeEnum::ReindexStmt(_)
        | NodeEnum::CreateExtensionStmt(_)
        | NodeEnum::AlterExtensionStmt(_)
        | NodeEnum::CreateFdwStmt(_)
        | NodeEnum::AlterFdwStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::AlterForeignServerStmt(_)
        | NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::AlterUserMappingStmt(_)
        | NodeEnum::DropUserMappingStmt(_)
        | NodeEnum::ImportForeignSchemaStmt(_)
        | NodeEnum::CreatePlangStmt(_)
        | NodeEnum::CreatePublicationStmt(_)
        | NodeEnum::AlterPublicationStmt(_)
        | NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_)
        | NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterTableSpaceOptionsStmt(_)
        | NodeEnum::CreatedbStmt(_)
        | NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseRefreshCollStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::DropdbStmt(_) => Action::Admin,
        _ => return None,
    })
}

fn kind_of(node: &NodeEnum) -> &'static str {
    match node {
        NodeEnum::CreateRoleStmt(_) => "CREATE ROLE",
        NodeEnum::AlterRoleStmt(_) | NodeEnum::AlterRoleSetStmt(_) => "ALTER ROLE",
        NodeEnum::DropRoleStmt(_) => "DROP ROLE",
        NodeEnum::GrantRoleStmt(_) => "GRANT ROLE",
        NodeEnum::AlterDefaultPrivilegesStmt(_) => "ALTER DEFAULT PRIVILEGES",
        NodeEnum::DropOwnedStmt(_) => "DROP OWNED",
        NodeEnum::ReassignOwnedStmt(_) => "REASSIGN OWNED",
        NodeEnum::AlterSystemStmt(_) => "ALTER SYSTEM",
        NodeEnum::ClusterStmt(_) => "CLUSTER",
        NodeEnum::ReindexStmt(_) => "REINDEX",
        NodeEnum::CreateExtensionStmt(_) => "CREATE EXTENSION",
        NodeEnum::CreateForeignServerStmt(_) => "CREATE SERVER",
        NodeEnum::CreateUserMappingStmt(_) => "CREATE USER MAPPING",
        NodeEnum::CreateSubscriptionStmt(_) => "CREATE SUBSCRIPTION",
        NodeEnum::CreatePublicationStmt(_) => "CREATE PUBLICATION",
        NodeEnum::ImportForeignSchemaStmt(_) => "IMPORT FOREIGN SCHEMA",
        NodeEnum::CreatedbStmt(_) => "CREATE DATABASE",
        NodeEnum::DropdbStmt(_) => "DROP DATABASE",
        NodeEnum::CreateEnumStmt(_) | NodeEnum::CompositeTypeStmt(_) | NodeEnum::CreateRangeStmt(_) => "CREATE TYPE",
        NodeEnum::CreateDomainStmt(_) => "CREATE DOMAIN",
        NodeEnum::AlterSeqStmt(_) => "ALTER SEQUENCE",
        NodeEnum::CreateStatsStmt(_) => "CREATE STATISTICS",
        NodeEnum::CreateEventTrigStmt(_) => "CREATE EVENT TRIGGER",
        NodeEnum::CreateCastStmt(_) => "CREATE CAST",
        _ => "DEFINE",
    }
}
