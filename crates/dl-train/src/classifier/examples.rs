//! The examples of a stream for a classifier: boxes, classes and image paths, without pixels.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use dl_models::heads::rcnn::BACKGROUND;
use dl_record::{BBox, Record};
use dl_vision::boxes::best_overlap;
use rand::seq::SliceRandom;

use crate::regions::Regions;
use crate::sampler::per_class;
use crate::transfer::Folds;
use dl_record::Digest;

/// Which regions are examples of what. The defaults are R-CNN's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExampleConfig {
    /// A proposal with at least this IoU with an object is an example of its class.
    pub positive_iou: f64,
    /// A proposal with less than this IoU with every object is background; proposals in between are ignored.
    pub background_iou: f64,
    /// The kind of examples; `None` to take the kind of the first record.
    pub kind: Option<Kind>,
    /// What the classes of whole images are.
    pub truth: Truth,
}

/// What the classes of whole images are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truth {
    /// Their labels; each needs one.
    #[default]
    Labels,
    /// Their own numbers: labels are not read.
    Own,
}

impl Default for ExampleConfig {
    fn default() -> Self {
        Self { positive_iou: 0.5, background_iou: 0.5, kind: None, truth: Truth::Labels }
    }
}

/// What the examples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Regions of images with objects, against background.
    Regions,
    /// Ground-truth objects, cut out of images; there is no background.
    Crops,
    /// Whole images, each with a label.
    Images,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Regions => "objects and proposals",
            Self::Crops => "objects",
            Self::Images => "a label",
        })
    }
}

/// A region or image with a known class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Example {
    /// Index of the image.
    pub image: u32,
    /// Index of the class.
    pub class: u32,
    /// [x1, y1, x2, y2] in pixels; f32, as there are millions. `None` for a whole image.
    pub edges: Option<[f32; 4]>,
    /// How much it counts in the mean loss, at least 0: the record's `weight`, or 1.
    pub weight: f32,
}

/// All examples of a stream.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    config: ExampleConfig,
    kind: Option<Kind>,
    labels: Vec<String>,
    images: Vec<String>,
    ids: Vec<String>,
    positives: Vec<Example>,
    background: Vec<Example>,
    digest: Digest,
    /// Records without a label or objects.
    unlabeled: usize,
    /// Whether a weight is not 1.
    weighted: bool,
}

/// The record's `weight`, or 1.
/// # Errors
/// When it is broken, negative, or too large for f32.
pub fn weight_of(record: &Record) -> Result<f32> {
    let weight = record.weight()?.unwrap_or(1.0);
    ensure!((weight as f32).is_finite(), "field \"weight\": {weight:e} is too large; divide all weights by their mean");
    Ok(weight as f32)
}

impl Examples {
    /// Creates an empty set.
    pub fn new(config: ExampleConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Adds the examples of a record: one with `objects` and `proposals`, or one with a `label`, like the first record.
    /// A record that fails adds nothing.
    /// # Errors
    /// When the record has no `image`, is of the other kind, or a field is broken.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let path: String = record.require("image", "it is what the network is trained on")?;
        let regions = record.has("objects") || record.has("proposals");
        let kind = match (regions, record.label()?) {
            _ if self.config.truth == Truth::Own => Kind::Images,
            (_, None) if self.config.kind == Some(Kind::Images) => {
                self.unlabeled += 1;
                bail!("the record has no \"label\" to train on")
            }
            (true, _) => self.config.kind.unwrap_or(Kind::Regions),
            (false, Some(_)) => self.config.kind.unwrap_or(Kind::Images),
            (false, None) => {
                self.unlabeled += 1;
                bail!("the record has neither \"objects\" and \"proposals\" nor a \"label\" to train on")
            }
        };
        if let Some(first) = self.kind.filter(|first| *first != kind) {
            bail!("the record has {kind}, earlier records have {first}; train on one kind at a time");
        }
        let image = u32::try_from(self.images.len()).context("more than 4 billion images")?;
        let weight = weight_of(record)?;
        match kind {
            Kind::Regions => self.push_regions(record, image, weight)?,
            Kind::Crops => self.push_crops(record, image, weight)?,
            Kind::Images => {
                let label = record.label()?.unwrap_or_default();
                let class = if self.config.truth == Truth::Own { image } else { self.class(&label)? };
                self.positives.push(Example { image, class, edges: None, weight });
            }
        }
        self.weighted |= weight != 1.0;
        for field in ["id", "label", "objects", "proposals"] {
            self.digest.text(record.raw(field).unwrap_or_default());
        }
        if let Some(weight) = record.raw("weight") {
            self.digest.text(weight);
        }
        self.ids.push(record.id()?.unwrap_or_else(|| path.clone()));
        self.images.push(path);
        self.kind = Some(kind);
        Ok(())
    }

