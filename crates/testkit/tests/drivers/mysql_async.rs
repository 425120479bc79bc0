//! mysql_async: text and prepared, caches statements, executes in bulk on MariaDB, sends files, resets its sessions.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mysql_async::prelude::{Protocol, Queryable};
use mysql_async::{BinaryProtocol, Conn, Error, Opts, OptsBuilder, Pool, QueryResult, Row, SslOpts, TextProtocol};
use mysql_async::{TxOpts, Value, params};

use crate::transcript::Transcript;

/// The script.
pub async fn run(url: &str) -> String {
    let mut seen = Transcript::default();
    let mut connection = Conn::new(options(url)).await.expect("the driver connects");
    queries(&mut connection, &mut seen).await;
    prepared(&mut connection, &mut seen).await;
    changes(&mut connection, &mut seen).await;
    errors(&mut connection, &mut seen).await;
    bulk(&mut connection, &mut seen).await;
    file(&mut connection, &mut seen).await;
    large(&mut connection, &mut seen).await;
    resets(&mut connection, &mut seen).await;
    connection.disconnect().await.expect("closed in order");
    pooled(url, &mut seen).await;
    seen.into_text()
}

fn options(url: &str) -> OptsBuilder {
    let (place, asked) = url.split_once('?').unwrap_or((url, ""));
    let authority = asked.split_once("ssl-ca=").map(|(_, file)| PathBuf::from(file));
    let trusting =
        |file: PathBuf| SslOpts::default().with_root_certs(vec![file.into()]).with_disable_built_in_roots(true);
    let opts = OptsBuilder::from_opts(Opts::from_url(place).expect("a url")).ssl_opts(authority.map(trusting));
    // What it asks the server for otherwise comes in an order of its own.
    opts.enable_cleartext_plugin(true).stmt_cache_size(4).prefer_socket(false).max_allowed_packet(Some(1 << 26))
}

/// Everything the server said in an error.
fn error(error: Error) -> String {
    match error {
        Error::Server(error) => format!("{} {} {}", error.code, error.state, error.message),
        other => other.to_string(),
    }
}

fn row(row: Row) -> Vec<Value> {
    row.unwrap_raw().into_iter().map(|value| value.unwrap_or(Value::NULL)).collect()
}

/// Every result set, with all that describes its columns, and how it ended.
async fn all<P: Protocol>(result: Result<QueryResult<'_, 'static, P>, Error>) -> Result<Vec<String>, String> {
    let mut result = result.map_err(error)?;
    let mut sets = Vec::new();
    loop {
        let columns = result.columns();
        let rows = result.map(row).await.map_err(error)?;
        let done = (result.affected_rows(), result.last_insert_id(), result.warnings(), result.info().into_owned());
        sets.push(format!("{rows:?} {done:?} {columns:?}"));
        if result.is_empty() {
            return Ok(sets);
        }
    }
}

async fn text(connection: &mut Conn, sql: &str) -> Result<Vec<String>, String> {
    let result: Result<QueryResult<'_, 'static, TextProtocol>, Error> = connection.query_iter(sql).await;
    all(result).await
}

async fn binary(connection: &mut Conn, sql: &str, values: Vec<Value>) -> Result<Vec<String>, String> {
    let result: Result<QueryResult<'_, 'static, BinaryProtocol>, Error> = connection.exec_iter(sql, values).await;
    all(result).await
}

/// As both protocols send it.
async fn both(connection: &mut Conn, seen: &mut Transcript, sql: &str) {
    seen.saw(sql, text(connection, sql).await);
    seen.saw(sql, binary(connection, sql, Vec::new()).await);
}

