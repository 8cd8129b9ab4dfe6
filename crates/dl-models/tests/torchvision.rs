//! The backbones equal those of torchvision, timm or their sources, with weights from a formula; see
//! testdata/goldens/backbones/make.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod formula;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarBuilder;
use dl_models::{LayerName, Model, ModelConfig};
use formula::{Formula, formula};
use serde_json::Value;

const CLASSES: usize = 10;

/// `rounding`: a factor on the tolerance of a forward pass.
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

/// Compares logits within a tolerance.
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

/// Both ways of running a network, directly and by a plan, reproduce the golden `case`.
fn equals_golden(name: &str, case: &str) {
    let goldens: Value =
        serde_json::from_str(include_str!("../../../testdata/goldens/backbones/backbones.json")).unwrap();
    let golden = &goldens[case];
    let weights = Formula::new(golden["gain"].as_f64().unwrap());
    let vb = VarBuilder::from_backend(Box::new(weights.clone()), DType::F32, Device::Cpu);
    let mut config = ModelConfig::new(name, CLASSES);
    config.options = golden["options"].as_object().unwrap().clone();
    let model = Model::build(config, vb).unwrap();
    let shape: Vec<usize> = serde_json::from_value(golden["input"].clone()).unwrap();
    let input = Var::from_tensor(&formula("input", &shape, 0.0, golden["scale"].as_f64().unwrap())).unwrap();

    let expected = golden["layers"].as_object().unwrap();
    let layers: Vec<LayerName> = expected.keys().map(|layer| layer.parse().unwrap()).collect();
    let ways = [
        ("directly", model.backbone.features(&input, &layers, None).unwrap()),
        ("by a plan", model.features(&input, &layers).unwrap()),
    ];
    for (way, found) in ways {
        for (layer, found) in layers.iter().zip(found) {
            assert_summary(&found, &expected[&layer.name], 1.0, &format!("{case} {layer} {way}"));
        }
    }
    // Alone, so that it can be fused with its neighbors.
    for layer in &layers {
        let alone = model.features(&input, std::slice::from_ref(layer)).unwrap();
        assert_summary(&alone[0], &expected[&layer.name], 1.0, &format!("{case} {layer} by a plan of it alone"));
    }
    let alone = model.backbone.features(&input, &layers[..1], None).unwrap();
    assert_summary(&alone[0], &expected[&layers[0].name], 1.0, "a layer requested alone");

    let logits = model.backbone.forward_t(&input, None).unwrap();
    assert_logits(&logits, golden, &format!("{case} directly"));
    assert_logits(
        &model.features(&input, &["logits".parse().unwrap()]).unwrap()[0],
        golden,
        &format!("{case} by a plan"),
    );

    let loss = (&logits * formula("loss", logits.dims(), 0.0, 1.0)).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    let mut vars = weights.vars();
    vars.insert("input".into(), input);
    for (tensor, golden) in golden["gradients"].as_object().unwrap() {
        // Among a million numbers, rounding moves one or two across the kink of ReLU, where the gradient jumps.
        assert_summary(gradients.get(&vars[tensor]).unwrap(), golden, 20.0, &format!("{case} gradient of {tensor}"));
    }
}

/// One test per golden.
macro_rules! equal_in_layers_logits_and_gradients {
    ($($(#[$attribute:meta])* $test:ident: $name:literal $case:literal,)*) => {
        $(#[test]
        $(#[$attribute])*
        fn $test() {
            equals_golden($name, $case);
        })*
    };
}

equal_in_layers_logits_and_gradients! {
    alexnet_equals_torchvision: "alexnet" "alexnet",
    alexnet_2012_equals_caffes_bvlc_alexnet: "alexnet_2012" "alexnet_2012",
    caffenet_equals_caffes: "caffenet" "caffenet",
    googlenet_equals_torchvision: "googlenet" "googlenet",
    inception_v3_equals_torchvision: "inception_v3" "inception_v3",
    #[ignore = "slow: a whole image, as the auxiliary classifier requires"]
    inception_v3_of_a_whole_image_equals_torchvision: "inception_v3" "inception_v3 of a whole picture",
    lenet5_equals_torch: "lenet5" "lenet5",
    mini_xception_equals_torch: "mini_xception" "mini_xception",
    mobilenet_v1_equals_timm: "mobilenet_v1" "mobilenet_v1",
    mobilenet_v2_equals_torchvision: "mobilenet_v2" "mobilenet_v2",
    mobilenet_v2_of_another_width_equals_torchvision: "mobilenet_v2" "mobilenet_v2 of another width",
    mobilenet_v3_large_equals_torchvision: "mobilenet_v3_large" "mobilenet_v3_large",
    mobilenet_v3_small_equals_torchvision: "mobilenet_v3_small" "mobilenet_v3_small",
    mobilenet_v3_of_another_width_equals_torchvision: "mobilenet_v3_small" "mobilenet_v3_small of another width",
    resnet18_equals_torchvision: "resnet18" "resnet18",
    resnet50_equals_torchvision: "resnet50" "resnet50",
    resnet20_cifar_equals_its_source: "resnet20_cifar" "resnet20_cifar",
    resnet56_cifar_equals_its_source: "resnet56_cifar" "resnet56_cifar",
    squeezenet1_0_equals_torchvision: "squeezenet1_0" "squeezenet1_0",
    squeezenet1_1_equals_torchvision: "squeezenet1_1" "squeezenet1_1",
    vgg11_equals_torchvision: "vgg11" "vgg11",
    vgg11_lrn_equals_torch: "vgg11_lrn" "vgg11_lrn",
    vgg16_bn_equals_torchvision: "vgg16_bn" "vgg16_bn",
    vgg16_c_equals_torch: "vgg16_c" "vgg16_c",
    xception_equals_timm: "xception" "xception",
    zf_equals_caffes: "zf" "zf",
    vgg11_bn_equals_torchvision: "vgg11_bn" "vgg11_bn",
    vgg13_equals_torchvision: "vgg13" "vgg13",
    vgg13_bn_equals_torchvision: "vgg13_bn" "vgg13_bn",
    vgg16_equals_torchvision: "vgg16" "vgg16",
    vgg19_equals_torchvision: "vgg19" "vgg19",
    vgg19_bn_equals_torchvision: "vgg19_bn" "vgg19_bn",
    resnet34_equals_torchvision: "resnet34" "resnet34",
    #[ignore = "slow: many weights"]
    resnet101_equals_torchvision: "resnet101" "resnet101",
    #[ignore = "slow: many weights"]
    resnet152_equals_torchvision: "resnet152" "resnet152",
    resnet32_cifar_equals_its_source: "resnet32_cifar" "resnet32_cifar",
    resnet44_cifar_equals_its_source: "resnet44_cifar" "resnet44_cifar",
    mobilenet_v1_of_another_width_equals_timm: "mobilenet_v1" "mobilenet_v1 of another width",
}
