//! What a server sends: one file per message, and [`Message`] over all of them.
//!
//! As on the other side, every message is read to its last byte, borrows from its frame and encodes to the bytes it was
//! decoded from. CopyData and CopyDone are the client's: the same bytes either way.

mod authentication;
mod backend_key_data;
mod bind_complete;
mod close_complete;
mod command_complete;
mod copy_response;
mod data_row;
mod empty_query_response;
mod function_call_response;
mod negotiate_protocol_version;
mod no_data;
mod notification_response;
mod parameter_description;
mod parameter_status;
mod parse_complete;
mod portal_suspended;
mod ready_for_query;
mod report;
mod row_description;

use bytes::BytesMut;
use portcullis_wire::Fault;

pub use crate::frontend::{CopyData, CopyDone};
pub use crate::list::Names;
pub use authentication::Authentication;
pub use backend_key_data::BackendKeyData;
pub use bind_complete::BindComplete;
pub use close_complete::CloseComplete;
pub use command_complete::CommandComplete;
pub use copy_response::{CopyDirection, CopyResponse};
pub use data_row::{Cells, DataRow};
pub use empty_query_response::EmptyQueryResponse;
pub use function_call_response::FunctionCallResponse;
pub use negotiate_protocol_version::NegotiateProtocolVersion;
pub use no_data::NoData;
pub use notification_response::NotificationResponse;
pub use parameter_description::ParameterDescription;
pub use parameter_status::ParameterStatus;
pub use parse_complete::ParseComplete;
pub use portal_suspended::PortalSuspended;
pub use ready_for_query::{ReadyForQuery, TransactionStatus};
pub use report::{Notice, Report, Severity, field};
pub use row_description::{Field, RowDescription};

use crate::frame::BackendTag;

