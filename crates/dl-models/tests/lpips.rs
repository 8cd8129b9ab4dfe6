//! LPIPS equals the lpips package, with weights from a formula (see testdata/goldens/lpips/make.py), and on the stored pairs
//! of the shared weights. Skipped if those do not exist.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test prints why")]

mod formula;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::{Checkpoint, Lpips, Model, ModelConfig};
use formula::{Formula, mix};
use image::RgbImage;
use serde_json::Value;

/// Our names of the package's networks, and the channels of their layers.
const NETS: [(&str, &str, &[usize]); 3] = [
    ("alex", "alexnet", &[64, 192, 384, 256, 256]),
    ("vgg", "vgg16", &[64, 128, 256, 512, 512]),
    ("squeeze", "squeezenet1_1", &[64, 128, 256, 384, 384, 512, 512]),
];

fn save(path: &Path, tensors: HashMap<String, Tensor>) {
    candle_core::safetensors::save(&tensors, path).unwrap();
}

/// The trunk and the weights of its channels, by formula, in a folder.
fn by_formula(folder: &Path, net: &str) -> [PathBuf; 2] {
    let (_, architecture, channels) = NETS.iter().find(|known| known.0 == net).unwrap();
    let weights = Formula::new(6.0);
    let vb = VarBuilder::from_backend(Box::new(weights.clone()), DType::F32, Device::Cpu);
    Model::build(ModelConfig::new(architecture, 1), vb).unwrap();
    let trunk = weights.vars().into_iter().filter(|(name, _)| name.starts_with("features."));
    let paths = ["trunk", "linear"].map(|name| folder.join(format!("{net}-{name}.safetensors")));
    save(&paths[0], trunk.map(|(name, var)| (name, var.as_tensor().clone())).collect());
    let linear = channels.iter().enumerate().map(|(index, channels)| {
        let weights: Vec<f32> = mix(&format!("{net}.lin{index}.weight"), *channels).map(|u| u as f32).collect();
        // As in the files of the package.
        let tensor = Tensor::from_vec(weights, (1, *channels, 1, 1), &Device::Cpu).unwrap();
        (format!("lin{index}.model.1.weight"), tensor)
    });
    save(&paths[1], linear.collect());
    paths
}

fn image(width: u32, height: u32, seed: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([0, 1, 2].map(|channel| ((3 * x + 5 * y + 40 * channel + seed * x * y % 31) % 256) as u8))
    })
}

#[test]
fn distances_equal_those_of_the_lpips_package() {
    let folder = tempfile::tempdir().unwrap();
    let golden: Value = serde_json::from_str(include_str!("../../../testdata/goldens/lpips/golden.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let net = case["net"].as_str().unwrap();
        let [trunk, linear] = by_formula(folder.path(), net);
        let lpips = Lpips::open(&trunk, case["calibrated"].as_bool().unwrap().then_some(&*linear)).unwrap();
        let [width, height] = ["width", "height"].map(|side| case[side].as_u64().unwrap() as u32);
        let found = lpips.distance(&image(width, height, 1), &image(width, height, 2)).unwrap();
        let expected: Vec<f64> = serde_json::from_value(case["layers"].clone()).unwrap();
        assert_eq!(found.layers.len(), expected.len());
        for (found, expected) in
            found.layers.iter().chain([&found.total]).zip(expected.iter().chain([&case["total"].as_f64().unwrap()]))
        {
            assert!((found - expected).abs() < 1e-6 + 2e-5 * expected, "{net}: {found}, not {expected}");
        }
        let equal = lpips.distance(&image(width, height, 1), &image(width, height, 1)).unwrap();
        assert_eq!(equal.total, 0.0);
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [trunk, linear] = by_formula(folder.path(), "squeeze");
    let lpips = Lpips::open(&trunk, Some(&linear)).unwrap();
    assert!(lpips.fingerprint().starts_with("squeezenet1_1:"), "{}", lpips.fingerprint());
    assert_eq!(lpips.layers().last().unwrap(), "features.12");
    let error = lpips.distance(&image(40, 41, 1), &image(41, 40, 1)).unwrap_err().to_string();
    assert_eq!(error, "the images differ in size: 40 x 41 pixels and 41 x 40 pixels");
    assert!(lpips.distance(&image(4, 4, 1), &image(4, 4, 2)).is_err());
    // A file of weights is not a trunk, and AlexNet's weights do not fit SqueezeNet.
    let error = |trunk: &Path, linear: &Path| format!("{:#}", Lpips::open(trunk, Some(linear)).err().unwrap());
    let found = error(&linear, &linear);
    assert!(found.contains("has no trunk of LPIPS"), "{found}");
    let [_, other] = by_formula(folder.path(), "alex");
    let found = error(&trunk, &other);
    assert!(
        found.contains("tensor \"lin1.model.1.weight\" is [1, 192, 1, 1]; squeezenet1_1 needs [1, 128, 1, 1]"),
        "{found}"
    );
    assert!(error(&trunk, &trunk).contains("has no weights for squeezenet1_1"));
}

/// SplitMix64, as the README of the shared weights states it: numbers in (0, 1).
fn split_mix(seed: u64, count: usize) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * 2_f64.powi(-53) + 2_f64.powi(-54)
    })
    .take(count)
}