async fn queries(connection: &mut Conn, seen: &mut Transcript) {
    seen.saw("version", connection.server_version());
    for sql in [
        "SELECT 1 AS one, 'ü🦀' AS text, NULL AS nothing, 18446744073709551615 AS big, -1.50 AS deci, 1e100 AS d",
        "SELECT DATE '2024-02-29', TIME '-12:34:56.5', TIMESTAMP '2024-02-29 12:34:56.789', x'00ff', b'101'",
        "SELECT * FROM customers WHERE id < 9 ORDER BY id",
        "SELECT state, quantity, placed, note FROM orders ORDER BY id LIMIT 50",
        "SELECT price, weight, discontinued FROM products ORDER BY id",
        "CALL all_salaries()",
        "DO 1",
        "SHOW TABLES",
        "DESCRIBE orders",
        "SELECT current_user(), database(), @@character_set_client, @@collation_connection, @@sql_mode",
    ] {
        both(connection, seen, sql).await;
    }
    let several = "SELECT 1; DO 2; SELECT 3, 4; SELECT 5 FROM dual WHERE 1 = 0; SELECT 6";
    seen.saw(several, text(connection, several).await);
    let broken = "SELECT 1; SELECT * FROM nosuch; SELECT 2";
    seen.saw(broken, text(connection, broken).await);
}

fn values() -> Vec<Value> {
    vec![
        Value::Int(-1),
        Value::UInt(u64::MAX),
        Value::Float(1.5),
        Value::Double(-1e100),
        Value::Bytes("ü\n'\\🦀\0".into()),
        Value::Bytes((0..=255).collect()),
        Value::Date(2024, 2, 29, 1, 2, 3, 456_789),
        Value::Date(2024, 2, 29, 0, 0, 0, 0),
        Value::Time(true, 33, 1, 2, 3, 7),
        Value::NULL,
        Value::Bytes(Vec::new()),
    ]
}

async fn prepared(connection: &mut Conn, seen: &mut Transcript) {
    for value in values() {
        let echoed = binary(connection, "SELECT ? AS value, HEX(?) AS hex", vec![value.clone(), value.clone()]).await;
        seen.saw("echoed", (value, echoed));
    }
    // More statements than are kept: the oldest is closed.
    for number in 0..12 {
        let sql = format!("SELECT ? + {} AS sum", number % 6);
        seen.saw(&sql, binary(connection, &sql, vec![Value::Int(number)]).await);
    }
    let named: Result<Option<String>, _> =
        connection.exec_first("SELECT name FROM customers WHERE id = :id", params! { "id" => 7 }).await;
    seen.saw("named", named.map_err(error));
    let statement = connection.prep("SELECT id, title FROM products WHERE id = ?").await.expect("prepared");
    let rows: Result<Vec<(i32, String)>, _> = connection.exec(&statement, (3,)).await;
    seen.saw("again", (statement.num_params(), statement.num_columns(), rows.map_err(error)));
    seen.saw("closed", connection.close(statement).await.map_err(error));
    for step in [
        "CREATE TEMPORARY TABLE shape (a INT)",
        "SELECT * FROM shape",
        "ALTER TABLE shape ADD b TEXT",
        "SELECT * FROM shape",
        "SELECT * FROM shape",
        "DROP TEMPORARY TABLE shape",
        "SELECT * FROM shape",
    ] {
        seen.saw(step, binary(connection, step, Vec::new()).await);
    }
}

async fn changes(connection: &mut Conn, seen: &mut Transcript) {
    for sql in [
        "CREATE TEMPORARY TABLE changed (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) UNIQUE)",
        "INSERT INTO changed (v) VALUES ('a'), ('b')",
        "INSERT IGNORE INTO changed (v) VALUES ('a'), ('c')",
        "UPDATE changed SET v = 'z' WHERE id = 1",
        "DELETE FROM changed WHERE id = 2",
        "SELECT 1/0",
        "SHOW WARNINGS",
    ] {
        seen.saw(sql, text(connection, sql).await);
    }
    let mut transaction = connection.start_transaction(TxOpts::default()).await.expect("begun");
    seen.saw("emptied", transaction.query_drop("DELETE FROM changed").await.map_err(error));
    transaction.rollback().await.expect("rolled back");
    let mut transaction = connection.start_transaction(TxOpts::default()).await.expect("begun");
    seen.saw("added", transaction.exec_drop("INSERT INTO changed (v) VALUES (?)", ("kept",)).await.map_err(error));
    transaction.commit().await.expect("committed");
    seen.saw("kept", text(connection, "SELECT v FROM changed ORDER BY id").await);
    seen.saw("dropped", text(connection, "DROP TEMPORARY TABLE changed").await);
}

