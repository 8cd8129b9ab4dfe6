//! `dl-finetune`, as a user runs it.

use std::fs;
use std::path::Path;

use dl_record::{Dtype, Matrix, Record, Tensor, write_tensor_file};
use serde_json::{Value, json};

use crate::support::{Ran, root, run};

/// Features of the toy world: whether a cat, or a dog, fills the region; where its object lies, if one is near; noise.
const COLUMNS: usize = 8;

/// A toy world of 200 x 200 images, most with a cat and a dog, with features that encode what a region shows and the
/// offset of its object. True boxes come first among the proposals, as `dl-embed --with-objects` puts them.
pub(crate) fn toy_records(count: usize) -> Vec<Value> {
    (0..count).map(toy_record).collect()
}

fn toy_record(index: usize) -> Value {
    let noise = |k: usize| ((index * 7919 + k * 104_729 + 13) * 2_654_435_761 % 1000) as f64 / 1000.0;
    let objects: Vec<([f64; 4], &str)> = ["cat", "dog"]
        .iter()
        .enumerate()
        .filter(|(class, _)| index % 5 != *class)
        .map(|(class, label)| {
            let (x, y) = (20.0 + 90.0 * class as f64 + 20.0 * noise(class), 30.0 + 80.0 * noise(class + 2));
            ([x, y, x + 50.0, y + 40.0], *label)
        })
        .collect();
    let mut proposals = Vec::new();
    let mut values = Vec::new();
    let mut add = |bbox: [f64; 4], object: Option<(&str, [f64; 2])>, truth: Option<usize>| {
        let k = 100 * (values.len() + 1);
        let mut row = vec![0.0; COLUMNS];
        row[7] = 1.0 + 0.2 * noise(k);
        row[6] = 0.3 * noise(k + 1);
        if let Some((label, [dx, dy])) = object {
            row[if label == "cat" { 0 } else { 1 }] = 1.0 + 0.1 * noise(k + 2);
            (row[2], row[3], row[4], row[5]) = (dx.max(0.0), (-dx).max(0.0), dy.max(0.0), (-dy).max(0.0));
        }
        let mut proposal = json!({"box": bbox, "score": 1.0 / k as f64});
        if let Some(truth) = truth {
            proposal["truth"] = truth.into();
        }
        proposals.push(proposal);
        values.push(row);
    };
    for (truth, (bbox, label)) in objects.iter().enumerate() {
        add(*bbox, Some((label, [0.0, 0.0])), Some(truth));
    }
    for (object, (bbox, label)) in objects.iter().enumerate() {
        for k in 0..4 {
            let (dx, dy) = (0.2 * noise(10 * object + k) - 0.1, 0.2 * noise(10 * object + k + 50) - 0.1);
            let [x1, y1, x2, y2] = *bbox;
            let moved = [x1 - 50.0 * dx, y1 - 40.0 * dy, x2 - 50.0 * dx, y2 - 40.0 * dy];
            add(moved, Some((label, [dx, dy])), None);
        }
    }
    for k in 0..20 {
        let (x, y) = (150.0 * noise(k + 200), 150.0 * noise(k + 300));
        let bbox = [x, y, x + 12.0, y + 14.0];
        add(bbox, None, None);
    }
    let objects: Vec<Value> = objects.iter().map(|(bbox, label)| json!({"box": bbox, "label": label})).collect();
    json!({
        "id": format!("toy-{index}"), "width": 200, "height": 200, "objects": objects, "proposals": proposals,
        "features": {"fc7": {"dtype": "f32", "shape": [values.len(), COLUMNS], "values": values}},
    })
}

pub(crate) fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// Trains both parts on the toy world, into one file.
pub(crate) fn train_toy_heads(model: &Path) -> String {
    let stream = lines(&toy_records(40));
    train("svm", model, &stream, &[]).expect(0);
    train("bbox", model, &stream, &["--lambda", "1"]).expect(0);
    stream
}

fn train(what: &str, model: &Path, stream: &str, more: &[&str]) -> Ran {
    run("dl-finetune", &[&[what, "--output", model.to_str().unwrap()], more].concat(), stream)
}

