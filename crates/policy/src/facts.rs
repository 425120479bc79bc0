//! The facts about a statement that conditions may read, and which of them a set of policies does read.
//!
//! Only the facts that a slice's policies mention are handed to Cedar: the policies were checked against the schema, so
//! leaving out what none of them names cannot change a decision, and it is most of the cost of a request. The same
//! knowledge says whether a decision may be cached: one that reads the time, the source, tags or budgets may not.

use std::net::IpAddr;

use cedar_policy::pst::{Clause, Expr, Policy, Var};
use cedar_policy::{EntityUid, RestrictedExpression};

use crate::time;

/// What is known about one effect of a statement, besides who, what and where.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// `postgres`, `mysql` or `http`.
    pub protocol: &'a str,
    /// The client's address; none on a Unix socket.
    pub source: Option<IpAddr>,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
    /// The kind of statement, such as `SELECT`.
    pub statement: &'a str,
    /// Whether WHERE names the rows by their key.
    pub where_is_selective: bool,
    /// The columns that the effect touches.
    pub columns: &'a [String],
    /// The statement's own tags (sqlcommenter). The client wrote them.
    pub tags: &'a [(String, String)],
    /// Rows that this identity read in the last hour.
    pub rows_last_hour: i64,
    /// Bytes that this identity read in the last hour.
    pub bytes_last_hour: i64,
    /// Whether the session is read-only.
    pub read_only: bool,
    /// The MCP tool.
    pub tool: Option<&'a str>,
    /// Whether a person approved this very statement.
    pub approved: bool,
}

/// One attribute of the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// The upstream's labels.
    Labels,
    /// The protocol.
    Protocol,
    /// The client's address.
    Source,
    /// The time.
    Now,
    /// The kind of statement.
    Statement,
    /// Whether WHERE names the rows by their key.
    WhereIsSelective,
    /// The columns.
    Columns,
    /// The statement's tags.
    Tags,
    /// Rows read in the last hour.
    RowsLastHour,
    /// Bytes read in the last hour.
    BytesLastHour,
    /// Whether the session is read-only.
    ReadOnly,
    /// The MCP tool.
    Tool,
    /// Whether a person approved.
    Approved,
    /// Whom an agent acts for.
    OnBehalfOf,
}

impl Fact {
    /// Every fact.
    pub const ALL: [Self; 14] = [
        Self::Labels,
        Self::Protocol,
        Self::Source,
        Self::Now,
        Self::Statement,
        Self::WhereIsSelective,
        Self::Columns,
        Self::Tags,
        Self::RowsLastHour,
        Self::BytesLastHour,
        Self::ReadOnly,
        Self::Tool,
        Self::Approved,
        Self::OnBehalfOf,
    ];

    /// The name in policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::Protocol => "protocol",
            Self::Source => "source",
            Self::Now => "now",
            Self::Statement => "statement",
            Self::WhereIsSelective => "where_is_selective",
            Self::Columns => "columns",
            Self::Tags => "tags",
            Self::RowsLastHour => "rows_last_hour",
            Self::BytesLastHour => "bytes_last_hour",
            Self::ReadOnly => "read_only",
            Self::Tool => "tool",
            Self::Approved => "approved",
            Self::OnBehalfOf => "on_behalf_of",
        }
    }
}

/// Which facts some policies read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    facts: u32,
    attributes: bool,
}

impl Uses {
    /// Whether the fact is read.
    #[must_use]
    pub fn reads(self, fact: Fact) -> bool {
        self.facts & bit(fact) != 0
    }

    /// Whether the time is read.
    #[must_use]
    pub fn time(self) -> bool {
        self.reads(Fact::Now)
    }

    /// Whether the client's address is read.
    #[must_use]
    pub fn source(self) -> bool {
        self.reads(Fact::Source)
    }

    /// Whether the statement's tags are read.
    #[must_use]
    pub fn tags(self) -> bool {
        self.reads(Fact::Tags)
    }

