//! Columns of results: what detectors make of them, and how binary rows are walked.

use std::sync::Arc;

use portcullis_wire::event::{CellKind, Column};

use super::exchange::RowForm;
use crate::response::ColumnDefinition;
use crate::types::ColumnType;

/// The collation of bytes that are no text.
const BINARY: u16 = 63;

/// The columns of a result.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) form: RowForm,
    pub(super) types: Box<[ColumnType]>,
    pub(super) shown: Arc<[Column]>,
}

/// Columns whose definitions are still coming.
#[derive(Debug, Default)]
pub(super) struct Defined {
    types: Vec<ColumnType>,
    shown: Vec<Column>,
}

impl Defined {
    pub(super) fn push(&mut self, definition: &ColumnDefinition<'_>, form: RowForm) {
        self.types.push(definition.kind);
        self.shown.push(Column {
            name: definition.name.into(),
            table: 0,
            attribute: 0,
            type_code: u32::from(definition.kind.byte()),
            kind: kind(definition, form),
        });
    }

    pub(super) fn take(&mut self, form: RowForm) -> Arc<Columns> {
        let types = std::mem::take(&mut self.types).into();
        Arc::new(Columns { form, types, shown: std::mem::take(&mut self.shown).into() })
    }
}

/// How detectors read the cells of a column. MariaDB's JSON is text with a name of its own; the extended type says so.
fn kind(definition: &ColumnDefinition<'_>, form: RowForm) -> CellKind {
    if definition.extended.is_some_and(|extended| extended.is_json()) {
        return CellKind::Json;
    }
    match definition.kind {
        ColumnType::Json => CellKind::Json,
        number if is_number(number) => number_kind(number, form),
        // Bytes may be text too: what is kept in a BLOB is what its writer put there.
        _ if definition.collation == BINARY && is_temporal(definition.kind) => CellKind::Opaque,
        kind if is_temporal(kind) => CellKind::Opaque,
        ColumnType::Bit | ColumnType::Geometry | ColumnType::Vector | ColumnType::Null => CellKind::Opaque,
        _ => CellKind::Text,
    }
}

fn is_temporal(kind: ColumnType) -> bool {
    use ColumnType::{Date, DateTime, Time, Timestamp};
    matches!(kind, Date | DateTime | Time | Timestamp)
}

fn is_number(kind: ColumnType) -> bool {
    use ColumnType::{Decimal, Double, Float, Int24, Long, LongLong, NewDecimal, Short, Tiny, Year};
    matches!(kind, Decimal | Double | Float | Int24 | Long | LongLong | NewDecimal | Short | Tiny | Year)
}

/// Numbers are text in text rows, and decimals in all.
fn number_kind(kind: ColumnType, form: RowForm) -> CellKind {
    match (form, kind) {
        (RowForm::Text, _) | (_, ColumnType::Decimal | ColumnType::NewDecimal) => CellKind::Number,
        (_, ColumnType::Long | ColumnType::LongLong | ColumnType::Int24) => CellKind::LittleEndian,
        _ => CellKind::Opaque,
    }
}
