//! From a text to a decision: the cache, the analysis, the facts, the policy.

use std::sync::Arc;

use portcullis_policy::{Allowed, Context, Decision, Request, Slice};
use portcullis_sql::NotAnalysed;
use portcullis_sql::session::SessionChange;
use portcullis_sql::statement::{Barrier, Statement};
use portcullis_wire::event::Refusal;

use crate::cache::Scope;
use crate::facts::{Absent, Facts, Wanted, closes_results};
use crate::once::Once;
use crate::path_of::PathOf;
use crate::refusals;
use crate::settings::Settings;
use crate::world::World;

/// Why a statement does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    pub(crate) rule: Option<String>,
    /// Whether it rests on something that the catalog did not know.
    pub(crate) absent: bool,
    /// Whether it is policy's, so that someone can be asked to change it.
    pub(crate) by_policy: bool,
}

/// What was decided on a text, and in which scope.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) statements: Arc<[Statement]>,
    /// What each of them has its names looked up in; the session's path where there is none.
    paths: Box<[PathOf]>,
    pub(crate) outcome: Result<Allowed, Denied>,
    /// Ids of what it touches, for the record.
    pub(crate) objects: Box<[(&'static str, String)]>,
    pub(crate) barrier: Barrier,
    pub(crate) scope: Option<Scope>,
    pub(crate) cacheable: bool,
}

impl Judged {
    /// What a statement of the text has its names looked up in.
    pub(crate) fn path_of(&self, index: usize) -> &PathOf {
        self.paths.get(index).unwrap_or(&PathOf::Session)
    }
}

/// What conditions may read besides the statement, owned by the session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'s> {
    pub(crate) context: Context<'s>,
    /// Something is masked from the principal.
    pub(crate) masked: bool,
}

/// A text that was not analysed: only those who may do anything may send it.
pub(crate) fn opaque(refusal: Refusal, slice: &Slice, circumstances: Circumstances<'_>, absent: bool) -> Judged {
    let wanted = Wanted::unknown(None);
    let request = Request { action: wanted.action, resource: wanted.what.resource(), context: &circumstances.context };
    let (outcome, rule) = match slice.decide(&[request]) {
        Decision::Allow(allowed) => (Ok(allowed), None),
        Decision::Deny(denial) => (Err(()), denial.rule),
    };
    Judged {
        statements: Arc::from([]),
        paths: Box::default(),
        outcome: outcome.map_err(|()| Denied { refusal, rule, absent, by_policy: false }),
        objects: Box::default(),
        barrier: Barrier::UNKNOWN,
        scope: None,
        cacheable: false,
    }
}

/// What nobody may do from whom something is masked, whatever policy says.
pub(crate) fn closed(refusal: Refusal) -> Judged {
    Judged {
        statements: Arc::from([]),
        paths: Box::default(),
        outcome: Err(Denied { refusal, rule: None, absent: false, by_policy: false }),
        objects: Box::default(),
        barrier: Barrier::NONE,
        scope: None,
        cacheable: false,
    }
}

/// A text that could not be read at all.
pub(crate) fn not_analysed(
    why: &NotAnalysed,
    text: &[u8],
    world: &World,
    slice: &Slice,
    circumstances: Circumstances<'_>,
) -> Judged {
    let refusal = refusals::not_analysed(why, text, world.dialect.codes());
    opaque(refusal, slice, circumstances, false)
}

/// Decides on every statement of a text, each under what the ones before it would make of the session.
pub(crate) fn decide(
    statements: Arc<[Statement]>,
    paths: Box<[PathOf]>,
    settings: &Settings,
    world: &World,
    slice: &Slice,
    circumstances: Circumstances<'_>,
) -> Judged {
    let mut judged = Judged {
        statements: statements.clone(),
        paths,
        outcome: nothing(slice, world, circumstances),
        objects: Box::default(),
        barrier: Barrier::NONE,
        scope: None,
        cacheable: true,
    };
    let mut objects = Once::new();
    let mut after = None::<Settings>;
    for (index, statement) in statements.iter().enumerate() {
        let now = after.as_ref().unwrap_or(settings);
        // EVASION: the whole text was read in the mode that it began with (test `a_mode_that_the_session_sets_is_followed_or_refused`).
        if now.mode() != settings.mode() || (after.is_some() && !now.is_readable()) {
            judged.barrier |= Barrier::UNKNOWN;
        }
        let facts = facts(now, judged.path_of(index), world);
        let outcome = one(statement, facts, world, slice, circumstances, judged.barrier, &mut objects);
        judged.cacheable &= outcome.cacheable;
        judged.barrier |= statement.barrier;
        judged.outcome = outcome.decision;
        if judged.outcome.is_err() {
            break;
        }
        if statements.len() > 1 {
            let simulated = after.get_or_insert_with(|| settings.clone());
            simulate(statement, judged.path_of(index), simulated, world);
        }
    }
    judged.objects = objects.into_vec().into();
    judged
}

