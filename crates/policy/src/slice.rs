//! The policies that concern one session, ready to decide.
//!
//! Made once for a principal and an upstream: rules whose scope cannot match are left out, the rest is sorted by action,
//! and the entities that never change are built. A decision then makes one small entity for its resource, whose
//! ancestors are all named directly, so that no hierarchy has to be computed.
//!
//! Cedar skips a policy that fails to evaluate. Here any failure denies, whatever the other policies say, because the
//! policy skipped may have been the forbid.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cedar_policy::{Authorizer, Entities, Entity, EntityUid, PolicyId, PolicySet, RestrictedExpression};

use crate::action::Action;
use crate::decision::{Allowed, Approval, Decision, Denial, Requirement};
use crate::entity::{self, TYPES, uid};
use crate::facts::{Context, SessionFacts, Uses, pairs_as_set};
use crate::policies::{Loaded, Policies, Upstream};
use crate::principal::Principal;
use crate::resource::{Resource, path};
use crate::rule::{Concern, Rule};

/// One effect on one resource.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What is done.
    pub action: Action,
    /// To what.
    pub resource: Resource<'a>,
    /// What else is known.
    pub context: &'a Context<'a>,
}

/// The policies that concern one principal on one upstream. Cheap to clone.
#[derive(Clone)]
pub struct Slice {
    inner: Arc<Inner>,
}

struct Inner {
    loaded: Arc<Loaded>,
    epoch: u64,
    principal: EntityUid,
    upstream: String,
    facts: SessionFacts,
    /// One for each action, in the order of [`Action::ALL`].
    actions: Vec<Arc<ActionRules>>,
    entities: Vec<Option<Entities>>,
    authorizer: Authorizer,
}

/// The rules that can concern one action.
struct ActionRules {
    places: Vec<usize>,
    set: PolicySet,
    uses: Uses,
}

/// How one request fares: the permits that allow it, or why it is denied.
type Judgement = Result<Vec<String>, Box<Denial>>;

