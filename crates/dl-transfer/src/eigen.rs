//! The largest eigenvalues of a symmetric matrix that is only ever multiplied with: block Lanczos with thick restarts
//! (Wu and Simon 2000, Thick-restart Lanczos method), all vectors kept orthogonal to each other explicitly.

use anyhow::{Result, ensure};
use dl_record::rng;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef};
use rand_distr::{Distribution, StandardNormal};

use crate::linalg::{fix_signs, orthonormal, parallelism, product, symmetric_eigen};

/// Columns multiplied at once: as many as a product can take for little more than the price of reading the matrix.
const BLOCK: usize = 16;
/// Up to this size, or this many times what is asked for, all eigenvalues are computed.
const DENSE: usize = 384;
const DENSE_SHARE: usize = 8;
/// Residual at which an eigenvector is accepted, in units of its eigenvalue. The error of the eigenvalue is about the
/// square of that, over its distance from the next.
const TOLERANCE: f64 = 1e-9;
/// The residual that rounding leaves, in units of the largest eigenvalue.
const ROUNDING: f64 = 1e-14;
/// Products with blocks before giving up.
const PRODUCTS: usize = 2000;

/// The `count` largest eigenvalues, largest first, of the symmetric positive semi-definite matrix [size, size] that
/// `apply` multiplies with [size, b], and its eigenvectors [size, count]; the largest entry of each is positive.
/// # Errors
/// When there are not as many, a number is not finite, or the eigenvectors do not converge.
pub(crate) fn top_eigen(
    size: usize,
    count: usize,
    apply: impl Fn(MatRef<f64>) -> Mat<f64>,
    seed: u64,
) -> Result<(Vec<f64>, Mat<f64>)> {
    ensure!(0 < count && count <= size, "{count} eigenvectors of a matrix of {size} rows");
    // The most vectors held: enough for a restart to keep what it knows and still go several blocks further.
    let limit = (3 * count).max(count + 8 * BLOCK);
    let (mut values, mut vectors) = if size <= DENSE.max(DENSE_SHARE * count) {
        dense(size, apply)?
    } else {
        lanczos(size, count, limit, apply, seed)?
    };
    values.truncate(count);
    vectors = vectors.subcols(0, count).to_owned();
    fix_signs(&mut vectors);
    Ok((values, vectors))
}

fn dense(size: usize, apply: impl Fn(MatRef<f64>) -> Mat<f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let matrix = apply(Mat::<f64>::identity(size, size).as_ref());
    ensure!(matrix.is_all_finite(), "the numbers of the rows are too large; scale them with dl-transfer normalize");
    symmetric_eigen(matrix.as_ref())
}

fn lanczos(
    size: usize,
    count: usize,
    limit: usize,
    apply: impl Fn(MatRef<f64>) -> Mat<f64>,
    seed: u64,
) -> Result<(Vec<f64>, Mat<f64>)> {
    let mut random = rng(seed, "eigen");
    let start = Mat::from_fn(size, BLOCK, |_, _| StandardNormal.sample(&mut random));
    let mut basis = Mat::<f64>::zeros(size, limit);
    // basis' A basis.
    let mut projected = Mat::<f64>::zeros(limit, limit);
    let mut held = 0;
    let (mut block, _) = orthonormal(start.as_ref());
    for step in 1..=PRODUCTS {
        basis.subcols_mut(held, BLOCK).copy_from(&block);
        let first = held;
        held += BLOCK;
        let mut next = apply(block.as_ref());
        ensure!(next.is_all_finite(), "the numbers of the rows are too large; scale them with dl-transfer normalize");
        let along = remove(basis.subcols(0, held), &mut next);
        projected.submatrix_mut(0, first, held, BLOCK).copy_from(&along);
        projected.submatrix_mut(first, 0, BLOCK, held).copy_from(along.transpose());
        // What is left is A basis - basis projected, all in the columns of the last block.
        let (following, left) = orthonormal(next.as_ref());
        next = following;
        // A second time, for what rounding left of the basis in columns that nearly depend on others.
        remove(basis.subcols(0, held), &mut next);
        (block, _) = orthonormal(next.as_ref());
        let full = held + BLOCK > limit;
        if held >= count && (full || step % 3 == 0) {
            let (values, rotation) = symmetric_eigen(projected.submatrix(0, 0, held, held))?;
            let residual = product(left.as_ref(), rotation.subrows(first, BLOCK));
            let allowed = |index: usize| (TOLERANCE * values[index]).max(ROUNDING * values[0]);
            let converged = (0..count).all(|index| residual.col(index).norm_l2() <= allowed(index));
            if converged {
                return Ok((values, product(basis.subcols(0, held), rotation.subcols(0, count))));
            }
            if full {
                // The best half of the room beyond what is asked for is kept: it holds the neighbors of the last ones.
                let kept = (count + (limit - count) / 3).min(held);
                let best = product(basis.subcols(0, held), rotation.subcols(0, kept));
                basis.subcols_mut(0, kept).copy_from(&best);
                projected.fill(0.0);
                (0..kept).for_each(|index| projected[(index, index)] = values[index]);
                held = kept;
            }
        }
    }
    anyhow::bail!(
        "the {count} largest eigenvectors of a matrix of {size} rows did not converge; ask for fewer --components"
    )
}

