//! `dl-eval inception-score`.

use anyhow::Result;
use dl_metrics::inception_score::inception_score;
use dl_record::Matrix;
use serde_json::{Map, json};

use super::sets::Origin;
use crate::common::{Common, Inputs, Io, Job, Outcome, numbers};
use crate::tools::eval::report::Format;

/// Compute the Inception score of class scores: are samples clear, and of many classes?
///
/// exp of the mean divergence KL(p(class | sample) || p(class)), from 1 to the number of classes; higher is better. Reads
/// the class scores before the softmax: features of the layer logits. The score is the mean over --splits parts of the
/// samples, in random order by --seed, with its standard deviation. Nothing is compared with real samples.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-embed --model squeezenet.safetensors --layer logits made \\
    | dl-eval inception-score --splits 2 --format table
  dl-eval inception-score --layer logits --splits 1 generated.jsonl")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(in crate::tools::eval) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Layer of the class scores
    #[arg(long, value_name = "LAYER", default_value = "logits")]
    layer: String,

    /// Number of parts
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = numbers::count)]
    splits: usize,

    /// Divide the samples in the order of the input; samples sorted by class then get a score that is too low
    #[arg(long)]
    no_shuffle: bool,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    pub(in crate::tools::eval) common: Common,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let mut origin = Origin::new(Some(self.layer.clone()));
        let mut logits = Matrix::default();
        let job = Job { common: &self.common, inputs: &self.inputs };
        let rows = origin.each_row(io, job, "generated records", |_, row| {
            logits.columns = row.len();
            logits.rows += 1;
            logits.data.extend(row);
            Ok(())
        })?;
        if rows == 0 {
            io.messages.error(format_args!("nothing to measure: no record with features \"{}\"", self.layer));
            return Ok(Outcome::SomeFailed);
        }
        let shuffle = (!self.no_shuffle).then_some(self.common.seed);
        let score = inception_score(&logits, self.splits, shuffle)?;
        let figures = vec![("inception_score", Some(score.mean)), ("deviation", Some(score.deviation))];
        let more = Map::from_iter([("splits".to_owned(), json!(self.splits))]);
        origin.report(io, self.format, figures, &[("generated", rows)], more)
    }
}
