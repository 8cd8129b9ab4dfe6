//! `dl-gan-edit swap`: images in the style of others.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use clap::ArgGroup;
use dl_models::gan::Canvas;
use dl_models::gan::swap::{SwapConfig, SwapNetwork};
use dl_models::{ModelFile, plain};
use dl_record::Record;
use dl_train::gan::Pixels;

use super::result::{Format, Results};
use crate::common::{Common, ImageArgs, Images, Inputs, Io, Job, Outcome, each_record, map_batches, numbers};
use crate::tools::gan_sample::Pixels as Painted;

/// The field with the image whose style a record's image gets.
const FIELD: &str = "style_from";

#[derive(clap::Args, Debug)]
#[command(group(ArgGroup::new("styles").args(["style_from", "pairs"]).required(true)))]
pub(super) struct SwapArgs {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of dl-finetune disentangle
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Image whose style all images get, or records of images (.jsonl): their mean style
    #[arg(long, value_name = "IMAGE|FILE")]
    style_from: Option<String>,

    /// Each record has the image whose style its image gets, in the field `style_from`
    #[arg(long)]
    pairs: bool,

    /// Share of the new style, from 0, the image's own, to 1
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::share)]
    mix: f64,

    /// Folder for the results; created if it does not exist [default: each result is a `data:` URI in its record]
    #[arg(long, value_name = "DIR", alias = "out-dir")]
    output_dir: Option<PathBuf>,

    /// Format of the results
    #[arg(long, value_enum, default_value_t = Format::Png)]
    format: Format,

    #[command(flatten)]
    images: ImageArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

impl SwapArgs {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let network = match ModelFile::open(&self.model, None)? {
            ModelFile::Generator(file) if SwapConfig::is_in(&file) => SwapNetwork::open(file, &Device::Cpu)?,
            other => {
                let needed = "a network of contents and styles; dl-finetune disentangle makes one";
                return Err(other.unfit(&self.model, needed));
            }
        };
        let canvas = network.config().image;
        let mut results = Results::new(self.output_dir.as_deref(), self.format, &self.inputs)?;
        let mut swapper = Swapper {
            network,
            canvas,
            pixels: Pixels::new(canvas),
            images: self.images.images(&io.messages),
            style: None,
            mix: self.mix,
        };
        if let Some(source) = &self.style_from {
            swapper.style = Some(self.style(&swapper, source, io).with_context(|| format!("--style-from {source}"))?);
        }
        let job = Job { common: &self.common, inputs: &self.inputs };
        // One image at a time, so that it does not matter which others come with it.
        let outcome = map_batches(
            io,
            job,
            1,
            |record| swapper.prepare(record),
            |records, images| {
                let pairs = records.iter_mut().zip(images);
                pairs.map(|(record, image)| swapper.edit(record, &image, &mut results)).collect()
            },
        )?;
        results.report(&io.messages);
        Ok(outcome)
    }

    /// The mean style [1, style] of an image, or of those of a file of records.
    fn style(&self, swapper: &Swapper, source: &str, io: &mut Io) -> Result<Tensor> {
        let mut styles = Vec::new();
        // What is not a file of records is an image; both are inputs as any other.
        let inputs = Inputs { inputs: vec![source.to_owned()] };
        let tally = each_record(io, Job { common: &self.common, inputs: &inputs }, |record, _| {
            let source: String = record.require("image", "its style is needed")?;
            styles.push(swapper.style_of(&swapper.numbers(&source)?)?);
            Ok(())
        })?;
        if styles.is_empty() {
            bail!("no image whose style can be used ({} failed)", tally.failed);
        }
        Tensor::cat(&styles, 0).and_then(|styles| styles.mean_keepdim(0)).map_err(plain)
    }
}

struct Swapper {
    network: SwapNetwork,
    canvas: Canvas,
    pixels: Pixels,
    images: Images,
    /// The style of all images; `None`: each record says which.
    style: Option<Tensor>,
    mix: f64,
}

/// The numbers of a record's image, and of the one whose style it gets.
struct Prepared {
    image: Vec<f32>,
    style: Option<Vec<f32>>,
}

impl Swapper {
    /// The numbers of an image, [channels, height, width], -1 to 1.
    fn numbers(&self, source: &str) -> Result<Vec<f32>> {
        let image = self.images.load(source)?;
        Ok(self.pixels.of(&image, false))
    }

    fn tensor(&self, numbers: &[f32]) -> Result<Tensor> {
        let Canvas { channels, height, width } = self.canvas;
        Tensor::from_slice(numbers, (1, channels, height, width), &Device::Cpu).map_err(plain)
    }

    fn style_of(&self, numbers: &[f32]) -> Result<Tensor> {
        self.network.style(&self.tensor(numbers)?)
    }

    fn prepare(&self, record: &mut Record) -> Result<Prepared> {
        let style = match self.style {
            Some(_) => None,
            None => {
                let source: String = record.require(FIELD, "it is the image whose style is used (--pairs)")?;
                Some(self.numbers(&source).with_context(|| format!("\"{FIELD}\""))?)
            }
        };
        let mut seen = record.clone();
        let image = self.images.open(&mut seen)?;
        Ok(Prepared { image: self.pixels.of(&image, false), style })
    }

    /// Replaces the record's image. A record that fails stays as it is.
    fn edit(&self, record: &mut Record, Prepared { image, style }: &Prepared, results: &mut Results) -> Result<()> {
        let style = match (style, &self.style) {
            (Some(numbers), _) => self.style_of(numbers)?,
            (None, Some(style)) => style.clone(),
            (None, None) => bail!("no style to use"),
        };
        let (image, mix) = (self.tensor(image)?, self.mix);
        let style = if mix < 1.0 {
            let mixed =
                || (style * mix)? + (self.network.style(&image).map_err(candle_core::Error::msg)? * (1.0 - mix))?;
            mixed().map_err(plain)?
        } else {
            style
        };
        let made = self.network.decode(&self.network.content(&image)?, &style)?;
        let made: Vec<f32> = made.flatten_all().and_then(|made| made.to_vec1()).map_err(plain)?;
        if !made.iter().all(|number| number.is_finite()) {
            bail!("the network's image is not finite; are its weights damaged?");
        }
        let mut edited = record.clone();
        results
            .write(&mut edited, Painted::of(&made, self.canvas).into_image().context("the swap has another shape")?)?;
        edited.set_width(&(self.canvas.width as u32))?;
        edited.set_height(&(self.canvas.height as u32))?;
        *record = edited;
        Ok(())
    }
}
