//! The tour: what Portcullis does, shown on real answers, each claim checked where it is made.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use portcullis_recording::{Archive, Filter, SessionSummary, body::Body, verify};

use super::{
    client::{Client, Refusal, Rows},
    house::House,
    narrator::Narrator,
    visit::this_program,
};
use crate::{failure::Failure, protocol::Protocol};

const ORDERS: &str = "SELECT o.id, p.title, o.quantity, o.state FROM orders o JOIN products p ON p.id = o.product_id \
                      WHERE o.customer_id = 8 ORDER BY o.id";
const CUSTOMERS: &str = "SELECT id, name, email, ssn, card FROM customers WHERE id IN (7, 12, 19) ORDER BY id";
const NOTES: &str = "SELECT id, body FROM support_notes ORDER BY id";
const DROP: &str = "DROP TABLE customers";
const BLIND: &str = "DELETE FROM orders";
const KEYED: &str = "DELETE FROM orders WHERE id = 3";
const FORGED: &str = "DELETE FROM orders WHERE id = 8";

/// What people left in the notes.
const LEFT_IN_NOTES: [&str; 5] = [
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "AKIAIOSFODNN7EXAMPLE",
    "leila.new@example.net",
    "219-09-9999",
];

/// What is really in the database, read past the gateway.
struct Truth {
    customers: Rows,
    notes: Rows,
}

/// Shows all of it; an error where anything is not as told.
pub(crate) async fn tour(house: &House, say: &mut Narrator) -> Result<(), Failure> {
    let witness = house.witness().await?;
    let truth = Truth { customers: rows(&witness, CUSTOMERS).await?, notes: rows(&witness, NOTES).await? };
    let ana = house.client("ana").await?;
    allowed(&ana, say).await?;
    masked(&ana, &truth, say).await?;
    refused_drop(house, &ana, &witness, say).await?;
    refused_delete(house, &ana, &witness, say).await?;
    ana.close().await;
    let dora = house.client("dora").await?;
    revealed(&dora, &truth, say).await?;
    dora.close().await;
    witness.close().await;
    let session = recorded(house).await?;
    verified(house, say).await?;
    tampered(house, &session, say).await?;
    replayed(house, &session, &truth, say).await
}

async fn allowed(ana: &Client, say: &mut Narrator) -> Result<(), Failure> {
    say.step("An ordinary query passes");
    say.say("ana works in support. Her driver sent her sign-in token where a password goes.");
    let orders = shown(ana, "ana", ORDERS, say).await?;
    claim(!orders.rows.is_empty(), "ana sees a customer's orders")
}

async fn masked(ana: &Client, truth: &Truth, say: &mut Narrator) -> Result<(), Failure> {
    say.step("Secrets are overwritten on their way to her");
    say.say("No column list names them: they are found by their shape, in columns and in free text.");
    let customers = shown(ana, "ana", CUSTOMERS, say).await?;
    let same = customers.rows.len() == truth.customers.rows.len();
    claim(same && !truth.secrets().any(|secret| customers.hold(secret)), "no secret reaches ana")?;
    let notes = shown(ana, "ana", NOTES, say).await?;
    claim(LEFT_IN_NOTES.iter().all(|secret| truth.notes.hold(secret)), "the notes hold secrets")?;
    claim(!LEFT_IN_NOTES.iter().any(|secret| notes.hold(secret)), "no secret in a note reaches ana")?;
    say.checked("the database holds them in clear; not one of them is in what ana received");
    Ok(())
}

async fn refused_drop(house: &House, ana: &Client, witness: &Client, say: &mut Narrator) -> Result<(), Failure> {
    say.step("A DROP is refused, with the rule and what to do instead");
    let refusal = refused(ana, "ana", DROP, say).await?;
    claim(refusal.says("no-schema-changes"), "the refusal names its rule")?;
    claim(refusal.says("ask the dba group"), "the refusal carries the rule's hint")?;
    let customers = witness.value("SELECT count(*) FROM customers").await?;
    claim(customers == "60", "the table is as it was")?;
    let log = house.server().log();
    claim(log.contains(NOTES) && !log.contains(DROP), "of all statements this one never reached the database")?;
    say.checked("the table is whole, and the database's own log has never seen the statement");
    Ok(())
}

