//! `dl-eval precision-recall`.

use anyhow::Result;
use dl_metrics::precision_recall::precision_recall;
use serde_json::{Map, json};

use super::sets::{OF_METRIC, SetArgs};
use crate::common::{Io, Outcome, numbers};

/// Compute the precision and recall of generated samples by nearest neighbors
///
/// Each set is a union of balls around its rows, which reach to the k-th nearest other row. Precision is the share of
/// generated rows in a ball of the real set: do samples look real? Recall is the share of real rows in a ball of the
/// generated set: does the generator cover them? (Kynkäänniemi et al. 2019; torch-fidelity computes the same.)
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval precision-recall --layer fire9@1 --against real.jsonl \\
    generated.jsonl
  dl-eval precision-recall --layer fire9@1 --against real.jsonl --k 5 \\
    --format table generated.jsonl")]
pub(in crate::tools::eval) struct Args {
    /// How many nearest other rows a ball reaches to
    #[arg(long, display_order = OF_METRIC, value_name = "K", default_value_t = 3, value_parser = numbers::count)]
    k: usize,

    #[command(flatten)]
    pub(in crate::tools::eval) sets: SetArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let Some(sets) = self.sets.read(io)? else { return Ok(Outcome::SomeFailed) };
        let found = precision_recall(&sets.generated, &sets.real, self.k)?;
        let figures = vec![
            ("precision", Some(found.precision)),
            ("recall", Some(found.recall)),
            ("f_score", Some(found.f_score())),
        ];
        let more = Map::from_iter([("k".to_owned(), json!(self.k))]);
        sets.origin.report(io, self.sets.format, figures, &sets.counts(), more)
    }
}
