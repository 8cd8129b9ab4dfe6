//! Sheets of samples during training: always of the same random vectors, so that they can be compared.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::Device;
use dl_models::Parameters;
use dl_models::gan::{Condition, ConditionSize, Generator, GeneratorConfig};
use dl_train::gan::{GanImages, Players};

use crate::tools::gan_sample::{Latents, sheet_of, write_sheet};
use crate::tools::gan_train::training::sheet_path;

/// Rows and columns.
const SIDE: usize = 8;

pub(super) struct Sheet {
    output: PathBuf,
    config: GeneratorConfig,
    /// Of a generator that is conditional on features: those of the first images.
    features: Vec<f32>,
    seed: u64,
}

impl Sheet {
    pub(super) fn new(output: &Path, config: &GeneratorConfig, images: &GanImages, seed: u64) -> Self {
        let first = 0..SIDE.min(images.sources().len());
        let features = first.flat_map(|image| images.features_of(image)).copied().collect();
        Self { output: output.to_owned(), config: config.clone(), features, seed }
    }

    /// Draws the samples after so many batches, and returns the file.
    pub(super) fn draw(&self, players: &Players, batches: usize) -> Result<PathBuf> {
        self.draw_with(&players.generator_weights, batches)
    }

    /// The same for a generator with these weights.
    pub(super) fn draw_with(&self, weights: &Parameters, batches: usize) -> Result<PathBuf> {
        let images = sampled_with(weights, &self.config, &self.features, self.seed, 0..SIDE * SIDE)?;
        let path = sheet_path(&self.output, batches);
        write_sheet(&sheet_of(&images, self.config.image, [SIDE; 2]), &path)?;
        Ok(path)
    }
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
            let columns = if labels > SIDE { labels } else { SIDE };
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
