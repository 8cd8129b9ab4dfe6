//! `dl-propose`, as a user runs it.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{root, run, shared};

const SELECTIVE_SEARCH: [&str; 1] = ["selective-search"];

fn golden(name: &str) -> String {
    root().join("testdata/goldens/images").join(name).display().to_string()
}

/// A record of the image, between fields that no program reads.
fn line(image: &str) -> String {
    json!({"mine": [1, null], "id": image, "image": image, "objects": [], "later": 2}).to_string()
}

fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1_u32;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    })
}

#[test]
fn each_record_gets_proposals_inside_its_image_and_keeps_its_other_fields() {
    let ran = run("dl-propose", &SELECTIVE_SEARCH, &(line(&golden("progressive.jpg")) + "\n")).expect(0);
    let records = ran.records();
    let record = records[0].as_object().unwrap();
    let fields: Vec<&String> = record.keys().collect();
    assert_eq!(fields, ["mine", "id", "image", "objects", "later", "width", "height", "proposals"]);
    let proposals = record["proposals"].as_array().unwrap();
    assert!(proposals.iter().any(|proposal| proposal["box"] == json!([0.0, 0.0, 48.0, 32.0])));
    for proposal in proposals {
        let edges: [f64; 4] = serde_json::from_value(proposal["box"].clone()).unwrap();
        let [x1, y1, x2, y2] = edges;
        assert!(0.0 <= x1 && x1 < x2 && x2 <= 48.0 && 0.0 <= y1 && y1 < y2 && y2 <= 32.0, "{edges:?}");
    }
    let scores: Vec<f64> = proposals.iter().map(|proposal| proposal["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a > b));
}

#[test]
fn unusual_images_get_proposals_and_broken_ones_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let jpeg = fs::read(golden("progressive.jpg")).unwrap();
    fs::write(at("cut off.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    fs::write(at("empty.jpg"), "").unwrap();
    fs::write(at("text.jpg"), "not an image").unwrap();
    noise(1, 700).save(at("ünï tall.png")).unwrap();
    noise(700, 1).save(at("wide.png")).unwrap();
    let good = [golden("cmyk.jpg"), golden("gray.jpg"), golden("orientation6.jpg"), at("ünï tall.png"), at("wide.png")];
    let bad = [
        (at("cut off.jpg"), "truncated"),
        (at("empty.jpg"), "is empty"),
        (at("text.jpg"), "not an image"),
        (at("none.jpg"), "no such file"),
    ];
    let mut stream = vec![line(&good[0]), "{broken".to_owned()];
    stream.extend(bad.iter().map(|(path, _)| line(path)));
    stream.extend(good[1..].iter().map(|path| line(path)));
    for method in ["selective-search", "sliding-window"] {
        let ran = run("dl-propose", &[method], &stream.join("\n")).expect(1);
        let records = ran.records();
        assert_eq!(records.len(), stream.len());
        assert_eq!(records[1]["error"]["input"], "{broken");
        for (record, (path, expected)) in records[2..].iter().zip(&bad) {
            assert_eq!(record["image"], **path);
            assert_eq!(record["error"]["tool"], "dl-propose");
            let message = record["error"]["message"].as_str().unwrap();
            assert!(message.contains(expected), "{message}");
            assert!(ran.stderr.contains(message), "{}", ran.stderr);
        }
        for record in records[..1].iter().chain(&records[2 + bad.len()..]) {
            assert!(record.get("error").is_none(), "{record}");
            assert!(!record["proposals"].as_array().unwrap().is_empty());
        }
        assert_eq!((&records[7]["width"], &records[7]["height"]), (&json!(48), &json!(32)), "upright");
    }
}

#[test]
fn the_error_of_an_image_named_as_an_argument_names_it_once() {
    let ran = run("dl-propose", &["selective-search", "none.jpg"], "").expect(1);
    assert_eq!(ran.stderr, "dl-propose: none.jpg: no such file\n");
}

#[test]
fn a_record_that_failed_earlier_passes_through_untouched() {
    let line = r#"{"id":"a","image":"none.jpg","error":{"tool":"dl-data","message":"no"},"x":1.50}"#;
    let ran = run("dl-propose", &SELECTIVE_SEARCH, line).expect(0);
    assert_eq!(ran.stdout.trim_end(), line);
}

#[test]
fn a_record_without_an_image_or_with_a_wrong_size_fails() {
    let lines = format!("{{\"id\":\"a\"}}\n{}", json!({"image": golden("gray.jpg"), "width": 32, "height": 48}));
    let ran = run("dl-propose", &SELECTIVE_SEARCH, &lines).expect(1);
    assert!(ran.stderr.contains("<stdin>:1: the record has no \"image\""), "{}", ran.stderr);
    assert!(ran.stderr.contains("has 48 x 32 pixels, the record says 32 x 48"), "{}", ran.stderr);
}

#[test]
fn the_seed_affects_the_proposals_and_threads_do_not() {
    let Some(photos) = shared("data/photos") else { return };
    let photos = photos.display().to_string();
    let proposals = |options: &[&str]| {
        let common = ["selective-search", "--width", "120", "--max", "50", photos.as_str()];
        run("dl-propose", &[&common, options].concat(), "").expect(0).stdout
    };
    let one = proposals(&["--threads", "1"]);
    assert_eq!(one, proposals(&["--threads", "3"]));
    assert_ne!(one, proposals(&["--seed", "1"]));
}

#[test]
fn boxes_are_in_pixels_of_the_original_whatever_the_working_size() {
    let whole = |options: &[&str]| {
        let path = golden("progressive.jpg");
        let args = [&["selective-search", "--mode", "single"], options, &[&path]].concat();
        let records = run("dl-propose", &args, "").expect(0).records();
        let found = records[0]["proposals"].as_array().unwrap().clone();
        found.iter().any(|proposal: &Value| proposal["box"] == json!([0.0, 0.0, 48.0, 32.0]))
    };
    assert!(whole(&["--width", "20"]) && whole(&["--width", "200"]) && whole(&["--max-pixels", "100"]));
}

#[test]
fn sliding_windows_are_counted_by_their_options() {
    let count = |options: &[&str]| {
        let path = golden("progressive.jpg");
        let records = run("dl-propose", &[&["sliding-window"], options, &[&path]].concat(), "").expect(0).records();
        records[0]["proposals"].as_array().unwrap().len()
    };
    // 48 x 32 pixels, 16 x 16 windows every 8 pixels: 5 columns, 3 rows.
    assert_eq!(count(&["--scales", "16", "--ratios", "1", "--stride", "0.5"]), 15);
    assert_eq!(count(&["--scales", "16", "--ratios", "1", "--stride", "0.5", "--max", "4"]), 4);
    assert_eq!(count(&["--scales", "16,32", "--ratios", "1", "--stride", "1"]), 6 + 2);
}

#[test]
fn wrong_usage_ends_with_2() {
    let ran = run("dl-propose", &["selective-search", "--mode", "slow"], "").expect(2);
    assert!(ran.stderr.contains("[possible values: single, fast, quality]"), "{}", ran.stderr);
    run("dl-propose", &["selective-search", "--sigma", "inf"], "").expect(2);
    run("dl-propose", &["sliding-window", "--stride", "fast"], "").expect(2);
    run("dl-propose", &["guess"], "").expect(2);
}

#[test]
#[ignore = "decodes 300 MB twice; run by make test-slow"]
fn images_of_ten_thousand_pixels_a_side_are_scaled_down() {
    let folder = tempfile::tempdir().unwrap();
    for (name, image) in
        [("blank.png", RgbImage::from_pixel(10_000, 10_000, Rgb([9, 9, 9]))), ("noise.bmp", noise(10_000, 10_000))]
    {
        let path = folder.path().join(name);
        image.save(&path).unwrap();
        let records = run("dl-propose", &["selective-search", path.to_str().unwrap()], "").expect(0).records();
        let found = records[0]["proposals"].as_array().unwrap();
        assert!(found.iter().any(|proposal| proposal["box"] == json!([0.0, 0.0, 10_000.0, 10_000.0])), "{name}");
    }
}
