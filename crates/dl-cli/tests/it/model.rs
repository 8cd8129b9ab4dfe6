//! `dl-model`, as a user runs it.

use std::fs;

use dl_models::TRANSFORMERS;
use serde_json::{Value, json};

use crate::support::{root, run, run_with, shared};

#[test]
fn list_names_every_network() {
    let rows = run("dl-model", &["list"], "").expect(0).records();
    let names: Vec<_> = rows.iter().map(|row| row["architecture"].as_str().unwrap()).collect();
    for name in [
        "alexnet",
        "dinov2",
        "googlenet",
        "mobilenet_v1",
        "mobilenet_v2",
        "resnet50",
        "squeezenet1_1",
        "vgg16_bn",
        "vit",
        "ssd300_vgg16",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let table = run("dl-model", &["list", "--format", "table"], "").expect(0).stdout;
    assert!(table.contains("weights       resnet50, resnet50@v1\n"), "{table}");
}

#[test]
fn list_names_the_weights_to_fetch() {
    let rows = run("dl-model", &["list"], "").expect(0).records();
    let weights = |name: &str| rows.iter().find(|row| row["architecture"] == name).unwrap()["weights"].clone();
    assert_eq!(weights("resnet50"), json!(["resnet50", "resnet50@v1"]));
    assert_eq!(weights("bert"), json!(["bert"]));
    assert_eq!(weights("resnet20_cifar"), Value::Null);
}

#[test]
fn info_describes_a_file() {
    let Some(path) = shared("weights/squeezenet1_0_imagenet.safetensors") else { return };
    let path = path.to_str().unwrap();
    let info = &run("dl-model", &["info", path], "").expect(0).records()[0];
    assert_eq!(info["architecture"], "squeezenet1_0");
    assert_eq!(info["parameters"], 1_248_424);
    assert_eq!(info["tensor_count"], 52);
    assert_eq!(info["dtypes"][0], "F32");
    assert_eq!(info["license"], "BSD-2-Clause");
    assert_eq!(info["config"]["preprocessing"]["channel_order"], "BGR");
    assert_eq!(info["sha256"].as_str().unwrap().len(), 64);
    let sums = fs::read_to_string(shared("weights/SHA256SUMS").unwrap()).unwrap();
    let stated =
        sums.lines().find(|line| line.rsplit([' ', '/']).next() == Some("squeezenet1_0_imagenet.safetensors")).unwrap();
    assert!(stated.starts_with(info["sha256"].as_str().unwrap()));
    let table = run("dl-model", &["info", "--tensors", "--format", "table", path], "").expect(0).stdout;
    assert!(table.contains("features.12.squeeze.weight") && table.contains("license"), "{table}");
}

#[test]
fn a_file_that_is_not_a_model_is_an_error_of_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not a model.safetensors");
    let cases: [&[u8]; 4] = [b"", b"hello, world", &(1_u64 << 60).to_le_bytes(), &[9, 0, 0, 0, 0, 0, 0, 0, b'{']];
    for bytes in cases {
        fs::write(&path, bytes).unwrap();
        let ran = run("dl-model", &["info", path.to_str().unwrap()], "").expect(2);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.starts_with("dl-model: model ") && ran.stdout.is_empty(), "{}", ran.stderr);
    }
    let missing = run("dl-model", &["info", "no-such.safetensors"], "").expect(2);
    assert!(missing.stderr.contains("model no-such.safetensors: cannot be opened"), "{}", missing.stderr);
}

const BENCH: [&str; 9] = ["bench", "--arch", "squeezenet1_1", "--size", "64", "--seconds", "0", "--layer", "conv1"];

#[test]
fn an_environment_variable_selects_winograds_algorithm() {
    for name in ["off", "f2", "f4"] {
        let row = &run_with(&[("DL_WINOGRAD", name)], "dl-model", &BENCH, "").expect(0).records()[0];
        assert_eq!(row["winograd"], name);
    }
    assert_eq!(run("dl-model", &BENCH, "").expect(0).records()[0]["winograd"], "f4");
    let ran = run_with(&[("DL_WINOGRAD", "f8")], "dl-model", &BENCH, "").expect(2);
    assert_eq!(ran.stderr, "dl-model: DL_WINOGRAD=f8: expected off, f2 or f4\n");
}

