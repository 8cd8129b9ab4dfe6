//! ESZSL (Romera-Paredes and Torr 2015, An embarrassingly simple approach to zero-shot learning, section 3.2): a
//! bilinear map between features and attributes in closed form.

use anyhow::{Result, anyhow, ensure};
use dl_record::rng;
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};
use rand::seq::SliceRandom;

use super::{Signatures, check_training, constant_columns};
use crate::linalg::{ensure_finite, fix_parallelism, product, softmax_rows};

/// Options of [`Eszsl`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EszslConfig {
    /// The penalty on the features' side, above 0.
    pub gamma: f64,
    /// The penalty on the attributes' side, above 0.
    pub lambda: f64,
}

impl Default for EszslConfig {
    fn default() -> Self {
        Self { gamma: 1.0, lambda: 1.0 }
    }
}

/// A trained map.
#[derive(Clone, Debug, PartialEq)]
pub struct Eszsl {
    /// V [d, attributes].
    pub map: Mat<f64>,
    /// Names of the attributes.
    pub attributes: Vec<String>,
}

impl Eszsl {
    /// V = (X'X + gamma I)^-1 X'Y S (S'S + lambda I)^-1 of the rows `x` [n, d], Y [n, classes] 1 for the class of a row
    /// and -1 for the others, S the `signatures` of the classes that rows have. The features have no intercept: center
    /// them, or leave them at least 0 as networks with rectifiers do.
    /// # Errors
    /// When rows, `classes` [n] and signatures do not fit together, a class has no rows, all attributes are constant,
    /// gamma or lambda is not above 0, or a number is not finite.
    pub fn new(x: MatRef<f64>, classes: &[usize], signatures: &Signatures, config: EszslConfig) -> Result<Self> {
        let EszslConfig { gamma, lambda } = config;
        check_penalties(&[gamma], "gamma")?;
        check_penalties(&[lambda], "lambda")?;
        check_training(x, classes, signatures)?;
        check_varied(signatures)?;
        let chosen: Vec<usize> = (0..signatures.classes().len()).collect();
        let targets = targets(classes, &chosen);
        let attributes = attribute_side(signatures.values(), lambda)?;
        let map = product(Gram::new(x).solve(gamma, targets.as_ref())?.as_ref(), attributes.as_ref());
        ensure_solved(&map)?;
        Ok(Self { map, attributes: signatures.attributes().to_vec() })
    }

    /// The scores X V S' of the rows `x` [n, d] for the classes of `signatures`, seen or not: [n, classes].
    /// # Errors
    /// When the number of columns or the attributes differ from training, or a number is not finite or too large.
    pub fn scores(&self, x: MatRef<f64>, signatures: &Signatures) -> Result<Mat<f64>> {
        signatures.check_same_attributes(&self.attributes)?;
        let d = self.map.nrows();
        ensure!(x.ncols() == d, "rows of {} columns, but the classifier was trained on {d}", x.ncols());
        ensure_finite(x, "features")?;
        let scores = product(x, product(self.map.as_ref(), signatures.values().transpose()).as_ref());
        ensure_finite(scores.as_ref(), "scores (the features are too large)")?;
        Ok(scores)
    }

    /// The softmax of [`Self::scores`]. They estimate Y, from -1 to 1, so that probabilities are close to each other:
    /// use them to compare classes, not rows.
    /// # Errors
    /// As [`Self::scores`].
    pub fn probabilities(&self, x: MatRef<f64>, signatures: &Signatures) -> Result<Mat<f64>> {
        let mut scores = self.scores(x, signatures)?;
        softmax_rows(&mut scores);
        Ok(scores)
    }
}

/// What [`choose`] tries.
#[derive(Clone, Debug, PartialEq)]
pub struct ChoiceConfig {
    /// Values of gamma; the paper's are 10^-3 to 10^3.
    pub gammas: Vec<f64>,
    /// Values of lambda, likewise.
    pub lambdas: Vec<f64>,
    /// Number of parts of the classes, each held out once; at most half the classes.
    pub folds: usize,
    /// Seed of the order of the classes.
    pub seed: u64,
}

impl Default for ChoiceConfig {
    fn default() -> Self {
        let powers: Vec<f64> = (-3..=3).map(|power| 10f64.powi(power)).collect();
        Self { gammas: powers.clone(), lambdas: powers, folds: 5, seed: 0 }
    }
}

/// The penalties that name held-out classes best.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The chosen penalties.
    pub config: EszslConfig,
    /// The mean accuracy per held-out class, among the held-out classes of its fold.
    pub accuracy: f64,
    /// [gammas, lambdas]: that accuracy for each pair.
    pub tried: Mat<f64>,
}

