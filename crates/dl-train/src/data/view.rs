//! What a detector sees of an image: a rectangle of it, perhaps mirrored.
//!
//! Expansion, crops, zoom and jitter all choose the rectangle, which may extend outside the image, where the mean color
//! is. One resampling makes the input, and boxes and masks follow by the same numbers.

use anyhow::{Result, ensure};
use dl_models::Preprocessing;
use dl_models::detection::Placed;
use dl_record::{BBox, Mask};
use dl_vision::masks;
use dl_vision::picture::warp::{Normalization, resample};
use image::RgbImage;
use rand_chacha::ChaCha8Rng;

use super::color::normalize;
use super::photometric::Photometric;

/// The place of an image in an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The rectangle that fills the input.
    pub placed: Placed,
    /// Whether left and right are exchanged.
    pub mirrored: bool,
}

impl View {
    /// A box of the image in pixels of the input. It may extend outside the input.
    pub fn to_input(&self, bbox: &BBox) -> BBox {
        let BBox { x1, y1, x2, y2 } = self.placed.to_input(*bbox);
        let width = self.placed.size[1] as f64;
        if self.mirrored { BBox::new(width - x2, y1, width - x1, y2) } else { BBox::new(x1, y1, x2, y2) }
    }

    /// The visible part of a box of the image, in pixels of the input; `None` if its center is not visible, or nothing
    /// of it.
    pub fn visible(&self, bbox: &BBox) -> Option<BBox> {
        let [rows, columns] = self.placed.size.map(|side| side as f64);
        let bbox = self.to_input(bbox);
        let (x, y) = bbox.center();
        let visible = bbox.clip(columns, rows);
        let has_center = (0.0..=columns).contains(&x) && (0.0..=rows).contains(&y);
        (has_center && visible.width() > 0.0 && visible.height() > 0.0).then_some(visible)
    }

    /// [height, width] of the part of the input, from its top left, beyond which there is no image.
    pub fn extent(&self) -> [f64; 2] {
        let Placed { source, size: [rows, columns], image: [width, height] } = self.placed;
        let scale = [columns as f64 / source.width(), rows as f64 / source.height()];
        let right = if self.mirrored { source.x2 } else { f64::from(width) - source.x1 };
        let down = f64::from(height) - source.y1;
        let along = |length: f64, most: usize| length.round().clamp(1.0, most.max(1) as f64);
        [along(down * scale[1], rows), along(right * scale[0], columns)]
    }

    /// A mask of the image as one of the input: the nearest pixels.
    /// # Errors
    /// When the mask is broken, or of another image's size.
    pub fn mask(&self, mask: &Mask) -> Result<Mask> {
        let Placed { source, size: [rows, columns], image: [width, height] } = self.placed;
        let [mask_height, mask_width] = mask.size;
        ensure!(
            mask.size == [height, width],
            "a mask is of {mask_width} x {mask_height} pixels, its image of {width} x {height}"
        );
        let bitmap = masks::to_bitmap(mask)?;
        let mut seen = vec![0; rows * columns];
        for (row, line) in seen.chunks_exact_mut(columns.max(1)).enumerate() {
            let Some(y) = pixel_at(row, rows, [source.y1, source.y2], height) else { continue };
            for (column, pixel) in line.iter_mut().enumerate() {
                let column = if self.mirrored { columns - 1 - column } else { column };
                if let Some(x) = pixel_at(column, columns, [source.x1, source.x2], width) {
                    *pixel = bitmap[y * width as usize + x];
                }
            }
        }
        masks::from_bitmap(&seen, u32::try_from(columns)?, u32::try_from(rows)?)
    }

    /// The input [3, height, width] of an image, with its colors changed.
    pub fn input(
        &self,
        image: &RgbImage,
        preprocessing: &Preprocessing,
        color: Photometric,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let Placed { source, size: [rows, columns], .. } = self.placed;
        let mut x = vec![0.0; 3 * rows * columns];
        if color == Photometric::None {
            preprocessing.fill(image, &source, [rows, columns], &mut x);
        } else {
            let identity = Normalization::IDENTITY;
            resample(image, &source, [rows, columns], preprocessing.interpolation, &identity, &mut x);
            x.iter_mut().for_each(|value| *value /= 255.0);
            color.apply(&mut x, rng);
            normalize(&mut x, &preprocessing.normalization());
            self.clear_outside(&mut x);
        }
        if self.mirrored {
            x.chunks_exact_mut(columns.max(1)).for_each(<[f32]>::reverse);
        }
        x
    }

