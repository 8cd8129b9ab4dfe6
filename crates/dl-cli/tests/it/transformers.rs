//! Networks in folders of Hugging Face, as a user runs them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::finetune::{lines, shapes};
use crate::support::{root, run};

fn folder(name: &str) -> String {
    root().join("testdata/goldens/transformers").join(name).to_str().unwrap().to_owned()
}

/// Records of whole images with labels.
fn labeled(folder: &Path, count: usize) -> String {
    let record =
        |record: &Value| json!({"id": record["id"], "image": record["image"], "label": record["objects"][0]["label"]});
    lines(&shapes(folder, count).iter().map(record).collect::<Vec<_>>())
}

#[test]
fn features_of_vision_transformers_do_not_depend_on_batches_and_threads() {
    let images = tempfile::tempdir().unwrap();
    let records = labeled(images.path(), 6);
    for (name, layer, columns) in [("vit", "layernorm", 24), ("dinov2", "layernorm", 24), ("registers", "logits", 3)] {
        let model = folder(name);
        let embed = |more: &[&str]| {
            let args = [&["--model", &model, "--layer", layer], more].concat();
            run("dl-embed", &args, &records).expect(0).stdout
        };
        let found = embed(&[]);
        assert_eq!(found, embed(&["--batch", "1", "--threads", "1"]), "{name}");
        let first: Value = serde_json::from_str(found.lines().next().unwrap()).unwrap();
        assert_eq!(first["features"][layer]["shape"], json!([1, columns]), "{name}");
    }
}

#[test]
fn a_folder_with_a_head_classifies_and_one_without_trains_a_linear_head() {
    let files = tempfile::tempdir().unwrap();
    let records = labeled(files.path(), 24);
    let found = run("dl-classify", &["--model", &folder("vit")], &records).expect(0).records();
    let labels: Vec<&str> =
        found[0]["predictions"].as_array().unwrap().iter().map(|row| row["label"].as_str().unwrap()).collect();
    assert!(labels.len() == 3 && labels.contains(&"stop"), "{labels:?}");
    let error = run("dl-classify", &["--model", &folder("dinov2")], &records).expect(2).stderr;
    assert!(error.contains("a dinov2 without a classifier; train one on its features: dl-embed, "), "{error}");

    let embedded = run("dl-embed", &["--model", &folder("dinov2")], &records).expect(0).stdout;
    let head = files.path().join("head.safetensors");
    let head = head.to_str().unwrap();
    run("dl-finetune", &["linear", "--output", head], &embedded).expect(0);
    let found = run("dl-classify", &["--model", head], &embedded).expect(0).records();
    let right = found.iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
    assert!(right >= 16, "{right} of 24");
    let other = run("dl-embed", &["--model", &folder("vit")], &records).expect(0).stdout;
    let error = run("dl-classify", &["--model", head], &other).expect(1).stdout;
    assert!(error.contains("dinov2:") && error.contains("vit:"), "{error}");
}

#[test]
fn a_head_of_dinov2_is_trained_on_its_frozen_body() {
    let files = tempfile::tempdir().unwrap();
    let input = files.path().join("records.jsonl");
    fs::write(&input, labeled(files.path(), 12)).unwrap();
    for (strategy, steps) in [("feature-extraction", ""), ("all", "--iterations 2 --batch 4")] {
        let model = files.path().join(format!("{strategy}.safetensors"));
        let options = format!(
            "classifier {} --output {} --init-from {} --strategy {strategy} --val-fraction 0.25 {steps}",
            input.display(),
            model.display(),
            folder("dinov2")
        );
        run("dl-finetune", &options.split_whitespace().collect::<Vec<_>>(), "").expect(0);
        let found = run("dl-classify", &["--model", model.to_str().unwrap(), input.to_str().unwrap()], "").expect(0);
        assert_eq!(found.records().len(), 12, "{strategy}");
    }
}

