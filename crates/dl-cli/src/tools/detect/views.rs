//! The parts of an image in which a detector looks: all of it, its mirror image, tiles.

use anyhow::Result;
use dl_models::detection::{Detector, Found, Placed};
use dl_record::BBox;
use dl_vision::masks::in_image;

/// An object that ends closer to the border of a tile, in pixels, may continue beyond it.
const SEAM: f64 = 3.0;

/// An object that a view shows.
pub(super) struct Seen {
    pub(super) found: Found,
    /// Whether the view may show only a part of it.
    pub(super) is_cut: bool,
}

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    /// Left, top, in pixels of the image.
    origin: [u32; 2],
    /// Its place in the input.
    pub(super) placed: Placed,
    /// Whether left and right are exchanged.
    pub(super) is_mirrored: bool,
}

impl View {
    fn new(origin: [u32; 2], size: [u32; 2], is_mirrored: bool) -> Self {
        let placed = Placed { image: size, source: BBox::new(0.0, 0.0, 0.0, 0.0), size: [0, 0] };
        Self { origin, placed, is_mirrored }
    }

    /// The same, with the place that the detector gives it.
    pub(super) fn placed(self, detector: &dyn Detector) -> Self {
        let [width, height] = self.placed.image;
        Self { placed: detector.placed(width, height), ..self }
    }

    /// The rectangle that fills the input, in pixels of the image. The mirrored input is reversed after sampling, so its
    /// rectangle is mirrored, too.
    pub(super) fn source(&self) -> BBox {
        let BBox { x1, y1, x2, y2 } = self.placed.source;
        let [left, top] = self.origin.map(f64::from);
        let (x1, x2) = if self.is_mirrored { (self.width() - x2, self.width() - x1) } else { (x1, x2) };
        BBox::new(left + x1, top + y1, left + x2, top + y2)
    }

    fn width(&self) -> f64 {
        self.placed.image[0].into()
    }

    /// What was found in it, in pixels of the image of `width` x `height`.
    /// # Errors
    /// When a mask is not of the view's size.
    pub(super) fn to_image(self, found: Vec<Found>, size: [u32; 2]) -> Result<Vec<Seen>> {
        let [width, height] = size;
        let [left, top] = self.origin.map(f64::from);
        let [right, bottom] = [left + self.width(), top + f64::from(self.placed.image[1])];
        let in_image = |mut found: Found| {
            let BBox { x1, y1, x2, y2 } = found.bbox;
            let (x1, x2) = if self.is_mirrored { (self.width() - x2, self.width() - x1) } else { (x1, x2) };
            let bbox = BBox::new(left + x1, top + y1, left + x2, top + y2);
            let is_cut = (left > 0.0 && bbox.x1 < left + SEAM)
                || (top > 0.0 && bbox.y1 < top + SEAM)
                || (right < width.into() && bbox.x2 > right - SEAM)
                || (bottom < height.into() && bbox.y2 > bottom - SEAM);
            found.bbox = bbox;
            if let Some(mask) = &found.mask {
                found.mask = Some(in_image(mask, self.origin, size, self.is_mirrored)?);
            }
            Ok(Seen { found, is_cut })
        };
        found.into_iter().map(in_image).collect()
    }
}

/// The views of an image: all of it, and with `tile` square tiles of this side, of which neighbors overlap by a fraction
/// `overlap`; with `mirror` the mirror image of each.
pub(super) fn views((width, height): (u32, u32), tile: Option<u32>, overlap: f64, mirror: bool) -> Vec<View> {
    let mut places = vec![([0, 0], [width, height])];
    if let Some(tile) = tile.filter(|tile| width > *tile || height > *tile) {
        for top in starts(height, tile, overlap) {
            for left in starts(width, tile, overlap) {
                places.push(([left, top], [tile.min(width), tile.min(height)]));
            }
        }
    }
    let both: &[bool] = if mirror { &[false, true] } else { &[false] };
    places
        .into_iter()
        .flat_map(|(origin, size)| both.iter().map(move |is_mirrored| View::new(origin, size, *is_mirrored)))
        .collect()
}

/// Where tiles start along a side; the last one ends at the border.
fn starts(length: u32, tile: u32, overlap: f64) -> Vec<u32> {
    let last = length.saturating_sub(tile);
    let step = (f64::from(tile) * (1.0 - overlap)).ceil() as usize;
    (0..last).step_by(step).chain([last]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_image_and_overlap() {
        assert_eq!(starts(1000, 400, 0.25), [0, 300, 600]);
        assert_eq!(starts(1010, 400, 0.25), [0, 300, 600, 610]);
        assert_eq!(starts(300, 400, 0.25), [0]);
        assert_eq!(views((1000, 300), Some(400), 0.25, true).len(), 2 * (1 + 3));
        assert_eq!(views((1000, 300), Some(2000), 0.25, false).len(), 1);
    }
}
