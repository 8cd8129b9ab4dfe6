//! `dl-nms`, as a user runs it.

use serde_json::{Value, json};

use crate::support::{root, run};

fn record(detections: &[([f64; 4], &str, f64)]) -> String {
    let detections: Vec<Value> =
        detections.iter().map(|(bbox, label, score)| json!({"box": bbox, "label": label, "score": score})).collect();
    json!({"id": "a", "detections": detections}).to_string()
}

const LOW: ([f64; 4], &str, f64) = ([0.0, 0.0, 10.0, 10.0], "dog", 0.5);
const HIGH: ([f64; 4], &str, f64) = ([0.0, 0.0, 10.0, 9.0], "dog", 0.75);
const CAT: ([f64; 4], &str, f64) = ([0.0, 0.0, 10.0, 8.0], "cat", 0.6);

fn labels_and_scores(record: &Value) -> Vec<(String, f64)> {
    let detections = record["detections"].as_array().unwrap();
    detections.iter().map(|d| (d["label"].as_str().unwrap().to_owned(), d["score"].as_f64().unwrap())).collect()
}

#[test]
fn the_best_detection_per_class_is_kept() {
    let ran = run("dl-nms", &["--iou", "0.3"], &record(&[LOW, CAT, HIGH])).expect(0);
    assert_eq!(labels_and_scores(&ran.records()[0]), [("dog".into(), 0.75), ("cat".into(), 0.6)]);
    let ran = run("dl-nms", &["--class-agnostic"], &record(&[LOW, CAT, HIGH])).expect(0);
    assert_eq!(labels_and_scores(&ran.records()[0]), [("dog".into(), 0.75)]);
    let ran = run("dl-nms", &["--max", "1"], &record(&[LOW, CAT, HIGH])).expect(0);
    assert_eq!(labels_and_scores(&ran.records()[0]), [("dog".into(), 0.75)]);
    let ran = run("dl-nms", &["--score", "0.7"], &record(&[LOW, CAT, HIGH])).expect(0);
    assert_eq!(labels_and_scores(&ran.records()[0]), [("dog".into(), 0.75)]);
}

#[test]
fn unknown_fields_pass_through_unchanged() {
    let line = r#"{"z":1.50,"detections":[{"box":[0.0,1.0,2.0,3.5],"label":"dog","score":0.25,"proposal":3,"track":{"a":[7]}}],"text":"hé"}"#;
    assert_eq!(run("dl-nms", &["-q"], line).expect(0).stdout.trim_end(), line);
}

#[test]
fn soft_methods_lower_scores_and_weighted_moves_boxes() {
    // IoU 0.9.
    let ran = run("dl-nms", &["--method", "soft-linear", "--iou", "0.3"], &record(&[LOW, HIGH])).expect(0);
    let found = labels_and_scores(&ran.records()[0]);
    assert!((found[1].1 - 0.05).abs() < 1e-12, "{found:?}");
    let ran = run("dl-nms", &["--method", "soft-gaussian", "--sigma", "0.5"], &record(&[LOW, HIGH])).expect(0);
    let found = labels_and_scores(&ran.records()[0]);
    assert!((found[1].1 - 0.5 * (-0.81_f64 / 0.5).exp()).abs() < 1e-12, "{found:?}");
    let ran = run("dl-nms", &["--method", "weighted"], &record(&[LOW, HIGH])).expect(0);
    let kept = &ran.records()[0]["detections"];
    assert_eq!(kept.as_array().unwrap().len(), 1);
    assert!((kept[0]["box"][3].as_f64().unwrap() - 9.4).abs() < 1e-12, "{kept}");
    assert_eq!(kept[0]["score"], 0.75);
}

