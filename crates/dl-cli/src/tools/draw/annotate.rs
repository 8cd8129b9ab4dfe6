//! A record's image with its boxes on it.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use dl_metrics::matching::{Verdict, match_detections};
use dl_record::{BBox, Detection, Mask, Object, Proposal, Record};
use dl_vision::boxes::iou;
use dl_vision::masks;
use dl_vision::picture::draw::{self, BLACK, Color, FrameStyle, LabelStyle, Side, WHITE};
use dl_vision::picture::text::Fonts;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::imageops::{FilterType, resize};
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use super::cells;
use super::classified::detections;
use super::fonts::FontArgs;
use super::save::check_size;
use super::threshold::Threshold;
use crate::common::main::guarded;
use crate::common::{ImageArgs, Images, Messages, clipped, numbers};

/// Color of the ground truth.
const TRUTH: Color = [0, 150, 60];

/// Columns of a label, before it is shortened to the width of its image.
const LABEL: usize = 200;

/// A score in a few characters.
pub(super) fn score(score: f64) -> String {
    if score.abs() < 1e6 { format!("{score:.2}") } else { format!("{score:.2e}") }
}

/// What can be drawn of a record.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// Solid lines; with ground truth, ✓ if correct, ✗ and dashed black if wrong
    Detections,
    /// Ground truth, dashed in green and white
    Objects,
    /// Thin lines, from yellow for the best to blue for the last
    Proposals,
    /// The boxes of YOLOv1's cells, the thicker the more confident (dl-detect --cells)
    CellBoxes,
    /// The most likely class of each of YOLOv1's cells, as a tint
    CellClasses,
}

/// What to draw, and how.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Options {
    /// What to draw [default: detections and objects; proposals if a record has neither]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT,...")]
    show: Vec<Layer>,

    /// Hide detections with a lower score [default: 0.5 for probabilities; 0 for margins, that is, from the first
    /// record with a score outside 0 to 1]
    #[arg(long, value_name = "SCORE", value_parser = numbers::finite, allow_negative_numbers = true)]
    score: Option<f64>,

    /// Draw at most N detections and N proposals per image, the best ones
    #[arg(long, value_name = "N", default_value_t = 100)]
    max: usize,

    /// Minimum overlap (IoU) with an object of its class for a detection to be correct
    #[arg(long, value_name = "IOU", default_value_t = 0.5, value_parser = numbers::overlap)]
    iou: f64,

    /// Tint the pixels of masks
    #[arg(long)]
    masks: bool,

    #[command(flatten)]
    fonts: FontArgs,

    #[command(flatten)]
    image: ImageArgs,
}

impl Options {
    /// What opens the images of the records.
    pub(super) fn images(&self, messages: &Messages) -> Images {
        self.image.images(messages)
    }

    /// The fonts of the labels.
    /// # Errors
    /// When a file cannot be read or is not a font.
    pub(super) fn fonts(&self) -> Result<Fonts> {
        self.fonts.open()
    }

    /// The threshold of the detections' scores.
    pub(super) fn threshold(&self) -> Threshold {
        Threshold::new(self.score, self.max)
    }

    /// What the threshold must know of a record before it is drawn.
    /// # Errors
    /// When a field cannot be read.
    pub(super) fn scored(&self, record: &Record) -> Result<Scored> {
        let detections = detections(record)?;
        let is_bare = detections.is_none() && !record.has("objects");
        let shown = |layer| self.shows(layer, is_bare);
        let detections = detections.filter(|_| shown(Layer::Detections)).unwrap_or_default();
        let proposals = if shown(Layer::Proposals) { record.proposals()?.map_or(0, |all| all.len()) } else { 0 };
        Ok(Scored { scores: detections.iter().map(|detection| detection.score).collect(), proposals })
    }

    /// What to draw of a record, each in an image of its own, with words for its caption: three images of a grid of
    /// cells, as in the paper, otherwise one.
    pub(super) fn panels(&self, record: &Record) -> Vec<(&'static str, Self)> {
        if !self.show.is_empty() || !record.has("cells") {
            return vec![("", self.clone())];
        }
        let showing = |show: &[Layer]| Self { show: show.to_vec(), ..self.clone() };
        vec![
            ("boxes of the cells", showing(&[Layer::CellBoxes])),
            ("class probability map", showing(&[Layer::CellClasses])),
            ("detections", showing(&[Layer::Detections, Layer::Objects])),
        ]
    }

    fn shows(&self, layer: Layer, is_bare: bool) -> bool {
        if self.show.is_empty() { (layer == Layer::Proposals) == is_bare } else { self.show.contains(&layer) }
    }

