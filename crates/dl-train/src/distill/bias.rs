//! A student's bias for a class that was missing from its training (Hinton et al. 2015, section 3).
//!
//! A student that never saw a 3 knows it from its teacher's scores, but its bias for the class is far too low. In the
//! paper, the right bias makes 98.6 % of the 3s right.

use anyhow::{Result, ensure};

/// What to add to the bias of `class` for it to have a mean probability of `prior`, above 0 and below 1, over the rows
/// of `logits` [n, classes].
///
/// The rows must be a sample in which the class is as frequent as `prior` says, such as unlabeled examples of the
/// target: not the transfer set, from which the class is missing.
/// # Errors
/// When there are no rows, a logit is not finite, `class` is out of range or the only one, or `prior` is impossible.
pub fn class_bias(logits: &[f64], classes: usize, class: usize, prior: f64) -> Result<f64> {
    ensure!(class < classes && classes > 1, "class {class} of {classes}; a bias needs at least one other class");
    let rows = logits.len() / classes;
    ensure!(rows > 0 && rows * classes == logits.len(), "{} logits are not rows of {classes} classes", logits.len());
    ensure!(prior > 0.0 && prior < 1.0, "a prior of {prior}; choose a number above 0 and below 1");
    let wrong = logits.iter().position(|logit| !logit.is_finite()).map(|index| index / classes);
    ensure!(wrong.is_none(), "row {} of the logits is not finite", wrong.unwrap_or_default());
    let margins: Vec<f64> = logits.chunks_exact(classes).map(|row| margin(row, class)).collect();
    // The mean of logistic(margin + bias) rises with the bias. If all margins were the largest, this would be the bias;
    // it is too low, or right. With the smallest, it is too high.
    let wanted = (prior / (1.0 - prior)).ln();
    let bias = |of: fn(f64, f64) -> f64| wanted - margins.iter().copied().reduce(of).unwrap_or_default();
    let (mut low, mut high) = (bias(f64::max), bias(f64::min));
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return Ok(middle);
        }
        let mean = margins.iter().map(|margin| 1.0 / (1.0 + (-(margin + middle)).exp())).sum::<f64>() / rows as f64;
        *(if mean < prior { &mut low } else { &mut high }) = middle;
    }
}

/// The log odds of `class` against all others.
fn margin(row: &[f64], class: usize) -> f64 {
    let others = || row.iter().enumerate().filter(|(other, _)| *other != class).map(|(_, logit)| *logit);
    let largest = others().fold(f64::NEG_INFINITY, f64::max);
    row[class] - largest - others().map(|logit| (logit - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::super::GOLDEN;
    use super::*;
    use crate::formula;

    fn logits(rows: usize, scale: f64) -> Vec<f64> {
        (0..rows * 4).map(|index| scale * formula((index / 4) as u64, (index % 4) as u64)).collect()
    }

    #[test]
    fn biases_are_those_of_scipy() {
        let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        for case in golden["biases"].as_array().unwrap() {
            let number = |name: &str| case[name].as_f64().unwrap();
            let bias = class_bias(&logits(9, number("scale")), 4, number("class") as usize, number("prior")).unwrap();
            assert!((bias - number("bias")).abs() < 1e-9, "{bias} {case}");
        }
        // A single row has a closed form.
        let bias = class_bias(&[0.0, 1.0, -2.0], 3, 2, 0.5).unwrap();
        assert!((bias - (2.0 + (1.0 + 1_f64.exp()).ln())).abs() < 1e-12);
    }

    #[test]
    fn impossible_inputs_are_refused() {
        let error =
            |logits: &[f64], classes, class, prior| class_bias(logits, classes, class, prior).unwrap_err().to_string();
        assert_eq!(error(&[], 2, 0, 0.5), "0 logits are not rows of 2 classes");
        assert_eq!(error(&[0.0; 3], 2, 0, 0.5), "3 logits are not rows of 2 classes");
        assert_eq!(error(&[0.0; 2], 2, 2, 0.5), "class 2 of 2; a bias needs at least one other class");
        assert_eq!(error(&[0.0; 2], 2, 0, 1.0), "a prior of 1; choose a number above 0 and below 1");
        assert_eq!(error(&[0.0, 0.0, f64::NAN, 0.0], 2, 0, 0.5), "row 1 of the logits is not finite");
    }
}
