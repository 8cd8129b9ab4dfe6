//! Boxes, masks and labels on images.
//!
//! Straight lines fall on whole pixels and are crisp; everything else is anti-aliased (see [`raster`]). Drawing outside
//! the image has no effect; frames and labels are moved inside, so that none is lost.

use dl_record::BBox;
use image::{Rgb, RgbImage};

use super::raster::{self, Point};
use super::text::{self, Fonts};

/// Red, green, blue.
pub type Color = [u8; 3];

/// White.
pub const WHITE: Color = [255; 3];

/// Nearly black, easier on the eye than black.
pub const BLACK: Color = [22, 22, 26];

/// The color of a class: bright, never the green of the ground truth, and the same for a name in every image and run.
pub fn color_of(label: &str) -> Color {
    // A hash, then a multiplier that keeps common classes (traffic signs, blood cells, pets and vehicles) apart.
    let hash = dl_record::Fnv1a::of(label.bytes());
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0xccc7_e48d_cf5f_5a0b);
    // In sixths of the color wheel, from 150 degrees through red to 90.
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

/// Fills closed contours; where they overlap, every second layer is a hole. `opacity` ranges from 0 to 1.
pub fn fill(image: &mut RgbImage, contours: &[Vec<Point>], color: Color, opacity: f32) {
    raster::fill(contours, image.dimensions(), |x, y, coverage| blend(image, x, y, color, coverage * opacity));
}

/// Draws a line with round ends through `points`.
pub fn stroke(image: &mut RgbImage, points: &[Point], thickness: f64, color: Color, opacity: f32) {
    let size = image.dimensions();
    raster::stroke(points, thickness, size, |x, y, coverage| blend(image, x, y, color, coverage * opacity));
}

/// Fills a rectangle; its edges are rounded to whole pixels.
pub fn rectangle(image: &mut RgbImage, bbox: BBox, color: Color, opacity: f32) {
    let (width, height) = image.dimensions();
    let at = |edge: f64, limit: u32| edge.round().clamp(0.0, f64::from(limit)) as u32;
    for y in at(bbox.y1, height)..at(bbox.y2, height) {
        for x in at(bbox.x1, width)..at(bbox.x2, width) {
            blend(image, x, y, color, opacity);
        }
    }
}

/// How a frame is drawn.
#[derive(Clone, Copy, Debug)]
pub struct FrameStyle {
    /// Color of the line.
    pub color: Color,
    /// Color of every second dash, if the line is dashed.
    pub dashes: Option<Color>,
    /// Width of the line in whole pixels.
    pub thickness: u32,
    /// From 0 to 1.
    pub opacity: f32,
}

/// Draws the outline of a box, inside the image and, where the box is large enough, inside the box.
pub fn frame(image: &mut RgbImage, bbox: BBox, style: FrameStyle) {
    let (width, height) = image.dimensions();
    let line = style.thickness.max(1);
    let span = |low: f64, high: f64, limit: u32| {
        let low = low.round().clamp(0.0, f64::from(limit.saturating_sub(line))) as u32;
        (low, (high.round().clamp(0.0, f64::from(limit)) as u32).max(low + line).min(limit))
    };
    let ((x1, x2), (y1, y2)) = (span(bbox.x1, bbox.x2, width), span(bbox.y1, bbox.y2, height));
    let dash = 4 * line;
    let mut dot = |x: u32, y: u32| {
        let color = style.dashes.filter(|_| ((x - x1 + y - y1) / dash) % 2 == 1).unwrap_or(style.color);
        blend(image, x, y, color, style.opacity);
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
pub fn tint(image: &mut RgbImage, bitmap: &[u8], color: Color, opacity: f32) {
    let (width, height) = image.dimensions();
    let inside = |x: u32, y: u32| bitmap.get((y * width + x) as usize).is_some_and(|byte| *byte != 0);
    for y in 0..height {
        for x in 0..width {
            if inside(x, y) {
                let border = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
                let rim = border || !(inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1));
                blend(image, x, y, color, if rim { 0.9 } else { opacity });
            }
        }
    }
}

/// Writes a line of text that starts at `at` = (left, baseline), `size` pixels per em.
pub fn text(image: &mut RgbImage, fonts: &Fonts, text: &str, at: Point, size: f64, color: Color) {
    fonts.draw(text, size, at, |x, y, coverage| blend_inside(image, [x, y], color, coverage));
}

/// Which side of a box its label is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Above the box, inside it when there is no room.
    Above,
    /// Below the box, inside it when there is no room.
    Below,
}

/// How a label is drawn.
#[derive(Clone, Copy)]
pub struct LabelStyle<'a> {
    /// The fonts of its text.
    pub fonts: &'a Fonts,
    /// Pixels per em.
    pub size: f64,
    /// Color of the ground.
    pub ground: Color,
    /// Color of the text.
    pub ink: Color,
}

