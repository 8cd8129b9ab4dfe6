//! Nearest neighbors among rows of features, and balls that contain rows, without a matrix of all distances.
//!
//! |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, tile by tile, with products in f32: fast, but near rows cancel. So a product only
//! proposes: whatever its error bound leaves open is computed again in f64 from the differences. The results are those of
//! f64, in any order of work.
#![expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "a distance that is not a number may be any, so it is not ruled out"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dl_record::Matrix;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

/// A row of the other set, or another row of the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Neighbor {
    /// Which row.
    pub(crate) index: usize,
    /// The squared Euclidean distance to it.
    pub(crate) squared: f64,
}

/// Rows in a tile: 512 x 512 products in f32 are 1 MB.
const TILE: usize = 512;
/// Rows that are compared at once.
const LANES: usize = 16;
/// Candidates kept beyond the neighbors asked for, so that f64 can reorder them.
const SPARE: usize = 8;

/// Rows less a common center, in f32, and the squared norm of each.
struct Points<'a> {
    original: &'a Matrix,
    /// [rows, columns], row by row.
    centered: Vec<f32>,
    norms: Vec<f32>,
}

impl<'a> Points<'a> {
    fn new(original: &'a Matrix, center: &[f64]) -> Self {
        let columns = original.columns;
        let mut centered = vec![0.0; original.data.len()];
        let mut norms = vec![0.0; original.rows];
        let rows = centered.par_chunks_exact_mut(columns).zip(original.data.par_chunks_exact(columns));
        rows.zip(&mut norms).for_each(|((centered, row), norm)| {
            let values = row.iter().zip(center).map(|(value, center)| (f64::from(*value) - center) as f32);
            centered.iter_mut().zip(values).for_each(|(place, value)| *place = value);
            *norm = centered.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() as f32;
        });
        Self { original, centered, norms }
    }

    fn tiles(&self) -> usize {
        self.norms.len().div_ceil(TILE)
    }

    /// The first row of a tile, its rows as columns, and their norms.
    fn tile(&self, tile: usize) -> (usize, MatRef<'_, f32>, &[f32]) {
        let (first, columns) = (tile * TILE, self.original.columns);
        let end = self.norms.len().min(first + TILE);
        let rows = &self.centered[first * columns..end * columns];
        (first, MatRef::from_column_major_slice(rows, columns, end - first), &self.norms[first..end])
    }

    /// The squared distance of two rows, in f64.
    fn exact(&self, row: usize, other: &Self, index: usize) -> f64 {
        squared_distance(self.original.row(row), other.original.row(index))
    }
}

fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let (heads, tails) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in heads.0.iter().zip(tails.0) {
        for lane in 0..8 {
            let difference = f64::from(a[lane]) - f64::from(b[lane]);
            sums[lane] += difference * difference;
        }
    }
    let rest = heads.1.iter().zip(tails.1).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// The mean row.
fn center(rows: &Matrix) -> Vec<f64> {
    let mut mean = vec![0.0; rows.columns];
    for row in rows.data.chunks_exact(rows.columns) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value) / rows.rows as f64);
    }
    mean
}

/// The error of a squared distance from f32 products, relative to |a|^2 + |b|^2. The error of a sum of `columns` products
/// grows with the root of their number (Higham and Mary 2019, A new approach to probabilistic rounding error analysis).
fn error_factor(columns: usize) -> f32 {
    (8.0 + 6.0 * (columns as f32).sqrt()) * 0.5 * f32::EPSILON
}

/// Products of the rows of two tiles: column i for row i of `a`, [rows of b, rows of a].
fn products<'a>(a: MatRef<f32>, b: MatRef<f32>, memory: &'a mut Vec<f32>) -> &'a [f32] {
    let (rows, columns) = (b.ncols(), a.ncols());
    memory.resize(TILE * TILE, 0.0);
    let place = &mut memory[..rows * columns];
    let target = MatMut::from_column_major_slice_mut(&mut *place, rows, columns);
    // Tiles are computed side by side already.
    matmul(target, Accum::Replace, b.transpose(), a, 1.0, Par::Seq);
    place
}

