//! Inputs by the formula, and losses beside those of `testdata/goldens/losses`.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use dl_models::Parameters;
use serde_json::Value;

use crate::formula;

/// Numbers of the formula times `scale`; the rows of the matrix [.., last axis] begin at `first`.
pub(crate) fn input(first: u64, shape: &[usize], scale: f64) -> Var {
    let columns = *shape.last().unwrap();
    let number = |index: usize| formula(first + (index / columns) as u64, (index % columns) as u64) * scale;
    let numbers: Vec<f32> = (0..shape.iter().product()).map(|index| number(index) as f32).collect();
    Var::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// Weights of the formula, by name, row, shape and scale.
pub(crate) fn weights(all: &[(&str, u64, &[usize], f64)]) -> Parameters {
    let tensors = all.iter().map(|(name, first, shape, scale)| {
        let tensor = input(*first, shape, *scale).as_detached_tensor();
        ((*name).to_owned(), tensor)
    });
    Parameters::starting_from(tensors.collect::<BTreeMap<_, _>>(), 0)
}

/// The case `name` of a golden file.
pub(crate) fn case(file: &str, name: &str) -> Value {
    let golden: Value = serde_json::from_str(file).unwrap();
    golden[name].clone()
}

/// All numbers of a tensor.
pub(crate) fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Compares numbers, to 1e-5.
#[track_caller]
pub(crate) fn near(name: &str, found: &[f32], expected: &Value) {
    let expected: Vec<f64> = serde_json::from_value(expected.clone()).unwrap();
    assert_eq!(found.len(), expected.len(), "{name}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let distance = (f64::from(*found) - expected).abs();
        assert!(distance <= 1e-5 * (1.0 + expected.abs()), "{name}, number {index}: {found}, not {expected}");
    }
}

/// Compares a loss and its gradients, to 1e-5. An expected gradient of `null` must not exist, or be 0.
#[track_caller]
pub(crate) fn check(loss: &Tensor, inputs: &[(&str, &Var)], case: &Value) {
    near("value", &numbers(loss), &Value::Array(vec![case["value"].clone()]));
    let gradients = loss.backward().unwrap();
    let expected = case["gradients"].as_object().unwrap();
    assert_eq!(inputs.len(), expected.len());
    for (name, var) in inputs {
        match gradients.get(var) {
            Some(gradient) if expected[*name].is_null() => {
                assert!(numbers(gradient).iter().all(|x| *x == 0.0), "{name}")
            }
            Some(gradient) => near(name, &numbers(gradient), &expected[*name]),
            None => assert!(expected[*name].is_null(), "{name} has no gradient"),
        }
    }
}

/// The same for weights, too.
#[track_caller]
pub(crate) fn check_with(loss: &Tensor, inputs: &[(&str, &Var)], weights: &Parameters, case: &Value) {
    let weights = weights.vars();
    let all: Vec<(&str, &Var)> =
        inputs.iter().copied().chain(weights.iter().map(|(name, var)| (name.as_str(), var))).collect();
    check(loss, &all, case);
}
