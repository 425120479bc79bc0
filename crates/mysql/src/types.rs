//! Column and parameter types, and how a value of each lies in the binary protocol.
//!
//! The type alone says where a value ends, so a type that two servers would read differently must not pass: as a
//! *parameter*, MySQL reads INT24, YEAR and BIT as counted strings and MariaDB reads no byte at all. No client library
//! sends them, and they are refused. Spec: "Column Types"; "Binary Protocol Value"; MySQL `get_ps_param_len`; MariaDB
//! `Item_param_set_param_func`. Types that exist only inside servers (TIMESTAMP2, TYPED_ARRAY …) are absent.

use portcullis_wire::{Malformed, Reader};

use crate::lenenc;

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $byte:literal, $shape:expr;)*) => {
        /// The type of a column or parameter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ColumnType {
            $($(#[$doc])* $name,)*
        }

        impl ColumnType {
            /// Every type there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The byte on the wire.
            pub fn byte(self) -> u8 {
                match self {
                    $(Self::$name => $byte,)*
                }
            }

            /// How a value lies in the binary protocol.
            #[inline]
            pub fn shape(self) -> Shape {
                match self {
                    $(Self::$name => $shape,)*
                }
            }

            fn of(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

types! {
    /// A decimal of old, as text.
    Decimal = 0, Shape::Counted;
    /// One byte.
    Tiny = 1, Shape::Fixed(1);
    /// Two bytes.
    Short = 2, Shape::Fixed(2);
    /// Four bytes.
    Long = 3, Shape::Fixed(4);
    /// IEEE 754, four bytes.
    Float = 4, Shape::Fixed(4);
    /// IEEE 754, eight bytes.
    Double = 5, Shape::Fixed(8);
    /// Never a value.
    Null = 6, Shape::Nothing;
    /// A date with a time.
    Timestamp = 7, Shape::Date;
    /// Eight bytes.
    LongLong = 8, Shape::Fixed(8);
    /// An integer of three bytes, sent as four.
    Int24 = 9, Shape::Fixed(4);
    /// A date.
    Date = 10, Shape::Date;
    /// A span of time.
    Time = 11, Shape::Time;
    /// A date with a time.
    DateTime = 12, Shape::Date;
    /// A year, two bytes.
    Year = 13, Shape::Fixed(2);
    /// Text.
    Varchar = 15, Shape::Counted;
    /// Bits, as bytes.
    Bit = 16, Shape::Counted;
    /// MySQL: floats in a row, as bytes.
    Vector = 242, Shape::Counted;
    /// JSON text.
    Json = 245, Shape::Counted;
    /// A decimal, as text.
    NewDecimal = 246, Shape::Counted;
    /// One of a list, as text.
    Enum = 247, Shape::Counted;
    /// Some of a list, as text.
    Set = 248, Shape::Counted;
    /// Bytes or text, up to 255.
    TinyBlob = 249, Shape::Counted;
    /// Bytes or text, up to 2^24-1.
    MediumBlob = 250, Shape::Counted;
    /// Bytes or text, up to 2^32-1.
    LongBlob = 251, Shape::Counted;
    /// Bytes or text, up to 65,535.
    Blob = 252, Shape::Counted;
    /// Text or bytes.
    VarString = 253, Shape::Counted;
    /// Text or bytes of fixed length.
    String = 254, Shape::Counted;
    /// Well-known binary.
    Geometry = 255, Shape::Counted;
}

/// How a value lies in the binary protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// So many bytes, little-endian.
    Fixed(u8),
    /// A length-encoded string.
    Counted,
    /// One byte of length, then 0, 4, 7 or 11 bytes.
    Date,
    /// One byte of length, then 0, 8 or 12 bytes.
    Time,
    /// There can be no value.
    Nothing,
}

impl ColumnType {
    /// The type with this byte.
    ///
    /// # Errors
    /// A byte that no server sends.
    pub fn decode(byte: u8) -> Result<Self, Malformed> {
        Self::of(byte).ok_or(Malformed::Invalid("column type"))
    }

    /// Whether MySQL and MariaDB both read a parameter of this type as it is read here, or refuse it.
    pub fn is_parameter(self) -> bool {
        !matches!(self, Self::Int24 | Self::Year | Self::Bit)
    }

    /// Whether COM_STMT_SEND_LONG_DATA may carry the value.
    pub fn takes_long_data(self) -> bool {
        (Self::TinyBlob.byte()..=Self::String.byte()).contains(&self.byte())
    }

    /// Reads a value's bytes, without the length before them.
    #[inline]
    pub(crate) fn content<'f>(self, r: &mut Reader<'f>, field: &'static str) -> Result<&'f [u8], Malformed> {
        match self.shape() {
            Shape::Fixed(length) => r.bytes(usize::from(length), field),
            Shape::Counted => lenenc::bytes(r, field),
            Shape::Date => short(r, field, &[0, 4, 7, 11]),
            Shape::Time => short(r, field, &[0, 8, 12]),
            Shape::Nothing => Err(Malformed::Invalid(field)),
        }
    }
}

/// Servers take other lengths too, each in its own way; no client sends them.
fn short<'f>(r: &mut Reader<'f>, field: &'static str, lengths: &[u8]) -> Result<&'f [u8], Malformed> {
    let length = r.u8(field)?;
    if !lengths.contains(&length) {
        return Err(Malformed::Invalid(field));
    }
    r.bytes(usize::from(length), field)
}

/// The type of a value and whether its integers have no sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueType {
    /// The type.
    pub kind: ColumnType,
    /// Whether integers have no sign.
    pub unsigned: bool,
}

impl ValueType {
    /// A type whose integers have a sign.
    pub fn signed(kind: ColumnType) -> Self {
        Self { kind, unsigned: false }
    }

    /// Reads a parameter's type.
    // EVASION: MySQL takes fifteen bits for the type, MariaDB eight; only what both read alike passes
    // (`a_flag_that_is_not_unsigned_is_refused`).
    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let [kind, flags] = r.array::<2>("parameter type")?;
        let kind = ColumnType::of(kind).filter(|kind| kind.is_parameter());
        match (kind, flags) {
            (Some(kind), 0 | UNSIGNED) => Ok(Self { kind, unsigned: flags == UNSIGNED }),
            _ => Err(Malformed::Invalid("parameter type")),
        }
    }

    /// Both in one number: the type's byte, and 256 more without a sign.
    pub fn code(self) -> u32 {
        u32::from(self.kind.byte()) | u32::from(self.unsigned) << 8
    }

    pub(crate) fn bytes(self) -> [u8; 2] {
        [self.kind.byte(), if self.unsigned { UNSIGNED } else { 0 }]
    }
}

const UNSIGNED: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_bytes_agree() {
        for &kind in ColumnType::ALL {
            assert_eq!(ColumnType::decode(kind.byte()), Ok(kind));
        }
        for inner in [14, 17, 18, 19, 20, 140, 141, 243, 244] {
            assert_eq!(ColumnType::decode(inner), Err(Malformed::Invalid("column type")));
        }
    }

    #[test]
    fn a_flag_that_is_not_unsigned_is_refused() {
        let unsigned = ValueType { kind: ColumnType::LongLong, unsigned: true };
        assert_eq!(ValueType::decode(&mut Reader::new(b"\x08\x80")), Ok(unsigned));
        for flags in [1, 0x40, 0x81, 0xff] {
            assert!(ValueType::decode(&mut Reader::new(&[8, flags])).is_err());
        }
    }

    #[test]
    fn a_parameter_that_servers_read_differently_is_refused() {
        for byte in [9, 13, 16] {
            let refused = ValueType::decode(&mut Reader::new(&[byte, 0]));
            assert_eq!(refused, Err(Malformed::Invalid("parameter type")));
        }
    }

    #[test]
    fn only_strings_take_long_data() {
        let taken: Vec<u8> =
            ColumnType::ALL.iter().filter(|kind| kind.takes_long_data()).map(|kind| kind.byte()).collect();
        assert_eq!(taken, [249, 250, 251, 252, 253, 254]);
    }

    #[test]
    fn odd_lengths_of_dates_and_times_are_refused() {
        for length in 0..=255_u8 {
            let mut bytes = vec![length];
            bytes.resize(260, 0);
            let date = ColumnType::DateTime.content(&mut Reader::new(&bytes), "d");
            assert_eq!(date.is_ok(), [0, 4, 7, 11].contains(&length));
            let time = ColumnType::Time.content(&mut Reader::new(&bytes), "t");
            assert_eq!(time.is_ok(), [0, 8, 12].contains(&length));
        }
    }
}
