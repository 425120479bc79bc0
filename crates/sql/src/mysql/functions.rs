//! Which functions are the servers' own and harmless, and which are their own and not.
//!
//! Only names that a server surely has are harmless there: a stored function may have any other. Those that read files, wait, take locks
//! or keep state are never harmless. Each list was tried on MySQL 9.7 and MariaDB 10.11 and 11, with a space before the parenthesis too. Spec:
//! MySQL "Built-In Function and Operator Reference", MariaDB "Built-in Functions".

use super::mode::{Flavour, Syntax};
use crate::statement::Name;

/// Harmless functions of both servers; small letters.
const PURE: &[&str] = &[
    "abs",
    "acos",
    "adddate",
    "addtime",
    "aes_decrypt",
    "aes_encrypt",
    "ascii",
    "asin",
    "atan",
    "atan2",
    "avg",
    "bin",
    "bit_and",
    "bit_count",
    "bit_length",
    "bit_or",
    "bit_xor",
    "cast",
    "ceil",
    "ceiling",
    "char",
    "char_length",
    "character_length",
    "charset",
    "coalesce",
    "coercibility",
    "collation",
    "compress",
    "concat",
    "concat_ws",
    "connection_id",
    "conv",
    "convert",
    "convert_tz",
    "cos",
    "cot",
    "count",
    "crc32",
    "cume_dist",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "curtime",
    "database",
    "date",
    "date_add",
    "date_format",
    "date_sub",
    "datediff",
    "day",
    "dayname",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "default",
    "degrees",
    "dense_rank",
    "elt",
    "exp",
    "export_set",
    "extract",
    "extractvalue",
    "field",
    "find_in_set",
    "first_value",
    "floor",
    "format",
    "found_rows",
    "from_base64",
    "from_days",
    "from_unixtime",
    "get_format",
    "greatest",
    "group_concat",
    "hex",
    "hour",
    "if",
    "ifnull",
    "inet6_aton",
    "inet6_ntoa",
    "inet_aton",
    "inet_ntoa",
    "insert",
    "instr",
    "interval",
    "is_ipv4",
    "is_ipv4_compat",
    "is_ipv4_mapped",
    "is_ipv6",
    "isnull",
    "json_array",
    "json_array_append",
    "json_array_insert",
    "json_arrayagg",
    "json_contains",
    "json_contains_path",
    "json_depth",
    "json_extract",
    "json_insert",
    "json_keys",
    "json_length",
    "json_merge_patch",
    "json_merge_preserve",
    "json_object",
    "json_objectagg",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_search",
    "json_set",
    "json_type",
    "json_unquote",
    "json_valid",
    "json_value",
    "lag",
    "last_day",
    "last_value",
    "lcase",
    "lead",
    "least",
    "left",
    "length",
    "ln",
    "localtime",
    "localtimestamp",
    "locate",
    "log",
    "log10",
    "log2",
    "lower",
    "lpad",
    "ltrim",
    "make_set",
    "makedate",
    "maketime",
    "max",
    "mbrcontains",
    "mbrdisjoint",
    "mbrintersects",
    "mbroverlaps",
    "mbrtouches",
    "mbrwithin",
    "microsecond",
    "mid",
    "min",
    "minute",
    "mod",
    "month",
    "monthname",
    "name_const",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "oct",
    "octet_length",
    "ord",
    "percent_rank",
    "period_add",
    "period_diff",
    "pi",
    "position",
    "pow",
    "power",
    "quarter",
    "quote",
    "radians",
    "rand",
    "rank",
    "regexp_instr",
    "regexp_replace",
    "regexp_substr",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_count",
    "row_number",
    "rpad",
    "rtrim",
    "schema",
    "sec_to_time",
    "second",
    "session_user",
    "sha2",
    "sign",
    "sin",
    "soundex",
    "space",
    "sqrt",
    "st_area",
    "st_asbinary",
    "st_asgeojson",
    "st_astext",
    "st_aswkb",
    "st_aswkt",
    "st_buffer",
    "st_centroid",
    "st_contains",
    "st_convexhull",
    "st_crosses",
    "st_difference",
    "st_dimension",
    "st_disjoint",
    "st_distance",
    "st_endpoint",
    "st_envelope",
    "st_equals",
    "st_exteriorring",
    "st_geomcollfromtext",
    "st_geometryfromtext",
    "st_geometryn",
    "st_geometrytype",
    "st_geomfromgeojson",
    "st_geomfromtext",
    "st_geomfromwkb",
    "st_interiorringn",
    "st_intersection",
    "st_intersects",
    "st_isclosed",
    "st_isempty",
    "st_issimple",
    "st_length",
    "st_linefromtext",
    "st_numgeometries",
    "st_numinteriorrings",
    "st_numpoints",
    "st_overlaps",
    "st_pointfromtext",
    "st_pointn",
    "st_polyfromtext",
    "st_srid",
    "st_startpoint",
    "st_symdifference",
    "st_touches",
    "st_union",
    "st_within",
    "st_x",
    "st_y",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "str_to_date",
    "strcmp",
    "subdate",
    "substr",
    "substring",
    "substring_index",
    "subtime",
    "sum",
    "sysdate",
    "system_user",
    "tan",
    "time",
    "time_format",
    "time_to_sec",
    "timediff",
    "timestamp",
    "timestampadd",
    "timestampdiff",
    "to_base64",
    "to_days",
    "to_seconds",
    "trim",
    "truncate",
    "ucase",
    "uncompress",
    "uncompressed_length",
    "unhex",
    "unix_timestamp",
    "updatexml",
    "upper",
    "user",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
    "values",
    "var_pop",
    "var_samp",
    "variance",
    "version",
    "week",
    "weekday",
    "weekofyear",
    "weight_string",
    "year",
    "yearweek",
];

