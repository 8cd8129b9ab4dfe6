//! Texts through the programs: `dl-embed`, `dl-generate` and `dl-eval lm`.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{Ran, run, shared};
use crate::text_strategies::errands;

pub(crate) const BERT: &str = "testdata/goldens/text/bert";
pub(crate) const GPT2: &str = "testdata/goldens/text/gpt2";
const CLIP: &str = "testdata/goldens/text/clip";

fn records(texts: &[&str]) -> String {
    let lines = texts.iter().enumerate();
    lines.map(|(index, text)| format!("{}\n", json!({"id": index.to_string(), "text": text}))).collect()
}

const TEXTS: [&str; 5] = ["the cat sat on the mat", "stop", "a dog ran to the red sign, go left or right?", "x", "no"];

fn embed(model: &str, args: &[&str], stdin: &str) -> Ran {
    run("dl-embed", &[&["--model", model, "--features-json"], args].concat(), stdin)
}

/// The only row of a layer.
fn row(record: &Value, layer: &str) -> Vec<f64> {
    let features = &record["features"][layer];
    assert_eq!(features["shape"][0], 1, "{record}");
    serde_json::from_value(features["values"][0].clone()).unwrap()
}

#[test]
fn a_texts_features_do_not_depend_on_the_batch_and_the_threads() {
    for (model, layer) in [(BERT, "last_hidden_state,pooler"), (GPT2, "ln_f,h.0"), (CLIP, "text_embeds")] {
        let outputs = [["1", "1"], ["64", "3"], ["2", "2"]].map(|[batch, threads]| {
            let args = ["--layer", layer, "--batch", batch, "--threads", threads, "--pad", "1"];
            embed(model, &args, &records(&TEXTS)).expect(0).stdout
        });
        assert!(outputs[0] == outputs[1] && outputs[0] == outputs[2], "{model}");
        assert!(outputs[0].contains("values"));
    }
}

#[test]
fn the_tokens_of_a_text_are_pooled_as_requested() {
    let all = embed(BERT, &["--pool", "none"], &records(&TEXTS[..1])).expect(0).records().remove(0);
    let tokens: Vec<Vec<f64>> = serde_json::from_value(all["features"]["last_hidden_state"]["values"].clone()).unwrap();
    // [CLS], the words, of which one is in pieces or unknown, and [SEP].
    assert!(tokens.len() >= 8 && tokens.iter().all(|row| row.len() == 16), "{}", tokens.len());
    let mean: Vec<f64> = (0..16).map(|c| tokens.iter().map(|row| row[c]).sum::<f64>() / tokens.len() as f64).collect();
    let max: Vec<f64> = (0..16).map(|c| tokens.iter().map(|row| row[c]).fold(f64::MIN, f64::max)).collect();
    for (args, expected) in [
        (&["--pool", "mean"][..], &mean),
        (&[], &mean),
        (&["--pool", "max"], &max),
        (&["--pool", "cls"], &tokens[0]),
        (&["--pool", "last"], tokens.last().unwrap()),
    ] {
        let record = embed(BERT, args, &records(&TEXTS[..1])).expect(0).records().remove(0);
        for (found, expected) in row(&record, "last_hidden_state").iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{args:?}: {found}, not {expected}");
        }
    }
    let record = embed(BERT, &["--normalize"], &records(&TEXTS[..1])).expect(0).records().remove(0);
    let length: f64 = row(&record, "last_hidden_state").iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
}

#[test]
fn a_text_that_is_too_long_is_truncated_and_reported() {
    let long = "cat ".repeat(200);
    let ran = embed(BERT, &["--pool", "none"], &records(&[&long, "cat"])).expect(0);
    assert_eq!(ran.records()[0]["features"]["last_hidden_state"]["shape"], json!([24, 16]));
    assert!(ran.stderr.contains("texts cut to the maximum length of the network: 1"), "{}", ran.stderr);
}

