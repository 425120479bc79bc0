//! Refusals as ERR packets: the codes that clients know, and one text that says which rule and how to ask.
//!
//! ERR has one text where others have three, and no client shows more. Codes: MySQL "Server Error Message Reference".

use bytes::BytesMut;
use portcullis_wire::event::Refusal;

use crate::packet;
use crate::response::ErrPacket;

/// LIMIT: clients keep 512 bytes of an error's text (`MYSQL_ERRMSG_SIZE`).
const TEXT: usize = 511;

/// Writes `refusal` as one packet.
pub(crate) fn put(refusal: &Refusal, sequence: u8, out: &mut BytesMut) {
    let (code, state) = refusal_code(&refusal.sqlstate);
    let text = text(refusal);
    packet::write(out, sequence, |out| ErrPacket::new(code, state, &text).encode(out));
}

/// The code and SQLSTATE that a server of this family has for what the standard's class says.
pub fn refusal_code(sqlstate: &[u8; 5]) -> (u16, [u8; 5]) {
    match sqlstate {
        b"42501" => (1142, *b"42000"),
        b"42601" => (1064, *b"42000"),
        b"42P01" => (1146, *b"42S02"),
        b"42883" => (1305, *b"42000"),
        b"26000" => (1243, *b"HY000"),
        b"3D000" => (1049, *b"42000"),
        b"28000" => (1045, *b"28000"),
        b"53300" => (1040, *b"08004"),
        b"54000" => (1153, *b"08S01"),
        b"57P01" | b"57P03" => (1053, *b"08S01"),
        b"57P05" | b"25P03" => (4031, *b"HY000"),
        b"57014" => (1317, *b"70100"),
        // Codes from 2000 on are the clients' own: one of those would be taken for a broken packet.
        b"08001" | b"08006" => (1158, *b"08S01"),
        b"08P01" => (1835, *b"HY000"),
        _ => (1105, *b"HY000"),
    }
}

fn text(refusal: &Refusal) -> String {
    let mut text = refusal.message.clone();
    if let Some(detail) = &refusal.detail {
        text = format!("{text} ({detail})");
    }
    if let Some(hint) = &refusal.hint {
        text = format!("{text}. {hint}");
    }
    let mut end = text.len().min(TEXT);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_rule_and_hint_in_one_text() {
        let refusal = Refusal {
            sqlstate: *b"42501",
            message: "refused by rule \"r\"".to_owned(),
            detail: Some("delete on shop.t is not allowed".to_owned()),
            hint: Some("name the rows".to_owned()),
            position: None,
        };
        let mut out = BytesMut::new();
        put(&refusal, 1, &mut out);
        let wanted = "refused by rule \"r\" (delete on shop.t is not allowed). name the rows";
        assert_eq!(&out[3..4], b"\x01");
        assert_eq!(&out[4..13], b"\xff\x76\x04#42000");
        assert_eq!(&out[13..], wanted.as_bytes());
    }

    #[test]
    fn no_code_is_one_of_the_clients_own() {
        let classes =
            ["42501", "42601", "42P01", "42883", "26000", "3D000", "28000", "53300", "54000", "57P01", "57P03"];
        let more = ["57P05", "25P03", "57014", "08001", "08006", "08P01", "58030", "XX000"];
        for class in classes.iter().chain(&more) {
            let (code, _) = refusal_code(class.as_bytes().try_into().unwrap());
            assert!(!(2000..3000).contains(&code), "{class}: {code}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let refusal =
            Refusal { sqlstate: *b"42501", message: "ä".repeat(400), detail: None, hint: None, position: None };
        assert_eq!(text(&refusal), "ä".repeat(255));
    }
}
