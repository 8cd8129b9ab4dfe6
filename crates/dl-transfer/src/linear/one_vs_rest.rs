//! Linear SVMs of several classes, one for each: liblinear's way (scikit-learn's `LinearSVC`).

use anyhow::Result;
use faer::MatRef;
use rayon::prelude::*;

use super::scaling::Scaling;
use super::{SvmClassesConfig, check_rows};
use crate::binary::{Loss, Plane, fit};

/// Fits a squared-hinge SVM, whose bias is penalized like a weight, to each class of the rows `x` [n, d] against the
/// rest. The rest is as of [`OneVsOne::fit`](super::OneVsOne::fit). Returns the weights [classes, d], row by row, and the
/// biases [classes] of functions of which the largest names the class; of two classes, they are those of one plane, half
/// on each side.
/// # Errors
/// When a class has no rows, lengths differ, a weight is negative, or numbers are not finite or too large.
pub fn one_vs_rest(
    x: MatRef<f64>,
    targets: &[usize],
    classes: usize,
    weights: &[f64],
    config: &SvmClassesConfig,
) -> Result<(Vec<f64>, Vec<f64>)> {
    check_rows(x, targets, classes, weights)?;
    let scaling = if config.standardize { Scaling::of(x, weights) } else { Scaling::none(x.ncols()) };
    let scaled = scaling.apply(x);
    // As in liblinear, the rest of three classes or more has no weights of classes.
    let plain = SvmClassesConfig { class_weights: Vec::new(), ..config.clone() };
    let against = |class: usize| {
        let signs: Vec<f64> = targets.iter().map(|target| if *target == class { 1.0 } else { -1.0 }).collect();
        let costs: Vec<f64> = (0..x.nrows())
            .map(|row| {
                if classes == 2 || targets[row] == class { config } else { &plain }.cost_of(row, targets, weights)
            })
            .collect();
        let plane = fit(scaled.as_ref(), &signs, &costs, Loss::SquaredHinge, None, config.tolerance)?;
        Ok(scaling.undo(&plane))
    };
    let planes = if classes == 2 {
        let Plane { weight, bias } = against(1)?;
        let half = |factor: f64| Plane { weight: weight.iter().map(|w| factor * w).collect(), bias: factor * bias };
        vec![half(-0.5), half(0.5)]
    } else {
        (0..classes).into_par_iter().map(against).collect::<Result<_>>()?
    };
    let bias = planes.iter().map(|plane| plane.bias).collect();
    Ok((planes.into_iter().flat_map(|plane| plane.weight).collect(), bias))
}
