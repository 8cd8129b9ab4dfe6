//! `dl-finetune neighbors`.

use anyhow::Result;
use clap::ValueEnum;
use dl_transfer::feature_head::HeadMethod;
use dl_transfer::neighbors::{NeighborsConfig, Votes};
use serde_json::json;

use super::metric::MetricName;
use super::table::HeadArgs;
use crate::common::{Io, Outcome, numbers};

/// Keep labeled features: a row gets the label of its nearest neighbors
///
/// Nothing is trained. The model file holds all rows. If votes are tied, the label whose voters are nearer wins.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-embed --model imagenet.safetensors --layer avgpool train.jsonl \\
    | dl-finetune neighbors --k 5 --output nearest.safetensors")]
pub(super) struct Args {
    /// How many neighbors vote
    #[arg(long, value_name = "N", default_value_t = NeighborsConfig::default().k, value_parser = numbers::count)]
    k: usize,

    /// Distance of two rows
    #[arg(long, value_enum, default_value_t = MetricName::Euclid)]
    metric: MetricName,

    /// How much the vote of a neighbor counts
    #[arg(long, value_enum, default_value_t = VotesName::Uniform)]
    votes: VotesName,

    #[command(flatten)]
    pub(super) head: HeadArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (table, tally) = self.head.read(io)?;
        let (labels, classes) = table.known_classes();
        let config = NeighborsConfig { k: self.k, metric: self.metric.into(), votes: self.votes.into() };
        let method = HeadMethod::neighbors(table.matrix(), classes, labels.len(), config)?;
        self.head.write(io, table, tally, labels, method, json!({ "k": self.k }))
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum VotesName {
    /// All alike
    Uniform,
    /// One over its distance
    Distance,
}

impl From<VotesName> for Votes {
    fn from(name: VotesName) -> Self {
        match name {
            VotesName::Uniform => Self::Uniform,
            VotesName::Distance => Self::Distance,
        }
    }
}
