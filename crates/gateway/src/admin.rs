//! The gateway, as the admin listener sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use portcullis_api::{Answer, Api, Gateway, SessionInfo, Settings, UpstreamInfo, router as routes};
use portcullis_control::Identity;
use portcullis_policy::{Action, Context, Request, Resource};

use crate::backstage::now;
use crate::config::{Admin, Config, Listener};
use crate::open::principal;
use crate::process::Process;

struct View {
    process: Arc<Process>,
    listeners: Vec<SocketAddr>,
}

/// All routes of the admin listener.
pub(crate) fn router(process: &Arc<Process>, admin: &Admin, listeners: &[SocketAddr]) -> axum::Router {
    let view = View { process: process.clone(), listeners: listeners.to_vec() };
    let settings = Settings {
        admins: admin.admins.iter().map(|admin| (admin.identity.clone(), admin.group.clone())).collect(),
        hosts: admin.allowed_hosts.clone(),
        max_lifetime: process.current.load().config.session.max_age,
        ..Settings::default()
    };
    let providers = process.current.load().providers.clone();
    routes(Api::new(Arc::new(view), providers, process.store.clone(), settings))
}

impl Gateway for View {
    fn sessions(&self) -> Vec<SessionInfo> {
        let info = |session: &Arc<crate::registry::Session>| SessionInfo {
            id: session.id,
            provider: session.principal.name.identity.clone(),
            subject: match &session.principal.on_behalf_of {
                Some(person) => person.subject.clone(),
                None => session.principal.name.subject.clone(),
            },
            agent: session.principal.on_behalf_of.as_ref().map(|_| session.principal.name.subject.clone()),
            upstream: session.upstream.to_string(),
            source: session.source.to_string(),
            user: session.user.clone(),
            started: session.started,
            statements: session.statements.load(Ordering::Relaxed),
        };
        self.process.registry.all().iter().map(info).collect()
    }

    fn kill(&self, id: u128) -> bool {
        self.process.registry.kill(id, "ended by an administrator")
    }

    fn metrics(&self) -> String {
        self.process.metrics.text(self.process.cache_counters(), now())
    }

    fn ready(&self) -> Result<(), String> {
        if self.process.closing.is_cancelled() {
            return Err("the firewall is stopping".to_owned());
        }
        if !self.process.store.is_running() {
            return Err("the state store has stopped".to_owned());
        }
        Ok(())
    }

    fn upstream(&self, name: &str) -> Option<UpstreamInfo> {
        let current = self.process.current.load();
        let (index, listener) = listener_for(&current.config, name)?;
        Some(UpstreamInfo {
            protocol: listener.protocol.as_str().to_owned(),
            address: self.listeners.get(index)?.to_string(),
            tls: listener.tls.is_some(),
            database: name.to_owned(),
        })
    }

    fn may_connect<'a>(&'a self, identity: &'a Identity, upstream: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            let Some(upstream) = self.process.upstream(upstream) else { return false };
            let settings = upstream.settings();
            let slice = settings.policies.slice(&principal(identity), &settings.upstream);
            let context = Context {
                protocol: settings.protocol.as_str(),
                now_ms: i64::try_from(now() / 1_000).unwrap_or(i64::MAX),
                statement: "CONNECT",
                ..Context::default()
            };
            let request = Request { action: Action::Connect, resource: Resource::Upstream, context: &context };
            slice.decide(&[request]).is_allow()
        })
    }
}

/// The first listener that leads to an upstream: it speaks the upstream's protocol.
fn listener_for<'c>(config: &'c Config, upstream: &str) -> Option<(usize, &'c Listener)> {
    let protocol = config.upstream(upstream)?.protocol;
    config.listeners.iter().enumerate().find(|(_, listener)| {
        let leads = listener.upstreams.as_ref().is_none_or(|names| names.iter().any(|name| name == upstream));
        listener.protocol == protocol && leads
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Protocol;

    #[test]
    fn a_listener_leads_to_what_speaks_as_it_does() {
        let listener = |protocol: &str, more: &str| {
            format!("[[listener]]\nprotocol = \"{protocol}\"\nbind = \"127.0.0.1:0\"\n{more}\n")
        };
        let upstream = |name: &str, protocol: &str| {
            format!(
                "[[upstream]]\nname = \"{name}\"\nprotocol = \"{protocol}\"\naddress = \"127.0.0.1:1\"\n\
                 database = \"d\"\nuser = \"app\"\n"
            )
        };
        let text = [
            listener("postgres", ""),
            listener("mysql", "upstreams = [\"old\"]"),
            listener("mysql", ""),
            upstream("shop", "postgres"),
            upstream("old", "mysql"),
            upstream("new", "mysql"),
            "[[identity]]\nname = \"corp\"\nissuer = \"https://idp.example.com\"\naudience = \"portcullis\"\n".into(),
            "[policy]\ndir = \".\"\n".into(),
        ];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let config = Config::parse(&text.concat(), folder, &|_| None).unwrap();
        let found = |name| listener_for(&config, name).map(|(index, listener)| (index, listener.protocol));
        assert_eq!(found("shop"), Some((0, Protocol::Postgres)));
        assert_eq!(found("old"), Some((1, Protocol::MySql)));
        assert_eq!(found("new"), Some((2, Protocol::MySql)));
        assert_eq!(found("none"), None);
    }
}