/// The `count` nearest other rows of each row, nearest first, ties by index; fewer when there are fewer rows.
pub(crate) fn nearest_within(rows: &Matrix, count: usize) -> Vec<Vec<Neighbor>> {
    let points = Points::new(rows, &center(rows));
    let found = Candidates::new(&points, count + SPARE);
    let tiles = points.tiles();
    let pairs: Vec<(usize, usize)> = (0..tiles).flat_map(|i| (i..tiles).map(move |j| (i, j))).collect();
    pairs.par_iter().for_each_init(Vec::new, |memory, (i, j)| found.add_pair(&points, *i, *j, memory));
    found.finish(&points, &points, count, true)
}

/// The `count` rows of `among` nearest to each row of `rows`, nearest first, ties by index.
pub(crate) fn nearest_among(rows: &Matrix, among: &Matrix, count: usize) -> Vec<Vec<Neighbor>> {
    let center = center(among);
    let [points, among] = [Points::new(rows, &center), Points::new(among, &center)];
    let found = Candidates::new(&points, count + SPARE);
    (0..points.tiles()).into_par_iter().for_each_init(Vec::new, |memory, tile| {
        (0..among.tiles()).for_each(|other| found.add(&points, tile, &among, other, memory));
    });
    found.finish(&points, &among, count, false)
}

/// A row that may be near: the squared distance by f32 products, and its index.
type Candidate = (f32, usize);

/// The nearest rows of each row by f32 products, nearest first.
struct Candidates {
    keep: usize,
    error: f32,
    /// By tile, by row.
    tiles: Vec<Mutex<Vec<Vec<Candidate>>>>,
}

impl Candidates {
    fn new(points: &Points, keep: usize) -> Self {
        let rows = |tile| Mutex::new(vec![Vec::new(); points.tile(tile).2.len()]);
        let error = error_factor(points.original.columns);
        Self { keep, error, tiles: (0..points.tiles()).map(rows).collect() }
    }

    /// The rows of two tiles of one set, for each other.
    fn add_pair(&self, points: &Points, i: usize, j: usize, memory: &mut Vec<f32>) {
        if i == j {
            return self.add(points, i, points, j, memory);
        }
        let (first, a, a_norms) = points.tile(i);
        let (other_first, b, b_norms) = points.tile(j);
        let products = products(a, b, memory);
        let mut found = Vec::new();
        // Column by column for one side, row by row for the other, after turning the tile.
        self.scan(i, products, a_norms, b_norms, |_, index| Some(other_first + index), &mut found);
        let mut turned = vec![0.0; products.len()];
        turn(products, b_norms.len(), &mut turned);
        self.scan(j, &turned, b_norms, a_norms, |_, index| Some(first + index), &mut found);
    }

    /// The rows of a tile of another set, or of the same tile, for those of a tile.
    fn add(&self, points: &Points, tile: usize, among: &Points, other: usize, memory: &mut Vec<f32>) {
        let (_, a, a_norms) = points.tile(tile);
        let (first, b, b_norms) = among.tile(other);
        let same = std::ptr::eq(points, among) && tile == other;
        let products = products(a, b, memory);
        let index = |row: usize, index: usize| (!same || row != index).then_some(first + index);
        self.scan(tile, products, a_norms, b_norms, index, &mut Vec::new());
    }

