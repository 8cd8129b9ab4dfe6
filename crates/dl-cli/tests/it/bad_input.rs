//! Every common defect in one stream, through the whole pipeline: each good record is processed correctly,
//! each bad one carries `error`, the status is 1, and nothing is lost.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Ran, root, run, run_within};

const SIGNS: &str = "testdata/models/signs.safetensors";
const HEADS: &str = "testdata/models/signs-rcnn.safetensors";

fn line(id: &str, image: &Path) -> String {
    json!({"id": id, "image": image, "note": "keep me"}).to_string()
}

/// The stream, with a word that the error of each bad record must contain.
fn stream(folder: &Path) -> (Vec<String>, Vec<(&'static str, Option<&'static str>)>) {
    let odd = root().join("testdata/goldens/images");
    let whole = fs::read(odd.join("progressive.jpg")).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut lines = Vec::new();
    let mut expected = Vec::new();
    let mut add = |id: &'static str, line: String, error: Option<&'static str>| {
        lines.push(line);
        expected.push((id, error));
    };
    let image = |id: &'static str, path: &Path| line(id, path);
    add("cut", image("cut", &file("cut.jpg", &whole[..whole.len() / 2])), Some("truncated"));
    add("missing", image("missing", &folder.join("missing.jpg")), Some("no such file"));
    add("text", image("text", &file("text.jpg", b"this is not an image")), Some("not an image"));
    add("empty", image("empty", &file("empty.jpg", b"")), Some("empty"));
    add("<stdin>:5", "{\"id\":\"broken\",".to_owned(), Some("not a JSON object"));
    add("<stdin>:6", "{\"id\":\"nan\",\"width\":NaN}".to_owned(), Some("not a JSON object"));
    add("huge", json!({"id": "huge", "image": odd.join("gray.jpg"), "width": "1e999"}).to_string(), Some("width"));
    add("unicode", image("unicode", &file("Straße mit 猫 .jpg", &whole)), None);
    for (id, name) in [("cmyk", "cmyk.jpg"), ("gray", "gray.jpg"), ("rotated", "orientation6.jpg")] {
        add(id, image(id, &odd.join(name)), None);
    }
    let sixteen = folder.join("sixteen.png");
    image::ImageBuffer::from_fn(40, 30, |x, y| image::Rgb([x as u16 * 1000, y as u16 * 2000, 30000]))
        .save(&sixteen)
        .unwrap();
    add("sixteen", image("sixteen", &sixteen), None);
    (lines, expected)
}

fn check(ran: &Ran, expected: &[(&str, Option<&str>)]) {
    let records = ran.records();
    assert_eq!(records.len(), expected.len(), "{}", ran.stderr);
    for (record, (id, error)) in records.iter().zip(expected) {
        assert_eq!(record["id"], *id);
        match error {
            None => assert!(record.get("error").is_none(), "{id}: {}", record["error"]),
            Some(word) => {
                let message = record["error"]["message"].as_str().unwrap_or_else(|| panic!("{id} has no error"));
                assert!(message.contains(word) && !message.contains('\n'), "{id}: {message}");
            }
        }
        let readable = record["error"].get("input").is_none() && *id != "huge";
        assert!(!readable || record["note"] == "keep me", "{id} lost a field");
    }
}

#[test]
fn bad_images_are_reported_and_good_ones_pass_through_the_whole_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, expected) = stream(folder.path());
    let ran = run("dl-propose", &["selective-search", "--max", "20"], &lines.join("\n")).expect(1);
    check(&ran, &expected);
    let bad = expected.iter().filter(|(_, error)| error.is_some()).count();
    assert_eq!(ran.stderr.lines().count(), bad, "one line on stderr for each bad record:\n{}", ran.stderr);
    // Later programs pass the bad ones through untouched and report nothing.
    let ran = run("dl-embed", &["--model", SIGNS, "--layer", "fire9"], &ran.stdout).expect(0);
    check(&ran, &expected);
    let ran = run("dl-detect", &["--model", HEADS, "--drop-features"], &ran.stdout).expect(0);
    check(&ran, &expected);
    let ran = run("dl-nms", &["--iou", "0.3"], &ran.stdout).expect(0);
    check(&ran, &expected);
    let rotated = ran.records().into_iter().find(|record| record["id"] == "rotated").unwrap();
    assert_eq!((&rotated["width"], &rotated["height"]), (&json!(48), &json!(32)), "upright size");
}

#[test]
fn boxes_outside_the_image_are_embedded_and_their_detections_stay_inside() {
    let image = root().join("testdata/goldens/images/gray.jpg");
    let boxes = [[-20.0, -10.0, 30.0, 25.0], [40.0, 20.0, 300.0, 200.0], [0.0, 0.0, 0.0, 0.0], [5.0, 5.0, 6.0, 6.0]];
    let proposals: Vec<Value> = boxes.iter().map(|edges| json!({"box": edges, "score": 1.0})).collect();
    let record = json!({"id": "a", "image": image, "proposals": proposals}).to_string();
    let ran = run("dl-embed", &["--model", SIGNS, "--layer", "fire9"], &record).expect(0);
    let ran = run("dl-detect", &["--model", HEADS, "--score", "-100"], &ran.stdout).expect(0);
    let record = &ran.records()[0];
    let (width, height) = (record["width"].as_f64().unwrap(), record["height"].as_f64().unwrap());
    for detection in record["detections"].as_array().unwrap() {
        let edges: Vec<f64> = detection["box"].as_array().unwrap().iter().map(|edge| edge.as_f64().unwrap()).collect();
        assert!(edges.iter().all(|edge| *edge >= 0.0), "{detection}");
        assert!(edges[2] <= width && edges[3] <= height, "{detection}");
    }
}