/// What policy says of a text that asks for nothing (it is empty, or only comments): it needs what the session needed.
fn nothing(slice: &Slice, world: &World, circumstances: Circumstances<'_>) -> Result<Allowed, Denied> {
    let wanted = Wanted::connect();
    let request = Request { action: wanted.action, resource: wanted.what.resource(), context: &circumstances.context };
    match slice.decide(&[request]) {
        Decision::Allow(allowed) => Ok(allowed),
        Decision::Deny(denial) => {
            let refusal = refusals::denied(&denial, world.dialect.codes().denied);
            Err(Denied { refusal, rule: denial.rule, absent: false, by_policy: true })
        }
    }
}

/// What a statement that ends well makes of the session.
pub(crate) fn simulate(statement: &Statement, path: &PathOf, settings: &mut Settings, world: &World) {
    for change in &statement.session {
        // EVASION: the end of a failed transaction is a rollback, whatever the text calls it
        // (test `the_end_of_a_failed_transaction_falls_back_inside_a_text`).
        settings.apply_in(path, change, settings.has_failed(), &*world.dialect);
    }
    if statement.barrier.contains(Barrier::UNKNOWN) {
        settings.apply(&SessionChange::LoseTemporaries, false, &*world.dialect);
    }
    if statement.barrier.contains(Barrier::CATALOG) {
        settings.note_uncommitted();
    }
}

fn facts<'w>(settings: &'w Settings, path: &'w PathOf, world: &'w World) -> Facts<'w> {
    Facts {
        catalog: &world.catalog,
        dialect: &*world.dialect,
        path: path.over(settings.path()),
        temporary: settings.temporary(),
        lost: settings.lost(),
        mode: settings.mode(),
        uncommitted: settings.has_uncommitted(),
        own_role: settings.has_own_role(),
    }
}

struct One {
    decision: Result<Allowed, Denied>,
    cacheable: bool,
}

fn one(
    statement: &Statement,
    facts: Facts<'_>,
    world: &World,
    slice: &Slice,
    circumstances: Circumstances<'_>,
    earlier: Barrier,
    objects: &mut Once<(&'static str, String)>,
) -> One {
    let closes = closes_results(statement, facts.mode, &*world.dialect);
    if closes && circumstances.masked {
        let refusal = refusals::closes_results(world.dialect.codes());
        let decision = Err(Denied { refusal, rule: None, absent: false, by_policy: false });
        return One { decision, cacheable: false };
    }
    let mut wanted = facts.wanted(statement);
    if earlier.contains(Barrier::UNKNOWN) {
        wanted.push(Wanted::unknown(None));
    }
    if wanted.is_empty() {
        wanted.push(Wanted::connect());
    }
    let contexts: Vec<Context<'_>> = wanted
        .iter()
        .map(|wanted| Context {
            statement: statement.kind.as_str(),
            where_is_selective: wanted.selective,
            columns: &wanted.columns,
            tags: &statement.tags,
            ..circumstances.context
        })
        .collect();
    let requests: Vec<Request<'_>> = wanted
        .iter()
        .zip(&contexts)
        .map(|(wanted, context)| Request { action: wanted.action, resource: wanted.what.resource(), context })
        .collect();
    for wanted in &wanted {
        objects.add((wanted.action.name(), wanted.what.resource().id(&world.upstream.name)));
    }
    let decision = match slice.decide(&requests) {
        Decision::Allow(allowed) => Ok(allowed),
        Decision::Deny(denial) => {
            let codes = world.dialect.codes();
            let absent = wanted.iter().find_map(|wanted| wanted.absent.as_ref());
            let refusal = match absent {
                Some(absent) => refusals::absent(absent, codes),
                None => refusals::denied(&denial, codes.denied),
            };
            let by_policy = absent.is_none();
            let absent = matches!(absent, Some(Absent::Relation(_) | Absent::Function(_) | Absent::Schema));
            Err(Denied { refusal, rule: denial.rule, absent, by_policy })
        }
    };
    // Sessions of one principal can differ in what is masked from them.
    One { decision, cacheable: slice.cacheable(&requests) && !closes }
}
