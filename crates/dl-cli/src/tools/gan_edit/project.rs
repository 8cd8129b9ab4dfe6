//! `dl-gan-edit project`: the random vectors of images.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::gan::{Canvas, Condition, Generator};
use dl_models::{Lpips, ModelFile, plain};
use dl_record::{Dtype, Matrix, Record};
use dl_train::gan::{Pixels, ProjectConfig, project};
use dl_transfer::{check_same_network, whole_features};

use super::result::{Format, Results};
use crate::common::{Common, ImageArgs, Images, Inputs, Io, Job, Outcome, few, map_batches, numbers};
use crate::tools::gan_sample::Pixels as Painted;

/// The name of the features.
const LATENTS: &str = "latents";

#[derive(clap::Args, Debug)]
pub(super) struct ProjectArgs {
    #[command(flatten)]
    inputs: Inputs,

    /// Model file of a generator of images from random vectors
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// Steps of Adam for each image
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = numbers::count)]
    steps: usize,

    /// Largest learning rate
    #[arg(long, value_name = "X", default_value_t = 0.1, value_parser = numbers::positive)]
    lr: f64,

    /// Also minimize the perceptual distance by this network: the convolutions of AlexNet, VGG-16 or SqueezeNet 1.1
    #[arg(long, value_name = "FILE")]
    perceptual: Option<PathBuf>,

    /// Calibrated weights of its channels, such as vgg.pth of the lpips package
    #[arg(long, value_name = "FILE", requires = "perceptual")]
    linear: Option<PathBuf>,

    /// Weight of the perceptual distance
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::not_negative, requires = "perceptual")]
    perceptual_weight: f64,

    /// Weight of the mean squared difference of the pixels, which are -1 to 1
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = numbers::not_negative)]
    pixel_weight: f64,

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

impl ProjectArgs {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let generator = match ModelFile::open(&self.model, None)? {
            ModelFile::Generator(file) => Generator::open(file, &Device::Cpu)?,
            other => return Err(other.unfit(&self.model, "a generator")),
        };
        let canvas = generator.config().image;
        ensure!(
            matches!(canvas.channels, 1 | 3),
            "model {}: makes images of {} channels; gray and RGB are supported",
            self.model.display(),
            canvas.channels
        );
        let open = |trunk: &PathBuf| Lpips::open(trunk, self.linear.as_deref());
        let mut results = Results::new(self.output_dir.as_deref(), self.format, &self.inputs)?;
        let projector = Projector {
            generator,
            canvas,
            pixels: Pixels::new(canvas),
            lpips: self.perceptual.as_ref().map(open).transpose()?,
            images: self.images.images(&io.messages),
            config: ProjectConfig {
                steps: self.steps,
                rate: self.lr,
                pixels: self.pixel_weight,
                perceptual: self.perceptual_weight,
                seed: self.common.seed,
            },
        };
        let job = Job { common: &self.common, inputs: &self.inputs };
        let outcome = map_batches(
            io,
            job,
            1,
            |_| Ok(()),
            |records, _| records.iter_mut().map(|record| projector.edit(record, &mut results)).collect(),
        )?;
        results.report(&io.messages);
        Ok(outcome)
    }
}

struct Projector {
    generator: Generator,
    canvas: Canvas,
    pixels: Pixels,
    lpips: Option<Lpips>,
    images: Images,
    config: ProjectConfig,
}

impl Projector {
    /// Adds the vector and how near its image is, and replaces the record's image by it.
    fn edit(&self, record: &mut Record, results: &mut Results) -> Result<()> {
        let (labels, features) = self.told(record)?;
        let condition = match (&labels[..], &features[..]) {
            ([], []) => Condition::None,
            ([], features) => Condition::Features(features),
            (labels, _) => Condition::Labels(labels),
        };
        let key = record.id()?.or(record.image()?).unwrap_or_default();
        let Canvas { channels, height, width } = self.canvas;
        let wanted = {
            let loaded = self.images.open(record)?;
            self.pixels.of(&loaded, false)
        };
        let image = Tensor::from_slice(&wanted, (1, channels, height, width), &Device::Cpu).map_err(plain)?;
        let found = project(&self.generator, &image, condition, self.lpips.as_ref(), (&self.config, &key))?;
        let made: Vec<f32> = found.image.iter().map(|number| number.clamp(-1.0, 1.0)).collect();
        results
            .write(record, Painted::of(&made, self.canvas).into_image().context("the projection has another shape")?)?;
        record.set_width(&(width as u32))?;
        record.set_height(&(height as u32))?;
        let mut features = record.features()?.unwrap_or_default();
        let rows = Matrix { rows: 1, columns: found.latents.len(), data: found.latents };
        features.insert(LATENTS.to_owned(), dl_record::Tensor::inline(rows, Dtype::F32));
        record.set_features(&features)?;
        record.set("psnr", &psnr(&wanted, &made))
    }

    /// The label of a record, or its features, for a conditional generator.
    fn told(&self, record: &Record) -> Result<(Vec<u32>, Vec<f32>)> {
        let config = self.generator.config();
        if let Some(condition) = &config.condition {
            let found = whole_features(record, Some(&condition.feature))?;
            check_same_network(&found.layer, found.network.as_deref(), condition.network.as_deref())?;
            let (columns, wanted) = (found.row.len(), condition.columns);
            ensure!(columns == wanted, "features {} have {columns} columns, not {wanted}", condition.feature);
            return Ok((Vec::new(), found.row));
        }
        let Some(names) = &config.labels else { return Ok((Vec::new(), Vec::new())) };
        let label: String = record.require("label", "the generator is conditional")?;
        let place = names.iter().position(|name| *name == label);
        let place = place.with_context(|| {
            let known = few(names.iter().map(String::as_str));
            format!("label {label} is not one of the generator's; choose from {known}")
        })?;
        Ok((vec![place as u32], Vec::new()))
    }
}

/// In decibels, of numbers from -1 to 1; of equal ones 100.
fn psnr(first: &[f32], second: &[f32]) -> f64 {
    let squares: f64 = first.iter().zip(second).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    let error = squares / first.len().max(1) as f64;
    (10.0 * (4.0 / error).log10()).min(100.0)
}
