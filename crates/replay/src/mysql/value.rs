//! Values of the binary protocol as the text protocol shows them, so that a result reads alike whichever way it came.
//!
//! What has no text form (bits, geometries, vectors, bytes that are not UTF-8) is hex in both. Spec: "Binary Protocol
//! Value"; how numbers and times are printed, MySQL "Numeric Literals" and "Fractional Seconds in Time Values".

use portcullis_mysql::Value;
use portcullis_mysql::response::ColumnDefinition;
use portcullis_mysql::types::{ColumnType, ValueType};
use portcullis_mysql::value::{DateParts, TimeParts};

use crate::decode::{Parameter, hex};

/// The number of decimals that says there is none.
const NOT_FIXED: u8 = 31;

/// How the values of a column look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    of: ValueType,
    decimals: u8,
    /// Whether the column says that its values are no text.
    bytes: bool,
}

/// The collation of what is no text.
const BINARY: u16 = 63;

impl Default for Look {
    /// Of a column that nobody described.
    fn default() -> Self {
        Self { of: ValueType::signed(ColumnType::VarString), decimals: NOT_FIXED, bytes: false }
    }
}

impl Look {
    pub(super) fn of(definition: &ColumnDefinition<'_>) -> Self {
        let unsigned = definition.flags & ColumnDefinition::UNSIGNED != 0;
        let (decimals, bytes) = (definition.decimals, definition.collation == BINARY);
        Self { of: ValueType { kind: definition.kind, unsigned }, decimals, bytes }
    }

    /// A value of a text row.
    pub(super) fn text(self, content: &[u8]) -> Vec<u8> {
        match self.of.kind {
            ColumnType::Bit | ColumnType::Geometry | ColumnType::Vector => hex(content),
            _ if self.bytes && content.iter().any(u8::is_ascii_control) => hex(content),
            _ => readable(content),
        }
    }

    /// A value of a binary row.
    pub(super) fn binary(self, content: &[u8]) -> Vec<u8> {
        match Value::of(self.of, content) {
            None | Some(Value::Null | Value::LongData) => hex(content),
            Some(Value::Bytes(bytes)) => self.text(bytes),
            Some(Value::Int(number)) => number.to_string().into_bytes(),
            Some(Value::UInt(number)) => number.to_string().into_bytes(),
            Some(Value::Float(number)) => real(&number, f64::from(number), self.decimals).into_bytes(),
            Some(Value::Double(number)) => real(&number, number, self.decimals).into_bytes(),
            Some(Value::Date(date)) => self.date(date.parts()).into_bytes(),
            Some(Value::Time(time)) => self.time(time.parts()).into_bytes(),
        }
    }

    fn date(self, at: DateParts) -> String {
        let date = format!("{:04}-{:02}-{:02}", at.year, at.month, at.day);
        if self.of.kind == ColumnType::Date {
            return date;
        }
        format!("{date} {:02}:{:02}:{:02}{}", at.hour, at.minute, at.second, self.fraction(at.micros))
    }

    /// Days count as hours, as in all text of these servers.
    fn time(self, span: TimeParts) -> String {
        let sign = if span.negative { "-" } else { "" };
        let hours = u64::from(span.days).saturating_mul(24).saturating_add(u64::from(span.hours));
        format!("{sign}{hours:02}:{:02}:{:02}{}", span.minutes, span.seconds, self.fraction(span.micros))
    }

    /// As many digits as the column has; all that count where that is not known.
    fn fraction(self, micros: u32) -> String {
        let all = format!("{micros:06}");
        let digits = match self.decimals {
            1..=6 => all.get(..usize::from(self.decimals)).unwrap_or(&all),
            0 => "",
            _ => all.trim_end_matches('0'),
        };
        if digits.is_empty() { String::new() } else { format!(".{digits}") }
    }
}

/// A parameter, as a literal without its quotes.
pub(super) fn parameter(of: ValueType, content: &[u8]) -> Option<Parameter> {
    let shown = Look { of, decimals: NOT_FIXED, bytes: false }.binary(content);
    match Value::of(of, content)? {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Double(_) => {
            String::from_utf8(shown).ok().map(Parameter::Number)
        }
        Value::Bytes(bytes) if shown != bytes => String::from_utf8(shown).ok().map(Parameter::Number),
        _ => Some(Parameter::Text(shown)),
    }
}

