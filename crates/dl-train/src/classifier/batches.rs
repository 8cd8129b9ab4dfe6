//! Batches of examples, any of them at any time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use dl_models::{LayerName, Model, Preprocessing};
use dl_vision::picture::Truncated;
use dl_vision::picture::warp::{Warp, context_box};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::Beta;
use rayon::prelude::*;

use super::augment::AugmentConfig;
use super::pictures::Pictures;
use super::{Example, Examples, Kind};
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
    /// Other views of the same example.
    pub augment: AugmentConfig,
    /// Mixup (Zhang et al. 2018): two examples are blended by a share from Beta(x, x); 0 for none.
    pub mixup: f64,
    /// What to do with images that are not all there.
    pub truncated: Truncated,
    /// Most bytes of decoded pictures that are kept, and most bytes of features.
    pub cache_bytes: usize,
    /// Seed of the draws.
    pub seed: u64,
}

/// One batch.
pub struct Batch {
    /// Row by row.
    pub inputs: Vec<f32>,
    /// The shape of `inputs`: [n, 3, h, w], or that of the features.
    pub shape: Vec<usize>,
    /// The true classes.
    pub targets: Vec<u32>,
    /// The true classes of what was blended in, and the share of the first ones.
    pub mixed: Option<(Vec<u32>, f64)>,
}

/// Makes batches out of examples.
pub struct Batches<'a> {
    examples: &'a Examples,
    preprocessing: &'a Preprocessing,
    config: &'a BatchConfig,
    pictures: Pictures<'a>,
    /// Of objects, and of background.
    rounds: [Mutex<Rounds>; 2],
    frozen: Option<Frozen<'a>>,
}

/// The part of a network that does not learn: what comes out of it stands in place of pictures.
struct Frozen<'a> {
    model: &'a Model,
    layer: LayerName,
    kept: Mutex<Features>,
}

/// Features by (sort, index of the example).
#[derive(Default)]
struct Features {
    rows: HashMap<(usize, usize), Arc<[f32]>>,
    bytes: usize,
}

/// Pictures that may fail in a row before the training gives up.
const MOST_FAILURES: usize = 100;

/// Inputs that go through the frozen part together.
const TOGETHER: usize = 32;

impl<'a> Batches<'a> {
    /// Batches of `examples` as inputs by `preprocessing`. `broken` is told once of each picture that cannot be
    /// decoded; another example takes its place.
    pub fn new(
        examples: &'a Examples,
        preprocessing: &'a Preprocessing,
        config: &'a BatchConfig,
        broken: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        let pictures = Pictures::new(examples.pictures(), config.truncated, config.cache_bytes, broken);
        let rounds = [("positives", examples.positives()), ("background", examples.background())];
        let rounds = rounds.map(|(purpose, sort)| Mutex::new(Rounds::new(sort.len(), config.seed, purpose)));
        Self { examples, preprocessing, config, pictures, rounds, frozen: None }
    }

    /// The same, but inputs are the network's features at `layer`, before which nothing learns. They are computed once and
    /// kept, as far as the cache goes, when nothing random stands before them.
    pub fn through(self, model: &'a Model, layer: LayerName) -> Self {
        Self { frozen: Some(Frozen { model, layer, kept: Mutex::default() }), ..self }
    }

    /// The layer that the inputs are features of, where they are no pictures.
    pub fn layer(&self) -> Option<&LayerName> {
        self.frozen.as_ref().map(|frozen| &frozen.layer)
    }