    fn push_crops(&mut self, record: &Record, image: u32, weight: f32) -> Result<()> {
        let objects = record.objects()?.context("the record has no \"objects\" to crop")?;
        let mut found = Vec::new();
        for object in objects.iter().filter(|object| !object.difficult && !object.crowd) {
            object.bbox.check()?;
            if object.bbox.area() > 0.0 {
                let edges = Some(<[f64; 4]>::from(object.bbox).map(|edge| edge as f32));
                found.push(Example { image, class: self.class(&object.label)?, edges, weight });
            }
        }
        self.positives.extend(found);
        Ok(())
    }

    fn push_regions(&mut self, record: &Record, image: u32, weight: f32) -> Result<()> {
        let Regions { boxes, truth, objects } = if record.has("proposals") {
            Regions::of(record)?
        } else {
            let mut bare = record.clone();
            bare.set_proposals(&Vec::new())?;
            Regions::of(&bare)?
        };
        let true_boxes: Vec<BBox> = objects.iter().map(|object| object.bbox).collect();
        let classes =
            objects.iter().map(|object| if object.ignored { Ok(None) } else { self.class(&object.label).map(Some) });
        let classes: Vec<Option<u32>> = classes.collect::<Result<_>>()?;
        let example = |bbox: &BBox, class| {
            let edges = Some(<[f64; 4]>::from(*bbox).map(|edge| edge as f32));
            Example { image, class, edges, weight }
        };
        for (bbox, class) in true_boxes.iter().zip(&classes) {
            if let Some(class) = class.filter(|_| bbox.area() > 0.0) {
                self.positives.push(example(bbox, class));
            }
        }
        for (bbox, truth) in boxes.iter().zip(truth) {
            // Ground-truth boxes among the proposals are already there; an empty box shows nothing.
            if truth.is_some() || bbox.area() <= 0.0 {
                continue;
            }
            let best = best_overlap(bbox, &true_boxes);
            match best {
                Some(best) if best.iou >= self.config.positive_iou => {
                    if let Some(class) = classes[best.index] {
                        self.positives.push(example(bbox, class));
                    }
                }
                Some(best) if best.iou >= self.config.background_iou => (),
                _ => self.background.push(example(bbox, 0)),
            }
        }
        Ok(())
    }

    /// The index of a label in the order of appearance; sorted by [`finish`](Self::finish).
    fn class(&mut self, label: &str) -> Result<u32> {
        ensure!(!label.is_empty(), "an empty label");
        ensure!(label != BACKGROUND, "the label \"{BACKGROUND}\" is reserved for regions without objects; rename it");
        let known = self.labels.iter().position(|known| known == label);
        let index = known.unwrap_or_else(|| {
            self.labels.push(label.to_owned());
            self.labels.len() - 1
        });
        Ok(u32::try_from(index)?)
    }

