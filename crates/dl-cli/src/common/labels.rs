//! Class names: `--labels` in every program that takes them, and lists in messages.

use std::collections::HashSet;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Result, anyhow, bail, ensure};
use dl_record::file::read_list;
use dl_record::shown;
use dl_vision::labels::{BUILTIN, builtin};

use super::clipped;

/// The value of `--labels`: `cat,dog`, `@FILE` with one label per line, or the built-in `@imagenet`, `@coco` or `@voc`.
/// Never empty, and no label occurs twice; a file may have blank lines.
#[derive(Clone, Debug)]
pub(crate) struct Labels(Vec<String>);

impl Labels {
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for Labels {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let names = match text.strip_prefix('@') {
            Some(name) => from_file_or_builtin(name)?,
            None => text.split(',').map(str::to_owned).collect(),
        };
        ensure!(names.iter().any(|name| !name.is_empty()), "it contains no labels");
        if let Some(name) = repeated(&names) {
            bail!("the label \"{}\" occurs twice", shown(name));
        }
        Ok(Self(names))
    }
}

/// The first label that occurs again.
fn repeated(names: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    names.iter().find(|name| !name.is_empty() && !seen.insert(*name))
}

/// A file wins over a built-in list of the same name, so that no file is shadowed.
fn from_file_or_builtin(name: &str) -> Result<Vec<String>> {
    if let (false, Some(names)) = (Path::new(name).exists(), builtin(name)) {
        return Ok(names);
    }
    // clap prints the outermost message alone.
    read_list(Path::new(name)).map_err(|error| anyhow!("{error:#}; built-in lists: @{}", BUILTIN.join(", @")))
}

/// The first labels, quoted, and the number of the others.
pub(crate) fn few<'a>(labels: impl Iterator<Item = &'a str>) -> String {
    const FEW: usize = 10;
    let (mut named, mut more) = (Vec::new(), 0);
    for label in labels {
        if named.len() < FEW { named.push(format!("\"{}\"", clipped(label, 48))) } else { more += 1 }
    }
    let named = named.join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

#[cfg(test)]
mod tests {
    use super::Labels;

    #[test]
    fn labels_are_a_list_a_file_or_built_in() {
        let parse = |text: &str| text.parse::<Labels>();
        assert_eq!(parse("cat,garden shed").expect("a list").names(), ["cat", "garden shed"]);
        assert_eq!(parse("@coco").expect("built in").names()[0], "person");
        assert!(parse("").is_err());
        assert!(parse("a,b,a").unwrap_err().to_string().contains("\"a\" occurs twice"));
        assert_eq!(parse("@imagenet").expect("built in").names().len(), 1000);
        assert!(parse("@no-such-file").is_err());
    }
}
