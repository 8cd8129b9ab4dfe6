//! The RBF kernel exp(-gamma |a - b|^2) between the rows of two domains, and the choice of gamma.

use anyhow::{Result, bail, ensure};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::Kernel;
use crate::kernel::{rbf, squared_distance, squared_norms};
use crate::linalg::{column_means, product};

/// Rows of each domain from which gamma is chosen.
const SAMPLE: usize = 500;

/// Checks that two domains can be compared: equal columns, at least two rows each, finite numbers, and not all rows
/// equal.
/// # Errors
/// When they cannot.
pub(crate) fn check_domains(source: MatRef<f64>, target: MatRef<f64>) -> Result<()> {
    for (rows, name) in [(source, "source"), (target, "target")] {
        match rows.nrows() {
            0 => bail!("the {name} has no rows; expected at least 2"),
            1 => bail!("the {name} has one row; expected at least 2"),
            _ => {}
        }
        for (column, values) in rows.col_iter().enumerate() {
            // The square of a number must be finite too.
            if let Some(row) = values.iter().position(|value| value.is_nan() || value.abs() > 1e140) {
                bail!("row {row} of the {name} has {} in column {column}; expected a finite number", values[row]);
            }
        }
    }
    ensure!(
        source.ncols() == target.ncols() && source.ncols() > 0,
        "the source has {} columns and the target {}; expected as many, and at least one",
        source.ncols(),
        target.ncols()
    );
    let varies = |column: usize| {
        let first = source[(0, column)];
        source.col(column).iter().chain(target.col(column).iter()).any(|value| *value != first)
    };
    ensure!((0..source.ncols()).any(varies), "all columns are constant: all rows of both domains are equal");
    Ok(())
}

/// Rows with their squared norms.
pub(crate) struct Rows {
    /// [n, d].
    pub(crate) values: Mat<f64>,
    norms: Vec<f64>,
}

impl Rows {
    /// Both domains, minus the mean of the target's rows: distances stay, and an offset that all rows share does not
    /// drown them in rounding.
    pub(crate) fn of_domains(source: MatRef<f64>, target: MatRef<f64>) -> [Self; 2] {
        let mean = column_means(target);
        [source, target].map(|rows| {
            let values = Mat::from_fn(rows.nrows(), rows.ncols(), |row, column| rows[(row, column)] - mean[column]);
            let norms = squared_norms(values.as_ref());
            Self { values, norms }
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.norms.len()
    }

    /// The rows `indices`.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        Self {
            values: Mat::from_fn(indices.len(), self.values.ncols(), |row, column| self.values[(indices[row], column)]),
            norms: indices.iter().map(|row| self.norms[*row]).collect(),
        }
    }

    /// Squared distances to each of `others`: [n, m].
    pub(crate) fn distances(&self, others: &Self) -> Mat<f64> {
        let mut result = product(self.values.as_ref(), others.values.transpose());
        result.par_col_iter_mut().zip(&others.norms).for_each(|(values, other)| {
            let of = |norm: f64, product: f64| squared_distance(norm, *other, product);
            values.iter_mut().zip(&self.norms).for_each(|(value, norm)| *value = of(*norm, *value));
        });
        result
    }

    /// The kernel with each of `others`: [n, m].
    pub(crate) fn kernel(&self, others: &Self, gamma: f64) -> Mat<f64> {
        let mut result = self.distances(others);
        result
            .par_col_iter_mut()
            .for_each(|values| values.iter_mut().for_each(|value| *value = (-gamma * *value).exp()));
        result
    }

    /// The kernel of `count` rows from `at` with `others_count` rows from `others_at`, on one thread.
    pub(crate) fn block(
        &self,
        (at, count): (usize, usize),
        others: &Self,
        (others_at, others_count): (usize, usize),
        gamma: f64,
    ) -> Mat<f64> {
        let mut result = Mat::zeros(count, others_count);
        let (a, b) = (self.values.subrows(at, count), others.values.subrows(others_at, others_count));
        matmul(&mut result, Accum::Replace, a, b.transpose(), 1.0, Par::Seq);
        for (values, other) in result.col_iter_mut().zip(&others.norms[others_at..]) {
            for (value, norm) in values.iter_mut().zip(&self.norms[at..]) {
                *value = rbf(gamma, *norm, *other, *value);
            }
        }
        result
    }
}

/// The squared distances between different rows of a sample of both domains.
pub(crate) struct Distances {
    /// Smallest first, without those of equal rows; at least one.
    sorted: Vec<f64>,
}

