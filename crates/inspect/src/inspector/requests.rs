//! The client's half: a request is judged, recorded as an intention, and given its verdict.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_policy::Allowed;
use portcullis_recording as recording;
use portcullis_sql::NotAnalysed;
use portcullis_sql::session::SessionChange;
use portcullis_sql::statement::{Effect, Statement, Target};
use portcullis_wire::Frame;
use portcullis_wire::event::{Format, Parameter, Refusal, Request};

use super::Inspector;
use super::expand::Expanded;
use super::flights::{Flight, Leg};
use crate::facts::Absent;
use crate::judge::{self, Denied, Judged};
use crate::names::{Bound, Prepared};
use crate::path_of::PathOf;
use crate::refusals;
use crate::verdict::{Job, Passage, Sealed, Verdict};

/// What the codec knows that judging needs.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// All that was forwarded is answered.
    pub drained: bool,
    /// A question of the gateway's own may be asked now.
    pub may_ask: bool,
}

/// A statement on its way to its entry.
struct Intent<'r> {
    via: &'static str,
    leg: Leg,
    text: &'r [u8],
    parameters: &'r [Parameter<'r>],
    frame: &'r Frame,
    now: u64,
}

enum Found {
    Judged(Arc<Judged>),
    Missing(Job),
}

impl Inspector {
    /// What becomes of `request`, whose bytes are `frame`. `now` is in microseconds since 1970.
    pub fn handle_request(&mut self, request: &Request<'_>, frame: &Frame, standing: Standing, now: u64) -> Verdict {
        match request {
            Request::Continue | Request::Quit | Request::SignIn | Request::Describe { .. } => Verdict::Continue(None),
            Request::Forget { kind, name } => {
                self.names.forget(*kind, name);
                Verdict::Continue(None)
            }
            Request::Close { kind, name } => {
                let ticket = self.take_ticket();
                self.names.close(ticket, *kind, name);
                self.flights.push(Flight::new(ticket, Leg::Close, None, 0, now));
                Verdict::Continue(Some(ticket))
            }
            // Names and text may mean something else once the outcome of what came before is known.
            _ if (self.barrier || self.settings.is_doubted()) && !standing.drained => Verdict::Drain,
            _ => {
                self.barrier = self.barrier && !standing.drained;
                self.handle_statement(request, frame, standing, now)
            }
        }
    }

    fn handle_statement(&mut self, request: &Request<'_>, frame: &Frame, standing: Standing, now: u64) -> Verdict {
        if let Some(stale) = self.stale_catalog {
            return Verdict::Find(Job::RefreshCatalog { stale });
        }
        let verdict = match request {
            Request::Run { text } => self.handle_run(text, frame, standing, now),
            Request::Prepare { name, text, types } => self.handle_prepare(name, text, types, frame, standing, now),
            Request::Bind { portal, statement, parameters, .. } => {
                self.handle_bind(portal, statement, parameters, frame, standing, now)
            }
            Request::Execute { portal } => self.handle_execute(portal, frame, standing, now),
            Request::RunPrepared { statement, parameters, portal } => {
                self.handle_run_prepared(statement, parameters, *portal, frame, standing, now)
            }
            Request::UseSchema { schema } => self.handle_named(Statement::use_schema, schema, frame, standing, now),
            Request::ListColumns { relation } => {
                self.handle_named(Statement::list_columns, relation, frame, standing, now)
            }
            Request::Reset => self.handle_made(Statement::reset(), b"", frame, standing, now),
            Request::Unsupported { what } => Verdict::Refuse(refusals::unsupported(what, self.world.dialect.codes())),
            Request::Kill { session, statement_only } => {
                self.handle_kill(*session, *statement_only, frame, standing, now)
            }
            Request::Call { .. } => self.handle_call(frame, standing, now),
            // Nothing to be judged; answered above.
            Request::Continue | Request::Quit | Request::SignIn | Request::Describe { .. } => Verdict::Continue(None),
            Request::Close { .. } | Request::Forget { .. } => Verdict::Continue(None),
        };
        match verdict {
            // A refusal is worded for the transaction as it stands, so that has to be known.
            Verdict::Refuse(_) if !standing.drained => Verdict::Drain,
            Verdict::Forward(_) | Verdict::Continue(_) | Verdict::Refuse(_) | Verdict::End { .. } => {
                (self.refreshed, self.asked, self.fresh, self.owned) = (false, false, None, None);
                verdict
            }
            other => other,
        }
    }

