//! Decisions: the design's own policies, default deny, forbid wins, failing closed, approvals.

use crate::common::{DESIGN, ORDERS, ana, ask, denial, load, shop, slice};
use portcullis_policy::{Action, Context, Person, Principal, Request, Resource, Upstream};

const PLAIN: Context<'static> = Context {
    protocol: "postgres",
    source: None,
    now_ms: 1_800_000_000_000,
    statement: "SELECT",
    where_is_selective: false,
    columns: &[],
    tags: &[],
    rows_last_hour: 0,
    bytes_last_hour: 0,
    read_only: false,
    tool: None,
    approved: false,
};
const PERMIT_ALL: &str = "permit (principal, action, resource);";

#[test]
fn support_reads_the_shop_and_nothing_else() {
    let slice = slice(DESIGN, &["support"]);
    assert!(ask(&slice, Action::Connect, Resource::Upstream, &PLAIN).is_allow());
    assert!(ask(&slice, Action::Select, ORDERS, &PLAIN).is_allow());
    assert!(ask(&slice, Action::CopyOut, ORDERS, &PLAIN).is_allow());
    for action in [Action::Ddl, Action::Grant, Action::Call, Action::Unknown, Action::Probe, Action::Lock] {
        let found = denial(ask(&slice, action, ORDERS, &PLAIN));
        assert_eq!((found.rule, found.require, found.error), (None, None, false), "{action:?}");
    }
    let other = Upstream { name: "other".into(), labels: vec![] };
    let elsewhere = load(DESIGN).slice(&ana(&["support"]), &other);
    assert!(!ask(&elsewhere, Action::Select, ORDERS, &PLAIN).is_allow());
    let stranger = crate::common::slice(DESIGN, &["guests"]);
    assert!(!ask(&stranger, Action::Connect, Resource::Upstream, &PLAIN).is_allow());
}

#[test]
fn support_writes_wait_for_a_dba() {
    let slice = slice(DESIGN, &["support"]);
    let found = denial(ask(&slice, Action::Insert, ORDERS, &PLAIN));
    assert_eq!(found.rule.as_deref(), Some("support-writes"));
    assert_eq!(found.reason.as_deref(), Some("customer data changes need a second pair of eyes"));
    assert_eq!(found.resource, "Table::\"shop.public.orders\"");
    let approvals = found.require.unwrap().approvals;
    assert_eq!(approvals.len(), 1);
    assert_eq!(approvals[0].approvers, ["corp|dba"]);
    assert!(ask(&slice, Action::Insert, ORDERS, &Context { approved: true, ..PLAIN }).is_allow());
}

#[test]
fn a_blind_write_is_refused_for_good_and_nobody_is_asked_to_approve_it() {
    let slice = slice(DESIGN, &["support"]);
    let found = denial(ask(&slice, Action::Update, ORDERS, &PLAIN));
    assert_eq!(found.rule.as_deref(), Some("no-blind-writes"));
    assert_eq!(found.hint.as_deref(), Some("name the rows by their key"));
    assert_eq!(found.require, None);
    assert!(!ask(&slice, Action::Delete, ORDERS, &Context { approved: true, ..PLAIN }).is_allow());
    let by_key = Context { where_is_selective: true, ..PLAIN };
    assert!(denial(ask(&slice, Action::Update, ORDERS, &by_key)).require.is_some());
    assert!(ask(&slice, Action::Update, ORDERS, &Context { approved: true, ..by_key }).is_allow());
}

#[test]
fn privacy_reveals_pii_in_the_shop_and_no_other_class() {
    let slice = slice(DESIGN, &["privacy"]);
    let column = |classes| Resource::Column { schema: "public", table: "customers", column: "ssn", classes };
    assert!(ask(&slice, Action::Reveal, column(&["pii"]), &PLAIN).is_allow());
    assert!(ask(&slice, Action::Reveal, column(&["secret", "pii"]), &PLAIN).is_allow());
    assert!(!ask(&slice, Action::Reveal, column(&["secret"]), &PLAIN).is_allow());
    assert!(!ask(&slice, Action::Reveal, column(&[]), &PLAIN).is_allow());
    assert!(slice.may_reveal_class("pii", &PLAIN));
    assert!(!slice.may_reveal_class("secret", &PLAIN));
    assert!(!crate::common::slice(DESIGN, &["support"]).may_reveal_class("pii", &PLAIN));
    let other = Upstream { name: "other".into(), labels: vec![] };
    assert!(!load(DESIGN).slice(&ana(&["privacy"]), &other).may_reveal_class("pii", &PLAIN));
}

