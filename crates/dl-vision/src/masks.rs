//! Masks: COCO's run-length encoding, to and from bitmaps, polygons and plain runs.
//!
//! The arithmetic is hotcoco's, a port of COCO's own `maskApi.c`, so that a polygon covers the same pixels as in all
//! other tools. Runs go down the columns (x outer, y inner); bitmaps here are row by row, like images.

use anyhow::{Context, Result, bail};
use dl_record::{BBox, Mask};
use hotcoco::mask;
use hotcoco::types::Rle;

mod part;
mod paste;

pub use part::{in_image, union};
pub use paste::paste;

/// The mask of a bitmap, row by row, `width * height` bytes; nonzero bytes are in the mask.
/// # Errors
/// When the bitmap has another length, or more than 2^32 - 1 pixels.
pub fn from_bitmap(bitmap: &[u8], width: u32, height: u32) -> Result<Mask> {
    let (w, h) = (width as usize, height as usize);
    if w.checked_mul(h) != Some(bitmap.len()) {
        bail!("a mask of {width} x {height} pixels needs {} bytes, got {}", w.saturating_mul(h), bitmap.len());
    }
    // Rows -> columns.
    let columns: Vec<u8> = (0..w).flat_map(|x| (0..h).map(move |y| bitmap[y * w + x])).collect();
    Ok(to_mask(&mask::encode(&columns, height, width)?))
}

/// The most pixels of a mask that is converted to a bitmap, with one byte per pixel.
const MOST_PIXELS: u64 = 1 << 28;

/// The bitmap of a mask, row by row, `width * height` bytes of 0 and 1.
/// # Errors
/// When the mask's counts are invalid, or its size is larger than any image.
pub fn to_bitmap(mask: &Mask) -> Result<Vec<u8>> {
    let [height, width] = mask.size;
    let (w, h) = (width as usize, height as usize);
    // The size is stated by the mask; its runs may end long before.
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        bail!("mask: {width} x {height} pixels are more than {MOST_PIXELS}");
    }
    let columns = mask::decode(&to_rle(mask)?);
    if columns.is_empty() {
        return Ok(columns);
    }
    // Columns -> rows.
    Ok((0..h).flat_map(|y| (0..w).map(move |x| (x, y))).map(|(x, y)| columns[x * h + y]).collect())
}

/// The pixels covered by any of the polygons, each `[x1, y1, x2, y2, ...]` in continuous coordinates. A polygon with
/// fewer than three points covers none.
/// # Errors
/// When the image has more than 2^32 - 1 pixels, or a polygon extends absurdly far.
pub fn from_polygons(polygons: &[Vec<f64>], width: u32, height: u32) -> Result<Mask> {
    Ok(to_mask(&draw(polygons, width, height)?))
}

/// The most pixels that the outline of a polygon may pass through: the border of a million-pixel image has 4,000.
pub(crate) const LONGEST: f64 = (1 << 20) as f64;

/// As [`from_polygons`], uncompressed.
pub(crate) fn draw(polygons: &[Vec<f64>], width: u32, height: u32) -> Result<Rle> {
    // Drawing takes memory and time for each pixel of the outline, even outside the image.
    for polygon in polygons.iter().filter(|polygon| polygon.len() >= 6) {
        let (points, _) = polygon.as_chunks::<2>();
        let edges = points.iter().zip(points.iter().cycle().skip(1));
        let length: f64 = edges.map(|([x1, y1], [x2, y2])| (x2 - x1).abs().max((y2 - y1).abs())).sum();
        if length > LONGEST || !polygon.iter().all(|edge| edge.is_finite()) {
            bail!("a polygon has an outline of {length:.0} pixels, more than {LONGEST}");
        }
    }
    if width == 0 || height == 0 {
        return Ok(Rle { h: height, w: width, counts: vec![0] });
    }
    Ok(mask::fr_polys(polygons, height, width)?)
}

/// The mask of plain runs, alternately of 0 and 1, down the columns: COCO's uncompressed form, which it uses for
/// crowds.
/// # Errors
/// When the runs are longer than the image.
pub fn from_runs(runs: &[u32], width: u32, height: u32) -> Result<Mask> {
    mask::check_counts(runs, height, width)?;
    Ok(to_mask(&Rle { h: height, w: width, counts: runs.to_vec() }))
}

/// The plain runs of a mask, alternately of 0 and 1, down the columns.
/// # Errors
/// When the mask's counts are invalid.
pub fn to_runs(mask: &Mask) -> Result<Vec<u32>> {
    Ok(to_rle(mask)?.counts)
}

