//! Batches of augmented images with their objects.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use dl_models::Preprocessing;
use dl_models::detection::Placed;
use dl_record::BBox;
use dl_vision::picture::Truncated;
use image::RgbImage;
use rand::RngExt;
use rayon::prelude::*;

use super::{Sample, Samples, Truth};
use crate::data::{Images, Recipe, View};
use crate::sampler::Rounds;

/// Options of batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchConfig {
    /// Images in a batch.
    pub size: usize,
    /// Augmentation.
    pub augment: Recipe,
    /// What to do with truncated images.
    pub truncated: Truncated,
    /// Most bytes of decoded images to keep.
    pub cache_bytes: usize,
    /// Whether masks are needed.
    pub masks: bool,
    /// Seed of all random draws.
    pub seed: u64,
}

/// How images become inputs.
#[derive(Clone, Copy)]
pub struct Placing<'a> {
    /// The numbers of the pixels.
    pub preprocessing: &'a Preprocessing,
    /// Where an image of [width, height] pixels is put; images of a batch may have inputs of different sizes.
    pub place: &'a (dyn Fn([u32; 2]) -> Placed + Sync),
}

/// One batch.
#[derive(Debug)]
pub struct DetectionBatch {
    /// The inputs, row by row.
    pub inputs: Vec<f32>,
    /// [n, 3, height, width]
    pub shape: [usize; 4],
    /// The objects in each input.
    pub truths: Vec<Truth>,
}

/// Makes batches of samples.
pub struct DetectionBatches<'a> {
    samples: &'a [Sample],
    placing: Placing<'a>,
    config: BatchConfig,
    images: Images<'a>,
    rounds: Mutex<Rounds>,
}

/// Images that may fail in a row before training gives up.
const MOST_FAILURES: usize = 100;

/// An image of a batch.
struct Shown<'a> {
    sample: &'a Sample,
    image: Arc<RgbImage>,
    view: View,
    /// The key of its random draws.
    draw: String,
}

impl<'a> DetectionBatches<'a> {
    /// Batches of `samples`; `sources` are their images. `broken` is called once for each image that cannot be decoded;
    /// another one takes its place.
    pub fn new(
        samples: &'a Samples,
        sources: &'a [String],
        placing: Placing<'a>,
        config: BatchConfig,
        broken: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        let images = Images::new(sources, config.truncated, config.cache_bytes, broken);
        let rounds = Mutex::new(Rounds::new(samples.samples().len(), config.seed, "images"));
        Self { samples: samples.samples(), placing, config, images, rounds }
    }

    /// Batches that show every image once.
    pub fn epoch(&self) -> usize {
        self.samples.len().div_ceil(self.config.size)
    }

    /// Batch number `iteration`, from 0; it depends only on the seed and the number.
    /// # Errors
    /// When too many images cannot be decoded, or a mask is broken.
    pub fn make(&self, iteration: usize) -> Result<DetectionBatch> {
        let (size, seed) = (self.config.size, self.config.seed);
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dealt: Vec<(usize, usize)> = (iteration * size..(iteration + 1) * size)
            .map(|place| (rounds.at(place), place / self.samples.len().max(1)))
            .collect();
        drop(rounds);
        // Replacements are drawn for this batch only: no later one depends on them.
        let mut others = Rounds::new(self.samples.len(), seed, &format!("images/instead/{iteration}"));
        let (mut shown, mut failures) = (Vec::new(), 0);
        while !dealt.is_empty() {
            let made: Vec<Option<Shown>> = dealt.par_iter().map(|(index, epoch)| self.show(*index, *epoch)).collect();
            let before = shown.len();
            shown.extend(made.into_iter().flatten());
            let missing = dealt.len() - (shown.len() - before);
            dealt = (failures..failures + missing).map(|place| (others.at(place), place)).collect();
            failures += missing;
            if failures > MOST_FAILURES.max(size) {
                bail!("{failures} images in a row cannot be decoded");
            }
        }
        self.batch(shown)
    }

