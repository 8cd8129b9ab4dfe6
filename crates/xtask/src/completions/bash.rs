//! The bash completions. clap_complete's do nothing after a subcommand of a program whose name has a hyphen, and offer
//! options where files are expected.

use std::fmt::Write;

use clap::{Arg, Command, ValueHint};

/// What surrounds the tables of a program: finding its subcommand, and choosing from the tables.
const TEMPLATE: &str = include_str!("template.bash");

/// The script for a program; `command` is already built.
pub(super) fn script(command: &Command) -> String {
    let mut subcommands = Vec::new();
    let mut tables = String::new();
    add_tables(command, command.get_name(), &mut subcommands, &mut tables);
    let descend = if subcommands.is_empty() {
        String::new()
    } else {
        format!(
            "    for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do
        case \"$command $word\" in
            {})
                command+=\" $word\" ;;
        esac
    done\n",
            subcommands.join(" | \\\n            ")
        )
    };
    TEMPLATE
        .replace("@DESCEND@\n", &descend)
        .replace("@TABLES@\n", &tables)
        .replace("@FUNCTION@", &command.get_name().replace('-', "_"))
        .replace("@PROGRAM@", command.get_name())
}

/// Adds the table of a command, called `path` in full, and those of its subcommands.
fn add_tables(command: &Command, path: &str, subcommands: &mut Vec<String>, tables: &mut String) {
    let shown: Vec<&Arg> =
        command.get_arguments().filter(|argument| !argument.is_hide_set() && !argument.is_positional()).collect();
    let options: Vec<String> = shown.iter().copied().flat_map(names).collect();
    let children: Vec<&Command> = command.get_subcommands().filter(|child| !child.is_hide_set()).collect();
    let words: Vec<&str> = children.iter().map(|child| child.get_name()).collect();
    let operand = command.get_positionals().next().map_or("nothing".to_owned(), value);
    // Each write to a string succeeds.
    let _ = writeln!(tables, "        '{path}')");
    let _ = writeln!(tables, "            options='{}'", options.join(" "));
    let operand = if words.is_empty() { operand } else { format!("words:{}", words.join(" ")) };
    let _ = writeln!(tables, "            value='{operand}'");
    let mut with_values = shown.into_iter().filter(|argument| argument.get_action().takes_values()).peekable();
    if with_values.peek().is_some() {
        let _ = writeln!(tables, "            case $previous in");
        for option in with_values {
            let _ =
                writeln!(tables, "                {}) value='{}' taken=1 ;;", names(option).join(" | "), value(option));
        }
        let _ = writeln!(tables, "            esac");
    }
    let _ = writeln!(tables, "            ;;");
    for child in children {
        let path = format!("{path} {}", child.get_name());
        subcommands.push(format!("'{path}'"));
        add_tables(child, &path, subcommands, tables);
    }
}

/// An option's names, with their hyphens.
fn names(option: &Arg) -> Vec<String> {
    let short = option.get_short().map(|short| format!("-{short}"));
    short.into_iter().chain(option.get_long().map(|long| format!("--{long}"))).collect()
}

/// What an argument takes, as the script's variable `value` has it.
fn value(argument: &Arg) -> String {
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    match argument.get_value_hint() {
        _ if !words.is_empty() => format!("words:{}", words.join(" ")),
        ValueHint::Other => "nothing".to_owned(),
        ValueHint::DirPath => "folders".to_owned(),
        _ => "files".to_owned(),
    }
}
