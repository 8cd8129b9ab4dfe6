//! k-means by Lloyd's algorithm from k-means++ seeds (Arthur & Vassilvitskii 2007), with scikit-learn's choices: greedy
//! seeding, its tolerance, and its way with empty clusters.
//!
//! Distances come from blocked products. Bounds on the distances (Hamerly 2010) spare most rows the product once the
//! centers have nearly settled; the clusters are the same without them.

use anyhow::{Result, ensure};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rand::{Rng, RngExt};
use rayon::prelude::*;

use crate::distance::squared_distance;
use crate::dot;
use crate::linalg::product;
use crate::points::{center, parts, points, subtract};

/// Rows in a product.
const BLOCK: usize = 256;
/// Parts of the rows whose sums are added in order.
const PARTS: usize = 16;

/// Options of [`kmeans`]; the defaults are scikit-learn's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KMeansConfig {
    /// k.
    pub clusters: usize,
    /// Starts from different seeds; the result with the smallest inertia is kept.
    pub restarts: usize,
    /// Most iterations of a start.
    pub iterations: usize,
    /// Stop when the squared movements of the centers sum to less than this times the mean variance of the columns.
    pub tolerance: f64,
    /// Seed of the starts.
    pub seed: u64,
}

impl Default for KMeansConfig {
    fn default() -> Self {
        Self { clusters: 8, restarts: 1, iterations: 300, tolerance: 1e-4, seed: 0 }
    }
}

/// Clusters of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    /// [k, d].
    pub centers: Mat<f64>,
    /// Cluster of each row it was fitted to.
    pub clusters: Vec<usize>,
    /// Sum of the squared distances of those rows to their centers.
    pub inertia: f64,
    /// Iterations of the start that was kept.
    pub iterations: usize,
    /// Whether the tolerance was reached.
    pub converged: bool,
}

impl KMeans {
    /// The nearest center of each of `rows` [n, d], the first of equally near ones, and the squared distance to it.
    /// # Errors
    /// When there are no rows, the width differs from the centers', or a number is not finite.
    pub fn assign(&self, rows: MatRef<f64>) -> Result<(Vec<usize>, Vec<f64>)> {
        let d = self.centers.ncols();
        ensure!(rows.ncols() == d, "k-means: rows have {} columns, the centers {d}", rows.ncols());
        let mut points = points("k-means", rows)?;
        let mut centers = self.centers.transpose().to_owned();
        // Distances from products are exact only near the origin.
        let origin = center(&mut centers);
        subtract(&mut points, &origin);
        Ok(nearest(&points, &centers))
    }
}

/// Clusters `rows` [n, d].
/// # Errors
/// When there are fewer different rows than clusters, no clusters, or a number is not finite.
pub fn kmeans(rows: MatRef<f64>, config: &KMeansConfig) -> Result<KMeans> {
    ensure!(config.restarts > 0, "k-means: at least one start is needed");
    let (points, origin) = prepare(rows, config)?;
    let mut rng = dl_record::rng(config.seed, "k-means");
    let mut best: Option<KMeans> = None;
    for _ in 0..config.restarts {
        let found = lloyd(&points, seeds(&points, config.clusters, &mut rng)?, config);
        if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
            best = Some(found);
        }
    }
    let best = best.ok_or_else(|| anyhow::anyhow!("k-means: no start was made"))?;
    Ok(moved_back(best, &origin))
}

/// [`kmeans`] from given centers [k, d], once; `clusters`, `restarts` and `seed` are ignored.
/// # Errors
/// As [`kmeans`], and when the widths differ.
pub fn kmeans_from(rows: MatRef<f64>, centers: MatRef<f64>, config: &KMeansConfig) -> Result<KMeans> {
    ensure!(
        centers.ncols() == rows.ncols(),
        "k-means: the centers have {} columns, the rows {}",
        centers.ncols(),
        rows.ncols()
    );
    let config = KMeansConfig { clusters: centers.nrows(), ..*config };
    let (rows, origin) = prepare(rows, &config)?;
    let mut start = points("k-means, the centers", centers)?;
    subtract(&mut start, &origin);
    Ok(moved_back(lloyd(&rows, start, &config), &origin))
}

