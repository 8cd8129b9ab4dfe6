//! Losses of the two players, of logits.

use candle_core::{Result, Tensor};
use dl_ops::softplus;
use serde::{Deserialize, Serialize};

/// How a discriminator's logits become the losses of both players.
///
/// Let r and f be the logits of real and generated images, and softplus(x) = ln(1 + e^x).
///
/// | loss | discriminator | generator |
/// | --- | --- | --- |
/// | minimax (Goodfellow et al. 2014) | softplus(-r) + softplus(f) | -softplus(f) |
/// | non-saturating (the same, section 3) | softplus(-r) + softplus(f) | softplus(-f) |
/// | lsgan (Mao et al. 2017) | ((r - 1)^2 + f^2) / 2 | (f - 1)^2 |
/// | hinge (Lim and Ye 2017) | max(0, 1 - r) + max(0, 1 + f) | -f |
/// | wgan (Arjovsky et al. 2017) | f - r | -f |
/// | relativistic (Huang et al. 2024, R3GAN) | softplus(f - r) | softplus(r - f) |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GanLoss {
    /// The zero-sum game.
    Minimax,
    /// The generator maximizes the log of the probability.
    NonSaturating,
    /// Least squares.
    Lsgan,
    /// Hinge.
    Hinge,
    /// The critic's difference; needs a penalty.
    Wgan,
    /// Each generated image against a real one.
    Relativistic,
}

impl GanLoss {
    /// The discriminator's loss for logits r and f [n]. `smoothing`: real images are 1 - `smoothing` real (Salimans et al.
    /// 2016, one-sided); minimax, non-saturating and lsgan alone use it.
    /// # Errors
    /// When candle fails.
    pub fn discriminator(self, real: &Tensor, fake: &Tensor, smoothing: f64) -> Result<Tensor> {
        match self {
            Self::Minimax | Self::NonSaturating => {
                // The cross entropy against the target t is softplus(-r) + (1 - t) r.
                let of_real = (softplus(&real.neg()?)? + (real * smoothing)?)?;
                of_real.mean_all()? + softplus(fake)?.mean_all()?
            }
            Self::Lsgan => {
                let of_real = (real - (1.0 - smoothing))?.sqr()?.mean_all()?;
                (of_real + fake.sqr()?.mean_all()?)? * 0.5
            }
            Self::Hinge => {
                let of_real = (1.0 - real)?.relu()?.mean_all()?;
                of_real + (1.0 + fake)?.relu()?.mean_all()?
            }
            Self::Wgan => fake.mean_all()? - real.mean_all()?,
            Self::Relativistic => softplus(&(fake - real)?)?.mean_all(),
        }
    }

    /// The generator's loss for logits f [n]; `real` is used by the relativistic one.
    /// # Errors
    /// When candle fails.
    pub fn generator(self, fake: &Tensor, real: Option<&Tensor>) -> Result<Tensor> {
        match (self, real) {
            (Self::Minimax, _) => softplus(fake)?.mean_all()?.neg(),
            (Self::NonSaturating, _) | (Self::Relativistic, None) => softplus(&fake.neg()?)?.mean_all(),
            (Self::Lsgan, _) => (fake - 1.0)?.sqr()?.mean_all(),
            (Self::Hinge | Self::Wgan, _) => fake.mean_all()?.neg(),
            (Self::Relativistic, Some(real)) => softplus(&(real - fake)?)?.mean_all(),
        }
    }

    /// Whether the generator's loss needs the logits of real images.
    pub fn compares(self) -> bool {
        self == Self::Relativistic
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    const ALL: [GanLoss; 6] = [
        GanLoss::Minimax,
        GanLoss::NonSaturating,
        GanLoss::Lsgan,
        GanLoss::Hinge,
        GanLoss::Wgan,
        GanLoss::Relativistic,
    ];

    fn scalar(x: &Tensor) -> f64 {
        f64::from(x.to_scalar::<f32>().unwrap())
    }

    /// The table of the type's documentation, in double precision.
    fn expected(loss: GanLoss, r: f64, f: f64) -> [f64; 2] {
        let softplus = |x: f64| (1.0 + x.exp()).ln();
        let both = softplus(-r) + softplus(f);
        match loss {
            GanLoss::Minimax => [both, -softplus(f)],
            GanLoss::NonSaturating => [both, softplus(-f)],
            GanLoss::Lsgan => [((r - 1.0).powi(2) + f * f) / 2.0, (f - 1.0).powi(2)],
            GanLoss::Hinge => [(1.0 - r).max(0.0) + (1.0 + f).max(0.0), -f],
            GanLoss::Wgan => [f - r, -f],
            GanLoss::Relativistic => [softplus(f - r), softplus(r - f)],
        }
    }

    #[test]
    fn losses_are_those_of_the_table_and_their_gradients_are_finite() {
        for loss in ALL {
            for (r, f) in [(0.3, -1.2), (-2.0, 0.7), (30.0, -30.0), (-80.0, 80.0)] {
                let real = Var::new(&[r as f32], &Device::Cpu).unwrap();
                let fake = Var::new(&[f as f32], &Device::Cpu).unwrap();
                let of_d = loss.discriminator(&real, &fake, 0.0).unwrap();
                let of_g = loss.generator(&fake, Some(&real)).unwrap();
                let [d, g] = expected(loss, r, f);
                assert!((scalar(&of_d) - d).abs() < 1e-5 * (1.0 + d.abs()), "{loss:?} {r} {f}: {of_d} {d}");
                assert!((scalar(&of_g) - g).abs() < 1e-5 * (1.0 + g.abs()), "{loss:?} {r} {f}: {of_g} {g}");
                let gradient = of_g.backward().unwrap();
                let slope = gradient.get(&fake).map_or(0.0, |slope| f64::from(slope.to_vec1::<f32>().unwrap()[0]));
                assert!(slope.is_finite(), "{loss:?} {r} {f}");
            }
        }
    }

    #[test]
    fn smoothing_moves_the_best_logit_of_real_images() {
        let at = |r: f32| {
            let real = Tensor::new(&[r], &Device::Cpu).unwrap();
            let fake = Tensor::new(&[0f32], &Device::Cpu).unwrap();
            scalar(&GanLoss::NonSaturating.discriminator(&real, &fake, 0.1).unwrap())
        };
        // The probability 0.9 is a logit of ln 9.
        let best = 9f32.ln();
        assert!(at(best) < at(best + 0.1) && at(best) < at(best - 0.1));
    }
}
