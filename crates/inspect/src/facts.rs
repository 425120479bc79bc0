//! From effects and a catalog to the requests that policy decides.
//!
//! One request for each effect and resource. A view stands for itself and for all it reads; a partition for the table it
//! is part of; a table for what inherits from it. A name that does not resolve is a request for `unknown`, and remembers
//! what the server would say, so that a refusal can say the same.

use std::collections::BTreeSet;

use portcullis_policy::Action as Ask;
use portcullis_policy::Resource;
use portcullis_sql::catalog::{Catalog, Oid, Reach, Relation, RelationKind, Resolution, SearchPath};
use portcullis_sql::dialect::{Dialect, Mode, SettingClass};
use portcullis_sql::session::{SessionChange, SettingValue};
use portcullis_sql::statement::{Action, Effect, Name, Statement, Target};

use crate::once::Once;

/// What a request is about, owning its names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Upstream,
    Schema(Box<str>),
    Table(Box<str>, Box<str>),
    Function(Box<str>, Box<str>),
}

impl What {
    pub(crate) fn resource(&self) -> Resource<'_> {
        match self {
            Self::Upstream => Resource::Upstream,
            Self::Schema(schema) => Resource::Schema(schema),
            Self::Table(schema, table) => Resource::Table { schema, table },
            Self::Function(schema, name) => Resource::Function { schema, name },
        }
    }
}

/// What the server itself would say, were the statement to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Absent {
    Relation(Name),
    Function(Name),
    Statement(Box<str>),
    Portal(Box<str>),
    /// That something unqualified would go to.
    Schema,
}

/// One request for policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub(crate) action: Ask,
    pub(crate) what: What,
    pub(crate) columns: Vec<String>,
    pub(crate) selective: bool,
    pub(crate) absent: Option<Absent>,
}

impl Wanted {
    fn new(action: Ask, what: What) -> Self {
        Self { action, what, columns: Vec::new(), selective: false, absent: None }
    }

    /// What touches nothing (`SELECT 1`, `BEGIN`) needs no more than the session itself.
    pub(crate) fn connect() -> Self {
        Self::new(Ask::Connect, What::Upstream)
    }

    /// A request that only those who may do anything are granted.
    pub(crate) fn unknown(absent: Option<Absent>) -> Self {
        Self { absent, ..Self::new(Ask::Unknown, What::Upstream) }
    }
}

/// What names mean to one session now.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'w> {
    pub(crate) catalog: &'w Catalog,
    pub(crate) dialect: &'w dyn Dialect,
    pub(crate) path: Option<&'w SearchPath>,
    pub(crate) temporary: &'w BTreeSet<Box<str>>,
    /// Names that may mean a temporary relation, or no longer.
    pub(crate) lost: &'w BTreeSet<Box<str>>,
    pub(crate) mode: Mode,
    /// Whether the session made definitions that the catalog does not show yet.
    pub(crate) uncommitted: bool,
    /// Whether the session has the role in which the catalog was read.
    pub(crate) own_role: bool,
}

