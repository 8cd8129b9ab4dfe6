//! The text networks equal those of transformers, with weights from a formula, read from Hugging Face folders; see
//! testdata/goldens/text/make.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Shape, Tensor, Var};
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use dl_models::text::generate::{Prompt, Sampling, generate};
use dl_models::text::zero_shot::ZeroShot;
use dl_models::text::{
    Bert, Cache, Clip, Gpt2, Gpt2Options, Network, TextBatch, TextConfig, TextFreeze, TextModel, TextNetwork,
    TextTokenizer, Tokens, loss,
};
use dl_models::{Backbone, Checkpoint, LayerName, Model, Parameters, Precision, checkpoint};
use dl_ops::{SgdStep, sgd_step};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/goldens/text").join(name)
}

fn golden(name: &str) -> Value {
    let text = fs::read(folder("text.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()[name].take()
}

/// `count` numbers in [0, 1): murmur's finalizer on a counter that starts at FNV-1a of the name.
fn mix(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |index| {
        let mut hash = start.wrapping_add(index.wrapping_mul(0x9E37_79B9));
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from(hash ^ (hash >> 16)) / 4_294_967_296.0
    })
}

fn signed(name: &str, shape: &[usize]) -> Tensor {
    let numbers: Vec<f32> = mix(name, shape.iter().product()).map(|u| (2.0 * u - 1.0) as f32).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

fn formula(name: &str, shape: &[usize]) -> Tensor {
    let numbers = signed(name, shape);
    match shape {
        [_] if name.ends_with(".weight") => numbers.affine(0.5, 1.0).unwrap(),
        [] | [_] => (numbers * 0.1).unwrap(),
        [.., columns] => (numbers * (3.0 / *columns as f64).sqrt()).unwrap(),
    }
}

/// Weights from the formula, for networks whose golden has no file.
struct Formula;

impl SimpleBackend for Formula {
    fn get(&self, shape: Shape, name: &str, _: Init, _: candle_core::DType, _: &Device) -> candle_core::Result<Tensor> {
        Ok(formula(name, shape.dims()))
    }

    fn get_unchecked(&self, name: &str, _: candle_core::DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name} has no shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        false
    }
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference is at most 1e-4 of the tensor's mean size, or of the number.
#[track_caller]
fn assert_summary(found: &Tensor, golden: &Value, what: &str) {
    assert_eq!(serde_json::json!(found.dims()), golden["shape"], "{what}");
    let flat: Vec<f64> = numbers(found).into_iter().map(f64::from).collect();
    let size = golden["size"].as_f64().unwrap();
    let mean = size / flat.len() as f64;
    let sums = [(flat.iter().sum::<f64>(), "sum"), (flat.iter().map(|x| x.abs()).sum::<f64>(), "size")];
    for (found, key) in sums {
        let expected = golden[key].as_f64().unwrap();
        assert!((found - expected).abs() <= 1e-4 * size + 1e-9, "{what}: {key} {found}, not {expected}");
    }
    let picked = golden["picked"].as_array().unwrap();
    for (place, expected) in picked.iter().enumerate() {
        let (found, expected) = (flat[place * (flat.len() / 5).max(1)], expected.as_f64().unwrap());
        assert!((found - expected).abs() <= 1e-4 * (mean + expected.abs()), "{what} {place}: {found}, not {expected}");
    }
}

#[track_caller]
fn assert_list(found: &Tensor, golden: &Value, what: &str) {
    let golden: Vec<f32> = serde_json::from_value(golden.clone()).unwrap();
    let found = numbers(found);
    assert_eq!(found.len(), golden.len());
    for (found, golden) in found.iter().zip(golden) {
        assert!((found - golden).abs() <= 1e-4 * (0.1 + golden.abs()), "{what}: {found}, not {golden}");
    }
}

fn texts(golden: &Value) -> Vec<(String, Vec<u32>)> {
    let texts = golden["texts"].as_array().unwrap().iter();
    texts.map(|text| (text["text"].as_str().unwrap().into(), ids(&text["ids"]))).collect()
}

fn ids(golden: &Value) -> Vec<u32> {
    serde_json::from_value(golden.clone()).unwrap()
}

fn batch(golden: &Value) -> TextBatch {
    let texts: Vec<Tokens> = texts(golden).into_iter().map(|(_, ids)| Tokens::new(ids)).collect();
    TextBatch::new(&texts)
}

/// The folder's weights as parameters.
fn parameters(name: &str) -> Parameters {
    let file = Checkpoint::open(&folder(name).join("model.safetensors")).unwrap();
    Parameters::starting_from(file.all(&Device::Cpu).unwrap(), 0)
}

fn assert_layers(network: &dyn TextNetwork, batch: &TextBatch, golden: &Value) {
    for (name, golden) in golden.as_object().unwrap() {
        assert_summary(&network.features(batch, &[name], None).unwrap()[0], golden, name);
    }
}

/// The gradients of sum(output * formula).
fn assert_gradients(output: &Tensor, parameters: &Parameters, golden: &Value) {
    let loss = (output * signed("loss", output.dims())).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    let vars: BTreeMap<String, Var> = parameters.vars().into_iter().collect();
    for (name, golden) in golden.as_object().unwrap().iter().filter(|(name, _)| *name != "pictures") {
        assert_summary(gradients.get(&vars[name]).unwrap(), golden, name);
    }
}

fn bert_batch(golden: &Value) -> TextBatch {
    let mut batch = batch(golden);
    batch.push(&Tokens { ids: ids(&golden["pair"]["ids"]), types: ids(&golden["pair"]["types"]) });
    batch
}

/// The BERT of a config with these parameters.
fn bert_of(config: &TextConfig, parameters: &Parameters) -> Bert {
    match Network::build(config, parameters.builder(&Device::Cpu)).unwrap() {
        Network::Bert(bert) => bert,
        _ => panic!("no BERT"),
    }
}

#[test]
fn bert_equals_transformers() {
    let golden = golden("bert");
    let model = TextModel::open(&folder("bert"), &Device::Cpu).unwrap();
    assert_eq!(model.config.labels.as_deref().unwrap(), ["stay", "go", "stop"]);
    let batch = bert_batch(&golden);
    assert_layers(model.network.texts(), &batch, &golden["layers"]);
    let logits = model.network.texts().forward_t(&batch, None).unwrap();
    assert_list(&logits, &golden["logits"], "logits");
    let parameters = parameters("bert");
    let network = Network::build(&model.config, parameters.builder(&Device::Cpu)).unwrap();
    assert_gradients(&network.texts().forward_t(&batch, None).unwrap(), &parameters, &golden["gradients"]);
}

#[test]
fn bert_reads_old_names_and_files_without_prefix_or_pooler() {
    let golden = golden("bert");
    let tensors = parameters_of_file("bert");
    let renamed = tensors.into_iter().filter(|(name, _)| name.starts_with("bert.") && !name.contains("pooler"));
    let renamed: BTreeMap<String, Tensor> = renamed
        .map(|(name, tensor)| {
            let name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
            (name.trim_start_matches("bert.").to_owned(), tensor)
        })
        .collect();
    assert!(renamed.contains_key("embeddings.LayerNorm.gamma"));
    let folder = tempfile::tempdir().unwrap();
    copy_folder("bert", folder.path(), &["config.json", "vocabulary/vocab.txt"]);
    let renamed: std::collections::HashMap<_, _> = renamed.into_iter().collect();
    candle_core::safetensors::save(&renamed, folder.path().join("model.safetensors")).unwrap();
    let model = TextModel::open(folder.path(), &Device::Cpu).unwrap();
    let layer = &golden["layers"]["encoder.layer.1"];
    let found = model.network.texts().features(&bert_batch(&golden), &["last_hidden_state"], None).unwrap();
    assert_summary(&found[0], layer, "encoder.layer.1");
    let error = model.network.texts().layer("pooler").unwrap_err().to_string();
    assert!(error.starts_with("layer pooler does not exist; choose from embeddings, encoder.layer.0, "), "{error}");
}

fn parameters_of_file(name: &str) -> BTreeMap<String, Tensor> {
    Checkpoint::open(&folder(name).join("model.safetensors")).unwrap().all(&Device::Cpu).unwrap()
}

/// Copies files of a golden's folder flat into another.
fn copy_folder(name: &str, to: &Path, files: &[&str]) {
    for file in files {
        let from = folder(name).join(file);
        fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
    }
}

#[test]
fn masked_tokens_change_nothing() {
    let golden = golden("bert");
    let model = TextModel::open(&folder("bert"), &Device::Cpu).unwrap();
    let text = Tokens::new(texts(&golden)[0].1.clone());
    let mut longer = text.clone();
    longer.ids.extend([7, 8, 9]);
    let mut masked = TextBatch::default();
    masked.push_masked(&longer, &[vec![true; text.ids.len()], vec![false; 3]].concat());
    let run = |batch: &TextBatch| numbers(&model.network.texts().forward_t(batch, None).unwrap());
    assert_eq!(run(&masked), run(&TextBatch::new([&text])));
    assert_ne!(run(&masked), run(&TextBatch::new([&longer])));
    // A masked token does not change the positions of later ones.
    let mut gap = TextBatch::default();
    gap.push_masked(&longer, &[true, false, true]);
    assert_eq!(gap.positions[..2], [0, 2]);
}

/// The texts, lengths and classes of step `step`, as make.py draws them.
fn training_batch(step: usize, vocabulary: usize) -> (TextBatch, Vec<u32>) {
    let (mut batch, mut classes) = (TextBatch::default(), Vec::new());
    for (row, length) in mix(&format!("lengths/{step}"), 8).enumerate() {
        let length = 3 + (10.0 * length) as usize;
        let name = format!("text/{step}/{row}");
        let text = Tokens::new(mix(&name, length).map(|u| 1 + ((vocabulary - 1) as f64 * u) as u32).collect());
        classes.push(text.ids[0] % 3);
        batch.push(&text);
    }
    (batch, classes)
}

#[test]
fn bert_trains_as_in_torch_over_20_steps() {
    let golden = golden("bert");
    for optimizer in ["adamw", "sgd"] {
        let parameters = parameters("bert");
        let config = TextModel::open(&folder("bert"), &Device::Cpu).unwrap().config;
        let vocabulary = config.option("vocab_size").unwrap().as_u64().unwrap() as usize;
        let model = bert_of(&config, &parameters);
        let vars: Vec<Var> = parameters.vars().into_iter().map(|(_, var)| var).collect();
        let adamw = ParamsAdamW { lr: 2e-3, weight_decay: 0.01, ..ParamsAdamW::default() };
        let mut adamw = AdamW::new(vars.clone(), adamw).unwrap();
        let velocities: Vec<Tensor> = vars.iter().map(|var| var.zeros_like().unwrap()).collect();
        let mut first_step = true;
        for (step, expected) in golden["curves"][optimizer].as_array().unwrap().iter().enumerate() {
            let (batch, classes) = training_batch(step, vocabulary);
            let mut rng = dl_record::rng(0, "dropout");
            let (loss, _) = loss::classifier_loss(&model, &batch, &classes, Some(&mut rng)).unwrap();
            let gradients = loss.backward().unwrap();
            if optimizer == "adamw" {
                adamw.step(&gradients).unwrap();
            } else {
                for (var, velocity) in vars.iter().zip(&velocities) {
                    let momentum = if first_step { 0.0 } else { 0.9 };
                    let step = SgdStep { rate: 0.02, momentum, decay: 1e-3, scale: 1.0 };
                    sgd_step(var, gradients.get(var).unwrap(), velocity, step).unwrap();
                }
                first_step = false;
            }
            let (found, expected) = (f64::from(loss.to_scalar::<f32>().unwrap()), expected.as_f64().unwrap());
            assert!((found - expected).abs() <= 1e-3, "{optimizer} step {step}: {found}, not {expected}");
        }
    }
}

#[test]
fn gpt2_equals_transformers_with_and_without_a_separate_head() {
    let golden = golden("gpt2");
    let model = TextModel::open(&folder("gpt2"), &Device::Cpu).unwrap();
    let batch = batch(&golden);
    assert_layers(model.network.texts(), &batch, &golden["tied"]["layers"]);
    let parameters = parameters("gpt2");
    let network = Network::build(&model.config, parameters.builder(&Device::Cpu)).unwrap();
    assert_gradients(&network.texts().forward_t(&batch, None).unwrap(), &parameters, &golden["tied"]["gradients"]);
    assert!(!parameters.tensors().contains_key("lm_head.weight"));

    let options = Gpt2Options { tie_word_embeddings: false, ..model.gpt2().unwrap().options.clone() };
    let builder = VarBuilder::from_backend(Box::new(Formula), candle_core::DType::F32, Device::Cpu);
    let start = Parameters::fresh(0);
    Gpt2::new(&options, start.builder(&Device::Cpu)).unwrap();
    let given = start.tensors().into_iter().map(|(name, tensor)| {
        let drawn = builder.get(tensor.dims(), &name).unwrap();
        (name, drawn)
    });
    let parameters = Parameters::starting_from(given.collect(), 0);
    let untied = Gpt2::new(&options, parameters.builder(&Device::Cpu)).unwrap();
    assert_layers(&untied, &batch, &golden["untied"]["layers"]);
    let network: &dyn TextNetwork = &untied;
    assert_gradients(&network.forward_t(&batch, None).unwrap(), &parameters, &golden["untied"]["gradients"]);
}

#[test]
fn gpt2_files_need_no_prefix() {
    let golden = golden("gpt2");
    let folder = tempfile::tempdir().unwrap();
    copy_folder("gpt2", folder.path(), &["config.json", "vocabulary/vocab.json", "vocabulary/merges.txt"]);
    let bare: std::collections::HashMap<String, Tensor> = parameters_of_file("gpt2")
        .into_iter()
        .map(|(name, tensor)| (name.trim_start_matches("transformer.").to_owned(), tensor))
        .collect();
    candle_core::safetensors::save(&bare, folder.path().join("model.safetensors")).unwrap();
    let model = TextModel::open(folder.path(), &Device::Cpu).unwrap();
    assert_layers(model.network.texts(), &batch(&golden), &golden["tied"]["layers"]);
}

#[test]
fn gpt2_continues_as_transformers_and_its_cache_changes_nothing() {
    let golden = golden("gpt2");
    let model = TextModel::open(&folder("gpt2"), &Device::Cpu).unwrap();
    let gpt2 = model.gpt2().unwrap();
    let texts: Vec<Vec<u32>> = texts(&golden).into_iter().map(|(_, ids)| ids).collect();
    // Greedily, with the cache.
    let (mut ids, mut cache) = (texts[0].clone(), Cache::new(1));
    let mut new = ids.clone();
    for _ in 0..12 {
        let logits = gpt2.next(&[&new], &mut cache).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap() as u32;
        new = vec![best];
        ids.push(best);
    }
    assert_eq!(serde_json::json!(ids[texts[0].len()..]), golden["tied"]["greedy"]);
    // In parts, with other texts: the same as the whole at once.
    let mut cache = Cache::new(3);
    let first: Vec<&[u32]> = texts[..3].iter().map(|text| &text[..2]).collect();
    gpt2.next(&first, &mut cache).unwrap();
    let rest: Vec<&[u32]> = texts[..3].iter().map(|text| &text[2..]).collect();
    let logits = gpt2.next(&rest, &mut cache).unwrap();
    for (row, text) in texts[..3].iter().enumerate() {
        let whole = model.network.texts().forward_t(&TextBatch::new([&Tokens::new(text.clone())]), None).unwrap();
        let last = numbers(&whole.narrow(0, text.len() - 1, 1).unwrap());
        for (found, expected) in numbers(&logits.narrow(0, row, 1).unwrap()).iter().zip(last) {
            assert!((found - expected).abs() < 1e-5, "{row}: {found}, not {expected}");
        }
    }
}

#[test]
fn clip_equals_transformers_on_images_and_texts() {
    let golden = golden("clip");
    let model = TextModel::open(&folder("clip"), &Device::Cpu).unwrap();
    let batch = batch(&golden);
    assert_layers(model.network.texts(), &batch, &golden["layers"]);
    // The same folder, read as an image network.
    let images = Model::open(&folder("clip"), None, &Device::Cpu).unwrap();
    assert_eq!(images.config.preprocessing.mean, [0.5, 0.4, 0.3]);
    assert_eq!(images.config.preprocessing.size, [12, 12]);
    let x = Var::from_tensor(&signed("pictures", &[3, 3, 12, 12])).unwrap();
    for (name, golden) in golden["picture_layers"].as_object().unwrap() {
        assert_summary(&images.features(&x, &[name.parse().unwrap()]).unwrap()[0], golden, name);
    }
    let parameters = parameters("clip");
    let clip = Clip::new(&model.config.options().unwrap(), parameters.builder(&Device::Cpu)).unwrap();
    let (images, texts): (&dyn Backbone, &dyn TextNetwork) = (&clip.images, &clip.texts);
    let layer: LayerName = "image_embeds".parse().unwrap();
    let images = images.features(&x, &[layer], None).unwrap().remove(0);
    let scores = clip.similarity(&images, &texts.forward_t(&batch, None).unwrap()).unwrap();
    assert_list(&scores, &golden["logits_per_image"], "logits_per_image");
    assert_gradients(&scores, &parameters, &golden["gradients"]);
    let gradients = (&scores * signed("loss", scores.dims())).unwrap().sum_all().unwrap().backward().unwrap();
    assert_summary(gradients.get(&x).unwrap(), &golden["gradients"]["pictures"], "images");
}

#[test]
fn tokenizers_equal_transformers_in_both_file_formats() {
    for name in ["bert", "gpt2", "clip"] {
        let golden = golden(name);
        let whole = TextModel::open(&folder(name), &Device::Cpu).unwrap();
        let old = tempfile::tempdir().unwrap();
        copy_folder(name, old.path(), &["config.json", "model.safetensors"]);
        for file in fs::read_dir(folder(name).join("vocabulary")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), old.path().join(file.file_name())).unwrap();
        }
        let old = TextModel::open(old.path(), &Device::Cpu).unwrap();
        for (text, ids) in texts(&golden) {
            for tokenizer in [&whole.tokenizer, &old.tokenizer] {
                assert_eq!(tokenizer.encode(&text).unwrap(), (Tokens::new(ids.clone()), false), "{name}: {text}");
            }
        }
        if name == "bert" {
            for tokenizer in [&whole.tokenizer, &old.tokenizer] {
                let (pair, _) = tokenizer.encode_pair("The cat sat on the mat.", "STOP!").unwrap();
                let golden = &golden["pair"];
                assert_eq!((pair.ids, pair.types), (ids(&golden["ids"]), ids(&golden["types"])));
            }
        }
        if name == "gpt2" {
            let text = "Caf\u{e9} \u{4e2d} the thing\n";
            let ids = old.tokenizer.encode_plain(text).unwrap();
            assert_eq!(old.tokenizer.decode(&ids).unwrap(), text);
        }
    }
}

