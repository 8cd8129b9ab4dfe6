//! KLIEP (Sugiyama et al. 2008, Direct importance estimation for covariate shift adaptation, sections 2 and 3): weights
//! w(x) = sum_l a_l k(x, c_l) that make the weighted source nearest to the target in the Kullback-Leibler divergence.
//!
//! maximize mean_j log w(target_j), subject to mean_i w(source_i) = 1 and a >= 0. With b_l the mean of k(source_i,
//! c_l), this is a mixture of the kernels k(x, c_l) / b_l with shares a_l b_l.

use anyhow::{Result, anyhow, ensure};
use faer::{Mat, MatRef};
use rand::seq::SliceRandom;

use crate::WeightSummary;
use crate::mixture::{Mixture, fit};
use crate::rbf::{Distances, Rows, check_domains};

/// Options of [`kliep`]. The defaults are the paper's.
#[derive(Clone, Debug, PartialEq)]
pub struct KliepConfig {
    /// Centers of the kernels, drawn from the target's rows without replacement; all rows when there are fewer.
    pub centers: usize,
    /// Gammas of the kernel exp(-gamma |a - b|^2) to choose from by likelihood; empty for 1/16, 1/8, .. 64 times that
    /// of the median distance. One gamma is used without a choice.
    pub gammas: Vec<f64>,
    /// Parts of the target of the choice: each is held out once.
    pub folds: usize,
    /// The certificate to stop at.
    pub tolerance: f64,
    /// Most iterations of a fit.
    pub max_iterations: usize,
    /// Seed of the centers and the folds.
    pub seed: u64,
}

impl Default for KliepConfig {
    fn default() -> Self {
        Self { centers: 100, gammas: Vec::new(), folds: 5, tolerance: 1e-6, max_iterations: 20_000, seed: 0 }
    }
}

/// Weights found by [`kliep`].
#[derive(Clone, Debug, PartialEq)]
pub struct Kliep {
    /// One per row of the source, at least 0, with mean 1.
    pub weights: Vec<f64>,
    /// Gamma of the kernel.
    pub gamma: f64,
    /// Rows of the target that are centers.
    pub centers: Vec<usize>,
    /// a: the coefficient of each center; 0 for one that no row of the source is near.
    pub coefficients: Vec<f64>,
    /// The mean of log w over the target.
    pub likelihood: f64,
    /// By how much the best likelihood of these centers is larger, at most.
    pub certificate: f64,
    /// Iterations of the final fit.
    pub iterations: usize,
    /// Whether the certificate is within the tolerance.
    pub converged: bool,
    /// Each gamma to choose from, with its mean log-likelihood of the held-out parts; `None` for one whose kernel is
    /// all 0 or all 1. Empty without a choice.
    pub choices: Vec<(f64, Option<f64>)>,
    /// How uneven the weights are.
    pub summary: WeightSummary,
}

/// Kernels below this are this: the logarithm of a weight must be finite.
const SMALLEST: f64 = 1e-200;

/// A center whose mean kernel with the source is below this is left out.
const NEAR: f64 = 1e-100;

/// Weighs the rows of `source` [ns, d] by the ratio of the density of `target` [nt, d] to theirs.
///
/// Where gamma is chosen, the centers among the held-out rows are left out of the fit that is scored on those rows.
/// # Errors
/// When a domain has fewer than two rows, columns differ, a number is not finite, all rows are equal, an option is out
/// of range, or no gamma gives a kernel that is neither all 0 nor all 1.
pub fn kliep(source: MatRef<f64>, target: MatRef<f64>, config: &KliepConfig) -> Result<Kliep> {
    check_domains(source, target)?;
    let KliepConfig { centers, folds, seed, .. } = *config;
    ensure!(centers > 0, "the number of centers must be at least 1");
    let [source, target] = Rows::of_domains(source, target);
    let distances = Distances::sample(&source, &target, seed)?;
    let gammas = if config.gammas.is_empty() {
        (-4..=6).map(|power| distances.median_gamma() * 2_f64.powi(power)).collect()
    } else {
        config.gammas.clone()
    };
    for gamma in &gammas {
        ensure!(*gamma > 0.0 && gamma.is_finite(), "gamma must be a number above 0, not {gamma:?}");
    }
    let mut order: Vec<usize> = (0..target.len()).collect();
    order.shuffle(&mut dl_record::rng(seed, "kliep/centers"));
    order.truncate(centers);
    order.sort_unstable();
    let rows = target.select(&order);
    let basis = Basis { source: source.distances(&rows), target: target.distances(&rows), centers: order };

    let mut choices = Vec::new();
    let gamma = if let [gamma] = gammas[..] {
        distances.gamma(Some(gamma))?
    } else {
        ensure!(
            folds > 1 && folds <= target.len(),
            "{folds} folds of {} target rows; a choice needs a row for each; give a single --gamma",
            target.len()
        );
        let mut parts: Vec<usize> = (0..target.len()).map(|place| place % folds).collect();
        parts.shuffle(&mut dl_record::rng(seed, "kliep/folds"));
        for gamma in gammas {
            let usable = distances.gamma(Some(gamma)).is_ok();
            choices.push((gamma, if usable { basis.held_out(gamma, &parts, folds, config) } else { None }));
        }
        // The first of equally good ones.
        let better = |best: Option<(f64, f64)>, (gamma, score): &(f64, Option<f64>)| match (best, *score) {
            (None, Some(score)) => Some((*gamma, score)),
            (Some((_, top)), Some(score)) if score > top => Some((*gamma, score)),
            _ => best,
        };
        let (gamma, _) = choices.iter().fold(None, better).ok_or_else(|| {
            anyhow!(
                "every gamma makes the kernel all 0 or all 1; the median distance suggests --gamma {:.3e}",
                distances.median_gamma()
            )
        })?;
        gamma
    };
    basis.weigh(gamma, choices, config)
}