#[test]
fn distances_of_the_stored_pairs_equal_the_stated_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights");
    let Ok(text) = std::fs::read_to_string(folder.join("lpips.expected.json")) else {
        eprintln!("SKIPPED: {} does not exist", folder.display());
        return;
    };
    let expected: Value = serde_json::from_str(&text).unwrap();
    let made = tempfile::tempdir().unwrap();
    let pixels = candle_core::safetensors::load(folder.join("lpips.input.safetensors"), &Device::Cpu).unwrap();
    let picture = |name: &str, index: usize| {
        let planes = pixels[name].get(index).unwrap();
        let (_, height, width) = planes.dims3().unwrap();
        // CHW -> HWC
        let bytes: Vec<u8> = planes.permute((1, 2, 0)).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        RgbImage::from_raw(width as u32, height as u32, bytes).unwrap()
    };
    for (net, seed) in [("alex", 1000), ("vgg", 2000), ("squeeze", 0)] {
        let expected = &expected["results"][net];
        let trunk = if net == "squeeze" {
            folder.join(expected["trunk"].as_str().unwrap())
        } else {
            let tensors = expected["trunk"]["tensors_in_order"].as_array().unwrap();
            let tensor = |(index, entry): (usize, &Value)| {
                let (name, shape): (String, Vec<usize>) = serde_json::from_value(entry.clone()).unwrap();
                let inputs: usize = shape[1..].iter().product();
                let bound = if name.ends_with("bias") { 0.05 } else { (6.0 / inputs as f64).sqrt() };
                let numbers = split_mix(seed + index as u64, shape.iter().product());
                let numbers: Vec<f32> = numbers.map(|u| ((2.0 * u - 1.0) * bound) as f32).collect();
                (name, Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap())
            };
            let path = made.path().join(net);
            save(&path, tensors.iter().enumerate().map(tensor).collect());
            path
        };
        let linear = folder.join("lpips_linear.safetensors");
        assert!(Checkpoint::open(&linear).unwrap().contains(&format!("{net}.lin0.weight")));
        for (linear, key) in [(Some(&*linear), "lpips"), (None, "without_linear_layers")] {
            let lpips = Lpips::open(&trunk, linear).unwrap();
            for index in 0..2 {
                let found = lpips.distance(&picture("first", index), &picture("second", index)).unwrap();
                let close = |found: f64, expected: &Value| {
                    let expected = expected.as_f64().unwrap();
                    assert!((found - expected).abs() < 1e-7 + 1e-4 * expected, "{net} {key}: {found}, not {expected}");
                };
                close(found.total, &expected[key][index]);
                if linear.is_some() {
                    let layers = expected["per_layer"][index].as_array().unwrap();
                    assert_eq!(layers.len(), found.layers.len());
                    layers.iter().zip(&found.layers).for_each(|(expected, found)| close(*found, expected));
                }
            }
        }
    }
}
