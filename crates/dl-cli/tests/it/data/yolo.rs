//! YOLO folders, as records and back.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn yolo(folder: &Path) {
    write_image(folder, "images/train/a ü.pgm", 640, 480);
    write_image(folder, "images/train/empty.pgm", 64, 48);
    write_image(folder, "images/val/b.pgm", 333, 77);
    write(folder, "labels/train/a ü.txt", "1 0.5 0.25 0.125 0.0625\n0 0.123457 0.654321 0.1 0.2\n\n");
    write(folder, "labels/val/b.txt", "2 0.1 0.1 0.9 0.1 0.9 0.9\n");
    write(
        folder,
        "data.yaml",
        "train: images/train\nval: images/val\nnc: 4\nnames: ['red', \"green light\", ü, unseen]\n",
    );
}

#[test]
fn yolo_becomes_records_and_back_to_a_millionth() {
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
    // Records without the class names of the first one.
    let bare = |stream: &str| stream.replace("yolo_dataset", "unknown");
    let ran = data("to yolo {}/other --split train --labels red,x,ü", copy.path(), &bare(&train)).expect(1);
    assert!(ran.stderr.contains("the label \"green light\" is not one of the class names"), "{}", ran.stderr);
    data("to yolo {} --split train --labels ü,red,x", copy.path(), &bare(&train).replace("green light", "x")).expect(0);
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
fn an_invalid_line_loses_that_line_and_an_invalid_file_that_file() {
    let folder = folder();
    yolo(folder.path());
    write_image(folder.path(), "images/val/c.pgm", 10, 10);
    write(
        folder.path(),
        "labels/train/a ü.txt",
        "0 0.5 0.5 0.1 0.1\n9 0.5 0.5 0.1 0.1\n# a comment\n1 nan 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1\n",
    );
    write(folder.path(), "labels/train/lonely.txt", "0 0.5 0.5 0.1 0.1\n");
    write(folder.path(), "labels/val/c.txt", b"0 0.5 0.5 0.1 0.1\xff\n");
    write(folder.path(), "images/val/b.pgm", "not an image");
    let ran = data("from yolo {}", folder.path(), "").expect(1);
    let records = ran.records();
    assert_eq!(records[0]["error"], Value::Null);
    assert_eq!(labels(&records[0]), ["red", "green light"]);
    for line in ["a ü.txt: line 2: class 9, but there are only 4 names", "a ü.txt: line 4: \"nan\" is not a number"] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
    let messages: Vec<_> = records.iter().filter_map(|record| record["error"]["message"].as_str()).collect();
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages[0].contains("the image cannot be read"), "{messages:?}");
    assert!(messages[1].contains("c.txt: line 1 is not UTF-8"), "{messages:?}");
    assert!(messages[2].ends_with("lonely.txt: these labels have no image"), "{messages:?}");
    // A file with only invalid lines is reported briefly.
    write(folder.path(), "labels/train/a ü.txt", "x\n".repeat(100_000));
    let ran = data("from yolo {} --split train", folder.path(), "").expect(1);
    assert!(ran.stderr.lines().count() < 30 && ran.stderr.contains("99980 more lines"), "{}", ran.stderr);
}

fn labels(record: &Value) -> Vec<&str> {
    let objects = record["objects"].as_array().unwrap_or_else(|| panic!("no objects in {record}"));
    objects.iter().map(|object| object["label"].as_str().unwrap()).collect()
}

#[test]
fn the_roboflow_layout_is_yolo_too() {
    let folder = folder();
    write_image(folder.path(), "train/images/a.pgm", 10, 10);
    write(folder.path(), "train/labels/a.txt", "0 0.5 0.5 1 1");
    write(folder.path(), "classes.txt", "cat\n");
    for line in ["from yolo {}", "from yolo {} --split train"] {
        let records = data(line, folder.path(), "").expect(0).records();
        assert_eq!(records[0]["id"], "train/a.pgm");
        assert_eq!(records[0]["objects"], json!([{"box": [0.0, 0.0, 10.0, 10.0], "label": "cat"}]));
    }
}

