//! The kernel Inception distance (Binkowski et al. 2018, Demystifying MMD GANs, section 4): the unbiased squared maximum
//! mean discrepancy with the kernel (x.y / d + 1)^3. It may be below 0.
//!
//! torch-fidelity draws its subsets with numpy's RandomState(2020); ours come from our own generator and the seed, so the
//! means agree within their deviation, not digit for digit. [`exact`] has no draw.

use anyhow::{Result, ensure};
use dl_record::{Matrix, rng};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rand::seq::index;
use rayon::prelude::*;

use crate::check_sets;

/// Options of [`kid`]; the defaults are the paper's program's and torch-fidelity's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KidConfig {
    /// Number of subsets.
    pub subsets: usize,
    /// Rows of each set in a subset, drawn without replacement.
    pub subset_size: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for KidConfig {
    fn default() -> Self {
        Self { subsets: 100, subset_size: 1000, seed: 0 }
    }
}

/// The distance over subsets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kid {
    /// Mean over the subsets.
    pub mean: f64,
    /// Standard deviation over the subsets, divided by their number.
    pub deviation: f64,
}

/// The distance between rows of features [n, d] and [m, d], over random subsets of both.
/// # Errors
/// When a set has fewer rows than a subset, a subset fewer than two, or the numbers of columns differ.
pub fn kid(generated: &Matrix, real: &Matrix, config: &KidConfig) -> Result<Kid> {
    let KidConfig { subsets, subset_size, seed } = *config;
    ensure!(subsets > 0 && subset_size > 1, "{subsets} subsets of {subset_size} rows; expected at least 1 of 2");
    check_sets(generated, real, subset_size)?;
    let draw = |name: &str, subset: usize, rows: usize| {
        index::sample(&mut rng(seed, &format!("kid/{name}/{subset}")), rows, subset_size).into_vec()
    };
    let distances = (0..subsets).into_par_iter().map(|subset| {
        let generated = Rows { of: generated, which: Some(draw("generated", subset, generated.rows)) };
        let real = Rows { of: real, which: Some(draw("real", subset, real.rows)) };
        squared_discrepancy(&generated, &real)
    });
    let distances: Vec<f64> = distances.collect();
    let mean = distances.iter().sum::<f64>() / subsets as f64;
    let variance = distances.iter().map(|distance| (distance - mean).powi(2)).sum::<f64>() / subsets as f64;
    Ok(Kid { mean, deviation: variance.sqrt() })
}

/// The distance between all rows of both sets.
/// # Errors
/// When a set has fewer than two rows, or the numbers of columns differ.
pub fn exact(generated: &Matrix, real: &Matrix) -> Result<f64> {
    check_sets(generated, real, 2)?;
    Ok(squared_discrepancy(&Rows { of: generated, which: None }, &Rows { of: real, which: None }))
}

/// Rows of a matrix, all or those listed.
struct Rows<'a> {
    of: &'a Matrix,
    which: Option<Vec<usize>>,
}

/// Rows in a tile of the kernel matrix; 512 x 512 numbers are 2 MB.
const TILE: usize = 512;

impl Rows<'_> {
    fn count(&self) -> usize {
        self.which.as_ref().map_or(self.of.rows, Vec::len)
    }

    /// Tile `tile` as columns [d, rows].
    fn tile(&self, tile: usize) -> Mat<f64> {
        let first = tile * TILE;
        let mut block = Mat::zeros(self.of.columns, TILE.min(self.count() - first));
        for (place, column) in block.col_iter_mut().enumerate() {
            let row = self.which.as_ref().map_or(first + place, |which| which[first + place]);
            column.iter_mut().zip(self.of.row(row)).for_each(|(place, value)| *place = f64::from(*value));
        }
        block
    }
}

fn squared_discrepancy(x: &Rows, y: &Rows) -> f64 {
    let [m, n] = [x.count() as f64, y.count() as f64];
    within(x) / (m * (m - 1.0)) + within(y) / (n * (n - 1.0)) - 2.0 * between(x, y) / (m * n)
}

