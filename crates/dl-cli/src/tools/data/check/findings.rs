//! The findings in a record.

use std::fmt::Display;

/// The findings in a record, and what is done about them.
pub(super) struct Findings {
    fix: bool,
    fixable: Vec<String>,
    /// What --fix cannot repair.
    pub(super) lasting: Vec<String>,
    /// Changes to objects.
    pub(super) changes: usize,
    pub(super) kept_objects: usize,
    pub(super) dropped_objects: usize,
    pub(super) removed_masks: usize,
    /// Width and height of the image, if known.
    pub(super) size: Option<(u32, u32)>,
}

impl Findings {
    pub(super) fn new(fix: bool) -> Self {
        Self {
            fix,
            fixable: Vec::new(),
            lasting: Vec::new(),
            changes: 0,
            kept_objects: 0,
            dropped_objects: 0,
            removed_masks: 0,
            size: None,
        }
    }

    /// Adds a finding that --fix repairs by `remedy`.
    pub(super) fn fixable(&mut self, text: impl Display, remedy: &str) {
        self.changes += 1;
        self.fixable.push(if self.fix { format!("{text}; {remedy}") } else { text.to_string() });
    }

    /// Adds a finding that --fix cannot repair.
    pub(super) fn lasting(&mut self, text: impl Display) {
        self.lasting.push(text.to_string());
    }

    pub(super) fn count(&self) -> usize {
        self.fixable.len() + self.lasting.len()
    }

    /// The findings to report; with --fix, the lasting ones are instead reported with the record's `error`.
    pub(super) fn reported(&self, fix: bool) -> impl Iterator<Item = &String> {
        self.fixable.iter().chain(self.lasting.iter().filter(move |_| !fix))
    }
}
