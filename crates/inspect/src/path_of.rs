//! Which path a statement's names are looked up in: the session's, or the one that it was prepared in.
//!
//! Some servers settle at the preparation in which schema a prepared statement runs, however the session moves since;
//! others look its names up anew. The dialect says which ([`Dialect::prepared_keep_path`]).

use std::sync::Arc;

use portcullis_sql::catalog::SearchPath;
use portcullis_sql::dialect::Dialect;

use crate::settings::Settings;

/// Which path the names of a statement are looked up in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum PathOf {
    /// The session's, as it is when the statement runs.
    #[default]
    Session,
    /// That of its preparation; `None`: it was not known then, so nothing is known of unqualified names.
    Preparation(Option<Arc<SearchPath>>),
}

impl PathOf {
    /// For what is prepared under these settings.
    pub(crate) fn prepared_under(settings: &Settings, dialect: &dyn Dialect) -> Self {
        match dialect.prepared_keep_path() {
            true => Self::Preparation(settings.shared_path().cloned()),
            false => Self::Session,
        }
    }

    /// The path that names are looked up in, where the session's is `session`.
    pub(crate) fn over<'p>(&'p self, session: Option<&'p SearchPath>) -> Option<&'p SearchPath> {
        match self {
            Self::Session => session,
            Self::Preparation(path) => path.as_deref(),
        }
    }

    /// The statement's own path, where it is another than the session's.
    pub(crate) fn other_than(&self, session: Option<&SearchPath>) -> Option<Option<&SearchPath>> {
        match self {
            Self::Session => None,
            Self::Preparation(path) => (path.as_deref() != session).then_some(path.as_deref()),
        }
    }
}
