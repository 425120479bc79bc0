//! The recording's housekeeper: a thread that signs checkpoints, rotates, compresses and serves webhook witnesses.
//!
//! Sessions write on their own tasks; what takes longer happens here. The gateway has a session of its own in the
//! recording, for what concerns the whole process (reloads, the policies in force).

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_recording::body::Origin;
use portcullis_recording::{Recorder, SessionStart};

use crate::backstage::now;
use crate::config::Witness;
use crate::process::Process;

/// How often checkpoints are signed.
const TICK: Duration = Duration::from_secs(1);

/// How often sealed segments are looked at, in ticks.
const MAINTAIN: u64 = 30;

/// How often the thread looks whether it has to stop.
const STEP: Duration = Duration::from_millis(50);

/// Starts the thread. It ends when the process stops, with a last checkpoint.
pub(crate) fn start(process: &Arc<Process>) -> io::Result<JoinHandle<()>> {
    let digest = process.current.load().policy_digest;
    note(process, "start", "the gateway started", &digest);
    let process = process.clone();
    let runtime = tokio::runtime::Handle::current();
    thread::Builder::new().name("recorder".into()).spawn(move || keep(&process, &runtime))
}

fn keep(process: &Arc<Process>, runtime: &tokio::runtime::Handle) {
    let mut ticks = 0u64;
    let mut waited = Duration::ZERO;
    while !process.stop.is_cancelled() {
        thread::sleep(STEP);
        waited += STEP;
        if waited < TICK {
            continue;
        }
        waited = Duration::ZERO;
        ticks += 1;
        match process.recording.tick(now()) {
            Ok(tick) => {
                process.metrics.checkpointed(now());
                if tick.witnesses_failed > 0 {
                    tracing::warn!(count = tick.witnesses_failed, "a witness did not take a checkpoint");
                }
                post(process, runtime, &tick.records);
            }
            Err(error) => {
                process.metrics.recorder_failed();
                tracing::warn!(%error, "a checkpoint could not be written");
            }
        }
        if ticks.is_multiple_of(MAINTAIN)
            && let Err(error) = process.recording.maintain(now())
        {
            tracing::warn!(%error, "sealed segments could not be maintained");
        }
    }
    match process.recording.close(now()) {
        Ok(tick) => post(process, runtime, &tick.records),
        Err(error) => tracing::error!(%error, "the last checkpoint could not be written"),
    }
}

/// Sends checkpoints to webhook witnesses.
fn post(process: &Arc<Process>, runtime: &tokio::runtime::Handle, records: &[Vec<u8>]) {
    let current = process.current.load_full();
    let Some(poster) = &process.poster else { return };
    for witness in &current.config.recording.witness {
        let Witness::Webhook(url) = witness else { continue };
        for record in records {
            let Some(body) = portcullis_recording::checkpoint::webhook_body(record) else { continue };
            let (url, poster) = (url.as_str().to_owned(), poster.clone());
            runtime.spawn(async move {
                if let Err(error) = poster.post(&url, body).await {
                    tracing::warn!(%error, "a webhook witness did not take a checkpoint");
                }
            });
        }
    }
}

/// Records that other policies are in force.
pub(crate) fn note_reload(process: &Arc<Process>, digest: &[u8; 32]) {
    note(process, "policy-reload", "the configuration and its policies were reloaded", digest);
}

fn note(process: &Arc<Process>, code: &str, message: &str, digest: &[u8; 32]) {
    let start = SessionStart { origin: Origin::Gateway, policy: *digest, ..SessionStart::default() };
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut id = [0; 16];
    if portcullis_net::tls::provider().secure_random.fill(&mut id).is_err() {
        return;
    }
    let id = u128::from_be_bytes(id);
    let recorder = Recorder::start(id, &start, &process.keys, process.recorder, now());
    let Ok(mut recorder) = recorder else { return };
    recorder.note(code, message, &[("policy", &hex)], now());
    recorder.end(code, now());
    if let Err(error) = recorder.commit(&*process.recording) {
        tracing::warn!(%error, "a note could not be recorded");
    }
}
