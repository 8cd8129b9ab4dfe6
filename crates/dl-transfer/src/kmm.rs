//! Kernel mean matching (Huang et al. 2006, Correcting sample selection bias by unlabeled data, section 3): weights of
//! the source's rows under which their mean in the feature space of an RBF kernel is nearest to the target's.

use anyhow::{Context, Result, ensure};
use faer::{Mat, MatRef};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::WeightSummary;
use crate::box_qp::{Minimum, Problem, Quadratic};
use crate::linalg::product;
use crate::memory::ensure_fits;
use crate::rbf::{Distances, Rows, check_domains};

/// Options of [`kmm`]. The defaults are the paper's.
#[derive(Clone, Debug, PartialEq)]
pub struct KmmConfig {
    /// B: the largest weight.
    pub bound: f64,
    /// How far the mean weight may be from 1; (sqrt(ns) - 1) / sqrt(ns) when not given. Less than 1e-6 counts as 1e-6.
    pub eps: Option<f64>,
    /// Of the kernel exp(-gamma |a - b|^2); 1 / (2 m^2) for the median distance m of 500 rows of each domain when not
    /// given.
    pub gamma: Option<f64>,
    /// Approximate the kernel by this many random features (Rahimi and Recht 2007), rounded up to an even number:
    /// memory is then some times 8 bytes times that times ns. Otherwise it is 16 bytes times the square of somewhat
    /// more rows than get a weight above 0, which are few unless gamma is large.
    pub random_features: Option<usize>,
    /// Seed of what is drawn.
    pub seed: u64,
    /// The residual to stop at, see [`Kmm::kkt_residual`]; the duality gap is then at most this, relative to the
    /// objective.
    pub tolerance: f64,
    /// Most iterations of a round.
    pub max_iterations: usize,
}

impl Default for KmmConfig {
    fn default() -> Self {
        Self {
            bound: 1000.0,
            eps: None,
            gamma: None,
            random_features: None,
            seed: 0,
            tolerance: 1e-7,
            max_iterations: 100,
        }
    }
}

/// Weights found by [`kmm`].
#[derive(Clone, Debug, PartialEq)]
pub struct Kmm {
    /// One per row of the source, from 0 to the bound.
    pub weights: Vec<f64>,
    /// Gamma of the kernel.
    pub gamma: f64,
    /// 1/2 w'Kw - kappa'w, of the approximate kernel with random features.
    pub objective: f64,
    /// How far the weights are from the conditions of an optimum: the largest of min(w, slope) at the lower bound, and
    /// likewise at the others, where slopes are divided by the largest kappa.
    pub kkt_residual: f64,
    /// Iterations of the solver, of the last round.
    pub iterations: usize,
    /// Whether the tolerance was reached.
    pub converged: bool,
    /// How uneven the weights are.
    pub summary: WeightSummary,
}

/// Weighs the rows of `source` [ns, d] so that they resemble those of `target` [nt, d]: minimizes 1/2 w'Kw - kappa'w,
/// where K is the kernel within the source and kappa_i = ns/nt sum_j k(source_i, target_j), subject to 0 <= w <= B and
/// |sum w - ns| <= ns eps.
/// # Errors
/// When a domain has fewer than two rows, columns differ, a number is not finite, all rows are equal, an option is out
/// of range, or the kernel is all 0 or all 1.
pub fn kmm(source: MatRef<f64>, target: MatRef<f64>, config: &KmmConfig) -> Result<Kmm> {
    check_domains(source, target)?;
    let (bound, rows) = (config.bound, source.nrows() as f64);
    let eps = config.eps.unwrap_or((rows.sqrt() - 1.0) / rows.sqrt());
    ensure!(bound > 0.0 && bound.is_finite(), "the bound of the weights must be a number above 0, not {bound:?}");
    ensure!(eps >= 0.0 && eps.is_finite(), "eps must be a number of at least 0, not {eps:?}");
    let eps = eps.max(1e-6);
    ensure!(
        bound > 1.0 - eps,
        "weights of at most {bound:?} cannot have a mean of {}; use a larger --bound",
        1.0 - eps
    );
    let [source, target] = Rows::of_domains(source, target);
    let gamma = Distances::sample(&source, &target, config.seed)?.gamma(config.gamma)?;
    let (features, linear) = match config.random_features {
        Some(count) => {
            let (features, linear) = random_features(&source, &target, gamma, count, config.seed)?;
            (Some(Quadratic::LowRank(features)), linear)
        }
        None => (None, similarities(&source, &target, gamma)),
    };
    ensure!(
        linear.iter().any(|value| *value > 1e-8),
        "gamma {gamma:?} makes the kernel between the domains 0: no row of the target is near one of the source; use a \
         smaller gamma"
    );
    let (least, most) = (rows * (1.0 - eps), rows * (1.0 + eps));
    let found = match features {
        Some(quadratic) => Problem { quadratic: &quadratic, linear: &linear, bound, least, most }
            .solve(config.tolerance, config.max_iterations)?,
        None => Growing { source: &source, gamma, linear: &linear, bound, least, most }.solve(config)?,
    };
    Ok(Kmm {
        summary: WeightSummary::of(&found.at).context("kernel mean matching")?,
        weights: found.at,
        gamma,
        objective: found.objective,
        kkt_residual: found.residual,
        iterations: found.iterations,
        converged: found.converged,
    })
}

