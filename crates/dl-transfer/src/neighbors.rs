//! k nearest neighbors (Cover and Hart 1967), by brute force: distances come from matrix products of blocks, as |q|^2 +
//! |t|^2 - 2 q t, and the few rows that could be among the nearest are measured again without cancellation.

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use crate::distance::Metric;
use crate::distance::squared_distance;
use crate::dot;
use crate::linalg::{ensure_finite, row_major, unit_rows};

/// Queries and training rows of one product: the distances of a block stay in the cache.
const QUERIES: usize = 64;
const ROWS: usize = 1024;

/// How much a neighbor's vote counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Votes {
    /// All neighbors alike.
    #[default]
    Uniform,
    /// One over the distance; where neighbors have distance 0, only they vote.
    Distance,
}

/// Options of [`Neighbors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighborsConfig {
    /// How many neighbors vote, at least 1.
    pub k: usize,
    /// Which rows are near.
    pub metric: Metric,
    /// How much each vote counts.
    pub votes: Votes,
}

impl Default for NeighborsConfig {
    fn default() -> Self {
        Self { k: 1, metric: Metric::Euclid, votes: Votes::Uniform }
    }
}

/// A training row near a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// Index of the training row.
    pub row: usize,
    /// Its distance to the query.
    pub distance: f64,
}

/// Training rows to search.
#[derive(Clone, Debug)]
pub struct Index {
    metric: Metric,
    columns: usize,
    /// What distances are multiplied by to have them in the units of the features.
    unit: f64,
    /// [n, d], row by row; scaled.
    rows: Vec<f64>,
    /// |t|^2 of each row.
    norms: Vec<f64>,
    longest: f64,
}

impl Index {
    /// Prepares the rows `x` [n, d] for searches.
    /// # Errors
    /// When there are no rows or columns, or a number is not finite.
    pub fn new(x: MatRef<f64>, metric: Metric) -> Result<Self> {
        ensure!(x.nrows() > 0 && x.ncols() > 0, "no rows to search for neighbors; give training rows");
        ensure_finite(x, "training rows")?;
        let (rows, unit) = match metric {
            Metric::Euclid => {
                let mut rows = row_major(x);
                let unit = safe_unit(&rows);
                if unit != 1.0 {
                    rows.iter_mut().for_each(|value| *value /= unit);
                }
                (rows, unit)
            }
            Metric::Cosine => (unit_rows(x), 1.0),
        };
        let norms: Vec<f64> = rows.par_chunks_exact(x.ncols()).map(|row| squared_length(row, metric)).collect();
        let longest = norms.iter().fold(0.0, |longest: f64, norm| longest.max(*norm)).sqrt();
        Ok(Self { metric, columns: x.ncols(), unit, rows, norms, longest })
    }

    /// The number of training rows.
    pub fn len(&self) -> usize {
        self.norms.len()
    }

    /// Never: an index has at least one row.
    pub fn is_empty(&self) -> bool {
        self.norms.is_empty()
    }

    /// The `k` nearest training rows of each row of `queries` [m, d], nearest first; of equal distances, the first row.
    /// # Errors
    /// When k is 0 or above the number of training rows, the number of columns differs, or a number is not finite.
    pub fn nearest(&self, queries: MatRef<f64>, k: usize) -> Result<Vec<Vec<Neighbor>>> {
        let (n, d) = (self.len(), self.columns);
        ensure!((1..=n).contains(&k), "{k} neighbors of {n} training rows; choose k from 1 to {n}");
        ensure!(queries.ncols() == d, "queries of {} columns, but the training rows have {d}", queries.ncols());
        ensure_finite(queries, "queries")?;
        let queries = match self.metric {
            // Queries much larger than all training rows are as far from one as from another: cut what would overflow.
            Metric::Euclid => {
                row_major(queries).into_iter().map(|value| (value / self.unit).clamp(-1e150, 1e150)).collect()
            }
            Metric::Cosine => unit_rows(queries),
        };
        Ok(queries.par_chunks(QUERIES * d).flat_map_iter(|block| self.search(block, k)).collect())
    }

