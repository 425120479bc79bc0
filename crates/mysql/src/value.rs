//! One value of the binary protocol, read by its type.
//!
//! Used for parameters, which a recording shows and a policy may ask about, and for cells of binary rows. Dates and times
//! keep their bytes, so that a value is written exactly as it was read. Spec: "Binary Protocol Value".

use bytes::{BufMut, BytesMut};
use portcullis_wire::{Malformed, Reader};

use crate::lenenc;
use crate::types::{ColumnType, Shape, ValueType};

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'f> {
    /// No value.
    Null,
    /// The value came before, by COM_STMT_SEND_LONG_DATA.
    LongData,
    /// An integer with a sign.
    Int(i64),
    /// An integer without a sign.
    UInt(u64),
    /// A number of four bytes.
    Float(f32),
    /// A number of eight bytes.
    Double(f64),
    /// A date, or a date with a time.
    Date(Date<'f>),
    /// A span of time.
    Time(Time<'f>),
    /// Text, bytes, a decimal: everything that has a length.
    Bytes(&'f [u8]),
}

impl<'f> Value<'f> {
    /// Reads a value that is there.
    pub(crate) fn decode(r: &mut Reader<'f>, of: ValueType, field: &'static str) -> Result<Self, Malformed> {
        let content = of.kind.content(r, field)?;
        Self::of(of, content).ok_or(Malformed::Invalid(field))
    }

    /// The value that `content` is, the length before it taken away. `None` where it is no value of that type.
    pub fn of(of: ValueType, content: &'f [u8]) -> Option<Self> {
        Some(match of.kind.shape() {
            Shape::Counted => Self::Bytes(content),
            Shape::Date => Self::Date(Date(content)),
            Shape::Time => Self::Time(Time(content)),
            Shape::Nothing => return None,
            Shape::Fixed(_) => match (of.kind, of.unsigned) {
                (ColumnType::Float, _) => Self::Float(f32::from_le_bytes(content.try_into().ok()?)),
                (ColumnType::Double, _) => Self::Double(f64::from_le_bytes(content.try_into().ok()?)),
                (_, true) => Self::UInt(unsigned(content)),
                (_, false) => Self::Int(signed(content)),
            },
        })
    }

    /// Writes the value as one of type `kind`; what is NULL or was sent before takes no byte.
    pub(crate) fn encode(&self, out: &mut BytesMut, kind: ColumnType) {
        match *self {
            Self::Null | Self::LongData => {}
            Self::Int(value) => put_fixed(out, kind, value.to_le_bytes()),
            Self::UInt(value) => put_fixed(out, kind, value.to_le_bytes()),
            Self::Float(value) => out.put_f32_le(value),
            Self::Double(value) => out.put_f64_le(value),
            Self::Date(Date(bytes)) | Self::Time(Time(bytes)) | Self::Bytes(bytes) => lenenc::put_bytes(out, bytes),
        }
    }
}

/// Little-endian, of up to eight bytes, filled up with zeros.
fn unsigned(content: &[u8]) -> u64 {
    content.iter().rev().fold(0, |value, &byte| (value << 8) | u64::from(byte))
}

/// Little-endian, of up to eight bytes, filled up with the sign.
fn signed(content: &[u8]) -> i64 {
    let sign = content.last().is_some_and(|byte| byte & 0x80 != 0);
    let start = if sign { -1 } else { 0 };
    content.iter().rev().fold(start, |value, &byte| (value << 8) | i64::from(byte))
}

fn put_fixed(out: &mut BytesMut, kind: ColumnType, bytes: [u8; 8]) {
    if let Shape::Fixed(length) = kind.shape() {
        out.put_slice(bytes.get(..usize::from(length)).unwrap_or(&bytes));
    }
}

/// A date, with a time of 0, 3 or 7 bytes, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date<'f>(&'f [u8]);

/// A date with its time, all zero where nothing was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DateParts {
    /// The year.
    pub year: u16,
    /// The month, 1 to 12; 0 in dates that are none.
    pub month: u8,
    /// The day, 1 to 31; 0 in dates that are none.
    pub day: u8,
    /// The hour.
    pub hour: u8,
    /// The minute.
    pub minute: u8,
    /// The second.
    pub second: u8,
    /// The microseconds.
    pub micros: u32,
}

impl Date<'_> {
    /// What it says. Nothing is checked: servers do that.
    pub fn parts(self) -> DateParts {
        let mut parts = DateParts::default();
        if let Some(([year_low, year_high, month, day], time)) = self.0.split_first_chunk() {
            (parts.year, parts.month, parts.day) = (u16::from_le_bytes([*year_low, *year_high]), *month, *day);
            if let Some(([hour, minute, second], micros)) = time.split_first_chunk() {
                (parts.hour, parts.minute, parts.second) = (*hour, *minute, *second);
                parts.micros = micros.first_chunk().map_or(0, |micros| u32::from_le_bytes(*micros));
            }
        }
        parts
    }
}

