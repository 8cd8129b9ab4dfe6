//! `dl-eval two-sample`.

use anyhow::Result;
use dl_transfer::linear::{TwoSampleConfig, two_sample};
use serde_json::{Map, json};

use super::sets::{OF_METRIC, SetArgs};
use crate::common::{Io, Outcome, numbers};

/// Train a fresh classifier to tell generated from real samples by their features
///
/// Reports the accuracy of a linear classifier on rows that it was not trained on (cross-validation), with its standard
/// error: 0.5 means that it cannot tell, 1 that every sample is recognized. The larger set is reduced to as many rows
/// as the smaller one has, in random order by --seed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval two-sample --layer fire9@1 --against real.jsonl generated.jsonl
  dl-eval two-sample --layer fire9@1 --against real.jsonl --folds 2 \\
    --cost 0.01 --format table generated.jsonl")]
pub(in crate::tools::eval) struct Args {
    /// Number of parts; each is held out once
    #[arg(long, display_order = OF_METRIC, value_name = "N", default_value_t = TwoSampleConfig::default().folds, value_parser = numbers::count)]
    folds: usize,

    /// C, the inverse of the regularization strength
    #[arg(long, display_order = OF_METRIC + 1, value_name = "X", default_value_t = TwoSampleConfig::default().cost, value_parser = numbers::positive)]
    cost: f64,

    #[command(flatten)]
    pub(in crate::tools::eval) sets: SetArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let Some(sets) = self.sets.read(io)? else { return Ok(Outcome::SomeFailed) };
        let config = TwoSampleConfig { folds: self.folds, cost: self.cost, seed: self.sets.common.seed };
        let found = two_sample(&sets.generated, &sets.real, &config)?;
        if !found.converged {
            io.messages.note("the classifier did not converge in every fold; a smaller --cost may help");
        }
        let figures = vec![("accuracy", Some(found.accuracy)), ("standard_error", Some(found.standard_error))];
        let more = [("rows_of_each", json!(found.rows)), ("folds", json!(self.folds))];
        let more = more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>();
        sets.origin.report(io, self.sets.format, figures, &sets.counts(), more)
    }
}
