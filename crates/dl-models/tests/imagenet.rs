//! Real networks agree with outputs computed by torch. Skipped if the files do not exist.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test prints why")]

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use dl_models::{ChannelOrder, Checkpoint, Model};
use serde_json::Value;

fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(path);
    if !found.exists() {
        eprintln!("SKIPPED: {} does not exist", found.display());
    }
    found.exists().then_some(found)
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Compares the outputs of the model file `name` with the stored ones: our layer name and the stored name of each.
fn features_equal_the_stored_reference(name: &str, layers: &[(&str, &str)]) {
    let Some(path) = shared(&format!("{name}.safetensors")) else { return };
    let model = Model::open(&path, None, &Device::Cpu).unwrap();
    let stored = |file: &str, tensor: &str| {
        let path = path.with_file_name(format!("{name}.{file}.safetensors"));
        Checkpoint::open(&path).unwrap().tensor(tensor, &Device::Cpu).unwrap()
    };
    let x = stored("input", "input");
    for (layer, tensor) in layers {
        let expected = stored("output", tensor);
        let requested = [layer.parse().unwrap()];
        for found in [model.features(&x, &requested).unwrap(), model.backbone.features(&x, &requested, None).unwrap()] {
            let found = found[0].narrow(1, 0, expected.dims()[1]).unwrap();
            assert_eq!(found.dims(), expected.dims(), "{name} {layer}");
            for (found, expected) in numbers(&found).iter().zip(numbers(&expected)) {
                let error = (found - expected).abs();
                assert!(error <= 1e-3 + 1e-4 * expected.abs(), "{name} {layer}: {found}, not {expected}");
            }
        }
    }
}

/// The model file `name` gives the stored photographs their stated top five labels and scores.
fn classifies_the_photographs(name: &str) {
    let Some(path) = shared(&format!("{name}.safetensors")) else { return };
    let model = Model::open(&path, None, &Device::Cpu).unwrap();
    let labels = model.config.label_names(path.parent().unwrap()).unwrap().unwrap();
    let expected: Value =
        serde_json::from_slice(&std::fs::read(path.with_file_name(format!("{name}.expected.json"))).unwrap()).unwrap();
    let photos =
        candle_core::safetensors::load(path.with_file_name(format!("{name}.photos.safetensors")), &Device::Cpu);
    let pixels = photos.unwrap()["pixels"].to_dtype(DType::F32).unwrap();
    // As the config states: channel order; 0 to 255; minus the mean, divided by the standard deviation.
    let preprocessing = &model.config.preprocessing;
    assert_eq!(preprocessing.range, [0.0, 255.0]);
    let order = if preprocessing.channel_order == ChannelOrder::Bgr { [2, 1, 0] } else { [0, 1, 2] };
    let ordered = Tensor::cat(&order.map(|channel| pixels.narrow(1, channel, 1).unwrap()), 1).unwrap();
    let [mean, std] = [preprocessing.mean, preprocessing.std]
        .map(|numbers| Tensor::new(&numbers, &Device::Cpu).unwrap().reshape((1, 3, 1, 1)).unwrap());
    let x = ordered.broadcast_sub(&mean).unwrap().broadcast_div(&std).unwrap();
    let logits = model.features(&x, &["logits".parse().unwrap()]).unwrap()[0].to_vec2::<f32>().unwrap();
    let names = expected["photos"]["names"].as_array().unwrap();
    assert_eq!(names.len(), logits.len());
    for (logits, name) in logits.iter().zip(names) {
        let mut ranked: Vec<(usize, f32)> = logits.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let top = expected["photos"]["top5"][name.as_str().unwrap()].as_array().unwrap();
        assert_eq!(top.len(), 5);
        for ((class, logit), top) in ranked.into_iter().zip(top) {
            assert_eq!(labels[class], top["label"].as_str().unwrap(), "{name}");
            let expected = top["logit"].as_f64().unwrap();
            assert!((f64::from(logit) - expected).abs() <= 1e-3 + 1e-4 * expected, "{name}: {logit}, not {expected}");
        }
    }
}

#[test]
fn squeezenet_features_equal_the_stored_reference() {
    // torch's ReLU works in place, so the stored features.0 is its output, features.1.
    let layers =
        [("features.1", "features.0"), ("pool1", "features.2"), ("fire9", "features.12"), ("logits", "logits")];
    features_equal_the_stored_reference("squeezenet1_0_imagenet", &layers);
}

#[test]
fn squeezenet_classifies_the_photographs() {
    classifies_the_photographs("squeezenet1_0_imagenet");
}

