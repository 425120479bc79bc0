//! Reads what exists on a MySQL or MariaDB upstream, over a connection of the gateway's own.
//!
//! The connection signs in as the sessions do, so that it sees what they see. A schema is what others call a database.
//! Objects have no numbers here: a relation's number is made from its name, which is its identity as far as the server
//! has one. What a view reads is read from its definition, which the server keeps with every name in full, and in one form
//! whatever the mode of who made it or reads it (test `a_views_text_is_the_same_in_every_mode`); a view whose definition is
//! not shown reads something that is not known. Source: MySQL "INFORMATION_SCHEMA Tables".

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_mysql::Flavour;
use portcullis_mysql::capabilities::HONOURED;
use portcullis_sql::catalog::{CatalogBuilder, FunctionRow, Oid, RelationKind, RelationRow, Volatility};
use portcullis_sql::dialect::Dialect;
use portcullis_sql::mysql::{self, MySql};
use portcullis_sql::statement::Target as Reached;
use portcullis_sql::{Limits, STACK};

use super::client::{Conversation, Row};
use super::dial::{Wanted, dial};
use super::greeted::Greeted;
use super::open::UTF8MB4;
use crate::catalog::{Reading, Server, Unread};
use crate::dial::Target;

/// Changes whenever a definition does. The tables of `information_schema` itself are made when MariaDB is asked, and so
/// they are always new.
const FINGERPRINT: &str = "SELECT CONCAT_WS('/', \
    (SELECT CONCAT(COUNT(*), ':', IFNULL(SUM(CRC32(CONCAT_WS(':', TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, \
        COLUMN_TYPE, COLUMN_KEY))), 0)) FROM information_schema.COLUMNS), \
    (SELECT CONCAT(COUNT(*), ':', IFNULL(SUM(CRC32(CONCAT_WS(':', TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, CREATE_TIME))), 0)) \
        FROM information_schema.TABLES WHERE TABLE_SCHEMA <> 'information_schema'), \
    (SELECT CONCAT(COUNT(*), ':', IFNULL(SUM(CRC32(CONCAT_WS(':', TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION))), 0)) \
        FROM information_schema.VIEWS), \
    (SELECT CONCAT(COUNT(*), ':', IFNULL(SUM(CRC32(CONCAT_WS(':', ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE, LAST_ALTERED))), 0)) \
        FROM information_schema.ROUTINES), \
    (SELECT COUNT(*) FROM information_schema.SCHEMATA))";

/// The gateway's own connection to an upstream.
#[derive(Debug)]
pub(crate) struct Reader {
    conversation: Conversation,
    greeted: Arc<Greeted>,
}

/// The numbers that relations have here.
#[derive(Debug, Default)]
struct Numbers(HashMap<Oid, (String, String)>);

impl Numbers {
    /// The number of a relation: of its name, or the next that is free.
    fn of(&mut self, schema: &str, name: &str) -> Oid {
        let key = (schema.to_owned(), name.to_owned());
        let mut number = hash(&key);
        // 0 stands for no relation.
        while number == 0 || self.0.get(&number).is_some_and(|known| *known != key) {
            number = number.wrapping_add(1);
        }
        self.0.insert(number, key);
        number
    }
}

