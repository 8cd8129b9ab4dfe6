//! Pooling of regions: RoIPool (Girshick 2015) and RoIAlign (He et al. 2017), like torchvision's.
//!
//! The boxes are rows of [k, 5]: the image's index in the batch, then x1, y1, x2, y2 in pixels. They have no gradient.

mod align;
mod blocks;
mod pool;

use candle_core::{DType, Result, Tensor, bail};

pub use align::{RoiAlignConfig, roi_align};
pub use pool::{RoiPoolConfig, roi_pool};

/// One row of the boxes.
struct Region {
    image: usize,
    /// x1, y1, x2, y2 in pixels of the image.
    corners: [f32; 4],
}

impl Region {
    /// Checks x [n, c, h, w] and the boxes [k, 5] of any float type.
    fn all(x: &Tensor, boxes: &Tensor, output_size: [usize; 2]) -> Result<Vec<Self>> {
        let (n, _, h, w) = x.dims4()?;
        let (_, 5) = boxes.dims2()? else { bail!("regions: expected boxes [k, 5], got {:?}", boxes.dims()) };
        if h == 0 || w == 0 || output_size.contains(&0) {
            bail!("regions: cannot pool a map of {h}x{w} to {output_size:?}");
        }
        let rows = boxes.to_dtype(DType::F32)?.to_vec2::<f32>()?;
        let region = |(index, row): (usize, Vec<f32>)| match row[..] {
            [image, x1, y1, x2, y2] if row.iter().all(|value| value.is_finite()) => {
                if image.fract() != 0.0 || !(0.0..n as f32).contains(&image) {
                    bail!("regions: box {index} has image index {image}, but the batch has {n}");
                }
                Ok(Self { image: image as usize, corners: [x1, y1, x2, y2] })
            }
            _ => bail!("regions: box {index} is {row:?}"),
        };
        rows.into_iter().enumerate().map(region).collect()
    }
}
