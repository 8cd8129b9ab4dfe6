//! Truth and results, from COCO's files or gathered image by image.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use dl_record::{BBox, Detection, Mask, Object};
use hotcoco::{Annotation, COCO, Category, Dataset, Image, Segmentation};

/// What is evaluated: true objects, and what was found.
pub struct CocoData {
    pub(super) truth: COCO,
    pub(super) results: COCO,
}

impl CocoData {
    /// Reads an annotation file and a results file (a list of `image_id`, `category_id`, `score`, and `bbox` or
    /// `segmentation`).
    /// # Errors
    /// When a file cannot be read, or a result has no score.
    pub fn open(truth: &Path, results: &Path) -> Result<Self> {
        let truth = COCO::new(truth).map_err(|error| anyhow!("{}: {error}", truth.display()))?;
        let found = truth.load_res(results).map_err(|error| anyhow!("{}: {error}", results.display()))?;
        if let Some(index) = found.dataset.annotations.iter().position(|result| result.score.is_none()) {
            bail!("{}: result {index} (from 0) has no score", results.display());
        }
        Ok(Self { truth, results: found })
    }

    /// Results whose image the truth does not hold, and which therefore count for nothing: how many, and the first
    /// one's image id.
    pub fn strangers(&self) -> Option<(usize, u64)> {
        let mut strangers =
            self.results.dataset.annotations.iter().filter(|result| self.truth.get_img(result.image_id).is_none());
        let first = strangers.next()?.image_id;
        Some((1 + strangers.count(), first))
    }
}

/// Gathers images one by one.
#[derive(Default)]
pub struct CocoBuilder {
    images: Vec<Image>,
    truth: Vec<Annotation>,
    results: Vec<Annotation>,
    /// Numbers in order of appearance.
    labels: HashMap<String, u64>,
    masks: bool,
}

impl CocoBuilder {
    /// No image yet; with `masks`, masks are compared and must be there.
    pub fn new(masks: bool) -> Self {
        Self { masks, ..Self::default() }
    }

    /// Counts one image. COCO knows no difficult objects: they count as any other.
    /// # Errors
    /// When masks are compared and one is missing; then nothing of the image is counted.
    pub fn add(&mut self, objects: Vec<Object>, detections: Vec<Detection>) -> Result<()> {
        if self.masks {
            let missing = |mask: &Option<Mask>| mask.is_none();
            if let Some(index) = objects.iter().position(|object| missing(&object.mask)) {
                bail!("objects[{index}] has no mask, and masks are to be compared");
            }
            if let Some(index) = detections.iter().position(|detection| missing(&detection.mask)) {
                bail!("detections[{index}] has no mask, and masks are to be compared");
            }
        }
        let image_id = self.images.len() as u64 + 1;
        self.images.push(Image { id: image_id, ..Image::default() });
        for object in objects {
            let annotation = Annotation {
                id: self.truth.len() as u64 + 1,
                iscrowd: object.crowd,
                area: object.area,
                ..self.annotation(image_id, object.label, object.bbox, object.mask)
            };
            self.truth.push(annotation);
        }
        for detection in detections {
            let annotation = self.annotation(image_id, detection.label, detection.bbox, detection.mask);
            // A result with a box is placed in an area range by the box, as in pycocotools.
            let bbox = annotation.bbox.filter(|_| !self.masks);
            self.results.push(Annotation { score: Some(detection.score), bbox, ..annotation });
        }
        Ok(())
    }

    fn annotation(&mut self, image_id: u64, label: String, bbox: BBox, mask: Option<Mask>) -> Annotation {
        let next = self.labels.len() as u64 + 1;
        let mask = mask.filter(|_| self.masks);
        Annotation {
            image_id,
            category_id: *self.labels.entry(label).or_insert(next),
            bbox: Some([bbox.x1, bbox.y1, bbox.width(), bbox.height()]),
            segmentation: mask.map(|mask| Segmentation::CompressedRle { size: mask.size, counts: mask.counts }),
            ..Annotation::default()
        }
    }

    /// What was gathered, with the classes sorted by name.
    /// # Errors
    /// When a mask is broken.
    pub fn build(mut self) -> Result<CocoData> {
        let sorted: BTreeMap<String, u64> = self.labels.into_iter().collect();
        let ids: HashMap<u64, u64> = sorted.values().copied().zip(1..).collect();
        for annotation in self.truth.iter_mut().chain(&mut self.results) {
            annotation.category_id = ids[&annotation.category_id];
        }
        let category = |(name, id)| Category { id, name, ..Category::default() };
        let truth = COCO::from_dataset(Dataset {
            images: self.images,
            annotations: self.truth,
            categories: sorted.into_keys().zip(1..).map(category).collect(),
            ..Dataset::default()
        });
        let results = truth.load_res_anns(self.results).map_err(|error| anyhow!("{error}")).context("detections")?;
        Ok(CocoData { truth, results })
    }
}