impl Facts<'_> {
    /// Every request of `statement`, each once.
    pub(crate) fn wanted(&self, statement: &Statement) -> Vec<Wanted> {
        let mut wanted = Once::new();
        let mut add = |new: Wanted| wanted.add(new);
        for effect in &statement.effects {
            self.effect(effect, statement, &mut add);
        }
        for name in &statement.functions {
            self.function(name, &mut add);
        }
        self.hidden_calls(statement, &mut add);
        for change in &statement.session {
            self.change(change, &mut add);
        }
        wanted.into_vec()
    }

    fn effect(&self, effect: &Effect, statement: &Statement, add: &mut dyn FnMut(Wanted)) {
        let action = ask(effect.action);
        match &effect.target {
            Target::Relation(name) => self.relation(effect, name, statement, add),
            Target::Function(name) if effect.action == Action::Call => self.called(name, add),
            Target::Function(name) => add(self.placed(action, name, What::Function)),
            // What a setting is worth is decided with its value, below.
            Target::Setting(_) if effect.action == Action::Set => {}
            Target::Setting(_) | Target::Session => add(Wanted::new(action, What::Upstream)),
            // What is the default already may be named so again: drivers do.
            Target::Schema(schema)
                if effect.action == Action::Set && self.path.and_then(SearchPath::first) == Some(&**schema) => {}
            Target::Schema(schema) => add(Wanted::new(action, What::Schema(schema.clone()))),
        }
    }

    /// A request for what the catalog does not show, in the schema that it says or would be made in.
    fn placed(&self, action: Ask, name: &Name, make: fn(Box<str>, Box<str>) -> What) -> Wanted {
        match name.schema.as_deref().or_else(|| self.creation_schema()) {
            Some(schema) => Wanted::new(action, make(schema.into(), name.name.clone())),
            None => Wanted::unknown(Some(Absent::Schema)),
        }
    }

    /// Where an unqualified new object would go: the first schema of the path that exists.
    ///
    /// EVASION: what goes to a schema that the catalog does not know is in none that a policy names
    /// (test `what_is_defined_without_a_known_schema_is_never_in_a_schema_without_a_name`).
    fn creation_schema(&self) -> Option<&str> {
        let path = self.path?;
        if self.dialect.has_one_default_schema() {
            return path.first();
        }
        // What the session's own transaction made, the catalog cannot show.
        self.catalog.creation_schema(path).or_else(|| path.first().filter(|_| self.uncommitted))
    }

    fn relation(&self, effect: &Effect, name: &Name, statement: &Statement, add: &mut dyn FnMut(Wanted)) {
        let defines = matches!(effect.action, Action::Ddl | Action::Grant);
        match self.resolve(name) {
            // Either the temporary relation is still there, or what stood behind it (asked for here), or nothing.
            Resolution::Unknown if !name.is_qualified() && self.lost.contains(&name.name) && !defines => {}
            Resolution::Relation(relation) => self.known(effect, relation, statement, add),
            Resolution::Temporary => {}
            Resolution::Unknown if effect.if_exists && self.knows_all_there_is(name) => {}
            Resolution::Unknown if defines || self.uncommitted => {
                add(self.placed(ask(effect.action), name, What::Table));
            }
            Resolution::Unknown => add(Wanted::unknown(Some(Absent::Relation(name.clone())))),
        }
    }

    /// Whether a name that the catalog does not know is no relation's.
    ///
    /// EVASION: in a schema that the catalog does not show, or in a role that sees more, it may be one
    /// (test `what_may_be_a_relation_is_none_only_where_the_catalog_tells`).
    fn knows_all_there_is(&self, name: &Name) -> bool {
        let shown = |path: &SearchPath| path.first().is_none_or(|schema| self.catalog.has_schema(schema));
        !name.is_qualified() && self.own_role && !self.uncommitted && self.path.is_some_and(shown)
    }

    fn resolve(&self, name: &Name) -> Resolution<'_> {
        if self.dialect.temporaries_have_schemas()
            && temporary_key(name, self.path).is_some_and(|key| self.temporary.contains(&key))
        {
            return Resolution::Temporary;
        }
        match (self.path, &name.schema) {
            (Some(path), _) => self.catalog.resolve(name, path, self.temporary),
            (None, Some(_)) => self.catalog.resolve(name, &SearchPath::new([], ""), self.temporary),
            (None, None) => Resolution::Unknown,
        }
    }

    fn known(&self, effect: &Effect, relation: &Relation, statement: &Statement, add: &mut dyn FnMut(Wanted)) {
        let action = ask(effect.action);
        let columns = match relation.reached(&effect.columns, &statement.attributes) {
            Reach::All => relation.columns.iter().map(|column| column.name.to_string()).collect(),
            Reach::Columns(columns) => columns.iter().map(|column| column.name.to_string()).collect(),
        };
        let selective = self.catalog.is_selective(relation, effect);
        let what = What::Table(relation.schema.clone(), relation.name.clone());
        add(Wanted { columns, selective, ..Wanted::new(action, what) });
        for oid in self.stands_for(relation) {
            let Some(other) = self.catalog.relation(oid) else {
                // EVASION: a view whose definition is not shown may read anything.
                add(Wanted::unknown(None));
                continue;
            };
            let what = What::Table(other.schema.clone(), other.name.clone());
            let columns = other.columns.iter().map(|column| column.name.to_string()).collect();
            add(Wanted { columns, selective, ..Wanted::new(action, what) });
        }
    }

    /// What is reached through `relation`: what a view reads, what a partition is part of, what inherits from a table.
    fn stands_for(&self, relation: &Relation) -> BTreeSet<Oid> {
        let mut found = relation.depends_on.clone();
        let mut open: Vec<Oid> = found.iter().copied().chain([relation.oid]).collect();
        while let Some(oid) = open.pop() {
            let Some(next) = self.catalog.relation(oid) else { continue };
            // A partition's own policy is its table's; a thousand of them are not asked one by one.
            let children = next.children.iter().filter(|_| next.kind != RelationKind::Partitioned);
            for other in next.parents.iter().chain(children) {
                if *other != relation.oid && found.insert(*other) {
                    open.push(*other);
                }
            }
        }
        found
    }

    /// A function named in an expression.
    fn function(&self, name: &Name, add: &mut dyn FnMut(Wanted)) {
        let shadowed = match self.path {
            Some(path) => self.catalog.has_user_function(name, path),
            None => name.schema.is_none() || self.catalog.has_user_function(name, &SearchPath::new([], "")),
        };
        if shadowed || !self.dialect.is_pure_builtin(name) {
            self.called(name, add);
        }
    }

    /// A call that policy decides: every function that the name may mean.
    fn called(&self, name: &Name, add: &mut dyn FnMut(Wanted)) {
        let mut schemas: BTreeSet<&str> = BTreeSet::new();
        for function in self.catalog.functions(&name.name) {
            if name.schema.as_deref().is_none_or(|schema| *schema == *function.schema) {
                schemas.insert(&function.schema);
            }
        }
        if schemas.is_empty() && self.uncommitted {
            add(self.placed(Ask::Call, name, What::Function));
        } else if schemas.is_empty() {
            add(Wanted::unknown(Some(Absent::Function(name.clone()))));
        }
        for schema in schemas {
            add(Wanted::new(Ask::Call, What::Function(schema.into(), name.name.clone())));
        }
    }

    /// Operators that are the session's own rather than the server's, and `t.f` that is `f(t)`.
    fn hidden_calls(&self, statement: &Statement, add: &mut dyn FnMut(Wanted)) {
        let unknown = SearchPath::new([], "");
        let path = self.path.unwrap_or(&unknown);
        for name in &statement.operators {
            add(self.placed(Ask::Call, name, What::Function));
        }
        for operator in &statement.builtin_operators {
            if self.catalog.has_user_operator(operator, path) {
                add(self.placed(Ask::Call, &Name::bare(operator), What::Function));
            }
        }
        for attribute in &statement.attributes {
            let name = Name::bare(attribute);
            // First what costs least: few attributes have the name of a function, and there may be many effects.
            if !self.catalog.has_user_function(&name, path) {
                continue;
            }
            let is_column = statement.effects.iter().any(|effect| match &effect.target {
                Target::Relation(relation) => match self.resolve(relation) {
                    Resolution::Relation(relation) => relation.column(attribute).is_some(),
                    Resolution::Temporary | Resolution::Unknown => false,
                },
                _ => false,
            });
            if !is_column {
                self.called(&name, add);
            }
        }
    }

    /// Changes of the session that policy has a word in.
    fn change(&self, change: &SessionChange, add: &mut dyn FnMut(Wanted)) {
        match change {
            SessionChange::Set { name, value, .. } => self.setting(name, value, add),
            SessionChange::ExecuteSql { name } => add(Wanted::unknown(Some(Absent::Statement(name.clone())))),
            SessionChange::Fetch { cursor, .. } => add(Wanted::unknown(Some(Absent::Portal(cursor.clone())))),
            SessionChange::PrepareSql { statement, .. } => self.wanted(statement).into_iter().for_each(add),
            _ => {}
        }
    }

    /// The request that setting `name` needs, if any.
    pub(crate) fn setting(&self, name: &str, value: &SettingValue, add: &mut dyn FnMut(Wanted)) {
        match self.dialect.setting(name, value, self.mode) {
            SettingClass::Harmless => {}
            SettingClass::Path if !matches!(value, SettingValue::Opaque) => {}
            SettingClass::Path | SettingClass::Role | SettingClass::Other => {
                add(Wanted::new(Ask::Set, What::Upstream));
            }
            SettingClass::Mode(mode) if mode == self.mode || self.dialect.reads(mode) => {}
            // What becomes of it is known before anything else is judged.
            SettingClass::Asked => {}
            // Text that means something else than it says is for those who may do anything.
            SettingClass::Mode(_) | SettingClass::Unreadable => add(Wanted::unknown(None)),
        }
    }
}

