//! tokio-postgres: pipelined by nature, binary results, portals, COPY, cancellation, notifications.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join_all, try_join};
use futures_util::{SinkExt, TryStreamExt, pin_mut};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Error, NoTls, Row, SimpleQueryMessage};

use crate::transcript::Transcript;

/// The script.
pub async fn run(url: &str) -> String {
    let mut seen = Transcript::default();
    let (mut client, mut told) = connect(url).await;
    simple(&client, &mut seen).await;
    extended(&client, &mut seen).await;
    pipelined(&client, &mut seen).await;
    portals(&mut client, &mut seen).await;
    copies(&client, &mut seen).await;
    transactions(&mut client, &mut seen).await;
    cancelled(&client, &mut seen).await;
    cancelled_copy(&client, &mut seen).await;
    messages(&client, &mut told, &mut seen).await;
    seen.saw("still whole", rows(client.query("SELECT 'usable'", &[]).await));
    seen.into_text()
}

async fn connect(url: &str) -> (Client, UnboundedReceiver<AsyncMessage>) {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await.expect("the driver connects");
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    (client, receiver)
}

/// Everything the server said in an error, or the driver's own words.
fn error(error: &Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |db| format!("{db:?}"))
}

fn rows(result: Result<Vec<Row>, Error>) -> Result<Vec<Vec<String>>, String> {
    result.map(|rows| rows.iter().map(cells).collect()).map_err(|e| error(&e))
}

fn cells(row: &Row) -> Vec<String> {
    (0..row.len())
        .map(|n| match *row.columns()[n].type_() {
            Type::INT4 => format!("{:?}", row.try_get::<_, Option<i32>>(n)),
            Type::INT8 => format!("{:?}", row.try_get::<_, Option<i64>>(n)),
            Type::BYTEA => format!("{:?}", row.try_get::<_, Option<Vec<u8>>>(n)),
            Type::BOOL => format!("{:?}", row.try_get::<_, Option<bool>>(n)),
            Type::TEXT_ARRAY => format!("{:?}", row.try_get::<_, Option<Vec<Option<String>>>>(n)),
            _ => format!("{:?}", row.try_get::<_, Option<String>>(n)),
        })
        .collect()
}

async fn simple(client: &Client, seen: &mut Transcript) {
    for sql in [
        "SELECT 1, 'ü', NULL; SELECT 2; CREATE TEMP TABLE s (a int); INSERT INTO s VALUES (1), (2)",
        "SELECT 1; SELECT 1/0; SELECT 2",
        "SELEC",
        "",
        "; ;",
        "INSERT INTO products VALUES (1, 'a', 'b', 1)",
        "SET TIME ZONE 'Asia/Tokyo'; SHOW TimeZone; RESET ALL",
    ] {
        let result = client.simple_query(sql).await;
        seen.saw(sql, result.map(|all| all.iter().map(simple_message).collect::<Vec<_>>()).map_err(|e| error(&e)));
    }
}