async fn refused_delete(house: &House, ana: &Client, witness: &Client, say: &mut Narrator) -> Result<(), Failure> {
    say.step("A DELETE without WHERE is refused; one by key is hers to do");
    let refusal = refused(ana, "ana", BLIND, say).await?;
    claim(refusal.says("no-blind-writes"), "the refusal names its rule")?;
    claim(refusal.says("name the rows by their key"), "the refusal carries the rule's hint")?;
    claim(!house.server().log().contains(BLIND), "the statement never reached the database")?;
    say.statement("ana", KEYED);
    let deleted = rows(ana, KEYED).await?;
    say.say(&match house.protocol() {
        Protocol::Postgres => format!("DELETE {}", deleted.count),
        Protocol::Mysql => format!("Query OK, {} row affected", deleted.count),
    });
    let left = witness.value("SELECT count(*) FROM orders").await?;
    claim(deleted.count == 1 && left == "239", "one order is gone")?;
    say.checked("239 of 240 orders are left");
    Ok(())
}

async fn revealed(dora: &Client, truth: &Truth, say: &mut Narrator) -> Result<(), Failure> {
    say.step("dora may see what ana may not");
    say.say("She is in the group privacy, which policy permits to reveal secrets. Same gateway, same statement.");
    let customers = shown(dora, "dora", CUSTOMERS, say).await?;
    claim(customers.rows == truth.customers.rows, "dora sees what is in the database")?;
    say.checked("these are the very values in the database");
    Ok(())
}

/// Waits until ana's session is closed in the recording and all of it is under a signature.
async fn recorded(house: &House) -> Result<SessionSummary, Failure> {
    let filter = Filter { user: Some("ana".into()), ..Filter::default() };
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        let sessions = archive(house)?.sessions(&filter).map_err(Failure::refused)?;
        let report = verify::verify(&house.path("data"), &verify::Options::default(), &mut |_| ());
        let signed = report.is_ok_and(|report| report.unsigned == 0);
        match sessions.into_iter().next_back() {
            Some(session) if session.ended && signed => return Ok(session),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    Err(untrue("ana's session is in the recording, signed"))
}

async fn verified(house: &House, say: &mut Narrator) -> Result<(), Failure> {
    say.step("All of it was recorded before it ran, and the record can be verified");
    let data = house.path("data");
    let (passes, text) = run(house, "verify", &data, &[], say).await?;
    claim(passes && text.contains("unchanged"), "the recording verifies")
}

async fn tampered(house: &House, session: &SessionSummary, say: &mut Narrator) -> Result<(), Failure> {
    say.step("One byte changed in a copy of it does not go unnoticed");
    say.say(&format!("Someone makes `{KEYED}` read `{FORGED}`:"));
    let entry = sequence_of(&archive(house)?, session, KEYED).ok_or_else(|| untrue("the DELETE is recorded"))?;
    let copy = house.path("tampered");
    copy_folder(&house.path("data/recordings"), &copy.join("recordings"))?;
    claim(forge(&copy.join("recordings/segments"))? == 1, "one byte is changed")?;
    let (passes, text) = run(house, "verify", &copy, &[], say).await?;
    let named = text.contains(&format!("session {:032x}, entry {entry}", session.session));
    claim(!passes && named, "`verify` names the changed entry")?;
    say.checked(&format!("it names entry {entry} of ana's session, the DELETE"));
    Ok(())
}

async fn replayed(house: &House, session: &SessionSummary, truth: &Truth, say: &mut Narrator) -> Result<(), Failure> {
    say.step("ana's session, replayed: what she asked, what was decided, what she saw");
    let id = format!("{:032x}", session.session);
    let (done, text) = run(house, "replay", &house.path("data"), &[&id, "--instant"], say).await?;
    let told = ["REFUSED by no-schema-changes", "REFUSED by no-blind-writes", "values masked", KEYED];
    claim(done && told.iter().all(|part| text.contains(part)), "the replay shows each statement and its verdict")?;
    let leaks = truth.secrets().chain(LEFT_IN_NOTES).any(|secret| text.contains(secret));
    claim(!leaks, "the recording holds what ana saw, and no secret")?;
    say.checked("what was overwritten for her is overwritten in the recording too");
    Ok(())
}

impl Truth {
    /// What must not reach those who may not see it: e-mail, SSN and card of the customers shown.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        self.customers.rows.iter().flat_map(|row| row.iter().skip(2)).filter_map(Option::as_deref)
    }
}