/// Chooses gamma and lambda by cross-validation over classes: the classes of a fold are held out with all their rows
/// and named from their signatures, as unseen classes will be. Of equally good pairs, the largest gamma, then lambda.
/// # Errors
/// As [`Eszsl::new`]; also with fewer than 4 classes, fewer than 2 folds, or nothing to try.
pub fn choose(x: MatRef<f64>, classes: &[usize], signatures: &Signatures, config: &ChoiceConfig) -> Result<Choice> {
    let ChoiceConfig { gammas, lambdas, folds, seed } = config;
    check_penalties(gammas, "gamma")?;
    check_penalties(lambdas, "lambda")?;
    check_training(x, classes, signatures)?;
    check_varied(signatures)?;
    let count = signatures.classes().len();
    ensure!(
        count >= 4,
        "choosing gamma and lambda by held-out classes needs at least 4 classes, not {count}; set both"
    );
    ensure!(*folds >= 2, "cross-validation needs at least 2 folds, not {folds}");
    // Two classes are the fewest that can be confused.
    let folds = (*folds).min(count / 2);
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut rng(*seed, "attributes/folds"));
    let mut tried = Mat::<f64>::zeros(gammas.len(), lambdas.len());
    for fold in 0..folds {
        let pick = |held: bool| -> Vec<usize> {
            order.iter().enumerate().filter(|(at, _)| (at % folds == fold) == held).map(|(_, class)| *class).collect()
        };
        let (seen, held) = (pick(false), pick(true));
        let rows_of = |chosen: &[usize]| -> Vec<usize> {
            (0..classes.len()).filter(|row| chosen.contains(&classes[*row])).collect()
        };
        let (train, test) = (rows_of(&seen), rows_of(&held));
        let take = |rows: &[usize]| Mat::from_fn(rows.len(), x.ncols(), |row, column| x[(rows[row], column)]);
        let signature = |chosen: &[usize]| {
            let values = signatures.values();
            Mat::from_fn(chosen.len(), values.ncols(), |row, column| values[(chosen[row], column)])
        };
        let (train_x, test_x) = (take(&train), take(&test));
        let own: Vec<usize> = train.iter().map(|row| classes[*row]).collect();
        let targets = targets(&own, &seen);
        let (seen_signatures, held_signatures) = (signature(&seen), signature(&held));
        let sides: Vec<Mat<f64>> = lambdas
            .iter()
            .map(|lambda| {
                let side = attribute_side(seen_signatures.as_ref(), *lambda)?;
                Ok(product(side.as_ref(), held_signatures.transpose()))
            })
            .collect::<Result<_>>()?;
        let gram = Gram::new(train_x.as_ref());
        for (i, gamma) in gammas.iter().enumerate() {
            let responses = product(test_x.as_ref(), gram.solve(*gamma, targets.as_ref())?.as_ref());
            for (j, side) in sides.iter().enumerate() {
                let scores = product(responses.as_ref(), side.as_ref());
                ensure_solved(&scores)?;
                for (at, class) in held.iter().enumerate() {
                    let own: Vec<usize> = (0..test.len()).filter(|row| classes[test[*row]] == *class).collect();
                    let right = own.iter().filter(|row| best(scores.as_ref(), **row) == at).count();
                    tried[(i, j)] += right as f64 / own.len() as f64 / count as f64;
                }
            }
        }
    }
    let mut chosen = (EszslConfig { gamma: f64::NEG_INFINITY, lambda: f64::NEG_INFINITY }, f64::NEG_INFINITY);
    for (i, gamma) in gammas.iter().enumerate() {
        for (j, lambda) in lambdas.iter().enumerate() {
            // Sums in another order differ by rounding.
            let accuracy = (tried[(i, j)] * 1e9).round() / 1e9;
            let stronger = (*gamma, *lambda) > (chosen.0.gamma, chosen.0.lambda);
            if accuracy > chosen.1 || (accuracy == chosen.1 && stronger) {
                chosen = (EszslConfig { gamma: *gamma, lambda: *lambda }, accuracy);
            }
        }
    }
    Ok(Choice { config: chosen.0, accuracy: chosen.1, tried })
}

/// The first of the largest scores of a row.
fn best(scores: MatRef<f64>, row: usize) -> usize {
    (1..scores.ncols()).fold(0, |best, class| if scores[(row, class)] > scores[(row, best)] { class } else { best })
}

/// Y [n, chosen]: 1 for the class of a row, -1 for the others.
fn targets(classes: &[usize], chosen: &[usize]) -> Mat<f64> {
    Mat::from_fn(classes.len(), chosen.len(), |row, at| if classes[row] == chosen[at] { 1.0 } else { -1.0 })
}

