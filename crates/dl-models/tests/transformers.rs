//! Networks in folders of Hugging Face and timm equal transformers and timm; see make_images.py and make_texts.py in
//! testdata/goldens/transformers.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[cfg(feature = "transformers")]
mod formula;

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use dl_models::text::{TextBatch, TextModel, TextNetwork, Tokens};
use dl_models::{LayerName, Model, Resize};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/goldens/transformers").join(name)
}

fn golden(name: &str) -> Value {
    golden_in("images.json", name)
}

fn golden_in(file: &str, name: &str) -> Value {
    let text = std::fs::read(folder(file)).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()[name].take()
}

/// Numbers in [-1, 1): see ../../testdata/goldens/backbones/formula.py.
fn signed(name: &str, shape: &[usize]) -> Tensor {
    let start = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let number = |index: u32| {
        let mut hash = start.wrapping_add(index.wrapping_mul(0x9E37_79B9));
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
        (2.0 * f64::from(hash ^ (hash >> 16)) / 4_294_967_296.0 - 1.0) as f32
    };
    let count = shape.iter().product::<usize>() as u32;
    Tensor::from_vec((0..count).map(number).collect::<Vec<_>>(), shape, &Device::Cpu).unwrap()
}

#[track_caller]
fn assert_equals(found: &Tensor, golden: &Value, what: &str) {
    let shape: Vec<usize> = serde_json::from_value(golden["shape"].clone()).unwrap();
    assert_eq!(found.dims(), shape, "{what}");
    let numbers: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
    let step = (numbers.len() / 64).max(1);
    let expected: Vec<f64> = serde_json::from_value(golden["picked"].clone()).unwrap();
    assert_eq!(numbers.iter().step_by(step).take(64).count(), expected.len());
    for (found, expected) in numbers.iter().step_by(step).zip(expected) {
        let error = (f64::from(*found) - expected).abs();
        assert!(error <= 1e-4 * expected.abs().max(1.0), "{what}: {found}, not {expected}");
    }
    let size = golden["size"].as_f64().unwrap();
    let sums = [numbers.iter().map(|x| f64::from(*x)).sum::<f64>(), numbers.iter().map(|x| f64::from(x.abs())).sum()];
    for (found, expected) in sums.into_iter().zip([golden["sum"].as_f64().unwrap(), size]) {
        assert!((found - expected).abs() <= 1e-5 * size, "{what}: a sum of {found}, not {expected}");
    }
}

/// Every layer of the golden, of both images at once and of each alone.
#[track_caller]
fn assert_layers(model: &Model, images: &Tensor, golden: &Value, what: &str) {
    for (name, golden) in golden.as_object().unwrap() {
        let layer: LayerName = name.parse().unwrap();
        if name == "logits" && !model.backbone.layers().contains(name) {
            continue;
        }
        let found = model.features(images, std::slice::from_ref(&layer)).unwrap().remove(0);
        assert_equals(&found, golden, &format!("{what} {name}"));
        let alone = model.features(&images.narrow(0, 1, 1).unwrap(), &[layer]).unwrap().remove(0);
        let [both, alone] = [found.narrow(0, 1, 1).unwrap(), alone].map(|x| x.flatten_all().unwrap().to_vec1::<f32>());
        assert_eq!(both.unwrap(), alone.unwrap(), "{what} {name}: an image depends on the batch");
    }
}

#[test]
fn vision_transformers_equal_transformers_at_the_trained_size_and_at_others() {
    let (square, wide) = (signed("images", &[2, 3, 28, 28]), signed("wide", &[2, 3, 21, 42]));
    for (name, case, images) in [
        ("vit", "vit", &square),
        ("vit", "vit wide", &wide),
        ("dinov2", "dinov2", &square),
        ("dinov2", "dinov2 wide", &wide),
        ("registers", "registers wide", &wide),
    ] {
        let model = Model::open(&folder(name), None, &Device::Cpu).unwrap();
        assert_layers(&model, images, &golden(case), case);
    }
}

