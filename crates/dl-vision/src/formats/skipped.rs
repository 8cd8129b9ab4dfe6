//! Counts of what a reader or a writer skipped, for one message at the end.

use std::collections::BTreeMap;

/// The longest name that is counted, in characters, and the most names: both come from untrusted files.
const LONGEST_NAME: usize = 40;
const MOST_NAMES: usize = 100;

/// Skipped things, counted by name.
#[derive(Debug, Default)]
pub(super) struct Skipped(BTreeMap<String, usize>);

impl Skipped {
    pub(super) fn add(&mut self, name: &str) {
        let mut name: String = name.chars().take(LONGEST_NAME).collect();
        if self.0.len() >= MOST_NAMES && !self.0.contains_key(&name) {
            "others".clone_into(&mut name);
        }
        *self.0.entry(name).or_default() += 1;
    }

    /// Reports shapes that a record cannot store; `noun` is what the format calls them.
    pub(super) fn shapes(&self, noun: &str) -> Option<String> {
        let count: usize = self.0.values().sum();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {noun}{plural} skipped, neither box nor area: {}", self.list()))
    }

    /// Reports fields that `format` cannot store.
    pub(super) fn fields(&self, format: &str) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("{format} has no place for these fields, dropped: {}", self.list()))
    }

    fn list(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|(name, count)| format!("{name} ({count})")).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_in_bounded_memory() {
        let mut skipped = Skipped::default();
        assert_eq!((skipped.shapes("shape"), skipped.fields("VOC")), (None, None));
        skipped.add("point");
        assert_eq!(skipped.shapes("shape").unwrap(), "1 shape skipped, neither box nor area: point (1)");
        skipped.add("line");
        skipped.add("point");
        assert_eq!(skipped.fields("VOC").unwrap(), "VOC has no place for these fields, dropped: line (1), point (2)");
        (0..1000).for_each(|number| skipped.add(&format!("{}{}", number, "x".repeat(1000))));
        assert!(skipped.fields("VOC").unwrap().len() < 6000);
    }
}
