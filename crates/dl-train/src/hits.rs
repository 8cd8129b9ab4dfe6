//! Predicted classes, by one rule for every accuracy: the first of the largest scores, as in NumPy's argmax.

use anyhow::Result;
use candle_core::Tensor;
use dl_models::plain;

/// The class with the largest score, the first if there are several; `None` without scores, or when one is NaN.
pub fn predicted<T: PartialOrd + Copy>(scores: &[T]) -> Option<usize> {
    if scores.iter().any(|score| score.partial_cmp(score).is_none()) {
        return None;
    }
    let larger = |best: Option<usize>, class: usize| match best {
        Some(best) if scores[class] <= scores[best] => Some(best),
        _ => Some(class),
    };
    (0..scores.len()).fold(None, larger)
}

/// For each row of `scores` [n, classes], whether its target is predicted.
pub(crate) fn hits(scores: &Tensor, targets: &[u32]) -> Result<Vec<bool>> {
    let rows = scores.to_dtype(candle_core::DType::F32).and_then(|scores| scores.to_vec2::<f32>()).map_err(plain)?;
    Ok(rows.iter().zip(targets).map(|(row, target)| predicted(row) == Some(*target as usize)).collect())
}

/// The fraction of hits; 0 without any.
pub(crate) fn fraction(hits: &[bool]) -> f64 {
    hits.iter().filter(|hit| **hit).count() as f64 / hits.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_tie_goes_to_the_first_class_and_nan_to_none() {
        assert_eq!(predicted(&[0.5, 0.5]), Some(0));
        assert_eq!(predicted(&[-1.0, 2.0, 2.0, 0.0]), Some(1));
        assert_eq!(predicted(&[f64::NEG_INFINITY; 3]), Some(0));
        assert_eq!(predicted(&[0.0, f64::NAN]), None);
        assert_eq!(predicted::<f32>(&[]), None);
        let scores = Tensor::new(&[[1.0_f32, 1.0], [f32::NAN, 0.0], [0.0, 1.0]], &Device::Cpu).unwrap();
        assert_eq!(hits(&scores, &[1, 0, 1]).unwrap(), [false, false, true]);
    }
}
