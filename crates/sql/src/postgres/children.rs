//! The parts of every node of a parse tree, so that a walk over it cannot overlook a field.
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

/// Calls `f` with every part that `node` holds; false when this kind cannot be in a raw parse tree.
/// A flat table: one line for each kind.
pub fn children<'t>(node: &'t NodeEnum, f: &mut dyn FnMut(Part<'t>)) -> bool {
    match node {
        NodeEnum::Alias(x) => alias(x, f),
        NodeEnum::RangeVar(x) => f(Part::Range(x)),
        NodeEnum::IntoClause(x) => f(Part::Into(x)),
        NodeEnum::GroupingFunc(x) => grouping_func(x, f),
        NodeEnum::MergeSupportFunc(x) => merge_support_func(x, f),
        NodeEnum::NamedArgExpr(x) => named_arg_expr(x, f),
        NodeEnum::BoolExpr(x) => bool_expr(x, f),
        NodeEnum::SubLink(x) => sub_link(x, f),
        NodeEnum::CaseExpr(x) => case_expr(x, f),
        NodeEnum::CaseWhen(x) => case_when(x, f),
        NodeEnum::RowExpr(x) => row_expr(x, f),
        NodeEnum::CoalesceExpr(x) => coalesce_expr(x, f),
        NodeEnum::MinMaxExpr(x) => min_max_expr(x, f),
        NodeEnum::SqlvalueFunction(x) => sql_value_function(x, f),
        NodeEnum::XmlExpr(x) => xml_expr(x, f),
        NodeEnum::JsonReturning(x) => json_returning(x, f),
        NodeEnum::JsonValueExpr(x) => json_value_expr(x, f),
        NodeEnum::JsonIsPredicate(x) => json_is_predicate(x, f),
        NodeEnum::JsonBehavior(x) => json_behavior(x, f),
        NodeEnum::NullTest(x) => null_test(x, f),
        NodeEnum::BooleanTest(x) => boolean_test(x, f),
        NodeEnum::SetToDefault(x) => set_to_default(x, f),
        NodeEnum::CurrentOfExpr(x) => current_of_expr(x, f),
        NodeEnum::JoinExpr(x) => join_expr(x, f),
        NodeEnum::TypeName(x) => f(Part::Type(x)),
        NodeEnum::ColumnRef(x) => column_ref(x, f),
        NodeEnum::AExpr(x) => a_expr(x, f),
        NodeEnum::TypeCast(x) => type_cast(x, f),
        NodeEnum::CollateClause(x) => collate_clause(x, f),
        NodeEnum::FuncCall(x) => func_call(x, f),
        NodeEnum::AIndices(x) => a_indices(x, f),
        NodeEnum::AIndirection(x) => a_indirection(x, f),
        NodeEnum::AArrayExpr(x) => a_array_expr(x, f),
        NodeEnum::ResTarget(x) => res_target(x, f),
        NodeEnum::MultiAssignRef(x) => multi_assign_ref(x, f),
        NodeEnum::SortBy(x) => sort_by(x, f),
        NodeEnum::WindowDef(x) => window_def(x, f),
        NodeEnum::RangeSubselect(x) => range_subselect(x, f),
        NodeEnum::RangeFunction(x) => range_function(x, f),
        NodeEnum::RangeTableFunc(x) => range_table_func(x, f),
        NodeEnum::RangeTableFuncCol(x) => range_table_func_col(x, f),
        NodeEnum::RangeTableSample(x) => range_table_sample(x, f),
        NodeEnum::ColumnDef(x) => column_def(x, f),
        NodeEnum::TableLikeClause(x) => table_like_clause(x, f),
        NodeEnum::IndexElem(x) => index_elem(x, f),
        NodeEnum::DefElem(x) => def_elem(x, f),
        NodeEnum::LockingClause(x) => locking_clause(x, f),
        NodeEnum::XmlSerialize(x) => xml_serialize(x, f),
        NodeEnum::PartitionElem(x) => partition_elem(x, f),
        NodeEnum::PartitionSpec(x) => partition_spec(x, f),
        NodeEnum::PartitionBoundSpec(x) => partition_bound_spec(x, f),
        NodeEnum::PartitionRangeDatum(x) => partition_range_datum(x, f),
        NodeEnum::PartitionCmd(x) => partition_cmd(x, f),
        NodeEnum::GroupingSet(x) => grouping_set(x, f),
        NodeEnum::WithClause(x) => f(Part::With(x)),
        NodeEnum::InferClause(x) => infer_clause(x, f),
        NodeEnum::OnConflictClause(x) => on_conflict_clause(x, f),
        NodeEnum::CtesearchClause(x) => cte_search_clause(x, f),
        NodeEnum::CtecycleClause(x) => cte_cycle_clause(x, f),
        NodeEnum::CommonTableExpr(x) => common_table_expr(x, f),
        NodeEnum::MergeWhenClause(x) => merge_when_clause(x, f),
        NodeEnum::ReturningClause(x) => returning_clause(x, f),
        NodeEnum::JsonOutput(x) => json_output(x, f),
        NodeEnum::JsonArgument(x) => json_argument(x, f),
        NodeEnum::JsonFuncExpr(x) => json_func_expr(x, f),
        NodeEnum::JsonTablePathSpec(x) => json_table_path_spec(x, f),
        NodeEnum::JsonTable(x) => json_table(x, f),
        NodeEnum::JsonTableColumn(x) => json_table_column(x, f),
        NodeEnum::JsonKeyValue(x) => json_key_value(x, f),
        NodeEnum::JsonParseExpr(x) => json_parse_expr(x, f),
        NodeEnum::JsonScalarExpr(x) => json_scalar_expr(x, f),
        NodeEnum::JsonSerializeExpr(x) => json_serialize_expr(x, f),
        NodeEnum::JsonObjectConstructor(x) => json_object_constructor(x, f),
        NodeEnum::JsonArrayConstructor(x) => json_array_constructor(x, f),
        NodeEnum::JsonArrayQueryConstructor(x) => json_array_query_constructor(x, f),
        NodeEnum::JsonAggConstructor(x) => json_agg_constructor(x, f),
        NodeEnum::JsonObjectAgg(x) => json_object_agg(x, f),
        NodeEnum::JsonArrayAgg(x) => json_array_agg(x, f),
        NodeEnum::RawStmt(x) => raw_stmt(x, f),
        NodeEnum::InsertStmt(x) => insert_stmt(x, f),
        NodeEnum::DeleteStmt(x) => delete_stmt(x, f),
        NodeEnum::UpdateStmt(x) => update_stmt(x, f),
        NodeEnum::MergeStmt(x) => merge_stmt(x, f),
        NodeEnum::SelectStmt(x) => f(Part::Select(x)),
        NodeEnum::ReturnStmt(x) => return_stmt(x, f),
        NodeEnum::CreateSchemaStmt(x) => create_schema_stmt(x, f),
        NodeEnum::AlterTableStmt(x) => alter_table_stmt(x, f),
        NodeEnum::AlterTableCmd(x) => alter_table_cmd(x, f),
        NodeEnum::AlterCollationStmt(x) => alter_collation_stmt(x, f),
        NodeEnum::AlterDomainStmt(x) => alter_domain_stmt(x, f),
        NodeEnum::GrantStmt(x) => grant_stmt(x, f),
        NodeEnum::ObjectWithArgs(x) => object_with_args(x, f),
        NodeEnum::AccessPriv(x) => access_priv(x, f),
        NodeEnum::GrantRoleStmt(x) => grant_role_stmt(x, f),
        NodeEnum::AlterDefaultPrivilegesStmt(x) => alter_default_privileges_stmt(x, f),
        NodeEnum::CopyStmt(x) => copy_stmt(x, f),
        NodeEnum::VariableSetStmt(x) => variable_set_stmt(x, f),
        NodeEnum::CreateStmt(x) => create_stmt(x, f),
        NodeEnum::Constraint(x) => constraint(x, f),
        NodeEnum::CreateTableSpaceStmt(x) => create_table_space_stmt(x, f),
        NodeEnum::AlterTableSpaceOptionsStmt(x) => alter_table_space_options_stmt(x, f),
        NodeEnum::AlterTableMoveAllStmt(x) => alter_table_move_all_stmt(x, f),
        NodeEnum::CreateExtensionStmt(x) => create_extension_stmt(x, f),
        NodeEnum::AlterExtensionStmt(x) => alter_extension_stmt(x, f),
        NodeEnum::AlterExtensionContentsStmt(x) => alter_extension_contents_stmt(x, f),
        NodeEnum::CreateFdwStmt(x) => create_fdw_stmt(x, f),
        NodeEnum::AlterFdwStmt(x) => alter_fdw_stmt(x, f),
        NodeEnum::CreateForeignServerStmt(x) => create_foreign_server_stmt(x, f),
        NodeEnum::AlterForeignServerStmt(x) => alter_foreign_server_stmt(x, f),
        NodeEnum::CreateForeignTableStmt(x) => create_foreign_table_stmt(x, f),
        NodeEnum::CreateUserMappingStmt(x) => create_user_mapping_stmt(x, f),
        NodeEnum::AlterUserMappingStmt(x) => alter_user_mapping_stmt(x, f),
        NodeEnum::DropUserMappingStmt(x) => drop_user_mapping_stmt(x, f),
        NodeEnum::ImportForeignSchemaStmt(x) => import_foreign_schema_stmt(x, f),
        NodeEnum::CreatePolicyStmt(x) => create_policy_stmt(x, f),
        NodeEnum::AlterPolicyStmt(x) => alter_policy_stmt(x, f),
        NodeEnum::CreateAmStmt(x) => create_am_stmt(x, f),
        NodeEnum::CreateTrigStmt(x) => create_trig_stmt(x, f),
        NodeEnum::CreateEventTrigStmt(x) => create_event_trig_stmt(x, f),
        NodeEnum::CreatePlangStmt(x) => create_p_lang_stmt(x, f),
        NodeEnum::CreateRoleStmt(x) => create_role_stmt(x, f),
        NodeEnum::AlterRoleStmt(x) => alter_role_stmt(x, f),
        NodeEnum::AlterRoleSetStmt(x) => alter_role_set_stmt(x, f),
        NodeEnum::DropRoleStmt(x) => drop_role_stmt(x, f),
        NodeEnum::CreateSeqStmt(x) => create_seq_stmt(x, f),
        NodeEnum::AlterSeqStmt(x) => alter_seq_stmt(x, f),
        NodeEnum::DefineStmt(x) => define_stmt(x, f),
        NodeEnum::CreateDomainStmt(x) => create_domain_stmt(x, f),
        NodeEnum::CreateOpClassStmt(x) => create_op_class_stmt(x, f),
        NodeEnum::CreateOpClassItem(x) => create_op_class_item(x, f),
        NodeEnum::CreateOpFamilyStmt(x) => create_op_family_stmt(x, f),
        NodeEnum::AlterOpFamilyStmt(x) => alter_op_family_stmt(x, f),
        NodeEnum::DropStmt(x) => drop_stmt(x, f),
        NodeEnum::TruncateStmt(x) => truncate_stmt(x, f),
        NodeEnum::CommentStmt(x) => comment_stmt(x, f),
        NodeEnum::SecLabelStmt(x) => sec_label_stmt(x, f),
        NodeEnum::DeclareCursorStmt(x) => declare_cursor_stmt(x, f),
        NodeEnum::IndexStmt(x) => index_stmt(x, f),
        NodeEnum::CreateStatsStmt(x) => create_stats_stmt(x, f),
        NodeEnum::StatsElem(x) => stats_elem(x, f),
        NodeEnum::AlterStatsStmt(x) => alter_stats_stmt(x, f),
        NodeEnum::CreateFunctionStmt(x) => create_function_stmt(x, f),
        NodeEnum::FunctionParameter(x) => function_parameter(x, f),
        NodeEnum::AlterFunctionStmt(x) => alter_function_stmt(x, f),
        NodeEnum::DoStmt(x) => do_stmt(x, f),
        NodeEnum::CallStmt(x) => call_stmt(x, f),
        NodeEnum::RenameStmt(x) => rename_stmt(x, f),
        NodeEnum::AlterObjectDependsStmt(x) => alter_object_depends_stmt(x, f),
        NodeEnum::AlterObjectSchemaStmt(x) => alter_object_schema_stmt(x, f),
        NodeEnum::AlterOwnerStmt(x) => alter_owner_stmt(x, f),
        NodeEnum::AlterOperatorStmt(x) => alter_operator_stmt(x, f),
        NodeEnum::AlterTypeStmt(x) => alter_type_stmt(x, f),
        NodeEnum::RuleStmt(x) => rule_stmt(x, f),
        NodeEnum::TransactionStmt(x) => transaction_stmt(x, f),
        NodeEnum::CompositeTypeStmt(x) => composite_type_stmt(x, f),
        NodeEnum::CreateEnumStmt(x) => create_enum_stmt(x, f),
        NodeEnum::CreateRangeStmt(x) => create_range_stmt(x, f),
        NodeEnum::AlterEnumStmt(x) => alter_enum_stmt(x, f),
        NodeEnum::ViewStmt(x) => view_stmt(x, f),
        NodeEnum::CreatedbStmt(x) => createdb_stmt(x, f),
        NodeEnum::AlterDatabaseStmt(x) => alter_database_stmt(x, f),
        NodeEnum::AlterDatabaseSetStmt(x) => alter_database_set_stmt(x, f),
        NodeEnum::DropdbStmt(x) => dropdb_stmt(x, f),
        NodeEnum::AlterSystemStmt(x) => alter_system_stmt(x, f),
        NodeEnum::ClusterStmt(x) => cluster_stmt(x, f),
        NodeEnum::VacuumStmt(x) => vacuum_stmt(x, f),
        NodeEnum::VacuumRelation(x) => vacuum_relation(x, f),
        NodeEnum::ExplainStmt(x) => explain_stmt(x, f),
        NodeEnum::CreateTableAsStmt(x) => create_table_as_stmt(x, f),
        NodeEnum::RefreshMatViewStmt(x) => refresh_mat_view_stmt(x, f),
        NodeEnum::LockStmt(x) => lock_stmt(x, f),
        NodeEnum::ConstraintsSetStmt(x) => constraints_set_stmt(x, f),
        NodeEnum::ReindexStmt(x) => reindex_stmt(x, f),
        NodeEnum::CreateConversionStmt(x) => create_conversion_stmt(x, f),
        NodeEnum::CreateCastStmt(x) => create_cast_stmt(x, f),
        NodeEnum::CreateTransformStmt(x) => create_transform_stmt(x, f),
        NodeEnum::PrepareStmt(x) => prepare_stmt(x, f),
        NodeEnum::ExecuteStmt(x) => execute_stmt(x, f),
        NodeEnum::DropOwnedStmt(x) => drop_owned_stmt(x, f),
        NodeEnum::ReassignOwnedStmt(x) => reassign_owned_stmt(x, f),
        NodeEnum::AlterTsdictionaryStmt(x) => alter_ts_dictionary_stmt(x, f),
        NodeEnum::AlterTsconfigurationStmt(x) => alter_ts_configuration_stmt(x, f),
        NodeEnum::PublicationTable(x) => publication_table(x, f),
        NodeEnum::PublicationObjSpec(x) => publication_obj_spec(x, f),
        NodeEnum::CreatePublicationStmt(x) => create_publication_stmt(x, f),
        NodeEnum::AlterPublicationStmt(x) => alter_publication_stmt(x, f),
        NodeEnum::CreateSubscriptionStmt(x) => create_subscription_stmt(x, f),
        NodeEnum::AlterSubscriptionStmt(x) => alter_subscription_stmt(x, f),
        NodeEnum::List(x) => nodes_of_list(x, f),
        NodeEnum::IntList(x) => int_list(x, f),
        NodeEnum::OidList(x) => oid_list(x, f),
        NodeEnum::JsonFormat(_)
        | NodeEnum::ParamRef(_)
        | NodeEnum::RoleSpec(_)
        | NodeEnum::AStar(_)
        | NodeEnum::ReturningOption(_)
        | NodeEnum::TriggerTransition(_)
        | NodeEnum::AtalterConstraint(_)
        | NodeEnum::ReplicaIdentityStmt(_)
        | NodeEnum::VariableShowStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterEventTrigStmt(_)
        | NodeEnum::ClosePortalStmt(_)
        | NodeEnum::FetchStmt(_)
        | NodeEnum::NotifyStmt(_)
        | NodeEnum::ListenStmt(_)
        | NodeEnum::UnlistenStmt(_)
        | NodeEnum::LoadStmt(_)
        | NodeEnum::AlterDatabaseRefreshCollStmt(_)
        | NodeEnum::CheckPointStmt(_)
        | NodeEnum::DiscardStmt(_)
        | NodeEnum::DeallocateStmt(_)
        | NodeEnum::DropSubscriptionStmt(_)
        | NodeEnum::Integer(_)
        | NodeEnum::Float(_)
        | NodeEnum::Boolean(_)
        | NodeEnum::String(_)
        | NodeEnum::BitString(_)
        | NodeEnum::AConst(_) => {}
        NodeEnum::TableFunc(_)
        | NodeEnum::Var(_)
        | NodeEnum::Param(_)
        | NodeEnum::Aggref(_)
        | NodeEnum::WindowFunc(_)
        | NodeEnum::WindowFuncRunCondition(_)
        | NodeEnum::SubscriptingRef(_)
        | NodeEnum::FuncExpr(_)
        | NodeEnum::OpExpr(_)
        | NodeEnum::DistinctExpr(_)
        | NodeEnum::NullIfExpr(_)
        | NodeEnum::ScalarArrayOpExpr(_)
        | NodeEnum::SubPlan(_)
        | NodeEnum::AlternativeSubPlan(_)
        | NodeEnum::FieldSelect(_)
        | NodeEnum::FieldStore(_)
        | NodeEnum::RelabelType(_)
        | NodeEnum::CoerceViaIo(_)
        | NodeEnum::ArrayCoerceExpr(_)
        | NodeEnum::ConvertRowtypeExpr(_)
        | NodeEnum::CollateExpr(_)
        | NodeEnum::CaseTestExpr(_)
        | NodeEnum::ArrayExpr(_)
        | NodeEnum::RowCompareExpr(_)
        | NodeEnum::JsonConstructorExpr(_)
        | NodeEnum::JsonExpr(_)
        | NodeEnum::JsonTablePath(_)
        | NodeEnum::JsonTablePathScan(_)
        | NodeEnum::JsonTableSiblingJoin(_)
        | NodeEnum::MergeAction(_)
        | NodeEnum::CoerceToDomain(_)
        | NodeEnum::CoerceToDomainValue(_)
        | NodeEnum::NextValueExpr(_)
        | NodeEnum::InferenceElem(_)
        | NodeEnum::ReturningExpr(_)
        | NodeEnum::TargetEntry(_)
        | NodeEnum::RangeTblRef(_)
        | NodeEnum::FromExpr(_)
        | NodeEnum::OnConflictExpr(_)
        | NodeEnum::Query(_)
        | NodeEnum::RangeTblEntry(_)
        | NodeEnum::RtepermissionInfo(_)
        | NodeEnum::RangeTblFunction(_)
        | NodeEnum::TableSampleClause(_)
        | NodeEnum::WithCheckOption(_)
        | NodeEnum::SortGroupClause(_)
        | NodeEnum::WindowClause(_)
        | NodeEnum::RowMarkClause(_)
        | NodeEnum::SetOperationStmt(_)
        | NodeEnum::PlassignStmt(_)
        | NodeEnum::InlineCodeBlock(_)
        | NodeEnum::CallContext(_) => return false,
    }
    true
}