#[test]
fn unbounded_measurements_are_refused() {
    for (option, value, expected) in [
        ("--batch", "18446744073709551615", "expected a whole number from 1 to 4096"),
        ("--batch", "65536", "expected a whole number from 1 to 4096"),
        ("--batch", "0", "expected a whole number from 1 to 4096"),
        ("--size", "1000000", "expected a whole number from 1 to 2048"),
        ("--seconds", "nan", "expected seconds from 0 to 600"),
        ("--seconds", "1e99", "expected seconds from 0 to 600"),
    ] {
        let ran = run("dl-model", &["bench", "--arch", "squeezenet1_1", option, value], "").expect(2);
        assert!(ran.stderr.contains(expected), "{option} {value}: {}", ran.stderr);
    }
    let large = ["bench", "--arch", "squeezenet1_1", "--batch", "4096", "--size", "1024"];
    assert!(run("dl-model", &large, "").expect(2).stderr.contains("--batch 4096: at most 85 is allowed"));
}

#[test]
#[cfg(not(any(feature = "cuda", feature = "metal")))]
fn another_device_needs_another_build() {
    for (device, feature) in [("cuda", "cuda"), ("cuda:1", "cuda"), ("metal", "metal")] {
        let ran = run("dl-model", &[&BENCH[..], &["--device", device]].concat(), "").expect(2);
        let remedy = format!("cargo build --release --workspace --features dl-cli/{feature}\n");
        assert!(ran.stderr.starts_with(&format!("dl-model: --device {device}: this build")), "{}", ran.stderr);
        assert!(ran.stderr.ends_with(&remedy) && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    }
    for device in ["tpu", "cpu:1", "cuda:one"] {
        let ran = run("dl-model", &[&BENCH[..], &["--device", device]].concat(), "").expect(2);
        assert!(ran.stderr.starts_with(&format!("dl-model: --device {device}: ")), "{}", ran.stderr);
    }
}

fn goldens(name: &str) -> String {
    root().join("testdata/goldens").join(name).to_str().unwrap().to_owned()
}

#[test]
fn summary_counts_as_torchinfo_does() {
    let golden = fs::read_to_string(goldens("summary/torchinfo.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    for (name, expected) in golden["networks"].as_object().unwrap() {
        let size = expected["size"].to_string();
        let summary = &run("dl-model", &["summary", "--arch", name, "--size", &size], "").expect(0).records()[0];
        assert_eq!(summary["parameters"], expected["parameters"], "{name}");
        assert_eq!(summary["multiply_adds"], expected["multiply_adds"], "{name}");
        let layers = summary["layers"].as_array().unwrap();
        let (expected_layers, mut nameless) = (expected["layers"].as_object().unwrap(), 0);
        for (path, layer) in expected_layers {
            let Some(row) = layers.iter().find(|row| row["name"] == *path) else {
                // Some modules have no name of their own here; the row of the block around them counts them.
                nameless += 1;
                continue;
            };
            let found = json!([row["output"], row["parameters"], row["multiply_adds"]]);
            assert_eq!(found, *layer, "{name}: {path}");
        }
        assert!(nameless * 5 < expected_layers.len(), "{name}: {nameless} of {} have no row", expected_layers.len());
        let sum = |key: &str| layers.iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(summary["parameters"], sum("parameters"), "{name}");
        assert_eq!(summary["multiply_adds"], sum("multiply_adds"), "{name}");
    }
    let table = run("dl-model", &["summary", "--arch", "resnet18", "--format", "table"], "").expect(0).stdout;
    for line in ["layer1.0.conv1", "11,689,512", "1,814,073,344", "512 x 7 x 7"] {
        assert!(table.contains(line), "{line} in {table}");
    }
    let small = run("dl-model", &["summary", "--arch", "vgg16", "--size", "8"], "").expect(2);
    assert!(
        small.stderr.contains("vgg16 for images of 8 x 8") && small.stderr.lines().count() == 1,
        "{}",
        small.stderr
    );
}

#[test]
fn summary_of_detectors_counts_as_torchvision_does() {
    let summary = |args: &[&str]| run("dl-model", &[&["summary"], args].concat(), "").expect(0).records().remove(0);
    // torchvision 0.29.2: the parameters of its models, with batch norms that are not frozen.
    for (name, parameters) in [("ssd300_vgg16", 35_641_826), ("maskrcnn_resnet50_fpn", 44_454_513)] {
        let found = summary(&["--arch", name]);
        assert_eq!(found["parameters"], parameters, "{name}");
        let layers = found["layers"].as_array().unwrap();
        let sum = |key: &str| layers.iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("parameters"), &json!(sum("multiply_adds"))), (parameters, &found["multiply_adds"]), "{name}");
    }
    let row = |found: &Value, name: &str| {
        let row = found["layers"].as_array().unwrap().iter().find(|row| row["name"] == name).cloned();
        row.map(|row| json!([row["output"], row["parameters"]])).unwrap()
    };
    let faster = summary(&["--arch", "fasterrcnn_resnet50_fpn", "--size", "256"]);
    assert_eq!(row(&faster, "backbone.body.layer1.0.conv1"), json!([[64, 64, 64], 4096]));
    assert_eq!(row(&faster, "rpn.head.cls_logits.0"), json!([[3, 64, 64], 256 * 256 * 9 + 256 + 256 * 3 + 3]));
    assert_eq!(row(&faster, "rpn.head.cls_logits.1"), json!([[3, 32, 32], 0]));
    assert_eq!(row(&faster, "roi_heads.box_predictor.cls_score"), json!([[91], 1025 * 91]));
    let file = goldens("detection/darknet/yolov4_tiny.weights");
    let yolo = summary(&[&file]);
    assert_eq!(row(&yolo, "layer_0.conv"), json!([[4, 32, 24], 108]));
    assert_eq!(row(&yolo, "layer_0.norm"), json!([[4, 32, 24], 8]));
    assert_eq!((&yolo["input"], &yolo["architecture"]), (&json!([3, 64, 48]), &json!("darknet")));
    let numbers = (fs::metadata(&file).unwrap().len() - 20) / 4;
    assert_eq!(yolo["parameters"].as_u64().unwrap() + yolo["buffers"].as_u64().unwrap(), numbers);
    let refused = run("dl-model", &["summary", &file, "--size", "64"], "").expect(2);
    assert!(refused.stderr.contains("states the size of its images"), "{}", refused.stderr);
}

