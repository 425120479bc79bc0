//! Well-formed payloads of every kind, and what comes out when one is decoded and encoded again.

use bytes::BytesMut;
use portcullis_mysql::Capabilities;
use portcullis_mysql::capabilities::REQUIRED;
use portcullis_mysql::command::{Command, Tag};
use portcullis_mysql::handshake::{FirstReply, Greeting, HandshakeResponse, IdentityToken, Reply};
use portcullis_mysql::response::{Answer, ColumnDefinition, EofPacket, PrepareOk};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Command(Tag),
    Greeting,
    FirstReply,
    HandshakeResponse,
    IdentityToken,
    Reply,
    Answer,
    Column,
    ColumnListed,
    Eof,
    PrepareOk,
}

impl Kind {
    pub fn all() -> Vec<Self> {
        let others = [
            Self::Greeting,
            Self::FirstReply,
            Self::HandshakeResponse,
            Self::IdentityToken,
            Self::Reply,
            Self::Answer,
            Self::Column,
            Self::ColumnListed,
            Self::Eof,
            Self::PrepareOk,
        ];
        Tag::ALL.iter().copied().map(Self::Command).chain(others).collect()
    }
}

/// Decodes a payload and encodes what it was.
pub fn again(kind: Kind, agreed: Capabilities, body: &[u8]) -> Option<Vec<u8>> {
    let mut out = BytesMut::new();
    match kind {
        Kind::Command(_) => Command::decode(body, agreed).ok()?.encode(&mut out),
        Kind::Greeting => Greeting::decode(body).ok()?.encode(&mut out),
        Kind::FirstReply => match FirstReply::decode(body).ok()? {
            FirstReply::SslRequest(request) => request.encode(&mut out),
            FirstReply::HandshakeResponse(reply) => reply.encode(&mut out),
        },
        Kind::HandshakeResponse => HandshakeResponse::decode(body).ok()?.encode(&mut out),
        Kind::IdentityToken => IdentityToken::decode(body).ok()?.encode(&mut out),
        Kind::Reply => Reply::decode(body, agreed).ok()?.encode(&mut out),
        Kind::Answer => Answer::decode(body, agreed).ok()?.encode(&mut out),
        Kind::Column => ColumnDefinition::decode(body, agreed).ok()?.encode(&mut out),
        Kind::ColumnListed => ColumnDefinition::decode_listed(body, agreed).ok()?.encode(&mut out),
        Kind::Eof => EofPacket::decode(body).ok()?.encode(&mut out),
        Kind::PrepareOk => PrepareOk::decode(body, agreed).ok()?.encode(&mut out),
    }
    Some(out.to_vec())
}

/// Whether a payload is data to its end, so that a longer or shorter one is as good.
pub fn open_ended(kind: Kind, agreed: Capabilities, body: &[u8]) -> bool {
    match kind {
        Kind::Command(tag) => matches!(
            tag,
            Tag::InitDb
                | Tag::Query
                | Tag::FieldList
                | Tag::StmtPrepare
                | Tag::StmtExecute
                | Tag::StmtSendLongData
                | Tag::StmtBulkExecute
        ),
        Kind::Reply if !matches!(body.first(), Some(0x00..=0x02 | 0xfe | 0xff)) => true,
        Kind::Reply | Kind::Answer => match body.first() {
            Some(0x00) => !agreed.has(Capabilities::SESSION_TRACK),
            Some(0xff) => !body.starts_with(&[0xff, 0xff, 0xff]),
            Some(0xfb | 0xfe | 0x01) => true,
            _ => false,
        },
        _ => false,
    }
}

/// Whether the end of the payload decides what is in it, so that some cuts are whole messages.
pub fn may_stop_early(kind: Kind) -> bool {
    matches!(kind, Kind::Command(Tag::ChangeUser) | Kind::Reply | Kind::Answer)
}

pub fn flipped(mut body: Vec<u8>, flips: &[(proptest::sample::Index, u8)]) -> Vec<u8> {
    for (index, byte) in flips {
        if !body.is_empty() {
            let at = index.index(body.len());
            body[at] = *byte;
        }
    }
    body
}

/// What was agreed, of what changes how messages look.
pub fn agreed() -> impl Strategy<Value = Capabilities> {
    let flags = [
        Capabilities::QUERY_ATTRIBUTES,
        Capabilities::CONNECT_ATTRS,
        Capabilities::CONNECT_WITH_DB,
        Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA,
        Capabilities::SESSION_TRACK,
        Capabilities::OPTIONAL_RESULTSET_METADATA,
        Capabilities::CACHE_METADATA,
        Capabilities::EXTENDED_METADATA,
        Capabilities::PROGRESS,
        Capabilities::LOCAL_FILES,
        Capabilities::STMT_BULK_OPERATIONS,
    ];
    let count = flags.len();
    proptest::sample::subsequence(flags.to_vec(), 0..=count)
        .prop_map(|set| set.into_iter().fold(REQUIRED, |all, each| all | each))
}

