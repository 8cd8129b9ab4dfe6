//! `dl-transfer pca`.

use std::collections::BTreeMap;

use anyhow::Result;
use dl_transfer::feature_map::RowMap;
use dl_transfer::moments::Gathered;
use dl_transfer::pca::pca;
use serde_json::json;

use super::fit_domains::FitDomains;
use super::maps::{Fitted, MapArgs};
use crate::common::{Io, Outcome, numbers, object};

/// Project rows on their principal directions
///
/// Rows are centered by their mean.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer pca --components 4 --output pca.safetensors \\
    features.jsonl > reduced.jsonl
  dl-transfer apply --model pca.safetensors new.jsonl > reduced-new.jsonl")]
pub(super) struct Args {
    /// Columns of the new layer [default: 100, or the rank of the rows]
    #[arg(long, value_name = "N", value_parser = numbers::count)]
    components: Option<usize>,

    /// Scale each new column to variance 1
    #[arg(long)]
    whiten: bool,

    #[command(flatten)]
    fit: FitDomains,

    #[command(flatten)]
    pub(super) map: MapArgs,
}

/// `--components`, or its default.
pub(super) fn components(stated: Option<usize>, rank: usize) -> usize {
    stated.unwrap_or_else(|| rank.clamp(1, 100))
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.map.check()?;
        let mut gathered: Option<Gathered> = None;
        let taken = self.map.rows.each_row(io, |row, columns| {
            if self.fit.includes(&row) {
                gathered.get_or_insert_with(|| Gathered::new(columns)).push(&row.features);
            }
            Ok(())
        })?;
        let gathered = gathered.ok_or_else(|| self.fit.none())?;
        let rows = gathered.rows();
        let spectrum = gathered.spectrum()?;
        let components = components(self.components, spectrum.variances.len());
        let affine = pca(&spectrum, components, self.whiten)?;
        let total: f64 = spectrum.variances.iter().sum();
        let kept = spectrum.variances[..components].iter().sum::<f64>() / total;
        io.messages.note(format_args!("{components} components have {:.1}% of the variance", 100.0 * kept));
        let training = object(json!({
            "rows": rows, "components": components, "whiten": self.whiten, "variance": kept,
        }));
        let fitted = Fitted { maps: vec![RowMap::Affine(affine)], domains: BTreeMap::new(), rows: None, training };
        self.map.write(io, "pca", taken, fitted)
    }
}