fn alias<'t>(x: &'t Alias, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.colnames, f);
}

fn grouping_func<'t>(x: &'t GroupingFunc, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    list(&x.args, f);
    list(&x.refs, f);
}

fn merge_support_func<'t>(x: &'t MergeSupportFunc, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
}

fn named_arg_expr<'t>(x: &'t NamedArgExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    one(&x.arg, f);
}

fn bool_expr<'t>(x: &'t BoolExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    list(&x.args, f);
}

fn sub_link<'t>(x: &'t SubLink, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    one(&x.testexpr, f);
    list(&x.oper_name, f);
    one(&x.subselect, f);
}

fn case_expr<'t>(x: &'t CaseExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    one(&x.arg, f);
    list(&x.args, f);
    one(&x.defresult, f);
}

fn case_when<'t>(x: &'t CaseWhen, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    one(&x.expr, f);
    one(&x.result, f);
}

fn row_expr<'t>(x: &'t RowExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    list(&x.args, f);
    list(&x.colnames, f);
}

fn coalesce_expr<'t>(x: &'t CoalesceExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    list(&x.args, f);
}

fn min_max_expr<'t>(x: &'t MinMaxExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    list(&x.args, f);
}

fn sql_value_function<'t>(x: &'t SqlValueFunction, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
}