#[test]
fn a_bad_record_gets_an_error_and_the_others_pass_through() {
    let bad = [
        record(&[LOW, ([10.0, 0.0, 4.0, 5.0], "dog", 0.5)]),
        r#"{"id":"b"}"#.to_owned(),
        r#"{"id":"c","detections":[{"box":[0,0,1,1],"label":"dog","score":"high"}]}"#.to_owned(),
        r#"{"id":"d","detections":[{"box":[0,0,1],"label":"dog","score":1}]}"#.to_owned(),
        r#"{"id":"e","detections":[{"box":[0,0,1,1],"label":"dog","score":null}]}"#.to_owned(),
        r#"{"id":"f","detections":[{"box":[0,0,1,NaN]}]}"#.to_owned(),
    ];
    let good = record(&[LOW, HIGH]);
    let stdin = bad.iter().flat_map(|bad| [bad.as_str(), good.as_str()]).collect::<Vec<_>>().join("\n");
    let ran = run("dl-nms", &["--threads", "3"], &stdin).expect(1);
    let records = ran.records();
    assert_eq!(records.len(), 12);
    for pair in records.chunks(2) {
        assert_eq!(pair[0]["error"]["tool"], "dl-nms", "{}", pair[0]);
        assert_eq!(labels_and_scores(&pair[1]), [("dog".into(), 0.75)]);
    }
    assert!(ran.stderr.contains("dl-nms: <stdin>:1: detections[1]: box has x2 < x1 (4 < 10)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("dl-nms: <stdin>:3: the record has no \"detections\"; run dl-detect first"));
}

#[test]
fn a_number_too_large_for_f64_fails_the_record_and_stays_unchanged() {
    let line = r#"{"detections":[{"box":[0,0,1e999,1],"label":"dog","score":1}]"#;
    let ran = run("dl-nms", &["-q"], &format!("{line}}}")).expect(1);
    assert!(ran.stdout.starts_with(line) && ran.stdout.contains("number out of range"), "{}", ran.stdout);
}

#[test]
fn negative_scores_are_refused_only_by_methods_that_use_them_as_weights() {
    let svm = record(&[([0.0, 0.0, 10.0, 10.0], "dog", -0.5), ([0.0, 0.0, 10.0, 9.0], "dog", -1.5)]);
    assert_eq!(labels_and_scores(&run("dl-nms", &["-q"], &svm).expect(0).records()[0]), [("dog".into(), -0.5)]);
    for method in ["soft-linear", "soft-gaussian", "weighted"] {
        let ran = run("dl-nms", &["--method", method], &svm).expect(1);
        assert!(ran.stderr.contains("detections[0]: score -0.5 is below 0"), "{}", ran.stderr);
    }
}

#[test]
fn options_out_of_range_are_refused_before_anything_is_read() {
    for (option, value, expected) in [
        ("--iou", "1.5", "expected an IoU from 0 to 1"),
        ("--iou", "nan", "expected an IoU from 0 to 1"),
        ("--score", "nan", "expected a finite number"),
        ("--score", "1e999", "expected a finite number"),
        ("--sigma", "0", "expected a number above 0"),
        ("--sigma", "inf", "expected a number above 0"),
        ("--method", "best", "possible values"),
    ] {
        let ran = run("dl-nms", &[option, value], &record(&[LOW])).expect(2);
        assert!(ran.stderr.contains(expected) && ran.stdout.is_empty(), "{option} {value}: {}", ran.stderr);
    }
}

#[test]
fn a_record_of_fifty_thousand_boxes_is_suppressed() {
    // A grid of pairs: one of each pair is kept.
    let mut detections = Vec::new();
    for index in 0..25_000 {
        let (x, y) = (f64::from(index % 250) * 10.0, f64::from(index / 250) * 10.0);
        detections.push(([x, y, x + 8.0, y + 8.0], "dot", 0.25));
        detections.push(([x + 1.0, y, x + 8.0, y + 8.0], "dot", 0.5));
    }
    let ran = run("dl-nms", &["--iou", "0.5"], &record(&detections)).expect(0);
    let found = labels_and_scores(&ran.records()[0]);
    assert_eq!(found.len(), 25_000);
    assert!(found.iter().all(|(_, score)| *score == 0.5));
}

#[test]
fn suppression_equals_torchvision() {
    let golden = std::fs::read_to_string(root().join("testdata/goldens/nms/torchvision.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let line = json!({"id": "a", "detections": golden["detections"]}).to_string();
    for case in golden["cases"].as_array().unwrap() {
        let iou = case["iou"].to_string();
        let mut args = vec!["--iou", iou.as_str()];
        if case["class_agnostic"] == true {
            args.push("--class-agnostic");
        }
        let ran = run("dl-nms", &args, &line).expect(0);
        let record = &ran.records()[0];
        let kept: Vec<&Value> = record["detections"].as_array().unwrap().iter().map(|d| &d["index"]).collect();
        assert_eq!(kept, case["kept"].as_array().unwrap().iter().collect::<Vec<_>>(), "{args:?}");
    }
}
