//! Twenty steps of training have the same losses as in PyTorch; see testdata/goldens/training/make.py.
#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap fails, as it should")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::{Model, ModelConfig, TrainingPass};
use dl_ops::cross_entropy;
use dl_train::fit::{Optimizer, OptimizerConfig, Parameter};
use formula::{Formula, formula};
use serde_json::Value;

const CLASSES: usize = 10;

/// Trains the network `name` on a fixed batch as PyTorch does: the loss of each step, and the class scores after the
/// last one in inference.
fn trains_as_in_torch(name: &str) {
    let goldens: Value =
        serde_json::from_str(include_str!("../../../testdata/goldens/training/training.json")).unwrap();
    let golden = &goldens[name];
    let mut config = ModelConfig::new(name, CLASSES);
    config.options = golden["options"].as_object().unwrap().clone();
    let weights = Formula::new(6.0);
    let model = Model::build(config, VarBuilder::from_backend(Box::new(weights.clone()), DType::F32, Device::Cpu));
    let model = model.unwrap();
    let shape: Vec<usize> = serde_json::from_value(golden["input"].clone()).unwrap();
    let x = formula("input", &shape, 0.0, 1.0);
    let targets = Tensor::from_iter((0..shape[0] as u32).map(|index| index % CLASSES as u32), &Device::Cpu).unwrap();
    let parameters = weights.vars().into_iter().map(|(name, var)| Parameter::new(name, var, 0.0));
    let mut sgd = Optimizer::new(parameters, OptimizerConfig::default());
    let rate = golden["rate"].as_f64().unwrap();

    let losses: Vec<f64> = serde_json::from_value(golden["losses"].clone()).unwrap();
    assert_eq!(losses.len(), 20);
    for (step, expected) in losses.into_iter().enumerate() {
        let scores = model.training_scores(&x, TrainingPass::default(), &mut dl_record::rng(0, "no dropout")).unwrap();
        let parts = scores.iter().map(|(scores, share)| (cross_entropy(scores, &targets).unwrap() * *share).unwrap());
        let loss = parts.reduce(|a, b| (a + b).unwrap()).unwrap();
        let found = f64::from(loss.to_scalar::<f32>().unwrap());
        assert!((found - expected).abs() <= 1e-3 * expected, "{name}, step {step}: {found}, not {expected}");
        sgd.step(&loss.backward().unwrap(), rate).unwrap();
    }

    let after: Vec<f64> = serde_json::from_value(golden["after"].clone()).unwrap();
    let largest = after.iter().fold(0.0_f64, |largest, score| largest.max(score.abs()));
    let found = model.features(&x, &["logits".parse().unwrap()]).unwrap()[0].flatten_all().unwrap();
    for (found, expected) in found.to_vec1::<f32>().unwrap().iter().zip(after) {
        // PyTorch's own losses change by 5e-4 with the order of the batch.
        assert!((f64::from(*found) - expected).abs() <= 3e-3 * largest, "{name}: {found} after all, not {expected}");
    }
}

#[test]
fn resnet18_trains_as_in_torch() {
    trains_as_in_torch("resnet18");
}

#[test]
#[ignore = "slow: twenty steps of a large network"]
fn googlenet_with_its_auxiliary_classifiers_trains_as_in_torch() {
    trains_as_in_torch("googlenet");
}

#[test]
fn mobilenet_v2_trains_as_in_torch() {
    trains_as_in_torch("mobilenet_v2");
}

#[test]
#[ignore = "slow: twenty steps of a large network"]
fn xception_trains_as_in_torch() {
    trains_as_in_torch("xception");
}
