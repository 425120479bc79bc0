//! Tests of policies, as operators write them, for `policy test FILE`.
//!
//! A file of cases in TOML (or the same in JSON), each a question and the answer that is expected:
//! ```toml
//! [[case]]
//! name = "support may not change orders without a yes"
//! principal = { user = "ana", groups = ["support"] }
//! upstream = "shop"
//! action = "update"
//! resource = { schema = "public", table = "orders" }
//! context = { where_is_selective = true }
//! expect = "hold"                                      # allow | deny | hold
//! rule = "support-writes"
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::decision::Decision;
use crate::error::PolicyError;
use crate::facts::Context;
use crate::policies::{Policies, Upstream};
use crate::principal::{Kind, Person, Principal};
use crate::resource::Resource;
use crate::slice::Request;
use crate::source::Source;
use crate::time;

/// A file of cases.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    #[serde(rename = "case", default)]
    cases: Vec<Case>,
}

/// What is expected of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// Allowed.
    Allow,
    /// Denied for good.
    Deny,
    /// Denied until somebody approves.
    Hold,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    principal: Who,
    upstream: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    action: String,
    #[serde(default)]
    resource: What,
    #[serde(default)]
    context: Facts,
    expect: Expect,
    rule: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    identity: Option<String>,
    user: Option<String>,
    agent: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    on_behalf_of: Option<Box<Who>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    schema: Option<String>,
    table: Option<String>,
    column: Option<String>,
    #[serde(default)]
    classes: Vec<String>,
    function: Option<String>,
    class: Option<String>,
    route: Option<String>,
    tool: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Facts {
    protocol: Option<String>,
    source: Option<IpAddr>,
    now: Option<String>,
    statement: String,
    where_is_selective: bool,
    columns: Vec<String>,
    tags: BTreeMap<String, String>,
    rows_last_hour: i64,
    bytes_last_hour: i64,
    read_only: bool,
    tool: Option<String>,
    approved: bool,
}

/// How the cases fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuiteReport {
    /// One for each case, in order.
    pub cases: Vec<CaseReport>,
}

/// How one case fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// Whether the answer was the expected one.
    pub passed: bool,
    /// What was expected, or what is wrong with the case, where it did not pass.
    pub problem: Option<String>,
    /// What was decided; none where the case makes no sense.
    pub decision: Option<Decision>,
}

impl Suite {
    /// Reads a file of cases: JSON where it begins with a brace, otherwise TOML.
    ///
    /// # Errors
    /// Where and how the text is not such a file.
    pub fn parse(file: &str, text: &str) -> Result<Self, PolicyError> {
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map_err(|error| PolicyError {
                file: file.to_owned(),
                line: error.line(),
                column: error.column(),
                ..PolicyError::unplaced(&error.to_string())
            });
        }
        toml::from_str(text).map_err(|error| {
            let source = Source { name: file.to_owned(), text: text.to_owned() };
            let (line, column) = source.place(error.span().map_or(0, |span| span.start));
            PolicyError { file: source.name, line, column, ..PolicyError::unplaced(error.message().trim()) }
        })
    }

    /// The protocol of cases that name none.
    #[must_use]
    pub fn spoken(mut self, protocol: &str) -> Self {
        for case in &mut self.cases {
            case.context.protocol.get_or_insert_with(|| protocol.to_owned());
        }
        self
    }

    /// Asks every case of these policies.
    #[must_use]
    pub fn run(&self, policies: &Policies) -> SuiteReport {
        SuiteReport { cases: self.cases.iter().map(|case| case.run(policies)).collect() }
    }
}

impl Case {
    fn run(&self, policies: &Policies) -> CaseReport {
        let report = |problem: Option<String>, decision| CaseReport {
            name: self.name.clone(),
            passed: problem.is_none(),
            problem,
            decision,
        };
        match self.decide(policies) {
            Ok(decision) => report(self.problem(&decision), Some(decision)),
            Err(problem) => report(Some(problem), None),
        }
    }

    fn decide(&self, policies: &Policies) -> Result<Decision, String> {
        let principal = self.principal.principal(&policies.loaded.identities)?;
        let labels = self.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let slice = policies.slice(&principal, &Upstream { name: self.upstream.clone(), labels });
        let action = Action::from_name(&self.action).ok_or_else(|| format!("`{}` is no action", self.action))?;
        let classes: Vec<&str> = self.resource.classes.iter().map(String::as_str).collect();
        let tags: Vec<(String, String)> = self.context.tags.clone().into_iter().collect();
        let (resource, context) = (self.resource.resource(&classes)?, self.context.context(&tags)?);
        Ok(slice.decide(&[Request { action, resource, context: &context }]))
    }

