//! How a client proves that it knows a password, by each of the plugins that the gateway offers.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// What a plugin sends for a password and a nonce.
pub fn proof(plugin: &str, password: &str, nonce: &[u8]) -> Vec<u8> {
    match plugin {
        "mysql_clear_password" => [password.as_bytes(), b"\0"].concat(),
        "caching_sha2_password" => scramble(&SHA256, password, |twice| [twice, nonce].concat()),
        "mysql_native_password" => scramble(&SHA1_FOR_LEGACY_USE_ONLY, password, |twice| [nonce, twice].concat()),
        _ => Vec::new(),
    }
}

/// `H(password) XOR H(mixed H(H(password)))`
fn scramble(hash: &'static Algorithm, password: &str, mixed: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let once = digest(hash, password.as_bytes());
    let twice = digest(hash, once.as_ref());
    let mask = digest(hash, &mixed(twice.as_ref()));
    once.as_ref().iter().zip(mask.as_ref()).map(|(one, other)| one ^ other).collect()
}