/// FNV-1a.
fn hash((schema, name): &(String, String)) -> u32 {
    let bytes = schema.bytes().chain([0]).chain(name.bytes());
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Reader {
    /// Connects.
    pub(crate) async fn connect(target: &Target) -> Result<Self, Unread> {
        let wanted = Wanted {
            capabilities: HONOURED,
            required: Default::default(),
            collation: UTF8MB4,
            max_packet: 1 << 24,
            attributes: vec![(b"program_name".to_vec(), b"portcullis catalog".to_vec())],
        };
        let dialled = dial(target, &wanted).await?;
        let greeted = Arc::new(Greeted::of(&dialled.ready));
        Ok(Self { conversation: Conversation::begin(dialled), greeted })
    }

    /// The fingerprint of what exists now.
    pub(crate) async fn fingerprint(&mut self) -> Result<String, Unread> {
        self.first(FINGERPRINT).await
    }

    /// The single value of an answer.
    async fn first(&mut self, text: &str) -> Result<String, Unread> {
        let rows = self.conversation.query(text).await?;
        rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()).ok_or(Unread::Unexpected)
    }

    /// Everything that names can mean.
    pub(crate) async fn read(&mut self, epoch: u64) -> Result<Reading, Unread> {
        let fingerprint = self.fingerprint().await?;
        let dialect = self.dialect().await?;
        let mut builder = CatalogBuilder::new(epoch);
        builder.plain_path();
        for row in self.conversation.query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA").await? {
            builder.schema(&self.folded(&dialect, text(&row, 0)?));
        }
        let mut numbers = Numbers::default();
        self.read_relations(&dialect, &mut builder, &mut numbers).await?;
        self.read_views(&dialect, &mut builder, &mut numbers).await?;
        self.read_routines(&dialect, &mut builder).await?;
        let told = self.first(dialect.path_question()).await?;
        let user = told.rsplit('\n').next().unwrap_or_default().to_owned();
        let path = dialect.read_path(&told);
        let server = Server::MySql(self.greeted.clone());
        Ok(Reading { dialect: Arc::new(dialect), catalog: builder.build(), path, user, fingerprint, server })
    }

    async fn dialect(&mut self) -> Result<MySql, Unread> {
        let lower = self.first("SELECT @@lower_case_table_names").await?;
        let flavour = match self.greeted.server.flavour {
            Flavour::MySql => mysql::Flavour::MySql,
            Flavour::MariaDb => mysql::Flavour::MariaDb,
        };
        Ok(MySql { flavour, version: self.greeted.server.number(), lower_case_tables: lower != "0" })
    }

    /// A name of a schema or table as it is compared.
    fn folded(&self, dialect: &MySql, name: &str) -> Box<str> {
        if name.eq_ignore_ascii_case("information_schema") {
            mysql::folded(name)
        } else if dialect.lower_case_tables {
            mysql::lowered(name)
        } else {
            name.into()
        }
    }

    async fn read_relations(
        &mut self,
        dialect: &MySql,
        builder: &mut CatalogBuilder,
        numbers: &mut Numbers,
    ) -> Result<(), Unread> {
        let tables = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES";
        for row in self.conversation.query(tables).await? {
            let (schema, name) = self.relation(dialect, &row)?;
            let kind = match text(&row, 2)? {
                "VIEW" => RelationKind::View,
                "SEQUENCE" => RelationKind::Sequence,
                _ => RelationKind::Table,
            };
            builder.relation(RelationRow { oid: numbers.of(&schema, &name), schema, name, kind });
        }
        let columns =
            "SELECT TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION, COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS";
        for row in self.conversation.query(columns).await? {
            let (schema, name) = self.relation(dialect, &row)?;
            let at = text(&row, 2)?.parse().map_err(|_| Unread::Unexpected)?;
            let (relation, column) = (numbers.of(&schema, &name), mysql::folded(text(&row, 3)?));
            match is_text(text(&row, 4)?) {
                true => builder.text_column(relation, at, &column),
                false => builder.column(relation, at, &column, 0),
            };
        }
        let keys = "SELECT s.TABLE_SCHEMA, s.TABLE_NAME, GROUP_CONCAT(c.ORDINAL_POSITION ORDER BY s.SEQ_IN_INDEX) \
            FROM information_schema.STATISTICS s JOIN information_schema.COLUMNS c ON c.TABLE_SCHEMA = s.TABLE_SCHEMA \
            AND c.TABLE_NAME = s.TABLE_NAME AND c.COLUMN_NAME = s.COLUMN_NAME \
            WHERE s.NON_UNIQUE = 0 GROUP BY s.TABLE_SCHEMA, s.TABLE_NAME, s.INDEX_NAME";
        for row in self.conversation.query(keys).await? {
            let (schema, name) = self.relation(dialect, &row)?;
            let places: Result<Vec<i16>, _> = text(&row, 2)?.split(',').map(str::parse).collect();
            builder.key(numbers.of(&schema, &name), &places.map_err(|_| Unread::Unexpected)?);
        }
        Ok(())
    }

    /// The schema and the name that a row begins with.
    fn relation(&self, dialect: &MySql, row: &Row) -> Result<(Box<str>, Box<str>), Unread> {
        let schema = self.folded(dialect, text(row, 0)?);
        let name = text(row, 1)?;
        // Names in the server's own schema have no case.
        let name = if &*schema == "information_schema" { mysql::folded(name) } else { self.folded(dialect, name) };
        Ok((schema, name))
    }

    async fn read_views(
        &mut self,
        dialect: &MySql,
        builder: &mut CatalogBuilder,
        numbers: &mut Numbers,
    ) -> Result<(), Unread> {
        let views = "SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS";
        let mut open = Vec::new();
        for row in self.conversation.query(views).await? {
            let (schema, name) = self.relation(dialect, &row)?;
            open.push((schema, name, text(&row, 2).unwrap_or_default().to_owned()));
        }
        for (schema, name, reads) in analysed(*dialect, open).await? {
            let view = numbers.of(&schema, &name);
            for (base_schema, base) in reads {
                builder.depends(view, numbers.of(&base_schema, &base));
            }
        }
        Ok(())
    }

    async fn read_routines(&mut self, dialect: &MySql, builder: &mut CatalogBuilder) -> Result<(), Unread> {
        let routines = "SELECT ROUTINE_SCHEMA, ROUTINE_NAME FROM information_schema.ROUTINES";
        for (number, row) in self.conversation.query(routines).await?.into_iter().enumerate() {
            builder.function(FunctionRow {
                oid: u32::try_from(number).unwrap_or(u32::MAX),
                schema: text(&row, 0)?.into(),
                name: mysql::folded(text(&row, 1)?),
                volatility: Volatility::Volatile,
                language: "sql".into(),
            });
        }
        for function in own_functions(dialect.flavour) {
            builder.function(function);
        }
        Ok(())
    }
}