    /// [`Self::nearest`] of a block of scaled queries, row by row.
    fn search(&self, queries: &[f64], k: usize) -> Vec<Vec<Neighbor>> {
        let (n, d) = (self.len(), self.columns);
        let count = queries.len() / d;
        let lengths: Vec<f64> = queries.chunks_exact(d).map(|query| squared_length(query, self.metric)).collect();
        // Rows of the training data are columns of its transpose; likewise for the queries.
        let training = MatRef::from_column_major_slice(&self.rows, d, n);
        let block = MatRef::from_column_major_slice(queries, d, count);
        let mut kept: Vec<Shortlist> = lengths
            .iter()
            .map(|norm| {
                // Twice the rounding error of |q|^2 + |t|^2 - 2 q t, for the comparison of two such numbers.
                let error = 4.0 * (d as f64 + 8.0) * f64::EPSILON * (norm.sqrt() + self.longest).powi(2);
                Shortlist { error, k, limit: f64::INFINITY, full: 4 * k + 64, rows: Vec::new() }
            })
            .collect();
        let mut products = Mat::<f64>::zeros(ROWS.min(n), count);
        for start in (0..n).step_by(ROWS) {
            let size = ROWS.min(n - start);
            let mut products = products.subrows_mut(0, size);
            matmul(&mut products, Accum::Replace, training.subcols(start, size).transpose(), block, 1.0, Par::Seq);
            for ((column, kept), length) in products.col_iter().zip(&mut kept).zip(&lengths) {
                let norms = &self.norms[start..];
                for (at, (product, norm)) in column.iter().zip(norms).enumerate() {
                    let distance = length + norm - 2.0 * product;
                    if distance <= kept.limit {
                        kept.add(distance, start + at);
                    }
                }
            }
        }
        let finish = |(kept, query): (Shortlist, &[f64])| {
            let measure = |(_, row): &(f64, usize)| Neighbor { row: *row, distance: self.measure(query, *row) };
            let mut found: Vec<Neighbor> = kept.rows.iter().map(measure).collect();
            found.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
            found.truncate(k);
            found
        };
        kept.into_iter().zip(queries.chunks_exact(d)).map(finish).collect()
    }

    /// The distance of a scaled query to a row, without cancellation.
    fn measure(&self, query: &[f64], row: usize) -> f64 {
        let other = &self.rows[row * self.columns..][..self.columns];
        let squared = squared_distance(query, other);
        match self.metric {
            Metric::Euclid => (squared.sqrt() * self.unit).min(f64::MAX),
            // |q - t|^2 = 2 - 2 q t for rows of length 1.
            Metric::Cosine if is_zero(query) || is_zero(other) => 1.0,
            Metric::Cosine => 0.5 * squared,
        }
    }
}

/// Rows that may be among the k nearest to a query.
struct Shortlist {
    error: f64,
    k: usize,
    /// Rows beyond are not among the nearest, rounding included.
    limit: f64,
    /// Length at which to drop rows beyond the limit.
    full: usize,
    rows: Vec<(f64, usize)>,
}

impl Shortlist {
    fn add(&mut self, distance: f64, row: usize) {
        self.rows.push((distance, row));
        if self.rows.len() >= self.full {
            let (_, kth, _) = self.rows.select_nth_unstable_by(self.k - 1, |a, b| a.0.total_cmp(&b.0));
            self.limit = kth.0 + self.error;
            let limit = self.limit;
            self.rows.retain(|(distance, _)| *distance <= limit);
            self.full = 2 * self.rows.len() + 64;
        }
    }
}

/// |row|^2. With the cosine, that of a row of zeros is set to 1, so that 2 - 2 q t = 2 holds for it too.
fn squared_length(row: &[f64], metric: Metric) -> f64 {
    if metric == Metric::Cosine && is_zero(row) { 1.0 } else { dot(row, row) }
}

fn is_zero(row: &[f64]) -> bool {
    row.iter().all(|value| *value == 0.0)
}

/// A power of two that brings numbers, whose squares would leave the range of f64, near 1; otherwise 1.
fn safe_unit(numbers: &[f64]) -> f64 {
    let largest = numbers.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if largest == 0.0 || (1e-100..1e100).contains(&largest) {
        1.0
    } else {
        2f64.powi((largest.log2() as i32).max(-1000))
    }
}

/// A classifier by the votes of the nearest training rows.
#[derive(Clone, Debug)]
pub struct Neighbors {
    index: Index,
    classes: Vec<usize>,
    count: usize,
    config: NeighborsConfig,
}

/// What the neighbors of each query voted.
#[derive(Clone, Debug, PartialEq)]
pub struct Vote {
    /// [queries, classes]: the share of each class, each row sums to 1.
    pub shares: Mat<f64>,
    /// The class of each query: the largest share; of equal ones, the smallest sum of distances to its voters, then the
    /// first.
    pub best: Vec<usize>,
}

