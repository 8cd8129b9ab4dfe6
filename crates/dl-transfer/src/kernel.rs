//! Kernels between rows, their bandwidth, and matrices of them.

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::traits::ComplexField;
use faer::{Accum, Mat, MatMut, MatRef};
use rayon::prelude::*;

use crate::linalg::{column_means, mirror_lower, parallelism, power_of_two};

/// Multiplications of a kernel matrix, n^2 d, from which on its products are in f32.
const SINGLE: usize = 1 << 32;

/// A kernel: how alike two rows are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    /// The inner product.
    Linear,
    /// exp(-gamma |a - b|^2), from 0 to 1.
    Rbf {
        /// Above 0, in 1 / (unit of the features)^2.
        gamma: f64,
    },
}

impl Kernel {
    /// The kernel of each row of `a` [n, d] with each row of `b` [m, d]: [n, m]. Values of the RBF kernel are in [0,
    /// 1].
    pub fn matrix(&self, a: MatRef<f64>, b: MatRef<f64>) -> Mat<f64> {
        KernelRows::new(*self, b.to_owned()).matrix(a)
    }

    /// The kernel of each row of `rows` [n, d] with each: [n, n], exactly symmetric, for half the work of
    /// [`matrix`](Self::matrix). Takes the rows so that they can be centered in place.
    ///
    /// Inner products of many and wide rows are computed in f32 for the RBF kernel, which takes half the time:
    /// distances are then off by about 1e-7 of the squared norms, and eigenvalues by less.
    pub(crate) fn gram(&self, rows: Mat<f64>) -> Mat<f64> {
        let large = rows.nrows().saturating_mul(rows.nrows()).saturating_mul(rows.ncols()) >= SINGLE;
        self.gram_in(rows, large)
    }

    fn gram_in(&self, rows: Mat<f64>, single: bool) -> Mat<f64> {
        let KernelRows { rows, norms, .. } = KernelRows::new(*self, rows);
        match *self {
            Self::Linear => {
                let mut gram = lower_products(rows.as_ref());
                mirror_lower(gram.as_mut());
                gram
            }
            Self::Rbf { gamma } if single => {
                // Within the range of f32, by a power of two.
                let scale = power_of_two(rows.norm_max());
                let mut narrow = Mat::<f32>::zeros(rows.nrows(), rows.ncols());
                narrow.par_col_iter_mut().zip(rows.par_col_iter()).for_each(|(to, from)| {
                    to.iter_mut().zip(from.iter()).for_each(|(to, from)| *to = (from / scale) as f32);
                });
                drop(rows);
                let mut norms = vec![0.0; narrow.nrows()];
                for column in narrow.col_iter() {
                    norms.iter_mut().zip(column.iter()).for_each(|(norm, value)| *norm += f64::from(*value).powi(2));
                }
                rbf_gram(gamma * scale * scale, &norms, lower_products(narrow.as_ref()).as_ref())
            }
            Self::Rbf { gamma } => rbf_gram(gamma, &norms, lower_products(rows.as_ref()).as_ref()),
        }
    }

    /// Checks the parameters of the kernel.
    /// # Errors
    /// When gamma is not a finite number above 0.
    pub(crate) fn check(&self) -> Result<()> {
        if let Self::Rbf { gamma } = *self {
            ensure!(gamma > 0.0 && gamma.is_finite(), "gamma must be a number above 0, not {gamma:?}");
        }
        Ok(())
    }
}

/// The lower triangle of the inner products [n, n] of rows [n, d].
fn lower_products<T: ComplexField>(rows: MatRef<T>) -> Mat<T> {
    let mut products = Mat::zeros(rows.nrows(), rows.nrows());
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    let one = T::one_impl();
    triangular::matmul(&mut products, lower, Accum::Replace, rows, full, rows.transpose(), full, one, parallelism());
    products
}

/// The RBF kernel of rows, from their squared norms and the lower triangle of their inner products.
fn rbf_gram<T: ComplexField + Copy + Into<f64>>(gamma: f64, norms: &[f64], products: MatRef<T>) -> Mat<f64> {
    let n = norms.len();
    let mut gram = Mat::zeros(n, n);
    gram.par_col_iter_mut().zip(products.par_col_iter()).enumerate().for_each(|(column, (mut to, from))| {
        to[column] = 1.0;
        for row in column + 1..n {
            to[row] = rbf(gamma, norms[row], norms[column], from[row].into());
        }
    });
    mirror_lower(gram.as_mut());
    gram
}

