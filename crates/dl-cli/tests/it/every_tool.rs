//! What all programs have in common, tested on each of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use clap::Command as CommandLine;
use dl_cli::tools::TABLE;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::disentangle::write_swap;
use crate::embed::write_small_network;
use crate::finetune::{toy_records, train_toy_heads};
use crate::gan_edit::write_generator;
use crate::support::{program, root, run};

/// Programs that write one record per input record. `DIR` is a folder for their files, `NETWORK`, `HEADS`, `LARGER`,
/// `STYLE` and `SWAP` are small model files.
pub(crate) const STREAMING: &[&str] = &[
    "dl-data check",
    "dl-data select --where id",
    "dl-data shard 1/1",
    "dl-data split --fractions 0.5,0.5",
    "dl-propose selective-search --mode single --max 5",
    "dl-propose sliding-window --max 5",
    "dl-embed --model NETWORK --layer fire9@1 --max 2",
    "dl-classify --model NETWORK",
    "dl-embed --model testdata/goldens/text/bert",
    "dl-generate --model testdata/goldens/text/gpt2 --max-tokens 3",
    "dl-detect --model HEADS --score -5",
    "dl-nms --iou 0.3",
    "dl-gan-edit super-resolve --model LARGER --output-dir DIR/large",
    "dl-gan-edit translate --model STYLE --output-dir DIR/style",
    "dl-gan-edit swap --model SWAP --style-from testdata/signs/JPEGImages/test-0004.jpg --output-dir DIR/swap",
    "dl-draw boxes --output-dir DIR/drawn",
    "dl-draw grid --output DIR/grid.png",
];

/// Programs that read records and write something else.
pub(crate) const READING: &[&str] = &[
    "dl-eval voc",
    "dl-eval coco",
    "dl-eval proposals",
    "dl-eval classify",
    "dl-eval lm --model testdata/goldens/text/gpt2",
    "dl-eval psnr --field image",
    "dl-eval ssim --protocol sr --border 4 --field image",
    "dl-data to coco",
    "dl-data to voc DIR/voc",
    "dl-data to yolo DIR/yolo",
];

/// Programs that read no stream, or need many records to do anything.
const NOT_STREAMING: &[&str] = &["dl-finetune", "dl-gan-sample", "dl-gan-train", "dl-model", "dl-transfer"];

/// The files that the programs of the tables need.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_small_network(&folder.path().join("network.safetensors"));
        train_toy_heads(&folder.path().join("heads.safetensors"));
        write_generator(&folder.path().join("larger.safetensors"), "rdn", &json!({"channels": 8}));
        write_generator(&folder.path().join("style.safetensors"), "cyclegan_small", &json!({"channels": 4}));
        write_swap(&folder.path().join("swap.safetensors"));
        Self { folder }
    }

    /// A row of a table as the program's name and its arguments.
    pub(crate) fn words(&self, row: &str) -> (String, Vec<String>) {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let word = |word: &str| match word {
            "NETWORK" => path("network.safetensors"),
            "HEADS" => path("heads.safetensors"),
            "LARGER" => path("larger.safetensors"),
            "STYLE" => path("style.safetensors"),
            "SWAP" => path("swap.safetensors"),
            _ => word.strip_prefix("DIR/").map_or_else(|| word.to_owned(), path),
        };
        let mut words = row.split(' ').map(word);
        (words.next().unwrap(), words.collect())
    }
}

/// A record that every program can process.
pub(crate) fn record(id: &str) -> Value {
    let mut record = toy_records(1).remove(0);
    record["id"] = json!(id);
    (record["width"], record["height"]) = (json!(320), json!(240));
    record["image"] = json!("testdata/signs/JPEGImages/test-0003.jpg");
    record["detections"] = json!([{"box": [10, 10, 60, 50], "label": "cat", "score": 0.75}]);
    record["text"] = json!("a red sign");
    record["mine"] = json!({"deep": [1.50, null]});
    record
}

