//! One loaded rule: a policy with its id, place, annotations, and what it can concern.
//!
//! Annotations are checked here, because a misspelt `@require` would otherwise quietly turn a hold into something
//! else. `@require("approval")` stands only on a forbid with an `unless` that `context.approved` alone makes true:
//! there an approval is certain to lift the rule. Any other shape is refused rather than guessed at.

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Var};
use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, Policy, PolicyId, PrincipalConstraint, ResourceConstraint,
};

use crate::action::ActionSet;
use crate::entity::{TYPES, uid};
use crate::error::{Complaint, PolicyError};
use crate::facts::Uses;
use crate::resource::{Kind, prefix};
use crate::rewrite;
use crate::source::{Draft, Source};

const ANNOTATIONS: [&str; 6] = ["id", "hint", "reason", "require", "approvers", "doc"];

/// A loaded policy.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) policy: Policy,
    pub(crate) source: Arc<Source>,
    pub(crate) offset: usize,
    /// The policy as it was written.
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
    pub(crate) reason: Option<String>,
    /// The groups whose approval lifts the rule, where it asks for approval.
    pub(crate) approvers: Option<Vec<String>>,
    pub(crate) actions: ActionSet,
    pub(crate) uses: Uses,
}

/// The session that rules are looked out for.
pub(crate) struct Concern {
    principal: EntityUid,
    groups: HashSet<EntityUid>,
    upstream: EntityUid,
    prefix: String,
}

impl Concern {
    pub(crate) fn new(principal: EntityUid, groups: HashSet<EntityUid>, upstream: &str) -> Self {
        Self { principal, groups, upstream: uid(&TYPES.upstream, upstream), prefix: prefix(upstream) }
    }

    fn is_or_is_in(&self, entity: &EntityUid) -> bool {
        *entity == self.principal || self.groups.contains(entity)
    }

    fn is_of(&self, type_name: &EntityTypeName) -> bool {
        type_name == self.principal.type_name()
    }

    /// Whether a resource of this upstream can be, or be in, the entity.
    fn holds(&self, entity: &EntityUid) -> bool {
        let type_name = entity.type_name();
        if *type_name == TYPES.upstream {
            return *entity == self.upstream;
        }
        // Comparing beginnings is not parsing: every id of this upstream begins so, and none of another does.
        Kind::path_parts(&type_name.to_string()).is_none() || entity.id().unescaped().starts_with(&self.prefix)
    }
}

impl Rule {
    /// The rule of a parsed policy; and the policy under its own id, for the validator, which needs the places in it.
    pub(crate) fn build(draft: Draft, identities: &[String]) -> Result<(Self, Policy), PolicyError> {
        let Draft { policy, source, offset, index } = draft;
        let id = policy.annotation("id").map_or_else(|| format!("{}:{index}", source.name), str::to_owned);
        let original = policy.new_id(PolicyId::new(&id));
        match Self::assemble(id.clone(), &original, &source, offset, identities) {
            Ok(rule) => Ok((rule, original)),
            Err(complaint) => {
                let text = original.to_cedar().unwrap_or_default();
                let about = complaint.about.as_ref().and_then(|about| text.find(about.as_str())).unwrap_or(0);
                Err(source.error(offset.saturating_add(about), Some(id), complaint))
            }
        }
    }

