//! The laws of the codec, for every message of both directions: what decodes encodes to the same bytes; leftovers and cuts
//! are refused; no field leaves its payload; decoding never panics. The laws of framing are in `frames.rs`.
//!
//! One exception is the protocol's: a length may be written longer than it needs to be, as servers accept it, and is
//! written in its shortest form again. Any other change of a byte breaks a law.

mod bodies;

use bodies::{Kind, again, agreed, body, flipped, open_ended};
use bytes::BytesMut;
use portcullis_mysql::command::{Naming, Parameter, Parameters, Prepared, StmtBulkExecute};
use portcullis_mysql::response::{binary_cells, put_binary, put_text, text_cells};
use portcullis_mysql::types::ValueType;
use portcullis_mysql::{ColumnType, Value, lenenc};
use portcullis_wire::Reader;
use proptest::collection::vec;
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::all())
}

fn parameter_type() -> impl Strategy<Value = ValueType> {
    let kinds: Vec<_> = ColumnType::ALL.iter().copied().filter(|kind| kind.is_parameter()).collect();
    (proptest::sample::select(kinds), any::<bool>()).prop_map(|(kind, unsigned)| ValueType { kind, unsigned })
}

fn column_type() -> impl Strategy<Value = ValueType> {
    let kinds = proptest::sample::select(ColumnType::ALL);
    (kinds, any::<bool>()).prop_map(|(kind, unsigned)| ValueType { kind, unsigned })
}

/// Bytes that are a value of this type.
fn content(of: ValueType, seed: &[u8]) -> Vec<u8> {
    use portcullis_mysql::types::Shape;
    let mut bytes = seed.to_vec();
    let pick = usize::from(seed.first().copied().unwrap_or_default());
    match of.kind.shape() {
        Shape::Fixed(length) => bytes.resize(usize::from(length), 7),
        Shape::Date => bytes.resize([0, 4, 7, 11][pick % 4], 1),
        Shape::Time => bytes.resize([0, 8, 12][pick % 3], 1),
        Shape::Counted => {}
        Shape::Nothing => bytes.clear(),
    }
    bytes
}

type Given = (ValueType, Option<Vec<u8>>);

fn given(of: impl Strategy<Value = ValueType>) -> impl Strategy<Value = Given> {
    (of, proptest::option::of(vec(any::<u8>(), 0..300)))
        .prop_map(|(of, seed)| (of, seed.map(|seed| content(of, &seed)).filter(|_| of.kind != ColumnType::Null)))
}

fn value(given: &Given) -> Value<'_> {
    given.1.as_deref().map_or(Value::Null, |content| Value::of(given.0, content).unwrap())
}

/// Equal as bytes: two NaNs are one value here.
fn same(left: Value<'_>, right: Value<'_>) -> bool {
    format!("{left:?}") == format!("{right:?}")
}