#[test]
fn the_features_may_come_in_any_form_and_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let records = toy_records(30);
    let in_form = |form: &dyn Fn(usize, &Matrix) -> Tensor| {
        let convert = |(index, record): (usize, &Value)| {
            let mut record = Record::parse(&record.to_string()).unwrap();
            let mut features = record.features().unwrap().unwrap();
            let matrix = features["fc7"].matrix().unwrap();
            features.insert("fc7".into(), form(index, &matrix));
            record.set_features(&features).unwrap();
            format!("{}\n", serde_json::to_string(&record).unwrap())
        };
        records.iter().enumerate().map(convert).collect::<String>()
    };
    let base64 = in_form(&|_, matrix| Tensor::inline(matrix.clone(), Dtype::F32));
    let side = in_form(&|index, matrix| {
        let file = folder.path().join(format!("{index}.safetensors"));
        write_tensor_file(&file, &[("fc7", Dtype::F32, matrix)]).unwrap();
        Tensor::in_file(matrix, Dtype::F32, &file, "fc7")
    });
    let mut models = Vec::new();
    for (name, stream, threads) in
        [("values", &lines(&records), "1"), ("base64", &base64, "3"), ("side", &side, "2"), ("again", &side, "8")]
    {
        let model = folder.path().join(name);
        let options = ["--threads", threads, "--retrain-after", "50"];
        train("svm", &model, stream, &options).expect(0);
        train("bbox", &model, stream, &options[..2]).expect(0);
        models.push(fs::read(model).unwrap());
    }
    assert!(models.iter().all(|model| *model == models[0]));
}

#[test]
fn svm_and_bbox_can_be_trained_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a"), folder.path().join("b"));
    let stream = lines(&toy_records(20));
    for (model, order) in [(&first, ["svm", "bbox"]), (&second, ["bbox", "svm"])] {
        for what in order {
            train(what, model, &stream, &[]).expect(0);
        }
    }
    assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
}

#[test]
fn an_existing_part_is_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("heads.safetensors");
    let stream = train_toy_heads(&model);
    let before = std::fs::read(&model).unwrap();
    for part in ["svm", "bbox"] {
        let ran = train(part, &model, &stream, &[]).expect(2);
        assert!(ran.stderr.contains(&format!("already has an {part} part; --force replaces it")), "{}", ran.stderr);
    }
    assert!(std::fs::read(&model).unwrap() == before);
    train("svm", &model, &stream, &["--force", "--cost", "0.5"]).expect(0);
    assert!(std::fs::read(&model).unwrap() != before);
    assert!(train("svm", folder.path(), &stream, &[]).expect(2).stderr.contains("is a folder"));
}

#[test]
fn a_part_trained_on_another_network_is_not_added() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let stream = lines(&toy_records(20));
    let of = |network: &str| stream.replace("\"shape\":", &format!("\"network\":\"{network}\",\"shape\":"));
    train("svm", &model, &of("a:1"), &[]).expect(0);
    let before = std::fs::read(&model).unwrap();
    let ran = train("bbox", &model, &of("b:2"), &[]).expect(2);
    assert!(ran.stderr.contains("\"b:2\"") && ran.stderr.contains("\"a:1\""), "{}", ran.stderr);
    assert!(std::fs::read(&model).unwrap() == before);
    train("bbox", &model, &of("a:1"), &[]).expect(0);
    train("svm", &model, &of("b:2"), &["--force"]).expect(2);
}

#[test]
fn a_seed_changes_the_path_but_hardly_the_svms() {
    let folder = tempfile::tempdir().unwrap();
    let stream = lines(&toy_records(20));
    let scores = |seed: &str| {
        let model = folder.path().join(seed);
        train("svm", &model, &stream, &["--seed", seed]).expect(0);
        let heads = dl_models::heads::rcnn::RcnnHeads::load(&model).unwrap();
        heads.svm.unwrap().weight.data
    };
    let (one, two) = (scores("1"), scores("2"));
    for (a, b) in one.iter().zip(&two) {
        assert!((a - b).abs() < 0.01, "{one:?} {two:?}");
    }
}

