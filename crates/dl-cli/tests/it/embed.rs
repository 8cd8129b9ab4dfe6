//! `dl-embed`, as a user runs it.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;
use dl_models::checkpoint::{Precision, save};
use dl_models::{Model, ModelConfig, Parameters, Resize};
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ran, run, shared};

/// Columns of `fire9@1` of the small network.
const COLUMNS: u64 = 64;

/// A small SqueezeNet for 48 x 48 pixels with random weights.
pub fn write_small_network(path: &Path) {
    write_network(path, 1, |_| ());
}

/// The same with other weights and a changed config.
pub fn write_network(path: &Path, seed: u64, change: impl FnOnce(&mut ModelConfig)) {
    let mut config = ModelConfig::new("squeezenet1_1", 5);
    config.options.insert("width".into(), 0.125.into());
    config.preprocessing.size = [48, 48];
    config.preprocessing.resize = Resize::Stretch;
    let parameters = Parameters::fresh(seed);
    Model::build(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
    change(&mut config);
    save(path, &config, &parameters.tensors(), Precision::F32).unwrap();
}

/// A folder with the small network and two images.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_small_network(&folder.path().join("m.safetensors"));
        let bench = Self { folder };
        for (name, width, height) in [("a.png", 60, 50), ("b c.png", 31, 80)] {
            let image = RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7) as u8, (y * 5) as u8, (x * y) as u8]));
            image.save(bench.path(name)).unwrap();
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn record(&self, name: &str, more: Value) -> String {
        let mut record = json!({"id": name, "image": self.path(name)});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{record}\n")
    }

    fn run(&self, args: &[&str], stdin: &str) -> Ran {
        let model = self.path("m.safetensors");
        run("dl-embed", &[&["--model", model.to_str().unwrap()], args].concat(), stdin)
    }
}

fn proposals(boxes: &[[f64; 4]]) -> Value {
    let proposals: Vec<Value> = boxes.iter().map(|b| json!({"box": b, "score": 0.5})).collect();
    json!({"proposals": proposals})
}

fn shape<'a>(record: &'a Value, layer: &str) -> &'a Value {
    &record["features"][layer]["shape"]
}

#[test]
fn a_record_without_proposals_is_embedded_whole() {
    let bench = Bench::new();
    let (a, b) = (bench.path("a.png"), bench.path("b c.png"));
    let ran = bench.run(&[a.to_str().unwrap(), b.to_str().unwrap()], "").expect(0);
    for record in ran.records() {
        assert_eq!(shape(&record, "fire9@1"), &json!([1, COLUMNS]), "{record}");
    }
    assert_eq!(ran.records()[0]["width"], 60);
    assert_eq!(ran.records()[1]["height"], 80);
}

#[test]
fn rows_of_proposals_do_not_depend_on_batches_and_threads() {
    let bench = Bench::new();
    let boxes = [[1.0, 2.0, 40.0, 30.0], [0.0, 0.0, 60.0, 50.0], [10.5, 5.25, 20.0, 49.0], [30.0, 30.0, 31.0, 31.0]];
    let stdin = bench.record("a.png", proposals(&boxes))
        + &bench.record("b c.png", json!({}))
        + &bench.record("b c.png", proposals(&boxes[..1]))
        + &bench.record("a.png", proposals(&boxes[2..]));
    let layers = ["--layer", "fire9@1,logits,fire2@2x3"];
    let expected = bench.run(&layers, &stdin).expect(0);
    let rows: Vec<_> = expected.records().iter().map(|record| shape(record, "logits")[0].as_u64().unwrap()).collect();
    assert_eq!(rows, [4, 1, 1, 2]);
    assert_eq!(shape(&expected.records()[0], "fire2@2x3"), &json!([4, 16 * 6]));
    for more in
        [["--batch", "1", "--threads", "1"], ["--batch", "3", "--threads", "2"], ["--batch", "7", "--threads", "5"]]
    {
        let ran = bench.run(&[&layers[..], &more].concat(), &stdin).expect(0);
        assert_eq!(ran.stdout, expected.stdout, "{more:?}");
    }
}