/// Every program and subcommand, with the words that call it.
fn commands() -> Vec<(Vec<String>, CommandLine)> {
    fn add(words: &[String], command: &CommandLine, all: &mut Vec<(Vec<String>, CommandLine)>) {
        all.push((words.to_vec(), command.clone()));
        for subcommand in command.get_subcommands() {
            add(&[words, &[subcommand.get_name().to_owned()]].concat(), subcommand, all);
        }
    }
    let mut all = Vec::new();
    TABLE.iter().for_each(|tool| add(&[tool.name.to_owned()], &(tool.command)(), &mut all));
    all
}

#[test]
fn the_tables_name_every_program() {
    let rows: Vec<&str> = STREAMING.iter().chain(READING).chain(NOT_STREAMING).copied().collect();
    for tool in TABLE {
        let named = rows.iter().any(|row| row.split(' ').next() == Some(tool.name));
        assert!(named, "{} is in no table of this file: add it, so that it is tested too", tool.name);
    }
}

#[test]
fn help_ends_with_an_example_and_explains_every_option() {
    for (words, command) in commands() {
        let ran = run(&words[0], &[&words[1..], &["--help".to_owned()]].concat(), "").expect(0);
        assert!(ran.stderr.is_empty());
        let example = ran.stdout.rsplit_once("Examples:\n").map(|(_, example)| example);
        let words = words.join(" ");
        // Subcommands have their own examples.
        if !command.has_subcommands() || words == words.split(' ').next().unwrap() {
            let name = words.split(' ').next().unwrap();
            assert!(example.is_some_and(|example| example.contains(name)), "{words} --help has no example");
        }
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            assert!(argument.get_help().is_some(), "{words}: {} has no help", argument.get_id());
        }
        let common = ["--quiet", "--verbose", "--threads", "--seed", "--strict"];
        let has_all = command.has_subcommands() || common.iter().all(|option| ran.stdout.contains(option));
        assert!(has_all, "{words} lacks a common option");
        assert!(command.get_about().is_some(), "{words} has no description");
    }
}