fn xml_expr<'t>(x: &'t XmlExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    list(&x.named_args, f);
    list(&x.arg_names, f);
    list(&x.args, f);
}

fn json_format<'t>(_x: &'t JsonFormat, _f: &mut dyn FnMut(Part<'t>)) {}

fn json_returning<'t>(x: &'t JsonReturning, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.format {
        json_format(p, f);
    }
}

fn json_value_expr<'t>(x: &'t JsonValueExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.raw_expr, f);
    one(&x.formatted_expr, f);
    if let Some(p) = &x.format {
        json_format(p, f);
    }
}

fn json_is_predicate<'t>(x: &'t JsonIsPredicate, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.expr, f);
    if let Some(p) = &x.format {
        json_format(p, f);
    }
}

fn json_behavior<'t>(x: &'t JsonBehavior, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.expr, f);
}

fn null_test<'t>(x: &'t NullTest, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    one(&x.arg, f);
}

fn boolean_test<'t>(x: &'t BooleanTest, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
    one(&x.arg, f);
}

fn set_to_default<'t>(x: &'t SetToDefault, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
}

fn current_of_expr<'t>(x: &'t CurrentOfExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.xpr, f);
}

fn join_expr<'t>(x: &'t JoinExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.larg, f);
    one(&x.rarg, f);
    list(&x.using_clause, f);
    one(&x.quals, f);
}