    /// Whether the rows or bytes of the last hour are read.
    #[must_use]
    pub fn budgets(self) -> bool {
        self.reads(Fact::RowsLastHour) || self.reads(Fact::BytesLastHour)
    }

    /// Whether a person's approval is read.
    #[must_use]
    pub fn approved(self) -> bool {
        self.reads(Fact::Approved)
    }

    /// Whether the MCP tool is read.
    #[must_use]
    pub fn tool(self) -> bool {
        self.reads(Fact::Tool)
    }

    /// Whether `where_is_selective` is read.
    #[must_use]
    pub fn where_is_selective(self) -> bool {
        self.reads(Fact::WhereIsSelective)
    }

    /// Whether everything read is the same for each run of a statement's shape in a session. `read_only` is of the
    /// session and must be in the cache's key; a decision made with `approved` must not be kept.
    #[must_use]
    pub fn cacheable(self) -> bool {
        !(self.time() || self.source() || self.tags() || self.budgets() || self.tool())
    }

    /// Whether attributes of a principal or resource are read.
    pub(crate) fn attributes(self) -> bool {
        self.attributes
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self { facts: self.facts | other.facts, attributes: self.attributes || other.attributes }
    }

    /// What the conditions of a policy read.
    pub(crate) fn of(policy: &Policy) -> Self {
        let mut uses = Self::default();
        for Clause::When(expr) | Clause::Unless(expr) in policy.body().clauses() {
            uses.visit(expr);
        }
        uses
    }

    /// What cannot be told is taken to read everything.
    fn everything(&mut self) {
        *self = Self { facts: u32::MAX, attributes: true };
    }

    fn access(&mut self, expr: &Expr, attribute: &str) {
        if !matches!(expr, Expr::Var(Var::Context)) {
            self.attributes = true;
            return self.visit(expr);
        }
        match Fact::ALL.into_iter().find(|fact| fact.name() == attribute) {
            Some(fact) => self.facts |= bit(fact),
            None => self.everything(),
        }
    }

    fn visit(&mut self, expr: &Expr) {
        match expr {
            Expr::Literal(_) | Expr::Slot(_) | Expr::Var(Var::Principal | Var::Action | Var::Resource) => {}
            Expr::GetAttr { expr, attr } => self.access(expr, attr),
            Expr::HasAttr { expr, attrs } => self.access(expr, attrs.first()),
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => self.visit(expr),
            Expr::BinaryOp { left, right, .. } => [left, right].into_iter().for_each(|e| self.visit(e)),
            Expr::Is { expr, in_expr, .. } => std::iter::once(expr).chain(in_expr).for_each(|e| self.visit(e)),
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().for_each(|e| self.visit(e));
            }
            Expr::Set(items) => items.iter().for_each(|e| self.visit(e)),
            Expr::Record(fields) => fields.values().for_each(|e| self.visit(e)),
            // The whole context as a value, or a form of expression that this version does not know.
            _ => self.everything(),
        }
    }
}

/// What stays the same for a whole session.
#[derive(Debug, Clone)]
pub(crate) struct SessionFacts {
    pub(crate) labels: RestrictedExpression,
    pub(crate) on_behalf_of: Option<EntityUid>,
}

