//! `dl-propose`: regions that may contain objects.

mod rpn;

use anyhow::{Result, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand};
use dl_record::Record;
use dl_vision::proposals::selective_search::{self, Mode};
use dl_vision::proposals::sliding_window;

use crate::common::{Common, ImageArgs, Inputs, Io, Job, Outcome, Tool, map_records, numbers};

/// Propose regions that may contain objects
#[derive(Parser, Debug)]
#[command(name = "dl-propose", version, subcommand_required = true)]
#[command(after_help = "\
Examples:
  dl-propose selective-search photo.jpg | jq '.proposals[0]'
  dl-data from voc VOC2007 --split test \\
    | dl-propose selective-search --mode fast > proposals.jsonl")]
pub struct Args {
    #[command(subcommand)]
    method: Method,
}

#[derive(Subcommand, Debug)]
enum Method {
    SelectiveSearch(SelectiveSearch),
    SlidingWindow(SlidingWindow),
    Rpn(rpn::Rpn),
}

/// Merge similar regions, from small to large (Uijlings et al. 2013)
///
/// Selective search: the boxes of all regions, initial and merged, become proposals. The order is random (seeded), but
/// favors regions that were merged late. The score only encodes the rank: 1 / (1 + rank).
#[derive(ClapArgs, Debug)]
#[command(after_help = "\
Examples:
  dl-propose selective-search photo.jpg | jq '.proposals[0]'
  dl-data from voc VOC2007 --split test \\
    | dl-propose selective-search --mode fast > proposals.jsonl")]
struct SelectiveSearch {
    #[command(flatten)]
    inputs: Inputs,

    /// How many grouping strategies to combine: single (1), fast (8) or quality (80)
    #[arg(long, value_name = "MODE", default_value = "fast", value_parser = mode_parser())]
    mode: Mode,

    /// Propose at most N regions per image
    #[arg(long, value_name = "N", default_value_t = 2000)]
    max: usize,

    /// Minimum size of an initial region, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 20)]
    min_size: u32,

    /// Standard deviation of the smoothing before the initial segmentation, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 0.8)]
    sigma: f32,

    /// Scale every image to this width first; boxes still refer to the original [default: no scaling]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..))]
    width: Option<u32>,

    /// Scale larger images down to N pixels first; boxes still refer to the original
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=200_000_000))]
    max_pixels: u64,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    common: Common,
}

/// Slide windows of every scale and aspect ratio over the image
///
/// The windows are in seeded random order, so the first N are a fair sample of all.
#[derive(ClapArgs, Debug)]
#[command(after_help = "\
Examples:
  dl-propose sliding-window --scales 64,128 --ratios 1 photo.jpg \\
    | jq '.proposals | length'
  dl-data from voc VOC2007 --split test \\
    | dl-propose sliding-window --max 2000 > proposals.jsonl")]
struct SlidingWindow {
    #[command(flatten)]
    inputs: Inputs,

    /// Square roots of the windows' areas, in pixels
    #[arg(long, value_name = "PIXELS,...", value_delimiter = ',', default_value = "64,128,256", value_parser = numbers::positive)]
    scales: Vec<f64>,

    /// Aspect ratios of the windows: height / width
    #[arg(long, value_name = "RATIO,...", value_delimiter = ',', default_value = "0.5,1,2", value_parser = numbers::positive)]
    ratios: Vec<f64>,

    /// Distance from one window to the next, as a fraction of the window's side
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5, value_parser = numbers::positive)]
    stride: f64,

    /// Propose at most N windows per image [default: all]
    #[arg(long, value_name = "N")]
    max: Option<usize>,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    common: Common,
}

impl Tool for Args {
    const NAME: &'static str = "dl-propose";
    const TAKES_FRAMES: bool = true;

    fn common(&self) -> &Common {
        match &self.method {
            Method::SelectiveSearch(args) => &args.common,
            Method::SlidingWindow(args) => &args.common,
            Method::Rpn(args) => &args.common,
        }
    }

    fn run(&self, io: &mut Io) -> Result<Outcome> {
        match &self.method {
            Method::SelectiveSearch(args) => args.run(io),
            Method::SlidingWindow(args) => args.run(io),
            Method::Rpn(args) => args.run(io),
        }
    }
}

fn mode_parser() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(["single", "fast", "quality"]).try_map(|mode| mode.parse::<Mode>())
}

impl SelectiveSearch {
    fn run(&self, io: &mut Io) -> Result<Outcome> {
        ensure!((0.0..=100.0).contains(&self.sigma), "--sigma {}: expected a number from 0 to 100", self.sigma);
        let config = selective_search::Config {
            mode: self.mode,
            sigma: self.sigma,
            min_size: self.min_size,
            max: self.max,
            width: self.width,
            max_pixels: self.max_pixels,
        };
        let images = self.image.images(&io.messages);
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_records(io, job, |record| {
            let image = images.open(record)?;
            let proposals = selective_search::propose(&image, &config, self.common.seed, &identity(record)?)?;
            record.set_proposals(&proposals)
        })
    }
}

impl SlidingWindow {
    fn run(&self, io: &mut Io) -> Result<Outcome> {
        let config = sliding_window::Config {
            scales: self.scales.clone(),
            ratios: self.ratios.clone(),
            stride: self.stride,
            max: self.max,
        };
        let images = self.image.images(&io.messages);
        let job = Job { common: &self.common, inputs: &self.inputs };
        map_records(io, job, |record| {
            let image = images.open(record)?;
            let mut rng = dl_record::rng(self.common.seed, &format!("sliding-window/{}", identity(record)?));
            let proposals = sliding_window::propose(image.width(), image.height(), &config, &mut rng)?;
            record.set_proposals(&proposals)
        })
    }
}

/// The string that seeds the random numbers of a sample.
fn identity(record: &Record) -> Result<String> {
    Ok(match record.id()? {
        Some(id) => id,
        None => record.image()?.unwrap_or_default(),
    })
}
