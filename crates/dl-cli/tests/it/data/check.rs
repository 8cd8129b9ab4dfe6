//! dl-data check.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::support::shared;

/// Records with one error each, and the message about it.
fn wrong(folder: &Path) -> Vec<(Value, &'static str)> {
    write_image(folder, "good.pgm", 20, 10);
    write(folder, "text.jpg", "not an image");
    write(folder, "empty.jpg", "");
    write(folder, "cut.pgm", "P5 20 10 255\nshort");
    let record = |id: &str, image: &str, objects: Value| json!({"id": id, "image": folder.join(image), "width": 20, "height": 10, "objects": objects});
    let object = |bbox: [f64; 4]| json!([{"box": [1.0, 1.0, 5.0, 5.0], "label": "stop"}, {"box": bbox, "label": "stop", "keep": 1}]);
    let good = object([0.0, 0.0, 20.0, 10.0]);
    let mut sized = record("sized", "good.pgm", good.clone());
    sized["width"] = json!(21);
    let mut masked = record("masked", "good.pgm", good.clone());
    masked["objects"][1]["mask"] = json!({"size": [20, 10], "counts": "d5::"});
    let mut overrun = record("overrun", "good.pgm", good.clone());
    overrun["objects"][1]["mask"] = json!({"size": [10, 20], "counts": "oooo0"});
    let mut labeled = record("labeled", "good.pgm", good.clone());
    labeled["objects"][1]["label"] = json!("yak");
    vec![
        (record("missing", "none.jpg", good.clone()), "none.jpg: no such file"),
        (record("text", "text.jpg", good.clone()), "text.jpg: not an image"),
        (record("empty file", "empty.jpg", good.clone()), "empty.jpg: the file is empty"),
        (record("cut", "cut.pgm", good.clone()), "cut.pgm: "),
        (record("twice", "good.pgm", good.clone()), ""),
        (record("twice", "good.pgm", good.clone()), "duplicate id: an earlier record has the same"),
        (sized, "the record says 21 x 10, the image is 20 x 10"),
        (masked, "object 1 (stop): mask is 10 x 20 pixels, the image is 20 x 10"),
        (overrun, "object 1 (stop): mask: "),
        (labeled, "object 1 (yak): unknown label"),
        (record("turned", "good.pgm", object([5.0, 0.0, 3.0, 4.0])), "object 1 (stop): box has x2 < x1 (3 < 5)"),
        (record("empty", "good.pgm", object([5.0, 2.0, 5.0, 4.0])), "object 1 (stop): box [5,2,5,4] is empty"),
        (
            record("outside", "good.pgm", object([-3.0, 2.0, 25.0, 12.0])),
            "object 1 (stop): box [-3,2,25,12] is outside",
        ),
        (record("far", "good.pgm", object([30.0, 2.0, 40.0, 8.0])), "object 1 (stop): box [30,2,40,8] is outside"),
    ]
}

/// The number of findings that were reported; notes follow them.
fn findings(ran: &Ran) -> usize {
    ran.stderr.lines().take_while(|line| !line.contains(" findings in ")).count()
}

#[test]
fn check_finds_everything_that_is_wrong_and_changes_nothing() {
    let folder = folder();
    let wrong = wrong(folder.path());
    let stream: String = wrong.iter().map(|(record, _)| format!("{record}\n")).collect();
    write(folder.path(), "labels.txt", "stop\ngo\n");
    for line in ["check --labels stop", "check --labels @{}/labels.txt --threads 1"] {
        let ran = data(line, folder.path(), &stream).expect(1);
        assert_eq!(ran.stdout, stream);
        let expected: Vec<_> = wrong.iter().filter(|(_, text)| !text.is_empty()).collect();
        assert_eq!(findings(&ran), expected.len(), "{}", ran.stderr);
        for ((record, text), line) in expected.iter().zip(ran.stderr.lines()) {
            let start = format!("dl-data: {}: ", record["id"].as_str().unwrap());
            assert!(line.starts_with(&start) && line.contains(text), "{line}\nwant {start}{text}");
        }
    }
}

#[test]
fn check_fixes_what_can_be_fixed_and_fails_the_rest() {
    let folder = folder();
    let wrong = wrong(folder.path());
    let stream: String = wrong.iter().map(|(record, _)| format!("{record}\n")).collect();
    let ran = data("check --fix --labels stop", folder.path(), &stream).expect(1);
    let fixed: BTreeMap<String, Value> =
        ran.records().into_iter().rev().map(|record| (record["id"].as_str().unwrap().to_owned(), record)).collect();
    for id in ["missing", "text", "empty file", "cut"] {
        assert_eq!(fixed[id]["error"]["tool"], "dl-data", "{id}");
    }
    assert_eq!(fixed["sized"]["width"], 20);
    assert!(fixed["masked"]["objects"][1].get("mask").is_none());
    assert_eq!(fixed["outside"]["objects"][1], json!({"box": [0.0, 2.0, 20.0, 10.0], "label": "stop", "keep": 1}));
    for id in ["labeled", "turned", "empty", "far"] {
        assert_eq!(fixed[id]["objects"].as_array().unwrap().len(), 1, "{id}");
    }
    // Checking again finds nothing.
    let good: String =
        ran.stdout.lines().filter(|line| !line.contains("\"error\"")).map(|line| format!("{line}\n")).collect();
    let again = data("check --labels stop", folder.path(), &good).expect(0);
    assert_eq!(again.stdout, good);
}

