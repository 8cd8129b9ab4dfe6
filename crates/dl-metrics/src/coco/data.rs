//! Truth and results, from COCO files or collected image by image.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_record::{Detection, Mask, Object};
use dl_vision::formats::coco::fields::{Annotation, Entry, Field, Id};
use dl_vision::formats::coco::{Counted, Images, Json, Labels, NoMask, Place as Among, area_of, draw_box, xywh};
use hotcoco::Rle;
use hotcoco::mask::{area, rle_from_string, to_bbox};
use rayon::prelude::*;
use serde_json::value::RawValue;

use super::files;

/// True objects and results to evaluate.
#[derive(Default)]
pub struct CocoData {
    /// Number of images of the truth.
    pub(super) images: usize,
    /// (id, label), sorted by id.
    pub(super) categories: Vec<(Id, String)>,
    pub(super) truth: Vec<Truth>,
    pub(super) found: Vec<Found>,
    /// One for each of `truth`; empty when boxes are compared.
    pub(super) truth_masks: Vec<Rle>,
    /// One for each of `found`.
    pub(super) found_masks: Vec<Rle>,
    /// Labels of results that no true object has.
    pub(super) unknown: Vec<String>,
    lost: Vec<String>,
    notes: Vec<String>,
}

/// A true object.
#[derive(Clone)]
pub(super) struct Truth {
    pub(super) place: Place,
    /// The id of its annotation.
    pub(super) id: Option<Id>,
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

/// The category and the image of a box, as positions in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) category: u32,
    pub(super) image: u32,
}

impl CocoData {
    /// Reads an annotation file and a results file (a list of `image_id`, `category_id`, `score`, and `bbox` or
    /// `segmentation`), for boxes or for `masks`. Entries that cannot be used are left out, see [`lost`](Self::lost).
    /// # Errors
    /// When a file cannot be read or is not COCO's, or not one result has a score.
    pub fn open(truth: &Path, results: &Path, masks: bool) -> Result<Self> {
        let name = |path: &Path| path.display().to_string();
        let (truth_json, results_json) = rayon::join(|| Json::open(truth), || Json::open(results));
        let (truth_json, results_json) = (truth_json?, results_json?);
        let (file, listed) = rayon::join(
            || files::truth(&truth_json).with_context(|| name(truth)),
            || files::results(&results_json, Listed::of).with_context(|| name(results)),
        );
        let (file, listed) = (file?, listed?);
        let mut data = Self::default();
        let mut lost = Lost::default();
        let known = data.take_truth(&file, masks, &mut lost).with_context(|| name(truth))?;
        data.lost
            .extend(lost.messages("annotations", "").into_iter().map(|reason| format!("{}: {reason}", name(truth))));
        let mut lost = Lost::default();
        let is_empty = listed.is_empty();
        data.take_results(listed, &known, masks, &mut lost).with_context(|| name(results))?;
        let of_truth = format!(" of {}", name(truth));
        data.lost.extend(
            lost.messages("results", &of_truth).into_iter().map(|reason| format!("{}: {reason}", name(results))),
        );
        if is_empty {
            data.notes.push(format!("{}: has no results, so every object is missed", name(results)));
        }
        data.categories = known.categories;
        Ok(data)
    }

    /// Number of images of the truth.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Each class: its label, the number of its true objects, and of its results.
    pub fn classes(&self) -> Vec<(String, usize, usize)> {
        let mut classes: Vec<_> = self.categories.iter().map(|(_, label)| (label.clone(), 0, 0)).collect();
        self.truth.iter().for_each(|truth| classes[truth.place.category as usize].1 += 1);
        self.found.iter().for_each(|found| classes[found.place.category as usize].2 += 1);
        classes
    }

    /// Reasons why entries were left out.
    pub fn lost(&self) -> &[String] {
        &self.lost
    }

