//! Choosing among runs without labels of the target.

use anyhow::{Result, bail, ensure};
use faer::MatRef;

use crate::linalg::{product, unit_rows};
use crate::linear::check_weights;

/// How sure a run is of the target's rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetEntropy {
    /// The mean entropy of a row's class probabilities, in nats, from 0 to ln(classes): smaller is better (Morerio et
    /// al. 2018).
    pub of_rows: f64,
    /// The entropy of the mean class probabilities, in nats. Near 0: the run names one class for all rows, and is sure
    /// of it for no good reason.
    pub of_mean: f64,
}

/// Measures the entropy of class probabilities `[rows, classes]`, each row summing to 1.
/// # Errors
/// When there are no rows or classes, or a row is not a distribution.
pub fn target_entropy(probabilities: MatRef<f64>) -> Result<TargetEntropy> {
    check_probabilities(probabilities)?;
    let rows = probabilities.nrows() as f64;
    let (mut of_rows, mut of_mean) = (0.0, 0.0);
    for class in probabilities.col_iter() {
        of_rows += class.iter().map(|share| entropy(*share)).sum::<f64>() / rows;
        of_mean += entropy(class.iter().sum::<f64>() / rows);
    }
    Ok(TargetEntropy { of_rows, of_mean })
}

fn entropy(share: f64) -> f64 {
    if share > 0.0 { (-share * share.ln()).max(0.0) } else { 0.0 }
}

fn check_probabilities(probabilities: MatRef<f64>) -> Result<()> {
    ensure!(probabilities.nrows() > 0 && probabilities.ncols() > 0, "no class probabilities");
    for row in 0..probabilities.nrows() {
        let values = probabilities.row(row);
        let sum: f64 = values.iter().sum();
        ensure!(
            (sum - 1.0).abs() < 1e-3 && values.iter().all(|value| *value >= 0.0),
            "the class probabilities of row {row} sum to {sum:?}; expected numbers of at least 0 that sum to 1"
        );
    }
    Ok(())
}

/// Soft neighborhood density (Saito et al. 2021, section 3.2): the mean entropy, in nats, of the softmax of the cosines
/// between the class probabilities `[rows, classes]` of a row and those of all other rows, divided by `temperature`
/// (0.05 in the paper). Larger is better: dense groups of like rows; at most ln(rows - 1).
/// # Errors
/// When there are fewer than two rows, a row is not a distribution, or the temperature is not above 0.
pub fn soft_neighborhood_density(probabilities: MatRef<f64>, temperature: f64) -> Result<f64> {
    check_probabilities(probabilities)?;
    let rows = probabilities.nrows();
    ensure!(rows > 1, "the density of {rows} row; expected at least 2");
    ensure!(temperature > 0.0 && temperature.is_finite(), "the temperature must be above 0, not {temperature:?}");
    let classes = probabilities.ncols();
    let unit = unit_rows(probabilities);
    let unit = MatRef::from_row_major_slice(&unit, rows, classes);
    let mut total = 0.0;
    for start in (0..rows).step_by(BLOCK) {
        let count = BLOCK.min(rows - start);
        // A column for each row of the block.
        let mut scores = product(unit, unit.subrows(start, count).transpose());
        for (at, column) in scores.col_iter_mut().enumerate() {
            let others = column.iter().enumerate().filter(|(row, _)| *row != start + at);
            let others: Vec<f64> = others.map(|(_, cosine)| cosine / temperature).collect();
            let largest = others.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = others.iter().map(|score| (score - largest).exp()).sum();
            // -sum p ln p = ln sum - the mean score, both relative to the largest.
            let mean = others.iter().map(|score| (score - largest) * (score - largest).exp()).sum::<f64>() / sum;
            total += sum.ln() - mean;
        }
    }
    Ok(total / rows as f64)
}

/// Rows that are compared with all others at once.
const BLOCK: usize = 256;

/// The loss of a labeled row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// 1 when the most probable class is not the label, else 0; among equals the first class is named.
    #[default]
    ZeroOne,
    /// Minus the logarithm of the label's probability, at most 34.5 (a probability of 1e-15).
    Log,
}

/// The loss of each row of class probabilities `[rows, classes]` with its label, below the number of classes.
/// # Errors
/// When there is not one label per row, a label is no class, or a row is not a distribution.
pub fn losses(probabilities: MatRef<f64>, labels: &[usize], loss: Loss) -> Result<Vec<f64>> {
    check_probabilities(probabilities)?;
    let (rows, classes) = (probabilities.nrows(), probabilities.ncols());
    ensure!(labels.len() == rows, "{} labels for {rows} rows; expected one per row", labels.len());
    if let Some(row) = labels.iter().position(|label| *label >= classes) {
        bail!("label {} of row {row} is not one of {classes} classes", labels[row]);
    }
    let of = |(row, label): (usize, &usize)| {
        let values = probabilities.row(row);
        match loss {
            Loss::ZeroOne => {
                let best = (1..classes).fold(0, |best, class| if values[class] > values[best] { class } else { best });
                f64::from(u8::from(best != *label))
            }
            Loss::Log => -values[*label].clamp(1e-15, 1.0).ln(),
        }
    };
    Ok(labels.iter().enumerate().map(of).collect())
}

