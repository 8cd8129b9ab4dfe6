//! Repeated messages: only the first of a kind are printed.

use std::collections::HashMap;

use super::clipped;

/// How many messages of a kind are printed.
const PRINTED: usize = 10;

/// The most kinds that are distinguished; all further kinds count as one.
const MOST_KINDS: usize = 100;

/// Columns of a message that stands for those like it.
const EXAMPLE_COLUMNS: usize = 120;

/// Counts messages by kind, in bounded memory.
#[derive(Default)]
pub(super) struct Repeats {
    kinds: HashMap<String, usize>,
    /// The first message of each kind and the number of its messages, in order.
    counts: Vec<(String, usize)>,
}

impl Repeats {
    /// Counts the message. Returns whether it is one of the first of its kind.
    pub(super) fn is_printed(&mut self, text: &str) -> bool {
        let kind = if self.counts.len() < MOST_KINDS { kind(text) } else { self.known_kind(text) };
        let index = *self.kinds.entry(kind).or_insert(self.counts.len());
        match self.counts.get_mut(index) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((clipped(text, EXAMPLE_COLUMNS), 1)),
        }
        self.counts[index].1 <= PRINTED
    }

    /// The kind, or the one that stands for all kinds beyond the limit.
    fn known_kind(&self, text: &str) -> String {
        let kind = kind(text);
        if self.kinds.contains_key(&kind) { kind } else { String::new() }
    }

    /// A line for each kind with messages that were not printed. Resets the counts.
    pub(super) fn summary(&mut self) -> Vec<String> {
        self.kinds.clear();
        let counts = std::mem::take(&mut self.counts).into_iter().filter(|(_, count)| *count > PRINTED);
        counts
            .map(|(first, count)| format!("... and {} more like \"{first}\" (-v prints all)", count - PRINTED))
            .collect()
    }
}

/// The message without the parts that differ from record to record: quoted text, numbers, paths and places.
fn kind(text: &str) -> String {
    let mut kind = String::new();
    // Every second part stands between quotes.
    for part in text.split('"').step_by(2) {
        let mut clauses = part.split(": ").peekable();
        while let Some(clause) = clauses.next() {
            // `my cat.jpg: no such file`: the whole name is replaced, even with spaces.
            let is_name = clauses.peek().is_some() && clause.split(' ').next_back().is_some_and(is_particular);
            if is_name {
                kind.push_str("# ");
                continue;
            }
            for word in clause.split_whitespace() {
                kind.push_str(if is_particular(word) { "#" } else { word });
                kind.push(' ');
            }
        }
    }
    kind
}

/// Whether the word is a number, a path or a place in a file.
fn is_particular(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ',', ';', ':']);
    word.contains(['/', '\\', '.', '<']) || word.contains(|letter: char| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_names_and_numbers_are_of_one_kind() {
        let alike = [
            ["<stdin>:1: my cat.jpg: no such file", "<stdin>:22: b/dog.png: no such file"],
            ["a.jpg: box has x2 < x1 (4 < 10)", "Anna Smith.jpg: box has x2 < x1 (-4.5 < 3e8)"],
            ["label \"cat\" is unknown", "label \"wild boar\" is unknown"],
        ];
        for [a, b] in alike {
            assert_eq!(kind(a), kind(b));
        }
        assert_ne!(kind("a.jpg: no such file"), kind("a.jpg: not an image"));
    }

    #[test]
    fn only_the_first_of_a_kind_are_printed_and_the_others_counted() {
        let mut repeats = Repeats::default();
        let printed = (0..2000).filter(|n| repeats.is_printed(&format!("<stdin>:{n}: {n}.jpg: no such file"))).count();
        assert_eq!(printed, PRINTED);
        assert!(repeats.is_printed("<stdin>:7: the record has no \"image\""));
        let summary = ["... and 1990 more like \"<stdin>:0: 0.jpg: no such file\" (-v prints all)"];
        assert_eq!(repeats.summary(), summary);
        assert!(repeats.is_printed("<stdin>:1: 1.jpg: no such file") && repeats.summary().is_empty());
    }

    #[test]
    fn unlimited_kinds_take_limited_memory() {
        let mut repeats = Repeats::default();
        let word = |n: usize| format!("{}x", "ab".repeat(n));
        let printed = (0..500).filter(|n| repeats.is_printed(&word(*n))).count();
        assert_eq!(printed, MOST_KINDS + PRINTED);
        assert!(repeats.kinds.len() == MOST_KINDS + 1 && repeats.counts.len() == MOST_KINDS + 1);
    }
}