fn column_ref<'t>(x: &'t ColumnRef, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.fields, f);
}

fn a_expr<'t>(x: &'t AExpr, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.name, f);
    one(&x.lexpr, f);
    one(&x.rexpr, f);
}

fn type_cast<'t>(x: &'t TypeCast, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.arg, f);
    if let Some(p) = &x.type_name {
        f(Part::Type(p));
    }
}

fn collate_clause<'t>(x: &'t CollateClause, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.arg, f);
    list(&x.collname, f);
}

fn window_def<'t>(x: &'t WindowDef, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.partition_clause, f);
    list(&x.order_clause, f);
    one(&x.start_offset, f);
    one(&x.end_offset, f);
}

fn func_call<'t>(x: &'t FuncCall, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.funcname, f);
    list(&x.args, f);
    list(&x.agg_order, f);
    one(&x.agg_filter, f);
    if let Some(p) = &x.over {
        window_def(p, f);
    }
}

fn a_indices<'t>(x: &'t AIndices, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.lidx, f);
    one(&x.uidx, f);
}

fn a_indirection<'t>(x: &'t AIndirection, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.arg, f);
    list(&x.indirection, f);
}

fn a_array_expr<'t>(x: &'t AArrayExpr, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.elements, f);
}

fn res_target<'t>(x: &'t ResTarget, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.indirection, f);
    one(&x.val, f);
}

fn multi_assign_ref<'t>(x: &'t MultiAssignRef, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.source, f);
}

fn sort_by<'t>(x: &'t SortBy, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.node, f);
    list(&x.use_op, f);
}

fn range_subselect<'t>(x: &'t RangeSubselect, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.subquery, f);
}

fn range_function<'t>(x: &'t RangeFunction, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.functions, f);
    list(&x.coldeflist, f);
}

fn range_table_func<'t>(x: &'t RangeTableFunc, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.docexpr, f);
    one(&x.rowexpr, f);
    list(&x.namespaces, f);
    list(&x.columns, f);
}

