//! What is refused at load, and what the operator is told: file, line, column, what is wrong, what to do.

use crate::common::{DESIGN, ORDERS, ask, errors, load, slice};
use portcullis_policy::{Action, Context, Policies};
use proptest::prelude::*;

/// One line for each error.
fn golden(text: &str, expected: &[&str]) {
    assert_eq!(errors(text), expected, "for {text}");
}

#[test]
fn a_slip_of_the_pen_is_shown_where_it_is() {
    golden(
        "permit (principal, action, resource)",
        &["a.cedar:1:37: unexpected end of input: expected `;` or identifier"],
    );
}

#[test]
fn every_error_of_every_file_is_told_at_once() {
    let files = [
        ("b.cedar".into(), "permit (\n  principal,\n  axtion, resource);".into()),
        ("a.cedar".into(), "nonsense".into()),
    ];
    let found = Policies::load(&files, &["corp".into()]).unwrap_err();
    let places: Vec<_> = found.iter().map(|e| (e.file.as_str(), e.line, e.column)).collect();
    assert_eq!(places, [("a.cedar", 1, 9), ("b.cedar", 3, 3)]);
}

#[test]
fn what_the_schema_does_not_know_is_refused() {
    golden(
        "permit (principal, action, resource)\n  when { context.aproved };",
        &[
            "a.cedar:2:10: attribute `aproved` in context not found (policy `a.cedar:0`)\n  help: did you mean `approved`?",
        ],
    );
    golden(
        "permit (principal, action == Action::\"selekt\", resource);",
        &[
            "a.cedar:1:30: unrecognized action `Action::\"selekt\"` (policy `a.cedar:0`)\n  help: did you mean `Action::\"select\"`?",
        ],
    );
    golden(
        "permit (principal in Team::\"x\", action, resource);",
        &["a.cedar:1:22: unrecognized entity type `Team` (policy `a.cedar:0`)\n  help: did you mean `Tool`?"],
    );
    golden(
        "permit (principal, action, resource) when { context.tool == \"x\" };",
        &[
            "a.cedar:1:45: unable to guarantee safety of access to optional attribute `tool` in context (policy `a.cedar:0`)\n  help: try testing for the attribute's presence with `context has tool && ..`",
        ],
    );
    golden(
        "permit (principal, action, resource) when { context.rows_last_hour > \"3\" };",
        &["a.cedar:1:70: unexpected type: expected Long but saw String (policy `a.cedar:0`)"],
    );
    golden(
        "permit (principal, action, resource) when { ip(\"10.257.0.0/16\").isIpv4() };",
        &[
            "a.cedar:1:45: error during extension function argument validation: failed to parse as IP address: `\"10.257.0.0/16\"` (policy `a.cedar:0`)\n  help: valid IP strings are IPv4/IPv6 addresses or CIDR ranges like `127.0.0.1`, `127.0.0.1/24`, or `ffee::/64`",
        ],
    );
}

#[test]
fn annotations_are_checked() {
    golden(
        "\n@hnt(\"x\")\npermit (principal, action, resource);",
        &[
            "a.cedar:2:1: unknown annotation `@hnt` (policy `a.cedar:0`)\n  help: known are @id, @hint, @reason, @require, @approvers, @doc",
        ],
    );
    golden(
        "@id(\"two words\") permit (principal, action, resource);",
        &[
            "a.cedar:1:1: `@id(\"two words\")` is not a plain name (policy `two words`)\n  help: use letters, digits and `-`, `_`, `.`, `/`; people see it in refusals",
        ],
    );
    golden(
        "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);",
        &["a.cedar:2:1: this `@id` is taken (policy `a`)\n  help: it is first used at a.cedar:1"],
    );
    golden(
        "@approvers(\"dba\") forbid (principal, action, resource);",
        &["a.cedar:1:1: `@approvers` without `@require(\"approval\")` (policy `a.cedar:0`)"],
    );
}

#[test]
fn an_approval_must_be_able_to_lift_the_rule_that_asks_for_it() {
    golden(
        "@require(\"approval\") permit (principal, action, resource);",
        &[
            "a.cedar:1:1: `@require` stands on a permit (policy `a.cedar:0`)\n  help: another permit would lift it: put it on `forbid (…) unless { context.approved };`",
        ],
    );
    golden(
        "@require(\"luck\") forbid (principal, action, resource) unless { context.approved };",
        &["a.cedar:1:1: `@require(\"luck\")` is unknown (policy `a.cedar:0`)\n  help: write `@require(\"approval\")`"],
    );
    for condition in [
        "",
        "when { context.approved }",
        "unless { context.approved && context.read_only }",
        "unless { !context.approved }",
        "unless { context.rows_last_hour * 2 > 1 || context.approved }",
    ] {
        golden(
            &format!("@require(\"approval\") forbid (principal, action, resource) {condition};"),
            &[
                "a.cedar:1:1: an approval would not lift this rule (policy `a.cedar:0`)\n  help: end it with `unless { context.approved }`, or `unless { context.approved || … }`",
            ],
        );
    }
    load(
        "@require(\"approval\") forbid (principal, action, resource) when { context.read_only } unless { context.approved || context.read_only };",
    );
}

