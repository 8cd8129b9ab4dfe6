//! `dl-finetune classifier` and `linear`: frozen layers, kills and resumed runs, refused input.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use candle_core::Device;
use dl_models::{Checkpoint, LinearHead, ModelConfig};
use serde_json::{Value, json};

use crate::finetune::{lines, shapes};
use crate::support::{Ran, program, root, run, run_killed, shared};

/// Records of whole images with labels, and a file of them.
fn labeled_images(folder: &Path, count: usize) -> (Vec<Value>, String) {
    let labeled =
        |record: &Value| json!({"id": record["id"], "image": record["image"], "label": record["objects"][0]["label"]});
    let records: Vec<Value> = shapes(folder, count).iter().map(labeled).collect();
    let path = folder.join("records.jsonl");
    fs::write(&path, lines(&records)).unwrap();
    (records, path.to_str().unwrap().to_owned())
}

fn arguments(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn classifier(model: &Path, input: &str, more: &str) -> Ran {
    let more = arguments(more);
    run(
        "dl-finetune",
        &[&arguments(&format!("classifier {input} --output {}", model.display()))[..], &more].concat(),
        "",
    )
}

fn spawn(model: &Path, input: &str, more: &str) -> Child {
    let args = arguments(&format!("classifier {input} --output {} {more}", model.display()));
    let mut command = Command::new(program("dl-finetune"));
    command.args(args).current_dir(root()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn last(model: &Path) -> std::path::PathBuf {
    model.with_file_name(format!("{}.last.safetensors", model.file_stem().unwrap().to_str().unwrap()))
}

/// With batch norms, dropout, augmentation, a validation, a plateau and an optimizer with state.
const LIVELY: &str = "--arch mobilenet_v2 --width-mult 0.25 --size 32 --batch 8 --iterations 90 --optimizer adamw --lr 0.003 \
    --val-fraction 0.25 --validate-every 5 --schedule plateau --plateau-patience 1 --warmup 3 --augment flip,crop,color \
    --label-smoothing 0.1 --mixup 0.2 --checkpoint-every 3";

/// The log without the times.
fn log_of(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("seconds");
        line
    };
    text.lines().map(line).collect()
}

#[test]
fn a_training_killed_at_any_moment_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 24);
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name).join("m.safetensors"));
    let log = |model: &Path| model.with_extension("jsonl");
    let options = |model: &Path| format!("{LIVELY} --resume --log {}", log(model).display());
    for model in [&whole, &broken] {
        fs::create_dir_all(model.parent().unwrap()).unwrap();
    }
    classifier(&whole, &input, &options(&whole)).expect(0);
    let args = arguments(&format!("classifier {input} --output {} {}", broken.display(), options(&broken)));
    // Short compared to the training, and always different.
    let wait = |kills| Duration::from_millis(20 + (kills * 37 + 11) % 230);
    let kills = run_killed("dl-finetune", &args, 12, wait);
    assert!(kills >= 3, "{kills} kills");
    for path in [|model: &Path| model.to_owned(), last] {
        assert!(fs::read(path(&whole)).unwrap() == fs::read(path(&broken)).unwrap(), "{}", path(&whole).display());
    }
    assert_eq!(log_of(&log(&whole)), log_of(&log(&broken)));
    let left: Vec<_> =
        fs::read_dir(broken.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.len() as u64 <= 3 + kills, "{left:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_exits_with_status_130() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 24);
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name).join("m.safetensors"));
    let options = "--arch squeezenet1_1 --width-mult 0.25 --size 48 --batch 8 --iterations 60 --resume";
    classifier(&whole, &input, options).expect(0);
    let log = folder.path().join("log.jsonl");
    let mut child = spawn(&broken, &input, &format!("{options} --log {} --checkpoint-every 2", log.display()));
    while !last(&broken).exists() {
        assert!(child.try_wait().unwrap().is_none(), "ended before it could be interrupted");
        sleep(Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted after") && stderr.contains("--resume continues"), "{stderr}");
    assert!(broken.exists());
    let ran = classifier(&broken, &input, options).expect(0);
    assert!(ran.stderr.contains("resuming after"), "{}", ran.stderr);
    assert!(fs::read(&whole).unwrap() == fs::read(&broken).unwrap());
}

#[test]
fn a_training_with_other_options_does_not_resume() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 8);
    let model = folder.path().join("m.safetensors");
    let options = "--arch squeezenet1_1 --width-mult 0.25 --size 48 --batch 4 --iterations 2";
    classifier(&model, &input, options).expect(0);
    let before = fs::read(&model).unwrap();
    let ran = classifier(&model, &input, &format!("{options} --resume --seed 3")).expect(2);
    assert!(ran.stderr.contains("that run had seed 0, this one has 3"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().filter(|line| line.contains("cannot be resumed")).count(), 1);
    assert_eq!(fs::read(&model).unwrap(), before);
}

