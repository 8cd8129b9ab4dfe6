//! A real ImageNet SqueezeNet agrees with the outputs that torch computed. Skipped where the file is absent.
#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap fails, as it should")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use dl_models::{Checkpoint, Model};
use serde_json::Value;

fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(path);
    if !found.exists() {
        eprintln!("SKIPPED: {} is not here", found.display());
    }
    found.exists().then_some(found)
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn squeezenet_features_equal_the_stored_reference() {
    let Some(path) = shared("squeezenet1_0_imagenet.safetensors") else { return };
    let model = Model::open(&path, None, &Device::Cpu).unwrap();
    let stored = |file: &str, name: &str| {
        let path = path.with_file_name(format!("squeezenet1_0_imagenet.{file}.safetensors"));
        Checkpoint::open(&path).unwrap().tensor(name, &Device::Cpu).unwrap()
    };
    let x = stored("input", "input");
    // torch's ReLU works in place, so what was stored as features.0 is what ReLU made of it: features.1.
    for (layer, name) in
        [("features.1", "features.0"), ("pool1", "features.2"), ("fire9", "features.12"), ("logits", "logits")]
    {
        let expected = stored("output", name);
        let found = model.features(&x, &[layer.parse().unwrap()]).unwrap().remove(0);
        let found = found.narrow(1, 0, expected.dims()[1]).unwrap();
        assert_eq!(found.dims(), expected.dims(), "{layer}");
        for (found, expected) in numbers(&found).iter().zip(numbers(&expected)) {
            assert!((found - expected).abs() <= 1e-3 + 1e-4 * expected.abs(), "{layer}: {found}, not {expected}");
        }
    }
}

#[test]
fn squeezenet_knows_the_photographs() {
    let Some(path) = shared("squeezenet1_0_imagenet.safetensors") else { return };
    let model = Model::open(&path, None, &Device::Cpu).unwrap();
    let labels = model.config.label_names(path.parent().unwrap()).unwrap().unwrap();
    let expected: Value =
        serde_json::from_slice(&std::fs::read(path.with_file_name("squeezenet1_0_imagenet.expected.json")).unwrap())
            .unwrap();
    let photos =
        candle_core::safetensors::load(path.with_file_name("squeezenet1_0_imagenet.photos.safetensors"), &Device::Cpu);
    let pixels = photos.unwrap()["pixels"].to_dtype(DType::F32).unwrap();
    // The config's own words: blue, green, red; 0 to 255; minus the mean.
    let preprocessing = &model.config.preprocessing;
    let reversed = Tensor::cat(&[2, 1, 0].map(|channel| pixels.narrow(1, channel, 1).unwrap()), 1).unwrap();
    let mean = Tensor::new(&preprocessing.mean, &Device::Cpu).unwrap().reshape((1, 3, 1, 1)).unwrap();
    let x = reversed.broadcast_sub(&mean).unwrap();
    let logits = model.features(&x, &["logits".parse().unwrap()]).unwrap()[0].to_vec2::<f32>().unwrap();
    let names = expected["photos"]["names"].as_array().unwrap();
    for (logits, name) in logits.iter().zip(names) {
        let (best, logit) = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        let top = &expected["photos"]["top5"][name.as_str().unwrap()][0];
        assert_eq!(labels[best], top["label"].as_str().unwrap(), "{name}");
        let wanted = top["logit"].as_f64().unwrap();
        assert!((f64::from(*logit) - wanted).abs() <= 1e-3 + 1e-4 * wanted, "{name}: {logit}, not {wanted}");
    }
}
