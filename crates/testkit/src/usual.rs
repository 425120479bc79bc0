//! The policy and the detectors that most tests use, of either protocol.

use crate::Setup;

/// `all` may do anything; `support` reads and writes what is not `hr`; `privacy` may besides see secrets as they are.
pub const POLICY: &str = r#"
@id("all")
permit (principal in Group::"all", action, resource);

@id("support")
permit (
  principal in Group::"support",
  action in [Action::"connect", Action::"read", Action::"write", Action::"set", Action::"listen"],
  resource in Upstream::"shop"
);

@id("no-hr") @hint("salaries are for hr")
forbid (principal in Group::"support", action, resource in Schema::"shop.hr");

@id("no-blind-writes") @hint("name the rows by their key")
forbid (principal in Group::"support", action in [Action::"update", Action::"delete"], resource)
unless { context.where_is_selective };

@id("privacy")
permit (principal in Group::"privacy", action == Action::"reveal", resource);
"#;

/// What is looked for in results.
pub const DETECT: &str = r#"
[[detect]]
upstream = "*"
patterns = ["credit_card", "us_ssn", "email"]
class = "secret"
"#;

/// The usual setup: [`POLICY`] and [`DETECT`].
pub fn usual() -> Setup {
    Setup { policy: POLICY.into(), extra: DETECT.into(), admin: "admins = [\"dba\"]".into(), ..Setup::default() }
}
