//! Whole files through [`Config::parse`]: what is accepted, and the exact words for what is not.

use std::{fs, path::Path, time::Duration};

use super::*;

const GOOD: &str = r#"
[[listener]]
protocol = "postgres"
bind = "127.0.0.1:6432"

[[identity]]
name = "corp"
issuer = "https://idp.example.com"
audience = "portcullis"

[[upstream]]
name = "shop"
protocol = "postgres"
address = "127.0.0.1:5432"
database = "shop"
user = "app"
password = { env = "SHOP_PASSWORD" }
tls = "off"

[policy]
dir = "policies"
"#;

/// A folder with the files that the texts name.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("policies")).unwrap();
    for (name, text) in
        [("gw.crt", "c"), ("gw.key", "k"), ("password", "s3cret\n"), ("empty", "\n"), ("terms", "red\n\n blue \n")]
    {
        fs::write(dir.path().join(name), text).unwrap();
        close_to_others(&dir.path().join(name), 0o600);
    }
    dir
}

fn close_to_others(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn parse_in(dir: &Path, text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, dir, &|name| match name {
        "SHOP_PASSWORD" => Some("s3cret".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    })
}

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    parse_in(folder().path(), text)
}

/// The words for everything wrong with `text`, the folder's own name taken out.
fn mistakes(text: &str) -> String {
    let dir = folder();
    let errors = parse_in(dir.path(), text).err().expect("the text should be refused");
    errors.to_string().replace(&dir.path().display().to_string(), "[dir]")
}

/// The good file with one piece exchanged.
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "the good file has no {old}");
    GOOD.replacen(old, new, 1)
}

/// The good file with lines added at its end.
fn plus(lines: &str) -> String {
    format!("{GOOD}\n{lines}\n")
}

fn golden(name: &str, shown: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, shown);
    });
}

macro_rules! golden {
    ($($name:ident: $text:expr;)*) => {$(
        #[test]
        fn $name() {
            golden(stringify!($name), &mistakes(&$text));
        }
    )*};
}