    fn handle_run(&mut self, text: &[u8], frame: &Frame, standing: Standing, now: u64) -> Verdict {
        let judged = match self.judge(text, &[], standing, now) {
            Found::Judged(judged) => judged,
            Found::Missing(job) => return Verdict::Find(job),
        };
        let intent = Intent { via: "query", leg: Leg::Run, text, parameters: &[], frame, now };
        if let Some((session, statement_only)) = killed(&judged) {
            match self.owned {
                None => return Verdict::Whose(session),
                Some(true) => return self.end(session, statement_only, &judged, &intent),
                Some(false) => {}
            }
        }
        let verdict = self.settle(&judged, &intent, standing);
        if let Verdict::Forward(passage) = &verdict {
            self.names.drop_unnamed(passage.ticket);
        }
        verdict
    }

    fn handle_prepare(
        &mut self,
        name: &[u8],
        text: &[u8],
        types: &[u32],
        frame: &Frame,
        standing: Standing,
        now: u64,
    ) -> Verdict {
        let judged = match self.judge(text, types, standing, now) {
            Found::Judged(judged) => judged,
            Found::Missing(job) => return Verdict::Find(job),
        };
        if self.names.is_full() {
            return Verdict::Refuse(refusals::too_many_names(self.world.dialect.codes()));
        }
        let Some(kept) = self.names.keep(Bytes::copy_from_slice(text), text.len()) else {
            return Verdict::Refuse(refusals::too_long_names(self.world.dialect.codes()));
        };
        let intent = Intent { via: "prepare", leg: Leg::Prepare, text, parameters: &[], frame, now };
        let verdict = self.settle(&judged, &intent, standing);
        if let Verdict::Forward(passage) = &verdict {
            let (types, mode, judged) = (types.to_vec(), self.settings.mode(), Some(judged));
            let path = PathOf::prepared_under(&self.settings, &*self.world.dialect);
            let prepared = Prepared { text: kept, types, mode, path, judged, body: None };
            self.names.prepare(passage.ticket, name, Arc::new(prepared));
        }
        verdict
    }

