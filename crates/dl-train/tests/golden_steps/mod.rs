//! Steps of training beside those of a golden.

use std::sync::atomic::AtomicBool;

use candle_core::{Device, Tensor};
use dl_models::{Checkpoint, Parameters};
use dl_train::fit::{Event, Files, FitConfig, OptimizerConfig, Player, Rule, Task, fit};
use dl_train::schedule::{Decay, Schedule};
use serde_json::{Map, Value};

use crate::formula::{formula, mix};

/// Fills the weights as the scripts do; `prefix`: what the script calls the module of a weight.
pub(crate) fn fill(parameters: &Parameters, prefix: impl Fn(&str) -> String) {
    for (name, var) in parameters.vars() {
        let (shape, name) = (var.dims().to_vec(), prefix(&name));
        let fan_in: usize = shape.iter().skip(1).product();
        let (center, scale) = match shape.len() {
            1 if name.ends_with(".weight") || name.ends_with("running_var") => (1.0, 0.5),
            1 => (0.0, 0.1),
            _ => (0.0, (2.0 / fan_in as f64).sqrt()),
        };
        var.set(&formula(&name, &shape, center, scale)).unwrap();
    }
}

/// Numbers of -`scale` to `scale`.
pub(crate) fn signed(name: &str, count: usize, scale: f32) -> Vec<f32> {
    mix(name, count).map(|u| scale * (2.0 * u - 1.0) as f32).collect()
}

pub(crate) fn number(golden: &Value, name: &str) -> usize {
    golden[name].as_u64().unwrap() as usize
}

/// Trains as many steps as `case` has with Adam, and compares losses and weights. The options of Adam are those of `golden`.
pub(crate) fn check(task: &impl Task, players: usize, golden: &Value, case: &Value) {
    let expected = case["losses"].as_array().unwrap();
    let iterations = expected.len();
    let folder = tempfile::tempdir().unwrap();
    let files = Files::of(&folder.path().join("gan.safetensors"));
    let betas = serde_json::from_value(golden["betas"].clone()).unwrap();
    let rule = Rule::Adam { betas, eps: golden["eps"].as_f64().unwrap() };
    let schedule = Schedule { rate: golden["rate"].as_f64().unwrap(), warmup: 0, decay: Decay::Constant, iterations };
    let player = Player { optimizer: OptimizerConfig { rule, largest_gradient: None }, schedule };
    let config = FitConfig {
        iterations,
        players: vec![player; players],
        accumulate: 1,
        average: None,
        epoch: 1,
        validate_every: 0,
        save_every: 0,
        patience: None,
        explosion: None,
        files: Some(files.clone()),
        settings: Map::new(),
        resume: false,
    };
    let mut seen = Vec::new();
    let ended = fit(task, &config, &AtomicBool::new(false), |event| {
        if let Event::Step { figures, .. } = event {
            seen.push(figures.to_vec());
        }
        Ok(())
    });
    ended.unwrap();
    let near = |found: f64, expected: f64| (found - expected).abs() < 1e-4 * (1.0 + expected.abs());
    for (step, (figures, expected)) in seen.iter().zip(expected).enumerate() {
        for (name, expected) in expected.as_object().unwrap() {
            let found = figures.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
            let expected = expected.as_f64().unwrap();
            assert!(found.is_some_and(|found| near(found, expected)), "step {step}: {name} {found:?} {expected}");
        }
    }
    let last = Checkpoint::open(&files.last).unwrap();
    for (name, expected) in case["weights"].as_object().unwrap() {
        let found: Tensor = last.tensor(name, &Device::Cpu).unwrap();
        let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        let stride = (found.len() / 8).max(1);
        for (found, expected) in found.iter().step_by(stride).zip(expected.as_array().unwrap()) {
            let expected = expected.as_f64().unwrap();
            assert!(near(f64::from(*found), expected), "{name}: {found} {expected}");
        }
    }
}
