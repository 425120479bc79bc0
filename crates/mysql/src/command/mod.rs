//! What a client asks for after its sign-in: [`Command`] over all that is on the allow-list.
//!
//! Every command is read to its last byte when it is decoded and encodes to the bytes it was decoded from; leftovers that
//! servers would ignore are refused. Parameters of prepared statements stay undecoded until somebody knows the statement.
//! Spec: "Command Phase".

mod change_user;
mod field_list;
mod parameters;
mod query;
mod stmt_bulk_execute;
mod stmt_execute;
mod stmt_send_long_data;
mod tag;

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Fault, Malformed, Reader, Unsupported};

pub use change_user::{ChangeUser, Tail};
pub use field_list::FieldList;
pub use parameters::{Content, Naming, Parameter, Parameters, Prepared};
pub use query::Query;
pub(crate) use stmt_bulk_execute::TOO_MANY;
pub use stmt_bulk_execute::{BULK_TOLD, BULK_VALUES, BulkContents, BulkRows, BulkValue, StmtBulkExecute};
pub use stmt_execute::{LAST_PREPARED, StmtExecute};
pub use stmt_send_long_data::StmtSendLongData;
pub use tag::Tag;

use crate::Capabilities;

/// Any command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'f> {
    /// Goodbye.
    Quit,
    /// Another default database.
    InitDb(&'f [u8]),
    /// See [`Query`].
    Query(Query<'f>),
    /// See [`FieldList`].
    FieldList(FieldList<'f>),
    /// A line about the server.
    Statistics,
    /// Ends the connection of this id.
    ProcessKill(u32),
    /// Is anybody there?
    Ping,
    /// See [`ChangeUser`].
    ChangeUser(ChangeUser<'f>),
    /// Prepares this statement.
    StmtPrepare(&'f [u8]),
    /// See [`StmtExecute`].
    StmtExecute(StmtExecute<'f>),
    /// See [`StmtSendLongData`].
    StmtSendLongData(StmtSendLongData<'f>),
    /// Forgets the prepared statement of this id. There is no answer.
    StmtClose(u32),
    /// Forgets long data and the cursor of this statement.
    StmtReset(u32),
    /// See [`MultiStatements`].
    SetOption(MultiStatements),
    /// More rows of a cursor.
    StmtFetch {
        /// Of which statement.
        statement: u32,
        /// How many, at most.
        rows: u32,
    },
    /// The session as after the sign-in.
    ResetConnection,
    /// See [`StmtBulkExecute`].
    StmtBulkExecute(StmtBulkExecute<'f>),
}

/// What COM_SET_OPTION sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiStatements {
    /// COM_QUERY may hold several statements from now on.
    On,
    /// It may not.
    Off,
}

impl<'f> Command<'f> {
    /// Reads a payload, by what was agreed at the sign-in. (A flat table.)
    ///
    /// # Errors
    /// A command that is not on the allow-list or was not agreed, an empty payload, wrong bytes.
    pub fn decode(body: &'f [u8], agreed: Capabilities) -> Result<Self, Fault> {
        let mut r = Reader::new(body);
        // EVASION: MySQL reads an empty payload as COM_SLEEP (`an_empty_payload_is_no_command`).
        let command = match Tag::try_from(r.u8("command")?)? {
            Tag::Quit => Self::Quit,
            Tag::InitDb => Self::InitDb(schema(r.rest())?),
            Tag::Query => return Ok(Self::Query(Query::decode(r, agreed)?)),
            Tag::FieldList => return Ok(Self::FieldList(FieldList::decode(r)?)),
            Tag::Statistics => Self::Statistics,
            Tag::ProcessKill => Self::ProcessKill(r.u32_le("connection")?),
            Tag::Ping => Self::Ping,
            Tag::ChangeUser => return Ok(Self::ChangeUser(ChangeUser::decode(r, agreed)?)),
            Tag::StmtPrepare => Self::StmtPrepare(r.rest()),
            Tag::StmtExecute => return Ok(Self::StmtExecute(StmtExecute::decode(r)?)),
            Tag::StmtSendLongData => return Ok(Self::StmtSendLongData(StmtSendLongData::decode(r)?)),
            Tag::StmtClose => Self::StmtClose(r.u32_le("statement")?),
            Tag::StmtReset => Self::StmtReset(r.u32_le("statement")?),
            Tag::SetOption => Self::SetOption(MultiStatements::decode(r.u16_le("option")?)?),
            Tag::StmtFetch => Self::StmtFetch { statement: r.u32_le("statement")?, rows: r.u32_le("row count")? },
            Tag::ResetConnection => Self::ResetConnection,
            Tag::StmtBulkExecute if agreed.has(Capabilities::STMT_BULK_OPERATIONS) => {
                return Ok(Self::StmtBulkExecute(StmtBulkExecute::decode(r)?));
            }
            Tag::StmtBulkExecute => return Err(Unsupported("COM_STMT_BULK_EXECUTE that was not agreed").into()),
        };
        r.finish()?;
        Ok(command)
    }

    /// Which command it is.
    pub fn tag(&self) -> Tag {
        match self {
            Self::Quit => Tag::Quit,
            Self::InitDb(_) => Tag::InitDb,
            Self::Query(_) => Tag::Query,
            Self::FieldList(_) => Tag::FieldList,
            Self::Statistics => Tag::Statistics,
            Self::ProcessKill(_) => Tag::ProcessKill,
            Self::Ping => Tag::Ping,
            Self::ChangeUser(_) => Tag::ChangeUser,
            Self::StmtPrepare(_) => Tag::StmtPrepare,
            Self::StmtExecute(_) => Tag::StmtExecute,
            Self::StmtSendLongData(_) => Tag::StmtSendLongData,
            Self::StmtClose(_) => Tag::StmtClose,
            Self::StmtReset(_) => Tag::StmtReset,
            Self::SetOption(_) => Tag::SetOption,
            Self::StmtFetch { .. } => Tag::StmtFetch,
            Self::ResetConnection => Tag::ResetConnection,
            Self::StmtBulkExecute(_) => Tag::StmtBulkExecute,
        }
    }

    /// Writes the whole payload.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Query(message) => return message.encode(out),
            Self::FieldList(message) => return message.encode(out),
            Self::ChangeUser(message) => return message.encode(out),
            Self::StmtExecute(message) => return message.encode(out),
            Self::StmtSendLongData(message) => return message.encode(out),
            Self::StmtBulkExecute(message) => return message.encode(out),
            _ => out.put_u8(self.tag().byte()),
        }
        match *self {
            Self::InitDb(text) | Self::StmtPrepare(text) => out.put_slice(text),
            Self::ProcessKill(id) | Self::StmtClose(id) | Self::StmtReset(id) => out.put_u32_le(id),
            Self::SetOption(option) => out.put_u16_le(option.code()),
            Self::StmtFetch { statement, rows } => {
                out.put_u32_le(statement);
                out.put_u32_le(rows);
            }
            _ => {}
        }
    }
}

/// The name of a schema, which no server allows a NUL in.
// EVASION: the one command whose name does not end at a NUL: MySQL takes such a name whole for what it tells and judges by,
// and up to the NUL for the schema that it enters (`a_schema_whose_name_holds_a_nul_is_not_entered`).
fn schema(name: &[u8]) -> Result<&[u8], Unsupported> {
    if name.contains(&0) { Err(Unsupported("a schema whose name holds a NUL")) } else { Ok(name) }
}

impl MultiStatements {
    fn decode(code: u16) -> Result<Self, Malformed> {
        match code {
            0 => Ok(Self::On),
            1 => Ok(Self::Off),
            _ => Err(Malformed::Invalid("option")),
        }
    }

    fn code(self) -> u16 {
        match self {
            Self::On => 0,
            Self::Off => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &[u8]) -> Result<Command<'_>, Fault> {
        Command::decode(body, Capabilities::default())
    }

    #[test]
    fn short_commands_are_the_specifications() {
        for (body, command) in [
            (&b"\x01"[..], Command::Quit),
            (b"\x02shop", Command::InitDb(b"shop")),
            (b"\x09", Command::Statistics),
            (b"\x0c\x05\0\0\0", Command::ProcessKill(5)),
            (b"\x0e", Command::Ping),
            (b"\x16select ?", Command::StmtPrepare(b"select ?")),
            (b"\x19\x01\0\0\0", Command::StmtClose(1)),
            (b"\x1a\x01\0\0\0", Command::StmtReset(1)),
            (b"\x1b\x00\x00", Command::SetOption(MultiStatements::On)),
            (b"\x1b\x01\x00", Command::SetOption(MultiStatements::Off)),
            (b"\x1c\x01\0\0\0\x64\0\0\0", Command::StmtFetch { statement: 1, rows: 100 }),
            (b"\x1f", Command::ResetConnection),
        ] {
            assert_eq!(decode(body), Ok(command));
            let mut out = BytesMut::new();
            command.encode(&mut out);
            assert_eq!(&out[..], body);
        }
    }

    #[test]
    fn an_empty_payload_is_no_command() {
        assert_eq!(decode(b""), Err(Malformed::Truncated("command").into()));
    }

    #[test]
    fn leftovers_that_servers_ignore_are_refused() {
        for body in [&b"\x01x"[..], b"\x0ex", b"\x09x", b"\x1fx", b"\x19\x01\0\0\0x", b"\x1b\0\0x", b"\x0c\x05\0\0\0x"]
        {
            assert_eq!(decode(body), Err(Malformed::Trailing(1).into()));
        }
    }

    #[test]
    fn a_schema_whose_name_holds_a_nul_is_refused() {
        for body in [&b"\x02hr\0x"[..], b"\x02hr\0", b"\x02\0"] {
            assert!(matches!(decode(body), Err(Fault::Unsupported(_))), "{body:?}");
        }
    }

    /// Where names end at a NUL, what comes behind it is the next field.
    #[test]
    fn no_other_name_of_a_schema_or_table_can_hold_a_nul() {
        let Ok(Command::FieldList(list)) = decode(b"\x04a\0b\0c") else { panic!("a list") };
        assert_eq!((list.table, list.wildcard), (&b"a"[..], &b"b\0c"[..]));
        let change = b"\x11ann\0\0hr\0x\0\x2d\0mysql_clear_password\0";
        assert!(matches!(decode(change), Err(Fault::Malformed(Malformed::Trailing(_)))));
    }

    #[test]
    fn what_is_not_on_the_list_is_refused_by_name() {
        assert_eq!(decode(b"\x12\0\0"), Err(Unsupported("COM_BINLOG_DUMP").into()));
        assert_eq!(decode(b"\x07\x01"), Err(Unsupported("COM_REFRESH").into()));
        assert!(matches!(decode(b"\xfa\x01\0\0\0\0\0"), Err(Fault::Unsupported(_))));
        assert!(Command::decode(b"\xfa\x01\0\0\0\0\0", Capabilities::STMT_BULK_OPERATIONS).is_ok());
        assert_eq!(decode(b"\x1b\x02\x00"), Err(Malformed::Invalid("option").into()));
    }
}
