//! What one SQL statement does, in terms that no dialect owns.
//!
//! An analyser of a dialect fills these in; policy, masking and the session's state read them. The promise is one-sided: effects are
//! complete, or one of them is [`Action::Unknown`]; a name may be listed that the server never reaches, never the reverse.
//! Names are folded and truncated as the server does; they are not resolved here, see [`crate::catalog`].

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::ops::{BitOr, BitOrAssign, Range};

use crate::error::NotAnalysed;
use crate::limits::Limits;
use crate::session::SessionChange;

/// What is done to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Rows are read.
    Select,
    /// Rows are added.
    Insert,
    /// Rows are changed.
    Update,
    /// Rows are removed.
    Delete,
    /// All rows are removed.
    Truncate,
    /// A definition is made, changed or removed.
    Ddl,
    /// Rights are given, taken or their holders changed.
    Grant,
    /// Rows come in by COPY.
    CopyIn,
    /// Rows go out by COPY.
    CopyOut,
    /// A procedure is called.
    Call,
    /// A setting of the session is changed.
    Set,
    /// Notifications are listened to or sent.
    Listen,
    /// Rows or relations are locked by request.
    Lock,
    /// The server itself is managed, or its files and programs are reached.
    Admin,
    /// What happens is not known: never permitted where anything is masked.
    Unknown,
}

impl Action {
    /// The name that policies use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Truncate => "truncate",
            Self::Ddl => "ddl",
            Self::Grant => "grant",
            Self::CopyIn => "copy_in",
            Self::CopyOut => "copy_out",
            Self::Call => "call",
            Self::Set => "set",
            Self::Listen => "listen",
            Self::Lock => "lock",
            Self::Admin => "admin",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name as written, folded and truncated as the server does it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The database, when named.
    pub catalog: Option<Box<str>>,
    /// The schema, when named.
    pub schema: Option<Box<str>>,
    /// The object itself.
    pub name: Box<str>,
}

impl Name {
    /// A name without a schema.
    pub fn bare(name: &str) -> Self {
        Self { catalog: None, schema: None, name: name.into() }
    }

    /// A name in a schema.
    pub fn qualified(schema: &str, name: &str) -> Self {
        Self { catalog: None, schema: Some(schema.into()), name: name.into() }
    }

    /// Whether the name says its schema.
    pub fn is_qualified(&self) -> bool {
        self.schema.is_some()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.catalog, &self.schema].into_iter().flatten() {
            write!(f, "{part}.")?;
        }
        f.write_str(&self.name)
    }
}

/// What an effect falls upon.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A table, view, sequence, index: anything that lives among relations.
    Relation(Name),
    /// A function, procedure or aggregate.
    Function(Name),
    /// A setting of the session.
    Setting(Box<str>),
    /// A schema.
    Schema(Box<str>),
    /// The upstream itself.
    Session,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relation(name) => write!(f, "{name}"),
            Self::Function(name) => write!(f, "{name}()"),
            Self::Setting(name) => write!(f, "@{name}"),
            Self::Schema(name) => write!(f, "{name}.*"),
            Self::Session => f.write_str("*"),
        }
    }
}

/// The columns of a relation that an effect can reach.
///
/// A named column that the relation does not have may be a call in disguise (`t.f` is `f(t)`): then the whole row is reached,
/// see [`crate::catalog::Relation::reached`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Columns {
    /// Any of them.
    All,
    /// At most these.
    Named(BTreeSet<Box<str>>),
}

impl Columns {
    /// No column at all, as in `count(*)`.
    pub fn none() -> Self {
        Self::Named(BTreeSet::new())
    }

    /// Adds one name.
    pub fn add(&mut self, name: &str) {
        if let Self::Named(names) = self
            && !names.contains(name)
        {
            names.insert(name.into());
        }
    }

    /// Adds all columns of another list.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Named(ours), Self::Named(theirs)) => ours.extend(theirs.iter().cloned()),
            _ => *self = Self::All,
        }
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Named(names) => f.write_str(&names.iter().map(|n| &**n).collect::<Vec<_>>().join(",")),
        }
    }
}

/// One thing that a statement does to one target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Effect {
    /// What is done.
    pub action: Action,
    /// To what.
    pub target: Target,
    /// The columns read or written, as far as the text tells.
    pub columns: Columns,
    /// Columns that a top-level AND term of WHERE compares with a constant or a parameter by `=`, IN or `= ANY`.
    pub where_equals: Vec<Box<str>>,
    /// Those of them whose constant may be a number, which to some servers equals many texts.
    pub where_numbers: Vec<Box<str>>,
    /// Whether the rows are limited by a WHERE (or ON) at all.
    pub has_where: bool,
    /// The name may stand for something of the statement's own: where no relation is called so, there is no such effect.
    pub if_exists: bool,
}

