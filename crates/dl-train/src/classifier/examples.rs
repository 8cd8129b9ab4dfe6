//! What the stream holds for a classifier: boxes and classes, and where the pictures are. No pixels.

use anyhow::{Context, Result, bail, ensure};
use dl_models::detection::rcnn::BACKGROUND;
use dl_record::{BBox, Record};
use dl_vision::boxes::best_overlap;
use rand::seq::SliceRandom;

use crate::Digest;
use crate::regions::Regions;
use crate::sampler::per_class;

/// Which regions show what. The defaults are R-CNN's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExampleConfig {
    /// A proposal whose best IoU is at least this shows the object.
    pub positive_iou: f64,
    /// A proposal whose best IoU is below this shows background; what lies between is left out.
    pub background_iou: f64,
    /// Learn to tell the true objects apart: proposals are passed over, and nothing is background.
    pub crops: bool,
}

impl Default for ExampleConfig {
    fn default() -> Self {
        Self { positive_iou: 0.5, background_iou: 0.5, crops: false }
    }
}

/// What is learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Regions of pictures with true objects, against background.
    Regions,
    /// True objects of pictures; nothing is background.
    Crops,
    /// Whole pictures, each with a label.
    Pictures,
}

/// A region or picture of a known class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Example {
    /// Index of the picture.
    pub picture: u32,
    /// Index of the class.
    pub class: u32,
    /// [x1, y1, x2, y2] in pixels; f32, as there are millions. The whole picture when there is none.
    pub edges: Option<[f32; 4]>,
}

/// All examples of a stream.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    config: ExampleConfig,
    kind: Option<Kind>,
    labels: Vec<String>,
    pictures: Vec<String>,
    ids: Vec<String>,
    positives: Vec<Example>,
    background: Vec<Example>,
    digest: Digest,
    /// Records without anything to learn.
    unlabelled: usize,
}

impl Examples {
    /// No examples yet.
    pub fn new(config: ExampleConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Takes a record: one with `objects` and `proposals`, or one with a `label`; the first says which. A record that
    /// fails leaves no trace.
    /// # Errors
    /// When the record has no `image`, is of the other kind, or a field is broken.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let image: String = record.require("image", "there is no picture to learn from")?;
        let regions = record.has("objects") || record.has("proposals");
        let kind = match (regions, record.label()?) {
            (_, _) if self.config.crops => Kind::Crops,
            (true, _) => Kind::Regions,
            (false, Some(_)) => Kind::Pictures,
            (false, None) => {
                self.unlabelled += 1;
                bail!("the record has neither \"objects\" and \"proposals\" nor a \"label\" to learn from")
            }
        };
        if let Some(first) = self.kind.filter(|first| *first != kind) {
            bail!("the record is one of {kind:?}, those before were of {first:?}; learn from one kind at a time");
        }
        let picture = u32::try_from(self.pictures.len()).context("more than 4 billion pictures")?;
        match kind {
            Kind::Regions => self.push_regions(record, picture)?,
            Kind::Crops => self.push_crops(record, picture)?,
            Kind::Pictures => {
                let label = record.label()?.unwrap_or_default();
                let class = self.class(&label)?;
                self.positives.push(Example { picture, class, edges: None });
            }
        }
        for field in ["id", "label", "objects", "proposals"] {
            self.digest.text(record.raw(field).unwrap_or_default());
        }
        self.ids.push(record.id()?.unwrap_or_else(|| image.clone()));
        self.pictures.push(image);
        self.kind = Some(kind);
        Ok(())
    }

    fn push_crops(&mut self, record: &Record, picture: u32) -> Result<()> {
        let objects = record.objects()?.context("the record has no \"objects\" to cut out")?;
        let mut found = Vec::new();
        for object in objects.iter().filter(|object| !object.difficult && !object.crowd) {
            object.bbox.check()?;
            if object.bbox.area() > 0.0 {
                let edges = Some(<[f64; 4]>::from(object.bbox).map(|edge| edge as f32));
                found.push(Example { picture, class: self.class(&object.label)?, edges });
            }
        }
        self.positives.extend(found);
        Ok(())
    }

    fn push_regions(&mut self, record: &Record, picture: u32) -> Result<()> {
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
            Example { picture, class, edges }
        };
        for (bbox, class) in true_boxes.iter().zip(&classes) {
            if let Some(class) = class.filter(|_| bbox.area() > 0.0) {
                self.positives.push(example(bbox, class));
            }
        }
        for (bbox, truth) in boxes.iter().zip(truth) {
            // True boxes among the proposals are there already; an empty box shows nothing.
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
        ensure!(label != BACKGROUND, "a label \"{BACKGROUND}\" cannot be told from what shows no object; rename it");
        let known = self.labels.iter().position(|known| known == label);
        let index = known.unwrap_or_else(|| {
            self.labels.push(label.to_owned());
            self.labels.len() - 1
        });
        Ok(u32::try_from(index)?)
    }

