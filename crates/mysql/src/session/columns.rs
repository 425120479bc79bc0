//! Columns of results: what detectors make of them, and how binary rows are walked.

use std::sync::Arc;

use portcullis_wire::error::Fault;
use portcullis_wire::event::{CellKind, Column};

use super::exchange::RowForm;
use crate::collation;
use crate::response::ColumnDefinition;
use crate::types::ColumnType;

/// LIMIT: the definitions of one result, in bytes: 4,096 columns (the most that a server makes) of the longest names fit.
const DEFINITIONS: usize = 16 << 20;

/// The columns of a result.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) form: RowForm,
    pub(super) types: Box<[ColumnType]>,
    pub(super) shown: Arc<[Column]>,
}

impl Columns {
    /// So many of which nothing is told, in text rows.
    pub(super) fn untold(count: u16) -> Arc<Self> {
        let column = Column { name: [].into(), table: 0, attribute: 0, type_code: 0, kind: CellKind::Text };
        let count = usize::from(count);
        let types = vec![ColumnType::VarString; count].into();
        Arc::new(Self { form: RowForm::Text, types, shown: vec![column; count].into() })
    }

    /// The same, of which it is not sure that they are what comes: no detector can read them.
    pub(super) fn doubted(&self) -> Arc<Self> {
        let doubt = |column: &Column| Column { kind: CellKind::Undecoded, ..column.clone() };
        Arc::new(Self { form: self.form, types: self.types.clone(), shown: self.shown.iter().map(doubt).collect() })
    }
}

/// Columns whose definitions are still coming.
#[derive(Debug, Default)]
pub(super) struct Defined {
    types: Vec<ColumnType>,
    shown: Vec<Column>,
    /// The definitions themselves, where the client will not be sent them again.
    bodies: Vec<Box<[u8]>>,
    /// How long those that came are together.
    length: usize,
}

impl Defined {
    /// Adds a definition that came in so many bytes.
    ///
    /// # Errors
    /// Those of one result are longer than [`DEFINITIONS`].
    pub(super) fn push(
        &mut self,
        definition: &ColumnDefinition<'_>,
        length: usize,
        form: RowForm,
    ) -> Result<(), Fault> {
        self.length = self.length.saturating_add(length);
        if self.length > DEFINITIONS {
            return Err(Fault::OverLimit { length: self.length as u64, limit: DEFINITIONS as u64 });
        }
        self.types.push(definition.kind);
        self.shown.push(Column {
            name: definition.name.into(),
            table: 0,
            attribute: 0,
            type_code: u32::from(definition.kind.byte()),
            kind: kind(definition, form),
        });
        Ok(())
    }

    /// Keeps a definition as it came.
    pub(super) fn keep(&mut self, body: &[u8]) {
        self.bodies.push(body.into());
    }

    pub(super) fn take_bodies(&mut self) -> Arc<[Box<[u8]>]> {
        std::mem::take(&mut self.bodies).into()
    }

    pub(super) fn take(&mut self, form: RowForm) -> Arc<Columns> {
        self.length = 0;
        let types = std::mem::take(&mut self.types).into();
        Arc::new(Columns { form, types, shown: std::mem::take(&mut self.shown).into() })
    }
}

/// How detectors read the cells of a column. MariaDB's JSON is text with a name of its own; the extended type says so.
fn kind(definition: &ColumnDefinition<'_>, form: RowForm) -> CellKind {
    let is_json = definition.kind == ColumnType::Json || definition.extended.is_some_and(|extended| extended.is_json());
    match definition.kind {
        number if is_number(number) => number_kind(number, form),
        kind if is_temporal(kind) => CellKind::Opaque,
        ColumnType::Null => CellKind::Opaque,
        _ if !collation::keeps_ascii(definition.collation) => CellKind::Undecoded,
        _ if is_json => CellKind::Json,
        // Bytes may be text too: what is kept in a BLOB, in the coordinates of a GEOMETRY or in a VECTOR is what its writer
        // put there (test `bytes_of_every_type_are_searched`).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_without_end_are_a_fault() {
        let name = vec![b'x'; 1 << 19];
        let (column, mut defined) = (ColumnDefinition::text(&name), Defined::default());
        for _ in 0..2 {
            for _ in 0..32 {
                defined.push(&column, name.len(), RowForm::Text).unwrap();
            }
            let fault = defined.push(&column, name.len(), RowForm::Text).unwrap_err();
            assert!(matches!(fault, Fault::OverLimit { .. }), "{fault}");
            assert_eq!(defined.take(RowForm::Text).types.len(), 32);
        }
    }

    #[test]
    fn bytes_of_every_type_are_searched() {
        use ColumnType::{Bit, Geometry, LongBlob, Vector};
        for kind in [Bit, Geometry, Vector, LongBlob] {
            let column = ColumnDefinition { kind, collation: 63, ..ColumnDefinition::text(b"a") };
            for form in [RowForm::Text, RowForm::Binary] {
                assert_eq!(super::kind(&column, form), CellKind::Text, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_text_that_may_hold_anything_between_its_letters_is_not_read() {
        let text = ColumnDefinition::text(b"a");
        let of = |kind: ColumnType, collation: u16| {
            super::kind(&ColumnDefinition { kind, collation, ..text }, RowForm::Text)
        };
        for wide in [54, 35, 60, 56, 28, 13, 249, 9_999] {
            for kind in
                [ColumnType::VarString, ColumnType::String, ColumnType::Blob, ColumnType::Enum, ColumnType::Json]
            {
                assert_eq!(of(kind, wide), CellKind::Undecoded, "{kind:?} {wide}");
            }
            assert_eq!(of(ColumnType::Long, wide), CellKind::Number);
            assert_eq!(of(ColumnType::DateTime, wide), CellKind::Opaque);
        }
        for plain in [8, 45, 63, 255] {
            assert_eq!(of(ColumnType::VarString, plain), CellKind::Text, "{plain}");
            assert_eq!(of(ColumnType::Json, plain), CellKind::Json, "{plain}");
        }
    }
}
