//! What a statement costs before a decision: its shape (every time) and its analysis (once for each shape).

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use portcullis_sql::Limits;
use portcullis_sql::postgres::shape::Shaper;
use portcullis_sql::postgres::{SqlMode, analyse};

fn texts() -> Vec<(&'static str, String)> {
    let analytic = "WITH m AS (SELECT date_trunc('month', o.created_at) AS month, c.region, sum(o.total) AS total, count(*) AS n \
        FROM orders o JOIN customers c ON c.id = o.customer_id LEFT JOIN refunds r ON r.order_id = o.id AND r.state = 'done' \
        WHERE o.created_at >= $1 AND o.state IN ('paid', 'sent') AND c.region <> 'test' GROUP BY 1, 2 HAVING sum(o.total) > 100) \
        SELECT month, region, total, n, total / n AS mean, rank() OVER (PARTITION BY month ORDER BY total DESC) FROM m ";
    vec![
        ("select-70", "SELECT id, name, email FROM customers WHERE id = 12345 AND active = 't'".into()),
        ("pgbench", "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;".into()),
        ("update", "UPDATE orders SET state = 'sent', sent_at = now(), note = $1 WHERE id = $2 AND customer_id = 77 RETURNING id".into()),
        ("analytic", analytic.into()),
        ("insert-100-rows", format!("INSERT INTO t (a, b, c) VALUES {}", vec!["(12345, 'some text here', -1.5)"; 100].join(", "))),
    ]
}

fn shape(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sql/shape");
    let mode = SqlMode::default();
    let mut shaper = Shaper::new();
    for (name, text) in texts() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &text, |bencher, text| {
            bencher.iter(|| black_box(shaper.shape(black_box(text.as_bytes()), &mode)).holes());
        });
    }
    group.finish();
}

fn analysis(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sql/analyse");
    let (mode, limits) = (SqlMode::default(), Limits::default());
    for (name, text) in texts() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &text, |bencher, text| {
            bencher
                .iter(|| analyse(black_box(text.as_bytes()), &mode, &limits).map(|analysis| analysis.statements.len()));
        });
    }
    group.finish();
}

criterion_group!(benches, shape, analysis);
criterion_main!(benches);
