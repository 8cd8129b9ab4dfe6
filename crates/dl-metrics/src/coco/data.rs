//! Truth and results, from COCO's files or gathered image by image.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_record::{BBox, Detection, Mask, Object};
use hotcoco::mask::{area, rle_from_string, to_bbox};
use hotcoco::{Rle, Segmentation};
use rayon::prelude::*;
use serde_json::value::RawValue;

use super::files::{self, Annotation, CocoFile, Number};

/// What is evaluated: true objects, and what was found.
#[derive(Default)]
pub struct CocoData {
    /// How many images the truth has.
    pub(super) images: usize,
    /// (id, name) in the order of the ids.
    pub(super) categories: Vec<(u64, String)>,
    pub(super) truth: Vec<Truth>,
    pub(super) found: Vec<Found>,
    /// One for each of `truth`; none when boxes are compared.
    pub(super) truth_masks: Vec<Rle>,
    /// One for each of `found`.
    pub(super) found_masks: Vec<Rle>,
    /// Labels of results that no true object has.
    pub(super) unknown: Vec<String>,
    strangers: Option<(usize, u64)>,
}

/// A true object.
#[derive(Clone)]
pub(super) struct Truth {
    pub(super) place: Place,
    /// Of its annotation.
    pub(super) id: u64,
    /// [x, y, width, height] in pixels.
    pub(super) bbox: [f64; 4],
    /// In square pixels.
    pub(super) area: f64,
    pub(super) crowd: bool,
}

/// A result.
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) bbox: [f64; 4],
    pub(super) area: f64,
    pub(super) score: f64,
}

/// Where a box is: positions among the categories and among the images, each in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) category: u32,
    pub(super) image: u32,
}

impl CocoData {
    /// Reads an annotation file and a results file (a list of `image_id`, `category_id`, `score`, and `bbox` or
    /// `segmentation`), for boxes or for `masks`.
    /// # Errors
    /// When a file cannot be read, a result has no score, or what is to be compared is missing.
    pub fn open(truth: &Path, results: &Path, masks: bool) -> Result<Self> {
        let name = |path: &Path| path.display().to_string();
        let (truth_text, results_text) = rayon::join(|| files::read(truth), || files::read(results));
        let (truth_text, results_text) = (truth_text?, results_text?);
        let (file, listed) = rayon::join(
            || files::truth(&truth_text).with_context(|| name(truth)),
            || files::results(&results_text, Listed::of).with_context(|| name(results)),
        );
        let (mut file, listed) = (file?, listed?);
        let mut images: Vec<u64> = file.images.iter().map(|image| image.id.0).collect();
        images.sort_unstable();
        images.dedup();
        let sizes = file.images.iter().map(|image| (image.id.0, [image.height, image.width])).collect();
        let mut categories: Vec<_> = files::names(std::mem::take(&mut file.categories)).into_iter().collect();
        categories.sort_unstable();
        let ids = Ids { images: &images, categories: &categories, sizes };
        let mut data = Self { images: images.len(), ..Self::default() };
        data.take_truth(&file, &ids, masks).with_context(|| name(truth))?;
        data.take_results(listed, &ids, masks).with_context(|| name(results))?;
        data.categories = categories;
        Ok(data)
    }

    /// Results whose image the truth does not hold, and which therefore count for nothing: how many, and the first
    /// one's image id.
    pub fn strangers(&self) -> Option<(usize, u64)> {
        self.strangers
    }

    fn take_truth(&mut self, file: &CocoFile, ids: &Ids, masks: bool) -> Result<()> {
        let draw = |annotation: &Annotation| {
            // The area is that of the mask; without an `area`, the mask has to say it.
            let wanted = masks || annotation.area.is_none();
            let text = annotation.segmentation.filter(|_| wanted).map(RawValue::get);
            ids.mask(text, annotation.bbox.filter(|_| masks), annotation.image_id.0)
        };
        let drawn: Vec<Result<Option<Rle>>> = file.annotations.par_iter().map(draw).collect();
        for (index, (annotation, mask)) in file.annotations.iter().zip(drawn).enumerate() {
            let which = || format!("annotations[{index}]");
            let Some(place) = ids.place(annotation.image_id.0, annotation.category_id.0) else { continue };
            let mask = mask.with_context(which)?;
            let bbox = match annotation.bbox {
                None if !masks => bail!("{} has no bbox", which()),
                bbox => bbox.unwrap_or_default(),
            };
            let area_of_mask = || mask.as_ref().map_or(bbox[2] * bbox[3], |mask| area(mask) as f64);
            let area = annotation.area.unwrap_or_else(area_of_mask);
            let (id, crowd) = (annotation.id.0, annotation.iscrowd.0 != 0);
            self.truth.push(Truth { place, id, bbox, area, crowd });
            if masks {
                self.truth_masks.push(mask.with_context(|| format!("{} has no segmentation", which()))?);
            }
        }
        Ok(())
    }

