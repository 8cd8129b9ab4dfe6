//! `dl-transfer normalize`.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use dl_transfer::affine::Affine;
use dl_transfer::feature_map::RowMap;
use dl_transfer::normalize::{ColumnMoments, RowNorm};
use serde_json::json;

use super::maps::{Fitted, MapArgs};
use crate::common::{Io, NO_DOMAIN, Outcome, object};

/// Scale rows, then columns
///
/// Rows are divided by their sum of absolute values or their length. Columns get mean 0 and deviation 1, over all
/// records or over those of each domain; a constant column becomes 0.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cat source.jsonl target.jsonl \\
    | dl-transfer normalize --rows l1 --columns zscore --per-domain \\
    > both.jsonl")]
pub(super) struct Args {
    /// How to scale each row
    #[arg(long, value_enum)]
    rows: Option<Rows>,

    /// How to scale each column
    #[arg(long, value_enum)]
    columns: Option<Columns>,

    /// Scale the columns of each domain by themselves
    #[arg(long, requires = "columns")]
    per_domain: bool,

    #[command(flatten)]
    pub(super) map: MapArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Rows {
    /// To a sum of absolute values of 1
    L1,
    /// To length 1
    L2,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Columns {
    /// To mean 0 and deviation 1
    Zscore,
}

impl From<Rows> for RowNorm {
    fn from(rows: Rows) -> Self {
        match rows {
            Rows::L1 => Self::L1,
            Rows::L2 => Self::L2,
        }
    }
}

/// Most domains that can be scaled by themselves.
const MOST_DOMAINS: usize = 1000;

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        ensure!(self.rows.is_some() || self.columns.is_some(), "nothing to scale: give --rows, --columns or both");
        self.map.check()?;
        let norm = self.rows.map(RowNorm::from);
        let mut moments: BTreeMap<String, ColumnMoments> = BTreeMap::new();
        let taken = self.map.rows.each_row(io, |mut row, columns| {
            if self.columns.is_none() {
                return Ok(());
            }
            let domain = match row.domain {
                _ if !self.per_domain => String::new(),
                Some(domain) => domain,
                None => bail!(NO_DOMAIN),
            };
            ensure!(moments.contains_key(&domain) || moments.len() < MOST_DOMAINS, "more than {MOST_DOMAINS} domains");
            if let Some(norm) = norm {
                norm.apply(&mut row.features);
            }
            moments.entry(domain).or_insert_with(|| ColumnMoments::new(columns)).push(&row.features);
            Ok(())
        })?;
        for (domain, moments) in &moments {
            let of_domain = if self.per_domain { format!(" of domain \"{domain}\"") } else { String::new() };
            ensure!(
                moments.rows > 1,
                "a single row{of_domain}: its columns have no deviation; use more rows, or leave --columns out"
            );
            let constant = moments.constant_columns();
            if constant > 0 {
                io.messages.note(format_args!(
                    "{constant} of {} columns{of_domain} are constant and become 0",
                    taken.intake.columns
                ));
            }
        }
        let rows: usize = moments.values().map(|moments| moments.rows).sum();
        let affine: Vec<Affine> = moments.values().map(ColumnMoments::z_scores).collect();
        let maps = match affine.is_empty() {
            true => vec![RowMap::Identity],
            false => affine.into_iter().map(RowMap::Affine).collect(),
        };
        let domains = match self.per_domain {
            true => moments.into_keys().enumerate().map(|(index, domain)| (domain, index)).collect(),
            false => BTreeMap::new(),
        };
        let training = object(json!({ "rows": rows }));
        self.map.write(io, "normalize", taken, Fitted { maps, domains, training, rows: norm })
    }
}
