//! Policy: who may do what to which data, as Cedar policies that operators write.
//!
//! [`Policies::load`] reads files and checks them against the built-in [`SCHEMA`]; [`Policies::slice`] cuts out what can
//! concern one session; [`Slice::decide`] answers a statement's requests. Nothing is allowed by default, a forbid beats
//! every permit, and a policy that cannot be evaluated denies. Only an allowing answer can make a [`Permit`], without
//! which nothing is forwarded.
//!
//! This crate does no I/O, knows no clock and no SQL: what a statement does comes in as [`Request`]s.
//!
//! ```
//! use portcullis_policy::{Action, Context, Policies, Principal, Request, Resource, Upstream};
//!
//! let text = r#"permit (principal in Group::"support", action in Action::"read", resource in Upstream::"shop");"#;
//! let policies = Policies::load(&[("support.cedar".into(), text.into())], &["corp".into()]).unwrap();
//! let ana = Principal::user("corp", "ana", ["support"]);
//! let slice = policies.slice(&ana, &Upstream { name: "shop".into(), labels: vec![] });
//!
//! let context = Context { protocol: "postgres", ..Context::default() };
//! let resource = Resource::Table { schema: "public", table: "orders" };
//! assert!(slice.decide(&[Request { action: Action::Select, resource, context: &context }]).is_allow());
//! assert!(!slice.decide(&[Request { action: Action::Delete, resource, context: &context }]).is_allow());
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod action;
mod bounds;
mod decision;
mod entity;
mod error;
mod explain;
mod facts;
mod lint;
mod policies;
mod principal;
mod resource;
mod rewrite;
mod rule;
mod slice;
mod source;
mod suite;
mod time;

pub use action::Action;
pub use decision::{Allowed, Approval, Decision, Denial, Permit, Requirement};
pub use error::PolicyError;
pub use explain::{Effect, ExplainedRule, Explanation, Outcome};
pub use facts::{Context, Fact, Uses};
pub use policies::{Policies, SCHEMA, Upstream};
pub use principal::{Kind, Person, Principal};
pub use resource::Resource;
pub use slice::{Request, Slice};
pub use suite::{CaseReport, Expect, Suite, SuiteReport};