/// Whether a statement makes the session one whose text or results cannot be read, or has results in such a one: then it is for
/// nobody from whom something is masked, whatever policy says.
pub(crate) fn closes_results(statement: &Statement, mode: Mode, dialect: &dyn Dialect) -> bool {
    let sets = |change: &SessionChange| match change {
        SessionChange::Set { name, value, .. } => match dialect.setting(name, value, mode) {
            SettingClass::Mode(mode) => dialect.hides_results(mode),
            class => class == SettingClass::Unreadable,
        },
        SessionChange::PrepareSql { statement, .. } => closes_results(statement, mode, dialect),
        _ => false,
    };
    match dialect.hides_results(mode) {
        // The way back is open.
        true => !only_settings(statement),
        false => statement.session.iter().any(sets),
    }
}

/// Whether all that it does is to change settings, so that it has no result.
fn only_settings(statement: &Statement) -> bool {
    let sets = |effect: &Effect| {
        effect.action == Action::Set && matches!(effect.target, Target::Setting(_) | Target::Schema(_))
    };
    let no_result = |change: &SessionChange| match change {
        SessionChange::Set { name, .. } => !name.starts_with('@'),
        SessionChange::SetSearchPath { .. } | SessionChange::Discard(_) => true,
        SessionChange::Commit { .. } | SessionChange::Rollback { .. } => true,
        _ => false,
    };
    statement.functions.is_empty()
        && !statement.session.is_empty()
        && statement.effects.iter().all(sets)
        && statement.session.iter().all(no_result)
}