/// Harmless functions of MySQL alone.
const PURE_MYSQL: &[&str] = &[
    "any_value",
    "bin_to_uuid",
    "geometrycollection",
    "grouping",
    "is_uuid",
    "json_overlaps",
    "json_pretty",
    "json_schema_valid",
    "json_schema_validation_report",
    "json_storage_free",
    "json_storage_size",
    "linestring",
    "multilinestring",
    "multipoint",
    "multipolygon",
    "point",
    "polygon",
    "random_bytes",
    "regexp_like",
    "st_distance_sphere",
    "st_geohash",
    "st_isvalid",
    "st_latitude",
    "st_longitude",
    "st_simplify",
    "st_swapxy",
    "st_transform",
    "st_validate",
    "statement_digest",
    "statement_digest_text",
    "uuid_to_bin",
];

/// Harmless functions of MySQL that its ninth version has no more: then others may have these names.
const PURE_OLD_MYSQL: &[&str] = &["md5", "sha", "sha1"];

/// Harmless functions of MariaDB alone.
const PURE_MARIADB: &[&str] = &[
    "chr",
    "decode_histogram",
    "json_compact",
    "json_detailed",
    "json_exists",
    "json_loose",
    "json_query",
    "lengthb",
    "md5",
    "median",
    "percentile_cont",
    "percentile_disc",
    "sha",
    "sha1",
    "to_char",
];

/// Functions that are known by their parenthesis right behind the name; with a space between, that is a stored function.
const ADJACENT: &[&str] = &[
    "adddate",
    "bit_and",
    "bit_or",
    "bit_xor",
    "cast",
    "count",
    "curdate",
    "curtime",
    "date_add",
    "date_sub",
    "extract",
    "group_concat",
    "json_arrayagg",
    "json_objectagg",
    "max",
    "mid",
    "min",
    "now",
    "position",
    "session_user",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "subdate",
    "substr",
    "substring",
    "sum",
    "sysdate",
    "system_user",
    "trim",
    "var_pop",
    "var_samp",
    "variance",
];

/// The same of MariaDB alone.
const ADJACENT_MARIADB: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "lead",
    "median",
    "nth_value",
    "ntile",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "rank",
];

/// Harmless functions of which the value may differ between rows.
const UNSTABLE: &[&str] = &[
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "connection_id",
    "count",
    "cume_dist",
    "dense_rank",
    "first_value",
    "found_rows",
    "group_concat",
    "json_arrayagg",
    "json_objectagg",
    "lag",
    "last_value",
    "lead",
    "max",
    "median",
    "min",
    "name_const",
    "nth_value",
    "ntile",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "rand",
    "random_bytes",
    "rank",
    "row_count",
    "row_number",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "sum",
    "sysdate",
    "uuid",
    "var_pop",
    "var_samp",
    "variance",
];

/// Functions of both servers that read files, wait, lock or keep state, and nothing more.
const OWN: &[&str] = &[
    "benchmark",
    "get_lock",
    "is_free_lock",
    "is_used_lock",
    "last_insert_id",
    "load_file",
    "master_pos_wait",
    "release_all_locks",
    "release_lock",
    "sleep",
    "uuid_short",
];

/// The same of MySQL alone.
const OWN_MYSQL: &[&str] = &["source_pos_wait", "wait_for_executed_gtid_set"];

/// The same of MariaDB alone.
const OWN_MARIADB: &[&str] = &["lastval", "master_gtid_wait", "nextval", "setval"];

fn is_in(list: &[&str], name: &str) -> bool {
    list.binary_search(&name).is_ok()
}

/// Whether a call of this name, in small letters and without a database, can only be a harmless function of the server's own.
pub fn is_pure(name: &str, syntax: &Syntax) -> bool {
    let more = match syntax.flavour {
        Flavour::MySql => is_in(PURE_MYSQL, name) || (syntax.version < 90_000 && is_in(PURE_OLD_MYSQL, name)),
        Flavour::MariaDb => is_in(PURE_MARIADB, name),
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
        let pure = [PURE, PURE_MYSQL, PURE_OLD_MYSQL, PURE_MARIADB, UNSTABLE];
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
    }
}
