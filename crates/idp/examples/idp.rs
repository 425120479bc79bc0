//! Serves the small OpenID provider on a loopback port and prints a token for each of its users, for trying things by hand.
//!
//! `cargo run -p portcullis-idp --example idp -- 127.0.0.1:8080`

use portcullis_idp::{Config, Idp, User};
use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example prints")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bind = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let users = vec![User::new("ana", &["support"]), User::new("bo", &["dba"]), User::new("root", &["all"])];
    let names: Vec<String> = users.iter().map(|user| user.sub.clone()).collect();
    let idp = Idp::start(TcpListener::bind(bind).await?, Config { users, ..Config::default() })?;
    println!("issuer {}", idp.issuer());
    for name in names {
        println!("{name} {}", idp.token_for(&name).unwrap_or_default());
    }
    std::future::pending::<()>().await;
    Ok(())
}