/// |a - b|^2 of |a|^2, |b|^2 and ab.
pub(crate) fn squared_distance(a: f64, b: f64, product: f64) -> f64 {
    let both = a + b;
    let squared = both - 2.0 * product;
    // Less than this is rounding.
    if squared > 1e-14 * both { squared } else { 0.0 }
}

/// exp(-gamma |a - b|^2) of |a|^2, |b|^2 and ab; never above 1, whatever the rounding.
pub(crate) fn rbf(gamma: f64, a: f64, b: f64, product: f64) -> f64 {
    (-gamma * squared_distance(a, b, product)).exp()
}

/// Rows to compare others with, prepared once.
pub(crate) struct KernelRows {
    kernel: Kernel,
    /// [m, d], minus `center`.
    rows: Mat<f64>,
    /// The mean of the rows for the RBF kernel, which does not change it: what a large common offset would leave of
    /// |a|^2 + |b|^2 - 2ab is rounding. Empty for the linear kernel.
    center: Vec<f64>,
    /// Squared norms of the centered rows; empty for the linear kernel.
    norms: Vec<f64>,
}

impl KernelRows {
    pub(crate) fn new(kernel: Kernel, mut rows: Mat<f64>) -> Self {
        let (mut center, mut norms) = (Vec::new(), Vec::new());
        if let Kernel::Rbf { .. } = kernel {
            center = column_means(rows.as_ref());
            shift(&mut rows, &center);
            norms = squared_norms(rows.as_ref());
        }
        Self { kernel, rows, center, norms }
    }

    /// The kernel of each row of `a` [n, d] with each of these: [n, m].
    pub(crate) fn matrix(&self, a: MatRef<f64>) -> Mat<f64> {
        let mut result = Mat::zeros(a.nrows(), self.rows.nrows());
        self.matrix_into(a, result.as_mut());
        result
    }

    fn matrix_into(&self, a: MatRef<f64>, mut result: MatMut<f64>) {
        let Kernel::Rbf { gamma } = self.kernel else {
            matmul(result, Accum::Replace, a, self.rows.transpose(), 1.0, parallelism());
            return;
        };
        let mut a = a.to_owned();
        shift(&mut a, &self.center);
        let norms = squared_norms(a.as_ref());
        matmul(result.as_mut(), Accum::Replace, &a, self.rows.transpose(), 1.0, parallelism());
        result.par_col_iter_mut().zip(&self.norms).for_each(|(values, other)| {
            for (value, norm) in values.iter_mut().zip(&norms) {
                *value = rbf(gamma, *norm, *other, *value);
            }
        });
    }
}

/// Subtracts `center` [d] from each row.
fn shift(rows: &mut Mat<f64>, center: &[f64]) {
    for (column, center) in center.iter().enumerate() {
        rows.col_mut(column).iter_mut().for_each(|value| *value -= center);
    }
}

/// The squared norm of each row.
pub(crate) fn squared_norms(rows: MatRef<f64>) -> Vec<f64> {
    let mut norms = vec![0.0; rows.nrows()];
    for column in rows.col_iter() {
        norms.iter_mut().zip(column.iter()).for_each(|(norm, value)| *norm += value * value);
    }
    norms
}

/// The squared distances between any two of `sample` [m, d], smallest first, without those of equal rows.
fn distances(sample: Mat<f64>) -> Vec<f64> {
    let m = sample.nrows();
    let prepared = KernelRows::new(Kernel::Rbf { gamma: 1.0 }, sample);
    let norms = &prepared.norms;
    let products = lower_products(prepared.rows.as_ref());
    let mut distances = Vec::with_capacity(m * m.saturating_sub(1) / 2);
    for i in 1..m {
        for j in 0..i {
            let both = norms[i] + norms[j];
            let squared = both - 2.0 * products[(i, j)];
            // Less than this is rounding.
            if squared > 1e-12 * both {
                distances.push(squared);
            }
        }
    }
    distances.sort_unstable_by(f64::total_cmp);
    distances
}

/// The median heuristic: gamma = 1 / (2 m^2), where m is the median distance between two different rows of `sample`
/// [rows, d], of which a thousand are enough.
/// # Errors
/// When all rows are equal.
pub(crate) fn median_gamma_of(sample: Mat<f64>) -> Result<f64> {
    let distances = distances(sample);
    let median = distances.get(distances.len() / 2).copied().unwrap_or(0.0);
    let gamma = 0.5 / median;
    ensure!(
        gamma.is_finite() && gamma > 0.0,
        "gamma cannot be chosen from the median distance between rows: all rows are equal, or their numbers too large"
    );
    Ok(gamma)
}

