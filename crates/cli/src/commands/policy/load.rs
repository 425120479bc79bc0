//! Policies from a folder, and the identity providers that their names are of.
//!
//! The gateway's configuration is read here only for those names: an authoring loop in CI has no database password and
//! no certificates, so the file is not checked as a whole.

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis_policy::{Policies, PolicyError};

use crate::{failure::Failure, output};

/// Where policies are, and whose names they use.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    /// Folder of *.cedar files
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) identities: Identities,
}

/// Which identity providers there are.
#[derive(Debug, clap::Args)]
pub(crate) struct Identities {
    /// Name of an identity provider, as in [[identity]]; may be repeated
    /// [default: those of --config]
    #[arg(long = "identity", value_name = "NAME")]
    names: Vec<String>,
    /// Take the names of the identity providers from this file
    /// [default: portcullis.toml beside DIR, where there is one]
    #[arg(long, value_name = "FILE", conflicts_with = "names")]
    config: Option<PathBuf>,
}

/// The name that stands in where no identity provider is known: with one, policies need not name it.
const ONLY_IDENTITY: &str = "local";

impl Identities {
    /// The names given, else those of the configuration, else one stand-in.
    pub(crate) fn resolve(&self, dir: &Path) -> Result<Vec<String>, Failure> {
        if !self.names.is_empty() {
            return Ok(self.names.clone());
        }
        let beside = std::path::absolute(dir).ok().and_then(|dir| Some(dir.parent()?.join("portcullis.toml")));
        match self.config.clone().or(beside.filter(|file| file.exists())) {
            Some(file) => names_in(&file),
            None => Ok(vec![ONLY_IDENTITY.to_owned()]),
        }
    }
}

fn names_in(file: &Path) -> Result<Vec<String>, Failure> {
    #[derive(serde::Deserialize)]
    struct Part {
        #[serde(default)]
        identity: Vec<Named>,
    }
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
    }
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    let part: Part =
        toml::from_str(&text).map_err(|error| Failure::refused(format_args!("{}: {error}", file.display())))?;
    if part.identity.is_empty() {
        return Err(Failure::refused(format_args!("{}: there is no [[identity]]", file.display())));
    }
    Ok(part.identity.into_iter().map(|identity| identity.name).collect())
}

/// The *.cedar files of a folder with their texts; a folder without any is a mistake, not an empty set of policies.
fn files(dir: &Path) -> Result<Vec<(String, String)>, Failure> {
    let entries = fs::read_dir(dir).map_err(|error| unreadable(dir, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(dir, &error))?.path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            files.push((path.display().to_string(), text));
        }
    }
    if files.is_empty() {
        return Err(Failure::refused(format_args!("{}: holds no *.cedar file", dir.display())));
    }
    files.sort();
    Ok(files)
}

impl Source {
    /// Everything that is wrong with the policies, or the policies.
    pub(crate) fn load(&self) -> Result<Result<Policies, Vec<PolicyError>>, Failure> {
        Ok(Policies::load(&files(&self.dir)?, &self.identities.resolve(&self.dir)?))
    }

    /// The policies and the names of the identity providers.
    pub(crate) fn load_or_fail(&self) -> Result<(Policies, Vec<String>), Failure> {
        load_or_fail(&self.dir, &self.identities)
    }
}

/// The policies of a folder, for commands that need them to be sound.
pub(crate) fn load_or_fail(dir: &Path, identities: &Identities) -> Result<(Policies, Vec<String>), Failure> {
    let identities = identities.resolve(dir)?;
    match Policies::load(&files(dir)?, &identities) {
        Ok(policies) => Ok((policies, identities)),
        Err(errors) => {
            errors.iter().for_each(output::note);
            Err(Failure::refused(format_args!("{}: the policies hold mistakes", dir.display())))
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::refused(format_args!("{}: {error}", path.display()))
}
