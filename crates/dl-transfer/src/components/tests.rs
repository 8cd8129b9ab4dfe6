//! The methods against dense solutions of the published problems, and what they promise.

use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::Lift;
use crate::linalg::{orthonormal, product};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    method: String,
    ns: usize,
    nt: usize,
    d: usize,
    classes: usize,
    gamma: Value,
    k: usize,
    lam: Option<f64>,
    mu: Option<f64>,
    rounds: Option<usize>,
    guessed: Option<Vec<usize>>,
    eigenvalues: Vec<f64>,
    projected: Vec<f64>,
}

impl Case {
    fn form(&self) -> Form {
        match &self.gamma {
            Value::Null => Form::Dual(Kernel::Linear),
            Value::Number(gamma) => Form::Dual(Kernel::Rbf { gamma: gamma.as_f64().unwrap() }),
            _ => Form::Primal,
        }
    }

    fn fit(&self, approximation: Approximation) -> (KernelFit, Option<Vec<usize>>) {
        let (source, classes, target) = domains(self.ns, self.nt, self.d, self.classes);
        let (source, target) = (source.as_ref(), target.as_ref());
        let components = self.k;
        let form = self.form();
        let regularization = self.lam.map_or_else(|| Regularization::Mu(self.mu.unwrap()), Regularization::Lambda);
        match self.method.as_str() {
            "tca" => {
                let config = TcaConfig { components, regularization, form, approximation, seed: 1 };
                (tca(source, target, &config).unwrap(), None)
            }
            "sstca" => {
                let config =
                    SstcaConfig { components, regularization, form, approximation, seed: 1, ..Default::default() };
                (sstca(source, &classes, target, &config).unwrap(), None)
            }
            _ => {
                let rounds = self.rounds.unwrap();
                let config = JdaConfig { components, regularization, form, approximation, rounds, seed: 1 };
                let JdaFit { fit, classes, .. } = jda(source, &classes, target, &config).unwrap();
                (fit, Some(classes))
            }
        }
    }
}

fn cases() -> Vec<Case> {
    let golden = include_str!("../../../../testdata/goldens/tca/golden.json");
    serde_json::from_str::<Golden>(golden).unwrap().cases
}

/// As `domains` of the goldens' make.py.
fn domains(ns: usize, nt: usize, d: usize, classes: usize) -> (Mat<f64>, Vec<usize>, Mat<f64>) {
    let own = |row, column| if row % classes == column { 4.0 } else { 0.0 };
    let source = Mat::from_fn(ns, d, |i, j| crate::formula(i as u64, j as u64) + own(i, j));
    let target = Mat::from_fn(nt, d, |i, j| {
        let stretch = if j == d - 1 { 1.5 } else { 1.0 };
        (crate::formula((1000 + i) as u64, j as u64) + own(2 * i, j)) * stretch + 0.5
    });
    (source, (0..ns).map(|row| row % classes).collect(), target)
}

fn stacked(source: &Mat<f64>, target: &Mat<f64>) -> Mat<f64> {
    Domains::new(source.as_ref(), target.as_ref()).unwrap().stacked()
}

/// Q Q' times cos(0), cos(1), ..., with Q a basis of the columns.
fn projected(columns: &Mat<f64>) -> Vec<f64> {
    let (q, _) = orthonormal(columns.as_ref());
    let probe = Mat::from_fn(columns.nrows(), 1, |row, _| (row as f64).cos());
    let result = product(q.as_ref(), product(q.transpose(), probe.as_ref()).as_ref());
    result.col(0).iter().copied().collect()
}

fn assert_matches(case: &Case, fit: &KernelFit, tolerance: f64) {
    let name = format!("{} {}", case.method, case.gamma);
    for (found, expected) in fit.eigenvalues.iter().zip(&case.eigenvalues) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{name}: {found} {expected}");
    }
    for (found, expected) in projected(&fit.embedded).iter().zip(&case.projected) {
        assert!((found - expected).abs() <= 100.0 * tolerance, "{name}: {found} {expected}");
    }
    let (source, _, target) = domains(case.ns, case.nt, case.d, case.classes);
    let mapped = fit.map.apply(stacked(&source, &target).as_ref()).unwrap();
    let size = fit.embedded.norm_max();
    assert!((&mapped - &fit.embedded).norm_max() <= 1e-9 * size, "{name}: the map of the rows of the fit differs");
}