#[test]
fn summary_of_text_networks_counts_as_torch_does() {
    let golden = fs::read_to_string(goldens("summary/texts.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    for (case, expected) in golden["networks"].as_object().unwrap() {
        let (name, tokens) = case.split_once('/').unwrap();
        let folder = goldens(&format!("text/{name}"));
        let ran = run("dl-model", &["summary", &folder, "--tokens", tokens], "").expect(0);
        assert!(ran.stderr.is_empty(), "{case}: {}", ran.stderr);
        let summary = &ran.records()[0];
        assert_eq!(summary["tokens"].to_string(), tokens, "{case}");
        assert_eq!(summary["parameters"], expected["parameters"], "{case}");
        assert_eq!(summary["multiply_adds"], expected["multiply_adds"], "{case}");
        let layers = summary["layers"].as_array().unwrap();
        for (path, layer) in expected["layers"].as_object().unwrap() {
            let row = layers.iter().find(|row| row["name"] == *path).unwrap_or_else(|| panic!("{case}: {path}"));
            let found = json!([row["output"], row["parameters"], row["multiply_adds"]]);
            assert_eq!(found, *layer, "{case}: {path}");
        }
        let sum = |key: &str| layers.iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(summary["parameters"], sum("parameters"), "{case}");
        assert_eq!(summary["multiply_adds"], sum("multiply_adds"), "{case}");
        assert_eq!(summary["output_bytes"], sum("output_bytes"), "{case}");
    }
}

#[test]
fn summary_of_well_known_text_networks() {
    let summary = |options: &[&str]| {
        run("dl-model", &[&["summary", "--arch"], options].concat(), "").expect(0).records().remove(0)
    };
    let (bert, gpt2, clip) = (summary(&["bert"]), summary(&["gpt2"]), summary(&["clip"]));
    for (network, tokens, parameters) in
        [(&bert, 512, 109_482_240), (&gpt2, 1024, 124_439_808), (&clip, 77, 151_277_313)]
    {
        assert_eq!(network["tokens"], tokens);
        assert_eq!(network["parameters"], parameters);
        assert_eq!(network["parameter_bytes"], 4 * parameters);
    }
    assert_eq!((&bert["input"], &clip["input"]), (&Value::Null, &json!([3, 224, 224])));
    let row = |network: &Value, name: &str| {
        let row = network["layers"].as_array().unwrap().iter().find(|row| row["name"] == name);
        row.unwrap_or_else(|| panic!("{name}")).clone()
    };
    let attention = row(&bert, "encoder.layer.11.attention.self");
    assert_eq!(attention["kind"], "Attention");
    assert_eq!(attention["multiply_adds"], 2 * 512 * 512 * 768);
    assert_eq!(
        row(&summary(&["bert", "--tokens", "3"]), "encoder.layer.0.attention.self")["multiply_adds"],
        2 * 9 * 768
    );
    // A layer's activation is shown with the layer after it; an output of dl-embed repeats that of the module before.
    assert_eq!(row(&bert, "encoder.layer.0.output.dense")["kind"], "GELU + Linear");
    assert_eq!(row(&bert, "encoder.layer.0.output.dense")["output_bytes"], 4 * 512 * (3072 + 768));
    let layer = row(&bert, "encoder.layer.0");
    assert_eq!(json!([layer["kind"], layer["output"], layer["output_bytes"]]), json!(["", [512, 768], 0]));
    assert_eq!(row(&bert, "pooler")["output"], json!([768]));
    let head = row(&gpt2, "lm_head");
    assert_eq!(json!([head["output"], head["parameters"]]), json!([[1024, 50257], 0]));
    assert_eq!(row(&gpt2, "h.0.mlp.c_fc")["kind"], "Conv1D");
    assert_eq!(row(&clip, "vision_model.embeddings.patch_embedding")["output"], json!([768, 7, 7]));
    assert_eq!(row(&clip, "logits_per_image")["parameters"], 1);
}

#[test]
fn summary_follows_the_tensors_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    // Writes the tensors of the golden network that `named` renames, and counts their weights.
    let write = |network: &str, named: &dyn Fn(&str) -> Option<String>| {
        let (from, to) = (goldens(&format!("text/{network}")), folder.path().join(network));
        fs::create_dir(&to).unwrap();
        fs::copy(format!("{from}/config.json"), to.join("config.json")).unwrap();
        let all = dl_models::Checkpoint::open(from.as_ref()).unwrap().all(&candle_core::Device::Cpu).unwrap();
        let kept = all.into_iter().filter_map(|(name, tensor)| Some((named(&name)?, tensor)));
        let kept: std::collections::HashMap<_, _> = kept.collect();
        candle_core::safetensors::save(&kept, to.join("model.safetensors")).unwrap();
        (to.to_str().unwrap().to_owned(), kept.values().map(candle_core::Tensor::elem_count).sum::<usize>())
    };
    // A file from before 2019, without pooler and head.
    let old = |name: &str| {
        let is_body = !name.contains("pooler") && !name.starts_with("classifier");
        let name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        is_body.then_some(name)
    };
    // A CLIP that was fine-tuned on image classes.
    let images = |name: &str| name.starts_with("vis").then(|| name.to_owned());
    let files = [(write("bert", &old), "bert", json!(24)), (write("clip", &images), "clip", Value::Null)];
    for ((path, numbers), network, tokens) in files {
        let ran = run("dl-model", &["summary", &path], "").expect(0);
        assert!(ran.stderr.is_empty(), "{network}: {}", ran.stderr);
        let summary = &ran.records()[0];
        assert_eq!((&summary["parameters"], &summary["tokens"]), (&numbers.into(), &tokens), "{network}");
        let layers = summary["layers"].as_array().unwrap();
        let sum: u64 = layers.iter().map(|row| row["parameters"].as_u64().unwrap()).sum();
        assert_eq!(sum, numbers as u64, "{network}");
    }
    let misnamed = run("dl-model", &["summary", &goldens("text/bert"), "--arch", "gpt2"], "").expect(0);
    assert!(misnamed.stderr.contains("does not fit: 0 tensors loaded; new: "), "{}", misnamed.stderr);
}

