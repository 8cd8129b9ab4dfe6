//! Behavior that all formats share.

use std::fs;

use serde_json::{Value, json};

use super::coco::coco;
use super::voc::voc;
use super::*;

#[test]
fn a_missing_folder_or_one_of_another_format_is_an_error() {
    let folder = folder();
    voc(folder.path());
    write(folder.path(), "a.json", "{\"annotations\": []}");
    for (line, expected) in [
        ("from voc {}/none", "no such folder"),
        ("from voc {}/Annotations", "annotation folder of a VOC folder"),
        ("from voc {} --split val", "the splits are: all, dot_train, train"),
        ("from coco {}/none.json", "none.json: no such file"),
        ("from coco {}/a.json", "a.json: it has no images"),
        ("from coco {}", "is a folder; name the file in it, such as annotations.json"),
        ("from cvat {}", "is a folder; name the file in it, such as annotations.xml"),
        ("from coco {}/Annotations/none.xml", "none.xml: is not JSON, but looks like XML"),
        ("from voc {} --split nosuch", "the splits are: all, dot_train, train"),
        ("from coco {}/a.json --images {}/none", "none: no such folder"),
        ("from yolo {}", "none of its images (1) has a label file"),
        ("from yolo {}/ImageSets --labels a", "no images in this folder"),
        ("from folder {}/none", "no such folder"),
        ("from folder {}/a.json", "is a file, not a folder"),
        ("shard 3/2", "a shard is I/N"),
        ("split --fractions 0.5,0.6", "their sum must be 1"),
        ("split --fractions 0.5,0.5 --parts a", "expected 2 names"),
        ("split --parts a,../b", "cannot name a split"),
    ] {
        let ran = data(line, folder.path(), "").expect(2);
        assert!(ran.stderr.contains(expected), "{line}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn a_folder_without_annotations_is_an_error() {
    let folder = folder();
    write(folder.path(), "Annotations/x.txt", "");
    for line in ["from voc {}", "from folder {}", "from labelme {}", "from idx {}"] {
        let ran = data(line, folder.path(), "").expect(2);
        assert!(ran.stdout.is_empty() && ran.stderr.lines().count() == 1, "{line}: {}", ran.stderr);
    }
}

#[test]
fn an_empty_dataset_is_an_empty_stream() {
    let folder = folder();
    for line in ["check", "shard 1/2"] {
        let ran = data(line, folder.path(), "").expect(0);
        assert_eq!(ran.stdout, "", "{line}");
    }
    let written: Value = serde_json::from_str(&data("to coco", folder.path(), "").expect(0).stdout).unwrap();
    assert_eq!(written, json!({"images": [], "annotations": [], "categories": []}));
    assert_eq!(data("to coco-results", folder.path(), "").expect(0).stdout.replace('\n', ""), "[]");
    data("to voc {}/v", folder.path(), "").expect(0);
    data("to yolo {}/y", folder.path(), "").expect(0);
    data("split --output-dir {}/s", folder.path(), "").expect(0);
    assert_eq!(fs::read_to_string(folder.path().join("s/train.jsonl")).unwrap(), "");
}

#[test]
fn boxes_labels_and_ids_survive_conversion_through_all_formats() {
    let folder = folder();
    voc(folder.path());
    let first = data("from voc {} --split dot_train", folder.path(), "").expect(0).stdout;
    data("to coco --output {}/JPEGImages/ann.json", folder.path(), &first).expect(0);
    let second = data("from coco {}/JPEGImages/ann.json", folder.path(), "").expect(0).stdout;
    data("to yolo {}/yolo --images link", folder.path(), &second).expect(0);
    let third = data("from yolo {}/yolo", folder.path(), "").expect(0).stdout;
    data("to voc {}/voc", folder.path(), &third).expect(0);
    let fourth = data("from voc {}/voc", folder.path(), "").expect(0).stdout;
    let truth = |stream: &str| {
        let record: Value = serde_json::from_str(stream).unwrap();
        let objects = record["objects"].as_array().unwrap().iter();
        let objects: Vec<_> = objects.map(|object| json!([object["box"], object["label"]])).collect();
        json!([record["width"], record["height"], objects])
    };
    for stream in [&second, &third, &fourth] {
        assert_close(&truth(stream), &truth(&first), 1e-9);
    }
    let coco: Value = serde_json::from_str(&second).unwrap();
    assert_eq!(coco["id"], "cell 1", "an id that is not the file's name is kept");
    assert_eq!(coco["objects"][0]["difficult"], true);
    assert_eq!(coco["objects"][0]["truncated"], true);
}

#[test]
fn fields_that_a_format_cannot_store_are_reported() {
    let folder = folder();
    write(folder.path(), "ann.json", coco().to_string());
    write_image(folder.path(), "sub folder/ä 1.pgm", 20, 10);
    write_image(folder.path(), "b.pgm", 8, 8);
    let records = data("from coco {}/ann.json", folder.path(), "").stdout;
    let ran = data("to voc {}/voc", folder.path(), &records).expect(0);
    assert!(ran.stderr.contains("crowd (1)") && ran.stderr.contains("mask (3)"), "{}", ran.stderr);
    let ran = data("to yolo {}/yolo", folder.path(), &records).expect(0);
    assert!(ran.stderr.contains("crowd (1)") && ran.stderr.contains("mask (3)"), "{}", ran.stderr);
    assert!(texts(&folder.path().join("yolo"))["data.yaml"].contains("2: \"never seen\""));
    let labeled = json!({"id": "a", "width": 10, "height": 10, "label": "day", "objects": []}).to_string();
    for line in ["to coco", "to voc {}/labeled", "to yolo {}/labeled"] {
        let ran = data(line, folder.path(), &labeled).expect(0);
        assert!(ran.stderr.contains("dropped: label of the image (1)"), "{line}: {}", ran.stderr);
    }
}

#[test]
fn two_samples_never_share_a_file() {
    let folder = folder();
    write_image(folder.path(), "a/x.pgm", 4, 4);
    write_image(folder.path(), "b/x.pgm", 4, 4);
    let records: String = ["a", "b"]
        .map(|name| json!({"id": folder.path().join(name).join("x.pgm"), "image": folder.path().join(name).join("x.pgm")}))
        .map(|record| format!("{record}\n"))
        .concat();
    let ran = data("to voc {}/voc", folder.path(), &records).expect(1);
    assert!(ran.stderr.contains("already written as \"x\""), "{}", ran.stderr);
    let again = data("from voc {}/voc", folder.path(), "").expect(0).records();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0]["id"], folder.path().join("a/x.pgm").to_str().unwrap());
}