#[test]
fn a_long_text_is_truncated_and_keeps_its_special_tokens() {
    let model = TextModel::open(&folder("bert"), &Device::Cpu).unwrap();
    let longest = model.network.texts().longest();
    let (tokens, cut) = model.tokenizer.encode(&"cat ".repeat(100)).unwrap();
    assert!(cut && tokens.ids.len() == longest);
    let sep = model.tokenizer.id("[SEP]").unwrap();
    assert_eq!((tokens.ids[0], tokens.ids[longest - 1]), (model.tokenizer.id("[CLS]").unwrap(), sep));
    assert_eq!(model.tokenizer.encode_plain(&"cat ".repeat(100)).unwrap().len(), 100);
    assert!(TextTokenizer::new(model.tokenizer.text(), 2).is_err());
}

#[test]
fn a_model_file_contains_its_tokenizer_and_is_reproducible() {
    let target = tempfile::tempdir().unwrap();
    for name in ["bert", "gpt2", "clip"] {
        let model = TextModel::open(&folder(name), &Device::Cpu).unwrap();
        let [first, second] = ["first", "second"].map(|file| target.path().join(file));
        for path in [&first, &second] {
            model.save(path, &parameters_of_file(name), Precision::F32).unwrap();
        }
        assert!(fs::read(&first).unwrap() == fs::read(&second).unwrap());
        let read = TextModel::open(&first, &Device::Cpu).unwrap();
        let golden = golden(name);
        for (text, ids) in texts(&golden) {
            assert_eq!(read.tokenizer.encode(&text).unwrap().0.ids, ids);
        }
        let batch = batch(&golden);
        let run = |model: &TextModel| numbers(&model.network.texts().forward_t(&batch, None).unwrap());
        assert_eq!(run(&model), run(&read));
        if name == "clip" {
            let images = Model::open(&first, None, &Device::Cpu).unwrap();
            assert_eq!(images.config.preprocessing.size, [12, 12]);
            assert_eq!(images.config.preprocessing.mean, [0.5, 0.4, 0.3]);
        }
    }
}