fn range_table_func_col<'t>(x: &'t RangeTableFuncCol, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.type_name {
        f(Part::Type(p));
    }
    one(&x.colexpr, f);
    one(&x.coldefexpr, f);
}

fn range_table_sample<'t>(x: &'t RangeTableSample, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.relation, f);
    list(&x.method, f);
    list(&x.args, f);
    one(&x.repeatable, f);
}

fn column_def<'t>(x: &'t ColumnDef, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.type_name {
        f(Part::Type(p));
    }
    one(&x.raw_default, f);
    one(&x.cooked_default, f);
    if let Some(p) = &x.identity_sequence {
        f(Part::Range(p));
    }
    if let Some(p) = &x.coll_clause {
        collate_clause(p, f);
    }
    list(&x.constraints, f);
    list(&x.fdwoptions, f);
}

fn table_like_clause<'t>(x: &'t TableLikeClause, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
}

fn index_elem<'t>(x: &'t IndexElem, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.expr, f);
    list(&x.collation, f);
    list(&x.opclass, f);
    list(&x.opclassopts, f);
}

fn def_elem<'t>(x: &'t DefElem, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.arg, f);
}

fn locking_clause<'t>(x: &'t LockingClause, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.locked_rels, f);
}

fn xml_serialize<'t>(x: &'t XmlSerialize, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.expr, f);
    if let Some(p) = &x.type_name {
        f(Part::Type(p));
    }
}

fn partition_elem<'t>(x: &'t PartitionElem, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.expr, f);
    list(&x.collation, f);
    list(&x.opclass, f);
}

fn partition_spec<'t>(x: &'t PartitionSpec, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.part_params, f);
}

fn partition_bound_spec<'t>(x: &'t PartitionBoundSpec, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.listdatums, f);
    list(&x.lowerdatums, f);
    list(&x.upperdatums, f);
}

fn partition_range_datum<'t>(x: &'t PartitionRangeDatum, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.value, f);
}

fn partition_cmd<'t>(x: &'t PartitionCmd, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.name {
        f(Part::Range(p));
    }
    if let Some(p) = &x.bound {
        partition_bound_spec(p, f);
    }
}

fn grouping_set<'t>(x: &'t GroupingSet, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.content, f);
}

fn infer_clause<'t>(x: &'t InferClause, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.index_elems, f);
    one(&x.where_clause, f);
}

fn on_conflict_clause<'t>(x: &'t OnConflictClause, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.infer {
        infer_clause(p, f);
    }
    list(&x.target_list, f);
    one(&x.where_clause, f);
}

fn cte_search_clause<'t>(x: &'t CteSearchClause, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.search_col_list, f);
}

fn cte_cycle_clause<'t>(x: &'t CteCycleClause, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.cycle_col_list, f);
    one(&x.cycle_mark_value, f);
    one(&x.cycle_mark_default, f);
}

fn common_table_expr<'t>(x: &'t CommonTableExpr, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.aliascolnames, f);
    one(&x.ctequery, f);
    if let Some(p) = &x.search_clause {
        cte_search_clause(p, f);
    }
    if let Some(p) = &x.cycle_clause {
        cte_cycle_clause(p, f);
    }
    list(&x.ctecolnames, f);
    list(&x.ctecoltypes, f);
    list(&x.ctecoltypmods, f);
    list(&x.ctecolcollations, f);
}

fn merge_when_clause<'t>(x: &'t MergeWhenClause, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.condition, f);
    list(&x.target_list, f);
    list(&x.values, f);
}

fn returning_clause<'t>(x: &'t ReturningClause, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
    list(&x.exprs, f);
}

fn json_output<'t>(x: &'t JsonOutput, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.type_name {
        f(Part::Type(p));
    }
    if let Some(p) = &x.returning {
        json_returning(p, f);
    }
}

fn json_argument<'t>(x: &'t JsonArgument, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.val {
        json_value_expr(p, f);
    }
}

fn json_func_expr<'t>(x: &'t JsonFuncExpr, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.context_item {
        json_value_expr(p, f);
    }
    one(&x.pathspec, f);
    list(&x.passing, f);
    if let Some(p) = &x.output {
        json_output(p, f);
    }
    if let Some(p) = &x.on_empty {
        json_behavior(p, f);
    }
    if let Some(p) = &x.on_error {
        json_behavior(p, f);
    }
}

fn json_table_path_spec<'t>(x: &'t JsonTablePathSpec, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.string, f);
}

fn json_table<'t>(x: &'t JsonTable, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.context_item {
        json_value_expr(p, f);
    }
    if let Some(p) = &x.pathspec {
        json_table_path_spec(p, f);
    }
    list(&x.passing, f);
    list(&x.columns, f);
    if let Some(p) = &x.on_error {
        json_behavior(p, f);
    }
}

fn json_table_column<'t>(x: &'t JsonTableColumn, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.type_name {
        f(Part::Type(p));
    }
    if let Some(p) = &x.pathspec {
        json_table_path_spec(p, f);
    }
    if let Some(p) = &x.format {
        json_format(p, f);
    }
    list(&x.columns, f);
    if let Some(p) = &x.on_empty {
        json_behavior(p, f);
    }
    if let Some(p) = &x.on_error {
        json_behavior(p, f);
    }
}

fn json_key_value<'t>(x: &'t JsonKeyValue, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.key, f);
    if let Some(p) = &x.value {
        json_value_expr(p, f);
    }
}

fn json_parse_expr<'t>(x: &'t JsonParseExpr, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.expr {
        json_value_expr(p, f);
    }
    if let Some(p) = &x.output {
        json_output(p, f);
    }
}

fn json_scalar_expr<'t>(x: &'t JsonScalarExpr, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.expr, f);
    if let Some(p) = &x.output {
        json_output(p, f);
    }
}

fn json_serialize_expr<'t>(x: &'t JsonSerializeExpr, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.expr {
        json_value_expr(p, f);
    }
    if let Some(p) = &x.output {
        json_output(p, f);
    }
}

fn json_object_constructor<'t>(x: &'t JsonObjectConstructor, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.exprs, f);
    if let Some(p) = &x.output {
        json_output(p, f);
    }
}

fn json_array_constructor<'t>(x: &'t JsonArrayConstructor, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.exprs, f);
    if let Some(p) = &x.output {
        json_output(p, f);
    }
}

