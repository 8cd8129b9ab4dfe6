//! Deep CORAL: the distance of the covariances of two domains (Sun and Saenko 2016, equations 1 to 3).

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::plain;
use dl_ops::linear;

/// |Cs - Ct|^2 / (4 d^2), a scalar, of the rows of features [n, d] f32 of the source and of the target: the Frobenius norm,
/// and covariances divided by n - 1. Both domains get gradients.
/// # Errors
/// When a domain has fewer than 2 rows, or the widths differ.
pub fn coral_loss(source: &Tensor, target: &Tensor) -> Result<Tensor> {
    let ((ns, width), (nt, other)) = (source.dims2().map_err(plain)?, target.dims2().map_err(plain)?);
    ensure!(width == other && width > 0, "source features of width {width}, target features of width {other}");
    ensure!(ns > 1 && nt > 1, "{ns} source and {nt} target rows; covariances need at least 2 of each");
    let loss = || -> candle_core::Result<Tensor> {
        let (source, target) = (scaled(source)?, scaled(target)?);
        let squares = if width <= ns + nt {
            let covariance = |x: &Tensor| {
                let columns = x.t()?.contiguous()?;
                linear(&columns, &columns, None)
            };
            (covariance(&source)? - covariance(&target)?)?.sqr()?
        } else {
            // With rows x of sign s, +1 in the source and -1 in the target: the sum over i, j of s_i s_j (x_i . x_j)^2.
            let rows = Tensor::cat(&[source, target], 0)?;
            let signs = (0..ns + nt).map(|row| if row < ns { 1.0_f32 } else { -1.0 });
            let signs = Tensor::from_iter(signs, rows.device())?;
            let signs = signs.unsqueeze(1)?.broadcast_mul(&signs.unsqueeze(0)?)?;
            (linear(&rows, &rows, None)?.sqr()? * signs)?
        };
        squares.sum(1)?.sum_all()? / (4.0 * (width * width) as f64)
    };
    loss().map_err(plain)
}

/// Centered rows divided by sqrt(n - 1).
fn scaled(x: &Tensor) -> candle_core::Result<Tensor> {
    x.broadcast_sub(&x.mean_keepdim(0)?)? / (x.dim(0)? as f64 - 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input};

    #[test]
    fn few_and_many_columns_have_the_loss_and_gradients_of_torch() {
        for (name, width) in [("coral of 3 columns", 3), ("coral of 20 columns", 20)] {
            let (source, target) = (input(0, &[4, width], 2.0), input(10, &[5, width], 1.0));
            check(
                &coral_loss(&source, &target).unwrap(),
                &[("source", &source), ("target", &target)],
                &case(GOLDEN, name),
            );
        }
    }

    #[test]
    fn single_rows_and_other_widths_are_refused() {
        let error =
            |a: &[usize], b: &[usize]| coral_loss(&input(0, a, 1.0), &input(0, b, 1.0)).unwrap_err().to_string();
        assert_eq!(error(&[1, 3], &[2, 3]), "1 source and 2 target rows; covariances need at least 2 of each");
        assert_eq!(error(&[2, 3], &[2, 4]), "source features of width 3, target features of width 4");
    }
}