    /// Notes for the user.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn take_truth(&mut self, file: &files::Truth, masks: bool, lost: &mut Lost) -> Result<Known> {
        let known = Known::of(file, lost)?;
        self.images = known.usable;
        self.notes.extend(known.note.clone());
        ensure!(self.images > 0, "has no image that can be used");
        // Masks and boxes, without the text they were read from.
        let outline = |entry: &Entry<Annotation>| {
            let Entry::Good(annotation) = entry else { return None };
            let size = match &annotation.image_id {
                Field::Good(image) => known.images.get(image).and_then(|image| known.sizes[image as usize]),
                _ => None,
            };
            let outline = annotation.outline(size, masks);
            Some(outline.map(|outline| (outline.bbox, outline.area, outline.crowd, outline.mask.map(|mask| mask.rle))))
        };
        let outlines: Vec<_> = file.annotations.par_iter().map(outline).collect();
        let mut without_pixels = 0;
        for (index, (entry, outline)) in file.annotations.iter().zip(outlines).enumerate() {
            let annotation = match entry {
                Entry::Good(annotation) => annotation,
                Entry::Odd(what) => {
                    lost.one(format!("annotations[{index}]: it is {what}"));
                    continue;
                }
            };
            let title = || annotation.title(index);
            let ids = annotation
                .image_id
                .required("image_id")
                .and_then(|image| Ok((image, annotation.category_id.required("category_id")?)));
            let (image, category) = match ids {
                Ok(ids) => ids,
                Err(error) => {
                    lost.one(format!("{}: {error:#}", title()));
                    continue;
                }
            };
            let place = match known.place(image, category) {
                Ok(place) => place,
                Err(Unplaced::Image) => {
                    lost.images.add(image);
                    continue;
                }
                Err(Unplaced::Shared) => {
                    lost.shared.add(image);
                    continue;
                }
                Err(Unplaced::Category) => {
                    lost.categories.add(category);
                    continue;
                }
            };
            let (bbox, size, crowd, mask) = match outline {
                Some(Ok(outline)) => outline,
                Some(Err(error)) => {
                    lost.one(format!("{}: {error:#}", title()));
                    continue;
                }
                None => continue,
            };
            if masks {
                match mask {
                    Ok(mask) => {
                        without_pixels += usize::from(area(&mask) == 0);
                        self.truth_masks.push(mask);
                    }
                    Err(reason) => {
                        lost.mask(&reason, &annotation.id, title);
                        continue;
                    }
                }
            }
            self.truth.push(Truth { place, id: annotation.id.clone().good(), bbox, area: size, crowd });
        }
        if without_pixels > 0 {
            self.notes.push(format!("{without_pixels} true masks cover no pixel, so no result can find them"));
        }
        Ok(known)
    }

    fn take_results(
        &mut self,
        results: Vec<Result<Listed>>,
        known: &Known,
        masks: bool,
        lost: &mut Lost,
    ) -> Result<()> {
        if let Some(Err(error)) = results.first().filter(|_| results.iter().all(Result::is_err)) {
            bail!("no result can be used; the first: {error:#}");
        }
        // As in pycocotools, the first result decides whether all have boxes.
        let boxes = results.iter().flatten().next().is_none_or(|result| result.bbox.is_some());
        let draw = |result: &Result<Listed>| match result {
            Ok(result) => result.mask(known, masks),
            Err(_) => Err(NoMask::Absent),
        };
        let drawn: Vec<Result<Rle, NoMask>> =
            if masks || !boxes { results.par_iter().map(draw).collect() } else { Vec::new() };
        let mut drawn = drawn.into_iter();
        self.found.reserve_exact(results.len());
        for (index, result) in results.into_iter().enumerate() {
            let mask = drawn.next().unwrap_or(Err(NoMask::Absent));
            let title = || format!("result {index} (from 0)");
            let result = match result {
                Ok(result) => result,
                Err(error) => {
                    lost.one(format!("{}: {error:#}", title()));
                    continue;
                }
            };
            let place = match known.place(&result.image, &result.category) {
                Ok(place) => place,
                Err(Unplaced::Image) => {
                    lost.images.add(&result.image);
                    continue;
                }
                Err(Unplaced::Shared) => {
                    lost.shared.add(&result.image);
                    continue;
                }
                Err(Unplaced::Category) => {
                    lost.categories.add(&result.category);
                    continue;
                }
            };
            let bbox = match (result.bbox, &mask) {
                (Some(bbox), _) => bbox,
                (None, Ok(mask)) => to_bbox(mask),
                (None, Err(NoMask::Absent)) => {
                    lost.one(format!("{}: it has no bbox", title()));
                    continue;
                }
                (None, Err(reason)) => {
                    lost.mask(reason, &Field::Absent, title);
                    continue;
                }
            };
            let area = if boxes { bbox[2] * bbox[3] } else { mask.as_ref().map_or(0.0, |mask| area(mask) as f64) };
            if masks {
                match mask {
                    Ok(mask) => self.found_masks.push(mask),
                    Err(reason) => {
                        lost.mask(&reason, &Field::Absent, title);
                        continue;
                    }
                }
            }
            self.found.push(Found { place, bbox, area, score: result.score });
        }
        self.note_unknown(&known.categories);
        Ok(())
    }

    /// Notes the labels of results that no true object has.
    fn note_unknown(&mut self, categories: &[(Id, String)]) {
        let mut is_true = vec![false; categories.len()];
        self.truth.iter().for_each(|truth| is_true[truth.place.category as usize] = true);
        let mut is_found = vec![false; categories.len()];
        self.found.iter().for_each(|found| is_found[found.place.category as usize] = true);
        let known =
            categories.iter().zip(is_found.iter().zip(&is_true)).filter(|(_, (found, truth))| **found && !**truth);
        self.unknown = known.map(|((_, label), _)| label.clone()).collect();
    }
}

