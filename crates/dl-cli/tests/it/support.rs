//! Runs a program and collects its output.
#![allow(dead_code, reason = "not every test needs every helper")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// The status and output of a program.
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

    /// Fails the test, showing the program's output, unless it ended with `status`.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, status, "\n--- stdout\n{}\n--- stderr\n{}", clipped(&self.stdout), self.stderr);
        self
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(4000).collect()
}

/// The path of a program of this build.
pub fn program(tool: &str) -> PathBuf {
    // Beside the test's own: target/<profile>/deps/it-... -> target/<profile>/.
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    folder.join(format!("{tool}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs a program with arguments and stdin in the repository's root.
#[track_caller]
pub fn run<S: AsRef<std::ffi::OsStr>>(tool: &str, args: &[S], stdin: &str) -> Ran {
    run_with(&[], tool, args, stdin)
}

/// No run of a test takes longer, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

/// The same with environment variables.
#[track_caller]
pub fn run_with<S: AsRef<std::ffi::OsStr>>(variables: &[(&str, &str)], tool: &str, args: &[S], stdin: &str) -> Ran {
    run_within(LIMIT, variables, tool, args, stdin)
}

/// The same, but kills the program after `limit` and fails the test.
#[track_caller]
pub fn run_within<S: AsRef<std::ffi::OsStr>>(
    limit: Duration,
    variables: &[(&str, &str)],
    tool: &str,
    args: &[S],
    stdin: &str,
) -> Ran {
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
        // A program may stop reading early.
        let _ = pipe.write_all(text.as_bytes());
    });
    let stdout = read_all(child.stdout.take().expect("stdout is piped"));
    let stderr = read_all(child.stderr.take().expect("stderr is piped"));
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    let status = loop {
        match child.try_wait().expect("the program runs") {
            Some(status) => break status,
            None if start.elapsed() > limit => {
                child.kill().expect("the program can be killed");
                panic!("{tool}: killed after {limit:?}");
            }
            None => thread::sleep(pause),
        }
        pause = (2 * pause).min(Duration::from_millis(20));
    };
    feeder.join().expect("the feeder ends");
    let [stdout, stderr] = [stdout, stderr].map(|reader| reader.join().expect("the reader ends"));
    Ran {
        status: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

fn read_all(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

/// Runs a shell command in a terminal, with the programs in PATH: its status and all that the terminal got. None, with a
/// message, where the system has no `script` of util-linux.
pub fn in_terminal(command: &str) -> Option<(i32, String)> {
    let programs = program("dl-nms").parent().expect("a folder").display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let arguments = ["--quiet", "--return", "--command", command, "/dev/null"];
    // Its stdin stays open: at its end, `script` would end the terminal's input too.
    let child = Command::new("script")
        .args(arguments)
        .env("PATH", path)
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh")
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child.map_err(|error| eprintln!("SKIPPED: script: {error}")) else { return None };
    let _stdin = child.stdin.take();
    let output = read_all(child.stdout.take().expect("stdout is piped"));
    let status = child.wait().expect("script runs");
    let output = String::from_utf8_lossy(&output.join().expect("the reader ends")).into_owned();
    Some((status.code().unwrap_or(-1), output))
}

/// Runs a program until it succeeds, and kills it up to `most` times before that, `wait` after each start: before a step,
/// within one, while a file is written. Returns how often it was killed.
pub fn run_killed(tool: &str, args: &[String], most: u64, wait: impl Fn(u64) -> Duration) -> u64 {
    let mut kills = 0;
    loop {
        let mut command = Command::new(program(tool));
        command.args(args).current_dir(root()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{tool}: {error}"));
        thread::sleep(wait(kills));
        if kills < most && child.try_wait().expect("the child is ours").is_none() {
            child.kill().expect("the child is ours");
            child.wait().expect("the child is ours");
            kills += 1;
            continue;
        }
        let status = child.wait().expect("the child is ours");
        assert!(status.success(), "{tool} after {kills} kills: {status}");
        return kills;
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// A file or folder of the real data beside a checkout, if it exists. A test that needs it is skipped with a message
/// otherwise.
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = root().join("../shared").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("SKIPPED: {} does not exist", found.display());
    None
}