#[test]
fn missing_texts_and_unknown_layers_are_errors() {
    let ran = embed(BERT, &[], "{\"id\":\"a\"}\n{\"id\":\"b\",\"text\":\"cat\"}\n").expect(1);
    assert_eq!(ran.records()[0]["error"]["message"], "the record has no \"text\"; it is what the network reads");
    assert!(ran.records()[1].get("features").is_some());
    let ran = embed(BERT, &["--layer", "fc7"], "").expect(2);
    assert!(ran.stderr.contains("layer fc7 does not exist; choose from embeddings, encoder.layer.0"), "{}", ran.stderr);
    let ran = embed(CLIP, &["--layer", "fc7"], "").expect(2);
    assert!(ran.stderr.contains("image_embeds") && ran.stderr.contains("text_embeds"), "{}", ran.stderr);
    let ran = embed("testdata/goldens/text", &[], "").expect(2);
    assert!(ran.stderr.contains("is a folder without any of"), "{}", ran.stderr);
}

#[test]
fn clip_embeds_images_and_texts_into_one_space() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    RgbImage::from_fn(30, 20, |x, y| Rgb([(x * 7) as u8, (y * 5) as u8, 90])).save(&path).unwrap();
    let stream = format!(
        "{}\n{}\n{}\n",
        json!({"id": "both", "image": path, "text": "a cat"}),
        json!({"id": "text", "text": "a cat"}),
        json!({"id": "region", "image": path, "proposals": [{"box": [1, 2, 20, 18], "score": 1.0}, {"box": [0, 0, 5, 9], "score": 0.5}]}),
    );
    let found = embed(CLIP, &["--pad", "1"], &stream).expect(0).records();
    assert_eq!(row(&found[0], "image_embeds").len(), 8);
    assert_eq!(row(&found[1], "text_embeds").len(), 8);
    assert_eq!(found[2]["features"]["image_embeds"]["shape"], json!([2, 8]));
    let texts = embed(CLIP, &["--pad", "1", "--input", "text"], &stream).expect(1).records();
    assert_eq!(row(&texts[0], "text_embeds"), row(&found[1], "text_embeds"));
    // Tokens of images are pooled too: by default the class vector.
    let layer = "vision_model.encoder.layers.1";
    let of = |pool: &[&str]| {
        let args = [&["--pad", "1", "--layer", layer], pool].concat();
        embed(CLIP, &args, stream.lines().next().unwrap()).expect(0).records().remove(0)
    };
    assert_eq!(row(&of(&[]), layer), row(&of(&["--pool", "cls"]), layer));
    assert_ne!(row(&of(&[]), layer), row(&of(&["--pool", "mean"]), layer));
    assert_eq!(row(&of(&["--pool", "none"]), layer).len(), 10 * 12);
}

fn generate(args: &[&str], stdin: &str) -> Ran {
    run("dl-generate", &[&["--model", GPT2, "--max-tokens", "12"], args].concat(), stdin)
}

#[test]
fn texts_do_not_depend_on_the_batch_and_each_sample_has_its_own_draws() {
    let outputs = ["1", "7", "64"].map(|batch| {
        generate(&["--count", "3", "--batch", batch], &records(&["the cat", "", "stop"])).expect(0).stdout
    });
    assert!(outputs[0] == outputs[1] && outputs[0] == outputs[2]);
    let ran = generate(&["--count", "3"], &records(&["the cat"])).expect(0).records();
    let ids: Vec<&str> = ran.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["0/1", "0/2", "0/3"]);
    assert!(ran.iter().all(|record| record["text"].as_str().unwrap().starts_with("the cat")));
    assert_ne!(ran[0]["text"], ran[1]["text"]);
    let other = generate(&["--count", "3", "--seed", "1"], &records(&["the cat"])).expect(0).records();
    assert_ne!(ran[0]["text"], other[0]["text"]);
}