#[test]
fn without_the_features_of_true_boxes_the_error_says_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = toy_records(3);
    for record in &mut records {
        for proposal in record["proposals"].as_array_mut().unwrap() {
            proposal.as_object_mut().unwrap().remove("truth");
        }
    }
    let model = folder.path().join("model");
    let ran = train("svm", &model, &lines(&records), &[]).expect(2);
    assert!(ran.stderr.contains("dl-embed --with-objects"), "{}", ran.stderr);
    assert!(!model.exists());
}

#[test]
fn difficult_objects_are_neither_positives_nor_negatives() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let mut records = toy_records(20);
    // Every dog of an odd record is difficult.
    for record in records.iter_mut().skip(1).step_by(2) {
        for object in record["objects"].as_array_mut().unwrap() {
            if object["label"] == "dog" {
                object["difficult"] = true.into();
            }
        }
    }
    let easy = records.iter().flat_map(|record| record["objects"].as_array().unwrap());
    let easy = easy.filter(|object| object["label"] == "dog" && object["difficult"] != true).count();
    train("svm", &model, &lines(&records), &[]).expect(0);
    let heads = dl_models::heads::rcnn::RcnnHeads::load(&model).unwrap();
    let svm = heads.svm.unwrap();
    assert_eq!(svm.training["positives"]["dog"], easy);
    // A difficult dog is still scored as a dog: it was not pushed away as background.
    let mut dog = vec![0.0; COLUMNS];
    (dog[1], dog[7]) = (1.0, 1.0);
    assert!(svm.output(&dog, 1) > 0.5, "{}", svm.output(&dog, 1));
}

#[test]
fn a_bad_record_is_reported_and_the_rest_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let mut records = toy_records(12);
    records[3]["features"]["fc7"]["shape"] = json!([1, COLUMNS]);
    records[5].as_object_mut().unwrap().remove("features");
    records[7]["error"] = json!({"tool": "dl-embed", "message": "cut off"});
    let ran = train("svm", &model, &lines(&records), &[]).expect(1);
    assert!(ran.stderr.contains("<stdin>:4: ") && ran.stderr.contains("<stdin>:6: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 records that failed in an earlier program"), "{}", ran.stderr);
    let svm = dl_models::heads::rcnn::RcnnHeads::load(&model).unwrap().svm.unwrap();
    assert_eq!(svm.training["records"], 9);
}

#[test]
fn an_empty_stream_is_an_error_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    for what in ["svm", "bbox"] {
        let ran = train(what, &model, "", &[]).expect(2);
        assert!(ran.stderr.contains("no record to train on"), "{}", ran.stderr);
    }
    assert!(!model.exists());
}

/// Images of 96 x 72 pixels: a red square or a blue disc somewhere on gray noise. Records with boxes, and proposals
/// that are the box, the box moved a little, and places elsewhere.
pub(crate) fn shapes(folder: &Path, count: usize) -> Vec<Value> {
    (0..count)
        .map(|index| {
            let draw = |k: usize, below: usize| (index * 48_271 + k * 6_364_136 + 7) * 2_654_435_761 / 65_536 % below;
            let (x, y, side) = (draw(1, 60), draw(2, 36), 24 + draw(3, 12));
            let square = index % 2 == 0;
            let image = image::RgbImage::from_fn(96, 72, |px, py| {
                let (dx, dy) = (px as f64 + 0.5 - x as f64, py as f64 + 0.5 - y as f64);
                let half = side as f64 / 2.0;
                let inside = dx > 0.0 && dy > 0.0 && dx < side as f64 && dy < side as f64;
                let round = (dx - half).hypot(dy - half) < half;
                let noise = (px as usize * 31 + py as usize * 57 + index * 13) * 40_503 / 64 % 60;
                match (square, inside, round) {
                    (true, true, _) => image::Rgb([220, 40, 30]),
                    (false, _, true) => image::Rgb([30, 60, 220]),
                    _ => image::Rgb([90 + noise as u8; 3]),
                }
            });
            let path = folder.join(format!("{index}.png"));
            image.save(&path).unwrap();
            let bbox = |dx: usize, dy: usize| json!([x + dx, y + dy, x + side + dx, y + side + dy]);
            let far = if x > 40 { 0 } else { 60 };
            let proposals: Vec<Value> =
                [bbox(0, 0), bbox(2, 1), json!([far, 0, far + 30, 30]), json!([far, 40, far + 30, 70])]
                    .into_iter()
                    .map(|bbox| json!({"box": bbox, "score": 1.0}))
                    .collect();
            json!({
                "id": index.to_string(), "image": path,
                "objects": [{"box": bbox(0, 0), "label": if square { "square" } else { "disc" }}],
                "proposals": proposals,
            })
        })
        .collect()
}

