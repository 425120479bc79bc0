//! What every request passes, whatever it asks for.
//!
//! The failure count is a token bucket per address: a person who mistypes is not slowed, a guesser is. It is bounded,
//! and it protects the processor more than the tokens, which cannot be guessed.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::{Instant, timeout};

use crate::{error::Refusal, routes::Api};

// LIMIT: minting waits for a provider (10 s at most) and one disk write.
const REQUEST_TIME: Duration = Duration::from_secs(20);
// LIMIT: failures in a row, and how fast they are forgiven.
const BURST: f64 = 10.0;
const PER_SECOND: f64 = 0.5;
// LIMIT: addresses remembered; beyond it, those fully forgiven are dropped, then everyone.
const MAX_ADDRESSES: usize = 10_000;

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Time limit, Host check, response headers.
pub(crate) async fn guard(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let mut response = if is_our_host(&api, &request) {
        timeout(REQUEST_TIME, next.run(request)).await.unwrap_or_else(|_| Refusal::Timeout.into_response())
    } else {
        Refusal::Host.into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// EVASION: DNS rebinding. A page on `evil.example` that makes that name resolve to 127.0.0.1 still sends its own name.
fn is_our_host(api: &Api, request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let name = without_port(host).trim_start_matches('[').trim_end_matches(']');
    // An address cannot be rebound: whoever dials one means it.
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || api.settings.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Failed attempts, by address.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<IpAddr, Bucket>>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    failures: f64,
    at: Instant,
}

impl Bucket {
    fn now(self) -> f64 {
        (self.failures - self.at.elapsed().as_secs_f64() * PER_SECOND).max(0.0)
    }
}

impl Failures {
    /// Whether this address has failed so often that it must wait.
    pub(crate) fn is_blocked(&self, ip: IpAddr) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&network(ip)).is_some_and(|bucket| bucket.now() >= BURST)
    }

    /// Notes a failure.
    pub(crate) fn count(&self, ip: IpAddr) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_ADDRESSES {
            all.retain(|_, bucket| bucket.now() > 0.0);
        }
        if all.len() >= MAX_ADDRESSES {
            all.clear();
        }
        let at = Instant::now();
        let bucket = all.entry(network(ip)).or_insert(Bucket { failures: 0.0, at });
        *bucket = Bucket { failures: bucket.now() + 1.0, at };
    }
}

/// One IPv6 subscriber has a whole /64, so that is what counts as one source.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgiven_with_time_and_by_source() {
        let failures = Failures::default();
        let guesser = ip("192.0.2.1");
        for _ in 0..10 {
            assert!(!failures.is_blocked(guesser));
            failures.count(guesser);
        }
        assert!(failures.is_blocked(guesser));
        assert!(!failures.is_blocked(ip("192.0.2.2")));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!failures.is_blocked(guesser));
        failures.count(guesser);
        assert!(failures.is_blocked(guesser));
    }

    #[tokio::test(start_paused = true)]
    async fn neighbours_in_one_ipv6_network_count_as_one() {
        let failures = Failures::default();
        for n in 0..10 {
            failures.count(ip(&format!("2001:db8::{n}")));
        }
        assert!(failures.is_blocked(ip("2001:db8::ffff")));
        assert!(!failures.is_blocked(ip("2001:db8:0:1::1")));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let failures = Failures::default();
        for n in 0..MAX_ADDRESSES as u32 + 10 {
            failures.count(std::net::Ipv4Addr::from(n).into());
        }
        assert!(failures.0.lock().unwrap().len() <= MAX_ADDRESSES);
    }

    #[test]
    fn ports_are_cut_off_names_and_addresses() {
        for (host, name) in
            [("a:1", "a"), ("a", "a"), ("[::1]:1", "[::1]"), ("[::1]", "[::1]"), ("1.2.3.4:5", "1.2.3.4")]
        {
            assert_eq!(without_port(host), name);
        }
    }
}