/// A statement that must succeed, with its rows told.
async fn shown(client: &Client, who: &str, statement: &str, say: &Narrator) -> Result<Rows, Failure> {
    say.statement(who, statement);
    let rows = rows(client, statement).await?;
    say.table(&rows);
    Ok(rows)
}

/// A statement that must be refused by policy, with the refusal told.
async fn refused(client: &Client, who: &str, statement: &str, say: &Narrator) -> Result<Refusal, Failure> {
    say.statement(who, statement);
    match client.ask(statement).await? {
        Ok(_) => Err(untrue(&format!("`{statement}` is refused"))),
        Err(refusal) => {
            say.error(&refusal);
            claim(refusal.is_privilege, "the refusal says that a privilege is missing")?;
            Ok(refusal)
        }
    }
}

async fn rows(client: &Client, statement: &str) -> Result<Rows, Failure> {
    let answer = client.ask(statement).await?;
    answer.map_err(|refusal| untrue(&format!("`{statement}` is answered")).help(refusal.lines.join("\n")))
}

fn claim(is_true: bool, what: &str) -> Result<(), Failure> {
    if is_true { Ok(()) } else { Err(untrue(what)) }
}

fn untrue(what: &str) -> Failure {
    Failure::refused(format_args!("the tour tells that {what}; that is not so here"))
}

fn archive(house: &House) -> Result<Archive, Failure> {
    Archive::open(&house.path("data"), Vec::new()).map_err(Failure::refused)
}

fn sequence_of(archive: &Archive, session: &SessionSummary, statement: &str) -> Option<u64> {
    let found = archive.session(session.session).filter_map(Result::ok).find(
        |entry| matches!(&entry.body, Body::Statement(recorded) if recorded.original.bytes == statement.as_bytes()),
    );
    found.map(|entry| entry.header.sequence)
}

/// Runs one of this program's own commands on a data folder, as an auditor would, and tells what it prints.
async fn run(
    house: &House,
    command: &str,
    data: &Path,
    more: &[&str],
    say: &Narrator,
) -> Result<(bool, String), Failure> {
    let (folder, witness) = (data.display().to_string(), house.path("witness/checkpoints").display().to_string());
    let mut args = vec![command];
    args.extend(more);
    args.extend(["--data-dir", &folder]);
    if command == "verify" {
        args.extend(["--witness", &witness]);
    }
    say.command(&args.join(" "));
    let (done, text) = this_program(&args, &[]).await?;
    say.block(&text);
    Ok((done, text))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    let wrong = |error| Failure::refused(format_args!("{}: {error}", from.display()));
    fs::create_dir_all(to).map_err(wrong)?;
    for entry in fs::read_dir(from).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Makes the recorded DELETE name another order; gives the number of bytes that were changed.
fn forge(segments: &Path) -> Result<usize, Failure> {
    let wrong = |error| Failure::refused(format_args!("{}: {error}", segments.display()));
    let mut changed = 0;
    for entry in fs::read_dir(segments).map_err(wrong)? {
        let file = entry.map_err(wrong)?.path();
        let mut bytes = fs::read(&file).map_err(wrong)?;
        let places = bytes.windows(KEYED.len()).position(|window| window == KEYED.as_bytes());
        if let Some(last) = places.and_then(|start| bytes.get_mut(start + KEYED.len() - 1)) {
            *last = FORGED.as_bytes()[FORGED.len() - 1];
            changed += 1;
            fs::write(&file, bytes).map_err(wrong)?;
        }
    }
    Ok(changed)
}