/// S (S'S + lambda I)^-1 = (SS' + lambda I)^-1 S, of S [classes, a]; [classes, a].
fn attribute_side(signatures: MatRef<f64>, lambda: f64) -> Result<Mat<f64>> {
    if signatures.nrows() < signatures.ncols() {
        solve(product(signatures, signatures.transpose()), lambda, signatures)
    } else {
        let solved = solve(product(signatures.transpose(), signatures), lambda, signatures.transpose())?;
        Ok(solved.transpose().to_owned())
    }
}

/// The features' products, of which several gammas are solved.
struct Gram<'a> {
    x: MatRef<'a, f64>,
    /// X'X, or XX' with fewer rows than columns.
    products: Mat<f64>,
}

impl<'a> Gram<'a> {
    fn new(x: MatRef<'a, f64>) -> Self {
        let products = if x.nrows() < x.ncols() { product(x, x.transpose()) } else { product(x.transpose(), x) };
        Self { x, products }
    }

    /// (X'X + gamma I)^-1 X' `right` = X'(XX' + gamma I)^-1 `right`.
    fn solve(&self, gamma: f64, right: MatRef<f64>) -> Result<Mat<f64>> {
        if self.x.nrows() < self.x.ncols() {
            Ok(product(self.x.transpose(), solve(self.products.clone(), gamma, right)?.as_ref()))
        } else {
            solve(self.products.clone(), gamma, product(self.x.transpose(), right).as_ref())
        }
    }
}

/// (`matrix` + `ridge` I)^-1 `right`.
fn solve(mut matrix: Mat<f64>, ridge: f64, right: MatRef<f64>) -> Result<Mat<f64>> {
    fix_parallelism();
    for at in 0..matrix.nrows() {
        matrix[(at, at)] += ridge;
    }
    let factor = matrix.llt(Side::Lower).map_err(|error| {
        anyhow!(
            "no solution at a penalty of {ridge} ({error:?}); a larger gamma or lambda, or smaller features, may help"
        )
    })?;
    Ok(factor.solve(right))
}

fn check_penalties(values: &[f64], name: &str) -> Result<()> {
    ensure!(!values.is_empty(), "no values of {name} to try");
    for value in values {
        ensure!(*value > 0.0 && value.is_finite(), "{name} must be above 0, not {value:?}");
    }
    Ok(())
}

fn check_varied(signatures: &Signatures) -> Result<()> {
    let constant = constant_columns(signatures.values());
    ensure!(constant.contains(&false), "all attributes are the same for every class seen in training; give others");
    Ok(())
}

