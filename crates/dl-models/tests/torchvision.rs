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

fn formula(name: &str, shape: &[usize], centre: f64, scale: f64) -> Tensor {
    let numbers = mix(name, shape.iter().product()).map(|u| (centre + (2.0 * u - 1.0) * scale) as f32);
    Tensor::from_vec(numbers.collect::<Vec<_>>(), shape, &Device::Cpu).unwrap()
}

/// Weights by the formula.
#[derive(Clone)]
struct Formula {
    gain: f64,
    vars: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl SimpleBackend for Formula {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        let fan_in: usize = shape.dims().iter().skip(1).product();
        let (centre, scale) = if name.ends_with("running_var") || (shape.rank() == 1 && name.ends_with(".weight")) {
            (1.0, 0.5)
        } else {
            (0.0, if shape.rank() == 1 { 0.1 } else { (self.gain / fan_in as f64).sqrt() })
        };
        let var = Var::from_tensor(&formula(name, shape.dims(), centre, scale))?;
        let tensor = var.as_tensor().clone();
        self.vars.lock().unwrap().insert(name.to_owned(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name}")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// `rounding`: how much more than in a forward pass the sums may differ.
#[track_caller]
fn assert_summary(found: &Tensor, golden: &Value, rounding: f64, what: &str) {
    let shape: Vec<usize> = serde_json::from_value(golden["shape"].clone()).unwrap();
    assert_eq!(found.dims(), shape, "{what}");
    let numbers: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
    let size: f64 = numbers.iter().map(|x| f64::from(x.abs())).sum();
    let sum: f64 = numbers.iter().map(|x| f64::from(*x)).sum();
    let expected = golden["size"].as_f64().unwrap();
    assert!((size - expected).abs() <= 2e-5 * rounding * expected, "{what}: size {size}, not {expected}");
    assert!((sum - golden["sum"].as_f64().unwrap()).abs() <= 2e-5 * rounding * expected, "{what}: sum {sum}");
    let typical = expected / numbers.len() as f64;
    let step = (numbers.len() / 5).max(1);
    for (found, expected) in numbers.iter().step_by(step).zip(golden["picked"].as_array().unwrap()) {
        let expected = expected.as_f64().unwrap();
        let error = (f64::from(*found) - expected).abs();
        assert!(error <= 1e-4 * rounding * (expected.abs() + typical) + 1e-7, "{what}: {found}, not {expected}");
    }
}

/// Numbers of one row each, near enough.
#[track_caller]
fn assert_logits(found: &Tensor, golden: &Value, what: &str) {
    let expected: Vec<f64> = serde_json::from_value(golden["logits"].clone()).unwrap();
    let found = found.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (f64::from(*found) - expected).abs() <= 1e-4 * (1.0 + expected.abs()),
            "{what}: {found}, not {expected}"
        );
    }
}

/// The golden called `case` is met by both ways to run a network: computed at once, and compiled into a plan.
fn equals_golden(name: &str, case: &str) {
    let goldens: Value =
        serde_json::from_str(include_str!("../../../testdata/goldens/backbones/backbones.json")).unwrap();
    let golden = &goldens[case];
    let weights = Formula { gain: golden["gain"].as_f64().unwrap(), vars: Arc::default() };
    let vb = VarBuilder::from_backend(Box::new(weights.clone()), DType::F32, Device::Cpu);
    let mut config = ModelConfig::new(name, CLASSES);
    config.options = golden["options"].as_object().unwrap().clone();
    let model = Model::build(config, vb).unwrap();
    let shape: Vec<usize> = serde_json::from_value(golden["input"].clone()).unwrap();
    let input = Var::from_tensor(&formula("input", &shape, 0.0, 1.0)).unwrap();

    let expected = golden["layers"].as_object().unwrap();
    let layers: Vec<LayerName> = expected.keys().map(|layer| layer.parse().unwrap()).collect();
    let ways = [
        ("at once", model.backbone.features(&input, &layers, None).unwrap()),
        ("by a plan", model.features(&input, &layers).unwrap()),
    ];
    for (way, found) in ways {
        for (layer, found) in layers.iter().zip(found) {
            assert_summary(&found, &expected[&layer.name], 1.0, &format!("{case} {layer} {way}"));
        }
    }
    // Alone, so that nothing keeps it from being computed together with its neighbours.
    for layer in &layers {
        let alone = model.features(&input, std::slice::from_ref(layer)).unwrap();
        assert_summary(&alone[0], &expected[&layer.name], 1.0, &format!("{case} {layer} by a plan of it alone"));
    }
    let alone = model.backbone.features(&input, &layers[..1], None).unwrap();
    assert_summary(&alone[0], &expected[&layers[0].name], 1.0, "a layer asked for alone");

    let logits = model.backbone.forward_t(&input, None).unwrap();
    assert_logits(&logits, golden, &format!("{case} at once"));
    assert_logits(
        &model.features(&input, &["logits".parse().unwrap()]).unwrap()[0],
        golden,
        &format!("{case} by a plan"),
    );

    let loss = (&logits * formula("loss", logits.dims(), 0.0, 1.0)).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    let mut vars = weights.vars.lock().unwrap().clone();
    vars.insert("input".into(), input);
    for (tensor, golden) in golden["gradients"].as_object().unwrap() {
        // Of a million numbers rounding moves one or two over a kink of ReLU, where the gradient jumps.
        assert_summary(gradients.get(&vars[tensor]).unwrap(), golden, 20.0, &format!("{case} gradient of {tensor}"));
    }
}

/// A test of each golden.
macro_rules! equal_in_layers_logits_and_gradients {
    ($($test:ident: $name:literal $case:literal,)*) => {
        $(#[test]
        fn $test() {
            equals_golden($name, $case);
        })*
    };
}

equal_in_layers_logits_and_gradients! {
    alexnet_equals_torchvision: "alexnet" "alexnet",
    googlenet_equals_torchvision: "googlenet" "googlenet",
    mobilenet_v1_equals_timm: "mobilenet_v1" "mobilenet_v1",
    mobilenet_v2_equals_torchvision: "mobilenet_v2" "mobilenet_v2",
    mobilenet_v2_of_another_width_equals_torchvision: "mobilenet_v2" "mobilenet_v2 of another width",
    resnet18_equals_torchvision: "resnet18" "resnet18",
    resnet50_equals_torchvision: "resnet50" "resnet50",
    squeezenet1_0_equals_torchvision: "squeezenet1_0" "squeezenet1_0",
    squeezenet1_1_equals_torchvision: "squeezenet1_1" "squeezenet1_1",
    vgg11_equals_torchvision: "vgg11" "vgg11",
    vgg11_lrn_equals_torch: "vgg11_lrn" "vgg11_lrn",
    vgg16_bn_equals_torchvision: "vgg16_bn" "vgg16_bn",
    vgg16_c_equals_torch: "vgg16_c" "vgg16_c",
}
