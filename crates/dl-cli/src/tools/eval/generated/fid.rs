//! `dl-eval fid`.

use anyhow::{Result, ensure};
use dl_metrics::fid::{FeatureMoments, fid};
use serde_json::Map;

use super::sets::SetArgs;
use crate::common::{Io, Outcome};

/// Compute the Fréchet distance between the features of generated and real samples (FID with Inception's features)
///
/// The distance between two normal distributions with the means and covariances of the two sets; lower is better, 0 for
/// equal sets. Figures can be compared only for the same network, layer, resizing and number of samples: the fewer samples,
/// the larger the distance. torch-fidelity computes the same on the same features.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval fid --layer fire9@1 --against real.jsonl generated.jsonl
  dl-embed --model squeezenet.safetensors --layer fire9@1 made \\
    | dl-eval fid --layer fire9@1 --against real.jsonl --format json \\
    | jq .fid")]
pub(in crate::tools::eval) struct Args {
    #[command(flatten)]
    pub(in crate::tools::eval) sets: SetArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let mut moments: [Option<FeatureMoments>; 2] = [None, None];
        let read = self.sets.each_row(io, |is_real, _, row| {
            moments[usize::from(is_real)].get_or_insert_with(|| FeatureMoments::new(row.len())).push(&row)
        })?;
        let (Some((origin, counts)), [Some(generated), Some(real)]) = (read, moments) else {
            return Ok(Outcome::SomeFailed);
        };
        for (set, moments) in [("the input", &generated), ("--against", &real)] {
            ensure!(moments.rows() > 1, "{set} has one row of features; a covariance needs at least two");
        }
        let distance = fid(&generated, &real)?;
        origin.report(io, self.sets.format, vec![("fid", Some(distance))], &counts, Map::new())
    }
}
