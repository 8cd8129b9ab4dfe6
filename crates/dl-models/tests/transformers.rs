//! Networks in folders of Hugging Face and timm equal transformers and timm; see make_images.py, make_texts.py,
//! make_siglip.py and make_llama.py in testdata/goldens/transformers.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[cfg(feature = "transformers")]
mod formula;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor, Var};
use dl_models::text::{Network, Siglip, TextBatch, TextModel, TextNetwork, Tokens, convert};
use dl_models::{Backbone, Checkpoint, LayerName, Model, Parameters, Preprocessing, Resize};
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
    assert_eq!(preprocessing.interpolation, Preprocessing::dinov2().interpolation);
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

/// The texts of a golden of SigLIP, as the model's tokenizer makes them.
fn siglip_texts(model: &TextModel, golden: &Value) -> Vec<Tokens> {
    let texts: Vec<String> = serde_json::from_value(golden["texts"].clone()).unwrap();
    texts.iter().map(|text| model.tokenizer.encode(text).unwrap().0).collect()
}

#[test]
fn siglip_equals_transformers_on_images_and_texts() {
    let images = signed("images", &[2, 3, 27, 27]);
    for name in ["siglip", "siglip2"] {
        let golden = golden_in("siglip.json", name);
        let model = TextModel::open(&folder(name), &Device::Cpu).unwrap();
        let tokens = siglip_texts(&model, &golden);
        let ids: Vec<&Vec<u32>> = tokens.iter().map(|tokens| &tokens.ids).collect();
        let expected: Vec<Vec<u32>> = serde_json::from_value(golden["ids"].clone()).unwrap();
        assert_eq!(ids, expected.iter().collect::<Vec<_>>(), "{name}");
        let network: &dyn TextNetwork = model.network.texts();
        for (layer, golden) in golden["text_layers"].as_object().unwrap() {
            let found = network.features(&TextBatch::new(&tokens), &[layer], None).unwrap().remove(0);
            assert_equals(&found, golden, &format!("{name} {layer}"));
        }
        let of_images = Model::open(&folder(name), None, &Device::Cpu).unwrap();
        assert_layers(&of_images, &images, &golden["layers"], name);
        let preprocessing = Preprocessing { size: [27; 2], ..Preprocessing::siglip() };
        assert_eq!(of_images.config.preprocessing, preprocessing);
    }
}

#[test]
fn the_scores_of_siglip_and_their_gradients_equal_transformers() {
    let golden = golden_in("siglip.json", "siglip");
    let model = TextModel::open(&folder("siglip"), &Device::Cpu).unwrap();
    let batch = TextBatch::new(&siglip_texts(&model, &golden));
    let file = Checkpoint::open(&folder("siglip").join("model.safetensors")).unwrap();
    let parameters = Parameters::starting_from(file.all(&Device::Cpu).unwrap(), 0);
    let siglip = Siglip::new(&model.config.options().unwrap(), parameters.builder(&Device::Cpu)).unwrap();
    let x = Var::from_tensor(&signed("images", &[2, 3, 27, 27])).unwrap();
    let (images, texts): (&dyn Backbone, &dyn TextNetwork) = (&siglip.images, &siglip.texts);
    let images = images.forward_t(&x, None).unwrap();
    let scores = siglip.similarity(&images, &texts.forward_t(&batch, None).unwrap()).unwrap();
    assert_equals(&scores, &golden["logits_per_image"], "logits_per_image");
    let found = dl_ops::sigmoid(&scores).unwrap().to_vec2::<f32>().unwrap();
    let expected: Vec<Vec<f32>> = serde_json::from_value(golden["probabilities"].clone()).unwrap();
    for (found, expected) in found.concat().iter().zip(expected.concat()) {
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }
    let gradients = (&scores * signed("loss", scores.dims())).unwrap().sum_all().unwrap().backward().unwrap();
    let vars: BTreeMap<String, Var> = parameters.vars().into_iter().collect();
    for (name, golden) in golden["gradients"].as_object().unwrap() {
        let var = if name == "images" { &x } else { &vars[name] };
        assert_equals(gradients.get(var).unwrap(), golden, name);
    }
}