golden! {
    an_unknown_key_suggests_the_nearest: with("address =", "adress =");
    an_unknown_key_lists_what_is_known: with("dir =", "colour = 1\ndir =");
    an_unknown_section_is_refused: plus("[telemetry]\non = true");
    a_syntax_error_is_placed: with("user = \"app\"", "user = app");
    a_password_that_does_not_end_is_not_shown: with("{ env = \"SHOP_PASSWORD\" }", "\"hunter2");
    a_missing_key_is_named: with("database = \"shop\"", "");
    missing_sections_are_named: "data_dir = \"d\"";
    a_wrong_type_is_shown: with("address = \"127.0.0.1:5432\"", "address = 5432");
    a_section_that_is_not_a_table: with("[policy]\ndir = \"policies\"", "[[policy]]\ndir = \"policies\"");
    a_list_that_is_not_a_list: with("[[upstream]]", "[upstream]");
    an_open_listener_needs_tls: with("127.0.0.1:6432", "0.0.0.0:6432");
    an_open_admin_needs_tls: plus("[admin]\nbind = \"[::]:8443\"");
    a_certificate_must_be_readable: with("bind =", "tls = { cert = \"absent.crt\", key = \"policies\" }\nbind =");
    a_listener_by_host_name: with("127.0.0.1:6432", "localhost:6432");
    an_unsupported_protocol_is_named: with("protocol = \"postgres\"", "protocol = \"http\"");
    an_unsupported_upstream_is_named: with("protocol = \"postgres\"\naddress", "protocol = \"http\"\naddress");
    a_password_in_clear_is_refused_and_not_shown: with("{ env = \"SHOP_PASSWORD\" }", "\"hunter2\"");
    a_password_from_vault: with("{ env = \"SHOP_PASSWORD\" }", "{ vault = \"db/shop\" }");
    a_password_from_two_places: with("{ env = \"SHOP_PASSWORD\" }", "{ env = \"SHOP_PASSWORD\", file = \"password\" }");
    a_password_variable_that_is_not_set: with("SHOP_PASSWORD", "NOT_SET");
    a_password_variable_that_is_empty: with("SHOP_PASSWORD", "EMPTY");
    a_password_file_that_is_absent: with("{ env = \"SHOP_PASSWORD\" }", "{ file = \"absent\" }");
    a_password_file_that_is_empty: with("{ env = \"SHOP_PASSWORD\" }", "{ file = \"empty\" }");
    a_tls_mode_that_is_not_one: with("tls = \"off\"", "tls = \"on\"");
    an_authority_that_nobody_checks: with("tls = \"off\"", "tls = \"require\"\nca = \"gw.crt\"");
    two_upstreams_of_one_name: plus(&GOOD[GOOD.find("[[upstream]]").unwrap()..GOOD.find("[policy]").unwrap()]);
    two_listeners_at_one_place: plus("[admin]\nbind = \"127.0.0.1:6432\"");
    a_listener_for_an_unknown_upstream: with("bind =", "upstreams = [\"shop\", \"shoe\"]\nbind =");
    a_detector_for_an_unknown_upstream: plus("[[detect]]\nupstream = \"shoe\"\npatterns = [\"email\"]\nclass = \"secret\"");
    a_detector_that_is_not_known: plus("[[detect]]\nupstream = \"*\"\npatterns = [\"email\", \"passport\"]\nclass = \"secret\"");
    a_detector_that_finds_nothing: plus("[[detect]]\nupstream = \"*\"\nclass = \"secret\"");
    a_dictionary_without_terms: plus("[[detect]]\nupstream = \"*\"\nclass = \"secret\"\ndictionary = \"empty\"");
    classes_of_columns_are_refused_not_ignored: plus(
        "[[classify]]\nupstream = \"shop\"\ncolumns = [\"public.c.ssn\"]\nclass = \"pii\"\nmask = { strategy = \"partial\", keep_lest = 4 }"
    );
    row_filters_are_refused_not_ignored: plus(
        "[[row_filter]]\nupstream = \"shop\"\ntable = \"public.orders\"\ngroup = \"emea\"\npredicate = \"region = 'EMEA'\""
    );
    a_duration_without_a_unit: plus("[session]\nmax_age = \"30\"");
    a_duration_out_of_range: plus("[limits]\nlogin_deadline = \"2h\"");
    a_size_that_is_not_one: plus("[session]\nstatement_limit = 4194304");
    a_number_out_of_range: plus("[limits]\nconnections = 0");
    more_for_one_than_for_all: plus("[limits]\nconnections = 10\nconnections_per_identity = 20");
    a_head_without_use: plus("[recording]\nresults = \"none\"\nresults_head = \"1 KiB\"");
    a_witness_of_two_kinds: plus("[recording]\nwitness = [{ file = \"w\", webhook = \"https://w\" }, { webhook = \"http://w.example.com\" }]");
    an_issuer_in_clear: with("https://idp", "http://idp");
    a_group_of_nobody: plus("[admin]\nbind = \"127.0.0.1:0\"\nadmins = [\"corp|dba\", { identity = \"crop\", group = \"dba\" }]");
    a_policy_folder_that_is_absent: with("\"policies\"", "\"polices\"");
    a_log_format_that_is_not_one: plus("[log]\nformat = \"xml\"\nlevel = \"loud\"");
    every_mistake_is_shown_at_once: with("user = \"app\"", "usr = \"app\"\nmax_connections = -1").replace("audience", "audience_");
}

#[test]
fn the_short_file_gets_the_defaults() {
    let dir = folder();
    let config = parse_in(dir.path(), GOOD).ok().unwrap();
    assert_eq!(config.data_dir, dir.path().join("portcullis-data"));
    assert_eq!(config.policy_dir, dir.path().join("policies"));
    assert_eq!(config.session.max_age, Duration::from_secs(8 * 3600));
    assert_eq!(config.session.statement_limit, 4 << 20);
    assert_eq!(config.limits.login_deadline, Duration::from_secs(15));
    assert_eq!(config.recording.results, Results::Head(64 << 10));
    assert_eq!(config.recording.sync, Sync::Interval);
    assert_eq!(config.identities[0].groups_claim, "groups");
    assert!(config.admin.is_none() && config.warnings().is_empty());
    assert_eq!(config.upstream("shop").unwrap().password.as_ref().unwrap().expose(), "s3cret");
}

