//! The images of a stream with their objects, for detectors: boxes, classes and image paths, without pixels.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use dl_models::heads::rcnn::BACKGROUND;
use dl_record::{BBox, Object, Record};
use rand::seq::SliceRandom;

use dl_record::Digest;

/// Which objects a detector is trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleConfig {
    /// Whether difficult objects are trained on, as in SSD and YOLO.
    pub difficult: bool,
    /// Whether objects need masks.
    pub masks: bool,
    /// Whether records need proposals.
    pub proposals: bool,
}

/// An image and its objects.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The path, or a `data:` URI.
    pub image: String,
    /// The id, or the path.
    pub id: String,
    /// All objects of the record, for evaluation.
    pub objects: Vec<Object>,
    /// Width and height in pixels, if the record states them.
    pub size: Option<[u32; 2]>,
    /// The objects to train on: index in `objects`, and class.
    pub used: Vec<(usize, usize)>,
    /// The boxes of its proposals, if they are needed.
    pub proposals: Vec<BBox>,
}

impl Sample {
    /// The boxes of the objects to train on.
    pub fn boxes(&self) -> impl Iterator<Item = &BBox> {
        self.used.iter().map(|(index, _)| &self.objects[*index].bbox)
    }
}

/// Objects that are not trained on, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Boxes without an area.
    pub empty: usize,
    /// Boxes outside of their image.
    pub outside: usize,
    /// Groups of objects.
    pub crowd: usize,
    /// Difficult objects.
    pub difficult: usize,
}

impl Dropped {
    /// In words: `3 empty boxes, 1 crowd`; `None` if there are none.
    pub fn words(&self) -> Option<String> {
        let counts = [
            (self.empty, "empty boxes", "empty box"),
            (self.outside, "boxes outside of their images", "box outside of its image"),
            (self.crowd, "crowds", "crowd"),
            (self.difficult, "difficult objects", "difficult object"),
        ];
        let words = counts.into_iter().filter(|(count, ..)| *count > 0);
        let words: Vec<String> =
            words.map(|(count, many, one)| format!("{count} {}", if count == 1 { one } else { many })).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// All samples of a stream.
#[derive(Clone, Debug)]
pub struct Samples {
    config: SampleConfig,
    samples: Vec<Sample>,
    labels: Vec<String>,
    dropped: Dropped,
    digest: Digest,
}

impl Samples {
    /// Creates an empty set.
    pub fn new(config: SampleConfig) -> Self {
        Self { config, samples: Vec::new(), labels: Vec::new(), dropped: Dropped::default(), digest: Digest::default() }
    }

    /// Adds the image of a record. A record that fails adds nothing.
    /// # Errors
    /// When the record has no `image` or no `objects`, or a field is broken.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let image: String = record.require("image", "it is what the detector is trained on")?;
        let objects = record.objects()?;
        let objects = objects.context("the record has no \"objects\"; an image without objects has an empty list")?;
        let size = record.width()?.zip(record.height()?).map(<[u32; 2]>::from);
        let mut dropped = self.dropped;
        let mut used = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            let Object { bbox, label, crowd, difficult, .. } = object;
            bbox.check().with_context(|| format!("objects[{index}]"))?;
            ensure!(!label.is_empty(), "objects[{index}]: an empty label");
            ensure!(label != BACKGROUND, "objects[{index}]: the label \"{BACKGROUND}\" is reserved; rename it");
            let visible = size.map(|[width, height]| bbox.clip(f64::from(width), f64::from(height)));
            let count = match () {
                () if *crowd => &mut dropped.crowd,
                () if bbox.area() <= 0.0 => &mut dropped.empty,
                () if visible.is_some_and(|visible| visible.area() <= 0.0) => &mut dropped.outside,
                () if *difficult && !self.config.difficult => &mut dropped.difficult,
                () => {
                    ensure!(!self.config.masks || object.mask.is_some(), "objects[{index}] has no mask to train on");
                    // The class is known after all records are read.
                    used.push((index, 0));
                    continue;
                }
            };
            *count += 1;
        }
        let proposals = if self.config.proposals { proposals(record)? } else { Vec::new() };
        for field in ["id", "objects"] {
            self.digest.text(record.raw(field).unwrap_or_default());
        }
        self.digest.text(&image);
        let id = record.id()?.unwrap_or_else(|| image.clone());
        self.dropped = dropped;
        for bbox in &proposals {
            self.digest.text(&format!("{bbox:?}"));
        }
        self.samples.push(Sample { image, id, objects, size, used, proposals });
        Ok(())
    }

    /// Sorts the classes by name.
    /// # Errors
    /// When there is no object.
    pub fn finish(mut self) -> Result<Self> {
        let used = |sample: &Sample| {
            let labels = sample.used.iter().map(|(index, _)| sample.objects[*index].label.clone());
            labels.collect::<Vec<_>>()
        };
        let labels: BTreeSet<String> = self.samples.iter().flat_map(used).collect();
        if labels.is_empty() {
            let why = self.dropped.words().map_or(String::new(), |words| format!(" (dropped: {words})"));
            bail!("none of the {} records has an object to train on{why}", self.samples.len());
        }
        self.labels = labels.into_iter().collect();
        let labels = self.labels.clone();
        self.assign(&labels)?;
        Ok(self)
    }

