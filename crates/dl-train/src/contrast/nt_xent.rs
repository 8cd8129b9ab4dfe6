//! NT-Xent, the loss of SimCLR (Chen et al. 2020, equation 1).

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::plain;
use dl_ops::{L2Epsilon, cross_entropy, l2_norm, linear};

/// The mean over all 2 n views of -log p of the other view of the same image, a scalar: both directions count, and the
/// candidates are all 2 n - 1 views but itself.
///
/// Row i of `first` and of `second` [n, d] f32 are projections of two views of image i. `temperature`, above 0, divides
/// their cosine similarities; the paper's are 0.1 to 0.5.
/// # Errors
/// When the shapes differ, there are fewer than 2 images, or the temperature is not above 0.
pub fn nt_xent(first: &Tensor, second: &Tensor, temperature: f64) -> Result<Tensor> {
    let (logits, targets) = similarities(first, second, temperature)?;
    Tensor::new(targets, logits.device()).and_then(|targets| cross_entropy(&logits, &targets)).map_err(plain)
}

/// What [`nt_xent`] is the cross-entropy of: for each of the 2 n views the similarities to the 2 n - 1 others, divided
/// by the temperature, and which of these is the other view of the same image.
/// # Errors
/// As [`nt_xent`].
pub fn similarities(first: &Tensor, second: &Tensor, temperature: f64) -> Result<(Tensor, Vec<u32>)> {
    ensure!(
        first.rank() == 2 && first.dims() == second.dims(),
        "projections {:?} and {:?}; both views need the same shape",
        first.dims(),
        second.dims()
    );
    ensure!(temperature.is_finite() && temperature > 0.0, "temperature {temperature}; choose a number above 0");
    let (images, width) = first.dims2().map_err(plain)?;
    ensure!(images > 1, "a batch of {images} images; telling them apart needs at least 2");
    let logits = || -> candle_core::Result<Tensor> {
        let views = Tensor::cat(&[first, second], 0)?;
        let ones = Tensor::ones(width, views.dtype(), views.device())?;
        let views = l2_norm(&views, &ones, L2Epsilon::AtLeast(1e-12))?;
        without_diagonal(&(linear(&views, &views, None)? / temperature)?)
    };
    // Without its own column, those after it move one to the left.
    let targets = (images..2 * images).map(|view| view - 1).chain(0..images).map(|view| view as u32).collect();
    Ok((logits().map_err(plain)?, targets))
}

/// A square matrix [n, n] without its diagonal, [n, n - 1].
fn without_diagonal(x: &Tensor) -> candle_core::Result<Tensor> {
    let n = x.dim(0)?;
    // Between two numbers of the diagonal lie n others.
    let rest = x.flatten_all()?.narrow(0, 1, n * n - 1)?;
    rest.reshape((n - 1, n + 1))?.narrow(1, 0, n)?.reshape((n, n - 1))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input, numbers};
    use crate::hits::hits;

    #[test]
    fn losses_and_gradients_are_those_of_torch() {
        for (name, temperature) in [("nt-xent", 0.5), ("nt-xent of a low temperature", 0.05)] {
            let (first, second) = (input(0, &[4, 6], 1.0), input(10, &[4, 6], 1.0));
            let loss = nt_xent(&first, &second, temperature).unwrap();
            check(&loss, &[("first", &first), ("second", &second)], &case(GOLDEN, name));
        }
    }

    #[test]
    fn the_diagonal_has_no_gradient() {
        let x = input(0, &[3, 3], 1.0);
        let rest = without_diagonal(&x).unwrap();
        let rows = x.to_vec2::<f32>().unwrap();
        let expected = [rows[0][1], rows[0][2], rows[1][0], rows[1][2], rows[2][0], rows[2][1]];
        assert_eq!(numbers(&rest), expected);
        let gradient = rest.sum_all().unwrap().backward().unwrap().remove(&x).unwrap();
        assert_eq!(numbers(&gradient), [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn equal_views_are_found_and_single_images_refused() {
        let views = Tensor::new(&[[1_f32, 0.0], [0.0, 1.0], [-1.0, 0.0]], &Device::Cpu).unwrap();
        let (logits, targets) = similarities(&views, &views, 0.1).unwrap();
        assert_eq!(hits(&logits, &targets).unwrap(), [true; 6]);
        let (one, three) = (input(0, &[1, 2], 1.0), input(0, &[3, 2], 1.0));
        let error = |a, b, temperature| nt_xent(a, b, temperature).unwrap_err().to_string();
        assert_eq!(error(&one, &one, 0.5), "a batch of 1 images; telling them apart needs at least 2");
        assert_eq!(error(&one, &three, 0.5), "projections [1, 2] and [3, 2]; both views need the same shape");
        assert_eq!(error(&three, &three, 0.0), "temperature 0; choose a number above 0");
    }
}