#[test]
fn a_text_has_the_same_bits_alone_and_in_a_batch() {
    for name in ["bert", "gpt2", "clip"] {
        let model = TextModel::open(&folder(name), &Device::Cpu).unwrap();
        let texts: Vec<Tokens> = texts(&golden(name)).into_iter().map(|(_, ids)| Tokens::new(ids)).collect();
        let layer = model.default_layer();
        let run = |texts: &[Tokens]| {
            let features = model.network.texts().features(&TextBatch::new(texts), &[layer], None).unwrap();
            numbers(&features[0])
        };
        let apart: Vec<f32> = texts.iter().flat_map(|text| run(std::slice::from_ref(text))).collect();
        assert!(run(&texts) == apart, "{name}");
    }
}

#[test]
fn dropout_is_drawn_from_the_seed_and_only_in_training() {
    let mut config = TextModel::open(&folder("bert"), &Device::Cpu).unwrap().config;
    for option in ["hidden_dropout_prob", "attention_probs_dropout_prob"] {
        config.options.insert(option.into(), 0.2.into());
    }
    let bert = bert_of(&config, &parameters("bert"));
    let network: &dyn TextNetwork = &bert;
    let batch = bert_batch(&golden("bert"));
    let train = |seed| numbers(&network.forward_t(&batch, Some(&mut dl_record::rng(seed, ""))).unwrap());
    assert_eq!(train(0), train(0));
    assert_ne!(train(0), train(1));
    assert_list(&network.forward_t(&batch, None).unwrap(), &golden("bert")["logits"], "logits");
}

