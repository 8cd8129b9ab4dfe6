//! The loss of the domain classifier.

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::plain;
use dl_ops::softplus;

/// The binary cross-entropy of the domain, a scalar: half of the mean over the source rows, and half of that over the
/// target rows (Ganin et al. 2016, equation 9, with halves as in tllib).
///
/// logits [n] or [n, 1] f32, of "source"; the first `sources` rows are the source. `weights` [n], without gradient:
/// factors on the rows, of mean 1, see [`entropy_weights`](super::entropy_weights).
/// # Errors
/// When one of the domains has no rows, or the shapes differ.
pub fn domain_loss(logits: &Tensor, sources: usize, weights: Option<&Tensor>) -> Result<Tensor> {
    let targets = targets(logits, sources)?;
    let n = sources + targets;
    ensure!(weights.is_none_or(|weights| weights.dims() == [n]), "weights of other rows than the {n} domain logits");
    let loss = || -> candle_core::Result<Tensor> {
        let device = logits.device();
        let of = |source: f32, target: f32| {
            let numbers = std::iter::repeat_n(source, sources).chain(std::iter::repeat_n(target, targets));
            Tensor::from_iter(numbers, device)
        };
        // -log p of the source is softplus(-x), and that of the target softplus(x).
        let losses = softplus(&(logits.flatten_all()? * of(-1.0, 1.0)?)?)?;
        let mut shares = of(0.5 / sources as f32, 0.5 / targets as f32)?;
        if let Some(weights) = weights {
            shares = (shares * weights.detach())?;
        }
        (losses * shares)?.sum_all()
    };
    loss().map_err(plain)
}

/// The share of rows whose domain is recognized, the mean of those of both domains: 0.5 if the domains look alike. See
/// [`domain_loss`] for `logits` and `sources`; a logit of 0 means "source".
/// # Errors
/// As [`domain_loss`].
pub fn domain_accuracy(logits: &Tensor, sources: usize) -> Result<f64> {
    let targets = targets(logits, sources)?;
    let logits: Vec<f32> = logits.flatten_all().and_then(|logits| logits.to_vec1()).map_err(plain)?;
    let (of_source, of_target) = logits.split_at(sources);
    let right = of_source.iter().filter(|logit| **logit >= 0.0).count() as f64 / sources as f64;
    Ok((right + of_target.iter().filter(|logit| **logit < 0.0).count() as f64 / targets as f64) / 2.0)
}

/// The number of target rows.
fn targets(logits: &Tensor, sources: usize) -> Result<usize> {
    let n = logits.elem_count();
    ensure!(logits.dims().first() == Some(&n), "domain logits {:?}; one is expected for each row", logits.dims());
    ensure!(0 < sources && sources < n, "{sources} of {n} rows are of the source; a batch needs rows of both domains");
    Ok(n - sources)
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input};

    #[test]
    fn halves_of_different_size_and_weighted_rows_count_as_in_torch() {
        let logits = input(0, &[7, 1], 4.0);
        check(&domain_loss(&logits, 2, None).unwrap(), &[("logits", &logits)], &case(GOLDEN, "halves"));
        let weights = input(20, &[7], 1.0);
        let loss = domain_loss(&logits, 2, Some(&weights)).unwrap();
        check(&loss, &[("logits", &logits), ("weights", &weights)], &case(GOLDEN, "weighted halves"));
    }

    #[test]
    fn accuracy_is_the_mean_of_both_domains() {
        let logits = Tensor::new(&[0.0_f32, -1.0, -1.0, -2.0, 3.0, -4.0], &candle_core::Device::Cpu).unwrap();
        assert_eq!(domain_accuracy(&logits, 2).unwrap(), 0.625);
    }

    #[test]
    fn a_batch_of_one_domain_is_refused() {
        let logits = input(0, &[3, 1], 1.0);
        for sources in [0, 3] {
            let error = domain_loss(&logits, sources, None).unwrap_err().to_string();
            assert_eq!(error, format!("{sources} of 3 rows are of the source; a batch needs rows of both domains"));
        }
        let error = domain_accuracy(&input(0, &[3, 2], 1.0), 1).unwrap_err().to_string();
        assert_eq!(error, "domain logits [3, 2]; one is expected for each row");
        let error = domain_loss(&logits, 1, Some(&input(0, &[2], 1.0))).unwrap_err().to_string();
        assert_eq!(error, "weights of other rows than the 3 domain logits");
    }
}
