//! Commands that a server could take for something else than the gateway does: what the one believes of the session, the
//! other must too. What a server does with each was seen of the server itself.

use crate::judging::SUPPORT;
use crate::place::each;
use crate::wire::{SignIn, Wire};

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