#[test]
fn a_siglip_with_a_classifier_equals_transformers() {
    let golden = golden_in("siglip.json", "siglip-classes");
    let model = Model::open(&folder("siglip-classes"), None, &Device::Cpu).unwrap();
    assert_layers(&model, &signed("images", &[2, 3, 27, 27]), &golden["layers"], "siglip-classes");
    assert_eq!(model.config.label_names(Path::new("")).unwrap().unwrap(), ["stop", "go", "turn"]);
}

#[test]
fn a_siglip_in_one_file_has_its_tokens_and_preprocessing() {
    let files = tempfile::tempdir().unwrap();
    for name in ["siglip", "siglip2"] {
        let golden = golden_in("siglip.json", name);
        let paths = ["first", "second"].map(|file| files.path().join(format!("{name}-{file}.safetensors")));
        for path in &paths {
            convert(&mut Checkpoint::open(&folder(name)).unwrap(), path, None, None).unwrap();
        }
        assert!(std::fs::read(&paths[0]).unwrap() == std::fs::read(&paths[1]).unwrap(), "{name}");
        let model = TextModel::open(&paths[0], &Device::Cpu).unwrap();
        assert!(matches!(model.network, Network::Siglip(_)));
        let ids: Vec<Vec<u32>> = siglip_texts(&model, &golden).into_iter().map(|tokens| tokens.ids).collect();
        assert_eq!(ids, serde_json::from_value::<Vec<Vec<u32>>>(golden["ids"].clone()).unwrap(), "{name}");
        let images = Model::open(&paths[0], None, &Device::Cpu).unwrap();
        let preprocessing = Preprocessing { size: [27; 2], ..Preprocessing::siglip() };
        assert_eq!(images.config.preprocessing, preprocessing);
    }
}

#[cfg(feature = "transformers")]
mod candle {
    use candle_core::DType;
    use candle_nn::VarBuilder;
    use dl_models::ModelConfig;
    use dl_models::text::generate::{Prompt, Sampling, generate};
    use dl_models::text::{LanguageModel, TextConfig};
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

    fn numbers<T: serde::de::DeserializeOwned>(golden: &Value, key: &str) -> Vec<T> {
        serde_json::from_value(golden[key].clone()).unwrap()
    }

    /// The logits after each token, token by token; those after all of them at once are the same.
    #[track_caller]
    fn logits(network: &dyn LanguageModel, ids: &[u32], what: &str) -> Tensor {
        let mut texts = network.begin(1);
        let rows: Vec<Tensor> = ids.iter().map(|id| texts.next(&[&[*id]]).unwrap()).collect();
        assert_eq!(texts.lengths(), [ids.len()]);
        let flat = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let last = flat(rows.last().unwrap());
        let (at_once, other) = (network.begin(1).next(&[ids]).unwrap(), &ids[..3]);
        for (found, expected) in flat(&at_once).iter().zip(&last) {
            assert!((found - expected).abs() < 1e-4, "{what}: {found} at once, {expected} token by token");
        }
        let batch = network.begin(3).next(&[other, ids, other]).unwrap();
        assert_eq!(flat(&batch.narrow(0, 1, 1).unwrap()), flat(&at_once), "{what}: a text depends on the batch");
        Tensor::cat(&rows, 0).unwrap()
    }