/// A span of time of 0, 8 or 12 bytes, as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time<'f>(&'f [u8]);

/// A span of time, all zero where nothing was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeParts {
    /// Whether it is below zero.
    pub negative: bool,
    /// The days.
    pub days: u32,
    /// The hours.
    pub hours: u8,
    /// The minutes.
    pub minutes: u8,
    /// The seconds.
    pub seconds: u8,
    /// The microseconds.
    pub micros: u32,
}

impl Time<'_> {
    /// What it says. Nothing is checked: servers do that.
    pub fn parts(self) -> TimeParts {
        let Some(([sign, a, b, c, d, hours, minutes, seconds], micros)) = self.0.split_first_chunk() else {
            return TimeParts::default();
        };
        TimeParts {
            negative: *sign != 0,
            days: u32::from_le_bytes([*a, *b, *c, *d]),
            hours: *hours,
            minutes: *minutes,
            seconds: *seconds,
            micros: micros.first_chunk().map_or(0, |micros| u32::from_le_bytes(*micros)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], kind: ColumnType) -> Value<'_> {
        let mut r = Reader::new(bytes);
        let value = Value::decode(&mut r, ValueType::signed(kind), "value").unwrap();
        r.finish().unwrap();
        let mut out = BytesMut::new();
        value.encode(&mut out, kind);
        assert_eq!(&out[..], bytes);
        value
    }

    #[test]
    fn numbers_are_the_specifications() {
        assert_eq!(read(b"\x01\0\0\0\0\0\0\0", ColumnType::LongLong), Value::Int(1));
        assert_eq!(read(b"\xff\xff\xff\xff", ColumnType::Long), Value::Int(-1));
        assert_eq!(read(b"\x00\x80", ColumnType::Short), Value::Int(-32_768));
        assert_eq!(read(b"\x7f", ColumnType::Tiny), Value::Int(127));
        assert_eq!(read(b"\x66\x66\x66\x66\x66\x66\x24\x40", ColumnType::Double), Value::Double(10.2));
        assert_eq!(read(b"\x33\x33\x23\x41", ColumnType::Float), Value::Float(10.2));
        let unsigned = ValueType { kind: ColumnType::LongLong, unsigned: true };
        assert_eq!(Value::of(unsigned, &[0xff; 8]), Some(Value::UInt(u64::MAX)));
        assert_eq!(Value::of(unsigned, &[0xff]), Some(Value::UInt(255)));
    }

    #[test]
    fn a_date_may_stop_early() {
        let full = b"\x0b\xda\x07\x0a\x11\x13\x1b\x1e\x01\x00\x00\x00";
        let Value::Date(date) = read(full, ColumnType::DateTime) else { panic!("a date") };
        let parts = DateParts { year: 2010, month: 10, day: 17, hour: 19, minute: 27, second: 30, micros: 1 };
        assert_eq!(date.parts(), parts);
        let Value::Date(date) = read(b"\x04\xda\x07\x0a\x11", ColumnType::Date) else { panic!("a date") };
        assert_eq!(date.parts(), DateParts { year: 2010, month: 10, day: 17, ..DateParts::default() });
        let Value::Date(date) = read(b"\x00", ColumnType::Timestamp) else { panic!("a date") };
        assert_eq!(date.parts(), DateParts::default());
    }

    #[test]
    fn a_time_may_be_below_zero() {
        let full = b"\x0c\x01\x78\x00\x00\x00\x13\x1b\x1e\x01\x00\x00\x00";
        let Value::Time(time) = read(full, ColumnType::Time) else { panic!("a time") };
        let parts = TimeParts { negative: true, days: 120, hours: 19, minutes: 27, seconds: 30, micros: 1 };
        assert_eq!(time.parts(), parts);
        let Value::Time(time) = read(b"\x08\x01\x78\x00\x00\x00\x13\x1b\x1e", ColumnType::Time) else {
            panic!("a time")
        };
        assert_eq!(time.parts(), TimeParts { micros: 0, ..parts });
    }

    #[test]
    fn text_has_a_length() {
        assert_eq!(read(b"\x03foo", ColumnType::VarString), Value::Bytes(b"foo"));
        assert_eq!(read(b"\x0412.5", ColumnType::NewDecimal), Value::Bytes(b"12.5"));
    }

    #[test]
    fn there_is_no_value_of_the_type_null() {
        let null = ValueType::signed(ColumnType::Null);
        assert_eq!(Value::decode(&mut Reader::new(b"\0"), null, "v"), Err(Malformed::Invalid("v")));
    }
}
