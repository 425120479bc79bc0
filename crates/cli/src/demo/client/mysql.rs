//! An ordinary MySQL client: as much of one as a demo needs, in clear on this machine.
//!
//! A password is shown by whatever scramble the server asks for; a token goes by `mysql_clear_password`, as drivers send
//! tokens. Spec: "Connection Phase", "Command Phase". Absent: TLS, prepared statements, files, character sets but UTF-8.

use bytes::{Bytes, BytesMut};
use portcullis_mysql::{
    Capabilities, Channel, Credential, Pairs, Plugin, Secret,
    command::{Command, Query},
    dial::{ClearPassword, Dial, Progress},
    handshake::{Greeting, HandshakeResponse, Reply, SslRequest},
    packet,
    response::{Answer, ColumnDefinition, ErrPacket, OkPacket, RowPacket, Status, text_cells},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Mutex,
};

use super::{Login, Proof, Refusal, Rows};

/// A connection; it ends with this value.
pub(crate) struct Client(Mutex<Wire>);

struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
    agreed: Capabilities,
    sequence: u8,
}

/// What ended one of the results of a statement.
enum End {
    /// It was the last.
    Last,
    /// Another follows.
    More,
    Refused(Refusal),
}

/// `utf8mb4_general_ci`.
const COLLATION: u8 = 45;

/// LIMIT: one packet of an answer, in bytes.
const PACKET: usize = 16 << 20;

/// Without these there is nothing to talk about.
const REQUIRED: [Capabilities; 5] = [
    portcullis_mysql::capabilities::REQUIRED,
    Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA,
    Capabilities::CONNECT_WITH_DB,
    Capabilities::CONNECT_ATTRS,
    Capabilities::DEPRECATE_EOF,
];

const WELCOME: [Capabilities; 4] =
    [Capabilities::LONG_FLAG, Capabilities::TRANSACTIONS, Capabilities::MULTI_STATEMENTS, Capabilities::MULTI_RESULTS];

const ATTRIBUTES: [(&[u8], &[u8]); 1] = [(b"program_name", b"demo")];

fn all(sets: &[Capabilities]) -> Capabilities {
    sets.iter().fold(Capabilities::default(), |all, each| all | *each)
}

impl Client {
    /// Signs in. The error is the server's own words where it has any.
    pub(super) async fn connect(login: &Login<'_>) -> Result<Self, String> {
        let stream = TcpStream::connect(login.address).await.map_err(words)?;
        stream.set_nodelay(true).map_err(words)?;
        let mut wire = Wire { stream, buffer: BytesMut::new(), agreed: Capabilities::default(), sequence: 0 };
        match login.proof {
            Proof::Password(password) => wire.sign_in(login, password).await?,
            Proof::Token(token) => wire.sign_in_by_token(login, token).await?,
        }
        Ok(Self(Mutex::new(wire)))
    }

    /// Sends a statement, or several, by COM_QUERY; gives what the last one returned.
    pub(super) async fn ask(&self, statement: &str) -> Result<super::Answer, String> {
        let mut wire = self.0.lock().await;
        let agreed = wire.agreed;
        wire.sequence = 0;
        wire.send(|out| Query::put(out, agreed, &[], statement.as_bytes())).await?;
        loop {
            let mut rows = Rows::default();
            match wire.result(&mut rows).await? {
                End::Last => return Ok(Ok(rows)),
                End::More => {}
                End::Refused(refusal) => return Ok(Err(refusal)),
            }
        }
    }

    /// Says goodbye and waits until the server hung up.
    pub(super) async fn close(self) {
        let mut wire = self.0.into_inner();
        wire.sequence = 0;
        if wire.send(|out| Command::Quit.encode(out)).await.is_ok() {
            let _ = wire.packet().await;
        }
    }
}

impl Wire {
    async fn sign_in(&mut self, login: &Login<'_>, password: &str) -> Result<(), String> {
        let mut dial = Dial::new(portcullis_mysql::dial::Login {
            user: login.user.into(),
            password: Secret::new(password.as_bytes()),
            database: Some(login.database.into()),
            collation: COLLATION,
            max_packet: PACKET as u32,
            attributes: ATTRIBUTES.map(|(name, value)| (name.to_vec(), value.to_vec())).to_vec(),
            capabilities: all(&REQUIRED) | all(&WELCOME),
            required: all(&REQUIRED),
            channel: Channel::Loopback,
            clear_password: ClearPassword::Never,
        });
        let mut out = BytesMut::new();
        loop {
            let progress = dial.handle(&mut self.buffer, &mut out).map_err(words)?;
            self.stream.write_all(&out.split()).await.map_err(words)?;
            match progress {
                Progress::Ready(ready) => {
                    self.agreed = ready.capabilities;
                    return Ok(());
                }
                Progress::StartTls => return Err("TLS was not asked for".to_owned()),
                Progress::Pending => self.fill().await?,
            }
        }
    }

