//! Networks in folders of Hugging Face, as a user runs them.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::finetune::{lines, shapes};
use crate::support::{Ran, root, run};

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

/// The greedy continuation of the prompt of make_llama.py, by a model in its folder.
fn continued(model: &str, more: &[&str]) -> Ran {
    let prompt = "the cat sat on 12345 mats, I'll go";
    let options = ["--model", model, "--prompt", prompt, "--temperature", "0", "--max-tokens", "12"];
    run("dl-generate", &[&options, more].concat(), "")
}

#[test]
fn dl_generate_continues_texts_by_llama_in_a_folder_and_in_gguf() {
    let files = ["llama", "llama-f32.gguf", "llama-q8_0.gguf", "llama-q4_0.gguf"];
    if !has_candle() {
        for file in files {
            let error = continued(&folder(file), &[]).expect(2).stderr;
            assert!(error.contains("llama needs a build with candle-transformers: make install"), "{error}");
        }
        return;
    }
    let goldens: Value = serde_json::from_slice(&fs::read(folder("llama.json")).unwrap()).unwrap();
    for file in files {
        let found = continued(&folder(file), &[]).expect(0);
        // With quantized activations, the two most likely tokens may change places.
        if !file.ends_with("_0.gguf") {
            assert_eq!(found.records()[0]["text"], goldens[file]["text"], "{file}");
        }
        assert_eq!(found.stdout, continued(&folder(file), &["--threads", "1"]).expect(0).stdout, "{file}");
    }
    // Sampled texts depend on the seed and their ids, not on the batch.
    let (folder, records) =
        (folder("llama-q4_0.gguf"), lines(&[json!({"id": "a", "text": "stop"}), json!({"id": "b", "text": ""})]));
    let options = ["--model", &folder, "--count", "3", "--max-tokens", "20", "--top-k", "40", "--top-p", "0.9"];
    let sampled = |more: &[&str]| run("dl-generate", &[&options[..], more].concat(), &records).expect(0).stdout;
    assert_eq!(sampled(&[]), sampled(&["--batch", "1"]));
    assert_ne!(sampled(&[]), sampled(&["--seed", "1"]));
    let error = run("dl-generate", &["--model", &folder, "--prompt", &"stop ".repeat(200)], "").expect(1).stderr;
    assert!(error.contains("the network reads at most 95"), "{error}");
}

#[test]
fn a_llama_ends_a_text_at_any_of_its_end_tokens_and_only_generates() {
    if !has_candle() {
        return;
    }
    let files = tempfile::tempdir().unwrap();
    let goldens: Value = serde_json::from_slice(&fs::read(folder("llama.json")).unwrap()).unwrap();
    let (ids, written) = (goldens["llama"]["ids"].as_array().unwrap(), goldens["llama"]["written"].as_array().unwrap());
    let copy = copied("llama", &files.path().join("ends"));
    edit(&copy, "eos_token_id", json!([1, written[ids.len() + 2]]));
    let found = continued(copy.to_str().unwrap(), &[]).expect(0).records();
    let (found, whole) = (found[0]["text"].as_str().unwrap(), goldens["llama"]["text"].as_str().unwrap());
    assert!(found.len() < whole.len() && whole.starts_with(found), "{found}");
    assert!(found.len() > "the cat sat on 12345 mats, I'll go".len(), "{found}");
    let llama = folder("llama");
    let output = files.path().join("m.safetensors");
    let texts = lines(&[json!({"id": "1", "text": "stop"}), json!({"id": "2", "text": "go"})]);
    let error = run("dl-finetune", &["lm", "--init-from", &llama, "--output", output.to_str().unwrap()], &texts);
    let error = error.expect(2).stderr;
    assert!(error.contains("llama is computed by candle-transformers, which only infers"), "{error}");
    let error = run("dl-eval", &["lm", "--model", &llama], &texts).expect(2).stderr;
    assert!(error.contains("llama is computed by candle-transformers, which only infers"), "{error}");
    for program in ["dl-embed", "dl-classify"] {
        let error = run(program, &["--model", &folder("llama-f32.gguf")], &texts).expect(2).stderr;
        assert!(error.contains("is a GGUF file of quantized weights, which only dl-generate reads"), "{error}");
    }
}

