//! A MySQL client that says exactly what a test wants to be said, byte by byte, and reads what comes back.
//!
//! Drivers are too polite for this: they never send half a packet, a wrong sequence id or two commands in one write. It
//! knows nothing of the gateway's own codec. Every read has a deadline, so a gateway that hangs fails the test that found
//! out, and every packet's sequence id is checked. Spec: MySQL "Client/Server Protocol".

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::answer::{Answer, Report, cells, lenenc, lenenc_bytes};
use crate::packets::count;
pub use crate::packets::{LONGEST, claiming, execution, packets, query};
use crate::proof::proof;

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// Capability flags, by their names in the protocol.
pub mod flag {
    /// LONG_PASSWORD; MariaDB's own clients leave it out.
    pub const MYSQL: u32 = 1;
    pub const CONNECT_WITH_DB: u32 = 1 << 3;
    pub const LOCAL_FILES: u32 = 1 << 7;
    pub const SSL: u32 = 1 << 11;
    pub const MULTI_STATEMENTS: u32 = 1 << 16;
    pub const SESSION_TRACK: u32 = 1 << 23;
    pub const DEPRECATE_EOF: u32 = 1 << 24;
    pub const OPTIONAL_METADATA: u32 = 1 << 25;
    /// Among MariaDB's further flags: definitions that did not change are not sent again.
    pub const CACHE_METADATA: u32 = 1 << 4;
    /// LONG_PASSWORD, FOUND_ROWS (no), LONG_FLAG, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, MULTI_STATEMENTS,
    /// MULTI_RESULTS, PS_MULTI_RESULTS, PLUGIN_AUTH, PLUGIN_AUTH_LENENC_DATA.
    pub const USUAL: u32 =
        MYSQL | 1 << 2 | 1 << 9 | 1 << 13 | 1 << 15 | MULTI_STATEMENTS | 1 << 17 | 1 << 18 | 1 << 19 | 1 << 21;
}

/// `SERVER_MORE_RESULTS_EXISTS`.
const MORE_RESULTS: u16 = 8;
/// `SERVER_STATUS_CURSOR_EXISTS`.
const CURSOR: u16 = 64;
/// `SERVER_STATUS_IN_TRANS`.
pub const IN_TRANSACTION: u16 = 1;

trait Io: Read + Write + Send {}
impl<T: Read + Write + Send> Io for T {}

/// How a client signs in.
#[derive(Debug, Clone)]
pub struct SignIn<'a> {
    pub user: &'a str,
    pub password: &'a str,
    pub database: Option<&'a str>,
    pub plugin: &'a str,
    pub flags: u32,
    /// MariaDB's further flags, which count without the first of the others.
    pub extended: u32,
    /// A collation's number, which stands for the character set.
    pub collation: u8,
}

impl<'a> SignIn<'a> {
    /// With the password itself, and without DEPRECATE_EOF.
    pub fn clear(user: &'a str, password: &'a str) -> Self {
        let database = Some("shop");
        let plugin = "mysql_clear_password";
        Self { user, password, database, plugin, flags: flag::USUAL, extended: 0, collation: 45 }
    }

    /// The answer to a greeting with this nonce.
    pub fn response(&self, nonce: &[u8]) -> Vec<u8> {
        let proof = proof(self.plugin, self.password, nonce);
        let flags = self.flags | self.database.map_or(0, |_| flag::CONNECT_WITH_DB);
        let mut body = [&flags.to_le_bytes()[..], &(1_u32 << 30).to_le_bytes(), &[self.collation], &[0; 19]].concat();
        body.extend(self.extended.to_le_bytes());
        body.extend([self.user.as_bytes(), b"\0"].concat());
        body.extend(lenenc_bytes(&proof));
        if let Some(database) = self.database {
            body.extend([database.as_bytes(), b"\0"].concat());
        }
        body.extend([self.plugin.as_bytes(), b"\0"].concat());
        body
    }

    /// SSLRequest: its head alone.
    pub fn ssl_request(&self) -> Vec<u8> {
        let flags = self.flags | flag::SSL;
        [&flags.to_le_bytes()[..], &(1_u32 << 30).to_le_bytes(), &[self.collation], &[0; 23]].concat()
    }
}

/// What the server says first.
#[derive(Debug, Clone, Default)]
pub struct Greeting {
    pub nonce: Vec<u8>,
    pub flags: u32,
}

impl Greeting {
    fn read(body: &[u8]) -> Self {
        assert_eq!(body[0], 10, "protocol 10");
        let end = 1 + body[1..].iter().position(|byte| *byte == 0).expect("a version");
        let rest = &body[end + 1 + 4..];
        let low = u32::from(u16::from_le_bytes([rest[9], rest[10]]));
        let high = u32::from(u16::from_le_bytes([rest[14], rest[15]]));
        Self { nonce: [&rest[..8], &rest[27..39]].concat(), flags: low | high << 16 }
    }
}