fn tensors(path: &Path) -> std::collections::BTreeMap<String, Vec<f32>> {
    let all = Checkpoint::open(path).unwrap().all(&Device::Cpu).unwrap();
    all.into_iter().map(|(name, tensor)| (name, tensor.flatten_all().unwrap().to_vec1().unwrap())).collect()
}

fn config(path: &Path) -> ModelConfig {
    Checkpoint::open(path).unwrap().config().unwrap().unwrap()
}

/// A small network with batch norms after a short training.
fn pretrained(folder: &Path, input: &str) -> std::path::PathBuf {
    let path = folder.join("pretrained.safetensors");
    let options = "--arch mobilenet_v2 --width-mult 0.25 --size 32 --batch 8 --iterations 12 --lr 0.01";
    classifier(&path, input, options).expect(0);
    path
}

#[test]
fn frozen_layers_stay_the_same_bits_with_any_cache() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 16);
    let first = pretrained(folder.path(), &input);
    let from = format!("--init-from {} --batch 8 --iterations 6 --lr 0.01 --augment none", first.display());
    for (freeze, trained) in [
        ("--freeze all", vec!["classifier."]),
        ("--freeze features.14", vec!["features.15.", "features.16.", "features.17.", "features.18.", "classifier."]),
        (
            "--trainable-layers 1",
            vec!["features.14.", "features.15.", "features.16.", "features.17.", "features.18.", "classifier."],
        ),
    ] {
        let mut models = Vec::new();
        for (name, how) in [("a", "--threads 1"), ("b", "--threads 3"), ("c", "--threads 2 --cache 0")] {
            let model = folder.path().join(format!("{name}.safetensors"));
            classifier(&model, &input, &format!("{from} {freeze} {how} --force")).expect(0);
            models.push(fs::read(&model).unwrap());
        }
        assert!(models.iter().all(|model| *model == models[0]), "{freeze}");
        let (before, after) = (tensors(&first), tensors(&folder.path().join("a.safetensors")));
        for (name, numbers) in &before {
            let should_change = trained.iter().any(|trained| name.starts_with(trained));
            assert_eq!(*numbers != after[name], should_change, "{freeze}: {name}");
        }
    }
}