fn simple_message(message: &SimpleQueryMessage) -> String {
    match message {
        SimpleQueryMessage::Row(row) => format!("{:?}", (0..row.len()).map(|n| row.get(n)).collect::<Vec<_>>()),
        SimpleQueryMessage::RowDescription(columns) => {
            format!("{:?}", columns.iter().map(|c| c.name()).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    }
}

async fn extended(client: &Client, seen: &mut Transcript) {
    let statement =
        client.prepare("SELECT id, name, tags, avatar FROM customers WHERE id = $1").await.expect("prepared");
    seen.saw("described", (statement.params(), statement.columns()));
    for id in [1, 4, 999] {
        seen.saw("prepared", rows(client.query(&statement, &[&id]).await));
    }
    let typed =
        client.query_typed("SELECT $1::text || 'x', $2::int8", &[(&"ü", Type::TEXT), (&7_i64, Type::INT8)]).await;
    seen.saw("typed", rows(typed));
    seen.saw("mismatch", rows(client.query("SELECT $1::int", &[&"text"]).await));
    seen.saw("broken", rows(client.query("SELECT * FROM nosuch", &[]).await));
    seen.saw("division", rows(client.query("SELECT 1/$1::int", &[&0]).await));
    let updated = client.execute("UPDATE products SET weight = weight WHERE id < $1", &[&10]).await;
    seen.saw("updated", updated.map_err(|e| error(&e)));
    let large = client.query_one("SELECT repeat('é', 2000000)", &[]).await.map(|row| row.get::<_, String>(0).len());
    seen.saw("large", large.map_err(|e| error(&e)));
    let many = client.query("SELECT g FROM generate_series(1, 100000) g", &[]).await;
    seen.saw(
        "many",
        many.map(|all| all.iter().map(|row| i64::from(row.get::<_, i32>(0))).sum::<i64>()).map_err(|e| error(&e)),
    );
}

/// Requests that are all sent before the first answer is read; a broken one must not touch its neighbours.
async fn pipelined(client: &Client, seen: &mut Transcript) {
    let statement = client.prepare("SELECT 100 / $1::int").await.expect("prepared");
    let numbers: Vec<i32> = (0..40).map(|n| n % 8).collect();
    let queries = numbers.iter().map(|n| async { rows(client.query(&statement, &[n]).await) });
    seen.saw("pipelined", join_all(queries).await);
    let mixed =
        try_join(client.query("SELECT 1", &[]), client.query("SELECT name FROM customers WHERE id = $1", &[&3])).await;
    seen.saw("mixed", mixed.map(|(a, b)| (rows(Ok(a)), rows(Ok(b)))).map_err(|e| error(&e)));
}

async fn portals(client: &mut Client, seen: &mut Transcript) {
    let transaction = client.transaction().await.expect("a transaction");
    let portal = transaction.bind("SELECT id, quantity::int, note FROM orders ORDER BY id", &[]).await.expect("bound");
    for limit in [3, 1, 100, 0] {
        let part = rows(transaction.query_portal(&portal, limit).await);
        seen.saw("portal", part.map(|rows| (rows.len(), rows.first().cloned(), rows.last().cloned())));
    }
    seen.saw("exhausted", rows(transaction.query_portal(&portal, 5).await));
    transaction.rollback().await.expect("rolled back");
}

async fn copies(client: &Client, seen: &mut Transcript) {
    client.batch_execute("CREATE TEMP TABLE copied (a int, b text)").await.expect("a table");
    for lines in ["1\tone\n2\t\\N\n", "not a number\tx\n", ""] {
        let sink = client.copy_in("COPY copied FROM STDIN").await.expect("copy begins");
        pin_mut!(sink);
        sink.send(Bytes::from_static(lines.as_bytes())).await.expect("sent");
        seen.saw("copied in", sink.finish().await.map_err(|e| error(&e)));
    }
    let dropped = client.copy_in::<_, Bytes>("COPY copied FROM STDIN").await.expect("copy begins");
    drop(dropped);
    seen.saw("after a dropped copy", rows(client.query("SELECT count(*) FROM copied", &[]).await));
    for sql in ["COPY (SELECT * FROM copied ORDER BY a) TO STDOUT", "COPY (SELECT 1/(a - 2) FROM copied) TO STDOUT"] {
        let out = client.copy_out(sql).await.expect("copy begins");
        seen.saw(sql, out.try_collect::<Vec<Bytes>>().await.map_err(|e| error(&e)));
    }
    let big = client
        .copy_out("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 20000)) TO STDOUT")
        .await
        .expect("begins");
    let size = big.try_fold(0, |sum, part| async move { Ok(sum + part.len()) }).await;
    seen.saw("big copy", size.map_err(|e| error(&e)));
}

async fn transactions(client: &mut Client, seen: &mut Transcript) {
    client.batch_execute("CREATE TEMP TABLE kept (a int)").await.expect("a table");
    let mut transaction = client.transaction().await.expect("a transaction");
    transaction.execute("INSERT INTO kept VALUES (1)", &[]).await.expect("inserted");
    let savepoint = transaction.savepoint("sp").await.expect("a savepoint");
    seen.saw("in savepoint", savepoint.execute("INSERT INTO kept SELECT 1/0", &[]).await.map_err(|e| error(&e)));
    seen.saw("aborted", savepoint.execute("INSERT INTO kept VALUES (2)", &[]).await.map_err(|e| error(&e)));
    savepoint.rollback().await.expect("rolled back");
    transaction.commit().await.expect("committed");
    seen.saw("kept", rows(client.query("SELECT a FROM kept", &[]).await));
    drop(client.transaction().await.expect("a transaction that is dropped"));
    seen.saw("after drop", rows(client.query("SELECT pg_current_xact_id_if_assigned()::text", &[]).await));
}

async fn cancelled(client: &Client, seen: &mut Transcript) {
    let token = client.cancel_token();
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        token.cancel_query(NoTls).await
    };
    let (result, asked) = tokio::join!(client.query("SELECT pg_sleep(30)", &[]), cancel);
    seen.saw("cancelled", (rows(result), asked.map_err(|e| error(&e))));
}

/// A server that reads COPY data acts on a cancel only when more of it comes.
async fn cancelled_copy(client: &Client, seen: &mut Transcript) {
    let sink = client.copy_in::<_, Bytes>("COPY copied FROM STDIN").await.expect("copy begins");
    let asked = client.cancel_token().cancel_query(NoTls).await;
    pin_mut!(sink);
    // The driver does not look at answers while it sends, so that no number of rows would fail.
    for _ in 0..200 {
        sink.send(Bytes::from_static(b"7\tseven\n")).await.expect("sent");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The line it stopped at is another each time.
    let finished = sink.finish().await.map_err(|e| e.code().cloned());
    assert!(finished.is_err(), "the COPY was not cancelled");
    seen.saw("cancelled copy", (asked.map_err(|e| error(&e)), finished));
    let counted = tokio::time::timeout(Duration::from_secs(20), client.query("SELECT count(*) FROM copied", &[]));
    seen.saw("after a cancelled copy", counted.await.map(rows).map_err(|_| "no answer"));
}

async fn messages(client: &Client, told: &mut UnboundedReceiver<AsyncMessage>, seen: &mut Transcript) {
    let own = client.query_one("SELECT pg_backend_pid()", &[]).await.expect("a pid").get::<_, i32>(0);
    client.batch_execute("LISTEN told; DO $$ BEGIN RAISE NOTICE 'said'; END $$").await.expect("listening");
    client.execute("SELECT pg_notify('told', 'payload')", &[]).await.expect("notified");
    loop {
        match told.recv().await.expect("the connection lives") {
            AsyncMessage::Notice(notice) => seen.saw("notice", notice),
            AsyncMessage::Notification(note) => {
                seen.saw("notification", (note.channel(), note.payload(), note.process_id() == own));
                break;
            }
            _ => {}
        }
    }
}
