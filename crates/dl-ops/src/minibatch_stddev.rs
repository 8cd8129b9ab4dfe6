//! Minibatch standard deviation (Karras et al. 2018, section 3): a discriminator sees how much its samples differ.
//!
//! A sample's result depends on the others of its group, so it is for training only.

use candle_core::{Result, Tensor, bail};

use crate::Tape;

/// Added to the variance.
const EPS: f64 = 1e-8;

/// Appends `features` channels to x [n, c, h, w]: the standard deviation over a group of samples, averaged over
/// c / `features` channels and all positions. As in StyleGAN2, a group has `group` samples (or n, if that is less), a
/// `group`th of the batch apart.
/// # Errors
/// When n is not a multiple of the group or c of `features`, or candle fails.
pub fn minibatch_stddev(x: &Tensor, group: usize, features: usize) -> Result<Tensor> {
    let groups = Groups::new(x, group, features)?;
    let (_, deviations) = groups.deviations(x)?;
    let means = deviations.mean_keepdim(3)?;
    let (n, _, h, w) = x.dims4()?;
    let shape = (groups.size, n / groups.size, features, h * w);
    let means = means.broadcast_as(shape)?.reshape((n, features, h, w))?;
    Tensor::cat(&[x, &means], 1)
}

impl Tape {
    /// y = `minibatch_stddev(x, group, features)`.
    /// # Errors
    /// As there.
    pub fn minibatch_stddev(&mut self, x: &Tensor, y: &Tensor, group: usize, features: usize) -> Result<()> {
        let groups = Groups::new(x, group, features)?;
        let (x, shape) = (x.clone(), x.dims4()?);
        self.record(&[&x.clone()], y, move |gradient| {
            let (n, c, h, w) = shape;
            let of_sums = gradient.narrow(1, c, features)?.reshape((groups.size, n / groups.size, features, h * w))?;
            // The statistic is at every position of every sample of the group.
            let of_sums = of_sums.sum_keepdim(3)?.sum_keepdim(0)?;
            let (distances, deviations) = groups.deviations(&x)?;
            let count = (groups.size * groups.numbers) as f64;
            let slope = distances.broadcast_div(&(deviations * count)?)?;
            let through = slope.broadcast_mul(&of_sums)?.reshape(shape)?;
            Ok(vec![(gradient.narrow(1, 0, c)? + through)?])
        });
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Groups {
    /// Samples of a group.
    size: usize,
    features: usize,
    /// Numbers of a sample that a feature averages.
    numbers: usize,
}

impl Groups {
    fn new(x: &Tensor, group: usize, features: usize) -> Result<Self> {
        let (n, c, h, w) = x.dims4()?;
        let size = group.min(n);
        if size == 0 || features == 0 || !n.is_multiple_of(size) || !c.is_multiple_of(features) {
            bail!("minibatch_stddev: {n} samples of {c} channels are not groups of {size} with {features} features");
        }
        Ok(Self { size, features, numbers: c / features * h * w })
    }

    /// The distances from the mean of the group, [size, n / size, features, numbers], and the standard deviations,
    /// [1, n / size, features, numbers].
    fn deviations(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let grouped = x.reshape((self.size, x.dim(0)? / self.size, self.features, self.numbers))?;
        let distances = grouped.broadcast_sub(&grouped.mean_keepdim(0)?)?;
        let deviations = (distances.sqr()?.mean_keepdim(0)? + EPS)?.sqrt()?;
        Ok((distances, deviations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{check_gradients, draw, strided};

    /// By the definition, number by number.
    fn naive(x: &Tensor, group: usize, features: usize) -> Vec<f64> {
        let (n, c, h, w) = x.dims4().unwrap();
        let numbers: Vec<f32> = x.flatten_all().unwrap().to_vec1().unwrap();
        let size = group.min(n);
        let (apart, each) = (n / size, c / features * h * w);
        let mut result = Vec::new();
        for sample in 0..n {
            result.extend(numbers[sample * c * h * w..][..c * h * w].iter().map(|x| f64::from(*x)));
            for feature in 0..features {
                let mut mean = 0.0;
                for place in 0..each {
                    let of = |member: usize| {
                        f64::from(numbers[(member * apart + sample % apart) * c * h * w + feature * each + place])
                    };
                    let center = (0..size).map(of).sum::<f64>() / size as f64;
                    let variance = (0..size).map(|member| (of(member) - center).powi(2)).sum::<f64>() / size as f64;
                    mean += (variance + 1e-8).sqrt() / each as f64;
                }
                result.extend(std::iter::repeat_n(mean, h * w));
            }
        }
        result
    }

    #[test]
    fn equals_the_definition_on_odd_and_strided_maps() {
        for (shape, group, features) in
            [([4, 3, 2, 5], 4, 1), ([6, 4, 3, 3], 3, 2), ([2, 3, 1, 2], 4, 3), ([5, 2, 2, 2], 1, 1)]
        {
            for x in [draw("x", &shape), strided("x", &shape)] {
                let y = minibatch_stddev(&x, group, features).unwrap();
                assert_eq!(y.dims(), [shape[0], shape[1] + features, shape[2], shape[3]]);
                let found: Vec<f32> = y.flatten_all().unwrap().to_vec1().unwrap();
                for (found, expected) in found.iter().zip(naive(&x, group, features)) {
                    assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
                }
            }
        }
    }

    #[test]
    fn gradients_match_finite_differences() {
        check_gradients(&[&[4, 2, 3, 2]], 3e-3, |t| minibatch_stddev(&t[0], 2, 2));
        check_gradients(&[&[4, 2, 1, 2]], 3e-3, |t| minibatch_stddev(&t[0], 4, 1));
    }

    #[test]
    fn a_batch_that_is_not_whole_groups_is_an_error() {
        assert!(minibatch_stddev(&draw("x", &[5, 2, 2, 2]), 4, 1).is_err());
        assert!(minibatch_stddev(&draw("x", &[4, 3, 2, 2]), 4, 2).is_err());
    }
}
