//! The examples in `--help`: they fit a terminal of 80 columns, and bash reads them as they stand. The options of
//! dl-gan-train: their order, and the defaults that their help states.

use std::io::Write;
use std::process::{Command, Stdio};

use clap::Command as CommandLine;
use dl_cli::tools::TABLE;

use crate::gan::{lines, records, train};
use crate::support::run;

const COLUMNS: usize = 80;
/// Columns of an example that remain on a page of the manual, which indents it by 7 instead of 2.
const EXAMPLE: usize = COLUMNS - 7 + 2;

/// What an example begins with.
const KNOWN: &[&str] = &["dl-", "head ", "ls ", "cat ", "find ", "jq ", "ffmpeg "];

/// Every command, with its full name.
fn commands() -> Vec<(String, CommandLine)> {
    let mut open: Vec<_> = TABLE.iter().map(|tool| (tool.name.to_owned(), (tool.command)())).collect();
    let mut found = Vec::new();
    while let Some((name, command)) = open.pop() {
        open.extend(command.get_subcommands().map(|child| (format!("{name} {}", child.get_name()), child.clone())));
        found.push((name, command));
    }
    found
}

/// The examples of a command's help at 80 columns, without their indentation of two columns.
fn examples(command: &CommandLine) -> Option<String> {
    let help = command.clone().term_width(COLUMNS).render_long_help().to_string();
    let (_, examples) = help.split_once("Examples:\n")?;
    Some(examples.lines().map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned() + "\n").collect())
}

#[test]
fn every_command_has_examples_that_fit_80_columns_of_the_help_and_of_the_manual() {
    let mut faults = Vec::new();
    for (name, command) in commands() {
        match command.get_after_help() {
            // The text as written: the rendered help is already wrapped.
            Some(help) => {
                let help = help.to_string();
                let too_long = help.lines().filter(|line| line.chars().count() > EXAMPLE);
                faults.extend(too_long.map(|line| format!("{name}: more than {EXAMPLE} columns: {line}")));
            }
            None if command.has_subcommands() => {}
            None => faults.push(format!("{name}: no examples")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn bash_reads_every_example_of_the_help_at_80_columns() {
    if Command::new("bash").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: bash is not installed");
        return;
    }
    let mut faults = Vec::new();
    for (name, command) in commands() {
        let Some(examples) = examples(&command) else { continue };
        let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        bash.stdin.take().unwrap().write_all(examples.as_bytes()).unwrap();
        let output = bash.wait_with_output().unwrap();
        if !output.status.success() {
            faults.push(format!("{name}: {}{examples}", String::from_utf8_lossy(&output.stderr)));
        }
        // Where the help wraps a line, bash sees a second command.
        let is_known = |example: &String| KNOWN.iter().any(|known| example.starts_with(known));
        let unknown = whole_commands(&examples).into_iter().filter(|example| !is_known(example));
        faults.extend(unknown.map(|example| format!("{name}: not a command: {example}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The examples one by one: a line, and the lines that a `\`, `|` or `&&` at its end joins to it.
fn whole_commands(examples: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in examples.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match commands.last_mut() {
            Some(last) if is_open => *last += &format!("\n{line}"),
            _ => commands.push(line.to_owned()),
        }
        is_open = [r"\", "|", "&&"].iter().any(|end| line.ends_with(end));
    }
    commands
}

/// The subcommands of dl-gan-train, with their full names.
fn trainings() -> Vec<(String, CommandLine)> {
    commands().into_iter().filter(|(name, _)| name.starts_with("dl-gan-train ")).collect()
}

#[test]
fn all_trainings_have_their_options_under_the_same_headings_in_the_same_order() {
    let order =
        [None, Some("Input"), Some("Domains"), Some("Columns"), Some("Network"), Some("Training"), Some("Losses")]
            .into_iter()
            .chain([Some("Validation"), Some("Common options")]);
    let order: Vec<_> = order.collect();
    let trainings = trainings();
    assert_eq!(trainings.len(), 13);
    for (name, command) in trainings {
        let headings = command.get_arguments().map(|arg| arg.get_help_heading());
        let places: Vec<_> = headings
            .map(|heading| {
                order.iter().position(|known| *known == heading).unwrap_or_else(|| panic!("{name}: {heading:?}"))
            })
            .collect();
        assert!(places.is_sorted(), "{name}: {places:?}");
        let help = command.clone().render_long_help().to_string();
        assert!(!help.contains("[default: the paper's]"), "{name}");
    }
}

/// The default that the help of an option states, up to a semicolon.
fn stated(command: &CommandLine, option: &str) -> String {
    let arg = command.get_arguments().find(|arg| arg.get_long() == Some(option)).unwrap();
    let help = arg.get_help().unwrap().to_string();
    let (_, default) = help.split_once("[default: ").unwrap_or_else(|| panic!("--{option}: {help}"));
    default.split([';', ',', ']']).next().unwrap().to_owned()
}

#[test]
fn the_help_of_a_training_states_the_defaults_that_the_model_file_records() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    for words in [
        "vanilla --width 0.1",
        "dcgan --width 0.1",
        "conditional --width 0.1",
        "stylegan --width 0.02 --mapping-layers 1",
        "srgan --width 0.05 --blocks 1 --crop 16",
        "complete --width 0.05 --size 32",
        "colorize --width 0.05 --size 32",
        "discogan --width 0.05 --size 32",
    ] {
        let domains = |mut record: serde_json::Value| {
            record["domain"] = record["label"].clone();
            format!("{record}\n")
        };
        let records: String = lines(&records(140, 16, false)).into_iter().map(domains).collect();
        train(&format!("{words} --iterations 1 --force"), &output, &records).expect(0);
        let info = run("dl-model", &["info", output.to_str().unwrap()], "").expect(0);
        let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
        let training = &info["config"]["training"];
        let name = format!("dl-gan-train {}", words.split(' ').next().unwrap());
        let (_, command) = trainings().into_iter().find(|(known, _)| *known == name).unwrap();
        let is = |option: &str, recorded: &serde_json::Value| {
            let recorded = recorded.as_str().map_or_else(|| recorded.to_string(), str::to_owned);
            let (recorded, stated) = (recorded.trim_matches('"'), stated(&command, option));
            let equal = recorded == stated || recorded.parse::<f64>().ok() == Some(stated.parse().unwrap_or(f64::NAN));
            assert!(equal, "{words}: --{option}: the help states {stated}, the model was trained with {recorded}");
        };
        for (option, key) in [("batch", "batch"), ("lr-g", "lr_g"), ("lr-d", "lr_d")] {
            is(option, &training[key]);
        }
        is("beta1", &training["betas"][0]);
        match words.split(' ').next().unwrap() {
            "srgan" | "complete" | "colorize" => {
                for (option, key) in
                    [("adversarial", "adversarial"), ("pixel-loss", "pixel_loss"), ("pixel-weight", "pixel_weight")]
                {
                    is(option, &training[key]);
                }
            }
            "discogan" => is("weight-decay", &training["weight_decay"]),
            "stylegan" => is("lazy", &training["penalty"]["lazy"]),
            _ => {}
        }
    }
}
