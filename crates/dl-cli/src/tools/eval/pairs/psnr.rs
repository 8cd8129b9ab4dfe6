//! `dl-eval psnr`.

use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use serde_json::{Value, json};

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
  dl-eval psnr --against photos --exclude 4,8,28,18 images")]
pub(in crate::tools::eval) struct Args {
    #[command(flatten)]
    protocol: ProtocolArgs,

    /// Leave out the pixels from X1,Y1 to before X2,Y2: how well did an edit leave the rest alone?
    #[arg(long, value_name = "X1,Y1,X2,Y2", value_parser = rectangle)]
    exclude: Option<[usize; 4]>,

    #[command(flatten)]
    pub(in crate::tools::eval) pairs: PairArgs,
}

impl Args {
    pub(in crate::tools::eval) fn run(&self, io: &mut Io) -> Result<Outcome> {
        self.pairs.run(io, &mut Psnr { protocol: self.protocol.resolve()?, exclude: self.exclude })
    }
}

fn rectangle(text: &str) -> Result<[usize; 4]> {
    let wrong = || format!("expected X1,Y1,X2,Y2 in pixels, such as 4,8,28,18, not {text}");
    let numbers = text.split(',').map(|number| number.trim().parse().with_context(wrong));
    let numbers: Vec<usize> = numbers.collect::<Result<_>>()?;
    let Ok([x1, y1, x2, y2]) = <[usize; 4]>::try_from(numbers) else { bail!(wrong()) };
    ensure!(x1 < x2 && y1 < y2, "{}", wrong());
    Ok([x1, y1, x2, y2])
}

struct Psnr {
    protocol: Protocol,
    exclude: Option<[usize; 4]>,
}

impl Metric for Psnr {
    const NAME: &'static str = "psnr";

    fn measure(&mut self, image: &RgbImage, reference: &RgbImage) -> Result<f64> {
        let [image, reference] = [image, reference].map(|image| {
            let planes = self.protocol.planes(image)?;
            match self.exclude {
                Some(rectangle) => planes.outside(rectangle),
                None => Ok(planes),
            }
        });
        dl_metrics::psnr::psnr(&image?, &reference?)
    }

    fn details(&self) -> Vec<(&'static str, Value)> {
        let excluded = self.exclude.map(|rectangle| ("exclude", json!(rectangle)));
        self.protocol.details().into_iter().chain(excluded).collect()
    }
}
