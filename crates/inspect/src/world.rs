//! Everything outside one session that its verdicts rest on, as one immutable snapshot.
//!
//! A reload or a change of the catalog makes a new world with a new epoch; sessions take it up at their next statement.
//! A decision is only ever used under the epoch it was made in.

use std::sync::Arc;

use portcullis_mask::Detectors;
use portcullis_policy::{Policies, Upstream};
use portcullis_sql::Limits;
use portcullis_sql::catalog::Catalog;
use portcullis_sql::dialect::Dialect;

use crate::cache::Cache;

/// What the verdicts of an upstream's sessions rest on.
#[derive(Debug, Clone)]
pub struct World {
    /// Rises whenever anything in here changes.
    pub epoch: u64,
    /// The protocol's name.
    pub protocol: &'static str,
    /// The upstream, as policies know it.
    pub upstream: Arc<Upstream>,
    /// Its dialect.
    pub dialect: Arc<dyn Dialect>,
    /// What exists in it.
    pub catalog: Arc<Catalog>,
    /// Who may do what.
    pub policies: Arc<Policies>,
    /// What is sensitive by content.
    pub detectors: Arc<Detectors>,
    /// What a statement's text may cost.
    pub limits: Limits,
    /// What is known of statements, shared by all sessions.
    pub cache: Arc<Cache>,
}
