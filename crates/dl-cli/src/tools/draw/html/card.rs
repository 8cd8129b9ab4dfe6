//! A record as the page shows it: bounded in size, whatever the record holds.

use anyhow::{Context, Error, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dl_metrics::matching::{Verdict, counts, match_detections};
use dl_record::{BBox, Detection, Mask, Object, Record};
use dl_vision::boxes::iou;
use dl_vision::masks;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{GrayImage, RgbImage};
use serde::Serialize;

use super::super::annotate::smooth;
use super::super::classified::detections;
use crate::common::{Images, one_line};

/// Least overlap for a detection of the right class to count as badly placed, as in Hoiem's analysis of errors.
const NEAR: f64 = 0.1;

/// Quality of the thumbnails' JPEG.
const QUALITY: u8 = 75;

/// The most characters of an id, a label and so on, and of a text.
const MOST_NAME: usize = 300;
const MOST_TEXT: usize = 4000;

/// The most objects and predictions of a card.
const MOST_OBJECTS: usize = 2000;
const MOST_PREDICTIONS: usize = 10;

/// Bounds of a card.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Longer side of the thumbnail.
    pub(super) thumbnail: u32,
    /// Most detections, and most proposals.
    pub(super) boxes: usize,
    /// Least overlap of a right detection.
    pub(super) iou: f64,
}

