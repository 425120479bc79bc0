//! Parameters of COM_STMT_EXECUTE and attributes of COM_QUERY: one block, which nothing in it says how to read.
//!
//! How many parameters there are, and of which types, was said earlier: at the statement's preparation and at an earlier
//! execution. Whoever decodes therefore brings a [`Prepared`]. Since 8.0.26 the block may carry its own count and a name
//! for each value; values beyond the statement's placeholders are query attributes. Everything is checked when it is
//! decoded and read again without allocating. Spec: "COM_STMT_EXECUTE", "COM_QUERY"; MySQL `parse_query_bind_params`.

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::lenenc;
use crate::types::ValueType;
use crate::value::Value;

/// What is known of a prepared statement when its parameters come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prepared<'a> {
    /// How many placeholders it has.
    pub placeholders: u16,
    /// The types of the last execution that named any.
    pub types: &'a [ValueType],
    /// The parameters whose value came by COM_STMT_SEND_LONG_DATA, in rising order.
    pub long_data: &'a [u16],
}

/// Whether the block carries its own count and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Placeholders only.
    Positional,
    /// Its own count, and a name for each value: empty for placeholders.
    Named,
}

/// One parameter or attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter<'f> {
    /// Its name; empty where it has none.
    pub name: &'f [u8],
    /// Its type.
    pub of: ValueType,
    /// Its value.
    pub value: Value<'f>,
}

/// Parameters, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters<'f> {
    raw: &'f [u8],
    prepared: Prepared<'f>,
    naming: Naming,
    count: u16,
    nulls: &'f [u8],
    types: Option<&'f [u8]>,
    values: &'f [u8],
}

/// What a parameter's value is on the wire, without the length before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'f> {
    /// No value.
    Null,
    /// The value came before, by COM_STMT_SEND_LONG_DATA.
    LongData,
    /// Its bytes.
    Value(&'f [u8]),
}

impl<'f> Content<'f> {
    /// The content of a value that was read before, at the front of `r`.
    pub(super) fn again(value: &Value<'_>, of: ValueType, r: &mut Reader<'f>) -> Result<Self, Malformed> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::LongData => Ok(Self::LongData),
            _ => of.kind.content(r, "parameter").map(Self::Value),
        }
    }
}

/// The values of all placeholders and attributes as they lie in `raw`, which outlives what is known of the statement.
///
/// # Errors
/// As for [`Parameters::decode`].
pub(super) fn contents<'f>(
    raw: &'f [u8],
    naming: Naming,
    prepared: Prepared<'_>,
) -> Result<Vec<(ValueType, Content<'f>)>, Malformed> {
    let checked = Parameters::decode(raw, naming, prepared)?;
    let start = raw.len().saturating_sub(checked.values.len());
    let mut r = Reader::new(raw.get(start..).unwrap_or_default());
    checked.iter().map(|each| Ok((each.of, Content::again(&each.value, each.of, &mut r)?))).collect()
}

impl<'f> Parameters<'f> {
    /// Reads all of `raw`.
    ///
    /// # Errors
    /// Fewer values than placeholders, a value whose type was never said, a length that reaches outside, leftovers.
    pub fn decode(raw: &'f [u8], naming: Naming, prepared: Prepared<'f>) -> Result<Self, Malformed> {
        let mut r = Reader::new(raw);
        let count = match naming {
            Naming::Positional => prepared.placeholders,
            Naming::Named => count(&mut r)?,
        };
        let parameters = Self::after_count(raw, &mut r, count, naming, prepared)?;
        r.finish()?;
        Ok(parameters)
    }

    /// Reads the block of a COM_QUERY, of which the text is what remains.
    pub(crate) fn before_text(r: &mut Reader<'f>) -> Result<Self, Malformed> {
        let raw = r.clone().rest();
        let count = count(r)?;
        if lenenc::int(r, "parameter set count")? != 1 {
            return Err(Malformed::Invalid("parameter set count"));
        }
        let parameters = Self::after_count(raw, r, count, Naming::Named, Prepared::default())?;
        Ok(Self { raw: taken(raw, r), ..parameters })
    }

    fn after_count(
        raw: &'f [u8],
        r: &mut Reader<'f>,
        count: u16,
        naming: Naming,
        prepared: Prepared<'f>,
    ) -> Result<Self, Malformed> {
        let mut read = Self { raw, prepared, naming, count, nulls: &[], types: None, values: &[] };
        if count < prepared.placeholders {
            return Err(Malformed::Invalid("parameter count"));
        }
        if count == 0 {
            return Ok(read);
        }
        read.nulls = r.bytes(usize::from(count).div_ceil(8), "NULL bitmap")?;
        if bound(r)? {
            let start = r.clone().rest();
            for _ in 0..count {
                type_and_name(r, naming)?;
            }
            read.types = Some(taken(start, r));
        }
        read.values = r.clone().rest();
        let mut types = Reader::new(read.types.unwrap_or_default());
        for index in 0..count {
            read.parameter(index, &mut types, r)?;
        }
        read.values = taken(read.values, r);
        Ok(read)
    }