#[test]
fn summary_refuses_what_a_network_does_not_read() {
    for (options, words) in [
        (
            ["bert", "--tokens", "513"],
            "bert for 513 tokens: the text has 513 tokens, but the network reads at most 512",
        ),
        (["gpt2", "--size", "64"], "gpt2 for images of 64 x 64: gpt2 does not read images"),
        (["clip", "--size", "64"], "an image is 64 x 64 pixels, but the network reads 224 x 224"),
        (["resnet18", "--tokens", "3"], "--tokens: resnet18 reads images, not texts"),
    ] {
        let ran = run("dl-model", &[&["summary", "--arch"], &options[..]].concat(), "").expect(2);
        assert!(ran.stderr.contains(words) && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    }
}

#[test]
fn summary_of_every_network_adds_up() {
    for row in run("dl-model", &["list"], "").expect(0).records() {
        let name = row["architecture"].as_str().unwrap();
        if row["finds"] == "objects" || TRANSFORMERS.contains(&name) {
            continue;
        }
        let summary = &run("dl-model", &["summary", "--arch", name], "").expect(0).records()[0];
        let layers = summary["layers"].as_array().unwrap();
        let sum = |key: &str| layers.iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(summary["parameters"], sum("parameters"), "{name}");
        assert_eq!(summary["multiply_adds"], sum("multiply_adds"), "{name}");
    }
}

#[test]
fn convert_reads_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let files = ["zip_state_dict.pth", "old_state_dict.pth", "old_training.pth", "new.caffemodel", "small.weights"];
    for name in files {
        let (from, to) = (goldens(&format!("checkpoints/{name}")), path("out.safetensors"));
        let ran = run("dl-model", &["convert", &from, &to], "").expect(0);
        assert!(ran.stderr.contains("written without a config"), "{}", ran.stderr);
        let [before, after] = [&from, &to].map(|path| dl_models::Checkpoint::open(path.as_ref()).unwrap());
        assert_eq!(before.tensors(), after.tensors(), "{name}");
        for tensor in before.tensors() {
            assert_eq!(
                before.bytes(&tensor.name).unwrap(),
                after.bytes(&tensor.name).unwrap(),
                "{name}: {}",
                tensor.name
            );
        }
    }
    let half = path("half.safetensors");
    run("dl-model", &["convert", &goldens("checkpoints/zip_state_dict.pth"), &half, "--dtype", "bf16"], "").expect(0);
    let info = &run("dl-model", &["info", "--tensors", &half], "").expect(0).records()[0];
    assert_eq!(info["format"], "safetensors");
    assert_eq!(info["tensors"]["conv.weight"]["dtype"], "BF16");
    assert_eq!(info["tensors"]["counts"]["dtype"], "I64");
}

