//! Texts through the programs: `dl-embed`, `dl-generate` and `dl-eval lm`.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{Ran, run, shared};

const BERT: &str = "testdata/goldens/text/bert";
const GPT2: &str = "testdata/goldens/text/gpt2";
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
fn the_tokens_of_a_text_are_pooled_as_asked() {
    let all = embed(BERT, &["--pool", "none"], &records(&TEXTS[..1])).expect(0).records().remove(0);
    let tokens: Vec<Vec<f64>> = serde_json::from_value(all["features"]["last_hidden_state"]["values"].clone()).unwrap();
    // [CLS], the words, of which one is in pieces or unknown, and [SEP].
    assert!(tokens.len() >= 8 && tokens.iter().all(|row| row.len() == 16), "{}", tokens.len());
    let mean: Vec<f64> = (0..16).map(|c| tokens.iter().map(|row| row[c]).sum::<f64>() / tokens.len() as f64).collect();
    let max: Vec<f64> = (0..16).map(|c| tokens.iter().map(|row| row[c]).fold(f64::MIN, f64::max)).collect();
    for (args, wanted) in [
        (&["--pool", "mean"][..], &mean),
        (&[], &mean),
        (&["--pool", "max"], &max),
        (&["--pool", "cls"], &tokens[0]),
        (&["--pool", "last"], tokens.last().unwrap()),
    ] {
        let record = embed(BERT, args, &records(&TEXTS[..1])).expect(0).records().remove(0);
        for (found, wanted) in row(&record, "last_hidden_state").iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-5, "{args:?}: {found}, not {wanted}");
        }
    }
    let record = embed(BERT, &["--normalize"], &records(&TEXTS[..1])).expect(0).records().remove(0);
    let length: f64 = row(&record, "last_hidden_state").iter().map(|x| x * x).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
}

#[test]
fn a_text_that_is_too_long_is_cut_and_that_is_said() {
    let long = "cat ".repeat(200);
    let ran = embed(BERT, &["--pool", "none"], &records(&[&long, "cat"])).expect(0);
    assert_eq!(ran.records()[0]["features"]["last_hidden_state"]["shape"], json!([24, 16]));
    assert!(ran.stderr.contains("1 texts were cut at the longest"), "{}", ran.stderr);
}

#[test]
fn records_without_text_and_layers_that_there_are_not_are_errors() {
    let ran = embed(BERT, &[], "{\"id\":\"a\"}\n{\"id\":\"b\",\"text\":\"cat\"}\n").expect(1);
    assert_eq!(ran.records()[0]["error"]["message"], "the record has no \"text\"; it is what the network reads");
    assert!(ran.records()[1].get("features").is_some());
    let ran = embed(BERT, &["--layer", "fc7"], "").expect(2);
    assert!(ran.stderr.contains("there is no layer fc7; there are embeddings, encoder.layer.0"), "{}", ran.stderr);
    let ran = embed(CLIP, &["--layer", "fc7"], "").expect(2);
    assert!(ran.stderr.contains("image_embeds") && ran.stderr.contains("text_embeds"), "{}", ran.stderr);
    let ran = embed("testdata/goldens/text", &[], "").expect(2);
    assert!(ran.stderr.contains("is a folder without any of"), "{}", ran.stderr);
}

#[test]
fn clip_embeds_pictures_and_texts_into_one_space() {
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
    // Tokens of pictures are pooled too: by default the class vector.
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
fn prompts_stand_in_place_of_records() {
    let ran = generate(&["--prompt", "the", "--prompt", "", "--temperature", "0"], "not read").expect(0).records();
    assert_eq!((&ran[0]["id"], &ran[1]["id"]), (&json!("prompt1"), &json!("prompt2")));
    let again = generate(&["--prompt", "the", "--temperature", "0", "--seed", "9"], "").expect(0).records();
    assert_eq!(ran[0]["text"], again[0]["text"]);
    let none = run("dl-generate", &["--model", GPT2, "--prompt", "the", "--max-tokens", "0"], "").expect(0).records();
    assert_eq!(none[0]["text"], "the");
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let long = "cat ".repeat(100);
    let ran = generate(&[], &records(&[&long, "cat"])).expect(1);
    let message = ran.records()[0]["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the prompt has ") && message.ends_with("the network reads 71"), "{message}");
    assert!(ran.records()[1].get("error").is_none());
    assert!(generate(&["--temperature=-1"], "").expect(2).stderr.contains("temperature"));
    let ran = run("dl-generate", &["--model", BERT, "--prompt", "a"], "").expect(2);
    assert!(ran.stderr.contains("bert writes no texts; gpt2 does"), "{}", ran.stderr);
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
        run("dl-model", &["convert", model, file, "--licence", "MIT"], "").expect(0);
        let args = ["--layer", layer, "--pad", "1"];
        let outputs = [model, file].map(|model| embed(model, &args, &records(&TEXTS)).expect(0).stdout);
        assert!(outputs[0] == outputs[1], "{model}");
        let info: Value = serde_json::from_str(&run("dl-model", &["info", file], "").expect(0).stdout).unwrap();
        assert_eq!(info["licence"], "MIT");
        assert_eq!(info["architecture"].as_str(), model.rsplit('/').next());
    }
}
