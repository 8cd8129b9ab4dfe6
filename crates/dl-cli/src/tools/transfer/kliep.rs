//! `dl-transfer kliep`.

use anyhow::Result;
use dl_transfer::kliep::{KliepConfig, kliep};

use super::weigh::WeighArgs;
use crate::common::{Io, Outcome, numbers};

/// Weigh source records by the ratio of the two densities (KLIEP; Sugiyama et al. 2008)
///
/// Sets the `weight` of each source record to a sum of kernels around target records that makes the target most likely.
/// Gamma is chosen by the likelihood of held-out target records.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer kliep both.jsonl \\
    | dl-data select --domain source \\
    | dl-finetune linear --output head.safetensors")]
pub(super) struct Args {
    /// Number of kernels, each around a target record
    #[arg(long, value_name = "N", default_value_t = KliepConfig::default().centers, value_parser = numbers::count)]
    centers: usize,

    /// Gammas of the kernel exp(-gamma |a - b|^2) to choose from [default: 1/16, 1/8, .. 16 times that of the median
    /// distance]
    #[arg(long, value_name = "X,..", value_delimiter = ',', value_parser = numbers::positive)]
    gamma: Vec<f64>,

    #[command(flatten)]
    pub(super) weigh: WeighArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let sides = self.weigh.read(io)?;
        let config = KliepConfig {
            centers: self.centers,
            gammas: self.gamma.clone(),
            seed: self.weigh.rows.common.seed,
            ..KliepConfig::default()
        };
        let found = kliep(sides.source.as_ref(), sides.target.as_ref(), &config)?;
        if self.gamma.len() != 1 {
            io.messages.note(format_args!("gamma is {:.4e}, by the likelihood of held-out records", found.gamma));
        }
        let tried: Vec<f64> = found.choices.iter().map(|(gamma, _)| *gamma).collect();
        let largest = tried.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if tried.len() > 1 && found.gamma == largest {
            io.messages.note("this is the largest of those tried: the two sides may hardly overlap");
        }
        self.weigh.note_stopped(io, found.converged, found.iterations);
        self.weigh.write(io, sides, &found.weights, found.summary)
    }
}
