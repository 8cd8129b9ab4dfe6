//! The examples in `--help`: they fit a terminal of 80 columns, and bash reads them as they stand.

use std::io::Write;
use std::process::{Command, Stdio};

use clap::Command as CommandLine;
use dl_cli::tools::TABLE;

const COLUMNS: usize = 80;

/// The long help of a program and of each of its subcommands, by full name.
fn helps(command: &CommandLine, path: &str, found: &mut Vec<(String, String)>) {
    for child in command.get_subcommands() {
        helps(child, &format!("{path} {}", child.get_name()), found);
    }
    let text = command.clone().term_width(COLUMNS).render_long_help().to_string();
    found.push((path.to_owned(), text));
}

/// The lines of the help's examples, without their indentation of two columns.
fn examples(help: &str) -> Option<String> {
    let (_, examples) = help.split_once("Examples:\n")?;
    Some(examples.lines().map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned() + "\n").collect())
}

fn all() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for tool in TABLE {
        helps(&(tool.command)(), tool.name, &mut found);
    }
    found
}

#[test]
fn every_command_has_examples_that_fit_80_columns() {
    let mut faults = Vec::new();
    for tool in TABLE {
        let mut commands = vec![((tool.command)(), tool.name.to_owned())];
        while let Some((command, path)) = commands.pop() {
            for child in command.get_subcommands() {
                commands.push((child.clone(), format!("{path} {}", child.get_name())));
            }
            let Some(help) = command.get_after_help() else {
                // `dl-data from` only leads to subcommands, which have their own.
                if command.get_subcommands().next().is_none() {
                    faults.push(format!("{path}: no examples"));
                }
                continue;
            };
            // The text as it was written, since the rendered help is already wrapped.
            for line in help.to_string().lines().filter(|line| line.chars().count() > COLUMNS) {
                faults.push(format!("{path}: {} columns: {line}", line.chars().count()));
            }
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
    for (name, help) in all() {
        let Some(examples) = examples(&help) else { continue };
        let mut bash =
            Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        bash.stdin.take().unwrap().write_all(examples.as_bytes()).unwrap();
        let output = bash.wait_with_output().unwrap();
        if !output.status.success() {
            faults.push(format!("{name}: {}{examples}", String::from_utf8_lossy(&output.stderr)));
        }
        // A line that clap wrapped is two commands for bash, of which the second is not a program.
        for command in commands(&examples) {
            let first = command.split_whitespace().next().unwrap_or_default();
            if !first.starts_with("dl-") && !["head", "find", "ls", "cat", "jq", "for", "xargs", "seq"].contains(&first) {
                faults.push(format!("{name}: not a command: {command}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The examples one by one: a line, and the lines that a `\`, `|` or `&&` at its end, or indentation, joins to it.
fn commands(examples: &str) -> Vec<String> {
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
