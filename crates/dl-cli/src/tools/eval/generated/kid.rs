//! `dl-eval kid`.

use anyhow::Result;
use dl_metrics::kid::{KidConfig, exact, kid};
use serde_json::{Map, json};

use super::sets::{OF_METRIC, SetArgs};
use crate::common::{Io, Outcome, numbers};

/// Compute the kernel distance between the features of generated and real samples (KID with Inception's features)
///
/// The unbiased squared maximum mean discrepancy with the kernel (x.y / columns + 1)^3: the mean and the standard deviation
/// over random subsets, or with --exact the value over all rows. Lower is better; around 0, it may be negative. Unlike FID,
/// it is unbiased: it does not grow when there are few rows, but it varies more.
///
/// Subsets are drawn by --seed. torch-fidelity draws others, so the means agree within their deviation; --exact agrees in
/// every digit.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval kid --layer fire9@1 --against real.jsonl --exact generated.jsonl
  dl-eval kid --layer fire9@1 --against real.jsonl --subsets 50 \\
    --subset-size 4 --format table generated.jsonl")]
pub(in crate::tools::eval) struct Args {
    /// Compute the value over all rows, without subsets
    #[arg(long, display_order = OF_METRIC, conflicts_with_all = ["subsets", "subset_size"])]
    exact: bool,

    /// Number of subsets
    #[arg(long, display_order = OF_METRIC + 1, value_name = "N", default_value_t = KidConfig::default().subsets, value_parser = numbers::count)]
    subsets: usize,

    /// Rows of each set in a subset [default: 1000, or all rows of the smaller set if it has fewer]
    #[arg(long, display_order = OF_METRIC + 2, value_name = "N", value_parser = numbers::count)]
    subset_size: Option<usize>,

    #[command(flatten)]
    pub(in crate::tools::eval) sets: SetArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let Some(sets) = self.sets.read(io)? else { return Ok(Outcome::SomeFailed) };
        let (figures, more) = if self.exact {
            (vec![("kid", Some(exact(&sets.generated, &sets.real)?))], Map::new())
        } else {
            let default = KidConfig::default().subset_size.min(sets.generated.rows).min(sets.real.rows);
            let subset_size = self.subset_size.unwrap_or(default);
            let config = KidConfig { subsets: self.subsets, subset_size, seed: self.sets.common.seed };
            let found = kid(&sets.generated, &sets.real, &config)?;
            let more = [("subsets", json!(self.subsets)), ("subset_size", json!(subset_size))];
            let figures = vec![("kid", Some(found.mean)), ("deviation", Some(found.deviation))];
            (figures, more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        };
        sets.origin.report(io, self.sets.format, figures, &sets.counts(), more)
    }
}
