//! `dl-finetune prototypes`.

use anyhow::Result;
use dl_transfer::feature_head::HeadMethod;
use dl_transfer::prototypes::{Prototypes, PrototypesConfig};
use serde_json::json;

use super::metric::MetricName;
use super::table::HeadArgs;
use crate::common::{Io, Outcome, numbers};

/// Average labeled features: a row gets the label of the nearest mean (Snell et al. 2017)
///
/// Nothing is trained, so that a few rows per class are enough. dl-classify --support adds rows to the averages, also
/// of new classes.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-embed --model imagenet.safetensors --layer avgpool few.jsonl \\
    | dl-finetune prototypes --metric cosine --output means.safetensors")]
pub(super) struct Args {
    /// Distance of two rows
    #[arg(long, value_enum, default_value_t = MetricName::Euclid)]
    metric: MetricName,

    /// Factor on the logits, which are minus the squared distances, or the cosines [default: 1, or 10 for the cosine]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    scale: Option<f64>,

    #[command(flatten)]
    pub(super) head: HeadArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let (table, tally) = self.head.read(io)?;
        let (labels, classes) = table.known_classes();
        let scale = self.scale.unwrap_or(match self.metric {
            MetricName::Euclid => 1.0,
            MetricName::Cosine => 10.0,
        });
        let config = PrototypesConfig { metric: self.metric.into(), scale };
        let method = HeadMethod::Prototypes(Prototypes::new(table.matrix().as_ref(), &classes, config)?);
        self.head.write(io, table, tally, labels, method, json!({ "scale": scale }))
    }
}
