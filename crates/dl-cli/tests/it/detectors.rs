//! `dl-detect` with detectors of whole images.

use std::path::{Path, PathBuf};

use candle_core::Device;
use dl_models::detection::rcnn::{GeneralizedRcnn, RcnnKind};
use dl_models::detection::ssd::Ssd;
use dl_models::{Kind, ModelConfig, Parameters, Precision, checkpoint};
use serde_json::{Value, json};

use crate::support::{Ran, root, run, shared};

/// An SSD with random weights, which finds something everywhere.
fn random_ssd(folder: &Path) -> PathBuf {
    let mut config = Ssd::default_config("ssd_mobilenet_v1", 3).unwrap();
    config.options.insert("width".into(), 0.125.into());
    let parameters = Parameters::fresh(1);
    Ssd::new(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
    let path = folder.join("ssd.safetensors");
    checkpoint::save(&path, &config, &parameters.tensors(), Precision::F32).unwrap();
    path
}

/// A two-stage detector with random weights.
fn random_rcnn(folder: &Path, architecture: &str) -> PathBuf {
    let mut config = ModelConfig::new(architecture, 3);
    let options = json!({
        "body": "squeezenet1_1", "maps": ["fire9"], "fpn": "none", "anchor_sizes": [[32.0, 64.0]],
        "min_size": 64, "max_size": 96, "box_hidden": 16, "box_score_thresh": 0.0,
    });
    config.kind = Some(Kind::Detector);
    config.options = options.as_object().unwrap().clone();
    let (layout, recipe) = RcnnKind::find(architecture).unwrap().configured(&config.options).unwrap();
    let parameters = Parameters::fresh(1);
    let labels = vec!["cat".to_owned(), "dog".to_owned()];
    GeneralizedRcnn::new(layout, recipe, labels, parameters.builder(&Device::Cpu)).unwrap();
    let path = folder.join(format!("{architecture}.safetensors"));
    checkpoint::save(&path, &config, &parameters.tensors(), Precision::F32).unwrap();
    path
}

fn sign(number: u32) -> String {
    root().join(format!("testdata/signs/JPEGImages/test-{number:04}.jpg")).to_str().unwrap().to_owned()
}

fn detect(model: &Path, more: &[&str]) -> Ran {
    run("dl-detect", &[&["--model", model.to_str().unwrap()], more].concat(), "")
}

#[test]
fn detections_are_the_same_bytes_in_any_batch_and_with_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let model = random_ssd(folder.path());
    let images: Vec<String> = (1..=5).map(sign).collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let found = |more: &[&str]| detect(&model, &[more, &images].concat()).expect(0).stdout;
    let all = found(&["--score", "0"]);
    assert_eq!(all.lines().count(), 5);
    assert!(all.lines().all(|line| line.contains("\"label\"")), "{all}");
    assert_eq!(all, found(&["--score", "0", "--batch", "1", "--threads", "1"]));
    let alone: String = images.iter().map(|image| detect(&model, &["--score", "0", image]).expect(0).stdout).collect();
    assert_eq!(all, alone);
}

#[test]
fn options_choose_what_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let model = random_ssd(folder.path());
    let image = sign(1);
    let found = |more: &[&str]| -> Vec<Value> {
        let records = detect(&model, &[more, &[&image]].concat()).expect(0).records();
        records[0]["detections"].as_array().unwrap().clone()
    };
    let all = found(&["--score", "0"]);
    assert_eq!(found(&["--score", "0", "--max", "3"]), all[..3]);
    let label = all[0]["label"].as_str().unwrap();
    let of_class = found(&["--score", "0", "--classes", label]);
    assert!(!of_class.is_empty() && of_class.iter().all(|found| found["label"] == label));
    assert!(found(&["--score", "0", "--raw"]).len() > all.len());
    assert!(!found(&["--score", "0", "--tta"]).is_empty());
    assert!(!found(&["--score", "0", "--tile", "64"]).is_empty());
    assert_eq!(found(&["--score", "1"]), Vec::<Value>::new());
    let ran = detect(&model, &["--classes", "unicorn", &image]).expect(2);
    assert!(ran.stderr.contains("the model has no class \"unicorn\""), "{}", ran.stderr);
    let ran = detect(&model, &["--drop-features", &image]).expect(2);
    assert!(ran.stderr.contains("--drop-features is for SVMs and box regressors"), "{}", ran.stderr);
}

