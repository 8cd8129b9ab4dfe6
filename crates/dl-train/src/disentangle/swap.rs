//! The losses of a content and style autoencoder (Huang et al. 2018, equations 1 to 3).

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use dl_models::plain;

/// Factors on the losses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwapWeights {
    /// Images from their own codes.
    pub image: f64,
    /// Content codes of images with another style.
    pub content: f64,
    /// Style codes of images with another content.
    pub style: f64,
}

impl Default for SwapWeights {
    /// The paper's.
    fn default() -> Self {
        Self { image: 10.0, content: 1.0, style: 1.0 }
    }
}

/// The losses of a batch, scalars; an exchange makes an image of the content of one image and the style of another.
#[derive(Clone, Debug)]
pub struct SwapLoss {
    /// Their weighted sum.
    pub total: Tensor,
    /// The mean absolute difference of images and those made of their own two codes.
    pub image: Tensor,
    /// That of the content codes put into exchanges and those found in them.
    pub content: Tensor,
    /// That of the style codes put into exchanges and those found in them.
    pub style: Tensor,
}

impl SwapLoss {
    /// The losses of pairs (found, expected) of tensors of the same shape, f32, one or more of each kind; with two
    /// domains there are two, and their losses are added. Both sides of a pair get gradients, as in the authors' code.
    /// # Errors
    /// When a kind has no pair, or the shapes of a pair differ.
    pub fn new(
        weights: SwapWeights,
        images: &[[&Tensor; 2]],
        contents: &[[&Tensor; 2]],
        styles: &[[&Tensor; 2]],
    ) -> Result<Self> {
        let (image, content, style) = (sum("images", images)?, sum("contents", contents)?, sum("styles", styles)?);
        let total = || ((&image * weights.image)? + (&content * weights.content)?)? + (&style * weights.style)?;
        Ok(Self { total: total().map_err(plain)?, image, content, style })
    }
}

fn sum(kind: &str, pairs: &[[&Tensor; 2]]) -> Result<Tensor> {
    let distance = |[found, expected]: &[&Tensor; 2]| -> Result<Tensor> {
        let (a, b) = (found.dims(), expected.dims());
        ensure!(a == b, "{kind} {a:?} were made of {b:?}; both need the same shape");
        mean_absolute_difference(found, expected).map_err(plain)
    };
    let sum = pairs.iter().map(distance).reduce(|a, b| (a? + b?).map_err(plain));
    sum.with_context(|| format!("no {kind} to compare"))?
}

/// As torch, and not candle, has it: the slope at equal numbers is 0.
fn mean_absolute_difference(a: &Tensor, b: &Tensor) -> candle_core::Result<Tensor> {
    let difference = (a - b)?;
    (&difference * difference.sign()?.detach())?.mean_all()
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input, near, numbers};

    #[test]
    fn losses_and_gradients_are_those_of_torch() {
        // Two numbers of these are equal, where torch's slope is 0.
        let (made, given) = (input(0, &[2, 3, 4, 4], 1.0), input(4, &[2, 3, 4, 4], 1.0));
        let (found_content, content) = (input(100, &[2, 4, 2, 2], 1.0), input(120, &[2, 4, 2, 2], 1.0));
        let (found_style, style) = (input(200, &[2, 8], 1.0), input(210, &[2, 8], 1.0));
        let (other_style, case) = (input(220, &[2, 8], 1.0), case(GOLDEN, "swap"));
        let styles: [[&Tensor; 2]; 2] = [[&found_style, &style], [&style, &other_style]];
        let loss = SwapLoss::new(SwapWeights::default(), &[[&made, &given]], &[[&found_content, &content]], &styles);
        let loss = loss.unwrap();
        let parts = [&loss.image, &loss.content, &loss.style].map(|part| numbers(part)[0]);
        near("parts", &parts, &case["parts"]);
        let inputs = [
            ("made", &made),
            ("given", &given),
            ("found content", &found_content),
            ("content", &content),
            ("found style", &found_style),
            ("style", &style),
            ("other style", &other_style),
        ];
        check(&loss.total, &inputs, &case);
    }

    #[test]
    fn missing_pairs_and_other_shapes_are_refused() {
        let (a, b) = (input(0, &[2, 3], 1.0), input(0, &[2, 4], 1.0));
        let pair: [&Tensor; 2] = [&a, &a];
        let error = |contents: &[[&Tensor; 2]]| {
            SwapLoss::new(SwapWeights::default(), &[pair], contents, &[pair]).unwrap_err().to_string()
        };
        assert_eq!(error(&[]), "no contents to compare");
        assert_eq!(error(&[[&a, &b]]), "contents [2, 3] were made of [2, 4]; both need the same shape");
    }
}
