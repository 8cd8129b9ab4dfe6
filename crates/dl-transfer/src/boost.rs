//! TrAdaBoost (Dai, Yang, Xue and Yu 2007, Boosting for transfer learning, algorithm 1): boosting over many labeled
//! source rows and a few labeled target rows. Target rows that are classified wrongly gain weight, as in AdaBoost;
//! source rows that are classified wrongly lose it, so that source rows unlike the target stop mattering.
//!
//! Weights are kept as logarithms: over a hundred rounds they leave the range of f64.

use anyhow::{Result, ensure};
use faer::{Mat, MatRef};
use serde::{Deserialize, Serialize};

use crate::binary::{Loss, Plane, decide, fit};
use crate::linalg::ensure_finite;
use crate::sigmoid::sigmoid;

/// The classifier of each round; with several classes, one against the rest for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseLearner {
    /// A linear SVM with the squared hinge loss (scikit-learn's `LinearSVC`).
    #[default]
    Svm,
    /// Logistic regression.
    Logistic,
}

/// How wrong a row is, from 0 to 1: algorithm 1 accepts hypotheses with values between the classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoostError {
    /// One minus the probability of the true class, the logistic function of its value: what logistic regression is
    /// fitted to. A linear SVM gives 0.27 to rows at the margin, so that all source rows fade out in the end.
    Probability,
    /// 1 where the value of the true class is -1 or less, 0 where it is 1 or more, the SVM's margin; linear between.
    #[default]
    Margin,
    /// 1 for a wrong class, otherwise 0. Weights stop moving once no row is wrong, at the first round of separable data.
    Class,
}

/// Options of [`tradaboost`].
#[derive(Clone, Debug, PartialEq)]
pub struct BoostConfig {
    /// N, the number of rounds; the second half of them votes.
    pub rounds: usize,
    /// The classifier of each round.
    pub base: BaseLearner,
    /// C of the classifier; the weights of the rows have a mean of 1.
    pub cost: f64,
    /// Give every class the same total weight in each round.
    pub balanced: bool,
    /// How wrong a row is.
    pub error: BoostError,
}

impl Default for BoostConfig {
    fn default() -> Self {
        Self { rounds: 100, base: BaseLearner::Svm, cost: 1.0, balanced: true, error: BoostError::default() }
    }
}

/// Labeled rows of a domain.
#[derive(Clone, Copy, Debug)]
pub struct Labeled<'a> {
    /// [n, d].
    pub x: MatRef<'a, f64>,
    /// [n], each below the number of classes.
    pub classes: &'a [usize],
    /// [n], each at least 0, not all 0; empty for equal weights.
    pub weights: &'a [f64],
}

/// The classifier of one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Voter {
    /// ln(1 / beta_t), how much it counts.
    pub vote: f64,
    /// [planes, d]: of two classes, one plane with the second on its positive side; otherwise one for each class.
    pub weight: Mat<f64>,
    /// [planes].
    pub bias: Vec<f64>,
}

/// The classifiers that vote, and how training went.
#[derive(Clone, Debug, PartialEq)]
pub struct Boosted {
    /// How wrong a row is, and so how sure a voter is.
    pub error: BoostError,
    /// The number of classes.
    pub classes: usize,
    /// The second half of the rounds.
    pub voters: Vec<Voter>,
    /// The weighted error on the target rows in each round.
    pub errors: Vec<f64>,
    /// The share of the source rows in the total weight in each round.
    pub source_shares: Vec<f64>,
}

