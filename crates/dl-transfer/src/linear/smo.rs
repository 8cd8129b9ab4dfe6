//! The hinge-loss SVM with a bias that is not penalized: minimize 1/2 |w|^2 + sum_i C_i max(0, 1 - y_i (w x_i + b)), by
//! sequential minimal optimization of its dual with the choice of pairs by second-order information (Fan, Chen and Lin
//! 2005), which is libsvm's `-s 0 -t 0` and scikit-learn's `SVC(kernel="linear")`.

use std::borrow::Cow;

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};

use crate::binary::Plane;
use crate::dot;
use crate::linalg::product;

/// Rows up to which all products of rows are kept: 32 MB.
const KEPT: usize = 2048;

/// Least curvature along a pair of rows; those of equal rows have none.
const FLAT: f64 = 1e-12;

/// Steps at most, or a hundred per row where that is more.
const STEPS: usize = 1_000_000;

/// Fits `signs` [n], each -1 or 1, both present, to `x` [n, d] with `costs` [n], each at least 0, until no pair of rows
/// violates the conditions of the optimum by more than `tolerance` (libsvm's `-e`, 0.001). Also tells whether it got
/// there.
/// # Errors
/// When the products of rows are not finite.
pub(super) fn solve(x: MatRef<f64>, signs: &[f64], costs: &[f64], tolerance: f64) -> Result<(Plane, bool)> {
    let n = x.nrows();
    let products = Products::of(x);
    ensure!(
        products.squares.iter().all(|square| square.is_finite()),
        "the features are too large for a linear classifier; normalize them"
    );
    let mut alphas = vec![0.0; n];
    // y_i times the slope of the dual by alpha_i, negated: at the optimum those of rows that may grow along y_i are not
    // above those of rows that may shrink.
    let mut pull: Vec<f64> = signs.to_vec();
    let mut converged = false;
    for _ in 0..STEPS.max(100 * n) {
        let may_grow = |i: usize| if signs[i] > 0.0 { alphas[i] < costs[i] } else { alphas[i] > 0.0 };
        let may_shrink = |i: usize| if signs[i] > 0.0 { alphas[i] > 0.0 } else { alphas[i] < costs[i] };
        let most = (0..n).filter(|i| may_grow(*i)).fold(None, |best: Option<usize>, i| match best {
            Some(best) if pull[best] >= pull[i] => Some(best),
            _ => Some(i),
        });
        let Some(i) = most else {
            converged = true;
            break;
        };
        let row = products.row(i);
        let (mut partner, mut least) = (None, f64::INFINITY);
        let mut gain = 0.0;
        for j in (0..n).filter(|j| may_shrink(*j)) {
            least = least.min(pull[j]);
            let violation = pull[i] - pull[j];
            if violation > 0.0 {
                let curvature = (products.squares[i] + products.squares[j] - 2.0 * row[j]).max(FLAT);
                let own = violation * violation / curvature;
                if own > gain {
                    (partner, gain) = (Some((j, violation / curvature)), own);
                }
            }
        }
        let Some((j, step)) = partner.filter(|_| pull[i] - least > tolerance) else {
            converged = true;
            break;
        };
        // alpha_i moves by y_i step and alpha_j by -y_j step, as far as both stay within their bounds.
        let room = |at: usize, up: bool| if up { costs[at] - alphas[at] } else { alphas[at] };
        let (room_i, room_j) = (room(i, signs[i] > 0.0), room(j, signs[j] < 0.0));
        let step = step.min(room_i).min(room_j);
        // A bound is met exactly, so that the row is found there.
        let moved = |at: usize, up: bool, room: f64| match (step >= room, up) {
            (true, true) => costs[at],
            (true, false) => 0.0,
            (false, true) => alphas[at] + step,
            (false, false) => alphas[at] - step,
        };
        let (new_i, new_j) = (moved(i, signs[i] > 0.0, room_i), moved(j, signs[j] < 0.0, room_j));
        (alphas[i], alphas[j]) = (new_i, new_j);
        let other = products.row(j);
        for ((pull, by_i), by_j) in pull.iter_mut().zip(row.iter()).zip(other.iter()) {
            *pull -= step * (by_i - by_j);
        }
    }
    let mut weight = vec![0.0; x.ncols()];
    for (i, alpha) in alphas.iter().enumerate().filter(|(_, alpha)| **alpha > 0.0) {
        weight.iter_mut().zip(x.row(i).iter()).for_each(|(weight, value)| *weight += alpha * signs[i] * value);
    }
    Ok((Plane { weight, bias: bias(&pull, signs, &alphas, costs) }, converged))
}

/// The mean pull of the rows at the margin; without one, the middle of what the others allow, as in libsvm.
fn bias(pull: &[f64], signs: &[f64], alphas: &[f64], costs: &[f64]) -> f64 {
    let free = |i: usize| alphas[i] > 0.0 && alphas[i] < costs[i];
    let (sum, count) =
        (0..pull.len()).filter(|i| free(*i)).fold((0.0, 0.0), |(sum, count), i| (sum + pull[i], count + 1.0));
    if count > 0.0 {
        return sum / count;
    }
    let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
    for (i, pull) in pull.iter().enumerate().filter(|(i, _)| costs[*i] > 0.0) {
        // A row at 0 is right by its margin or more, one at its bound is not.
        if (alphas[i] <= 0.0) == (signs[i] > 0.0) {
            least = least.max(*pull);
        } else {
            most = most.min(*pull);
        }
    }
    match (least.is_finite(), most.is_finite()) {
        (true, true) => f64::midpoint(least, most),
        (true, false) => least,
        (false, true) => most,
        (false, false) => 0.0,
    }
}

/// The products of the rows with one another, kept when they are few.
struct Products {
    kept: Option<Mat<f64>>,
    /// The rows, when their products are not kept.
    rows: Vec<Vec<f64>>,
    squares: Vec<f64>,
}

impl Products {
    fn of(x: MatRef<f64>) -> Self {
        let n = x.nrows();
        if n <= KEPT {
            let kept = product(x, x.transpose());
            let squares = (0..n).map(|i| kept[(i, i)]).collect();
            return Self { kept: Some(kept), rows: Vec::new(), squares };
        }
        let rows: Vec<Vec<f64>> = (0..n).map(|i| x.row(i).iter().copied().collect()).collect();
        let squares = rows.iter().map(|row| dot(row, row)).collect();
        Self { kept: None, rows, squares }
    }

    /// The products of row `i` with all rows.
    fn row(&self, i: usize) -> Cow<'_, [f64]> {
        match &self.kept {
            // The matrix is symmetric, and its columns are contiguous.
            Some(kept) => Cow::Borrowed(kept.col_as_slice(i)),
            None => self.rows.iter().map(|row| dot(row, &self.rows[i])).collect(),
        }
    }
}
