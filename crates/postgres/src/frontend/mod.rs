//! What a client sends: one file per message, and [`Message`] over all of them.
//!
//! Every message is read to its last byte when it is decoded, borrows from the frame, and encodes to the bytes it was
//! decoded from. Replication and GSSAPI messages are absent: they have no tag of their own and are refused by state.

mod bind;
mod close;
mod copy_data;
mod copy_done;
mod copy_fail;
mod describe;
mod execute;
mod flush;
mod function_call;
mod parse;
mod password_message;
mod query;
mod sasl_initial_response;
mod sasl_response;
mod sync;
mod target;
mod terminate;

use std::fmt;

use bytes::{BufMut, BytesMut};
use portcullis_wire::Malformed;

pub use crate::list::{Formats, TypeIds, Values};
pub use bind::Bind;
pub use close::Close;
pub use copy_data::CopyData;
pub use copy_done::CopyDone;
pub use copy_fail::CopyFail;
pub use describe::Describe;
pub use execute::Execute;
pub use flush::Flush;
pub use function_call::FunctionCall;
pub use parse::Parse;
pub use password_message::PasswordMessage;
pub use query::Query;
pub use sasl_initial_response::SaslInitialResponse;
pub use sasl_response::SaslResponse;
pub use sync::Sync;
pub use target::Target;
pub use terminate::Terminate;

use crate::frame::FrontendTag;
use crate::put;

/// Any message of a client after its first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'f> {
    /// See [`Bind`].
    Bind(Bind<'f>),
    /// See [`Close`].
    Close(Close<'f>),
    /// See [`CopyData`].
    CopyData(CopyData<'f>),
    /// See [`CopyDone`].
    CopyDone(CopyDone),
    /// See [`CopyFail`].
    CopyFail(CopyFail<'f>),
    /// See [`Describe`].
    Describe(Describe<'f>),
    /// See [`Execute`].
    Execute(Execute<'f>),
    /// See [`Flush`].
    Flush(Flush),
    /// See [`FunctionCall`].
    FunctionCall(FunctionCall<'f>),
    /// See [`Parse`].
    Parse(Parse<'f>),
    /// An answer to an authentication request. What it holds depends on the request, so it stays undecoded here.
    Password(Credential<'f>),
    /// See [`Query`].
    Query(Query<'f>),
    /// See [`Sync`].
    Sync(Sync),
    /// See [`Terminate`].
    Terminate(Terminate),
}

/// The body of an answer to an authentication request. `Debug` shows none of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'f>(pub &'f [u8]);

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

impl<'f> Message<'f> {
    /// Reads the body of a message of type `tag`.
    pub fn decode(tag: FrontendTag, body: &'f [u8]) -> Result<Self, Malformed> {
        match tag {
            FrontendTag::Bind => Bind::decode(body).map(Self::Bind),
            FrontendTag::Close => Close::decode(body).map(Self::Close),
            FrontendTag::CopyData => CopyData::decode(body).map(Self::CopyData),
            FrontendTag::CopyDone => CopyDone::decode(body).map(Self::CopyDone),
            FrontendTag::CopyFail => CopyFail::decode(body).map(Self::CopyFail),
            FrontendTag::Describe => Describe::decode(body).map(Self::Describe),
            FrontendTag::Execute => Execute::decode(body).map(Self::Execute),
            FrontendTag::Flush => Flush::decode(body).map(Self::Flush),
            FrontendTag::FunctionCall => FunctionCall::decode(body).map(Self::FunctionCall),
            FrontendTag::Parse => Parse::decode(body).map(Self::Parse),
            FrontendTag::Password => Ok(Self::Password(Credential(body))),
            FrontendTag::Query => Query::decode(body).map(Self::Query),
            FrontendTag::Sync => Sync::decode(body).map(Self::Sync),
            FrontendTag::Terminate => Terminate::decode(body).map(Self::Terminate),
        }
    }

    /// Writes the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Bind(message) => message.encode(out),
            Self::Close(message) => message.encode(out),
            Self::CopyData(message) => message.encode(out),
            Self::CopyDone(message) => message.encode(out),
            Self::CopyFail(message) => message.encode(out),
            Self::Describe(message) => message.encode(out),
            Self::Execute(message) => message.encode(out),
            Self::Flush(message) => message.encode(out),
            Self::FunctionCall(message) => message.encode(out),
            Self::Parse(message) => message.encode(out),
            Self::Password(Credential(body)) => put::message(out, b'p', |out| out.put_slice(body)),
            Self::Query(message) => message.encode(out),
            Self::Sync(message) => message.encode(out),
            Self::Terminate(message) => message.encode(out),
        }
    }
}
