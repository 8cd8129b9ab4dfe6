//! Figures of the balance between the players.

use anyhow::Result;
use candle_core::Tensor;
use dl_models::plain;
use dl_ops::with_floats;

use super::GanLoss;

/// What the discriminator thinks, of logits [n]: the mean probability of being real of real and of generated images
/// (`d_real`, `d_fake`), and how often it is right (`d_accuracy`).
pub(super) fn seen(real: &Tensor, made: &Tensor) -> Result<Vec<(&'static str, f64)>> {
    let numbers = |logits: &Tensor| logits.to_vec1::<f32>().map_err(plain);
    let (real, made) = (numbers(real)?, numbers(made)?);
    let mean = |logits: &[f32]| {
        let sum: f64 = logits.iter().map(|logit| 1.0 / (1.0 + (-f64::from(*logit)).exp())).sum();
        sum / logits.len().max(1) as f64
    };
    let right = real.iter().filter(|logit| **logit > 0.0).count() + made.iter().filter(|logit| **logit <= 0.0).count();
    let accuracy = right as f64 / (real.len() + made.len()).max(1) as f64;
    Ok(vec![("d_real", mean(&real)), ("d_fake", mean(&made)), ("d_accuracy", accuracy)])
}

/// [`seen`], of the outputs of a discriminator that is trained with `loss`: those of least squares are the probability
/// itself.
pub(crate) fn seen_by(loss: GanLoss, real: &Tensor, made: &Tensor) -> Result<Vec<(&'static str, f64)>> {
    if loss != GanLoss::Lsgan {
        return seen(real, made);
    }
    let logits = |outputs: &Tensor| {
        let p = outputs.clamp(1e-6, 1.0 - 1e-6)?;
        p.log()? - p.affine(-1.0, 1.0)?.log()?
    };
    seen(&logits(real).map_err(plain)?, &logits(made).map_err(plain)?)
}

/// The spread of generated images, relative to that of real ones; NaN if those are all the same.
pub(super) fn relative_diversity(made: &Tensor, real: &Tensor) -> Result<f64> {
    let of_real = diversity(real)?;
    Ok(if of_real > 1e-9 { diversity(made)? / of_real } else { f64::NAN })
}

/// The standard deviation of a pixel over the images of a batch [n, ...], averaged over the pixels.
fn diversity(images: &Tensor) -> Result<f64> {
    let rows = images.flatten_from(1).map_err(plain)?;
    let (count, pixels) = rows.dims2().map_err(plain)?;
    if count < 2 {
        return Ok(0.0);
    }
    let deviations = with_floats(&rows, |numbers| {
        let (mut sums, mut squares) = (vec![0.0_f64; pixels], vec![0.0_f64; pixels]);
        for image in numbers.chunks_exact(pixels) {
            for ((sum, square), number) in sums.iter_mut().zip(&mut squares).zip(image) {
                *sum += f64::from(*number);
                *square += f64::from(*number) * f64::from(*number);
            }
        }
        let count = count as f64;
        let variance = |(sum, square): (&f64, &f64)| (square - sum * sum / count) / (count - 1.0);
        Ok(sums.iter().zip(&squares).map(variance).map(|variance| variance.max(0.0).sqrt()).sum::<f64>())
    });
    Ok(deviations.map_err(plain)? / pixels as f64)
}