/// Any message of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'f> {
    /// See [`Authentication`].
    Authentication(Authentication<'f>),
    /// See [`BackendKeyData`].
    BackendKeyData(BackendKeyData<'f>),
    /// See [`BindComplete`].
    BindComplete(BindComplete),
    /// See [`CloseComplete`].
    CloseComplete(CloseComplete),
    /// See [`CommandComplete`].
    CommandComplete(CommandComplete<'f>),
    /// See [`CopyData`].
    CopyData(CopyData<'f>),
    /// See [`CopyDone`].
    CopyDone(CopyDone),
    /// See [`DataRow`].
    DataRow(DataRow<'f>),
    /// See [`EmptyQueryResponse`].
    EmptyQueryResponse(EmptyQueryResponse),
    /// See [`FunctionCallResponse`].
    FunctionCallResponse(FunctionCallResponse<'f>),
    /// See [`NegotiateProtocolVersion`].
    NegotiateProtocolVersion(NegotiateProtocolVersion<'f>),
    /// See [`NoData`].
    NoData(NoData),
    /// See [`NotificationResponse`].
    NotificationResponse(NotificationResponse<'f>),
    /// See [`ParameterDescription`].
    ParameterDescription(ParameterDescription<'f>),
    /// See [`ParameterStatus`].
    ParameterStatus(ParameterStatus<'f>),
    /// See [`ParseComplete`].
    ParseComplete(ParseComplete),
    /// See [`PortalSuspended`].
    PortalSuspended(PortalSuspended),
    /// See [`ReadyForQuery`].
    ReadyForQuery(ReadyForQuery),
    /// See [`RowDescription`].
    RowDescription(RowDescription<'f>),
    /// See [`CopyResponse`].
    CopyResponse(CopyResponse<'f>),
    /// See [`Report`].
    ErrorResponse(Report<'f>),
    /// See [`Report`].
    NoticeResponse(Report<'f>),
}

impl<'f> Message<'f> {
    /// Reads the body of a message of type `tag`. (A flat table.)
    pub fn decode(tag: BackendTag, body: &'f [u8]) -> Result<Self, Fault> {
        Ok(match tag {
            BackendTag::Authentication => Self::Authentication(Authentication::decode(body)?),
            BackendTag::BackendKeyData => Self::BackendKeyData(BackendKeyData::decode(body)?),
            BackendTag::BindComplete => Self::BindComplete(BindComplete::decode(body)?),
            BackendTag::CloseComplete => Self::CloseComplete(CloseComplete::decode(body)?),
            BackendTag::CommandComplete => Self::CommandComplete(CommandComplete::decode(body)?),
            BackendTag::CopyData => Self::CopyData(CopyData::decode(body)?),
            BackendTag::CopyDone => Self::CopyDone(CopyDone::decode(body)?),
            BackendTag::DataRow => Self::DataRow(DataRow::decode(body)?),
            BackendTag::EmptyQueryResponse => Self::EmptyQueryResponse(EmptyQueryResponse::decode(body)?),
            BackendTag::FunctionCallResponse => Self::FunctionCallResponse(FunctionCallResponse::decode(body)?),
            BackendTag::NegotiateProtocolVersion => {
                Self::NegotiateProtocolVersion(NegotiateProtocolVersion::decode(body)?)
            }
            BackendTag::NoData => Self::NoData(NoData::decode(body)?),
            BackendTag::NotificationResponse => Self::NotificationResponse(NotificationResponse::decode(body)?),
            BackendTag::ParameterDescription => Self::ParameterDescription(ParameterDescription::decode(body)?),
            BackendTag::ParameterStatus => Self::ParameterStatus(ParameterStatus::decode(body)?),
            BackendTag::ParseComplete => Self::ParseComplete(ParseComplete::decode(body)?),
            BackendTag::PortalSuspended => Self::PortalSuspended(PortalSuspended::decode(body)?),
            BackendTag::ReadyForQuery => Self::ReadyForQuery(ReadyForQuery::decode(body)?),
            BackendTag::RowDescription => Self::RowDescription(RowDescription::decode(body)?),
            BackendTag::CopyInResponse => Self::CopyResponse(CopyResponse::decode(CopyDirection::In, body)?),
            BackendTag::CopyOutResponse => Self::CopyResponse(CopyResponse::decode(CopyDirection::Out, body)?),
            BackendTag::CopyBothResponse => Self::CopyResponse(CopyResponse::decode(CopyDirection::Both, body)?),
            BackendTag::ErrorResponse => Self::ErrorResponse(Report::decode(body)?),
            BackendTag::NoticeResponse => Self::NoticeResponse(Report::decode(body)?),
        })
    }

    /// Writes the whole message. (A flat table.)
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Authentication(message) => message.encode(out),
            Self::BackendKeyData(message) => message.encode(out),
            Self::BindComplete(message) => message.encode(out),
            Self::CloseComplete(message) => message.encode(out),
            Self::CommandComplete(message) => message.encode(out),
            Self::CopyData(message) => message.encode(out),
            Self::CopyDone(message) => message.encode(out),
            Self::DataRow(message) => message.encode(out),
            Self::EmptyQueryResponse(message) => message.encode(out),
            Self::FunctionCallResponse(message) => message.encode(out),
            Self::NegotiateProtocolVersion(message) => message.encode(out),
            Self::NoData(message) => message.encode(out),
            Self::NotificationResponse(message) => message.encode(out),
            Self::ParameterDescription(message) => message.encode(out),
            Self::ParameterStatus(message) => message.encode(out),
            Self::ParseComplete(message) => message.encode(out),
            Self::PortalSuspended(message) => message.encode(out),
            Self::ReadyForQuery(message) => message.encode(out),
            Self::RowDescription(message) => message.encode(out),
            Self::CopyResponse(message) => message.encode(out),
            Self::ErrorResponse(report) => report.encode_error(out),
            Self::NoticeResponse(report) => report.encode_notice(out),
        }
    }
}
