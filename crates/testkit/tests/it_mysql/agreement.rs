//! Commands that a server could take for something else than the gateway does: what the one believes of the session, the
//! other must too. What a server does with each was seen of the server itself.

use portcullis_testkit::mysql::Options;

use crate::judging::SUPPORT;
use crate::place::{each, each_with, usual};
use crate::wire::{LONGEST, SignIn, Wire, claiming, flag};

/// MySQL ends the name at the NUL when it looks for the schema, and nowhere else: it enters `hr` and calls it `hr\0x`.
#[test]
fn a_schema_whose_name_holds_a_nul_is_not_entered() {
    each(|place| {
        let mut wire = place.session(SUPPORT);
        for name in [&b"hr\0x"[..], b"hr\0", b"shop\0", b"\0"] {
            let answer = wire.say(&[&[2], name].concat());
            assert!(answer.is_refused(), "{name:?}: {answer:?}");
            assert_eq!(wire.query("SELECT database()").value(), "shop", "{name:?}");
            assert_eq!(wire.query("SELECT * FROM employees").codes(), [1146], "{name:?}");
        }
        let ran = place.ran(wire.id);
        assert!(!ran.iter().any(|text| text.starts_with("Init DB")), "{ran:?}");
        // Elsewhere a NUL is where a name ends, and what comes behind it is another field.
        let token = place.gateway.token("ana", SUPPORT);
        let how = SignIn { database: Some("shop\0x"), ..SignIn::clear("ana", &token) };
        let report = Wire::try_sign_in(place.gateway.address(), &how).err().expect("refused");
        assert_eq!(report.code, 1835, "{report:?}");
        let report = wire.change_user(&how).err().expect("refused");
        assert_eq!(report.code, 1835, "{report:?}");
    });
}

/// A payload of the greatest length a packet can have ends with an empty packet, and only the next one ends the file.
#[test]
fn a_file_in_the_longest_packets_arrives_whole() {
    let settings = vec!["--local-infile=ON".into(), "--max-allowed-packet=64M".into()];
    each_with(&Options { settings, ..Options::default() }, &usual(), |place| {
        let load = "LOAD DATA LOCAL INFILE 'notes' INTO TABLE audit_notes (who, note)";
        let line = [b"file\t", &[b'x'; 96][..], b"\n"].concat();
        for (lengths, tail) in
            [(vec![LONGEST], &b""[..]), (vec![LONGEST, LONGEST], b""), (vec![LONGEST], b"file\tlast\n")]
        {
            let mut wire = place.session_with(SUPPORT, |how| SignIn { flags: flag::USUAL | flag::LOCAL_FILES, ..how });
            assert_eq!(wire.query(load).files, ["notes"]);
            let (mut bytes, mut sequence) = (Vec::new(), 2);
            let mut packet = |body: &[u8]| {
                bytes.extend(claiming(sequence, body.len(), body));
                sequence += 1;
            };
            for length in &lengths {
                packet(&line.iter().copied().cycle().take(*length).collect::<Vec<_>>());
            }
            packet(tail);
            packet(b"");
            wire.send(&bytes);
            wire.expect_reply(sequence);
            let answer = wire.answer().well();
            assert!(answer.done[0] >= (LONGEST / line.len()) as u64, "{answer:?}");
            // What follows is a command again, and judged.
            assert!(wire.query("SELECT * FROM hr.employees").is_refused());
            assert_eq!(wire.query("SELECT 'on'").value(), "on");
        }
    });
}