    /// The record's image, resized by the factor that `scale` returns for its longer side, with what is to be drawn,
    /// without detections below `least`.
    /// # Errors
    /// When the image or a field cannot be read, or a box or a mask is invalid.
    pub(super) fn annotate(
        &self,
        record: &mut Record,
        images: &Images,
        scale: impl Fn(u32) -> f64,
        least: f64,
        fonts: &Fonts,
    ) -> Result<RgbImage> {
        let (image, _turn) = images.open(record)?.split();
        let (detections, objects) = (detections(record)?, record.objects()?);
        let is_bare = detections.is_none() && objects.is_none();
        let shown = |layer| self.shows(layer, is_bare);
        let scale = scale(image.width().max(image.height()).max(1));
        let mut sheet = Sheet::new(image, scale)?;
        sheet.cells(record, &self.show)?;
        if shown(Layer::Proposals) {
            sheet.proposals(&record.proposals()?.unwrap_or_default(), self.max)?;
        }
        let objects = objects.filter(|_| shown(Layer::Objects));
        let mut detections = detections.filter(|_| shown(Layer::Detections));
        if let Some(detections) = &mut detections {
            detections.retain(|detection| detection.score >= least);
            detections.sort_by(|a, b| b.score.total_cmp(&a.score));
            detections.truncate(self.max);
        }
        sheet.found_and_true(detections.as_deref(), objects.as_deref(), self, fonts)?;
        Ok(sheet.image)
    }
}

/// What the threshold must know of a record.
pub(super) struct Scored {
    /// Of the detections that are to be drawn.
    scores: Vec<f64>,
    /// How many proposals are to be drawn.
    proposals: usize,
}

/// Draws a batch on all threads, each record with its own threshold. Images are decoded here, so that no more are in
/// memory than there are threads.
pub(super) fn drawn<T: Send>(
    records: &mut [&mut Record],
    scored: &[Scored],
    threshold: &mut Threshold,
    draw: impl Fn(&mut Record, f64) -> Result<T> + Sync,
) -> Vec<Result<T>> {
    let next = |scored: &Scored| threshold.next(scored.scores.iter().copied(), scored.proposals);
    let least: Vec<f64> = scored.iter().map(next).collect();
    records.par_iter_mut().zip(least).map(|(record, least)| guarded(|| draw(record, least))).collect()
}

/// The image in another size, by Catmull-Rom interpolation.
pub(super) fn smooth(image: &RgbImage, width: u32, height: u32) -> Result<RgbImage> {
    let source = ImageRef::new(image.width(), image.height(), image.as_raw(), PixelType::U8x3)?;
    let mut resized = RgbImage::new(width, height);
    let mut target = Image::from_slice_u8(width, height, &mut resized, PixelType::U8x3)?;
    let cubic = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(fast_image_resize::FilterType::CatmullRom));
    Resizer::new().resize(&source, &mut target, &cubic)?;
    drop(target);
    Ok(resized)
}

/// An image that is drawn on in the coordinates of its record.
struct Sheet {
    image: RgbImage,
    /// Width and height before resizing.
    size: (u32, u32),
    /// Pixels of the sheet per pixel of the record, across and down.
    scale: (f64, f64),
    thickness: u32,
    /// Pixels per em of the labels.
    text_size: f64,
}

impl Sheet {
    fn new(image: RgbImage, scale: f64) -> Result<Self> {
        let size = image.dimensions();
        let resized = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        let (width, height) = (resized(size.0), resized(size.1));
        if scale > 1.0 {
            check_size(width.into(), height.into())?;
        }
        let image = if (width, height) == size { image } else { smooth(&image, width, height)? };
        let longer = f64::from(width.max(height));
        Ok(Self {
            image,
            size,
            scale: (f64::from(width) / f64::from(size.0), f64::from(height) / f64::from(size.1)),
            thickness: (longer / 400.0).round().max(2.0) as u32,
            text_size: (longer / 56.0).round().max(13.0),
        })
    }

    fn place(&self, bbox: &BBox) -> BBox {
        let (x, y) = self.scale;
        BBox::new(x * bbox.x1, y * bbox.y1, x * bbox.x2, y * bbox.y2)
    }

    fn frame(&mut self, bbox: &BBox, color: Color, dashes: Option<Color>) {
        let bbox = self.place(bbox);
        draw::frame(&mut self.image, bbox, FrameStyle { color, dashes, thickness: self.thickness, opacity: 1.0 });
    }

    fn label(&mut self, bbox: &BBox, side: Side, words: &str, [ground, ink]: [Color; 2], fonts: &Fonts) {
        let bbox = self.place(bbox);
        let style = LabelStyle { fonts, size: self.text_size, ground, ink };
        draw::label(&mut self.image, bbox, side, words, style);
    }