/// Squared distances to the centers.
struct Basis {
    /// [ns, centers].
    source: Mat<f64>,
    /// [nt, centers].
    target: Mat<f64>,
    /// The rows of the target.
    centers: Vec<usize>,
}

impl Basis {
    /// The mean kernel of each center with the source.
    fn means(&self, gamma: f64) -> Vec<f64> {
        let rows = self.source.nrows() as f64;
        self.source
            .col_iter()
            .map(|column| column.iter().map(|distance| (-gamma * distance).exp()).sum::<f64>() / rows)
            .collect()
    }

    /// k(target_j, c_l) / b_l of some rows and centers.
    fn densities(&self, gamma: f64, means: &[f64], rows: &[usize], centers: &[usize]) -> Mat<f64> {
        Mat::from_fn(rows.len(), centers.len(), |row, column| {
            let center = centers[column];
            (-gamma * self.target[(rows[row], center)]).exp().max(SMALLEST) / means[center]
        })
    }

    /// The mean log-likelihood of held-out parts; `None` when no center is near the source.
    fn held_out(&self, gamma: f64, parts: &[usize], folds: usize, config: &KliepConfig) -> Option<f64> {
        let means = self.means(gamma);
        let mut sum = 0.0;
        for fold in 0..folds {
            let (out, kept): (Vec<usize>, Vec<usize>) = (0..parts.len()).partition(|row| parts[*row] == fold);
            let centers: Vec<usize> = (0..means.len())
                .filter(|center| means[*center] > NEAR && parts[self.centers[*center]] != fold)
                .collect();
            if centers.is_empty() {
                return None;
            }
            let densities = self.densities(gamma, &means, &kept, &centers);
            // A choice needs no more accuracy than differences between gammas have.
            let Mixture { shares, .. } = fit(densities.as_ref(), config.tolerance.max(1e-4), config.max_iterations);
            let held_out = self.densities(gamma, &means, &out, &centers);
            for row in 0..out.len() {
                sum += held_out.row(row).iter().zip(&shares).map(|(density, share)| density * share).sum::<f64>().ln();
            }
        }
        Some(sum / parts.len() as f64)
    }