fn json_array_query_constructor<'t>(x: &'t JsonArrayQueryConstructor, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.query, f);
    if let Some(p) = &x.output {
        json_output(p, f);
    }
    if let Some(p) = &x.format {
        json_format(p, f);
    }
}

fn json_agg_constructor<'t>(x: &'t JsonAggConstructor, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.output {
        json_output(p, f);
    }
    one(&x.agg_filter, f);
    list(&x.agg_order, f);
    if let Some(p) = &x.over {
        window_def(p, f);
    }
}

fn json_object_agg<'t>(x: &'t JsonObjectAgg, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.constructor {
        json_agg_constructor(p, f);
    }
    if let Some(p) = &x.arg {
        json_key_value(p, f);
    }
}

fn json_array_agg<'t>(x: &'t JsonArrayAgg, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.constructor {
        json_agg_constructor(p, f);
    }
    if let Some(p) = &x.arg {
        json_value_expr(p, f);
    }
}

fn raw_stmt<'t>(x: &'t RawStmt, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.stmt, f);
}

fn insert_stmt<'t>(x: &'t InsertStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.cols, f);
    one(&x.select_stmt, f);
    if let Some(p) = &x.on_conflict_clause {
        on_conflict_clause(p, f);
    }
    if let Some(p) = &x.returning_clause {
        returning_clause(p, f);
    }
    if let Some(p) = &x.with_clause {
        f(Part::With(p));
    }
}

fn delete_stmt<'t>(x: &'t DeleteStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.using_clause, f);
    one(&x.where_clause, f);
    if let Some(p) = &x.returning_clause {
        returning_clause(p, f);
    }
    if let Some(p) = &x.with_clause {
        f(Part::With(p));
    }
}

fn update_stmt<'t>(x: &'t UpdateStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.target_list, f);
    one(&x.where_clause, f);
    list(&x.from_clause, f);
    if let Some(p) = &x.returning_clause {
        returning_clause(p, f);
    }
    if let Some(p) = &x.with_clause {
        f(Part::With(p));
    }
}

fn merge_stmt<'t>(x: &'t MergeStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    one(&x.source_relation, f);
    one(&x.join_condition, f);
    list(&x.merge_when_clauses, f);
    if let Some(p) = &x.returning_clause {
        returning_clause(p, f);
    }
    if let Some(p) = &x.with_clause {
        f(Part::With(p));
    }
}

fn return_stmt<'t>(x: &'t ReturnStmt, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.returnval, f);
}

fn role_spec<'t>(_x: &'t RoleSpec, _f: &mut dyn FnMut(Part<'t>)) {}

fn create_schema_stmt<'t>(x: &'t CreateSchemaStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.authrole {
        role_spec(p, f);
    }
    list(&x.schema_elts, f);
}

fn alter_table_stmt<'t>(x: &'t AlterTableStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.cmds, f);
}

fn alter_table_cmd<'t>(x: &'t AlterTableCmd, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.newowner {
        role_spec(p, f);
    }
    one(&x.def, f);
}

fn alter_collation_stmt<'t>(x: &'t AlterCollationStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.collname, f);
}

fn alter_domain_stmt<'t>(x: &'t AlterDomainStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.type_name, f);
    one(&x.def, f);
}

fn grant_stmt<'t>(x: &'t GrantStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.objects, f);
    list(&x.privileges, f);
    list(&x.grantees, f);
    if let Some(p) = &x.grantor {
        role_spec(p, f);
    }
}

fn object_with_args<'t>(x: &'t ObjectWithArgs, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.objname, f);
    list(&x.objargs, f);
    list(&x.objfuncargs, f);
}

fn access_priv<'t>(x: &'t AccessPriv, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.cols, f);
}

fn grant_role_stmt<'t>(x: &'t GrantRoleStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.granted_roles, f);
    list(&x.grantee_roles, f);
    list(&x.opt, f);
    if let Some(p) = &x.grantor {
        role_spec(p, f);
    }
}

fn alter_default_privileges_stmt<'t>(x: &'t AlterDefaultPrivilegesStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
    if let Some(p) = &x.action {
        grant_stmt(p, f);
    }
}

fn copy_stmt<'t>(x: &'t CopyStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    one(&x.query, f);
    list(&x.attlist, f);
    list(&x.options, f);
    one(&x.where_clause, f);
}

fn variable_set_stmt<'t>(x: &'t VariableSetStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.args, f);
}

fn create_stmt<'t>(x: &'t CreateStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.table_elts, f);
    list(&x.inh_relations, f);
    if let Some(p) = &x.partbound {
        partition_bound_spec(p, f);
    }
    if let Some(p) = &x.partspec {
        partition_spec(p, f);
    }
    if let Some(p) = &x.of_typename {
        f(Part::Type(p));
    }
    list(&x.constraints, f);
    list(&x.nnconstraints, f);
    list(&x.options, f);
}

fn constraint<'t>(x: &'t Constraint, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.raw_expr, f);
    list(&x.keys, f);
    list(&x.including, f);
    list(&x.exclusions, f);
    list(&x.options, f);
    one(&x.where_clause, f);
    if let Some(p) = &x.pktable {
        f(Part::Range(p));
    }
    list(&x.fk_attrs, f);
    list(&x.pk_attrs, f);
    list(&x.fk_del_set_cols, f);
    list(&x.old_conpfeqop, f);
}

fn create_table_space_stmt<'t>(x: &'t CreateTableSpaceStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.owner {
        role_spec(p, f);
    }
    list(&x.options, f);
}

fn alter_table_space_options_stmt<'t>(x: &'t AlterTableSpaceOptionsStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn alter_table_move_all_stmt<'t>(x: &'t AlterTableMoveAllStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.roles, f);
}

fn create_extension_stmt<'t>(x: &'t CreateExtensionStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn alter_extension_stmt<'t>(x: &'t AlterExtensionStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn alter_extension_contents_stmt<'t>(x: &'t AlterExtensionContentsStmt, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.object, f);
}

fn create_fdw_stmt<'t>(x: &'t CreateFdwStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.func_options, f);
    list(&x.options, f);
}