/// The rows as points around their mean, and the mean.
fn prepare(rows: MatRef<f64>, config: &KMeansConfig) -> Result<(Mat<f64>, Vec<f64>)> {
    let (n, k) = (rows.nrows(), config.clusters);
    ensure!(k > 0, "k-means: at least one cluster is needed");
    ensure!(k <= n, "k-means: {k} clusters of {n} rows; use at most {n}");
    ensure!(config.tolerance >= 0.0, "k-means: the tolerance must be at least 0, not {:?}", config.tolerance);
    let mut points = points("k-means", rows)?;
    let origin = center(&mut points);
    Ok((points, origin))
}

fn moved_back(mut found: KMeans, origin: &[f64]) -> KMeans {
    for cluster in 0..found.centers.nrows() {
        found.centers.row_mut(cluster).iter_mut().zip(origin).for_each(|(value, origin)| *value += origin);
    }
    found
}

fn squared_norms(points: &Mat<f64>) -> Vec<f64> {
    (0..points.ncols()).map(|at| dot(points.col_as_slice(at), points.col_as_slice(at))).collect()
}

/// Greedy k-means++: each center is the best of 2 + ln k rows drawn in proportion to their squared distance from the
/// centers so far.
fn seeds(points: &Mat<f64>, k: usize, rng: &mut impl Rng) -> Result<Mat<f64>> {
    let (d, n) = (points.nrows(), points.ncols());
    let trials = 2 + (k as f64).ln() as usize;
    let norms = squared_norms(points);
    let mut closest = vec![f64::INFINITY; n];
    let mut centers = Mat::zeros(d, k);
    for at in 0..k {
        let total: f64 = closest.iter().sum();
        let candidates: Vec<usize> = if at == 0 {
            vec![rng.random_range(0..n)]
        } else {
            ensure!(total > 0.0, "k-means: only {at} of the rows differ, too few for {k} clusters; use at most {at}");
            (0..trials).map(|_| drawn(&closest, rng.random::<f64>() * total)).collect()
        };
        let drawn = Mat::from_fn(d, candidates.len(), |row, column| points[(row, candidates[column])]);
        let products = product(drawn.transpose(), points.as_ref());
        let update = |trial: usize| -> Vec<f64> {
            let own = candidates[trial];
            let distance = |row: usize| {
                let squared = norms[row] + norms[own] - 2.0 * products[(trial, row)];
                // Equal rows are at a distance of 0 whatever the rounding, or they would be drawn as different ones.
                let rounding = 1e-13 * (norms[row] + norms[own]);
                let same = row == own || (squared < rounding && points.col(row) == points.col(own));
                if same { 0.0 } else { closest[row].min(squared.max(f64::MIN_POSITIVE)) }
            };
            (0..n).map(distance).collect()
        };
        let updated: Vec<Vec<f64>> = (0..candidates.len()).into_par_iter().map(update).collect();
        let potential = updated.iter().map(|distances| distances.iter().sum::<f64>());
        let best = potential.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(trial, _)| trial);
        centers.col_as_slice_mut(at).copy_from_slice(points.col_as_slice(candidates[best]));
        closest.copy_from_slice(&updated[best]);
    }
    Ok(centers)
}

/// The index at which the running sum of `weights` exceeds `target`; one with a weight above 0.
fn drawn(weights: &[f64], target: f64) -> usize {
    let mut sum = 0.0;
    let mut last = 0;
    for (at, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        sum += weight;
        last = at;
        if sum > target {
            break;
        }
    }
    last
}

/// What is known of the distances of a row.
#[derive(Clone, Copy)]
struct Near {
    cluster: usize,
    /// At least the distance to its center.
    upper: f64,
    /// At most the distance to any other.
    lower: f64,
}