#[test]
fn with_one_identity_a_prefix_may_be_left_out_everywhere() {
    let written = |group: &str, user: &str| {
        format!(
            r#"permit (principal, action == Action::"select", resource) when {{ principal in [Group::"{group}", Group::"x"] }};
               permit (principal is User in Group::"{group}", action == Action::"insert", resource);
               permit (principal == User::"{user}", action == Action::"delete", resource);
               permit (principal, action == Action::"call", resource) when {{ principal == User::"{user}" || principal is User in Group::"x" }};
               forbid (principal is User, action, resource) when {{ [User::"x", User::"y"].contains(principal) }};"#
        )
    };
    for text in [written("dba", "ana"), written("corp|dba", "corp|ana")] {
        let slice = slice(&text, &["dba"]);
        for action in [Action::Select, Action::Insert, Action::Delete, Action::Call] {
            assert!(ask(&slice, action, ORDERS, &PLAIN).is_allow(), "{action:?} under {text}");
        }
        let x = load(&text).slice(&Principal::user("corp", "x", ["dba"]), &shop());
        assert!(!ask(&x, Action::Select, ORDERS, &PLAIN).is_allow());
        let elsewhere = load(&text).slice(&Principal::user("evil", "ana", ["dba"]), &shop());
        assert!(!ask(&elsewhere, Action::Select, ORDERS, &PLAIN).is_allow());
    }
}

#[test]
fn no_policy_and_no_request_are_denied() {
    let none = portcullis_policy::Policies::none().slice(&ana(&["dba"]), &shop());
    assert!(!ask(&none, Action::Select, ORDERS, &PLAIN).is_allow());
    assert!(!slice(PERMIT_ALL, &[]).decide(&[]).is_allow());
}

#[test]
fn a_forbid_beats_every_permit() {
    let text =
        format!("{PERMIT_ALL} {PERMIT_ALL} @id(\"no\") forbid (principal, action == Action::\"ddl\", resource);");
    let found = denial(ask(&slice(&text, &[]), Action::Ddl, ORDERS, &PLAIN));
    assert_eq!(found.rule.as_deref(), Some("no"));
}

#[test]
fn a_rule_that_fails_denies_although_cedar_would_skip_it() {
    for condition in [
        "context.rows_last_hour * 9223372036854775807 > 10",
        "context.now.offset(duration(\"106751991167d\")) > context.now",
    ] {
        for effect in ["forbid", "permit"] {
            let text = format!(
                "{PERMIT_ALL} @id(\"overflows\") {effect} (principal, action, resource) when {{ {condition} }};"
            );
            let context = Context { rows_last_hour: 2, now_ms: 253_402_300_799_000, ..PLAIN };
            let found = denial(ask(&slice(&text, &[]), Action::Select, ORDERS, &context));
            assert!(found.error, "{text}");
            assert_eq!(found.rule.as_deref(), Some("overflows"));
            assert_eq!(found.require, None);
        }
    }
    let text = format!(
        "{PERMIT_ALL} permit (principal, action, resource) when {{ context.rows_last_hour * 9223372036854775807 > 10 }};"
    );
    assert!(ask(&slice(&text, &[]), Action::Select, ORDERS, &PLAIN).is_allow(), "the same rule on values that fit");
}

#[test]
fn a_time_that_cedar_cannot_hold_denies() {
    let text =
        format!("{PERMIT_ALL} forbid (principal, action, resource) when {{ context.now < datetime(\"2000-01-01\") }};");
    let slice = slice(&text, &[]);
    assert!(ask(&slice, Action::Select, ORDERS, &PLAIN).is_allow());
    let found = denial(ask(&slice, Action::Select, ORDERS, &Context { now_ms: i64::MAX, ..PLAIN }));
    assert!(found.error);
}

