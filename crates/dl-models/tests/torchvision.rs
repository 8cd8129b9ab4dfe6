//! The backbones equal torchvision's on weights that a formula gives; see testdata/goldens/backbones/make.py.
#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap fails, as it should")]

use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use dl_models::{LayerName, Model, ModelConfig};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const CLASSES: usize = 10;

/// `count` numbers in [0, 1): murmur's last step on a counter that starts at FNV-1a of the name.
fn mix(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |index| {
        let mut hash = start.wrapping_add(index.wrapping_mul(0x9E37_79B9));
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from(hash ^ (hash >> 16)) / 4_294_967_296.0
    })
}

fn formula(name: &str, shape: &[usize], scale: f64) -> Tensor {
    let numbers: Vec<f32> = mix(name, shape.iter().product()).map(|u| ((2.0 * u - 1.0) * scale) as f32).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

/// Weights by the formula.
#[derive(Clone, Default)]
struct Formula(Arc<Mutex<BTreeMap<String, Var>>>);

impl SimpleBackend for Formula {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        let fan_in: usize = shape.dims().iter().skip(1).product();
        let scale = if shape.rank() == 1 { 0.1 } else { (6.0 / fan_in as f64).sqrt() };
        let var = Var::from_tensor(&formula(name, shape.dims(), scale))?;
        let tensor = var.as_tensor().clone();
        self.0.lock().unwrap().insert(name.to_owned(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name}")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

#[track_caller]
fn assert_summary(found: &Tensor, golden: &Value, what: &str) {
    let shape: Vec<usize> = serde_json::from_value(golden["shape"].clone()).unwrap();
    assert_eq!(found.dims(), shape, "{what}");
    let numbers: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
    let size: f64 = numbers.iter().map(|x| f64::from(x.abs())).sum();
    let sum: f64 = numbers.iter().map(|x| f64::from(*x)).sum();
    let expected = golden["size"].as_f64().unwrap();
    assert!((size - expected).abs() <= 2e-5 * expected, "{what}: size {size}, not {expected}");
    assert!((sum - golden["sum"].as_f64().unwrap()).abs() <= 2e-5 * expected, "{what}: sum {sum}");
    let typical = expected / numbers.len() as f64;
    let step = (numbers.len() / 5).max(1);
    for (found, expected) in numbers.iter().step_by(step).zip(golden["picked"].as_array().unwrap()) {
        let expected = expected.as_f64().unwrap();
        let error = (f64::from(*found) - expected).abs();
        assert!(error <= 1e-4 * (expected.abs() + typical) + 1e-7, "{what}: {found}, not {expected}");
    }
}

fn equals_torchvision(name: &str) {
    let goldens: Value =
        serde_json::from_str(include_str!("../../../testdata/goldens/backbones/backbones.json")).unwrap();
    let golden = &goldens[name];
    let weights = Formula::default();
    let vb = VarBuilder::from_backend(Box::new(weights.clone()), DType::F32, Device::Cpu);
    let model = Model::build(ModelConfig::new(name, CLASSES), vb).unwrap();
    let shape: Vec<usize> = serde_json::from_value(golden["input"].clone()).unwrap();
    let input = Var::from_tensor(&formula("input", &shape, 1.0)).unwrap();

    let expected = golden["layers"].as_object().unwrap();
    let mut layers: Vec<LayerName> = expected.keys().map(|layer| layer.parse().unwrap()).collect();
    for (layer, found) in layers.iter().zip(model.backbone.features(&input, &layers, None).unwrap()) {
        assert_summary(&found, &expected[&layer.name], &format!("{name} {layer}"));
    }
    layers.truncate(1);
    let alone = model.backbone.features(&input, &layers, None).unwrap();
    assert_summary(&alone[0], &expected[&layers[0].name], "a layer asked for alone");

    let logits = model.backbone.forward_t(&input, None).unwrap();
    let expected: Vec<f64> = serde_json::from_value(golden["logits"].clone()).unwrap();
    for (found, expected) in logits.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() <= 1e-4 * (1.0 + expected.abs()), "{found}, not {expected}");
    }

    let loss = (&logits * formula("loss", logits.dims(), 1.0)).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    let mut vars = weights.0.lock().unwrap().clone();
    vars.insert("input".into(), input);
    for (tensor, golden) in golden["gradients"].as_object().unwrap() {
        assert_summary(gradients.get(&vars[tensor]).unwrap(), golden, &format!("{name} gradient of {tensor}"));
    }
}

#[test]
fn alexnet_equals_torchvision_in_layers_logits_and_gradients() {
    equals_torchvision("alexnet");
}

#[test]
fn squeezenet1_0_equals_torchvision_in_layers_logits_and_gradients() {
    equals_torchvision("squeezenet1_0");
}

#[test]
fn squeezenet1_1_equals_torchvision_in_layers_logits_and_gradients() {
    equals_torchvision("squeezenet1_1");
}
