//! What the tests share.

use portcullis_policy::{Action, Context, Decision, Denial, Policies, Principal, Request, Resource, Slice, Upstream};

/// The four policies of the design, word for word.
pub const DESIGN: &str = r#"permit (principal in Group::"support", action in [Action::"connect", Action::"read", Action::"write"], resource in Upstream::"shop");

@id("support-writes") @require("approval") @approvers("dba") @reason("customer data changes need a second pair of eyes")
forbid (principal in Group::"support", action in Action::"write", resource in Upstream::"shop") unless { context.approved };

@id("no-blind-writes") @hint("name the rows by their key")
forbid (principal, action in [Action::"update", Action::"delete"], resource) unless { context.where_is_selective };

permit (principal in Group::"privacy", action == Action::"reveal", resource in Class::"pii") when { resource in Upstream::"shop" };
"#;

pub const ORDERS: Resource<'static> = Resource::Table { schema: "public", table: "orders" };

pub fn load(text: &str) -> Policies {
    Policies::load(&[("a.cedar".into(), text.into())], &["corp".into()]).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    })
}

pub fn errors(text: &str) -> Vec<String> {
    let found = Policies::load(&[("a.cedar".into(), text.into())], &["corp".into()]).expect_err("an error");
    found.iter().map(ToString::to_string).collect()
}

pub fn shop() -> Upstream {
    Upstream { name: "shop".into(), labels: vec![("env".into(), "prod".into())] }
}

pub fn ana(groups: &[&str]) -> Principal {
    Principal::user("corp", "ana", groups.iter().copied())
}

pub fn slice(text: &str, groups: &[&str]) -> Slice {
    load(text).slice(&ana(groups), &shop())
}

pub fn ask(slice: &Slice, action: Action, resource: Resource<'_>, context: &Context<'_>) -> Decision {
    slice.decide(&[Request { action, resource, context }])
}

pub fn denial(decision: Decision) -> Denial {
    decision.denial().cloned().unwrap_or_else(|| panic!("allowed: {decision:?}"))
}