#[test]
fn an_action_that_cannot_be_done_to_a_resource_is_denied_even_where_all_is_permitted() {
    let slice = slice(PERMIT_ALL, &[]);
    for (action, resource) in [
        (Action::Connect, ORDERS),
        (Action::Reveal, ORDERS),
        (Action::Select, Resource::Class("pii")),
        (Action::Probe, Resource::Upstream),
    ] {
        assert!(denial(ask(&slice, action, resource, &PLAIN)).error, "{action:?}");
    }
}

#[test]
fn all_requests_must_be_allowed_and_the_first_lasting_failure_is_named() {
    let slice = slice(DESIGN, &["support"]);
    let request = |action| Request { action, resource: ORDERS, context: &PLAIN };
    assert!(slice.decide(&[request(Action::Select), request(Action::CopyOut)]).is_allow());
    let found = denial(slice.decide(&[request(Action::Select), request(Action::Ddl), request(Action::Update)]));
    assert_eq!((found.action, found.rule), (Action::Ddl, None));
    let found = denial(slice.decide(&[request(Action::Insert), request(Action::Update)]));
    assert_eq!((found.action, found.require), (Action::Update, None));
    let found = denial(slice.decide(&[request(Action::Select), request(Action::Insert), request(Action::CopyIn)]));
    assert_eq!(found.action, Action::Insert);
    assert_eq!(found.require.unwrap().approvals.len(), 1);
}

#[test]
fn every_rule_that_asks_is_in_the_requirement() {
    let ask_rule = |id: &str, who: &str| {
        format!(
            "@id(\"{id}\") @require(\"approval\") @approvers(\"{who}\") forbid (principal, action, resource) unless {{ context.approved || context.read_only }};"
        )
    };
    let text = format!("{PERMIT_ALL} {} {}", ask_rule("one", "dba, corp|sec"), ask_rule("two", ""));
    let found = denial(ask(&slice(&text, &[]), Action::Select, ORDERS, &PLAIN));
    let approvals = found.require.unwrap().approvals;
    let rules: Vec<_> = approvals.iter().map(|a| (a.rule.as_str(), a.approvers.join(" "))).collect();
    assert_eq!(rules, [("one", "corp|dba corp|sec".to_owned()), ("two", String::new())]);
}

#[test]
fn nobody_is_asked_to_approve_what_would_be_denied_all_the_same() {
    let text = "@require(\"approval\") forbid (principal, action, resource) unless { context.approved };";
    let found = denial(ask(&slice(text, &[]), Action::Select, ORDERS, &PLAIN));
    assert_eq!((found.rule, found.require), (None, None));
}

#[test]
fn an_agent_and_the_person_it_acts_for_are_both_seen() {
    let text = r#"
        permit (principal is Agent, action == Action::"select", resource)
            when { context has on_behalf_of && context.on_behalf_of in Group::"support" };
        permit (principal == Agent::"bot", action == Action::"insert", resource)
            when { principal has on_behalf_of && principal.on_behalf_of == User::"ana" && principal.on_behalf_of.subject == "ana" };
        permit (principal in Group::"support", action == Action::"delete", resource);"#;
    let bot = Principal::agent("corp", "bot", ["bots"]);
    let ana = Person::new("corp", "ana", ["support"]);
    let policies = load(text);
    let may =
        |principal: &Principal, action| ask(&policies.slice(principal, &shop()), action, ORDERS, &PLAIN).is_allow();
    let both = bot.clone().acting_for(ana.clone());
    assert!(may(&both, Action::Select) && may(&both, Action::Insert));
    assert!(!may(&both, Action::Delete), "an agent does not inherit a person's groups");
    assert!(!may(&bot, Action::Select) && !may(&bot, Action::Insert));
    let eve = bot.acting_for(Person::new("corp", "eve", ["guests"]));
    assert!(!may(&eve, Action::Select) && !may(&eve, Action::Insert));
    let herself = Principal { on_behalf_of: Some(ana), ..crate::common::ana(&["x"]) };
    assert!(may(&herself, Action::Delete), "one entity, in the groups of both");
}

