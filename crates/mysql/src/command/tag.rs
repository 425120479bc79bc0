//! The first byte of a command: an allow-list.
//!
//! A command that is not on it is refused by name, and the session lives on: servers answer commands that they do not
//! know with an error too. Spec: `enum_server_command`; MariaDB `my_command.h`.

use portcullis_wire::Unsupported;

macro_rules! tags {
    (
        spoken { $($(#[$doc:meta])* $tag:ident = $byte:literal, $name:literal;)* }
        refused { $($refused:literal = $refused_name:literal;)* }
    ) => {
        /// What a client may ask for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Tag {
            $($(#[$doc])* $tag,)*
        }

        impl Tag {
            /// Every tag there is.
            pub const ALL: &'static [Self] = &[$(Self::$tag,)*];

            /// The byte on the wire.
            pub fn byte(self) -> u8 {
                match self {
                    $(Self::$tag => $byte,)*
                }
            }

            /// The name in the specification.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$tag => $name,)*
                }
            }
        }

        impl TryFrom<u8> for Tag {
            type Error = Unsupported;

            fn try_from(byte: u8) -> Result<Self, Unsupported> {
                match byte {
                    $($byte => Ok(Self::$tag),)*
                    $($refused => Err(Unsupported($refused_name)),)*
                    _ => Err(Unsupported("unknown command")),
                }
            }
        }
    };
}

tags! {
    spoken {
        /// Goodbye.
        Quit = 0x01, "COM_QUIT";
        /// Another default database.
        InitDb = 0x02, "COM_INIT_DB";
        /// Statements as text.
        Query = 0x03, "COM_QUERY";
        /// The columns of a table.
        FieldList = 0x04, "COM_FIELD_LIST";
        /// A line about the server.
        Statistics = 0x09, "COM_STATISTICS";
        /// Ends another connection.
        ProcessKill = 0x0c, "COM_PROCESS_KILL";
        /// Is anybody there?
        Ping = 0x0e, "COM_PING";
        /// A new sign-in.
        ChangeUser = 0x11, "COM_CHANGE_USER";
        /// Prepares a statement.
        StmtPrepare = 0x16, "COM_STMT_PREPARE";
        /// Runs a prepared statement.
        StmtExecute = 0x17, "COM_STMT_EXECUTE";
        /// A piece of a parameter's value.
        StmtSendLongData = 0x18, "COM_STMT_SEND_LONG_DATA";
        /// Forgets a prepared statement.
        StmtClose = 0x19, "COM_STMT_CLOSE";
        /// Forgets long data and the cursor.
        StmtReset = 0x1a, "COM_STMT_RESET";
        /// Multi-statements on or off.
        SetOption = 0x1b, "COM_SET_OPTION";
        /// More rows of a cursor.
        StmtFetch = 0x1c, "COM_STMT_FETCH";
        /// The session as after the sign-in.
        ResetConnection = 0x1f, "COM_RESET_CONNECTION";
        /// MariaDB: runs a prepared statement for many rows of parameters.
        StmtBulkExecute = 0xfa, "COM_STMT_BULK_EXECUTE";
    }
    refused {
        0x00 = "COM_SLEEP";
        0x05 = "COM_CREATE_DB";
        0x06 = "COM_DROP_DB";
        0x07 = "COM_REFRESH";
        0x08 = "COM_SHUTDOWN";
        0x0a = "COM_PROCESS_INFO";
        0x0b = "COM_CONNECT";
        0x0d = "COM_DEBUG";
        0x0f = "COM_TIME";
        0x10 = "COM_DELAYED_INSERT";
        0x12 = "COM_BINLOG_DUMP";
        0x13 = "COM_TABLE_DUMP";
        0x14 = "COM_CONNECT_OUT";
        0x15 = "COM_REGISTER_SLAVE";
        0x1d = "COM_DAEMON";
        0x1e = "COM_BINLOG_DUMP_GTID";
        0x20 = "COM_CLONE";
        0x21 = "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM";
        0xfe = "COM_MULTI";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_bytes_agree() {
        for &tag in Tag::ALL {
            assert_eq!(Tag::try_from(tag.byte()), Ok(tag));
            assert!(tag.name().starts_with("COM_"));
        }
    }

    #[test]
    fn all_else_is_refused_by_name() {
        assert_eq!(Tag::try_from(0x12), Err(Unsupported("COM_BINLOG_DUMP")));
        assert_eq!(Tag::try_from(0x08), Err(Unsupported("COM_SHUTDOWN")));
        assert_eq!(Tag::try_from(0x77), Err(Unsupported("unknown command")));
        assert_eq!((0..=255).filter(|&byte| Tag::try_from(byte).is_ok()).count(), Tag::ALL.len());
    }
}
