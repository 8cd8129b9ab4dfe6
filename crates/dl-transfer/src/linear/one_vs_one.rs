//! Linear SVMs of several classes, one for each pair: libsvm's way (scikit-learn's `SVC(kernel="linear")`).

use anyhow::{Result, ensure};
use faer::{Mat, MatRef, Scale};
use rayon::prelude::*;

use super::scaling::Scaling;
use super::{SvmClassesConfig, check_rows, smo};
use crate::binary::{Plane, decide};
use crate::linalg::ensure_finite;

/// A plane between each two classes.
#[derive(Clone, Debug, PartialEq)]
pub struct OneVsOne {
    /// The number of classes, at least 2.
    pub classes: usize,
    /// [pairs, d], of the pairs (0, 1), (0, 2) .. (1, 2) ..: the first class of a pair is on the positive side.
    pub weight: Mat<f64>,
    /// [pairs].
    pub bias: Vec<f64>,
}

impl OneVsOne {
    /// Fits a hinge-loss SVM to each two classes of the rows `x` [n, d], whose `targets` [n] are below `classes`, with
    /// C times the class's and the row's weight; `weights` [n] is empty for 1 each. Also tells whether all converged.
    /// # Errors
    /// When a class has no rows, lengths differ, a weight is negative, or numbers are not finite or too large.
    pub fn fit(
        x: MatRef<f64>,
        targets: &[usize],
        classes: usize,
        weights: &[f64],
        config: &SvmClassesConfig,
    ) -> Result<(Self, bool)> {
        check_rows(x, targets, classes, weights)?;
        let scaling = if config.standardize { Scaling::of(x, weights) } else { Scaling::none(x.ncols()) };
        let of_class = |class: usize| (0..x.nrows()).filter(move |row| targets[*row] == class);
        let solved: Vec<(Plane, bool)> = pairs(classes)
            .collect::<Vec<_>>()
            .into_par_iter()
            .map(|(a, b)| {
                let rows: Vec<usize> = of_class(a).chain(of_class(b)).collect();
                let signs: Vec<f64> = rows.iter().map(|row| if targets[*row] == a { 1.0 } else { -1.0 }).collect();
                let costs: Vec<f64> = rows.iter().map(|row| config.cost_of(*row, targets, weights)).collect();
                let own = Mat::from_fn(rows.len(), x.ncols(), |row, column| x[(rows[row], column)]);
                let (plane, converged) =
                    smo::solve(scaling.apply(own.as_ref()).as_ref(), &signs, &costs, config.tolerance)?;
                Ok((scaling.undo(&plane), converged))
            })
            .collect::<Result<_>>()?;
        let weight = Mat::from_fn(solved.len(), x.ncols(), |pair, column| solved[pair].0.weight[column]);
        let bias = solved.iter().map(|(plane, _)| plane.bias).collect();
        Ok((Self { classes, weight, bias }, solved.iter().all(|(_, converged)| *converged)))
    }

    /// The share of the pairs that each class wins, of the rows `x` [n, d]: [n, classes]. Of classes with as many pairs,
    /// the first wins in libsvm.
    /// # Errors
    /// When the width differs from that in training, or a number is not finite.
    pub fn shares(&self, x: MatRef<f64>) -> Result<Mat<f64>> {
        let d = self.weight.ncols();
        ensure!(x.ncols() == d, "rows of {} columns, but the classifier was trained on {d}", x.ncols());
        ensure_finite(x, "features")?;
        let plane = |at| Plane { weight: self.weight.row(at).iter().copied().collect(), bias: self.bias[at] };
        let planes: Vec<Plane> = (0..self.bias.len()).map(plane).collect();
        let values = decide(x, &planes);
        let mut wins = Mat::<f64>::zeros(x.nrows(), self.classes);
        for (at, (a, b)) in pairs(self.classes).enumerate() {
            for row in 0..x.nrows() {
                wins[(row, if values[(row, at)] > 0.0 { a } else { b })] += 1.0;
            }
        }
        // Whole numbers until here, so that ties are ties.
        Ok(wins * Scale(1.0 / self.bias.len() as f64))
    }
}

/// The pairs of classes, in libsvm's order.
fn pairs(classes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..classes).flat_map(move |a| (a + 1..classes).map(move |b| (a, b)))
}
