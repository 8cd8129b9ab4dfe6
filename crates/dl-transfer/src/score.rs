//! Transferability scores: how well features separate classes, without any training.

use anyhow::{Result, anyhow, ensure};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use crate::linalg::fix_parallelism;

/// LogME (You et al. 2021, algorithm 1 with the fixed-point iteration of its journal version): the logarithm of the
/// maximum evidence of a Bayesian linear model of each class' 0/1 labels on the features, per sample, averaged over the
/// classes. Larger is better.
///
/// features [n, d], one row per sample; `classes` [n], each below `count`.
/// # Errors
/// When there are no samples, the lengths differ, or the decomposition fails.
pub fn log_me(features: &Mat<f64>, classes: &[usize], count: usize) -> Result<f64> {
    let (n, d) = (features.nrows(), features.ncols());
    ensure!(n > 0 && d > 0 && classes.len() == n && count > 0, "LogME: {n} features of {} samples", classes.len());
    fix_parallelism();
    let svd =
        features.thin_svd().map_err(|error| anyhow!("LogME: the decomposition of the features failed: {error:?}"))?;
    let left = svd.U();
    let spectrum: Vec<f64> = svd.S().column_vector().iter().map(|value| value * value).collect();
    let mut total = 0.0;
    for class in 0..count {
        let labels: Vec<f64> = classes.iter().map(|it| f64::from(u8::from(*it == class))).collect();
        let squared: f64 = labels.iter().map(|label| label * label).sum();
        let projected: Vec<f64> = (0..spectrum.len())
            .map(|column| (0..n).map(|row| left[(row, column)] * labels[row]).sum::<f64>().powi(2))
            .collect();
        // The part that no weights can explain.
        let outside = (squared - projected.iter().sum::<f64>()).max(0.0);
        let (mut alpha, mut beta) = (1.0, 1.0);
        let mut lambda: f64 = alpha / beta;
        let (mut residue, mut norm) = (0.0, 0.0);
        for _ in 0..11 {
            let gamma: f64 = spectrum.iter().map(|s| s / (s + lambda)).sum();
            norm = spectrum.iter().zip(&projected).map(|(s, x)| s * x / (s + lambda).powi(2)).sum::<f64>();
            residue =
                spectrum.iter().zip(&projected).map(|(s, x)| x / (1.0 + s / lambda).powi(2)).sum::<f64>() + outside;
            alpha = gamma / (norm + 1e-5);
            beta = (n as f64 - gamma) / (residue + 1e-5);
            let new = alpha / beta;
            let change = (new - lambda).abs() / lambda;
            lambda = new;
            if change <= 1e-3 {
                break;
            }
        }
        let (n, d) = (n as f64, d as f64);
        // The logarithm of the determinant, including directions without features.
        let missing = d - spectrum.len() as f64;
        let determinant = spectrum.iter().map(|s| (alpha + beta * s).ln()).sum::<f64>() + missing * alpha.ln();
        let evidence = d / 2.0 * alpha.ln() + n / 2.0 * beta.ln()
            - 0.5 * determinant
            - beta / 2.0 * residue
            - alpha / 2.0 * norm
            - n / 2.0 * (2.0 * std::f64::consts::PI).ln();
        total += evidence / n;
    }
    Ok(total / count as f64)
}

/// H-score (Bao et al. 2019): the trace of cov(f)^-1 cov(E\[f | class\]), how much of the features' variance is between
/// the classes. From 0 to the number of classes minus one.
///
/// The covariance is shrunk toward the identity by `shrinkage` of its mean variance (Ibrahim et al. 2021), without
/// which fewer samples than features always look separated; 0 for the published score, with the floor of a pseudo-inverse.
/// # Errors
/// As [`log_me`].
pub fn h_score(features: &Mat<f64>, classes: &[usize], count: usize, shrinkage: f64) -> Result<f64> {
    let (n, d) = (features.nrows(), features.ncols());
    ensure!(n > 1 && d > 0 && classes.len() == n, "H-score: {n} features of {} samples", classes.len());
    fix_parallelism();
    let mean: Vec<f64> = (0..d).map(|column| features.col(column).iter().sum::<f64>() / n as f64).collect();
    let centered = Mat::from_fn(n, d, |row, column| features[(row, column)] - mean[column]);
    let mut covariance = centered.transpose() * &centered;
    let variance = (0..d).map(|i| covariance[(i, i)]).sum::<f64>() / d as f64 / (n - 1) as f64;
    // At least enough to keep it invertible.
    let floor = (shrinkage * variance).max(1e-12 * variance.max(f64::MIN_POSITIVE));
    for i in 0..d {
        for j in 0..d {
            covariance[(i, j)] *= (1.0 - shrinkage) / (n - 1) as f64;
        }
        covariance[(i, i)] += floor;
    }
    let mut sizes = vec![0_usize; count];
    let mut means = Mat::<f64>::zeros(d, count);
    for (row, class) in classes.iter().enumerate() {
        sizes[*class] += 1;
        for column in 0..d {
            means[(column, *class)] += centered[(row, column)];
        }
    }
    // Columns scaled so that their outer products sum to the covariance of the class means.
    for (class, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0) {
        let factor = 1.0 / (*size as f64 * (n - 1) as f64).sqrt();
        for column in 0..d {
            means[(column, class)] *= factor;
        }
    }
    let cholesky =
        covariance.llt(Side::Lower).map_err(|error| anyhow!("H-score: the covariance is singular: {error:?}"))?;
    let solved = cholesky.solve(&means);
    Ok((0..count).map(|class| (0..d).map(|i| means[(i, class)] * solved[(i, class)]).sum::<f64>()).sum())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn scores_match_the_published_formulas() {
        let golden = include_str!("../../../testdata/goldens/transfer/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let (n, d, classes) = (number("n") as usize, number("d") as usize, number("classes") as usize);
            let labels: Vec<usize> = (0..n).map(|row| (row * 7 + row / 3) % classes).collect();
            let spread = number("spread");
            let features = Mat::from_fn(n, d, |row, column| {
                let own = if column % classes == labels[row] { spread } else { 0.0 };
                crate::formula(row as u64, column as u64) + own
            });
            let found = log_me(&features, &labels, classes).unwrap();
            assert!((found - number("logme")).abs() < 1e-6 * (1.0 + found.abs()), "LogME {found} {case}");
            for (key, shrinkage) in [("h_score", 0.0), ("h_score_shrunk", 0.1)] {
                let found = h_score(&features, &labels, classes, shrinkage).unwrap();
                if let Some(expected) = case[key].as_f64() {
                    assert!((found - expected).abs() < 1e-6 * (1.0 + found.abs()), "{key} {found} {case}");
                }
            }
        }
    }
}