/// The risk on the target, estimated from losses on held-out rows of the source and their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedRisk {
    /// mean(w l): importance-weighted validation (Sugiyama et al. 2007).
    pub importance: f64,
    /// sum(w l) / sum(w), which does not depend on the scale of the weights.
    pub normalized: f64,
    /// With the weights, whose mean should be 1, as a control variate: mean(w l) + eta (mean(w) - 1), where
    /// eta = -cov(w l, w) / var(w) (DEV: You et al. 2019, equation 7). Smaller variance; may be below 0.
    pub deep_embedded: f64,
    /// eta; 0 when all weights are equal.
    pub eta: f64,
}

/// Estimates the risk from a loss and a weight, the target's density over the source's, of each row.
/// # Errors
/// When there are fewer than two rows, not one weight each, a loss is not finite, a weight is negative or not finite,
/// or all weights are 0.
pub fn weighted_risk(losses: &[f64], weights: &[f64]) -> Result<WeightedRisk> {
    let rows = losses.len();
    ensure!(rows > 1, "losses of {rows} rows; expected at least 2");
    check_weights(weights, rows)?;
    if let Some(row) = losses.iter().position(|loss| !loss.is_finite()) {
        bail!("the loss of row {row} is {:?}; expected a finite number", losses[row]);
    }
    let rows = rows as f64;
    let products: Vec<f64> = losses.iter().zip(weights).map(|(loss, weight)| loss * weight).collect();
    let importance = products.iter().sum::<f64>() / rows;
    let mean = weights.iter().sum::<f64>() / rows;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (product, weight) in products.iter().zip(weights) {
        covariance += (product - importance) * (weight - mean);
        variance += (weight - mean).powi(2);
    }
    // Less is rounding of equal weights.
    let varies = variance > 1e-24 * rows * mean * mean;
    let eta = if varies { -covariance / variance } else { 0.0 };
    Ok(WeightedRisk { importance, normalized: importance / mean, deep_embedded: importance + eta * (mean - 1.0), eta })
}

/// How well a reverse classifier finds the source's labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circular {
    /// The share of rows whose label it finds: larger is better.
    pub accuracy: f64,
    /// The mean of that share over the classes, which rare classes weigh as much in.
    pub balanced: f64,
}

/// Circular (reverse) validation (Bruzzone and Marconcini 2010; Zhong et al. 2010): a run names the classes of the
/// target's rows, a reverse classifier is trained on these, and names those of held-out rows of the source. `found` are
/// the classes that it names, `labels` those rows' own, and `weights` those rows' weights, or empty for 1 each.
/// # Errors
/// When there are no rows, not one found class per label, or the weights are not one per row, negative or all 0.
pub fn circular(labels: &[usize], found: &[usize], weights: &[f64]) -> Result<Circular> {
    let rows = labels.len();
    ensure!(rows > 0 && found.len() == rows, "{} classes found for {rows} labels; expected one each", found.len());
    if !weights.is_empty() {
        check_weights(weights, rows)?;
    }
    let mut classes = std::collections::BTreeMap::<usize, (f64, f64)>::new();
    for (row, (label, found)) in labels.iter().zip(found).enumerate() {
        let weight = weights.get(row).copied().unwrap_or(1.0);
        let (right, all) = classes.entry(*label).or_default();
        *right += if label == found { weight } else { 0.0 };
        *all += weight;
    }
    classes.retain(|_, (_, all)| *all > 0.0);
    let (right, all) = classes.values().fold((0.0, 0.0), |(right, all), (r, a)| (right + r, all + a));
    let balanced = classes.values().map(|(right, all)| right / all).sum::<f64>() / classes.len() as f64;
    Ok(Circular { accuracy: right / all, balanced })
}

#[cfg(test)]
mod tests {
    use faer::Mat;
    use serde_json::Value;

    use super::*;

    #[test]
    fn entropy_is_between_certainty_and_guessing() {
        let certain = Mat::from_fn(4, 2, |row, column| f64::from(u8::from(row % 2 == column)));
        let found = target_entropy(certain.as_ref()).unwrap();
        assert!(found.of_rows == 0.0 && (found.of_mean - 2_f64.ln()).abs() < 1e-12, "{found:?}");
        let guess = Mat::from_fn(3, 5, |_, _| 0.2);
        assert!((target_entropy(guess.as_ref()).unwrap().of_rows - 5_f64.ln()).abs() < 1e-12);
        let error = target_entropy(Mat::from_fn(3, 5, |_, _| 0.3).as_ref()).unwrap_err().to_string();
        assert!(error.contains("row 0 sum to 1.5"), "{error}");
        assert!(target_entropy(Mat::from_fn(1, 2, |_, _| f64::NAN).as_ref()).is_err());
        assert!(target_entropy(Mat::<f64>::zeros(0, 2).as_ref()).is_err());
    }

