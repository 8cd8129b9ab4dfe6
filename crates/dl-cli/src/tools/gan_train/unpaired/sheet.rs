//! Sheets of translated images during training: always of the same images, so that they can be compared.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::gan::{Canvas, Translator};
use dl_models::plain;
use dl_train::gan::{Pair, Pixels};
use dl_vision::picture::{Loaded, Loader};

use super::data::Data;
use super::options::UnpairedArgs;
use crate::common::{Sheet as Drawing, SheetNames};
use crate::tools::gan_sample::rgb_of;
use crate::tools::gan_train::training::sheet_path;

/// Images of each domain.
const COLUMNS: usize = 8;

/// A row each: images of A, these translated to B, and back; the same of B.
pub(super) struct Sheet {
    output: PathBuf,
    canvas: Canvas,
    /// Names of both domains.
    domains: [String; 2],
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
        let domains = data.images.names().clone();
        let sheet = Self { output: output.to_owned(), canvas: data.canvas, domains, images: [a?, b?] };
        sheet.drawing().context("--samples-every")?;
        Ok(sheet)
    }

    fn drawing(&self) -> Result<Drawing> {
        let [a, b] = &self.domains;
        let rows = [a.clone(), format!("to {b}"), "back".into(), b.clone(), format!("to {a}"), "back".into()].into();
        let tile = [self.canvas.width as u32, self.canvas.height as u32];
        Drawing::new([6, COLUMNS], tile, &SheetNames { rows, columns: Vec::new() })
    }

    /// Draws the images after so many batches, and returns the file.
    pub(super) fn draw<D>(&self, pair: &Pair<D>, batches: usize) -> Result<PathBuf> {
        // Generators of their own: their plans hold copies of the weights.
        let generators = super::fixed(pair)?;
        let mut drawing = self.drawing()?;
        for direction in 0..2 {
            let image = &self.images[direction];
            let made = translated(&generators[direction], image)?;
            let restored = translated(&generators[1 - direction], &made)?;
            for (row, images) in [image, &made, &restored].into_iter().enumerate() {
                let numbers: Vec<f32> = images.flatten_all().and_then(|images| images.to_vec1()).map_err(plain)?;
                for (column, numbers) in numbers.chunks_exact(self.canvas.numbers()).enumerate() {
                    drawing.put((3 * direction + row) * COLUMNS + column, &rgb_of(numbers, self.canvas));
                }
            }
        }
        let path = sheet_path(&self.output, batches);
        drawing.write(&path)?;
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