/// Text as it is, and bytes that are none as hex.
fn readable(content: &[u8]) -> Vec<u8> {
    if std::str::from_utf8(content).is_ok() { content.to_vec() } else { hex(content) }
}

/// The shortest text that reads as the same number, or the column's digits behind the point.
fn real<N: std::fmt::Display + std::fmt::LowerExp>(number: &N, size: f64, decimals: u8) -> String {
    if decimals < NOT_FIXED {
        return format!("{number:.*}", usize::from(decimals));
    }
    match size.abs() {
        size if size == 0.0 || (1e-15..1e15).contains(&size) => format!("{number}"),
        _ => format!("{number:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: ColumnType, decimals: u8, content: &[u8]) -> String {
        let look = Look { of: ValueType::signed(kind), decimals, bytes: false };
        String::from_utf8(look.binary(content)).unwrap()
    }

    #[test]
    fn numbers_read_as_in_a_text_row() {
        assert_eq!(shown(ColumnType::Long, 0, &(-7i32).to_le_bytes()), "-7");
        let unsigned = Look { of: ValueType { kind: ColumnType::LongLong, unsigned: true }, decimals: 0, bytes: false };
        assert_eq!(unsigned.binary(&[0xff; 8]), b"18446744073709551615");
        assert_eq!(shown(ColumnType::Float, 31, &10.2f32.to_le_bytes()), "10.2");
        assert_eq!(shown(ColumnType::Float, 2, &10.2f32.to_le_bytes()), "10.20");
        assert_eq!(shown(ColumnType::Double, 31, &0.0f64.to_le_bytes()), "0");
        assert_eq!(shown(ColumnType::Double, 31, &1e20f64.to_le_bytes()), "1e20");
        assert_eq!(shown(ColumnType::NewDecimal, 2, b"12.50"), "12.50");
    }

    #[test]
    fn dates_have_the_digits_of_their_column() {
        let full = [0xda, 0x07, 10, 17, 19, 27, 30, 0x20, 0xa1, 0x07, 0];
        assert_eq!(shown(ColumnType::DateTime, 6, &full), "2010-10-17 19:27:30.500000");
        assert_eq!(shown(ColumnType::DateTime, 0, &full), "2010-10-17 19:27:30");
        assert_eq!(shown(ColumnType::Timestamp, NOT_FIXED, &full), "2010-10-17 19:27:30.5");
        assert_eq!(shown(ColumnType::DateTime, 0, &full[..4]), "2010-10-17 00:00:00");
        assert_eq!(shown(ColumnType::Date, 0, &full[..4]), "2010-10-17");
        assert_eq!(shown(ColumnType::Date, 0, &[]), "0000-00-00");
    }

    #[test]
    fn days_of_a_time_are_hours() {
        let span = [1, 120, 0, 0, 0, 19, 27, 30, 1, 0, 0, 0];
        assert_eq!(shown(ColumnType::Time, 6, &span), "-2899:27:30.000001");
        assert_eq!(shown(ColumnType::Time, 0, &[]), "00:00:00");
    }

    #[test]
    fn what_is_no_text_is_hex() {
        assert_eq!(shown(ColumnType::Blob, 0, b"\xff\x00"), r"\xff00");
        assert_eq!(shown(ColumnType::Bit, 0, b"\x01"), r"\x01");
        assert_eq!(shown(ColumnType::Blob, 0, b"plain"), "plain");
        assert_eq!(shown(ColumnType::Blob, 0, b"two\nlines"), "two\nlines");
        let bytes = Look { bytes: true, ..Look::default() };
        assert_eq!((bytes.text(b"\x05"), bytes.binary(b"plain")), (br"\x05".to_vec(), b"plain".to_vec()));
        assert_eq!(shown(ColumnType::Float, 31, b"\x01"), r"\x01");
    }
}