/// Entries that are left out of the figures.
#[derive(Default)]
struct Lost {
    named: Vec<String>,
    images: Counted,
    shared: Counted,
    categories: Counted,
    /// By reason.
    without_mask: BTreeMap<String, Counted>,
}

impl Lost {
    fn one(&mut self, reason: String) {
        self.named.push(format!("{reason}; it is left out"));
    }

    /// An entry has no mask, and masks are compared.
    fn mask(&mut self, reason: &NoMask, id: &Field<Id>, title: impl Fn() -> String) {
        match reason {
            NoMask::Broken(_) => self.one(format!("{}: {}", title(), reason.reason())),
            _ => {
                let id = if let Field::Good(id) = id { id.clone() } else { Id::Text(title().into()) };
                self.without_mask.entry(reason.reason()).or_default().add(&id);
            }
        }
    }

    /// The reasons; `what` names the entries, `whose` the file with the images and categories.
    fn messages(self, what: &str, whose: &str) -> Vec<String> {
        let mut messages = self.named;
        let file = if whose.is_empty() { "in the file".to_owned() } else { format!("among those{whose}") };
        let has = |count: usize| match count {
            1 => format!("1 {} has", what.trim_end_matches('s')),
            _ => format!("{count} {what} have"),
        };
        let left_out = |count: usize| if count == 1 { "it is left out" } else { "they are left out" };
        let mut add = |counted: Counted, fault: String| {
            let message = |count: usize, ids: &str| format!("{} {fault}: {ids}; {}", has(count), left_out(count));
            messages.extend(counted.message(message));
        };
        add(self.images, format!("an image_id that is not {file}"));
        add(self.categories, format!("a category_id that is not {file}"));
        add(self.shared, "an image_id that several images share".to_owned());
        for (reason, counted) in self.without_mask {
            add(counted, format!("no mask ({reason})"));
        }
        messages
    }
}

/// A result as read from its file.
struct Listed {
    image: Id,
    category: Id,
    bbox: Option<[f64; 4]>,
    score: f64,
    segmentation: Option<Box<RawValue>>,
}

impl Listed {
    fn of(entry: Entry<Annotation>) -> Result<Self> {
        let result = entry.good()?;
        // The usual case first, without a copy.
        let score = *result.score.required("score")?;
        let bbox = result.bbox.optional("bbox")?.copied();
        let segmentation = result.segmentation.map(ToOwned::to_owned);
        let (Field::Good(image), Field::Good(category)) = (result.image_id, result.category_id) else {
            bail!("it has no image_id and category_id that are numbers or texts");
        };
        Ok(Self { image, category, bbox, score, segmentation })
    }

    /// The mask; when masks are compared, else the mask of the box.
    fn mask(&self, known: &Known, masks: bool) -> Result<Rle, NoMask> {
        let size = known.images.get(&self.image).and_then(|image| known.sizes[image as usize]);
        let annotation = Annotation { segmentation: self.segmentation.as_deref(), ..Annotation::default() };
        match (annotation.mask(size), self.bbox.filter(|_| masks)) {
            (Ok(drawn), _) => Ok(drawn.rle),
            (Err(NoMask::Absent), Some(bbox)) => draw_box(bbox, size),
            (Err(reason), _) => Err(reason),
        }
    }
}