type Body = BoxedStrategy<Vec<u8>>;

fn all(parts: Vec<Body>) -> Body {
    parts.prop_map(|parts| parts.concat()).boxed()
}

fn fixed(bytes: &[u8]) -> Body {
    Just(bytes.to_vec()).boxed()
}

fn bytes(count: usize) -> Body {
    vec(any::<u8>(), count).boxed()
}

fn rest() -> Body {
    vec(any::<u8>(), 0..40).boxed()
}

fn cstr() -> Body {
    vec(1..=255_u8, 0..12).prop_map(|text| [text, vec![0]].concat()).boxed()
}

fn counted(inner: Body) -> Body {
    inner
        .prop_map(|inner| {
            let mut out = BytesMut::new();
            portcullis_mysql::lenenc::put_bytes(&mut out, &inner);
            out.to_vec()
        })
        .boxed()
}

fn text() -> Body {
    counted(prop_oneof![9 => vec(any::<u8>(), 0..20), 1 => vec(any::<u8>(), 250..300)].boxed())
}

fn pairs() -> Body {
    vec((text(), text()), 0..4)
        .prop_map(|pairs| pairs.into_iter().flat_map(|(name, value)| [name, value].concat()).collect())
        .boxed()
}

fn number() -> Body {
    (any::<u64>(), 0..64_u32)
        .prop_map(|(value, shift)| {
            let mut out = BytesMut::new();
            portcullis_mysql::lenenc::put_int(&mut out, value >> shift);
            out.to_vec()
        })
        .boxed()
}

fn when(has: bool, part: Body) -> Body {
    if has { part } else { fixed(b"") }
}

pub fn body(kind: Kind, agreed: Capabilities) -> Body {
    match kind {
        Kind::Command(tag) => command(tag, agreed),
        Kind::Greeting => greeting(agreed),
        Kind::FirstReply => {
            let ssl = agreed | Capabilities::SSL;
            prop_oneof![head(ssl), all(vec![head(agreed), sign_in(agreed)])].boxed()
        }
        Kind::HandshakeResponse => all(vec![head(agreed | Capabilities::SSL), sign_in(agreed)]),
        Kind::IdentityToken => all(vec![fixed(&[1]), text()]),
        Kind::Reply => {
            let raw = (3..0xfe_u8).prop_map(|byte| vec![byte]).boxed();
            let switch = all(vec![fixed(&[0xfe]), cstr(), rest()]);
            let more = all(vec![fixed(&[1]), rest()]);
            prop_oneof![ok(agreed), error(), switch, more, all(vec![raw, rest()])].boxed()
        }
        Kind::Answer => answer(agreed),
        Kind::Column => column(agreed),
        Kind::ColumnListed => all(vec![column(agreed), prop_oneof![fixed(&[0xfb]), text()].boxed()]),
        Kind::Eof => all(vec![fixed(&[0xfe]), bytes(4)]),
        Kind::PrepareOk => {
            let optional = agreed.has(Capabilities::OPTIONAL_RESULTSET_METADATA);
            all(vec![fixed(&[0]), bytes(8), fixed(&[0]), bytes(2), when(optional, flag())])
        }
    }
}

fn flag() -> Body {
    (0..=1_u8).prop_map(|byte| vec![byte]).boxed()
}

/// (A flat table.) A tag whose command was not agreed gives another command.
fn command(tag: Tag, agreed: Capabilities) -> Body {
    let parts = match tag {
        Tag::InitDb => vec![vec(1..=255_u8, 0..40).boxed()],
        Tag::StmtPrepare => vec![rest()],
        Tag::Query if agreed.has(Capabilities::QUERY_ATTRIBUTES) => {
            let some = [fixed(b"\x02\x01\x02\x01\xfd\x00"), text(), fixed(b"\x06\x00"), text(), text()];
            vec![prop_oneof![fixed(&[0, 1]), all(some.to_vec())].boxed(), rest()]
        }
        Tag::Query => vec![rest()],
        Tag::FieldList => vec![cstr(), rest()],
        Tag::ProcessKill | Tag::StmtClose | Tag::StmtReset => vec![bytes(4)],
        Tag::ChangeUser => {
            let proof = vec(any::<u8>(), 0..40).prop_map(|proof| [vec![proof.len() as u8], proof].concat()).boxed();
            let attributes = when(agreed.has(Capabilities::CONNECT_ATTRS), counted(pairs()));
            let tail = all(vec![bytes(2), cstr(), attributes]);
            vec![cstr(), proof, cstr(), prop_oneof![fixed(b""), tail].boxed()]
        }
        Tag::StmtExecute => {
            vec![bytes(4), (0..16_u8).prop_map(|flags| vec![flags]).boxed(), bytes(4), rest()]
        }
        Tag::StmtSendLongData => vec![bytes(6), rest()],
        Tag::SetOption => vec![flag(), fixed(&[0])],
        Tag::StmtFetch => vec![bytes(8)],
        Tag::StmtBulkExecute if !agreed.has(Capabilities::STMT_BULK_OPERATIONS) => return fixed(&[Tag::Ping.byte()]),
        Tag::StmtBulkExecute => vec![bytes(4), prop_oneof![fixed(&[0, 0]), fixed(&[128, 0])].boxed(), rest()],
        Tag::Quit | Tag::Statistics | Tag::Ping | Tag::ResetConnection => vec![],
    };
    all([vec![fixed(&[tag.byte()])], parts].concat())
}