    fn assemble(
        id: String,
        policy: &Policy,
        source: &Arc<Source>,
        offset: usize,
        identities: &[String],
    ) -> Result<Self, Complaint> {
        check_annotations(policy)?;
        let whole = rewrite::complete(policy, identities)?;
        let body = whole.to_pst().map_err(|error| Complaint::new(error.to_string()))?;
        let approvers = approvers(policy, body.body().clauses(), identities)?;
        let text = |key: &str| policy.annotation(key).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self {
            actions: actions(&whole.action_constraint()),
            uses: Uses::of(&body),
            hint: text("hint"),
            reason: text("reason"),
            approvers,
            source: Arc::clone(source),
            offset,
            text: policy.to_cedar().unwrap_or_default(),
            policy: whole,
            id,
        })
    }

    pub(crate) fn is_forbid(&self) -> bool {
        self.policy.effect() == Effect::Forbid
    }

    pub(crate) fn error(&self, complaint: Complaint) -> PolicyError {
        self.source.error(self.offset, Some(self.id.clone()), complaint)
    }

    /// Whether the rule's scope can match a request of this session. Conditions are not looked at.
    pub(crate) fn concerns(&self, session: &Concern) -> bool {
        let principal = match self.policy.principal_constraint() {
            PrincipalConstraint::Any => true,
            PrincipalConstraint::Eq(entity) | PrincipalConstraint::In(entity) => session.is_or_is_in(&entity),
            PrincipalConstraint::Is(kind) => session.is_of(&kind),
            PrincipalConstraint::IsIn(kind, entity) => session.is_of(&kind) && session.is_or_is_in(&entity),
        };
        principal
            && match self.policy.resource_constraint() {
                ResourceConstraint::Any | ResourceConstraint::Is(_) => true,
                ResourceConstraint::Eq(entity)
                | ResourceConstraint::In(entity)
                | ResourceConstraint::IsIn(_, entity) => session.holds(&entity),
            }
    }
}

fn actions(constraint: &ActionConstraint) -> ActionSet {
    let named = |entity: &EntityUid| ActionSet::named(entity.id().unescaped());
    match constraint {
        ActionConstraint::Any => ActionSet::all(),
        ActionConstraint::Eq(entity) => named(entity),
        ActionConstraint::In(entities) => entities.iter().fold(ActionSet::none(), |set, e| set.union(named(e))),
    }
}

fn check_annotations(policy: &Policy) -> Result<(), Complaint> {
    if let Some((unknown, _)) = policy.annotations().find(|(key, _)| !ANNOTATIONS.contains(key)) {
        let known = ANNOTATIONS.map(|name| format!("@{name}")).join(", ");
        return Err(Complaint::new(format!("unknown annotation `@{unknown}`"))
            .about(format!("@{unknown}"))
            .help(format!("known are {known}")));
    }
    match policy.annotation("id") {
        Some(id) if !is_plain(id) => Err(Complaint::new(format!("`@id(\"{id}\")` is not a plain name"))
            .help("use letters, digits and `-`, `_`, `.`, `/`; people see it in refusals")),
        _ => Ok(()),
    }
}

fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 128 && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

fn approvers(policy: &Policy, clauses: &[Clause], identities: &[String]) -> Result<Option<Vec<String>>, Complaint> {
    let groups = policy.annotation("approvers");
    let Some(what) = policy.annotation("require") else {
        return match groups {
            Some(_) => Err(Complaint::new("`@approvers` without `@require(\"approval\")`")),
            None => Ok(None),
        };
    };
    if what != "approval" {
        return Err(Complaint::new(format!("`@require(\"{what}\")` is unknown")).help("write `@require(\"approval\")`"));
    }
    if policy.effect() != Effect::Forbid {
        return Err(Complaint::new("`@require` stands on a permit")
            .help("another permit would lift it: put it on `forbid (…) unless { context.approved };`"));
    }
    if !clauses.iter().any(|clause| matches!(clause, Clause::Unless(expr) if approval_suffices(expr))) {
        return Err(Complaint::new("an approval would not lift this rule")
            .help("end it with `unless { context.approved }`, or `unless { context.approved || … }`"));
    }
    let names = groups.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| rewrite::whole_group(name, identities)).collect::<Result<Vec<_>, _>>().map(Some)
}

/// Whether `context.approved` being true makes the expression true, as far as its shape shows. The left of an `||` is
/// evaluated first and may fail, so only an approval that stands first suffices.
fn approval_suffices(expr: &Expr) -> bool {
    match expr {
        Expr::GetAttr { expr, attr } => attr == "approved" && matches!(&**expr, Expr::Var(Var::Context)),
        Expr::BinaryOp { op: BinaryOp::Or, left, .. } => approval_suffices(left),
        _ => false,
    }
}
