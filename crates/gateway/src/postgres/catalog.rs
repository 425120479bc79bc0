//! Reads what exists in a PostgreSQL upstream, over a connection of the gateway's own.
//!
//! The connection signs in as the sessions do, so that it sees what they see. A snapshot is read in one repeatable-read
//! transaction; a cheap fingerprint says whether a new one is needed. Definitions that a session changes are noticed at
//! once (the session asks for a refresh), those of others within [`crate::catalog::POLL`]. Source of the columns: PostgreSQL "System Catalogs".

use std::sync::Arc;

use bytes::BytesMut;
use portcullis_net::Stream;
use portcullis_postgres::backend::{DataRow, Report};
use portcullis_postgres::frame::split_backend;
use portcullis_postgres::{BackendTag, frontend};
use portcullis_sql::catalog::{CatalogBuilder, FunctionRow, RelationKind, RelationRow, Volatility};
use portcullis_sql::dialect::Dialect;
use portcullis_sql::postgres::Postgres;
use portcullis_wire::Fault;

use super::dial::dial;
use crate::catalog::{Reading, Server, Unread};
use crate::dial::Target;

/// LIMIT: one row of the catalog, in bytes.
const ROW: usize = 16 << 20;

type Row = Vec<Option<String>>;

/// The gateway's own connection to an upstream.
#[derive(Debug)]
pub(crate) struct Reader {
    stream: Stream,
    buffer: BytesMut,
}

/// Changes whenever a definition does: every row's identity and the transaction that wrote it, summed up for each catalog
/// that is read. Sums need no sorting, so it stays cheap with many relations.
const FINGERPRINT: &str = "SELECT pg_catalog.concat_ws('/', \
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(oid, ':', xmin), 0)) FROM pg_catalog.pg_class), \
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(attrelid, ':', attnum, ':', xmin), 0)) \
        FROM pg_catalog.pg_attribute WHERE attrelid >= 16384), \
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(oid, ':', xmin), 0)) FROM pg_catalog.pg_proc), \
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(oid, ':', xmin), 0)) FROM pg_catalog.pg_operator), \
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(oid, ':', xmin), 0)) FROM pg_catalog.pg_rewrite), \
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(oid, ':', xmin), 0)) FROM pg_catalog.pg_namespace), \
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(indexrelid, ':', xmin), 0)) FROM pg_catalog.pg_index), \
    (SELECT pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(setdatabase, ':', setrole, ':', xmin), 0)) \
        FROM pg_catalog.pg_db_role_setting))";

impl Reader {
    /// Connects.
    pub(crate) async fn connect(target: &Target) -> Result<Self, Unread> {
        let parameters = vec![
            (b"application_name".to_vec(), b"portcullis catalog".to_vec()),
            (b"client_encoding".to_vec(), b"UTF8".to_vec()),
        ];
        let dialled = dial(target, 0, parameters).await?;
        Ok(Self { stream: dialled.stream, buffer: dialled.rest })
    }