/// The sum of the kernel over all ordered pairs of two different rows.
fn within(x: &Rows) -> f64 {
    let tiles = x.count().div_ceil(TILE);
    let pairs: Vec<(usize, usize)> = (0..tiles).flat_map(|i| (0..=i).map(move |j| (i, j))).collect();
    let sum = |(i, j): &(usize, usize)| {
        let rows = x.tile(*i);
        if i != j {
            return 2.0 * tile_sum(rows.as_ref(), x.tile(*j).as_ref(), |_| 0);
        }
        // The part below the diagonal, twice.
        2.0 * tile_sum(rows.as_ref(), rows.as_ref(), |column| column + 1)
    };
    pairs.par_iter().map(sum).collect::<Vec<f64>>().iter().sum()
}

/// The sum of the kernel over all pairs of a row of `x` and a row of `y`.
fn between(x: &Rows, y: &Rows) -> f64 {
    let [rows, columns] = [x, y].map(|rows| rows.count().div_ceil(TILE));
    let pairs: Vec<(usize, usize)> = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).collect();
    let sum = |(i, j): &(usize, usize)| tile_sum(x.tile(*i).as_ref(), y.tile(*j).as_ref(), |_| 0);
    pairs.par_iter().map(sum).collect::<Vec<f64>>().iter().sum()
}

/// The sum of the kernel of the rows of a tile, [d, m] and [d, n]; of column j, from row `first(j)`.
fn tile_sum(x: MatRef<f64>, y: MatRef<f64>, first: impl Fn(usize) -> usize) -> f64 {
    let mut products = Mat::<f64>::zeros(x.ncols(), y.ncols());
    // Tiles are computed side by side already.
    matmul(&mut products, Accum::Replace, x.transpose(), y, 1.0, Par::Seq);
    let gamma = 1.0 / x.nrows() as f64;
    let kernel = |product: &f64| {
        let base = product * gamma + 1.0;
        base * base * base
    };
    products.col_iter().enumerate().map(|(j, column)| column.iter().skip(first(j)).map(kernel).sum::<f64>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{golden, golden_rows};

    #[test]
    fn the_distance_of_all_rows_equals_torch_fidelitys() {
        for case in golden()["kid"].as_array().unwrap() {
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let (rows, columns) = (number("rows"), number("columns"));
            let generated = golden_rows(0, rows, columns, case["shift"].as_f64().unwrap());
            let real = golden_rows(10_000, rows, columns, 0.0);
            let expected = case["torch_fidelity"].as_f64().unwrap();
            let found = exact(&generated, &real).unwrap();
            assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{found}, expected {expected}: {case}");
        }
    }

    #[test]
    fn the_mean_over_subsets_is_near_the_value_of_all_rows() {
        let [generated, real] = [golden_rows(0, 900, 12, 0.5), golden_rows(10_000, 700, 12, 0.0)];
        let all = exact(&generated, &real).unwrap();
        let config = KidConfig { subsets: 60, subset_size: 200, seed: 3 };
        let found = kid(&generated, &real, &config).unwrap();
        let error = found.deviation / 60_f64.sqrt();
        assert!((found.mean - all).abs() < 4.0 * error, "{found:?}, of all rows {all}");
        assert_ne!(found, kid(&generated, &real, &KidConfig { seed: 4, ..config.clone() }).unwrap());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(found, pool.install(|| kid(&generated, &real, &config).unwrap()));
    }

    #[test]
    fn sets_that_are_too_small_are_refused() {
        let set = golden_rows(0, 9, 3, 0.0);
        assert!(kid(&set, &set, &KidConfig::default()).unwrap_err().to_string().contains("has 9 rows"));
        assert!(exact(&golden_rows(0, 1, 3, 0.0), &set).is_err());
        assert!(exact(&set, &golden_rows(0, 9, 4, 0.0)).is_err());
    }
}