const SMALL: [&str; 8] = ["--arch", "squeezenet1_1", "--width-mult", "0.25", "--size", "48", "--batch", "16"];

fn losses(log: &Path) -> Vec<f64> {
    let lines = fs::read_to_string(log).unwrap();
    lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64().unwrap()).collect()
}

#[test]
fn a_network_classifies_regions_and_describes_its_training() {
    let folder = tempfile::tempdir().unwrap();
    let (model, log) = (folder.path().join("model"), folder.path().join("log.jsonl"));
    let stream = lines(&shapes(folder.path(), 24));
    // Such a small network stays on a plateau (discs and squares look alike) for a while; these iterations suffice.
    let options = "--arch squeezenet1_1 --width-mult 0.5 --size 48 --batch 16 --positive-fraction 0.5 --iterations 240 --lr 0.03 \
                   --warmup 20 --cosine --log";
    let options: Vec<&str> = options.split_whitespace().chain([log.to_str().unwrap()]).collect();
    train("classifier", &model, &stream, &options).expect(0);
    let losses = losses(&log);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&losses[..5]), mean(&losses[220..]));
    assert!(losses.len() == 240 && first > 0.8 && last < 0.1, "{losses:?}");
    let config: dl_models::ModelConfig = dl_models::Checkpoint::open(&model).unwrap().config().unwrap().unwrap();
    let labels = ["background", "disc", "square"].map(str::to_owned).to_vec();
    assert_eq!(config.labels, Some(dl_models::Labels::Names(labels)));
    assert_eq!((config.num_classes, config.preprocessing.size, config.provenance.seed), (3, [48, 48], Some(0)));
    assert!(config.provenance.data_digest.is_some() && config.provenance.training["iterations"] == 240, "{config:?}");
}

#[test]
fn training_does_not_depend_on_threads_or_the_image_cache() {
    let folder = tempfile::tempdir().unwrap();
    let stream = lines(&shapes(folder.path(), 12));
    let mut models = Vec::new();
    for (threads, cache) in [("1", "1000"), ("4", "1000"), ("3", "0")] {
        let model = folder.path().join(format!("{threads}-{cache}"));
        let options = ["--iterations", "4", "--threads", threads, "--cache", cache];
        train("classifier", &model, &stream, &[&SMALL[..], &options].concat()).expect(0);
        models.push(fs::read(model).unwrap());
    }
    assert!(models.iter().all(|model| *model == models[0]));
}

#[test]
fn a_training_can_start_from_another_network_with_a_new_head() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let records = shapes(folder.path(), 12);
    let labeled =
        |record: &Value| json!({"id": record["id"], "image": record["image"], "label": record["objects"][0]["label"]});
    let whole: Vec<Value> = records.iter().map(labeled).collect();
    train("classifier", &first, &lines(&whole), &[&SMALL[..], &["--iterations", "2"]].concat()).expect(0);
    let options = ["--init-from", first.to_str().unwrap(), "--iterations", "1", "--lr", "1e-9", "--batch", "4"];
    let ran = train("classifier", &second, &lines(&records), &options).expect(0);
    assert!(ran.stderr.contains("50 tensors loaded; new: classifier.1.bias, classifier.1.weight"), "{}", ran.stderr);
    let [first, second] = [first, second].map(|path| dl_models::Checkpoint::open(&path).unwrap());
    for name in ["features.0.weight", "features.12.expand3x3.bias"] {
        let [before, after] = [&first, &second].map(|file| {
            file.tensor(name, &candle_core::Device::Cpu).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        });
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-6), "{name}");
    }
    // Whole images have no background; the options of the network come with the file.
    assert_eq!(first.shape("classifier.1.bias"), Some(&[2][..]));
    assert_eq!(second.shape("classifier.1.bias"), Some(&[3][..]));
    assert_eq!(first.shape("features.0.weight"), second.shape("features.0.weight"));
}