    /// The fingerprint of what exists now.
    pub(crate) async fn fingerprint(&mut self) -> Result<String, Unread> {
        let rows = self.query(FINGERPRINT).await?;
        rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()).ok_or(Unread::Unexpected)
    }

    /// Everything that names can mean.
    pub(crate) async fn read(&mut self, epoch: u64) -> Result<Reading, Unread> {
        self.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let read = self.read_snapshot(epoch).await;
        self.query("COMMIT").await?;
        read
    }

    async fn read_snapshot(&mut self, epoch: u64) -> Result<Reading, Unread> {
        let dialect: Arc<dyn Dialect> = Arc::new(Postgres);
        let fingerprint = self.fingerprint().await?;
        let mut builder = CatalogBuilder::new(epoch);
        self.read_names(&mut builder).await?;
        self.read_relations(&mut builder).await?;
        self.read_functions(&mut builder).await?;
        let told = self.query(dialect.path_question()).await?;
        let told = told.first().and_then(|row| row.first().cloned().flatten()).unwrap_or_default();
        let user = told.rsplit('\n').next().unwrap_or_default().to_owned();
        let path = dialect.read_path(&told);
        Ok(Reading { dialect, catalog: builder.build(), path, user, fingerprint, server: Server::Postgres })
    }

    async fn read_names(&mut self, builder: &mut CatalogBuilder) -> Result<(), Unread> {
        let database = self.query("SELECT pg_catalog.current_database()").await?;
        if let Some(name) = database.first().and_then(|row| text(row, 0)) {
            builder.database(name);
        }
        let schemas = "SELECT nspname, pg_catalog.has_schema_privilege(oid, 'USAGE') FROM pg_catalog.pg_namespace";
        for row in self.query(schemas).await? {
            match (text(&row, 0), text(&row, 1)) {
                (Some(name), Some("t")) => builder.schema(name),
                (Some(name), _) => builder.hidden_schema(name),
                _ => return Err(Unread::Unexpected),
            };
        }
        Ok(())
    }

    async fn read_relations(&mut self, builder: &mut CatalogBuilder) -> Result<(), Unread> {
        let relations = "SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c \
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
            WHERE n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast%' AND c.relkind <> 't'";
        for row in self.query(relations).await? {
            let (Some(oid), Some(schema), Some(name), Some(kind)) =
                (number(&row, 0), text(&row, 1), text(&row, 2), text(&row, 3).and_then(|kind| kind.chars().next()))
            else {
                return Err(Unread::Unexpected);
            };
            let kind = RelationKind::from_relkind(kind);
            builder.relation(RelationRow { oid, schema: schema.into(), name: name.into(), kind });
        }
        let columns = "SELECT a.attrelid, a.attnum, a.attname, a.atttypid FROM pg_catalog.pg_attribute a \
            JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
            WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')";
        for row in self.query(columns).await? {
            let (Some(relation), Some(attnum), Some(name), Some(type_oid)) =
                (number(&row, 0), number(&row, 1), text(&row, 2), number(&row, 3))
            else {
                return Err(Unread::Unexpected);
            };
            builder.column(relation, attnum, name, type_oid);
        }
        self.read_links(builder).await
    }

    async fn read_links(&mut self, builder: &mut CatalogBuilder) -> Result<(), Unread> {
        let keys = "SELECT indrelid, indkey::text FROM pg_catalog.pg_index WHERE indisunique AND indisvalid";
        for row in self.query(keys).await? {
            let (Some(relation), Some(key)) = (number(&row, 0), text(&row, 1)) else { return Err(Unread::Unexpected) };
            let attnums: Vec<i16> = key.split(' ').filter_map(|attnum| attnum.parse().ok()).collect();
            builder.key(relation, &attnums);
        }
        let depends = "SELECT DISTINCT r.ev_class, d.refobjid FROM pg_catalog.pg_rewrite r \
            JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid \
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class";
        for row in self.query(depends).await? {
            let (Some(view), Some(base)) = (number(&row, 0), number(&row, 1)) else { return Err(Unread::Unexpected) };
            builder.depends(view, base);
        }
        for row in self.query("SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits").await? {
            let (Some(child), Some(parent)) = (number(&row, 0), number(&row, 1)) else {
                return Err(Unread::Unexpected);
            };
            builder.inherits(child, parent);
        }
        Ok(())
    }

    async fn read_functions(&mut self, builder: &mut CatalogBuilder) -> Result<(), Unread> {
        let functions = "SELECT p.oid, n.nspname, p.proname, p.provolatile, l.lanname FROM pg_catalog.pg_proc p \
            JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang";
        for row in self.query(functions).await? {
            let (Some(oid), Some(schema), Some(name), Some(volatile), Some(language)) =
                (number(&row, 0), text(&row, 1), text(&row, 2), text(&row, 3), text(&row, 4))
            else {
                return Err(Unread::Unexpected);
            };
            let volatility = match volatile {
                "i" => Volatility::Immutable,
                "s" => Volatility::Stable,
                _ => Volatility::Volatile,
            };
            let (schema, name, language) = (schema.into(), name.into(), language.into());
            builder.function(FunctionRow { oid, schema, name, volatility, language });
        }
        let operators = "SELECT DISTINCT n.nspname, o.oprname FROM pg_catalog.pg_operator o \
            JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid >= 16384";
        for row in self.query(operators).await? {
            if let (Some(schema), Some(name)) = (text(&row, 0), text(&row, 1)) {
                builder.operator(schema, name);
            }
        }
        let types = "SELECT n.nspname, t.typname FROM pg_catalog.pg_type t \
            JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid >= 16384";
        for row in self.query(types).await? {
            if let (Some(schema), Some(name)) = (text(&row, 0), text(&row, 1)) {
                builder.user_type(schema, name);
            }
        }
        Ok(())
    }

    /// Runs one statement and returns its rows.
    async fn query(&mut self, text: &str) -> Result<Vec<Row>, Unread> {
        let mut out = BytesMut::new();
        frontend::Query { query: text.as_bytes() }.encode(&mut out);
        self.stream.send(out.freeze()).await?;
        let mut rows = Vec::new();
        let mut refused = None;
        loop {
            let Some(frame) = split_backend(&mut self.buffer, ROW)? else {
                if self.stream.fill(&mut self.buffer).await? == 0 {
                    return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                }
                continue;
            };
            match frame.tag {
                BackendTag::DataRow => rows.push(row(frame.body())?),
                BackendTag::ErrorResponse => refused = Some(code(frame.body())?),
                BackendTag::ReadyForQuery => break,
                _ => {}
            }
        }
        match refused {
            Some(code) => Err(Unread::Refused(code)),
            None => Ok(rows),
        }
    }
}

fn row(body: &[u8]) -> Result<Row, Unread> {
    let row = DataRow::decode(body).map_err(Fault::from)?;
    Ok(row.values().map(|value| value.map(|value| String::from_utf8_lossy(value).into_owned())).collect())
}

fn code(body: &[u8]) -> Result<String, Unread> {
    let report = Report::decode(body).map_err(Fault::from)?;
    Ok(String::from_utf8_lossy(report.code().unwrap_or(b"XX000")).into_owned())
}

fn text(row: &Row, index: usize) -> Option<&str> {
    row.get(index)?.as_deref()
}

fn number<T: std::str::FromStr>(row: &Row, index: usize) -> Option<T> {
    text(row, index)?.parse().ok()
}