    async fn sign_in_by_token(&mut self, login: &Login<'_>, token: &str) -> Result<(), String> {
        let greeting = self.packet().await?;
        let offered = Greeting::decode(&greeting).map_err(words)?.capabilities;
        if let Some(missing) = all(&REQUIRED).missing_in(offered) {
            return Err(format!("the server lacks the capability `{missing}`"));
        }
        self.agreed = (all(&REQUIRED) | all(&WELCOME)) & offered;
        let (mut attributes, proof) = (BytesMut::new(), [token.as_bytes(), &[0]].concat());
        Pairs::put(&mut attributes, ATTRIBUTES);
        let response = HandshakeResponse {
            head: SslRequest { capabilities: self.agreed, max_packet: PACKET as u32, collation: COLLATION },
            user: login.user.as_bytes(),
            proof: Credential(&proof),
            database: Some(login.database.as_bytes()),
            plugin: Plugin::ClearPassword.name().as_bytes(),
            attributes: Some(Pairs::decode(&attributes, "attribute").map_err(words)?),
        };
        self.send(|out| response.encode(out)).await?;
        let reply = self.packet().await?;
        match Reply::decode(&reply, self.agreed).map_err(words)? {
            Reply::Ok(_) => Ok(()),
            Reply::Err(error) => Err(shown(&error)),
            Reply::Switch(_) | Reply::More(_) | Reply::Raw(_) => Err("the server takes no token".to_owned()),
        }
    }

    /// One result of a statement.
    async fn result(&mut self, all: &mut Rows) -> Result<End, String> {
        let body = self.packet().await?;
        let columns = match Answer::decode(&body, self.agreed).map_err(words)? {
            Answer::Ok(ok) => {
                all.count = ok.affected_rows;
                return Ok(End::of(ok.status));
            }
            Answer::Err(error) => return Ok(End::Refused(refusal(&error))),
            Answer::Columns(count) => count.columns,
            Answer::Progress(_) | Answer::LocalInfile(_) => return Err("what was never agreed".to_owned()),
        };
        for _ in 0..columns {
            let body = self.packet().await?;
            let definition = ColumnDefinition::decode(&body, self.agreed).map_err(words)?;
            all.columns.push(String::from_utf8_lossy(definition.name).into_owned());
        }
        loop {
            let body = self.packet().await?;
            match RowPacket::of(body.first().copied().unwrap_or_default(), body.len(), self.agreed) {
                RowPacket::Row => all.rows.push(row(&body, columns)?),
                RowPacket::End => {
                    all.count = all.rows.len() as u64;
                    return Ok(End::of(OkPacket::decode(&body, self.agreed).map_err(words)?.status));
                }
                RowPacket::Err => return Ok(End::Refused(refusal(&ErrPacket::decode(&body).map_err(words)?))),
            }
        }
    }

    async fn send(&mut self, payload: impl FnOnce(&mut BytesMut)) -> Result<(), String> {
        let mut out = BytesMut::new();
        self.sequence = packet::write(&mut out, self.sequence, payload);
        self.stream.write_all(&out).await.map_err(words)
    }

    /// The next payload.
    async fn packet(&mut self) -> Result<Bytes, String> {
        loop {
            if let Some(frame) = packet::split(&mut self.buffer, self.sequence, PACKET).map_err(words)? {
                self.sequence = frame.next_sequence();
                return Ok(Bytes::copy_from_slice(frame.body()));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), String> {
        match self.stream.read_buf(&mut self.buffer).await.map_err(words)? {
            0 => Err("the server hung up".to_owned()),
            _ => Ok(()),
        }
    }
}

impl End {
    fn of(status: Status) -> Self {
        if status.has(Status::MORE_RESULTS) { Self::More } else { Self::Last }
    }
}

fn row(body: &[u8], columns: u16) -> Result<Vec<Option<String>>, String> {
    let text = |place: std::ops::Range<u32>| {
        let bytes = body.get(place.start as usize..place.end as usize).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    text_cells(body, columns).map(|cell| Ok(cell.map_err(words)?.map(text))).collect()
}

fn refusal(error: &ErrPacket<'_>) -> Refusal {
    /// `ER_TABLEACCESS_DENIED_ERROR`.
    const DENIED: u16 = 1142;
    Refusal { is_privilege: error.code == DENIED, lines: vec![shown(error)] }
}

/// As the `mysql` client shows it.
fn shown(error: &ErrPacket<'_>) -> String {
    let state = error.state.unwrap_or(*b"HY000");
    let (state, message) = (String::from_utf8_lossy(&state), String::from_utf8_lossy(error.message));
    format!("ERROR {} ({state}): {message}", error.code)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