    fn problem(&self, decision: &Decision) -> Option<String> {
        let (found, rules) = match decision {
            Decision::Allow(allowed) => (Expect::Allow, allowed.rules()),
            Decision::Deny(denial) if denial.require.is_some() => (Expect::Hold, &denial.determining[..]),
            Decision::Deny(denial) => (Expect::Deny, &denial.determining[..]),
        };
        let wrong_rule = self.rule.as_ref().filter(|rule| !rules.contains(rule));
        match wrong_rule {
            _ if found != self.expect => Some(format!("expected {}, but it is {decision}", self.expect)),
            Some(rule) => Some(format!("expected {} by {rule}, but it is {decision}", self.expect)),
            None => None,
        }
    }
}

impl Who {
    fn principal(&self, identities: &[String]) -> Result<Principal, String> {
        let (kind, _) = self.subject()?;
        let person = |who: &Self| match who.subject()? {
            (Kind::User, _) => who.person(identities),
            (Kind::Agent, _) => Err("`on_behalf_of` is a user".to_owned()),
        };
        let on_behalf_of = self.on_behalf_of.as_deref().map(person).transpose()?;
        Ok(Principal { kind, name: self.person(identities)?, on_behalf_of })
    }

    fn person(&self, identities: &[String]) -> Result<Person, String> {
        let identity = match (&self.identity, identities) {
            (Some(identity), _) => identity,
            (None, [only]) => only,
            (None, _) => return Err("say which `identity` the principal is of".to_owned()),
        };
        Ok(Person::new(identity, self.subject()?.1, self.groups.iter().cloned()))
    }

    fn subject(&self) -> Result<(Kind, &str), String> {
        match (&self.user, &self.agent) {
            (Some(user), None) => Ok((Kind::User, user)),
            (None, Some(agent)) => Ok((Kind::Agent, agent)),
            _ => Err("a principal is a `user` or an `agent`".to_owned()),
        }
    }
}

impl What {
    fn resource<'a>(&'a self, classes: &'a [&'a str]) -> Result<Resource<'a>, String> {
        let Self { schema, table, column, function, class, route, tool, .. } = self;
        let named = [schema, table, column, function, class, route, tool].map(|name| name.as_deref());
        Ok(match named {
            [Some(schema), Some(table), Some(column), None, None, None, None] => {
                return Ok(Resource::Column { schema, table, column, classes });
            }
            _ if !classes.is_empty() => return Err("only a column has `classes`".to_owned()),
            [None, None, None, None, None, None, None] => Resource::Upstream,
            [Some(schema), None, None, None, None, None, None] => Resource::Schema(schema),
            [Some(schema), Some(table), None, None, None, None, None] => Resource::Table { schema, table },
            [Some(schema), None, None, Some(name), None, None, None] => Resource::Function { schema, name },
            [None, None, None, None, Some(class), None, None] => Resource::Class(class),
            [None, None, None, None, None, Some(route), None] => Resource::Route(route),
            [None, None, None, None, None, None, Some(tool)] => Resource::Tool(tool),
            _ => return Err("the parts of `resource` do not go together".to_owned()),
        })
    }
}

impl Facts {
    fn context<'a>(&'a self, tags: &'a [(String, String)]) -> Result<Context<'a>, String> {
        let now = self.now.as_deref().unwrap_or("1970-01-01T00:00:00Z");
        Ok(Context {
            protocol: self.protocol.as_deref().unwrap_or_default(),
            source: self.source,
            now_ms: time::parse(now).ok_or_else(|| format!("`{now}` is no time such as `2026-01-31T08:00:00Z`"))?,
            statement: &self.statement,
            where_is_selective: self.where_is_selective,
            columns: &self.columns,
            tags,
            rows_last_hour: self.rows_last_hour,
            bytes_last_hour: self.bytes_last_hour,
            read_only: self.read_only,
            tool: self.tool.as_deref(),
            approved: self.approved,
        })
    }
}

impl SuiteReport {
    /// Whether every case passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.cases.iter().all(|case| case.passed)
    }
}

impl fmt::Display for SuiteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            writeln!(f, "{} {}", if case.passed { "ok    " } else { "FAILED" }, case.name)?;
            if let Some(problem) = &case.problem {
                writeln!(f, "       {problem}")?;
            }
        }
        let failed = self.cases.iter().filter(|case| !case.passed).count();
        write!(f, "{} passed, {failed} failed", self.cases.len().saturating_sub(failed))
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Hold => "hold",
        })
    }
}
