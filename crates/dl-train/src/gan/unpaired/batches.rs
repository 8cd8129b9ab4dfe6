//! Batches of images of two domains, drawn independently.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use dl_models::gan::Canvas;
use rand::RngExt;
use rayon::prelude::*;

use super::UnpairedImages;
use crate::data::Images;
use crate::gan::Pixels;
use crate::gan::images::decodable;
use crate::sampler::Rounds;

/// A batch.
#[derive(Clone, Debug)]
pub struct UnpairedBatch {
    /// Images of both domains, each [n, channels, height, width], -1 to 1.
    pub images: [Vec<f32>; 2],
}

/// Options of batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnpairedBatchConfig {
    /// The shape of the images: they are resized so that their shorter side fits, and cropped at the center.
    pub canvas: Canvas,
    /// Images are resized to so many times the canvas, and a part of them is cut out at random; 1: none is. CycleGAN's
    /// source cuts 256 pixels out of 286.
    pub enlarge: f64,
    /// Images of each domain in a batch.
    pub size: usize,
    /// Whether half of the images are flipped.
    pub flip: bool,
    /// Seed of all random draws.
    pub seed: u64,
}

/// Makes batches.
pub struct UnpairedBatches<'a> {
    images: [Images<'a>; 2],
    counts: [usize; 2],
    config: UnpairedBatchConfig,
    /// The canvas that is cut from.
    larger: Canvas,
    pixels: Pixels,
    rounds: [Mutex<Rounds>; 2],
}

impl<'a> UnpairedBatches<'a> {
    /// Batches of `data`, whose caches are `images`.
    pub fn new(data: &'a UnpairedImages, images: [Images<'a>; 2], config: UnpairedBatchConfig) -> Self {
        let canvas = config.canvas;
        let [height, width] =
            [canvas.height, canvas.width].map(|side| ((side as f64 * config.enlarge).round() as usize).max(side));
        let larger = Canvas { height, width, ..canvas };
        let counts = data.sources().each_ref().map(Vec::len);
        let rounds = [0, 1].map(|domain| Mutex::new(Rounds::new(counts[domain], config.seed, &purpose(domain))));
        Self { images, counts, config, larger, pixels: Pixels::new(larger), rounds }
    }

    /// Batches that show every image of the larger domain once.
    pub fn epoch(&self) -> usize {
        self.counts[0].max(self.counts[1]).div_ceil(self.config.size)
    }

    /// Batch number `iteration`, from 0; it depends only on the seed and the number. Images that cannot be decoded are
    /// replaced.
    /// # Errors
    /// When too many images cannot be decoded.
    pub fn make(&self, iteration: usize) -> Result<UnpairedBatch> {
        let [a, b] = [0, 1].map(|domain| self.of_domain(domain, iteration));
        Ok(UnpairedBatch { images: [a?, b?] })
    }

    fn of_domain(&self, domain: usize, iteration: usize) -> Result<Vec<f32>> {
        let UnpairedBatchConfig { size, flip, seed, .. } = self.config;
        let chosen: Vec<usize> = {
            let mut rounds = self.rounds[domain].lock().unwrap_or_else(PoisonError::into_inner);
            (0..size).map(|place| rounds.at(iteration * size + place)).collect()
        };
        let numbers = chosen.into_par_iter().enumerate().map(|(place, first)| {
            let mut rng = dl_record::rng(seed, &format!("{}/{iteration}/{place}", purpose(domain)));
            let (_, image) = decodable(&self.images[domain], first, self.counts[domain], &mut rng)?;
            let flipped = flip && rng.random::<bool>();
            let numbers = self.pixels.of(&image, flipped);
            let Canvas { height, width, .. } = self.config.canvas;
            let [top, left] = [self.larger.height - height, self.larger.width - width]
                .map(|most| if most > 0 { rng.random_range(0..=most) } else { 0 });
            Ok(cut(numbers, [self.larger.height, self.larger.width], [height, width], [top, left]))
        });
        Ok(numbers.collect::<Result<Vec<_>>>()?.concat())
    }
}

fn purpose(domain: usize) -> String {
    format!("domain-{domain}")
}

/// The part of [channels, height, width] that begins at [top, left].
fn cut(numbers: Vec<f32>, from: [usize; 2], to: [usize; 2], [top, left]: [usize; 2]) -> Vec<f32> {
    if from == to {
        return numbers;
    }
    let [height, width] = from;
    let rows = numbers.chunks_exact(width).enumerate();
    let kept = rows.filter(|(row, _)| (top..top + to[0]).contains(&(row % height)));
    kept.flat_map(|(_, row)| row[left..left + to[1]].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cut_out_of_every_channel() {
        let numbers: Vec<f32> = (0..24).map(|number| number as f32).collect();
        assert_eq!(cut(numbers.clone(), [3, 4], [2, 2], [1, 2]), [6.0, 7.0, 10.0, 11.0, 18.0, 19.0, 22.0, 23.0]);
        assert_eq!(cut(numbers.clone(), [3, 4], [3, 4], [0, 0]), numbers);
    }
}