impl Neighbors {
    /// Keeps the rows `x` [n, d] of `classes` [n], each below `count`.
    /// # Errors
    /// When k is 0 or above n, the lengths differ, a class is out of range, or a number is not finite.
    pub fn new(x: MatRef<f64>, classes: &[usize], count: usize, config: NeighborsConfig) -> Result<Self> {
        ensure!(classes.len() == x.nrows(), "{} classes for {} training rows", classes.len(), x.nrows());
        ensure!(classes.iter().all(|class| *class < count), "a class of a training row is not below {count}");
        let index = Index::new(x, config.metric)?;
        let (k, n) = (config.k, index.len());
        ensure!((1..=n).contains(&k), "{k} neighbors of {n} training rows; choose k from 1 to {n}");
        Ok(Self { index, classes: classes.to_vec(), count, config })
    }

    /// The votes for each row of `queries` [m, d].
    /// # Errors
    /// When the number of columns differs or a number is not finite.
    pub fn vote(&self, queries: MatRef<f64>) -> Result<Vote> {
        let found = self.index.nearest(queries, self.config.k)?;
        let mut shares = Mat::zeros(found.len(), self.count);
        let mut best = Vec::with_capacity(found.len());
        for (query, neighbors) in found.iter().enumerate() {
            let mut votes = vec![0.0; self.count];
            let mut sums = vec![0.0; self.count];
            let nearest = neighbors[0].distance;
            for Neighbor { row, distance } in neighbors {
                let class = self.classes[*row];
                sums[class] += distance;
                // Relative to the nearest, so that a tiny distance does not overflow.
                votes[class] += match self.config.votes {
                    Votes::Uniform => 1.0,
                    Votes::Distance if *distance > 0.0 => nearest / distance,
                    Votes::Distance => 1.0,
                };
            }
            let total: f64 = votes.iter().sum();
            let mut first = self.classes[neighbors[0].row];
            for class in 0..self.count {
                let (more, equal) = (votes[class] > votes[first], votes[class] == votes[first]);
                let nearer = sums[class] < sums[first] || (sums[class] == sums[first] && class < first);
                if more || (equal && nearer) {
                    first = class;
                }
                shares[(query, class)] = votes[class] / total;
            }
            best.push(first);
        }
        Ok(Vote { shares, best })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn rows(first: u64, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |row, column| crate::formula(first + row as u64, column as u64))
    }

