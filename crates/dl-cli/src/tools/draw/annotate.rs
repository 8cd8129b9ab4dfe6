//! A record's picture with its boxes on it.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use dl_record::{BBox, Detection, Mask, Object, Proposal, Record};
use dl_vision::masks;
use dl_vision::picture::draw::{self, BLACK, Color, FrameStyle, Side, WHITE};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::imageops::{FilterType, resize};
use image::{GrayImage, RgbImage};

use super::judge::{Verdict, judge};
use super::save::check_size;
use crate::common::{ImageArgs, Images, Messages, clipped, numbers};

/// Colour of the truth.
const TRUTH: Color = [0, 150, 60];

/// Columns of a label, before it is cut to the width of its image.
const LABEL: usize = 200;

/// A score in few letters.
pub(super) fn score(score: f64) -> String {
    if score.abs() < 1e6 { format!("{score:.2}") } else { format!("{score:.2e}") }
}

/// What can be drawn of a record.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// What was found: solid lines; beside the truth, ticked when right, crossed and dashed black when wrong
    Detections,
    /// The truth: lines dashed in green and white
    Objects,
    /// Regions: thin lines, yellow for the best to blue for the last
    Proposals,
}

/// What to draw, and how.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Options {
    /// What to draw [default: detections and objects; proposals where a record has neither]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    what: Vec<What>,

    /// Leave out detections with a lower score
    #[arg(long, value_name = "SCORE", default_value_t = 0.5, value_parser = numbers::finite, allow_negative_numbers = true)]
    score: f64,

    /// Draw at most N detections and N proposals, the best ones
    #[arg(long, value_name = "N", default_value_t = 100)]
    max: usize,

    /// Overlap with an object of its class from which a detection counts as right
    #[arg(long, value_name = "IOU", default_value_t = 0.5, value_parser = numbers::overlap)]
    iou: f64,

    /// Tint the pixels of masks
    #[arg(long)]
    masks: bool,

    #[command(flatten)]
    image: ImageArgs,
}

impl Options {
    /// What opens the images of the records.
    pub(super) fn images(&self, messages: &Messages) -> Images {
        self.image.images(messages)
    }

    /// The record's picture, resized as `scale` says of its longer side, with what was asked for drawn on it.
    pub(super) fn annotate(
        &self,
        record: &mut Record,
        images: &Images,
        scale: impl Fn(u32) -> f64,
    ) -> Result<RgbImage> {
        let (picture, _turn) = images.open(record)?.split();
        let (detections, objects) = (record.detections()?, record.objects()?);
        let neither = detections.is_none() && objects.is_none();
        let asked =
            |what| if self.what.is_empty() { (what == What::Proposals) == neither } else { self.what.contains(&what) };
        let scale = scale(picture.width().max(picture.height()).max(1));
        let mut sheet = Sheet::new(picture, scale)?;
        if asked(What::Proposals) {
            sheet.proposals(&record.proposals()?.unwrap_or_default(), self.max)?;
        }
        let objects = objects.filter(|_| asked(What::Objects));
        let mut detections = detections.filter(|_| asked(What::Detections));
        if let Some(detections) = &mut detections {
            detections.retain(|detection| detection.score >= self.score);
            detections.sort_by(|a, b| b.score.total_cmp(&a.score));
            detections.truncate(self.max);
        }
        sheet.found_and_true(detections.as_deref(), objects.as_deref(), self)?;
        Ok(sheet.picture)
    }
}

/// The picture in another size, by the Catmull-Rom cubic.
fn smooth(picture: &RgbImage, width: u32, height: u32) -> Result<RgbImage> {
    let source = ImageRef::new(picture.width(), picture.height(), picture.as_raw(), PixelType::U8x3)?;
    let mut resized = RgbImage::new(width, height);
    let mut target = Image::from_slice_u8(width, height, &mut resized, PixelType::U8x3)?;
    let cubic = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(fast_image_resize::FilterType::CatmullRom));
    Resizer::new().resize(&source, &mut target, &cubic)?;
    drop(target);
    Ok(resized)
}

/// A picture that is drawn on in the coordinates of its record.
struct Sheet {
    picture: RgbImage,
    /// Width and height before it was resized.
    size: (u32, u32),
    /// Pixels of the sheet for one of the record, across and down.
    scale: (f64, f64),
    thickness: u32,
    text_scale: f64,
}

impl Sheet {
    fn new(picture: RgbImage, scale: f64) -> Result<Self> {
        let size = picture.dimensions();
        let resized = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        let (width, height) = (resized(size.0), resized(size.1));
        if scale > 1.0 {
            check_size(width.into(), height.into())?;
        }
        let picture = if (width, height) == size { picture } else { smooth(&picture, width, height)? };
        let longer = f64::from(width.max(height));
        Ok(Self {
            picture,
            size,
            scale: (f64::from(width) / f64::from(size.0), f64::from(height) / f64::from(size.1)),
            thickness: (longer / 400.0).round().max(2.0) as u32,
            text_scale: (longer / 320.0).round().max(2.0) / 2.0,
        })
    }