/// Writes a label on a colored ground at a box, aligned with its left edge. It never leaves the image: it moves, and
/// is shortened if it must be.
pub fn label(image: &mut RgbImage, bbox: BBox, side: Side, words: &str, style: LabelStyle) {
    let LabelStyle { fonts, size, ground, ink } = style;
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let margin = (0.25 * size).round();
    let words = fonts.shortened(words, size, width - 2.0 * margin);
    let wide = (fonts.width(&words, size) + 2.0 * margin).ceil();
    let (ascent, descent) = ((text::ASCENT * size).round(), (text::DESCENT * size).round());
    let high = ascent + descent;
    let left = bbox.x1.round().min(width - wide).max(0.0).floor();
    let (above, below) = (bbox.y1.round() - high, bbox.y2.round());
    let top = match side {
        Side::Above if above >= 0.0 => above,
        Side::Above => bbox.y1.round(),
        Side::Below if below + high <= height => below,
        Side::Below => bbox.y2.round() - high,
    };
    let top = top.min(height - high).max(0.0).floor();
    rectangle(image, BBox::new(left, top, left + wide, top + high), ground, 1.0);
    text(image, fonts, &words, [left + margin, top + ascent], size, ink);
}

/// Mixes `color` into the pixel at (x, y), if it is inside the image. `opacity` is from 0 to 1.
pub fn blend_inside(image: &mut RgbImage, [x, y]: [i32; 2], color: Color, opacity: f32) {
    if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
        && x < image.width()
        && y < image.height()
    {
        blend(image, x, y, color, opacity);
    }
}

fn blend(image: &mut RgbImage, x: u32, y: u32, color: Color, opacity: f32) {
    let Rgb(pixel) = image.get_pixel_mut(x, y);
    for (old, new) in pixel.iter_mut().zip(color) {
        *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * opacity).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(image: &RgbImage) -> Vec<(u32, u32)> {
        image.enumerate_pixels().filter(|(_, _, pixel)| pixel.0 != [0; 3]).map(|(x, y, _)| (x, y)).collect()
    }

    #[test]
    fn a_frame_runs_along_the_inside_of_its_box() {
        let mut image = RgbImage::new(12, 10);
        let style = FrameStyle { color: WHITE, dashes: None, thickness: 1, opacity: 1.0 };
        frame(&mut image, BBox::new(2.0, 3.0, 8.0, 7.0), style);
        let painted = painted(&image);
        assert_eq!(painted.len(), 2 * 6 + 2 * 2);
        assert!(painted.iter().all(|(x, y)| (2..8).contains(x) && (3..7).contains(y)));
    }

    #[test]
    fn boxes_beyond_the_image_are_drawn_at_its_edge() {
        let style = FrameStyle { color: WHITE, dashes: Some(BLACK), thickness: 2, opacity: 1.0 };
        for bbox in
            [[-50.0, -50.0, 900.0, 900.0], [40.0, 40.0, 41.0, 41.0], [5.0, 5.0, 5.0, 5.0], [-9.0, 2.0, -5.0, 4.0]]
        {
            let mut image = RgbImage::new(12, 10);
            frame(&mut image, bbox.into(), style);
            assert!(!painted(&image).is_empty(), "{bbox:?}");
        }
    }

    #[test]
    fn a_label_stays_inside_the_smallest_image() {
        let fonts = Fonts::new(&[]).unwrap();
        for (width, height) in [(1, 1), (3, 40), (40, 3), (60, 30)] {
            for corner in [-20.0, 0.0, 25.0, 100.0] {
                let mut image = RgbImage::new(width, height);
                let bbox = BBox::new(corner, corner, corner + 10.0, corner + 10.0);
                let style = |size| LabelStyle { fonts: &fonts, size, ground: WHITE, ink: BLACK };
                label(&mut image, bbox, Side::Above, "speed-limit 0.97", style(9.0));
                label(&mut image, bbox, Side::Below, "日本語", style(18.0));
                assert!(!painted(&image).is_empty());
            }
        }
    }

    #[test]
    fn classes_have_distinguishable_colors() {
        let labels = ["stop", "yield", "no-entry", "speed-limit", "priority", "turn-right", "warning", "crossing"];
        for (index, a) in labels.iter().enumerate() {
            for b in &labels[..index] {
                let difference: u32 = color_of(a).iter().zip(color_of(b)).map(|(a, b)| u32::from(a.abs_diff(b))).sum();
                assert!(difference > 90, "{a} {:?} {b} {:?}", color_of(a), color_of(b));
            }
        }
    }
}
