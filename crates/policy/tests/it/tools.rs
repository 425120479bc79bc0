//! The authoring tools: explain, lint, and test suites.

use crate::common::{DESIGN, ORDERS, load, slice};
use portcullis_policy::{Action, Context, Outcome, Policies, Request, Suite};

#[test]
fn an_explanation_shows_every_rule_and_what_it_said() {
    let slice = slice(DESIGN, &["support"]);
    let context = Context::default();
    let explained = slice.explain(&Request { action: Action::Update, resource: ORDERS, context: &context });
    assert_eq!(
        explained.to_string(),
        "User::\"corp|ana\" asks for update on Table::\"shop.public.orders\"\n\
         denied by no-blind-writes\n  \
         permit  a.cedar:0        a.cedar:1  applies\n  \
         forbid  support-writes   a.cedar:3  applies\n  \
         forbid  no-blind-writes  a.cedar:6  applies\n"
    );
    assert!(explained.rules[1].text.starts_with("@id(\"support-writes\")"));
    let approved = Context { approved: true, where_is_selective: true, ..context };
    let explained = slice.explain(&Request { action: Action::Update, resource: ORDERS, context: &approved });
    assert_eq!(explained.rules[1].outcome, Outcome::DoesNotApply);
    assert!(explained.to_string().contains("\nallowed by a.cedar:0\n"));
    let held = Context { where_is_selective: true, ..Context::default() };
    let explained = slice.explain(&Request { action: Action::Update, resource: ORDERS, context: &held });
    assert!(explained.to_string().contains("\nheld for approval by support-writes\n"));
}

#[test]
fn a_rule_that_fails_is_shown_as_the_one_that_denied() {
    let text = "permit (principal, action, resource);\n@id(\"odd\") forbid (principal, action, resource) when { context.rows_last_hour * 9223372036854775807 > 0 };";
    let context = Context { rows_last_hour: 2, ..Context::default() };
    let request = Request { action: Action::Select, resource: ORDERS, context: &context };
    let explained = slice(text, &[]).explain(&request);
    assert!(matches!(explained.rules[1].outcome, Outcome::Failed(_)));
    assert!(explained.to_string().contains("denied because odd could not be evaluated"));
}

fn lint(text: &str) -> Vec<String> {
    load(text)
        .lint(Some(&["shop".to_owned()]))
        .iter()
        .map(|w| format!("{}:{} {}", w.line, w.column, w.message))
        .collect()
}

#[test]
fn what_is_probably_not_meant_is_pointed_out() {
    assert_eq!(lint(DESIGN), [""; 0]);
    for (text, expected) in [
        ("forbid (principal, action, resource);", "1:1 a forbid without `@id`"),
        ("@hint(\"x\") permit (principal, action, resource);", "1:1 `@hint` on a permit is never shown"),
        (
            "permit (principal, action, resource in Upstream::\"shpo\");",
            "1:1 `Upstream::\"shpo\"` is on no configured upstream",
        ),
        (
            "permit (principal, action, resource in Schema::\"shpo.x\");",
            "1:1 `Schema::\"shpo.x\"` is on no configured upstream",
        ),
        (
            "permit (principal in Group::\"crop|dba\", action, resource);",
            "1:1 `crop|` is no configured identity, and was taken as part of the name",
        ),
        (
            "@id(\"a\") forbid (principal, action, resource) unless { context.approved };",
            "1:1 reads `context.approved`, and yet nobody is asked to approve",
        ),
        (
            "permit (principal, action, resource) when { context.approved };",
            "1:1 a permit reads `context.approved`, and another permit would lift that",
        ),
    ] {
        assert_eq!(lint(text), [expected], "{text}");
    }
    let never = lint("\n  permit (principal, action == Action::\"connect\", resource is Table);");
    assert!(!never.is_empty() && never[0].starts_with("2:3 "), "{never:?}");
}

const SUITE: &str = r#"
[[case]]
name = "support reads"
principal = { user = "ana", groups = ["support"] }
upstream = "shop"
action = "select"
resource = { schema = "public", table = "orders" }
expect = "allow"
rule = "a.cedar:0"

[[case]]
name = "support waits for a yes"
principal = { user = "ana", groups = ["support"] }
upstream = "shop"
action = "update"
resource = { schema = "public", table = "orders" }
context = { where_is_selective = true, now = "2026-01-31T08:00:00Z", source = "10.0.0.1" }
expect = "hold"
rule = "support-writes"

[[case]]
name = "agents see no pii"
principal = { agent = "bot", on_behalf_of = { user = "ana", groups = ["privacy"] } }
upstream = "shop"
action = "reveal"
resource = { class = "pii" }
expect = "deny"
"#;

#[test]
fn a_suite_that_holds_passes_and_one_that_does_not_says_why() {
    let policies = load(DESIGN);
    let report = Suite::parse("s.toml", SUITE).unwrap().run(&policies);
    assert!(report.passed(), "{report}");
    assert!(report.to_string().ends_with("3 passed, 0 failed"));
    let wrong = SUITE
        .replace("rule = \"support-writes\"", "rule = \"other\"")
        .replace("expect = \"deny\"", "expect = \"allow\"");
    let report = Suite::parse("s.toml", &wrong).unwrap().run(&policies);
    let problems: Vec<_> = report.cases.iter().filter_map(|case| case.problem.as_deref()).collect();
    assert_eq!(
        problems,
        [
            "expected hold by other, but it is held for approval by support-writes",
            "expected allow, but it is denied because no policy permits it"
        ]
    );
    assert!(!report.passed());
}

#[test]
fn a_wrong_suite_is_shown_where_it_is_wrong_and_json_is_read_too() {
    let found = Suite::parse("s.toml", "[[case]]\nnam = \"x\"\n").unwrap_err();
    assert_eq!((found.file.as_str(), found.line, found.column), ("s.toml", 2, 1));
    let json = r#"{"case": [{"name": "n", "principal": {"user": "a"}, "upstream": "shop", "action": "slect", "expect": "deny"}]}"#;
    let report = Suite::parse("s.json", json).unwrap().run(&load(DESIGN));
    assert_eq!(report.cases[0].problem.as_deref(), Some("`slect` is no action"));
    let report = Suite::parse("s.json", json).unwrap().run(&Policies::none());
    assert_eq!(report.cases[0].problem.as_deref(), Some("say which `identity` the principal is of"));
    assert_eq!(Suite::parse("s.json", "{\n \"case\": 3}").unwrap_err().line, 2);
}