#[test]
fn a_llama_that_candle_computes_otherwise_is_refused() {
    if !has_candle() {
        return;
    }
    let files = tempfile::tempdir().unwrap();
    for (place, value, expected) in [
        ("attention_bias", json!(true), "attention_bias is true, which is not supported"),
        ("mlp_bias", json!(true), "mlp_bias is true, which is not supported"),
        ("hidden_act", json!("gelu"), "hidden_act is \"gelu\"; only silu is supported"),
        ("head_dim", json!(16), "head_dim is 16; only hidden_size / num_attention_heads is supported: 8"),
        ("num_key_value_heads", json!(3), "4 heads of queries cannot be divided among 3"),
        ("rope_parameters", json!({"rope_type": "yarn"}), "rope_type is \"yarn\"; default and llama3 are supported"),
        ("rope_parameters", json!({"rope_type": "llama3", "factor": 8}), "missing field `low_freq_factor`"),
        ("num_hidden_layers", json!(3), "tensor \"model.layers.2.self_attn.q_proj.weight\" is missing"),
        ("intermediate_size", json!(65), "tensor \"model.layers.0.mlp.gate_proj.weight\" is [64, 32]"),
        ("vocab_size", json!(1_u64 << 40), "vocab_size is 1099511627776"),
    ] {
        let copy = copied("llama", &files.path().join(place));
        edit(&copy, place, value);
        let error = continued(copy.to_str().unwrap(), &[]).expect(2).stderr;
        assert!(error.contains(expected) && error.lines().count() == 1, "{place}: {error}");
        fs::remove_dir_all(copy).unwrap();
    }
}

#[test]
fn a_gguf_file_that_cannot_be_read_says_why() {
    if !has_candle() {
        return;
    }
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("x.gguf");
    let whole = fs::read(folder("llama-f32.gguf")).unwrap();
    let find = |text: &str| whole.windows(text.len()).position(|bytes| bytes == text.as_bytes()).unwrap();
    let after = |key: &str| find(key) + key.len();
    let huge = &u64::MAX.to_le_bytes()[..];
    for (place, bytes, expected) in [
        (0, &b"GGML"[..], "is not a supported model file"),
        (4, &[9][..], "is of version 9 of GGUF; 2 and 3 are supported"),
        (8, huge, "claims 18446744073709551615 tensors"),
        (16, huge, "claims 18446744073709551615 keys"),
        (24, huge, "has a text of 18446744073709551615 bytes"),
        (after("general.architecture") + 12, b"mamba", "is of the architecture \"mamba\"; llama is supported"),
        (after("llama.block_count") + 4, &[3], "tensor \"blk.2.attn_k.weight\" is missing"),
        (after("llama.embedding_length") + 4, &[64], "llama.rope.dimension_count is 8; only"),
        (after("llama.attention.head_count") + 4, &[5], "32 columns cannot be divided among 5 heads"),
        (after("tokenizer.ggml.tokens") + 8, huge, "has a text of 21474836489 bytes"),
        (after("tokenizer.ggml.pre") + 12, b"qwen_2", "its tokenizer.ggml.pre is \"qwen_2\"; supported are"),
        (after("tokenizer.ggml.bos_token_id") + 4, &[255, 255], "bos_token_id is 65535, which is not a token"),
        // One dimension, then its number type and its place.
        (after("output_norm.weight") + 12, &[19], "has numbers of ggml's type 19; F32, F16"),
        (after("output_norm.weight") + 16, huge, "is truncated: tensor \"output_norm.weight\""),
        (
            after("output_norm.weight") + 4,
            huge,
            "tensor \"output_norm.weight\": its shape [18446744073709551615] cannot be",
        ),
        (find("output_norm.weight"), b"rope_freqs_.weight", "tensor \"output_norm.weight\" is missing"),
        (find("blk.1.ffn_up.weight"), b"blk.1.attn_q.bias__", "tensor \"blk.1.ffn_up.weight\" is missing"),
    ] {
        let mut damaged = whole.clone();
        damaged[place..place + bytes.len()].copy_from_slice(bytes);
        fs::write(&path, damaged).unwrap();
        let error = continued(path.to_str().unwrap(), &[]).expect(2).stderr;
        assert!(error.contains(expected) && error.lines().count() == 1, "{expected}: {error}");
        assert!(error.contains("x.gguf"), "{error}");
    }
    fs::write(&path, &whole[..100_000]).unwrap();
    let error = continued(path.to_str().unwrap(), &[]).expect(2).stderr;
    assert!(error.contains("is truncated: tensor"), "{error}");
    // With a tokenizer beside it, an unknown kind of tokenizer does not matter.
    let mut other = whole.clone();
    let place = after("tokenizer.ggml.pre") + 12;
    other[place..place + 6].copy_from_slice(b"qwen_2");
    fs::write(&path, other).unwrap();
    fs::copy(Path::new(&folder("llama")).join("tokenizer.json"), files.path().join("tokenizer.json")).unwrap();
    let found = continued(path.to_str().unwrap(), &[]).expect(0).stdout;
    assert_eq!(found, continued(&folder("llama-f32.gguf"), &[]).expect(0).stdout);
}

