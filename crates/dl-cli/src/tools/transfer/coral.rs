//! `dl-transfer coral`.

use anyhow::Result;
use dl_transfer::coral::{CoralConfig, coral};
use dl_transfer::feature_map::RowMap;
use serde_json::json;

use super::maps::{Fitted, MapArgs, Spectra};
use crate::common::{Io, Outcome, SideArgs, numbers, object};

/// Give source rows the covariance of the target (CORAL; Sun et al. 2016)
///
/// Source rows become x A with A = (Cs + I)^-1/2 (Ct + I)^1/2, where Cs and Ct are the covariances of the two sides;
/// target rows stay as they are. As in the paper, columns should be standardized per domain first: dl-transfer
/// normalize --per-domain. The rows are read once, and only their moments are kept.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cat source.jsonl target.jsonl \\
    | dl-transfer normalize --columns zscore --per-domain \\
    | dl-transfer coral --output map.safetensors > both.jsonl")]
pub(super) struct Args {
    #[command(flatten)]
    sides: SideArgs,

    /// Number added to the diagonals of both covariances
    #[arg(long, value_name = "X", default_value_t = CoralConfig::default().regularization, value_parser = numbers::positive)]
    regularization: f64,

    /// Move the mean of the source to that of the target as well
    #[arg(long)]
    center: bool,

    #[command(flatten)]
    pub(super) map: MapArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.map.check()?;
        let Spectra { source, target, rows, domains, taken } = self.map.spectra(io, &self.sides)?;
        let config = CoralConfig { regularization: self.regularization, center: self.center };
        let affine = coral(&source, &target, &config)?;
        let training = object(json!({
            "rows": rows, "regularization": self.regularization, "center": self.center,
        }));
        let fitted = Fitted { maps: vec![RowMap::Affine(affine), RowMap::Identity], domains, rows: None, training };
        self.map.write(io, "coral", taken, fitted)
    }
}
