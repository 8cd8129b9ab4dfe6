//! The images that a GAN is trained on, and batches of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail, ensure};
use dl_models::gan::{Canvas, Condition, FeatureCondition, push_latent};
use dl_record::Record;
use dl_vision::picture::Truncated;
use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Pixels, StyleBatch, StyleBatchConfig};
use crate::data::Images;
use crate::sampler::Rounds;
use dl_record::Digest;
use dl_transfer::check_same_network;

/// Images that may fail in a row before training gives up.
const MOST_FAILURES: usize = 100;

/// What is known of an image besides its pixels.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// The record's label.
    Label,
    /// A row of features, with their name and the network that computed them.
    Features(FeatureCondition, Vec<f32>),
}

/// The images of a stream, with labels or features if they are needed, without pixels.
#[derive(Clone, Debug, Default)]
pub struct GanImages {
    sources: Vec<String>,
    /// The label of each image, an index into `labels`; empty if they are not needed.
    classes: Vec<u32>,
    labels: Vec<String>,
    known: BTreeMap<String, u32>,
    condition: Option<FeatureCondition>,
    /// [n, columns] of the condition.
    features: Vec<f32>,
    digest: Digest,
}

impl GanImages {
    /// Adds the image of a record. A record that fails adds nothing.
    /// # Errors
    /// When the record has no `image` or no `label`, or its features differ in kind from those before.
    pub fn push(&mut self, record: &Record, told: Told) -> Result<()> {
        let image: String = record.require("image", "it is what the GAN is trained on")?;
        if let Told::Label = told {
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
        if let Told::Features(condition, row) = told {
            self.tell(condition, &row)?;
        }
        self.digest.text(&image);
        self.sources.push(image);
        Ok(())
    }

    fn tell(&mut self, condition: FeatureCondition, row: &[f32]) -> Result<()> {
        let layer = &condition.feature;
        ensure!(row.iter().all(|number| number.is_finite()), "features \"{layer}\" are not finite");
        if let Some(known) = &self.condition {
            let (own, before) = (condition.columns, known.columns);
            ensure!(own == before, "features \"{layer}\" have {own} columns, those of the records before {before}");
            check_same_network(layer, condition.network.as_deref(), known.network.as_deref())?;
        }
        self.condition.get_or_insert(condition);
        self.digest.floats(row);
        self.features.extend_from_slice(row);
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

    /// The features of an image; none if they are not needed.
    pub fn features_of(&self, image: usize) -> &[f32] {
        let columns = self.condition.as_ref().map_or(0, |condition| condition.columns);
        &self.features[image * columns..][..columns]
    }

    /// What the features are, if there are any.
    pub fn condition(&self) -> Option<&FeatureCondition> {
        self.condition.as_ref()
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
    /// The features of each image, or empty.
    pub features: Vec<f32>,
    /// [n, latent], standard normal.
    pub latents: Vec<f32>,
    /// What StyleGAN draws beside them.
    pub style: Option<StyleBatch>,
}

impl GanBatch {
    /// What the networks are told of the images.
    pub fn condition(&self) -> Condition<'_> {
        match (self.labels.is_empty(), self.features.is_empty()) {
            (true, true) => Condition::None,
            (false, _) => Condition::Labels(&self.labels),
            (true, false) => Condition::Features(&self.features),
        }
    }
}

/// Options of batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GanBatchConfig {
    /// The shape of the images: they are resized so that their shorter side fits, and cropped at the center.
    pub canvas: Canvas,
    /// Numbers of a random vector.
    pub latent: usize,
    /// For StyleGAN.
    pub style: Option<StyleBatchConfig>,
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
    data: &'a GanImages,
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
        Self { images, data, config, pixels, count, rounds }
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
        let GanBatchConfig { latent, size, flip, seed, style, .. } = self.config;
        let chosen: Vec<usize> = {
            let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
            (0..size).map(|place| rounds.at(iteration * size + place)).collect()
        };
        let shown = chosen.into_par_iter().enumerate().map(|(place, first)| {
            let key = format!("image/{iteration}/{place}");
            let mut rng = dl_record::rng(seed, &key);
            let (index, image) = decodable(&self.images, first, self.count, &mut rng)?;
            let flipped = flip && rng.random::<bool>();
            Ok((self.pixels.of(&image, flipped), index))
        });
        let shown: Vec<(Vec<f32>, usize)> = shown.collect::<Result<_>>()?;
        let (images, places): (Vec<Vec<f32>>, Vec<usize>) = shown.into_iter().unzip();
        let labels = places.iter().filter_map(|place| self.data.classes.get(*place).copied()).collect();
        let features = places.iter().flat_map(|place| self.data.features_of(*place)).copied().collect();
        let mut latents = Vec::with_capacity(size * latent);
        push_latent(&mut latents, size * latent, &mut dl_record::rng(seed, &format!("latents/{iteration}")));
        let style =
            style.map(|style| style.draw(size, latent, &mut dl_record::rng(seed, &format!("style/{iteration}"))));
        Ok(GanBatch { images: images.concat(), labels, features, latents, style })
    }
}

/// Image number `first` of `count`, or, if it cannot be decoded, one at random; and its number.
/// # Errors
/// When too many images cannot be decoded.
pub(crate) fn decodable(
    images: &Images,
    first: usize,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Result<(usize, Arc<RgbImage>)> {
    let mut index = first;
    for _ in 0..MOST_FAILURES {
        if let Some(image) = images.get(index as u32) {
            return Ok((index, image));
        }
        index = rng.random_range(0..count);
    }
    bail!("{MOST_FAILURES} images in a row cannot be decoded")
}
