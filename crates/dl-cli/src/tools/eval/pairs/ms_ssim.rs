//! `dl-eval ms-ssim`.

use anyhow::Result;
use image::RgbImage;
use serde_json::Value;

use super::{Metric, PairArgs, planes};
use crate::common::{Io, Outcome};

/// Compute the multi-scale structural similarity of pairs of images
///
/// The mean over the pairs, at most 1. Five scales with a Gaussian window of 11 x 11, so images need at least 176 pixels on
/// each side. Between scales, an odd last row or column is dropped. Images of a pair must have the same size.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval ms-ssim --field target pairs.jsonl
  dl-eval ms-ssim --against photos --format table images")]
pub(in crate::tools::eval) struct Args {
    #[command(flatten)]
    pub(in crate::tools::eval) pairs: PairArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.pairs.run(io, &mut MsSsim)
    }
}

struct MsSsim;

impl Metric for MsSsim {
    const NAME: &'static str = "ms_ssim";

    fn measure(&mut self, image: &RgbImage, reference: &RgbImage) -> Result<f64> {
        dl_metrics::ms_ssim::ms_ssim(&planes(image)?, &planes(reference)?)
    }

    fn details(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }
}
