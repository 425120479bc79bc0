//! `portcullis serve`: the gateway, in this process, until it is told to stop.
//!
//! SIGTERM and SIGINT drain: no new sessions, live ones end between transactions. SIGHUP reads the configuration again and
//! takes it up whole, or keeps the old one and says why. The process id stands in `data_dir/portcullis.pid`, which is how
//! `portcullis reload` finds it.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_gateway::Gateway;
use portcullis_gateway::config::{Config, ConfigErrors, Log, LogFormat};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{failure::Failure, output};

/// Serves a gateway.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis serve --config portcullis.toml\n  portcullis serve --config portcullis.toml --check"
)]
pub(crate) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "portcullis.toml")]
    config: PathBuf,
    /// Check the configuration and everything it names, and exit
    #[arg(long)]
    check: bool,
}

/// The name of the file that holds the process id.
pub(crate) const PID_FILE: &str = "portcullis.pid";

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.check {
        let config = portcullis_gateway::check(&args.config).map_err(|error| Failure::refused(error.to_string()))?;
        warn(&config);
        output::note(format_args!("{}: good", args.config.display()));
        return Ok(());
    }
    let config = load(&args.config)?;
    log(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.limits.threads.unwrap_or_else(threads))
        .enable_all()
        .build()
        .map_err(|error| Failure::refused(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(serve(&args.config, config))
}

/// One thread fewer than there are cores: the kernel's half of the work, the analysts and the recorder need one too. On two
/// cores a second thread costs more in wake-ups than it brings (BENCHMARKS.md).
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

fn load(path: &Path) -> Result<Config, Failure> {
    let config = Config::load(path).map_err(|errors: ConfigErrors| Failure::refused(errors.to_string()))?;
    warn(&config);
    Ok(config)
}

fn warn(config: &Config) {
    for warning in config.warnings() {
        output::note(format_args!("{warning}"));
    }
}

/// Logs go to standard error; `RUST_LOG` overrides the configured level.
pub(crate) fn log(log: &Log) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(log.level.as_str()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber (in a test) is not worth failing for.
    let _ = match log.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_target(false).try_init(),
    };
}

async fn serve(path: &Path, config: Config) -> Result<(), Failure> {
    let pid_file = config.data_dir.join(PID_FILE);
    let gateway = Gateway::start(config).await.map_err(|error| Failure::refused(error.to_string()))?;
    let unwritten = |error| Failure::refused(format!("{}: {error}", pid_file.display()));
    fs::write(&pid_file, format!("{}\n", std::process::id())).map_err(unwritten)?;
    for address in gateway.addresses() {
        output::note(format_args!("listening on {address}"));
    }
    if let Some(address) = gateway.admin_address() {
        output::note(format_args!("admin on {address}"));
    }
    until_stopped(path, &gateway).await?;
    output::note(format_args!("stopping"));
    gateway.stop().await;
    let _ = fs::remove_file(&pid_file);
    Ok(())
}

async fn until_stopped(path: &Path, gateway: &Gateway) -> Result<(), Failure> {
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut hangup = on(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => reload(path, gateway),
        }
    }
}

fn on(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::refused(format!("signals cannot be received: {error}")))
}

fn reload(path: &Path, gateway: &Gateway) {
    let outcome = Config::load(path).map_err(|error| error.to_string());
    match outcome.and_then(|config| gateway.reload(config).map_err(|error| error.to_string())) {
        Ok(()) => tracing::info!("the configuration was reloaded"),
        Err(error) => tracing::error!(%error, "the configuration was not reloaded; the old one stays in force"),
    }
}
