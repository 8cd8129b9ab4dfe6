//! The Fréchet distance between two sets of features, FID with Inception's (Heusel et al. 2017, GANs trained by a two
//! time-scale update rule, section 2).
//!
//! |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^1/2, with covariances divided by n - 1. With factors S = F F', the trace of
//! the root is the sum of the singular values of F1' F2: the roots of the eigenvalues of S1^1/2 S2 S1^1/2, but without
//! squaring what is small, and without complex numbers. F is a Cholesky factor; of a singular covariance, its
//! eigenvectors times the roots of its eigenvalues, negative ones set to 0; of fewer rows than columns, the centered
//! rows themselves, so that nothing of columns x columns is ever computed for two small sets.

use anyhow::{Result, anyhow, ensure};
use dl_transfer::power_of_two;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par, Side};

/// Rows that are added to the covariance at once.
const BLOCK: usize = 512;

/// The mean and covariance of rows that arrive one by one, in f64. Keeps at most one row more than there are columns,
/// so memory is bounded by the square of the columns.
#[derive(Clone, Debug)]
pub struct FeatureMoments {
    columns: usize,
    rows: usize,
    /// Rows that are not in `sums`, row by row.
    waiting: Vec<f32>,
    /// Once there are more rows than columns.
    sums: Option<Sums>,
}

/// Sums over rows minus `shift`, which is near the mean, so that nothing cancels.
#[derive(Clone, Debug)]
struct Sums {
    /// [columns].
    shift: Vec<f64>,
    /// [columns].
    sum: Vec<f64>,
    /// The lower triangle of X'X, [columns, columns].
    gram: Mat<f64>,
}

/// A mean and the factor F of a covariance F F'.
struct Gaussian {
    /// [columns].
    mean: Vec<f64>,
    /// [columns, rank].
    factor: Mat<f64>,
    /// The trace of the covariance.
    trace: f64,
}

impl FeatureMoments {
    /// Of no rows yet, with `columns` numbers each.
    pub fn new(columns: usize) -> Self {
        Self { columns, rows: 0, waiting: Vec::new(), sums: None }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers per row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Adds a row [columns].
    /// # Errors
    /// When it has another length, or a number that is not finite.
    pub fn push(&mut self, row: &[f32]) -> Result<()> {
        ensure!(row.len() == self.columns, "a row of {} features among rows of {}", row.len(), self.columns);
        ensure!(row.iter().all(|value| value.is_finite()), "a feature is not a finite number");
        self.waiting.extend_from_slice(row);
        self.rows += 1;
        let waiting = self.waiting.len() / self.columns.max(1);
        if waiting >= BLOCK && self.sums.is_some() || waiting > self.columns && self.sums.is_none() {
            self.add_waiting();
        }
        Ok(())
    }

    fn add_waiting(&mut self) {
        let columns = self.columns;
        let rows = std::mem::take(&mut self.waiting);
        let sums = self.sums.get_or_insert_with(|| Sums {
            shift: mean(&rows, columns),
            sum: vec![0.0; columns],
            gram: Mat::zeros(columns, columns),
        });
        for rows in rows.chunks(BLOCK * columns) {
            let block = centered(rows, &sums.shift);
            for row in block.col_iter() {
                sums.sum.iter_mut().zip(row.iter()).for_each(|(sum, value)| *sum += value);
            }
            let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            let gram = &mut sums.gram;
            triangular::matmul(gram, lower, Accum::Add, &block, full, block.transpose(), full, 1.0, parallelism());
        }
    }

    fn finish(&self) -> Result<Gaussian> {
        ensure!(self.rows > 1, "{} rows of features; a covariance needs at least two", self.rows);
        let scale = 1.0 / (self.rows - 1) as f64;
        if self.sums.is_none() {
            let mean = mean(&self.waiting, self.columns);
            let mut factor = centered(&self.waiting, &mean);
            factor *= faer::Scale(scale.sqrt());
            return Ok(Gaussian { mean, trace: factor.squared_norm_l2(), factor });
        }
        let mut all = self.clone();
        all.add_waiting();
        let Some(Sums { shift, sum, gram: mut covariance }) = all.sums else {
            return Err(anyhow!("no rows were added"));
        };
        // Away from the shift.
        let rows = self.rows as f64;
        for column in 0..self.columns {
            for row in column..self.columns {
                covariance[(row, column)] = (covariance[(row, column)] - sum[row] * sum[column] / rows) * scale;
            }
        }
        let trace = (0..self.columns).map(|column| covariance[(column, column)]).sum();
        let mean = shift.iter().zip(&sum).map(|(shift, sum)| shift + sum / rows).collect();
        Ok(Gaussian { mean, factor: factor(&covariance)?, trace })
    }
}

/// The Fréchet distance between two sets, at least 0.
/// # Errors
/// When a set has fewer than two rows, they have different numbers of columns, or a decomposition fails.
pub fn fid(generated: &FeatureMoments, real: &FeatureMoments) -> Result<f64> {
    let (ours, theirs) = (generated.columns, real.columns);
    ensure!(ours == theirs && ours > 0, "the generated features have {ours} columns, the real ones {theirs}");
    faer::set_global_parallelism(parallelism());
    let [generated, real] = [generated.finish()?, real.finish()?];
    let means = generated.mean.iter().zip(&real.mean).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let mut product = Mat::zeros(generated.factor.ncols(), real.factor.ncols());
    matmul(&mut product, Accum::Replace, generated.factor.transpose(), &real.factor, 1.0, parallelism());
    let scale = power_of_two(product.norm_max());
    let roots = (product * faer::Scale(scale.recip()))
        .singular_values()
        .map_err(|error| anyhow!("the covariances cannot be compared ({error:?})"))?;
    Ok((means + generated.trace + real.trace - 2.0 * scale * roots.iter().sum::<f64>()).max(0.0))
}

/// F [d, rank] with F F' = `covariance` [d, d], of which the lower triangle is read.
fn factor(covariance: &Mat<f64>) -> Result<Mat<f64>> {
    if let Ok(cholesky) = covariance.llt(Side::Lower) {
        return Ok(cholesky.L().to_owned());
    }
    let scale = power_of_two(covariance.norm_max());
    let eigen = (covariance * faer::Scale(scale.recip()))
        .self_adjoint_eigen(Side::Lower)
        .map_err(|error| anyhow!("the covariance cannot be decomposed ({error:?})"))?;
    // Eigenvalues rise.
    let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
    let first = values.partition_point(|value| *value <= 0.0);
    let mut factor = eigen.U().subcols(first, values.len() - first).to_owned();
    for (column, value) in factor.col_iter_mut().zip(&values[first..]) {
        column.iter_mut().for_each(|number| *number *= (value * scale).sqrt());
    }
    Ok(factor)
}

/// The mean of each column of `rows`.
fn mean(rows: &[f32], columns: usize) -> Vec<f64> {
    let mut mean = vec![0.0; columns];
    for row in rows.chunks_exact(columns) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = (rows.len() / columns) as f64;
    mean.iter_mut().for_each(|sum| *sum /= count);
    mean
}

/// The rows minus `shift`, as columns: [columns, rows].
fn centered(rows: &[f32], shift: &[f64]) -> Mat<f64> {
    let columns = shift.len();
    let mut block = Mat::zeros(columns, rows.len() / columns);
    for (row, place) in rows.chunks_exact(columns).zip(block.col_iter_mut()) {
        let values = row.iter().zip(shift).map(|(value, shift)| f64::from(*value) - shift);
        place.iter_mut().zip(values).for_each(|(place, value)| *place = value);
    }
    block
}

/// Splits work for a fixed number of threads, so that sums do not depend on `--threads`.
fn parallelism() -> Par {
    Par::rayon(16)
}

#[cfg(test)]
mod tests {
    use dl_record::Matrix;