    /// The part of an image that is shown; `None` when it cannot be decoded.
    fn show(&self, index: usize, epoch: usize) -> Option<Shown<'a>> {
        let image = self.images.get(u32::try_from(index).ok()?)?;
        let sample = &self.samples[index];
        let draw = format!("{epoch}/{}", sample.id);
        let mut rng = dl_record::rng(self.config.seed, &format!("view/{draw}"));
        let (width, height) = image.dimensions();
        let boxes: Vec<BBox> = sample.boxes().map(|bbox| bbox.clip(width.into(), height.into())).collect();
        let rectangle = self.config.augment.rectangle([width, height], &boxes, &mut rng);
        let mut placed = self.placed([width, height], &rectangle);
        let mirrored = rng.random::<f64>() < self.config.augment.flip;
        if mirrored {
            // The padding is mirrored, too: it returns to the sides where it was.
            let Placed { source, .. } = &mut placed;
            let [before, after] = [rectangle.x1 - source.x1, source.x2 - rectangle.x2];
            (source.x1, source.x2) = (rectangle.x1 - after, rectangle.x2 + before);
        }
        Some(Shown { sample, image, view: View { placed, mirrored }, draw })
    }

    /// The place of a rectangle of an image, put into an input like an image of its size.
    fn placed(&self, image: [u32; 2], rectangle: &BBox) -> Placed {
        let sides = [rectangle.width(), rectangle.height()];
        let rounded = sides.map(|side| side.round().clamp(1.0, f64::from(u32::MAX)));
        let Placed { source, size, .. } = (self.placing.place)(rounded.map(|side| side as u32));
        let [across, down] = [0, 1].map(|axis| sides[axis] / rounded[axis]);
        let source = BBox::new(
            rectangle.x1 + source.x1 * across,
            rectangle.y1 + source.y1 * down,
            rectangle.x1 + source.x2 * across,
            rectangle.y1 + source.y2 * down,
        );
        Placed { image, source, size }
    }

    /// All inputs, padded on the right and at the bottom to the largest one.
    fn batch(&self, mut shown: Vec<Shown>) -> Result<DetectionBatch> {
        let largest = |axis: usize| shown.iter().map(|shown| shown.view.placed.size[axis]).max().unwrap_or_default();
        let size = [largest(0), largest(1)];
        for Shown { view: View { placed, mirrored }, .. } in &mut shown {
            placed.source.y2 = placed.source.y1 + placed.source.height() * size[0] as f64 / placed.size[0] as f64;
            let width = placed.source.width() * size[1] as f64 / placed.size[1] as f64;
            if *mirrored {
                placed.source.x1 = placed.source.x2 - width;
            } else {
                placed.source.x2 = placed.source.x1 + width;
            }
            placed.size = size;
        }
        let (seed, color) = (self.config.seed, self.config.augment.color);
        let parts: Vec<(Vec<f32>, Truth)> = shown
            .par_iter()
            .map(|Shown { sample, image, view, draw }| {
                let mut rng = dl_record::rng(seed, &format!("color/{draw}"));
                let input = view.input(image, self.placing.preprocessing, color, &mut rng);
                Ok((input, truth(sample, view, self.config.masks)?))
            })
            .collect::<Result<_>>()?;
        let mut inputs = Vec::with_capacity(parts.len() * 3 * size[0] * size[1]);
        let mut truths = Vec::with_capacity(parts.len());
        for (input, truth) in parts {
            inputs.extend_from_slice(&input);
            truths.push(truth);
        }
        Ok(DetectionBatch { inputs, shape: [truths.len(), 3, size[0], size[1]], truths })
    }
}

/// The visible objects of a sample.
fn truth(sample: &Sample, view: &View, masks: bool) -> Result<Truth> {
    let [width, height] = view.placed.image.map(f64::from);
    let proposals = sample.proposals.iter();
    let mut truth = Truth {
        placed: view.placed,
        extent: view.extent(),
        boxes: Vec::new(),
        classes: Vec::new(),
        masks: Vec::new(),
        proposals: proposals.filter_map(|bbox| view.visible(&bbox.clip(width, height))).collect(),
    };
    for (index, class) in &sample.used {
        let object = &sample.objects[*index];
        let Some(bbox) = view.visible(&object.bbox.clip(width, height)) else { continue };
        truth.boxes.push(bbox);
        truth.classes.push(*class);
        if let Some(mask) = object.mask.as_ref().filter(|_| masks) {
            truth.masks.push(view.mask(mask)?);
        }
    }
    Ok(truth)
}