#[test]
fn preprocessing_and_labels_come_from_the_folder() {
    let open = |name: &str| Model::open(&folder(name), None, &Device::Cpu).unwrap();
    let vit = open("vit");
    assert_eq!(vit.config.label_names(Path::new("")).unwrap().unwrap(), ["stop", "go", "turn"]);
    let preprocessing = &vit.config.preprocessing;
    assert_eq!((preprocessing.size, preprocessing.resize, preprocessing.mean), ([28; 2], Resize::Stretch, [0.5; 3]));
    let dino = open("dinov2");
    let preprocessing = &dino.config.preprocessing;
    assert_eq!((preprocessing.size, preprocessing.resize, preprocessing.shorter), ([21; 2], Resize::Shorter, Some(24)));
    assert_eq!(preprocessing.interpolation, dl_models::Preprocessing::dinov2().interpolation);
    assert_eq!(dino.backbone.layers().last().unwrap(), "layernorm");
    let error =
        format!("{:#}", dino.features(&signed("x", &[1, 3, 20, 21]), &["layernorm".parse().unwrap()]).unwrap_err());
    assert!(error.contains("an image is 21 x 20 pixels, but the network reads multiples of 7"), "{error}");
}

/// The tokens and the layers of a text network; `blocks` is the path of its blocks, `None` if they are not accessible.
#[track_caller]
fn assert_texts(name: &str, blocks: Option<&str>) {
    let golden = golden_in("texts.json", name);
    let model = TextModel::open(&folder(name), &Device::Cpu).unwrap();
    assert_eq!(model.config.labels.as_ref().unwrap(), &["calm", "urgent", "other"], "{name}");
    let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
    let tokens: Vec<Tokens> = texts.iter().map(|text| model.tokenizer.encode(text).unwrap().0).collect();
    let ids: Vec<&Vec<u32>> = tokens.iter().map(|tokens| &tokens.ids).collect();
    let expected: Vec<Vec<u32>> = serde_json::from_value(golden["ids"].clone()).unwrap();
    assert_eq!(ids, expected.iter().collect::<Vec<_>>(), "{name}");
    let network: &dyn TextNetwork = model.network.texts();
    let of =
        |tokens: &[Tokens], layer: &str| network.features(&TextBatch::new(tokens), &[layer], None).unwrap().remove(0);
    for (layer, golden) in golden["layers"].as_object().unwrap() {
        let path = match (layer.as_str(), blocks) {
            ("embeddings" | "block 0", None) => continue,
            ("block 0", Some(blocks)) => format!("{blocks}.0"),
            (layer, _) => layer.to_owned(),
        };
        assert_equals(&of(&tokens, &path), golden, &format!("{name} {layer}"));
    }
    let numbers = |x: Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (both, alone) = (of(&tokens, "logits"), of(&tokens[2..3], "logits"));
    assert_eq!(numbers(both.narrow(0, 2, 1).unwrap()), numbers(alone), "{name}: a text depends on the batch");
}

#[test]
fn distilbert_and_xlm_roberta_equal_transformers() {
    assert_texts("distilbert", Some("transformer.layer"));
    assert_texts("xlm-roberta", Some("encoder.layer"));
}

#[cfg(feature = "transformers")]
mod candle {
    use candle_core::DType;
    use candle_nn::VarBuilder;
    use dl_models::ModelConfig;
    use serde_json::json;

    use super::formula::Formula;
    use super::*;

    fn built(name: &str, options: Value, gain: f64) -> (Model, Formula) {
        let weights = Formula::new(gain);
        let vb = VarBuilder::from_backend(Box::new(weights.clone()), DType::F32, Device::Cpu);
        let mut config = ModelConfig::new(name, 10);
        config.options = options.as_object().unwrap().clone();
        (Model::build(config, vb).unwrap(), weights)
    }

    #[test]
    fn convnext_and_efficientnet_equal_timm() {
        let images = signed("images", &[2, 3, 32, 48]);
        for (case, name, options, gain) in [
            ("convnext_atto", "convnext", json!({"size": "atto"}), 3.0),
            ("convnextv2_atto", "convnext", json!({"size": "atto", "grn": true}), 3.0),
            ("convnext_tiny", "convnext", json!({"size": "tiny"}), 3.0),
            ("tf_efficientnet_b0", "tf_efficientnet", json!({"size": "b0"}), 6.0),
            ("tf_efficientnet_b1", "tf_efficientnet", json!({"size": "b1"}), 6.0),
        ] {
            let (model, _) = built(name, options, gain);
            assert_layers(&model, &images, &golden(case), case);
        }
    }

    #[test]
    fn modernbert_equals_transformers() {
        assert_texts("modernbert", None);
    }

    #[test]
    fn convnext_equals_transformers() {
        let images = signed("images", &[2, 3, 32, 48]);
        let options = json!({"size": "tiny", "names": "hugging-face", "prefix": "convnext."});
        let (model, _) = built("convnext", options, 3.0);
        assert_layers(&model, &images, &golden("convnext of transformers"), "convnext");
    }
}
