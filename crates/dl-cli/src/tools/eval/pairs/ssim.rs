//! `dl-eval ssim`.

use anyhow::Result;
use image::RgbImage;
use serde_json::Value;

use super::protocol::{Protocol, ProtocolArgs};
use super::{Metric, PairArgs};
use crate::common::{Io, Outcome};

/// Compute the structural similarity of pairs of images
///
/// The mean over the pairs, at most 1, of the mean over the places of the window and over the channels. The two protocols
/// have different windows, so their figures differ. Images of a pair must have the same size.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval ssim --field target pairs.jsonl
  dl-eval ssim --protocol sr --border 4 --field target pairs.jsonl
  dl-eval ssim --against photos --records measured.jsonl images")]
pub(in crate::tools::eval) struct Args {
    #[command(flatten)]
    protocol: ProtocolArgs,

    #[command(flatten)]
    pub(in crate::tools::eval) pairs: PairArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.pairs.run(io, &mut Ssim(self.protocol.resolve()?))
    }
}

struct Ssim(Protocol);

impl Metric for Ssim {
    const NAME: &'static str = "ssim";

    fn measure(&mut self, image: &RgbImage, reference: &RgbImage) -> Result<f64> {
        dl_metrics::ssim::ssim(&self.0.planes(image)?, &self.0.planes(reference)?, self.0.window())
    }

    fn details(&self) -> Vec<(&'static str, Value)> {
        self.0.details()
    }
}