    fn weigh(self, gamma: f64, choices: Vec<(f64, Option<f64>)>, config: &KliepConfig) -> Result<Kliep> {
        let means = self.means(gamma);
        let near: Vec<usize> = (0..means.len()).filter(|center| means[*center] > NEAR).collect();
        ensure!(
            !near.is_empty(),
            "gamma {gamma:?} makes the kernel between the domains 0: no row of the source is near a center; use a smaller \
             gamma"
        );
        let rows: Vec<usize> = (0..self.target.nrows()).collect();
        let found = fit(self.densities(gamma, &means, &rows, &near).as_ref(), config.tolerance, config.max_iterations);
        let mut coefficients = vec![0.0; means.len()];
        let mut weights = vec![0.0; self.source.nrows()];
        for (center, share) in near.iter().zip(&found.shares) {
            coefficients[*center] = share / means[*center];
            for (weight, distance) in weights.iter_mut().zip(self.source.col(*center).iter()) {
                *weight += coefficients[*center] * (-gamma * distance).exp();
            }
        }
        Ok(Kliep {
            summary: WeightSummary::of(&weights)?,
            weights,
            gamma,
            centers: self.centers,
            coefficients,
            likelihood: found.likelihood,
            certificate: found.certificate,
            iterations: found.iterations,
            converged: found.certificate <= config.tolerance,
            choices,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rbf::tests::{domains, kernel};

    #[test]
    fn the_likelihood_is_the_best_there_is() {
        let golden = include_str!("../../../testdata/goldens/weights/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["kliep"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let (ns, nt) = (number("ns") as usize, number("nt") as usize);
            let (source, target) = domains(ns, nt, number("columns") as usize);
            let gamma = number("gamma");
            let config = KliepConfig { gammas: vec![gamma], ..KliepConfig::default() };
            let found = kliep(source.as_ref(), target.as_ref(), &config).unwrap();
            assert!(found.converged && found.certificate <= 1e-6, "{found:?}");
            assert!((found.likelihood - number("likelihood")).abs() < 2e-6, "{} {case}", found.likelihood);
            assert!((found.weights.iter().sum::<f64>() / ns as f64 - 1.0).abs() < 1e-12);
            // The definition: weights and likelihood of the coefficients.
            let weight = |rows: MatRef<f64>, row: usize| -> f64 {
                let parts = found.centers.iter().zip(&found.coefficients);
                parts.map(|(center, a)| a * kernel(rows, row, target.as_ref(), *center, gamma)).sum()
            };
            let likelihood = (0..nt).map(|row| weight(target.as_ref(), row).ln()).sum::<f64>() / nt as f64;
            assert!((likelihood - found.likelihood).abs() < 1e-10);
            for (row, found) in found.weights.iter().enumerate() {
                assert!((found - weight(source.as_ref(), row)).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn gamma_is_chosen_by_the_likelihood_of_held_out_rows_and_bad_ones_are_left_out() {
        let (source, target) = domains(300, 150, 2);
        let (source, target) = (source.as_ref(), target.as_ref());
        let found = kliep(source, target, &KliepConfig { centers: 40, ..KliepConfig::default() }).unwrap();
        assert!(found.choices.len() == 11 && found.centers.len() == 40 && found.converged, "{found:?}");
        let best = found.choices.iter().filter_map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
        assert!(found.choices.contains(&(found.gamma, Some(best))) && best > 0.0, "{:?}", found.choices);
        // The target is in the corner above -0.5; rows outside of it count little.
        let inside = |row: &usize| (0..2).all(|column| (-0.5..1.5).contains(&source[(*row, column)]));
        let (inside, outside): (Vec<usize>, Vec<usize>) = (0..300).partition(inside);
        let mean = |rows: &[usize]| rows.iter().map(|row| found.weights[*row]).sum::<f64>() / rows.len() as f64;
        assert!(mean(&inside) > 5.0 * mean(&outside), "{} {}", mean(&inside), mean(&outside));
        let config = KliepConfig { gammas: vec![1e-15, 1.0, 1e9], ..KliepConfig::default() };
        let found = kliep(source, target, &config).unwrap();
        assert!(found.gamma == 1.0 && found.choices[0].1.is_none() && found.choices[2].1.is_none());
    }

    #[test]
    fn bad_input_is_refused() {
        let (source, target) = domains(20, 10, 2);
        let (source, target) = (source.as_ref(), target.as_ref());
        let refused = |target, config: KliepConfig| kliep(source, target, &config).unwrap_err().to_string();
        let of = |gammas: &[f64]| KliepConfig { gammas: gammas.to_vec(), ..KliepConfig::default() };
        assert!(refused(target.subrows(0, 0), of(&[])).contains("the target has no rows"));
        assert!(refused(target.subrows(0, 1), of(&[])).contains("the target has one row"));
        assert!(refused(target, of(&[1e-15])).contains("all rows 1"));
        assert!(refused(target, of(&[1e9])).contains("different rows 0"));
        assert!(refused(target, of(&[1e-15, 1e9])).contains("every gamma"));
        assert!(refused(target, of(&[-1.0, 1.0])).contains("above 0"));
        assert!(refused(target, KliepConfig { folds: 11, ..of(&[]) }).contains("11 folds of 10"));
        assert!(refused(target, KliepConfig { centers: 0, ..of(&[]) }).contains("centers"));
        let far = Mat::from_fn(10, 2, |row, column| 1e3 + target[(row, column)]);
        assert!(refused(far.as_ref(), of(&[1.0])).contains("between the domains 0"));
    }
}