    /// Adds what is nearer than the candidates of the rows of `tile`.
    fn scan(
        &self,
        tile: usize,
        products: &[f32],
        norms: &[f32],
        other_norms: &[f32],
        index: impl Fn(usize, usize) -> Option<usize>,
        found: &mut Vec<Candidate>,
    ) {
        let worst: Vec<f32> = locked(&self.tiles[tile]).iter().map(|row| self.worst(row)).collect();
        for (row, (products, norm)) in products.chunks_exact(other_norms.len()).zip(norms).enumerate() {
            found.clear();
            Arch::new().dispatch(Below { products, norm: *norm, norms: other_norms, limit: worst[row], found });
            found.retain_mut(|(_, place)| index(row, *place).map(|index| *place = index).is_some());
            if !found.is_empty() {
                self.merge(&mut locked(&self.tiles[tile])[row], found);
            }
        }
    }

    /// The squared distance that a candidate must not exceed.
    fn worst(&self, row: &[Candidate]) -> f32 {
        row.get(self.keep - 1).map_or(f32::INFINITY, |(squared, _)| *squared)
    }

    /// The nearest of both, ties by index, so that the order of work does not matter.
    fn merge(&self, row: &mut Vec<Candidate>, found: &[Candidate]) {
        row.extend(found);
        row.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        row.truncate(self.keep);
    }

    /// The nearest in f64.
    fn finish(self, points: &Points, among: &Points, count: usize, is_same: bool) -> Vec<Vec<Neighbor>> {
        let largest = among.norms.iter().copied().fold(0.0, f32::max);
        let rows: Vec<Vec<Candidate>> =
            self.tiles.into_iter().flat_map(|tile| tile.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        let nearest = |(row, candidates): (usize, &Vec<Candidate>)| {
            let neighbor = |index: usize| Neighbor { index, squared: points.exact(row, among, index) };
            let mut neighbors: Vec<Neighbor> = candidates.iter().map(|(_, index)| neighbor(*index)).collect();
            sort(&mut neighbors);
            let last = neighbors.get(count - 1).map_or(f64::INFINITY, |neighbor| neighbor.squared);
            // Only rows of about the same norm can be as near.
            let reach = (f64::from(points.norms[row]).sqrt() + last.sqrt()).powi(2) * 1.001;
            let error = f64::from(self.error) * (f64::from(points.norms[row]) + reach.min(f64::from(largest)));
            // All other rows are at least this far away.
            let others =
                candidates.get(self.keep - 1).map_or(f64::INFINITY, |(squared, _)| f64::from(*squared) - error);
            // At 0, other rows may be as near, but none is nearer. A distance that is not a number decides nothing.
            if last > 0.0 && !(last <= others) {
                let others = (0..among.norms.len()).filter(|index| !is_same || *index != row);
                neighbors = others.map(neighbor).collect();
                sort(&mut neighbors);
            }
            neighbors.truncate(count);
            neighbors
        };
        rows.par_iter().enumerate().map(nearest).collect()
    }
}

fn sort(neighbors: &mut [Neighbor]) {
    neighbors.sort_unstable_by(|a, b| a.squared.total_cmp(&b.squared).then(a.index.cmp(&b.index)));
}

/// Turns a matrix of columns of `rows` numbers.
fn turn(products: &[f32], rows: usize, turned: &mut [f32]) {
    let columns = products.len() / rows;
    for (column, numbers) in products.chunks_exact(rows).enumerate() {
        for (row, number) in numbers.iter().enumerate() {
            turned[row * columns + column] = *number;
        }
    }
}

/// Finds the rows whose squared distance is not above `limit`, or not a number.
struct Below<'a> {
    /// With the rows.
    products: &'a [f32],
    norm: f32,
    /// Of the rows.
    norms: &'a [f32],
    limit: f32,
    /// The squared distance and the place of each row found.
    found: &'a mut Vec<Candidate>,
}

