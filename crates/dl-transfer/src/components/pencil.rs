//! max tr(A' S A) subject to A' B A = I, by the largest eigenvalues of B^-1/2 S B^-1/2 without forming either root.

use anyhow::{Result, anyhow, ensure};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, Mat, MatRef, Side};

use crate::eigen::top_eigen;
use crate::linalg::{fix_parallelism, parallelism, product};

/// Eigenvalues, largest first, and eigenvectors A [p, k].
pub(crate) struct Solution {
    pub(crate) values: Vec<f64>,
    pub(crate) weights: Mat<f64>,
}

/// For B = U U' + mu I, of which `u` [p, r] has few columns: with U = Q s V', B^-1/2 = mu^-1/2 (I - Q c Q'),
/// c = 1 - sqrt(mu / (mu + s^2)). `scatter` multiplies with S [p, p].
/// # Errors
/// When there are fewer than `count` eigenvalues above 0.
pub(crate) fn low_rank(
    scatter: impl Fn(MatRef<f64>) -> Mat<f64>,
    u: MatRef<f64>,
    mu: f64,
    count: usize,
    seed: u64,
) -> Result<Solution> {
    ensure!(u.is_all_finite(), "the numbers of the rows are too large; scale them with dl-transfer normalize");
    fix_parallelism();
    let svd = u.thin_svd().map_err(|error| anyhow!("the means of the domains were not decomposed: {error:?}"))?;
    let q = svd.U();
    let shrink: Vec<f64> = svd.S().column_vector().iter().map(|s| 1.0 - (mu / (mu + s * s)).sqrt()).collect();
    let root = |x: MatRef<f64>| {
        let mut along = product(q.transpose(), x);
        for column in along.col_iter_mut() {
            column.iter_mut().zip(&shrink).for_each(|(value, shrink)| *value *= shrink);
        }
        let mut result = x.to_owned();
        matmul(&mut result, Accum::Add, q, &along, -1.0, parallelism());
        result *= faer::Scale(mu.sqrt().recip());
        result
    };
    let (values, vectors) = top_eigen(u.nrows(), count, |x| root(scatter(root(x).as_ref()).as_ref()), seed)?;
    check_rank(&values, u.nrows())?;
    Ok(Solution { values, weights: root(vectors.as_ref()) })
}

/// For B [p, p] as it is, by Cholesky.
/// # Errors
/// As [`low_rank`], and when B is not positive definite.
pub(crate) fn dense(
    scatter: impl Fn(MatRef<f64>) -> Mat<f64>,
    b: MatRef<f64>,
    count: usize,
    seed: u64,
) -> Result<Solution> {
    fix_parallelism();
    let factor = b.llt(Side::Lower).map_err(|_| {
        anyhow!(
            "the penalty is singular to rounding; a larger --mu or --lambda, or features of a smaller scale, will help"
        )
    })?;
    let lower = factor.L();
    let apply = |x: MatRef<f64>| {
        let mut at = x.to_owned();
        solve_upper_triangular_in_place(lower.transpose(), at.as_mut(), parallelism());
        let mut image = scatter(at.as_ref());
        solve_lower_triangular_in_place(lower, image.as_mut(), parallelism());
        image
    };
    let (values, mut weights) = top_eigen(b.nrows(), count, apply, seed)?;
    check_rank(&values, b.nrows())?;
    solve_upper_triangular_in_place(lower.transpose(), weights.as_mut(), parallelism());
    Ok(Solution { values, weights })
}

/// Fails when an eigenvalue is 0 up to rounding: that component does not exist.
fn check_rank(values: &[f64], size: usize) -> Result<()> {
    let largest = values.first().copied().unwrap_or(0.0);
    ensure!(largest > 0.0 && largest.is_finite(), "all rows are equal; there is nothing to align");
    let least = largest * f64::EPSILON * size as f64;
    let rank = values.iter().filter(|value| **value > least).count();
    let asked = values.len();
    ensure!(rank == asked, "{asked} components, but the rows have only {rank}; ask for at most {rank}");
    Ok(())
}