#[test]
fn every_key_is_read() {
    let text = plus(
        r#"
        [admin]
        bind = "0.0.0.0:8443"
        tls = { cert = "gw.crt", key = "gw.key" }
        admins = ["dba", { identity = "corp", group = "ops" }]
        allowed_hosts = ["gw.example.com"]

        [[detect]]
        upstream = "shop"
        patterns = ["credit_card", "private_key"]
        class = "secret"
        dictionary = "terms"
        regexes = [{ name = "badge", pattern = "B-[0-9]{6}" }]
        numbers = true

        [session]
        max_age = "1h30m"
        end_with_token = true
        statement_limit = "1 MiB"
        idle = "10m"
        idle_in_transaction = "1m"

        [recording]
        results = "full"
        sync = "every"
        recipient = "age1x"
        witness = [{ file = "w.log" }, { webhook = "https://witness.example.com/x" }]
        segment_size = "8 MiB"
        segment_age = "5m"
        retention = "90d"

        [limits]
        connections = 50
        connections_per_identity = 5
        login_deadline = "3s"
        drain_deadline = "1m"

        [log]
        format = "json"
        level = "debug"
        "#,
    );
    let dir = folder();
    let config = parse_in(dir.path(), &text).ok().unwrap();
    let admin = config.admin.unwrap();
    assert_eq!(admin.tls, Some(ServerTls { cert: dir.path().join("gw.crt"), key: dir.path().join("gw.key") }));
    let group = |group: &str| AdminGroup { identity: "corp".to_owned(), group: group.to_owned() };
    assert_eq!(admin.admins, [group("dba"), group("ops")]);
    let detector = &config.detectors[0];
    assert_eq!(detector.dictionary, ["red", "blue"]);
    assert!(detector.numbers && detector.scope.covers("shop") && !detector.scope.covers("other"));
    assert_eq!(detector.regexes, [NamedRegex { name: "badge".to_owned(), pattern: "B-[0-9]{6}".to_owned() }]);
    assert_eq!(config.session.idle_in_transaction, Some(Duration::from_secs(60)));
    assert!(config.session.end_with_token);
    assert_eq!(config.recording.results, Results::Full);
    assert_eq!(config.recording.witness[0], Witness::File(dir.path().join("w.log")));
    assert_eq!(config.recording.retention, Some(Duration::from_secs(90 * 86_400)));
    assert_eq!((config.limits.connections, config.limits.connections_per_identity), (50, 5));
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Json, "debug"));
}

#[test]
fn a_password_file_open_to_all_is_a_warning() {
    let dir = folder();
    let text = with("{ env = \"SHOP_PASSWORD\" }", "{ file = \"password\" }");
    assert!(parse_in(dir.path(), &text).ok().unwrap().warnings().is_empty());
    close_to_others(&dir.path().join("password"), 0o644);
    let config = parse_in(dir.path(), &text).ok().unwrap();
    assert_eq!(config.upstreams[0].password.as_ref().unwrap().expose(), "s3cret");
    golden("a_password_file_open_to_all_is_a_warning", &config.warnings()[0].to_string());
}

#[test]
fn an_unchecked_way_to_a_far_database_is_a_warning() {
    let config = parse(&with("127.0.0.1:5432", "db.example.com:5432")).ok().unwrap();
    golden("an_unchecked_way_to_a_far_database_is_a_warning", &config.warnings()[0].to_string());
}

#[test]
fn an_upstream_without_a_tls_key_is_verified() {
    let config = parse(&with("tls = \"off\"", "")).ok().unwrap();
    assert_eq!(config.upstreams[0].tls, UpstreamTls::VerifyFull(None));
}

#[test]
fn addresses_keep_their_brackets_outside() {
    let config = parse(&with("127.0.0.1:5432", "[::1]:5432")).ok().unwrap();
    assert_eq!(config.upstreams[0].address, Address { host: "::1".to_owned(), port: 5432 });
    assert_eq!(config.upstreams[0].address.to_string(), "[::1]:5432");
}

#[test]
fn a_file_is_loaded_relative_to_itself() {
    let dir = folder();
    let file = dir.path().join("portcullis.toml");
    fs::write(&file, with("{ env = \"SHOP_PASSWORD\" }", "{ file = \"password\" }")).unwrap();
    assert_eq!(Config::load(&file).ok().unwrap().policy_dir, dir.path().join("policies"));
    let absent = Config::load(&dir.path().join("absent.toml")).err().unwrap();
    assert!(absent.to_string().contains("absent.toml: cannot read the file"), "{absent}");
}

#[test]
fn no_text_makes_the_reader_panic() {
    for cut in (0..GOOD.len()).filter(|cut| GOOD.is_char_boundary(*cut)) {
        assert!(parse(&GOOD[..cut]).is_err() || cut + 2 >= GOOD.len());
    }
}
