//! `dl-detect`, as a user runs it.

use std::path::Path;

use dl_models::heads::rcnn::RcnnHeads;
use serde_json::Value;

use crate::finetune::{lines, toy_records, train_toy_heads};
use crate::support::{Ran, root, run};

fn detect(model: &Path, stream: &str, more: &[&str]) -> Ran {
    run("dl-detect", &[&["--model", model.to_str().unwrap()], more].concat(), stream)
}

fn edges(value: &Value) -> [f64; 4] {
    serde_json::from_value(value.clone()).unwrap()
}

fn farthest(a: &Value, b: &Value) -> f64 {
    edges(a).iter().zip(edges(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn objects_are_found_and_their_boxes_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("heads.safetensors");
    train_toy_heads(&model);
    let unseen = &toy_records(60)[40..];
    let plain = detect(&model, &lines(unseen), &["--score", "0", "--no-regression"]).expect(0).records();
    let moved = detect(&model, &lines(unseen), &["--score", "0"]).expect(0).records();
    let (mut before, mut after, mut count) = (0.0, 0.0, 0);
    for ((record, plain), moved) in unseen.iter().zip(&plain).zip(&moved) {
        let objects = record["objects"].as_array().unwrap();
        let (plain, moved) = (plain["detections"].as_array().unwrap(), moved["detections"].as_array().unwrap());
        // Four proposals around each object, and none of the background.
        assert_eq!(plain.len(), 4 * objects.len(), "{record}");
        for (plain, moved) in plain.iter().zip(moved) {
            let object = objects.iter().find(|object| object["label"] == plain["label"]).unwrap();
            let proposal = plain["proposal"].as_u64().unwrap() as usize;
            assert_eq!(record["proposals"][proposal]["box"], plain["box"]);
            before += farthest(&plain["box"], &object["box"]);
            after += farthest(&moved["box"], &object["box"]);
            count += 1;
        }
    }
    assert!(count > 100 && after < 0.3 * before, "{count} {before} {after}");
}

#[test]
fn detections_are_best_first_and_the_other_fields_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("heads.safetensors");
    let stream = train_toy_heads(&model);
    let all = detect(&model, &stream, &["--score", "-5"]).expect(0);
    for (line, record) in stream.lines().zip(all.records()) {
        let scores: Vec<f64> =
            record["detections"].as_array().unwrap().iter().map(|it| it["score"].as_f64().unwrap()).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b) && scores.len() > 20, "{scores:?}");
        let mut record = record;
        record.as_object_mut().unwrap().remove("detections");
        assert_eq!(record, serde_json::from_str::<Value>(line).unwrap());
    }
    let few = detect(&model, &stream, &["--score", "-5", "--max", "3", "--drop-features", "--threads", "3"]).expect(0);
    for (all, few) in all.records().iter().zip(few.records()) {
        assert_eq!(all["detections"].as_array().unwrap()[..3], *few["detections"].as_array().unwrap());
        assert!(few.get("features").is_none());
    }
}

#[test]
fn ground_truth_boxes_are_scored_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("heads.safetensors");
    let stream = train_toy_heads(&model);
    let on_truth = |options: &[&str]| {
        let records = detect(&model, &stream, options).expect(0).records();
        let detections = records.iter().map(|record| {
            let found = record["detections"].as_array().unwrap().iter();
            found
                .filter(|it| record["proposals"][it["proposal"].as_u64().unwrap() as usize].get("truth").is_some())
                .count()
        });
        detections.sum::<usize>()
    };
    assert_eq!(on_truth(&[]), 0);
    assert!(on_truth(&["--with-objects"]) > 40);
}

#[test]
fn box_regressors_without_svms_are_an_error_that_names_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("bbox.safetensors");
    let stream = lines(&toy_records(10));
    run("dl-finetune", &["bbox", "--output", model.to_str().unwrap()], &stream).expect(0);
    let ran = detect(&model, &stream, &[]).expect(2);
    assert!(ran.stderr.contains("dl-finetune svm"), "{}", ran.stderr);
}

