//! Boxes, masks and labels on pictures.
//!
//! Straight lines fall on whole pixels and are crisp; everything else is smooth (see [`raster`]). What lies outside
//! the picture is left out; frames and labels are moved inside, so that none is lost.

use dl_record::BBox;
use image::{Rgb, RgbImage};

use super::font;
use super::raster::{self, Point};

/// Red, green, blue.
pub type Color = [u8; 3];

/// White.
pub const WHITE: Color = [255; 3];

/// Nearly black, kinder to the eye than black.
pub const BLACK: Color = [22, 22, 26];

/// The colour of a class: bright, never the green of the truth, and the same for the same name in every picture of
/// every run.
pub fn color_of(label: &str) -> Color {
    // A hash, then a multiplier that keeps common classes (traffic signs, blood cells, pets and vehicles) apart.
    let hash = dl_record::Fnv1a::of(label.bytes());
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xccc7_e48d_cf5f_5a0b);
    // In sixths of the circle, from 150 degrees over red to 90.
    let hue = 2.5 + 5.0 * (hash >> 40) as f64 / f64::from(1_u32 << 24);
    let [saturation, value] = [[0.85, 1.0], [0.7, 1.0], [0.95, 0.85], [0.55, 0.95]][(hash & 3) as usize];
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue) % 6.0;
        let channel = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (255.0 * channel).round() as u8
    })
}

/// Black or white, whichever is easier to read on `ground`.
pub fn ink_on(ground: Color) -> Color {
    let [red, green, blue] = ground.map(u32::from);
    if 299 * red + 587 * green + 114 * blue > 140_000 { BLACK } else { WHITE }
}

/// Fills closed contours; where they overlap, every second layer is a hole. `opacity` is from 0 to 1.
pub fn fill(picture: &mut RgbImage, contours: &[Vec<Point>], color: Color, opacity: f32) {
    raster::fill(contours, picture.dimensions(), |x, y, coverage| blend(picture, x, y, color, coverage * opacity));
}

/// Draws a line with round ends through `points`.
pub fn stroke(picture: &mut RgbImage, points: &[Point], thickness: f64, color: Color, opacity: f32) {
    let size = picture.dimensions();
    raster::stroke(points, thickness, size, |x, y, coverage| blend(picture, x, y, color, coverage * opacity));
}

/// Fills a rectangle; its edges are rounded to whole pixels.
pub fn rectangle(picture: &mut RgbImage, bbox: BBox, color: Color, opacity: f32) {
    let (width, height) = picture.dimensions();
    let at = |edge: f64, limit: u32| edge.round().clamp(0.0, f64::from(limit)) as u32;
    for y in at(bbox.y1, height)..at(bbox.y2, height) {
        for x in at(bbox.x1, width)..at(bbox.x2, width) {
            blend(picture, x, y, color, opacity);
        }
    }
}

/// How a frame is drawn.
#[derive(Clone, Copy, Debug)]
pub struct FrameStyle {
    /// Colour of the line.
    pub color: Color,
    /// Colour of every second dash, if the line is dashed.
    pub dashes: Option<Color>,
    /// Width of the line in whole pixels.
    pub thickness: u32,
    /// From 0 to 1.
    pub opacity: f32,
}

/// Draws the outline of a box, all of it inside the picture and inside the box where the box is large enough.
pub fn frame(picture: &mut RgbImage, bbox: BBox, style: FrameStyle) {
    let (width, height) = picture.dimensions();
    let line = style.thickness.max(1);
    let span = |low: f64, high: f64, limit: u32| {
        let low = low.round().clamp(0.0, f64::from(limit.saturating_sub(line))) as u32;
        (low, (high.round().clamp(0.0, f64::from(limit)) as u32).max(low + line).min(limit))
    };
    let ((x1, x2), (y1, y2)) = (span(bbox.x1, bbox.x2, width), span(bbox.y1, bbox.y2, height));
    let dash = 4 * line;
    let mut dot = |x: u32, y: u32| {
        let color = style.dashes.filter(|_| ((x - x1 + y - y1) / dash) % 2 == 1).unwrap_or(style.color);
        blend(picture, x, y, color, style.opacity);
    };
    for y in y1..y2 {
        if y < y1 + line || y + line >= y2 {
            (x1..x2).for_each(|x| dot(x, y));
        } else {
            // Only the ends: most of the box lies between them.
            let inner = (x1 + line).min(x2);
            (x1..inner).chain(x2.saturating_sub(line).max(inner)..x2).for_each(|x| dot(x, y));
        }
    }
}

/// Tints the pixels of a mask, `width * height` bytes row by row (0: outside), and draws its border.
pub fn tint(picture: &mut RgbImage, bitmap: &[u8], color: Color, opacity: f32) {
    let (width, height) = picture.dimensions();
    let inside = |x: u32, y: u32| bitmap.get((y * width + x) as usize).is_some_and(|byte| *byte != 0);
    for y in 0..height {
        for x in 0..width {
            if inside(x, y) {
                let border = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
                let rim = border || !(inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1));
                blend(picture, x, y, color, if rim { 0.9 } else { opacity });
            }
        }
    }
}

