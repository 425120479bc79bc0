//! Refusals as JSON: `{"error": {"code", "message", "hint"}}`.
//!
//! The text is static or made of names the caller gave; it never holds a token, a secret, or what went wrong inside.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use portcullis_control::{Refused, StoreError};
use serde_json::json;

/// A refusal of the admin API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No bearer token.
    NoToken,
    /// A token that was not accepted, or cannot be checked now.
    Token(Refused),
    /// Known, but not allowed.
    Forbidden(&'static str),
    /// Nothing of that name.
    NotFound(&'static str),
    /// The request makes no sense.
    BadRequest(&'static str),
    /// The body is longer than any request here, or broke off.
    TooLarge,
    /// The method is not for this path.
    Method,
    /// The `Host` is not ours.
    Host,
    /// Too many failures from this address.
    TooMany,
    /// This identity holds as many credentials as one may.
    TooManyCredentials,
    /// It took too long.
    Timeout,
    /// We failed.
    Internal,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Token(why) if why.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany | Self::TooManyCredentials => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout | Self::Internal => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Token(Refused::Unavailable) => "provider_unavailable",
            Self::Token(Refused::Expired) => "token_expired",
            Self::Token(_) => "token_refused",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::BadRequest(_) => "bad_request",
            Self::TooLarge => "too_large",
            Self::Method => "method_not_allowed",
            Self::Host => "wrong_host",
            Self::TooMany => "too_many_failures",
            Self::TooManyCredentials => "too_many_credentials",
            Self::Timeout => "timeout",
            Self::Internal => "unavailable",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::NoToken => "this needs a bearer token",
            Self::Token(why) => why.client_text(),
            Self::Forbidden(text) | Self::NotFound(text) | Self::BadRequest(text) => text,
            Self::TooLarge => "the body is too long, or broke off",
            Self::Method => "this path does not answer that method",
            Self::Host => "this server does not answer to that host name",
            Self::TooMany => "too many failed attempts from this address",
            Self::TooManyCredentials => "you hold as many live credentials as one identity may",
            Self::Timeout => "the request took too long",
            Self::Internal => "this cannot be done now",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::NoToken => "send `Authorization: Bearer <token>`; `portcullis token` prints one",
            Self::Token(why) => why.hint(),
            Self::Forbidden(_) => "ask someone in an admin group, or for a policy that permits it",
            Self::NotFound(_) => "check the name",
            Self::BadRequest(_) | Self::TooLarge => "see `portcullis --help`",
            Self::Method => "see `portcullis --help`",
            Self::Host => "use the address the listener is configured with, or add this name to `[admin] hosts`",
            Self::TooManyCredentials => "revoke some, or wait until they end",
            Self::TooMany | Self::Timeout | Self::Internal => "try again shortly",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = json!({"code": self.code(), "message": self.message(), "hint": self.hint()});
        let mut response = (self.status(), Json(json!({"error": error}))).into_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Refused> for Refusal {
    fn from(why: Refused) -> Self {
        Self::Token(why)
    }
}

impl From<StoreError> for Refusal {
    fn from(why: StoreError) -> Self {
        match why {
            StoreError::TooMany => Self::TooManyCredentials,
            other => {
                tracing::error!(error = %other, "the state store failed a request");
                Self::Internal
            }
        }
    }
}