#[test]
fn every_strategy_classifies_the_shapes_and_records_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 40);
    let first = folder.path().join("first.safetensors");
    let options =
        "--arch squeezenet1_1 --width-mult 0.5 --size 48 --batch 16 --iterations 150 --lr 0.03 --warmup 20 --cosine";
    classifier(&first, &input, options).expect(0);
    for (strategy, more, least) in [
        ("feature-extraction", "", 0.9),
        ("head", "--iterations 60 --lr 0.05 --batch 8", 0.9),
        ("top", "--iterations 60 --lr 0.01 --batch 8 --clip 1", 0.9),
        ("all", "--iterations 30 --lr 0.003 --batch 8", 0.9),
        ("scratch", "--iterations 2 --lr 0.001 --batch 8", 0.0),
        ("auto", "--iterations 2", 0.9),
    ] {
        let model = folder.path().join(format!("{strategy}.safetensors"));
        let log = folder.path().join("log.jsonl");
        let more = format!("{more} --force --strategy {strategy} --val-fraction 0.25 --log {}", log.display());
        let ran = classifier(&model, &input, &format!("--init-from {} {more}", first.display())).expect(0);
        let config = config(&model);
        let accuracy = config.provenance.training["validation"]["metrics"]["accuracy"].as_f64().unwrap();
        assert!(accuracy >= least, "{strategy}: {accuracy}\n{}", ran.stderr);
        let chosen = config.provenance.training["strategy"].as_str().unwrap();
        if strategy == "auto" {
            assert!(ran.stderr.contains("the smallest class has 15 examples"), "{}", ran.stderr);
            assert!(ran.stderr.contains(&format!("; training {chosen}\n")), "{}", ran.stderr);
            assert!(ran.stderr.contains("LogME") && ran.stderr.contains("H-score"), "{}", ran.stderr);
        } else {
            assert_eq!(chosen, strategy, "{}", ran.stderr);
        }
        let log = log_of(&log);
        assert!(log.iter().any(|line| line["loss"].is_number() && line["accuracy"].is_number()), "{log:?}");
        assert!(log.iter().any(|line| line["val_loss"].is_number() && line["val_accuracy"].is_number()), "{log:?}");
        assert_eq!(
            config.provenance.source.is_none(),
            strategy == "scratch",
            "{strategy}: {:?}",
            config.provenance.source
        );
        // The file is a whole model, which other programs open.
        assert!(config.provenance.data_digest.is_some() && config.provenance.seed == Some(0));
        run("dl-embed", &["--model", model.to_str().unwrap(), "--layer", "logits", &input], "").expect(0);
    }
}

#[test]
fn default_fine_tuning_does_not_ruin_a_pretrained_network() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 40);
    let first = folder.path().join("first.safetensors");
    let options = "--arch squeezenet1_1 --width-mult 0.5 --size 48 --batch 16 --iterations 150 --lr 0.03";
    classifier(&first, &input, options).expect(0);
    let tuned = folder.path().join("tuned.safetensors");
    let ran = classifier(&tuned, &input, &format!("--init-from {}", first.display())).expect(0);
    assert!(
        ran.stderr.contains("training 100 batches: SGD, rate 0.0003, cosine schedule, 10 of warm-up"),
        "{}",
        ran.stderr
    );
    let accuracy = |model: &Path| config(model).provenance.training["accuracy"].as_f64().unwrap();
    assert!(accuracy(&tuned) >= accuracy(&first) && accuracy(&tuned) > 0.9, "{}", ran.stderr);
    assert_eq!(config(&tuned).provenance.training["clip"], 1.0);
    // Every default can be switched off.
    let off = "--clip none --warmup 0 --stop-above none --schedule constant --iterations 2 --force";
    let ran = classifier(&tuned, &input, &format!("--init-from {} {off}", first.display())).expect(0);
    assert!(ran.stderr.contains("constant schedule, 0 of warm-up\n"), "{}", ran.stderr);
    assert_eq!(config(&tuned).provenance.training["clip"], Value::Null);
}

#[test]
fn an_exploding_loss_stops_the_training_and_suggests_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 16);
    let model = folder.path().join("m.safetensors");
    let options = "--arch squeezenet1_1 --width-mult 0.25 --size 48 --iterations 500 --clip none --warmup 0 --lr 1e6";
    let ran = classifier(&model, &input, options).expect(2);
    let line = ran.stderr.lines().last().unwrap();
    assert!(line.contains("the loss exploded") && line.contains("try --lr 100000; no model was written"), "{line}");
    assert!(!model.exists());
}

