//! A client that says exactly what a test wants to be said, byte by byte, and reads what comes back.
//!
//! Drivers are too polite for this: they never send half a message, a length of two gigabytes or a second startup. Every
//! read has a deadline, so a gateway that hangs fails the test that found out. Spec: Postgres "Message Formats".

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

trait Io: Read + Write + Send {}
impl<T: Read + Write + Send> Io for T {}

/// One connection.
pub struct Wire {
    io: Box<dyn Io>,
    socket: TcpStream,
    got: Vec<u8>,
    /// What a failure is about.
    sent: String,
    /// Everything that ever came.
    pub heard: Vec<u8>,
    /// The server process, once signed in.
    pub pid: u32,
    /// The secret of the cancel key, once signed in.
    pub secret: Vec<u8>,
    /// What the server reported at sign-in.
    pub parameters: BTreeMap<String, String>,
}

/// An error or a notice, by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report(pub BTreeMap<char, String>);

/// What came back up to ReadyForQuery, or the end.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The tags of all messages, in order.
    pub seen: String,
    /// Cells as they came.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    /// Command tags.
    pub done: Vec<String>,
    /// Errors.
    pub errors: Vec<Report>,
    /// Notices.
    pub notices: Vec<Report>,
    /// Channel and payload.
    pub told: Vec<(String, String)>,
    /// Data of COPY.
    pub copied: Vec<u8>,
    /// `I`, `T`, `E`; a space when the connection ended instead.
    pub status: char,
}

impl Report {
    /// The SQLSTATE.
    pub fn code(&self) -> &str {
        self.0.get(&'C').map_or("", String::as_str)
    }

    /// The message.
    pub fn message(&self) -> &str {
        self.0.get(&'M').map_or("", String::as_str)
    }

    fn read(body: &[u8]) -> Self {
        let fields = body.split(|b| *b == 0).filter(|field| !field.is_empty());
        Self(fields.map(|f| (char::from(f[0]), String::from_utf8_lossy(&f[1..]).into_owned())).collect())
    }
}

impl Answer {
    /// The SQLSTATEs of all errors.
    pub fn codes(&self) -> Vec<&str> {
        self.errors.iter().map(Report::code).collect()
    }

    /// The rows as text, cells joined with `|`.
    pub fn text(&self) -> Vec<String> {
        let cell = |cell: &Option<Vec<u8>>| {
            cell.as_ref().map_or("NULL".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        self.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join("|")).collect()
    }

    /// The one value of the one row.
    ///
    /// # Panics
    /// When there is another number of them.
    pub fn value(&self) -> String {
        assert_eq!((self.rows.len(), self.errors.len()), (1, 0), "{self:?}");
        self.text().remove(0)
    }
}

impl Wire {
    /// A connection, with nothing said on it yet.
    pub fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("the gateway listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        socket.set_nodelay(true).expect("no delay");
        let io = Box::new(socket.try_clone().expect("a second handle"));
        Self {
            io,
            socket,
            got: Vec::new(),
            sent: String::new(),
            heard: Vec::new(),
            pid: 0,
            secret: Vec::new(),
            parameters: BTreeMap::new(),
        }
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

    /// Signed in as `user` with a token or another clear password.
    ///
    /// # Errors
    /// What the gateway said instead.
    pub fn try_sign_in(address: SocketAddr, user: &str, password: &str) -> Result<Self, Report> {
        Self::open(address).signed_in(&[("user", user), ("database", "shop")], 0, password)
    }

    /// Says a startup packet and a clear password on this connection.
    ///
    /// # Errors
    /// What the gateway said instead.
    pub fn signed_in(mut self, parameters: &[(&str, &str)], minor: u16, password: &str) -> Result<Self, Report> {
        self.send(&startup(minor, parameters));
        loop {
            let ended = || Report([('M', "the connection ended".to_owned())].into());
            let (tag, body) = self.message().ok_or_else(ended)?;
            match tag {
                'R' if body == 3_u32.to_be_bytes() => self.send(&secret(password)),
                'E' => return Err(Report::read(&body)),
                'S' => {
                    let mut words = body.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned());
                    self.parameters.insert(words.next().unwrap_or_default(), words.next().unwrap_or_default());
                }
                'K' => {
                    self.pid = u32::from_be_bytes(body[..4].try_into().expect("four bytes"));
                    self.secret = body[4..].to_vec();
                }
                'Z' => return Ok(self),
                'R' | 'N' | 'v' => {}
                other => panic!("`{other}` during the sign-in"),
            }
        }
    }

    /// Sends bytes as they are. A connection that is gone shows when it is read.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.io.write_all(bytes).and_then(|()| self.io.flush());
    }

    /// The next message; `None` when the connection ended.
    ///
    /// # Panics
    /// When nothing comes in time.
    pub fn message(&mut self) -> Option<(char, Vec<u8>)> {
        while self.got.len() < 5 {
            self.more()?;
        }
        let length = u32::from_be_bytes(self.got[1..5].try_into().expect("four bytes")) as usize;
        while self.got.len() <= length {
            self.more()?;
        }
        let rest = self.got.split_off(length + 1);
        let frame = std::mem::replace(&mut self.got, rest);
        Some((char::from(frame[0]), frame[5..].to_vec()))
    }