#[test]
fn the_error_for_another_kind_of_model_says_what_it_lacks() {
    let target = tempfile::tempdir().unwrap();
    let error = |path: &Path| format!("{:#}", TextModel::open(path, &Device::Cpu).err().unwrap());
    assert!(error(target.path()).contains("is a folder without any of model.safetensors.index.json"));
    copy_folder("bert", target.path(), &["model.safetensors"]);
    assert!(error(target.path()).contains("has no config with its architecture"));
    copy_folder("bert", target.path(), &["config.json"]);
    assert!(error(target.path()).contains("no tokenizer in the file"), "{}", error(target.path()));
    copy_folder("gpt2", target.path(), &["config.json", "tokenizer.json"]);
    let text = error(target.path());
    assert!(text.contains("tensor \"transformer.wte.weight\" is missing, the config's architecture gpt2 expects it"));
    let bert = TextModel::open(&folder("bert"), &Device::Cpu).unwrap();
    assert!(bert.gpt2().err().unwrap().to_string().contains("bert cannot generate text"));
    let path = target.path().join("images.safetensors");
    let config = dl_models::ModelConfig::new("squeezenet1_1", 2);
    checkpoint::save(&path, &config, &BTreeMap::new(), Precision::F32).unwrap();
    assert!(error(&path).contains("squeezenet1_1 is not a text network; choose from bert, distilbert, gpt2"));
}