#[test]
fn an_image_without_proposals_has_no_rows_but_the_columns() {
    let bench = Bench::new();
    let stdin = bench.record("a.png", proposals(&[])) + &bench.record("a.png", proposals(&[[0.0, 0.0, 9.0, 9.0]]));
    let records = bench.run(&["--layer", "fire9@1,features.2"], &stdin).expect(0).records();
    assert_eq!(shape(&records[0], "fire9@1"), &json!([0, COLUMNS]));
    assert_eq!(shape(&records[0], "features.2")[1], shape(&records[1], "features.2")[1]);
}

#[test]
fn empty_and_outside_boxes_are_embedded_and_inverted_ones_fail_alone() {
    let bench = Bench::new();
    let odd = [[5.0, 5.0, 5.0, 5.0], [0.0, 0.0, 1.0, 1.0], [100.0, 100.0, 200.0, 200.0], [-50.0, -9.0, 500.0, 400.0]];
    let stdin = bench.record("a.png", proposals(&odd)) + &bench.record("a.png", proposals(&[[10.0, 0.0, 4.0, 5.0]]));
    for warp in ["context", "tight", "square"] {
        let ran = bench.run(&["--warp", warp], &stdin).expect(1);
        assert_eq!(shape(&ran.records()[0], "fire9@1")[0], 4);
        let message = ran.records()[1]["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("proposals[0]: box has x2 < x1 (4 < 10)"), "{message}");
    }
}

#[test]
fn with_objects_puts_true_boxes_before_the_proposals() {
    let bench = Bench::new();
    let mut fields = proposals(&[[0.0, 0.0, 9.0, 9.0], [1.0, 1.0, 5.0, 5.0], [2.0, 2.0, 6.0, 6.0]]);
    fields["objects"] =
        json!([{"box": [3.0, 4.0, 30.0, 40.0], "label": "cat"}, {"box": [7, 8, 9, 10], "label": "dog"}]);
    let stdin = bench.record("a.png", fields.clone());
    let first = bench.run(&["--with-objects", "--max", "2"], &stdin).expect(0);
    let found = first.records()[0]["proposals"].clone();
    assert_eq!(found[0], json!({"box": [3.0, 4.0, 30.0, 40.0], "score": 1.0, "truth": 0}));
    assert_eq!(found[1]["truth"], 1);
    assert_eq!(found[3]["box"], json!([1.0, 1.0, 5.0, 5.0]));
    assert_eq!(found.as_array().unwrap().len(), 4);
    assert_eq!(shape(&first.records()[0], "fire9@1")[0], 4);
    let again = bench.run(&["--with-objects"], &first.stdout).expect(0);
    assert_eq!(again.records()[0]["proposals"], found, "a second run does not add them again");
    fields.as_object_mut().unwrap().remove("proposals");
    let alone = bench.run(&["--with-objects"], &bench.record("a.png", fields)).expect(0);
    assert_eq!(shape(&alone.records()[0], "fire9@1")[0], 2);
}

#[test]
fn features_are_written_to_files_as_halves_or_as_numbers() {
    let bench = Bench::new();
    let stdin = bench.record("a.png", proposals(&[[0.0, 0.0, 9.0, 9.0], [1.0, 1.0, 50.0, 50.0]]));
    let layer = ["--layer", "fire9@1,pool10"];
    let read = |ran: &Ran, layer: &str| {
        let tensor: dl_record::Tensor = serde_json::from_value(ran.records()[0]["features"][layer].clone()).unwrap();
        tensor.matrix().unwrap()
    };
    let inline = bench.run(&layer, &stdin).expect(0);
    let folder = bench.path("deep/features");
    let files = bench.run(&[&layer[..], &["--features-dir", folder.to_str().unwrap()]].concat(), &stdin).expect(0);
    let json = bench.run(&[&layer[..], &["--features-json"]].concat(), &stdin).expect(0);
    let halves = bench.run(&[&layer[..], &["--dtype", "f16"]].concat(), &stdin).expect(0);
    for layer in ["fire9@1", "pool10"] {
        let expected = read(&inline, layer);
        assert!(expected.data.iter().any(|value| *value != 0.0));
        assert_eq!(read(&files, layer), expected);
        assert_eq!(read(&json, layer), expected);
        for (half, value) in read(&halves, layer).data.iter().zip(&expected.data) {
            assert!((half - value).abs() <= value.abs() / 1024.0 + 1e-7);
        }
    }
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].to_str().unwrap().starts_with("a_png-"), "{names:?}");
    assert!(json.records()[0]["features"]["pool10"]["values"][1][4].is_number());
    let kept = bench.run(&["--layer", "logits"], &inline.stdout).expect(0);
    assert_eq!(kept.records()[0]["features"]["fire9@1"], inline.records()[0]["features"]["fire9@1"]);
}