#[test]
fn convert_keeps_the_network_and_stores_the_options() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (model, out, labels) = (path("m.safetensors"), path("out.safetensors"), path("labels.txt"));
    crate::embed::write_small_network(model.as_ref());
    fs::write(&labels, "a\nb\nc\nd\ne\n").unwrap();
    let at_labels = format!("@{labels}");
    let args = ["convert", &model, &out, "--labels", &at_labels, "--license", "CC0-1.0", "--dtype", "f16"];
    let ran = run("dl-model", &args, "").expect(0);
    assert!(ran.stderr.contains("architecture squeezenet1_1"), "{}", ran.stderr);
    let info = &run("dl-model", &["info", &out], "").expect(0).records()[0];
    assert_eq!((&info["license"], &info["config"]["labels"][4]), (&json!("CC0-1.0"), &json!("e")));
    assert_eq!(info["config"]["source"]["converted_from"], "m.safetensors");
    assert_eq!(info["config"]["options"]["width"], 0.125);
    // The weights stay byte for byte, even when a file is converted into itself.
    run("dl-model", &["convert", &out, &out], "").expect(0);
    assert_eq!(run("dl-model", &["info", &out], "").expect(0).records()[0]["dtypes"], json!(["F16"]));

    let kept = fs::read(&out).unwrap();
    let refused = |args: &[&str], word: &str| {
        let ran = run("dl-model", &[&["convert"], args].concat(), "").expect(2);
        assert!(ran.stderr.lines().count() == 1 && ran.stderr.contains(word), "{}", ran.stderr);
        assert!(fs::read(&out).unwrap() == kept, "nothing is overwritten");
    };
    refused(&[&model, &out, "--arch", "resnet18"], "not a resnet18: 0 tensors loaded; new: bn1.bias");
    refused(&[&model, &out, "--arch", "squeezenet1_0"], "not a squeezenet1_0");
    refused(&[&model, &out, "--arch", "vgg99"], "architecture vgg99 does not exist");
    refused(&[&model, &out, "--labels", "a,b"], "the config has 2 labels for 5 classes");
    refused(&[&goldens("checkpoints/evil_system_zip.pth"), &out], "tries to call posix.system");
    refused(&[&goldens("checkpoints/compressed.pth"), &out], "is compressed");
    refused(&[&model, &out, "--mean", &goldens("checkpoints/mean.binaryproto")], "Caffe's from 0 to 255");
    fs::write(&model, &kept[..kept.len() / 2]).unwrap();
    refused(&[&model, &out], "truncated");
    fs::write(&model, [&(1_u64 << 60).to_le_bytes()[..], &kept[8..]].concat()).unwrap();
    refused(&[&model, &out], "claims a header of 1152921504606846976 bytes");
}

