//! Collations by their numbers: which stand for a character set that keeps ASCII as it is.
//!
//! A column's definition names its collation by number, and with it how its values are to be read. Where each byte below
//! 0x80 is ASCII wherever it stands, a search for ASCII finds what is there; in UTF-16 it finds nothing, and in GBK, SJIS
//! and the like a letter's second byte can be ASCII too. The numbers are those of `information_schema.COLLATIONS`; MariaDB
//! counts on from MySQL's: a thousand higher without padding, and in blocks of 256 from 2048 on for UCA 14. What is not
//! known here is taken for the latter kind.

/// The collation of bytes that are no text.
pub const BINARY: u16 = 63;

/// Where MariaDB's collations without padding begin and end.
const NO_PAD: u16 = 1024;
const NO_PAD_END: u16 = NO_PAD + 248;

/// Whether in text of this collation every byte below 0x80 is ASCII wherever it stands.
pub fn keeps_ascii(collation: u16) -> bool {
    let base = match collation {
        NO_PAD..NO_PAD_END => collation.wrapping_sub(NO_PAD),
        other => other,
    };
    match base {
        // latin1, latin2, dec8, cp850, hp8, koi8r, ascii.
        2..=9 | 11 => true,
        // cp1251, latin1, hebrew, tis620, latin2, koi8u, greek, latin7.
        14..=16 | 18 | 20..=23 | 25..=27 => true,
        // cp1257, latin5, latin1, utf8mb3, cp1250, cp866, keybcs2, macce, macroman, cp852.
        29..=31 | 33..=34 | 36..=44 => true,
        // utf8mb4, latin1, cp1251, macroman, cp1256, cp1257.
        45..=53 | 57..=59 => true,
        BINARY | 65..=81 | 83 | 89 | 92..=94 | 99 => true,
        // utf8mb3 and utf8mb4: between the first two is gb18030, from 576 on are MariaDB's own.
        192..=247 | 255..=323 | 576..=578 | 608..=610 | 2048..=2559 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As MySQL 9.7 and MariaDB 10.11 number them.
    const KEEPS: &[u16] = &[
        5, 8, 11, 18, 25, 33, 45, 46, 63, 65, 76, 83, 89, 94, 99, 192, 223, 224, 247, 255, 323, 578, 610, 1032, 1069,
        1107, 1216, 1270, 2048, 2247, 2304, 2503,
    ];
    const DOES_NOT: &[u16] = &[
        0, 1, 10, 12, 13, 17, 19, 24, 28, 32, 35, 54, 55, 56, 60, 61, 62, 64, 82, 84, 85, 86, 87, 88, 90, 91, 95, 96,
        97, 98, 101, 124, 128, 159, 160, 183, 248, 249, 250, 640, 672, 736, 1025, 1036, 1056, 1059, 1078, 1088, 1114,
        1125, 1147, 1152, 1184, 2560, 2727, 2816, 3015, 3072, 3271, 9999,
    ];

    #[test]
    fn only_what_is_known_to_keep_ascii_does() {
        for collation in KEEPS {
            assert!(keeps_ascii(*collation), "{collation}");
        }
        for collation in DOES_NOT {
            assert!(!keeps_ascii(*collation), "{collation}");
        }
    }
}