#[cfg(unix)]
#[test]
fn records_of_one_id_get_two_files_and_none_is_written_through_a_link() {
    let bench = Bench::new();
    let stdin = ["a.png", "a.png"].map(|name| bench.record(name, proposals(&[[0.0, 0.0, 9.0, 9.0]]))).join("\n");
    let folder = bench.path("features");
    let args = ["--layer", "fire9@1", "--features-dir", folder.to_str().unwrap()];
    let files = |ran: &Ran| {
        let file = |record: &Value| record["features"]["fire9@1"]["file"].as_str().unwrap().to_owned();
        ran.records().iter().map(file).collect::<Vec<_>>()
    };
    let first = files(&bench.run(&args, &stdin).expect(0));
    assert!(first[0] != first[1] && first.iter().all(|file| fs::metadata(file).unwrap().is_file()), "{first:?}");
    // A folder prepared by an attacker.
    let victim = bench.path("victim");
    fs::write(&victim, "mine").unwrap();
    fs::remove_file(&first[0]).unwrap();
    std::os::unix::fs::symlink(&victim, &first[0]).unwrap();
    assert_eq!(files(&bench.run(&args, &stdin).expect(0)), first);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert!(!fs::symlink_metadata(&first[0]).unwrap().is_symlink());
}

#[test]
fn a_broken_image_fails_alone() {
    let bench = Bench::new();
    fs::write(bench.path("empty.jpg"), b"").unwrap();
    fs::write(bench.path("text.jpg"), b"not an image").unwrap();
    let stdin = bench.record("a.png", json!({}))
        + &bench.record("empty.jpg", proposals(&[[0.0, 0.0, 5.0, 5.0]]))
        + "{broken\n"
        + &bench.record("gone.jpg", json!({}))
        + &bench.record("text.jpg", json!({}))
        + &bench.record("b c.png", json!({"label": "kept"}));
    let ran = bench.run(&[], &stdin).expect(1);
    let failed: Vec<bool> = ran.records().iter().map(|record| record["error"].is_object()).collect();
    assert_eq!(failed, [false, true, true, true, true, false]);
    assert_eq!(ran.records()[5]["label"], "kept");
    assert_eq!(ran.stderr.lines().count(), 4, "{}", ran.stderr);
}

#[test]
fn resize_none_keeps_the_size_of_each_image() {
    let bench = Bench::new();
    let stdin = bench.record("a.png", json!({})) + &bench.record("b c.png", json!({}));
    let records = bench.run(&["--resize", "none", "--layer", "features.0"], &stdin).expect(0).records();
    let columns = |width: u64, height: u64| 8 * ((width - 3) / 2 + 1) * ((height - 3) / 2 + 1);
    assert_eq!(shape(&records[0], "features.0")[1], columns(60, 50));
    assert_eq!(shape(&records[1], "features.0")[1], columns(31, 80));
    for rule in ["shorter", "letterbox", "stretch"] {
        let records = bench.run(&["--resize", rule, "--layer", "features.0"], &stdin).expect(0).records();
        assert_eq!(shape(&records[1], "features.0")[1], columns(48, 48));
    }
}

