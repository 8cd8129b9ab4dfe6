//! Batches of examples, in any order.

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

use super::{Example, Examples, Kind};
use crate::data::{AugmentConfig, Images};
use crate::sampler::Rounds;

/// Options of batches.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchConfig {
    /// Examples in a batch.
    pub size: usize,
    /// Fraction of a batch that shows objects; the rest is background. Whole images have none.
    pub positive_fraction: f64,
    /// How a region becomes the network's input.
    pub warp: Warp,
    /// Context around a region, in pixels of the network's input.
    pub padding: usize,
    /// Augmentation.
    pub augment: AugmentConfig,
    /// Mixup (Zhang et al. 2018): two examples are mixed by a ratio from Beta(x, x); 0 for none.
    pub mixup: f64,
    /// What to do with truncated images.
    pub truncated: Truncated,
    /// Most bytes of decoded images to keep, and most bytes of features.
    pub cache_bytes: usize,
    /// Seed of all random draws.
    pub seed: u64,
}

/// One batch.
pub struct Batch {
    /// The inputs, row by row.
    pub inputs: Vec<f32>,
    /// The shape of `inputs`: [n, 3, h, w], or that of the features.
    pub shape: Vec<usize>,
    /// The true classes.
    pub targets: Targets,
    /// The true classes of the examples mixed in, and the ratio of the first ones.
    pub mixed: Option<(Targets, f64)>,
}

/// The true classes of examples, and how much each counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// The classes.
    pub classes: Vec<u32>,
    /// Weights of at least 0 in the mean loss; empty for equal ones.
    pub weights: Vec<f32>,
}

impl Targets {
    fn push(&mut self, example: &Example, weighted: bool) {
        self.classes.push(example.class);
        if weighted {
            self.weights.push(example.weight);
        }
    }
}

impl From<&[u32]> for Targets {
    fn from(classes: &[u32]) -> Self {
        Self { classes: classes.to_vec(), weights: Vec::new() }
    }
}

/// Makes batches of examples.
pub struct Batches<'a> {
    examples: &'a Examples,
    preprocessing: &'a Preprocessing,
    config: BatchConfig,
    images: Images<'a>,
    /// For objects, and for background.
    rounds: [Mutex<Rounds>; 2],
    frozen: Option<FrozenBody<'a>>,
}

/// The frozen part of a network, whose features replace the images.
struct FrozenBody<'a> {
    model: &'a Model,
    layer: LayerName,
    kept: Mutex<Features>,
}

/// Features by (sort, index of the example): sort 0 are objects, 1 background.
#[derive(Default)]
struct Features {
    rows: HashMap<(usize, usize), Arc<[f32]>>,
    bytes: usize,
}

/// Images that may fail in a row before training gives up.
const MOST_FAILURES: usize = 100;

/// Inputs that go through the frozen part together.
const TOGETHER: usize = 32;

impl<'a> Batches<'a> {
    /// Batches of `examples`, preprocessed by `preprocessing`. `broken` is called once for each image that cannot be
    /// decoded; another example takes its place.
    pub fn new(
        examples: &'a Examples,
        preprocessing: &'a Preprocessing,
        config: BatchConfig,
        broken: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        let images = Images::new(examples.images(), config.truncated, config.cache_bytes, broken);
        let rounds = [("positives", examples.positives()), ("background", examples.background())];
        let rounds = rounds.map(|(purpose, sort)| Mutex::new(Rounds::new(sort.len(), config.seed, purpose)));
        Self { examples, preprocessing, config, images, rounds, frozen: None }
    }

    /// The same, but the inputs are the network's features at `layer`, before which everything is frozen. Without
    /// augmentation they are computed once and kept, as far as the cache allows.
    pub fn through(self, model: &'a Model, layer: LayerName) -> Self {
        Self { frozen: Some(FrozenBody { model, layer, kept: Mutex::default() }), ..self }
    }

    /// The layer that the inputs are features of; `None` for images.
    pub fn layer(&self) -> Option<&LayerName> {
        self.frozen.as_ref().map(|frozen| &frozen.layer)
    }