    fn parameter(
        &self,
        index: u16,
        types: &mut Reader<'f>,
        values: &mut Reader<'f>,
    ) -> Result<Parameter<'f>, Malformed> {
        let (of, name) = match self.types {
            Some(_) => type_and_name(types, self.naming)?,
            None => {
                (*self.prepared.types.get(usize::from(index)).ok_or(Malformed::Invalid("parameter type"))?, &[][..])
            }
        };
        let value = match (self.is_null(index), self.prepared.long_data.binary_search(&index).is_ok()) {
            (true, false) => Value::Null,
            (false, false) => Value::decode(values, of, "parameter")?,
            (false, true) if of.kind.takes_long_data() => Value::LongData,
            // EVASION: of a parameter that is both NULL and sent before, MySQL takes the NULL, MariaDB the data
            // (`null_with_long_data_is_refused`).
            (_, true) => return Err(Malformed::Invalid("long data")),
        };
        Ok(Parameter { name, of, value })
    }

    fn is_null(&self, index: u16) -> bool {
        let byte = self.nulls.get(usize::from(index / 8)).copied().unwrap_or_default();
        byte & (1 << (index % 8)) != 0
    }

    /// How many values there are, attributes included.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether types came with the values: then they are the ones to remember.
    pub fn names_types(&self) -> bool {
        self.types.is_some()
    }

    /// The values of the placeholders, then the attributes.
    pub fn iter(&self) -> impl Iterator<Item = Parameter<'f>> + use<'f> {
        let all = *self;
        let (mut types, mut values) = (Reader::new(all.types.unwrap_or_default()), Reader::new(all.values));
        // INVARIANT: `decode` has walked these very bytes.
        (0..all.count).map_while(move |index| all.parameter(index, &mut types, &mut values).ok())
    }

    /// The attributes: what comes after the placeholders' values.
    pub fn attributes(&self) -> impl Iterator<Item = Parameter<'f>> + use<'f> {
        self.iter().skip(usize::from(self.prepared.placeholders))
    }

    /// Writes the block as it was read.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_slice(self.raw);
    }

    /// Writes the block of a COM_STMT_EXECUTE, types included.
    pub fn put(out: &mut BytesMut, naming: Naming, parameters: &[Parameter<'_>]) {
        if naming == Naming::Named {
            lenenc::put_int(out, parameters.len() as u64);
        }
        put_after_count(out, naming, parameters);
    }

    /// Writes the block of a COM_QUERY.
    pub(crate) fn put_before_text(out: &mut BytesMut, parameters: &[Parameter<'_>]) {
        lenenc::put_int(out, parameters.len() as u64);
        lenenc::put_int(out, 1);
        put_after_count(out, Naming::Named, parameters);
    }
}

fn put_after_count(out: &mut BytesMut, naming: Naming, parameters: &[Parameter<'_>]) {
    if parameters.is_empty() {
        return;
    }
    for eight in parameters.chunks(8) {
        let bits = eight.iter().rev().fold(0, |bits, each| (bits << 1) | u8::from(each.value == Value::Null));
        out.put_u8(bits);
    }
    out.put_u8(1);
    for each in parameters {
        out.put_slice(&each.of.bytes());
        if naming == Naming::Named {
            lenenc::put_bytes(out, each.name);
        }
    }
    for each in parameters {
        each.value.encode(out, each.of.kind);
    }
}

fn count(r: &mut Reader<'_>) -> Result<u16, Malformed> {
    u16::try_from(lenenc::int(r, "parameter count")?).map_err(|_| Malformed::Invalid("parameter count"))
}

fn bound(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    match r.u8("new parameters flag")? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::Invalid("new parameters flag")),
    }
}

fn type_and_name<'f>(r: &mut Reader<'f>, naming: Naming) -> Result<(ValueType, &'f [u8]), Malformed> {
    let of = ValueType::decode(r)?;
    let name = match naming {
        Naming::Positional => &[][..],
        Naming::Named => lenenc::bytes(r, "parameter name")?,
    };
    Ok((of, name))
}