    /// Sorts the classes: background first, if there is any, then the labels by name.
    /// # Errors
    /// When there is only one class.
    pub fn finish(mut self) -> Result<Self> {
        if self.unlabeled > 0 && self.kind != Some(Kind::Regions) {
            bail!("{} records have no \"label\"; add one, or leave them out", self.unlabeled);
        }
        let Some(kind) = self.kind else { bail!("no record to train on") };
        if self.config.truth == Truth::Own {
            return Ok(self);
        }
        ensure!(!self.positives.is_empty(), "no record has an object to train on");
        let mut sorted = self.labels.clone();
        sorted.sort();
        if kind == Kind::Regions {
            sorted.insert(0, BACKGROUND.to_owned());
            ensure!(
                !self.background.is_empty(),
                "no proposal is background; pipe the records through dl-propose, with more proposals"
            );
        } else if sorted.len() < 2 {
            bail!("all examples have the same label, \"{}\"; training needs at least two", sorted.join(""));
        }
        for example in &mut self.positives {
            let label = &self.labels[example.class as usize];
            let place = sorted.iter().position(|known| known == label).context("every label is in the sorted list")?;
            example.class = u32::try_from(place)?;
        }
        self.labels = sorted;
        Ok(self)
    }

    /// Takes the classes of the training set `other`, to validate on this one.
    /// # Errors
    /// When a class of this set is not among them.
    pub fn with_classes_of(self, other: &Self) -> Result<Self> {
        ensure!(self.unlabeled == 0, "{} records have no \"label\"", self.unlabeled);
        ensure!(self.kind == other.kind, "its records are of another kind, or there are none");
        self.with_classes(other.labels.clone())
    }

    /// Takes the classes `labels`, of which some may have no example.
    /// # Errors
    /// When a class of this set is not among them, or there is no example.
    pub fn with_classes(mut self, labels: Vec<String>) -> Result<Self> {
        ensure!(!self.positives.is_empty(), "no record has a label or an object");
        for example in &mut self.positives {
            let label = &self.labels[example.class as usize];
            let place = labels.iter().position(|known| known == label);
            let place = place.with_context(|| format!("the label \"{label}\" has no training example"))?;
            example.class = u32::try_from(place)?;
        }
        self.labels = labels;
        Ok(self)
    }

    /// Holds out a fraction of the images, drawn by the seed; where each image has one label, of every label.
    /// # Errors
    /// When one side would be empty.
    pub fn split(mut self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let strata = if self.kind == Some(Kind::Images) { self.labels.len().max(1) } else { 1 };
        let mut members = vec![Vec::new(); strata];
        for example in &self.positives {
            let stratum = &mut members[if strata > 1 { example.class as usize } else { 0 }];
            if stratum.last() != Some(&example.image) {
                stratum.push(example.image);
            }
        }
        let mut aside = vec![false; self.images.len()];
        for (stratum, images) in members.iter_mut().enumerate() {
            images.shuffle(&mut dl_record::rng(seed, &format!("aside/{stratum}")));
            let count = (images.len() as f64 * fraction).round() as usize;
            images.iter().take(count).for_each(|image| aside[*image as usize] = true);
        }
        let mut other = Self { labels: self.labels.clone(), ..self.clone() };
        let is_aside = |example: &Example| aside[example.image as usize];
        for examples in [&mut other.positives, &mut other.background] {
            examples.retain(is_aside);
        }
        for examples in [&mut self.positives, &mut self.background] {
            examples.retain(|example| !is_aside(example));
        }
        let [train, validation] = [&self, &other].map(|side| side.positives.len());
        ensure!(
            train > 0 && validation > 0,
            "a fraction of {fraction} leaves {train} examples to train on, {validation} to validate on"
        );
        Ok((self, other))
    }

