//! YOLO folders, as records and back.

use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn yolo(folder: &Path) {
    picture(folder, "images/train/a ü.pgm", 640, 480);
    picture(folder, "images/train/empty.pgm", 64, 48);
    picture(folder, "images/val/b.pgm", 333, 77);
    write(folder, "labels/train/a ü.txt", "1 0.5 0.25 0.125 0.0625\n0 0.123457 0.654321 0.1 0.2\n\n");
    write(folder, "labels/val/b.txt", "2 0.1 0.1 0.9 0.1 0.9 0.9\n");
    write(
        folder,
        "data.yaml",
        "train: images/train\nval: images/val\nnc: 4\nnames: ['red', \"green light\", ü, unseen]\n",
    );
}

#[test]
fn yolo_becomes_records_and_comes_back_to_a_millionth() {
    let (folder, copy) = (folder(), folder());
    yolo(folder.path());
    let ran = data("from yolo {}", folder.path(), "").expect(0);
    let records = ran.records();
    let ids: Vec<_> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["train/a ü.pgm", "train/empty.pgm", "val/b.pgm"]);
    assert_eq!(records[0]["objects"][0], json!({"box": [280.0, 105.0, 360.0, 135.0], "label": "green light"}));
    assert_eq!(records[1]["objects"], json!([]));
    assert_close(&records[2]["objects"][0]["box"], &json!([33.3, 7.7, 299.7, 69.3]), 1e-9);
    assert_eq!(records[2]["objects"][0]["mask"]["size"], json!([77, 333]));

    data("to yolo {} --polygons", copy.path(), &ran.stdout).expect(0);
    let (before, after) = (texts(folder.path()), texts(copy.path()));
    assert_eq!(before["images/train/a ü.pgm"], after["images/train/a ü.pgm"]);
    for name in ["labels/train/a ü.txt", "labels/val/b.txt"] {
        let numbers = |text: &str| -> Vec<f64> { text.split_whitespace().map(|word| word.parse().unwrap()).collect() };
        assert_close(&json!(numbers(&after[name])), &json!(numbers(&before[name])), 1e-6);
        assert_eq!(after[name].lines().count(), before[name].trim().lines().count());
    }
    assert_eq!(after["labels/train/empty.txt"], "");
    let again = data("from yolo {}", copy.path(), "").expect(0).records();
    let here = |records: &[Value]| {
        json!(records).to_string().replace(copy.path().to_str().unwrap(), folder.path().to_str().unwrap())
    };
    assert_close(&serde_json::from_str(&here(&again)).unwrap(), &json!(records), 1e-6);
}

#[test]
fn yolo_splits_keep_one_order_of_classes() {
    let (folder, copy) = (folder(), folder());
    yolo(folder.path());
    let val = data("from yolo {} --split val", folder.path(), "").expect(0).stdout;
    let train = data("from yolo {} --split train", folder.path(), "").expect(0).stdout;
    // Records that have lost what the first one carried.
    let bare = |stream: &str| stream.replace("yolo_dataset", "unknown");
    data("to yolo {} --split train --names red,x,ü", copy.path(), &bare(&train)).expect(2);
    data("to yolo {} --split train --names ü,red,x", copy.path(), &bare(&train).replace("green light", "x")).expect(0);
    data("to yolo {} --split val --images leave", copy.path(), &bare(&val)).expect(0);
    let written = texts(copy.path());
    assert!(written["labels/val/b.txt"].starts_with("0 "), "{}", written["labels/val/b.txt"]);
    assert!(!written.contains_key("images/val/b.pgm"));
    assert_eq!(
        written["data.yaml"],
        "\"train\": \"images/train\"\n\"val\": \"images/val\"\nnames:\n  0: \"ü\"\n  1: \"red\"\n  2: \"x\"\n"
    );
}

#[test]
fn yolo_truth_that_is_wrong_fails_with_its_line() {
    let folder = folder();
    yolo(folder.path());
    write(folder.path(), "labels/train/a ü.txt", "0 0.5 0.5 0.1 0.1\n9 0.5 0.5 0.1 0.1\n");
    write(folder.path(), "labels/train/lonely.txt", "0 0.5 0.5 0.1 0.1\n");
    write(folder.path(), "images/val/b.pgm", "no picture");
    let records = data("from yolo {}", folder.path(), "").expect(1).records();
    let messages: Vec<_> = records.iter().filter_map(|record| record["error"]["message"].as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages[0].ends_with("a ü.txt: line 2: class 9, but there are only 4 names"), "{messages:?}");
    assert!(messages[1].contains("the picture cannot be read"), "{messages:?}");
    assert!(messages[2].ends_with("lonely.txt: there is no picture for this truth"), "{messages:?}");
}

#[test]
fn the_roboflow_layout_is_yolo_too() {
    let folder = folder();
    picture(folder.path(), "train/images/a.pgm", 10, 10);
    write(folder.path(), "train/labels/a.txt", "0 0.5 0.5 1 1");
    write(folder.path(), "classes.txt", "cat\n");
    for line in ["from yolo {}", "from yolo {} --split train"] {
        let records = data(line, folder.path(), "").expect(0).records();
        assert_eq!(records[0]["id"], "train/a.pgm");
        assert_eq!(records[0]["objects"], json!([{"box": [0.0, 0.0, 10.0, 10.0], "label": "cat"}]));
    }
}
