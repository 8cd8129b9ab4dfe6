//! Sheets of translated images during training: always of the same images, so that they can be compared.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::gan::{Canvas, Translator};
use dl_models::plain;
use dl_train::gan::{Pair, Pixels};
use dl_vision::picture::{Loaded, Loader};

use super::data::Data;
use super::options::UnpairedArgs;
use crate::tools::gan_sample::{sheet_of, write_sheet};
use crate::tools::gan_train::training::sheet_path;

/// Images of each domain.
const COLUMNS: usize = 8;

/// A row each: images of A, these translated to B, and back; the same of B.
pub(super) struct Sheet {
    output: PathBuf,
    canvas: Canvas,
    /// Images of both domains, -1 to 1.
    images: [Tensor; 2],
}

impl Sheet {
    /// The first images of both domains that can be decoded.
    pub(super) fn new(output: &Path, args: &UnpairedArgs, data: &Data) -> Result<Self> {
        let (loader, pixels) = (Loader::new(args.pictures.truncated()), Pixels::new(data.canvas));
        let Canvas { channels, height, width } = data.canvas;
        let images = data.images.sources().each_ref().map(|sources| -> Result<Tensor> {
            let decoded = sources.iter().filter_map(|source| loader.load(source).map(Loaded::into_image).ok());
            let numbers: Vec<f32> = decoded.take(COLUMNS).flat_map(|image| pixels.of(&image, false)).collect();
            ensure!(!numbers.is_empty(), "none of the images can be decoded");
            Tensor::from_vec(numbers, ((), channels, height, width), &Device::Cpu).map_err(plain)
        });
        let [a, b] = images;
        Ok(Self { output: output.to_owned(), canvas: data.canvas, images: [a?, b?] })
    }

    /// Draws the images after so many batches, and returns the file.
    pub(super) fn draw<D>(&self, pair: &Pair<D>, batches: usize) -> Result<PathBuf> {
        // Generators of their own: their plans hold copies of the weights.
        let generators = super::fixed(pair)?;
        let mut numbers = Vec::new();
        for direction in 0..2 {
            let image = &self.images[direction];
            let made = translated(&generators[direction], image)?;
            let restored = translated(&generators[1 - direction], &made)?;
            for row in [image, &made, &restored] {
                let row: Vec<f32> = row.flatten_all().and_then(|row| row.to_vec1()).map_err(plain)?;
                numbers.extend(&row);
                numbers.resize(numbers.len() + COLUMNS * self.canvas.numbers() - row.len(), -1.0);
            }
        }
        let path = sheet_path(&self.output, batches);
        write_sheet(&sheet_of(&numbers, self.canvas, [6, COLUMNS]), &path)?;
        Ok(path)
    }
}

/// Images, -1 to 1, of images, -1 to 1.
fn translated(generator: &Translator, images: &Tensor) -> Result<Tensor> {
    let [low, high] = generator.architecture.range.map(f64::from);
    let half = (high - low) / 2.0;
    let input = images.affine(half, low + half).map_err(plain)?;
    let output = generator.outputs(&input, &["output"])?.remove(0);
    output.affine(1.0 / half, -low / half - 1.0).and_then(|output| output.clamp(-1.0, 1.0)).map_err(plain)
}
