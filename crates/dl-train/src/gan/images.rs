//! The images that a GAN is trained on, and batches of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail, ensure};
use dl_models::gan::{Canvas, push_latent};
use dl_record::Record;
use dl_vision::picture::Truncated;
use rand::RngExt;
use rayon::prelude::*;

use super::Pixels;
use crate::Digest;
use crate::data::Images;
use crate::sampler::Rounds;

/// Images that may fail in a row before training gives up.
const MOST_FAILURES: usize = 100;

/// The images of a stream, with labels if they are needed, without pixels.
#[derive(Clone, Debug, Default)]
pub struct GanImages {
    sources: Vec<String>,
    /// The label of each image, an index into `labels`; empty if they are not needed.
    classes: Vec<u32>,
    labels: Vec<String>,
    known: BTreeMap<String, u32>,
    digest: Digest,
}

impl GanImages {
    /// Adds the image of a record. A record that fails adds nothing.
    /// # Errors
    /// When the record has no `image`, or `labeled` and no `label`.
    pub fn push(&mut self, record: &Record, labeled: bool) -> Result<()> {
        let image: String = record.require("image", "it is what the GAN is trained on")?;
        if labeled {
            let label: String = record.require("label", "a conditional GAN needs it")?;
            ensure!(!label.is_empty(), "label is empty");
            let next = self.labels.len() as u32;
            let class = *self.known.entry(label.clone()).or_insert_with(|| {
                self.labels.push(label.clone());
                next
            });
            self.classes.push(class);
            self.digest.text(&label);
        }
        self.digest.text(&image);
        self.sources.push(image);
        Ok(())
    }

    /// Sorts the labels by name, or, if `given`, takes these.
    /// # Errors
    /// When a label is not among those given.
    pub fn finish(&mut self, given: Option<&[String]>) -> Result<()> {
        let mut sorted = self.labels.clone();
        sorted.sort();
        if let Some(given) = given {
            if let Some(unknown) = sorted.iter().find(|label| !given.contains(label)) {
                bail!("label {unknown} is not one of the model's: {}", given.join(", "));
            }
            sorted = given.to_vec();
        }
        let places: BTreeMap<&String, u32> = sorted.iter().zip(0..).collect();
        let moved: Vec<u32> = self.labels.iter().map(|label| places[label]).collect();
        self.classes.iter_mut().for_each(|class| *class = moved[*class as usize]);
        self.labels = sorted;
        Ok(())
    }

    /// The paths or `data:` URIs.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The names of the labels, in the order of the generator.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The label of each image; empty if they are not needed.
    pub fn classes(&self) -> &[u32] {
        &self.classes
    }

    /// A fingerprint of the data.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// A batch: real images, and as many random vectors.
#[derive(Clone, Debug)]
pub struct GanBatch {
    /// [n, channels, height, width], -1 to 1.
    pub images: Vec<f32>,
    /// One per image, or empty.
    pub labels: Vec<u32>,
    /// [n, latent], standard normal.
    pub latents: Vec<f32>,
}

/// Options of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GanBatchConfig {
    /// The shape of the images: they are resized so that their shorter side fits, and cropped at the center.
    pub canvas: Canvas,
    /// Numbers of a random vector.
    pub latent: usize,
    /// Images of a batch.
    pub size: usize,
    /// Whether half of the images are flipped.
    pub flip: bool,
    /// Seed of all random draws.
    pub seed: u64,
}

/// Makes batches.
pub struct GanBatches<'a> {
    images: Images<'a>,
    classes: &'a [u32],
    config: GanBatchConfig,
    pixels: Pixels,
    count: usize,
    rounds: Mutex<Rounds>,
}

impl<'a> GanBatches<'a> {
    /// Batches of `data`, whose cache is `images`.
    pub fn new(data: &'a GanImages, images: Images<'a>, config: GanBatchConfig) -> Self {
        let (count, pixels) = (data.sources.len(), Pixels::new(config.canvas));
        let rounds = Mutex::new(Rounds::new(count, config.seed, "images"));
        Self { images, classes: &data.classes, config, pixels, count, rounds }
    }

    /// The cache of images for [`new`](Self::new).
    pub fn cache(
        data: &'a GanImages,
        truncated: Truncated,
        bytes: usize,
        broken: &'a (dyn Fn(&str) + Sync),
    ) -> Images<'a> {
        Images::new(&data.sources, truncated, bytes, broken)
    }

    /// Images of a batch.
    pub fn size(&self) -> usize {
        self.config.size
    }

    /// Batches that show every image once.
    pub fn epoch(&self) -> usize {
        self.count.div_ceil(self.config.size)
    }

    /// Batch number `iteration`, from 0; it depends only on the seed and the number. Images that cannot be decoded are
    /// replaced.
    /// # Errors
    /// When too many images cannot be decoded.
    pub fn make(&self, iteration: usize) -> Result<GanBatch> {
        let GanBatchConfig { latent, size, flip, seed, .. } = self.config;
        let chosen: Vec<usize> = {
            let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            (0..size).map(|place| rounds.at(iteration * size + place)).collect()
        };
        let shown = chosen.into_par_iter().enumerate().map(|(place, first)| {
            let key = format!("image/{iteration}/{place}");
            let mut rng = dl_record::rng(seed, &key);
            let mut index = first;
            for _ in 0..MOST_FAILURES {
                if let Some(image) = self.images.get(index as u32) {
                    let flipped = flip && rng.random::<bool>();
                    return Ok((self.pixels.of(&image, flipped), self.classes.get(index).copied()));
                }
                index = rng.random_range(0..self.count);
            }
            bail!("{MOST_FAILURES} images in a row cannot be decoded")
        });
        let shown: Vec<(Vec<f32>, Option<u32>)> = shown.collect::<Result<_>>()?;
        let (images, labels): (Vec<Vec<f32>>, Vec<Option<u32>>) = shown.into_iter().unzip();
        let mut latents = Vec::with_capacity(size * latent);
        push_latent(&mut latents, size * latent, &mut dl_record::rng(seed, &format!("latents/{iteration}")));
        Ok(GanBatch { images: images.concat(), labels: labels.into_iter().flatten().collect(), latents })
    }
}