    fn place(&self, bbox: &BBox) -> BBox {
        let (x, y) = self.scale;
        BBox::new(x * bbox.x1, y * bbox.y1, x * bbox.x2, y * bbox.y2)
    }

    fn frame(&mut self, bbox: &BBox, color: Color, dashes: Option<Color>) {
        let bbox = self.place(bbox);
        draw::frame(&mut self.picture, bbox, FrameStyle { color, dashes, thickness: self.thickness, opacity: 1.0 });
    }

    fn label(&mut self, bbox: &BBox, side: Side, words: &str, colors: [Color; 2]) {
        let bbox = self.place(bbox);
        draw::label(&mut self.picture, bbox, side, words, self.text_scale, colors);
    }

    fn tint(&mut self, mask: &Mask, color: Color) -> Result<()> {
        let (width, height) = self.size;
        if mask.size != [height, width] {
            bail!("mask of {} x {} pixels on a picture of {width} x {height}", mask.size[1], mask.size[0]);
        }
        let bitmap = masks::to_bitmap(mask)?;
        let bitmap = GrayImage::from_raw(width, height, bitmap).context("the mask is not as large as it says")?;
        let bitmap = resize(&bitmap, self.picture.width(), self.picture.height(), FilterType::Nearest);
        draw::tint(&mut self.picture, &bitmap, color, 0.4);
        Ok(())
    }

    /// The best ones last, so that they are on top.
    fn proposals(&mut self, proposals: &[Proposal], max: usize) -> Result<()> {
        let shown = &proposals[..proposals.len().min(max)];
        for (rank, proposal) in shown.iter().enumerate().rev() {
            proposal.bbox.check().with_context(|| format!("proposals[{rank}]"))?;
            let at = rank as f64 / shown.len() as f64;
            let color =
                [255.0 * (1.0 - at), 210.0 * (1.0 - at) + 60.0 * at, 40.0 + 215.0 * at].map(|channel| channel as u8);
            let bbox = self.place(&proposal.bbox);
            draw::frame(&mut self.picture, bbox, FrameStyle { color, dashes: None, thickness: 1, opacity: 0.8 });
        }
        Ok(())
    }

    fn found_and_true(
        &mut self,
        detections: Option<&[Detection]>,
        objects: Option<&[Object]>,
        options: &Options,
    ) -> Result<()> {
        let (found, truth) = (detections.unwrap_or_default(), objects.unwrap_or_default());
        for (index, detection) in found.iter().enumerate() {
            detection.bbox.check().with_context(|| format!("detections[{index}]"))?;
        }
        for (index, object) in truth.iter().enumerate() {
            object.bbox.check().with_context(|| format!("objects[{index}]"))?;
        }
        if options.masks {
            // Where both have masks, those that were found are the ones to look at.
            let of_objects = truth.iter().filter(|_| found.is_empty()).map(|object| (&object.mask, &object.label));
            let of_detections = found.iter().map(|detection| (&detection.mask, &detection.label));
            for (mask, label) in of_objects.chain(of_detections) {
                if let Some(mask) = mask {
                    self.tint(mask, draw::color_of(label))?;
                }
            }
        }
        let (verdicts, was_found) = judge(&found.iter().collect::<Vec<_>>(), truth, options.iou);
        for (object, was_found) in truth.iter().zip(was_found) {
            self.frame(&object.bbox, TRUTH, Some(WHITE));
            if detections.is_none() {
                let ground = draw::color_of(&object.label);
                self.label(&object.bbox, Side::Above, &clipped(&object.label, LABEL), [ground, draw::ink_on(ground)]);
            } else if !was_found {
                self.label(&object.bbox, Side::Below, &clipped(&object.label, LABEL), [TRUTH, WHITE]);
            }
        }
        // Frames first: none may cross a label.
        let judged = objects.is_some();
        for (detection, verdict) in found.iter().zip(&verdicts).rev() {
            let dashes = (judged && *verdict == Verdict::Wrong).then_some(BLACK);
            self.frame(&detection.bbox, draw::color_of(&detection.label), dashes);
        }
        for (detection, verdict) in found.iter().zip(&verdicts).rev() {
            let color = draw::color_of(&detection.label);
            let mark = match verdict {
                Verdict::Right if judged => "✓ ",
                Verdict::Wrong if judged => "✗ ",
                _ => "",
            };
            let colors = if mark == "✗ " { [BLACK, WHITE] } else { [color, draw::ink_on(color)] };
            let words = format!("{mark}{} {}", clipped(&detection.label, LABEL), score(detection.score));
            self.label(&detection.bbox, Side::Above, &words, colors);
        }
        Ok(())
    }
}