#[test]
fn check_names_the_record_with_and_without_fix_and_a_text_needs_no_image() {
    let folder = folder();
    let stream = "{\"id\":\"bare\"}\n{\"id\":\"words\",\"text\":\"a red sign\"}\n";
    for options in ["check", "check --fix"] {
        let ran = data(options, folder.path(), stream).expect(1);
        assert!(ran.stderr.contains("bare: the record has no image\n"), "{}", ran.stderr);
        assert!(ran.stderr.ends_with("1 finding in 1 of 2 records\n"), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
    }
}

#[test]
fn check_rejects_an_empty_list_of_labels() {
    let folder = folder();
    write(folder.path(), "labels.txt", "\n");
    let ran = data("check --labels @{}/labels.txt", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("no labels"), "{}", ran.stderr);
}

/// A record that states another size than that of its image, 64 x 48 pixels.
fn resized(folder: &Path, id: &str, size: [u32; 2], boxes: &[[f64; 4]]) -> Value {
    write_image(folder, "64x48.pgm", 64, 48);
    let objects: Vec<_> = boxes.iter().map(|edges| json!({"box": edges, "label": id})).collect();
    json!({"id": id, "image": folder.join("64x48.pgm"), "width": size[0], "height": size[1], "objects": objects})
}

#[test]
fn check_keeps_a_size_whose_boxes_are_in_another_scale() {
    let folder = folder();
    let records = [
        resized(folder.path(), "shrunk", [640, 480], &[[10.0, 10.0, 40.0, 40.0], [300.0, 200.0, 500.0, 400.0]]),
        resized(folder.path(), "shrunk, all near", [640, 480], &[[10.0, 10.0, 40.0, 40.0]]),
        resized(folder.path(), "enlarged", [32, 24], &[[10.0, 10.0, 20.0, 20.0]]),
        resized(folder.path(), "turned", [48, 64], &[[10.0, 50.0, 40.0, 60.0]]),
        resized(folder.path(), "no size", [1, 1], &[[10.0, 10.0, 40.0, 40.0]]),
        resized(folder.path(), "upright", [48, 64], &[[50.0, 10.0, 60.0, 40.0]]),
        resized(folder.path(), "no boxes", [640, 480], &[]),
    ];
    let stream: String = records.iter().map(|record| format!("{record}\n")).collect();
    let ran = data("check --fix", folder.path(), &stream).expect(1);
    for (index, (before, after)) in records.iter().zip(ran.records()).enumerate() {
        assert_eq!(before["objects"], after["objects"], "{before}");
        if index < 4 {
            let message = after["error"]["message"].as_str().unwrap_or_else(|| panic!("{after} has no error"));
            assert!(message.contains("the image is 64 x 48; the boxes may be"), "{message}");
            assert_eq!(before["width"], after["width"]);
        } else {
            assert!(after.get("error").is_none(), "{after}");
            assert_eq!((&after["width"], &after["height"]), (&json!(64), &json!(48)));
        }
    }
    assert_eq!(findings(&data("check", folder.path(), &stream).expect(1)), records.len());
}

#[test]
fn check_finds_empty_masks_and_updates_areas() {
    let folder = folder();
    write_image(folder.path(), "a.pgm", 4, 2);
    let object = |bbox: [f64; 4], counts: &str| {
        let mut object = json!({"box": bbox, "label": "cat", "area": 77.0, "segmentation": [[0, 0, 4, 0, 4, 2]]});
        if !counts.is_empty() {
            object["mask"] = json!({"size": [2, 4], "counts": counts});
        }
        object
    };
    // Runs of 0 and 1, column by column: "8" is 8 of 0; "24" has two columns in it.
    let (empty, two_columns, broken) = ("8", "242", "zz~~");
    let inside = [0.0, 0.0, 3.0, 2.0];
    let outside = [1.0, 0.0, 9.0, 2.0];
    let objects = [
        object(inside, empty),
        object(inside, broken),
        object(outside, two_columns),
        object(outside, ""),
        object(inside, two_columns),
    ];
    let record = json!({"id": "a", "image": folder.path().join("a.pgm"), "width": 4, "height": 2, "objects": objects});
    let found = data("check", folder.path(), &record.to_string()).expect(1);
    assert!(found.stderr.contains("a: object 0 (cat): mask has no pixels\n"), "{}", found.stderr);
    assert_eq!(findings(&found), 4, "{}", found.stderr);
    let fixed = data("check --fix", folder.path(), &record.to_string()).expect(0);
    assert!(fixed.stderr.contains("0 objects dropped, 2 masks removed, 5 objects kept"), "{}", fixed.stderr);
    let record = &fixed.records()[0];
    let areas: Vec<_> = record["objects"].as_array().unwrap().iter().map(|object| object["area"].as_f64()).collect();
    assert_eq!(areas, [6.0, 6.0, 4.0, 6.0, 77.0].map(Some));
    for (index, has_mask) in [false, false, true, false, true].into_iter().enumerate() {
        let object = &record["objects"][index];
        assert_eq!(object.get("mask").is_some(), has_mask);
        assert_eq!(object.get("segmentation").is_some(), has_mask || index == 3, "polygons go with their mask");
    }
    data("check", folder.path(), &fixed.stdout).expect(0);
}

#[test]
fn check_drops_invalid_objects_and_reports_when_none_is_left() {
    let folder = folder();
    write_image(folder.path(), "a.pgm", 20, 10);
    let record =
        |objects: Value| json!({"id": "a", "image": folder.path().join("a.pgm"), "objects": objects}).to_string();
    let stream = record(json!([{"box": [1, 2, 3]}, {"box": [1, 1, 5, 5], "label": "stop"}, 7]));
    let ran = data("check --fix", folder.path(), &stream).expect(0);
    assert_eq!(ran.records()[0]["objects"], json!([{"box": [1.0, 1.0, 5.0, 5.0], "label": "stop"}]));
    assert!(ran.stderr.contains("object 0: ") && ran.stderr.contains("2 objects dropped"), "{}", ran.stderr);
    let ran = data("check --fix --labels go", folder.path(), &stream).expect(1);
    assert_eq!(ran.records()[0]["objects"], json!([]));
    assert!(ran.stderr.contains("every object was dropped"), "{}", ran.stderr);
    write(folder.path(), "labels.txt", "\u{feff}stop\r\n");
    data(
        "check --labels @{}/labels.txt --headers",
        folder.path(),
        &record(json!([{"box": [1, 1, 5, 5], "label": "stop"}])),
    )
    .expect(0);
}

#[test]
fn bccd_has_its_known_counts_and_empty_boxes() {
    let Some(bccd) = shared("data/bccd") else { return };
    let expected = json_of(&bccd.join("expected.json"));
    for (split, images) in expected["splits"].as_object().unwrap() {
        let records = data(&format!("from voc {{}} --split {split}"), &bccd, "").expect(0).records();
        assert_eq!(json!(records.len()), *images);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for object in records.iter().flat_map(|record| record["objects"].as_array().unwrap()) {
            *counts.entry(object["label"].as_str().unwrap()).or_default() += 1;
        }
        if let Some(expected) = expected["objects"].get(split) {
            assert_eq!(json!(counts), *expected, "{split}");
        }
    }
    let all = data("from voc {}", &bccd, "").expect(0);
    assert_eq!(all.stdout.matches("\"truncated\":true").count(), expected["truncated"].as_u64().unwrap() as usize);
    let ran = data("check --headers", &bccd, &all.stdout).expect(1);
    let found: Vec<_> = ran.stderr.lines().collect();
    // Two empty boxes, their count, and what YOLOv1 would lose.
    assert_eq!(found.len(), 4, "{found:?}");
    for (line, empty) in found.iter().zip(expected["empty_boxes"].as_array().unwrap()) {
        let (image, index) = (empty["image"].as_str().unwrap(), empty["object_index"].as_u64().unwrap());
        assert!(line.starts_with(&format!("dl-data: {image}: object {index} (RBC): box [")), "{line}");
    }
}

#[test]
fn check_counts_what_matters_for_detectors() {
    let folder = folder();
    write_image(folder.path(), "good.pgm", 20, 10);
    let object = |label: &str, x: f64| json!({"box": [x, 2.0, x + 2.0, 4.0], "label": label});
    let record = |id: &str, objects: Value| json!({"id": id, "image": format!("{}/good.pgm", folder.path().display()), "objects": objects});
    let records = [
        // 20 pixels in 7 cells: the second center is in the cell of the first.
        record("a", json!([object("stop", 3.0), object("stop", 3.5), object("yield", 15.0)])),
        record("b", json!([])),
        record("c", json!([object("go", 1.0)])),
    ];
    let stream: String = records.iter().map(|record| format!("{record}\n")).collect();
    let ran = data("check", folder.path(), &stream).expect(0);
    assert_eq!(ran.stdout, stream);
    for text in [
        "0 findings in 0 of 3 records",
        "1 of 3 images without objects",
        "labels with a single object: \"go\", \"yield\"",
        "1 of 4 objects in a cell of a 7 x 7 grid",
    ] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
    let ran = data("check --grid 40", folder.path(), &stream).expect(0);
    assert!(!ran.stderr.contains("in a cell of"), "{}", ran.stderr);
}