#[test]
fn nothing_is_written_for_a_record_without_a_text() {
    let ran = generate(&[], r#"{"id":"a","image":"photo.jpg"}"#).expect(1);
    let record = &ran.records()[0];
    assert!(record.get("text").is_none(), "{record}");
    assert!(record["error"]["message"].as_str().unwrap().contains("the record has no \"text\""), "{record}");
}

#[test]
fn prompts_replace_records() {
    let ran = generate(&["--prompt", "the", "--prompt", "", "--temperature", "0"], "not read").expect(0).records();
    assert_eq!((&ran[0]["id"], &ran[1]["id"]), (&json!("prompt1"), &json!("prompt2")));
    let again = generate(&["--prompt", "the", "--temperature", "0", "--seed", "9"], "").expect(0).records();
    assert_eq!(ran[0]["text"], again[0]["text"]);
    let none = run("dl-generate", &["--model", GPT2, "--prompt", "the", "--max-tokens", "0"], "").expect(0).records();
    assert_eq!(none[0]["text"], "the");
}

/// The most likely token after `tokens`, by one run of the whole network.
fn likeliest(model: &dl_models::text::TextModel, tokens: Vec<u32>) -> u32 {
    let batch = dl_models::text::TextBatch::new([&dl_models::text::Tokens::new(tokens)]);
    let logits = model.network.texts().features(&batch, &["logits"], None).unwrap().remove(0);
    let last = logits.to_vec2::<f32>().unwrap().pop().unwrap();
    (0..last.len() as u32).max_by(|a, b| last[*a as usize].total_cmp(&last[*b as usize])).unwrap()
}

#[test]
fn a_prompt_has_no_start_token_unless_requested() {
    let path = crate::support::root().join(GPT2);
    let model = dl_models::text::TextModel::open(&path, &candle_core::Device::Cpu).unwrap();
    let ids = model.tokenizer.encode_plain("the cat").unwrap();
    let mark = model.gpt2().unwrap().options.bos_token_id.unwrap();
    let expected = |begin: &[u32]| {
        let next = likeliest(&model, [begin, &ids].concat());
        model.tokenizer.decode(&[&ids[..], &[next]].concat()).unwrap()
    };
    let written = |model: &str, more: &[&str]| {
        let args = ["--model", model, "--prompt", "the cat", "--temperature", "0", "--max-tokens", "1"];
        let ran = run("dl-generate", &[&args[..], more].concat(), "").expect(0);
        ran.records()[0]["text"].as_str().unwrap().to_owned()
    };
    assert_ne!(expected(&[]), expected(&[mark]), "the test cannot distinguish the prompts");
    assert_eq!(written(GPT2, &[]), expected(&[]));
    assert_eq!(written(GPT2, &["--bos"]), expected(&[mark]));
    // The tokenizer's own word counts, also in a converted model file.
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(path.join(name), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("tokenizer_config.json"), r#"{"add_bos_token": true}"#).unwrap();
    let from = folder.path().to_str().unwrap();
    assert_eq!(written(from, &[]), expected(&[mark]));
    let whole = folder.path().join("whole.safetensors");
    run("dl-model", &["convert", from, whole.to_str().unwrap()], "").expect(0);
    assert_eq!(written(whole.to_str().unwrap(), &[]), expected(&[mark]));
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let long = "cat ".repeat(100);
    let ran = generate(&[], &records(&[&long, "cat"])).expect(1);
    let message = ran.records()[0]["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the prompt has ") && message.ends_with("the network reads at most 72"), "{message}");
    assert!(ran.records()[1].get("error").is_none());
    assert!(generate(&["--temperature=-1"], "").expect(2).stderr.contains("temperature"));
    let ran = run("dl-generate", &["--model", BERT, "--prompt", "a"], "").expect(2);
    assert!(ran.stderr.contains("bert cannot generate text; gpt2 and llama can"), "{}", ran.stderr);
}

#[test]
fn likelihoods_are_means_over_tokens_and_texts_may_be_longer_than_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scored.jsonl");
    let long = "the cat sat ".repeat(30);
    let stream = records(&["the cat", &long, ""]);
    let args = ["lm", "--model", GPT2, "--records", file.to_str().unwrap()];
    let figures: Value = serde_json::from_str(&run("dl-eval", &args, &stream).expect(0).stdout).unwrap();
    let scored: Vec<Value> =
        fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let number = |value: &Value| value.as_f64().unwrap();
    let tokens: f64 = scored.iter().map(|record| number(&record["tokens"])).sum();
    let nats: f64 = scored.iter().map(|record| number(&record["tokens"]) * number(&record["nll"])).sum();
    assert_eq!((number(&figures["texts"]), number(&figures["tokens"])), (3.0, tokens));
    assert!(number(&scored[1]["tokens"]) > 72.0 && scored[2]["tokens"] == 1);
    assert!((number(&figures["nll"]) - nats / tokens).abs() < 1e-9);
    assert!((number(&figures["perplexity"]) - number(&figures["nll"]).exp()).abs() < 1e-9);
}

