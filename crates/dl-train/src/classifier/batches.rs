//! Batches of examples, made while the network works on the batch before.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

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
        Self { examples, preprocessing, config, cache }
    }

    /// Makes batches `0..count` on a thread of its own, at most two ahead, and hands them to `work` in order.
    /// # Errors
    /// When `work` fails, or too many pictures cannot be decoded.
    pub fn run(&self, count: usize, mut work: impl FnMut(usize, Batch) -> Result<()>) -> Result<()> {
        thread::scope(|scope| {
            let (sender, batches) = sync_channel(1);
            scope.spawn(move || {
                let (positives, background) = (self.examples.positives(), self.examples.background());
                let mut dealers = [
                    Dealer::new(positives, self.config.seed, "positives"),
                    Dealer::new(background, self.config.seed, "background"),
                ];
                for iteration in 0..count {
                    // A send fails only when `work` has.
                    if sender.send(self.make(iteration, &mut dealers)).is_err() {
                        break;
                    }
                }
            });
            for (iteration, batch) in batches.iter().enumerate() {
                work(iteration, batch?)?;
            }
            Ok(())
        })
    }

    fn make(&self, iteration: usize, dealers: &mut [Dealer<'a>; 2]) -> Result<Batch> {
        let size = self.config.size;
        let positives = if dealers[1].examples.is_empty() {
            size
        } else {
            ((size as f64 * self.config.positive_share).round() as usize).clamp(1, size)
        };
        let [height, width] = self.preprocessing.size;
        let mut batch = Batch { inputs: Vec::new(), shape: [size, 3, height, width], targets: Vec::new() };
        for (dealer, count) in dealers.iter_mut().zip([positives, size - positives]) {
            let mut failures = 0;
            let mut missing = count;
            while missing > 0 {
                let examples: Vec<Example> = (0..missing).map(|_| dealer.deal()).collect();
                let first = batch.targets.len();
                let inputs: Vec<Option<Vec<f32>>> = (examples.par_iter().enumerate())
                    .map(|(place, example)| self.input(example, &format!("{iteration}/{}", first + place)))
                    .collect();
                for (example, input) in examples.iter().zip(inputs) {
                    match input {
                        Some(input) => {
                            batch.inputs.extend(input);
                            batch.targets.push(example.class);
                            missing -= 1;
                        }
                        None => failures += 1,
                    }
                }
                if failures > MOST_FAILURES.max(size) {
                    bail!("{failures} examples in a row lie in pictures that cannot be decoded");
                }
            }
        }
        Ok(batch)
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

/// Deals out examples of one sort.
struct Dealer<'a> {
    examples: &'a [Example],
    rounds: Rounds,
    place: usize,
}

impl<'a> Dealer<'a> {
    fn new(examples: &'a [Example], seed: u64, purpose: &str) -> Self {
        Self { examples, rounds: Rounds::new(examples.len(), seed, purpose), place: 0 }
    }

    fn deal(&mut self) -> Example {
        let example = self.examples[self.rounds.at(self.place)];
        self.place += 1;
        example
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
