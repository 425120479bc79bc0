#!/bin/sh
# Writes crates/sql/src/postgres/builtin_names.rs from a PostgreSQL server's own catalog: functions of its own that are harmless
# whatever their arguments, its types and its operators.
#
# Usage: PGHOST=... PGPORT=... PGUSER=... scripts/builtins.sh > crates/sql/src/postgres/builtin_names.rs
# Run it with the oldest server supported; names of later servers are listed below by hand.
# Harmless: reads no table, file or other session, takes no SQL and no table to read, changes nothing but a sequence.
set -eu

query() { psql -X -A -t -q -v ON_ERROR_STOP=1 -d "${PGDATABASE:-postgres}" -c "$1"; }

functions() {
    query "
    SELECT proname FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace
    GROUP BY proname
    HAVING bool_and(provolatile <> 'v' OR proname IN ('random', 'gen_random_uuid', 'clock_timestamp', 'timeofday', 'nextval',
                    'currval', 'lastval', 'pg_relation_size', 'pg_total_relation_size', 'pg_table_size', 'pg_indexes_size',
                    'pg_database_size', 'pg_is_in_recovery', 'pg_partition_tree', 'pg_partition_ancestors'))
       AND bool_and(prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype,
                    'index_am_handler'::regtype, 'table_am_handler'::regtype, 'language_handler'::regtype, 'fdw_handler'::regtype,
                    'tsm_handler'::regtype))
       AND bool_and(NOT proargtypes::oid[] @> ARRAY['internal'::regtype::oid] OR prokind = 'a')
       AND proname !~ '^(binary_upgrade|brin|gin|gist|spg|hash_|lo_|loread|lowrite|be_lo|fmgr_|shell_|plpgsql|txid_|amvalidate|RI_)'
       AND proname !~ '^(query|table|cursor|schema|database)_to_xml'
       AND proname !~ '^(ts_stat|ts_rewrite|set_config|currtid|suppress_|unique_key_|inet_client|inet_server|row_security)'
       AND (proname !~ '^pg_' OR proname ~ '^pg_(typeof|get_.*def|get_expr|get_userbyid|get_serial_sequence|get_keywords|.*_is_visible|
            |backend_pid|encoding_to_char|char_to_encoding|client_encoding|size_pretty|size_bytes|relation_size|total_relation_size|
            |table_size|indexes_size|database_size|column_size|column_compression|is_in_recovery|postmaster_start_time|conf_load_time|
            |my_temp_schema|is_other_temp_schema|collation_for|describe_object|identify_object|options_to_table|timezone_names|
            |timezone_abbrevs|index_column_has_property|index_has_property|indexam_has_property|trigger_depth|partition_root|
            |partition_ancestors|partition_tree|relation_is_updatable|column_is_updatable|relation_is_publishable|
            |get_function_arguments|get_function_identity_arguments|get_function_result|get_function_arg_default|
            |get_constraintdef|listening_channels|current_snapshot|sequence_parameters)\$')
    " | tr -d ' '
    # Written as syntax, but a function of this name on servers before 16 to 18 could be the user's own.
    printf '%s\n' json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize \
        json_table json_value merge_action xmltable
    # Sampling methods.
    printf '%s\n' bernoulli system
    # PostgreSQL 16 to 18.
    printf '%s\n' any_value array_reverse array_sample array_shuffle array_sort casefold crc32 crc32c date_add date_subtract erf erfc \
        gamma icu_unicode_version lgamma pg_basetype pg_input_error_info pg_input_is_valid random_normal to_bin to_oct \
        unicode_assigned unicode_version uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 xmltext
}

types() {
    query "SELECT typname FROM pg_type t WHERE typnamespace = 'pg_catalog'::regnamespace AND typname !~ '^(_|pg_)' AND typrelid = 0"
}

operators() {
    query "SELECT DISTINCT oprname FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace"
    printf '%s\n' '<>' '!='
}

table() {
    names=$(LC_ALL=C sort -u)
    printf '\n/// %s\npub(super) static %s: [&str; %s] = [\n' "$2" "$1" "$(printf '%s\n' "$names" | wc -l)"
    printf '%s\n' "$names" | sed 's/.*/    "&",/'
    printf '];\n'
}

cat <<'EOF'
//! Names of PostgreSQL's own functions, types and operators, sorted by bytes.
//!
//! Made by `scripts/builtins.sh` from a server's catalog, not by hand. A function is here only if no overload of it reads a table, a
//! file or another session, takes SQL or a table to read as text, or changes anything but a sequence.
EOF
functions | table FUNCTIONS "Functions that are harmless whatever their arguments."
types | table TYPES "Types."
operators | table OPERATORS "Operators."