fn ensure_solved(found: &Mat<f64>) -> Result<()> {
    ensure_finite(found.as_ref(), "the solution").map_err(|_| anyhow!("the features are too large; normalize them"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::tests::names;
    use super::*;

    fn rows(first: u64, rows: usize, columns: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |row, column| crate::formula(first + row as u64, column as u64))
    }

    fn signatures(classes: usize, attributes: usize) -> Signatures {
        Signatures::new(names("c", classes), names("a", attributes), rows(500, classes, attributes)).unwrap()
    }

    #[test]
    fn map_and_scores_are_numpys_closed_form_with_more_and_with_fewer_rows_than_columns() {
        let golden = include_str!("../../../../testdata/goldens/attributes/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for case in golden["eszsl"].as_array().unwrap() {
            let number = |key: &str| case[key].as_f64().unwrap();
            let (n, d) = (number("rows") as usize, number("columns") as usize);
            let (count, a) = (number("classes") as usize, number("attributes") as usize);
            let config = EszslConfig { gamma: number("gamma"), lambda: number("lambda") };
            let classes: Vec<usize> = (0..n).map(|row| row % count).collect();
            let found = Eszsl::new(rows(0, n, d).as_ref(), &classes, &signatures(count, a), config).unwrap();
            let unseen = Signatures::new(names("u", 3), names("a", a), rows(700, 3, a)).unwrap();
            let scores = found.scores(rows(900, 4, d).as_ref(), &unseen).unwrap();
            for (key, found) in [("map", &found.map), ("scores", &scores)] {
                let expected: Vec<Vec<f64>> = serde_json::from_value(case[key].clone()).unwrap();
                for (row, expected) in expected.iter().enumerate() {
                    for (column, expected) in expected.iter().enumerate() {
                        let found = found[(row, column)];
                        assert!((found - expected).abs() < 1e-10 * (1.0 + expected.abs()), "{key} {found} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_gradient_of_the_papers_objective_is_zero() {
        let (n, d, count, a) = (40, 6, 5, 4);
        let (x, signatures) = (rows(0, n, d), signatures(count, a));
        let classes: Vec<usize> = (0..n).map(|row| row % count).collect();
        let (gamma, lambda) = (0.7, 0.3);
        let v = Eszsl::new(x.as_ref(), &classes, &signatures, EszslConfig { gamma, lambda }).unwrap().map;
        let s = signatures.values().to_owned();
        let y = targets(&classes, &(0..count).collect::<Vec<_>>());
        // Of |XVS' - Y|^2 + gamma |VS'|^2 + lambda |XV|^2 + gamma lambda |V|^2, halved.
        let vs = &v * s.transpose();
        let gradient = x.transpose() * (&x * &vs - &y) * &s
            + &vs * &s * faer::Scale(gamma)
            + x.transpose() * (&x * &v) * faer::Scale(lambda)
            + &v * faer::Scale(gamma * lambda);
        assert!(gradient.norm_max() < 1e-9, "{}", gradient.norm_max());
    }

    /// 12 classes of two parts, 3 by 4; features show both parts with some noise.
    fn pairs() -> (Mat<f64>, Vec<usize>, Signatures) {
        let values = Mat::from_fn(12, 7, |class, at| f64::from(u8::from(at == class / 4 || at == 3 + class % 4)));
        let signatures = Signatures::new(names("c", 12), names("a", 7), values).unwrap();
        let classes: Vec<usize> = (0..120).map(|row| row % 12).collect();
        let mixing = rows(3000, 7, 10);
        let clean = product(signatures.values(), mixing.as_ref());
        let x = Mat::from_fn(120, 10, |row, column| {
            clean[(classes[row], column)] + 0.1 * crate::formula(row as u64, column as u64)
        });
        (x, classes, signatures)
    }

    #[test]
    fn unseen_pairs_of_seen_parts_are_named_with_chosen_penalties() {
        let (x, classes, signatures) = pairs();
        let unseen = [0, 5, 10];
        let train: Vec<usize> = (0..120).filter(|row| !unseen.contains(&classes[*row])).collect();
        let test: Vec<usize> = (0..120).filter(|row| unseen.contains(&classes[*row])).collect();
        let seen_classes: Vec<usize> = (0..12).filter(|class| !unseen.contains(class)).collect();
        let take = |rows: &[usize]| Mat::from_fn(rows.len(), 10, |row, column| x[(rows[row], column)]);
        let pick = |classes: &[usize]| {
            signatures.select(&classes.iter().map(|c| format!("c{c}")).collect::<Vec<_>>()).unwrap()
        };
        let place = |class: usize| seen_classes.iter().position(|it| *it == class).unwrap();
        let own: Vec<usize> = train.iter().map(|row| place(classes[*row])).collect();
        let (train_x, seen) = (take(&train), pick(&seen_classes));
        let choice = choose(train_x.as_ref(), &own, &seen, &ChoiceConfig::default()).unwrap();
        assert!(choice.accuracy > 0.9 && choice.tried.nrows() == 7, "{choice:?}");
        let found = Eszsl::new(train_x.as_ref(), &own, &seen, choice.config).unwrap();
        let scores = found.probabilities(take(&test).as_ref(), &pick(&unseen)).unwrap();
        let right = (0..test.len()).filter(|row| unseen[best(scores.as_ref(), *row)] == classes[test[*row]]).count();
        assert!(right as f64 >= 0.9 * test.len() as f64, "{right} of {}", test.len());
    }

    #[test]
    fn bad_input_is_refused() {
        let (x, classes, signatures) = pairs();
        let new =
            |classes: &[usize], config| Eszsl::new(x.as_ref(), classes, &signatures, config).unwrap_err().to_string();
        let config = EszslConfig::default();
        assert!(new(&classes, EszslConfig { gamma: 0.0, ..config }).contains("gamma must be above 0"));
        let all_but_one: Vec<usize> = classes.iter().map(|class| class % 11).collect();
        assert!(new(&all_but_one, config).contains("class \"c11\" has no training rows"));
        let more: Vec<usize> = classes.iter().map(|class| class + 1).collect();
        assert!(new(&more, config).contains("class 12"));
        let huge = Mat::from_fn(120, 10, |row, column| 1e200 * x[(row, column)]);
        assert!(Eszsl::new(huge.as_ref(), &classes, &signatures, config).unwrap_err().to_string().contains("features"));
        let found = Eszsl::new(x.as_ref(), &classes, &signatures, config).unwrap();
        let other = Signatures::new(names("c", 2), names("b", 7), rows(0, 2, 7)).unwrap();
        assert!(found.scores(x.as_ref(), &other).unwrap_err().to_string().contains("\"b0\" is unknown"));
        let few = signatures.select(&["c0", "c5", "c10"]).unwrap();
        let three: Vec<usize> = classes.iter().map(|class| class % 3).collect();
        let error = choose(x.as_ref(), &three, &few, &ChoiceConfig::default()).unwrap_err().to_string();
        assert!(error.contains("at least 4 classes"), "{error}");
    }
}
