//! Who is it: the sign-in's messages, the credential store and the identity providers, joined.

use std::time::SystemTime;

use bytes::BytesMut;
use portcullis_control::{Identity, Standing};
use portcullis_postgres::Secret;
use portcullis_postgres::sign_in::{Discovery, EndPoint, Method, Outcome, SignIn, Verifier};

use portcullis_wire::event::Refusal;
use portcullis_wire::{Fault, Malformed, Unsupported};

use crate::accept::{Door, Peer, Turned};
use crate::metrics::Opening;
use crate::open::Request;
use crate::process::Process;

/// The verified identity, the credential's name if one was used, and the machine that lets the client in.
pub(crate) async fn identity(
    process: &Process,
    door: &Door,
    peer: &mut Peer,
    request: &Request,
) -> Result<(Identity, Option<String>, SignIn), Turned> {
    let (method, credential) = method(process, door, peer, request)?;
    let mut out = BytesMut::new();
    let mut sign_in = SignIn::start(method, &mut out);
    loop {
        peer.send(out.split().freeze()).await?;
        let frame = peer.frame().await?;
        let outcome = sign_in.handle(&frame, &mut out)?;
        drop(frame);
        let found = match outcome {
            Outcome::Pending => continue,
            Outcome::Refused => {
                process.metrics.opening("", Opening::NotProven);
                return refused(peer, &mut sign_in, out, false).await;
            }
            Outcome::Token(token) => by_token(process, &token).await,
            Outcome::Proven => by_credential(process, credential.as_deref(), request),
        };
        // What an exchange still has to say (SCRAM's server signature) goes before AuthenticationOk.
        peer.send(out.split().freeze()).await?;
        return match found {
            Some(identity) => Ok((identity, credential, sign_in)),
            None => {
                tracing::info!(source = %peer.source, user = request.user, "a sign-in was refused");
                process.metrics.opening("", Opening::NotProven);
                refused(peer, &mut sign_in, out, true).await
            }
        };
    }
}

/// How the client is asked to prove itself.
fn method(process: &Process, door: &Door, peer: &Peer, request: &Request) -> Result<(Method, Option<String>), Turned> {
    let minted = request.user.as_bytes().starts_with(portcullis_postgres::sign_in::MINTED_PREFIX);
    match (minted, request.sign_in.as_deref()) {
        (true, None) => {
            let end_point = door.certificate.as_deref().filter(|_| peer.is_tls());
            let end_point = end_point.and_then(|certificate| EndPoint::of_certificate(certificate).ok());
            let verifier = verifier(process, &request.user)?;
            Ok((Method::Scram { verifier, end_point }, Some(request.user.clone())))
        }
        (true, Some(_)) => Err(Fault::from(Malformed::Invalid("portcullis.sign_in")).into()),
        // A token in clear on a network is a token given away.
        (false, _) if !peer.is_private() => Err(away("TLS is required to sign in with a token")),
        (false, None) => Ok((Method::Cleartext, None)),
        (false, Some(b"oauth")) => Ok((Method::OAuthBearer(discovery(process)?), None)),
        (false, Some(_)) => Err(Fault::from(Malformed::Invalid("portcullis.sign_in")).into()),
    }
}

/// The verifier of a minted name; of one that does not exist, one that nothing satisfies.
fn verifier(process: &Process, user: &str) -> Result<Verifier, Turned> {
    let text = match process.store.credential(user) {
        Some(credential) => credential.scram.to_string(),
        None => process.store.decoy(user).to_string(),
    };
    Ok(Verifier::parse(&text).map_err(Fault::from)?)
}

fn discovery(process: &Process) -> Result<Discovery, Turned> {
    let current = process.current.load();
    let provider = current.config.identities.first().ok_or(Fault::from(Unsupported("OAUTHBEARER")))?;
    let issuer = provider.issuer.as_str().trim_end_matches('/');
    Ok(Discovery {
        openid_configuration: format!("{issuer}/.well-known/openid-configuration"),
        scope: "openid".to_owned(),
    })
}

async fn by_token(process: &Process, token: &Secret) -> Option<Identity> {
    let token = std::str::from_utf8(token.expose()).ok()?;
    let providers = process.current.load().providers.clone();
    match providers.verify(token, SystemTime::now()).await {
        Ok(identity) => Some(identity),
        Err(error) => {
            tracing::info!(reason = %error, "a token was refused");
            None
        }
    }
}

fn by_credential(process: &Process, user: Option<&str>, request: &Request) -> Option<Identity> {
    let credential = process.store.credential(user?)?;
    let valid = matches!(credential.standing(SystemTime::now()), Standing::Good);
    (valid && credential.upstream == request.database).then(|| credential.identity.clone())
}

/// Turns the client away in the form of its own exchange.
async fn refused<T>(peer: &mut Peer, sign_in: &mut SignIn, mut out: BytesMut, ours: bool) -> Result<T, Turned> {
    let mut outcome = if ours { sign_in.refuse(&mut out) } else { Outcome::Refused };
    loop {
        peer.send(out.split().freeze()).await?;
        if outcome != Outcome::Pending {
            return Err(Turned::Done);
        }
        let frame = peer.frame().await?;
        outcome = sign_in.handle(&frame, &mut out)?;
    }
}

fn away(message: &str) -> Turned {
    let refusal =
        Refusal { sqlstate: *b"28000", message: message.to_owned(), detail: None, hint: None, position: None };
    Turned::Away(Opening::NotProven, refusal)
}
