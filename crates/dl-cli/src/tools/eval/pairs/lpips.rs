//! `dl-eval lpips`.

use std::path::PathBuf;

use anyhow::Result;
use dl_models::Lpips;
use image::RgbImage;
use serde_json::{Map, Value, json};

use super::{Metric, PairArgs};
use crate::common::{Io, Outcome};

/// Compute the learned perceptual distance of pairs of images (LPIPS 0.1)
///
/// The mean over the pairs of the weighted squared differences of normalized features at several layers; 0 for equal
/// images. --model is AlexNet, VGG-16 or SqueezeNet 1.1 with ImageNet weights, of which the convolutions are used; --linear
/// holds the calibrated weights of their channels, such as alex.pth of the lpips package. Images are not resized, and those
/// of a pair must have the same size.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval lpips --model alexnet.safetensors --uncalibrated \\
    --field target pairs.jsonl
  dl-eval lpips --model squeezenet1_1.pth --linear squeeze.pth \\
    --against photos images")]
pub(in crate::tools::eval) struct Args {
    /// Model file with the convolutions of AlexNet, VGG-16 or SqueezeNet 1.1
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// File with the weights of the channels
    #[arg(long, value_name = "FILE", required_unless_present = "uncalibrated")]
    linear: Option<PathBuf>,

    /// Weigh every channel equally; the distances are then not those of LPIPS
    #[arg(long, conflicts_with = "linear")]
    uncalibrated: bool,

    #[command(flatten)]
    pub(in crate::tools::eval) pairs: PairArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let lpips = Lpips::open(&self.model, self.linear.as_deref())?;
        let layers = lpips.layers().map(|layer| (layer, 0.0)).collect();
        self.pairs.run(io, &mut Measured { lpips, layers, pairs: 0, is_calibrated: self.linear.is_some() })
    }
}

struct Measured {
    lpips: Lpips,
    /// Of each layer, the sum over the pairs.
    layers: Vec<(String, f64)>,
    pairs: usize,
    is_calibrated: bool,
}

impl Metric for Measured {
    const NAME: &'static str = "lpips";

    fn measure(&mut self, image: &RgbImage, reference: &RgbImage) -> Result<f64> {
        let found = self.lpips.distance(image, reference)?;
        self.pairs += 1;
        self.layers.iter_mut().zip(&found.layers).for_each(|((_, sum), distance)| *sum += distance);
        Ok(found.total)
    }

    fn details(&self) -> Vec<(&'static str, Value)> {
        let pairs = self.pairs.max(1) as f64;
        let layers: Map<String, Value> =
            self.layers.iter().map(|(layer, sum)| (layer.clone(), json!(sum / pairs))).collect();
        vec![
            ("layers", Value::Object(layers)),
            ("calibration", json!(if self.is_calibrated { "linear" } else { "none" })),
            ("network", json!(self.lpips.fingerprint())),
        ]
    }
}
