//! Every command has help with an example, and wrong use has exit code 2.

use crate::support::{golden, portcullis, printed, told};

const COMMANDS: [&[&str]; 14] = [
    &[],
    &["demo"],
    &["login"],
    &["token"],
    &["url"],
    &["connect"],
    &["sessions"],
    &["replay"],
    &["export"],
    &["verify"],
    &["kill"],
    &["policy", "check"],
    &["policy", "explain"],
    &["policy", "test"],
];

#[test]
fn help_is_as_agreed() {
    let home = tempfile::tempdir().unwrap();
    for command in COMMANDS {
        let args = [command, &["--help"]].concat();
        let shown = printed(&portcullis(home.path(), &args).output().unwrap());
        assert!(command.is_empty() || shown.contains("Example"), "{command:?} shows no example");
        golden(&format!("help_{}", [&["portcullis"], command].concat().join("_")), &shown);
    }
}

#[test]
fn wrong_use_is_told_apart_from_a_refusal() {
    let home = tempfile::tempdir().unwrap();
    let mut shown = String::new();
    for args in [
        &["serv"][..],
        &["url"],
        &["url", "shop", "--gateway", "http://gw.example.com"],
        &["url", "shop"],
        &["token"],
        &["login", "--issuer", "http://idp.example.com", "--client-id", "x"],
        &["kill", "1"],
        &["replay"],
        &["replay", "nonsense"],
        &["replay", "latest", "--speed", "0"],
        &["replay", "latest", "--speed", "2", "--instant"],
        &["export", "--format", "csv"],
        &["connect", "shop", "--listen", "0.0.0.0:1", "--token", "t"],
        &["connect", "shop", "--token", "t"],
        &["connect", "shop", "--token", "t", "--postgres", "nowhere"],
        &["policy", "check", "absent"],
    ] {
        shown += &format!("$ portcullis {}\n{}\n", args.join(" "), told(home.path(), args));
    }
    golden("wrong_use", &shown.replace(&home.path().display().to_string(), "[home]"));
}

#[test]
fn a_client_file_with_an_unknown_key_is_refused() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("client.toml"), "gateway = \"https://gw\"\npostgre = \"gw:6432\"\n").unwrap();
    golden("unknown_client_key", &told(home.path(), &["url", "shop", "--client-config", "client.toml"]));
}
