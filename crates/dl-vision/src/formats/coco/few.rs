//! A few of many, for messages.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::fields::Id;

/// The most that a message lists.
const MOST: usize = 5;

/// How often something was met, and the first few ids.
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

    /// How many there were.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What `tell` says of the number and the list, if there was any.
    pub fn told(&self, tell: impl FnOnce(usize, &str) -> String) -> Option<String> {
        (self.count > 0).then(|| tell(self.count, &list(&self.few)))
    }
}

/// The number with what follows it: `counted(1, "image has", "images have")`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first of them, and whether there are more.
pub(super) fn list(all: &BTreeSet<impl Display>) -> String {
    let mut names: Vec<String> = all.iter().take(MOST).map(ToString::to_string).collect();
    if all.len() > MOST {
        names.push("...".to_owned());
    }
    names.join(", ")
}
