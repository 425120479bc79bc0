//! sqlx on MySQL and MariaDB: prepares and caches every statement, binary throughout.

use std::str::FromStr;

use futures_util::TryStreamExt;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPoolOptions, MySqlRow, MySqlSslMode};
use sqlx::{Column, ConnectOptions, Connection, Error, Executor, Row, TypeInfo};

use crate::transcript::Transcript;

/// The script.
pub async fn run(url: &str) -> String {
    let mut seen = Transcript::default();
    let mut connection = options(url).connect().await.expect("the driver connects");
    queries(&mut connection, &mut seen).await;
    errors(&mut connection, &mut seen).await;
    transactions(&mut connection, &mut seen).await;
    connection.close().await.expect("closed in order");
    pool(url, &mut seen).await;
    seen.into_text()
}

fn options(url: &str) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::from_str(url).expect("a url");
    let options = if url.contains("ssl-ca=") { options } else { options.ssl_mode(MySqlSslMode::Disabled) };
    options.enable_cleartext_plugin(true).statement_cache_capacity(4)
}

/// Everything the server said in an error.
fn error(error: Error) -> String {
    let Some(db) = error.as_database_error() else { return error.to_string() };
    let db = db.downcast_ref::<MySqlDatabaseError>();
    format!("{} {:?} {}", db.number(), db.code(), db.message())
}

fn columns(row: &MySqlRow) -> Vec<(String, String)> {
    row.columns().iter().map(|c| (c.name().to_owned(), c.type_info().name().to_owned())).collect()
}

async fn queries(connection: &mut MySqlConnection, seen: &mut Transcript) {
    for id in 1..5_i32 {
        let row =
            sqlx::query("SELECT id, name, avatar, CAST(created AS CHAR), card FROM customers WHERE id = ?").bind(id);
        let row = row.fetch_one(&mut *connection).await.expect("a row");
        let bytes: Option<Vec<u8>> = row.get(2);
        seen.saw("row", (columns(&row), row.get::<i32, _>(0), row.get::<&str, _>(1), bytes, row.get::<&str, _>(3)));
    }
    let over = sqlx::query_scalar::<_, i64>("SELECT id FROM orders WHERE quantity > ? ORDER BY id").bind(8_i16);
    let ids: Result<Vec<i64>, _> = over.fetch(&mut *connection).try_collect().await;
    seen.saw("streamed", ids.map_err(error));
    let types = "SELECT * FROM orders WHERE id = 20";
    let row = sqlx::query(types).fetch_one(&mut *connection).await;
    seen.saw("types", row.map(|row| columns(&row)).map_err(error));
    let none = sqlx::query("SELECT 1 FROM dual WHERE 1 = 0").fetch_optional(&mut *connection).await;
    seen.saw("none", none.map(|row| row.is_some()).map_err(error));
    let several = "CREATE TEMPORARY TABLE s (id INT AUTO_INCREMENT PRIMARY KEY, a INT); INSERT INTO s (a) VALUES (1), (2); UPDATE s SET a = 3";
    let done = connection.execute(several).await;
    seen.saw("several", done.map(|done| (done.rows_affected(), done.last_insert_id())).map_err(error));
    for (name, value) in [("unsigned", u64::MAX), ("small", 0)] {
        let echoed: Result<u64, _> =
            sqlx::query_scalar("SELECT CAST(? AS UNSIGNED)").bind(value).fetch_one(&mut *connection).await;
        seen.saw(name, echoed.map_err(error));
    }
    for number in 0..12_i64 {
        let sql = format!("SELECT ? + {}", number % 6);
        let sum: Result<i64, _> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(number).fetch_one(&mut *connection).await;
        seen.saw("closed and prepared again", sum.map_err(error));
    }
    let echoed: Result<Vec<u8>, _> =
        sqlx::query_scalar("SELECT ?").bind(vec![0xA5_u8; 20_000_000]).fetch_one(&mut *connection).await;
    seen.saw("large", echoed.map(|bytes| bytes == vec![0xA5; 20_000_000]).map_err(error));
}

async fn errors(connection: &mut MySqlConnection, seen: &mut Transcript) {
    for sql in [
        "SELEC 1",
        "SELECT * FROM nosuch",
        "INSERT INTO products VALUES (1, 'a', 'b', 1, 1, 0)",
        "INSERT INTO orders VALUES (NULL, 9999, 1, 1, 'open', 'EMEA', '2024-01-01', NULL)",
        "SELECT 1; SELECT 2",
        "SELECT 'usable'",
    ] {
        seen.saw(sql, sqlx::query(sql).fetch_all(&mut *connection).await.map(|rows| rows.len()).map_err(error));
    }
    // The cached statement's result changes its shape behind the driver's back.
    connection.execute("CREATE TEMPORARY TABLE shape (a INT)").await.expect("a table");
    for step in ["SELECT * FROM shape", "ALTER TABLE shape ADD b TEXT", "SELECT * FROM shape", "SELECT * FROM shape"] {
        seen.saw(step, sqlx::query(step).fetch_all(&mut *connection).await.map(|rows| rows.len()).map_err(error));
    }
}

async fn transactions(connection: &mut MySqlConnection, seen: &mut Transcript) {
    connection.execute("CREATE TEMPORARY TABLE kept (a INT PRIMARY KEY)").await.expect("a table");
    let mut outer = connection.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO kept VALUES (?)").bind(1).execute(&mut *outer).await.expect("inserted");
    let mut inner = outer.begin().await.expect("a savepoint");
    let broken = sqlx::query("INSERT INTO kept VALUES (2), (?)").bind(1).execute(&mut *inner).await;
    seen.saw("broken", broken.map(|_| ()).map_err(error));
    inner.rollback().await.expect("rolled back to the savepoint");
    outer.commit().await.expect("committed");
    let dropped = connection.begin().await.expect("a transaction");
    drop(dropped);
    let kept: Result<Vec<i32>, _> = sqlx::query_scalar("SELECT a FROM kept").fetch_all(&mut *connection).await;
    seen.saw("kept", kept.map_err(error));
}

async fn pool(url: &str, seen: &mut Transcript) {
    let pool = MySqlPoolOptions::new().max_connections(3).connect_with(options(url)).await.expect("a pool");
    for number in 0..6_i64 {
        let row = sqlx::query(
            "SELECT ?, database(), REPLACE(@@sql_mode, 'IGNORE_SPACE,', ''), @@time_zone, @@collation_connection",
        )
        .bind(number);
        let row = row.fetch_one(&pool).await;
        let text =
            row.map(|row| (columns(&row), row.get::<String, _>(1), row.get::<String, _>(2), row.get::<String, _>(3)));
        seen.saw("pooled", text.map_err(error));
    }
    pool.close().await;
}
