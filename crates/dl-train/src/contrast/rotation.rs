//! Rotated images and by how much (Gidaris et al. 2018, RotNet).

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::plain;

/// All images as they are, then rotated by 90, 180 and 270 degrees counterclockwise, and the number of quarter turns of
/// each.
///
/// images [n, c, s, s] of any type give [4 n, c, s, s] and 4 n classes 0 to 3. No number changes: pixels only move.
/// # Errors
/// When the images are not square.
pub fn rotations(images: &Tensor) -> Result<(Tensor, Vec<u32>)> {
    let (n, _, height, width) = images.dims4().map_err(plain)?;
    ensure!(height == width, "images of {width}x{height} pixels; quarter turns need square ones");
    let rotated = || -> candle_core::Result<Tensor> {
        // Row i of the first is column s - 1 - i.
        let first = images.flip(&[3])?.transpose(2, 3)?;
        let second = images.flip(&[2, 3])?;
        let third = images.transpose(2, 3)?.contiguous()?.flip(&[3])?;
        Tensor::cat(&[images.clone(), first, second, third], 0)
    };
    let turns = (0..4).flat_map(|turns| std::iter::repeat_n(turns, n)).collect();
    Ok((rotated().map_err(plain)?, turns))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input, near, numbers};

    #[test]
    fn images_and_gradients_are_those_of_torchs_rot90() {
        let (images, case) = (input(0, &[2, 2, 3, 3], 1.0), case(GOLDEN, "rotations"));
        let (rotated, turns) = rotations(&images).unwrap();
        assert_eq!((rotated.dims(), turns.as_slice()), ([8, 2, 3, 3].as_slice(), [0, 0, 1, 1, 2, 2, 3, 3].as_slice()));
        near("rotated", &numbers(&rotated), &case["rotated"]);
        let weights = input(50, &[8, 2, 3, 3], 1.0).as_detached_tensor();
        check(&(rotated * weights).unwrap().sum_all().unwrap(), &[("images", &images)], &case);
    }

    #[test]
    fn rectangles_are_refused() {
        let error = rotations(&Tensor::zeros((1, 1, 2, 3), DType::U8, &Device::Cpu).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "images of 3x2 pixels; quarter turns need square ones");
    }
}