    /// Takes the classes of the training set, to validate on this one.
    /// # Errors
    /// When a class of this set is not among them, or there is no object.
    pub fn with_labels(mut self, labels: &[String]) -> Result<Self> {
        ensure!(self.objects() > 0, "none of its {} records has an object to validate on", self.samples.len());
        self.labels = labels.to_vec();
        self.assign(labels)?;
        Ok(self)
    }

    fn assign(&mut self, labels: &[String]) -> Result<()> {
        for Sample { objects, used, id, .. } in &mut self.samples {
            for (index, class) in used {
                let label = &objects[*index].label;
                let place = labels.iter().position(|known| known == label);
                *class = place.with_context(|| format!("{id}: the label \"{label}\" has no training example"))?;
            }
        }
        Ok(())
    }

    /// Holds out a fraction of the images, drawn by the seed.
    /// # Errors
    /// When one side would have no object.
    pub fn split(mut self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let mut order: Vec<usize> = (0..self.samples.len()).collect();
        order.shuffle(&mut dl_record::rng(seed, "aside"));
        let aside: BTreeSet<usize> =
            order[..(order.len() as f64 * fraction).round() as usize].iter().copied().collect();
        let mut other = self.clone();
        let keep = |samples: &mut Vec<Sample>, held_out: bool| {
            let mut index = 0;
            samples.retain(|_| {
                index += 1;
                aside.contains(&(index - 1)) == held_out
            });
        };
        keep(&mut self.samples, false);
        keep(&mut other.samples, true);
        let [train, validation] = [self.objects(), other.objects()];
        ensure!(
            train > 0 && validation > 0,
            "a fraction of {fraction} leaves {train} objects to train on, {validation} to validate on"
        );
        Ok((self, other))
    }

    /// The images.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The class names, sorted.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The number of objects that are trained on.
    pub fn objects(&self) -> usize {
        self.samples.iter().map(|sample| sample.used.len()).sum()
    }

    /// The number of images without such an object.
    pub fn negatives(&self) -> usize {
        self.samples.iter().filter(|sample| sample.used.is_empty()).count()
    }

    /// The objects that are not trained on.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Fingerprint of ids, images and objects.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

fn proposals(record: &Record) -> Result<Vec<BBox>> {
    let proposals = record.proposals()?.context("the record has no \"proposals\"; dl-propose computes them")?;
    for (index, proposal) in proposals.iter().enumerate() {
        proposal.bbox.check().with_context(|| format!("proposals[{index}]"))?;
    }
    Ok(proposals.into_iter().map(|proposal| proposal.bbox).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: SampleConfig = SampleConfig { difficult: false, masks: false, proposals: false };

    fn samples(lines: &[&str]) -> Samples {
        let mut samples = Samples::new(CONFIG);
        for line in lines {
            samples.push(&Record::parse(line).unwrap()).unwrap();
        }
        samples
    }

    #[test]
    fn objects_that_cannot_be_trained_on_are_counted() {
        let found = samples(&[
            r#"{"image":"a","width":10,"height":10,"objects":[{"box":[0,0,5,5],"label":"dog"},
            {"box":[0,0,5,0],"label":"dog"},{"box":[20,0,25,5],"label":"emu"},{"box":[0,0,9,9],"label":"cat","crowd":true},
            {"box":[1,1,5,5],"label":"cat"},{"box":[1,1,5,5],"label":"cat","difficult":true}]}"#,
            r#"{"image":"b","objects":[]}"#,
        ])
        .finish()
        .unwrap();
        assert_eq!(found.labels(), ["cat", "dog"]);
        assert_eq!(found.samples()[0].used, [(0, 1), (4, 0)]);
        assert_eq!((found.objects(), found.negatives()), (2, 1));
        let words = "1 empty box, 1 box outside of its image, 1 crowd, 1 difficult object";
        assert_eq!(found.dropped().words().unwrap(), words);
    }

    #[test]
    fn unusable_sets_are_refused() {
        let error = samples(&[r#"{"image":"b","objects":[]}"#]).finish().unwrap_err().to_string();
        assert_eq!(error, "none of the 1 records has an object to train on");
        let error = Samples::new(CONFIG).push(&Record::parse(r#"{"image":"b"}"#).unwrap()).unwrap_err().to_string();
        assert!(error.contains("has an empty list"), "{error}");
        let emu = samples(&[r#"{"image":"b","objects":[{"box":[0,0,5,5],"label":"emu"}]}"#]);
        let error = emu.clone().with_labels(&["dog".to_owned()]).unwrap_err().to_string();
        assert_eq!(error, "b: the label \"emu\" has no training example");
        assert!(emu.finish().unwrap().split(0.5, 0).is_err());
    }
}
