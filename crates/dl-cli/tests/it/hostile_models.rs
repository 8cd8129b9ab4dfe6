//! Hostile model files: each is refused in one line, before anything is built, read or allocated.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;
use dl_models::Checkpoint;
use dl_models::checkpoint::convert;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::embed::write_small_network;
use crate::support::{Ran, root, run};

/// A folder with a small network, and files with other configs.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        write_small_network(&bench.path("m.safetensors"));
        RgbImage::from_pixel(40, 30, Rgb([90, 120, 10])).save(bench.path("p.png")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The small network with a changed config.
    fn with(&self, change: impl FnOnce(&mut Value)) -> String {
        let file = Checkpoint::open(&self.path("m.safetensors")).unwrap();
        let mut config: Value = file.config().unwrap().unwrap();
        change(&mut config);
        convert(&file, &self.path("changed.safetensors"), Some(&config), None).unwrap();
        self.text("changed.safetensors")
    }

    fn classify(&self, model: &str) -> Ran {
        run("dl-classify", &["--model", model, &self.text("p.png")], "")
    }
}

/// Asserts an error of one line.
#[track_caller]
fn refused(ran: Ran, words: &str) {
    let ran = ran.expect(2);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    assert!(ran.stderr.lines().count() == 1 && ran.stderr.len() < 1000, "{}", ran.stderr);
    assert!(ran.stderr.contains(words), "expected {words}: {}", ran.stderr);
}

#[test]
fn an_impossible_config_is_refused_by_every_program() {
    let bench = Bench::new();
    let cases: &[(&str, Value, &str)] = &[
        ("/preprocessing/size", json!([0, 48]), "size is [0, 48]"),
        ("/preprocessing/size", json!([4_294_967_296_u64, 4_294_967_296_u64]), "size is [4294967296, "),
        ("/preprocessing/size", json!([60_000, 60_000]), "size is [60000, 60000]"),
        ("/preprocessing/shorter", json!(0), "shorter is 0"),
        ("/preprocessing/std", json!([0.0]), "std not 0"),
        ("/preprocessing/mean", json!([1e39]), "config"),
        ("/preprocessing/range", json!([0, 0]), "range is"),
        ("/num_classes", json!(0), "num_classes is 0"),
        ("/num_classes", json!(1_u64 << 60), "num_classes is 1152921504606846976"),
        ("/options", json!({"width": 1e9}), "width is 1000000000"),
        ("/options", json!({"width": 0.0}), "width is 0"),
        ("/options", json!({"width": "wide"}), "width is NaN"),
        ("/layer", json!("fire9@60000"), "maps can be averaged to at most 64 x 64"),
        ("/layer", json!("fire9@2x4294967296"), "maps can be averaged to at most 64 x 64"),
        ("/layer", json!("no-such"), "layer no-such does not exist"),
        ("/training", json!({"pad": 1_u64 << 63}), "training.pad is 9223372036854775808"),
        ("/training", json!({"pad": -1}), "training.pad is -1"),
        ("/labels", json!(["x".repeat(5000), "b", "c", "d", "e"]), "is longer than 1000 characters"),
        ("/labels", json!("../secret.txt"), "is not a file name in the model's folder"),
        ("/architecture", json!("\u{1b}[2J"), "architecture \\u{1b}[2J does not exist"),
    ];
    for (place, value, words) in cases {
        let model = bench.with(|config| {
            let (parent, key) = place.rsplit_once('/').unwrap();
            config.pointer_mut(parent).unwrap()[key] = value.clone();
        });
        let init = ["classifier", "--init-from", &model, "--output", &bench.text("new")];
        // Only programs that open the network look for a layer that does not exist.
        let opens = !words.starts_with("layer no-such");
        refused(run("dl-embed", &["--model", &model, &bench.text("p.png")], ""), words);
        refused(bench.classify(&model), words);
        if opens {
            refused(run("dl-model", &["summary", &model], ""), words);
            let records = format!("{}\n{}\n", labeled(&bench, "a"), labeled(&bench, "b"));
            let ran = run("dl-finetune", &init, &records).expect(2);
            assert!(ran.stderr.lines().last().unwrap().contains(words), "{words}: {}", ran.stderr);
        }
    }
    // Options are bounded, too.
    let model = bench.text("m.safetensors");
    let ran = run("dl-embed", &["--model", &model, "--layer", "fire9@60000", &bench.text("p.png")], "").expect(2);
    assert!(ran.stderr.contains("maps can be averaged to at most 64 x 64"), "{}", ran.stderr);
    let ran = run("dl-embed", &["--model", &model, "--pad", "9223372036854775808", &bench.text("p.png")], "").expect(2);
    assert!(ran.stderr.contains("too large for an input"), "{}", ran.stderr);
}

fn labeled(bench: &Bench, label: &str) -> Value {
    json!({"id": label, "image": bench.path("p.png"), "label": label})
}