#[test]
fn a_real_caffemodel_is_recognized_by_its_layers() {
    let Some(real) = shared("weights/squeezenet1_0_imagenet.safetensors") else { return };
    let folder = tempfile::tempdir().unwrap();
    let caffe = folder.path().join("squeezenet_v1.0.caffemodel");
    let file = dl_models::Checkpoint::open(&real).unwrap();
    fs::write(&caffe, squeezenet_as_caffe(&file)).unwrap();
    let out = folder.path().join("out.safetensors");
    run("dl-model", &["convert", caffe.to_str().unwrap(), out.to_str().unwrap()], "").expect(0);
    let out = dl_models::Checkpoint::open(&out).unwrap();
    assert_eq!(out.tensors(), file.tensors());
    for tensor in file.tensors() {
        assert!(out.bytes(&tensor.name).unwrap() == file.bytes(&tensor.name).unwrap(), "{}", tensor.name);
    }
    let [config, expected] = [out, file].map(|mut file| dl_models::ModelConfig::read(&mut file, None).unwrap());
    assert_eq!(config.architecture, expected.architecture);
    assert_eq!(config.num_classes, 1000);
    let preprocessing = |config: &dl_models::ModelConfig| {
        let p = &config.preprocessing;
        (p.size, p.channel_order, p.range, p.mean, p.std, p.resize)
    };
    assert_eq!(preprocessing(&config), preprocessing(&expected));
}

/// The weights as Caffe stores them, under Caffe's names.
fn squeezenet_as_caffe(file: &dl_models::Checkpoint) -> Vec<u8> {
    fn varint(mut number: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 128 {
            bytes.push(number as u8 | 128);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }
    fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
        [&varint(tag << 3 | 2)[..], &varint(bytes.len() as u64), bytes].concat()
    }
    let fires = [(2, 3), (3, 4), (4, 5), (5, 7), (6, 8), (7, 9), (8, 10), (9, 12)];
    let mut layers =
        vec![("conv1".to_owned(), "features.0".to_owned()), ("conv10".to_owned(), "classifier.1".to_owned())];
    for (fire, place) in fires {
        for (theirs, ours) in [("squeeze1x1", "squeeze"), ("expand1x1", "expand1x1"), ("expand3x3", "expand3x3")] {
            layers.push((format!("fire{fire}/{theirs}"), format!("features.{place}.{ours}")));
        }
    }
    let mut net = field(1, b"SqueezeNet");
    for (theirs, ours) in layers {
        let mut layer = [field(1, theirs.as_bytes()), field(2, b"Convolution")].concat();
        for part in ["weight", "bias"] {
            let name = format!("{ours}.{part}");
            let shape: Vec<u8> = file.shape(&name).unwrap().iter().flat_map(|side| varint(*side as u64)).collect();
            let blob = [field(7, &field(1, &shape)), field(5, &file.bytes(&name).unwrap().1)].concat();
            layer.extend(field(7, &blob));
        }
        net.extend(field(100, &layer));
    }
    net
}