/// The number of pixels in the mask.
/// # Errors
/// When the mask's counts are invalid.
pub fn area(mask: &Mask) -> Result<u64> {
    let [height, width] = mask.size;
    mask::area_from_string(&mask.counts, height, width).context("mask")
}

/// The smallest box around the mask's pixels; [0, 0, 0, 0] if it has none.
/// # Errors
/// When the mask's counts are invalid.
pub fn bounding_box(mask: &Mask) -> Result<BBox> {
    let [height, width] = mask.size;
    let (_, [x, y, w, h]) = mask::area_and_bbox_from_string(&mask.counts, height, width).context("mask")?;
    Ok(BBox::new(x, y, x + w, y + h))
}

fn to_rle(mask: &Mask) -> Result<Rle> {
    let [height, width] = mask.size;
    mask::rle_from_string(&mask.counts, height, width).context("mask")
}

pub(crate) fn to_mask(rle: &Rle) -> Mask {
    Mask { size: [rle.h, rle.w], counts: mask::rle_to_string(rle) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_that_is_not_square_is_restored() {
        #[rustfmt::skip]
        let bitmap = [
            1, 0, 0, 1, 0,
            1, 1, 0, 0, 0,
            0, 1, 0, 0, 1,
        ];
        let mask = from_bitmap(&bitmap, 5, 3).unwrap();
        assert_eq!(to_bitmap(&mask).unwrap(), bitmap);
        assert_eq!(mask.size, [3, 5]);
        assert_eq!(to_runs(&mask).unwrap(), [0, 2, 2, 2, 3, 1, 4, 1]);
        assert_eq!(from_runs(&[0, 2, 2, 2, 3, 1, 4, 1], 5, 3).unwrap(), mask);
        assert_eq!(area(&mask).unwrap(), 6);
        assert_eq!(bounding_box(&mask).unwrap(), BBox::new(0.0, 0.0, 5.0, 3.0));
    }

    #[test]
    fn polygons_cover_the_same_pixels_as_in_pycocotools() {
        // pycocotools 2.0.11: maskUtils.merge(maskUtils.frPyObjects(polygons, 8, 10)), .decode, .area, .toBbox
        let polygons = [vec![1.5, 1.0, 6.2, 1.3, 6.0, 5.5, 2.0, 5.0], vec![7.0, 6.0, 9.5, 6.0, 8.0, 7.9]];
        let mask = from_polygons(&polygons, 10, 8).unwrap();
        assert_eq!(mask.counts, "a04400001<LG02");
        assert_eq!(area(&mask).unwrap(), 19);
        assert_eq!(bounding_box(&mask).unwrap(), BBox::new(2.0, 1.0, 9.0, 7.0));
    }

    #[test]
    fn empty_and_full_masks_are_valid() {
        let nothing = from_bitmap(&[0; 6], 2, 3).unwrap();
        let everything = from_bitmap(&[255; 6], 2, 3).unwrap();
        assert_eq!((area(&nothing).unwrap(), area(&everything).unwrap()), (0, 6));
        assert_eq!(bounding_box(&nothing).unwrap(), BBox::default());
        assert_eq!(from_polygons(&[], 2, 3).unwrap(), nothing);
        assert_eq!(from_polygons(&[vec![0.0, 0.0, 1.0]], 2, 3).unwrap(), nothing);
    }

    #[test]
    fn runs_longer_than_the_image_are_rejected() {
        assert!(from_runs(&[4, 3], 2, 3).is_err());
        let mask = Mask { size: [1, 1], counts: from_bitmap(&[1; 6], 2, 3).unwrap().counts };
        for result in [area(&mask).map(drop), to_bitmap(&mask).map(drop), bounding_box(&mask).map(drop)] {
            assert!(format!("{:#}", result.unwrap_err()).starts_with("mask: "));
        }
        assert!(from_bitmap(&[1; 5], 2, 3).is_err());
    }

    #[test]
    fn masks_that_would_exhaust_memory_are_rejected() {
        let far = vec![0.0, 0.0, 1e9, 1e9, -1e9, 1e9];
        for polygon in [far, vec![0.0, f64::NAN, 1.0, 1.0, 2.0, 0.0], vec![0.0, f64::INFINITY, 1.0, 1.0, 2.0, 0.0]] {
            assert!(from_polygons(&[polygon], 20, 20).is_err());
        }
        let large = Mask { size: [60_000, 60_000], counts: "0".to_owned() };
        assert!(to_bitmap(&large).unwrap_err().to_string().contains("60000 x 60000"));
    }
}