#[test]
fn fifty_thousand_boxes_in_a_record_pass_through_suppression_and_evaluation() {
    let boxes: Vec<String> = (0..50_000)
        .map(|n| {
            let (x, y) = (n % 250 * 4, n / 250 * 5);
            format!(r#"{{"box":[{x},{y},{},{}],"label":"c{}","score":0.{:05}}}"#, x + 9, y + 11, n % 5, n + 1)
        })
        .collect();
    let record = format!(
        r#"{{"id":"many","objects":[{{"box":[980,995,989,1006],"label":"c0"}}],"detections":[{}]}}"#,
        boxes.join(",")
    );
    let ran = run("dl-nms", &["--iou", "0.3"], &record).expect(0);
    let kept = ran.records()[0]["detections"].as_array().unwrap().len();
    assert!(kept > 10_000 && kept < 50_000, "{kept}");
    let ran = run("dl-eval", &["voc", "--format", "json"], &ran.stdout).expect(0);
    assert!(ran.records()[0]["mAP"].as_f64().unwrap() > 0.0, "{}", ran.stdout);
}

#[test]
fn untrusted_text_is_printed_in_one_short_line_without_control_characters() {
    let text = format!("\u{1b}]0;owned\u{7}\u{9b}2J\r\n\u{202e}{}", "x".repeat(1 << 20));
    let stream = json!({"id": "a", "image": text}).to_string();
    let ran = run("dl-propose", &["sliding-window"], &stream).expect(1);
    let message = ran.records()[0]["error"]["message"].as_str().unwrap().to_owned();
    // An argument may be the name of a file that a glob found.
    let argument = format!("--{}", &text[..1000]);
    let usage = run("dl-propose", &["sliding-window", &argument], "").expect(2).stderr;
    for shown in [&ran.stderr, &message, &usage] {
        assert!(!shown.contains(|letter: char| letter.is_control() && letter != '\n'), "{shown:?}");
        assert!(!shown.contains('\u{202e}') && shown.contains("xxx"), "{shown:?}");
        assert!(shown.lines().all(|line| line.chars().count() < 2100), "{}", shown.len());
    }
    assert_eq!(ran.stderr.lines().count(), 1);
    assert!(
        ran.stderr.contains("<stdin>:1: \\u{1b}]0;owned") && ran.stderr.contains("cannot be read"),
        "{}",
        ran.stderr
    );
    assert!(usage.contains("unexpected argument") && usage.contains("--help"), "{usage}");
}

#[test]
fn odd_json_passes_through_unknown_fields_and_fails_the_record_in_fields_that_are_read() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let with = |more: &str| format!(r#"{{"id":"a","detections":[],{more}}}"#);
    let boxes = |bbox: &str| with(&format!(r#""detections":[{{"box":[0,0,1,{bbox}],"label":"a","score":1}}]"#));
    let passes = [
        with(r#""n":1e999999,"s":"\ud800","z":"\u0000","deep":{"a":1,"a":2}"#),
        with(&format!(r#""deep":{}"#, deep(1_000_000))),
        with(&format!(r#""deep":{}{}"#, r#"{"a":"#.repeat(100_000), "1".to_owned() + &"}".repeat(100_000))),
        r#"{"id":"\ud800","detections":[]}"#.to_owned(),
    ];
    let fails = [
        boxes("1e999999"),
        boxes(r#"1],"more":[1e999999"#),
        boxes(&deep(1_000_000)),
        boxes(&format!(r#"1],"more":[{}"#, deep(1_000_000))),
        with(r#""detections":7"#),
        with(&format!(r#""detections":{}"#, deep(1_000_000))),
        with(&format!(r#""deep":{}"#, "[".repeat(1_000_000))),
        deep(1_000_000),
        with(r#""\ud800":1"#),
        with(r#""n":-"#),
    ];
    let ran = run("dl-nms", &[""; 0], &passes.join("\n")).expect(0);
    assert!(ran.stdout == passes.join("\n") + "\n", "{}", ran.stdout.len());
    let ran = run("dl-nms", &[""; 0], &fails.join("\n")).expect(1);
    // Arbitrarily large numbers are valid JSON but do not fit an f64.
    assert_eq!((ran.stdout.lines().count(), ran.stderr.lines().count()), (fails.len(), fails.len()), "{}", ran.stderr);
    assert!(ran.stdout.lines().all(|line| line.contains(r#""error":{"tool":"dl-nms","message":"#)));
}

#[test]
fn time_grows_with_the_length_of_a_line_however_many_fields_it_has() {
    // In quadratic time it would take minutes.
    let fields = (0..200_000).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(",");
    let line = format!(
        "{{\"id\":\"a\",\"detections\":[{{\"box\":[0,0,1,1],\"label\":\"a\",\"score\":1,{fields}}}],{fields}}}\n"
    );
    let ran = run_within(Duration::from_secs(120), &[], "dl-nms", &[""; 0], &line).expect(0);
    assert!(ran.stdout.len() > line.len() / 2);
}

#[test]
fn a_glob_matches_the_same_files_however_its_folders_are_written() {
    for glob in [
        "testdata/signs/JPEGImages/test-000[12].jpg",
        "./testdata/signs/*/test-000[12].jpg",
        "testdata//signs/**/test-000[12].jpg",
        "./testdata/**/test-000[12].jpg",
        "testdata/./signs/**/JPEGImages/test-000[12].jpg",
    ] {
        let records = run("dl-propose", &["sliding-window", "--max", "1", glob], "").expect(0).records();
        assert_eq!(records.len(), 2, "{glob}");
    }
}