impl Distances {
    /// Draws at most 500 rows of each domain.
    /// # Errors
    /// When all of them are equal.
    pub(crate) fn sample(source: &Rows, target: &Rows, seed: u64) -> Result<Self> {
        let [source, target] = [(source, "source"), (target, "target")].map(|(rows, name)| {
            let mut order: Vec<usize> = (0..rows.len()).collect();
            order.shuffle(&mut dl_record::rng(seed, &format!("rbf/{name}")));
            order.truncate(SAMPLE);
            rows.select(&order)
        });
        let mut sorted = Vec::new();
        for (a, b, within) in [(&source, &source, true), (&target, &target, true), (&source, &target, false)] {
            for (column, values) in a.distances(b).col_iter().enumerate() {
                let end = if within { column } else { a.len() };
                sorted.extend(values.iter().take(end).copied().filter(|distance| *distance > 0.0));
            }
        }
        sorted.sort_unstable_by(f64::total_cmp);
        ensure!(!sorted.is_empty(), "all rows of both domains are equal; there is nothing to compare");
        Ok(Self { sorted })
    }

    /// The median heuristic: gamma = 1 / (2 m^2), where m is the median distance (Gretton et al. 2012, section 8).
    pub(crate) fn median_gamma(&self) -> f64 {
        0.5 / self.sorted[self.sorted.len() / 2]
    }

    /// The `gamma` that was asked for, checked, or the median's.
    /// # Errors
    /// When gamma is not above 0, or makes the kernel of different rows all 0 or all 1.
    pub(crate) fn gamma(&self, gamma: Option<f64>) -> Result<f64> {
        let Some(gamma) = gamma else { return Ok(self.median_gamma()) };
        Kernel::Rbf { gamma }.check()?;
        let (near, far) = (self.sorted[0], self.sorted[self.sorted.len() - 1]);
        let better = self.median_gamma();
        ensure!(
            (-gamma * near).exp() > 1e-8,
            "gamma {gamma:?} makes the kernel of different rows 0; the median distance suggests {better:.3e}"
        );
        ensure!(
            (-gamma * far).exp() < 1.0 - 1e-8,
            "gamma {gamma:?} makes the kernel of all rows 1; the median distance suggests {better:.3e}"
        );
        Ok(gamma)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The domains of `testdata/goldens/weights/make.py`: the source is spread, the target narrower and moved by 0.5.
    pub(crate) fn domains(ns: usize, nt: usize, columns: usize) -> (Mat<f64>, Mat<f64>) {
        let source = Mat::from_fn(ns, columns, |row, column| crate::formula(row as u64, column as u64));
        let target =
            Mat::from_fn(nt, columns, |row, column| 0.5 * crate::formula(1000 + row as u64, column as u64) + 0.5);
        (source, target)
    }

    /// The definition.
    pub(crate) fn kernel(a: MatRef<f64>, i: usize, b: MatRef<f64>, j: usize, gamma: f64) -> f64 {
        (-gamma * (0..a.ncols()).map(|column| (a[(i, column)] - b[(j, column)]).powi(2)).sum::<f64>()).exp()
    }

    #[test]
    fn the_kernel_is_its_definition_whatever_the_offset() {
        let (source, target) = domains(40, 30, 5);
        let moved = |rows: &Mat<f64>| Mat::from_fn(rows.nrows(), 5, |row, column| rows[(row, column)] + 1e6);
        let [a, b] = Rows::of_domains(moved(&source).as_ref(), moved(&target).as_ref());
        let (whole, block) = (a.kernel(&b, 0.1), a.block((10, 20), &b, (5, 7), 0.1));
        for i in 0..40 {
            for j in 0..30 {
                let expected = kernel(source.as_ref(), i, target.as_ref(), j, 0.1);
                assert!((whole[(i, j)] - expected).abs() < 1e-12);
                if (10..30).contains(&i) && (5..12).contains(&j) {
                    assert!((block[(i - 10, j - 5)] - expected).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn a_gamma_that_makes_all_values_equal_is_refused_and_the_median_is_not() {
        let (source, target) = domains(40, 30, 5);
        let [a, b] = Rows::of_domains(source.as_ref(), target.as_ref());
        let distances = Distances::sample(&a, &b, 0).unwrap();
        let median = distances.gamma(None).unwrap();
        assert_eq!(distances.gamma(Some(median)).unwrap(), median);
        let error = |gamma| distances.gamma(Some(gamma)).unwrap_err().to_string();
        assert!(error(1e6).contains("different rows 0") && error(1e-12).contains("all rows 1"));
        assert!(error(f64::NAN).contains("above 0") && error(-1.0).contains("above 0"));
    }
}