#[test]
fn methods_equal_dense_solutions_of_the_published_problems() {
    for case in cases() {
        let (fit, classes) = case.fit(Approximation::Exact);
        assert_eq!(fit.eigenvalues.len(), case.eigenvalues.len());
        assert_matches(&case, &fit, 1e-9);
        assert_eq!(classes, case.guessed);
    }
}

#[test]
fn all_rows_as_landmarks_give_the_exact_result() {
    for case in cases().iter().filter(|case| case.form() != Form::Primal) {
        let (fit, classes) = case.fit(Approximation::Landmarks(1000));
        assert_matches(case, &fit, 1e-7);
        assert_eq!(classes, case.guessed);
    }
}

#[test]
fn many_random_features_come_near_the_exact_result() {
    let (source, _, target) = domains(250, 200, 4, 2);
    let (source, target) = (source.as_ref(), target.as_ref());
    let form = Form::Dual(Kernel::Rbf { gamma: 0.02 });
    let exact = TcaConfig { components: 3, form, ..Default::default() };
    let random = TcaConfig { approximation: Approximation::RandomFeatures(300), ..exact };
    let (exact, fit) = (tca(source, target, &exact).unwrap(), tca(source, target, &random).unwrap());
    for (found, expected) in fit.eigenvalues.iter().zip(&exact.eigenvalues) {
        assert!((found / expected - 1.0).abs() < 0.3, "{found} {expected}");
    }
    let mapped = fit.map.apply(target).unwrap();
    assert!((mapped - fit.embedded.subrows(250, 200)).norm_max() < 1e-9 * fit.embedded.norm_max());
    let more = TcaConfig { approximation: Approximation::RandomFeatures(451), ..random };
    let message = tca(source, target, &more).unwrap_err().to_string();
    assert!(message.contains("451 random features for 450 rows"), "{message}");
}

#[test]
fn components_meet_the_conditions_of_an_optimum() {
    // Z'HZ is diagonal with the eigenvalues, and for the dual form W'W mu + (Z'e)(Z'e)' = I.
    let (source, _, target) = domains(300, 250, 6, 3);
    let all = stacked(&source, &target);
    let gamma = median_gamma(source.as_ref(), target.as_ref(), 0).unwrap();
    let mu = 0.01;
    let config = TcaConfig {
        components: 12,
        regularization: Regularization::Mu(mu),
        form: Form::Dual(Kernel::Rbf { gamma }),
        ..Default::default()
    };
    let fit = tca(source.as_ref(), target.as_ref(), &config).unwrap();
    let mut centered = fit.embedded.clone();
    space::center(&mut centered);
    let scatter = product(centered.transpose(), centered.as_ref());
    let e = Domains::new(source.as_ref(), target.as_ref()).unwrap().contrast();
    let moved = product(fit.embedded.transpose(), e.as_ref());
    let weights = &fit.map.weights;
    let penalty = weights.transpose() * weights * faer::Scale(mu) + product(moved.as_ref(), moved.transpose());
    for i in 0..12 {
        for j in 0..12 {
            let (value, one) = if i == j { (fit.eigenvalues[i], 1.0) } else { (0.0, 0.0) };
            assert!((scatter[(i, j)] - value).abs() < 1e-8 * fit.eigenvalues[0], "{i} {j} {}", scatter[(i, j)]);
            assert!((penalty[(i, j)] - one).abs() < 1e-8, "{i} {j} {}", penalty[(i, j)]);
        }
    }
    // K H K W = (K L K + mu I) W diag(eigenvalues).
    let gram = Kernel::Rbf { gamma }.matrix(all.as_ref(), all.as_ref());
    let left = product(gram.as_ref(), centered.as_ref());
    let back = product(product(gram.as_ref(), e.as_ref()).as_ref(), moved.transpose()) + weights * faer::Scale(mu);
    for column in 0..12 {
        for row in 0..550 {
            let right = back[(row, column)] * fit.eigenvalues[column];
            assert!((left[(row, column)] - right).abs() < 1e-7 * left.norm_max(), "{row} {column}");
        }
    }
}