/// Rows that the first solution is among.
const FIRST: usize = 128;

/// The problem with the exact kernel, of which few weights are above 0 unless gamma is large: it is solved among some
/// of the rows, to which those are added that would lower the objective, until there are none. At most twice as many
/// each time, so that all rows cost little more than at once.
struct Growing<'a> {
    source: &'a Rows,
    gamma: f64,
    linear: &'a [f64],
    bound: f64,
    least: f64,
    most: f64,
}

impl Growing<'_> {
    fn solve(&self, config: &KmmConfig) -> Result<Minimum> {
        let Self { source, gamma, linear, bound, least, most } = *self;
        let rows = source.len();
        let scale = linear.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let first = FIRST.max((2.0 * least / bound).ceil() as usize).min(rows);
        // Spread over the rows, which may be sorted.
        let mut working: Vec<usize> = (0..first).map(|place| place * rows / first).collect();
        // Until no row is missing, a rough solution will do.
        let mut tolerance = config.tolerance.max(1e-4);
        loop {
            let chosen = source.select(&working);
            let quadratic = Quadratic::Dense(chosen.kernel(&chosen, gamma));
            let own: Vec<f64> = working.iter().map(|row| linear[*row]).collect();
            let problem = Problem { quadratic: &quadratic, linear: &own, bound, least, most };
            let found = problem.solve(tolerance, config.max_iterations)?;
            let slopes = self.slopes(&chosen, &found);
            let mut inside = vec![false; rows];
            working.iter().for_each(|row| inside[*row] = true);
            let mut better: Vec<usize> =
                (0..rows).filter(|row| !inside[*row] && slopes[*row] < -tolerance * scale).collect();
            if !better.is_empty() {
                // The steepest first.
                better.sort_by(|a, b| slopes[*a].total_cmp(&slopes[*b]).then(a.cmp(b)));
                better.truncate(working.len());
                working.extend(better);
                working.sort_unstable();
            } else if tolerance > config.tolerance {
                tolerance = config.tolerance;
            } else {
                let steepest =
                    (0..rows).filter(|row| !inside[*row]).map(|row| -slopes[row] / scale).fold(0.0, f64::max);
                let mut at = vec![0.0; rows];
                working.iter().zip(&found.at).for_each(|(row, weight)| at[*row] = *weight);
                return Ok(Minimum { at, residual: found.residual.max(steepest), ..found });
            }
        }
    }

    /// The gradient of the Lagrangian at every row, without the multiplier of the bound at 0.
    fn slopes(&self, chosen: &Rows, found: &Minimum) -> Vec<f64> {
        let above: Vec<usize> = (0..found.at.len()).filter(|place| found.at[*place] > 0.0).collect();
        let (rows, count) = (chosen.select(&above), above.len());
        let blocks: Vec<usize> = (0..self.source.len()).step_by(BLOCK).collect();
        let slopes = blocks.into_par_iter().flat_map_iter(|at| {
            let size = BLOCK.min(self.source.len() - at);
            let mut slopes: Vec<f64> = self.linear[at..at + size].iter().map(|it| found.sum_multiplier - it).collect();
            let kernel = self.source.block((at, size), &rows, (0, count), self.gamma);
            for (column, place) in kernel.col_iter().zip(&above) {
                slopes.iter_mut().zip(column.iter()).for_each(|(slope, value)| *slope += found.at[*place] * value);
            }
            slopes
        });
        slopes.collect()
    }
}

/// Rows of the source in a block.
const BLOCK: usize = 256;

/// kappa: ns/nt times the sum of the kernel of each row of the source with those of the target.
fn similarities(source: &Rows, target: &Rows, gamma: f64) -> Vec<f64> {
    let factor = source.len() as f64 / target.len() as f64;
    let starts: Vec<usize> = (0..source.len()).step_by(BLOCK).collect();
    let sums = starts.into_par_iter().flat_map_iter(|at| {
        let count = BLOCK.min(source.len() - at);
        let mut sums = vec![0.0; count];
        for other in (0..target.len()).step_by(BLOCK) {
            let block = source.block((at, count), target, (other, BLOCK.min(target.len() - other)), gamma);
            for column in block.col_iter() {
                sums.iter_mut().zip(column.iter()).for_each(|(sum, value)| *sum += factor * value);
            }
        }
        sums
    });
    sums.collect()
}

