//! The Fréchet inception distance during training, and the choice of the best generator by it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use dl_metrics::fid::{FeatureMoments, fid};
use dl_models::gan::{Canvas, GeneratorConfig};
use dl_models::{LayerName, Model};
use dl_train::fit::Validation;
use dl_train::gan::{GanImages, Pixels, Players, Told};
use dl_vision::picture::Loader;
use image::RgbImage;

use super::LatentArgs;
use super::sheet::sampled;
use crate::common::{Common, FeatureExtractor, Inputs, Io, Job, Prepared, each_record, numbers};
use crate::tools::gan_sample::rgb_of;

/// Images whose features are computed together.
const TOGETHER: usize = 64;

/// Options of the distance.
#[derive(clap::Args, Debug)]
pub(super) struct FidArgs {
    /// Compute the Fréchet inception distance to the images of these records, and write the generator with the smallest
    /// one to --output
    #[arg(long, value_name = "RECORDS", requires = "fid_model", help_heading = "Validation")]
    pub(super) fid_against: Option<PathBuf>,

    /// Network whose features --fid-against compares; distances by different networks cannot be compared
    #[arg(long, value_name = "FILE", requires = "fid_against", help_heading = "Validation")]
    pub(super) fid_model: Option<PathBuf>,

    /// Layer of --fid-model [default: as dl-embed]
    #[arg(long, value_name = "LAYER", requires = "fid_against", help_heading = "Validation")]
    fid_layer: Option<LayerName>,

    /// Compute the distance every N batches, and at the end
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = numbers::count, help_heading = "Validation")]
    pub(super) fid_every: usize,

    /// Samples of the generator for the distance [default: as many as real images, at most 2000]
    #[arg(long, value_name = "N", value_parser = numbers::count, requires = "fid_against", help_heading = "Validation")]
    fid_samples: Option<usize>,
}

/// Compares generators with the same real images.
pub(super) struct Distance {
    model: Model,
    layers: [LayerName; 1],
    real: FeatureMoments,
    /// Number of samples.
    count: usize,
    seed: u64,
    /// For a generator that is conditional on features: those of the training images.
    features: Vec<f32>,
}

impl Distance {
    /// The distance of --fid-against, whose features are computed here.
    pub(super) fn open(args: &LatentArgs, canvas: Canvas, trained: &GanImages, io: &mut Io) -> Result<Option<Self>> {
        let (Some(path), Some(model)) = (&args.fid.fid_against, &args.fid.fid_model) else { return Ok(None) };
        let common = &args.training.common;
        let images = read(path, common, io).with_context(|| format!("--fid-against {}", path.display()))?;
        let model = Model::open(model, None, &Device::Cpu)
            .context("--fid-model: needs a file with its architecture; dl-model convert --arch makes one")?;
        let layer = match &args.fid.fid_layer {
            Some(layer) => layer.clone(),
            None => model.default_layer().parse()?,
        };
        model.backbone.check(&layer).context("--fid-layer")?;
        let loader = Loader::new(args.pictures.truncated());
        let pixels = Pixels::new(canvas);
        let opened = images.sources().iter().map(|source| {
            let image = loader.load(source).with_context(|| format!("--fid-against: {source}"))?;
            // As the discriminator sees it.
            Ok(rgb_of(&pixels.of(&image.into_image(), false), canvas))
        });
        let layers = [layer];
        let real = moments(&model, &layers, opened)?;
        let (rows, columns) = (real.rows(), real.columns());
        if rows < 10 * columns {
            io.messages.note(format_args!(
                "only {rows} real images for {columns} columns: below {}, 10 per column, the distance depends on their number",
                10 * columns
            ));
        }
        let count = args.fid.fid_samples.unwrap_or(rows.min(2000)).max(2);
        let features = (0..count.min(trained.sources().len())).flat_map(|image| trained.features_of(image).to_vec());
        Ok(Some(Self { model, layers, real, count, seed: common.seed, features: features.collect() }))
    }

    /// The distance of the generator's samples.
    pub(super) fn of(&self, players: &Players, config: &GeneratorConfig) -> Result<Validation> {
        let canvas = config.image;
        let starts = (0..self.count).step_by(TOGETHER);
        let batches = starts.map(|start| {
            let samples = start..self.count.min(start + TOGETHER);
            sampled(players, config, &self.features, self.seed, samples)
        });
        let batches: Vec<Vec<f32>> = batches.collect::<Result<_>>()?;
        let images = batches.iter().flat_map(|batch| batch.chunks_exact(canvas.numbers()));
        let made = moments(&self.model, &self.layers, images.map(|numbers| Ok(rgb_of(numbers, canvas))))?;
        let distance = fid(&made, &self.real)?;
        let metrics = BTreeMap::from([("fid".to_owned(), distance)]);
        Ok(Validation { loss: Some(distance), score: -distance, metrics })
    }
}

fn read(path: &std::path::Path, common: &Common, io: &mut Io) -> Result<GanImages> {
    let inputs = Inputs { inputs: vec![path.to_str().context("is not UTF-8")?.to_owned()] };
    let mut images = GanImages::default();
    let tally = each_record(io, Job { common, inputs: &inputs }, |record, _| images.push(&record, Told::Nothing))?;
    ensure!(tally.failed == 0, "{} records failed", tally.failed);
    if images.sources().len() < 2 {
        bail!("has fewer than two images");
    }
    Ok(images)
}

fn moments(
    model: &Model,
    layers: &[LayerName; 1],
    images: impl Iterator<Item = Result<RgbImage>>,
) -> Result<FeatureMoments> {
    let mut extractor = FeatureExtractor::new(model, layers, Device::Cpu, TOGETHER);
    let preprocessing = &model.config.preprocessing;
    let mut images = images.peekable();
    let mut moments: Option<FeatureMoments> = None;
    while images.peek().is_some() {
        let batch = images.by_ref().take(TOGETHER);
        let batch = batch.map(|image| Ok(Prepared::whole(&image?, preprocessing, preprocessing.resize)));
        for found in extractor.of(&batch.collect::<Result<Vec<_>>>()?) {
            for matrix in found? {
                moments.get_or_insert_with(|| FeatureMoments::new(matrix.columns)).push(&matrix.data)?;
            }
        }
    }
    moments.context("there are no images")
}
