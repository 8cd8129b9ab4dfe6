//! Completions for bash, zsh and fish, under the names by which the shells look for them.

mod bash;
mod hints;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use clap_complete::{Generator, Shell, generate};
use dl_cli::tools::TABLE;

use crate::generated::Generated;

/// All files in completions/.
pub(crate) fn scripts() -> Generated {
    Generated::new(crate::root().join("completions"), files(), "make gen")
}

/// The scripts by path, such as `bash/dl-nms`.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for tool in TABLE {
        let mut command = hints::add((tool.command)());
        for shell in [Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            generate(shell, &mut command, tool.name, &mut script);
            files.insert(format!("{shell}/{}", shell.file_name(tool.name)), script);
        }
        files.insert(format!("bash/{}", tool.name), bash::script(&command).into_bytes());
    }
    files
}