/// Checks that values of the kernel between different rows of `sample` [rows, d] are neither all 0 nor all 1.
/// # Errors
/// When they are, which names a gamma that works, or when gamma is not above 0.
pub(crate) fn check_spread(kernel: Kernel, sample: Mat<f64>) -> Result<()> {
    kernel.check()?;
    let Kernel::Rbf { gamma } = kernel else { return Ok(()) };
    let distances = distances(sample);
    let (Some(last), Some(median)) = (distances.len().checked_sub(1), distances.get(distances.len() / 2)) else {
        anyhow::bail!("all rows are equal; there is nothing to align");
    };
    let better = 0.5 / median;
    // One pair in a thousand may be near-duplicates or outliers.
    let near = (-gamma * distances[last / 1000]).exp();
    let far = (-gamma * distances[last - last / 1000]).exp();
    ensure!(
        near > 1e-8,
        "gamma {gamma:?} makes the kernel of different rows 0 (the largest are about {near:.0e}); the median distance \
         suggests {better:.3e}"
    );
    ensure!(
        far < 1.0 - 1e-8,
        "gamma {gamma:?} makes the kernel of all rows 1 (the smallest are about 1 - {:.0e}); the median distance \
         suggests {better:.3e}",
        1.0 - far
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(first: usize, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |row, column| crate::formula((first + row) as u64, column as u64))
    }

    #[test]
    fn matrices_equal_the_definition_also_far_from_the_origin() {
        let (a, b) = (rows(0, 9, 5), rows(100, 7, 5));
        let gamma = 0.07;
        for offset in [0.0, 1e6] {
            let (a, b) = (Mat::from_fn(9, 5, |i, j| a[(i, j)] + offset), Mat::from_fn(7, 5, |i, j| b[(i, j)] + offset));
            let found = Kernel::Rbf { gamma }.matrix(a.as_ref(), b.as_ref());
            let linear = Kernel::Linear.matrix(a.as_ref(), b.as_ref());
            for i in 0..9 {
                for j in 0..7 {
                    let squared: f64 = (0..5).map(|c| (a[(i, c)] - b[(j, c)]).powi(2)).sum();
                    let product: f64 = (0..5).map(|c| a[(i, c)] * b[(j, c)]).sum();
                    assert!((found[(i, j)] - (-gamma * squared).exp()).abs() < 1e-9, "{offset}");
                    assert!((linear[(i, j)] - product).abs() <= 1e-12 * product.abs().max(1.0));
                }
            }
        }
    }

    #[test]
    fn the_gram_matrix_is_symmetric_and_equals_the_matrix() {
        let x = rows(0, 150, 8);
        for kernel in [Kernel::Linear, Kernel::Rbf { gamma: 0.02 }] {
            let (gram, matrix) = (kernel.gram(x.clone()), kernel.matrix(x.as_ref(), x.as_ref()));
            assert_eq!(gram, gram.transpose().to_owned());
            assert!((&gram - &matrix).norm_max() < 1e-12);
        }
        let gram = Kernel::Rbf { gamma: 0.02 }.gram(x);
        assert!(gram.col_iter().flat_map(|column| column.iter()).all(|value| (0.0..=1.0).contains(value)));
    }

    #[test]
    fn products_in_single_precision_are_close_enough_whatever_the_scale() {
        let x = rows(0, 90, 300);
        for scale in [1.0, 1e30, 1e-30] {
            let x = Mat::from_fn(90, 300, |i, j| (x[(i, j)] + 5.0) * scale);
            let kernel = Kernel::Rbf { gamma: 1e-3 / (scale * scale) };
            let (single, double) = (kernel.gram_in(x.clone(), true), kernel.gram_in(x, false));
            let off = (&single - &double).norm_max();
            assert!(off > 0.0 && off < 1e-6, "{scale}: {off}");
        }
    }

    #[test]
    fn a_gamma_that_hides_all_differences_is_named() {
        let x = rows(0, 60, 6);
        let gamma = median_gamma_of(x.clone()).unwrap();
        check_spread(Kernel::Rbf { gamma }, x.clone()).unwrap();
        let refused = |gamma| check_spread(Kernel::Rbf { gamma }, x.clone()).unwrap_err().to_string();
        assert!(refused(1e4).contains("of different rows 0") && refused(1e4).contains("suggests"), "{}", refused(1e4));
        assert!(refused(1e-13).contains("of all rows 1"), "{}", refused(1e-13));
        assert!(refused(0.0).contains("above 0") && refused(f64::NAN).contains("above 0"));
        let equal = Mat::from_fn(5, 3, |_, column| column as f64);
        assert!(median_gamma_of(equal.clone()).is_err() && check_spread(Kernel::Rbf { gamma }, equal).is_err());
    }
}