#[test]
fn labels_are_found_where_programs_put_them() {
    for (image, label, id) in [
        ("images/a.pgm", "labels/a.txt", "a.pgm"),
        ("images/a.pgm", "labels/a.TXT", "a.pgm"),
        ("images/val/a.PGM", "labels/val/a.txt", "val/a.PGM"),
        ("images/a.pgm", "images/a.txt", "a.pgm"),
        ("JPEGImages/a.pgm", "labels/a.txt", "a.pgm"),
        ("a.pgm", "a.txt", "a.pgm"),
        ("a.pgm", "labels/a.txt", "a.pgm"),
        ("obj_train_data/a.pgm", "obj_train_data/a.txt", "obj_train_data/a.pgm"),
        ("deep/set/train/images/a.pgm", "deep/set/train/labels/a.txt", "deep/set/train/a.pgm"),
    ] {
        let folder = folder();
        write_image(folder.path(), image, 10, 10);
        write(folder.path(), label, "1 0.5 0.5 1 1");
        write(folder.path(), "classes.txt", "cat\ndog\n");
        write(folder.path(), "train.txt", "data/x.jpg\n");
        write(folder.path(), "README.txt", "Made of 3 images.\n");
        let records = data("from yolo {}", folder.path(), "").expect(0).records();
        assert_eq!(records.len(), 1, "{image} {label}: {records:?}");
        assert_eq!((records[0]["id"].as_str().unwrap(), labels(&records[0])), (id, vec!["dog"]), "{image} {label}");
        // And back, in the layout of the writer.
        let stream = data("from yolo {}", folder.path(), "").stdout;
        let copy = super::folder();
        data("to yolo {}", copy.path(), &stream).expect(0);
        let again = data("from yolo {}", copy.path(), "").expect(0).records();
        assert_eq!((&again[0]["objects"], &again[0]["id"]), (&records[0]["objects"], &json!(id)));
    }
}

#[test]
fn missing_labels_are_an_error() {
    let folder = folder();
    write(folder.path(), "data.yaml", "names: [cat]\ntrain: ../elsewhere/images\n");
    let ran = data("from yolo {}", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("no images in this folder (its own files name train: ../elsewhere"), "{}", ran.stderr);
    let ran = data("from yolo {} --split train", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("../elsewhere/images, which is not in this folder"), "{}", ran.stderr);
    write_image(folder.path(), "train/images/a.pgm", 10, 10);
    write_image(folder.path(), "train/images/b.pgm", 10, 10);
    write_image(folder.path(), "test/images/c.pgm", 10, 10);
    let ran = data("from yolo {}", folder.path(), "").expect(2);
    assert_eq!((ran.stdout.as_str(), ran.stderr.lines().count()), ("", 1));
    assert!(ran.stderr.contains("test/labels/c.txt") && ran.stderr.contains("test/images/c.txt"), "{}", ran.stderr);
    write(folder.path(), "train/labels/a.txt", "0 .5 .5 1 1\n");
    let ran = data("from yolo {}", folder.path(), "").expect(1);
    assert_eq!(ran.records().len(), 3);
    assert!(ran.stderr.contains("test/images: none of its images (1) has a label file"), "{}", ran.stderr);
    let ran = data("from yolo {} --split train", folder.path(), "").expect(0);
    assert!(ran.stderr.contains("1 of 2 images has no label file"), "{}", ran.stderr);
}

