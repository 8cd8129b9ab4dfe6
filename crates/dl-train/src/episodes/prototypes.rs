//! Classification by the nearest prototype (Snell et al. 2017, section 2.2 and algorithm 1).

use anyhow::{Result, ensure};
use candle_core::Tensor;
use dl_models::plain;
use dl_ops::cross_entropy;

use crate::hits::hits;

/// The prototype of each class [ways, d]: the mean of its rows of `support` [ways * shots, d] f32, class after class.
/// # Errors
/// When the rows cannot be divided among the classes.
pub fn prototypes(support: &Tensor, ways: usize) -> Result<Tensor> {
    let (rows, width) = support.dims2().map_err(plain)?;
    ensure!(
        ways > 0 && rows > 0 && rows % ways == 0,
        "{rows} rows of support are not the same number for {ways} classes"
    );
    support.reshape((ways, rows / ways, width)).and_then(|support| support.mean(1)).map_err(plain)
}

/// Class scores [n, ways] of `queries` [n, d] f32: minus the squared Euclidean distances to `prototypes` [ways, d].
/// # Errors
/// When the widths differ.
pub fn prototype_logits(queries: &Tensor, prototypes: &Tensor) -> Result<Tensor> {
    let ((_, width), (_, other)) = (queries.dims2().map_err(plain)?, prototypes.dims2().map_err(plain)?);
    ensure!(width == other, "queries of width {width}, prototypes of width {other}");
    // Differences first: the squares of far-off rows would cancel out their distance.
    let distances = || queries.unsqueeze(1)?.broadcast_sub(&prototypes.unsqueeze(0)?)?.sqr()?.sum(2)?.neg();
    distances().map_err(plain)
}

/// The loss of an episode, a scalar, and the share of queries that are recognized. `support` [ways * shots, d] and
/// `queries` [n, d] are features, f32; `targets` are the queries' classes, see [`Episode`](super::Episode).
/// # Errors
/// When the shapes do not match, or a target is out of range.
pub fn episode_loss(support: &Tensor, queries: &Tensor, ways: usize, targets: &[u32]) -> Result<(Tensor, f64)> {
    let logits = prototype_logits(queries, &prototypes(support, ways)?)?;
    let loss = Tensor::new(targets, logits.device()).and_then(|targets| cross_entropy(&logits, &targets));
    let hits = hits(&logits, targets)?;
    let right = hits.iter().filter(|hit| **hit).count();
    Ok((loss.map_err(plain)?, right as f64 / hits.len().max(1) as f64))
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::golden::{case, check, input, near, numbers};

    #[test]
    fn scores_losses_and_gradients_are_those_of_torch() {
        for (name, shots, scale) in [("five shots", 5, 0.5), ("one shot", 1, 2.0)] {
            let (support, queries) = (input(0, &[3 * shots, 4], scale), input(100, &[6, 4], scale));
            let case = case(GOLDEN, name);
            let logits = prototype_logits(&queries, &prototypes(&support, 3).unwrap()).unwrap();
            near("logits", &numbers(&logits), &case["logits"]);
            let (loss, accuracy) = episode_loss(&support, &queries, 3, &[0, 0, 1, 1, 2, 2]).unwrap();
            check(&loss, &[("support", &support), ("queries", &queries)], &case);
            assert!((accuracy - case["accuracy"].as_f64().unwrap()).abs() < 1e-12);
        }
    }

    #[test]
    fn distances_far_from_zero_keep_their_precision() {
        let [support, queries] = [0, 100].map(|first| (input(first, &[3, 4], 1.0).as_tensor() + 1000.0).unwrap());
        let near_zero = prototype_logits(&input(100, &[3, 4], 1.0), &input(0, &[3, 4], 1.0)).unwrap();
        assert_eq!(numbers(&prototype_logits(&queries, &support).unwrap()), numbers(&near_zero));
    }

    #[test]
    fn other_shapes_are_refused() {
        let (support, queries) = (input(0, &[4, 2], 1.0), input(0, &[2, 3], 1.0));
        let error = |ways| episode_loss(&support, &queries, ways, &[0, 1]).unwrap_err().to_string();
        assert_eq!(error(3), "4 rows of support are not the same number for 3 classes");
        assert_eq!(error(2), "queries of width 3, prototypes of width 2");
    }
}
