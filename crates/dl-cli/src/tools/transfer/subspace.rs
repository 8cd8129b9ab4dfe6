//! `dl-transfer subspace`.

use anyhow::Result;
use dl_transfer::feature_map::RowMap;
use dl_transfer::subspace::subspace;
use serde_json::json;

use super::maps::{Fitted, MapArgs, Spectra};
use super::pca::components;
use crate::common::{Io, Outcome, SideArgs, numbers, object};

/// Align the principal directions of the source with those of the target (subspace alignment; Fernando et al. 2013)
///
/// Source rows become (x - mean) Ps Ps' Pt and target rows (x - mean) Pt, where Ps and Pt are the principal directions
/// of the two sides, each centered by its own mean.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cat source.jsonl target.jsonl \\
    | dl-transfer subspace --components 4 > both.jsonl")]
pub(super) struct Args {
    #[command(flatten)]
    sides: SideArgs,

    /// Columns of the new layer [default: 100, or the lower rank of the two sides]
    #[arg(long, value_name = "N", value_parser = numbers::count)]
    components: Option<usize>,

    #[command(flatten)]
    pub(super) map: MapArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.map.check()?;
        let Spectra { source, target, rows, domains, taken } = self.map.spectra(io, &self.sides)?;
        let components = components(self.components, source.variances.len().min(target.variances.len()));
        let maps = subspace(&source, &target, components)?.map(RowMap::Affine).into();
        let training = object(json!({ "rows": rows, "components": components }));
        self.map.write(io, "subspace", taken, Fitted { maps, domains, rows: None, training })
    }
}