proptest! {
    #[test]
    fn a_message_comes_out_as_it_went_in((kind, agreed, body) in (kind(), agreed()).prop_flat_map(|(kind, agreed)| {
        (Just(kind), Just(agreed), body(kind, agreed))
    })) {
        prop_assert_eq!(again(kind, agreed, &body), Some(body));
    }

    #[test]
    fn a_message_that_is_cut_or_longer_is_refused((kind, agreed, body) in (kind(), agreed()).prop_flat_map(|(kind, agreed)| {
        (Just(kind), Just(agreed), body(kind, agreed))
    }), extra in any::<u8>()) {
        prop_assume!(!open_ended(kind, agreed, &body));
        prop_assert_eq!(again(kind, agreed, &[&body[..], &[extra]].concat()), None);
        for end in 0..body.len() {
            // A cut is refused, or is a shorter message whole: then its own last byte is its end.
            if let Some(again) = again(kind, agreed, &body[..end]) {
                prop_assert_eq!(&again[..], &body[..end]);
                prop_assert!(bodies::may_stop_early(kind));
            }
        }
    }

    /// Hostile bytes: near-misses of real messages, and noise.
    #[test]
    fn what_decodes_encodes_to_the_same_bytes(
        (kind, agreed, body) in (kind(), agreed()).prop_flat_map(|(kind, agreed)| {
            (Just(kind), Just(agreed), body(kind, agreed))
        }),
        flips in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        noise in vec(any::<u8>(), 0..64),
    ) {
        let near = flipped(body, &flips);
        for bytes in [near, noise] {
            let Some(once) = again(kind, agreed, &bytes) else { continue };
            if once.len() == bytes.len() {
                prop_assert_eq!(once, bytes);
            } else {
                // Only a length in a longer form than needed may change, and only once.
                prop_assert!(once.len() < bytes.len());
                prop_assert_eq!(again(kind, agreed, &once), Some(once));
            }
        }
    }

    #[test]
    fn numbers_come_out_as_they_went_in(value in any::<u64>(), shift in 0..64_u32, noise in vec(any::<u8>(), 0..10)) {
        let value = value >> shift;
        let mut out = BytesMut::new();
        lenenc::put_int(&mut out, value);
        let mut r = Reader::new(&out);
        prop_assert_eq!(lenenc::int(&mut r, "n"), Ok(value));
        prop_assert_eq!(r.remaining(), 0);
        for end in 0..out.len() {
            prop_assert!(lenenc::int(&mut Reader::new(&out[..end]), "n").is_err());
        }
        let _ = lenenc::bytes(&mut Reader::new(&noise), "s");
        let _ = lenenc::cell(&mut Reader::new(&noise), "s");
    }

    #[test]
    fn parameters_come_out_as_they_went_in(
        givens in vec((given(parameter_type()), vec(any::<u8>(), 0..9)), 0..20),
        named in proptest::sample::select(&[Naming::Named, Naming::Positional][..]),
    ) {
        let parameters: Vec<_> = givens.iter().map(|(given, name)| {
            let name = if named == Naming::Named { &name[..] } else { &[][..] };
            Parameter { name, of: given.0, value: value(given) }
        }).collect();
        let prepared = Prepared { placeholders: parameters.len() as u16, ..Prepared::default() };
        let mut out = BytesMut::new();
        Parameters::put(&mut out, named, &parameters);
        let read = Parameters::decode(&out, named, prepared).unwrap();
        prop_assert_eq!(read.len(), parameters.len());
        for (got, given) in read.iter().zip(&parameters) {
            prop_assert!(got.name == given.name && got.of == given.of && same(got.value, given.value));
        }
        let mut once = BytesMut::new();
        read.encode(&mut once);
        prop_assert_eq!(&once, &out);
        for end in 0..out.len() {
            prop_assert!(Parameters::decode(&out[..end], named, prepared).is_err());
        }
        // Executed again with the types remembered: the same values without the types.
        if named == Naming::Positional && !parameters.is_empty() {
            let nulls = parameters.len().div_ceil(8);
            let types: Vec<_> = read.iter().map(|each| each.of).collect();
            let kept = [&out[..nulls], &[0], &out[nulls + 1 + 2 * types.len()..]].concat();
            let later = Parameters::decode(&kept, named, Prepared { types: &types, ..prepared }).unwrap();
            prop_assert_eq!(later.iter().count(), parameters.len());
            prop_assert!(later.iter().zip(&parameters).all(|(got, given)| same(got.value, given.value)));
        }
    }

    #[test]
    fn parameters_of_any_bytes_never_panic(
        raw in vec(prop_oneof![2 => 0..4_u8, 1 => any::<u8>()], 0..60),
        placeholders in 0..20_u16,
        types in vec(parameter_type(), 0..20),
        long_data in proptest::collection::btree_set(0..20_u16, 0..4),
    ) {
        let long_data: Vec<_> = long_data.into_iter().collect();
        let prepared = Prepared { placeholders, types: &types, long_data: &long_data };
        for naming in [Naming::Named, Naming::Positional] {
            if let Ok(parameters) = Parameters::decode(&raw, naming, prepared) {
                prop_assert_eq!(parameters.iter().count(), parameters.len());
            }
        }
        for (flags, long_data) in [(0, &[][..]), (128, &[]), (128, &long_data)] {
            let bulk = StmtBulkExecute { statement: 1, flags, raw: &raw };
            if let Ok(rows) = bulk.rows(Prepared { long_data, ..prepared }) {
                prop_assert_eq!(rows.values().count(), rows.count() * usize::from(placeholders));
            }
        }
    }

    #[test]
    fn no_cell_of_a_text_row_leaves_its_payload(
        values in vec(proptest::option::of(vec(any::<u8>(), 0..300)), 0..9),
        noise in vec(any::<u8>(), 0..40),
        columns in 0..6_u16,
    ) {
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        let mut row = BytesMut::new();
        put_text(&mut row, &values);
        let cells: Vec<_> = text_cells(&row, values.len() as u16).collect::<Result<_, _>>().unwrap();
        let got: Vec<_> = cells.into_iter().map(|cell| cell.map(|cell| &row[cell.start as usize..cell.end as usize])).collect();
        prop_assert_eq!(got, values);
        for cell in text_cells(&noise, columns).map_while(Result::ok).flatten() {
            prop_assert!(cell.start <= cell.end && cell.end as usize <= noise.len());
        }
    }

    #[test]
    fn no_cell_of_a_binary_row_leaves_its_payload(
        givens in vec(given(column_type()), 0..20),
        noise in vec(prop_oneof![2 => 0..4_u8, 1 => any::<u8>()], 0..40),
    ) {
        let types: Vec<_> = givens.iter().map(|given| given.0.kind).collect();
        let values: Vec<_> = givens.iter().map(|given| (given.0, value(given))).collect();
        let mut row = BytesMut::new();
        put_binary(&mut row, &values);
        let cells: Vec<_> = binary_cells(&row, &types).unwrap().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(cells.len(), givens.len());
        for (cell, (_, content)) in cells.into_iter().zip(&givens) {
            let got = cell.map(|cell| row[cell.start as usize..cell.end as usize].to_vec());
            prop_assert_eq!(&got, content);
        }
        for end in 0..row.len() {
            let walk = binary_cells(&row[..end], &types).and_then(|cells| cells.collect::<Result<Vec<_>, _>>());
            prop_assert!(walk.is_err());
        }
        if let Ok(cells) = binary_cells(&noise, &types) {
            for cell in cells.map_while(Result::ok).flatten() {
                prop_assert!(cell.start <= cell.end && cell.end as usize <= noise.len());
            }
        }
    }
}
