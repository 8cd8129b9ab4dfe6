//! Completions of the command line for bash, zsh and fish, under the names by which the shells look for them.

use std::collections::BTreeMap;

use clap_complete::{Generator, Shell, generate};
use dl_cli::tools::TABLE;

use crate::generated::Generated;

/// All files, below completions/.
pub(crate) fn scripts() -> Generated {
    let mut files = BTreeMap::new();
    for tool in TABLE {
        let mut add = |shell: Shell, name: String| {
            let mut script = Vec::new();
            generate(shell, &mut (tool.command)(), tool.name, &mut script);
            files.insert(name, script);
        };
        add(Shell::Bash, format!("bash/{}", tool.name));
        add(Shell::Zsh, format!("zsh/{}", Shell::Zsh.file_name(tool.name)));
        add(Shell::Fish, format!("fish/{}", Shell::Fish.file_name(tool.name)));
    }
    Generated::new(crate::root().join("completions"), files, "make gen")
}

#[cfg(test)]
mod tests {
    use crate::generated::Mode;

    #[test]
    fn the_committed_completions_are_those_of_the_programs() {
        super::scripts().run_alone(Mode::Check).unwrap();
    }
}