#[test]
fn broken_images_are_reported_once_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let records = shapes(folder.path(), 12);
    fs::write(folder.path().join("4.png"), "not an image").unwrap();
    let options = [&SMALL[..], &["--iterations", "6"]].concat();
    let ran = train("classifier", &model, &lines(&records), &options).expect(1);
    assert_eq!(ran.stderr.matches("4.png").count(), 1, "{}", ran.stderr);
    assert!(model.exists());
}

#[test]
fn numbers_out_of_range_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    for (what, option, value, expected) in [
        ("classifier", "--batch", "18446744073709551615", "expected a whole number from 1 to 4096"),
        ("classifier", "--batch", "65536", "expected a whole number from 1 to 4096"),
        ("classifier", "--batch", "0", "expected a whole number from 1 to 4096"),
        ("classifier", "--size", "4294967296", "expected a whole number from 1 to 2048"),
        ("classifier", "--positive-iou", "nan", "expected an IoU from 0 to 1"),
        ("classifier", "--iterations", "18446744073709551615", "expected a whole number from 1 to"),
        ("classifier", "--lr", "inf", "expected a number above 0"),
        ("classifier", "--momentum", "nan", "expected a number of at least 0"),
        ("classifier", "--label-smoothing", "nan", "expected a number from 0 to 1"),
        ("lm", "--batch", "4097", "expected a whole number from 1 to 4096"),
        ("lm", "--val-fraction", "nan", "expected a number from 0 to 1"),
        ("svm", "--negative-iou", "2", "expected an IoU from 0 to 1"),
        ("svm", "--hard-score", "nan", "expected a finite number"),
        ("svm", "--passes", "0", "expected a whole number from 1 to"),
        ("bbox", "--min-iou", "inf", "expected an IoU from 0 to 1"),
        ("linear", "--cost", "nan", "expected a number above 0"),
    ] {
        let ran = train(what, &model, "", &[option, value]).expect(2);
        assert!(ran.stderr.contains(expected), "{what} {option} {value}: {}", ran.stderr);
    }
    let args = ["--arch", "squeezenet1_1", "--size", "1024", "--batch", "4096", "--iterations", "1"];
    let ran = train("classifier", &model, &lines(&shapes(folder.path(), 2)), &args).expect(2);
    assert!(ran.stderr.contains("--batch 4096: at most 85 is allowed for images of 1024 x 1024"), "{}", ran.stderr);
}

#[test]
fn outputs_must_be_files_and_existing_models_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    // The input does not exist, so reading it would fail.
    let missing = folder.path().join("no-such.jsonl").display().to_string();
    for what in ["classifier", "linear", "svm", "bbox"] {
        let ran = train(what, Path::new("/dev/null"), "", &[&missing]).expect(2);
        assert!(ran.stderr.contains("--output /dev/null: is not a regular file"), "{what}: {}", ran.stderr);
    }
    assert!(!Path::new("/dev/null.last.safetensors").exists());
    // The files that a training writes beside it, and never through a link that was not named.
    let [fresh, log, folder_beside] =
        ["a.safetensors", "b.safetensors", "c.last.safetensors"].map(|name| folder.path().join(name));
    fs::create_dir(&folder_beside).unwrap();
    let long = "x".repeat(240);
    for (name, log, words) in [
        ("a.safetensors", &fresh, "is the file of --output"),
        ("c.safetensors", &log, "cannot be written: is a folder"),
        (long.as_str(), &log, "the name is too long"),
    ] {
        let options = [missing.as_str(), "--log", log.to_str().unwrap()];
        let ran = train("classifier", &folder.path().join(name), "", &options).expect(2);
        assert!(ran.stderr.contains(words) && ran.stderr.lines().count() == 1, "{words}: {}", ran.stderr);
    }
    #[cfg(unix)]
    {
        let precious = folder.path().join("precious");
        fs::write(&precious, "mine").unwrap();
        std::os::unix::fs::symlink(&precious, folder.path().join("a.last.safetensors")).unwrap();
        let ran = train("classifier", &fresh, "", &[&missing]).expect(2);
        assert!(ran.stderr.contains("is a symlink"), "{}", ran.stderr);
        assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    }
    let model = folder.path().join("network.safetensors");
    fs::write(&model, "precious").unwrap();
    let ran = train("linear", &model, "", &[&missing]).expect(2);
    assert!(ran.stderr.contains("exists; --force overwrites it"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(&model).unwrap(), "precious");
}