/// What a temporary relation is known by where it stands in one schema only.
///
/// EVASION: a temporary table made in one schema does not stand before the tables of another
/// (test `a_temporary_table_of_another_schema_hides_nothing`).
pub(crate) fn temporary_key(name: &Name, path: Option<&SearchPath>) -> Option<Box<str>> {
    let schema = name.schema.as_deref().or_else(|| path.and_then(SearchPath::first))?;
    Some(format!("{schema}\0{}", name.name).into())
}

fn ask(action: Action) -> Ask {
    match action {
        Action::Select => Ask::Select,
        Action::Insert => Ask::Insert,
        Action::Update => Ask::Update,
        Action::Delete => Ask::Delete,
        Action::Truncate => Ask::Truncate,
        Action::Ddl => Ask::Ddl,
        Action::Grant => Ask::Grant,
        Action::CopyIn => Ask::CopyIn,
        Action::CopyOut => Ask::CopyOut,
        Action::Call => Ask::Call,
        Action::Set => Ask::Set,
        Action::Listen => Ask::Listen,
        Action::Lock => Ask::Lock,
        Action::Admin => Ask::Admin,
        Action::Unknown => Ask::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_sql::Limits;
    use portcullis_sql::catalog::{CatalogBuilder, RelationRow};
    use portcullis_sql::mysql::{Flavour, MySql};
    use portcullis_sql::postgres::Postgres;

    use super::*;

    const MYSQL: MySql = MySql { flavour: Flavour::MySql, version: 90_700, lower_case_tables: false };

    #[derive(Debug)]
    struct State {
        path: Option<Vec<&'static str>>,
        own_role: bool,
        uncommitted: bool,
    }

    impl Default for State {
        fn default() -> Self {
            Self { path: Some(vec!["shop"]), own_role: true, uncommitted: false }
        }
    }

    /// What the statement asks for in a session whose catalog has `shop.customers`.
    fn asks(text: &str, state: &State) -> Vec<Wanted> {
        let mut catalog = CatalogBuilder::new(1);
        catalog.schema("shop");
        catalog.relation(RelationRow {
            oid: 1,
            schema: "shop".into(),
            name: "customers".into(),
            kind: RelationKind::Table,
        });
        catalog.column(1, 1, "id", 0);
        catalog.column(1, 2, "email", 0);
        let (catalog, none) = (catalog.build(), BTreeSet::new());
        let path = state.path.clone().map(|schemas| SearchPath::new(schemas, ""));
        let facts = Facts {
            catalog: &catalog,
            dialect: &MYSQL,
            path: path.as_ref(),
            temporary: &none,
            lost: &none,
            mode: Mode(0),
            uncommitted: state.uncommitted,
            own_role: state.own_role,
        };
        let statements = MYSQL.analyse(text.as_bytes(), Mode(0), &Limits::default()).expect("it is read");
        statements.iter().flat_map(|statement| facts.wanted(statement)).collect()
    }

    #[test]
    fn what_may_be_a_relation_is_one_where_the_catalog_has_it() {
        let text = "WITH customers AS (SELECT 1) (WITH x AS (SELECT 2) SELECT email FROM customers LIMIT 1)";
        let [wanted] = asks(text, &State::default()).try_into().expect("one request");
        assert_eq!((wanted.action, wanted.what), (Ask::Select, What::Table("shop".into(), "customers".into())));
        assert_eq!(wanted.columns, ["email"]);
        assert_eq!(asks(&text.replace("customers", "report"), &State::default()), []);
    }

    #[test]
    fn what_may_be_a_relation_is_none_only_where_the_catalog_tells() {
        let text = "WITH report AS (SELECT 1) (WITH x AS (SELECT 2) SELECT email FROM report LIMIT 1)";
        for (facts, asked) in [
            (State::default(), 0),
            (State { path: Some(vec![]), ..State::default() }, 0),
            (State { path: Some(vec!["hr"]), ..State::default() }, 1),
            (State { path: None, ..State::default() }, 1),
            (State { own_role: false, ..State::default() }, 1),
            (State { uncommitted: true, ..State::default() }, 1),
        ] {
            assert_eq!(asks(text, &facts).len(), asked, "{facts:?}");
        }
    }

    fn closes(text: &str, mode: Mode, dialect: &dyn Dialect) -> bool {
        let statements = dialect.analyse(text.as_bytes(), mode, &Limits::default()).expect("it is read");
        statements.iter().any(|statement| closes_results(statement, mode, dialect))
    }

    #[test]
    fn what_makes_results_unreadable_is_known() {
        let open = Mode(0);
        for text in ["SET NAMES gbk", "SET a = 1, character_set_results = utf16", "PREPARE s FROM 'SET NAMES binary'"] {
            assert!(closes(text, open, &MYSQL), "{text}");
        }
        for text in ["SET NAMES latin1", "SET character_set_results = NULL", "SET sql_mode = @a", "SELECT 1"] {
            assert!(!closes(text, open, &MYSQL), "{text}");
        }
        assert!(closes("SET client_encoding = sjis", open, &Postgres));
        assert!(!closes("SET client_encoding = latin1", open, &Postgres));
    }

    #[test]
    fn where_results_are_unreadable_nothing_but_settings_passes() {
        let SettingClass::Mode(hidden) =
            MYSQL.setting("character_set_results", &SettingValue::Literal(vec!["utf16".into()]), Mode(0))
        else {
            panic!("a mode")
        };
        for text in
            ["SET NAMES utf8mb4", "SET sql_mode = 'ANSI'", "SET autocommit = 1, character_set_results = NULL", "USE a"]
        {
            assert!(!closes(text, hidden, &MYSQL), "{text}");
        }
        assert!(!closes_results(&Statement::reset(), hidden, &MYSQL));
        for text in [
            "SELECT 1",
            "SELECT @a",
            "SELECT @a := 1",
            "SHOW WARNINGS",
            "SET @a = 1",
            "SET sql_mode = (SELECT a FROM b)",
            "EXECUTE s",
            "DO sleep(1)",
        ] {
            assert!(closes(text, hidden, &MYSQL), "{text}");
        }
    }

    /// What `text` asks for in a session of this path, where the catalog knows the schema `shop` alone.
    fn asked(text: &str, path: Option<&str>, uncommitted: bool, dialect: &dyn Dialect) -> Vec<Wanted> {
        let mut builder = CatalogBuilder::new(1);
        builder.schema("shop");
        let (catalog, none) = (builder.build(), BTreeSet::new());
        let path = path.map(|schema| SearchPath::new([schema], ""));
        let facts = Facts {
            catalog: &catalog,
            dialect,
            path: path.as_ref(),
            temporary: &none,
            lost: &none,
            mode: Mode::default(),
            uncommitted,
            own_role: true,
        };
        let statements = dialect.analyse(text.as_bytes(), Mode::default(), &Limits::default()).expect("it is read");
        statements.iter().flat_map(|statement| facts.wanted(statement)).collect()
    }

    #[test]
    fn what_is_defined_without_a_known_schema_is_never_in_a_schema_without_a_name() {
        let table = |schema: &str| [Wanted::new(Ask::Ddl, What::Table(schema.into(), "t".into()))];
        let none = [Wanted::unknown(Some(Absent::Schema))];
        let (create, drop) = ("CREATE TABLE t (a int)", "DROP TABLE t");
        for text in [create, drop] {
            assert_eq!(asked(text, Some("late"), false, &MYSQL), table("late"), "{text}");
            assert_eq!(asked(text, Some("shop"), false, &MYSQL), table("shop"), "{text}");
            for path in [Some(""), None] {
                assert_eq!(asked(text, path, false, &MYSQL), none, "{text}");
                assert_eq!(asked(text, path, true, &MYSQL), none, "{text}");
            }
            assert_eq!(asked(text, Some("shop"), false, &Postgres), table("shop"), "{text}");
            assert_eq!(asked(text, Some("late"), false, &Postgres), none, "{text}");
            assert_eq!(asked(text, Some("late"), true, &Postgres), table("late"), "{text}");
            assert_eq!(asked(text, None, true, &Postgres), none, "{text}");
        }
        let calls = "SELECT f(1)";
        let function = Wanted::new(Ask::Call, What::Function("late".into(), "f".into()));
        assert!(asked(calls, Some("late"), true, &MYSQL).contains(&function));
        assert!(asked(calls, None, true, &MYSQL).contains(&none[0]));
    }
}
