//! Who is asking: a person or an agent, in groups, as an identity provider vouches for them.
//!
//! An agent that acts for a person is the principal, and the person is beside it: policy sees the agent as
//! `principal` and the person as `context.on_behalf_of` and `principal.on_behalf_of`. Which groups the agent is in is the
//! caller's to say: the gateway gives it those of the token that it presents, and a policy that wants less of agents says
//! `forbid (principal is Agent, …)`.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entity, EntityAttrEvaluationError, EntityUid, RestrictedExpression};

use crate::entity::{TYPES, uid, vouched};

/// Whether a principal is a person or a program that decides for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A person.
    User,
    /// A program, such as an AI agent or a service.
    Agent,
}

/// A name that an identity provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    /// The configured name of the identity provider.
    pub identity: String,
    /// The `sub` claim.
    pub subject: String,
    /// The groups, without prefix.
    pub groups: Vec<String>,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// A person or an agent.
    pub kind: Kind,
    /// Its own name and groups.
    pub name: Person,
    /// The person that an agent acts for.
    pub on_behalf_of: Option<Person>,
}

impl Principal {
    /// A person.
    pub fn user<G: Into<String>>(identity: &str, subject: &str, groups: impl IntoIterator<Item = G>) -> Self {
        Self { kind: Kind::User, name: Person::new(identity, subject, groups), on_behalf_of: None }
    }

    /// An agent.
    pub fn agent<G: Into<String>>(identity: &str, subject: &str, groups: impl IntoIterator<Item = G>) -> Self {
        Self { kind: Kind::Agent, name: Person::new(identity, subject, groups), on_behalf_of: None }
    }

    /// The same principal, acting for a person.
    #[must_use]
    pub fn acting_for(mut self, person: Person) -> Self {
        self.on_behalf_of = Some(person);
        self
    }

    /// The id in policies, such as `corp|4711`.
    #[must_use]
    pub fn id(&self) -> String {
        vouched(&self.name.identity, &self.name.subject)
    }

    pub(crate) fn uid(&self) -> EntityUid {
        let type_name = match self.kind {
            Kind::User => &TYPES.user,
            Kind::Agent => &TYPES.agent,
        };
        uid(type_name, &self.id())
    }

    /// The entities of the groups. A person acting for themselves is one entity, in the groups of both.
    pub(crate) fn parents(&self) -> HashSet<EntityUid> {
        let same = self.on_behalf_of.as_ref().filter(|person| person.uid() == self.uid());
        same.into_iter().chain([&self.name]).flat_map(Person::parents).collect()
    }

    /// The entities that every decision about this principal needs: itself, and the person it acts for.
    pub(crate) fn entities(&self) -> Result<Vec<Entity>, Box<EntityAttrEvaluationError>> {
        let mut attributes = self.name.attributes();
        if let (Kind::Agent, Some(person)) = (self.kind, &self.on_behalf_of) {
            attributes.insert("on_behalf_of".to_owned(), RestrictedExpression::new_entity_uid(person.uid()));
        }
        let mut entities = vec![Entity::new(self.uid(), attributes, self.parents())?];
        if let Some(other) = self.on_behalf_of.as_ref().filter(|person| person.uid() != self.uid()) {
            entities.push(Entity::new(other.uid(), other.attributes(), other.parents())?);
        }
        Ok(entities)
    }
}

impl Person {
    /// A name with its groups.
    pub fn new<G: Into<String>>(identity: &str, subject: &str, groups: impl IntoIterator<Item = G>) -> Self {
        Self {
            identity: identity.to_owned(),
            subject: subject.to_owned(),
            groups: groups.into_iter().map(Into::into).collect(),
        }
    }

    /// The entity of this name as a person.
    pub(crate) fn uid(&self) -> EntityUid {
        uid(&TYPES.user, &vouched(&self.identity, &self.subject))
    }

    /// The entities of the groups.
    fn parents(&self) -> HashSet<EntityUid> {
        self.groups.iter().map(|group| uid(&TYPES.group, &vouched(&self.identity, group))).collect()
    }

    fn attributes(&self) -> HashMap<String, RestrictedExpression> {
        HashMap::from([
            ("identity".to_owned(), RestrictedExpression::new_string(self.identity.clone())),
            ("subject".to_owned(), RestrictedExpression::new_string(self.subject.clone())),
        ])
    }
}