    /// One byte that is no message: the answer to a request for encryption.
    pub fn byte(&mut self) -> Option<char> {
        while self.got.is_empty() {
            self.more()?;
        }
        Some(char::from(self.got.remove(0)))
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

    /// Everything up to ReadyForQuery, or to the end of the connection.
    pub fn answer(&mut self) -> Answer {
        let mut answer = Answer { status: ' ', ..Answer::default() };
        while let Some((tag, body)) = self.message() {
            answer.seen.push(tag);
            match tag {
                'D' => answer.rows.push(cells(&body)),
                'C' => answer.done.push(cstr(&body)),
                'E' => answer.errors.push(Report::read(&body)),
                'N' => answer.notices.push(Report::read(&body)),
                'A' => answer.told.push((cstr(&body[4..]), cstr(&body[4 + cstr(&body[4..]).len() + 1..]))),
                'd' => answer.copied.extend_from_slice(&body),
                'Z' => {
                    answer.status = char::from(body[0]);
                    return answer;
                }
                _ => {}
            }
        }
        answer
    }

    /// The same, naming what was sent when nothing comes.
    pub fn answer_to(&mut self, what: &str) -> Answer {
        self.sent = what.to_owned();
        self.answer()
    }

    /// A Query message, and its answer.
    pub fn query(&mut self, sql: &str) -> Answer {
        self.send(&query(sql));
        self.answer()
    }

    /// Sends these, and reads the answer.
    pub fn say(&mut self, messages: &[Vec<u8>]) -> Answer {
        self.send(&messages.concat());
        self.answer()
    }

    /// Whether the connection ends within `limit`, whatever still comes before.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        let mut piece = [0; 65536];
        while start.elapsed() < limit {
            self.socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
            match self.io.read(&mut piece) {
                Ok(0) => return true,
                Ok(_) => {}
                // The whole process was stopped for a while.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return true,
            }
        }
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

fn cstr(body: &[u8]) -> String {
    String::from_utf8_lossy(body.split(|b| *b == 0).next().unwrap_or_default()).into_owned()
}

fn cells(body: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut rest = &body[2..];
    let mut cells = Vec::new();
    while rest.len() >= 4 {
        let length = i32::from_be_bytes(rest[..4].try_into().expect("four bytes"));
        rest = &rest[4..];
        let cell = usize::try_from(length).ok().map(|n| rest[..n].to_vec());
        rest = &rest[cell.as_ref().map_or(0, Vec::len)..];
        cells.push(cell);
    }
    cells
}

/// A message with a right length.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &u32::try_from(body.len() + 4).expect("short").to_be_bytes(), body].concat()
}

/// A message that claims any length.
pub fn claiming(tag: u8, length: u32, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// A first packet with a right length.
pub fn first(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 4).expect("short").to_be_bytes()[..], body].concat()
}

/// A startup packet of protocol 3.
pub fn startup(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = [&3_u16.to_be_bytes()[..], &minor.to_be_bytes()].concat();
    for (name, value) in parameters {
        body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    body.push(0);
    first(&body)
}

/// SSLRequest.
pub fn ssl_request() -> Vec<u8> {
    first(&80_877_103_u32.to_be_bytes())
}

/// GSSENCRequest.
pub fn gss_request() -> Vec<u8> {
    first(&80_877_104_u32.to_be_bytes())
}

/// CancelRequest.
pub fn cancel(pid: u32, secret: &[u8]) -> Vec<u8> {
    first(&[&80_877_102_u32.to_be_bytes()[..], &pid.to_be_bytes(), secret].concat())
}

/// A clear password.
pub fn secret(password: &str) -> Vec<u8> {
    message(b'p', &[password.as_bytes(), b"\0"].concat())
}

/// Query.
pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

/// Parse, with the types of parameters left to the server.
pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"].concat())
}

/// Bind of text parameters; results in `format` (0 text, 1 binary).
pub fn bind(portal: &str, statement: &str, parameters: &[&str], format: u16) -> Vec<u8> {
    let mut body = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0\0\0"].concat();
    body.extend(u16::try_from(parameters.len()).expect("few").to_be_bytes());
    for parameter in parameters {
        body.extend(u32::try_from(parameter.len()).expect("short").to_be_bytes());
        body.extend(parameter.as_bytes());
    }
    body.extend([&1_u16.to_be_bytes()[..], &format.to_be_bytes()].concat());
    message(b'B', &body)
}

/// Describe of a statement (`S`) or a portal (`P`).
pub fn describe(kind: char, name: &str) -> Vec<u8> {
    message(b'D', format!("{kind}{name}\0").as_bytes())
}

/// Execute of a portal; 0 is all rows.
pub fn execute(portal: &str, rows: u32) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), b"\0", &rows.to_be_bytes()].concat())
}

/// Sync.
pub fn sync() -> Vec<u8> {
    message(b'S', b"")
}

/// Flush.
pub fn flush() -> Vec<u8> {
    message(b'H', b"")
}

/// Terminate.
pub fn terminate() -> Vec<u8> {
    message(b'X', b"")
}

/// A fast-path function call with text arguments and result.
pub fn call(function: u32, arguments: &[&str]) -> Vec<u8> {
    let mut body = [&function.to_be_bytes()[..], &0_u16.to_be_bytes()].concat();
    body.extend(u16::try_from(arguments.len()).expect("few").to_be_bytes());
    for argument in arguments {
        body.extend(u32::try_from(argument.len()).expect("short").to_be_bytes());
        body.extend(argument.as_bytes());
    }
    body.extend(0_u16.to_be_bytes());
    message(b'F', &body)
}

/// Parse, bind, describe, execute and sync of one statement, unnamed.
pub fn extended(sql: &str, parameters: &[&str]) -> Vec<u8> {
    [parse("", sql), bind("", "", parameters, 0), describe('P', ""), execute("", 0), sync()].concat()
}
