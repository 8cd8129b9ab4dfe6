//! Sheets of swaps during training: always of the same images, so that they can be compared.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::gan::Canvas;
use dl_models::gan::swap::SwapNetwork;
use dl_models::plain;
use dl_train::gan::Pixels;
use dl_vision::picture::{Loaded, Loader};

use super::Args;
use super::data::Data;
use crate::common::{Sheet as Drawing, SheetNames};
use crate::tools::gan_sample::rgb_of;
use crate::tools::gan_train::training::sheet_path;

/// Images of a sheet, and the most styles.
const COLUMNS: usize = 8;
const MOST_STYLES: usize = 12;

/// A row of images, and for each style a row of their contents in that of its first image.
pub(super) struct Sheet {
    output: PathBuf,
    canvas: Canvas,
    names: Vec<String>,
    /// -1 to 1, one after another.
    images: Vec<f32>,
    /// The first image of each style.
    styles: Vec<f32>,
}

impl Sheet {
    pub(super) fn new(args: &Args, data: &Data) -> Result<Self> {
        let (loader, pixels) = (Loader::new(args.pictures.truncated()), Pixels::new(data.canvas));
        let numbers = |image: usize| {
            let source = data.images.sources().get(image)?;
            loader.load(source).map(Loaded::into_image).ok().map(|image| pixels.of(&image, false))
        };
        // From everywhere, as records are often sorted.
        let count = data.images.sources().len();
        let images: Vec<f32> = (0..COLUMNS).filter_map(|column| numbers(column * count / COLUMNS)).flatten().collect();
        ensure!(!images.is_empty(), "--samples-every: none of the images can be decoded");
        let (mut names, mut styles) = (Vec::new(), Vec::new());
        for (style, name) in data.images.styles().iter().enumerate().take(MOST_STYLES) {
            let first = data.images.of_style(style as u32).iter().find_map(|image| numbers(*image));
            if let Some(first) = first {
                names.push(name.clone());
                styles.extend(first);
            }
        }
        let sheet = Self { output: args.training.output.clone(), canvas: data.canvas, names, images, styles };
        sheet.drawing().context("--samples-every")?;
        Ok(sheet)
    }

    fn columns(&self) -> usize {
        self.images.len() / self.canvas.numbers()
    }

    fn drawing(&self) -> Result<Drawing> {
        let rows: Vec<String> = std::iter::once("image".to_owned()).chain(self.names.iter().cloned()).collect();
        let tile = [self.canvas.width as u32, self.canvas.height as u32];
        Drawing::new([rows.len(), self.columns()], tile, &SheetNames { rows, columns: Vec::new() })
    }

    /// Draws the images after so many batches, and returns the file.
    pub(super) fn draw(&self, network: &SwapNetwork, device: &Device, batches: usize) -> Result<PathBuf> {
        let Canvas { channels, height, width } = self.canvas;
        let tensor =
            |numbers: &[f32]| Tensor::from_slice(numbers, ((), channels, height, width), device).map_err(plain);
        let contents = network.content(&tensor(&self.images)?)?.detach();
        let mut drawing = self.drawing()?;
        let mut put = |row: usize, numbers: &[f32]| {
            for (column, numbers) in numbers.chunks_exact(self.canvas.numbers()).enumerate() {
                drawing.put(row * self.columns() + column, &rgb_of(numbers, self.canvas));
            }
        };
        put(0, &self.images);
        for (row, image) in self.styles.chunks_exact(self.canvas.numbers()).enumerate() {
            let style = network.style(&tensor(image)?)?;
            let same = style.repeat((self.columns(), 1)).map_err(plain)?;
            let made = network.decode(&contents, &same)?;
            put(row + 1, &made.flatten_all().and_then(|made| made.to_vec1::<f32>()).map_err(plain)?);
        }
        let path = sheet_path(&self.output, batches);
        drawing.write(&path)?;
        Ok(path)
    }
}
