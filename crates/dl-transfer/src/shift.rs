//! Distances between the rows of two domains.

use anyhow::{Result, ensure};
use dl_record::Matrix;
use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::linalg::product;
use crate::linear::{TwoSampleConfig, two_sample};
use crate::rbf::{Distances, Rows, check_domains};

/// The squared maximum mean discrepancy (Gretton et al. 2012, A kernel two-sample test, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mmd {
    /// Gamma of the kernel exp(-gamma |a - b|^2).
    pub gamma: f64,
    /// The square of the distance of the domains' means in the kernel's space, at least 0; too large for few rows.
    pub biased: f64,
    /// The unbiased estimate, without the kernel of a row with itself: 0 on average for equal domains, and so at times
    /// below.
    pub unbiased: f64,
}

/// Measures the discrepancy of `source` [ns, d] and `target` [nt, d] with an RBF kernel; without a gamma, 1 / (2 m^2)
/// for the median distance m of at most 500 rows of each domain, drawn by the seed. Time is (ns + nt)^2 d, memory (ns +
/// nt) d.
/// # Errors
/// When a domain has fewer than two rows, columns differ, a number is not finite, all rows are equal, or gamma is not
/// above 0 or makes the kernel all 0 or all 1.
pub fn mmd(source: MatRef<f64>, target: MatRef<f64>, gamma: Option<f64>, seed: u64) -> Result<Mmd> {
    check_domains(source, target)?;
    let [source, target] = Rows::of_domains(source, target);
    let gamma = Distances::sample(&source, &target, seed)?.gamma(gamma)?;
    let (ns, nt) = (source.len() as f64, target.len() as f64);
    let (within_source, within_target) = (sum_within(&source, gamma), sum_within(&target, gamma));
    let cross = 2.0 * sum_between(&source, &target, gamma) / (ns * nt);
    Ok(Mmd {
        gamma,
        // Rounding must not make a square negative.
        biased: ((ns + within_source) / (ns * ns) + (nt + within_target) / (nt * nt) - cross).max(0.0),
        unbiased: within_source / (ns * (ns - 1.0)) + within_target / (nt * (nt - 1.0)) - cross,
    })
}

/// Rows of a block.
const BLOCK: usize = 256;

fn blocks(rows: &Rows) -> Vec<(usize, usize)> {
    (0..rows.len()).step_by(BLOCK).map(|at| (at, BLOCK.min(rows.len() - at))).collect()
}

/// The sum of the kernel of each row of `a` with each of `b`.
fn sum_between(a: &Rows, b: &Rows, gamma: f64) -> f64 {
    let others = blocks(b);
    let sum = |rows| others.iter().map(|other| sum(&a.block(rows, b, *other, gamma))).sum::<f64>();
    // Collected, so that the order of the sum does not depend on the threads.
    blocks(a).into_par_iter().map(sum).collect::<Vec<f64>>().iter().sum()
}

/// The sum of the kernel of each row with each other row.
fn sum_within(rows: &Rows, gamma: f64) -> f64 {
    let all = blocks(rows);
    let sum = |(index, block): (usize, &(usize, usize))| {
        let own = rows.block(*block, rows, *block, gamma);
        let lower = own.col_iter().enumerate().map(|(column, values)| values.iter().skip(column + 1).sum::<f64>());
        let lower: f64 = lower.sum();
        2.0 * (lower + all[index + 1..].iter().map(|other| sum(&rows.block(*block, rows, *other, gamma))).sum::<f64>())
    };
    all.par_iter().enumerate().map(sum).collect::<Vec<f64>>().iter().sum()
}

fn sum(block: &Mat<f64>) -> f64 {
    block.col_iter().map(|column| column.iter().sum::<f64>()).sum()
}

/// The distance of the covariances, |Cs - Ct|_F^2 / (4 d^2) (Sun and Saenko 2016, Deep CORAL, equation 1), of `source`
/// [ns, d] and `target` [nt, d]; covariances are divided by n - 1. Memory is 16 d^2 bytes and that of the rows.
/// # Errors
/// When a domain has fewer than two rows, columns differ, a number is not finite, or all rows are equal.
pub fn covariance_distance(source: MatRef<f64>, target: MatRef<f64>) -> Result<f64> {
    check_domains(source, target)?;
    let [source, target] = [source, target].map(covariance);
    let squares = source.col_iter().zip(target.col_iter()).map(|(source, target)| {
        source.iter().zip(target.iter()).map(|(source, target)| (source - target).powi(2)).sum::<f64>()
    });
    let columns = source.ncols() as f64;
    Ok(squares.sum::<f64>() / (4.0 * columns * columns))
}

fn covariance(rows: MatRef<f64>) -> Mat<f64> {
    let n = rows.nrows() as f64;
    let means: Vec<f64> = rows.col_iter().map(|column| column.iter().sum::<f64>() / n).collect();
    let factor = 1.0 / (n - 1.0).sqrt();
    let centered =
        Mat::from_fn(rows.nrows(), rows.ncols(), |row, column| (rows[(row, column)] - means[column]) * factor);
    product(centered.transpose(), centered.as_ref())
}

