//! The text of a COCO file, parsed without a copy.

use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use dl_record::file::{decode, read_named};
use serde::Deserialize;

/// The largest file to read; the largest public ones have a few gigabytes.
const MOST_BYTES: u64 = 8 << 30;

/// A JSON file in memory.
#[derive(Debug)]
pub struct Json {
    text: String,
    /// The text that was parsed, if it is not `text`.
    quoted: OnceLock<String>,
}

impl Json {
    /// Reads the file at `path`.
    /// # Errors
    /// When it cannot be read or is not text. The message names the path.
    pub fn open(path: &Path) -> Result<Self> {
        ensure!(!path.is_dir(), "{}: is a folder; name the file in it, such as annotations.json", path.display());
        let text = read_named(path, MOST_BYTES).and_then(decode);
        text.map(Self::from).with_context(|| path.display().to_string())
    }

    /// Parses the text. `NaN` and `Infinity`, which Python writes although they are not JSON, are read as strings.
    /// # Errors
    /// When it is not JSON, or not of the type `T`.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        ensure!(
            !self.text.trim_start().starts_with('<'),
            "is not JSON, but looks like XML (dl-data from cvat reads XML)"
        );
        serde_json::from_str(&self.text).or_else(|error| {
            if !self.text.contains("NaN") && !self.text.contains("Infinity") {
                return Err(anyhow!(error));
            }
            let quoted = self.quoted.get_or_init(|| quote_non_numbers(&self.text));
            serde_json::from_str(quoted).map_err(|error| anyhow!(error))
        })
    }

    /// The text that [`parse`](Self::parse) last parsed.
    pub fn text(&self) -> &str {
        self.quoted.get().unwrap_or(&self.text)
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self { text, quoted: OnceLock::new() }
    }
}

/// Puts quotes around `NaN`, `Infinity` and `-Infinity` outside of strings.
fn quote_non_numbers(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + text.len() / 8);
    let (mut rest, mut in_string) = (text, false);
    while let Some(at) = rest.find(['"', '\\', 'N', 'I', '-']) {
        let (before, from) = rest.split_at(at);
        quoted.push_str(before);
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| from.starts_with(word));
        let length = match (word, from.as_bytes()[0]) {
            (Some(word), _) if !in_string => {
                quoted.extend(["\"", word, "\""]);
                rest = &from[word.len()..];
                continue;
            }
            // A character after a backslash does not end the string.
            (_, b'\\') => 1 + from[1..].chars().next().map_or(0, char::len_utf8),
            (_, b'"') => {
                in_string = !in_string;
                1
            }
            _ => 1,
        };
        quoted.push_str(&from[..length]);
        rest = &from[length..];
    }
    quoted.push_str(rest);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_only_python_writes_become_strings() {
        let text = "{\"NaN \\\" NaN\": [NaN, -Infinity,\n Infinity, -1, \"é\\\\\"], \"b\": NaN}";
        let expected = "{\"NaN \\\" NaN\": [\"NaN\", \"-Infinity\",\n \"Infinity\", -1, \"é\\\\\"], \"b\": \"NaN\"}";
        assert_eq!(quote_non_numbers(text), expected);
        let json = Json::from(text.to_owned());
        assert_eq!(json.parse::<serde_json::Value>().unwrap()["b"], "NaN");
        assert_eq!(json.text(), expected);
    }

    #[test]
    fn invalid_json_is_reported_with_its_line() {
        for text in ["{\"a\": NaN,\n x}", "{\"a\": 1,\n x}"] {
            let error = Json::from(text.to_owned()).parse::<serde_json::Value>().unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }
}