#[test]
fn objects_are_classified_without_background() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = shapes(folder.path(), 16);
    for record in &mut records {
        record.as_object_mut().unwrap().remove("proposals");
    }
    let model = folder.path().join("m.safetensors");
    let path = folder.path().join("crops.jsonl");
    fs::write(&path, lines(&records)).unwrap();
    let options = "--input objects --arch squeezenet1_1 --width-mult 0.25 --size 48 --pad 4 --batch 4 --iterations 2 --per-class 3";
    let ran = classifier(&model, path.to_str().unwrap(), options).expect(0);
    assert!(ran.stderr.contains("16 images, 6 examples of 2 classes, 0 of background"), "{}", ran.stderr);
    assert_eq!(config(&model).num_classes, 2);
    // Without an option, dl-classify takes the objects, as the network was trained.
    let named = run("dl-classify", &["--model", model.to_str().unwrap(), path.to_str().unwrap()], "").expect(0);
    let figures = run("dl-eval", &["classify"], &named.stdout).expect(0).records().remove(0);
    assert!(figures["samples"].as_u64().unwrap() > 6, "{figures}");
}

#[test]
fn bad_training_data_is_refused_in_one_line_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (records, input) = labeled_images(folder.path(), 8);
    let squeezenet = folder.path().join("squeezenet.safetensors");
    classifier(&squeezenet, &input, "--arch squeezenet1_1 --width-mult 0.25 --size 48 --batch 4 --iterations 1")
        .expect(0);
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let stream = |name: &str, records: &[Value]| {
        let path = folder.path().join(name);
        fs::write(&path, lines(records)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut unlabeled = records.clone();
    unlabeled[3].as_object_mut().unwrap().remove("label");
    let alike: Vec<Value> = records.iter().step_by(2).cloned().collect();
    let mut strange = records.clone();
    strange[0]["label"] = json!("star");
    let whole = fs::read(&squeezenet).unwrap();
    let cut = folder.path().join("cut.safetensors");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let lying = folder.path().join("lying.safetensors");
    fs::write(&lying, [&(1_u64 << 60).to_le_bytes(), &whole[8..]].concat()).unwrap();
    let from = |path: &Path| format!("--init-from {} --iterations 1 --batch 4", path.display());
    let fresh = "--arch squeezenet1_1 --width-mult 0.25 --size 48 --batch 4 --iterations 1".to_owned();
    let cases = [
        (stream("unlabeled.jsonl", &unlabeled), fresh.clone(), "1 records have no \"label\""),
        (stream("alike.jsonl", &alike), fresh.clone(), "all examples have the same label, \"square\""),
        (empty.display().to_string(), fresh.clone(), "no images in this folder"),
        (stream("none.jsonl", &[]), fresh.clone(), "no record to train on"),
        (input.clone(), format!("{} --arch vgg11", from(&squeezenet)), "vgg11"),
        (input.clone(), from(&cut), "is truncated"),
        (input.clone(), from(&lying), "claims a header of 1152921504606846976 bytes"),
        (
            input.clone(),
            format!("{fresh} --val {}", stream("strange.jsonl", &strange)),
            "the label \"star\" has no training example",
        ),
        (input.clone(), format!("{fresh} --freeze fire99"), "layer fire99 does not exist"),
        (input.clone(), format!("{fresh} --trainable-layers 9"), "has 4 stages, fewer than 9"),
        (input.clone(), format!("{fresh} --layer-lr fire99=2"), "layer fire99 does not exist"),
        (input.clone(), format!("{fresh} --patience 3"), "--patience needs validation data"),
        (input.clone(), format!("{fresh} --strategy head"), "--strategy needs pretrained weights"),
        (input, format!("{fresh} --class-weights {}/no.json", empty.display()), "no.json"),
    ];
    let model = folder.path().join("kept.safetensors");
    for (input, options, words) in cases {
        fs::write(&model, "precious").unwrap();
        let ran = classifier(&model, &input, &format!("{options} --force")).expect(2);
        let printed: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(words)).collect();
        assert_eq!(printed.len(), 1, "{words}\n{}", ran.stderr);
        assert_eq!(fs::read_to_string(&model).unwrap(), "precious", "{words}");
        assert!(!last(&model).exists(), "{words}");
    }
}

