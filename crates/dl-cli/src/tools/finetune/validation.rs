//! Where validation data comes from.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::common::numbers;

/// Options that give validation data.
#[derive(clap::Args, Serialize, Debug)]
pub(super) struct ValidationArgs {
    /// File of validation records
    #[arg(long, value_name = "RECORDS.jsonl", conflicts_with = "val_fraction")]
    #[serde(skip)]
    val: Option<PathBuf>,

    /// Hold out this fraction of the images or texts for validation, chosen at random
    #[arg(long, value_name = "FRACTION", value_parser = numbers::share)]
    val_fraction: Option<f64>,
}

impl ValidationArgs {
    pub(super) fn is_given(&self) -> bool {
        self.file().is_some() || self.fraction().is_some()
    }

    /// The file of validation records.
    pub(super) fn file(&self) -> Option<&Path> {
        self.val.as_deref()
    }

    /// The fraction to hold out.
    pub(super) fn fraction(&self) -> Option<f64> {
        self.val_fraction
    }
}