#[test]
fn generated_texts_do_not_depend_on_the_batch() {
    let model = TextModel::open(&folder("gpt2"), &Device::Cpu).unwrap();
    let sampling = Sampling { max_tokens: 20, top_k: Some(40), ..Sampling::default() };
    let prompt = |index: usize| Prompt {
        text: ["The cat", "", "A dog sat on"][index % 3].into(),
        rng: dl_record::rng(5, &index.to_string()),
    };
    let together = generate(&model, (0..6).map(prompt).collect(), &sampling).unwrap();
    for (index, text) in together.into_iter().enumerate() {
        let text = text.unwrap();
        let alone = generate(&model, vec![prompt(index)], &sampling).unwrap().remove(0).unwrap();
        assert_eq!(alone, text);
        assert!(text.starts_with(&prompt(index).text) && text.len() > prompt(index).text.len());
    }
}

#[test]
fn zero_shot_clip_gives_probabilities_of_labels_in_templates() {
    let labels = ["cat", "stop", "the"].map(str::to_owned);
    let open = |labels: &[String], templates: &[&str]| {
        let templates: Vec<String> = templates.iter().map(|template| (*template).to_owned()).collect();
        ZeroShot::open(&folder("clip"), labels, &templates, &Device::Cpu)
    };
    let zero_shot = open(&labels, &["a photo of a {}"]).unwrap();
    let x = signed("pictures", &[3, 3, 12, 12]);
    let found = zero_shot.probabilities(&x).unwrap();
    assert_eq!(found.len(), 3);
    // Computed from the two networks.
    let model = TextModel::open(&folder("clip"), &Device::Cpu).unwrap();
    let Network::Clip(clip) = &model.network else { panic!("no CLIP") };
    let texts = labels.each_ref().map(|label| model.tokenizer.encode(&format!("a photo of a {label}")).unwrap().0);
    let (images, names): (&dyn Backbone, &dyn TextNetwork) = (&clip.images, &clip.texts);
    let images = images.features(&x, &["image_embeds".parse().unwrap()], None).unwrap().remove(0);
    let scores = clip.similarity(&images, &names.forward_t(&TextBatch::new(&texts), None).unwrap()).unwrap();
    let expected = dl_ops::softmax(&scores, 1).unwrap().to_vec2::<f32>().unwrap();
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
    }
    // Probabilities follow the order of the labels, and several templates are averaged.
    let turned: Vec<String> = labels.iter().rev().cloned().collect();
    let backwards = open(&turned, &["a photo of a {}"]).unwrap().probabilities(&x).unwrap();
    assert!((backwards[0][0] - found[0][2]).abs() < 1e-6);
    assert_ne!(open(&labels, &["a photo of a {}", "the {}"]).unwrap().probabilities(&x).unwrap(), found);
    assert!(open(&labels, &["a photo"]).err().unwrap().to_string().contains("has no {} for the label"));
    assert!(open(&[], &["{}"]).is_err());
}

