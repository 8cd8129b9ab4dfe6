//! `dl-eval psnr`.

use anyhow::Result;
use image::RgbImage;
use serde_json::Value;

use super::protocol::{Protocol, ProtocolArgs};
use super::{Metric, PairArgs};
use crate::common::{Io, Outcome};

/// Compute the peak signal-to-noise ratio of pairs of images, in decibels
///
/// The mean over the pairs of 10 log10(255^2 / mse), where mse is over all values of all channels. Equal images have an
/// infinite ratio; they are counted as infinite and are not in the mean. Images of a pair must have the same size.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval psnr --field target pairs.jsonl
  dl-eval psnr --protocol sr --border 4 --field target --format table \\
    pairs.jsonl
  dl-eval psnr --against photos images")]
pub(in crate::tools::eval) struct Args {
    #[command(flatten)]
    protocol: ProtocolArgs,

    #[command(flatten)]
    pub(in crate::tools::eval) pairs: PairArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.pairs.run(io, &mut Psnr(self.protocol.resolve()?))
    }
}

struct Psnr(Protocol);

impl Metric for Psnr {
    const NAME: &'static str = "psnr";

    fn measure(&mut self, image: &RgbImage, reference: &RgbImage) -> Result<f64> {
        dl_metrics::psnr::psnr(&self.0.planes(image)?, &self.0.planes(reference)?)
    }

    fn details(&self) -> Vec<(&'static str, Value)> {
        self.0.details()
    }
}
