//! The help of the subcommands: one order of headings, and the defaults that depend on the subcommand.

use std::fmt::Display;

use clap::{Arg, Command};

/// The headings of options, in their order. Options without a heading come first.
const HEADINGS: [&str; 8] =
    ["Input", "Domains", "Columns", "Network", "Training", "Losses", "Validation", "Common options"];

/// Sorts the options of a subcommand by their headings.
pub(crate) fn arranged(command: Command) -> Command {
    let place = |arg: &Arg| arg.get_help_heading().and_then(|name| HEADINGS.iter().position(|known| *known == name));
    let mut places: Vec<_> = command.get_arguments().map(|arg| (place(arg), arg.get_id().clone())).collect();
    places.sort_by_key(|(place, _)| *place);
    // clap puts an argument that is changed behind the others; the order within a heading stays that of the declarations.
    places.into_iter().fold(command, |command, (_, id)| command.mut_arg(id.as_str(), |arg| arg))
}

/// An option's name and its default, for [`stated`].
pub(crate) type OptionDefault = (&'static str, String);

/// Appends the default to the help of an option that has one in `defaults`.
pub(crate) fn stated(arg: Arg, defaults: &[OptionDefault]) -> Arg {
    let default = defaults.iter().find(|(name, _)| arg.get_id().as_str() == *name).map(|(_, default)| default);
    match (default, arg.get_help().map(ToString::to_string)) {
        (Some(default), Some(help)) => arg.help(format!("{help} [default: {default}]")),
        _ => arg,
    }
}

/// The defaults of options that every training has.
pub(crate) fn defaults(
    batch: impl Display,
    epochs: f64,
    rate: impl Display,
    beta1: impl Display,
) -> Vec<OptionDefault> {
    vec![
        ("batch", batch.to_string()),
        ("epochs", format!("{epochs}; with --minutes, no limit")),
        ("lr_g", rate.to_string()),
        ("lr_d", rate.to_string()),
        ("beta1", beta1.to_string()),
    ]
}

/// `--samples-every` of a subcommand that draws, or writes, `what`.
pub(crate) fn samples(arg: Arg, what: &str) -> Arg {
    arg.help(format!("{what} every N batches, as STEM.samples-BATCH.png beside --output; 0: never"))
}