#[test]
fn the_proposals_of_one_detector_are_the_regions_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let faster = random_rcnn(folder.path(), "fasterrcnn_resnet50_fpn");
    let fast = random_rcnn(folder.path(), "fast_rcnn_vgg16");
    let image = sign(1);
    let proposed = run("dl-propose", &["rpn", "--model", faster.to_str().unwrap(), "--max", "7", &image], "").expect(0);
    let proposals = proposed.records()[0]["proposals"].as_array().unwrap().clone();
    assert_eq!(proposals.len(), 7);
    let score = |proposal: &Value| proposal["score"].as_f64().unwrap();
    assert!(proposals.is_sorted_by(|a, b| score(a) >= score(b)), "{proposals:?}");
    let found = run("dl-detect", &["--model", fast.to_str().unwrap(), "--raw"], &proposed.stdout).expect(0).records();
    assert_eq!(found[0]["detections"].as_array().unwrap().len(), 2 * 7);
    let without = detect(&fast, &[&image]).expect(1).records();
    assert!(without[0]["error"]["message"].as_str().unwrap().contains("run dl-propose first"), "{}", without[0]);
    let ran = run("dl-propose", &["rpn", "--model", fast.to_str().unwrap(), &image], "").expect(2);
    assert!(ran.stderr.contains("has no region proposal network"), "{}", ran.stderr);
}

#[test]
fn a_recipe_changes_what_is_reported_and_is_refused_for_other_detectors() {
    let folder = tempfile::tempdir().unwrap();
    let (ssd, rcnn) = (random_ssd(folder.path()), random_rcnn(folder.path(), "fasterrcnn_resnet50_fpn"));
    let image = sign(1);
    let found = |model: &Path, more: &[&str]| -> Vec<Value> {
        let records = detect(model, &[more, &["--score", "0", &image]].concat()).expect(0).records();
        records[0]["detections"].as_array().unwrap().clone()
    };
    // Their own recipes are TensorFlow's and torchvision's.
    for model in [&ssd, &rcnn] {
        let caffe = found(model, &["--recipe", "caffe"]);
        assert!(!caffe.is_empty() && caffe != found(model, &[]), "{caffe:?}");
    }
    assert_eq!(found(&rcnn, &["--recipe", "torchvision"]), found(&rcnn, &[]));
    let refused = |model: &Path, recipe: &str, words: &str| {
        let ran = detect(model, &["--recipe", recipe, &image]).expect(2);
        assert!(ran.stderr.contains(words) && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    };
    refused(&ssd, "detectron2", "recipe detectron2 is not for an SSD; choose from torchvision, caffe");
    refused(
        &rcnn,
        "darknet",
        "recipe darknet is not for a detector of two stages; choose from torchvision, detectron2",
    );
    let heads = root().join("testdata/models/signs-rcnn.safetensors");
    refused(&heads, "caffe", "--recipe is for detectors of whole images");
}

#[test]
fn heads_with_truncated_layers_are_smaller_and_at_full_rank_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let image = sign(1);
    let truncated = |from: &Path, ranks: &str| -> PathBuf {
        let to = folder.path().join("truncated.safetensors");
        let args = ["convert", from.to_str().unwrap(), to.to_str().unwrap(), "--svd", ranks];
        run("dl-model", &args, "").expect(0);
        to
    };
    let found = |model: &Path| detect(model, &["--score", "0", &image]).expect(0).records()[0]["detections"].clone();
    for architecture in ["faster_rcnn_vgg16", "cascade_rcnn_resnet50_fpn"] {
        let whole = random_rcnn(folder.path(), architecture);
        let (expected, full) = (found(&whole), found(&truncated(&whole, "16,16")));
        let rows = |found: &Value| found.as_array().unwrap().len();
        assert!(rows(&expected) > 0 && rows(&full) == rows(&expected), "{full} {expected}");
        for (full, expected) in full.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
            let distance = |a: &Value, b: &Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs();
            assert!(distance(&full["score"], &expected["score"]) < 1e-5, "{full} {expected}");
            assert!(
                (0..4).all(|edge| distance(&full["box"][edge], &expected["box"][edge]) < 1e-2),
                "{full} {expected}"
            );
        }
        let low = truncated(&whole, "3,2");
        let bytes = |path: &Path| std::fs::metadata(path).unwrap().len();
        assert!(bytes(&low) < bytes(&whole) && found(&low) != expected);
        let ran = run("dl-model", &["info", "--tensors", low.to_str().unwrap()], "").expect(0);
        let stage = if architecture.starts_with("cascade") { "2." } else { "" };
        let shape = &ran.records()[0]["tensors"][format!("roi_heads.box_head.{stage}fc7_L.weight")]["shape"];
        assert_eq!(*shape, json!([2, 16]), "{}", ran.stdout);
    }

    let refused = |from: &Path, ranks: &str, words: &str| {
        let out = folder.path().join("none.safetensors");
        let args = ["convert", from.to_str().unwrap(), out.to_str().unwrap(), "--svd", ranks];
        let ran = run("dl-model", &args, "").expect(2);
        assert!(ran.stderr.contains(words) && !out.exists(), "{}", ran.stderr);
    };
    let whole = random_rcnn(folder.path(), "fast_rcnn_vgg16");
    refused(&whole, "17,16", "fc6: rank 17: its weight is 16 x 25088; expected 1 to 16");
    refused(&whole, "16", "expected two numbers, such as 1024,256");
    refused(&whole, "0,4", "expected a whole number from 1");
    refused(&truncated(&whole, "4,4"), "3,3", "truncated already, to ranks 4 and 4");
    refused(&random_rcnn(folder.path(), "fasterrcnn_resnet50_fpn_v2"), "4,4", "has convolutions");
    refused(&random_ssd(folder.path()), "4,4", "is not a two-stage detector, which --svd is for");
}

