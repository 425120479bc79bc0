//! What this version lets through, or refuses although it is harmless: lines of LIMITATIONS.md, shown on a real server.
//!
//! A test here describes how things are, not how they should be; it fails when a limit falls, and then its line goes.

use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portcullis_testkit::{Gateway, Server, Setup, Version};
use serde_json::json;

/// Reads and writes what no rule forbids.
const STAFF: &str = r#"
@id("staff")
permit (principal in Group::"staff", action in [Action::"connect", Action::"read", Action::"write"], resource);
"#;

const NO_SSN: &str = r#"
@id("no-ssn")
forbid (principal, action, resource == Table::"shop.public.customers") when { context.columns.contains("ssn") };
"#;

struct Place {
    // First, so that it ends before its upstream does.
    gateway: Gateway,
    server: Server,
}

/// `prepare` runs on the server as its superuser before the gateway begins.
fn place(policy: &[&str], extra: &str, prepare: &str) -> Place {
    let version = Version::available().into_iter().next().expect("a server is installed");
    let server = Server::usual(version);
    if !prepare.is_empty() {
        server.psql(prepare);
    }
    let setup =
        Setup { policy: [STAFF].iter().chain(policy).copied().collect(), extra: extra.into(), ..Setup::default() };
    Place { gateway: Gateway::start(&server, &setup), server }
}

impl Place {
    /// What a member of `staff` sees of these commands.
    fn told(&self, commands: &[&str]) -> String {
        self.told_by(&self.gateway.url("ana", &["staff"]), commands)
    }

