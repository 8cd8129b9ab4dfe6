//! The atoms' part of a round: minimize sum over rows of |x - sum_j a_j b_j|^2 over |b_j| <= 1, by block coordinate
//! descent (Mairal et al. 2010, algorithm 2).

use faer::Mat;
use rayon::prelude::*;

use super::codes::Code;
use crate::distance::squared_distance;
use crate::points::parts;

/// Passes over the atoms.
const PASSES: usize = 3;
/// Parts of the rows whose sums are added in order.
const PARTS: usize = 8;

/// Updates `atoms` [k, d], given the codes of points [d, n]. An atom that no code uses becomes the direction of the
/// residue of the worst explained row.
pub(super) fn update(points: &Mat<f64>, codes: &[Code], atoms: &mut Mat<f64>) {
    let (k, d, n) = (atoms.nrows(), atoms.ncols(), points.ncols());
    let part = |range: std::ops::Range<usize>| {
        let mut squares = Mat::<f64>::zeros(k, k);
        let mut cross = Mat::<f64>::zeros(d, k);
        for at in range {
            for (atom, value) in codes[at].iter() {
                let sum = squares.col_as_slice_mut(atom);
                codes[at].iter().for_each(|(other, factor)| sum[other] += value * factor);
                let sum = cross.col_as_slice_mut(atom).iter_mut();
                sum.zip(points.col_as_slice(at)).for_each(|(sum, x)| *sum += value * x);
            }
        }
        (squares, cross)
    };
    let sums: Vec<_> = parts(n, n.div_ceil(PARTS).max(64)).into_par_iter().map(part).collect();
    let (mut squares, mut cross) = (Mat::<f64>::zeros(k, k), Mat::<f64>::zeros(d, k));
    for (a, b) in sums {
        squares += a;
        cross += b;
    }

    let mut columns = atoms.transpose().to_owned();
    let mut residues: Option<Vec<(f64, usize)>> = None;
    for pass in 0..PASSES {
        for atom in 0..k {
            let curvature = squares[(atom, atom)];
            if curvature <= f64::MIN_POSITIVE {
                if pass == 0 {
                    let worst = residues.get_or_insert_with(|| by_residue(points, codes, &columns));
                    if let Some((squared, row)) = worst.pop().filter(|(squared, _)| *squared > 0.0) {
                        let explained = codes[row].decode(&columns);
                        let to = columns.col_as_slice_mut(atom).iter_mut().zip(points.col_as_slice(row));
                        to.zip(explained).for_each(|((to, x), sum)| *to = (x - sum) / squared.sqrt());
                    }
                }
                continue;
            }
            let mut step = cross.col_as_slice(atom).to_vec();
            for (other, weight) in squares.col_as_slice(atom).iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
                step.iter_mut().zip(columns.col_as_slice(other)).for_each(|(step, entry)| *step -= weight * entry);
            }
            let atom = columns.col_as_slice_mut(atom);
            atom.iter_mut().zip(&step).for_each(|(entry, step)| *entry += step / curvature);
            let norm = crate::dot(atom, atom).sqrt();
            if norm > 1.0 {
                atom.iter_mut().for_each(|entry| *entry /= norm);
            }
        }
    }
    atoms.copy_from(columns.transpose());
}

/// The squared norm of each row's residue, and the row, the largest last.
fn by_residue(points: &Mat<f64>, codes: &[Code], columns: &Mat<f64>) -> Vec<(f64, usize)> {
    let residue = |row: usize| (squared_distance(points.col_as_slice(row), &codes[row].decode(columns)), row);
    let mut residues: Vec<(f64, usize)> = (0..codes.len()).into_par_iter().map(residue).collect();
    residues.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    residues
}