impl Effect {
    /// An effect on a whole target.
    pub fn new(action: Action, target: Target) -> Self {
        let (where_equals, where_numbers) = (Vec::new(), Vec::new());
        Self { action, target, columns: Columns::All, where_equals, where_numbers, has_where: false, if_exists: false }
    }

    /// Joins another effect of the same action and target: what holds afterwards holds for both.
    pub fn merge(&mut self, other: &Self) {
        self.columns.merge(&other.columns);
        let theirs: HashSet<&str> = other.where_equals.iter().map(|column| &**column).collect();
        self.where_equals.retain(|column| theirs.contains(&**column));
        let ours: HashSet<Box<str>> = self.where_numbers.iter().cloned().collect();
        self.where_numbers.extend(other.where_numbers.iter().filter(|column| !ours.contains(*column)).cloned());
        self.has_where &= other.has_where;
        self.if_exists &= other.if_exists;
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.target)?;
        match (&self.target, &self.columns) {
            (Target::Relation(_), columns) => write!(f, "({columns})")?,
            (_, Columns::All) => {}
            (_, columns) => write!(f, "({columns})")?,
        }
        if self.has_where {
            write!(f, " where[{}]", self.where_equals.join(","))?;
        }
        if self.if_exists {
            f.write_str(" if exists")?;
        }
        Ok(())
    }
}

/// What must be known before what follows can be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Barrier(u16);

impl Barrier {
    /// Nothing that follows changes its meaning.
    pub const NONE: Self = Self(0);
    /// Settings may have changed.
    pub const SETTINGS: Self = Self(1);
    /// Names may mean other objects.
    pub const CATALOG: Self = Self(2);
    /// A transaction begins, ends or falls back: settings, objects and statements may return to what they were.
    pub const TRANSACTION: Self = Self(4);
    /// A name of a prepared statement or portal means something else.
    pub const PREPARED: Self = Self(8);
    /// Temporary objects come or go.
    pub const TEMPORARY: Self = Self(16);
    /// Anything may have happened.
    pub const UNKNOWN: Self = Self(32);

    /// Whether all of `other` is in this.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is no barrier.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Barrier {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Barrier {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::SETTINGS, "settings"),
            (Self::CATALOG, "catalog"),
            (Self::TRANSACTION, "transaction"),
            (Self::PREPARED, "prepared"),
            (Self::TEMPORARY, "temporary"),
            (Self::UNKNOWN, "unknown"),
        ];
        let held: Vec<_> = names.into_iter().filter(|(bit, _)| self.contains(*bit)).map(|(_, name)| name).collect();
        f.write_str(&held.join("+"))
    }
}

/// The way rows stream in COPY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CopyDirection {
    /// From the client.
    In,
    /// To the client.
    Out,
}

/// The verb of a statement, for people: logs, records, `policy explain`. Decisions rest on effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub(crate) &'static str);

impl Kind {
    /// The verb in capitals, such as `SELECT` or `CREATE TABLE`.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One statement of a text, analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it stands in the text, in bytes.
    pub span: Range<usize>,
    /// Its verb.
    pub kind: Kind,
    /// What it does, complete unless one of them is [`Action::Unknown`]; one for each action and target, in order.
    pub effects: Vec<Effect>,
    /// Every function called by name, also as aggregate, in FROM, and as syntax (`json_value`).
    pub functions: Vec<Name>,
    /// Names after a dot that are calls where the relation has no such column (`t.f` is `f(t)`).
    pub attributes: Vec<Box<str>>,
    /// Operators that are written with a schema, or are not PostgreSQL's own.
    pub operators: Vec<Name>,
    /// Unqualified operators with a name of PostgreSQL's own; only a catalog knows whether the session has others of that name.
    pub builtin_operators: Vec<Box<str>>,
    /// Types that are not PostgreSQL's own.
    pub types: Vec<Name>,
    /// The highest `$n`.
    pub parameters: u16,
    /// What must be known before later statements are judged.
    pub barrier: Barrier,
    /// Changes of the session's state, in order.
    pub session: Vec<SessionChange>,
    /// Byte ranges of the text that hold passwords or the like; never recorded.
    pub secrets: Vec<Range<usize>>,
    /// Tags of a sqlcommenter comment, decoded.
    pub tags: Vec<(String, String)>,
    /// The COPY sub-protocol that it opens.
    pub copy: Option<CopyDirection>,
}