#[test]
fn descendants_of_bert_embed_classify_and_train() {
    let files = tempfile::tempdir().unwrap();
    let texts = [("the cat sat on the mat", "cat"), ("a dog ran to the red sign", "dog"), ("cat go left", "cat")];
    let record =
        |index: usize| json!({"id": index.to_string(), "text": texts[index % 3].0, "label": texts[index % 3].1});
    let records = lines(&(0..12).map(record).collect::<Vec<_>>());
    for name in ["distilbert", "xlm-roberta"] {
        let args = ["--model", &folder(name), "--features-json"];
        let found = run("dl-embed", &args, &records).expect(0).records();
        assert_eq!(found[0]["features"]["last_hidden_state"]["shape"], json!([1, 16]), "{name}");
        assert_eq!(found[0]["features"], found[3]["features"], "{name}");
        let found = run("dl-classify", &["--model", &folder(name)], &records).expect(0).records();
        assert_eq!(found[0]["predictions"].as_array().unwrap().len(), 3, "{name}");
        for strategy in ["feature-extraction", "all"] {
            let model = files.path().join(format!("{name}-{strategy}.safetensors"));
            let model = model.to_str().unwrap();
            let more = if strategy == "all" { "--iterations 60 --lr 0.01 --batch 6" } else { "" };
            let options = format!(
                "classifier --output {model} --init-from {} --strategy {strategy} --val-fraction 0.25 {more}",
                folder(name)
            );
            run("dl-finetune", &options.split_whitespace().collect::<Vec<_>>(), &records).expect(0);
            let found = run("dl-classify", &["--model", model], &records).expect(0).records();
            let right = found.iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
            assert!(right >= 8, "{name} {strategy}: {right} of 12");
        }
    }
}

#[test]
fn a_folder_of_a_network_that_cannot_be_read_says_why() {
    let files = tempfile::tempdir().unwrap();
    for (place, value, expected) in [
        ("use_swiglu_ffn", json!(true), "a SwiGLU, as in DINOv2 giant, is not supported"),
        ("hidden_size", json!(25), "25 columns cannot be divided among 3 heads"),
        ("num_attention_heads", json!(5), "24 columns cannot be divided among 5 heads"),
        ("patch_size", json!(9), "cannot be divided into patches of 9"),
        ("num_hidden_layers", json!(100_000), "num_hidden_layers is 100000"),
        ("image_size", json!(35), "tensor \"embeddings.position_embeddings\" is [1, 17, 24]"),
    ] {
        let copy = files.path().join(place);
        fs::create_dir(&copy).unwrap();
        for file in ["config.json", "model.safetensors", "preprocessor_config.json"] {
            fs::copy(Path::new(&folder("dinov2")).join(file), copy.join(file)).unwrap();
        }
        let mut config: Value = serde_json::from_slice(&fs::read(copy.join("config.json")).unwrap()).unwrap();
        config[place] = value;
        fs::write(copy.join("config.json"), config.to_string()).unwrap();
        let error = run("dl-embed", &["--model", copy.to_str().unwrap()], "").expect(2).stderr;
        assert!(error.contains(expected) && error.lines().count() == 1, "{place}: {error}");
    }
}

/// Whether the programs were built with the feature `transformers`.
fn has_candle() -> bool {
    run("dl-model", &["list"], "").expect(0).stdout.contains("\"modernbert\"")
}

#[test]
fn networks_of_candle_transformers_embed_and_classify_or_say_what_they_need() {
    let records = lines(&[json!({"id": "1", "text": "the cat sat"}), json!({"id": "2", "text": "stop"})]);
    let model = folder("modernbert");
    if !has_candle() {
        let error = run("dl-embed", &["--model", &model], &records).expect(2).stderr;
        assert!(error.contains("modernbert needs a build with candle-transformers: make install"), "{error}");
        let path = "testdata/goldens/transformers/vit/model.safetensors";
        let error = run("dl-embed", &["--model", path, "--arch", "convnext"], "").expect(2).stderr;
        assert!(error.contains("convnext needs a build with candle-transformers: make install"), "{error}");
        return;
    }
    let found = run("dl-embed", &["--model", &model], &records).expect(0);
    assert_eq!(found.records()[0]["features"]["last_hidden_state"]["shape"], json!([1, 16]));
    assert_eq!(found.stdout, run("dl-embed", &["--model", &model, "--threads", "1"], &records).expect(0).stdout);
    let found = run("dl-classify", &["--model", &model], &records).expect(0).records();
    assert_eq!(found[1]["predictions"].as_array().unwrap().len(), 3);
    let labeled = lines(&[
        json!({"id": "1", "text": "the cat sat", "label": "a"}),
        json!({"id": "2", "text": "stop", "label": "b"}),
    ]);
    let files = tempfile::tempdir().unwrap();
    let output = files.path().join("m.safetensors");
    let options = ["classifier", "--init-from", &model, "--output", output.to_str().unwrap()];
    let error = run("dl-finetune", &options, &labeled).expect(2).stderr;
    assert!(error.contains("modernbert") && error.contains("classif"), "{error}");
}
