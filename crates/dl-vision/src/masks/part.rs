//! Masks of a part of an image, such as a tile or a mirror image, as masks of the whole image.

use anyhow::{Result, ensure};
use dl_record::Mask;
use hotcoco::mask;
use hotcoco::types::Rle;

use super::{to_mask, to_rle};

/// The mask of a part of an image as a mask of the image. `origin`: left and top of the part; `size`: width and height of
/// the image, all in pixels. `mirrored`: left and right of the part are exchanged.
/// # Errors
/// When the mask's counts are invalid, or the part extends outside the image.
pub fn in_image(mask: &Mask, origin: [u32; 2], size: [u32; 2], mirrored: bool) -> Result<Mask> {
    let Rle { h: part_height, w: part_width, counts } = to_rle(mask)?;
    let ([left, top], [width, height]) = (origin.map(u64::from), size.map(u64::from));
    ensure!(
        left + u64::from(part_width) <= width && top + u64::from(part_height) <= height,
        "mask: {part_width} x {part_height} pixels at ({left}, {top}) are not inside an image of {width} x {height}"
    );
    let (rows, columns) = (u64::from(part_height), u64::from(part_width));
    // Each run within one column of the image: its first pixel and its length, down the columns.
    let mut runs: Vec<(u64, u64)> = Vec::new();
    let mut at = 0;
    for (index, count) in counts.iter().map(|count| u64::from(*count)).enumerate() {
        let end = at + count;
        while index % 2 == 1 && at < end {
            let (column, row) = (at / rows, at % rows);
            let length = (rows - row).min(end - at);
            let column = if mirrored { columns - 1 - column } else { column };
            runs.push(((left + column) * height + top + row, length));
            at += length;
        }
        at = end;
    }
    runs.sort_unstable();
    Ok(to_mask(&Rle { h: size[1], w: size[0], counts: counts_of(&runs, width * height)? }))
}

/// The alternating counts of sorted runs of ones among `pixels`. Runs that touch become one.
fn counts_of(runs: &[(u64, u64)], pixels: u64) -> Result<Vec<u32>> {
    let mut counts: Vec<u32> = Vec::new();
    let mut end = 0;
    for (start, length) in runs {
        match counts.last_mut() {
            // Counts end with ones here.
            Some(last) if *start == end => *last += u32::try_from(*length)?,
            _ => counts.extend([u32::try_from(start - end)?, u32::try_from(*length)?]),
        }
        end = start + length;
    }
    if end < pixels || counts.is_empty() {
        counts.push(u32::try_from(pixels - end)?);
    }
    Ok(counts)
}

/// The pixels of either mask.
/// # Errors
/// When a mask's counts are invalid, or their sizes differ.
pub fn union(a: &Mask, b: &Mask) -> Result<Mask> {
    ensure!(a.size == b.size, "masks of {:?} and {:?} pixels", a.size, b.size);
    Ok(to_mask(&mask::merge(&[to_rle(a)?, to_rle(b)?], false)?))
}

#[cfg(test)]
mod tests {
    use super::super::{from_bitmap, to_bitmap};
    use super::*;

    #[test]
    fn a_part_is_placed_in_the_image_also_mirrored() {
        let mut rng = dl_record::rng(0, "part");
        for (width, height) in [(1, 1), (3, 2), (2, 5), (4, 4)] {
            for _ in 0..40 {
                let bitmap: Vec<u8> =
                    (0..width * height).map(|_| u8::from(rand::RngExt::random_bool(&mut rng, 0.5))).collect();
                let mask = from_bitmap(&bitmap, width, height).unwrap();
                for (origin, size) in [([0, 0], [width, height]), ([2, 1], [width + 2, height + 1]), ([1, 3], [9, 9])] {
                    for mirrored in [false, true] {
                        let found = to_bitmap(&in_image(&mask, origin, size, mirrored).unwrap()).unwrap();
                        let at = |x: u32, y: u32| {
                            let (x, y) = (x.checked_sub(origin[0])?, y.checked_sub(origin[1])?);
                            let x = if mirrored { (width - 1).checked_sub(x)? } else { x };
                            (x < width && y < height).then(|| bitmap[(y * width + x) as usize])
                        };
                        let expected: Vec<u8> = (0..size[1])
                            .flat_map(|y| (0..size[0]).map(move |x| (x, y)))
                            .map(|(x, y)| at(x, y).unwrap_or(0))
                            .collect();
                        assert_eq!(found, expected);
                    }
                }
            }
        }
        let one = from_bitmap(&[1], 1, 1).unwrap();
        assert!(in_image(&one, [5, 0], [5, 5], false).is_err());
    }

    #[test]
    fn a_union_has_the_pixels_of_both() {
        let [a, b] = [[1, 0, 0, 1], [0, 0, 1, 1]].map(|bitmap| from_bitmap(&bitmap, 2, 2).unwrap());
        assert_eq!(to_bitmap(&union(&a, &b).unwrap()).unwrap(), [1, 0, 1, 1]);
        assert!(union(&a, &from_bitmap(&[1, 1], 2, 1).unwrap()).is_err());
    }
}