/// Compiled for each instruction set; none of them changes a result.
impl NullaryFnOnce for Below<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { products, norm, norms, limit, found } = self;
        for (chunk, (products, norms)) in products.chunks(LANES).zip(norms.chunks(LANES)).enumerate() {
            let mut all_above = true;
            for (product, other) in products.iter().zip(norms) {
                all_above &= norm + other - 2.0 * product > limit;
            }
            if all_above {
                continue;
            }
            for (lane, (product, other)) in products.iter().zip(norms).enumerate() {
                let squared = norm + other - 2.0 * product;
                if !(squared > limit) {
                    found.push((squared, chunk * LANES + lane));
                }
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows with a ball around each, of a squared radius.
pub(crate) struct Balls<'a> {
    pub(crate) rows: &'a Matrix,
    pub(crate) radii: &'a [f64],
}

/// How many rows of each of two sets are in at least one ball of the other set; a row on the surface is inside.
pub(crate) fn inside(first: &Balls, second: &Balls) -> [usize; 2] {
    let center = center(second.rows);
    let [a, b] = [first.rows, second.rows].map(|rows| Points::new(rows, &center));
    let flags = |count: usize| -> Vec<AtomicBool> { (0..count).map(|_| AtomicBool::new(false)).collect() };
    let [a_inside, b_inside] = [flags(first.rows.rows), flags(second.rows.rows)];
    // Rounded up: whoever is inside may be.
    let radii = |balls: &Balls| -> Vec<f32> { balls.radii.iter().map(|radius| (*radius as f32).next_up()).collect() };
    let [a_radii, b_radii] = [radii(first), radii(second)];
    let error = error_factor(first.rows.columns);
    let tiles: Vec<(usize, usize)> = (0..a.tiles()).flat_map(|i| (0..b.tiles()).map(move |j| (i, j))).collect();
    let sides = [
        Side { points: &a, balls: first, limits: &a_radii, inside: &a_inside },
        Side { points: &b, balls: second, limits: &b_radii, inside: &b_inside },
    ];
    tiles.par_iter().for_each_init(Vec::new, |memory, (i, j)| {
        let (a_first, a_tile, a_norms) = a.tile(*i);
        let (b_first, b_tile, b_norms) = b.tile(*j);
        let products = products(a_tile, b_tile, memory);
        for (row, (products, norm)) in products.chunks_exact(b_norms.len()).zip(a_norms).enumerate() {
            let (row, sides) = (a_first + row, &sides);
            Arch::new().dispatch(MarkInside {
                sides,
                row,
                norm: *norm,
                first: b_first,
                products,
                norms: b_norms,
                error,
            });
        }
    });
    let count = |flags: &[AtomicBool]| flags.iter().filter(|flag| flag.load(Ordering::Relaxed)).count();
    [count(&a_inside), count(&b_inside)]
}

/// A set of balls, while rows are marked.
struct Side<'a> {
    points: &'a Points<'a>,
    balls: &'a Balls<'a>,
    /// Squared radii, rounded up.
    limits: &'a [f32],
    /// Whether a row is in a ball of the other set, as far as is known.
    inside: &'a [AtomicBool],
}

/// Marks a row of the first set and some of the second that are inside balls of each other.
struct MarkInside<'a> {
    sides: &'a [Side<'a>; 2],
    row: usize,
    norm: f32,
    /// The first of the rows of the second set.
    first: usize,
    /// With these rows.
    products: &'a [f32],
    norms: &'a [f32],
    error: f32,
}

