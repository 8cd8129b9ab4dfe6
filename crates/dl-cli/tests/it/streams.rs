//! stdin, stdout and stderr in every state that a shell, a parent process or a full disk can put them in.
#![cfg(unix)]

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::every_tool::{Bench, READING, STREAMING, record};
use crate::support::{program, root, run};

/// Runs a shell script with the program's path as `$0`: status, stdout, stderr.
fn shell(tool: &str, args: &[String], script: &str) -> (Option<i32>, String, String) {
    let ran = Command::new("sh")
        .args(["-c", script])
        .arg(program(tool))
        .args(args)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

/// A file with one record that every program can process.
fn input(bench: &Bench) -> String {
    let path = bench.folder.path().join("one.jsonl");
    std::fs::write(&path, format!("{}\n", record("a"))).unwrap();
    path.display().to_string()
}

#[test]
fn a_full_or_closed_stdout_is_reported() {
    let bench = Bench::new();
    let input = input(&bench);
    for row in STREAMING.iter().chain(READING) {
        // These write files.
        if row.contains("to voc") || row.contains("to yolo") {
            continue;
        }
        let (tool, args) = bench.words(row);
        for (way, why) in [(">/dev/full", "No space left on device"), (">&-", "is closed")] {
            let (status, _, stderr) = shell(&tool, &args, &format!("exec \"$0\" \"$@\" <{input} {way}"));
            assert_eq!(status, Some(2), "{row} {way}: {stderr}");
            let reported = stderr.lines().filter(|line| line.starts_with(&format!("{tool}: stdout: {why}"))).count();
            assert!(reported == 1 && !stderr.contains("bug in this program"), "{row} {way}: {stderr}");
        }
    }
    for option in ["--help", "--version"] {
        for (way, why) in [(">/dev/full", "No space left on device"), (">&-", "is closed")] {
            let (status, _, stderr) = shell("dl-nms", &[option.to_owned()], &format!("exec \"$0\" \"$@\" {way}"));
            assert!(
                status == Some(2) && stderr.starts_with(&format!("dl-nms: stdout: {why}")),
                "{option} {way}: {stderr}"
            );
        }
    }
    // A closed stdout does not matter to a program that writes nothing to it.
    let (tool, args) = bench.words("dl-data to voc DIR/closed --images leave");
    let (status, _, stderr) = shell(&tool, &args, &format!("exec \"$0\" \"$@\" <{input} >&-"));
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_closed_stdin_or_a_folder_as_stdin_is_an_error() {
    let bench = Bench::new();
    for row in STREAMING.iter().chain(READING) {
        let (tool, args) = bench.words(row);
        for (way, why) in [("<&-", "is closed"), ("</", "Is a directory")] {
            let (status, stdout, stderr) = shell(&tool, &args, &format!("exec \"$0\" \"$@\" {way}"));
            assert_eq!((status, stdout.as_str()), (Some(2), ""), "{row} {way}");
            assert!(stderr.starts_with(&format!("{tool}: stdin: {why}")), "{row} {way}: {stderr}");
        }
    }
}

#[test]
fn a_closed_or_full_stderr_does_not_stop_the_run() {
    for way in ["2>&-", "2>/dev/full"] {
        let (status, stdout, _) = shell("dl-nms", &[], &format!("echo broken | \"$0\" {way}"));
        assert!(status == Some(1) && stdout.contains("\"input\":\"broken\""), "{way}: {stdout}");
        assert_eq!(shell("dl-nms", &["--no-such".to_owned()], &format!("exec \"$0\" \"$@\" {way}")).0, Some(2));
    }
}

/// Makes the pipe non-blocking.
fn unblock(end: impl rustix::fd::AsFd) {
    fcntl_setfl(&end, fcntl_getfl(&end).unwrap() | OFlags::NONBLOCK).unwrap();
}

#[test]
fn nonblocking_pipes_lose_nothing() {
    // Long and many enough to fill both pipes.
    let line =
        |n: usize| format!("{{\"id\":\"{n}\",\"detections\":[],\"text\":\"{}\"}}\n", "x".repeat(n * 37 % 40_000));
    let text: String = (0..100).map(line).collect();
    for (tool, args) in [("dl-nms", &[][..]), ("dl-data", &["shard", "1/1"])] {
        let (stdin, mut input): (PipeReader, PipeWriter) = io::pipe().unwrap();
        let (mut output, stdout) = io::pipe().unwrap();
        unblock(&stdin);
        unblock(&stdout);
        let mut child = Command::new(program(tool)).args(args).stdin(stdin).stdout(stdout).spawn().unwrap();
        let feeder = thread::spawn({
            let text = text.clone();
            move || {
                // Less than a line, so that the program has to wait in the middle of one.
                for part in text.as_bytes().chunks(15_001) {
                    thread::sleep(Duration::from_millis(1));
                    input.write_all(part).unwrap();
                }
            }
        });
        // The program has to wait for this reader too.
        thread::sleep(Duration::from_millis(300));
        let mut found = String::new();
        output.read_to_string(&mut found).unwrap();
        feeder.join().unwrap();
        assert!(child.wait().unwrap().success(), "{tool}");
        assert!(found == text, "{tool}: {} bytes became {}", text.len(), found.len());
    }
}

#[test]
fn threads_that_cannot_start_are_an_error_of_one_line() {
    for (tool, args) in [("dl-nms", &[][..]), ("dl-data", &["check"]), ("dl-eval", &["coco"])] {
        for wrong in ["0", "1025", "100000", "18446744073709551615", "-1"] {
            let ran = run(tool, &[args, &[&format!("--threads={wrong}")]].concat(), "").expect(2);
            assert!(ran.stderr.contains("--threads"), "{tool}: {}", ran.stderr);
            assert!(!ran.stderr.contains("bug in this program"), "{tool}: {}", ran.stderr);
        }
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        // So many stacks do not fit. A limit on processes would not apply to root.
        let limited = "ulimit -v 1000000; exec \"$0\" \"$@\" --threads 1024";
        let (status, stdout, stderr) = shell(tool, &args, limited);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{tool}: {stderr}");
        assert!(stderr.starts_with(&format!("{tool}: cannot start a thread")), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn a_line_larger_than_memory_is_an_error_with_its_number_and_the_next_is_read() {
    let script = "{ echo '{\"id\":\"a\",\"detections\":[]}'; head -c 700000000 /dev/zero; echo; \
                  echo '{\"id\":\"b\",\"detections\":[]}'; } | { ulimit -v 900000; exec \"$0\" --threads 1; }";
    let (status, stdout, stderr) = shell("dl-nms", &[], script);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.starts_with("dl-nms: <stdin>:2: the line is l"), "{stderr}");
    let ids: Vec<String> = stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["a", "<stdin>:2", "b"]);
}

#[test]
fn an_output_over_an_input_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.jsonl");
    let text = "{\"id\":\"a\"}\n";
    std::fs::write(&path, text).unwrap();
    let into = folder.path().display().to_string();
    let args = ["split", "--output-dir", &into];
    let ran = run("dl-data", &[&args[..], &[path.to_str().unwrap()]].concat(), "").expect(2);
    assert!(ran.stderr.contains("would replace the input"), "{}", ran.stderr);
    let ran = Command::new(program("dl-data")).args(args).stdin(File::open(&path).unwrap()).output().unwrap();
    assert!(String::from_utf8_lossy(&ran.stderr).contains("would replace the file on stdin"));
    assert_eq!((ran.status.code(), std::fs::read_to_string(&path).unwrap().as_str()), (Some(2), text));
}
