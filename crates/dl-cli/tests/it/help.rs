//! The examples in `--help`: they fit a terminal of 80 columns, and bash reads them as they stand.

use std::io::Write;
use std::process::{Command, Stdio};

use clap::Command as CommandLine;
use dl_cli::tools::TABLE;

const COLUMNS: usize = 80;

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
fn every_command_has_examples_that_fit_80_columns() {
    let mut faults = Vec::new();
    for (name, command) in commands() {
        match command.get_after_help() {
            // The text as written: the rendered help is already wrapped.
            Some(help) => {
                let help = help.to_string();
                let too_long = help.lines().filter(|line| line.chars().count() > COLUMNS);
                faults.extend(too_long.map(|line| format!("{name}: more than {COLUMNS} columns: {line}")));
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
