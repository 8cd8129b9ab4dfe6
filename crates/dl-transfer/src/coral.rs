//! CORAL, correlation alignment (Sun, Feng and Saenko 2016): source rows get the covariance of the target.

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};

use crate::affine::Affine;
use crate::linalg::product;
use crate::moments::Spectrum;

/// Options of [`coral`]. The defaults are the authors' (`Ex_CORAL.m`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoralConfig {
    /// Added to the diagonals of both covariances, above 0. ADAPT adds 1e-5.
    pub regularization: f64,
    /// Move the mean of the source to that of the target as well. The authors do not: their columns are standardized.
    pub center: bool,
}

impl Default for CoralConfig {
    fn default() -> Self {
        Self { regularization: 1.0, center: false }
    }
}

/// The map of source rows, x A with A = (Cs + lambda I)^-1/2 (Ct + lambda I)^1/2 (algorithm 1); target rows stay.
///
/// The powers are computed along the principal directions alone, V of r columns: C^p = lambda^p I + V ((s + lambda)^p -
/// lambda^p) V', which is exact, and fast where the rows are fewer than the columns.
/// # Errors
/// When `regularization` is not above 0, or the domains differ in width.
pub fn coral(source: &Spectrum, target: &Spectrum, config: &CoralConfig) -> Result<Affine> {
    let CoralConfig { regularization: lambda, center } = *config;
    ensure!(lambda > 0.0 && lambda.is_finite(), "the regularization of CORAL must be above 0, not {lambda:?}");
    let d = source.mean.len();
    ensure!(target.mean.len() == d, "the source has {d} columns, the target {}", target.mean.len());
    // lambda^-1/2 lambda^1/2 = 1: A = (I + Vs a Vs') (I + Vt b Vt').
    let whitening: Vec<f64> = source.variances.iter().map(|s| (1.0 + s / lambda).powf(-0.5) - 1.0).collect();
    let coloring: Vec<f64> = target.variances.iter().map(|s| (1.0 + s / lambda).sqrt() - 1.0).collect();
    let (of_source, of_target) = (source.directions.as_ref(), target.directions.as_ref());
    // I + Vs a (Vs' + (Vs' Vt) b Vt') + Vt b Vt'
    let colored = scaled(of_target, &coloring);
    let whitened = scaled(of_source, &whitening);
    let mut right = product(product(of_source.transpose(), colored.as_ref()).as_ref(), of_target.transpose());
    right += of_source.transpose();
    let mut matrix = product(whitened.as_ref(), right.as_ref());
    matrix += product(colored.as_ref(), of_target.transpose());
    for i in 0..d {
        matrix[(i, i)] += 1.0;
    }
    let mut map = Affine { matrix: Some(matrix), ..Affine::default() };
    if center {
        map.shift = Some(source.mean.clone());
        map.offset = Some(target.mean.clone());
    }
    Ok(map)
}

/// The columns of a matrix times `factors`.
fn scaled(matrix: MatRef<f64>, factors: &[f64]) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |row, column| matrix[(row, column)] * factors[column])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::spectral;
    use crate::moments::Gathered;

    fn gathered(from: u64, rows: usize, columns: usize) -> Gathered {
        let mut gathered = Gathered::new(columns);
        for row in 0..rows as u64 {
            let row: Vec<f32> = (0..columns as u64)
                .map(|column| (crate::formula(from + row, column) * (1.0 + column as f64)) as f32)
                .collect();
            gathered.push(&row);
        }
        gathered
    }

    #[test]
    fn the_map_equals_the_dense_formula_for_few_and_many_rows() {
        for (rows, columns) in [(7, 12), (40, 12), (12, 12), (2, 5), (600, 3)] {
            for lambda in [1.0, 1e-5] {
                let (source, target) = (gathered(0, rows, columns), gathered(900, rows + 3, columns));
                let power = |set: &Gathered, power: f64| {
                    let mut covariance = set.clone().moments().covariance();
                    (0..columns).for_each(|i| covariance[(i, i)] += lambda);
                    spectral(covariance.as_ref(), |value| value.powf(power)).unwrap()
                };
                let dense = product(power(&source, -0.5).as_ref(), power(&target, 0.5).as_ref());
                let config = CoralConfig { regularization: lambda, ..CoralConfig::default() };
                let found =
                    coral(&source.spectrum().unwrap(), &target.spectrum().unwrap(), &config).unwrap().matrix.unwrap();
                let scale = dense.norm_max().max(1.0);
                let difference = (&found - &dense).norm_max() / scale;
                assert!(difference < 1e-8, "{rows} x {columns}, {lambda}: {difference:e}");
            }
        }
    }
}
