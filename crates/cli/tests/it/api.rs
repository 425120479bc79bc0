//! Commands that ask the gateway's API, against a scripted one.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    thread::JoinHandle,
};

use crate::support::{golden, portcullis, printed, tell};

/// Answers one request with this status and body and gives back what was asked.
fn scripted((status, body): (&'static str, &'static str)) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let (mut asked, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            asked += &line;
            if line.trim().is_empty() {
                break;
            }
        }
        let mut sent = vec![0; length];
        reader.read_exact(&mut sent).unwrap();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        reader.get_mut().write_all(answer.as_bytes()).unwrap();
        asked + &String::from_utf8(sent).unwrap()
    });
    (address, server)
}

const MINTED: (&str, &str) = (
    "201 Created",
    r#"{"user":"pc_1","password":"s","expires":1,"url":"postgresql://pc_1:s@gw:6432/shop?sslmode=verify-full"}"#,
);
const REFUSED: (&str, &str) =
    ("403 Forbidden", r#"{"error":{"code":"forbidden","message":"no\u001b[2J","hint":"ask an admin"}}"#);

#[test]
fn a_url_is_what_the_gateway_hands_out() {
    let home = tempfile::tempdir().unwrap();
    let (address, server) = scripted(MINTED);
    let args = ["url", "shop", "--minutes", "5", "--token", "a.b.c", "--gateway", &format!("http://{address}")];
    let output = portcullis(home.path(), &args).output().unwrap();
    assert_eq!(printed(&output), "postgresql://pc_1:s@gw:6432/shop?sslmode=verify-full");
    let asked = server.join().unwrap();
    assert!(asked.starts_with("POST /v1/credentials HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: Bearer a.b.c\r\n"), "{asked}");
    assert!(asked.ends_with(r#"{"upstream":"shop","lifetime":300}"#), "{asked}");
}

#[test]
fn the_token_comes_from_the_environment_too() {
    let home = tempfile::tempdir().unwrap();
    let (address, server) = scripted(MINTED);
    let mut command = portcullis(home.path(), &["url", "shop"]);
    command.env("PORTCULLIS_TOKEN", "d.e.f").env("PORTCULLIS_URL", format!("http://{address}"));
    printed(&command.output().unwrap());
    assert!(server.join().unwrap().contains("authorization: Bearer d.e.f\r\n"));
}

#[test]
fn a_refusal_is_told_in_the_gateways_words_without_terminal_codes() {
    let home = tempfile::tempdir().unwrap();
    let (address, server) = scripted(REFUSED);
    let args = ["kill", &"0".repeat(32), "--token", "a.b.c", "--gateway", &format!("http://{address}")];
    let shown = tell(&portcullis(home.path(), &args).output().unwrap());
    golden("refused_by_the_gateway", &shown.replace(&address.to_string(), "[gateway]"));
    assert!(server.join().unwrap().starts_with("DELETE /v1/sessions/00000000000000000000000000000000 "));
}