/// Lloyd's algorithm on points [d, n] from `centers` [d, k].
fn lloyd(points: &Mat<f64>, mut centers: Mat<f64>, config: &KMeansConfig) -> KMeans {
    let (d, n, k) = (points.nrows(), points.ncols(), centers.ncols());
    let norms = squared_norms(points);
    let tolerance = config.tolerance * norms.iter().sum::<f64>() / (n * d) as f64;
    // The rounding of a distance from products, with room to spare.
    let rounding = 1e-7 * norms.iter().copied().fold(0.0, f64::max).sqrt();
    let mut near = vec![Near { cluster: usize::MAX, upper: f64::INFINITY, lower: 0.0 }; n];
    let (mut iterations, mut converged) = (0, false);
    while iterations < config.iterations && !converged {
        iterations += 1;
        let (mut sums, mut sizes, changed) = assign(points, &norms, &centers, &mut near, rounding);
        let moved = fill_empty(points, &centers, &near, &mut sums, &mut sizes);
        for (cluster, size) in sizes.iter().enumerate() {
            sums.col_as_slice_mut(cluster).iter_mut().for_each(|value| *value /= *size as f64);
        }
        let squared: Vec<f64> =
            (0..k).map(|at| squared_distance(sums.col_as_slice(at), centers.col_as_slice(at))).collect();
        centers = sums;
        converged = !moved && (!changed || squared.iter().sum::<f64>() <= tolerance);
        let moves: Vec<f64> = squared.iter().map(|squared| squared.sqrt()).collect();
        let most = (0..k).max_by(|a, b| moves[*a].total_cmp(&moves[*b])).unwrap_or(0);
        let others = (0..k).filter(|at| *at != most).map(|at| moves[at]).fold(0.0, f64::max);
        for near in &mut near {
            near.upper += moves[near.cluster];
            near.lower -= if near.cluster == most { others } else { moves[most] };
        }
    }
    let (clusters, distances) = nearest(points, &centers);
    let centers = centers.transpose().to_owned();
    KMeans { centers, clusters, inertia: distances.iter().sum(), iterations, converged }
}

/// Moves every row to its nearest center, and returns the sums [d, k] and the sizes of the clusters, and whether a row
/// changed its cluster.
fn assign(
    points: &Mat<f64>,
    norms: &[f64],
    centers: &Mat<f64>,
    near: &mut [Near],
    rounding: f64,
) -> (Mat<f64>, Vec<usize>, bool) {
    let (d, n, k) = (points.nrows(), points.ncols(), centers.ncols());
    let center_norms = squared_norms(centers);
    let between = product(centers.transpose(), centers.as_ref());
    // Nothing nearer than half the distance to the nearest other center can belong to that.
    let reach: Vec<f64> = (0..k)
        .map(|a| {
            let others = (0..k).filter(|b| *b != a);
            let squared = others.map(|b| center_norms[a] + center_norms[b] - 2.0 * between[(a, b)]);
            0.5 * squared.fold(f64::INFINITY, f64::min).max(0.0).sqrt()
        })
        .collect();
    let size = n.div_ceil(PARTS).max(BLOCK);
    let part = |(part, near): (usize, &mut [Near])| {
        let start = part * size;
        let mut sums = Mat::<f64>::zeros(d, k);
        let mut sizes = vec![0_usize; k];
        let mut changed = false;
        let mut gathered = Mat::<f64>::zeros(d, BLOCK);
        let mut products = Mat::<f64>::zeros(k, BLOCK);
        let mut pending: Vec<usize> = Vec::with_capacity(BLOCK);
        for at in 0..near.len() {
            let known = near[at];
            let settled = known.cluster < k && known.upper + rounding < known.lower.max(reach[known.cluster]);
            if !settled {
                gathered.col_as_slice_mut(pending.len()).copy_from_slice(points.col_as_slice(start + at));
                pending.push(at);
            }
            if pending.len() == BLOCK || (at + 1 == near.len() && !pending.is_empty()) {
                let count = pending.len();
                let block = gathered.subcols(0, count);
                matmul(products.subcols_mut(0, count), Accum::Replace, centers.transpose(), block, 1.0, Par::Seq);
                for (column, at) in pending.drain(..).enumerate() {
                    let found = two_nearest(products.col_as_slice(column), &center_norms, norms[start + at]);
                    changed |= found.cluster != near[at].cluster;
                    near[at] = found;
                }
            }
        }
        for (at, near) in near.iter().enumerate() {
            sizes[near.cluster] += 1;
            let sum = sums.col_as_slice_mut(near.cluster);
            sum.iter_mut().zip(points.col_as_slice(start + at)).for_each(|(sum, value)| *sum += value);
        }
        (sums, sizes, changed)
    };
    let found: Vec<_> = near.par_chunks_mut(size).enumerate().map(part).collect();
    let (mut sums, mut sizes, mut changed) = (Mat::<f64>::zeros(d, k), vec![0; k], false);
    for (part, counts, any) in found {
        sums += part;
        sizes.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        changed |= any;
    }
    (sums, sizes, changed)
}