/// A prepared statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    pub id: u32,
    pub columns: Vec<String>,
    pub parameters: u16,
    types: Vec<u8>,
}

/// One connection.
pub struct Wire {
    io: Box<dyn Io>,
    socket: TcpStream,
    got: Vec<u8>,
    /// What a failure is about.
    sent: String,
    /// The sequence id of the next packet from the other side.
    sequence: u8,
    deprecate_eof: bool,
    /// Types of the columns that came last.
    types: Vec<u8>,
    /// Everything that ever came.
    pub heard: Vec<u8>,
    /// What the server said first.
    pub greeting: Greeting,
    /// The server's number of the connection, once it was asked for.
    pub id: u64,
}

impl Wire {
    /// A connection that has been greeted.
    ///
    /// # Errors
    /// What the gateway said in place of a greeting.
    pub fn greeted(address: SocketAddr) -> Result<Self, Report> {
        let mut wire = Self::open(address);
        let body = wire.payload().ok_or_else(Report::ended)?;
        if body.first() == Some(&0xff) {
            return Err(Report::read(&body));
        }
        wire.greeting = Greeting::read(&body);
        Ok(wire)
    }

    /// A connection on which nothing has been read.
    pub fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("the gateway listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_nodelay(true).expect("no delay");
        Self {
            io: Box::new(socket.try_clone().expect("a second handle")),
            socket,
            got: Vec::new(),
            sent: String::new(),
            sequence: 0,
            deprecate_eof: false,
            types: Vec::new(),
            heard: Vec::new(),
            greeting: Greeting::default(),
            id: 0,
        }
    }

    /// Greeted and signed in.
    ///
    /// # Errors
    /// What the gateway said instead.
    pub fn try_sign_in(address: SocketAddr, how: &SignIn<'_>) -> Result<Self, Report> {
        Self::greeted(address)?.signed_in(how)
    }

    /// Signs in on this connection.
    ///
    /// # Errors
    /// What the gateway said instead.
    pub fn signed_in(mut self, how: &SignIn<'_>) -> Result<Self, Report> {
        let response = how.response(&self.greeting.nonce);
        self.reply(&response);
        self.deprecate_eof = how.flags & self.greeting.flags & flag::DEPRECATE_EOF != 0;
        self.let_in(how)
    }

    /// Answers what is asked, up to the OK.
    fn let_in(mut self, how: &SignIn<'_>) -> Result<Self, Report> {
        loop {
            let body = self.payload().ok_or_else(Report::ended)?;
            match body[0] {
                0 => break,
                0xff => return Err(Report::read(&body)),
                0xfe => {
                    let plugin = body[1..].split(|byte| *byte == 0).next().unwrap_or_default();
                    let plugin = String::from_utf8_lossy(plugin).into_owned();
                    let nonce = body[plugin.len() + 2..].strip_suffix(&[0]).unwrap_or_default().to_vec();
                    let proof = proof(&plugin, how.password, &nonce);
                    self.reply(&proof);
                }
                1 if body[1..] == [3] => {}
                1 if body[1..] == [4] => self.reply(&[how.password.as_bytes(), b"\0"].concat()),
                other => panic!("{other:#x} during the sign-in: {body:?}"),
            }
        }
        Ok(self)
    }

    /// The same connection, encrypted from here on.
    ///
    /// # Errors
    /// Why the handshake failed.
    pub fn encrypted(self, config: Arc<ClientConfig>) -> std::io::Result<Self> {
        let name = "localhost".try_into().expect("a name");
        let tls = ClientConnection::new(config, name).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(tls, self.socket.try_clone()?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { io: Box::new(stream), ..self })
    }

