//! A loaded set of policies: read, checked against the schema, and immutable from then on.
//!
//! Loading is all or nothing: one wrong policy and none is loaded, since leaving out a forbid would allow what it
//! forbids. Files are taken in the order of their names, so that the same folder is the same set everywhere.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use crate::action::Action;
use crate::bounds;
use crate::entity;
use crate::error::{Complaint, PolicyError};
use crate::principal::Principal;
use crate::rule::Rule;
use crate::slice::Slice;
use crate::source::Source;

/// The built-in schema, in Cedar's own schema language.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// The built-in schema, parsed once.
pub(crate) static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(schema()));

/// A protected server, as policy knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upstream {
    /// The configured name.
    pub name: String,
    /// The configured labels.
    pub labels: Vec<(String, String)>,
}

/// A checked, immutable set of policies. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Policies {
    pub(crate) loaded: Arc<Loaded>,
    epoch: u64,
}

#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) rules: Vec<Rule>,
    /// The place of each rule in `rules`.
    pub(crate) places: HashMap<PolicyId, usize>,
    pub(crate) identities: Vec<String>,
    digest: [u8; 32],
}

impl Policies {
    /// Reads and checks policy files, each with its name, for the configured identity providers.
    ///
    /// # Errors
    /// Everything that is wrong with any file.
    pub fn load(files: &[(String, String)], identities: &[String]) -> Result<Self, Vec<PolicyError>> {
        bounds::on_deep_stack(|| Self::read(files, identities))
            .unwrap_or_else(|| Err(vec![PolicyError::unplaced("the policies could not be read")]))
    }

    fn read(files: &[(String, String)], identities: &[String]) -> Result<Self, Vec<PolicyError>> {
        let mut files: Vec<&(String, String)> = files.iter().collect();
        files.sort_by_key(|(name, _)| name);
        let (mut rules, mut originals, mut errors) = (Vec::new(), Vec::new(), bad_identities(identities));
        for (name, text) in &files {
            let source = Arc::new(Source { name: name.clone(), text: text.clone() });
            match source.parse() {
                Ok(drafts) => drafts.into_iter().for_each(|draft| match Rule::build(draft, identities) {
                    Ok((rule, original)) => (rules.push(rule), originals.push(original)).0,
                    Err(error) => errors.push(error),
                }),
                Err(found) => errors.extend(found),
            }
        }
        errors.extend(doubled(&rules));
        if errors.is_empty() {
            errors.extend(validate(&rules, originals));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let places = rules.iter().enumerate().map(|(place, rule)| (rule.policy.id().clone(), place)).collect();
        let loaded = Loaded { rules, places, identities: identities.to_vec(), digest: digest(&files, identities) };
        Ok(Self { loaded: Arc::new(loaded), epoch: 0 })
    }

    /// No policies: everything is denied.
    #[must_use]
    pub fn none() -> Self {
        let loaded =
            Loaded { rules: Vec::new(), places: HashMap::new(), identities: Vec::new(), digest: digest(&[], &[]) };
        Self { loaded: Arc::new(loaded), epoch: 0 }
    }

    /// The same policies, numbered: the caller counts reloads, and the number is in the keys of decision caches.
    #[must_use]
    pub fn with_epoch(mut self, epoch: u64) -> Self {
        self.epoch = epoch;
        self
    }

    /// The number that the caller gave.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The BLAKE3 digest of the schema, the identity providers' names and the files.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.loaded.digest
    }

    /// How many policies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.loaded.rules.len()
    }

    /// Whether there are none, which denies everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.loaded.rules.is_empty()
    }

    /// The policies that can concern this principal on this upstream. Made once, when a session opens.
    #[must_use]
    pub fn slice(&self, principal: &Principal, upstream: &Upstream) -> Slice {
        Slice::new(self, principal, upstream)
    }
}

fn bad_identities(identities: &[String]) -> Vec<PolicyError> {
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let bad = identities.iter().filter(|name| !plain(name)).map(|name| PolicyError {
        help: Some("use letters, digits, `-`, `_` and `.`".to_owned()),
        ..PolicyError::unplaced(&format!("the identity's name `{name}` cannot be written in a policy"))
    });
    bad.collect()
}

fn doubled(rules: &[Rule]) -> Vec<PolicyError> {
    let mut first: HashMap<&str, &Rule> = HashMap::new();
    let mut errors = Vec::new();
    for rule in rules {
        if let Some(earlier) = first.get(rule.id.as_str()) {
            let (line, _) = earlier.source.place(earlier.offset);
            let complaint = Complaint::new("this `@id` is taken");
            errors.push(rule.error(complaint.help(format!("it is first used at {}:{line}", earlier.source.name))));
        } else {
            first.insert(&rule.id, rule);
        }
    }
    errors
}

/// The original policies are checked for their places, and the completed ones because they are what will be in force.
fn validate(rules: &[Rule], originals: Vec<Policy>) -> Vec<PolicyError> {
    let found = complaints(rules, originals);
    if found.is_empty() { complaints(rules, rules.iter().map(|rule| rule.policy.clone()).collect()) } else { found }
}

fn complaints(rules: &[Rule], policies: Vec<Policy>) -> Vec<PolicyError> {
    let set = match PolicySet::from_policies(policies) {
        Ok(set) => set,
        Err(error) => return rules.first().map(|r| r.error(Complaint::new(error.to_string()))).into_iter().collect(),
    };
    let result = VALIDATOR.validate(&set, ValidationMode::Strict);
    let mut errors: Vec<PolicyError> =
        result.validation_errors().filter_map(|e| place(rules, e.policy_id(), e)).collect();
    if errors.is_empty() && !result.validation_passed() {
        errors.extend(rules.first().map(|r| r.error(Complaint::new("the policies do not fit the schema"))));
    }
    errors.sort_by(|a, b| (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message)));
    // The same mistake is found once for each kind of request that the policy fits.
    errors.dedup_by(|a, b| (&a.file, a.line, a.column, &a.policy_id) == (&b.file, b.line, b.column, &b.policy_id));
    errors
}

/// A validator's complaint, placed in the file of its policy and without Cedar's own mention of the policy's id.
pub(crate) fn place(rules: &[Rule], id: &PolicyId, found: &dyn Diagnostic) -> Option<PolicyError> {
    let rule = rules.iter().find(|rule| rule.policy.id() == id).or(rules.first())?;
    let mut error = rule.source.diagnostic(found, rule.offset, Some(rule.id.clone()));
    let lead = format!("for policy `{}`, ", rule.id);
    error.message = without_action(&error.message.replacen(&lead, "", 1));
    error.help = error.help.map(|help| help.replacen(&lead, "", 1));
    Some(error)
}

/// Every action has the same context, so the one that Cedar happened to look at says nothing.
fn without_action(message: &str) -> String {
    let named = Action::ALL.into_iter().map(|action| format!(" for {}", entity::action(action)));
    named.fold(message.to_owned(), |text, name| text.replacen(&name, "", 1))
}

fn digest(files: &[&(String, String)], identities: &[String]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    add(SCHEMA);
    add(&identities.len().to_string());
    identities.iter().for_each(|identity| add(identity));
    for (name, text) in files {
        add(name);
        add(text);
    }
    *hasher.finalize().as_bytes()
}

#[expect(clippy::expect_used, reason = "the schema is a constant, which a test parses")]
fn schema() -> Schema {
    Schema::from_str(SCHEMA).expect("the built-in schema")
}