/// Boosts over `source` and `target` rows of `classes` classes. With two classes this is algorithm 1; with more, the
/// error of a round may reach that of guessing, 1 - 1/classes, and beta_t = error / ((1 - error) (classes - 1)), as in
/// SAMME (Zhu et al. 2009).
/// # Errors
/// When a domain has no rows, a class has no rows in either domain, widths or lengths differ, a weight is negative, all
/// weights of a domain are 0, or a number is not finite.
pub fn tradaboost(source: Labeled, target: Labeled, classes: usize, config: &BoostConfig) -> Result<Boosted> {
    check(&source, &target, classes, config)?;
    let (n, m) = (source.classes.len(), target.classes.len());
    let d = source.x.ncols();
    let x = Mat::from_fn(
        n + m,
        d,
        |row, column| {
            if row < n { source.x[(row, column)] } else { target.x[(row - n, column)] }
        },
    );
    let truth: Vec<usize> = source.classes.iter().chain(target.classes).copied().collect();
    let initial = |side: &Labeled, row: usize| side.weights.get(row).map_or(0.0, |weight| weight.ln());
    let mut logs: Vec<f64> =
        (0..n).map(|row| initial(&source, row)).chain((0..m).map(|row| initial(&target, row))).collect();

    // Hedge(beta) on the source: what is wrong loses weight at a rate that the number of rounds sets.
    let source_step = -(2.0 * (n as f64).ln() / config.rounds as f64).sqrt().ln_1p();
    let guess = 1.0 - 1.0 / classes as f64;
    // An error of 0 would give a round all of the vote.
    let least = 0.5 / m as f64;
    let mut boosted =
        Boosted { error: config.error, classes, voters: Vec::new(), errors: Vec::new(), source_shares: Vec::new() };
    let mut planes: Vec<Plane> = Vec::new();
    for round in 0..config.rounds {
        planes = learn(x.as_ref(), &truth, &logs, classes, &planes, config)?;
        let answers = answer(x.as_ref(), &planes, classes, config.error);
        let wrong: Vec<f64> = truth.iter().enumerate().map(|(row, class)| 1.0 - answers[(row, *class)]).collect();
        let weights = normalized(&logs);
        let on_target: f64 = weights[n..].iter().sum();
        // Relative weights within the target, which may have almost none of the total.
        let within = normalized(&logs[n..]);
        let error: f64 = within.iter().zip(&wrong[n..]).map(|(weight, wrong)| weight * wrong).sum();
        boosted.errors.push(error);
        boosted.source_shares.push(1.0 - on_target);
        let error = error.clamp(least.min(0.9 * guess), 0.98 * guess);
        let vote = ((1.0 - error) * (classes - 1) as f64 / error).ln();
        for (row, (log, wrong)) in logs.iter_mut().zip(&wrong).enumerate() {
            *log += wrong * if row < n { source_step } else { vote };
        }
        if round >= config.rounds / 2 {
            let weight = Mat::from_fn(planes.len(), d, |plane, column| planes[plane].weight[column]);
            boosted.voters.push(Voter { vote, weight, bias: planes.iter().map(|plane| plane.bias).collect() });
        }
    }
    Ok(boosted)
}

impl Boosted {
    /// The share of the vote that each class has: [rows, classes], each row sums to 1. The largest is the answer.
    /// # Errors
    /// When the number of columns differs from the training rows' or a number is not finite.
    pub fn shares(&self, x: MatRef<f64>) -> Result<Mat<f64>> {
        let d = self.voters.first().map_or(0, |voter| voter.weight.ncols());
        ensure!(x.ncols() == d, "rows of {} columns, but the classifier was trained on {d}", x.ncols());
        ensure_finite(x, "features")?;
        let mut shares = Mat::zeros(x.nrows(), self.classes);
        let total: f64 = self.voters.iter().map(|voter| voter.vote).sum();
        for Voter { vote, weight, bias } in &self.voters {
            let planes: Vec<Plane> = (0..bias.len())
                .map(|at| Plane { weight: weight.row(at).iter().copied().collect(), bias: bias[at] })
                .collect();
            shares += answer(x, &planes, self.classes, self.error) * faer::Scale(vote / total);
        }
        Ok(shares)
    }
}

fn check(source: &Labeled, target: &Labeled, classes: usize, config: &BoostConfig) -> Result<()> {
    ensure!(config.rounds > 0, "boosting needs at least 1 round");
    ensure!(config.cost > 0.0 && config.cost.is_finite(), "the cost C must be above 0, not {:?}", config.cost);
    ensure!(classes > 1, "only one class; training needs at least two");
    let (from, to) = (source.x.ncols(), target.x.ncols());
    ensure!(from == to, "source rows have {from} columns, target rows have {to}; compute both with the same layer");
    for (side, name) in [(source, "source"), (target, "target")] {
        let rows = side.x.nrows();
        ensure!(rows > 0, "no labeled {name} rows; boosting needs labeled rows of both domains");
        ensure!(side.classes.len() == rows, "{} classes for {rows} {name} rows", side.classes.len());
        ensure!(
            side.weights.is_empty() || side.weights.len() == rows,
            "weights for {} of {rows} {name} rows",
            side.weights.len()
        );
        ensure!(
            side.weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite()),
            "a weight of a {name} row is negative"
        );
        let all = side.weights.is_empty() || side.weights.iter().any(|weight| *weight > 0.0);
        ensure!(all, "the weights of the {name} rows are all 0");
        ensure_finite(side.x, &format!("{name} features"))?;
    }
    let mut seen = vec![false; classes];
    for class in source.classes.iter().chain(target.classes) {
        ensure!(*class < classes, "class {class} of {classes} classes");
        seen[*class] = true;
    }
    if let Some(class) = seen.iter().position(|seen| !seen) {
        anyhow::bail!("class {class} has no rows in either domain; remove it or add rows");
    }
    Ok(())
}

