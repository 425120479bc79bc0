//! Settings of the design that this version does not have: each is refused by name, never ignored. See LIMITATIONS.md.

use std::path::Path;

use portcullis_gateway::config::Config;

const GOOD: &str = r#"
[[listener]]
protocol = "postgres"
bind = "127.0.0.1:6432"
[[identity]]
name = "corp"
issuer = "https://idp.example.com"
audience = "portcullis"
[[upstream]]
name = "shop"
protocol = "postgres"
address = "127.0.0.1:5432"
database = "shop"
user = "app"
[policy]
dir = "."
"#;

fn parse(text: &str) -> Result<Config, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    Config::parse(text, folder, &|_| None).map_err(|errors| errors.to_string())
}

/// The good file is refused with `new` in the place of `old`, in these words.
fn refused(old: &str, new: &str, words: &str) {
    assert!(parse(GOOD).is_ok() && GOOD.contains(old));
    let told = parse(&GOOD.replacen(old, new, 1)).err().expect("the text should be refused");
    assert!(told.contains(words), "{told}");
}

#[test]
fn columns_cannot_be_classified() {
    let section = "[[classify]]\nupstream = \"shop\"\ncolumns = [\"public.c.ssn\"]\nclass = \"pii\"\n[policy]";
    refused("[policy]", section, "masking at the source is not available in this version");
}

#[test]
fn rows_cannot_be_filtered() {
    let section =
        "[[row_filter]]\nupstream = \"shop\"\ntable = \"public.t\"\ngroup = \"g\"\npredicate = \"true\"\n[policy]";
    refused("[policy]", section, "row filters are not available in this version");
}

#[test]
fn http_is_not_spoken() {
    refused("protocol = \"postgres\"\nbind", "protocol = \"http\"\nbind", "\"http\" is not supported yet");
}

#[test]
fn a_password_does_not_come_from_vault() {
    refused("user = \"app\"", "user = \"app\"\npassword = { vault = \"x\" }", "`vault` is not available");
}

#[test]
fn a_witness_is_a_file_or_a_webhook() {
    let section = "[recording]\nwitness = [{ rfc3161 = \"https://tsa.example.com\" }]\n[policy]";
    refused("[policy]", section, "expected exactly one of `file` and `webhook`");
}

#[test]
fn a_listener_has_an_ip_address() {
    refused("127.0.0.1:6432", "/run/portcullis.sock", "expected an IP address and a port");
}

#[test]
fn an_upstream_has_a_host_and_a_port() {
    refused("127.0.0.1:5432", "/var/run/postgresql", "expected a host and a port");
}

#[test]
fn state_is_kept_in_the_data_folder_only() {
    refused("[policy]", "[state]\nurl = \"postgres://db/state\"\n[policy]", "unknown");
}