    /// Where they come from.
    pub fn examples(&self) -> &'a Examples {
        self.examples
    }

    /// Batch number `iteration`, from 0; it depends on the seed and the number alone.
    /// # Errors
    /// When too many pictures cannot be decoded.
    pub fn make(&self, iteration: usize) -> Result<Batch> {
        let size = self.config.size;
        let positives = self.positives();
        let mut batch = Batch { inputs: Vec::new(), shape: Vec::new(), targets: Vec::new(), mixed: None };
        for (sort, (count, rounds)) in [positives, size - positives].into_iter().zip(&self.rounds).enumerate() {
            let examples = self.sort(sort);
            let mut rounds = rounds.lock().unwrap_or_else(PoisonError::into_inner);
            let purpose = ["positives", "background"][sort];
            // Of each: its index, and the round in which it was dealt.
            let mut dealt: Vec<(usize, usize)> = (iteration * count..(iteration + 1) * count)
                .map(|place| (rounds.at(place), place / examples.len().max(1)))
                .collect();
            let mut failures = 0;
            // What takes the place of a picture that cannot be decoded is drawn for this batch alone: no later batch
            // depends on it.
            let mut others = Rounds::new(examples.len(), self.config.seed, &format!("{purpose}/instead/{iteration}"));
            while !dealt.is_empty() {
                let first = batch.targets.len();
                let keys = dealt.iter().enumerate().map(|(place, (index, epoch))| {
                    (*index, self.draw_of(sort, *index, *epoch, &format!("{iteration}/{}", first + place)))
                });
                let inputs = self.inputs(sort, &keys.collect::<Vec<_>>())?;
                let mut missing = 0;
                for ((index, _), input) in dealt.iter().zip(inputs) {
                    match input {
                        Some(input) => {
                            batch.inputs.extend_from_slice(&input);
                            batch.targets.push(examples[*index].class);
                        }
                        None => missing += 1,
                    }
                }
                dealt = (failures..failures + missing).map(|place| (others.at(place), place)).collect();
                failures += missing;
                if failures > MOST_FAILURES.max(size) {
                    bail!("{failures} examples in a row lie in pictures that cannot be decoded");
                }
            }
        }
        batch.shape = self.shape(batch.targets.len())?;
        if self.config.mixup > 0.0 {
            self.mix(&mut batch, iteration)?;
        }
        Ok(batch)
    }

    /// The examples of a sort, as they are, without any augmentation: inputs and classes of those whose pictures can be
    /// decoded.
    /// # Errors
    /// When the frozen part of the network fails.
    pub fn plain(&self, sort: usize, indices: &[usize]) -> Result<(Tensor, Vec<u32>)> {
        let keys: Vec<(usize, String)> = indices.iter().map(|index| (*index, String::new())).collect();
        let inputs = self.inputs(sort, &keys)?;
        let mut numbers = Vec::new();
        let mut classes = Vec::new();
        for (index, input) in indices.iter().zip(inputs) {
            if let Some(input) = input {
                numbers.extend_from_slice(&input);
                classes.push(self.sort(sort)[*index].class);
            }
        }
        Ok((Tensor::from_vec(numbers, self.shape(classes.len())?, &Device::Cpu)?, classes))
    }

    /// Objects (0) or background (1).
    fn sort(&self, sort: usize) -> &'a [Example] {
        if sort == 0 { self.examples.positives() } else { self.examples.background() }
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

    /// The shape of `count` inputs.
    fn shape(&self, count: usize) -> Result<Vec<usize>> {
        let [height, width] = self.preprocessing.size;
        let one = match &self.frozen {
            Some(frozen) => frozen.model.shape_of(&frozen.layer)?,
            None => vec![3, height, width],
        };
        Ok([vec![count], one].concat())
    }

    /// What the augmentation of an example is drawn from: the epoch and the picture's id; of a region, which may be one
    /// of many of its picture, its place in the batches.
    fn draw_of(&self, sort: usize, index: usize, epoch: usize, place: &str) -> String {
        match self.examples.kind() {
            Some(Kind::Pictures) => {
                let picture = self.sort(sort)[index].picture as usize;
                format!("augment/{epoch}/{}", self.examples.ids()[picture])
            }
            Some(Kind::Crops) => {
                let picture = self.sort(sort)[index].picture as usize;
                format!("augment/{epoch}/{}/{index}", self.examples.ids()[picture])
            }
            _ => format!("flip/{place}"),
        }
    }

    /// The inputs of examples (index, what their augmentation is drawn from; empty for none); `None` for those whose
    /// pictures cannot be decoded.
    fn inputs(&self, sort: usize, keys: &[(usize, String)]) -> Result<Vec<Option<Arc<[f32]>>>> {
        let Some(frozen) = &self.frozen else {
            return Ok(keys.par_iter().map(|(index, draw)| self.input(sort, *index, draw).map(Arc::from)).collect());
        };
        let keeps = self.config.augment.is_nothing();
        let mut rows: Vec<Option<Arc<[f32]>>> = vec![None; keys.len()];
        if keeps {
            let kept = frozen.kept.lock().unwrap_or_else(PoisonError::into_inner);
            for (row, (index, _)) in rows.iter_mut().zip(keys) {
                *row = kept.rows.get(&(sort, *index)).cloned();
            }
        }
        let missing: Vec<usize> = (0..keys.len()).filter(|place| rows[*place].is_none()).collect();
        for places in missing.chunks(TOGETHER) {
            let made: Vec<Option<Vec<f32>>> =
                places.par_iter().map(|place| self.input(sort, keys[*place].0, &keys[*place].1)).collect();
            let good: Vec<usize> = (0..places.len()).filter(|at| made[*at].is_some()).collect();
            if good.is_empty() {
                continue;
            }
            let pictures: Vec<f32> = made.into_iter().flatten().flatten().collect();
            let features = frozen.run(pictures, good.len(), self.preprocessing.size)?;
            let width = features.len() / good.len();
            let mut kept = frozen.kept.lock().unwrap_or_else(PoisonError::into_inner);
            for (at, row) in good.iter().zip(features.chunks_exact(width)) {
                let place = places[*at];
                let row: Arc<[f32]> = row.into();
                if keeps && kept.bytes + 4 * width <= self.config.cache_bytes {
                    kept.bytes += 4 * width;
                    kept.rows.insert((sort, keys[place].0), row.clone());
                }
                rows[place] = Some(row);
            }
        }
        Ok(rows)
    }

    /// The input [3, h, w] of an example; `None` when its picture cannot be decoded.
    fn input(&self, sort: usize, index: usize, draw: &str) -> Option<Vec<f32>> {
        let example = &self.sort(sort)[index];
        let picture = self.pictures.get(example.picture)?;
        let Preprocessing { size, resize, interpolation, .. } = *self.preprocessing;
        let source = match example.edges {
            Some(edges) => context_box(&edges.map(f64::from).into(), self.config.warp, self.config.padding, size),
            None => self.preprocessing.whole_image(picture.width(), picture.height(), resize).0,
        };
        let augment = if draw.is_empty() { AugmentConfig::default() } else { self.config.augment };
        let mut rng = dl_record::rng(self.config.seed, draw);
        Some(augment.view(&picture, &source, size, interpolation, &self.preprocessing.normalization(), &mut rng))
    }

    /// Blends each input with another one's, all by one share.
    fn mix(&self, batch: &mut Batch, iteration: usize) -> Result<()> {
        let mut rng = dl_record::rng(self.config.seed, &format!("mixup/{iteration}"));
        let beta = Beta::new(self.config.mixup, self.config.mixup).context("--mixup")?;
        let share: f64 = rng.sample(beta);
        let mut partners: Vec<usize> = (0..batch.targets.len()).collect();
        partners.shuffle(&mut rng);
        let width = batch.inputs.len() / partners.len().max(1);
        let mut mixed = Vec::with_capacity(batch.inputs.len());
        for (row, partner) in batch.inputs.chunks_exact(width.max(1)).zip(&partners) {
            let other = &batch.inputs[partner * width..][..width];
            mixed.extend(row.iter().zip(other).map(|(a, b)| share as f32 * a + (1.0 - share as f32) * b));
        }
        batch.inputs = mixed;
        batch.mixed = Some((partners.iter().map(|partner| batch.targets[*partner]).collect(), share));
        Ok(())
    }
}

impl Frozen<'_> {
    /// The features of `count` inputs, row by row.
    fn run(&self, inputs: Vec<f32>, count: usize, [height, width]: [usize; 2]) -> Result<Vec<f32>> {
        let x = Tensor::from_vec(inputs, (count, 3, height, width), &Device::Cpu)?;
        let features = self.model.features(&x, std::slice::from_ref(&self.layer))?;
        Ok(features.first().context("one layer has one output")?.flatten_all()?.to_vec1()?)
    }
}
