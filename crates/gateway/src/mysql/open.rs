//! Opens a session for a MySQL client: the upstream's session is made as the client's was agreed, so that bytes can be
//! passed on as they are.
//!
//! Before the client hears that it is in, the upstream is asked how it reads text (its `sql_mode`, character sets and
//! default database): a server's defaults decide what quotes mean.

use std::sync::Arc;

use bytes::BytesMut;
use portcullis_mysql::capabilities::SHAPING;
use portcullis_mysql::session::Session as Codec;
use portcullis_mysql::sign_in::{Client, SignIn};
use portcullis_wire::Fault;

use super::client::Conversation;
use super::dial::{self, Dialled, Wanted};
use super::front;
use crate::accept::{Door, Peer, Turned};
use crate::config::Protocol;
use crate::dial::NotReached;
use crate::open::{self, Admitted, Asked, Opened, Proven, Room, UpstreamSide};
use crate::process::Process;

/// The upstream that a client wants: the database that it names, or the only one that there can be.
pub(super) fn named(process: &Process, sign_in: &SignIn, credential: Option<&str>) -> Option<String> {
    let database = sign_in.client().and_then(|client| client.database.as_deref());
    match (database, credential) {
        (Some(database), _) => String::from_utf8(database.to_vec()).ok(),
        (None, Some(credential)) => process.store.credential(credential).map(|credential| credential.upstream.clone()),
        (None, None) => only(process),
    }
}

/// The name of the only upstream of this protocol.
fn only(process: &Process) -> Option<String> {
    let upstreams = process.upstreams.load();
    let mut names = upstreams.iter().filter(|(_, upstream)| upstream.settings().protocol == Protocol::MySql);
    let (name, _) = names.next()?;
    names.next().is_none().then(|| name.clone())
}

/// Opens a session for the client behind `peer`, whose identity is proven. `greeted` is the number that it was given for
/// its connection before the upstream's was known.
pub(super) async fn open(
    process: &Arc<Process>,
    door: &Door,
    peer: &Peer,
    room: Room,
    sign_in: &mut SignIn,
    proven: Proven,
    greeted: u32,
) -> Result<Opened<Codec>, Turned> {
    let client = sign_in.client().cloned().ok_or(Turned::Done)?;
    let database = named(process, sign_in, proven.credential.as_deref());
    let user = String::from_utf8_lossy(&client.user).into_owned();
    let application = attribute(&client, b"program_name");
    let asked = Asked {
        user: &user,
        database: database.as_deref().unwrap_or_default(),
        application: &application,
        protocol_version: "10",
        settings: Vec::new(),
        // What messages look like depends on it, so who replays the session must know.
        facts: vec![("capabilities".to_owned(), format!("{:x}", client.capabilities.bits()))],
    };
    let admitted = open::admit(process, door, peer, room, &asked, proven).await?;
    let wanted = wanted(&client);
    let dialled = dial::dial(&admitted.target, &wanted).await.map_err(open::not_reached)?;
    let mut greeting = BytesMut::new();
    sign_in.accept(&dialled.ready.ok(), &mut greeting).map_err(Fault::from)?;
    let codec = Codec::new(dialled.ready.capabilities, admitted.known.world.limits.bytes)
        .for_server(dialled.ready.server.flavour);
    let side = side(&admitted, dialled, wanted, greeted).await?;
    let resume = front::resume(process.clone(), door.clone(), client, greeted);
    Ok(Opened { admitted, side, codec, greeting: greeting.freeze(), resume: Some(resume) })
}

fn attribute(client: &Client, name: &[u8]) -> String {
    let found = client.attributes().iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

/// The upstream's session as the client's: whatever shapes messages must be agreed alike on both sides.
fn wanted(client: &Client) -> Wanted {
    Wanted {
        capabilities: client.capabilities,
        required: client.capabilities & SHAPING,
        collation: u8::try_from(client.collation).unwrap_or(UTF8MB4),
        max_packet: client.max_packet,
        attributes: client.attributes().iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
    }
}

/// `utf8mb4_general_ci`, which both families have.
pub(super) const UTF8MB4: u8 = 45;

/// What the session begins with, asked of the upstream itself.
async fn side(admitted: &Admitted, dialled: Dialled, wanted: Wanted, greeted: u32) -> Result<UpstreamSide, Turned> {
    let dialect = admitted.known.world.dialect.clone();
    let process = dialled.ready.connection;
    let mut conversation = Conversation::begin(dialled);
    let question = async {
        let asked = conversation.query(dialect.path_question()).await;
        asked.map_err(|error| NotReached::Io(std::io::Error::other(error)))
    };
    let told = admitted.target.in_time(question).await.map_err(open::not_reached)?;
    let told = told.into_iter().next().and_then(|row| row.into_iter().next().flatten()).unwrap_or_default();
    let (stream, rest) = conversation.end();
    let mut secret = vec![0; 32];
    // Nobody is told it: MySQL clients cancel by KILL.
    open::fill(&mut secret);
    Ok(UpstreamSide {
        stream,
        rest,
        process,
        numbers: vec![process, greeted],
        secret,
        cancel: dial::cancel(&admitted.target, process, wanted),
        path: dialect.read_path(&told),
        told: Some(told.into()),
        reported: Vec::new(),
    })
}