async fn errors(connection: &mut Conn, seen: &mut Transcript) {
    for sql in [
        "SELEC 1",
        "SELECT * FROM nosuch",
        "INSERT INTO products VALUES (1, 'a', 'b', 1, 1, 0)",
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'żółw 🦀', MYSQL_ERRNO = 4711",
        "USE nosuch",
        "",
    ] {
        both(connection, seen, sql).await;
    }
    seen.saw("several, prepared", binary(connection, "SELECT 1; SELECT 2", Vec::new()).await);
    seen.saw("ping", connection.ping().await.map_err(error));
}

async fn bulk(connection: &mut Conn, seen: &mut Transcript) {
    connection
        .query_drop("CREATE TEMPORARY TABLE bulk (a INT PRIMARY KEY, b VARCHAR(20), c BLOB)")
        .await
        .expect("made");
    let rows = |from: i32| {
        (from..from + 2000)
            .map(|n| (n, (n % 7 != 0).then(|| format!("ü{n}")), vec![u8::try_from(n % 256).expect("a byte")]))
    };
    let insert = "INSERT INTO bulk VALUES (?, ?, ?)";
    seen.saw("bulk", connection.exec_batch(insert, rows(0)).await.map_err(error));
    seen.saw("bulk again", connection.exec_batch(insert, rows(2000)).await.map_err(error));
    seen.saw("a duplicate", connection.exec_batch(insert, rows(3999)).await.map_err(error));
    let sum = "SELECT count(*), sum(a), count(b), SHA2(GROUP_CONCAT(HEX(c) ORDER BY a), 256) FROM bulk";
    seen.saw("sum", text(connection, sum).await);
    seen.saw("dropped", text(connection, "DROP TEMPORARY TABLE bulk").await);
}

async fn file(connection: &mut Conn, seen: &mut Transcript) {
    connection.query_drop("CREATE TEMPORARY TABLE loaded (a INT, b VARCHAR(40))").await.expect("made");
    let load = "LOAD DATA LOCAL INFILE 'a stream' INTO TABLE loaded FIELDS TERMINATED BY ','";
    for parts in [30, 0] {
        let part = |part: usize| Ok(Bytes::from((0..1000).map(|n| format!("{n},{part} ü\n")).collect::<String>()));
        connection.set_infile_handler(async move { Ok(stream::iter((0..parts).map(part)).boxed()) });
        seen.saw("loaded", text(connection, load).await);
    }
    seen.saw("sum", text(connection, "SELECT count(*), sum(a), max(b) FROM loaded").await);
    seen.saw("dropped", text(connection, "DROP TEMPORARY TABLE loaded").await);
}

async fn large(connection: &mut Conn, seen: &mut Transcript) {
    let value = "é".repeat(10_000_000);
    let echoed: Result<Option<(String, u64)>, _> =
        connection.exec_first("SELECT ?, length(?)", (value.as_str(), value.as_str())).await;
    seen.saw("echoed", echoed.map(|row| row.map(|(text, size)| (text == value, size))).map_err(error));
    let text: Result<Option<String>, _> = connection.query_first(format!("SELECT '{value}'")).await;
    seen.saw("in text", text.map(|text| text.as_ref() == Some(&value)).map_err(error));
}

async fn resets(connection: &mut Conn, seen: &mut Transcript) {
    seen.saw("set", connection.query_drop("SET @kept = 1, NAMES latin1").await.map_err(error));
    seen.saw("another database", connection.query_drop("USE hr").await.map_err(error));
    seen.saw("reset", connection.reset().await.map_err(error));
    seen.saw("after it", text(connection, "SELECT @kept, database(), @@character_set_client").await);
}

async fn pooled(url: &str, seen: &mut Transcript) {
    let pool = Pool::new(options(url).setup(vec!["SET @set_up = 1"]));
    for number in 0..6 {
        let mut connection = pool.get_conn().await.expect("a connection");
        seen.saw("pooled", binary(&mut connection, "SELECT ?, @set_up, @kept", vec![Value::Int(number)]).await);
        connection.query_drop("SET @kept = 1").await.expect("set");
    }
    pool.disconnect().await.expect("closed in order");
}
