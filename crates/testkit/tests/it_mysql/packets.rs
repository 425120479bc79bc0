//! Payloads of commands, and how they are cut into packets.

use crate::answer::lenenc_bytes;

/// The longest payload of one packet.
pub const LONGEST: usize = 0xff_ffff;

/// How many packets a payload takes.
pub fn count(body: &[u8]) -> u8 {
    u8::try_from((body.len() / LONGEST + 1) % 256).expect("below 256")
}

/// A payload as packets, the first of which has this sequence id.
pub fn packets(sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 16);
    let (mut rest, mut sequence) = (body, sequence);
    loop {
        let piece = &rest[..rest.len().min(LONGEST)];
        out.extend(claiming(sequence, piece.len(), piece));
        rest = &rest[piece.len()..];
        sequence = sequence.wrapping_add(1);
        if piece.len() < LONGEST {
            return out;
        }
    }
}

/// A packet that claims any length.
pub fn claiming(sequence: u8, length: usize, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).expect("short").to_le_bytes();
    [&length[..3], &[sequence], body].concat()
}

/// The payload of COM_QUERY.
pub fn query(sql: &str) -> Vec<u8> {
    [&[3], sql.as_bytes()].concat()
}

/// The payload of COM_STMT_EXECUTE with texts.
pub fn execution(id: u32, flags: u8, parameters: &[Option<&str>]) -> Vec<u8> {
    let mut body = [&[0x17][..], &id.to_le_bytes(), &[flags], &1_u32.to_le_bytes()].concat();
    if parameters.is_empty() {
        return body;
    }
    let mut nulls = vec![0_u8; parameters.len().div_ceil(8)];
    for (index, parameter) in parameters.iter().enumerate() {
        nulls[index / 8] |= u8::from(parameter.is_none()) << (index % 8);
    }
    body.extend(nulls);
    body.push(1);
    body.extend(parameters.iter().flat_map(|_| [0xfd, 0]));
    body.extend(parameters.iter().flatten().flat_map(|text| lenenc_bytes(text.as_bytes())));
    body
}
