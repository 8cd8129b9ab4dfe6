//! Batches of examples, any of them at any time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use dl_models::Preprocessing;
use dl_vision::picture::load;
use dl_vision::picture::warp::{Warp, context_box, resample};
use image::RgbImage;
use rand::RngExt;
use rayon::prelude::*;

use super::{Example, Examples};
use crate::sampler::Rounds;

/// How batches are made.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchConfig {
    /// Examples in a batch.
    pub size: usize,
    /// Share of a batch that shows objects; the rest is background. Whole pictures have none.
    pub positive_share: f64,
    /// How a region becomes the network's input.
    pub warp: Warp,
    /// Context around a region, in pixels of the network's input.
    pub padding: usize,
    /// Mirror every other example, drawn by the seed.
    pub flip: bool,
    /// Most bytes of decoded pictures that are kept.
    pub cache_bytes: usize,
    /// Seed of the draws.
    pub seed: u64,
}

/// One batch.
pub struct Batch {
    /// [n, 3, h, w], row by row.
    pub inputs: Vec<f32>,
    /// The shape of `inputs`.
    pub shape: [usize; 4],
    /// The true classes.
    pub targets: Vec<u32>,
}

/// Makes batches out of examples.
pub struct Batches<'a> {
    examples: &'a Examples,
    preprocessing: &'a Preprocessing,
    config: &'a BatchConfig,
    cache: Cache<'a>,
    /// Of objects, and of background.
    rounds: [Mutex<Rounds>; 2],
}

/// Pictures that may fail in a row before the training gives up.
const MOST_FAILURES: usize = 100;

impl<'a> Batches<'a> {
    /// Batches of `examples` as inputs by `preprocessing`. `broken` is told once of each picture that cannot be
    /// decoded; another example takes its place.
    pub fn new(
        examples: &'a Examples,
        preprocessing: &'a Preprocessing,
        config: &'a BatchConfig,
        broken: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        let cache = Cache { sources: examples.pictures(), most: config.cache_bytes, broken, kept: Mutex::default() };
        let rounds = [("positives", examples.positives()), ("background", examples.background())];
        let rounds = rounds.map(|(purpose, sort)| Mutex::new(Rounds::new(sort.len(), config.seed, purpose)));
        Self { examples, preprocessing, config, cache, rounds }
    }

    /// Batch number `iteration`, from 0; it depends on the seed and the number alone.
    /// # Errors
    /// When too many pictures cannot be decoded.
    pub fn make(&self, iteration: usize) -> Result<Batch> {
        let size = self.config.size;
        let positives = self.positives();
        let [height, width] = self.preprocessing.size;
        let mut batch = Batch { inputs: Vec::new(), shape: [size, 3, height, width], targets: Vec::new() };
        let sorts = [
            ("positives", self.examples.positives(), positives),
            ("background", self.examples.background(), size - positives),
        ];
        for ((purpose, examples, count), rounds) in sorts.into_iter().zip(&self.rounds) {
            let mut rounds = rounds.lock().unwrap_or_else(PoisonError::into_inner);
            let deal = |place| examples[rounds.at(iteration * count + place)];
            let mut dealt: Vec<Example> = (0..count).map(deal).collect();
            let mut failures = 0;
            // What takes the place of a picture that cannot be decoded is drawn for this batch alone: no later batch
            // depends on it.
            let mut others = Rounds::new(examples.len(), self.config.seed, &format!("{purpose}/instead/{iteration}"));
            while !dealt.is_empty() {
                let first = batch.targets.len();
                let inputs: Vec<Option<Vec<f32>>> = (dealt.par_iter().enumerate())
                    .map(|(place, example)| self.input(example, &format!("{iteration}/{}", first + place)))
                    .collect();
                let mut missing = 0;
                for (example, input) in dealt.iter().zip(inputs) {
                    match input {
                        Some(input) => {
                            batch.inputs.extend(input);
                            batch.targets.push(example.class);
                        }
                        None => missing += 1,
                    }
                }
                dealt = (failures..failures + missing).map(|place| examples[others.at(place)]).collect();
                failures += missing;
                if failures > MOST_FAILURES.max(size) {
                    bail!("{failures} examples in a row lie in pictures that cannot be decoded");
                }
            }
        }
        Ok(batch)
    }

    /// How many of a batch show objects.
    fn positives(&self) -> usize {
        let size = self.config.size;
        if self.examples.background().is_empty() {
            return size;
        }
        ((size as f64 * self.config.positive_share).round() as usize).clamp(1, size)
    }

    /// Batches in which every object is seen once.
    pub fn epoch(&self) -> usize {
        self.examples.positives().len().div_ceil(self.positives())
    }

    /// The input [3, h, w] of an example; `None` when its picture cannot be decoded.
    fn input(&self, example: &Example, place: &str) -> Option<Vec<f32>> {
        let picture = self.cache.picture(example.picture)?;
        let Preprocessing { size, resize, .. } = *self.preprocessing;
        let source = match example.edges {
            Some(edges) => context_box(&edges.map(f64::from).into(), self.config.warp, self.config.padding, size),
            None => self.preprocessing.whole_picture(picture.width(), picture.height(), resize).0,
        };
        let mut input = vec![0.0; 3 * size[0] * size[1]];
        resample(&picture, &source, size, &self.preprocessing.normalization(), &mut input);
        if self.config.flip && dl_record::rng(self.config.seed, &format!("flip/{place}")).random() {
            // Mirrored row by row; CHW.
            input.chunks_exact_mut(size[1]).for_each(<[f32]>::reverse);
        }
        Some(input)
    }
}

/// Decoded pictures, the oldest dropped when there are too many.
struct Cache<'a> {
    sources: &'a [String],
    most: usize,
    broken: &'a (dyn Fn(&str) + Sync),
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// `None` for those that cannot be decoded.
    pictures: HashMap<u32, Option<Arc<RgbImage>>>,
    order: VecDeque<u32>,
    bytes: usize,
}

impl Cache<'_> {
    fn picture(&self, index: u32) -> Option<Arc<RgbImage>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().pictures.get(&index) {
            return known.clone();
        }
        // Not under the lock: others decode meanwhile, now and then the same.
        let picture = load(&self.sources[index as usize]);
        let mut kept = kept();
        if let Some(known) = kept.pictures.get(&index) {
            return known.clone();
        }
        let picture = match picture {
            Ok(picture) => Arc::new(picture),
            Err(error) => {
                (self.broken)(&format!("{error:#}"));
                kept.pictures.insert(index, None);
                return None;
            }
        };
        kept.bytes += picture.len();
        kept.order.push_back(index);
        kept.pictures.insert(index, Some(picture.clone()));
        while kept.bytes > self.most
            && let Some(oldest) = kept.order.pop_front()
        {
            if let Some(Some(dropped)) = kept.pictures.remove(&oldest) {
                kept.bytes -= dropped.len();
            }
        }
        Some(picture)
    }
}