#[test]
fn bad_output_files_are_reported_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 8);
    let path = |name: &str| folder.path().join(name);
    let model = path("m.safetensors");
    let fresh = "--arch squeezenet1_1 --width-mult 0.25 --size 48 --batch 4 --iterations 1";
    classifier(&model, &input, fresh).expect(0);
    let trained = fs::read(&model).unwrap();
    // The input does not exist, so reading it would fail.
    let nothing = path("no-such.jsonl").display().to_string();
    let kept = path("kept.jsonl");
    fs::copy(&input, &kept).unwrap();
    let from = format!("--init-from {}", model.display());
    for (model, input, options, words) in [
        (&path(""), &nothing, String::new(), "is a folder"),
        (&model.join("m.safetensors"), &nothing, String::new(), "the folder cannot be created"),
        (&model, &nothing, String::new(), "exists; --resume continues an unfinished run, --force overwrites"),
        (&path("n"), &nothing, format!("--log {}", folder.path().display()), "--log: "),
        (&path("n"), &kept.display().to_string(), format!("--log {}", kept.display()), "would replace the input"),
        (&path("n"), &nothing, format!("--val {0} --log {0}", kept.display()), "would replace the input"),
        (&model, &nothing, format!("{from} --force"), "would replace the input"),
        (&model, &nothing, format!("--force --log {}", model.display()), "is the file of --output"),
    ] {
        let options = if options.contains("--init-from") { options } else { format!("{fresh} {options}") };
        let ran = classifier(model, input, &options).expect(2);
        assert!(ran.stderr.contains(words) && ran.stderr.lines().count() == 1, "{words}\n{}", ran.stderr);
    }
    assert!(fs::read(&model).unwrap() == trained);
    assert!(fs::read(&kept).unwrap() == fs::read(&input).unwrap());
    assert!(classifier(&model, &input, &format!("{fresh} --resume --force")).expect(2).stderr.contains("--force"));
    classifier(&model, &input, &format!("{fresh} --resume")).expect(0);
    classifier(&model, &input, &format!("{fresh} --force --seed 1")).expect(0);
    assert!(fs::read(&model).unwrap() != trained);
}