#[test]
fn features_of_another_width_fail_the_record_and_not_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("heads.safetensors");
    train_toy_heads(&model);
    let mut records = toy_records(3);
    records[1]["features"]["fc7"] = serde_json::json!({"dtype": "f32", "shape": [records[1]["proposals"].as_array().unwrap().len(), 0], "values": []});
    let ran = detect(&model, &lines(&records), &[]).expect(1);
    let found = ran.records();
    assert!(found[1]["error"]["message"].as_str().unwrap().contains("have 0 columns"), "{}", found[1]["error"]);
    assert!(found[0].get("detections").is_some() && found[2].get("detections").is_some());
}

#[test]
fn a_softmax_scores_instead_of_the_svms() {
    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("network.safetensors");
    let mut config = dl_models::ModelConfig::new("squeezenet1_1", 3);
    config.labels = Some(dl_models::Labels::Names(["background", "cat", "dog"].map(str::to_owned).to_vec()));
    dl_models::checkpoint::save(&network, &config, &Default::default(), dl_models::Precision::F32).unwrap();
    let record = serde_json::json!({
        "id": "a", "proposals": [{"box": [0, 0, 10, 10], "score": 1}, {"box": [5, 5, 10, 10], "score": 1}],
        "features": {"logits": {"dtype": "f32", "shape": [2, 3], "values": [[0.0, 2.0, 1.0], [9.0, 0.0, 0.0]]}},
    });
    let ran = run("dl-detect", &["--softmax", network.to_str().unwrap()], &record.to_string()).expect(0);
    let detections = ran.records()[0]["detections"].clone();
    let total = 1.0 + 2_f64.exp() + 1_f64.exp();
    let expected = [("cat", 2_f64.exp() / total), ("dog", 1_f64.exp() / total)];
    assert_eq!(detections.as_array().unwrap().len(), 2, "{detections}");
    for (found, (label, score)) in detections.as_array().unwrap().iter().zip(expected) {
        assert_eq!((found["label"].as_str(), found["proposal"].as_u64()), (Some(label), Some(0)));
        assert!((found["score"].as_f64().unwrap() - score).abs() < 1e-7, "{found}");
    }
}

#[test]
fn heads_refuse_features_of_another_network() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("heads.safetensors");
    let stream = train_toy_heads(&model);
    let of = |network: &str| stream.replace("\"shape\":", &format!("\"network\":\"{network}\",\"shape\":"));
    assert_ne!(of("a:1"), stream);
    // Heads and features without a fingerprint are accepted.
    detect(&model, &of("b:2"), &[]).expect(0);
    for part in ["svm", "bbox"] {
        RcnnHeads::update(&model, |heads| {
            let heads = if part == "svm" { &mut heads.svm } else { &mut heads.bbox };
            heads.as_mut().unwrap().network = Some("a:1".into());
        })
        .unwrap();
        detect(&model, &stream, &[]).expect(0);
        detect(&model, &of("a:1"), &[]).expect(0);
        let ran = detect(&model, &of("b:2"), &[]).expect(1);
        let message = "were computed by \"b:2\", but the model was trained on those of \"a:1\"";
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
        RcnnHeads::update(&model, |heads| heads.svm.as_mut().unwrap().network = None).unwrap();
    }
    detect(&model, &of("b:2"), &["--no-regression"]).expect(0);
}

#[test]
fn the_included_heads_know_the_included_network() {
    let models = root().join("testdata/models");
    let heads = RcnnHeads::load(&models.join("signs-rcnn.safetensors")).unwrap();
    let network = dl_models::fingerprint(&models.join("signs.safetensors"), None).unwrap();
    for part in [heads.svm.unwrap(), heads.bbox.unwrap()] {
        assert_eq!(part.network.as_deref(), Some(network.as_str()));
    }
}
