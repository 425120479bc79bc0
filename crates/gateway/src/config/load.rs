//! The file as a whole: reads each section, then checks what spans sections.

use std::{
    collections::HashSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use super::{
    diagnostic::{ConfigErrors, Diagnostic},
    files::Surroundings,
    limits::{Limits, Log, Session},
    listener::{Admin, Identity, Listener},
    reader::{Table, Value},
    recording::Recording,
    rules::{self, Detector},
    source::{Remark, Source},
    upstream::Upstream,
};

/// A configuration in which every value is valid and every name resolves. Only [`Config::load`] and [`Config::parse`]
/// make one.
#[derive(Clone)]
pub struct Config {
    /// State, keys and recordings; need not exist yet.
    pub data_dir: PathBuf,
    /// Where clients connect; at least one.
    pub listeners: Vec<Listener>,
    /// The API, if there is one.
    pub admin: Option<Admin>,
    /// Who vouches for clients; at least one, names unique.
    pub identities: Vec<Identity>,
    /// What is protected; at least one, names unique.
    pub upstreams: Vec<Upstream>,
    /// What is overwritten in results.
    pub detectors: Vec<Detector>,
    /// How long a session lives.
    pub session: Session,
    /// The folder of `*.cedar` files.
    pub policy_dir: PathBuf,
    /// What is kept.
    pub recording: Recording,
    /// How many and how long.
    pub limits: Limits,
    /// How the gateway logs.
    pub log: Log,
    warnings: Vec<Diagnostic>,
}

impl Config {
    /// Reads a configuration file and everything it points to.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let base = path.parent().filter(|base| !base.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let base = std::path::absolute(base).map_err(|error| unreadable(path, &error))?;
        Self::read(path, &text, &base, &|name| std::env::var(name).ok())
    }

    /// Reads a configuration from text: relative paths start at `base_dir`, variables come from `env`.
    pub fn parse(text: &str, base_dir: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        Self::read(Path::new("portcullis.toml"), text, base_dir, env)
    }

    /// What works but should be looked at.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The upstream of that name.
    pub fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.name == name)
    }

    fn read(file: &Path, text: &str, base: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let source = Source::new(file, text);
        let (document, malformed) = DeTable::parse_recoverable(text);
        for error in &malformed {
            let remark = Remark { key: String::new(), message: format!("not TOML: {}", error.message()), help: None };
            source.error(error.span(), remark);
        }
        // A tree mended after a syntax error would only add mistakes that are not there.
        let config = if malformed.is_empty() {
            Table::root(document.get_ref(), &source).read(|root| read_sections(root, &Surroundings { base, env }))
        } else {
            None
        };
        let warnings = source.finish()?;
        config.map(|config| Self { warnings, ..config }).ok_or_else(|| unexplained(file))
    }
}

fn read_sections(root: &Table<'_>, around: &Surroundings<'_>) -> Option<Config> {
    let data_dir = root.optional("data_dir", |v| around.path(v));
    let identities = some(root, "identity", |t| Identity::read(t, around));
    let upstreams = some(root, "upstream", |t| Upstream::read(t, around));
    let names = written_names(root, "upstream");
    let listeners = some(root, "listener", |t| Listener::read(t, around));
    let admin = root.value("admin").map(|v| v.table()?.read(|t| Admin::read(t, around, &identities)));
    let detectors = root.tables("detect", |t| Detector::read(t, around, &names));
    root.tables("classify", |t| rules::refuse_classify(t, &names));
    root.tables("row_filter", |t| rules::refuse_row_filter(t, &names));
    let session = root.section("session", Session::read);
    let policy_dir = root.section("policy", |t| t.required("dir", |v| around.dir(v)));
    let recording = root.section("recording", |t| Recording::read(t, around));
    let limits = root.section("limits", Limits::read);
    let log = root.section("log", Log::read);
    check_names(root);
    check_binds(root);
    check_listener_upstreams(root, &names);
    Some(Config {
        data_dir: data_dir.unwrap_or_else(|| around.base.join("portcullis-data")),
        listeners,
        admin: admin.map_or(Some(None), |admin| admin.map(Some))?,
        identities,
        upstreams,
        detectors,
        session: session?,
        policy_dir: policy_dir?,
        recording: recording?,
        limits: limits?,
        log: log?,
        warnings: Vec::new(),
    })
}

/// The tables of a section that must be there at least once.
fn some<T>(root: &Table<'_>, key: &'static str, read: impl FnMut(&Table<'_>) -> Option<T>) -> Vec<T> {
    if root.value(key).is_none() {
        root.fail(format!("missing section [[{key}]]: at least one is needed"));
    }
    root.tables(key, read)
}

/// The names that tables of a section have in the file, also where such a table holds another mistake.
fn written_names(root: &Table<'_>, key: &'static str) -> Vec<String> {
    root.fields(key, "name").filter_map(|value| value.text().map(str::to_owned)).collect()
}

fn check_names(root: &Table<'_>) {
    for section in ["identity", "upstream"] {
        let mut seen = HashSet::new();
        for value in root.fields(section, "name") {
            if let Some(name) = value.text().filter(|name| !seen.insert(*name)) {
                value.fail(format!("another [[{section}]] is named `{name}` too"));
            }
        }
    }
}

fn check_binds(root: &Table<'_>) {
    let mut seen = HashSet::new();
    for value in root.fields("listener", "bind").chain(root.field("admin", "bind")) {
        let bind = value.text().and_then(|text| text.parse::<SocketAddr>().ok());
        if let Some(bind) = bind.filter(|bind| bind.port() != 0 && !seen.insert(*bind)) {
            value.fail(format!("another listener is bound to `{bind}` too"));
        }
    }
}

fn check_listener_upstreams(root: &Table<'_>, names: &[String]) {
    let lists = root.fields("listener", "upstreams").filter(Value::is_array);
    for value in lists.flat_map(|list| list.items("a list")) {
        match value.text() {
            Some(name) if !names.iter().any(|known| known == name) => {
                value.fail(format!("there is no [[upstream]] named `{name}`"));
            }
            _ => {}
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigErrors {
    let message = format!("cannot read the file: {error}");
    ConfigErrors(vec![Diagnostic { file: path.to_owned(), place: None, key: String::new(), message, help: None }])
}

/// A section was not built and nobody said why: refused all the same.
fn unexplained(file: &Path) -> ConfigErrors {
    let message = "the configuration could not be read".to_owned();
    ConfigErrors(vec![Diagnostic { file: file.to_owned(), place: None, key: String::new(), message, help: None }])
}