#[test]
fn names_that_could_never_match_are_refused() {
    golden(
        "forbid (principal, action, resource in Table::\"shop.public.Orders\");",
        &[
            "a.cedar:1:40: `Table::\"shop.public.Orders\"` is no id of a Table, so this policy would never match it (policy `a.cedar:0`)\n  help: write `Table::\"shop.public.\\\"Orders\\\"\"`",
        ],
    );
    golden(
        "forbid (principal, action, resource in Table::\"orders\");",
        &[
            "a.cedar:1:40: `Table::\"orders\"` is no id of a Table, so this policy would never match it (policy `a.cedar:0`)\n  help: write `Table::\"upstream.schema.table\"`",
        ],
    );
    load("forbid (principal, action, resource in Table::\"shop.public.\\\"Orders\\\"\");");
    let two = ["corp".to_owned(), "partner".to_owned()];
    let file = |text: &str| [("a.cedar".to_owned(), text.to_owned())];
    let found = Policies::load(&file("forbid (principal in Group::\"dba\", action, resource);"), &two).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "a.cedar:1:22: `Group::\"dba\"` does not say which identity it is of (policy `a.cedar:0`)\n  help: several are configured: write `Group::\"corp|dba\"`"
    );
    assert!(Policies::load(&file("forbid (principal in Group::\"partner|dba\", action, resource);"), &two).is_ok());
    assert!(Policies::load(&[], &["a|b".into()]).is_err());
}

#[test]
fn a_template_is_refused() {
    golden(
        "// ?\npermit (principal == ?principal, action, resource);",
        &[
            "a.cedar:2:22: a policy file cannot hold a template\n  help: name the principal and resource; grants are what fill in slots",
        ],
    );
}

#[test]
fn the_digest_tells_sets_apart_and_not_the_order_of_files() {
    let files = |a: &str, b: &str| [("a".to_owned(), a.to_owned()), ("b".to_owned(), b.to_owned())];
    let digest = |files: &[(String, String)], ids: &[String]| Policies::load(files, ids).unwrap().digest();
    let permit = "permit (principal, action, resource);";
    let base = digest(&files(permit, ""), &[]);
    let [a, b] = files(permit, "");
    assert_eq!(base, digest(&[b, a], &[]));
    assert_ne!(base, digest(&files("", permit), &[]));
    assert_ne!(base, digest(&files(permit, "// x"), &[]));
    assert_ne!(base, digest(&files(permit, ""), &["corp".into()]));
    assert_eq!(load("").with_epoch(7).epoch(), 7);
}

#[test]
fn the_deepest_policy_that_loads_is_decided_without_harm() {
    let chain = vec!["true"; 390].join(" && ");
    let slice = slice(&format!("permit (principal, action, resource) when {{ {chain} }};"), &[]);
    // Whether the stack of this thread suffices or not, it answers: yes, or a denial with `error`.
    let decision = ask(&slice, Action::Select, ORDERS, &Context::default());
    assert!(decision.is_allow() || decision.denial().is_some_and(|denial| denial.error));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..12), 1..4),
    ) {
        const BITS: [&str; 12] =
            ["", "\"", "(", "}", ";", "é", "//", "@id(\"x\")", "?principal", "context", "Group::\"\\u{0}\"", "!"];
        let mut text = DESIGN.to_owned();
        for (from, to, bit) in cuts {
            let marks: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let (a, b) = (*from.get(&marks), *to.get(&marks));
            let end = if bit % 2 == 0 { a } else { b.max(a).min(a + 9) };
            let end = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap();
            text.replace_range(a..end, BITS[bit]);
        }
        match Policies::load(&[("a.cedar".into(), text.clone())], &["corp".into()]) {
            Ok(policies) => prop_assert!(policies.len() <= 8),
            Err(errors) => for error in errors {
                prop_assert_ne!(error.message.as_str(), "the policies could not be read");
                prop_assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1, "{}", error);
            },
        }
    }
}