/// The nearest and the second nearest of the centers, of whose inner products with a point `products` are.
fn two_nearest(products: &[f64], center_norms: &[f64], norm: f64) -> Near {
    let (mut cluster, mut first, mut second) = (0, f64::INFINITY, f64::INFINITY);
    for (at, (product, center)) in products.iter().zip(center_norms).enumerate() {
        let value = center - 2.0 * product;
        if value < first {
            (cluster, first, second) = (at, value, first);
        } else if value < second {
            second = value;
        }
    }
    Near { cluster, upper: (first + norm).max(0.0).sqrt(), lower: (second + norm).max(0.0).sqrt() }
}

/// Gives each empty cluster the row that is farthest from its center, as scikit-learn does; returns whether there was
/// one.
fn fill_empty(points: &Mat<f64>, centers: &Mat<f64>, near: &[Near], sums: &mut Mat<f64>, sizes: &mut [usize]) -> bool {
    if sizes.iter().all(|size| *size > 0) {
        return false;
    }
    let distance = |at: usize| squared_distance(points.col_as_slice(at), centers.col_as_slice(near[at].cluster));
    let distances: Vec<f64> = (0..near.len()).map(distance).collect();
    let mut farthest: Vec<usize> = (0..near.len()).collect();
    farthest.sort_by(|a, b| distances[*b].total_cmp(&distances[*a]).then(a.cmp(b)));
    let mut farthest = farthest.into_iter();
    for empty in 0..sizes.len() {
        if sizes[empty] > 0 {
            continue;
        }
        // There are at least as many rows as clusters, so a cluster of two or more is left.
        let Some(row) = farthest.find(|row| sizes[near[*row].cluster] > 1) else { break };
        let (from, point) = (near[row].cluster, points.col_as_slice(row));
        sums.col_as_slice_mut(from).iter_mut().zip(point).for_each(|(sum, value)| *sum -= value);
        sums.col_as_slice_mut(empty).copy_from_slice(point);
        sizes[from] -= 1;
        sizes[empty] = 1;
    }
    true
}

