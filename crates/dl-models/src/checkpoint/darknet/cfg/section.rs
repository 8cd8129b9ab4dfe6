//! The sections of a `.cfg` and their options.

use std::collections::HashMap;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};

use crate::checkpoint::printable;

/// Largest side, number of channels or kernel.
const LARGEST: i64 = 1 << 20;

/// Most numbers of a list, such as anchors.
const LONGEST_LIST: usize = 1 << 12;

/// A section.
pub(super) struct Section {
    pub(super) kind: String,
    /// The line of its name, from 1.
    pub(super) line: usize,
    options: HashMap<String, String>,
}

impl Section {
    /// The text of an option.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }

    /// A whole number, at least 0.
    pub(super) fn get(&self, key: &str, default: usize) -> Result<usize> {
        let Some(text) = self.text(key) else { return Ok(default) };
        let number = text.parse::<i64>().ok().filter(|number| (0..=LARGEST).contains(number));
        Ok(number.with_context(|| format!("{key}={}: expected a number", printable(text)))? as usize)
    }

    /// As [`get`](Self::get), but not 0.
    pub(super) fn positive(&self, key: &str, default: usize) -> Result<usize> {
        let number = self.get(key, default)?;
        ensure!(number > 0, "{key}=0: expected a number above 0");
        Ok(number)
    }

    /// 0 or 1; absent: 0.
    pub(super) fn flag(&self, key: &str) -> Result<bool> {
        Ok(self.get(key, 0)? != 0)
    }

    /// A finite number.
    pub(super) fn float(&self, key: &str, default: f32) -> Result<f32> {
        let Some(text) = self.text(key) else { return Ok(default) };
        let number = text.parse().ok().filter(|number: &f32| number.is_finite());
        number.with_context(|| format!("{key}={}: expected a number", printable(text)))
    }

    /// Numbers with commas between them.
    pub(super) fn list<T: FromStr>(&self, key: &str) -> Result<Option<Vec<T>>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let of_list = || format!("{key}={}: expected numbers", printable(text));
        ensure!(text.matches(',').count() < LONGEST_LIST, "{}, at most {LONGEST_LIST}", of_list());
        // darknet's own files have a comma after the last number here and there.
        let texts = text.trim_end_matches(',').split(',');
        texts.map(|number| number.parse().ok().with_context(of_list)).collect::<Result<_>>().map(Some)
    }

    /// Checks that options which would change the result, and are not supported, are off.
    pub(super) fn without(&self, keys: &[&str]) -> Result<()> {
        let on = keys.iter().find(|key| self.text(key).is_some_and(|text| !matches!(text, "0" | "none" | "0.0")));
        match on {
            Some(key) => bail!("{key}={} is not supported", printable(self.text(key).unwrap_or_default())),
            None => Ok(()),
        }
    }
}

/// The sections of a `.cfg`, in order.
/// # Errors
/// When a line is neither a section nor an option of one.
pub(super) fn sections(text: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // darknet removes all whitespace from a line.
        let line: String = line.chars().filter(|letter| !letter.is_whitespace()).collect();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(kind) = line.strip_prefix('[') {
            let kind = printable(kind.split(']').next().unwrap_or_default());
            sections.push(Section { kind, line: index + 1, options: HashMap::new() });
            continue;
        }
        let (Some(section), Some((key, value))) = (sections.last_mut(), line.split_once('=')) else {
            bail!("line {}: expected [section] or key=value", index + 1);
        };
        // A comment may follow a value.
        let value = value.split(['#', ';']).next().unwrap_or_default();
        section.options.insert(key.to_owned(), value.to_owned());
    }
    Ok(sections)
}