/// What `r` has read of `start`, of which it began at the first byte.
fn taken<'f>(start: &'f [u8], r: &Reader<'_>) -> &'f [u8] {
    start.get(..start.len().saturating_sub(r.remaining())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ColumnType;

    const TEXT: ValueType = ValueType { kind: ColumnType::VarString, unsigned: false };
    const BIG: ValueType = ValueType { kind: ColumnType::LongLong, unsigned: true };

    fn statement(placeholders: u16) -> Prepared<'static> {
        Prepared { placeholders, ..Prepared::default() }
    }

    fn decode<'f>(raw: &'f [u8], prepared: Prepared<'f>) -> Result<Parameters<'f>, Malformed> {
        Parameters::decode(raw, Naming::Positional, prepared)
    }

    #[test]
    fn fields_are_the_specifications() {
        let raw = b"\x02\x01\x0f\x00\x06\x00\x08\x80\x03foo\x07\0\0\0\0\0\0\0";
        let parameters = decode(raw, statement(3)).unwrap();
        let values: Vec<_> = parameters.iter().map(|each| each.value).collect();
        assert_eq!(values, [Value::Bytes(b"foo"), Value::Null, Value::UInt(7)]);
        assert!(parameters.names_types());
        assert_eq!(parameters.attributes().count(), 0);
    }

    #[test]
    fn types_are_remembered() {
        let known = Prepared { placeholders: 2, types: &[TEXT, BIG], long_data: &[] };
        let parameters = decode(b"\x01\x00\x07\0\0\0\0\0\0\0", known).unwrap();
        let values: Vec<_> = parameters.iter().map(|each| each.value).collect();
        assert_eq!(values, [Value::Null, Value::UInt(7)]);
        assert!(!parameters.names_types());
    }

    #[test]
    fn types_that_were_never_said_are_refused() {
        assert_eq!(decode(b"\x00\x00\x01a", statement(1)), Err(Malformed::Invalid("parameter type")));
        let named = Prepared { placeholders: 1, types: &[TEXT], long_data: &[] };
        let refused = Parameters::decode(b"\x02\x00\x00\x01a\x01b", Naming::Named, named);
        assert_eq!(refused, Err(Malformed::Invalid("parameter type")));
    }

    #[test]
    fn long_data_takes_no_byte() {
        let sent = Prepared { placeholders: 2, types: &[], long_data: &[0] };
        let parameters = decode(b"\x00\x01\xfc\x00\xfd\x00\x01b", sent).unwrap();
        let values: Vec<_> = parameters.iter().map(|each| each.value).collect();
        assert_eq!(values, [Value::LongData, Value::Bytes(b"b")]);
        let number = decode(b"\x00\x01\x08\x00\xfd\x00\x01b", sent);
        assert_eq!(number, Err(Malformed::Invalid("long data")));
    }

    #[test]
    fn null_with_long_data_is_refused() {
        let sent = Prepared { placeholders: 1, types: &[], long_data: &[0] };
        assert_eq!(decode(b"\x01\x01\xfc\x00", sent), Err(Malformed::Invalid("long data")));
    }

    #[test]
    fn what_comes_after_the_placeholders_is_an_attribute() {
        let raw = b"\x02\x00\x01\xfd\x00\x00\xfd\x00\x05trace\x01a\x02id";
        let parameters = Parameters::decode(raw, Naming::Named, statement(1)).unwrap();
        let attributes: Vec<_> = parameters.attributes().collect();
        assert_eq!(attributes, [Parameter { name: b"trace", of: TEXT, value: Value::Bytes(b"id") }]);
        assert_eq!(parameters.len(), 2);
    }

    #[test]
    fn fewer_values_than_placeholders_are_refused() {
        let refused = Parameters::decode(b"\x01\x00\x01\xfd\x00\x00\x01a", Naming::Named, statement(2));
        assert_eq!(refused, Err(Malformed::Invalid("parameter count")));
    }

    #[test]
    fn a_count_that_no_statement_has_is_refused() {
        let refused = Parameters::decode(b"\xfd\x00\x00\x01", Naming::Named, statement(0));
        assert_eq!(refused, Err(Malformed::Invalid("parameter count")));
    }

    #[test]
    fn a_statement_without_parameters_has_no_bytes() {
        assert!(decode(b"", statement(0)).unwrap().is_empty());
        assert_eq!(decode(b"\0", statement(0)), Err(Malformed::Trailing(1)));
    }

    #[test]
    fn every_cut_is_refused() {
        let mut out = BytesMut::new();
        let parameters = [
            Parameter { name: b"", of: TEXT, value: Value::Bytes(b"foo") },
            Parameter { name: b"n", of: TEXT, value: Value::Null },
            Parameter { name: b"big", of: BIG, value: Value::UInt(u64::MAX) },
        ];
        Parameters::put(&mut out, Naming::Named, &parameters);
        let read = Parameters::decode(&out, Naming::Named, statement(1)).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), parameters);
        for end in 0..out.len() {
            assert!(Parameters::decode(&out[..end], Naming::Named, statement(1)).is_err(), "cut at {end}");
        }
    }
}
