//! `dl-eval duplicates`.

use anyhow::Result;
use dl_metrics::duplicates::duplicates;
use serde_json::{Map, Value, json};

use super::sets::{OF_METRIC, SetArgs};
use crate::common::{Io, Outcome};

/// Find generated samples that are copies of real ones, by the distance of their features
///
/// For each generated row, the nearest real row. A generator that memorized its training data is nearer to it than real
/// rows are to each other: below_1 (below_5, below_50) is the share of generated rows whose distance is below the 1st (5th,
/// 50th) percentile of the distances of real rows to their nearest other real row. If nothing was copied, it is about 0.01
/// (0.05, 0.5) or lower. copies counts rows that are equal in every feature. The JSON output lists the nearest pairs.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval duplicates --layer fire9@1 --against real.jsonl generated.jsonl
  dl-eval duplicates --layer fire9@1 --against real.jsonl --max 3 \\
    generated.jsonl | jq -c '.nearest[]'")]
pub(in crate::tools::eval) struct Args {
    /// List at most N pairs, the nearest first
    #[arg(long, display_order = OF_METRIC, value_name = "N", default_value_t = 10)]
    max: usize,

    #[command(flatten)]
    pub(in crate::tools::eval) sets: SetArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let Some(sets) = self.sets.read(io)? else { return Ok(Outcome::SomeFailed) };
        let found = duplicates(&sets.generated, &sets.real)?;
        let figures = vec![
            ("below_1", Some(found.below(0.01))),
            ("below_5", Some(found.below(0.05))),
            ("below_50", Some(found.below(0.5))),
            ("median", Some(found.median())),
            ("real_median", Some(found.quantile(0.5))),
        ];
        let mut order: Vec<usize> = (0..found.nearest.len()).collect();
        order.sort_by(|a, b| found.nearest[*a].1.total_cmp(&found.nearest[*b].1));
        let pair = |row: &usize| {
            let (real, distance) = found.nearest[*row];
            json!({"generated": sets.generated_ids[*row], "real": sets.real_ids[real], "distance": distance})
        };
        let nearest: Vec<Value> = order.iter().take(self.max).map(pair).collect();
        let more =
            Map::from_iter([("copies".to_owned(), json!(found.copies())), ("nearest".to_owned(), json!(nearest))]);
        sets.origin.report(io, self.sets.format, figures, &sets.counts(), more)
    }
}