/// The images and categories of a truth file.
struct Known {
    images: Positions,
    /// [height, width] by position.
    sizes: Vec<Option<[u32; 2]>>,
    /// By position: do several images have this id?
    shared: Vec<bool>,
    /// Number of images with an id of their own.
    usable: usize,
    categories: Vec<(Id, String)>,
    category_positions: Positions,
    /// A note on the labels for the user.
    note: Option<String>,
}

/// Why a box has no place.
enum Unplaced {
    Image,
    Shared,
    Category,
}

impl Known {
    fn of(file: &files::Truth, lost: &mut Lost) -> Result<Self> {
        let mut entries = Vec::new();
        for (index, entry) in file.images()?.iter().enumerate() {
            let image = match entry {
                Entry::Good(image) => image.id.required("id").map(|id| (id, image)),
                Entry::Odd(what) => Err(anyhow::anyhow!("it is {what}")),
            };
            match image {
                Ok((id, image)) => {
                    for (name, size) in [("width", &image.width), ("height", &image.height)] {
                        if let Err(error) = size.optional(name) {
                            lost.named.push(format!("images[{index}]: the {error:#}"));
                        }
                    }
                    entries.push((id, image));
                }
                Err(error) => lost.one(format!("images[{index}]: {error:#}")),
            }
        }
        let among = Images::new(entries.iter().map(|(_, image)| *image));
        let mut usable = 0;
        let mut reported = HashSet::new();
        for (index, (id, image)) in entries.iter().enumerate() {
            match among.place(index, image) {
                Among::Own => usable += 1,
                Among::Again(_) => {}
                Among::Shared if reported.insert(*id) => {
                    lost.named.push(format!("several images have the id {id}, so their annotations are ambiguous"));
                }
                Among::Shared => {}
            }
        }
        entries.sort_by(|a, b| a.0.cmp(b.0));
        entries.dedup_by(|next, first| next.0 == first.0);
        let images = Positions::new(entries.iter().map(|(id, _)| *id));
        let sizes = entries.iter().map(|(_, image)| image.size()).collect();
        let shared = entries.iter().map(|(id, _)| among.is_shared(id)).collect();
        let used = file.annotations.iter().filter_map(|entry| match entry {
            Entry::Good(Annotation { category_id: Field::Good(id), .. }) => Some(id),
            _ => None,
        });
        let mut in_use: HashSet<Id> = HashSet::new();
        for id in used {
            if !in_use.contains(id) {
                in_use.insert(id.clone());
            }
        }
        let labels = Labels::new(&file.categories, &in_use)?;
        let categories = labels.sorted();
        let category_positions = Positions::new(categories.iter().map(|(id, _)| id));
        Ok(Self { images, sizes, shared, usable, categories, category_positions, note: labels.note() })
    }

    fn place(&self, image: &Id, category: &Id) -> Result<Place, Unplaced> {
        let image = self.images.get(image).ok_or(Unplaced::Image)?;
        if self.shared[image as usize] {
            return Err(Unplaced::Shared);
        }
        Ok(Place { image, category: self.category_positions.get(category).ok_or(Unplaced::Category)? })
    }
}

/// Positions of sorted ids: numbers come before strings.
#[derive(Default)]
struct Positions {
    numbers: Vec<i64>,
    texts: Vec<Box<str>>,
}

impl Positions {
    /// From sorted ids.
    fn new<'a>(ids: impl Iterator<Item = &'a Id>) -> Self {
        let mut positions = Self::default();
        for id in ids {
            match id {
                Id::Number(number) => positions.numbers.push(*number),
                Id::Text(text) => positions.texts.push(text.clone()),
            }
        }
        positions
    }

    fn get(&self, id: &Id) -> Option<u32> {
        let position = match id {
            Id::Number(number) => self.numbers.binary_search(number).ok()?,
            Id::Text(text) => self.numbers.len() + self.texts.binary_search(text).ok()?,
        };
        Some(position as u32)
    }
}

/// Collects images one by one.
#[derive(Default)]
pub struct CocoBuilder {
    data: CocoData,
    /// The index of each label, in order of appearance.
    labels: HashMap<String, u32>,
    /// COCO's id of each image.
    ids: Vec<Option<Id>>,
    masks: bool,
}

impl CocoBuilder {
    /// A builder without images; with `masks`, masks are required and compared.
    pub fn new(masks: bool) -> Self {
        Self { masks, ..Self::default() }
    }