    /// The examples of the images that `keep` names by their number.
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut kept = self.clone();
        for examples in [&mut kept.positives, &mut kept.background] {
            examples.retain(|example| keep(example.image as usize));
        }
        kept
    }

    /// Keeps at most `count` examples of each class, drawn by the seed.
    pub fn keep_per_class(&mut self, count: usize, seed: u64) {
        let kept = per_class(&self.classes_of_positives(), &self.labels, count, seed);
        self.positives = kept.into_iter().map(|index| self.positives[index]).collect();
    }

    /// At most `count` examples of each class, and three times as many of background.
    pub fn sample(&self, count: usize, seed: u64) -> Self {
        let mut sample = self.clone();
        sample.keep_per_class(count, seed);
        let most = 3 * sample.positives.len();
        let step = self.background.len().div_ceil(most.max(1)).max(1);
        sample.background = self.background.iter().step_by(step).copied().collect();
        sample
    }

    /// The validation part (`held_out`) or the training part of a run of cross-validation. `folds` are of the
    /// positives.
    pub fn part(&self, folds: &Folds, run: usize, held_out: bool) -> Self {
        let keep = |examples: &[Example], is_out: &dyn Fn(usize) -> bool| {
            let places = examples.iter().enumerate();
            places.filter(|(index, _)| is_out(*index) == held_out).map(|(_, example)| *example).collect()
        };
        Self {
            positives: keep(&self.positives, &|index| folds.holds_out(run, index)),
            background: keep(&self.background, &|index| index % 5 == run),
            ..self.clone()
        }
    }

    /// The class of each positive.
    pub fn classes_of_positives(&self) -> Vec<u32> {
        self.positives.iter().map(|example| example.class).collect()
    }

    /// What the examples are.
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// The ids of the images, or their paths if they have none.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The number of examples per class, in the order of the labels.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        for example in self.positives.iter().chain(&self.background) {
            counts[example.class as usize] += 1;
        }
        counts
    }

    /// Names of the classes, in the order of their indices.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The number of classes without background.
    pub fn classes(&self) -> usize {
        self.labels.len() - usize::from(self.kind == Some(Kind::Regions))
    }

    /// The images: paths or `data:` URIs.
    pub fn images(&self) -> &[String] {
        &self.images
    }

    /// Examples of objects, or whole images.
    pub fn positives(&self) -> &[Example] {
        &self.positives
    }

    /// Examples of background; none for whole images.
    pub fn background(&self) -> &[Example] {
        &self.background
    }

    /// Whether the examples count differently.
    pub fn are_weighted(&self) -> bool {
        self.weighted
    }

    /// Fingerprint of ids, labels, boxes and weights.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(lines: &[&str]) -> Examples {
        let mut examples = Examples::new(ExampleConfig::default());
        for line in lines {
            examples.push(&Record::parse(line).unwrap()).unwrap();
        }
        examples.finish().unwrap()
    }

    #[test]
    fn regions_become_objects_background_or_neither() {
        let found = examples(&[r#"{"image":"a.png","objects":[{"box":[0,0,10,10],"label":"dog"},
            {"box":[50,0,60,10],"label":"cat","difficult":true},{"box":[80,0,90,10],"label":"ant"}],
            "proposals":[{"box":[0,0,10,10],"score":1,"truth":0},{"box":[0,0,10,6],"score":1},{"box":[0,0,10,4],"score":1},
            {"box":[50,0,60,9],"score":1},{"box":[70,50,70,60],"score":1}]}"#]);
        assert_eq!(found.labels(), ["background", "ant", "dog"]);
        let positives: Vec<_> = found.positives().iter().map(|it| (it.class, it.edges.unwrap()[3])).collect();
        assert_eq!(positives, [(2, 10.0), (1, 10.0), (2, 6.0)]);
        let background: Vec<_> = found.background().iter().map(|it| (it.class, it.edges.unwrap()[3])).collect();
        assert_eq!(background, [(0, 4.0)]);
    }

    #[test]
    fn whole_images_have_no_background() {
        let found = examples(&[r#"{"image":"b","label":"seven"}"#, r#"{"image":"a","label":"one"}"#]);
        assert_eq!(found.labels(), ["one", "seven"]);
        assert_eq!(found.positives().iter().map(|it| it.class).collect::<Vec<_>>(), [1, 0]);
        let mut mixed = Examples::new(ExampleConfig::default());
        mixed.push(&Record::parse(r#"{"image":"b","label":"seven"}"#).unwrap()).unwrap();
        let error = mixed.push(&Record::parse(r#"{"image":"b","proposals":[]}"#).unwrap()).unwrap_err();
        assert!(error.to_string().contains("one kind at a time"), "{error}");
    }
}