#[test]
fn every_fact_reaches_the_policy() {
    let tags = [("route".to_owned(), "/pay".to_owned()), ("a=b".to_owned(), "c".to_owned())];
    let columns = ["ssn".to_owned()];
    let full = Context {
        source: Some("::ffff:10.1.2.3".parse().unwrap()),
        tags: &tags,
        columns: &columns,
        rows_last_hour: 7,
        bytes_last_hour: 8,
        read_only: true,
        tool: Some("query"),
        ..PLAIN
    };
    for (condition, expected) in [
        ("context.labels.contains(\"env=prod\")", true),
        ("context.labels.contains(\"env=dev\")", false),
        ("context.protocol == \"postgres\"", true),
        ("context has source && context.source.isInRange(ip(\"10.0.0.0/8\"))", true),
        ("context.now > datetime(\"2027-01-15T07:59:59Z\") && context.now < datetime(\"2027-01-15T08:00:01Z\")", true),
        ("context.now.toTime() >= duration(\"8h\")", true),
        ("context.tags.contains(\"route=/pay\")", true),
        ("context.tags.contains(\"a=b=c\")", false),
        ("context.columns.contains(\"ssn\")", true),
        ("context.rows_last_hour == 7 && context.bytes_last_hour == 8", true),
        ("context.read_only && !context.approved", true),
        ("context has tool && context.tool == \"query\"", true),
        ("context.statement == \"SELECT\"", true),
        ("context has on_behalf_of", false),
        ("principal.subject == \"ana\" && principal.identity == \"corp\"", true),
        ("resource is Table && resource.name like \"ord*\" && resource.schema == \"public\"", true),
        ("resource in Table::\"shop.public.orders\" && resource in Schema::\"shop.public\"", true),
    ] {
        let text = format!("permit (principal, action == Action::\"select\", resource) when {{ {condition} }};");
        assert_eq!(ask(&slice(&text, &[]), Action::Select, ORDERS, &full).is_allow(), expected, "{condition}");
    }
}

#[test]
fn a_slice_leaves_out_what_cannot_concern_it_and_decides_alike() {
    let text = r#"
        permit (principal in Group::"other", action, resource);
        permit (principal, action, resource in Table::"shop2.public.orders");
        permit (principal == User::"bob", action, resource);
        permit (principal is Agent, action, resource);
        permit (principal, action == Action::"select", resource in Schema::"shop.public");
        forbid (principal, action, resource in Upstream::"shop2");"#;
    let slice = slice(text, &["support"]);
    assert_eq!(slice.rule_count(Action::Select), 1);
    assert_eq!(slice.rule_count(Action::Insert), 0);
    assert!(ask(&slice, Action::Select, ORDERS, &PLAIN).is_allow());
}

#[test]
fn what_a_decision_reads_is_known_for_each_action() {
    let text = format!(
        "{PERMIT_ALL} forbid (principal, action == Action::\"ddl\", resource) when {{ context.rows_last_hour > 3 }};"
    );
    let slice = slice(&text, &[]);
    assert!(
        slice.uses().budgets() && slice.uses_for(Action::Ddl).budgets() && !slice.uses_for(Action::Select).budgets()
    );
    let request = |action, context| Request { action, resource: ORDERS, context };
    assert!(slice.cacheable(&[request(Action::Select, &PLAIN)]));
    assert!(!slice.cacheable(&[request(Action::Select, &PLAIN), request(Action::Ddl, &PLAIN)]));
    assert!(!slice.cacheable(&[request(Action::Select, &Context { approved: true, ..PLAIN })]));
}

#[test]
fn an_allowing_decision_names_its_permits_and_makes_a_permit() {
    let text = "@id(\"all\") permit (principal, action, resource);";
    let portcullis_policy::Decision::Allow(allowed) = ask(&slice(text, &[]), Action::Select, ORDERS, &PLAIN) else {
        panic!("denied");
    };
    assert_eq!(allowed.rules(), ["all"]);
    let permit = allowed.permit(7, 8, [9; 32]);
    assert_eq!((permit.session(), permit.sequence(), permit.digest()), (7, 8, &[9; 32]));
}
