//! Nearest rows by Euclidean distance, a block at a time.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef};
use rayon::prelude::*;

use crate::kernel::squared_norms;
use crate::linalg::parallelism;

/// Rows compared at once.
const BLOCK: usize = 512;

/// Calls `of` with the index of each row of `queries` [m, d] and its squared distances to all `rows` [n, d], in
/// parallel; returns the answers in the order of the queries.
pub(crate) fn by_distances<T: Send>(
    rows: MatRef<f64>,
    queries: MatRef<f64>,
    of: impl Fn(usize, &[f64]) -> T + Sync,
) -> Vec<T> {
    let (norms, query_norms) = (squared_norms(rows), squared_norms(queries));
    let mut answers = Vec::with_capacity(queries.nrows());
    let mut products = Mat::<f64>::zeros(rows.nrows(), BLOCK.min(queries.nrows()));
    for start in (0..queries.nrows()).step_by(BLOCK) {
        let count = BLOCK.min(queries.nrows() - start);
        let mut block = products.subcols_mut(0, count);
        let some = queries.subrows(start, count);
        matmul(block.as_mut(), Accum::Replace, rows, some.transpose(), 1.0, parallelism());
        let found: Vec<T> = block
            .par_col_iter_mut()
            .enumerate()
            .map(|(column, values)| {
                let query = start + column;
                let distances: Vec<f64> = values
                    .iter()
                    .zip(&norms)
                    .map(|(product, norm)| (norm + query_norms[query] - 2.0 * product).max(0.0))
                    .collect();
                of(query, &distances)
            })
            .collect();
        answers.extend(found);
    }
    answers
}

/// The index of the row of `rows` [n, d] nearest to each of `queries` [m, d], the first of several.
pub(crate) fn nearest(rows: MatRef<f64>, queries: MatRef<f64>) -> Vec<usize> {
    by_distances(rows, queries, |_, distances| {
        let (mut best, mut least) = (0, f64::INFINITY);
        for (index, distance) in distances.iter().enumerate() {
            if *distance < least {
                (best, least) = (index, *distance);
            }
        }
        best
    })
}