/// A record in the page. Coordinates are pixels of the record.
#[derive(Default, Serialize)]
pub(super) struct Card {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Thumbnail as a data: URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<[u32; 2]>,
    /// Size of the thumbnail, and of the masks.
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail: Option<[u32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predictions: Option<Vec<Guess>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Vec<Truth>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detections: Option<Vec<Found>>,
    /// `[x1, y1, x2, y2]`, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposals: Option<Vec<[f64; 4]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Boxes that are in the record but not here.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: usize,

    #[serde(skip)]
    fields: Fields,
    /// Detections, objects and predictions that are in the record but not here, and texts that were cut.
    #[serde(skip)]
    pub(super) cut: [usize; 4],
    /// Why the record failed here.
    #[serde(skip)]
    pub(super) failure: Option<Error>,
}

/// The record's boxes, all of them.
#[derive(Default)]
struct Fields {
    detections: Option<Vec<Detection>>,
    objects: Option<Vec<Object>>,
    proposals: usize,
}

#[derive(Serialize)]
struct Guess {
    label: String,
    score: f64,
}

#[derive(Serialize)]
struct Truth {
    #[serde(rename = "box")]
    bbox: [f64; 4],
    label: String,
    /// It does not count.
    #[serde(skip_serializing_if = "is_false")]
    ignored: bool,
    /// Score of the detection that found it.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<f64>,
    /// COCO's run lengths at the size of the thumbnail.
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
}

#[derive(Serialize)]
struct Found {
    #[serde(rename = "box")]
    bbox: [f64; 4],
    label: String,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
}

/// How a detection compares with the ground truth. A detection of a lower score never changes it, so that it holds
/// for every threshold.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Right,
    Duplicate,
    Ignored,
    /// It overlaps an object of another class.
    Label,
    /// It overlaps an object of its class, but not enough.
    Place,
    /// It overlaps nothing.
    Background,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Card {
    /// The card of a record; if the image or a field cannot be read, with what could be and the reason.
    pub(super) fn of(record: &mut Record, images: &Images, limits: Limits) -> Self {
        let mut card = Self::named(record);
        if let Err(error) = card.fill(record, images, limits)
            && card.error.is_none()
        {
            card.error = Some(short(&one_line(&error), MOST_TEXT));
            card.failure = Some(error);
        }
        card
    }

    /// The card of a record that cannot be shown.
    pub(super) fn failed(record: &Record, error: Error) -> Self {
        Self { error: Some(short(&one_line(&error), MOST_TEXT)), failure: Some(error), ..Self::named(record) }
    }

    fn named(record: &Record) -> Self {
        let text = |text: Result<Option<String>>| text.ok().flatten().map(|text| short(&text, MOST_NAME));
        let error = record.error().ok().flatten();
        Self {
            id: text(record.id()).unwrap_or_default(),
            image: text(record.image()).filter(|image| !image.starts_with("data:")),
            error: error.map(|error| short(&format!("{}: {}", error.tool, error.message), MOST_TEXT)),
            ..Self::default()
        }
    }

    fn fill(&mut self, record: &mut Record, images: &Images, limits: Limits) -> Result<()> {
        record.id()?;
        self.size = record.width()?.zip(record.height()?).map(|(width, height)| [width, height]);
        if record.has("image") && (self.error.is_none() || record.has("width")) {
            let (image, _turn) = images.open(record)?.split();
            self.size = Some([image.width(), image.height()]);
            let image = reduced(image, limits.thumbnail)?;
            self.thumbnail = Some([image.width(), image.height()]);
            self.source = Some(data_uri(&image)?);
        }
        self.cut[2] = record.predictions()?.map_or(0, |all| all.len().saturating_sub(MOST_PREDICTIONS));
        self.cut[3] = usize::from(record.text()?.is_some_and(|text| text.chars().count() > MOST_TEXT));
        self.text = record.text()?.map(|text| short(&text, MOST_TEXT));
        self.label = record.label()?.map(|label| short(&label, MOST_NAME));
        let guess = |guess: dl_record::Prediction| Guess { label: short(&guess.label, MOST_NAME), score: guess.score };
        self.predictions = record.predictions()?.map(|all| all.into_iter().take(MOST_PREDICTIONS).map(guess).collect());
        self.fields.detections = detections(record)?;
        self.fields.objects = record.objects()?;
        let proposals = record.proposals()?;
        self.fields.proposals = proposals.as_ref().map_or(0, Vec::len);
        self.check()?;
        self.proposals = match proposals {
            Some(proposals) => {
                Some(proposals.iter().take(limits.boxes).map(|proposal| edges(&proposal.bbox)).collect::<Result<_>>()?)
            }
            None => None,
        };
        self.compare(limits)
    }

    fn check(&self) -> Result<()> {
        for (index, detection) in self.fields.detections.iter().flatten().enumerate() {
            detection.bbox.check().with_context(|| format!("detections[{index}]"))?;
        }
        for (index, object) in self.fields.objects.iter().flatten().enumerate() {
            object.bbox.check().with_context(|| format!("objects[{index}]"))?;
        }
        Ok(())
    }

    fn compare(&mut self, limits: Limits) -> Result<()> {
        let (detections, objects) = (self.fields.detections.as_deref(), self.fields.objects.as_deref());
        let (found, truth) = (detections.unwrap_or_default(), objects.unwrap_or_default());
        let verdicts = match_detections(truth, found, limits.iou, iou);
        let mut scores = vec![None; truth.len()];
        for (verdict, detection) in verdicts.iter().zip(found) {
            if let Verdict::Right(object) = verdict {
                scores[*object] = Some(detection.score);
            }
        }
        let sizes = self.size.zip(self.thumbnail);
        let mask = |mask: &Option<Mask>| match (mask, sizes) {
            (Some(mask), Some((size, thumbnail))) => smaller(mask, size, thumbnail).map(Some),
            _ => Ok(None),
        };
        let object = |(object, found): (&Object, Option<f64>)| {
            Ok(Truth {
                bbox: edges(&object.bbox)?,
                label: short(&object.label, MOST_NAME),
                ignored: !counts(object),
                found,
                mask: mask(&object.mask)?,
            })
        };
        let shown = truth.iter().zip(scores).take(MOST_OBJECTS).map(object).collect::<Result<Vec<_>>>()?;
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by(|a, b| found[*b].score.total_cmp(&found[*a].score));
        order.truncate(limits.boxes);
        let has_truth = objects.is_some();
        let detection = |index: usize| {
            let detection = &found[index];
            Ok(Found {
                bbox: edges(&detection.bbox)?,
                label: short(&detection.label, MOST_NAME),
                score: detection.score,
                kind: has_truth.then(|| kind(detection, verdicts[index], truth, limits.iou)),
                mask: mask(&detection.mask)?,
            })
        };
        let found = order.into_iter().map(detection).collect::<Result<Vec<_>>>()?;
        self.cut[0] = verdicts.len() - found.len();
        self.cut[1] = truth.len() - shown.len();
        self.left_out = verdicts.len() - found.len() + truth.len() - shown.len();
        self.objects = has_truth.then_some(shown);
        self.detections = detections.is_some().then_some(found);
        Ok(())
    }

    /// All detections and objects of a record that did not fail.
    pub(super) fn all(&self) -> (&[Detection], &[Object]) {
        if self.error.is_some() {
            return (&[], &[]);
        }
        (self.fields.detections.as_deref().unwrap_or_default(), self.fields.objects.as_deref().unwrap_or_default())
    }

    /// Whether it has both detections and ground truth.
    pub(super) fn has_truth(&self) -> bool {
        self.error.is_none() && self.fields.detections.is_some() && self.fields.objects.is_some()
    }

    /// How many proposals there are to draw: none beside detections or objects.
    pub(super) fn proposal_count(&self) -> usize {
        if self.fields.detections.is_some() || self.fields.objects.is_some() { 0 } else { self.fields.proposals }
    }

    /// The labels on the card.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        let found = self.detections.iter().flatten().map(|found| &found.label);
        let truth = self.objects.iter().flatten().map(|truth| &truth.label);
        let guesses = self.predictions.iter().flatten().map(|guess| &guess.label);
        found.chain(truth).chain(guesses).chain(&self.label).map(String::as_str)
    }
}