fn alter_fdw_stmt<'t>(x: &'t AlterFdwStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.func_options, f);
    list(&x.options, f);
}

fn create_foreign_server_stmt<'t>(x: &'t CreateForeignServerStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn alter_foreign_server_stmt<'t>(x: &'t AlterForeignServerStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn create_foreign_table_stmt<'t>(x: &'t CreateForeignTableStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.base_stmt {
        create_stmt(p, f);
    }
    list(&x.options, f);
}

fn create_user_mapping_stmt<'t>(x: &'t CreateUserMappingStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.user {
        role_spec(p, f);
    }
    list(&x.options, f);
}

fn alter_user_mapping_stmt<'t>(x: &'t AlterUserMappingStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.user {
        role_spec(p, f);
    }
    list(&x.options, f);
}

fn drop_user_mapping_stmt<'t>(x: &'t DropUserMappingStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.user {
        role_spec(p, f);
    }
}

fn import_foreign_schema_stmt<'t>(x: &'t ImportForeignSchemaStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.table_list, f);
    list(&x.options, f);
}

fn create_policy_stmt<'t>(x: &'t CreatePolicyStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.table {
        f(Part::Range(p));
    }
    list(&x.roles, f);
    one(&x.qual, f);
    one(&x.with_check, f);
}

fn alter_policy_stmt<'t>(x: &'t AlterPolicyStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.table {
        f(Part::Range(p));
    }
    list(&x.roles, f);
    one(&x.qual, f);
    one(&x.with_check, f);
}

fn create_am_stmt<'t>(x: &'t CreateAmStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.handler_name, f);
}

fn create_trig_stmt<'t>(x: &'t CreateTrigStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.funcname, f);
    list(&x.args, f);
    list(&x.columns, f);
    one(&x.when_clause, f);
    list(&x.transition_rels, f);
    if let Some(p) = &x.constrrel {
        f(Part::Range(p));
    }
}

fn create_event_trig_stmt<'t>(x: &'t CreateEventTrigStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.whenclause, f);
    list(&x.funcname, f);
}

fn create_p_lang_stmt<'t>(x: &'t CreatePLangStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.plhandler, f);
    list(&x.plinline, f);
    list(&x.plvalidator, f);
}

fn create_role_stmt<'t>(x: &'t CreateRoleStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn alter_role_stmt<'t>(x: &'t AlterRoleStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.role {
        role_spec(p, f);
    }
    list(&x.options, f);
}

fn alter_role_set_stmt<'t>(x: &'t AlterRoleSetStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.role {
        role_spec(p, f);
    }
    if let Some(p) = &x.setstmt {
        variable_set_stmt(p, f);
    }
}

fn drop_role_stmt<'t>(x: &'t DropRoleStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.roles, f);
}

fn create_seq_stmt<'t>(x: &'t CreateSeqStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.sequence {
        f(Part::Range(p));
    }
    list(&x.options, f);
}

fn alter_seq_stmt<'t>(x: &'t AlterSeqStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.sequence {
        f(Part::Range(p));
    }
    list(&x.options, f);
}

fn define_stmt<'t>(x: &'t DefineStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.defnames, f);
    list(&x.args, f);
    list(&x.definition, f);
}

fn create_domain_stmt<'t>(x: &'t CreateDomainStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.domainname, f);
    if let Some(p) = &x.type_name {
        f(Part::Type(p));
    }
    if let Some(p) = &x.coll_clause {
        collate_clause(p, f);
    }
    list(&x.constraints, f);
}

fn create_op_class_stmt<'t>(x: &'t CreateOpClassStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.opclassname, f);
    list(&x.opfamilyname, f);
    if let Some(p) = &x.datatype {
        f(Part::Type(p));
    }
    list(&x.items, f);
}

fn create_op_class_item<'t>(x: &'t CreateOpClassItem, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.name {
        object_with_args(p, f);
    }
    list(&x.order_family, f);
    list(&x.class_args, f);
    if let Some(p) = &x.storedtype {
        f(Part::Type(p));
    }
}

fn create_op_family_stmt<'t>(x: &'t CreateOpFamilyStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.opfamilyname, f);
}

fn alter_op_family_stmt<'t>(x: &'t AlterOpFamilyStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.opfamilyname, f);
    list(&x.items, f);
}

fn drop_stmt<'t>(x: &'t DropStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.objects, f);
}

fn truncate_stmt<'t>(x: &'t TruncateStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.relations, f);
}

fn comment_stmt<'t>(x: &'t CommentStmt, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.object, f);
}

fn sec_label_stmt<'t>(x: &'t SecLabelStmt, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.object, f);
}

fn declare_cursor_stmt<'t>(x: &'t DeclareCursorStmt, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.query, f);
}

fn index_stmt<'t>(x: &'t IndexStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.index_params, f);
    list(&x.index_including_params, f);
    list(&x.options, f);
    one(&x.where_clause, f);
    list(&x.exclude_op_names, f);
}

fn create_stats_stmt<'t>(x: &'t CreateStatsStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.defnames, f);
    list(&x.stat_types, f);
    list(&x.exprs, f);
    list(&x.relations, f);
}

fn stats_elem<'t>(x: &'t StatsElem, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.expr, f);
}

fn alter_stats_stmt<'t>(x: &'t AlterStatsStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.defnames, f);
    one(&x.stxstattarget, f);
}

fn create_function_stmt<'t>(x: &'t CreateFunctionStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.funcname, f);
    list(&x.parameters, f);
    if let Some(p) = &x.return_type {
        f(Part::Type(p));
    }
    list(&x.options, f);
    one(&x.sql_body, f);
}

fn function_parameter<'t>(x: &'t FunctionParameter, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.arg_type {
        f(Part::Type(p));
    }
    one(&x.defexpr, f);
}

fn alter_function_stmt<'t>(x: &'t AlterFunctionStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.func {
        object_with_args(p, f);
    }
    list(&x.actions, f);
}

fn do_stmt<'t>(x: &'t DoStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.args, f);
}

fn call_stmt<'t>(x: &'t CallStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.funccall {
        func_call(p, f);
    }
    list(&x.outargs, f);
}