    /// Adds an image, called `name` in messages. COCO has no difficult objects: they count like any other. When masks are
    /// compared, objects without one are left out, see [`CocoData::lost`].
    ///
    /// Of equal scores, the image with the lower `id` comes first if all images have one, as in pycocotools.
    /// # Errors
    /// When a mask is broken, or masks are compared and a detection has none; then the image does not count.
    pub fn add(
        &mut self,
        name: &str,
        id: Option<Id>,
        mut objects: Vec<Object>,
        detections: Vec<Detection>,
    ) -> Result<()> {
        let mut lost = Vec::new();
        let (mut truth_masks, mut found_masks) = (Vec::new(), Vec::new());
        if self.masks {
            for (index, object) in objects.iter().enumerate().filter(|(_, object)| object.mask.is_none()) {
                let label = &object.label;
                lost.push(format!(
                    "{name}: objects[{index}] ({label}) has no mask, and masks are compared; it is left out"
                ));
            }
            objects.retain(|object| object.mask.is_some());
            truth_masks = masks("objects", objects.iter().map(|object| object.mask.as_ref()))?;
            found_masks = masks("detections", detections.iter().map(|detection| detection.mask.as_ref()))?;
        }
        let areas = objects
            .iter()
            .enumerate()
            .map(|(index, object)| area_of(object).with_context(|| format!("objects[{index}]")));
        let areas: Vec<f64> = areas.collect::<Result<_>>()?;
        let image = self.data.images as u32;
        self.data.images += 1;
        self.ids.push(id);
        for (object, area) in objects.into_iter().zip(areas) {
            let bbox = xywh(&object.bbox, &object.extra);
            let place = Place { category: self.label(object.label), image };
            let id = Some(Id::Number(self.data.truth.len() as i64 + 1));
            self.data.truth.push(Truth { place, id, bbox, area, crowd: object.crowd });
        }
        for (index, detection) in detections.into_iter().enumerate() {
            let bbox = xywh(&detection.bbox, &detection.extra);
            // The area range of a result with a mask is that of the mask.
            let area = found_masks.get(index).map_or(bbox[2] * bbox[3], |mask| area(mask) as f64);
            let place = Place { category: self.label(detection.label), image };
            self.data.found.push(Found { place, bbox, area, score: detection.score });
        }
        self.data.truth_masks.append(&mut truth_masks);
        self.data.found_masks.append(&mut found_masks);
        self.data.lost.append(&mut lost);
        Ok(())
    }

    fn label(&mut self, label: String) -> u32 {
        let next = self.labels.len() as u32;
        *self.labels.entry(label).or_insert(next)
    }

    /// The collected data, with the classes sorted by label.
    pub fn build(self) -> CocoData {
        let Self { mut data, labels, ids, .. } = self;
        let sorted: BTreeMap<String, u32> = labels.into_iter().collect();
        let mut categories = vec![0; sorted.len()];
        for (position, number) in sorted.values().enumerate() {
            categories[*number as usize] = position as u32;
        }
        let mut order: Vec<u32> = (0..ids.len() as u32).collect();
        if ids.iter().all(Option::is_some) {
            order.sort_by_key(|image| &ids[*image as usize]);
        }
        let mut images = vec![0; order.len()];
        for (position, image) in order.into_iter().enumerate() {
            images[image as usize] = position as u32;
        }
        let places = data.truth.iter_mut().map(|truth| &mut truth.place);
        for place in places.chain(data.found.iter_mut().map(|found| &mut found.place)) {
            *place = Place { category: categories[place.category as usize], image: images[place.image as usize] };
        }
        let categories: Vec<(Id, String)> = (1..).map(Id::Number).zip(sorted.into_keys()).collect();
        data.note_unknown(&categories);
        data.categories = categories;
        data
    }
}

fn masks<'a>(field: &str, masks: impl Iterator<Item = Option<&'a Mask>>) -> Result<Vec<Rle>> {
    let decode = |(index, mask): (usize, Option<&Mask>)| {
        let mask = mask.with_context(|| format!("{field}[{index}] has no mask, and masks are compared"))?;
        let [height, width] = mask.size;
        rle_from_string(&mask.counts, height, width).with_context(|| format!("{field}[{index}]: mask"))
    };
    masks.enumerate().map(decode).collect()
}
