//! What a MySQL statement costs before a decision: its key (every time) and its analysis (once for each shape).

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use portcullis_sql::Limits;
use portcullis_sql::dialect::{Dialect, Mode};
use portcullis_sql::mysql::{Flavour, MySql};

const SERVER: MySql = MySql { flavour: Flavour::MySql, version: 90_700, lower_case_tables: false };

fn texts() -> Vec<(&'static str, String)> {
    let analytic = "WITH m AS (SELECT DATE_FORMAT(o.created_at, '%Y-%m') AS month, c.region, SUM(o.total) AS total, COUNT(*) AS n \
        FROM orders o JOIN customers c ON c.id = o.customer_id LEFT JOIN refunds r ON r.order_id = o.id AND r.state = 'done' \
        WHERE o.created_at >= ? AND o.state IN ('paid', 'sent') AND c.region <> 'test' GROUP BY 1, 2 HAVING SUM(o.total) > 100) \
        SELECT month, region, total, n, total / n AS mean, RANK() OVER (PARTITION BY month ORDER BY total DESC) FROM m ";
    vec![
        ("select-70", "SELECT id, name, email FROM customers WHERE id = 12345 AND active = 't'".into()),
        ("sysbench", "SELECT c FROM sbtest1 WHERE id=5023".into()),
        (
            "update",
            "UPDATE orders SET state = 'sent', sent_at = NOW(), note = ? WHERE id = ? AND customer_id = 77".into(),
        ),
        ("analytic", analytic.into()),
        (
            "insert-100-rows",
            format!("INSERT INTO t (a, b, c) VALUES {}", vec!["(12345, 'some text here', -1.5)"; 100].join(", ")),
        ),
    ]
}

fn key(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sql/mysql/key");
    let mut key = Vec::new();
    for (name, text) in texts() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &text, |bencher, text| {
            bencher.iter(|| {
                SERVER.key(black_box(text.as_bytes()), Mode(0), &mut key);
                key.len()
            });
        });
    }
    group.finish();
}

fn analysis(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sql/mysql/analyse");
    let limits = Limits::default();
    for (name, text) in texts() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &text, |bencher, text| {
            bencher.iter(|| SERVER.analyse(black_box(text.as_bytes()), Mode(0), &limits).map(|found| found.len()));
        });
    }
    group.finish();
}

criterion_group!(benches, key, analysis);
criterion_main!(benches);