    fn handle_bind(
        &mut self,
        portal: &[u8],
        statement: &[u8],
        parameters: &[Parameter<'_>],
        frame: &Frame,
        standing: Standing,
        now: u64,
    ) -> Verdict {
        let Some(prepared) = self.names.statement(statement).cloned() else {
            let absent = Absent::Statement(String::from_utf8_lossy(statement).into());
            return self.handle_absent(&absent, "bind", Leg::Bind, frame, standing, now);
        };
        if self.names.has_no_room_for(portal) {
            return Verdict::Refuse(refusals::too_many_names(self.world.dialect.codes()));
        }
        let judged = match self.judge_again(&prepared, standing, now) {
            Found::Judged(judged) => judged,
            Found::Missing(job) => return Verdict::Find(job),
        };
        let typed: Vec<Parameter<'_>> = prepared.typed(parameters).collect();
        let intent = Intent { via: "execute", leg: Leg::Bind, text: &prepared.text, parameters: &typed, frame, now };
        let verdict = self.settle(&judged, &intent, standing);
        if let Verdict::Forward(passage) = &verdict {
            let bound = Bound { prepared, sequence: passage.permit.sequence(), held: false };
            self.names.bind(passage.ticket, portal, Arc::new(bound));
        }
        verdict
    }

    fn handle_execute(&mut self, portal: &[u8], frame: &Frame, standing: Standing, now: u64) -> Verdict {
        let Some(bound) = self.names.portal(portal).cloned() else {
            let absent = Absent::Portal(String::from_utf8_lossy(portal).into());
            return self.handle_absent(&absent, "execute", Leg::Execute, frame, standing, now);
        };
        // What was judged at Bind is judged again if anything moved since.
        let judged = match self.judge_again(&bound.prepared, standing, now) {
            Found::Judged(judged) => judged,
            Found::Missing(job) => return Verdict::Find(job),
        };
        if let Err(denied) = &judged.outcome {
            let denied = denied.clone();
            let intent =
                Intent { via: "execute", leg: Leg::Execute, text: &bound.prepared.text, parameters: &[], frame, now };
            return self.refuse(&denied, &judged, &intent, standing);
        }
        let ticket = self.take_ticket();
        let flight = Flight::new(ticket, Leg::Execute, Some(judged), bound.sequence, now);
        self.barrier |= flight.is_barrier();
        self.flights.push(flight);
        Verdict::Continue(Some(ticket))
    }

    /// Values for a prepared statement that runs at once.
    fn handle_run_prepared(
        &mut self,
        statement: &[u8],
        parameters: &[Parameter<'_>],
        portal: bool,
        frame: &Frame,
        standing: Standing,
        now: u64,
    ) -> Verdict {
        let Some(prepared) = self.names.statement(statement).cloned() else {
            let absent = Absent::Statement(String::from_utf8_lossy(statement).into());
            return self.handle_absent(&absent, "execute", Leg::Run, frame, standing, now);
        };
        let judged = match self.judge_again(&prepared, standing, now) {
            Found::Judged(judged) => judged,
            Found::Missing(job) => return Verdict::Find(job),
        };
        let intent = Intent { via: "execute", leg: Leg::Run, text: &prepared.text, parameters, frame, now };
        let verdict = self.settle(&judged, &intent, standing);
        if let (Verdict::Forward(passage), true) = (&verdict, portal) {
            let bound = Bound { prepared, sequence: passage.permit.sequence(), held: true };
            self.names.bind(passage.ticket, statement, Arc::new(bound));
        }
        verdict
    }

    /// A request that names one thing and has no text.
    fn handle_named(
        &mut self,
        make: fn(&str) -> Statement,
        name: &[u8],
        frame: &Frame,
        standing: Standing,
        now: u64,
    ) -> Verdict {
        match std::str::from_utf8(name) {
            Ok(text) => self.handle_made(make(text), name, frame, standing, now),
            Err(_) => Verdict::Refuse(refusals::not_analysed(&NotAnalysed::NotText, name, self.world.dialect.codes())),
        }
    }

    /// A request whose meaning needs no analysis.
    fn handle_made(
        &mut self,
        statement: Statement,
        name: &[u8],
        frame: &Frame,
        standing: Standing,
        now: u64,
    ) -> Verdict {
        // What names no relation means the same whatever the answer.
        let names = |effect: &Effect| matches!(effect.target, Target::Relation(_));
        if let Some(question) = self.question(standing).filter(|_| statement.effects.iter().any(names)) {
            return Verdict::Find(question);
        }
        let text = [statement.kind.as_str().as_bytes(), b" ", name].concat();
        let statement = Statement { span: 0..text.len(), ..statement };
        let judged = self.decide(Arc::from([statement]), Box::default(), now);
        if judged.outcome.as_ref().is_err_and(|denied| denied.absent) && !self.refreshed {
            return Verdict::Find(Job::RefreshCatalog { stale: self.world.catalog.epoch() });
        }
        let intent = Intent { via: "command", leg: Leg::Run, text: text.trim_ascii_end(), parameters: &[], frame, now };
        self.settle(&Arc::new(judged), &intent, standing)
    }

    /// KILL as a command of its own.
    fn handle_kill(
        &mut self,
        session: u64,
        statement_only: bool,
        frame: &Frame,
        standing: Standing,
        now: u64,
    ) -> Verdict {
        let Some(own) = self.owned else { return Verdict::Whose(session) };
        let made = Statement { span: 0..0, ..Statement::kill(session, statement_only) };
        let judged = Arc::new(self.decide(Arc::from([made]), Box::default(), now));
        let text = format!("KILL {session}");
        let intent = Intent { via: "command", leg: Leg::Run, text: text.as_bytes(), parameters: &[], frame, now };
        match own {
            true => self.end(session, statement_only, &judged, &intent),
            false => self.settle(&judged, &intent, standing),
        }
    }

    /// One's own session is one's own to end, whatever policy says of others'.
    fn end(&mut self, session: u64, statement_only: bool, judged: &Judged, intent: &Intent<'_>) -> Verdict {
        let (entry, digest) = (self.next_statement, *Sealed::new(intent.frame.clone()).digest());
        self.intend(judged, intent, "own session", &mut |recorder, intention| {
            recorder.intend(intention, digest, intent.now);
        });
        let outcome = recording::Outcome {
            state: recording::OutcomeState::Completed,
            note: "done by the gateway",
            ..recording::Outcome::default()
        };
        self.recorder.outcome(entry, &outcome, intent.now);
        self.totals.allowed = self.totals.allowed.saturating_add(1);
        Verdict::End { session, statement_only }
    }

    /// What has to be asked before names mean anything.
    fn question(&self, standing: Standing) -> Option<Job> {
        let unknown = self.settings.has_question() && !self.asked && standing.may_ask;
        unknown.then(|| Job::Ask(self.world.dialect.path_question().into()))
    }

    /// A function called by number: its effects are not known from any text.
    fn handle_call(&mut self, frame: &Frame, standing: Standing, now: u64) -> Verdict {
        let refusal = refusals::call(self.world.dialect.codes());
        let judged = Arc::new(judge::opaque(refusal, &self.sliced.slice, self.circumstances(now), false));
        let text = b"-- function call by object id".as_slice();
        let intent = Intent { via: "function call", leg: Leg::Call, text, parameters: &[], frame, now };
        self.settle(&judged, &intent, standing)
    }

    /// A name that this session did not make by any way that was seen.
    fn handle_absent(
        &mut self,
        absent: &Absent,
        via: &'static str,
        leg: Leg,
        frame: &Frame,
        standing: Standing,
        now: u64,
    ) -> Verdict {
        let refusal = refusals::absent(absent, self.world.dialect.codes());
        let judged = Arc::new(judge::opaque(refusal, &self.sliced.slice, self.circumstances(now), true));
        let text = b"-- a name that was not made in this session".as_slice();
        self.settle(&judged, &Intent { via, leg, text, parameters: &[], frame, now }, standing)
    }

    /// Records what was decided and says it.
    fn settle(&mut self, judged: &Arc<Judged>, intent: &Intent<'_>, standing: Standing) -> Verdict {
        match &judged.outcome {
            Ok(allowed) => self.allow(allowed, judged, intent),
            Err(denied) => self.refuse(denied, judged, intent, standing),
        }
    }

    fn allow(&mut self, allowed: &Allowed, judged: &Arc<Judged>, intent: &Intent<'_>) -> Verdict {
        let frame = Sealed::new(intent.frame.clone());
        let digest = *frame.digest();
        let first = self.next_statement;
        let rule = allowed.rules().first().map_or("", String::as_str);
        self.intend(judged, intent, rule, &mut |recorder, intention| {
            recorder.intend(intention, digest, intent.now);
        });
        let ticket = self.take_ticket();
        let flight = Flight::new(ticket, intent.leg, Some(judged.clone()), first, intent.now);
        self.barrier |= flight.is_barrier();
        self.flights.push(flight);
        self.totals.allowed = self.totals.allowed.saturating_add(1);
        Verdict::Forward(Passage { frame, permit: allowed.permit(self.facts.id, first, digest), ticket })
    }

    fn refuse(&mut self, denied: &Denied, judged: &Arc<Judged>, intent: &Intent<'_>, standing: Standing) -> Verdict {
        if standing.drained {
            let refusal = recording::Refusal {
                rule: denied.rule.as_deref().unwrap_or_default(),
                hint: denied.refusal.hint.as_deref().unwrap_or_default(),
                reason: &denied.refusal.message,
            };
            self.intend(judged, intent, "", &mut |recorder, intention| {
                recorder.refused(intention, &refusal, intent.now);
            });
            self.totals.refused = self.totals.refused.saturating_add(1);
        }
        let refusal = denied.refusal.clone();
        Verdict::Refuse(match denied.by_policy {
            true => refusals::with_how_to_ask(refusal, self.facts.id),
            false => refusal,
        })
    }

    /// Queues an entry for each statement of the text.
    fn intend(
        &mut self,
        judged: &Judged,
        intent: &Intent<'_>,
        rule: &str,
        record: &mut dyn FnMut(&mut recording::Recorder, &recording::Intention<'_>),
    ) {
        let objects: Vec<recording::Object<'_>> =
            judged.objects.iter().map(|(effect, name)| recording::Object { effect, name }).collect();
        let secret = judged.statements.iter().any(|statement| !statement.secrets.is_empty());
        let parameters: Vec<recording::Parameter<'_>> = intent
            .parameters
            .iter()
            .map(|parameter| recording::Parameter {
                type_id: parameter.type_code,
                format: u8::from(parameter.format == Format::Binary),
                value: parameter.value.as_deref(),
                elide: secret,
            })
            .collect();
        for part in 0..judged.statements.len().max(1) {
            let (text, elided) = part_of(&judged.statements, part, intent.text);
            let intention = recording::Intention {
                statement: self.next_statement,
                via: intent.via,
                original: text,
                elided: &elided,
                parameters: &parameters,
                objects: &objects,
                rule,
                ..recording::Intention::default()
            };
            record(&mut self.recorder, &intention);
            self.next_statement = self.next_statement.saturating_add(1);
        }
    }

    /// A prepared statement is judged again only if something moved.
    ///
    /// EVASION: a name that meant a temporary table at the preparation, and means one again where the session is by then, while
    /// the server has kept the schema (test `a_prepared_statement_is_judged_in_the_schema_of_its_preparation`).
    fn judge_again(&mut self, prepared: &Prepared, standing: Standing, now: u64) -> Found {
        let holds = |judged: &&Arc<Judged>| judged.cacheable && judged.scope == Some(self.scope);
        if let Some(judged) = prepared.judged.as_ref().filter(holds)
            && !self.settings.is_doubted()
        {
            return Found::Judged(judged.clone());
        }
        if let Some(found) = self.unsound(&prepared.text, standing, now) {
            return found;
        }
        if prepared.mode != self.settings.mode() {
            return self.for_those_who_may_anything(refusals::prepared_otherwise(self.world.dialect.codes()), now);
        }
        match &prepared.body {
            Some(body) => {
                let statements = Arc::from([(**body).clone()]);
                Found::Judged(Arc::new(self.decide(statements, Box::new([prepared.path.clone()]), now)))
            }
            None => self.judge_in(&prepared.path, &prepared.text, &prepared.types, standing, now),
        }
    }

    /// What stands in the way of judging a text.
    fn unsound(&self, text: &[u8], standing: Standing, now: u64) -> Option<Found> {
        // A question would overwrite what the last statement left, and its answer means nothing to who reads only that.
        let waits = self.settings.has_question() && self.settings.was_readable();
        if waits && self.world.dialect.reads_last_outcome(text) {
            return None;
        }
        if let Some(question) = self.question(standing) {
            return Some(Found::Missing(question));
        }
        let refusal = || refusals::unreadable(self.world.dialect.codes());
        (!self.settings.is_readable()).then(|| self.for_those_who_may_anything(refusal(), now))
    }

    /// What is not understood. Where something is masked from the principal, it may not be done at all.
    fn for_those_who_may_anything(&self, refusal: Refusal, now: u64) -> Found {
        let circumstances = self.circumstances(now);
        Found::Judged(Arc::new(match circumstances.masked {
            true => judge::closed(refusal),
            false => judge::opaque(refusal, &self.sliced.slice, circumstances, false),
        }))
    }

    /// What is decided on `text` here and now.
    fn judge(&mut self, text: &[u8], types: &[u32], standing: Standing, now: u64) -> Found {
        self.judge_in(&PathOf::Session, text, types, standing, now)
    }

    /// What is decided on `text` here and now, where its names are looked up in this path.
    fn judge_in(&mut self, path: &PathOf, text: &[u8], types: &[u32], standing: Standing, now: u64) -> Found {
        if let Some(found) = self.unsound(text, standing, now) {
            return found;
        }
        let analysed = self.key_of(text, types);
        // Decisions are kept for the path of their scope, which is the session's.
        let elsewhere = path.other_than(self.settings.path()).is_some();
        if let Some(judged) = self.world.cache.decision(self.scope, &self.key).filter(|_| !elsewhere) {
            return Found::Judged(judged);
        }
        let statements = match self.analysis(text, analysed) {
            Ok(Ok(statements)) => statements,
            Ok(Err(_)) if self.masking.is_on() && self.world.dialect.hides_results(self.settings.mode()) => {
                let refusal = refusals::closes_results(self.world.dialect.codes());
                return Found::Judged(Arc::new(judge::closed(refusal)));
            }
            Ok(Err(why)) => {
                let circumstances = self.circumstances(now);
                return Found::Judged(Arc::new(judge::not_analysed(
                    &why,
                    text,
                    &self.world,
                    &self.sliced.slice,
                    circumstances,
                )));
            }
            Err(job) => return Found::Missing(job),
        };
        let Expanded { statements, paths, by_name } = self.expand(statements, path);
        let mut judged = self.decide(statements, paths, now);
        judged.scope = Some(self.scope);
        judged.cacheable &= !by_name && !elsewhere;
        if judged.outcome.as_ref().is_err_and(|denied| denied.absent) && !self.refreshed {
            return Found::Missing(Job::RefreshCatalog { stale: self.world.catalog.epoch() });
        }
        let judged = Arc::new(judged);
        if judged.cacheable {
            self.world.cache.keep_decision(self.scope, &self.key, judged.clone());
        }
        Found::Judged(judged)
    }

    fn decide(&self, statements: Arc<[Statement]>, paths: Box<[PathOf]>, now: u64) -> Judged {
        judge::decide(statements, paths, &self.settings, &self.world, &self.sliced.slice, self.circumstances(now))
    }

    /// Fills in the cache key; returns the length of the part that the analysis depends on.
    fn key_of(&mut self, text: &[u8], types: &[u32]) -> usize {
        self.key.clear();
        // EVASION: a text must not be taken for another one with types behind it, so what follows the text is told by
        // the key's last bytes (test `a_text_is_never_taken_for_another_with_types`).
        // Statements of one text are recorded apart, by their places, so a text of several is only ever itself.
        let body = text.trim_ascii_end();
        let several = body.iter().rposition(|&byte| byte == b';').is_some_and(|at| {
            at.saturating_add(1) < body.len() || body.get(..at).is_some_and(|rest| rest.contains(&b';'))
        });
        if several {
            self.key.extend_from_slice(text);
        } else {
            self.world.dialect.key(text, self.settings.mode(), &mut self.key);
        }
        self.key.push(u8::from(several));
        let analysed = self.key.len();
        types.iter().for_each(|code| self.key.extend_from_slice(&code.to_be_bytes()));
        self.key.extend_from_slice(&(types.len() as u64).to_be_bytes());
        analysed
    }

    fn analysis(&mut self, text: &[u8], analysed: usize) -> Result<Result<Arc<[Statement]>, NotAnalysed>, Job> {
        let key = self.key.get(..analysed).unwrap_or_default();
        let mode = self.settings.mode();
        if let Some(known) = self.world.cache.analysis(mode.0, key) {
            return Ok(Ok(known));
        }
        match self.fresh.take() {
            Some((of, analysis)) if *of == *text => {
                if let Ok(statements) = &analysis {
                    self.world.cache.keep_analysis(mode.0, key, statements.clone());
                }
                // It may be asked for again before the verdict is given.
                self.fresh = Some((of, analysis.clone()));
                Ok(analysis)
            }
            _ => Err(Job::Analyse { text: Bytes::copy_from_slice(text), mode }),
        }
    }
}

/// The session that a text is there to kill, where it does nothing else and names it.
fn killed(judged: &Judged) -> Option<(u64, bool)> {
    let [only] = &*judged.statements else { return None };
    let [SessionChange::Kill { session, statement_only }] = &only.session[..] else { return None };
    session.map(|session| (session, *statement_only))
}

/// The text of one statement of several, and its secrets counted from its own start.
fn part_of<'t>(statements: &[Statement], part: usize, text: &'t [u8]) -> (&'t [u8], Vec<std::ops::Range<usize>>) {
    let Some(statement) = statements.get(part) else { return (text, Vec::new()) };
    if statements.len() == 1 {
        return (text, statement.secrets.clone());
    }
    let Some(own) = text.get(statement.span.clone()) else { return (text, Vec::new()) };
    let start = statement.span.start;
    let secrets = statement.secrets.iter().map(|secret| {
        secret.start.saturating_sub(start).min(own.len())..secret.end.saturating_sub(start).min(own.len())
    });
    (own, secrets.collect())
}
