//! What is allowed in a policy and yet probably not meant, for `policy check`.
//!
//! Warnings only: what makes a set of policies unsafe to load is an error of [`Policies::load`]. Cedar's own warnings
//! (a rule that can never apply, characters that look like others) are among them.

use std::str::FromStr;

use cedar_policy::{EntityUid, Policy, PolicyId, PolicySet, ValidationMode};

use crate::bounds;
use crate::entity::TYPES;
use crate::error::{Complaint, PolicyError};
use crate::facts::Fact;
use crate::policies::{Policies, VALIDATOR};
use crate::resource::{Kind, prefix};
use crate::rule::Rule;
use crate::source::Source;

impl Policies {
    /// What is probably not meant, by file and line. With the configured upstreams given, also the policies that speak
    /// of none of them.
    #[must_use]
    pub fn lint(&self, upstreams: Option<&[String]>) -> Vec<PolicyError> {
        let all = bounds::on_deep_stack(|| {
            let rules = self.loaded.rules.iter();
            rules.flat_map(|rule| self.lint_rule(rule, upstreams)).collect::<Vec<_>>()
        });
        all.unwrap_or_else(|| vec![PolicyError::unplaced("the policies could not be checked")])
    }

    fn lint_rule(&self, rule: &Rule, upstreams: Option<&[String]>) -> Vec<PolicyError> {
        let mut found: Vec<Complaint> = Vec::new();
        found.extend(lint_id(rule));
        found.extend(lint_approval(rule));
        let literals = rule.policy.entity_literals();
        found.extend(literals.iter().filter_map(|literal| unknown_upstream(literal, upstreams?)));
        found.extend(literals.iter().filter_map(|literal| unknown_identity(literal, &self.loaded.identities)));
        let mut all: Vec<PolicyError> = found.into_iter().map(|complaint| rule.error(complaint)).collect();
        all.extend(cedar_warnings(rule));
        all
    }
}

fn lint_id(rule: &Rule) -> Option<Complaint> {
    if rule.is_forbid() {
        let complaint = Complaint::new("a forbid without `@id`");
        return (rule.policy.annotation("id").is_none())
            .then(|| complaint.help("people see the id in refusals: give it one that says what to do differently"));
    }
    rule.hint.as_ref().map(|_| Complaint::new("`@hint` on a permit is never shown"))
}

fn lint_approval(rule: &Rule) -> Option<Complaint> {
    if !rule.uses.reads(Fact::Approved) || rule.approvers.is_some() {
        return None;
    }
    Some(if rule.is_forbid() {
        Complaint::new("reads `context.approved`, and yet nobody is asked to approve")
            .help("add `@require(\"approval\")`")
    } else {
        Complaint::new("a permit reads `context.approved`, and another permit would lift that")
            .help("what a yes needs stands on a forbid: `forbid (…) unless { context.approved };`")
    })
}

fn unknown_upstream(literal: &EntityUid, upstreams: &[String]) -> Option<Complaint> {
    let id = literal.id().unescaped();
    let known = if *literal.type_name() == TYPES.upstream {
        upstreams.iter().any(|name| name == id)
    } else {
        let path = Kind::path_parts(&literal.type_name().to_string()).is_some();
        !path || upstreams.iter().any(|name| id.starts_with(&prefix(name)))
    };
    (!known).then(|| Complaint::new(format!("`{literal}` is on no configured upstream")))
}

/// `Group::"crop|dba"`, where the only identity is `corp`: by now `corp|crop|dba`.
fn unknown_identity(literal: &EntityUid, identities: &[String]) -> Option<Complaint> {
    let people = [&TYPES.user, &TYPES.agent, &TYPES.group].contains(&literal.type_name());
    let id = literal.id().unescaped();
    let [only] = identities else { return None };
    let (supposed, _) = id.strip_prefix(only.as_str())?.strip_prefix('|')?.split_once('|')?;
    people.then(|| {
        Complaint::new(format!("`{supposed}|` is no configured identity, and was taken as part of the name"))
            .help(format!("write `{literal}` if that is meant"))
    })
}

/// The policy is read again from its text, because the completed one has lost its places.
fn cedar_warnings(rule: &Rule) -> Vec<PolicyError> {
    let (Ok(policy), (line, column)) = (Policy::from_str(&rule.text), rule.source.place(rule.offset)) else {
        return Vec::new();
    };
    let Ok(set) = PolicySet::from_policies([policy.new_id(PolicyId::new(&rule.id))]) else { return Vec::new() };
    let result = VALIDATOR.validate(&set, ValidationMode::Strict);
    let part = Source { name: rule.source.name.clone(), text: rule.text.clone() };
    let placed = result.validation_warnings().map(|warning| {
        let mut found = part.diagnostic(warning, 0, Some(rule.id.clone()));
        let lead = format!("for policy `{}`, ", rule.id);
        found.message = found.message.replacen(&lead, "", 1);
        found.column =
            if found.line == 1 { found.column.saturating_add(column).saturating_sub(1) } else { found.column };
        found.line = found.line.saturating_add(line).saturating_sub(1);
        found
    });
    let mut all: Vec<PolicyError> = placed.collect();
    all.dedup();
    all
}