impl Slice {
    pub(crate) fn new(policies: &Policies, principal: &Principal, upstream: &Upstream) -> Self {
        let concern = Concern::new(principal.uid(), principal.parents(), &upstream.name);
        let facts = SessionFacts {
            labels: pairs_as_set(&upstream.labels),
            on_behalf_of: principal.on_behalf_of.as_ref().map(|person| person.uid()),
        };
        let inner = Inner {
            actions: rules_by_action(&policies.loaded.rules, &concern),
            entities: Action::ALL.into_iter().map(|action| entities(principal, action)).collect(),
            loaded: Arc::clone(&policies.loaded),
            epoch: policies.epoch(),
            principal: principal.uid(),
            upstream: upstream.name.clone(),
            facts,
            authorizer: Authorizer::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The number of the policies that this was cut from.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.inner.epoch
    }

    /// The facts that any of these policies reads.
    #[must_use]
    pub fn uses(&self) -> Uses {
        self.inner.actions.iter().fold(Uses::default(), |uses, rules| uses.union(rules.uses))
    }

    /// The facts that a decision about this action reads.
    #[must_use]
    pub fn uses_for(&self, action: Action) -> Uses {
        self.inner.rules(action).map_or_else(Uses::default, |rules| rules.uses)
    }

    /// Whether the decision about these requests may be kept for the statement's shape: nothing it reads changes from
    /// run to run, and it was not bought with one person's approval.
    #[must_use]
    pub fn cacheable(&self, requests: &[Request<'_>]) -> bool {
        requests.iter().all(|request| self.uses_for(request.action).cacheable() && !request.context.approved)
    }

    /// How many rules can concern this action.
    #[must_use]
    pub fn rule_count(&self, action: Action) -> usize {
        self.inner.rules(action).map_or(0, |rules| rules.places.len())
    }

    /// Decides on a statement: allowed only if every request is. No request at all is denied.
    #[must_use]
    pub fn decide(&self, requests: &[Request<'_>]) -> Decision {
        let mut permits = BTreeSet::new();
        let mut held: Option<Box<Denial>> = None;
        for request in requests {
            match self.inner.judge(request) {
                Ok(rules) => permits.extend(rules),
                Err(mut denial) => match (denial.require.take(), &mut held) {
                    (None, _) => return Decision::Deny(denial),
                    (Some(more), Some(held)) => {
                        held.require.get_or_insert_with(|| Requirement { approvals: Vec::new() }).join(more);
                    }
                    (require, None) => {
                        denial.require = require;
                        held = Some(denial);
                    }
                },
            }
        }
        match held {
            Some(denial) => Decision::Deny(denial),
            None if requests.is_empty() => Decision::Deny(self.inner.nothing_asked()),
            None => Decision::Allow(Allowed::new(permits.into_iter().collect())),
        }
    }

    /// Whether the principal may see data of this class unmasked, wherever on this upstream it is found. Detectors of
    /// the class are switched off for it then.
    #[must_use]
    pub fn may_reveal_class(&self, class: &str, context: &Context<'_>) -> bool {
        self.decide(&[Request { action: Action::Reveal, resource: Resource::Class(class), context }]).is_allow()
    }

    /// The rules that can concern an action, in the order of the files.
    pub(crate) fn rules(&self, action: Action) -> impl Iterator<Item = &Rule> {
        let places = self.inner.rules(action).map_or(&[][..], |rules| &rules.places);
        places.iter().filter_map(|place| self.inner.loaded.rules.get(*place))
    }

    pub(crate) fn principal(&self) -> &EntityUid {
        &self.inner.principal
    }

    pub(crate) fn resource_id(&self, resource: &Resource<'_>) -> String {
        self.inner.resource_uid(resource).to_string()
    }

    /// What one rule alone answers: whether it applies, or why it failed.
    pub(crate) fn try_rule(&self, rule: &Rule, request: &Request<'_>) -> Result<bool, String> {
        let set = PolicySet::from_policies([rule.policy.clone()]).map_err(|error| error.to_string())?;
        let answer = self.inner.ask(request, &set, rule.uses, request.context.approved)?;
        match answer.diagnostics().errors().next() {
            Some(cedar_policy::AuthorizationError::PolicyEvaluationError(error)) => Err(error.inner().to_string()),
            None => Ok(answer.diagnostics().reason().next().is_some()),
        }
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { principal, upstream, epoch, .. } = &*self.inner;
        f.debug_struct("Slice")
            .field("principal", &principal.to_string())
            .field("upstream", upstream)
            .field("epoch", epoch)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn rules(&self, action: Action) -> Option<&ActionRules> {
        self.actions.get(action.index()).map(|rules| &**rules)
    }

    fn judge(&self, request: &Request<'_>) -> Judgement {
        let denial = match self.judge_as(request, request.context.approved) {
            Err(denial) if denial.require.is_some() => denial,
            other => return other,
        };
        // A statement is held only if an approval would let it run: nobody is asked in vain.
        match self.judge_as(request, true) {
            Err(lasting) => Err(lasting),
            Ok(_) => Err(denial),
        }
    }

    fn judge_as(&self, request: &Request<'_>, approved: bool) -> Judgement {
        let Some(rules) = self.rules(request.action).filter(|_| request.action.applies_to(request.resource.kind()))
        else {
            return Err(self.failure(request, Vec::new()));
        };
        if rules.places.is_empty() {
            return Err(self.denial(request, &[]));
        }
        let Ok(answer) = self.ask(request, &rules.set, rules.uses, approved) else {
            return Err(self.failure(request, Vec::new()));
        };
        let errors = answer.diagnostics().errors().map(|error| match error {
            cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
        });
        let failed = self.in_order(errors);
        if answer.diagnostics().errors().next().is_some() {
            return Err(self.failure(request, failed));
        }
        let reasons = self.in_order(answer.diagnostics().reason());
        match answer.decision() {
            cedar_policy::Decision::Allow => Ok(reasons.iter().map(|rule| rule.id.clone()).collect()),
            cedar_policy::Decision::Deny => Err(self.denial(request, &reasons)),
        }
    }

    fn ask(
        &self,
        request: &Request<'_>,
        set: &PolicySet,
        uses: Uses,
        approved: bool,
    ) -> Result<cedar_policy::Response, String> {
        let facts = Context { approved, ..*request.context };
        let context =
            cedar_policy::Context::from_pairs(facts.pairs(uses, &self.facts)).map_err(|error| error.to_string())?;
        let resource = self.resource(&request.resource, uses).map_err(|error| error.to_string())?;
        let (principal, action) = (self.principal.clone(), entity::action(request.action));
        let query = cedar_policy::Request::new(principal, action, resource.uid(), context, None)
            .map_err(|error| error.to_string())?;
        let known = self.entities.get(request.action.index()).cloned().flatten().ok_or("no entities")?;
        let entities = known.add_entities([resource], None).map_err(|error| error.to_string())?;
        Ok(self.authorizer.is_authorized(&query, set, &entities))
    }

    /// The entity of a resource, with every ancestor as a parent, and its attributes only where a rule reads any.
    fn resource(
        &self,
        resource: &Resource<'_>,
        uses: Uses,
    ) -> Result<Entity, Box<cedar_policy::EntityAttrEvaluationError>> {
        let (id, parents) = (self.resource_uid(resource), self.ancestors(resource));
        if !uses.attributes() {
            return Ok(Entity::new_no_attrs(id, parents));
        }
        let text = |key: &str, value: &str| (key.to_owned(), RestrictedExpression::new_string(value.to_owned()));
        let attributes = match *resource {
            Resource::Upstream => vec![text("name", &self.upstream)],
            Resource::Schema(name) | Resource::Class(name) | Resource::Route(name) | Resource::Tool(name) => {
                vec![text("name", name)]
            }
            Resource::Table { schema, table: name } | Resource::Function { schema, name } => {
                vec![text("schema", schema), text("name", name)]
            }
            Resource::Column { schema, table, column, .. } => {
                vec![text("schema", schema), text("table", table), text("name", column)]
            }
        };
        Entity::new(id, attributes.into_iter().collect::<HashMap<_, _>>(), parents).map_err(Box::new)
    }

    fn resource_uid(&self, resource: &Resource<'_>) -> EntityUid {
        let type_name = match resource {
            Resource::Upstream => &TYPES.upstream,
            Resource::Schema(_) => &TYPES.schema,
            Resource::Table { .. } => &TYPES.table,
            Resource::Column { .. } => &TYPES.column,
            Resource::Class(_) => &TYPES.class,
            Resource::Function { .. } => &TYPES.function,
            Resource::Route(_) => &TYPES.route,
            Resource::Tool(_) => &TYPES.tool,
        };
        uid(type_name, &resource.id(&self.upstream))
    }

    fn ancestors(&self, resource: &Resource<'_>) -> HashSet<EntityUid> {
        let mut found = HashSet::new();
        if !matches!(resource, Resource::Upstream) {
            found.insert(uid(&TYPES.upstream, &self.upstream));
        }
        match *resource {
            Resource::Upstream | Resource::Schema(_) | Resource::Class(_) | Resource::Route(_) | Resource::Tool(_) => {}
            Resource::Table { schema, .. } | Resource::Function { schema, .. } => {
                found.insert(uid(&TYPES.schema, &path(&self.upstream, &[schema])));
            }
            Resource::Column { schema, table, classes, .. } => {
                found.insert(uid(&TYPES.schema, &path(&self.upstream, &[schema])));
                found.insert(uid(&TYPES.table, &path(&self.upstream, &[schema, table])));
                found.extend(classes.iter().map(|class| uid(&TYPES.class, class)));
            }
        }
        found
    }

    fn in_order<'a>(&'a self, ids: impl Iterator<Item = &'a PolicyId>) -> Vec<&'a Rule> {
        let mut places: Vec<usize> = ids.filter_map(|id| self.loaded.places.get(id).copied()).collect();
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.loaded.rules.get(place)).collect()
    }

    /// The denial by these forbids, or by default where there is none. One that no approval lifts is named first.
    fn denial(&self, request: &Request<'_>, forbids: &[&Rule]) -> Box<Denial> {
        let named = forbids.iter().find(|rule| rule.approvers.is_none()).or(forbids.first());
        let approvals: Option<Vec<Approval>> = forbids.iter().map(|rule| approval(rule)).collect();
        Box::new(Denial {
            rule: named.map(|rule| rule.id.clone()),
            hint: named.and_then(|rule| rule.hint.clone()),
            reason: named.and_then(|rule| rule.reason.clone()),
            require: approvals.filter(|a| !a.is_empty()).map(|approvals| Requirement { approvals }),
            action: request.action,
            resource: self.resource_uid(&request.resource).to_string(),
            determining: forbids.iter().map(|rule| rule.id.clone()).collect(),
            error: false,
        })
    }

    /// The denial because rules failed, or because the request itself made no sense.
    fn failure(&self, request: &Request<'_>, failed: Vec<&Rule>) -> Box<Denial> {
        Box::new(Denial { require: None, error: true, ..*self.denial(request, &failed) })
    }

    fn nothing_asked(&self) -> Box<Denial> {
        let context = Context::default();
        self.failure(&Request { action: Action::Unknown, resource: Resource::Upstream, context: &context }, Vec::new())
    }
}

fn approval(rule: &Rule) -> Option<Approval> {
    let approvers = rule.approvers.clone()?;
    Some(Approval { rule: rule.id.clone(), approvers, reason: rule.reason.clone() })
}

/// The rules for each action; actions with the same rules share them.
fn rules_by_action(rules: &[Rule], concern: &Concern) -> Vec<Arc<ActionRules>> {
    let concerned: Vec<(usize, &Rule)> = rules.iter().enumerate().filter(|(_, rule)| rule.concerns(concern)).collect();
    let mut known: HashMap<Vec<usize>, Arc<ActionRules>> = HashMap::new();
    let of = |action: Action| {
        let chosen = concerned.iter().filter(|(_, rule)| rule.actions.contains(action));
        let places: Vec<usize> = chosen.map(|(place, _)| *place).collect();
        Arc::clone(known.entry(places).or_insert_with_key(|places| Arc::new(ActionRules::new(rules, places))))
    };
    Action::ALL.into_iter().map(of).collect()
}

impl ActionRules {
    fn new(rules: &[Rule], places: &[usize]) -> Self {
        let chosen: Vec<&Rule> = places.iter().filter_map(|place| rules.get(*place)).collect();
        let mut set = PolicySet::new();
        for rule in &chosen {
            // INVARIANT: ids are unique (`doubled` at load), so no rule is left out here.
            let added = set.add(rule.policy.clone());
            debug_assert!(added.is_ok(), "duplicate id");
        }
        let uses = chosen.iter().fold(Uses::default(), |uses, rule| uses.union(rule.uses));
        Self { places: places.to_vec(), set, uses }
    }
}

/// The entities of every decision about this principal and action; none where they could not be built, which denies.
fn entities(principal: &Principal, action: Action) -> Option<Entities> {
    let groups: HashSet<EntityUid> = action.group().map(entity::action_group).into_iter().collect();
    let mut all = principal.entities().ok()?;
    all.push(Entity::new_no_attrs(entity::action(action), groups));
    Entities::from_entities(all, None).ok()
}