#[test]
fn a_config_may_not_describe_far_more_than_its_file_holds() {
    let bench = Bench::new();
    let model = bench.with(|config| {
        config["architecture"] = json!("vgg16");
        config["options"] = json!({"width": 8.0});
    });
    refused(run("dl-embed", &["--model", &model, &bench.text("p.png")], ""), "its config describes a network of");
}

#[test]
fn labels_are_read_beside_the_model_and_nowhere_else() {
    let bench = Bench::new();
    let names = "a\nb\nc\nd\ne\n";
    fs::create_dir(bench.path("inner")).unwrap();
    fs::write(bench.path("secret.txt"), names).unwrap();
    fs::write(bench.path("inner/labels.txt"), format!("\u{feff}{}", names.replace('\n', "\r\n"))).unwrap();
    let classify = |name: &str| {
        let made = bench.with(|config| config["labels"] = json!(name));
        let inner = bench.path("inner/m.safetensors");
        fs::rename(made, &inner).unwrap();
        run("dl-classify", &["--model", inner.to_str().unwrap(), "--top-k", "1", &bench.text("p.png")], "")
    };
    let record = classify("labels.txt").expect(0).records().remove(0);
    let label = record["predictions"][0]["label"].as_str().unwrap();
    assert!(["a", "b", "c", "d", "e"].contains(&label), "{label}");
    let outside = "is not a file name in the model's folder";
    for name in
        ["../secret.txt", &bench.text("secret.txt"), "/etc/passwd", "/dev/zero", "..", ".", "", "a/../labels.txt"]
    {
        refused(classify(name), outside);
    }
    refused(classify("none.txt"), "\"none.txt\": no such file");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret.txt", bench.path("inner/link.txt")).unwrap();
        refused(classify("link.txt"), "is a link out of the model's folder");
        std::os::unix::fs::symlink("/dev/zero", bench.path("inner/zero")).unwrap();
        refused(classify("zero"), "is a link out of the model's folder");
    }
}

/// A Hugging Face folder with one file changed.
fn folder_with(of: &str, name: &str, change: impl FnOnce(&mut Value)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("testdata/goldens/text").join(of)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let path = folder.path().join(name);
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    fs::write(path, json.to_string()).unwrap();
    folder
}

#[test]
fn a_folder_with_an_impossible_config_is_refused() {
    let cases = [
        ("gpt2", "/n_layer", json!(1_000_000), "n_layer is 1000000"),
        ("gpt2", "/n_positions", json!(1_000_000_000_000_u64), "n_positions is 1000000000000"),
        ("gpt2", "/n_embd", json!(1 << 30), "n_embd is"),
        ("gpt2", "/n_head", json!(0), "n_head is 0"),
        ("gpt2", "/vocab_size", json!(1_u64 << 40), "vocab_size is"),
        ("gpt2", "/layer_norm_epsilon", json!(-1), "layer_norm_epsilon is -1"),
        ("gpt2", "/resid_pdrop", json!(2), "resid_pdrop is 2"),
        ("bert", "/num_hidden_layers", json!(100_000), "num_hidden_layers is 100000"),
        ("bert", "/hidden_size", json!(0), "hidden_size is 0"),
        ("bert", "/max_position_embeddings", json!(u64::MAX), "max_position_embeddings is"),
        ("clip", "/vision_config/image_size", json!(1_000_000), "image_size is 1000000"),
        ("clip", "/vision_config/patch_size", json!(0), "patch_size is 0"),
        ("clip", "/vision_config/num_hidden_layers", json!(100_000), "num_hidden_layers is 100000"),
        ("clip", "/text_config/max_position_embeddings", json!(1_u64 << 40), "max_position_embeddings is"),
        ("clip", "/projection_dim", json!(1_u64 << 40), "is 1099511627776"),
    ];
    for (of, place, value, words) in cases {
        let folder = folder_with(of, "config.json", |json| *json.pointer_mut(place).unwrap() = value);
        let model = folder.path().to_str().unwrap();
        refused(run("dl-model", &["summary", model], ""), words);
        refused(run("dl-embed", &["--model", model], "{\"id\":\"a\",\"text\":\"the cat\"}\n"), words);
        if of == "gpt2" {
            refused(run("dl-generate", &["--model", model, "--prompt", "the"], ""), words);
        }
    }
    let gpt2 = root().join("testdata/goldens/text/gpt2");
    refused(
        run("dl-model", &["summary", gpt2.to_str().unwrap(), "--tokens", "4000000000"], ""),
        "the network reads at most 72",
    );
}