/// exp(logs), scaled to a sum of 1.
fn normalized(logs: &[f64]) -> Vec<f64> {
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut weights: Vec<f64> = logs.iter().map(|log| (log - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

/// The planes of one round: of two classes, one for the second; otherwise one for each.
fn learn(
    x: MatRef<f64>,
    truth: &[usize],
    logs: &[f64],
    classes: usize,
    start: &[Plane],
    config: &BoostConfig,
) -> Result<Vec<Plane>> {
    let loss = match config.base {
        BaseLearner::Svm => Loss::SquaredHinge,
        BaseLearner::Logistic => Loss::Logistic,
    };
    let rows = truth.len() as f64;
    let fit_one = |class: usize, at: usize| {
        let mut costs = vec![0.0; truth.len()];
        let sides = if config.balanced { &[true, false][..] } else { &[true][..] };
        for side in sides {
            let chosen: Vec<usize> =
                (0..truth.len()).filter(|row| !config.balanced || (truth[*row] == class) == *side).collect();
            let weights = normalized(&chosen.iter().map(|row| logs[*row]).collect::<Vec<_>>());
            for (row, weight) in chosen.iter().zip(weights) {
                costs[*row] = config.cost * rows / sides.len() as f64 * weight;
            }
        }
        let signs: Vec<f64> = truth.iter().map(|it| if *it == class { 1.0 } else { -1.0 }).collect();
        fit(x, &signs, &costs, loss, start.get(at), 1e-6)
    };
    if classes == 2 { Ok(vec![fit_one(1, 0)?]) } else { (0..classes).map(|class| fit_one(class, class)).collect() }
}

/// How much a round is for each class: [rows, classes], each row sums to 1.
fn answer(x: MatRef<f64>, planes: &[Plane], classes: usize, error: BoostError) -> Mat<f64> {
    let values = decide(x, planes);
    let degree = |value: f64| match error {
        BoostError::Probability => sigmoid(value),
        BoostError::Margin => (0.5 + 0.5 * value).clamp(0.0, 1.0),
        BoostError::Class => f64::from(u8::from(value > 0.0)),
    };
    let mut answers = Mat::zeros(x.nrows(), classes);
    for row in 0..x.nrows() {
        if classes == 2 {
            answers[(row, 1)] = degree(values[(row, 0)]);
            answers[(row, 0)] = 1.0 - answers[(row, 1)];
            continue;
        }
        let best =
            (1..classes).fold(0, |best, class| if values[(row, class)] > values[(row, best)] { class } else { best });
        let total: f64 = (0..classes).map(|class| degree(values[(row, class)])).sum();
        for class in 0..classes {
            let one = f64::from(u8::from(class == best));
            let shared = error != BoostError::Class && total > 0.0;
            answers[(row, class)] = if shared { degree(values[(row, class)]) / total } else { one };
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn rows(first: u64, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |row, column| crate::formula(first + row as u64, column as u64))
    }

    /// As in make.py: in the source, the sign of the second column's effect is the other one.
    fn domains() -> (Mat<f64>, Vec<usize>) {
        let x = rows(0, 50, 5);
        let class = |row: usize| {
            let sign = if row < 40 { 1.0 } else { -1.0 };
            usize::from(x[(row, 0)] + sign * x[(row, 1)] > 0.0)
        };
        let classes = (0..50).map(class).collect();
        (x, classes)
    }

    fn labeled<'a>(x: &'a Mat<f64>, classes: &'a [usize], from: usize, count: usize) -> Labeled<'a> {
        Labeled { x: x.subrows(from, count), classes: &classes[from..from + count], weights: &[] }
    }

    #[test]
    fn rounds_are_algorithm_1_over_scikit_learns_classifiers() {
        let golden = include_str!("../../../testdata/goldens/boost/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let (x, classes) = domains();
        for case in golden["tradaboost"].as_array().unwrap() {
            let config = BoostConfig {
                rounds: 6,
                base: serde_json::from_value(case["base"].clone()).unwrap(),
                error: serde_json::from_value(case["error"].clone()).unwrap(),
                balanced: case["balanced"].as_bool().unwrap(),
                cost: 1.0,
            };
            let (source, target) = (labeled(&x, &classes, 0, 40), labeled(&x, &classes, 40, 10));
            let found = tradaboost(source, target, 2, &config).unwrap();
            assert_eq!(found.voters.len(), 3);
            let shares = found.shares(rows(900, 8, 5).as_ref()).unwrap();
            let shares: Vec<f64> = shares.col(1).iter().copied().collect();
            for (key, found) in [("errors", found.errors), ("source", found.source_shares), ("shares", shares)] {
                let expected: Vec<f64> = serde_json::from_value(case[key].clone()).unwrap();
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-4, "{key} {found} {expected} {config:?}");
                }
            }
        }
    }

    #[test]
    fn a_source_that_is_wrong_about_some_rows_loses_them_with_several_classes_too() {
        let x = rows(0, 400, 6);
        // Three classes by the largest of three columns; half of the source rows, by the sign of another, are rotated.
        let truth = |row: usize| (1..3).fold(0, |best, at| if x[(row, at)] > x[(row, best)] { at } else { best });
        let rotated = |row: usize| (truth(row) + usize::from(row < 240 && x[(row, 3)] > -0.2)) % 3;
        let classes: Vec<usize> = (0..400).map(rotated).collect();
        let (source, target) = (labeled(&x, &classes, 0, 240), labeled(&x, &classes, 240, 30));
        let wrong = |rounds| {
            let config = BoostConfig { rounds, ..BoostConfig::default() };
            let found = tradaboost(source, target, 3, &config).unwrap();
            let shares = found.shares(x.subrows(270, 130)).unwrap();
            let row = |row: usize| (0..3).map(|class| shares[(row, class)]).collect::<Vec<_>>();
            assert!((0..130).all(|at| (row(at).iter().sum::<f64>() - 1.0).abs() < 1e-12));
            (0..130).filter(|at| row(*at).iter().any(|share| *share > row(*at)[truth(270 + at)])).count()
        };
        let (once, boosted) = (wrong(1), wrong(40));
        assert!(boosted < once / 2, "{boosted} of {once}");
    }

    #[test]
    fn a_thousand_rounds_and_huge_initial_weights_stay_finite_on_any_number_of_threads() {
        let (x, classes) = domains();
        let weights: Vec<f64> = (0..40).map(|row| [0.0, 1e-300, 1e300, 1.0][row % 4]).collect();
        let config = BoostConfig { rounds: 1000, error: BoostError::Probability, ..BoostConfig::default() };
        let source = Labeled { weights: &weights, ..labeled(&x, &classes, 0, 40) };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| tradaboost(source, labeled(&x, &classes, 40, 10), 2, &config)).unwrap()
        };
        let found = on(1);
        assert!(found.errors.iter().chain(&found.source_shares).all(|value| (0.0..=1.0).contains(value)), "{found:?}");
        let far = Mat::from_fn(3, 5, |row, column| 1e300 * x[(row, column)]);
        assert!(found.shares(far.as_ref()).unwrap().is_all_finite());
        assert_eq!(found, on(3));
    }

    #[test]
    fn bad_input_is_refused() {
        let (x, classes) = domains();
        let (source, target) = (labeled(&x, &classes, 0, 40), labeled(&x, &classes, 40, 10));
        let config = BoostConfig::default();
        let refused = |source, target, classes| tradaboost(source, target, classes, &config).unwrap_err().to_string();
        assert!(refused(source, labeled(&x, &classes, 40, 0), 2).contains("no labeled target rows"));
        assert!(refused(source, target, 3).contains("class 2 has no rows in either domain"));
        assert!(refused(source, target, 1).contains("only one class"));
        let zeros = [0.0; 10];
        assert!(refused(source, Labeled { weights: &zeros, ..target }, 2).contains("are all 0"));
        let negative = [-1.0; 10];
        assert!(refused(source, Labeled { weights: &negative, ..target }, 2).contains("negative"));
        let narrow = rows(0, 10, 4);
        assert!(refused(source, Labeled { x: narrow.as_ref(), ..target }, 2).contains("5 columns"));
        let found = tradaboost(source, target, 2, &BoostConfig { rounds: 2, ..config.clone() }).unwrap();
        assert!(found.shares(narrow.as_ref()).unwrap_err().to_string().contains("4 columns"));
    }
}
