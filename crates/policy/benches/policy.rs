//! What a decision costs, and what cutting a slice for a session costs.
//!
//! Fifty policies of the usual kinds for ten groups, of which eight concern the principal who asks.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis_policy::{Action, Context, Policies, Principal, Request, Resource, Slice, Upstream};

fn fifty() -> Policies {
    let mut text = String::new();
    for n in 0..12 {
        let _ = write!(
            text,
            r#"permit (principal in Group::"g{n}", action in [Action::"connect", Action::"read"], resource in Upstream::"shop");
               permit (principal in Group::"g{n}", action in Action::"write", resource in Schema::"shop.s{n}");
               @id("w{n}") @require("approval") forbid (principal in Group::"g{n}", action in Action::"write", resource) unless {{ context.approved }};
               permit (principal in Group::"g{n}", action == Action::"reveal", resource in Class::"c{n}") when {{ resource in Upstream::"shop" }};"#
        );
    }
    text.push_str(r#"@id("blind") forbid (principal, action in [Action::"update", Action::"delete"], resource) unless { context.where_is_selective };
        @id("budget") forbid (principal, action in Action::"read", resource) when { context.rows_last_hour > 1000000 };"#);
    Policies::load(&[("bench.cedar".into(), text)], &["corp".into()]).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn ask(slice: &Slice, action: Action, context: &Context<'_>) -> bool {
    let resource = Resource::Table { schema: "s1", table: "orders" };
    slice.decide(&[Request { action, resource, context }]).is_allow()
}

fn bench(c: &mut Criterion) {
    let policies = fifty();
    let upstream = Upstream { name: "shop".into(), labels: vec![("env".into(), "prod".into())] };
    let one = Principal::user("corp", "ana", ["g1"]);
    let all = Principal::user("corp", "eve", (0..12).map(|n| format!("g{n}")));
    let context = Context {
        protocol: "postgres",
        statement: "UPDATE",
        where_is_selective: true,
        approved: true,
        ..Context::default()
    };

    let mut group = c.benchmark_group("policy/decide");
    group.throughput(Throughput::Elements(1));
    for (name, principal) in [("1 of 12 groups", &one), ("12 of 12 groups", &all)] {
        let slice = policies.slice(principal, &upstream);
        assert!(ask(&slice, Action::Select, &context) && ask(&slice, Action::Update, &context));
        for action in [Action::Select, Action::Update] {
            let label = format!("{name}, {} ({} rules)", action.name(), slice.rule_count(action));
            group.bench_function(label, |b| b.iter(|| ask(black_box(&slice), action, black_box(&context))));
        }
    }
    group.finish();
    let mut group = c.benchmark_group("policy/slice");
    group.bench_function("1 of 12 groups, of 50 policies", |b| b.iter(|| policies.slice(black_box(&one), &upstream)));
    group.bench_function("12 of 12 groups, of 50 policies", |b| b.iter(|| policies.slice(black_box(&all), &upstream)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
