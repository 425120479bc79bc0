//! Everything outside one session that its verdicts rest on, as one immutable snapshot.
//!
//! A reload or a change of the catalog makes a new world with a new epoch; sessions take it up at their next statement.
//! A decision is only ever used under the epoch it was made in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use portcullis_mask::Detectors;
use portcullis_policy::{Action, Context, Policies, Principal, Slice, Upstream};
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
    /// What concerns each principal, shared by all of its sessions. A new one with new policies or detectors.
    pub slices: Arc<Slices>,
}

/// LIMIT: principals whose slices are kept; beyond it all are forgotten and made again.
const PRINCIPALS: usize = 10_000;

/// The policies and detectors that concern each principal. They cost tens of kilobytes and a good part of a millisecond,
/// so sessions of one principal share them.
#[derive(Debug, Default)]
pub struct Slices(Mutex<HashMap<Principal, Arc<Sliced>>>);

/// What concerns one principal.
#[derive(Debug)]
pub struct Sliced {
    /// Its policies.
    pub slice: Slice,
    /// Tells it from every other principal.
    pub(crate) id: Arc<str>,
    /// Its detectors, where no circumstance of a session changes which; `None` inside where none is on.
    detectors: Option<Option<Detectors>>,
}

impl World {
    /// What concerns `principal`.
    pub fn sliced(&self, principal: &Principal) -> Arc<Sliced> {
        let known = self.slices.0.lock().ok().and_then(|slices| slices.get(principal).cloned());
        known.unwrap_or_else(|| {
            let made = Arc::new(self.slice(principal));
            if let Ok(mut slices) = self.slices.0.lock() {
                if slices.len() >= PRINCIPALS {
                    slices.clear();
                }
                slices.insert(principal.clone(), made.clone());
            }
            made
        })
    }

    fn slice(&self, principal: &Principal) -> Sliced {
        let slice = self.policies.slice(principal, &self.upstream);
        let lasting = slice.uses_for(Action::Reveal).cacheable();
        let context = Context { protocol: self.protocol, ..Context::default() };
        let detectors = lasting.then(|| self.detectors_of(&slice, &context));
        Sliced { slice, id: format!("{principal:?}").into(), detectors }
    }

    /// The detectors whose class a principal may not see; `None` where there are none.
    fn detectors_of(&self, slice: &Slice, context: &Context<'_>) -> Option<Detectors> {
        let mut revealed: Vec<&str> = self.detectors.names().map(|(_, class)| class).collect();
        revealed.sort_unstable();
        revealed.dedup();
        revealed.retain(|class| slice.may_reveal_class(class, context));
        let detectors = self.detectors.without_classes(&revealed);
        (!detectors.is_empty()).then_some(detectors)
    }
}

impl Sliced {
    /// The detectors that are on for a session in these circumstances.
    pub(crate) fn detectors(&self, world: &World, context: &Context<'_>) -> Option<Detectors> {
        match &self.detectors {
            Some(detectors) => detectors.clone(),
            None => world.detectors_of(&self.slice, context),
        }
    }
}