/// Compiled for each instruction set; none of them changes a result.
impl NullaryFnOnce for MarkInside<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { sides: [a, b], row, norm, first, products, norms, error } = self;
        let mut is_inside = a.inside[row].load(Ordering::Relaxed);
        let own_limit = a.limits[row];
        // The smallest that the squared distance can be.
        let lowest = |product: f32, other: f32| {
            let sum = norm + other;
            sum - 2.0 * product - error * sum
        };
        let limits = &b.limits[first..][..norms.len()];
        let lanes = products.chunks(LANES).zip(norms.chunks(LANES)).zip(limits.chunks(LANES));
        for (chunk, ((products, norms), limits)) in lanes.enumerate() {
            let mut all_outside = true;
            for ((product, other), limit) in products.iter().zip(norms).zip(limits) {
                let lowest = lowest(*product, *other);
                all_outside &= ((lowest > *limit) | is_inside) & (lowest > own_limit);
            }
            if all_outside {
                continue;
            }
            for (lane, ((product, other), limit)) in products.iter().zip(norms).zip(limits).enumerate() {
                let index = first + chunk * LANES + lane;
                let lowest = lowest(*product, *other);
                // What is not a number may be anything.
                let may_be_in_other = !is_inside && !(lowest > *limit);
                let may_hold_other = !(lowest > own_limit) && !b.inside[index].load(Ordering::Relaxed);
                if may_be_in_other || may_hold_other {
                    let squared = a.points.exact(row, b.points, index);
                    is_inside = is_inside || squared <= b.balls.radii[index];
                    if squared <= a.balls.radii[row] {
                        b.inside[index].store(true, Ordering::Relaxed);
                    }
                }
            }
        }
        if is_inside {
            a.inside[row].store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden_rows;

    /// All neighbors, in f64.
    fn brute_force(rows: &Matrix, among: &Matrix, count: usize, is_same: bool) -> Vec<Vec<Neighbor>> {
        let nearest = |row: usize| {
            let others = (0..among.rows).filter(|index| !is_same || *index != row);
            let mut all: Vec<Neighbor> = others
                .map(|index| Neighbor { index, squared: squared_distance(rows.row(row), among.row(index)) })
                .collect();
            sort(&mut all);
            all.truncate(count);
            all
        };
        (0..rows.rows).map(nearest).collect()
    }

    #[test]
    fn neighbors_are_those_of_every_distance_in_double_precision() {
        for (rows, among, columns, count) in [(1100, 600, 9, 4), (3, 5, 1, 2), (513, 512, 33, 1), (1, 1, 4, 3)] {
            let [rows, among] = [golden_rows(0, rows, columns, 0.5), golden_rows(9000, among, columns, 0.0)];
            assert_eq!(nearest_within(&rows, count), brute_force(&rows, &rows, count, true));
            assert_eq!(nearest_among(&rows, &among, count), brute_force(&rows, &among, count, false));
        }
    }

    #[test]
    fn f32_products_that_cancel_completely_change_nothing() {
        // Rows a millionth apart, one far away that moves the center, and equal rows.
        let mut rows = golden_rows(0, 400, 8, 0.0);
        rows.data.iter_mut().for_each(|value| *value = 1.0 + *value * 1e-6);
        rows.data[..8].fill(1e6);
        rows.data.copy_within(80..88, 160);
        assert_eq!(nearest_within(&rows, 3), brute_force(&rows, &rows, 3, true));
        // Products that overflow.
        rows.data.iter_mut().for_each(|value| *value *= 1e25);
        assert_eq!(nearest_within(&rows, 3), brute_force(&rows, &rows, 3, true));
        let equal = Matrix { rows: 300, columns: 4, data: vec![0.1; 1200] };
        assert!(nearest_within(&equal, 2).iter().flatten().all(|neighbor| neighbor.squared == 0.0));
    }

    #[test]
    fn rows_on_the_surface_of_a_ball_are_inside() {
        let of = |data: &[f32]| Matrix { rows: data.len(), columns: 1, data: data.to_vec() };
        let [a, b] = [of(&[0.0, 10.0]), of(&[3.0, 100.0])];
        let count = |first: f64, second: f64| {
            inside(&Balls { rows: &a, radii: &[first, 0.0] }, &Balls { rows: &b, radii: &[second, 0.0] })
        };
        assert_eq!(count(9.0, 0.0), [0, 1]);
        assert_eq!(count(8.999_999, 9.0), [1, 0]);
        assert_eq!(count(8.999_999, 49.0), [2, 0]);
        assert_eq!(count(8.999_999, 8.999_999), [0, 0]);
    }
}