    /// Puts the classes in order: background first where there is one, then the labels by name.
    /// # Errors
    /// When there is nothing to tell apart.
    pub fn finish(mut self) -> Result<Self> {
        if self.unlabelled > 0 && self.kind != Some(Kind::Regions) {
            bail!("{} records have no \"label\"; give them one, or leave them out", self.unlabelled);
        }
        let Some(kind) = self.kind else { bail!("no record to learn from") };
        ensure!(!self.positives.is_empty(), "no record has an object to learn from");
        let mut sorted = self.labels.clone();
        sorted.sort();
        if kind == Kind::Regions {
            sorted.insert(0, BACKGROUND.to_owned());
            ensure!(
                !self.background.is_empty(),
                "no proposal shows background; pipe the records through dl-propose, with more proposals"
            );
        } else if sorted.len() < 2 {
            bail!("all examples have the same label, \"{}\"; there is nothing to tell apart", sorted.join(""));
        }
        for example in &mut self.positives {
            let label = &self.labels[example.class as usize];
            let place = sorted.iter().position(|known| known == label).context("every label is in the sorted list")?;
            example.class = u32::try_from(place)?;
        }
        self.labels = sorted;
        Ok(self)
    }

    /// Takes another data set's classes, for a validation on this one: `labels` are those that are learned.
    /// # Errors
    /// When a class of this one is not among them.
    pub fn classes_of(mut self, other: &Self) -> Result<Self> {
        ensure!(self.unlabelled == 0, "{} records have no \"label\"", self.unlabelled);
        ensure!(self.kind == other.kind, "its records are of another kind, or there are none");
        ensure!(!self.positives.is_empty(), "no record has anything to tell apart");
        for example in &mut self.positives {
            let label = &self.labels[example.class as usize];
            let place = other.labels.iter().position(|known| known == label);
            let place = place.with_context(|| format!("the label \"{label}\" has no example to learn from"))?;
            example.class = u32::try_from(place)?;
        }
        self.labels = other.labels.clone();
        Ok(self)
    }

    /// Puts aside `share` of the pictures, drawn by the seed; where each has one label, of every label's.
    /// # Errors
    /// When nothing is left on one side.
    pub fn split(mut self, share: f64, seed: u64) -> Result<(Self, Self)> {
        let strata = if self.kind == Some(Kind::Pictures) { self.labels.len() } else { 1 };
        let mut members = vec![Vec::new(); strata];
        for example in &self.positives {
            let stratum = &mut members[if strata > 1 { example.class as usize } else { 0 }];
            if stratum.last() != Some(&example.picture) {
                stratum.push(example.picture);
            }
        }
        let mut aside = vec![false; self.pictures.len()];
        for (stratum, pictures) in members.iter_mut().enumerate() {
            pictures.shuffle(&mut dl_record::rng(seed, &format!("aside/{stratum}")));
            let count = (pictures.len() as f64 * share).round() as usize;
            pictures.iter().take(count).for_each(|picture| aside[*picture as usize] = true);
        }
        let mut other = Self { labels: self.labels.clone(), ..self.clone() };
        let is_aside = |example: &Example| aside[example.picture as usize];
        for examples in [&mut other.positives, &mut other.background] {
            examples.retain(is_aside);
        }
        for examples in [&mut self.positives, &mut self.background] {
            examples.retain(|example| !is_aside(example));
        }
        let [learned, judged] = [&self, &other].map(|side| side.positives.len());
        ensure!(
            learned > 0 && judged > 0,
            "a share of {share} leaves {learned} examples to learn from, {judged} to judge by"
        );
        Ok((self, other))
    }

    /// Keeps at most `count` examples of each class, drawn by the seed.
    pub fn keep_per_class(&mut self, count: usize, seed: u64) {
        let classes: Vec<u32> = self.positives.iter().map(|example| example.class).collect();
        let kept = per_class(&classes, &self.labels, count, seed);
        self.positives = kept.into_iter().map(|index| self.positives[index]).collect();
    }

    /// What is learned from.
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// The ids of the pictures, or where they are if they have none.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// How many examples each class has, in the order of the labels.
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

    /// How many classes there are, background not counted.
    pub fn classes(&self) -> usize {
        self.labels.len() - usize::from(self.kind == Some(Kind::Regions))
    }

    /// Where the pictures are: paths or `data:` URIs.
    pub fn pictures(&self) -> &[String] {
        &self.pictures
    }

    /// Examples of objects, or whole pictures.
    pub fn positives(&self) -> &[Example] {
        &self.positives
    }

    /// Examples of background; none when whole pictures are learned.
    pub fn background(&self) -> &[Example] {
        &self.background
    }

    /// Fingerprint of ids, labels and boxes.
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
    fn regions_are_sorted_into_objects_background_and_neither() {
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
    fn whole_pictures_have_no_background() {
        let found = examples(&[r#"{"image":"b","label":"seven"}"#, r#"{"image":"a","label":"one"}"#]);
        assert_eq!(found.labels(), ["one", "seven"]);
        assert_eq!(found.positives().iter().map(|it| it.class).collect::<Vec<_>>(), [1, 0]);
        let mut mixed = Examples::new(ExampleConfig::default());
        mixed.push(&Record::parse(r#"{"image":"b","label":"seven"}"#).unwrap()).unwrap();
        let error = mixed.push(&Record::parse(r#"{"image":"b","proposals":[]}"#).unwrap()).unwrap_err();
        assert!(error.to_string().contains("one kind at a time"), "{error}");
    }
}