    fn told_by(&self, url: &str, commands: &[&str]) -> String {
        let mut psql = Command::new(self.server.version().bin().join("psql"));
        psql.args(["-X", "-A", url]);
        let commands = commands.iter().flat_map(|command| ["-c", command]);
        let output = psql.args(commands).output().expect("psql starts");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

const DETECT: &str = "[[detect]]\nupstream = \"*\"\npatterns = [\"email\"]\nclass = \"secret\"\n";

#[test]
fn what_a_function_makes_of_a_secret_passes_the_detectors() {
    let place = place(&[], DETECT, "");
    let plain = "SELECT email FROM customers WHERE id = 1";
    let turned = "SELECT reverse(email), upper(left(email, 9)) FROM customers WHERE id = 1";
    let told = place.told(&[plain, turned]);
    assert!(!told.contains("customer1@example.com") && told.contains("moc.elpmaxe@1remotsuc|CUSTOMER1"), "{told}");
}

#[test]
fn names_of_columns_are_not_searched() {
    let told = place(&[], DETECT, "").told(&["SELECT 1 AS \"bob@example.com\""]);
    assert!(told.contains("bob@example.com"), "{told}");
}

#[test]
fn planner_statistics_show_samples_of_a_forbidden_column() {
    let place = place(&[NO_SSN], "", "ALTER TABLE customers OWNER TO app; ANALYZE customers");
    let bounds = "SELECT histogram_bounds FROM pg_stats WHERE tablename = 'customers' AND attname = 'ssn'";
    let told = place.told(&["SELECT ssn FROM customers", bounds]);
    assert!(told.contains("refused by rule \"no-ssn\"") && told.contains("{10"), "{told}");
}

#[test]
fn a_trigger_runs_with_its_statement_and_is_not_judged() {
    let no_products = r#"@id("no") forbid (principal, action, resource == Table::"shop.public.products");"#;
    let trigger = "CREATE FUNCTION cheap() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN UPDATE products SET price = 1; RETURN NEW; END $$; GRANT ALL ON products TO app; \
        CREATE TRIGGER t BEFORE INSERT ON audit_notes FOR EACH ROW EXECUTE FUNCTION cheap()";
    let place = place(&[no_products], "", trigger);
    let told = place.told(&["UPDATE products SET price = 1", "INSERT INTO audit_notes (who) VALUES ('x')"]);
    assert!(told.contains("refused by rule \"no\"") && told.contains("INSERT 0 1"), "{told}");
    assert_eq!(place.server.psql("SELECT count(*) FROM products WHERE price <> 1"), "0");
}

#[test]
fn a_cast_to_a_users_type_runs_its_checks_and_is_not_judged() {
    let domain = "CREATE FUNCTION judge(text) RETURNS boolean LANGUAGE plpgsql AS \
        $$ BEGIN RAISE NOTICE 'ran'; RETURN true; END $$; CREATE DOMAIN checked AS text CHECK (judge(VALUE))";
    let told = place(&[], "", domain).told(&["SELECT judge('x')", "SELECT 'x'::checked"]);
    assert!(told.contains("call on Function::\"shop.public.judge\" is not allowed") && told.contains("ran"), "{told}");
}

#[test]
fn a_permitted_function_may_prepare_a_name_anew() {
    let rules = r#"
        @id("no-hr") forbid (principal, action, resource in Schema::"shop.hr");
        @id("f") permit (principal, action == Action::"call", resource == Function::"shop.public.anew");"#;
    let function = "CREATE FUNCTION anew() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE st'; \
        EXECUTE 'PREPARE st AS SELECT max(salary)::text FROM hr.employees'; END $$";
    let told = place(&[rules], "", function).told(&["PREPARE st AS SELECT 'x'", "SELECT anew()", "EXECUTE st"]);
    assert!(told.contains("65010.00"), "{told}");
}

#[test]
fn a_permitted_function_does_what_its_body_says() {
    let rules = r#"
        @id("no-hr") forbid (principal, action, resource in Schema::"shop.hr");
        @id("f") permit (principal, action == Action::"call", resource == Function::"shop.public.all_salaries");"#;
    let told =
        place(&[rules], "", "").told(&["SELECT salary FROM hr.employees", "SELECT max(s) FROM all_salaries() s"]);
    assert!(told.contains("refused by rule \"no-hr\"") && told.contains("65010.00"), "{told}");
}

#[test]
fn data_of_copy_in_is_not_recorded() {
    let place = place(&[], "[recording]\nresults = \"full\"\n", "");
    let told = place.told(&["\\copy audit_notes (who) FROM PROGRAM 'echo marked'", "SELECT 'answered'"]);
    assert!(told.contains("COPY 1") && told.contains("answered"), "{told}");
    let segment =
        std::fs::read(place.gateway.data_dir().join("recordings/segments/0000000001.pcr")).expect("a segment");
    let holds = |text: &str| segment.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("COPY  audit_notes") && holds("answered") && !holds("marked"));
}

#[test]
fn a_change_by_others_is_noticed_within_seconds() {
    let no_hr = r#"@id("no-hr") forbid (principal, action, resource in Schema::"shop.hr");"#;
    let place = place(&[no_hr], "", "CREATE VIEW v AS SELECT 1 AS a; GRANT SELECT ON v TO app");
    assert!(place.told(&["SELECT * FROM v"]).contains("(1 row)"));
    place.server.psql("CREATE OR REPLACE VIEW v AS SELECT id AS a FROM hr.employees");
    let began = Instant::now();
    while !place.told(&["SELECT * FROM v"]).contains("refused by rule \"no-hr\"") {
        assert!(began.elapsed() < Duration::from_secs(10), "another session's definition is not noticed");
    }
}

#[test]
fn everyone_is_one_role_to_the_database() {
    let place = place(&[], "", "");
    for who in ["ana", "ben"] {
        let told = place.told_by(&place.gateway.url(who, &["staff"]), &["SELECT current_user, session_user"]);
        assert!(told.contains("app|app"), "{told}");
    }
}

#[test]
fn a_session_outlives_its_token() {
    let place = place(&[], "", "");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // Clocks may differ by 30 s: such a token is good for five more seconds.
    let claims = json!({"iat": now - 60, "nbf": now - 60, "exp": now - 25});
    let token = place.gateway.idp().mint("ana", &["staff"], claims);
    let url = format!("postgres://ana:{token}@{}/shop", place.gateway.address());
    let told = place.told_by(&url, &["SELECT 1", "\\! sleep 6", "SELECT 'still'"]);
    assert!(told.contains("still"), "{told}");
    assert!(place.told_by(&url, &["SELECT 1"]).contains("FATAL"));
}

#[test]
fn a_read_only_transaction_is_not_known_to_policy() {
    let rule = r#"@id("ro") forbid (principal, action == Action::"select", resource) unless { context.read_only };"#;
    let told = place(&[rule], "", "").told(&["BEGIN READ ONLY; SELECT * FROM products; COMMIT"]);
    assert!(told.contains("refused by rule \"ro\""), "{told}");
}

#[test]
fn a_view_stands_for_every_column_of_what_it_reads() {
    let told =
        place(&[NO_SSN], "", "").told(&["SELECT name FROM customers LIMIT 1", "SELECT name FROM customer_contacts"]);
    assert!(told.contains("(1 row)") && told.contains("refused by rule \"no-ssn\""), "{told}");
}

#[test]
fn a_refusal_tells_what_exists() {
    let rule = r#"@id("no") forbid (principal, action, resource in Schema::"shop.hr");"#;
    let told =
        place(&[rule], "", "").told(&["TABLE hr.employees", "TABLE hr.nothing", "SELECT 'hr.employees'::regclass"]);
    let [there, absent, known] =
        ["refused by rule \"no\"", "relation \"hr.nothing\" does not exist", "\nhr.employees\n"];
    assert!(told.contains(there) && told.contains(absent) && told.contains(known), "{told}");
}

#[test]
fn a_cursor_that_a_function_opens_cannot_be_read() {
    let function = "CREATE FUNCTION opens() RETURNS refcursor LANGUAGE plpgsql AS \
        $$ DECLARE c refcursor := 'c'; BEGIN OPEN c FOR SELECT 1; RETURN c; END $$";
    let rule = r#"permit (principal, action == Action::"call", resource == Function::"shop.public.opens");"#;
    let told = place(&[rule], "", function).told(&["BEGIN", "SELECT opens()", "FETCH c"]);
    assert!(told.contains("opens\nc\n") && told.contains("does not exist"), "{told}");
}

#[test]
fn what_needs_an_approval_is_refused() {
    let rule = r#"
        @id("ask") @require("approval") @approvers("dba")
        forbid (principal, action in Action::"write", resource) unless { context.approved };"#;
    let told = place(&[rule], "", "").told(&["INSERT INTO audit_notes (who) VALUES ('x')"]);
    assert!(told.contains("refused by rule \"ask\""), "{told}");
}