fn greeting(agreed: Capabilities) -> Body {
    let (lower, extended) = (agreed.lower().to_le_bytes(), agreed.extended().to_le_bytes());
    all(vec![
        fixed(&[10]),
        cstr(),
        bytes(12),
        fixed(&[0, lower[0], lower[1]]),
        bytes(3),
        fixed(&[lower[2], lower[3], 21, 0, 0, 0, 0, 0, 0]),
        fixed(&extended),
        bytes(12),
        fixed(&[0]),
        cstr(),
    ])
}

fn head(agreed: Capabilities) -> Body {
    let (lower, extended) = (agreed.lower().to_le_bytes(), agreed.extended().to_le_bytes());
    all(vec![fixed(&lower), bytes(5), fixed(&[0; 19]), fixed(&extended)])
}

fn sign_in(agreed: Capabilities) -> Body {
    let proof = if agreed.has(Capabilities::PLUGIN_AUTH_LENENC_CLIENT_DATA) {
        text()
    } else {
        vec(any::<u8>(), 0..40).prop_map(|proof| [vec![proof.len() as u8], proof].concat()).boxed()
    };
    all(vec![
        cstr(),
        proof,
        when(agreed.has(Capabilities::CONNECT_WITH_DB), cstr()),
        cstr(),
        when(agreed.has(Capabilities::CONNECT_ATTRS), counted(pairs())),
    ])
}

fn state() -> Body {
    let one = |kind: u8| all(vec![fixed(&[kind]), counted(text())]);
    let change = prop_oneof![
        all(vec![fixed(&[0]), counted(pairs())]),
        one(1),
        one(2),
        all(vec![fixed(&[3]), text()]),
        one(4),
        one(5)
    ];
    counted(vec(change, 0..4).prop_map(|changes| changes.concat()).boxed())
}

fn ok(agreed: Capabilities) -> Body {
    let start = || all(vec![fixed(&[0]), number(), number()]);
    if !agreed.has(Capabilities::SESSION_TRACK) {
        return all(vec![start(), bytes(4), rest()]);
    }
    let status = |changed: u8| (any::<u8>(), any::<u8>()).prop_map(move |(a, b)| vec![a, (b & 0xbf) | changed]).boxed();
    let info = prop_oneof![fixed(b""), text()].boxed();
    prop_oneof![
        all(vec![start(), status(0), bytes(2), info]),
        all(vec![start(), status(0x40), bytes(2), text(), state()])
    ]
    .boxed()
}

fn error() -> Body {
    let code = || (0..0xffff_u16).prop_map(|code| code.to_le_bytes().to_vec()).boxed();
    let plain = vec(b' '..b'#', 0..20).boxed();
    prop_oneof![
        all(vec![fixed(&[0xff]), code(), fixed(b"#"), bytes(5), rest()]),
        all(vec![fixed(&[0xff]), code(), plain])
    ]
    .boxed()
}

fn answer(agreed: Capabilities) -> Body {
    let optional = agreed.has_any(Capabilities::OPTIONAL_RESULTSET_METADATA | Capabilities::CACHE_METADATA);
    let count = (1..=u16::MAX)
        .prop_map(|count| {
            let mut out = BytesMut::new();
            portcullis_mysql::lenenc::put_int(&mut out, u64::from(count));
            out.to_vec()
        })
        .boxed();
    let columns = all(vec![count, when(optional, flag())]);
    let report = all(vec![fixed(&[0xff, 0xff, 0xff]), bytes(6), text()]);
    let file = all(vec![fixed(&[0xfb]), rest()]);
    let report = if agreed.has(Capabilities::PROGRESS) { report } else { error() };
    let file = if agreed.has(Capabilities::LOCAL_FILES) { file } else { error() };
    prop_oneof![ok(agreed), error(), columns, report, file].boxed()
}

fn column(agreed: Capabilities) -> Body {
    let extended = vec((0..4_u8, text()), 0..3)
        .prop_map(|entries| entries.into_iter().flat_map(|(kind, text)| [vec![kind], text].concat()).collect())
        .boxed();
    let kinds: Vec<_> = portcullis_mysql::ColumnType::ALL.iter().map(|kind| vec![kind.byte()]).collect();
    all(vec![
        vec(text(), 6).prop_map(|texts| texts.concat()).boxed(),
        when(agreed.has(Capabilities::EXTENDED_METADATA), counted(extended)),
        fixed(&[12]),
        bytes(6),
        proptest::sample::select(kinds).boxed(),
        bytes(3),
        fixed(&[0, 0]),
    ])
}