    fn take_results(&mut self, results: Vec<Listed>, ids: &Ids, masks: bool) -> Result<()> {
        // As pycocotools, the first result tells what the others are.
        let boxes = results.first().is_none_or(|result| result.bbox.is_some());
        let draw =
            |result: &Listed| ids.mask(result.segmentation.as_deref(), result.bbox.filter(|_| masks), result.image);
        let drawn: Vec<Result<Option<Rle>>> =
            if masks || !boxes { results.par_iter().map(draw).collect() } else { Vec::new() };
        let mut drawn = drawn.into_iter();
        let mut strange = (0, None);
        let mut unknown = BTreeSet::new();
        self.found.reserve_exact(results.len());
        for (index, result) in results.into_iter().enumerate() {
            let which = || format!("result {index} (from 0)");
            let mask = drawn.next().unwrap_or(Ok(None));
            let score = result.score.with_context(|| format!("{} has no score", which()))?;
            if !ids.sizes.contains_key(&result.image) {
                strange.0 += 1;
                strange.1.get_or_insert(result.image);
            }
            let Some(place) = ids.place(result.image, result.category) else {
                unknown.insert(result.category);
                continue;
            };
            let mask = mask.with_context(which)?;
            let bbox = match (result.bbox, &mask) {
                (Some(bbox), _) => bbox,
                (None, Some(mask)) => to_bbox(mask),
                (None, None) => bail!("{} has no bbox", which()),
            };
            let area = if boxes { bbox[2] * bbox[3] } else { mask.as_ref().map_or(0.0, |mask| area(mask) as f64) };
            self.found.push(Found { place, bbox, area, score });
            if masks {
                self.found_masks.push(mask.with_context(|| format!("{} has no segmentation", which()))?);
            }
        }
        self.strangers = strange.1.map(|first| (strange.0, first));
        self.note_unknown(ids.categories, unknown);
        Ok(())
    }

    /// Notes the names of the classes that are found and not true; `others` are not even among the `categories`.
    fn note_unknown(&mut self, categories: &[(u64, String)], others: BTreeSet<u64>) {
        let mut is_true = vec![false; categories.len()];
        self.truth.iter().for_each(|truth| is_true[truth.place.category as usize] = true);
        let mut is_found = vec![false; categories.len()];
        self.found.iter().for_each(|found| is_found[found.place.category as usize] = true);
        let known =
            categories.iter().zip(is_found.iter().zip(&is_true)).filter(|(_, (found, truth))| **found && !**truth);
        let mut unknown: BTreeMap<u64, String> = known.map(|(category, _)| category.clone()).collect();
        for id in others.into_iter().filter(|id| categories.binary_search_by_key(id, |category| category.0).is_err()) {
            unknown.insert(id, files::nameless(id));
        }
        self.unknown = unknown.into_values().collect();
    }
}

/// A result as its file has it.
struct Listed {
    image: u64,
    category: u64,
    bbox: Option<[f64; 4]>,
    score: Option<f64>,
    segmentation: Option<Box<str>>,
}

impl Listed {
    fn of(result: Annotation) -> Self {
        let (Number(image), Number(category)) = (result.image_id, result.category_id);
        let segmentation = result.segmentation.map(|text| text.get().into());
        Self { image, category, bbox: result.bbox, score: result.score, segmentation }
    }
}

/// What ids stand for.
struct Ids<'a> {
    /// In order.
    images: &'a [u64],
    categories: &'a [(u64, String)],
    /// [height, width] by image.
    sizes: HashMap<u64, [u32; 2]>,
}

