//! Sheets of samples during training: always of the same random vectors, so that they can be compared.

use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result};
use candle_core::Device;
use dl_models::Parameters;
use dl_models::gan::{Condition, ConditionSize, Generator, GeneratorConfig};
use dl_train::gan::{GanImages, Players};

use crate::common::{Sheet as Drawing, SheetNames};
use crate::tools::gan_sample::{Latents, rgb_of};
use crate::tools::gan_train::training::{TrainingArgs, sheet_path};

/// Rows and columns.
const SIDE: usize = 8;
/// Up to so many labels, each has a column.
const MOST_COLUMNS: usize = 16;

pub(super) struct Sheet {
    output: PathBuf,
    config: GeneratorConfig,
    /// Of a generator that is conditional on features: those of the first images.
    features: Vec<f32>,
    seed: u64,
}

impl Sheet {
    /// # Errors
    /// When sheets are wanted and would be too large.
    pub(super) fn new(training: &TrainingArgs, config: &GeneratorConfig, images: &GanImages) -> Result<Self> {
        let first = 0..SIDE.min(images.sources().len());
        let features = first.flat_map(|image| images.features_of(image)).copied().collect();
        let (output, seed) = (training.output.clone(), training.common.seed);
        let sheet = Self { output, config: config.clone(), features, seed };
        if training.samples_every > 0 {
            sheet.drawing().context("--samples-every")?;
        }
        Ok(sheet)
    }

    /// Rows and columns; a column for each label if there are not too many.
    fn grid(&self) -> [usize; 2] {
        [SIDE, self.config.labels.as_ref().map_or(SIDE, |labels| columns_of(labels.len()).min(MOST_COLUMNS))]
    }

    fn drawing(&self) -> Result<Drawing> {
        let [rows, columns] = self.grid();
        let labels = self.config.labels.iter().filter(|labels| labels.len() <= MOST_COLUMNS);
        let names = labels.flat_map(|labels| labels.iter().cycle().take(columns)).cloned().collect();
        let tile = [self.config.image.width as u32, self.config.image.height as u32];
        Drawing::new([rows, columns], tile, &SheetNames { rows: Vec::new(), columns: names })
    }

    /// Draws the samples after so many batches, and returns the file.
    pub(super) fn draw(&self, players: &Players, batches: usize) -> Result<PathBuf> {
        self.draw_with(&players.generator_weights, batches)
    }

    /// The same for a generator with these weights.
    pub(super) fn draw_with(&self, weights: &Parameters, batches: usize) -> Result<PathBuf> {
        let mut drawing = self.drawing()?;
        let images = sampled_with(weights, &self.config, &self.features, self.seed, 0..drawing.places())?;
        for (place, numbers) in images.chunks_exact(self.config.image.numbers()).enumerate() {
            drawing.put(place, &rgb_of(numbers, self.config.image));
        }
        let path = sheet_path(&self.output, batches);
        drawing.write(&path)?;
        Ok(path)
    }
}

/// Samples after which the labels begin again.
fn columns_of(labels: usize) -> usize {
    labels.max(SIDE)
}

/// Images of these samples, one after another. Those of a conditional generator have its labels, or the `features` of
/// images, in turn: on a sheet, a column for each.
pub(super) fn sampled(
    players: &Players,
    config: &GeneratorConfig,
    features: &[f32],
    seed: u64,
    samples: Range<usize>,
) -> Result<Vec<f32>> {
    sampled_with(&players.generator_weights, config, features, seed, samples)
}

/// The same for a generator with these weights.
fn sampled_with(
    weights: &Parameters,
    config: &GeneratorConfig,
    features: &[f32],
    seed: u64,
    samples: Range<usize>,
) -> Result<Vec<f32>> {
    // A generator of its own: its plans hold copies of the weights.
    let generator = Generator::new(config.clone(), &weights.fixed(&Device::Cpu))?;
    let latents = Latents::of_seed(&generator, seed, samples.clone());
    match config.condition_size() {
        None => generator.generate(&latents, Condition::None),
        Some(ConditionSize::Labels(labels)) => {
            let columns = columns_of(labels);
            let labels: Vec<u32> = samples.map(|sample| (sample % columns % labels) as u32).collect();
            generator.generate(&latents, Condition::Labels(&labels))
        }
        Some(ConditionSize::Features(columns)) => {
            let rows: Vec<&[f32]> = features.chunks_exact(columns).collect();
            let told: Vec<f32> = samples.flat_map(|sample| rows[sample % rows.len()]).copied().collect();
            generator.generate(&latents, Condition::Features(&told))
        }
    }
}
