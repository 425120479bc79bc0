//! The admin listener: credentials, sessions, metrics, health.
//!
//! ```text
//! TCP ─▶ TLS? ─▶ HTTP/1 ─▶ Host check ─▶ bearer token ─▶ route
//! ```
//! It is an edge to the gateway, not a part of it: what it shows and does comes through the [`Gateway`] trait and the
//! state store. It answers a bearer token in a header and nothing else, so there is no cookie that another site's page
//! could ride on. Metrics and health need no token and say nothing about anyone. The web page, approvals and MCP come
//! with their own routers, merged beside this one.

mod auth;
mod error;
mod gateway;
mod guard;
mod routes;
mod serve;

pub use gateway::{Answer, Gateway, SessionInfo, UpstreamInfo};
pub use routes::{Api, Settings, router};
pub use serve::serve;