    use super::*;
    use crate::{golden, golden_rows};

    fn moments(rows: &Matrix) -> FeatureMoments {
        let mut moments = FeatureMoments::new(rows.columns);
        (0..rows.rows).for_each(|row| moments.push(rows.row(row)).unwrap());
        moments
    }

    #[test]
    fn distances_equal_those_of_torch_fidelity() {
        for case in golden()["fid"].as_array().unwrap() {
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let columns = number("columns");
            let generated = golden_rows(0, number("generated"), columns, case["shift"].as_f64().unwrap());
            let real = golden_rows(10_000, number("real"), columns, 0.0);
            let found = fid(&moments(&generated), &moments(&real)).unwrap();
            // Fewer rows than columns: there the root of a complex eigenvalue is off in the sixth digit.
            let (expected, tolerance) = (case["torch_fidelity"].as_f64().unwrap(), case["tolerance"].as_f64().unwrap());
            assert!((found - expected).abs() <= tolerance * expected, "{found}, expected {expected}: {case}");
        }
    }

    #[test]
    fn the_distance_to_itself_is_zero_and_to_a_shifted_copy_the_shift_squared() {
        for rows in [5, 300, 2000] {
            let set = golden_rows(0, rows, 24, 0.0);
            let found = fid(&moments(&set), &moments(&set)).unwrap();
            assert!(found < 1e-10, "{rows} rows: {found}");
            // Exact in f32.
            let shifted = Matrix { data: set.data.iter().map(|value| value + 0.5).collect(), ..set };
            let found = fid(&moments(&shifted), &moments(&golden_rows(0, rows, 24, 0.0))).unwrap();
            assert!((found - 6.0).abs() < 1e-9, "{rows} rows: {found}");
        }
    }

    #[test]
    fn constant_columns_and_means_far_from_zero_lose_no_digits() {
        let near = golden_rows(0, 900, 10, 0.25);
        let other = golden_rows(10_000, 900, 10, 0.0);
        let expected = fid(&moments(&near), &moments(&other)).unwrap();
        // Two constant columns more, and 4096 added to all, which is exact for these values.
        let wide = |set: &Matrix| {
            let data = set.data.chunks(10).flat_map(|row| row.iter().map(|v| v + 4096.0).chain([7.0, 7.0])).collect();
            Matrix { rows: set.rows, columns: 12, data }
        };
        let found = fid(&moments(&wide(&near)), &moments(&wide(&other))).unwrap();
        assert!((found - expected).abs() < 1e-6 * expected, "{found}, expected {expected}");
    }

    #[test]
    fn sets_that_cannot_be_compared_are_refused() {
        let one = moments(&golden_rows(0, 1, 4, 0.0));
        let many = moments(&golden_rows(0, 9, 4, 0.0));
        assert!(fid(&one, &many).unwrap_err().to_string().contains("at least two"));
        let wider = moments(&golden_rows(0, 9, 5, 0.0));
        assert!(fid(&many, &wider).unwrap_err().to_string().contains("4 columns, the real ones 5"));
        let mut moments = FeatureMoments::new(2);
        assert!(moments.push(&[1.0]).is_err() && moments.push(&[1.0, f32::NAN]).is_err());
        assert_eq!(moments.rows(), 0);
    }

    #[test]
    fn the_distance_has_the_same_bits_with_any_number_of_threads() {
        let [generated, real] = [golden_rows(0, 700, 60, 0.5), golden_rows(10_000, 650, 60, 0.0)];
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fid(&moments(&generated), &moments(&real)).unwrap())
        };
        assert_eq!(on(1).to_bits(), on(3).to_bits());
    }
}