    /// The examples.
    pub fn examples(&self) -> &'a Examples {
        self.examples
    }

    /// Batch number `iteration`, from 0; it depends only on the seed and the number.
    /// # Errors
    /// When too many images cannot be decoded.
    pub fn make(&self, iteration: usize) -> Result<Batch> {
        let size = self.config.size;
        let positives = self.positives();
        let mut batch = Batch { inputs: Vec::new(), shape: Vec::new(), targets: Targets::default(), mixed: None };
        let weighted = self.examples.are_weighted();
        for (sort, (count, rounds)) in [positives, size - positives].into_iter().zip(&self.rounds).enumerate() {
            let examples = self.sort(sort);
            let mut rounds = rounds.lock().unwrap_or_else(PoisonError::into_inner);
            let purpose = ["positives", "background"][sort];
            // For each example: its index, and the round in which it was dealt.
            let mut dealt: Vec<(usize, usize)> = (iteration * count..(iteration + 1) * count)
                .map(|place| (rounds.at(place), place / examples.len().max(1)))
                .collect();
            let mut failures = 0;
            // Replacements for images that cannot be decoded are drawn for this batch only: no later batch depends on
            // them.
            let mut others = Rounds::new(examples.len(), self.config.seed, &format!("{purpose}/instead/{iteration}"));
            while !dealt.is_empty() {
                let first = batch.targets.classes.len();
                let keys = dealt.iter().enumerate().map(|(place, (index, epoch))| {
                    (*index, self.draw_of(sort, *index, *epoch, &format!("{iteration}/{}", first + place)))
                });
                let inputs = self.inputs(sort, &keys.collect::<Vec<_>>())?;
                let mut missing = 0;
                for ((index, _), input) in dealt.iter().zip(inputs) {
                    match input {
                        Some(input) => {
                            batch.inputs.extend_from_slice(&input);
                            batch.targets.push(&examples[*index], weighted);
                        }
                        None => missing += 1,
                    }
                }
                dealt = (failures..failures + missing).map(|place| (others.at(place), place)).collect();
                failures += missing;
                if failures > MOST_FAILURES.max(size) {
                    bail!("the images of {failures} examples in a row cannot be decoded");
                }
            }
        }
        batch.shape = self.shape(batch.targets.classes.len())?;
        if self.config.mixup > 0.0 {
            self.mix(&mut batch, iteration)?;
        }
        Ok(batch)
    }

    /// Examples of a sort without augmentation: inputs and targets of those whose images can be decoded.
    /// # Errors
    /// When the frozen part of the network fails.
    pub fn plain(&self, sort: usize, indices: &[usize]) -> Result<(Tensor, Targets)> {
        let keys: Vec<(usize, String)> = indices.iter().map(|index| (*index, String::new())).collect();
        let inputs = self.inputs(sort, &keys)?;
        let mut numbers = Vec::new();
        let (mut targets, weighted) = (Targets::default(), self.examples.are_weighted());
        for (index, input) in indices.iter().zip(inputs) {
            if let Some(input) = input {
                numbers.extend_from_slice(&input);
                targets.push(&self.sort(sort)[*index], weighted);
            }
        }
        Ok((Tensor::from_vec(numbers, self.shape(targets.classes.len())?, &Device::Cpu)?, targets))
    }

    /// The objects or images `indices`, in this order, augmented by a draw of `draw` (empty for none) and the place. Where an image
    /// cannot be decoded, another one of its class takes its place.
    /// # Errors
    /// When too many images cannot be decoded.
    pub fn views(&self, indices: &[usize], draw: &str) -> Result<Batch> {
        let mut batch = Batch { inputs: Vec::new(), shape: Vec::new(), targets: Targets::default(), mixed: None };
        let examples = self.examples.positives();
        let of = |place: usize| if draw.is_empty() { String::new() } else { format!("view/{draw}/{place}") };
        let key = |(place, index): (usize, &usize)| (*index, of(place));
        let inputs = self.inputs(0, &indices.iter().enumerate().map(key).collect::<Vec<_>>())?;
        for (place, (index, mut input)) in indices.iter().zip(inputs).enumerate() {
            let mut other = *index;
            for _ in 0..MOST_FAILURES.min(examples.len()) {
                if input.is_some() {
                    break;
                }
                let class = examples[*index].class;
                let next = (1..=examples.len()).map(|step| (other + step) % examples.len());
                let alike = next.clone().find(|next| examples[*next].class == class && *next != *index);
                other = alike.or_else(|| next.clone().find(|next| next != index)).unwrap_or(*index);
                input = self.inputs(0, &[key((place, &other))])?.remove(0);
            }
            let Some(input) = input else { bail!("the images of too many examples in a row cannot be decoded") };
            batch.inputs.extend_from_slice(&input);
            batch.targets.push(&examples[other], self.examples.are_weighted());
        }
        batch.shape = self.shape(batch.targets.classes.len())?;
        Ok(batch)
    }

    /// Objects (0) or background (1).
    fn sort(&self, sort: usize) -> &'a [Example] {
        if sort == 0 { self.examples.positives() } else { self.examples.background() }
    }

    /// The number of objects per batch.
    fn positives(&self) -> usize {
        let size = self.config.size;
        if self.examples.background().is_empty() {
            return size;
        }
        ((size as f64 * self.config.positive_fraction).round() as usize).clamp(1, size)
    }

    /// Batches that cover every object once.
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

    /// The key that the augmentation of an example is drawn from: the epoch and the image's id; for a region, its place
    /// in the batches.
    fn draw_of(&self, sort: usize, index: usize, epoch: usize, place: &str) -> String {
        match self.examples.kind() {
            Some(Kind::Images) => {
                let image = self.sort(sort)[index].image as usize;
                format!("augment/{epoch}/{}", self.examples.ids()[image])
            }
            Some(Kind::Crops) => {
                let image = self.sort(sort)[index].image as usize;
                format!("augment/{epoch}/{}/{index}", self.examples.ids()[image])
            }
            _ => format!("flip/{place}"),
        }
    }

    /// The inputs of examples (index, key of the augmentation; empty for none); `None` for those whose images cannot be
    /// decoded.
    fn inputs(&self, sort: usize, keys: &[(usize, String)]) -> Result<Vec<Option<Arc<[f32]>>>> {
        let Some(frozen) = &self.frozen else {
            return Ok(keys.par_iter().map(|(index, draw)| self.input(sort, *index, draw).map(Arc::from)).collect());
        };
        let keeps = self.config.augment.is_identity();
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
            let images: Vec<f32> = made.into_iter().flatten().flatten().collect();
            let features = frozen.run(images, good.len(), self.preprocessing.size)?;
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

    /// The input [3, h, w] of an example; `None` when its image cannot be decoded.
    fn input(&self, sort: usize, index: usize, draw: &str) -> Option<Vec<f32>> {
        let example = &self.sort(sort)[index];
        let image = self.images.get(example.image)?;
        let Preprocessing { size, resize, interpolation, .. } = *self.preprocessing;
        let source = match example.edges {
            Some(edges) => context_box(&edges.map(f64::from).into(), self.config.warp, self.config.padding, size),
            None => self.preprocessing.whole_image(image.width(), image.height(), resize).0,
        };
        let augment = if draw.is_empty() { AugmentConfig::default() } else { self.config.augment };
        let mut rng = dl_record::rng(self.config.seed, draw);
        Some(augment.view(&image, &source, size, interpolation, &self.preprocessing.normalization(), &mut rng))
    }

    /// Mixes each input with another one, all by one ratio.
    fn mix(&self, batch: &mut Batch, iteration: usize) -> Result<()> {
        let mut rng = dl_record::rng(self.config.seed, &format!("mixup/{iteration}"));
        let beta = Beta::new(self.config.mixup, self.config.mixup).context("--mixup")?;
        let share: f64 = rng.sample(beta);
        let mut partners: Vec<usize> = (0..batch.targets.classes.len()).collect();
        partners.shuffle(&mut rng);
        let width = batch.inputs.len() / partners.len().max(1);
        let mut mixed = Vec::with_capacity(batch.inputs.len());
        for (row, partner) in batch.inputs.chunks_exact(width.max(1)).zip(&partners) {
            let other = &batch.inputs[partner * width..][..width];
            mixed.extend(row.iter().zip(other).map(|(a, b)| share as f32 * a + (1.0 - share as f32) * b));
        }
        batch.inputs = mixed;
        let Targets { classes, weights } = &batch.targets;
        let mut others = Targets::default();
        for partner in partners {
            others.classes.push(classes[partner]);
            others.weights.extend(weights.get(partner));
        }
        batch.mixed = Some((others, share));
        Ok(())
    }
}

impl FrozenBody<'_> {
    /// The features of `count` inputs, row by row.
    fn run(&self, inputs: Vec<f32>, count: usize, [height, width]: [usize; 2]) -> Result<Vec<f32>> {
        let x = Tensor::from_vec(inputs, (count, 3, height, width), &Device::Cpu)?;
        let features = self.model.features(&x, std::slice::from_ref(&self.layer))?;
        Ok(features.first().context("one layer has one output")?.flatten_all()?.to_vec1()?)
    }
}