fn kind(detection: &Detection, verdict: Verdict, truth: &[Object], least: f64) -> Kind {
    let overlaps = |least: f64, is_same: bool| {
        truth.iter().any(|object| {
            (object.label == detection.label) == is_same && iou(&object.bbox, &detection.bbox) >= least.max(1e-9)
        })
    };
    match verdict {
        Verdict::Right(_) => Kind::Right,
        Verdict::Duplicate(_) => Kind::Duplicate,
        Verdict::Ignored(_) => Kind::Ignored,
        Verdict::Unmatched if overlaps(least, false) => Kind::Label,
        Verdict::Unmatched if overlaps(NEAR.min(least), true) => Kind::Place,
        Verdict::Unmatched => Kind::Background,
    }
}

/// The edges of a box, in tenths of pixels.
fn edges(bbox: &BBox) -> Result<[f64; 4]> {
    bbox.check()?;
    Ok([bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(|edge| (edge.clamp(-1e9, 1e9) * 10.0).round() / 10.0))
}

/// The image, made smaller if its longer side exceeds `most` pixels.
fn reduced(image: RgbImage, most: u32) -> Result<RgbImage> {
    let (width, height) = image.dimensions();
    let scale = f64::from(most) / f64::from(width.max(height));
    if scale >= 1.0 {
        return Ok(image);
    }
    let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    smooth(&image, side(width), side(height))
}

fn data_uri(image: &RgbImage) -> Result<String> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(image)?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)))
}

/// The run lengths of a mask at the size of the thumbnail.
fn smaller(mask: &Mask, [width, height]: [u32; 2], [to_width, to_height]: [u32; 2]) -> Result<String> {
    if mask.size != [height, width] {
        bail!("mask of {} x {} pixels on an image of {width} x {height}", mask.size[1], mask.size[0]);
    }
    if [width, height] == [to_width, to_height] {
        masks::to_runs(mask)?;
        return Ok(mask.counts.clone());
    }
    let bitmap = GrayImage::from_raw(width, height, masks::to_bitmap(mask)?);
    let bitmap = bitmap.context("mask: its runs do not add up to its size")?;
    let bitmap = resize(&bitmap, to_width, to_height, FilterType::Nearest);
    Ok(masks::from_bitmap(bitmap.as_raw(), to_width, to_height)?.counts)
}

/// The text, cut to so many characters.
fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