/// An image of make_siglip.py, as a PNG file.
fn drawn(folder: &Path, [width, height]: [u32; 2]) -> String {
    let path = folder.join(format!("{width}.png"));
    let number = |x: u32, y: u32, c: u32| ((x * x * (c + 1) / 3 + y * 11 * (3 - c) + x * y) % 256) as u8;
    let image = RgbImage::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|c| number(x, y, c))));
    image.save(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn siglip_gives_each_label_the_probability_of_transformers_pipeline() {
    let files = tempfile::tempdir().unwrap();
    let goldens: Value = serde_json::from_slice(&fs::read(folder("siglip.json")).unwrap()).unwrap();
    let (model, whole) = (folder("siglip"), files.path().join("siglip.safetensors"));
    let whole = whole.to_str().unwrap();
    run("dl-model", &["convert", &model, whole], "").expect(0);
    let classify = |model: &str, image: &str, more: &[&str]| {
        let options = ["--model", model, "--labels", "cat,red sign,dog running", image];
        run("dl-classify", &[&options, more].concat(), "").expect(0)
    };
    for size in [[27, 27], [44, 30]] {
        let golden = &goldens["siglip"]["pipeline"][format!("{} x {}", size[0], size[1])];
        let record = classify(&model, &drawn(files.path(), size), &[]).records().remove(0);
        let rows = record["predictions"].as_array().unwrap();
        assert_eq!(rows.len(), 3);
        for row in rows {
            let expected = golden[row["label"].as_str().unwrap()].as_f64().unwrap();
            let score = row["score"].as_f64().unwrap();
            assert!((score - expected).abs() < 1e-5, "{row}, not {expected}");
        }
    }
    let image = drawn(files.path(), [44, 30]);
    let found = classify(&model, &image, &[]);
    assert_eq!(found.stdout, classify(whole, &image, &["--template", "a photo of a {}"]).stdout);
    assert_ne!(found.stdout, classify(&model, &image, &["--template", "{}"]).stdout);
    // A label has the same probability whatever the others are.
    let alone = run("dl-classify", &["--model", &model, "--labels", "cat", &image], "").expect(0).records();
    let rows = &found.records()[0]["predictions"];
    assert!(rows.as_array().unwrap().contains(&alone[0]["predictions"][0]), "{rows}");
    for (options, expected) in [
        (&["--model", &model, &image][..], "has no classes of its own, only words; name them with --labels"),
        (&["--model", &model, "--labels", "a", "--input", "objects"], "which classifies whole images"),
    ] {
        let error = run("dl-classify", options, "").expect(2).stderr;
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn siglip_embeds_images_and_texts_for_heads_and_its_image_network_trains() {
    let files = tempfile::tempdir().unwrap();
    let (model, records) = (folder("siglip"), labeled(files.path(), 24));
    let embed = |more: &[&str], records: &str| {
        run("dl-embed", &[&["--model", &model, "--features-json"], more].concat(), records).expect(0)
    };
    let embedded = embed(&[], &records);
    assert_eq!(embedded.stdout, embed(&["--batch", "1", "--threads", "1"], &records).stdout);
    assert_eq!(embedded.records()[0]["features"]["image_embeds"]["shape"], json!([1, 24]));
    let texts = lines(&[json!({"id": "1", "text": "A cat."}), json!({"id": "2", "text": "a cat"})]);
    let found = embed(&[], &texts).records();
    assert_eq!(found[0]["features"]["text_embeds"]["shape"], json!([1, 24]));
    assert_eq!(found[0]["features"], found[1]["features"]);
    // No patch stands for the image: without --pool, they are averaged.
    let layer = ["--layer", "vision_model.post_layernorm"];
    let pooled = |pool: &[&str]| embed(&[&layer, pool].concat(), &records).stdout;
    assert_eq!(pooled(&[]), pooled(&["--pool", "mean"]));
    assert_ne!(pooled(&[]), pooled(&["--pool", "cls"]));

    let head = files.path().join("head.safetensors");
    let head = head.to_str().unwrap();
    run("dl-finetune", &["linear", "--output", head], &embedded.stdout).expect(0);
    let found = run("dl-classify", &["--model", head], &embedded.stdout).expect(0).records();
    let right = found.iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
    assert!(right >= 16, "{right} of 24");

    let input = files.path().join("records.jsonl");
    fs::write(&input, &records).unwrap();
    for (strategy, steps) in [("feature-extraction", ""), ("all", "--iterations 2 --batch 4")] {
        let tuned = files.path().join(format!("{strategy}.safetensors"));
        let options = format!(
            "classifier {} --output {} --init-from {model} --strategy {strategy} --val-fraction 0.25 {steps}",
            input.display(),
            tuned.display()
        );
        run("dl-finetune", &options.split_whitespace().collect::<Vec<_>>(), "").expect(0);
        let (tuned, input) = (tuned.to_str().unwrap(), input.to_str().unwrap());
        let found = run("dl-classify", &["--model", tuned, input], "").expect(0).records();
        assert_eq!(found.len(), 24, "{strategy}");
        let found = run("dl-embed", &["--model", tuned, input], "").expect(0).records();
        assert_eq!(found[0]["features"]["image_embeds"]["shape"], json!([1, 24]), "{strategy}");
    }
    let output = files.path().join("m.safetensors");
    let options = ["classifier", "--init-from", &model, "--output", output.to_str().unwrap()];
    let labeled =
        lines(&[json!({"id": "1", "text": "the cat", "label": "a"}), json!({"id": "2", "text": "stop", "label": "b"})]);
    let error = run("dl-finetune", &options, &labeled).expect(2).stderr;
    assert!(error.contains("image"), "{error}");
}

#[test]
fn a_siglip_with_classes_classifies_and_is_listed_and_summed_up() {
    let files = tempfile::tempdir().unwrap();
    let (image, model) = (drawn(files.path(), [44, 30]), folder("siglip-classes"));
    let found = run("dl-classify", &["--model", &model, &image], "").expect(0).records();
    let labels: Vec<&str> =
        found[0]["predictions"].as_array().unwrap().iter().map(|row| row["label"].as_str().unwrap()).collect();
    assert!(labels.len() == 3 && labels.contains(&"turn"), "{labels:?}");
    let rows = run("dl-model", &["list"], "").expect(0).records();
    let row = rows.iter().find(|row| row["architecture"] == "siglip").unwrap();
    assert_eq!(row["reads"], "images and texts");
    // google/siglip-base-patch16-224 and its published size.
    let summary = run("dl-model", &["summary", "--arch", "siglip"], "").expect(0).records().remove(0);
    assert_eq!(summary["parameters"], 203_155_970);
    let sum: u64 = summary["layers"].as_array().unwrap().iter().map(|row| row["parameters"].as_u64().unwrap()).sum();
    assert_eq!(sum, 203_155_970);
}

#[test]
fn a_siglip_that_cannot_be_read_says_why() {
    let files = tempfile::tempdir().unwrap();
    let refused = |copy: &Path, expected: &str| {
        let copy = copy.to_str().unwrap();
        for (program, more) in [("dl-embed", &[][..]), ("dl-classify", &["--labels", "cat"])] {
            let error = run(program, &[&["--model", copy], more].concat(), "").expect(2).stderr;
            assert!(error.contains(expected) && error.lines().count() == 1, "{expected}: {error}");
            assert!(error.contains(copy), "{error}");
        }
    };
    for (index, (place, value, expected)) in [
        ("/model_type", json!("siglip2"), "siglip2 is a SigLIP 2 for images of any shape (NaFlex), which is not"),
        ("/text_config/hidden_act", json!("swish"), "unknown variant `swish`"),
        ("/text_config/hidden_size", json!(20), "20 columns cannot be divided among 3 heads"),
        ("/text_config/projection_size", json!(12), "projection_size is 12; expected hidden_size of vision_config: 24"),
        ("/text_config/vocab_size", json!(35), "tensor \"text_model.embeddings.token_embedding.weight\" is [34, 18]"),
        ("/text_config/max_position_embeddings", json!(1_u64 << 40), "max_position_embeddings is 1099511627776"),
        ("/text_config/max_position_embeddings", json!(1), "the tokenizer's special tokens alone are 2"),
        ("/vision_config/image_size", json!(36), "position_embedding.weight\" is [16, 24]"),
        ("/vision_config/image_size", json!([27, 27]), "invalid type: sequence, expected usize"),
        ("/vision_config/image_size", json!(1_000_000), "image_size is 1000000"),
        ("/vision_config/patch_size", json!(0), "patch_size is 0"),
        ("/vision_config/patch_size", json!(28), "the number of patches (image_size / patch_size, squared) is 0"),
        ("/vision_config/num_channels", json!(1), "num_channels is 1; expected 3"),
        ("/vision_config/num_hidden_layers", json!(3), "layers.2.layer_norm1.weight\" is missing"),
        ("/vision_config/vision_use_head", json!(false), "vision_use_head is false, so images have no embedding"),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = copied("siglip", &files.path().join(index.to_string()));
        let path = copy.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        *config.pointer_mut(place).unwrap() = value;
        fs::write(path, config.to_string()).unwrap();
        refused(&copy, expected);
    }
    let tokenizer = |name: &str, file: &str, bytes: &[u8], expected: &str| {
        let copy = copied("siglip", &files.path().join(name));
        fs::write(copy.join(file), bytes).unwrap();
        refused(&copy, expected);
    };
    tokenizer("no-model", "spiece.model", b"\xFF\xFF", "spiece.model: is not a SentencePiece model");
    tokenizer("empty", "spiece.model", b"", "spiece.model: has no piece </s>");
    // Field 2, field 3 within it: byte pairs.
    tokenizer("bpe", "spiece.model", b"\x12\x02\x18\x02", "spiece.model: is not a unigram model");
    let pad = br#"{"pad_token": "[PAD]"}"#;
    tokenizer("pad", "tokenizer_config.json", pad, "the pad_token \"[PAD]\" is not in the vocabulary");
    let copy = copied("siglip", &files.path().join("none"));
    fs::remove_file(copy.join("spiece.model")).unwrap();
    refused(&copy, "no tokenizer in the file, and no tokenizer.json, vocab.txt, spiece.model");
    let whole = fs::read(Path::new(&folder("siglip")).join("spiece.model")).unwrap();
    for length in 0..whole.len() {
        fs::write(copy.join("spiece.model"), &whole[..length]).unwrap();
        if length % 16 == 0 {
            let ran = run("dl-embed", &["--model", copy.to_str().unwrap()], "");
            assert!(ran.stderr.lines().count() <= 1 && !ran.stderr.contains("panic"), "{length}: {}", ran.stderr);
        }
    }
}

/// A copy of a folder of goldens.
fn copied(name: &str, to: &Path) -> PathBuf {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(folder(name)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    to.to_owned()
}

/// Sets a key of a folder's config.
fn edit(folder: &Path, key: &str, value: Value) {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config[key] = value;
    fs::write(path, config.to_string()).unwrap();
}