#[test]
fn a_broken_image_fails_its_record_alone() {
    let folder = tempfile::tempdir().unwrap();
    let model = random_ssd(folder.path());
    let ran = detect(&model, &["--score", "0", &sign(1), "nothing.jpg", &sign(2)]).expect(1);
    let records = ran.records();
    assert_eq!(records.len(), 3);
    assert!(records[1]["error"]["message"].as_str().unwrap().contains("no such file"), "{}", records[1]);
    assert!(records[0].get("detections").is_some() && records[2].get("detections").is_some());
}

#[test]
fn a_model_of_another_kind_is_refused_by_the_name_of_its_program() {
    let folder = tempfile::tempdir().unwrap();
    let detector = random_ssd(folder.path());
    let models = root().join("testdata/models");
    let (network, heads) = (models.join("signs.safetensors"), models.join("signs-rcnn.safetensors"));
    let (detector, network, heads) = (detector.to_str().unwrap(), network.to_str().unwrap(), heads.to_str().unwrap());
    let image = sign(1);
    let output = folder.path().join("out.safetensors");
    let output = output.to_str().unwrap();
    let cases: [(&str, Vec<&str>, &str); 8] = [
        (
            "dl-classify",
            vec!["--model", heads, &image],
            "SVMs and box regressors on features, not a classifier; dl-detect",
        ),
        ("dl-embed", vec!["--model", heads, &image], "not a network; dl-detect takes it"),
        ("dl-embed", vec!["--model", detector, &image], "contains a detector, not a network; dl-detect takes it"),
        ("dl-classify", vec!["--model", detector, &image], "contains a detector, not a classifier; dl-detect takes it"),
        ("dl-detect", vec!["--model", network, &image], "a network for images, not a detector"),
        ("dl-generate", vec!["--model", detector, "--prompt", "a"], "not a network for texts; dl-detect takes it"),
        ("dl-finetune", vec!["classifier", "--init-from", heads, "--output", output], "not a network; dl-detect"),
        ("dl-model", vec!["summary", heads], "not a network that can be summarized; dl-detect takes it"),
    ];
    for (program, args, words) in cases {
        let ran = run(program, &args, "").expect(2);
        assert!(ran.stderr.contains(words) && ran.stderr.lines().count() == 1, "{program}: {}", ran.stderr);
    }
}

