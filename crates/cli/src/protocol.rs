//! The protocols that databases and their clients speak, as they are named on the command line.

/// A protocol that clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    /// That of PostgreSQL.
    Postgres,
    /// That of MySQL and MariaDB.
    Mysql,
}

impl Protocol {
    /// As the configuration names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }
}
