//! The gateway, as the admin listener sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use portcullis_api::{Answer, Api, Gateway, SessionInfo, Settings, UpstreamInfo, router as routes};
use portcullis_control::Identity;
use portcullis_policy::{Action, Context, Request, Resource};

use crate::backstage::now;
use crate::config::Admin;
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
        let listeners = &current.config.listeners;
        let protocol = current.config.upstream(name)?.protocol;
        let leads = |upstreams: &Option<Vec<String>>| {
            upstreams.as_ref().is_none_or(|names| names.iter().any(|listed| listed == name))
        };
        let index =
            listeners.iter().position(|listener| listener.protocol == protocol && leads(&listener.upstreams))?;
        Some(UpstreamInfo {
            protocol: protocol.as_str().to_owned(),
            address: self.listeners.get(index)?.to_string(),
            tls: listeners.get(index)?.tls.is_some(),
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
