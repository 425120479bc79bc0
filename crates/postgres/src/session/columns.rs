//! What the server told about result columns: by prepared statement, and by portal.
//!
//! A row carries no types, and Execute may come without Describe, so the columns of a portal are kept from the
//! Describe of it or of its statement. Entries are made when the server *answers*, so that they are exact whatever the
//! client pipelines. Spec: Postgres "RowDescription", "Bind".

use std::sync::Arc;

use portcullis_wire::event::{CellKind, Column, Format, Formats};
use portcullis_wire::{ByName, limits};

type Columns = Option<Arc<[Column]>>;

/// Columns as the server last described them. The outer `Option` says whether it did; the inner, whether rows come.
#[derive(Debug, Default)]
pub(super) struct Described {
    statements: ByName<Statement>,
    portals: ByName<Option<Columns>>,
}

#[derive(Debug, Default)]
struct Statement {
    columns: Option<Columns>,
    /// The last formats asked for and the columns in those formats: drivers ask the same each time.
    formatted: Option<(Formats, Columns)>,
}

impl Described {
    pub(super) fn prepared(&mut self, name: &[u8]) {
        if self.statements.len() < limits::NAMES {
            self.statements.insert(name, Statement::default());
        }
    }

    /// Names may stand for others now.
    pub(super) fn forget_all(&mut self) {
        self.statements.clear();
        self.portals.clear();
    }

    pub(super) fn bound(&mut self, portal: &[u8], statement: &[u8], results: Formats) {
        let columns = self.statements.get_mut(statement).and_then(|known| known.formatted(results));
        if self.portals.len() < limits::NAMES {
            self.portals.insert(portal, columns);
        }
    }

    pub(super) fn statement(&mut self, name: &[u8], columns: Columns) {
        if self.statements.len() < limits::NAMES || self.statements.contains(name) {
            self.statements.insert(name, Statement { columns: Some(columns), formatted: None });
        }
    }

    pub(super) fn portal(&mut self, name: &[u8], columns: Columns) {
        if let Some(known) = self.portals.get_mut(name) {
            *known = Some(columns);
        } else if self.portals.len() < limits::NAMES {
            self.portals.insert(name, Some(columns));
        }
    }

    pub(super) fn knows_portal(&self, name: &[u8]) -> bool {
        self.portals.get(name).is_some_and(Option::is_some)
    }

    pub(super) fn knows_statement(&self, name: &[u8]) -> bool {
        self.statements.get(name).is_some_and(|known| known.columns.is_some())
    }

    pub(super) fn of_portal(&self, name: &[u8]) -> Columns {
        self.portals.get(name).cloned().flatten().flatten()
    }

    pub(super) fn close_statement(&mut self, name: &[u8]) {
        self.statements.remove(name);
    }

    pub(super) fn close_portal(&mut self, name: &[u8]) {
        self.portals.remove(name);
    }

    /// Portals end with their transaction; ones that are held (SQL cursors) are described again when they run.
    pub(super) fn transaction_ended(&mut self) {
        self.portals.clear();
    }
}

impl Statement {
    fn formatted(&mut self, formats: Formats) -> Option<Columns> {
        let columns = self.columns.as_ref()?;
        if let Some((known, columns)) = &self.formatted
            && *known == formats
        {
            return Some(columns.clone());
        }
        let made: Columns = columns.as_ref().map(|columns| {
            columns
                .iter()
                .enumerate()
                .map(|(index, column)| Column { kind: kind(column.type_code, formats.of(index)), ..column.clone() })
                .collect()
        });
        self.formatted = Some((formats, made.clone()));
        Some(made)
    }
}

/// How detectors read a value of the built-in type `oid` in `format`. Source of the numbers: `pg_type.dat`.
pub(super) fn kind(oid: u32, format: Format) -> CellKind {
    match (oid, format) {
        // bool, oid-like, tid, xid, cid, geometry, date and time, bit strings, uuid, ranges of those: never a secret
        // in text; in binary, not text at all.
        (
            16 | 26..=29 | 600..=604 | 628 | 700 | 701 | 718 | 1082 | 1083 | 1114 | 1184 | 1186 | 1266 | 1560 | 1562,
            _,
        )
        | (2950 | 3220 | 5069, _) => CellKind::Opaque,
        (114, _) | (3802, Format::Text) => CellKind::Json,
        (3802, Format::Binary) => CellKind::VersionedJson,
        (20, Format::Binary) => CellKind::Int8,
        (21 | 23 | 1700 | 790, Format::Binary) => CellKind::BinaryNumber,
        (20 | 21 | 23 | 1700, Format::Text) => CellKind::Number,
        _ => CellKind::Text,
    }
}