/// Whether values of a type are compared with a number by what they read as: all but numbers, and times, which have one each.
fn is_text(data_type: &str) -> bool {
    !matches!(
        &*data_type.to_ascii_lowercase(),
        "tinyint"
            | "smallint"
            | "mediumint"
            | "int"
            | "bigint"
            | "decimal"
            | "float"
            | "double"
            | "bit"
            | "year"
            | "date"
            | "time"
            | "datetime"
            | "timestamp"
    )
}

/// The server's own functions that are a call for policy to decide on, in its own schema.
fn own_functions(flavour: mysql::Flavour) -> impl Iterator<Item = FunctionRow> {
    mysql::functions::of_the_server(flavour).zip(OWN_FUNCTIONS..).map(|(name, oid)| FunctionRow {
        oid,
        schema: "mysql".into(),
        name: name.into(),
        volatility: Volatility::Volatile,
        language: "internal".into(),
    })
}

/// Where numbers of the server's own functions begin: no server has as many routines.
const OWN_FUNCTIONS: Oid = 1 << 31;

type View = (Box<str>, Box<str>, String);
type Reads = (Box<str>, Box<str>, Vec<(Box<str>, Box<str>)>);

/// The relations that each view reads. A definition that is not shown or not understood reads a relation that nobody has,
/// so that only those who may read anything may read it.
async fn analysed(dialect: MySql, views: Vec<View>) -> Result<Vec<Reads>, Unread> {
    let (sender, found) = tokio::sync::oneshot::channel();
    let work = move || {
        let all = views.into_iter().map(|(schema, name, definition)| {
            let reads = reads(&dialect, &definition).unwrap_or_else(|| vec![("".into(), "(not known)".into())]);
            (schema, name, reads)
        });
        // The reader may be gone.
        let _ = sender.send(all.collect());
    };
    std::thread::Builder::new().name("views".into()).stack_size(STACK).spawn(work)?;
    found.await.map_err(|_| Unread::Unexpected)
}

fn reads(dialect: &MySql, definition: &str) -> Option<Vec<(Box<str>, Box<str>)>> {
    let statements = dialect.analyse(definition.as_bytes(), Default::default(), &Limits::default()).ok()?;
    let mut found = Vec::new();
    for statement in &statements {
        if statement.is_opaque() {
            return None;
        }
        // The server writes every relation with its schema, so a name that may be of WITH is.
        for effect in statement.effects.iter().filter(|effect| !effect.if_exists) {
            if let Reached::Relation(name) = &effect.target {
                found.push((name.schema.clone()?, name.name.clone()));
            }
        }
    }
    (!statements.is_empty()).then_some(found)
}

fn text(row: &Row, index: usize) -> Result<&str, Unread> {
    row.get(index).and_then(Option::as_deref).ok_or(Unread::Unexpected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_of_the_server_that_acts_can_be_named_by_policy() {
        let sleep = own_functions(mysql::Flavour::MySql).find(|function| &*function.name == "sleep").unwrap();
        assert_eq!(&*sleep.schema, "mysql");
    }

    #[test]
    fn two_relations_never_share_a_number() {
        let mut numbers = Numbers::default();
        let first = numbers.of("a", "b");
        assert_eq!(numbers.of("a", "b"), first);
        numbers.0.insert(hash(&("c".into(), "d".into())), ("x".into(), "y".into()));
        assert_ne!(numbers.of("c", "d"), hash(&("c".into(), "d".into())));
    }
}
