//! Losses of pairs of images.

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

/// How far two images, or their features, are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// The mean absolute difference.
    L1,
    /// The mean squared difference.
    L2,
}

impl Distance {
    /// The distance of two tensors of the same shape, a scalar.
    /// # Errors
    /// When the shapes differ.
    pub fn between(self, made: &Tensor, target: &Tensor) -> Result<Tensor> {
        let difference = (made - target)?;
        match self {
            Self::L1 => difference.abs()?.mean_all(),
            Self::L2 => difference.sqr()?.mean_all(),
        }
    }
}

/// The total variation of images [n, c, h, w]: twice the mean squared difference of neighbors above each other, and twice
/// that of neighbors beside each other, as in leftthomas/SRGAN.
/// # Errors
/// When candle fails.
pub fn total_variation(images: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = images.dims4()?;
    let along = |axis: usize, length: usize| -> Result<Tensor> {
        let (first, second) = (images.narrow(axis, 1, length - 1)?, images.narrow(axis, 0, length - 1)?);
        (first - second)?.sqr()?.mean_all()
    };
    (along(2, height)? + along(3, width)?)? * 2.0
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn distances_and_the_total_variation_are_those_of_their_formulas() {
        let x = Var::new(&[[[[1f32, 3.0], [0.0, 2.0]]]], &Device::Cpu).unwrap();
        let y = Tensor::new(&[[[[1f32, 1.0], [1.0, 2.0]]]], &Device::Cpu).unwrap();
        let scalar = |x: Tensor| x.to_scalar::<f32>().unwrap();
        assert_eq!(scalar(Distance::L1.between(&x, &y).unwrap()), 0.75);
        assert_eq!(scalar(Distance::L2.between(&x, &y).unwrap()), 1.25);
        let variation = total_variation(&x).unwrap();
        let gradient = variation.backward().unwrap().remove(&x).unwrap();
        // 2 (1 + 1) / 2 downwards, 2 (4 + 4) / 2 sideways.
        assert_eq!(scalar(variation), 10.0);
        assert_eq!(gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [-2.0, 6.0, -6.0, 2.0]);
    }
}