/// The nearest center of each point, and the squared distance to it.
fn nearest(points: &Mat<f64>, centers: &Mat<f64>) -> (Vec<usize>, Vec<f64>) {
    let center_norms = squared_norms(centers);
    let part = |range: std::ops::Range<usize>| -> Vec<(usize, f64)> {
        let mut products = Mat::<f64>::zeros(centers.ncols(), range.len());
        let block = points.subcols(range.start, range.len());
        matmul(&mut products, Accum::Replace, centers.transpose(), block, 1.0, Par::Seq);
        let one = |(column, at): (usize, usize)| {
            let cluster = two_nearest(products.col_as_slice(column), &center_norms, 0.0).cluster;
            (cluster, squared_distance(points.col_as_slice(at), centers.col_as_slice(cluster)))
        };
        range.enumerate().map(one).collect()
    };
    parts(points.ncols(), BLOCK).into_par_iter().flat_map_iter(part).unzip()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::points::tests::{groups, matrix};

    #[derive(Deserialize)]
    struct Golden {
        kmeans: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        rows: usize,
        columns: usize,
        k: usize,
        spread: f64,
        iterations: usize,
        tolerance: f64,
        empty: bool,
        inertia: f64,
        found_iterations: usize,
        centers: Vec<Vec<f64>>,
    }

    #[test]
    fn from_the_same_start_the_clusters_are_scikit_learns() {
        let golden: Golden =
            serde_json::from_str(include_str!("../../../testdata/goldens/unlabeled/golden.json")).unwrap();
        for case in golden.kmeans {
            let rows = groups(case.rows, case.columns, case.k, case.spread, 0);
            let mut start = rows.subrows(0, case.k).to_owned();
            if case.empty {
                for column in 0..case.columns {
                    start[(1, column)] = start[(0, column)];
                    start[(2, column)] = 100.0;
                }
            }
            let config =
                KMeansConfig { iterations: case.iterations, tolerance: case.tolerance, ..KMeansConfig::default() };
            let found = kmeans_from(rows.as_ref(), start.as_ref(), &config).unwrap();
            assert!((found.inertia / case.inertia - 1.0).abs() < 1e-12, "{} {}", found.inertia, case.inertia);
            assert_eq!(found.iterations, case.found_iterations);
            assert!((found.centers.as_ref() - matrix(&case.centers)).norm_max() < 1e-12);
        }
    }

    #[test]
    fn every_row_belongs_to_its_nearest_center_and_every_center_is_the_mean_of_its_rows() {
        let mut rows = groups(2000, 7, 5, 3.0, 0);
        // Far from the origin, where distances from products alone are inexact.
        rows.col_mut(2).iter_mut().for_each(|value| *value += 1e6);
        let config = KMeansConfig { clusters: 9, tolerance: 0.0, restarts: 2, ..KMeansConfig::default() };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| kmeans(rows.as_ref(), &config)).unwrap()
        };
        let found = on(1);
        assert_eq!(found, on(3));
        assert!(found.converged && found.iterations > 5);
        let (clusters, distances) = found.assign(rows.as_ref()).unwrap();
        assert_eq!(clusters, found.clusters);
        assert!((distances.iter().sum::<f64>() / found.inertia - 1.0).abs() < 1e-9);
        let mut means = Mat::<f64>::zeros(9, 7);
        for row in 0..2000 {
            let distance = |center: usize| (rows.row(row) - found.centers.row(center)).squared_norm_l2();
            let nearest = (0..9).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap();
            assert_eq!(clusters[row], nearest);
            let size = clusters.iter().filter(|it| **it == clusters[row]).count() as f64;
            for column in 0..7 {
                means[(clusters[row], column)] += rows[(row, column)] / size;
            }
        }
        assert!((means - &found.centers).norm_max() < 1e-8);
    }

    #[test]
    fn too_few_different_rows_and_numbers_that_are_not_finite_are_refused() {
        let error = |rows: &Mat<f64>, clusters: usize| {
            kmeans(rows.as_ref(), &KMeansConfig { clusters, ..KMeansConfig::default() }).unwrap_err().to_string()
        };
        let mut rows = Mat::from_fn(6, 2, |row, _| 0.1 + (row % 2) as f64);
        assert!(
            kmeans(rows.as_ref(), &KMeansConfig { clusters: 2, ..KMeansConfig::default() }).unwrap().inertia < 1e-20
        );
        assert!(error(&rows, 3).contains("only 2 of the rows differ"), "{}", error(&rows, 3));
        assert!(error(&rows, 7).contains("7 clusters of 6 rows"));
        assert!(error(&rows, 0).contains("at least one cluster"));
        rows[(4, 1)] = f64::NAN;
        assert!(error(&rows, 2).contains("row 4"));
        assert!(error(&Mat::zeros(0, 2), 1).contains("1 clusters of 0 rows"));
    }
}