    fn tint(&mut self, mask: &Mask, color: Color) -> Result<()> {
        let (width, height) = self.size;
        if mask.size != [height, width] {
            bail!("mask of {} x {} pixels on an image of {width} x {height}", mask.size[1], mask.size[0]);
        }
        let bitmap = masks::to_bitmap(mask)?;
        let bitmap = GrayImage::from_raw(width, height, bitmap).context("mask: its runs do not add up to its size")?;
        let bitmap = resize(&bitmap, self.image.width(), self.image.height(), FilterType::Nearest);
        draw::tint(&mut self.image, &bitmap, color, 0.4);
        Ok(())
    }

    /// Draws the cells of a grid as far as they are to be shown.
    fn cells(&mut self, record: &Record, show: &[Layer]) -> Result<()> {
        let shown = |layer| show.contains(&layer);
        if !shown(Layer::CellBoxes) && !shown(Layer::CellClasses) {
            return Ok(());
        }
        let cells = record.cells()?.context("the record has no \"cells\", which dl-detect --cells writes")?;
        let (x, y) = self.scale;
        let place = |bbox: &BBox| BBox::new(x * bbox.x1, y * bbox.y1, x * bbox.x2, y * bbox.y2);
        if shown(Layer::CellClasses) {
            cells::classes(&mut self.image, &cells, &place)?;
        }
        if shown(Layer::CellBoxes) {
            cells::boxes(&mut self.image, &cells, &place)?;
        }
        Ok(())
    }

    /// Draws the best ones last, so that they are on top.
    fn proposals(&mut self, proposals: &[Proposal], max: usize) -> Result<()> {
        let shown = &proposals[..proposals.len().min(max)];
        for (rank, proposal) in shown.iter().enumerate().rev() {
            proposal.bbox.check().with_context(|| format!("proposals[{rank}]"))?;
            let at = rank as f64 / shown.len() as f64;
            let color =
                [255.0 * (1.0 - at), 210.0 * (1.0 - at) + 60.0 * at, 40.0 + 215.0 * at].map(|channel| channel as u8);
            let bbox = self.place(&proposal.bbox);
            draw::frame(&mut self.image, bbox, FrameStyle { color, dashes: None, thickness: 1, opacity: 0.8 });
        }
        Ok(())
    }

    fn found_and_true(
        &mut self,
        detections: Option<&[Detection]>,
        objects: Option<&[Object]>,
        options: &Options,
        fonts: &Fonts,
    ) -> Result<()> {
        let (found, truth) = (detections.unwrap_or_default(), objects.unwrap_or_default());
        for (index, detection) in found.iter().enumerate() {
            detection.bbox.check().with_context(|| format!("detections[{index}]"))?;
        }
        for (index, object) in truth.iter().enumerate() {
            object.bbox.check().with_context(|| format!("objects[{index}]"))?;
        }
        if options.masks {
            // Masks of detections alone: both at once would hide each other.
            let of_objects = truth.iter().filter(|_| found.is_empty()).map(|object| (&object.mask, &object.label));
            let of_detections = found.iter().map(|detection| (&detection.mask, &detection.label));
            for (mask, label) in of_objects.chain(of_detections) {
                if let Some(mask) = mask {
                    self.tint(mask, draw::color_of(label))?;
                }
            }
        }
        let verdicts = match_detections(truth, found, options.iou, iou);
        for (index, object) in truth.iter().enumerate() {
            self.frame(&object.bbox, TRUTH, Some(WHITE));
            let words = clipped(&object.label, LABEL);
            if detections.is_none() {
                let ground = draw::color_of(&object.label);
                self.label(&object.bbox, Side::Above, &words, [ground, draw::ink_on(ground)], fonts);
            } else if !verdicts.contains(&Verdict::Right(index)) {
                self.label(&object.bbox, Side::Below, &words, [TRUTH, WHITE], fonts);
            }
        }
        // Frames first: none may cross a label.
        let mark = |verdict: &Verdict| match verdict {
            _ if objects.is_none() => "",
            Verdict::Right(_) => "✓ ",
            Verdict::Duplicate(_) | Verdict::Unmatched => "✗ ",
            Verdict::Ignored(_) => "",
        };
        let found = || found.iter().zip(verdicts.iter().map(mark)).rev();
        for (detection, mark) in found() {
            self.frame(&detection.bbox, draw::color_of(&detection.label), (mark == "✗ ").then_some(BLACK));
        }
        for (detection, mark) in found() {
            let color = draw::color_of(&detection.label);
            let colors = if mark == "✗ " { [BLACK, WHITE] } else { [color, draw::ink_on(color)] };
            let words = format!("{mark}{} {}", clipped(&detection.label, LABEL), score(detection.score));
            self.label(&detection.bbox, Side::Above, &words, colors, fonts);
        }
        Ok(())
    }
}
