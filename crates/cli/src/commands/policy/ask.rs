//! One question to a set of policies: who wants to do what to which thing, under which circumstances.
//!
//! It is the same request that the gateway makes of a statement, put together by hand, so that a policy can be tried
//! without a database.

use std::net::IpAddr;

use portcullis_policy::{Action, Context, Person, Policies, Principal, Request, Resource, Slice, Upstream};

/// Who is asking, and on which upstream.
#[derive(Debug, clap::Args)]
pub(crate) struct Who {
    /// The person's subject (`sub`)
    #[arg(long, value_name = "SUBJECT", required_unless_present = "agent")]
    pub(crate) user: Option<String>,
    /// The agent's subject; with --user, the agent acts for that person
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) agent: Option<String>,
    /// A group of the principal; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// The identity provider that vouches for them, where there are several
    #[arg(long = "vouched-by", value_name = "NAME")]
    pub(crate) identity: Option<String>,
    /// The upstream
    #[arg(long, value_name = "NAME")]
    pub(crate) upstream: String,
    /// A label of the upstream, as key=value; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<String>,
}

/// What is asked for. Without a resource it is the upstream as a whole.
#[derive(Debug, clap::Args)]
pub(crate) struct What {
    /// The action: connect, select, insert, update, delete, truncate, ddl, grant, copy_in, copy_out, call, set, …
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: String,
    /// A table or view
    #[arg(long, value_name = "SCHEMA.TABLE", conflicts_with_all = ["function", "schema"])]
    pub(crate) table: Option<String>,
    /// A column of --table
    #[arg(long, value_name = "COLUMN", requires = "table")]
    pub(crate) column: Option<String>,
    /// A class: of --column, or by itself (for reveal)
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// A function
    #[arg(long, value_name = "SCHEMA.NAME")]
    pub(crate) function: Option<String>,
    /// A schema
    #[arg(long, value_name = "SCHEMA")]
    pub(crate) schema: Option<String>,
}

/// The circumstances that conditions may read.
#[derive(Debug, clap::Args)]
pub(crate) struct Circumstances {
    /// WHERE names the rows by their key
    #[arg(long)]
    pub(crate) where_is_selective: bool,
    /// A person approved the statement
    #[arg(long)]
    pub(crate) approved: bool,
    /// The session is read-only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// The client's address
    #[arg(long, value_name = "IP")]
    pub(crate) source: Option<IpAddr>,
    /// A tag of the statement, as key=value; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
    /// The kind of statement, such as SELECT
    #[arg(long, value_name = "KIND", default_value = "")]
    pub(crate) statement: String,
    /// A column that the statement touches; may be repeated
    #[arg(long = "touches", value_name = "COLUMN")]
    pub(crate) columns: Vec<String>,
    /// Rows that this identity read in the last hour
    #[arg(long, value_name = "COUNT", default_value_t)]
    pub(crate) rows_last_hour: i64,
    /// Bytes that this identity read in the last hour
    #[arg(long, value_name = "COUNT", default_value_t)]
    pub(crate) bytes_last_hour: i64,
    /// The time, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    pub(crate) at: Option<i64>,
}

impl Who {
    /// The policies that concern this principal on this upstream.
    pub(crate) fn slice(&self, policies: &Policies, identities: &[String]) -> Result<Slice, String> {
        let labels = self.labels.iter().map(|label| pair(label)).collect::<Result<_, _>>()?;
        let upstream = Upstream { name: self.upstream.clone(), labels };
        Ok(policies.slice(&self.principal(identities)?, &upstream))
    }

    fn principal(&self, identities: &[String]) -> Result<Principal, String> {
        let identity = match (&self.identity, identities) {
            (Some(name), known) if known.contains(name) => name,
            (Some(name), _) => return Err(format!("there is no identity provider `{name}`")),
            (None, [only]) => only,
            (None, _) => return Err("there are several identity providers: say which one vouches".to_owned()),
        };
        let groups = self.groups.iter().cloned();
        match (&self.user, &self.agent) {
            (Some(user), None) => Ok(Principal::user(identity, user, groups)),
            (None, Some(agent)) => Ok(Principal::agent(identity, agent, groups)),
            (Some(user), Some(agent)) => {
                let person = Person::new(identity, user, [""; 0]);
                Ok(Principal::agent(identity, agent, groups).acting_for(person))
            }
            (None, None) => Err("nobody is asking: `user` or `agent` is missing".to_owned()),
        }
    }
}

impl What {
    /// Calls `answer` with the request.
    pub(crate) fn ask<T>(&self, context: &Context<'_>, answer: impl FnOnce(&Request<'_>) -> T) -> Result<T, String> {
        let action = Action::from_name(&self.action).ok_or_else(|| {
            let all: Vec<_> = Action::ALL.iter().map(|action| action.name()).collect();
            format!("`{}` is not an action; the actions are {}", self.action, all.join(", "))
        })?;
        let classes: Vec<&str> = self.class.as_deref().into_iter().collect();
        let resource = self.resource(&classes)?;
        Ok(answer(&Request { action, resource, context }))
    }

    fn resource<'a>(&'a self, classes: &'a [&'a str]) -> Result<Resource<'a>, String> {
        let named = (&self.table, &self.function, &self.schema, &self.class);
        match named {
            (Some(table), None, None, _) => {
                let (schema, table) = in_schema(table)?;
                match self.column.as_deref() {
                    Some(column) => Ok(Resource::Column { schema, table, column, classes }),
                    None if classes.is_empty() => Ok(Resource::Table { schema, table }),
                    None => Err("a table has no class: name its `column`".to_owned()),
                }
            }
            (None, Some(function), None, None) => {
                let (schema, name) = in_schema(function)?;
                Ok(Resource::Function { schema, name })
            }
            (None, None, Some(schema), None) => Ok(Resource::Schema(schema)),
            (None, None, None, Some(class)) => Ok(Resource::Class(class)),
            (None, None, None, None) => Ok(Resource::Upstream),
            _ => Err("a request is about one thing: a table, a function, a schema or a class".to_owned()),
        }
    }
}

impl Circumstances {
    /// Calls `then` with the context of a request.
    pub(crate) fn with<T>(&self, then: impl FnOnce(&Context<'_>) -> T) -> Result<T, String> {
        let tags: Vec<_> = self.tags.iter().map(|tag| pair(tag)).collect::<Result<_, _>>()?;
        Ok(then(&Context {
            protocol: "postgres",
            source: self.source,
            now_ms: self.at.unwrap_or_else(now).saturating_mul(1_000),
            statement: &self.statement,
            where_is_selective: self.where_is_selective,
            columns: &self.columns,
            tags: &tags,
            rows_last_hour: self.rows_last_hour,
            bytes_last_hour: self.bytes_last_hour,
            read_only: self.read_only,
            tool: None,
            approved: self.approved,
        }))
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not of the form key=value"))?;
    Ok((key.to_owned(), value.to_owned()))
}

fn in_schema(name: &str) -> Result<(&str, &str), String> {
    let parts = name.split_once('.').filter(|(schema, name)| !schema.is_empty() && !name.is_empty());
    parts.ok_or_else(|| format!("`{name}` does not name its schema, as in `public.orders`"))
}