    #[test]
    fn entropy_and_density_match_numpy() {
        let golden: Value = serde_json::from_str(include_str!("../../../testdata/goldens/shift/golden.json")).unwrap();
        let golden = &golden["unlabeled"];
        let mut probabilities = Mat::from_fn(300, 4, |row, class| crate::formula(row as u64, class as u64));
        crate::linalg::softmax_rows(&mut probabilities);
        let entropy = target_entropy(probabilities.as_ref()).unwrap();
        let density = soft_neighborhood_density(probabilities.as_ref(), 0.05).unwrap();
        for (key, found) in [("entropy", entropy.of_rows), ("mean_entropy", entropy.of_mean), ("density", density)] {
            let expected = golden[key].as_f64().unwrap();
            assert!((found - expected).abs() < 1e-11 * expected, "{key} {found} {expected}");
        }
        // Equal rows are all alike.
        let equal = Mat::from_fn(9, 3, |_, _| 1.0 / 3.0);
        assert!((soft_neighborhood_density(equal.as_ref(), 0.05).unwrap() - 8_f64.ln()).abs() < 1e-12);
        assert!(soft_neighborhood_density(equal.as_ref(), 0.0).is_err());
        assert!(soft_neighborhood_density(equal.subrows(0, 1), 0.05).is_err());
    }

    #[test]
    fn losses_are_their_definitions_and_ties_name_the_first_class() {
        let probabilities = Mat::from_fn(3, 2, |row, column| [[0.5, 0.5], [0.25, 0.75], [1.0, 0.0]][row][column]);
        let found = |labels: &[usize], loss| losses(probabilities.as_ref(), labels, loss);
        assert_eq!(found(&[0, 0, 1], Loss::ZeroOne).unwrap(), [0.0, 1.0, 1.0]);
        let logs = found(&[1, 1, 1], Loss::Log).unwrap();
        assert!((logs[1] + 0.75_f64.ln()).abs() < 1e-12 && (logs[2] - 34.538).abs() < 1e-2, "{logs:?}");
        assert!(found(&[0, 0, 2], Loss::Log).unwrap_err().to_string().contains("label 2 of row 2"));
        assert!(found(&[0, 0], Loss::Log).is_err());
    }

    #[test]
    fn risks_match_numpy() {
        let golden: Value = serde_json::from_str(include_str!("../../../testdata/goldens/shift/golden.json")).unwrap();
        let risk = &golden["risk"];
        let losses: Vec<f64> = (0..50).map(|row| crate::formula(row, 0) + 2.0).collect();
        let weights: Vec<f64> = (0..50).map(|row| 0.6 * (crate::formula(row, 1) + 2.0)).collect();
        let found = weighted_risk(&losses, &weights).unwrap();
        for (key, found) in
            [("importance", found.importance), ("normalized", found.normalized), ("dev", found.deep_embedded)]
        {
            assert!((found - risk[key].as_f64().unwrap()).abs() < 1e-12, "{key} {found} {risk}");
        }
        let plain = weighted_risk(&losses, &[1.0; 50]).unwrap();
        assert!((plain.importance - losses.iter().sum::<f64>() / 50.0).abs() < 1e-12);
        assert!(plain.eta == 0.0 && plain.deep_embedded == plain.importance && plain.normalized == plain.importance);
        let refused = |losses: &[f64], weights: &[f64]| weighted_risk(losses, weights).unwrap_err().to_string();
        assert!(refused(&[1.0, 0.0], &[0.0, 0.0]).contains("all weights are 0"));
        assert!(refused(&[1.0, 0.0], &[1.0, -1.0]).contains("weight -1 of row 1"));
        assert!(refused(&[1.0, f64::NAN], &[1.0, 1.0]).contains("loss of row 1"));
        assert!(refused(&[1.0], &[1.0]).contains("at least 2"));
    }

    #[test]
    fn agreement_is_counted_by_row_and_by_class() {
        let found = circular(&[0, 0, 0, 1], &[0, 0, 0, 0], &[]).unwrap();
        assert_eq!(found, Circular { accuracy: 0.75, balanced: 0.5 });
        let weighted = circular(&[0, 0, 0, 1], &[0, 0, 1, 0], &[1.0, 1.0, 2.0, 0.0]).unwrap();
        assert_eq!(weighted, Circular { accuracy: 0.5, balanced: 0.5 });
        assert!(circular(&[], &[], &[]).is_err() && circular(&[0], &[0, 1], &[]).is_err());
        assert!(circular(&[0], &[0], &[0.0]).is_err());
    }
}