/// Writes a line of text with its top left corner at `at`. Letters are `9 * scale` pixels high, descenders included.
pub fn text(picture: &mut RgbImage, text: &str, at: Point, scale: f64, color: Color) {
    for strokes in font::strokes(text) {
        let points: Vec<Point> = strokes.iter().map(|[x, y]| [at[0] + scale * x, at[1] + scale * y]).collect();
        stroke(picture, &points, scale, color, 1.0);
    }
}

/// Where a label goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Above the box, inside it when there is no room.
    Above,
    /// Below the box, inside it when there is no room.
    Below,
}

/// Writes a label on a coloured ground at a box, aligned with its left edge. It never leaves the picture: it moves, and
/// if it must it is shortened.
pub fn label(picture: &mut RgbImage, bbox: BBox, side: Side, words: &str, scale: f64, colors: [Color; 2]) {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let margin = (2.0 * scale).round();
    let words = font::shortened(words, (width - 2.0 * margin) / scale);
    let (wide, high) =
        (scale * font::width(&words) + 2.0 * margin, (scale * font::CAPITAL_ROWS + 2.0 * margin).round());
    let left = bbox.x1.round().min(width - wide).max(0.0).floor();
    let (above, below) = (bbox.y1.round() - high, bbox.y2.round());
    let top = match side {
        Side::Above if above >= 0.0 => above,
        Side::Above => bbox.y1.round(),
        Side::Below if below + high <= height => below,
        Side::Below => bbox.y2.round() - high,
    };
    let top = top.min(height - high).max(0.0).floor();
    let [ground, ink] = colors;
    rectangle(picture, BBox::new(left, top, left + wide.ceil(), top + high), ground, 1.0);
    text(picture, &words, [left + margin, top + margin], scale, ink);
}

fn blend(picture: &mut RgbImage, x: u32, y: u32, color: Color, opacity: f32) {
    let Rgb(pixel) = picture.get_pixel_mut(x, y);
    for (old, new) in pixel.iter_mut().zip(color) {
        *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * opacity).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(picture: &RgbImage) -> Vec<(u32, u32)> {
        picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0 != [0; 3]).map(|(x, y, _)| (x, y)).collect()
    }

    #[test]
    fn a_frame_runs_along_the_inside_of_its_box() {
        let mut picture = RgbImage::new(12, 10);
        let style = FrameStyle { color: WHITE, dashes: None, thickness: 1, opacity: 1.0 };
        frame(&mut picture, BBox::new(2.0, 3.0, 8.0, 7.0), style);
        let painted = painted(&picture);
        assert_eq!(painted.len(), 2 * 6 + 2 * 2);
        assert!(painted.iter().all(|(x, y)| (2..8).contains(x) && (3..7).contains(y)));
    }

    #[test]
    fn boxes_beyond_the_picture_are_drawn_at_its_edge() {
        let style = FrameStyle { color: WHITE, dashes: Some(BLACK), thickness: 2, opacity: 1.0 };
        for bbox in
            [[-50.0, -50.0, 900.0, 900.0], [40.0, 40.0, 41.0, 41.0], [5.0, 5.0, 5.0, 5.0], [-9.0, 2.0, -5.0, 4.0]]
        {
            let mut picture = RgbImage::new(12, 10);
            frame(&mut picture, bbox.into(), style);
            assert!(!painted(&picture).is_empty(), "{bbox:?}");
        }
    }

    #[test]
    fn a_label_stays_inside_the_smallest_picture() {
        for (width, height) in [(1, 1), (3, 40), (40, 3), (60, 30)] {
            for corner in [-20.0, 0.0, 25.0, 100.0] {
                let mut picture = RgbImage::new(width, height);
                let bbox = BBox::new(corner, corner, corner + 10.0, corner + 10.0);
                label(&mut picture, bbox, Side::Above, "speed-limit 0.97", 1.0, [WHITE, BLACK]);
                label(&mut picture, bbox, Side::Below, "日本語", 2.0, [WHITE, BLACK]);
                assert!(!painted(&picture).is_empty());
            }
        }
    }

    #[test]
    fn classes_have_colours_that_can_be_told_apart() {
        let labels = ["stop", "yield", "no-entry", "speed-limit", "priority", "turn-right", "warning", "crossing"];
        for (index, a) in labels.iter().enumerate() {
            for b in &labels[..index] {
                let difference: u32 = color_of(a).iter().zip(color_of(b)).map(|(a, b)| u32::from(a.abs_diff(b))).sum();
                assert!(difference > 90, "{a} {:?} {b} {:?}", color_of(a), color_of(b));
            }
        }
    }
}