#[test]
fn version_is_that_of_the_workspace() {
    for tool in TABLE {
        let ran = run(tool.name, &["--version"], "").expect(0);
        assert_eq!(ran.stdout, format!("{} {}\n", tool.name, env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn wrong_usage_ends_with_2_and_names_the_mistake() {
    for (words, _) in commands() {
        let ran = run(&words[0], &[&words[1..], &["--no-such-option".to_owned()]].concat(), "").expect(2);
        assert!(ran.stdout.is_empty() && ran.stderr.contains("--no-such-option"), "{words:?}: {}", ran.stderr);
    }
}

#[test]
fn empty_input_gives_empty_output() {
    let bench = Bench::new();
    for row in STREAMING {
        let (tool, args) = bench.words(row);
        for empty in ["", "\n \r\n"] {
            let ran = run(&tool, &args, empty).expect(0);
            assert_eq!(ran.stdout, "", "{row}");
        }
    }
    for row in READING {
        let (tool, args) = bench.words(row);
        let ran = run(&tool, &args, "");
        if tool == "dl-eval" {
            // An empty evaluation must not succeed silently.
            assert_eq!(ran.stdout, "", "{row}");
            assert!(ran.status < 2 && ran.stderr.is_empty() == (ran.status == 0), "{row}: {}", ran.stderr);
        } else {
            ran.expect(0);
        }
    }
}

#[test]
fn records_keep_their_order_and_their_unknown_fields_and_fit_the_schema() {
    let bench = Bench::new();
    let schema = jsonschema::validator_for(&dl_record::schema()).unwrap();
    let stream: String = ["c", "a", "b"].iter().map(|id| format!("{}\n", record(id))).collect();
    for row in STREAMING {
        let (tool, args) = bench.words(row);
        let records = run(&tool, &args, &stream).expect(0).records();
        let ids: Vec<&str> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["c", "a", "b"], "{row}");
        for record in &records {
            assert_eq!(record["mine"].to_string(), r#"{"deep":[1.5,null]}"#, "{row}");
            if let Err(error) = schema.validate(record) {
                panic!("{row}: at {}: {error}", error.instance_path());
            }
        }
    }
}

#[test]
fn a_broken_line_becomes_a_record_with_an_error_and_the_others_pass_through() {
    let bench = Bench::new();
    let schema = jsonschema::validator_for(&dl_record::schema()).unwrap();
    let failed = json!({"id": "failed", "error": {"tool": "dl-other", "message": "earlier"}, "box": NULL_BOX});
    let stream = format!("{}\n{{\"id\": broken\n{failed}\n{}\n", record("a"), record("b"));
    for row in STREAMING {
        let (tool, args) = bench.words(row);
        let ran = run(&tool, &args, &stream).expect(1);
        let records = ran.records();
        assert_eq!(records.len(), 4, "{row}");
        assert_eq!(records[1]["error"]["tool"], tool, "{row}");
        assert_eq!(records[1]["error"]["input"], "{\"id\": broken", "{row}");
        assert_eq!(records[2], failed, "{row}: an earlier failure passes through untouched");
        assert!(records[0].get("error").is_none() && records[3]["id"] == "b", "{row}");
        assert!(records.iter().all(|record| schema.is_valid(record)), "{row}");
        let start = format!("{tool}: <stdin>:2: ");
        assert!(ran.stderr.lines().any(|line| line.starts_with(&start)), "{row}: {}", ran.stderr);
        // With --strict the run stops there.
        let ran = run(&tool, &[&args[..], &["--strict".to_owned()]].concat(), &stream).expect(2);
        assert!(ran.stdout.lines().count() <= 2, "{row}");
    }
    for row in READING {
        let (tool, args) = bench.words(row);
        let ran = run(&tool, &args, &stream).expect(1);
        assert!(ran.stderr.contains("<stdin>:2: "), "{row}: {}", ran.stderr);
    }
}

/// Not a box: the fields of a failed record are not read.
const NULL_BOX: Option<u8> = None;

#[test]
fn a_closed_pipe_is_not_an_error() {
    let bench = Bench::new();
    let lines: Vec<String> = (0..2000).map(|n| record(&n.to_string()).to_string()).collect();
    for row in STREAMING {
        let (tool, args) = bench.words(row);
        let mut child = Command::new(program(&tool))
            .args(args)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let lines = lines.clone();
        // More than fits into all pipes and queues, so that the program must notice the closed pipe.
        let feeder = thread::spawn(move || lines.iter().all(|line| writeln!(input, "{line}").is_ok()));
        let mut first = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut first).unwrap();
        drop(output);
        let status = child.wait().unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        // The grid is finished all the same.
        assert_eq!(feeder.join().unwrap(), row.starts_with("dl-draw grid"), "{row}");
        let is_quiet = stderr.is_empty() || row.starts_with("dl-draw grid");
        assert!(status.code() == Some(0) && is_quiet, "{row}: {stderr}");
        assert!(serde_json::from_str::<Value>(&first).is_ok(), "{row}: {first}");
    }
}

#[test]
fn a_record_is_answered_before_the_next_one_is_sent() {
    let bench = Bench::new();
    for row in STREAMING {
        let (tool, args) = bench.words(row);
        let mut child = Command::new(program(&tool))
            .args(args)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        let reader = thread::spawn(move || output.lines().all(|line| sender.send(line.unwrap()).is_ok()));
        // A good record, one that cannot be read, and one that failed earlier.
        let failed = json!({"id": "f", "error": {"tool": "dl-other", "message": "earlier"}}).to_string();
        for line in [record("a").to_string(), "broken".to_owned(), failed, record("b").to_string()] {
            writeln!(input, "{line}").unwrap();
            let answer = answers.recv_timeout(Duration::from_secs(120));
            assert!(answer.is_ok(), "{row}: no answer to {line}");
        }
        drop(input);
        assert!(child.wait().unwrap().code() == Some(1) && reader.join().unwrap(), "{row}");
    }
}

#[test]
fn the_number_of_threads_does_not_affect_the_output() {
    let bench = Bench::new();
    let stream: String = (0..6).map(|n| format!("{}\n", record(&n.to_string()))).collect();
    for row in STREAMING {
        let (tool, args) = bench.words(row);
        let outputs = ["1", "3"].map(|n| {
            run(&tool, &[&args[..], &["--threads".to_owned(), n.to_owned()]].concat(), &stream).expect(0).stdout
        });
        assert_eq!(outputs[0], outputs[1], "{row}");
    }
}
