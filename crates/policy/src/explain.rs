//! How a decision came about, rule by rule, for `policy explain`.
//!
//! Each rule that concerns the action is asked alone, so that one sees what applied, what did not, and what failed.
//! This is for operators, off the byte path, and never goes to a client.

use std::fmt;

use serde::Serialize;

use crate::decision::Decision;
use crate::slice::{Request, Slice};

/// Whether a rule allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Allows.
    Permit,
    /// Denies.
    Forbid,
}

/// What one rule said to one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its scope and conditions hold.
    Applies,
    /// They do not.
    DoesNotApply,
    /// They could not be evaluated, which denies.
    Failed(String),
}

/// One rule, and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedRule {
    /// Its id.
    pub id: String,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// The file that holds it.
    pub file: String,
    /// The line that it begins on.
    pub line: usize,
    /// What it said.
    pub outcome: Outcome,
    /// Its text, as written.
    pub text: String,
}

/// A decision, and what every rule that concerns it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Who asked.
    pub principal: String,
    /// What for.
    pub action: &'static str,
    /// On what.
    pub resource: String,
    /// The rules, in the order of the files.
    pub rules: Vec<ExplainedRule>,
}

impl Slice {
    /// Decides on one request, and says how.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let rules = self.rules(request.action).map(|rule| ExplainedRule {
            id: rule.id.clone(),
            effect: if rule.is_forbid() { Effect::Forbid } else { Effect::Permit },
            file: rule.source.name.clone(),
            line: rule.source.place(rule.offset).0,
            outcome: match self.try_rule(rule, request) {
                Ok(true) => Outcome::Applies,
                Ok(false) => Outcome::DoesNotApply,
                Err(error) => Outcome::Failed(error),
            },
            text: rule.text.clone(),
        });
        Explanation {
            rules: rules.collect(),
            decision: self.decide(std::slice::from_ref(request)),
            principal: self.principal().to_string(),
            action: request.action.name(),
            resource: self.resource_id(&request.resource),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} asks for {} on {}", self.principal, self.action, self.resource)?;
        writeln!(f, "{}", self.decision)?;
        let width = |of: fn(&ExplainedRule) -> usize| self.rules.iter().map(of).max().unwrap_or(0);
        let ids = width(|rule| rule.id.len());
        let places = width(|rule| rule.place().len());
        for rule in &self.rules {
            let effect = if rule.effect == Effect::Forbid { "forbid" } else { "permit" };
            writeln!(f, "  {effect}  {:ids$}  {:places$}  {}", rule.id, rule.place(), rule.outcome)?;
        }
        Ok(())
    }
}

impl ExplainedRule {
    fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applies => f.write_str("applies"),
            Self::DoesNotApply => f.write_str("does not apply"),
            Self::Failed(error) => write!(f, "failed: {error}"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let denial = match self {
            Self::Allow(allowed) => return write!(f, "allowed by {}", allowed.rules().join(", ")),
            Self::Deny(denial) => denial,
        };
        match (&denial.rule, &denial.require) {
            (_, Some(require)) => {
                let rules: Vec<&str> = require.approvals.iter().map(|approval| approval.rule.as_str()).collect();
                write!(f, "held for approval by {}", rules.join(", "))
            }
            (Some(rule), None) if denial.error => write!(f, "denied because {rule} could not be evaluated"),
            (None, None) if denial.error => f.write_str("denied because the request makes no sense"),
            (Some(rule), None) => write!(f, "denied by {rule}"),
            (None, None) => f.write_str("denied because no policy permits it"),
        }
    }
}