    /// Sends bytes as they are. A connection that is gone shows when it is read.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.io.write_all(bytes).and_then(|()| self.io.flush());
    }

    /// Sends a payload that goes on with the exchange at hand.
    pub fn reply(&mut self, body: &[u8]) {
        let framed = packets(self.sequence, body);
        self.sequence = self.sequence.wrapping_add(count(body));
        self.send(&framed);
    }

    /// Begins to wait for the answer to a payload that was sent as a command.
    pub fn expect_answer_to(&mut self, body: &[u8]) {
        self.sent = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        self.sequence = count(body);
    }

    /// Begins to wait for a packet with this sequence id.
    pub fn expect_reply(&mut self, sequence: u8) {
        self.sequence = sequence;
    }

    /// A command, with nothing read.
    pub fn command(&mut self, body: &[u8]) {
        self.expect_answer_to(body);
        self.send(&packets(0, body));
    }

    /// The next payload, of as many packets as it has; `None` when the connection ended.
    ///
    /// # Panics
    /// When nothing comes in time, or a packet has the wrong sequence id.
    pub fn payload(&mut self) -> Option<Vec<u8>> {
        let mut whole = Vec::new();
        loop {
            while self.got.len() < 4 {
                self.more()?;
            }
            let length = usize::from(self.got[0]) | usize::from(self.got[1]) << 8 | usize::from(self.got[2]) << 16;
            assert_eq!(self.got[3], self.sequence, "the sequence id, after `{}`: {:?}", self.sent, self.got);
            while self.got.len() < 4 + length {
                self.more()?;
            }
            self.sequence = self.sequence.wrapping_add(1);
            whole.extend(self.got.drain(..4 + length).skip(4));
            if length < LONGEST {
                return Some(whole);
            }
        }
    }

    fn more(&mut self) -> Option<()> {
        let mut piece = [0; 65536];
        match self.io.read(&mut piece) {
            Ok(0) => None,
            Ok(n) => {
                self.got.extend_from_slice(&piece[..n]);
                self.heard.extend_from_slice(&piece[..n]);
                Some(())
            }
            // The whole process was stopped for a while.
            Err(error) if error.kind() == ErrorKind::Interrupted => Some(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("no answer to `{}` within {PATIENCE:?}; so far: {:?}", self.sent, self.got)
            }
            Err(_) => None,
        }
    }

    /// The whole answer to the last command, to its last result or to the end of the connection.
    pub fn answer(&mut self) -> Answer {
        self.answer_in(false, false)
    }

    fn answer_in(&mut self, binary: bool, rows_only: bool) -> Answer {
        let mut answer = Answer::default();
        let mut more = true;
        while more {
            let read = if rows_only { self.rows(&mut answer, binary) } else { self.result(&mut answer, binary) };
            answer.ended = read.is_none();
            more = read == Some(true);
        }
        answer
    }

    /// One result; whether another follows, `None` when the connection ended.
    fn result(&mut self, answer: &mut Answer, binary: bool) -> Option<bool> {
        let body = self.payload()?;
        match body.first() {
            Some(0) => {
                let status = answer.ok(&body);
                return Some(status & MORE_RESULTS != 0);
            }
            Some(0xff) => {
                answer.errors.push(Report::read(&body));
                return Some(false);
            }
            Some(0xfb) => {
                answer.files.push(String::from_utf8_lossy(&body[1..]).into_owned());
                return Some(false);
            }
            _ => {}
        }
        let (columns, head) = lenenc(&body).expect("a number of columns");
        // A client that keeps definitions is told whether they come.
        let sent = if body.get(head) == Some(&0) { 0 } else { columns };
        if sent > 0 {
            self.types.clear();
        }
        answer.names.clear();
        for _ in 0..sent {
            let (name, kind) = column(&self.payload()?);
            answer.names.push(name);
            self.types.push(kind);
        }
        answer.results += 1;
        if !self.deprecate_eof {
            let status = eof_status(&self.payload()?);
            if status & CURSOR != 0 {
                answer.status = status;
                return Some(false);
            }
        }
        self.rows(answer, binary)
    }

    fn rows(&mut self, answer: &mut Answer, binary: bool) -> Option<bool> {
        loop {
            let body = self.payload()?;
            match body.first() {
                Some(0xff) => {
                    answer.errors.push(Report::read(&body));
                    return Some(false);
                }
                Some(0xfe) if self.deprecate_eof && body.len() < LONGEST => {
                    answer.status = Answer::default().ok(&body);
                    return Some(answer.status & MORE_RESULTS != 0);
                }
                Some(0xfe) if !self.deprecate_eof && body.len() < 9 => {
                    answer.status = eof_status(&body);
                    return Some(answer.status & MORE_RESULTS != 0);
                }
                _ => answer.rows.push(cells(&body, &self.types, binary)),
            }
        }
    }

    /// COM_QUERY, and its answer.
    pub fn query(&mut self, sql: &str) -> Answer {
        self.query_bytes(sql.as_bytes())
    }

    /// COM_QUERY of bytes that may be no text.
    pub fn query_bytes(&mut self, sql: &[u8]) -> Answer {
        self.command(&[&[3], sql].concat());
        self.answer()
    }

    /// Any command that is answered like a statement.
    pub fn say(&mut self, body: &[u8]) -> Answer {
        self.command(body);
        self.answer()
    }

    /// COM_STMT_PREPARE.
    ///
    /// # Errors
    /// What was said instead of a statement.
    pub fn prepare(&mut self, sql: &str) -> Result<Prepared, Report> {
        self.command(&[&[0x16], sql.as_bytes()].concat());
        let body = self.payload().ok_or_else(Report::ended)?;
        if body[0] == 0xff {
            return Err(Report::read(&body));
        }
        let id = u32::from_le_bytes(body[1..5].try_into().expect("four bytes"));
        let two = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
        let (count, parameters) = (two(5), two(7));
        let (mut columns, mut types) = (Vec::new(), Vec::new());
        for (index, count) in [parameters, count].into_iter().enumerate() {
            for _ in 0..count {
                let (name, kind) = column(&self.payload().ok_or_else(Report::ended)?);
                if index == 1 {
                    columns.push(name);
                    types.push(kind);
                }
            }
            if count > 0 && !self.deprecate_eof {
                eof_status(&self.payload().ok_or_else(Report::ended)?);
            }
        }
        Ok(Prepared { id, columns, parameters, types })
    }

    /// COM_STMT_EXECUTE with texts, and its answer.
    pub fn execute(&mut self, id: u32, parameters: &[Option<&str>]) -> Answer {
        self.command(&execution(id, 0, parameters));
        self.answer_in(true, false)
    }

    /// COM_STMT_EXECUTE by a client that has the definitions of the columns.
    pub fn execute_known(&mut self, prepared: &Prepared, parameters: &[Option<&str>]) -> Answer {
        self.types.clone_from(&prepared.types);
        self.execute(prepared.id, parameters)
    }

    /// COM_STMT_EXECUTE that opens a cursor.
    pub fn open_cursor(&mut self, id: u32, parameters: &[Option<&str>]) -> Answer {
        self.command(&execution(id, 1, parameters));
        self.answer_in(true, false)
    }

    /// COM_STMT_FETCH.
    pub fn fetch(&mut self, prepared: &Prepared, rows: u32) -> Answer {
        self.types.clone_from(&prepared.types);
        self.command(&[&[0x1c], &prepared.id.to_le_bytes()[..], &rows.to_le_bytes()].concat());
        self.answer_in(true, true)
    }

    /// COM_STMT_CLOSE, which nobody answers.
    pub fn close(&mut self, id: u32) {
        self.command(&[&[0x19], &id.to_le_bytes()[..]].concat());
    }

    /// COM_INIT_DB.
    pub fn init_db(&mut self, schema: &str) -> Answer {
        self.say(&[&[2], schema.as_bytes()].concat())
    }

    /// COM_CHANGE_USER to somebody with a clear password.
    ///
    /// # Errors
    /// What the gateway said instead.
    pub fn change_user(self, how: &SignIn<'_>) -> Result<Self, Report> {
        let database = how.database.unwrap_or_default();
        let strings = [how.user.as_bytes(), b"\0\0", database.as_bytes(), b"\0\x2d\0", how.plugin.as_bytes(), b"\0"];
        let mut wire = self;
        wire.command(&[&[0x11], &strings.concat()[..]].concat());
        wire.let_in(how)
    }

    /// COM_RESET_CONNECTION.
    pub fn reset(&mut self) -> Answer {
        self.say(&[0x1f])
    }

    /// COM_FIELD_LIST: the names of columns, and every byte of their definitions.
    pub fn field_list(&mut self, table: &str) -> (Vec<String>, Answer) {
        self.command(&[&[4], table.as_bytes(), b"\0"].concat());
        let (mut names, mut answer) = (Vec::new(), Answer::default());
        while let Some(body) = self.payload() {
            match body[0] {
                0xff => {
                    answer.errors.push(Report::read(&body));
                    return (names, answer);
                }
                0xfe if body.len() < 9 => return (names, answer),
                _ => names.push(column(&body).0),
            }
        }
        answer.ended = true;
        (names, answer)
    }

    /// Whether the connection ends within `limit`, whatever still comes before.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        let mut piece = [0; 65536];
        while start.elapsed() < limit {
            self.socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
            match self.io.read(&mut piece) {
                Ok(0) => return true,
                Ok(n) => self.heard.extend_from_slice(&piece[..n]),
                // The whole process was stopped for a while.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return true,
            }
        }
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        false
    }

    /// The socket, for a test that reads by itself.
    pub fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Goes without a word.
    pub fn vanish(self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

/// Name and type of a column's definition.
fn column(body: &[u8]) -> (String, u8) {
    let mut rest = body;
    let mut name = &body[..0];
    for index in 0..6 {
        let (length, head) = lenenc(rest).expect("a length");
        let end = head + usize::try_from(length).expect("short");
        if index == 4 {
            name = &rest[head..end];
        }
        rest = &rest[end..];
    }
    // A length of 12, character set (2), length (4), type.
    (String::from_utf8_lossy(name).into_owned(), rest[7])
}

fn eof_status(body: &[u8]) -> u16 {
    assert!(body.len() == 5 && body[0] == 0xfe, "an EOF: {body:?}");
    u16::from_le_bytes([body[3], body[4]])
}