#[test]
fn the_names_model_has_its_stated_likelihood_and_its_likeliest_name() {
    let Some(model) = shared("weights/names_gpt.safetensors") else { return };
    let names = fs::read_to_string(model.with_file_name("names.txt")).unwrap();
    let names: Vec<&str> = names.lines().take(1000).collect();
    let model = model.to_str().unwrap();
    let ran = run("dl-eval", &["lm", "--model", model], &records(&names)).expect(0);
    let figures: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!((figures["nll"].as_f64().unwrap() - 1.549613).abs() < 2e-6, "{figures}");
    let ran = run("dl-generate", &["--model", model, "--prompt", "", "--temperature", "0"], "").expect(0);
    assert_eq!(ran.records()[0]["text"], "analis");
    let ran = run("dl-eval", &["lm", "--model", model], &records(&["Zoe"])).expect(1);
    assert!(ran.stderr.contains("the model's vocabulary lacks 'Z'"), "{}", ran.stderr);
}

#[test]
fn a_folder_becomes_one_file_that_carries_its_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.safetensors");
    let file = file.to_str().unwrap();
    for (model, layer) in [(BERT, "pooler"), (GPT2, "ln_f"), (CLIP, "text_embeds")] {
        run("dl-model", &["convert", model, file, "--license", "MIT"], "").expect(0);
        let args = ["--layer", layer, "--pad", "1"];
        let outputs = [model, file].map(|model| embed(model, &args, &records(&TEXTS)).expect(0).stdout);
        assert!(outputs[0] == outputs[1], "{model}");
        let info: Value = serde_json::from_str(&run("dl-model", &["info", file], "").expect(0).stdout).unwrap();
        assert_eq!(info["license"], "MIT");
        assert_eq!(info["architecture"].as_str(), model.rsplit('/').next());
    }
}

/// Figures of `dl-eval lm`.
fn likelihood(model: &str, stream: &str) -> f64 {
    let ran = run("dl-eval", &["lm", "--model", model], stream).expect(0);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["nll"].as_f64().unwrap()
}

/// Made-up names, of syllables in an order given by a formula.
fn planets(numbers: std::ops::Range<usize>) -> Vec<String> {
    let (first, middle) = (["zor", "quix", "vrak", "thol", "xan", "grym", "ulth", "brok"], ["o", "a", "ux", "ya"]);
    let last = ["gon", "rax", "thul", "zik", "mor", "vex"];
    let name = |index: usize| {
        // 77 and the number of names, 192, are coprime, so each occurs once.
        let index = index * 77 % 192;
        format!("{}{}{}", first[index % 8], middle[index / 8 % 4], last[index / 32])
    };
    numbers.map(name).collect()
}

