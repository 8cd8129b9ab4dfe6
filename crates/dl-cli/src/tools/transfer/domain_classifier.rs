//! `dl-transfer domain-classifier`.

use anyhow::Result;
use dl_transfer::domain_classifier::{DomainClassifierConfig, domain_classifier};

use super::weigh::WeighArgs;
use crate::common::{Io, Outcome, numbers};

/// Weigh source records by how much they look like target records to a classifier
///
/// Sets the `weight` of each source record to the odds of the target, p / (1 - p), times the number of source records
/// per target record. p is found by a logistic regression that was not trained on the record (cross-fitting).
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer domain-classifier both.jsonl \\
    | dl-data select --domain source \\
    | dl-finetune linear --output head.safetensors")]
pub(super) struct Args {
    /// C, the inverse of the regularization strength
    #[arg(long, value_name = "X", default_value_t = DomainClassifierConfig::default().cost, value_parser = numbers::positive)]
    cost: f64,

    /// Parts of the records: each is weighed by a classifier that was trained on the others; 1 for a single classifier
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = numbers::count)]
    folds: usize,

    /// Largest weight
    #[arg(long, value_name = "X", default_value_t = DomainClassifierConfig::default().bound, value_parser = numbers::positive)]
    bound: f64,

    #[command(flatten)]
    pub(super) weigh: WeighArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let sides = self.weigh.read(io)?;
        let config = DomainClassifierConfig {
            cost: self.cost,
            folds: (self.folds > 1).then_some(self.folds),
            bound: self.bound,
            seed: self.weigh.rows.common.seed,
            ..DomainClassifierConfig::default()
        };
        let found = domain_classifier(sides.source.as_ref(), sides.target.as_ref(), &config)?;
        io.messages.note(format_args!(
            "the classifier recognizes the side of {:.1}% of the records (50% is chance)",
            100.0 * found.accuracy
        ));
        if found.accuracy <= 0.5 {
            io.messages.note("it cannot tell the sides apart, so the weights are noise; leave them out");
        }
        if !found.converged {
            io.messages.note("the classifier did not converge; a smaller --cost may help");
        }
        self.weigh.write(io, sides, &found.weights, found.summary)
    }
}
