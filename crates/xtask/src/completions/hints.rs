//! Hints about what an option takes, derived from its type and value name, for options that give none themselves.

use std::any::TypeId;

use clap::{Arg, Command, ValueHint};

/// The command with a hint on each of its arguments, those of its subcommands included.
pub(super) fn add(command: Command) -> Command {
    command.mut_args(add_to_argument).mut_subcommands(add)
}

fn add_to_argument(argument: Arg) -> Arg {
    if !argument.get_action().takes_values() {
        return argument;
    }
    let names = argument.get_value_names().unwrap_or_default();
    let is_named = |known: &[&str]| names.iter().any(|name| known.contains(&name.as_str()));
    match argument.get_value_hint() {
        ValueHint::Unknown if is_number(&argument) => argument.value_hint(ValueHint::Other),
        ValueHint::Unknown | ValueHint::AnyPath if is_named(&["DIR", "FOLDER"]) => {
            argument.value_hint(ValueHint::DirPath)
        }
        // Of an operand, zsh would otherwise offer the names of commands.
        ValueHint::Unknown if argument.is_positional() => argument.value_hint(ValueHint::AnyPath),
        _ => argument,
    }
}

fn is_number(argument: &Arg) -> bool {
    let parsed = argument.get_value_parser().type_id();
    [
        TypeId::of::<f32>(),
        TypeId::of::<f64>(),
        TypeId::of::<u8>(),
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
        TypeId::of::<i64>(),
    ]
    .iter()
    .any(|number| parsed == *number)
}
