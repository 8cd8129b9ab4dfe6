//! `dl-transfer kmm`.

use anyhow::Result;
use dl_transfer::kmm::{KmmConfig, kmm};

use super::weigh::WeighArgs;
use crate::common::{Io, Outcome, numbers};

/// Weigh source records so that their mean in a kernel's space is that of the target (KMM; Huang et al. 2006)
///
/// Sets the `weight` of each source record, which dl-finetune linear and boost honor; other heads do not. Existing
/// weights are replaced.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-transfer kmm both.jsonl \\
    | dl-data select --domain source \\
    | dl-finetune linear --output head.safetensors")]
pub(super) struct Args {
    /// Largest weight (B in the paper)
    #[arg(long, value_name = "X", default_value_t = KmmConfig::default().bound, value_parser = numbers::positive)]
    bound: f64,

    /// How far the mean weight may be from 1 [default: (sqrt(n) - 1) / sqrt(n) for n source records]
    #[arg(long, value_name = "X", value_parser = numbers::not_negative)]
    eps: Option<f64>,

    /// Gamma of the kernel exp(-gamma |a - b|^2) [default: 1 / (2 m^2), where m is the median distance of two rows]
    #[arg(long, value_name = "X", value_parser = numbers::positive)]
    gamma: Option<f64>,

    /// Approximate the kernel by this many random Fourier features; memory then grows with the rows alone
    #[arg(long, value_name = "D", value_parser = numbers::count)]
    random_features: Option<usize>,

    #[command(flatten)]
    pub(super) weigh: WeighArgs,
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let sides = self.weigh.read(io)?;
        let config = KmmConfig {
            bound: self.bound,
            eps: self.eps,
            gamma: self.gamma,
            random_features: self.random_features,
            seed: self.weigh.rows.common.seed,
            ..KmmConfig::default()
        };
        let found = kmm(sides.source.as_ref(), sides.target.as_ref(), &config)?;
        if self.gamma.is_none() {
            io.messages.note(format_args!("gamma is {:.4e}, by the median distance", found.gamma));
        }
        self.weigh.note_stopped(io, found.converged, found.iterations);
        self.weigh.write(io, sides, &found.weights, found.summary)
    }
}