#[test]
fn a_bad_tokenizer_file_is_reported() {
    let text = "{\"id\":\"a\",\"text\":\"the cat sat on the mat\"}\n";
    let cases: Vec<(&str, Value, &str)> = vec![
        ("pre_tokenizer", json!({"type": "FixedLength", "length": 0}), "the tokenizer file is invalid"),
        (
            "added_tokens",
            json!(vec![json!({"id": 1, "content": "x"}); 100_000]),
            "the tokenizer file is invalid: adds 100000 tokens",
        ),
        (
            "normalizer",
            json!({"type": "Sequence", "normalizers":
                vec![json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaa"}); 30]}),
            "the tokenizer file is invalid: normalizer: turns one character into more than 256",
        ),
        (
            "post_processor",
            json!({"type": "TemplateProcessing", "special_tokens": {}, "pair": [],
                "single": vec![json!({"Sequence": {"id": "A", "type_id": 0}}); 1_000_000]}),
            "the tokenizer file is invalid: post_processor: single has 1000000 pieces",
        ),
        (
            "model",
            json!({"type": "WordLevel", "vocab": {"a": 4_000_000_000_u64}, "unk_token": "a"}),
            "the tokenizer file is invalid",
        ),
        ("model", json!(7), "the tokenizer file is invalid"),
    ];
    for (part, value, words) in cases {
        let folder = folder_with("gpt2", "tokenizer.json", |json| json[part] = value);
        let ran = run("dl-embed", &["--model", folder.path().to_str().unwrap()], text);
        assert!(ran.status == 1 || ran.status == 2, "{}", ran.status);
        assert!(ran.stderr.contains(words) && !ran.stderr.contains("bug in this program"), "{words}: {}", ran.stderr);
    }
    // Padding to a fixed length has no effect.
    let folder = folder_with("gpt2", "tokenizer.json", |json| {
        json["padding"] = json!({"strategy": {"Fixed": 1_u64 << 40}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "x"});
    });
    run("dl-embed", &["--model", folder.path().to_str().unwrap()], text).expect(0);
    // A folder in place of a file.
    let folder = folder_with("gpt2", "config.json", |_| ());
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    fs::create_dir(folder.path().join("tokenizer.json")).unwrap();
    refused(
        run("dl-embed", &["--model", folder.path().to_str().unwrap()], text),
        "tokenizer.json: is a folder, not a file",
    );
}

#[test]
fn a_network_nested_in_another_is_found_and_reported() {
    let bench = Bench::new();
    let file = Checkpoint::open(&bench.path("m.safetensors")).unwrap();
    let plain =
        run("dl-embed", &["--model", &bench.text("m.safetensors"), "--layer", "logits", &bench.text("p.png")], "");
    let plain = plain.expect(0).stdout;
    for prefix in ["model.", "backbone.", "module.", "_orig_mod.", "net.", "encoder.", "module.model.", "my.own."] {
        let mut tensors: std::collections::HashMap<String, candle_core::Tensor> = file
            .all(&Device::Cpu)
            .unwrap()
            .into_iter()
            .map(|(name, tensor)| (format!("{prefix}{name}"), tensor))
            .collect();
        // A tensor that is not part of the network.
        if !prefix.starts_with('m') && prefix != "_orig_mod." {
            tensors.insert("loss.weight".into(), candle_core::Tensor::new(&[1_f32], &Device::Cpu).unwrap());
        }
        let path = bench.path("wrapped.safetensors");
        candle_core::safetensors::save(&tensors, &path).unwrap();
        let wrapped = bench.with(|_| ());
        let config: Value = Checkpoint::open(Path::new(&wrapped)).unwrap().config().unwrap().unwrap();
        convert(&Checkpoint::open(&path).unwrap(), &bench.path("w.safetensors"), Some(&config), None).unwrap();
        // The written file lacks PyTorch's wrappers already; they are reported for the bare file.
        let bare = run("dl-model", &["info", path.to_str().unwrap()], "").expect(0).records().remove(0);
        if prefix.starts_with("module.") || prefix == "_orig_mod." {
            assert!(prefix.starts_with(bare["prefix"].as_str().unwrap()), "{bare}");
        }
        let model = bench.text("w.safetensors");
        let ran = run("dl-embed", &["--model", &model, "--layer", "logits", &bench.text("p.png")], "").expect(0);
        assert_eq!(ran.stdout, plain, "{prefix}");
        let left = prefix.trim_start_matches("module.").trim_start_matches("_orig_mod.");
        if !left.is_empty() {
            assert!(ran.stderr.contains(&format!("ignoring the prefix \"{left}\"")), "{}", ran.stderr);
            let info = run("dl-model", &["info", &model], "").expect(0).records().remove(0);
            assert_eq!(info["prefix"], left);
        }
    }
}

#[test]
fn text_in_a_file_cannot_control_the_terminal() {
    let bench = Bench::new();
    let model = bench.with(|config| {
        config["\u{1b}]0;owned\u{7}"] = json!("\u{1b}[2J");
        config["licence"] = json!(format!("{}\r", "x".repeat(10_000)));
        config["training"] = json!({"notes": ["\u{9b}2J"]});
    });
    let ran = run("dl-model", &["info", "--format", "table", &model], "").expect(0);
    assert!(!ran.stdout.contains(|letter: char| letter.is_control() && letter != '\n'), "{:?}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() < 600), "{}", ran.stdout);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_is_not_a_model() {
    let bench = Bench::new();
    let fifo = bench.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [fifo.to_str().unwrap(), "/dev/zero"] {
        refused(bench.classify(path), ", not a file");
        refused(run("dl-model", &["info", path], ""), ", not a file");
    }
}
