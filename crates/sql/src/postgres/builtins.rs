//! What came with PostgreSQL: functions that are harmless, types, operators.
//!
//! An allow-list: a function that is not on it may do anything. The names alone decide nothing, since a user's function of the same name
//! may be in reach; [`crate::catalog::Catalog::has_user_function`] knows those.

use super::builtin_names::{FUNCTIONS, OPERATORS, TYPES};

/// Whether every function of PostgreSQL's own with this name is harmless whatever its arguments.
pub fn is_pure(name: &str) -> bool {
    FUNCTIONS.binary_search(&name).is_ok()
}

/// Whether PostgreSQL has a type of this name of its own.
pub fn is_type(name: &str) -> bool {
    TYPES.binary_search(&name).is_ok() || name.strip_prefix('_').is_some_and(is_type)
}

/// Whether PostgreSQL has an operator of this name of its own.
pub fn is_operator(name: &str) -> bool {
    OPERATORS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(FUNCTIONS.is_sorted() && TYPES.is_sorted() && OPERATORS.is_sorted());
    }

    #[test]
    fn functions_that_read_or_run_text_are_not_pure() {
        let harmful = "query_to_xml query_to_xmlschema query_to_xml_and_xmlschema table_to_xml cursor_to_xml schema_to_xml \
            database_to_xml ts_stat ts_rewrite pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_import lo_export lo_get \
            lo_from_bytea dblink set_config pg_sleep pg_notify pg_terminate_backend pg_cancel_backend pg_reload_conf \
            pg_logical_slot_get_changes pg_stat_get_activity setval pg_advisory_lock currtid2 lo_put loread lowrite \
            pg_logical_emit_message pg_create_restore_point pg_switch_wal pg_rotate_logfile pg_prepared_statement pg_cursor";
        for name in harmful.split_whitespace() {
            assert!(!is_pure(name), "{name}");
        }
    }

    #[test]
    fn everyday_functions_are_pure() {
        for name in "count sum lower now date_trunc jsonb_build_object row_to_json nextval random length coalesce_not"
            .split(' ')
        {
            assert_eq!(is_pure(name), name != "coalesce_not", "{name}");
        }
    }
}