#[test]
fn an_image_too_small_for_the_network_fails_alone() {
    let bench = Bench::new();
    RgbImage::new(2, 2).save(bench.path("tiny.png")).unwrap();
    let stdin = bench.record("tiny.png", json!({})) + &bench.record("a.png", json!({}));
    let ran = bench.run(&["--resize", "none"], &stdin).expect(1);
    let message = ran.records()[0]["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("smaller than the kernel 3x3"), "{message}");
    assert_eq!(shape(&ran.records()[1], "fire9@1")[0], 1);
}

#[test]
fn usage_errors_are_one_line_with_status_2() {
    let bench = Bench::new();
    let error = |args: &[&str]| {
        let ran = bench.run(args, "").expect(2);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        ran.stderr
    };
    assert!(error(&["--layer", "fc7"]).contains("layer fc7 does not exist; choose from features.0, "));
    assert!(error(&["--arch", "alexnet"]).contains("--arch alexnet expects [64, 3, 11, 11]"));
    assert!(error(&["--arch", "vgg"]).contains("architecture vgg does not exist; choose from alexnet"));
    assert!(error(&["--pad", "24"]).contains("too large for an input of 48 x 48"));
    let cut = bench.path("cut.safetensors");
    let whole = fs::read(bench.path("m.safetensors")).unwrap();
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let ran = run("dl-embed", &["--model", cut.to_str().unwrap()], "").expect(2);
    assert!(ran.stderr.contains("cut.safetensors: is truncated") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
}

#[test]
fn a_real_network_recognizes_a_cat() {
    let (Some(model), Some(cat)) =
        (shared("weights/squeezenet1_0_imagenet.safetensors"), shared("data/photos/cat.png"))
    else {
        return;
    };
    let args = ["--layer", "logits,fire9", "--features-json", "--model"].map(Path::new);
    let record = &run("dl-embed", &[&args[..], &[model.as_path(), cat.as_path()]].concat(), "").expect(0).records()[0];
    assert_eq!(shape(record, "fire9"), &json!([1, 512 * 13 * 13]));
    let logits = record["features"]["logits"]["values"][0].as_array().unwrap();
    let best = (0..1000).max_by(|a, b| logits[*a].as_f64().unwrap().total_cmp(&logits[*b].as_f64().unwrap())).unwrap();
    assert_eq!(best, 285, "Egyptian cat");
    assert!((logits[285].as_f64().unwrap() - 20.39).abs() < 0.5, "{}", logits[285]);
}

#[test]
fn features_carry_the_fingerprint_of_the_network_and_unusual_options() {
    let bench = Bench::new();
    let network = |args: &[&str], fields: Value| {
        let ran = bench.run(&[&["--layer", "logits"], args].concat(), &bench.record("a.png", fields)).expect(0);
        ran.records()[0]["features"]["logits"]["network"].as_str().unwrap().to_owned()
    };
    let plain = network(&[], json!({}));
    assert!(plain.starts_with("squeezenet1_1:") && !plain.contains(' '), "{plain}");
    let regions = || proposals(&[[0.0, 0.0, 9.0, 9.0]]);
    assert_eq!(network(&[], regions()), plain);
    // The default written out, and what does not change the numbers.
    assert_eq!(network(&["--resize", "stretch", "--batch", "2", "--dtype", "f16"], json!({})), plain);
    assert_eq!(
        network(&["--resize", "letterbox", "--normalize"], json!({})),
        format!("{plain} resize=letterbox normalize")
    );
    assert_eq!(network(&["--warp", "tight", "--pad", "0"], regions()), format!("{plain} warp=tight pad=0"));
    let folder = bench.path("features").display().to_string();
    assert_eq!(network(&["--features-dir", &folder], json!({})), plain);
    write_network(&bench.path("m.safetensors"), 2, |_| ());
    assert_ne!(network(&[], json!({})), plain);
}