#[test]
fn real_detectors_find_the_stated_objects() {
    let Some(weights) = shared("weights") else { return };
    let Some(photos) = shared("data/rcnn-demo") else { return };
    let photo = photos.join("004545.jpg");
    let photo = photo.to_str().unwrap();
    let found = |model: &str, score: &str| -> Vec<Value> {
        let records = detect(&weights.join(model), &["--score", score, photo]).expect(0).records();
        records[0]["detections"].as_array().unwrap().clone()
    };
    let horse = &found("yolo_fastest_1.1.weights", "0.9")[0];
    assert_eq!(horse["label"], "horse");
    let labels: Vec<Value> =
        found("coco_ssd_mobilenet_v1_300.safetensors", "0.6").iter().map(|found| found["label"].clone()).collect();
    assert_eq!(labels, [json!("person"), json!("horse"), json!("person")]);
    let face = found("face_ssd300_res10.safetensors", "0.3");
    assert_eq!((face.len(), &face[0]["label"]), (1, &json!("face")));
    let (one, other) = (found("face_ssd_slim_320.safetensors", "0.7"), found("face_ssd_slim_320.pth", "0.7"));
    assert_eq!((one.len(), &one), (1, &other));
}

#[test]
fn cells_are_those_of_yolo_v1_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ran = detect(&random_ssd(folder.path()), &["--cells", &sign(1)]).expect(2);
    assert!(ran.stderr.contains("--cells: the detector has no grid of cells, as YOLOv1 has"), "{}", ran.stderr);
    let Some(weights) = shared("weights/darknet_yolov1/yolov1_paper.weights") else { return };
    let record = detect(&weights, &["--cells", &sign(1)]).expect(0).records().remove(0);
    let cells = record["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 49);
    let number = |value: &Value| value.as_f64().unwrap();
    // The score of a detection is the confidence of a box times the probability of a class of its cell.
    for found in record["detections"].as_array().unwrap() {
        let is_of = |cell: &Value| {
            let classes = cell["predictions"].as_array().unwrap().iter();
            let mut class = classes.filter(|class| class["label"] == found["label"]);
            let probability = number(&class.next().unwrap()["score"]);
            let mut boxes = cell["proposals"].as_array().unwrap().iter();
            boxes.any(|one| (number(&one["score"]) * probability - number(&found["score"])).abs() < 1e-6)
        };
        assert!(cells.iter().any(is_of), "{found}");
    }
}

#[test]
fn masks_of_tiles_and_of_the_mirror_image_are_masks_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let model = random_rcnn(folder.path(), "maskrcnn_resnet50_fpn");
    let record = detect(&model, &["--tta", "--tile", "100", "--max", "30", &sign(1)]).expect(0).records().remove(0);
    let found = record["detections"].as_array().unwrap();
    assert!(!found.is_empty());
    for found in found {
        assert_eq!(found["mask"]["size"], json!([record["height"], record["width"]]));
    }
}

#[test]
fn the_included_detector_finds_the_included_signs() {
    let model = root().join("testdata/models/signs-ssd.safetensors");
    let signs = root().join("testdata/signs");
    let records = run("dl-data", &["from", "voc", signs.to_str().unwrap(), "--split", "test"], "").expect(0).stdout;
    let found = run("dl-detect", &["--model", model.to_str().unwrap()], &records).expect(0).stdout;
    let metrics = run("dl-eval", &["voc", "--iou", "0.5", "--format", "json"], &found).expect(0).records().remove(0);
    assert!(metrics["mAP"].as_f64().unwrap() > 0.85, "{metrics}");
}