fn as_records(texts: &[String]) -> String {
    records(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_language_model_trains_on_a_new_list_and_resumes_to_the_same_weights() {
    let start = shared("weights/names_gpt.safetensors");
    let start = start.as_ref().map_or(GPT2, |path| path.to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (training, held_out) = (planets(0..96), as_records(&planets(96..192)));
    let train = |model: &str, more: &[&str]| {
        let usual = ["lm", "--init-from", start, "--optimizer", "adamw", "--lr", "2e-3", "--val-fraction", "0.1"];
        let args = [&usual[..], &["--batch", "16", "--dropout", "0.1", "--output", model], more].concat();
        run("dl-finetune", &args, &as_records(&training))
    };
    let whole = path("whole.safetensors");
    train(&whole, &["--epochs", "6"]).expect(0);
    let (before, after) = (likelihood(start, &held_out), likelihood(&whole, &held_out));
    assert!(after < 0.8 * before, "{before}, then {after}");
    // The same training, killed several times.
    let broken = path("broken.safetensors");
    let args = ["--epochs", "6", "--checkpoint-every", "1", "--resume"];
    for milliseconds in [60, 120, 240] {
        let mut child = std::process::Command::new(crate::support::program("dl-finetune"))
            .args(["lm", "--init-from", start, "--optimizer", "adamw", "--lr", "2e-3", "--val-fraction", "0.1"])
            .args(["--batch", "16", "--dropout", "0.1", "--output", &broken])
            .args(args)
            .current_dir(crate::support::root())
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), as_records(&training).as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    train(&broken, &args).expect(0);
    assert!(fs::read(&whole).unwrap() == fs::read(&broken).unwrap());
    let samples = run("dl-generate", &["--model", &whole, "--prompt", "", "--count", "40"], "").expect(0).records();
    let new = samples.iter().filter(|record| !training.iter().any(|name| record["text"] == name.as_str()));
    assert!(new.count() > 5);
}

#[test]
fn frozen_blocks_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("frozen.safetensors");
    let args = ["lm", "--init-from", GPT2, "--trainable-layers", "1", "--lr", "0.1", "--iterations", "3", "--output"];
    run("dl-finetune", &[&args[..], &[model.to_str().unwrap()]].concat(), &records(&TEXTS)).expect(0);
    let open =
        |path: &std::path::Path| dl_models::Checkpoint::open(path).unwrap().all(&candle_core::Device::Cpu).unwrap();
    let (before, after) = (open(&crate::support::root().join(GPT2)), open(&model));
    let numbers = |x: &candle_core::Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (name, tensor) in &after {
        let same = numbers(tensor) == numbers(&before[name]);
        let is_frozen = [".wte.", ".wpe.", ".h.0."].iter().any(|part| name.contains(part));
        assert_eq!(same, is_frozen, "{name}");
    }
}

#[test]
fn a_tiny_bert_classifies_texts() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("errands.safetensors");
    let model = model.to_str().unwrap();
    let training = errands((0..128).filter(|index| index % 3 != 0));
    let held_out = errands((0..128).filter(|index| index % 3 == 0));
    let args = ["classifier", "--init-from", BERT, "--optimizer", "adamw", "--lr", "3e-3", "--batch", "16"];
    let ran = run("dl-finetune", &[&args[..], &["--epochs", "10", "--output", model]].concat(), &training).expect(0);
    assert!(ran.stderr.contains("85 texts of 2 classes"), "{}", ran.stderr);
    let named = run("dl-classify", &["--model", model], &held_out).expect(0).records();
    let right = named.iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
    assert!(right * 10 > named.len() * 9, "{right} of {}", named.len());
    let info: Value = serde_json::from_str(&run("dl-model", &["info", model], "").expect(0).stdout).unwrap();
    assert_eq!(info["config"]["labels"], json!(["goes", "stays"]));
    // Only the head.
    let head = [&args[..], &["--epochs", "2", "--strategy", "head", "--output", model]].concat();
    assert!(run("dl-finetune", &head, &training).expect(2).stderr.contains("exists; --resume"));
    run("dl-finetune", &[&head[..], &["--force"]].concat(), &training).expect(0);
}

#[test]
fn texts_that_cannot_be_trained_on_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("never.safetensors");
    let args = ["classifier", "--init-from", BERT, "--iterations", "1", "--output", model.to_str().unwrap()];
    let one = errands((0..8).filter(|index| index % 2 == 0));
    for (args, stream, words) in [
        (&args[..], one.as_str(), "all records have the same label, \"goes\""),
        (&args, "", "no record to train on"),
        (&args, "{\"text\":\"the cat\"}\n", "no record to train on (1 failed here, 0 in earlier programs)"),
        (&[&args[..], &["--input", "objects"]].concat(), one.as_str(), "are for images"),
        (&[&args[..], &["--strategy", "top"]].concat(), one.as_str(), "all records have the same label, \"goes\""),
        (&[&args[..], &["--trainable-layers", "3"]].concat(), one.as_str(), "the network has 2 blocks, fewer than 3"),
        (&[&args[..], &["--freeze", "layer4"]].concat(), one.as_str(), "layer layer4 does not exist"),
    ] {
        let ran = run("dl-finetune", args, stream).expect(2);
        let last = ran.stderr.lines().last().unwrap();
        assert!(last.contains(words), "{}", ran.stderr);
        assert!(!model.exists());
    }
    let args = ["lm", "--init-from", BERT, "--output", model.to_str().unwrap()];
    assert!(run("dl-finetune", &args, &records(&TEXTS)).expect(2).stderr.contains("bert cannot generate text"));
}
