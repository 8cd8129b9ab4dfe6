//! Sheets of samples during training: always of the same random vectors, so that they can be compared.

use std::path::{Path, PathBuf};

use anyhow::Result;
use candle_core::Device;
use dl_models::gan::{Generator, GeneratorConfig};
use dl_train::gan::Players;

use crate::tools::gan_sample::{Latents, sheet_of, write_sheet};

/// Rows and columns.
const SIDE: usize = 8;

pub(super) struct Sheet {
    output: PathBuf,
    config: GeneratorConfig,
    seed: u64,
}

impl Sheet {
    pub(super) fn new(output: &Path, config: &GeneratorConfig, seed: u64) -> Self {
        Self { output: output.to_owned(), config: config.clone(), seed }
    }

    /// Draws the samples after so many batches, and returns the file.
    pub(super) fn draw(&self, players: &Players, batches: usize) -> Result<PathBuf> {
        // A generator of its own: its plans hold copies of the weights.
        let generator = Generator::new(self.config.clone(), &players.generator_weights.fixed(&Device::Cpu))?;
        let labels = self.config.labels.as_ref().map_or(0, Vec::len);
        let latents = Latents::of_seed(&generator, self.seed, 0..SIDE * SIDE);
        let labels: Vec<u32> = match labels {
            0 => Vec::new(),
            // A column for each label.
            labels => (0..SIDE * SIDE).map(|place| (place % SIDE % labels) as u32).collect(),
        };
        let images = generator.generate(&latents, &labels)?;
        let name = self.output.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".safetensors").unwrap_or(&name);
        let path = self.output.with_file_name(format!("{stem}.samples-{batches:06}.png"));
        write_sheet(&sheet_of(&images, self.config.image, [SIDE; 2]), &path)?;
        Ok(path)
    }
}
