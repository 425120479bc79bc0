//! The client's side of Portcullis: where the gateway is, who we are there, and how to talk to it.

pub(crate) mod gateway;
pub(crate) mod profile;
pub(crate) mod tokens;
pub(crate) mod trust;

use std::future::Future;

use crate::failure::Failure;

/// Runs `work` on one thread; a client has no use for more.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::refused(format_args!("cannot start: {error}")))?.block_on(work)
}