    /// The largest difference to the golden.
    fn error(found: &Tensor, golden: &Value) -> f64 {
        let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        let picked = found.iter().step_by(found.len() / 64).take(64);
        let expected: Vec<f64> = numbers(golden, "picked");
        picked.zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs()).fold(0.0, f64::max)
    }

    #[track_caller]
    fn assert_tokens_and_text(model: &TextModel, golden: &Value, what: &str) {
        let texts: Vec<String> = serde_json::from_value(golden_in("llama.json", "texts")).unwrap();
        let tokens: Vec<Vec<u32>> = texts.iter().map(|text| model.tokenizer.encode(text).unwrap().0.ids).collect();
        assert_eq!(tokens, numbers::<Vec<u32>>(golden, "tokens"), "{what}");
        let sampling = Sampling { temperature: 0.0, max_tokens: 12, ..Sampling::default() };
        let prompt = Prompt { text: texts[0].clone(), rng: dl_record::rng(0, "x") };
        let text = generate(model, vec![prompt], &sampling).unwrap().remove(0).unwrap();
        // With quantized activations, the two most likely tokens may change places.
        if what.ends_with("_0.gguf") {
            assert!(text.len() > texts[0].len() && text.starts_with(&texts[0]), "{what}: {text}");
        } else {
            assert_eq!(text, golden["text"], "{what}");
        }
    }

    #[test]
    fn llama_equals_transformers_and_continues_a_prompt_as_it_does() {
        let golden = golden_in("llama.json", "llama");
        let model = TextModel::open(&folder("llama"), &Device::Cpu).unwrap();
        let ids: Vec<u32> = numbers(&golden, "ids");
        let found = logits(model.language_model().unwrap(), &ids, "llama");
        assert_equals(&found, &golden["logits"], "llama");
        assert_tokens_and_text(&model, &golden, "llama");
        let network: &dyn TextNetwork = model.network.texts();
        let batch = TextBatch::new(&[Tokens::new(ids.clone())]);
        let last = network.features(&batch, &["logits"], None).unwrap().remove(0);
        assert_eq!(last.dims(), [1, 320]);
    }

    #[test]
    fn llama_equals_transformers_whatever_its_options() {
        for case in golden_in("llama.json", "networks").as_array().unwrap() {
            let mut options = json!({
                "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
                "intermediate_size": 64, "max_position_embeddings": 96, "rms_norm_eps": 1e-5, "vocab_size": 320,
            });
            options.as_object_mut().unwrap().extend(case["options"].as_object().unwrap().clone());
            let config = TextConfig::new("llama", options.as_object().unwrap().clone());
            let vb = VarBuilder::from_backend(Box::new(Formula::new(6.0)), DType::F32, Device::Cpu);
            let Network::Language(network) = Network::build(&config, vb).unwrap() else { panic!("another network") };
            let found = logits(&*network, &numbers::<u32>(case, "ids"), &options.to_string());
            assert_equals(&found, &case["logits"], &options.to_string());
        }
    }

    #[test]
    fn llama_in_gguf_equals_transformers_on_the_dequantized_weights() {
        // Activations are quantized too, except with unquantized weights.
        for (name, most) in [("llama-f32.gguf", 1e-4), ("llama-q8_0.gguf", 0.2), ("llama-q4_0.gguf", 0.2)] {
            let golden = golden_in("llama.json", name);
            let model = TextModel::of_gguf(&folder(name), &Device::Cpu).unwrap();
            let found = logits(model.language_model().unwrap(), &numbers::<u32>(&golden, "ids"), name);
            let error = error(&found, &golden["logits"]);
            assert!(error < most, "{name}: {error}");
            assert_tokens_and_text(&model, &golden, name);
        }
    }

    #[test]
    fn a_damaged_gguf_is_an_error_and_never_a_panic() {
        let (whole, files) = (std::fs::read(folder("llama-q4_0.gguf")).unwrap(), tempfile::tempdir().unwrap());
        let path = files.path().join("x.gguf");
        let open = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            TextModel::of_gguf(&path, &Device::Cpu).map(|_| ()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(open(&whole), Ok(()));
        for length in (0..whole.len()).step_by(997) {
            let error = open(&whole[..length]).unwrap_err();
            assert!(error.contains("is truncated") && !error.contains('\n'), "{length}: {error}");
        }
        for (place, flip) in (0..whole.len() - 12_000).step_by(5).zip([0xFF, 0x01, 0x80].into_iter().cycle()) {
            let mut damaged = whole.clone();
            damaged[place] ^= flip;
            if let Err(error) = open(&damaged) {
                assert!(error.len() < 500 && !error.contains('\n'), "{place}: {error}");
            }
        }
    }
}
