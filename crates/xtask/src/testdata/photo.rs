//! One image of the dataset, from its seed to its ground truth.

use anyhow::{Context, Result};
use dl_record::{BBox, Mask};
use dl_vision::masks;
use dl_vision::picture::raster::Point;
use image::codecs::jpeg::JpegEncoder;

use super::canvas::Canvas;
use super::dice::Dice;
use super::perspective::Pose;
use super::signs::SIGNS;
use super::{camera, clutter, scenery};

/// An encoded image and its ground truth.
pub(crate) struct Photo {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) jpeg: Vec<u8>,
    pub(crate) signs: Vec<Truth>,
}

/// A visible sign.
pub(crate) struct Truth {
    /// Index into [`SIGNS`].
    pub(crate) class: usize,
    /// The tight box around the visible pixels, in whole numbers.
    pub(crate) bbox: BBox,
    /// The number of visible pixels.
    pub(crate) area: u32,
    /// The visible pixels.
    pub(crate) mask: Mask,
    /// Whether the edge of the image cuts it.
    pub(crate) truncated: bool,
    /// Whether something is in front of it.
    pub(crate) occluded: bool,
}

/// A placed sign: what it is and where.
struct Placed {
    class: usize,
    pose: Pose,
    /// Area of the whole outline in square pixels, visible or not.
    area: f64,
    truncated: bool,
}

/// The minimum visible fraction of a sign.
const VISIBLE: f64 = 0.5;

/// Draws the image for (`seed`, `id`), trying again if too little of a sign is visible.
pub(crate) fn draw(seed: u64, id: &str) -> Result<Photo> {
    (0..50)
        .find_map(|attempt| attempt_to_draw(&mut Dice::new(seed, &format!("{id}/{attempt}"))).transpose())
        .context("no image with visible signs in 50 attempts")?
}

fn attempt_to_draw(dice: &mut Dice) -> Result<Option<Photo>> {
    let (width, height) = dice.of(&[(320, 240), (320, 240), (352, 264), (300, 225), (256, 320)]);
    let mut canvas = Canvas::new(width, height);
    let horizon = scenery::paint(&mut canvas, dice);
    clutter::paint(&mut canvas, dice, horizon);
    let placed = place_signs(&mut canvas, dice);
    for sign in &placed {
        if dice.chance(0.22) {
            clutter::occlude(&mut canvas, dice, sign.pose.center, sign.pose.radius);
        }
    }
    let Some(signs) = truth(&canvas, &placed)? else { return Ok(None) };
    let photo = camera::take(&canvas, dice);
    let mut jpeg = Vec::new();
    let quality = dice.whole(72, 92) as u8;
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&photo)?;
    Ok(Some(Photo { width, height, jpeg, signs }))
}

/// Places one to six signs, more small ones than large ones, none over the center of another.
fn place_signs(canvas: &mut Canvas, dice: &mut Dice) -> Vec<Placed> {
    let target = dice.of(&[1, 2, 2, 3, 3, 3, 4, 4, 5, 6]);
    let mut poses: Vec<(usize, Pose)> = Vec::new();
    for _ in 0..20 * target {
        if poses.len() == target {
            break;
        }
        // From 26 to 140 pixels wide, most of them small.
        let radius = 13.0 + 57.0 * dice.unit() * dice.unit();
        let margin = if dice.chance(0.1) { 0.4 } else { 1.05 } * radius;
        let center = [
            dice.between(margin, canvas.width() - margin),
            dice.between(margin, (canvas.height() - margin).min(0.85 * canvas.height())),
        ];
        let far = |(_, other): &(usize, Pose)| {
            let (dx, dy) = (center[0] - other.center[0], center[1] - other.center[1]);
            dx * dx + dy * dy > 0.95 * (radius + other.radius) * (radius + other.radius)
        };
        if poses.iter().all(far) {
            poses.push((dice.whole(0, SIGNS.len() - 1), Pose::draw(dice, center, radius)));
        }
    }
    // The largest is nearest.
    poses.sort_by(|a, b| a.1.radius.total_cmp(&b.1.radius));
    // Poles first: a pole in front of another sign would be an extra occlusion.
    for (_, pose) in &poses {
        if dice.chance(0.75) {
            let length = dice.between(2.5, 6.0) * pose.radius;
            let back = [pose.center[0], pose.center[1] - 0.6 * pose.radius];
            clutter::pole(canvas, dice, back, length, (0.07 * pose.radius).max(0.9));
        }
    }
    let mut placed = Vec::new();
    for (class, pose) in poses {
        let outline = SIGNS[class].face.draw(canvas, &pose, dice);
        let outside =
            |point: &Point| point[0] < 0.0 || point[1] < 0.0 || point[0] > canvas.width() || point[1] > canvas.height();
        placed.push(Placed { class, pose, area: area(&outline), truncated: outline.iter().any(outside) });
    }
    placed
}

/// Boxes and masks of the visible pixels; `None` if too little of a sign is visible.
fn truth(canvas: &Canvas, placed: &[Placed]) -> Result<Option<Vec<Truth>>> {
    let mut signs = Vec::new();
    let (width, height) = canvas.size;
    for (sign, layer) in placed.iter().zip(&canvas.visible) {
        let bitmap: Vec<u8> = layer.iter().map(|seen| u8::from(*seen >= 0.5)).collect();
        let at = |index: usize| (index as u32 % width, index as u32 / width);
        let shown: Vec<(u32, u32)> = (0..bitmap.len()).filter(|index| bitmap[*index] == 1).map(at).collect();
        let visible = shown.len() as f64;
        if visible < VISIBLE * sign.area {
            return Ok(None);
        }
        let bounds = shown.iter().fold((u32::MAX, u32::MAX, 0, 0), |(x1, y1, x2, y2), (x, y)| {
            (x1.min(*x), y1.min(*y), x2.max(x + 1), y2.max(y + 1))
        });
        signs.push(Truth {
            class: sign.class,
            bbox: BBox::new(bounds.0.into(), bounds.1.into(), bounds.2.into(), bounds.3.into()),
            area: shown.len() as u32,
            mask: masks::from_bitmap(&bitmap, width, height)?,
            truncated: sign.truncated,
            occluded: !sign.truncated && visible < 0.93 * sign.area,
        });
    }
    Ok(Some(signs))
}

/// The area inside a contour in square pixels (shoelace formula).
fn area(contour: &[Point]) -> f64 {
    let next = contour.iter().cycle().skip(1);
    0.5 * contour.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>().abs()
}
