//! Running a program and reading what it says.
#![allow(dead_code, reason = "not every test needs every helper")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;

/// What a program did.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The records on stdout.
    pub fn records(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// Fails the test, with everything the program said, unless it ended with `status`.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "\n--- stdout\n{}\n--- stderr\n{}", clipped(&self.stdout), self.stderr);
        self
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(4000).collect()
}

/// Path of a program of this build.
pub fn program(tool: &str) -> PathBuf {
    // Beside the test's own: target/<profile>/deps/it-... -> target/<profile>/.
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    folder.join(format!("{tool}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs a program with arguments and stdin, in the repository's root.
#[track_caller]
pub fn run<S: AsRef<std::ffi::OsStr>>(tool: &str, args: &[S], stdin: &str) -> Ran {
    run_with(&[], tool, args, stdin)
}

/// The same with environment variables.
#[track_caller]
pub fn run_with<S: AsRef<std::ffi::OsStr>>(variables: &[(&str, &str)], tool: &str, args: &[S], stdin: &str) -> Ran {
    let mut child = Command::new(program(tool))
        .args(args)
        .envs(variables.iter().copied())
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{tool}: {error}"));
    let mut pipe = child.stdin.take().expect("stdin is piped");
    let text = stdin.to_owned();
    let feeder = thread::spawn(move || {
        // A program that stops reading early is no fault of the test.
        let _ = pipe.write_all(text.as_bytes());
    });
    let Output { status, stdout, stderr } = child.wait_with_output().expect("the program runs");
    feeder.join().expect("the feeder ends");
    Ran {
        status: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// A file or folder of the real data that lies beside a checkout, if it is there. A test that needs it skips, and
/// says so, when it is not.
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = root().join("../shared").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("SKIPPED: {} is not here", found.display());
    None
}
