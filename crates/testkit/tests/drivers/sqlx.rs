//! sqlx: prepares and caches every statement under a name, describes before it binds, binary throughout.

use futures_util::TryStreamExt;
use sqlx::postgres::{PgConnection, PgDatabaseError, PgListener, PgPoolOptions, PgRow};
use sqlx::{Column, Connection, Error, Executor, Row, TypeInfo};

use crate::transcript::Transcript;

/// The script.
pub async fn run(url: &str) -> String {
    let mut seen = Transcript::default();
    let mut connection = PgConnection::connect(url).await.expect("the driver connects");
    queries(&mut connection, &mut seen).await;
    errors(&mut connection, &mut seen).await;
    copies(&mut connection, &mut seen).await;
    transactions(&mut connection, &mut seen).await;
    connection.close().await.expect("closed in order");
    pool_and_listener(url, &mut seen).await;
    seen.into_text()
}

/// Everything the server said in an error.
fn error(error: Error) -> String {
    let Some(db) = error.as_database_error() else { return error.to_string() };
    let db = db.downcast_ref::<PgDatabaseError>();
    let place = (db.schema(), db.table(), db.column(), db.constraint(), db.file(), db.line(), db.routine());
    format!("{:?} {} {} {:?} {:?} {place:?}", db.severity(), db.code(), db.message(), db.detail(), db.hint())
}

fn columns(row: &PgRow) -> Vec<(String, String)> {
    row.columns().iter().map(|c| (c.name().to_owned(), c.type_info().name().to_owned())).collect()
}

async fn queries(connection: &mut PgConnection, seen: &mut Transcript) {
    for id in 1..5_i32 {
        let row = sqlx::query("SELECT id, name, tags, avatar, created::text FROM customers WHERE id = $1").bind(id);
        let row = row.fetch_one(&mut *connection).await.expect("a row");
        let tags: Vec<String> = row.get("tags");
        seen.saw(
            "row",
            (columns(&row), row.get::<i32, _>(0), row.get::<&str, _>(1), tags, row.get::<Option<Vec<u8>>, _>(3)),
        );
    }
    let over = sqlx::query_scalar::<_, i64>("SELECT id FROM orders WHERE quantity > $1 ORDER BY id").bind(8_i16);
    let ids: Result<Vec<i64>, _> = over.fetch(&mut *connection).try_collect().await;
    seen.saw("streamed", ids.map_err(error));
    let none = sqlx::query("SELECT 1 WHERE false").fetch_optional(&mut *connection).await;
    seen.saw("none", none.map(|row| row.is_some()).map_err(error));
    let several =
        connection.execute("CREATE TEMP TABLE s (a int); INSERT INTO s VALUES (1), (2); UPDATE s SET a = 3").await;
    seen.saw("several", several.map(|done| done.rows_affected()).map_err(error));
    let state: Result<String, _> = sqlx::query_scalar("SELECT state::text FROM orders WHERE id = $1")
        .bind(1_i64)
        .fetch_one(&mut *connection)
        .await;
    seen.saw("enum", state.map_err(error));
    let sum: Result<Option<i64>, _> =
        sqlx::query_scalar("SELECT sum(g) FROM generate_series(1, 100000) g").fetch_one(&mut *connection).await;
    seen.saw("sum", sum.map_err(error));
    let echoed: Result<String, _> =
        sqlx::query_scalar("SELECT $1").bind("é".repeat(1_000_000)).fetch_one(&mut *connection).await;
    seen.saw("large", echoed.map(|text| text.len()).map_err(error));
}

async fn errors(connection: &mut PgConnection, seen: &mut Transcript) {
    for sql in [
        "SELEC 1",
        "SELECT * FROM nosuch",
        "SELECT 1/0",
        "INSERT INTO products VALUES (1, 'a', 'b', 1)",
        "INSERT INTO orders (customer_id, product_id, quantity, region, placed) VALUES (999, 1, 1, 'EMEA', '2024-01-01')",
        "SELECT 1; SELECT 2",
    ] {
        seen.saw(sql, sqlx::query(sql).fetch_all(&mut *connection).await.map(|rows| rows.len()).map_err(error));
    }
    // The cached statement's result changes its shape behind the driver's back.
    connection.execute("CREATE TEMP TABLE shape (a int)").await.expect("a table");
    for step in ["SELECT * FROM shape", "ALTER TABLE shape ADD b text", "SELECT * FROM shape", "SELECT * FROM shape"] {
        seen.saw(step, sqlx::query(step).fetch_all(&mut *connection).await.map(|rows| rows.len()).map_err(error));
    }
}

async fn copies(connection: &mut PgConnection, seen: &mut Transcript) {
    connection.execute("CREATE TEMP TABLE copied (a int, b text)").await.expect("a table");
    for lines in ["1,one\n2,\"two, quoted\"\n", "x,not a number\n"] {
        let mut copy = connection.copy_in_raw("COPY copied FROM STDIN (FORMAT csv)").await.expect("copy begins");
        copy.send(lines.as_bytes()).await.expect("sent");
        seen.saw("copied in", copy.finish().await.map_err(error));
    }
    let copy = connection.copy_in_raw("COPY copied FROM STDIN").await.expect("copy begins");
    seen.saw("given up", copy.abort("the client gives up").await.map_err(error));
    let out = connection.copy_out_raw("COPY (SELECT * FROM copied ORDER BY a) TO STDOUT").await.expect("copy begins");
    seen.saw("copied out", out.try_collect::<Vec<_>>().await.map_err(error));
}

async fn transactions(connection: &mut PgConnection, seen: &mut Transcript) {
    connection.execute("CREATE TEMP TABLE kept (a int)").await.expect("a table");
    let mut outer = connection.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO kept VALUES ($1)").bind(1).execute(&mut *outer).await.expect("inserted");
    let mut inner = outer.begin().await.expect("a savepoint");
    seen.saw(
        "broken",
        sqlx::query("INSERT INTO kept SELECT 1/$1").bind(0).execute(&mut *inner).await.map(|_| ()).map_err(error),
    );
    seen.saw("aborted", sqlx::query("SELECT 1").execute(&mut *inner).await.map(|_| ()).map_err(error));
    inner.rollback().await.expect("rolled back to the savepoint");
    outer.commit().await.expect("committed");
    let dropped = connection.begin().await.expect("a transaction");
    drop(dropped);
    let kept: Result<Vec<i32>, _> = sqlx::query_scalar("SELECT a FROM kept").fetch_all(&mut *connection).await;
    seen.saw("kept", kept.map_err(error));
}

async fn pool_and_listener(url: &str, seen: &mut Transcript) {
    let pool = PgPoolOptions::new().max_connections(3).connect(url).await.expect("a pool");
    let mut listener = PgListener::connect_with(&pool).await.expect("a listener");
    listener.listen("told").await.expect("listening");
    sqlx::query("SELECT pg_notify('told', $1)").bind("payload").execute(&pool).await.expect("notified");
    let note = listener.recv().await.map(|note| (note.channel().to_owned(), note.payload().to_owned()));
    seen.saw("notified", note.map_err(error));
    drop(listener);
    pool.close().await;
}