/// Z with Z Z' near the kernel within the source, and kappa of the same approximation: cosine and sine of the rows
/// along directions drawn from the kernel's Fourier transform, the normal distribution of variance 2 gamma.
fn random_features(source: &Rows, target: &Rows, gamma: f64, count: usize, seed: u64) -> Result<(Mat<f64>, Vec<f64>)> {
    ensure!(count > 0, "the number of random features must be at least 1");
    let directions = count.div_ceil(2);
    // The features, their angles, a block of the target, the frequencies, and as much again for the solver.
    let rows = 3.0 * source.len() as f64 + 4096.0_f64.min(target.len() as f64) + source.values.ncols() as f64;
    let what = || format!("{count} random features of {} rows", source.len());
    ensure_fits(rows * 2.0 * directions as f64, what, "use fewer --random-features")?;
    let mut rng = dl_record::rng(seed, "kmm/random-features");
    let deviation = (2.0 * gamma).sqrt();
    let mut draw = |_, _| {
        let value: f64 = StandardNormal.sample(&mut rng);
        deviation * value
    };
    let frequencies = Mat::from_fn(source.values.ncols(), directions, &mut draw);
    let factor = (1.0 / directions as f64).sqrt();
    let features = |rows: MatRef<f64>| {
        let angles = product(rows, frequencies.as_ref());
        let mut features = Mat::zeros(rows.nrows(), 2 * directions);
        features.par_col_iter_mut().enumerate().for_each(|(column, values)| {
            for (value, angle) in values.iter_mut().zip(angles.col(column / 2).iter()) {
                *value = factor * if column % 2 == 0 { angle.cos() } else { angle.sin() };
            }
        });
        features
    };
    let mut sum = Mat::zeros(2 * directions, 1);
    for at in (0..target.len()).step_by(4096) {
        let block = features(target.values.subrows(at, 4096.min(target.len() - at)));
        for (column, values) in block.col_iter().enumerate() {
            sum[(column, 0)] += values.iter().sum::<f64>();
        }
    }
    let features = features(source.values.as_ref());
    let ratio = source.len() as f64 / target.len() as f64;
    let kappa = product(features.as_ref(), sum.as_ref()).col(0).iter().map(|value| ratio * value).collect();
    Ok((features, kappa))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rbf::tests::{domains, kernel};

    /// The objective and the mean embedding at the target's first rows, by their definitions.
    fn dense(source: MatRef<f64>, target: MatRef<f64>, gamma: f64, weights: &[f64]) -> (f64, Vec<f64>) {
        let (ns, nt) = (source.nrows(), target.nrows());
        let mut objective = 0.0;
        for i in 0..ns {
            for j in 0..ns {
                objective += 0.5 * weights[i] * weights[j] * kernel(source, i, source, j, gamma);
            }
            for j in 0..nt {
                objective -= ns as f64 / nt as f64 * weights[i] * kernel(source, i, target, j, gamma);
            }
        }
        let embedding = |j| (0..ns).map(|i| weights[i] * kernel(source, i, target, j, gamma)).sum::<f64>() / ns as f64;
        (objective, (0..nt.min(10)).map(embedding).collect())
    }

    #[test]
    fn the_objective_is_not_above_cvxopts_and_the_conditions_of_an_optimum_hold() {
        let golden = include_str!("../../../testdata/goldens/weights/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["kmm"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let (source, target) = domains(number("ns") as usize, number("nt") as usize, number("columns") as usize);
            let (source, target) = (source.as_ref(), target.as_ref());
            let (bound, gamma) = (number("bound"), number("gamma"));
            let config = KmmConfig { bound, eps: case["eps"].as_f64(), gamma: Some(gamma), ..KmmConfig::default() };
            let found = kmm(source, target, &config).unwrap();
            assert!(
                found.converged && found.kkt_residual < 1e-6,
                "{} in {} {case}",
                found.kkt_residual,
                found.iterations
            );
            assert!(found.weights.iter().all(|weight| (0.0..=bound).contains(weight)));
            let (objective, embedding) = dense(source, target, gamma, &found.weights);
            assert!((objective - found.objective).abs() < 1e-9 * objective.abs());
            assert!(objective <= number("objective") + 1e-9 * objective.abs(), "{objective} {case}");
            for (found, expected) in embedding.iter().zip(case["embedding"].as_array().unwrap()) {
                assert!((found - expected.as_f64().unwrap()).abs() < 1e-3, "{found} {case}");
            }
        }
    }

    #[test]
    fn random_features_come_near_the_exact_objective_with_the_same_bits_on_any_number_of_threads() {
        let (source, target) = domains(300, 200, 3);
        let (source, target) = (source.as_ref(), target.as_ref());
        let exact = kmm(source, target, &KmmConfig::default()).unwrap();
        let config = KmmConfig { random_features: Some(400), ..KmmConfig::default() };
        let on = |threads, config: &KmmConfig| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| kmm(source, target, config)).unwrap()
        };
        let found = on(1, &config);
        assert_eq!(found, on(3, &config));
        assert_eq!(exact, on(3, &KmmConfig::default()));
        assert!(found.converged && found.kkt_residual < 1e-6, "{} {:?}", found.kkt_residual, found.summary);
        let (objective, _) = dense(source, target, found.gamma, &found.weights);
        let (flat, _) = dense(source, target, found.gamma, &[1.0; 300]);
        let lost = (objective - exact.objective) / (flat - exact.objective);
        assert!((0.0..0.05).contains(&lost), "{lost}: {objective}, exact {}, flat {flat}", exact.objective);
        assert!(exact.summary.effective_size < 300.0 && exact.summary.largest > 1.0);
    }

    #[test]
    fn many_rows_above_zero_and_rows_added_later_are_optimal_too() {
        let (source, target) = domains(500, 300, 2);
        let (source, target) = (source.as_ref(), target.as_ref());
        // A bound that needs many rows, and a narrow kernel.
        for (bound, gamma) in [(1.2, 0.3), (1000.0, 200.0)] {
            let config = KmmConfig { bound, gamma: Some(gamma), ..KmmConfig::default() };
            let found = kmm(source, target, &config).unwrap();
            assert!(found.converged && found.kkt_residual < 1e-6, "{} {:?}", found.kkt_residual, found.summary);
            let above = found.weights.iter().filter(|weight| **weight > 0.0).count();
            assert!(above > FIRST, "{above}");
            // The conditions by their definition; the sum is within its bounds, so that it has no multiplier.
            let sum: f64 = found.weights.iter().sum();
            assert!(sum > 50.0 && sum < 950.0, "{sum}");
            for i in 0..500 {
                let within: f64 = (0..500).map(|j| found.weights[j] * kernel(source, i, source, j, gamma)).sum();
                let cross: f64 = (0..300).map(|j| kernel(source, i, target, j, gamma)).sum();
                let slope = within - 500.0 / 300.0 * cross;
                let weight = found.weights[i];
                assert!(slope.clamp(weight - bound, weight).abs() < 1e-3, "{slope} {weight}");
            }
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let (source, target) = domains(20, 10, 2);
        let (source, target) = (source.as_ref(), target.as_ref());
        let refused = |source, target, config: KmmConfig| kmm(source, target, &config).unwrap_err().to_string();
        let plain = KmmConfig::default;
        assert!(refused(source, target.subrows(0, 0), plain()).contains("the target has no rows"));
        assert!(refused(source.subrows(3, 1), target, plain()).contains("the source has one row"));
        assert!(refused(source, target.subcols(0, 1), plain()).contains("2 columns and the target 1"));
        let equal = Mat::from_fn(5, 2, |_, column| column as f64);
        assert!(refused(equal.as_ref(), equal.as_ref(), plain()).contains("all columns are constant"));
        let broken = Mat::from_fn(5, 2, |row, _| if row == 3 { f64::NAN } else { 1.0 });
        assert!(refused(broken.as_ref(), target, plain()).contains("row 3 of the source"));
        assert!(
            refused(source, target, KmmConfig { gamma: Some(1e9), ..plain() }).contains("kernel of different rows 0")
        );
        assert!(refused(source, target, KmmConfig { gamma: Some(1e-15), ..plain() }).contains("all rows 1"));
        assert!(refused(source, target, KmmConfig { bound: 0.1, ..plain() }).contains("larger --bound"));
        let many = KmmConfig { random_features: Some(1_000_000_000_000), ..plain() };
        let error = refused(source, target, many);
        assert!(error.contains("random features of 20 rows take") && error.contains("--random-features"), "{error}");
        let huge = refused(source, target, KmmConfig { gamma: Some(1e300), ..plain() });
        assert!(huge.starts_with("gamma 1e300 makes"), "{huge}");
        assert!(refused(source, target, KmmConfig { eps: Some(-1.0), ..plain() }).contains("eps"));
        assert!(refused(source, target, KmmConfig { random_features: Some(0), ..plain() }).contains("at least 1"));
        let far = Mat::from_fn(10, 2, |row, column| 1e3 + target[(row, column)]);
        let config = KmmConfig { gamma: Some(1.0), ..plain() };
        assert!(refused(source, far.as_ref(), config).contains("between the domains 0"));
    }
}
