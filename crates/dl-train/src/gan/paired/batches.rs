//! Batches of pairs.

use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};
use dl_vision::picture::Truncated;
use rand::RngExt;
use rayon::prelude::*;

use super::pairs::{Cut, PairKind, input_channels};
use crate::data::Images;
use crate::sampler::Rounds;

/// Pairs that may fail in a row before training gives up.
const MOST_FAILURES: usize = 100;

/// A batch of pairs.
#[derive(Clone, Debug)]
pub struct PairedBatch {
    /// [n, c, h, w], in the network's range; a mask is 0 or 1.
    pub inputs: Vec<f32>,
    /// [n, 3, h scale, w scale].
    pub targets: Vec<f32>,
}

/// Options of batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedBatchConfig {
    /// What a pair is.
    pub kind: PairKind,
    /// [height, width] of the target.
    pub size: [usize; 2],
    /// How many times as large an image is resized before a crop of `size` is cut out; 1: the whole image. Crops for
    /// super-resolution are cut out of images that are not resized.
    pub jitter: f64,
    /// The numbers of black and white.
    pub range: [f32; 2],
    /// Pairs of a batch.
    pub batch: usize,
    /// Whether half of the pairs are flipped.
    pub flip: bool,
    /// Seed of all random draws.
    pub seed: u64,
}

impl PairedBatchConfig {
    /// [channels, height, width] of an input and of a target.
    pub fn shapes(&self) -> [[usize; 3]; 2] {
        let [height, width] = self.size;
        let scale = self.kind.scale();
        [[input_channels(self.kind.task()), height / scale, width / scale], [3, height, width]]
    }
}

/// Makes batches.
pub struct PairedBatches<'a> {
    images: Images<'a>,
    /// Number of pairs; the target of image i, if it is another one, is image i + `count`.
    count: usize,
    config: PairedBatchConfig,
    rounds: Mutex<Rounds>,
}

impl<'a> PairedBatches<'a> {
    /// Batches of the pairs whose images are `sources` ([`PairedImages::sources`](super::PairedImages::sources)), of which
    /// up to `bytes` are kept decoded. `broken` is called for each that cannot be decoded.
    pub fn new(
        sources: &'a [String],
        truncated: Truncated,
        bytes: usize,
        broken: &'a (dyn Fn(&str) + Sync),
        config: PairedBatchConfig,
    ) -> Self {
        let count = if config.kind == PairKind::Translation { sources.len() / 2 } else { sources.len() };
        let rounds = Mutex::new(Rounds::new(count, config.seed, "images"));
        Self { images: Images::new(sources, truncated, bytes, broken), count, config, rounds }
    }

    /// Its options.
    pub fn config(&self) -> &PairedBatchConfig {
        &self.config
    }

    /// Batches that show every pair once.
    pub fn epoch(&self) -> usize {
        self.count.div_ceil(self.config.batch)
    }

    /// Batch number `iteration`, from 0; it depends only on the seed and the number. Pairs that cannot be decoded are
    /// replaced.
    /// # Errors
    /// When too many pairs cannot be decoded.
    pub fn make(&self, iteration: usize) -> Result<PairedBatch> {
        let PairedBatchConfig { kind, size, jitter, range, batch, flip, seed } = self.config;
        let cut = Cut { kind, size, jitter, flip, range };
        let chosen: Vec<usize> = {
            let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            (0..batch).map(|place| rounds.at(iteration * batch + place)).collect()
        };
        let pairs = chosen.into_par_iter().enumerate().map(|(place, first)| {
            let mut rng = dl_record::rng(seed, &format!("pair/{iteration}/{place}"));
            let mut index = first;
            for _ in 0..MOST_FAILURES {
                let image = self.images.get(index as u32);
                match (image, kind) {
                    (Some(image), PairKind::Translation) => {
                        if let Some(other) = self.images.get((self.count + index) as u32) {
                            return cut.pair(&image, Some(&other), &mut rng);
                        }
                    }
                    (Some(image), _) => return cut.pair(&image, None, &mut rng),
                    (None, _) => {}
                }
                index = rng.random_range(0..self.count);
            }
            bail!("{MOST_FAILURES} pairs of images in a row cannot be decoded")
        });
        let pairs: Vec<[Vec<f32>; 2]> = pairs.collect::<Result<_>>()?;
        let (inputs, targets): (Vec<_>, Vec<_>) = pairs.into_iter().map(|[input, target]| (input, target)).unzip();
        Ok(PairedBatch { inputs: inputs.concat(), targets: targets.concat() })
    }
}