#[test]
fn class_weights_come_from_a_file_and_must_fit_the_labels() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 8);
    let (model, weights) = (folder.path().join("m.safetensors"), folder.path().join("w.json"));
    let options = format!(
        "--arch squeezenet1_1 --width-mult 0.25 --size 48 --batch 4 --iterations 1 --class-weights {}",
        weights.display()
    );
    for (text, words) in [
        (r#"{"disc":1,"square":2,"star":1}"#, "label \"star\" has no training example"),
        (r#"{"disc":1}"#, "no \"square\""),
        (r#"{"disc":1,"square":0}"#, "must be above 0"),
        ("[1,2]", "expected {\"LABEL\": WEIGHT, ..}"),
    ] {
        fs::write(&weights, text).unwrap();
        let ran = classifier(&model, &input, &options).expect(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    fs::write(&weights, r#"{"disc":1,"square":2.5}"#).unwrap();
    classifier(&model, &input, &options).expect(0);
}

#[test]
fn a_linear_head_is_trained_on_features() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("head.safetensors");
    let record = |index: usize| {
        let noise = |k: usize| ((index * 7919 + k * 104_729) * 2_654_435_761 % 1000) as f64 / 1000.0;
        let cat = index.is_multiple_of(2);
        let values = [[noise(1) + if cat { 1.0 } else { 0.0 }, noise(2), noise(3) - if cat { 0.5 } else { 0.0 }]];
        json!({"id": index.to_string(), "label": if cat { "cat" } else { "dog" },
               "features": {"pool": {"dtype": "f32", "shape": [1, 3], "values": values}}})
    };
    let mut records: Vec<Value> = (0..60).map(record).collect();
    let train = |records: &[Value], more: &[&str]| {
        run("dl-finetune", &[&["linear", "--output", model.to_str().unwrap()], more].concat(), &lines(records))
    };
    let ran = train(&records, &["--threads", "1"]).expect(0);
    assert!(ran.stderr.contains("2 classes, training accuracy"), "{}", ran.stderr);
    let first = fs::read(&model).unwrap();
    train(&records, &["--threads", "3", "--force"]).expect(0);
    assert_eq!(fs::read(&model).unwrap(), first);
    let head = LinearHead::load(&model).unwrap();
    assert_eq!((head.layer.as_str(), head.labels.as_slice()), ("pool", &["cat".to_owned(), "dog".to_owned()][..]));
    assert!(head.probabilities(&[1.6, 0.5, -0.1]).unwrap()[0] > 0.5);
    // The head names classes without the network.
    let named = run("dl-classify", &["--model", model.to_str().unwrap()], &lines(&records)).expect(0).records();
    let right = named.iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
    assert_eq!(right as f64 / 60.0, head.training["accuracy"].as_f64().unwrap());
    for (record, wrong) in [
        (json!({"id": "x"}), "no \"features\""),
        (
            json!({"id": "x", "features": {"fc": {"dtype": "f32",
        "shape": [1, 3], "values": [[1, 2, 3]]}}}),
            "no features \"pool\"",
        ),
    ] {
        let ran = run("dl-classify", &["--model", model.to_str().unwrap()], &lines(&[record])).expect(1);
        assert!(ran.stderr.contains(wrong), "{}", ran.stderr);
    }
    assert!(head.training["accuracy"].as_f64().unwrap() > 0.9, "{}", head.training);
    let refused = |records: &[Value], words: &str| {
        let ran = train(records, &["--force"]).expect(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        assert_eq!(fs::read(&model).unwrap(), first, "{words}");
    };
    refused(&records[..1], "all records have the same label, \"cat\"");
    refused(&[], "no record to train on");
    records[4].as_object_mut().unwrap().remove("label");
    refused(&records, "1 records have no \"label\"");
}

#[test]
fn a_log_is_drawn_with_training_and_validation() {
    let folder = tempfile::tempdir().unwrap();
    let (_, input) = labeled_images(folder.path(), 16);
    let [model, log, svg, png] = ["m.safetensors", "log.jsonl", "c.svg", "c.png"].map(|name| folder.path().join(name));
    let options = format!("{LIVELY} --log {}", log.display());
    classifier(&model, &input, &options).expect(0);
    for chart in [&svg, &png] {
        run("dl-draw", &["curves", log.to_str().unwrap(), "--output", chart.to_str().unwrap()], "").expect(0);
    }
    let text = fs::read_to_string(&svg).unwrap();
    for words in ["loss", "accuracy", "mean_recall", "training", "validation", "iteration"] {
        assert!(text.contains(words), "{words}");
    }
    assert_eq!(image::open(&png).unwrap().to_rgb8().dimensions(), (960, 3 * 360));
    let only = ["curves", log.to_str().unwrap(), "--metrics", "loss", "--output", png.to_str().unwrap()];
    run("dl-draw", &only, "").expect(0);
    assert_eq!(image::open(&png).unwrap().to_rgb8().dimensions(), (960, 360));
    let ran = run("dl-draw", &["curves", &input, "--output", png.to_str().unwrap()], "").expect(2);
    assert!(ran.stderr.contains("line 1: has no \"iteration\""), "{}", ran.stderr);
}

#[test]
fn mnist_is_read_from_its_files() {
    let Some(folder) = shared("data/mnist") else { return };
    let ran = run("dl-data", &["from", "idx", folder.to_str().unwrap(), "--split", "test"], "").expect(0);
    let records = ran.records();
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    assert_eq!(records.len(), 10_000);
    assert_eq!(
        (&records[0]["id"], &records[0]["label"], &records[0]["width"]),
        (&json!("test/00000"), &json!("7"), &json!(28))
    );
    let sevens = records.iter().filter(|record| record["label"] == "7").count();
    assert_eq!(sevens, 1028, "{expected}");
}
