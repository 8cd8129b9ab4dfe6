//! `dl-transfer dictionary`.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use dl_transfer::FeatureTable;
use dl_transfer::dictionary::{DictionaryConfig, dictionary};
use dl_transfer::feature_map::RowMap;
use serde_json::json;

use super::fit_domains::FitDomains;
use super::maps::{Fitted, MapArgs};
use crate::common::{Io, Outcome, numbers, object};

/// Learn a dictionary from unlabeled records, and code all records sparsely by it (self-taught learning; Raina et al.
/// 2007)
///
/// Minimizes the sum of |x - a B|^2 + beta |a|_1 over the codes a and the atoms B, of length at most 1. The new layer
/// holds the codes. The unlabeled records need not be of the classes that are classified later: learn from them, and
/// apply the model file to the labeled ones.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer dictionary --atoms 16 --output atoms.safetensors \\
    --map-only unlabeled.jsonl
  dl-transfer apply --model atoms.safetensors few.jsonl \\
    | dl-finetune linear --output head.safetensors")]
pub(super) struct Args {
    /// Number of atoms
    #[arg(long, value_name = "N", default_value_t = DictionaryConfig::default().atoms, value_parser = atoms)]
    atoms: usize,

    /// Weight of the L1 norm, in the squared unit of the features; larger gives sparser codes, and too large codes of 0
    #[arg(long, value_name = "X", default_value_t = DictionaryConfig::default().beta, value_parser = numbers::positive)]
    beta: f64,

    /// Maximum number of rounds
    #[arg(long, value_name = "N", default_value_t = DictionaryConfig::default().iterations, value_parser = numbers::count)]
    iterations: usize,

    /// Do not subtract the mean of the rows
    #[arg(long)]
    raw: bool,

    #[command(flatten)]
    fit: FitDomains,

    #[command(flatten)]
    pub(super) map: MapArgs,
}

/// `--atoms`: their inner products are held in memory.
fn atoms(text: &str) -> Result<usize> {
    let atoms = numbers::count(text)?;
    ensure!(atoms <= MOST_ATOMS, "expected at most {MOST_ATOMS}, whose inner products take 3 GB");
    Ok(atoms)
}

/// The most atoms.
const MOST_ATOMS: usize = 20_000;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.map.check()?;
        let mut table: Option<FeatureTable> = None;
        let taken = self.map.rows.each_row(io, |row, columns| {
            if self.fit.includes(&row) {
                table.get_or_insert_with(|| FeatureTable::of_width(columns)).push_row(row);
            }
            Ok(())
        })?;
        let table = table.ok_or_else(|| self.fit.none())?;
        let config = DictionaryConfig {
            atoms: self.atoms,
            beta: self.beta,
            iterations: self.iterations,
            center: !self.raw,
            seed: self.map.rows.common.seed,
            ..DictionaryConfig::default()
        };
        let found = dictionary(table.matrix().as_ref(), &config)?;
        if !found.converged {
            io.messages.note(format_args!("the objective was still falling after --iterations {}", self.iterations));
        }
        let training = object(json!({
            "rows": table.len(), "atoms": self.atoms, "beta": self.beta, "objectives": found.objectives,
            "seed": self.map.rows.common.seed,
        }));
        let maps = vec![RowMap::Codes(found.dictionary)];
        self.map.write(io, "dictionary", taken, Fitted { maps, domains: BTreeMap::new(), rows: None, training })
    }
}