#[test]
fn the_names_are_those_of_the_first_source_or_an_error() {
    let folder = folder();
    write_image(folder.path(), "images/a.pgm", 10, 10);
    write(folder.path(), "labels/a.txt", "1 0.5 0.5 1 1\n");
    let label = |status: i32| {
        let ran = data("from yolo {}", folder.path(), "").expect(status);
        (ran.records().first().map(|record| labels(record).join(",")).unwrap_or_default(), ran.stderr)
    };
    let (found, stderr) = label(2);
    assert!(found.is_empty() && stderr.contains("neither data.yaml nor classes.txt names the classes"), "{stderr}");
    write(folder.path(), "notes.json", r#"{"categories": [{"id": 1, "name": "n1"}, {"id": 0, "name": "n0"}]}"#);
    assert_eq!(label(0).0, "n1");
    write(folder.path(), "obj.names", "o0\r\no1\r\n");
    let (found, stderr) = label(0);
    assert!(found == "o1" && stderr.contains("notes.json: it names other classes"), "{stderr}");
    let utf16: Vec<u8> = "\u{feff}\nc1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    write(folder.path(), "classes.txt", utf16);
    assert_eq!(label(0).0, "c1", "a blank line is the number of a class");
    write(folder.path(), "my set.yaml", "names: {0: y0, '1': y1}\n");
    let (found, stderr) = label(0);
    assert!(found == "y1" && stderr.contains("classes.txt: it names other classes"), "{stderr}");
    write(folder.path(), "data.yaml", b"# caf\xe9\nnames: [d0, d1]\n");
    let (found, stderr) = label(2);
    assert!(found.is_empty() && stderr.contains("data.yaml: line 1 is not UTF-8"), "{stderr}");
    let ran = data("from yolo {} --labels x,y", folder.path(), "").expect(0);
    assert_eq!(labels(&ran.records()[0]), ["y"]);
    assert!(ran.stderr.contains("data.yaml: line 1 is not UTF-8"), "{}", ran.stderr);
    write(folder.path(), "data.yaml", b"\xef\xbb\xbfnames: [d0, d1]\r\n");
    assert_eq!(label(0).0, "d1");
    write(folder.path(), "labels/a.txt", "0 0.5 0.5 1 1\n1.0e0 0.5 0.5 1 1\n");
    fs::remove_file(folder.path().join("data.yaml")).unwrap();
    fs::remove_file(folder.path().join("my set.yaml")).unwrap();
    let (found, stderr) = label(1);
    assert!(found == "c1" && stderr.contains("line 1: class 0 has no name"), "{stderr}");
}

#[test]
fn a_description_that_expands_or_nests_without_bound_is_rejected_quickly() {
    let folder = folder();
    write_image(folder.path(), "images/a.pgm", 10, 10);
    write(folder.path(), "labels/a.txt", "0 0.5 0.5 1 1\n");
    let level = |i: usize| format!("a{}: &a{} [{}]\n", i + 1, i + 1, vec![format!("*a{i}"); 10].join(","));
    let bomb = format!("a0: &a0 [x]\n{}names: [x]\n", (0..12).map(level).collect::<String>());
    for text in [bomb, "[".repeat(1 << 20), "{".repeat(1 << 20), "- ".repeat(1 << 19), " ".repeat(3 << 20)] {
        write(folder.path(), "data.yaml", text);
        let ran = data("from yolo {}", folder.path(), "").expect(2);
        assert!(ran.stderr.contains("data.yaml: ") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
        let ran = data("to yolo {}", folder.path(), "").expect(2);
        assert!(ran.stderr.contains("data.yaml: "), "{}", ran.stderr);
    }
}

#[test]
fn splits_are_folders_or_lists_inside_the_folder() {
    let folder = folder();
    for name in ["a", "b", "c"] {
        write_image(folder.path(), &format!("obj_train_data/{name}.pgm"), 10, 10);
        write(folder.path(), &format!("obj_train_data/{name}.txt"), "0 0.5 0.5 1 1\n");
    }
    write(
        folder.path(),
        "obj.data",
        "classes = 1\ntrain = data/train.txt\nvalid = C:\\x\\valid.txt\nnames = data/my.names\n",
    );
    write(folder.path(), "my.names", "cat\n");
    write(folder.path(), "train.txt", "data/obj_train_data/a.pgm\ndata/obj_train_data/a.pgm\n\n");
    write(
        folder.path(),
        "valid.txt",
        "/content/x/obj_train_data/b.pgm\r\nD:\\x\\obj_train_data\\c.pgm\r\n../../etc/passwd\r\n/etc/passwd\r\n",
    );
    let ids = |line: &str, status: i32| {
        let ran = data(line, folder.path(), "").expect(status);
        let ids: Vec<_> = ran.records().iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
        assert!(ran.records().iter().all(|record| labels(record) == ["cat"]));
        (ids.join(" ").replace("obj_train_data/", ""), ran.stderr)
    };
    assert_eq!(ids("from yolo {}", 0).0, "a.pgm b.pgm c.pgm");
    assert_eq!(ids("from yolo {} --split train", 0).0, "a.pgm");
    let (found, stderr) = ids("from yolo {} --split val", 1);
    assert_eq!(found, "b.pgm c.pgm");
    assert!(
        stderr.contains("valid.txt:3: ../../etc/passwd is not in") && stderr.contains("valid.txt:4: /etc/passwd"),
        "{stderr}"
    );
    write(folder.path(), "data.yaml", "path: ../x\nnames: [cat]\ntest: [obj_train_data, train.txt]\nother: none\n");
    assert_eq!(ids("from yolo {} --split test", 0).0, "a.pgm b.pgm c.pgm a.pgm");
    let ran = data("from yolo {} --split none", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("there are: other, test"), "{}", ran.stderr);
    data("from yolo {} --split ..", folder.path(), "").expect(2);
}

#[cfg(unix)]
#[test]
fn a_folder_that_contains_itself_is_read_once() {
    let folder = folder();
    write_image(folder.path(), "set/images/a.pgm", 10, 10);
    write(folder.path(), "set/labels/a.txt", "0 0.5 0.5 1 1\n");
    std::os::unix::fs::symlink("..", folder.path().join("set/up")).unwrap();
    let records = data("from yolo {} --labels cat", folder.path(), "").expect(0).records();
    assert_eq!(records.len(), 1, "{records:?}");
}

#[test]
fn keypoints_predictions_and_oriented_boxes_keep_their_boxes() {
    let folder = folder();
    write_image(folder.path(), "images/a.pgm", 10, 10);
    write(folder.path(), "data.yaml", "names: [hand]\nkpt_shape: [2, 2]\n");
    write(folder.path(), "labels/a.txt", "0 .5 .5 .2 .4 .1 .2 .3 .4\n0 .5 .5 .2 .4 .1 .2\n");
    let ran = data("from yolo {}", folder.path(), "").expect(1);
    let object = json!({"box": [4.0, 3.0, 6.0, 7.0], "label": "hand", "keypoints": [1.0, 2.0, 2.0, 3.0, 4.0, 2.0]});
    assert_eq!(ran.records()[0]["objects"], json!([object]));
    assert!(ran.stderr.contains("line 2: 6 numbers after the class; expected 4 of a box, or 8"), "{}", ran.stderr);
    let copy = super::folder();
    let ran = data("to yolo {}", copy.path(), &ran.stdout).expect(0);
    assert!(ran.stderr.contains("keypoints (1)"), "{}", ran.stderr);

    write(folder.path(), "data.yaml", "names: [ship]\n");
    write(folder.path(), "labels/a.txt", "0 .5 .5 .2 .4 .75\n");
    let ran = data("from yolo {}", folder.path(), "").expect(0);
    assert_eq!(ran.records()[0]["objects"][0]["confidence"], json!(0.75));
    assert!(ran.stderr.contains("--predictions"), "{}", ran.stderr);
    let record = data("from yolo {} --predictions", folder.path(), "").expect(0).records().remove(0);
    assert_eq!(record["detections"], json!([{"box": [4.0, 3.0, 6.0, 7.0], "label": "ship", "score": 0.75}]));
    assert_eq!(record["objects"], Value::Null);

    write(folder.path(), "labels/a.txt", "0 .1 .1 .9 .1 .9 .9 .1 .9\n");
    let ran = data("from yolo {}", folder.path(), "").expect(0);
    assert!(ran.records()[0]["objects"][0]["mask"].is_object() && ran.stderr.contains("--obb box"), "{}", ran.stderr);
    let record = data("from yolo {} --obb box", folder.path(), "").expect(0).records().remove(0);
    assert_eq!(record["objects"], json!([{"box": [1.0, 1.0, 9.0, 9.0], "label": "ship"}]));
    data("from yolo {} --obb refuse", folder.path(), "").expect(1);

    fs::rename(folder.path().join("labels"), folder.path().join("labelTxt")).unwrap();
    write(folder.path(), "labelTxt/a.txt", "imagesource:x\ngsd:1\n1 1 9 1 9 5 1 5 boat 1\n");
    let ran = data("from yolo {}", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("oriented boxes; --obb box"), "{}", ran.stderr);
    let record = data("from yolo {} --obb box", folder.path(), "").expect(0).records().remove(0);
    assert_eq!(record["objects"], json!([{"box": [1.0, 1.0, 9.0, 5.0], "label": "boat", "difficult": true}]));
}

#[test]
fn nothing_outside_the_image_is_written() {
    let folder = folder();
    let record =
        |id: &str, objects: Value| json!({"id": id, "width": 10, "height": 20, "objects": objects}).to_string();
    let stream = [
        record(
            "a",
            json!([
                {"box": [-5, 5, 5, 15], "label": "x"},
                {"box": [11, 0, 12, 5], "label": "x"},
                {"box": [5, 5, 4, 6], "label": "x"},
                {"box": [0, 0, 10.0000001, 20], "label": "two\nlines"},
                {"box": [0, 0, 10.0000001, 20], "label": "x", "segmentation": [[5, -5, 15, 10, 5, 25, -5, 10]]},
            ]),
        ),
        record("b", json!([{"box": [0, 0, 10.0000001, 20], "label": "x"}])),
    ];
    let ran = data("to yolo {}/boxes", folder.path(), &format!("{}\n", stream.join("\n"))).expect(1);
    let written = texts(&folder.path().join("boxes"));
    assert_eq!(written["labels/a.txt"], "0 0.25 0.5 0.5 0.5\n0 0.5 0.5 1 1\n");
    assert_eq!(written["labels/b.txt"], "0 0.5 0.5 1 1\n");
    for reason in [
        "a: object 1: it is outside the image",
        "a: object 2: box has x2 < x1",
        "a: object 3: the label \"two\\nlines\" has a control character",
        "1 objects extend outside their image and are clipped",
    ] {
        assert!(ran.stderr.contains(reason), "{reason}: {}", ran.stderr);
    }
    data("to yolo {}/strict --strict", folder.path(), &stream[0]).expect(2);
    data("to yolo {}/polygons --polygons", folder.path(), &stream[0]).expect(1);
    let lines = &texts(&folder.path().join("polygons"))["labels/a.txt"];
    assert!(lines.lines().any(|line| line.split(' ').count() == 17), "{lines}");
    let mut numbers = lines.split_whitespace().map(|word| word.parse::<f64>().unwrap());
    assert!(numbers.all(|number| (0.0..=1.0).contains(&number)), "{lines}");
    data("to yolo {}/names --labels x,a\u{85}", folder.path(), &stream[1]).expect(2);
    data("to yolo {}/split --split names", folder.path(), &stream[1]).expect(2);
}

#[test]
fn deeply_nested_fields_do_not_end_the_run() {
    let folder = folder();
    let record = |id: &str, extra: &str| {
        format!(
            "{{\"id\":\"{id}\",\"width\":9,\"height\":9,\"objects\":[{{\"box\":[0,0,9,9],\"label\":\"x\"{extra}}}]}}\n"
        )
    };
    let deep = |depth: usize| format!(",\"y\":{}1{}", "[".repeat(depth), "]".repeat(depth));
    let stream = [record("a", ""), record("b", &deep(124)), record("c", &deep(5000)), record("d", "")].concat();
    let ran = data("to yolo {}", folder.path(), &stream).expect(1);
    let written = texts(folder.path());
    assert_eq!(written["labels/b.txt"], "0 0.5 0.5 1 1\n", "deep files are ignored");
    assert!(written.contains_key("labels/d.txt") && !written.contains_key("labels/c.txt"), "{:?}", written.keys());
    assert!(ran.stderr.contains(":3: "), "{}", ran.stderr);
}

#[test]
fn data_yaml_defines_a_split_before_the_usual_folders() {
    let folder = folder();
    for name in ["train/a", "train2/b", "val/c"] {
        write_image(folder.path(), &format!("images/{name}.pgm"), 10, 10);
        write(folder.path(), &format!("labels/{name}.txt"), "0 0.5 0.5 1 1\n");
    }
    write(folder.path(), "list.txt", "./images/train2/b.pgm\n");
    write(folder.path(), "nothing.txt", "\n");
    for (train, ids, status, message) in [
        ("[images/train, images/train2]", "train/a.pgm train2/b.pgm", 0, ""),
        ("images/val", "val/c.pgm", 0, ""),
        ("list.txt", "train2/b.pgm", 0, ""),
        ("[images/train, images/gone]", "train/a.pgm", 1, "images/gone, which is not in this folder"),
        ("/other/machine/pictures", "train/a.pgm", 0, "images/train instead"),
        ("../set/images", "train/a.pgm", 0, ""),
        ("nothing.txt", "", 1, "the list is empty"),
    ] {
        write(folder.path(), "data.yaml", format!("names: [cat]\ntrain: {train}\n"));
        let ran = data("from yolo {} --split train", folder.path(), "").expect(status);
        let found: Vec<_> = ran.records().iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found.join(" "), ids, "{train}");
        assert!(ran.stderr.contains(message), "{train}: {}", ran.stderr);
    }
    write(folder.path(), "data.yaml", "names: [cat]\nnames: [dog]\n");
    let ran = data("from yolo {}", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("the key \"names\" occurs twice"), "{}", ran.stderr);
    write(folder.path(), "data.yaml", "names: [cat, cat]\n");
    let ran = data("from yolo {}", folder.path(), "").expect(0);
    assert!(ran.stderr.contains("the classes 0 and 1 are both named \"cat\""), "{}", ran.stderr);
    let ran = data("from yolo {}/data.yaml", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("name its folder, "), "{}", ran.stderr);
    let ran = data("from yolo {}/labels", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("data.yaml describes the dataset"), "{}", ran.stderr);
}

#[test]
fn skipped_lines_do_not_flood_the_terminal() {
    let folder = folder();
    write(folder.path(), "data.yaml", "names: [cat]\n");
    for number in 0..30 {
        write_image(folder.path(), &format!("images/{number}.pgm"), 10, 10);
        write(folder.path(), &format!("labels/{number}.txt"), "7 0.5 0.5 1 1\n".repeat(10));
    }
    let ran = data("from yolo {}", folder.path(), "").expect(1);
    assert!(
        ran.stderr.lines().count() < 110 && ran.stderr.contains("and 200 more lines are skipped"),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_existing_data_yaml_is_kept_or_not_touched() {
    let folder = folder();
    write_image(folder.path(), "a.pgm", 10, 10);
    let image = folder.path().join("a.pgm");
    let line = |label: &str| {
        json!({"id": "a", "image": image, "objects": [{"box": [1, 1, 5, 5], "label": label}]}).to_string() + "\n"
    };
    data("to yolo {}/y --split train --labels a,b", folder.path(), &line("a")).expect(0);
    let ran = data("to yolo {}/y --split val --labels b,a", folder.path(), &line("a")).expect(2);
    assert!(ran.stderr.contains("data.yaml: its classes are a, b"), "{}", ran.stderr);
    data("to yolo {}/y --split valid", folder.path(), &line("b")).expect(0);
    let text = fs::read_to_string(folder.path().join("y/data.yaml")).unwrap();
    assert!(text.contains("\"val\": \"images/valid\""), "{text}");
    write(folder.path(), "more/data.yaml", "names: [a]\nnc: 1\nroboflow: {version: 3}\n");
    let ran = data("to yolo {}/more", folder.path(), &line("a")).expect(2);
    assert!(ran.stderr.contains("it also has nc, roboflow, which would be lost"), "{}", ran.stderr);
}