impl Context<'_> {
    /// The facts that `uses` names, for Cedar. An address of IPv4 that came in the clothes of IPv6 is IPv4.
    pub(crate) fn pairs(&self, uses: Uses, session: &SessionFacts) -> Vec<(String, RestrictedExpression)> {
        let read = Fact::ALL.into_iter().filter(|fact| uses.reads(*fact));
        read.filter_map(|fact| Some((fact.name().to_owned(), self.value(fact, session)?))).collect()
    }

    fn value(&self, fact: Fact, session: &SessionFacts) -> Option<RestrictedExpression> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        Some(match fact {
            Fact::Labels => session.labels.clone(),
            Fact::Protocol => text(self.protocol),
            // EVASION: `::ffff:10.0.0.1` is not in `10.0.0.0/8` (a_mapped_address_is_its_ipv4_address).
            Fact::Source => RestrictedExpression::new_ip(self.source?.to_canonical().to_string()),
            Fact::Now => RestrictedExpression::new_datetime(time::iso8601(self.now_ms)),
            Fact::Statement => text(self.statement),
            Fact::WhereIsSelective => RestrictedExpression::new_bool(self.where_is_selective),
            Fact::Columns => RestrictedExpression::new_set(self.columns.iter().map(|column| text(column))),
            Fact::Tags => pairs_as_set(self.tags),
            Fact::RowsLastHour => RestrictedExpression::new_long(self.rows_last_hour),
            Fact::BytesLastHour => RestrictedExpression::new_long(self.bytes_last_hour),
            Fact::ReadOnly => RestrictedExpression::new_bool(self.read_only),
            Fact::Tool => text(self.tool?),
            Fact::Approved => RestrictedExpression::new_bool(self.approved),
            Fact::OnBehalfOf => RestrictedExpression::new_entity_uid(session.on_behalf_of.clone()?),
        })
    }
}

/// `[("env", "prod")]` as `["env=prod"]`. A `=` or `%` in a key is escaped, so that no two pairs look alike.
pub(crate) fn pairs_as_set(pairs: &[(String, String)]) -> RestrictedExpression {
    RestrictedExpression::new_set(pairs.iter().map(|(key, value)| {
        let key = key.replace('%', "%25").replace('=', "%3D");
        RestrictedExpression::new_string(format!("{key}={value}"))
    }))
}

fn bit(fact: Fact) -> u32 {
    1u32.checked_shl(fact as u32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(condition: &str) -> Uses {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        Uses::of(&cedar_policy::Policy::parse(None, text).unwrap().to_pst().unwrap())
    }

    fn named(condition: &str) -> Vec<&'static str> {
        let uses = uses(condition);
        Fact::ALL.into_iter().filter(|fact| uses.reads(*fact)).map(Fact::name).collect()
    }

    #[test]
    fn every_place_where_a_fact_is_read_is_found() {
        assert_eq!(named("context.where_is_selective"), ["where_is_selective"]);
        assert_eq!(named("context has source && context.source.isInRange(ip(\"10.0.0.0/8\"))"), ["source"]);
        assert_eq!(named("context has tool"), ["tool"]);
        assert_eq!(named("context[\"tool\"] like \"x*\""), ["tool"]);
        assert_eq!(named("if true then context.approved else !context.read_only"), ["read_only", "approved"]);
        assert_eq!(named("[context.statement, context.protocol].contains(\"x\")"), ["protocol", "statement"]);
        assert_eq!(named("{a: context.rows_last_hour}.a + 1 < -context.bytes_last_hour").len(), 2);
        assert_eq!(named("context.now.toTime() < duration(\"9h\")"), ["now"]);
        assert_eq!(named("context.on_behalf_of is User in Group::\"x\""), ["on_behalf_of"]);
        assert_eq!(named("principal.subject == \"context.now\""), [""; 0]);
    }

    #[test]
    fn the_whole_context_reads_everything() {
        assert_eq!(named("context == {approved: true}").len(), Fact::ALL.len());
        assert_eq!(named("{c: context}.c.approved").len(), Fact::ALL.len());
        assert_eq!(named("context.nonsense").len(), Fact::ALL.len());
    }

    #[test]
    fn attributes_of_entities_are_noticed() {
        assert!(uses("principal.subject == \"a\"").attributes());
        assert!(uses("resource has name").attributes());
        assert!(!uses("context.approved && principal in Group::\"a\"").attributes());
    }

    #[test]
    fn what_changes_from_run_to_run_is_not_cacheable() {
        for condition in [
            "context.now > datetime(\"2030-01-01\")",
            "context has source",
            "context.tags.contains(\"a=b\")",
            "context.rows_last_hour > 1",
            "context.bytes_last_hour > 1",
            "context has tool",
        ] {
            assert!(!uses(condition).cacheable(), "{condition}");
        }
        assert!(uses("context.where_is_selective && context.approved && context.read_only").cacheable());
    }
}