/// Removes from `columns` what lies in the orthonormal `basis`, twice because once leaves rounding; returns the
/// coefficients.
fn remove(basis: MatRef<f64>, columns: &mut Mat<f64>) -> Mat<f64> {
    let mut coefficients = Mat::zeros(basis.ncols(), columns.ncols());
    for _ in 0..2 {
        let along = product(basis.transpose(), columns.as_ref());
        matmul(columns.as_mut(), Accum::Add, basis, &along, -1.0, parallelism());
        coefficients += along;
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Q diag(f) Q', with Q of a formula.
    fn with_eigenvalues(size: usize, f: impl Fn(usize) -> f64) -> Mat<f64> {
        let (q, _) = orthonormal(Mat::from_fn(size, size, |i, j| crate::formula(i as u64, j as u64)).as_ref());
        let scaled = Mat::from_fn(size, size, |i, j| q[(i, j)] * f(j));
        product(scaled.as_ref(), q.transpose())
    }

    #[test]
    fn the_largest_eigenvalues_are_found_whatever_their_decay() {
        let size = 450;
        let slow: fn(usize) -> f64 = |at| 2.0 - at as f64 / 450.0;
        let fast: fn(usize) -> f64 = |at| 0.5_f64.powi(at as i32);
        let equal: fn(usize) -> f64 = |at| if at < 40 { 3.0 } else { 1.0 / at as f64 };
        let low_rank: fn(usize) -> f64 = |at| if at < 6 { 2.0 } else { 0.0 };
        for f in [slow, fast, equal, low_rank] {
            let matrix = with_eigenvalues(size, f);
            let (values, vectors) = lanczos(size, 20, 20 + 8 * BLOCK, |x| product(matrix.as_ref(), x), 3).unwrap();
            let vectors = vectors.subcols(0, 20);
            let mut image = product(matrix.as_ref(), vectors);
            for (index, value) in values.iter().enumerate().take(20) {
                assert!((value - f(index)).abs() <= 1e-12 + 1e-12 * f(0), "{index} {value}");
                let column = vectors.col(index);
                image.col_mut(index).iter_mut().zip(column.iter()).for_each(|(it, v)| *it -= value * v);
            }
            assert!(image.norm_max() < 1e-8, "{}", image.norm_max());
            let inner = product(vectors.transpose(), vectors);
            assert!((inner - Mat::<f64>::identity(20, 20)).norm_max() < 1e-12);
        }
    }

    #[test]
    fn results_do_not_depend_on_threads() {
        let matrix = with_eigenvalues(500, |at| 1.0 / (1.0 + at as f64));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| top_eigen(500, 10, |x| product(matrix.as_ref(), x), 0)).unwrap()
        };
        assert_eq!(on(1), on(5));
    }
}