#[test]
fn fits_do_not_depend_on_threads() {
    let (source, classes, target) = domains(260, 240, 5, 3);
    let (source, target) = (source.as_ref(), target.as_ref());
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let form = Form::Dual(Kernel::Rbf { gamma: 0.05 });
            let config = TcaConfig { components: 6, form, ..Default::default() };
            let exact = tca(source, target, &config).unwrap();
            let config = TcaConfig { approximation: Approximation::Landmarks(80), ..config };
            let landmarks = tca(source, target, &config).unwrap();
            let config = SstcaConfig { components: 4, form, ..Default::default() };
            let smooth = sstca(source, &classes, target, &config).unwrap();
            let config = JdaConfig { components: 4, rounds: 3, ..Default::default() };
            (exact, landmarks, smooth, jda(source, &classes, target, &config).unwrap())
        })
    };
    assert_eq!(on(1), on(5));
}

#[test]
fn the_wide_linear_kernel_is_saved_as_a_projection() {
    let case = cases().into_iter().find(|case| case.d > case.ns + case.nt).unwrap();
    let (fit, _) = case.fit(Approximation::Exact);
    assert_eq!((fit.map.lift, fit.map.weights.nrows()), (Lift::Identity, case.d));
}

#[test]
fn bad_input_is_refused_with_a_remedy() {
    let (source, classes, target) = domains(30, 20, 4, 3);
    let (source, target) = (source.as_ref(), target.as_ref());
    let base = TcaConfig { components: 3, ..Default::default() };
    let with = |config: TcaConfig| tca(source, target, &config).unwrap_err().to_string();
    let rbf = |gamma| Form::Dual(Kernel::Rbf { gamma });
    let check = |message: String, expected: &str| assert!(message.contains(expected), "{message}");
    check(with(TcaConfig { components: 5, ..base }), "5 components, but the rows have only 4");
    check(with(TcaConfig { components: 0, ..base }), "at least 1");
    check(with(TcaConfig { components: 50, form: rbf(0.1), ..base }), "at most 49");
    check(with(TcaConfig { form: rbf(1e5), ..base }), "suggests");
    check(with(TcaConfig { form: rbf(1e-14), ..base }), "of all rows 1");
    check(with(TcaConfig { regularization: Regularization::Mu(0.0), ..base }), "mu must be a number above 0");
    check(with(TcaConfig { regularization: Regularization::Lambda(f64::NAN), ..base }), "lambda must be");
    check(with(TcaConfig { approximation: Approximation::RandomFeatures(9), ..base }), "leave them out");
    check(with(TcaConfig { form: Form::Primal, approximation: Approximation::Landmarks(9), ..base }), "primal");
    let landmarks = TcaConfig { form: rbf(0.1), approximation: Approximation::Landmarks(2), ..base };
    check(with(landmarks), "have only 2");
    let two = |source: MatRef<f64>, target: MatRef<f64>| tca(source, target, &base).unwrap_err().to_string();
    check(two(source.subrows(0, 1), target), "the source has 1 rows");
    check(two(source, target.subcols(0, 3)), "4 columns, those of the target 3");
    check(two(source.subcols(0, 0), target.subcols(0, 0)), "no columns");
    let mut broken = target.to_owned();
    broken[(7, 1)] = f64::NAN;
    check(two(source, broken.as_ref()), "row 7 of the target");
    for value in [0.0, 3.0] {
        let constant = Mat::from_fn(20, 4, |_, _| value);
        for form in [rbf(0.1), Form::Dual(Kernel::Linear), Form::Primal] {
            let config = TcaConfig { form, ..base };
            let message = tca(constant.as_ref(), constant.as_ref(), &config).unwrap_err().to_string();
            assert!(message.contains("rows are") || message.contains("have only"), "{message}");
        }
    }
    // A rank below the number of columns: three columns of four are the same.
    let same = Mat::from_fn(30, 4, |i, j| source[(i, j.min(1))]);
    for form in [Form::Dual(Kernel::Linear), Form::Primal] {
        let message = tca(same.as_ref(), same.as_ref(), &TcaConfig { form, ..base }).unwrap_err().to_string();
        check(message, "have only 2");
    }
    let message = jda(source, &classes[1..], target, &JdaConfig::default()).unwrap_err().to_string();
    check(message, "29 classes for the 30 rows");
    let message = sstca(source, &classes, target, &SstcaConfig { neighbors: 50, ..Default::default() });
    check(message.unwrap_err().to_string(), "50 neighbors of 50 rows");
}
