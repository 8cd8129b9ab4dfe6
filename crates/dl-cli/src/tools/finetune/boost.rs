//! `dl-finetune boost`.

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use dl_transfer::FeatureTable;
use dl_transfer::boost::{BaseLearner, BoostConfig, Labeled, tradaboost};
use dl_transfer::feature_head::HeadMethod;
use serde_json::json;

use super::table::HeadArgs;
use crate::common::{Domains, Io, Outcome, SideArgs, numbers};

/// Train on many labeled source records and a few labeled target ones (TrAdaBoost; Dai et al. 2007)
///
/// In each round a linear classifier is trained; target records that it gets wrong gain weight, source records that it
/// gets wrong lose it. The classifiers of the second half of the rounds vote. The records' own `weight` is where the
/// weights start.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cat source.jsonl few-target.jsonl \\
    | dl-finetune boost --output boosted.safetensors")]
pub(super) struct Args {
    #[command(flatten)]
    sides: SideArgs,

    /// Number of rounds
    #[arg(long, value_name = "N", default_value_t = BoostConfig::default().rounds, value_parser = numbers::rounds)]
    rounds: usize,

    /// The classifier of each round
    #[arg(long, value_enum, default_value_t = BaseName::Svm)]
    base: BaseName,

    /// C, the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = BoostConfig::default().cost, value_parser = numbers::positive)]
    cost: f64,

    #[command(flatten)]
    pub(super) head: HeadArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum BaseName {
    /// A linear SVM
    Svm,
    /// Logistic regression
    Logistic,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (table, tally) = self.head.read(io)?;
        let mut domains = Domains::new();
        for row in table.iter() {
            let new = || FeatureTable::of_width(table.columns());
            domains.push(&self.sides, row, new, FeatureTable::push_row)?;
        }
        let sided = domains.sided(&self.sides, FeatureTable::append)?;
        // Those of other domains do not count.
        let mut labels: Vec<String> =
            sided.source.labels.iter().chain(&sided.target.labels).flatten().cloned().collect();
        labels.sort_unstable();
        labels.dedup();
        let classes = |side: &FeatureTable| -> Vec<usize> {
            side.labels.iter().flatten().filter_map(|label| labels.binary_search(label).ok()).collect()
        };
        let (of_source, of_target) = (classes(&sided.source), classes(&sided.target));
        let (source, target) = (sided.source.matrix(), sided.target.matrix());
        let config = BoostConfig {
            rounds: self.rounds,
            base: match self.base {
                BaseName::Svm => BaseLearner::Svm,
                BaseName::Logistic => BaseLearner::Logistic,
            },
            cost: self.cost,
            ..BoostConfig::default()
        };
        for (side, name) in [(&sided.source, "source"), (&sided.target, "target")] {
            let sum: f64 = side.weights.iter().sum();
            ensure!(sum > 0.0 && sum.is_finite(), "the weights of the {name} are all 0, or their sum is not finite");
        }
        ensure!(!of_target.is_empty(), "no labeled record of the target");
        let found = tradaboost(
            Labeled { x: source.as_ref(), classes: &of_source, weights: &sided.source.weights },
            Labeled { x: target.as_ref(), classes: &of_target, weights: &sided.target.weights },
            labels.len(),
            &config,
        )
        .context("boosting")?;
        let share = found.source_shares.last().copied().unwrap_or_default();
        io.messages.note(format_args!("source records have {:.0}% of the weight in the last round", 100.0 * share));
        let training = json!({
            "rounds": self.rounds, "rows": [source.nrows(), target.nrows()],
            "errors": found.errors, "source_shares": found.source_shares,
        });
        self.head.write(io, table, tally, labels, HeadMethod::Boosted(found), training)
    }
}