#[test]
fn a_network_from_scratch_needs_an_architecture() {
    let folder = tempfile::tempdir().unwrap();
    let ran = train("classifier", &folder.path().join("model"), &lines(&shapes(folder.path(), 2)), &[]).expect(2);
    assert!(ran.stderr.contains("--arch") && ran.stderr.contains("--init-from"), "{}", ran.stderr);
}

/// The features of testdata/goldens/linear/make.py.
fn formula(row: u64, column: u64) -> f64 {
    let mut mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) & 0xffff_ffff;
    mixed ^= mixed >> 13;
    mixed = mixed.wrapping_mul(1_597_334_677) & 0xffff_ffff;
    mixed ^= mixed >> 16;
    (mixed % 256) as f64 / 64.0 - 2.0
}

#[test]
fn a_linear_head_gives_the_probabilities_of_scikit_learn() {
    let golden = fs::read_to_string(root().join("testdata/goldens/linear/golden.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("head.safetensors");
    let without_weights = |case: &&Value| case["class_weights"] == json!([]);
    let mut of_two_classes = 0;
    for case in golden["cases"].as_array().unwrap().iter().filter(without_weights) {
        let number = |key: &str| case[key].as_u64().unwrap();
        let (rows, columns, classes) = (number("rows"), number("columns"), number("classes"));
        let record = |row: u64| {
            let class = match case["unbalanced"].as_bool().unwrap() {
                false => (row * 7 + row / 3) % classes,
                true if row % 7 == 3 => classes - 1,
                true => row % (classes - 1),
            };
            let value = |column: u64| formula(row, column) + if column % classes == class { 0.75 } else { 0.0 };
            let values: Vec<f64> = (0..columns).map(value).collect();
            let features = json!({"dtype": "f32", "shape": [1, columns], "values": [values]});
            json!({"id": row.to_string(), "label": format!("c{class}"), "features": {"pool": features}})
        };
        let records: Vec<Value> = (0..rows).map(record).collect();
        let cost = case["cost"].to_string();
        let mut args = vec!["--force", "--cost", &cost, "--tolerance", "1e-7"];
        if case["standardize"] == json!(false) {
            args.push("--raw");
        }
        train("linear", &model, &lines(&records), &args).expect(0);
        let args = ["--model", model.to_str().unwrap(), "--top-k", "0"];
        let named = run("dl-classify", &args, &lines(&records[..5])).expect(0).records();
        for (record, expected) in named.iter().zip(case["probabilities"].as_array().unwrap()) {
            for prediction in record["predictions"].as_array().unwrap() {
                let class: usize = prediction["label"].as_str().unwrap()[1..].parse().unwrap();
                let difference = prediction["score"].as_f64().unwrap() - expected[class].as_f64().unwrap();
                assert!(difference.abs() < 1e-5, "{record} {expected}");
            }
        }
        of_two_classes += usize::from(classes == 2);
    }
    assert!(of_two_classes >= 3);
}

#[test]
fn a_tie_counts_only_for_the_first_class() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("head.safetensors");
    for (classes, accuracy) in [(2, "accuracy 0.5000"), (4, "accuracy 0.2500")] {
        let record = |index: usize| {
            json!({"id": index.to_string(), "label": format!("c{}", index % classes),
                "features": {"pool": {"dtype": "f32", "shape": [1, 3], "values": [[0, 0, 0]]}}})
        };
        let records: Vec<Value> = (0..12).map(record).collect();
        let ran = train("linear", &model, &lines(&records), &["--force"]).expect(0);
        assert!(ran.stderr.contains(accuracy), "{}", ran.stderr);
        let named =
            run("dl-classify", &["--model", model.to_str().unwrap(), "--top-k", "0"], &lines(&records)).expect(0);
        let figures = run("dl-eval", &["classify"], &named.stdout).expect(0).stdout;
        let figures: Value = serde_json::from_str(&figures).unwrap();
        assert_eq!(figures["top1"], 1.0 / classes as f64);
    }
}