    /// What is outside the image has the mean color, whatever happened to the colors.
    fn clear_outside(&self, x: &mut [f32]) {
        let Placed { source, size: [rows, columns], image: [width, height] } = self.placed;
        let inside: Vec<bool> =
            (0..columns).map(|column| pixel_at(column, columns, [source.x1, source.x2], width).is_some()).collect();
        for (index, line) in x.chunks_exact_mut(columns.max(1)).enumerate() {
            if pixel_at(index % rows, rows, [source.y1, source.y2], height).is_none() {
                line.fill(0.0);
                continue;
            }
            line.iter_mut().zip(&inside).filter(|(_, inside)| !**inside).for_each(|(value, _)| *value = 0.0);
        }
    }
}

/// The pixel of an image of `length` pixels, along one axis, in which the center of pixel `index` of an input of `count`
/// lies that shows it from `first` to `last`; `None` outside the image.
fn pixel_at(index: usize, count: usize, [first, last]: [f64; 2], length: u32) -> Option<usize> {
    let at = first + (index as f64 + 0.5) * (last - first) / count as f64;
    (at >= 0.0 && at < f64::from(length)).then_some(at as usize)
}

#[cfg(test)]
mod tests {
    use dl_models::{Preprocessing, Resize};
    use dl_vision::picture::warp::Interpolation;

    use super::*;

    /// Twice the image's width, of which the image is the left half, in 4 x 8 pixels.
    fn view(mirrored: bool) -> View {
        let source = BBox::new(0.0, 0.0, 8.0, 4.0);
        View { placed: Placed { image: [4, 4], source, size: [4, 8] }, mirrored }
    }

    #[test]
    fn boxes_and_masks_follow_the_pixels() {
        let bbox = BBox::new(1.0, 0.0, 3.0, 2.0);
        assert_eq!(view(false).visible(&bbox), Some(bbox));
        assert_eq!(view(true).visible(&bbox), Some(BBox::new(5.0, 0.0, 7.0, 2.0)));
        let bitmap: Vec<u8> = (0..16).map(|at| u8::from((1..3).contains(&(at % 4)) && at / 4 < 2)).collect();
        let mask = masks::from_bitmap(&bitmap, 4, 4).unwrap();
        for mirrored in [false, true] {
            let seen = view(mirrored).mask(&mask).unwrap();
            assert_eq!(Some(masks::bounding_box(&seen).unwrap()), view(mirrored).visible(&bbox));
        }
        let image = RgbImage::from_fn(4, 4, |x, y| image::Rgb([255 * bitmap[(y * 4 + x) as usize]; 3]));
        let plain = Preprocessing {
            interpolation: Interpolation::BilinearPlain,
            resize: Resize::Stretch,
            mean: [0.0; 3],
            std: [1.0; 3],
            ..Preprocessing::torchvision()
        };
        for color in [Photometric::None, Photometric::Hsv] {
            let input = view(true).input(&image, &plain, color, &mut dl_record::rng(0, ""));
            let lit: Vec<usize> = (0..32).filter(|at| input[*at] > 0.5).collect();
            assert_eq!(lit, [5, 6, 13, 14]);
        }
        assert!(view(false).mask(&Mask { size: [5, 4], counts: mask.counts }).is_err());
    }

    #[test]
    fn padding_at_the_end_is_not_part_of_the_extent() {
        assert_eq!(view(false).extent(), [4.0, 4.0]);
        let source = BBox::new(-4.0, 0.0, 4.0, 4.0);
        let mirrored = View { placed: Placed { image: [4, 4], source, size: [4, 8] }, mirrored: true };
        assert_eq!(mirrored.extent(), [4.0, 4.0]);
        assert_eq!(mirrored.to_input(&BBox::new(0.0, 0.0, 1.0, 1.0)), BBox::new(3.0, 0.0, 4.0, 1.0));
    }

    #[test]
    fn an_object_is_visible_if_its_center_is() {
        let placed = Placed { image: [100, 100], source: BBox::new(0.0, 0.0, 50.0, 50.0), size: [100, 100] };
        let view = View { placed, mirrored: false };
        assert_eq!(view.visible(&BBox::new(40.0, 40.0, 58.0, 58.0)), Some(BBox::new(80.0, 80.0, 100.0, 100.0)));
        assert_eq!(view.visible(&BBox::new(40.0, 40.0, 62.0, 62.0)), None);
        assert_eq!(view.visible(&BBox::new(10.0, 10.0, 10.0, 20.0)), None);
    }
}