impl Ids<'_> {
    fn place(&self, image: u64, category: u64) -> Option<Place> {
        Some(Place {
            image: self.images.binary_search(&image).ok()? as u32,
            category: self.categories.binary_search_by_key(&category, |category| category.0).ok()? as u32,
        })
    }

    /// The mask that `text` says, or else that of the box.
    fn mask(&self, text: Option<&str>, bbox: Option<[f64; 4]>, image: u64) -> Result<Option<Rle>> {
        let segmentation = match (text, bbox) {
            (Some(text), _) => serde_json::from_str(text).context("segmentation")?,
            (None, Some(bbox)) => Segmentation::Rect(bbox),
            (None, None) => return Ok(None),
        };
        let [height, width] = self.sizes.get(&image).copied().unwrap_or_default();
        let drawn = matches!(segmentation, Segmentation::Polygon(_) | Segmentation::Rect(_));
        ensure!(!drawn || height > 0 && width > 0, "its mask cannot be drawn: image {image} has no width and height");
        Ok(Some(segmentation.to_rle(height, width).context("segmentation")?))
    }
}

/// Gathers images one by one.
#[derive(Default)]
pub struct CocoBuilder {
    data: CocoData,
    /// Numbers in order of appearance.
    labels: HashMap<String, u32>,
    masks: bool,
}

impl CocoBuilder {
    /// No image yet; with `masks`, masks are compared and must be there.
    pub fn new(masks: bool) -> Self {
        Self { masks, ..Self::default() }
    }

    /// Counts one image. COCO knows no difficult objects: they count as any other.
    /// # Errors
    /// When masks are compared and one is missing or broken; then nothing of the image is counted.
    pub fn add(&mut self, objects: Vec<Object>, detections: Vec<Detection>) -> Result<()> {
        let (mut truth_masks, mut found_masks) = (Vec::new(), Vec::new());
        if self.masks {
            truth_masks = masks("objects", objects.iter().map(|object| object.mask.as_ref()))?;
            found_masks = masks("detections", detections.iter().map(|detection| detection.mask.as_ref()))?;
        }
        let image = self.data.images as u32;
        self.data.images += 1;
        for (index, object) in objects.into_iter().enumerate() {
            let (bbox, size) = xywh(object.bbox, truth_masks.get(index));
            let place = Place { category: self.label(object.label), image };
            let id = self.data.truth.len() as u64 + 1;
            let area = object.area.unwrap_or(size);
            self.data.truth.push(Truth { place, id, bbox, area, crowd: object.crowd });
        }
        for (index, detection) in detections.into_iter().enumerate() {
            // A result with a mask is placed in an area range by the mask.
            let (bbox, area) = xywh(detection.bbox, found_masks.get(index));
            let place = Place { category: self.label(detection.label), image };
            self.data.found.push(Found { place, bbox, area, score: detection.score });
        }
        self.data.truth_masks.append(&mut truth_masks);
        self.data.found_masks.append(&mut found_masks);
        Ok(())
    }

    fn label(&mut self, label: String) -> u32 {
        let next = self.labels.len() as u32;
        *self.labels.entry(label).or_insert(next)
    }

    /// What was gathered, with the classes sorted by name.
    pub fn build(self) -> CocoData {
        let Self { mut data, labels, .. } = self;
        let sorted: BTreeMap<String, u32> = labels.into_iter().collect();
        let mut positions = vec![0; sorted.len()];
        for (position, number) in sorted.values().enumerate() {
            positions[*number as usize] = position as u32;
        }
        let places = data.truth.iter_mut().map(|truth| &mut truth.place);
        for place in places.chain(data.found.iter_mut().map(|found| &mut found.place)) {
            place.category = positions[place.category as usize];
        }
        let categories: Vec<(u64, String)> = (1..).zip(sorted.into_keys()).collect();
        data.note_unknown(&categories, BTreeSet::new());
        data.categories = categories;
        data
    }
}

/// The box as COCO writes it, and its area or that of the mask.
fn xywh(bbox: BBox, mask: Option<&Rle>) -> ([f64; 4], f64) {
    let size = mask.map_or(bbox.width() * bbox.height(), |mask| area(mask) as f64);
    ([bbox.x1, bbox.y1, bbox.width(), bbox.height()], size)
}

fn masks<'a>(field: &str, masks: impl Iterator<Item = Option<&'a Mask>>) -> Result<Vec<Rle>> {
    let decode = |(index, mask): (usize, Option<&Mask>)| {
        let mask = mask.with_context(|| format!("{field}[{index}] has no mask, and masks are to be compared"))?;
        let [height, width] = mask.size;
        rle_from_string(&mask.counts, height, width).with_context(|| format!("{field}[{index}]: mask"))
    };
    masks.enumerate().map(decode).collect()
}