/// In the model's file, batch norms are folded, padding is TensorFlow's, and a background class precedes the labels.
/// The stored conv_stem is after ReLU6.
const MOBILENET_V1: [(&str, &str); 4] =
    [("conv1", "conv_stem"), ("blocks.4", "blocks.4"), ("global_pool", "pooled"), ("logits", "logits")];

#[test]
fn mobilenet_v1_features_equal_the_stored_reference_at_two_widths() {
    features_equal_the_stored_reference("mobilenet_v1_0.25_imagenet", &MOBILENET_V1);
    features_equal_the_stored_reference("mobilenet_v1_0.75_imagenet", &MOBILENET_V1);
}

#[test]
fn mobilenet_v1_classifies_the_photographs_at_two_widths() {
    classifies_the_photographs("mobilenet_v1_0.25_imagenet");
    classifies_the_photographs("mobilenet_v1_0.75_imagenet");
}

#[test]
fn resnet20_of_cifar_10_equals_the_stored_reference() {
    let layers = [("layer1", "layer1"), ("layer2", "layer2"), ("layer3", "layer3"), ("pooled", "pooled")];
    features_equal_the_stored_reference("resnet20_cifar10", &layers);
    features_equal_the_stored_reference("resnet20_cifar10", &[("logits", "logits")]);
}

#[test]
fn mini_xception_equals_the_stored_reference() {
    let layers = [
        ("blocks.0", "blocks.0"),
        ("blocks.1", "blocks.1"),
        ("blocks.2", "blocks.2"),
        ("blocks.3", "blocks.3"),
        ("logits", "logits"),
    ];
    features_equal_the_stored_reference("mini_xception", &layers);
}

/// A grayscale face, as one channel and as three equal channels.
#[test]
fn mini_xception_classifies_the_face() {
    let Some(path) = shared("mini_xception.safetensors") else { return };
    let model = Model::open(&path, None, &Device::Cpu).unwrap();
    let expected: Value =
        serde_json::from_slice(&std::fs::read(path.with_file_name("mini_xception.expected.json")).unwrap()).unwrap();
    let photo = candle_core::safetensors::load(path.with_file_name("mini_xception.photo.safetensors"), &Device::Cpu);
    let pixels = photo.unwrap()["pixels"].to_dtype(DType::F32).unwrap();
    let normalization = model.config.preprocessing.normalization();
    assert_eq!((normalization.white, normalization.mean[0], normalization.std[0]), (1.0, 0.5, 0.5));
    let x = (((pixels / 255.0).unwrap() - 0.5).unwrap() / 0.5).unwrap();
    let labels = model.config.label_names(path.parent().unwrap()).unwrap().unwrap();
    for x in [x.clone(), Tensor::cat(&[&x; 3], 1).unwrap()] {
        let logits = model.features(&x, &["logits".parse().unwrap()]).unwrap();
        let probabilities = numbers(&dl_ops::softmax(&logits[0], 1).unwrap());
        for (label, found) in labels.iter().zip(probabilities) {
            let expected = expected["photo"]["probabilities"][label].as_f64().unwrap();
            assert!((f64::from(found) - expected).abs() < 1e-5, "{label}: {found}, not {expected}");
        }
    }
}

#[test]
fn lenet5_equals_the_stored_reference() {
    let Some(path) = shared("mnist_lenet.safetensors") else { return };
    let model = Model::open(&path, None, &Device::Cpu).unwrap();
    let stored = |file: &str, tensor: &str| {
        let path = path.with_file_name(format!("mnist_lenet.{file}.safetensors"));
        candle_core::safetensors::load(path, &Device::Cpu).unwrap()[tensor].clone()
    };
    let pixels = (stored("input", "pixels").to_dtype(DType::F32).unwrap() / 255.0).unwrap();
    let (count, height, width) = match *pixels.dims() {
        [count, height, width] | [count, 1, height, width] => (count, height, width),
        ref other => panic!("{other:?}"),
    };
    let gray = pixels.reshape((count, 1, height, width)).unwrap();
    let colors = Tensor::cat(&[&gray, &gray, &gray], 1).unwrap();
    for (layer, tensor) in [("c5", "features_120"), ("f6", "features_84"), ("logits", "logits")] {
        let expected = stored("output", tensor);
        let requested = [layer.parse().unwrap()];
        for x in [&gray, &colors] {
            let ways = [model.features(x, &requested).unwrap(), model.backbone.features(x, &requested, None).unwrap()];
            for found in ways {
                let found = found[0].flatten_from(1).unwrap();
                assert_eq!(found.dims(), expected.dims(), "{layer}");
                for (found, expected) in numbers(&found).iter().zip(numbers(&expected)) {
                    assert!(
                        (found - expected).abs() <= 1e-4 + 1e-4 * expected.abs(),
                        "{layer}: {found}, not {expected}"
                    );
                }
            }
        }
    }
}