/// Synthetic texts of two classes: those with `go` or `run`, and those with `stop` or `sat`.
fn errand(index: usize) -> (String, u32) {
    let (go, who) = (["go", "run", "walking", "ran"], ["cat", "dog", "sign", "mat"]);
    let (stay, how) = (["stop", "sat", "on", "mat"], ["left", "right", "red", "to"]);
    let of = |words: [&'static str; 4], step: usize| words[index / step % 4];
    let word = if index.is_multiple_of(2) { of(go, 2) } else { of(stay, 2) };
    (format!("the {} {word} {}", of(who, 8), of(how, 32)), index as u32 % 2)
}

#[test]
fn bert_is_trained_to_classify_a_small_set_of_texts() {
    let labels = ["goes", "stays"].map(str::to_owned);
    let (mut model, parameters) =
        TextModel::to_train(&folder("bert"), Some(&labels), &[], &TextFreeze::Nothing, 0, &Device::Cpu).unwrap();
    assert_eq!(parameters.tensors()["classifier.weight"].dims(), [2, 16]);
    let texts: Vec<(Tokens, u32)> = (0..128)
        .map(|index| {
            let (text, class) = errand(index);
            (model.tokenizer.encode(&text).unwrap().0, class)
        })
        .collect();
    // Every third text is held out.
    let (held_out, train): (Vec<_>, Vec<_>) = texts.into_iter().enumerate().partition(|(index, _)| index % 3 == 0);
    let batch = |texts: &[(usize, (Tokens, u32))]| {
        let classes: Vec<u32> = texts.iter().map(|(_, (_, class))| *class).collect();
        (TextBatch::new(texts.iter().map(|(_, (text, _))| text)), classes)
    };
    let Network::Bert(bert) = &model.network else { panic!("no BERT") };
    let right = || {
        let (texts, classes) = batch(&held_out);
        let logits = loss::classifier_loss(bert, &texts, &classes, None).unwrap().1.to_vec2::<f32>().unwrap();
        logits.iter().zip(classes).filter(|(row, class)| u32::from(row[1] > row[0]) == *class).count()
    };
    let vars = parameters.vars().into_iter().map(|(_, var)| var).collect();
    let mut optimizer = AdamW::new(vars, ParamsAdamW { lr: 3e-3, ..ParamsAdamW::default() }).unwrap();
    for step in 0..40 {
        let (texts, classes) = batch(&train[step % 5 * 17..(step % 5 + 1) * 17]);
        let mut rng = dl_record::rng(0, &step.to_string());
        let (loss, _) = loss::classifier_loss(bert, &texts, &classes, Some(&mut rng)).unwrap();
        optimizer.backward_step(&loss).unwrap();
    }
    assert!(right() * 10 > held_out.len() * 9, "{} of {} are right", right(), held_out.len());
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("errands.safetensors");
    model.config.provenance.seed = Some(0);
    model.save(&file, &parameters.tensors(), Precision::F32).unwrap();
    let read = TextModel::open(&file, &Device::Cpu).unwrap();
    assert_eq!(read.config.labels.as_deref(), Some(&labels[..]));
    assert!(TextModel::to_train(&folder("gpt2"), Some(&labels), &[], &TextFreeze::Nothing, 0, &Device::Cpu).is_err());
}
