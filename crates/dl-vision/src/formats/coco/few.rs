//! Short lists of ids for messages.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::fields::Id;

/// The most ids that a message lists.
const MOST: usize = 5;

/// A count, and the first few ids that were counted.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    count: usize,
    few: BTreeSet<Id>,
}

impl Counted {
    /// Counts one.
    pub fn add(&mut self, id: &Id) {
        self.count += 1;
        if self.few.len() <= MOST && !self.few.contains(id) {
            self.few.insert(id.clone());
        }
    }

    /// How many were counted.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The message that `format` makes of the count and the list; `None` if nothing was counted.
    pub fn message(&self, format: impl FnOnce(usize, &str) -> String) -> Option<String> {
        (self.count > 0).then(|| format(self.count, &list(&self.few)))
    }
}

/// A count with a singular or plural: `counted(1, "image has", "images have")`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first few, with "..." if there are more.
pub(super) fn list(all: &BTreeSet<impl Display>) -> String {
    let mut names: Vec<String> = all.iter().take(MOST).map(ToString::to_string).collect();
    if all.len() > MOST {
        names.push("...".to_owned());
    }
    names.join(", ")
}
