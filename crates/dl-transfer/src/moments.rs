//! Means and covariances of streamed rows, in mergeable parts (Chan, Golub and LeVeque 1983).

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};

use crate::linalg::{fix_signs, product, symmetric_eigen};
use crate::ridge::add_gram;

/// Rows that are summed at once.
const BLOCK: usize = 512;

/// Directions of less than this share of the largest variance are rounding.
const SMALLEST: f64 = 1e-12;

/// The number, mean and scatter of rows of `d` columns.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Number of rows.
    pub rows: usize,
    /// Mean of each column, [d].
    pub mean: Vec<f64>,
    /// Sum of the outer products of the centered rows, [d, d]; only the lower triangle is kept.
    scatter: Mat<f64>,
}

impl Moments {
    /// The moments of no rows.
    pub fn new(columns: usize) -> Self {
        Self { rows: 0, mean: vec![0.0; columns], scatter: Mat::zeros(columns, columns) }
    }

    /// Adds rows [n, d], one after another in `rows`.
    fn add(&mut self, rows: &[f32]) {
        let count = rows.len() / self.mean.len().max(1);
        if count == 0 {
            return;
        }
        let (centered, mean) = centered(rows, self.mean.len());
        let matrix = MatRef::from_row_major_slice(&centered, count, mean.len());
        add_gram(&mut self.scatter, matrix.transpose(), matrix);
        self.merge_mean(count, &mean);
    }

    /// Adds the rows of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.rows > 0 {
            self.scatter += &other.scatter;
            self.merge_mean(other.rows, &other.mean);
        }
    }

    /// Counts `rows` of this mean, whose scatter about it has been added.
    fn merge_mean(&mut self, rows: usize, mean: &[f64]) {
        let (before, added) = (self.rows as f64, rows as f64);
        let all = before + added;
        let difference: Vec<f64> = mean.iter().zip(&self.mean).map(|(new, old)| new - old).collect();
        if before > 0.0 {
            for column in 0..difference.len() {
                let factor = difference[column] * before * added / all;
                for (row, own) in difference.iter().enumerate().skip(column) {
                    self.scatter[(row, column)] += factor * own;
                }
            }
        }
        self.mean.iter_mut().zip(&difference).for_each(|(mean, difference)| *mean += difference * added / all);
        self.rows += rows;
    }

    /// The covariance with n - 1 in the denominator, [d, d]; zeros for a single row.
    pub fn covariance(&self) -> Mat<f64> {
        let scale = 1.0 / (self.rows.max(2) - 1) as f64;
        let d = self.mean.len();
        Mat::from_fn(d, d, |row, column| scale * self.scatter[(row.max(column), row.min(column))])
    }
}

/// The covariance of a set of rows as its mean and principal directions.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// Number of rows.
    pub rows: usize,
    /// Mean of each column, [d].
    pub mean: Vec<f64>,
    /// Variances along the directions, with n - 1 in the denominator, largest first; only those above rounding, [r].
    pub variances: Vec<f64>,
    /// The directions, orthonormal columns, [d, r].
    pub directions: Mat<f64>,
}

/// Gathers rows of one domain. While they are fewer than the columns they are kept, since the covariance then has a low
/// rank; after that only their moments are.
#[derive(Clone, Debug)]
pub struct Gathered {
    columns: usize,
    kept: Vec<f32>,
    moments: Option<Moments>,
}

impl Gathered {
    /// No rows yet.
    pub fn new(columns: usize) -> Self {
        Self { columns, kept: Vec::new(), moments: None }
    }

    /// Adds a row of `columns` numbers.
    pub fn push(&mut self, row: &[f32]) {
        self.kept.extend_from_slice(row);
        let most = if self.moments.is_some() { BLOCK } else { self.columns.max(BLOCK) };
        if self.kept_rows() > most {
            self.sum_up();
        }
    }

    /// Adds the rows of `other`.
    pub fn merge(&mut self, mut other: Self) {
        if other.moments.is_none() {
            return other.kept.chunks_exact(self.columns.max(1)).for_each(|row| self.push(row));
        }
        other.sum_up();
        self.sum_up();
        if let (Some(own), Some(others)) = (&mut self.moments, &other.moments) {
            own.merge(others);
        }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.kept_rows() + self.moments.as_ref().map_or(0, |moments| moments.rows)
    }

    fn kept_rows(&self) -> usize {
        self.kept.len() / self.columns.max(1)
    }

    fn sum_up(&mut self) {
        let mut moments = self.moments.take().unwrap_or_else(|| Moments::new(self.columns));
        self.kept.chunks(BLOCK * self.columns.max(1)).for_each(|rows| moments.add(rows));
        self.kept.clear();
        self.moments = Some(moments);
    }

    /// The moments of the rows.
    pub fn moments(mut self) -> Moments {
        self.sum_up();
        self.moments.unwrap_or_else(|| Moments::new(self.columns))
    }