fn rename_stmt<'t>(x: &'t RenameStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    one(&x.object, f);
}

fn string<'t>(_x: &'t String, _f: &mut dyn FnMut(Part<'t>)) {}

fn alter_object_depends_stmt<'t>(x: &'t AlterObjectDependsStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    one(&x.object, f);
    if let Some(p) = &x.extname {
        string(p, f);
    }
}

fn alter_object_schema_stmt<'t>(x: &'t AlterObjectSchemaStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    one(&x.object, f);
}

fn alter_owner_stmt<'t>(x: &'t AlterOwnerStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    one(&x.object, f);
    if let Some(p) = &x.newowner {
        role_spec(p, f);
    }
}

fn alter_operator_stmt<'t>(x: &'t AlterOperatorStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.opername {
        object_with_args(p, f);
    }
    list(&x.options, f);
}

fn alter_type_stmt<'t>(x: &'t AlterTypeStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.type_name, f);
    list(&x.options, f);
}

fn rule_stmt<'t>(x: &'t RuleStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    one(&x.where_clause, f);
    list(&x.actions, f);
}

fn transaction_stmt<'t>(x: &'t TransactionStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn composite_type_stmt<'t>(x: &'t CompositeTypeStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.typevar {
        f(Part::Range(p));
    }
    list(&x.coldeflist, f);
}

fn create_enum_stmt<'t>(x: &'t CreateEnumStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.type_name, f);
    list(&x.vals, f);
}

fn create_range_stmt<'t>(x: &'t CreateRangeStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.type_name, f);
    list(&x.params, f);
}

fn alter_enum_stmt<'t>(x: &'t AlterEnumStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.type_name, f);
}

fn view_stmt<'t>(x: &'t ViewStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.view {
        f(Part::Range(p));
    }
    list(&x.aliases, f);
    one(&x.query, f);
    list(&x.options, f);
}

fn createdb_stmt<'t>(x: &'t CreatedbStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn alter_database_stmt<'t>(x: &'t AlterDatabaseStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn alter_database_set_stmt<'t>(x: &'t AlterDatabaseSetStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.setstmt {
        variable_set_stmt(p, f);
    }
}

fn dropdb_stmt<'t>(x: &'t DropdbStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
}

fn alter_system_stmt<'t>(x: &'t AlterSystemStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.setstmt {
        variable_set_stmt(p, f);
    }
}

fn cluster_stmt<'t>(x: &'t ClusterStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.params, f);
}

fn vacuum_stmt<'t>(x: &'t VacuumStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
    list(&x.rels, f);
}

fn vacuum_relation<'t>(x: &'t VacuumRelation, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.va_cols, f);
}

fn explain_stmt<'t>(x: &'t ExplainStmt, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.query, f);
    list(&x.options, f);
}

fn create_table_as_stmt<'t>(x: &'t CreateTableAsStmt, f: &mut dyn FnMut(Part<'t>)) {
    one(&x.query, f);
    if let Some(p) = &x.into {
        f(Part::Into(p));
    }
}

fn refresh_mat_view_stmt<'t>(x: &'t RefreshMatViewStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
}

fn lock_stmt<'t>(x: &'t LockStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.relations, f);
}

fn constraints_set_stmt<'t>(x: &'t ConstraintsSetStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.constraints, f);
}

fn reindex_stmt<'t>(x: &'t ReindexStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    list(&x.params, f);
}

fn create_conversion_stmt<'t>(x: &'t CreateConversionStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.conversion_name, f);
    list(&x.func_name, f);
}

fn create_cast_stmt<'t>(x: &'t CreateCastStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.sourcetype {
        f(Part::Type(p));
    }
    if let Some(p) = &x.targettype {
        f(Part::Type(p));
    }
    if let Some(p) = &x.func {
        object_with_args(p, f);
    }
}

fn create_transform_stmt<'t>(x: &'t CreateTransformStmt, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.type_name {
        f(Part::Type(p));
    }
    if let Some(p) = &x.fromsql {
        object_with_args(p, f);
    }
    if let Some(p) = &x.tosql {
        object_with_args(p, f);
    }
}

fn prepare_stmt<'t>(x: &'t PrepareStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.argtypes, f);
    one(&x.query, f);
}

fn execute_stmt<'t>(x: &'t ExecuteStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.params, f);
}

fn drop_owned_stmt<'t>(x: &'t DropOwnedStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.roles, f);
}

fn reassign_owned_stmt<'t>(x: &'t ReassignOwnedStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.roles, f);
    if let Some(p) = &x.newrole {
        role_spec(p, f);
    }
}

fn alter_ts_dictionary_stmt<'t>(x: &'t AlterTsDictionaryStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.dictname, f);
    list(&x.options, f);
}

fn alter_ts_configuration_stmt<'t>(x: &'t AlterTsConfigurationStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.cfgname, f);
    list(&x.tokentype, f);
    list(&x.dicts, f);
}

fn publication_table<'t>(x: &'t PublicationTable, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.relation {
        f(Part::Range(p));
    }
    one(&x.where_clause, f);
    list(&x.columns, f);
}

fn publication_obj_spec<'t>(x: &'t PublicationObjSpec, f: &mut dyn FnMut(Part<'t>)) {
    if let Some(p) = &x.pubtable {
        publication_table(p, f);
    }
}

fn create_publication_stmt<'t>(x: &'t CreatePublicationStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
    list(&x.pubobjects, f);
}

fn alter_publication_stmt<'t>(x: &'t AlterPublicationStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.options, f);
    list(&x.pubobjects, f);
}

fn create_subscription_stmt<'t>(x: &'t CreateSubscriptionStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.publication, f);
    list(&x.options, f);
}

fn alter_subscription_stmt<'t>(x: &'t AlterSubscriptionStmt, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.publication, f);
    list(&x.options, f);
}

fn nodes_of_list<'t>(x: &'t List, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.items, f);
}

fn int_list<'t>(x: &'t IntList, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.items, f);
}

fn oid_list<'t>(x: &'t OidList, f: &mut dyn FnMut(Part<'t>)) {
    list(&x.items, f);
}
