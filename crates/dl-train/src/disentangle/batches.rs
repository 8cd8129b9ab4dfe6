//! Batches of images, each with another one of the same style.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use dl_models::gan::Canvas;
use rand::RngExt;
use rayon::prelude::*;

use super::CodeImages;
use crate::data::Images;
use crate::gan::{Pixels, decodable};
use crate::sampler::Rounds;

/// A batch.
#[derive(Clone, Debug)]
pub struct CodeBatch {
    /// [n, channels, height, width], -1 to 1.
    pub images: Vec<f32>,
    /// Another image of the style of each, of the same shape; the same one if it is the only one.
    pub mates: Vec<f32>,
    /// The class of the style of each image.
    pub styles: Vec<u32>,
    /// That of the content, if it is known.
    pub contents: Vec<Option<u32>>,
}

/// Options of batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeBatchConfig {
    /// The shape of the images: they are resized so that their shorter side fits, and cropped at the center.
    pub canvas: Canvas,
    /// Images of a batch.
    pub size: usize,
    /// Whether half of the images are flipped.
    pub flip: bool,
    /// Seed of all random draws.
    pub seed: u64,
}

/// Makes batches.
pub struct CodeBatches<'a> {
    images: Images<'a>,
    data: &'a CodeImages,
    config: CodeBatchConfig,
    pixels: Pixels,
    rounds: Mutex<Rounds>,
}

impl<'a> CodeBatches<'a> {
    /// Batches of `data`, whose cache is `images`.
    pub fn new(data: &'a CodeImages, images: Images<'a>, config: CodeBatchConfig) -> Self {
        let rounds = Mutex::new(Rounds::new(data.sources().len(), config.seed, "images"));
        Self { images, data, config, pixels: Pixels::new(config.canvas), rounds }
    }

    /// Batches that show every image once.
    pub fn epoch(&self) -> usize {
        self.data.sources().len().div_ceil(self.config.size)
    }

    /// Batch number `iteration`, from 0; it depends only on the seed and the number. Images that cannot be decoded are
    /// replaced.
    /// # Errors
    /// When too many images cannot be decoded.
    pub fn make(&self, iteration: usize) -> Result<CodeBatch> {
        let CodeBatchConfig { size, flip, seed, .. } = self.config;
        let chosen: Vec<usize> = {
            let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            (0..size).map(|place| rounds.at(iteration * size + place)).collect()
        };
        let shown = chosen.into_par_iter().enumerate().map(|(place, first)| {
            let mut rng = dl_record::rng(seed, &format!("image/{iteration}/{place}"));
            let (index, image) = decodable(&self.images, first, self.data.sources().len(), &mut rng)?;
            let (style, content) = self.data.classes(index);
            let own = self.pixels.of(&image, flip && rng.random::<bool>());
            let same = self.data.of_style(style);
            // The place of the image itself counts as that of the last.
            let drawn = same[rng.random_range(0..(same.len() - 1).max(1))];
            let mate = if drawn == index { same[same.len() - 1] } else { drawn };
            let mate = self.images.get(mate as u32).unwrap_or(image);
            Ok((own, self.pixels.of(&mate, flip && rng.random::<bool>()), style, content))
        });
        let shown: Vec<_> = shown.collect::<Result<_>>()?;
        let mut batch = CodeBatch { images: Vec::new(), mates: Vec::new(), styles: Vec::new(), contents: Vec::new() };
        for (own, mate, style, content) in shown {
            batch.images.extend(own);
            batch.mates.extend(mate);
            batch.styles.push(style);
            batch.contents.push(content);
        }
        Ok(batch)
    }
}