    /// The mean and the principal directions.
    /// # Errors
    /// With fewer than two rows, or when a decomposition fails.
    pub fn spectrum(self) -> Result<Spectrum> {
        let rows = self.rows();
        ensure!(rows > 1, "a covariance needs at least 2 rows, not {rows}");
        if self.moments.is_none() && rows < self.columns {
            return of_rows(&self.kept, self.columns);
        }
        let moments = self.moments();
        let (variances, vectors) = symmetric_eigen(moments.covariance().as_ref())?;
        let rank = rank(&variances);
        Ok(Spectrum {
            rows,
            mean: moments.mean,
            variances: variances[..rank].to_vec(),
            directions: vectors.subcols(0, rank).to_owned(),
        })
    }
}

/// The spectrum of fewer rows than columns, by the inner products of the rows.
fn of_rows(rows: &[f32], columns: usize) -> Result<Spectrum> {
    let n = rows.len() / columns;
    let (centered, mean) = centered(rows, columns);
    let centered = MatRef::from_row_major_slice(&centered, n, columns);
    let scale = 1.0 / (n - 1) as f64;
    let (variances, vectors) = symmetric_eigen(product(centered, centered.transpose()).as_ref())?;
    let variances: Vec<f64> = variances.into_iter().map(|value| value * scale).collect();
    let rank = rank(&variances).min(n - 1);
    let scaled = Mat::from_fn(n, rank, |row, column| vectors[(row, column)] / (variances[column] / scale).sqrt());
    let mut directions = product(centered.transpose(), scaled.as_ref());
    fix_signs(&mut directions);
    Ok(Spectrum { rows: n, mean, variances: variances[..rank].to_vec(), directions })
}

/// How many variances, largest first, are above rounding.
fn rank(variances: &[f64]) -> usize {
    let least = SMALLEST * variances.first().copied().unwrap_or_default();
    variances.iter().take_while(|variance| **variance > least && variance.is_normal()).count()
}

/// Rows, one after another, minus their mean, and the mean.
fn centered(rows: &[f32], columns: usize) -> (Vec<f64>, Vec<f64>) {
    let mut mean = vec![0.0; columns];
    for row in rows.chunks_exact(columns) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = (rows.len() / columns) as f64;
    mean.iter_mut().for_each(|sum| *sum /= count);
    let mut centered = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(columns) {
        centered.extend(row.iter().zip(&mean).map(|(value, mean)| f64::from(*value) - mean));
    }
    (centered, mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::column_means;

    fn rows(from: u64, count: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(count, columns, |row, column| crate::formula(from + row as u64, column as u64) + column as f64)
    }

    fn gathered(rows: &Mat<f64>) -> Gathered {
        let mut gathered = Gathered::new(rows.ncols());
        for row in 0..rows.nrows() {
            gathered.push(&(0..rows.ncols()).map(|column| rows[(row, column)] as f32).collect::<Vec<_>>());
        }
        gathered
    }

    /// The covariance by its definition.
    fn dense(rows: &Mat<f64>) -> Mat<f64> {
        let mean = column_means(rows.as_ref());
        let centered = Mat::from_fn(rows.nrows(), rows.ncols(), |row, column| rows[(row, column)] - mean[column]);
        let scale = 1.0 / (rows.nrows() - 1) as f64;
        product(centered.transpose(), centered.as_ref()) * faer::Scale(scale)
    }

    fn largest_difference(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
        assert_eq!((a.nrows(), a.ncols()), (b.nrows(), b.ncols()));
        (a - b).norm_max()
    }

    #[test]
    fn streamed_and_merged_moments_equal_the_covariance() {
        let all = rows(0, 1300, 5);
        let whole = gathered(&all).moments();
        let mut merged = gathered(&all.subrows(0, 700).to_owned()).moments();
        merged.merge(&gathered(&all.subrows(700, 600).to_owned()).moments());
        merged.merge(&Moments::new(5));
        let mut joined = gathered(&all.subrows(0, 3).to_owned());
        joined.merge(gathered(&all.subrows(3, 900).to_owned()));
        joined.merge(gathered(&all.subrows(903, 397).to_owned()));
        for moments in [&whole, &merged, &joined.moments()] {
            assert_eq!(moments.rows, 1300);
            assert!(largest_difference(&moments.covariance(), &dense(&all)) < 1e-12);
        }
    }

    #[test]
    fn the_directions_of_few_and_of_many_rows_rebuild_the_covariance() {
        for count in [2, 6, 9, 10, 600] {
            let all = rows(3, count, 9);
            let found = gathered(&all).spectrum().unwrap();
            assert_eq!(found.variances.len(), (count - 1).min(9));
            let scaled = Mat::from_fn(9, found.variances.len(), |row, column| {
                found.directions[(row, column)] * found.variances[column]
            });
            let rebuilt = product(scaled.as_ref(), found.directions.transpose());
            assert!(largest_difference(&rebuilt, &dense(&all)) < 1e-11, "{count}");
        }
        assert!(gathered(&rows(0, 1, 9)).spectrum().unwrap_err().to_string().contains("at least 2 rows"));
        // Equal rows have no direction.
        let equal = Mat::from_fn(4, 9, |_, column| column as f64);
        assert!(gathered(&equal).spectrum().unwrap().variances.is_empty());
    }
}