    #[test]
    fn neighbors_and_shares_are_scikit_learns() {
        let golden = include_str!("../../../testdata/goldens/neighbors/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["neighbors"].as_array().unwrap() {
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let (n, m, d, count, k) =
                (number("rows"), number("queries"), number("columns"), number("classes"), number("k"));
            let metric: Metric = serde_json::from_value(case["metric"].clone()).unwrap();
            let votes: Votes = serde_json::from_value(case["votes"].clone()).unwrap();
            let nearest: Vec<Vec<usize>> = serde_json::from_value(case["nearest"].clone()).unwrap();
            let distances: Vec<Vec<f64>> = serde_json::from_value(case["distances"].clone()).unwrap();
            let shares: Vec<Vec<f64>> = serde_json::from_value(case["shares"].clone()).unwrap();
            let x = rows(0, n, d);
            let queries = rows(10_000, m, d);
            let found = Index::new(x.as_ref(), metric).unwrap().nearest(queries.as_ref(), k).unwrap();
            let classes: Vec<usize> = (0..n).map(|row| (row * 7 + row / 3) % count).collect();
            let neighbors = Neighbors::new(x.as_ref(), &classes, count, NeighborsConfig { k, metric, votes }).unwrap();
            let vote = neighbors.vote(queries.as_ref()).unwrap();
            for query in 0..m {
                let indices: Vec<usize> = found[query].iter().map(|neighbor| neighbor.row).collect();
                assert_eq!(indices, nearest[query], "{case}");
                for (found, expected) in found[query].iter().zip(&distances[query]) {
                    assert!((found.distance - expected).abs() < 1e-12, "{} {expected}", found.distance);
                }
                for (class, expected) in shares[query].iter().enumerate() {
                    assert!((vote.shares[(query, class)] - expected).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn blocks_of_products_find_what_measuring_every_row_finds_on_any_number_of_threads() {
        // Far from the origin, where the products lose most digits, and with repeated rows.
        let far = |matrix: Mat<f64>| Mat::from_fn(matrix.nrows(), 9, |i, j| 1e7 + matrix[(i, j)] / 3.0);
        let x = far(Mat::from_fn(2500, 9, |i, j| crate::formula((i % 1900) as u64, j as u64)));
        let queries = far(rows(700, 150, 9));
        for metric in [Metric::Euclid, Metric::Cosine] {
            let index = Index::new(x.as_ref(), metric).unwrap();
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| index.nearest(queries.as_ref(), 3).unwrap())
            };
            let found = on(1);
            assert_eq!(found, on(3));
            let scaled =
                if metric == Metric::Euclid { row_major(queries.as_ref()) } else { unit_rows(queries.as_ref()) };
            for (query, found) in scaled.chunks_exact(9).zip(&found) {
                let mut all: Vec<Neighbor> =
                    (0..2500).map(|row| Neighbor { row, distance: index.measure(query, row) }).collect();
                all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
                assert_eq!(found, &all[..3], "{metric:?}");
            }
        }
    }

    #[test]
    fn equal_votes_go_to_the_nearer_class_and_then_to_the_first() {
        let x = Mat::from_fn(4, 1, |row, _| [0.0, 1.0, 3.0, 4.0][row]);
        let config = NeighborsConfig { k: 4, ..NeighborsConfig::default() };
        let neighbors = Neighbors::new(x.as_ref(), &[1, 1, 0, 0], 2, config).unwrap();
        let at = |value: f64| Mat::from_fn(1, 1, |_, _| value);
        assert_eq!(neighbors.vote(at(1.9).as_ref()).unwrap().best, [1]);
        assert_eq!(neighbors.vote(at(2.0).as_ref()).unwrap().best, [0]);
        assert_eq!(neighbors.vote(at(2.1).as_ref()).unwrap().best, [0]);
    }

    #[test]
    fn only_equal_rows_vote_by_distance_and_huge_tiny_and_zero_rows_stay_finite() {
        for metric in [Metric::Euclid, Metric::Cosine] {
            for scale in [1e308, 1.0, 1e-300, 5e-324] {
                let x = Mat::from_fn(4, 2, |row, column| {
                    scale * [[0.0, 0.0], [1.0, 1.0], [1.0, -1.0], [0.0, 1.0]][row][column]
                });
                let config = NeighborsConfig { k: 4, metric, votes: Votes::Distance };
                let vote = Neighbors::new(x.as_ref(), &[0, 1, 2, 3], 4, config).unwrap().vote(x.as_ref()).unwrap();
                for row in 0..4 {
                    let sum: f64 = vote.shares.row(row).iter().sum();
                    assert!((sum - 1.0).abs() < 1e-12, "{metric:?} {scale} {:?}", vote.shares);
                    if row > 0 || metric == Metric::Euclid {
                        assert_eq!(vote.shares[(row, row)], 1.0, "{metric:?} {scale} {:?}", vote.shares);
                    }
                }
            }
        }
        let tiny = Mat::from_fn(1, 1, |_, _| 1e-300);
        let huge = Mat::from_fn(1, 1, |_, _| 1e308);
        let found = Index::new(tiny.as_ref(), Metric::Euclid).unwrap().nearest(huge.as_ref(), 1).unwrap();
        assert!(found[0][0].distance.is_finite(), "{found:?}");
    }

    #[test]
    fn bad_input_is_refused() {
        let x = rows(0, 3, 2);
        let new = |classes: &[usize], k| {
            Neighbors::new(x.as_ref(), classes, 2, NeighborsConfig { k, ..NeighborsConfig::default() })
        };
        let refused = |result: Result<Neighbors>| result.unwrap_err().to_string();
        assert!(refused(new(&[0, 1, 0], 4)).contains("choose k from 1 to 3"));
        assert!(refused(new(&[0, 1, 0], 0)).contains("choose k"));
        assert!(refused(new(&[0, 1], 1)).contains("2 classes for 3"));
        assert!(refused(new(&[0, 1, 2], 1)).contains("not below 2"));
        assert!(new(&[0, 1, 0], 1).unwrap().vote(rows(0, 1, 3).as_ref()).unwrap_err().to_string().contains("columns"));
        let nan = Mat::from_fn(1, 2, |_, _| f64::NAN);
        assert!(Index::new(nan.as_ref(), Metric::Euclid).unwrap_err().to_string().contains("not finite"));
        assert!(new(&[0, 1, 0], 1).unwrap().vote(nan.as_ref()).is_err());
    }
}
