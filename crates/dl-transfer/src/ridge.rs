//! Ridge regression in closed form: argmin_B |X B - Y|^2 + lambda |B|^2, in f64, by Cholesky.
//!
//! With fewer columns than rows, B = (X'X + lambda I)^-1 X'Y (the primal, `ridge_reg_chol` in R-CNN's
//! `rcnn_train_bbox_regressor.m`); with fewer rows, B = X'(XX' + lambda I)^-1 Y (the dual), which is the same matrix.

use std::ops::Range;

use anyhow::{Result, anyhow, ensure};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef};

use crate::linalg::parallelism;

/// Rows in memory at once in the primal.
const BLOCK: usize = 512;

/// Solves the regression of `targets` [rows, outputs] on the features, of which `block(range)` returns the rows of a
/// range as [rows of the range, columns]; returns B [columns, outputs].
///
/// In the primal the features are read once, 512 rows at a time, so that they may exceed memory; in the dual all are
/// held, at most columns squared.
/// # Errors
/// When `block` fails, or lambda is not above 0.
pub fn ridge(
    targets: MatRef<f64>,
    columns: usize,
    lambda: f64,
    mut block: impl FnMut(Range<usize>) -> Result<Mat<f64>>,
) -> Result<Mat<f64>> {
    ensure!(lambda > 0.0, "lambda must be above 0, not {lambda:?}");
    let rows = targets.nrows();
    let mut solution = Mat::zeros(columns, targets.ncols());
    if rows < columns {
        let features = block(0..rows)?;
        let mut gram = Mat::zeros(rows, rows);
        add_gram(&mut gram, features.as_ref(), features.transpose());
        let mut dual = targets.to_owned();
        solve(gram, lambda, &mut dual)?;
        matmul(&mut solution, Accum::Replace, features.transpose(), &dual, 1.0, parallelism());
    } else {
        let mut gram = Mat::zeros(columns, columns);
        for start in (0..rows).step_by(BLOCK) {
            let range = start..rows.min(start + BLOCK);
            let targets = targets.subrows(start, range.len());
            let features = block(range)?;
            add_gram(&mut gram, features.transpose(), features.as_ref());
            matmul(&mut solution, Accum::Add, features.transpose(), targets, 1.0, parallelism());
        }
        solve(gram, lambda, &mut solution)?;
    }
    Ok(solution)
}

/// Adds the lower triangle of a b to `gram`; b is the transpose of a.
pub(crate) fn add_gram(gram: &mut Mat<f64>, a: MatRef<f64>, b: MatRef<f64>) {
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(gram, lower, Accum::Add, a, full, b, full, 1.0, parallelism());
}

/// Replaces `right` by (gram + lambda I)^-1 right.
fn solve(mut gram: Mat<f64>, lambda: f64, right: &mut Mat<f64>) -> Result<()> {
    let size = gram.nrows();
    for i in 0..size {
        gram[(i, i)] += lambda;
    }
    let parallelism = parallelism();
    let mut memory = MemBuffer::new(
        cholesky_in_place_scratch::<f64>(size, parallelism, Default::default()).or(solve_in_place_scratch::<f64>(
            size,
            right.ncols(),
            parallelism,
        )),
    );
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(gram.as_mut(), Default::default(), parallelism, stack, Default::default())
        .map_err(|error| anyhow!("the regression has no solution ({error:?}); a larger lambda may help"))?;
    solve_in_place(gram.as_ref(), right.as_mut(), parallelism, stack);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        rows: usize,
        columns: usize,
        lam: f64,
        beta: Vec<Vec<f64>>,
    }

    fn formula(rows: usize, columns: usize, first_column: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |i, j| crate::formula(i as u64, (first_column + j) as u64))
    }

    #[test]
    fn primal_and_dual_equal_numpys_closed_form() {
        let golden: Golden = serde_json::from_str(include_str!("../../../testdata/goldens/ridge/golden.json")).unwrap();
        for Case { rows, columns, lam, beta } in golden.cases {
            let features = formula(rows, columns, 0);
            let targets = formula(rows, 2, columns);
            let block = |range: Range<usize>| Ok(features.subrows(range.start, range.len()).to_owned());
            let found = ridge(targets.as_ref(), columns, lam, block).unwrap();
            for (i, expected) in beta.iter().enumerate() {
                for (j, expected) in expected.iter().enumerate() {
                    assert!((found[(i, j)] - expected).abs() <= 1e-9 + 1e-9 * expected.abs(), "{rows}x{columns} {lam}");
                }
            }
        }
    }

    #[test]
    fn many_blocks_and_threads_solve_the_normal_equations_to_the_same_bits() {
        let (rows, columns, lambda) = (1300, 300, 10.0);
        let (features, targets) = (formula(rows, columns, 0), formula(rows, 4, columns));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let block = |range: Range<usize>| Ok(features.subrows(range.start, range.len()).to_owned());
            pool.install(|| ridge(targets.as_ref(), columns, lambda, block)).unwrap()
        };
        let found = on(1);
        assert_eq!(found, on(5));
        // The gradient X'(X B - Y) + lambda B is 0 at the solution.
        let gradient = features.transpose() * (&features * &found - &targets) + &found * faer::Scale(lambda);
        assert!(gradient.norm_max() < 1e-8, "{}", gradient.norm_max());
    }
}