impl Statement {
    /// A statement that does nothing yet.
    pub fn new(kind: Kind, span: Range<usize>) -> Self {
        Self {
            span,
            kind,
            effects: Vec::new(),
            functions: Vec::new(),
            attributes: Vec::new(),
            operators: Vec::new(),
            builtin_operators: Vec::new(),
            types: Vec::new(),
            parameters: 0,
            barrier: Barrier::NONE,
            session: Vec::new(),
            secrets: Vec::new(),
            tags: Vec::new(),
            copy: None,
        }
    }

    /// A request without text: unqualified names are looked up in `schema` from now on.
    pub fn use_schema(schema: &str) -> Self {
        let change = SessionChange::SetSearchPath { schemas: Some(vec![schema.into()]), local: false };
        let effects = vec![Effect::new(Action::Set, Target::Schema(schema.into()))];
        Self { effects, session: vec![change], barrier: Barrier::SETTINGS, ..Self::new(Kind("USE"), 0..0) }
    }

    /// A request without text: the columns of a relation are listed, with their defaults.
    pub fn list_columns(relation: &str) -> Self {
        let target = Target::Relation(Name::bare(relation));
        Self { effects: vec![Effect::new(Action::Select, target)], ..Self::new(Kind("SHOW COLUMNS"), 0..0) }
    }

    /// A request without text: a session is to be ended, or what it runs.
    pub fn kill(session: u64, statement_only: bool) -> Self {
        let change = SessionChange::Kill { session: Some(session), statement_only };
        let effects = vec![Effect::new(Action::Admin, Target::Session)];
        Self { effects, session: vec![change], ..Self::new(Kind("KILL"), 0..0) }
    }

    /// A request without text: the session's state goes back to what it was at the sign-in.
    pub fn reset() -> Self {
        let changes =
            vec![SessionChange::Rollback { chain: false }, SessionChange::Discard(crate::session::Discarded::All)];
        let barrier = Barrier::SETTINGS | Barrier::TRANSACTION | Barrier::PREPARED | Barrier::TEMPORARY;
        Self { session: changes, barrier, ..Self::new(Kind("RESET CONNECTION"), 0..0) }
    }

    /// Whether some effect is not known.
    pub fn is_opaque(&self) -> bool {
        self.effects.iter().any(|effect| effect.action == Action::Unknown)
    }

    /// EXECUTE with the statement that its name stands for: the unknown effect gives way to what `prepared` does.
    pub fn expanded(mut self, prepared: &Self) -> Self {
        self.effects.retain(|effect| !(effect.action == Action::Unknown && effect.target == Target::Session));
        self.effects.extend(prepared.effects.iter().cloned());
        // Its barrier was for not knowing; calls in its own arguments still count.
        if self.functions.is_empty() {
            self.barrier = Barrier(self.barrier.0 & !Barrier::UNKNOWN.0);
        }
        self.functions.extend(prepared.functions.iter().cloned());
        self.attributes.extend(prepared.attributes.iter().cloned());
        self.operators.extend(prepared.operators.iter().cloned());
        self.builtin_operators.extend(prepared.builtin_operators.iter().cloned());
        self.types.extend(prepared.types.iter().cloned());
        self.session.extend(prepared.session.iter().cloned());
        self.barrier |= prepared.barrier;
        self.copy = self.copy.or(prepared.copy);
        self.tidy();
        self
    }

    /// The statement, unless policy would have more to decide on than the limit.
    pub(crate) fn bounded(self, limits: &Limits) -> Result<Self, NotAnalysed> {
        let names = [self.functions.len(), self.operators.len(), self.builtin_operators.len(), self.attributes.len()];
        let asked = names.into_iter().fold(self.effects.len(), usize::saturating_add);
        if asked > usize::from(limits.effects) { Err(NotAnalysed::TooComplex("effects")) } else { Ok(self) }
    }

    /// Joins effects of the same action and target, and drops repeated names.
    pub(crate) fn tidy(&mut self) {
        let mut joined: Vec<Effect> = Vec::with_capacity(self.effects.len());
        let mut places: HashMap<(Action, Target), usize> = HashMap::with_capacity(self.effects.len());
        for effect in self.effects.drain(..) {
            let place = *places.entry((effect.action, effect.target.clone())).or_insert(joined.len());
            match joined.get_mut(place) {
                Some(same) => same.merge(&effect),
                None => joined.push(effect),
            }
        }
        self.effects = joined;
        sort(&mut self.functions);
        sort(&mut self.attributes);
        sort(&mut self.operators);
        sort(&mut self.builtin_operators);
        sort(&mut self.types);
    }
}

fn sort<T: Ord>(names: &mut Vec<T>) {
    names.sort();
    names.dedup();
}
