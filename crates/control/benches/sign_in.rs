//! What a sign-in costs once the provider's keys are known: verifying a token, finding and proving a credential.
//!
//! None of it is on the path of a statement; connect churn is where it shows.

use std::{
    hint::black_box,
    time::{Duration, SystemTime},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis_control::{Provider, ProviderConfig, ScramVerifier, Store};
use portcullis_idp::{Alg, Config, Idp};
use serde_json::json;
use tokio::{net::TcpListener, runtime::Runtime};

fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("control/verify");
    let runtime = Runtime::new().unwrap();
    for (name, alg) in [("rs256", Alg::Rs256), ("es256", Alg::Es256), ("eddsa", Alg::EdDsa)] {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let _inside = runtime.enter();
        let idp = Idp::start(listener, Config { alg, ..Config::default() }).unwrap();
        let provider = Provider::new(config(&idp)).unwrap();
        let groups: Vec<String> = (0..20).map(|n| format!("group-{n}")).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let (token, now) = (idp.mint("ana", &groups, json!({})), SystemTime::now());
        group.throughput(Throughput::Elements(1));
        group.bench_function(name, |b| {
            b.iter(|| runtime.block_on(provider.verify(black_box(&token), now)).unwrap());
        });
    }
}

fn config(idp: &Idp) -> ProviderConfig {
    serde_json::from_value(json!({"name": "corp", "issuer": idp.issuer(), "audience": "portcullis"})).unwrap()
}

fn credential(c: &mut Criterion) {
    let mut group = c.benchmark_group("control/credential");
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let store = Store::open(folder.path(), now).unwrap();
    let identity = |n: u32| {
        let subject = format!("user-{n}");
        serde_json::from_value(
            json!({"provider": "corp", "subject": subject, "groups": ["dba"], "expires": 4_000_000_000u64}),
        )
        .unwrap()
    };
    let mint = |n| runtime.block_on(store.mint(identity(n), "shop".into(), Duration::from_secs(600), now)).unwrap();
    let users: Vec<String> = (0..1000).map(|n| mint(n).user).collect();
    let mut turn = users.iter().cycle();
    group.throughput(Throughput::Elements(1));
    group.bench_function("find among 1000", |b| b.iter(|| store.credential(black_box(turn.next().unwrap())).unwrap()));
    let mut n = 1000;
    group.bench_function("mint", |b| {
        b.iter(|| {
            n += 1;
            mint(n)
        });
    });
    let verifier = ScramVerifier::derive("secret");
    group.bench_function("check a proof", |b| b.iter(|| verifier.check(black_box(b"n=,r=abc,r=abcdef"), &[7; 32])));
    group.bench_function("derive a verifier", |b| b.iter(|| ScramVerifier::derive(black_box("secret"))));
}

criterion_group!(benches, verify, credential);
criterion_main!(benches);
