//! Runs the built binary in a home of its own.

use std::{
    fmt::Write,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// The binary with an empty home and none of the caller's settings.
pub(crate) fn portcullis(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(args).current_dir(home).env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

/// Runs it and gives exit code, output and notes as one text.
pub(crate) fn told(home: &Path, args: &[&str]) -> String {
    tell(&portcullis(home, args).output().unwrap())
}

pub(crate) fn tell(output: &Output) -> String {
    let mut text = String::new();
    writeln!(text, "exit code {}", output.status.code().unwrap()).unwrap();
    for (name, bytes) in [("output", &output.stdout), ("notes", &output.stderr)] {
        if !bytes.is_empty() {
            writeln!(text, "--- {name}\n{}", String::from_utf8_lossy(bytes).trim_end()).unwrap();
        }
    }
    text
}

/// What it printed, where it did what it was asked.
pub(crate) fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", tell(output));
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

/// A running `portcullis connect`; it ends with this value.
pub(crate) struct Bridge {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Bridge {
    /// Starts it, and reads the URL that it prints.
    pub(crate) fn start(mut command: Command, scheme: &str, rest: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix(scheme).and_then(|line| line.strip_suffix(rest));
        let Some(address) = address else { panic!("no URL: {line}") };
        Self { child, address: address.parse().unwrap() }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Compares with the golden file of that name.
pub(crate) fn golden(name: &str, shown: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, shown);
    });
}