/// How well a linear classifier tells the domains apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProxyDistance {
    /// 2 (1 - 2 error): 0 when the classifier guesses, at times below, 2 when it is never wrong.
    pub distance: f64,
    /// The standard error of the distance.
    pub standard_error: f64,
    /// The error on held-out rows, as many of each domain.
    pub error: f64,
    /// Whether the solver converged for both halves.
    pub converged: bool,
}

/// The proxy A-distance (Ben-David et al. 2007, Analysis of representations for domain adaptation, section 4) of
/// `source` [ns, d] and `target` [nt, d]: 2 (1 - 2 error) of a logistic regression of cost C that is trained on half of
/// the rows, of the smaller domain's number from each, and tested on the other half; and the other way around.
/// # Errors
/// When a domain has fewer than two rows, columns differ, a number is not finite, or the cost is not above 0.
pub fn proxy_a_distance(source: MatRef<f64>, target: MatRef<f64>, cost: f64, seed: u64) -> Result<ProxyDistance> {
    check_domains(source, target)?;
    ensure!(cost > 0.0 && cost.is_finite(), "the cost must be a number above 0, not {cost:?}");
    let [source, target] = [source, target].map(|rows| {
        let data = (0..rows.nrows()).flat_map(|row| rows.row(row).iter().map(|value| *value as f32)).collect();
        Matrix { rows: rows.nrows(), columns: rows.ncols(), data }
    });
    let found = two_sample(&source, &target, &TwoSampleConfig { folds: 2, cost, seed })?;
    let error = 1.0 - found.accuracy;
    Ok(ProxyDistance {
        distance: 2.0 * (1.0 - 2.0 * error),
        standard_error: 4.0 * found.standard_error,
        error,
        converged: found.converged,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rbf::tests::{domains, kernel};

    #[test]
    fn distances_match_numpy() {
        let golden: Value = serde_json::from_str(include_str!("../../../testdata/goldens/shift/golden.json")).unwrap();
        for case in golden["distances"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let (source, target) = domains(number("ns") as usize, number("nt") as usize, number("columns") as usize);
            let (source, target) = (source.as_ref(), target.as_ref());
            let found = mmd(source, target, case["gamma"].as_f64(), 0).unwrap();
            assert!((found.gamma / number("used_gamma") - 1.0).abs() < 1e-12, "{found:?} {case}");
            assert!((found.biased - number("biased")).abs() < 1e-12, "{found:?} {case}");
            assert!((found.unbiased - number("unbiased")).abs() < 1e-12, "{found:?} {case}");
            let found = covariance_distance(source, target).unwrap();
            assert!((found / number("covariance") - 1.0).abs() < 1e-10, "{found} {case}");
        }
    }

    #[test]
    fn blocks_sum_to_the_definition_with_the_same_bits_on_any_number_of_threads() {
        let (source, target) = domains(600, 300, 3);
        let (source, target) = (source.as_ref(), target.as_ref());
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (mmd(source, target, Some(0.2), 0).unwrap(), covariance_distance(source, target).unwrap()))
        };
        let found = on(1);
        assert_eq!(found, on(3));
        let mean = |a: MatRef<f64>, b: MatRef<f64>| {
            let row = |i| (0..b.nrows()).map(|j| kernel(a, i, b, j, 0.2)).sum::<f64>();
            (0..a.nrows()).map(row).sum::<f64>() / (a.nrows() * b.nrows()) as f64
        };
        let expected = mean(source, source) + mean(target, target) - 2.0 * mean(source, target);
        assert!((found.0.biased - expected).abs() < 1e-12, "{found:?} {expected}");
    }

    #[test]
    fn equal_domains_are_near_and_moved_ones_far() {
        let (source, _) = domains(400, 10, 5);
        let (first, second) = (source.subrows(0, 200), source.subrows(200, 200));
        assert!(mmd(first, first, None, 0).unwrap().biased < 1e-12);
        assert!(covariance_distance(first, first).unwrap() == 0.0);
        assert!(mmd(first, second, None, 0).unwrap().unbiased.abs() < 0.01);
        let near = proxy_a_distance(first, second, 1.0, 0).unwrap();
        assert!(near.distance.abs() < 4.0 * near.standard_error, "{near:?}");
        let moved = Mat::from_fn(200, 5, |row, column| second[(row, column)] + 5.0);
        let far = proxy_a_distance(first, moved.as_ref(), 1.0, 0).unwrap();
        assert_eq!((far.distance, far.error), (2.0, 0.0));
        assert!(mmd(first, moved.as_ref(), None, 0).unwrap().unbiased > 0.1);
    }

    #[test]
    fn bad_input_is_refused() {
        let (source, target) = domains(20, 10, 2);
        let (source, target) = (source.as_ref(), target.as_ref());
        let empty = target.subrows(0, 0);
        assert!(mmd(source, empty, None, 0).unwrap_err().to_string().contains("the target has no rows"));
        assert!(covariance_distance(source, empty).is_err() && proxy_a_distance(empty, target, 1.0, 0).is_err());
        let error = mmd(source, target, Some(1e9), 0).unwrap_err().to_string();
        assert!(error.contains("different rows 0"), "{error}");
        assert!(proxy_a_distance(source, target, 0.0, 0).unwrap_err().to_string().contains("cost"));
    }
}
