//! `dl-data`, as a user runs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ran, run, shared};

/// Runs `dl-data` with the words of `line`; `{}` stands for `folder`.
#[track_caller]
fn data(line: &str, folder: &Path, stdin: &str) -> Ran {
    let folder = folder.to_str().unwrap();
    let args: Vec<String> = line.split(' ').map(|word| word.replace("{}", folder)).collect();
    run("dl-data", &args, stdin)
}

fn folder() -> TempDir {
    // Blanks and letters beyond ASCII in every path of every test.
    tempfile::Builder::new().prefix("dl data ü ").tempdir().unwrap()
}

fn write(folder: &Path, name: &str, contents: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

/// A grey picture as PGM, which needs no encoder.
fn picture(folder: &Path, name: &str, width: usize, height: usize) {
    let mut bytes = format!("P5 {width} {height} 255\n").into_bytes();
    bytes.extend(vec![128; width * height]);
    write(folder, name, bytes);
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// All text files below a folder, by path.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let inside = texts(&path);
            let name = path.file_name().unwrap().to_str().unwrap();
            found.extend(inside.into_iter().map(|(path, text)| (format!("{name}/{path}"), text)));
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            found.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), text);
        }
    }
    found
}

/// Equal, numbers to `tolerance`.
#[track_caller]
fn assert_close(found: &Value, wanted: &Value, tolerance: f64) {
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= tolerance, "{a} is not {b}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{found} is not {wanted}");
            a.iter().zip(b).for_each(|(a, b)| assert_close(a, b, tolerance));
        }
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.keys().collect::<std::collections::BTreeSet<_>>(), b.keys().collect());
            a.iter().for_each(|(name, a)| assert_close(a, &b[name], tolerance));
        }
        _ => assert_eq!(found, wanted),
    }
}

/// The parts of a COCO file with its lists in the order of their ids.
fn by_id(mut coco: Value) -> Value {
    for list in ["images", "annotations", "categories"] {
        coco[list].as_array_mut().unwrap().sort_by_key(|entry| entry["id"].as_i64());
    }
    coco
}

const CELL: &str = "<annotation verified=\"yes\">
	<folder>VOC2012</folder>
	<filename>cell 1.pgm</filename>
	<source>
		<database>A &amp; B</database>
		<annotation>by hand</annotation>
	</source>
	<size>
		<width>20</width>
		<height>10</height>
		<depth>1</depth>
	</size>
	<segmented>0</segmented>
	<object>
		<name>Zelle ü</name>
		<pose>Left</pose>
		<truncated>1</truncated>
		<occluded>0</occluded>
		<difficult>1</difficult>
		<bndbox>
			<xmin>1</xmin>
			<ymin>2.3</ymin>
			<xmax>20</xmax>
			<ymax>9.5</ymax>
		</bndbox>
		<part>
			<name>head</name>
			<bndbox>
				<xmin>3</xmin>
			</bndbox>
		</part>
		<part>
			<name>tail</name>
		</part>
	</object>
	<object>
		<name>dot</name>
		<difficult>0</difficult>
		<bndbox>
			<xmin>4</xmin>
			<ymin>4</ymin>
			<xmax>4</xmax>
			<ymax>4</ymax>
		</bndbox>
	</object>
</annotation>
";

fn voc(folder: &Path) {
    write(folder, "Annotations/cell 1.xml", CELL);
    picture(folder, "JPEGImages/cell 1.pgm", 20, 10);
    write(folder, "Annotations/none.xml", "<annotation><filename>none.jpg</filename></annotation>");
    write(folder, "Annotations/broken.xml", &CELL[..CELL.find("</truncated>").unwrap()]);
    write(folder, "ImageSets/Main/train.txt", "cell 1\r\nnone\n\n");
    write(folder, "ImageSets/Main/all.txt", "cell 1\nbroken\nnone\nmissing\n");
    write(folder, "ImageSets/Main/dot_train.txt", "cell 1  1\nnone -1\nbroken  0\n");
}

#[test]
fn voc_becomes_records_with_continuous_boxes() {
    let folder = folder();
    voc(folder.path());
    let records = data("from voc {} --split train", folder.path(), "").expect(0).records();
    let [cell, none] = &records[..] else { panic!("{records:?}") };
    assert_eq!(cell["id"], "cell 1");
    assert_eq!(cell["image"], folder.path().join("JPEGImages/cell 1.pgm").to_str().unwrap());
    assert_eq!((&cell["width"], &cell["height"]), (&json!(20), &json!(10)));
    assert_eq!(cell["objects"][0]["box"], json!([0.0, 1.2999999999999998, 20.0, 9.5]));
    assert_eq!(cell["objects"][0]["label"], "Zelle ü");
    assert_eq!(cell["objects"][0]["difficult"], true);
    assert_eq!((&cell["objects"][0]["truncated"], &cell["objects"][0]["occluded"]), (&json!(true), &json!(false)));
    assert_eq!(cell["objects"][1], json!({"box": [3.0, 3.0, 4.0, 4.0], "label": "dot"}));
    assert_eq!(none["objects"], json!([]), "a picture without objects counts for dl-eval");
}

#[test]
fn voc_survives_a_round_trip_to_the_letter() {
    let (folder, copy) = (folder(), folder());
    voc(folder.path());
    let records = data("from voc {} --split train", folder.path(), "").expect(0).stdout;
    // The picture of the second is not there, which is told; its annotation is written all the same.
    let ran = data("to voc {} --split train", copy.path(), &records).expect(1);
    assert!(ran.stderr.contains("none.jpg"), "{}", ran.stderr);
    let written = texts(copy.path());
    assert_eq!(written["Annotations/cell 1.xml"], CELL);
    assert_eq!(written["ImageSets/Main/train.txt"], "cell 1\nnone\n");
    assert!(written.contains_key("JPEGImages/cell 1.pgm"));
    let again = data("from voc {} --split train", copy.path(), "").expect(0).stdout;
    assert_eq!(again.replace(copy.path().to_str().unwrap(), folder.path().to_str().unwrap()), records);
}

#[test]
fn a_broken_annotation_fails_alone() {
    let folder = folder();
    voc(folder.path());
    let ran = data("from voc {} --split all", folder.path(), "").expect(1);
    let records = ran.records();
    let failed: Vec<_> = records.iter().map(|record| record["error"]["message"].as_str()).collect();
    assert!(failed[0].is_none() && failed[2].is_none());
    assert!(failed[1].unwrap().ends_with("broken.xml: line 17: the file ends inside <truncated>"), "{failed:?}");
    assert!(failed[3].unwrap().ends_with("missing.xml: no such annotation"), "{failed:?}");
    assert_eq!(ran.stderr.lines().count(), 2);
    assert_eq!(records[1]["id"], "broken");
    assert!(data("from voc {} --split all --strict", folder.path(), "").expect(2).stderr.contains("--strict"));
}

#[test]
fn a_list_of_one_class_gives_the_pictures_that_have_it() {
    let folder = folder();
    voc(folder.path());
    let ids = |line: &str| -> Vec<String> {
        let records = data(line, folder.path(), "").records();
        records.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("from voc {} --split dot_train"), ["cell 1"]);
    assert_eq!(ids("from voc {} --split train,dot_train"), ["cell 1", "none", "cell 1"]);
    assert_eq!(ids("from voc {}"), ["broken", "cell 1", "none"]);
}

#[test]
fn a_folder_that_is_not_there_or_not_of_the_format_is_told() {
    let folder = folder();
    voc(folder.path());
    write(folder.path(), "a.json", "{\"annotations\": []}");
    for (line, wanted) in [
        ("from voc {}/none", "no such folder"),
        ("from voc {}/Annotations", "not a VOC folder"),
        ("from voc {} --split val", "the splits there are: all, dot_train, train"),
        ("from coco {}/none.json", "none.json: no such file"),
        ("from coco {}/a.json", "a.json: it has no images"),
        ("from coco {}/a.json --images {}/none", "none: no such folder"),
        ("from yolo {}", "neither data.yaml nor classes.txt"),
        ("from yolo {} --names a", "not a YOLO folder"),
        ("from folder {}/none", "no such folder"),
        ("from folder {}/a.json", "is a file, not a folder"),
        ("shard 3/2", "a shard is I/N"),
        ("split --fractions 0.5,0.6", "make 1 together"),
        ("split --fractions 0.5,0.5 --names a", "want 2 names"),
        ("split --names a,../b", "is not a name for a split"),
    ] {
        let ran = data(line, folder.path(), "").expect(2);
        assert!(ran.stderr.contains(wanted), "{line}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

fn coco() -> Value {
    json!({
        "info": {"description": "made for a test", "year": 2026},
        "licenses": [],
        "images": [
            {"id": 42, "file_name": "sub folder/ä 1.pgm", "width": 20, "height": 10, "license": 3, "flickr_url": null},
            {"id": 7, "file_name": "b.pgm", "width": 8, "height": 8},
        ],
        "annotations": [
            {"id": 0, "image_id": 42, "category_id": 18, "bbox": [0.1, 0.2, 5.55, 3.3], "area": 9.25, "iscrowd": 0,
             "segmentation": [[1.0, 1.0, 5.5, 1.0, 5.5, 3.0], [2.0, 2.0, 3.0, 2.0, 3.0, 3.3, 2.0, 3.3]],
             "keypoints": [1, 2, 2], "label": "not ours", "score": 0.5},
            {"id": 9000000000_u64, "image_id": 42, "category_id": 3, "bbox": [0.0, 0.0, 2.0, 10.0], "area": 20.0,
             "iscrowd": 1, "segmentation": {"size": [10, 20], "counts": [0, 20, 180]}},
            {"id": 5, "image_id": 42, "category_id": 18, "bbox": [18.0, 0.0, 1.0, 10.0], "area": 10.0, "iscrowd": 0,
             "segmentation": {"size": [10, 20], "counts": "d5::"}},
            {"id": 6, "image_id": 42, "category_id": 18, "bbox": [1.0, 1.0, 1.0, 1.0], "area": 1.0, "iscrowd": 0},
        ],
        "categories": [
            {"id": 18, "name": "dog", "supercategory": "animal"},
            {"id": 3, "name": "car", "supercategory": "vehicle"},
            {"id": 90, "name": "never seen", "supercategory": "none"},
        ],
    })
}

#[test]
fn coco_becomes_records_with_masks_and_crowds() {
    let folder = folder();
    write(folder.path(), "ann.json", coco().to_string());
    let records = data("from coco {}/ann.json", folder.path(), "").expect(0).records();
    assert_eq!(records[0]["id"], "sub folder/ä 1.pgm");
    assert_eq!(records[0]["image"], folder.path().join("sub folder/ä 1.pgm").to_str().unwrap());
    let objects = records[0]["objects"].as_array().unwrap();
    assert_eq!(objects[0]["label"], "dog");
    assert_eq!(objects[0]["box"], json!([0.1, 0.2, 5.55 + 0.1, 3.5]));
    assert_eq!(objects[0]["mask"]["size"], json!([10, 20]));
    assert_eq!(objects[1]["crowd"], true);
    assert_eq!(objects[1]["mask"], json!({"size": [10, 20], "counts": "0d0d5"}));
    assert_eq!(objects[1]["id"], json!(9000000000_u64));
    assert_eq!(objects[2]["mask"]["counts"], "d5::");
    assert_eq!(records[1]["objects"], json!([]));
}

#[test]
fn coco_survives_a_round_trip() {
    let folder = folder();
    write(folder.path(), "ann.json", coco().to_string());
    let records = data("from coco {}/ann.json", folder.path(), "").expect(0).stdout;
    data("to coco --output {}/new/ann.json", folder.path(), &records).expect(0);
    assert_eq!(by_id(json_of(&folder.path().join("new/ann.json"))), by_id(coco()));
    let printed = data("to coco", folder.path(), &records).expect(0).stdout;
    assert_eq!(by_id(serde_json::from_str(&printed).unwrap()), by_id(coco()));
}

#[test]
fn a_polygon_that_no_longer_makes_the_mask_is_not_written() {
    let folder = folder();
    write(folder.path(), "ann.json", coco().to_string());
    let records = data("from coco {}/ann.json", folder.path(), "").records();
    let mut record = records[0].clone();
    record["objects"][0]["mask"] = json!({"size": [10, 20], "counts": "d5::"});
    let written: Value =
        serde_json::from_str(&data("to coco", folder.path(), &record.to_string()).expect(0).stdout).unwrap();
    let changed = written["annotations"].as_array().unwrap().iter().find(|entry| entry["id"] == 0).unwrap();
    assert_eq!(changed["segmentation"], json!({"size": [10, 20], "counts": "d5::"}));
}

#[test]
fn coco_annotations_that_are_wrong_fail_with_their_image() {
    let folder = folder();
    let mut bad = coco();
    bad["annotations"][0]["category_id"] = json!(99);
    bad["annotations"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": 8, "image_id": 1, "category_id": 3, "bbox": [0, 0, 1, 1]}));
    write(folder.path(), "ann.json", bad.to_string());
    let ran = data("from coco {}/ann.json", folder.path(), "").expect(1);
    let records = ran.records();
    let message = |index: usize| records[index]["error"]["message"].as_str().unwrap_or_default();
    assert!(
        message(0).ends_with("ann.json: images[0]: annotation 0: category 99 is not in the file"),
        "{}",
        message(0)
    );
    assert_eq!(records[1]["objects"], json!([]));
    assert!(message(2).contains("1 annotations are of images that are not in the file: 1"), "{}", message(2));
}

#[test]
fn records_of_two_coco_files_get_new_ids_where_they_clash() {
    let folder = folder();
    write(folder.path(), "a/ann.json", coco().to_string());
    write(folder.path(), "b/ann.json", coco().to_string().replace("ä 1.pgm", "ö 2.pgm").replace("b.pgm", "c.pgm"));
    let a = data("from coco {}/a/ann.json", folder.path(), "").stdout;
    let b = data("from coco {}/b/ann.json", folder.path(), "").stdout;
    let ran = data("to coco", folder.path(), &(a + &b)).expect(0);
    assert!(ran.stderr.contains("2 pictures had a COCO id that another had"), "{}", ran.stderr);
    let merged: Value = serde_json::from_str(&ran.stdout).unwrap();
    for list in ["images", "annotations"] {
        let ids: std::collections::BTreeSet<_> =
            merged[list].as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), merged[list].as_array().unwrap().len(), "{list}");
    }
    assert_eq!(merged["categories"], coco()["categories"]);
    let of_c: Vec<_> = merged["annotations"].as_array().unwrap().iter().map(|entry| &entry["image_id"]).collect();
    assert_eq!(of_c, [42, 42, 42, 42, 43, 43, 43, 43].map(|id| json!(id)).iter().collect::<Vec<_>>());
}

#[test]
fn detections_become_a_result_list_with_the_ids_that_came_along() {
    let folder = folder();
    write(folder.path(), "ann.json", coco().to_string());
    let mut records = data("from coco {}/ann.json", folder.path(), "").records();
    records[0]["detections"] = json!([
        {"box": [1.0, 2.0, 4.5, 6.25], "label": "never seen", "score": 0.75},
        {"box": [0.0, 0.0, 1.0, 1.0], "label": "car", "score": 0.5, "mask": {"size": [10, 20], "counts": "d5::"}},
    ]);
    records[1]["detections"] = json!([]);
    let wanted = json!([
        {"image_id": 42, "category_id": 90, "bbox": [1.0, 2.0, 3.5, 4.25], "score": 0.75},
        {"image_id": 42, "category_id": 3, "bbox": [0.0, 0.0, 1.0, 1.0], "score": 0.5,
         "segmentation": {"size": [10, 20], "counts": "d5::"}},
    ]);
    let stream: String = records.iter().map(|record| format!("{record}\n")).collect();
    let written = data("to coco-results", folder.path(), &stream).expect(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), wanted);

    // Without what came along, the names lead to the ids.
    records[0] = json!({"id": records[0]["id"], "detections": records[0]["detections"]});
    let stream = records[0].to_string();
    let written = data("to coco-results --truth {}/ann.json", folder.path(), &stream).expect(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), wanted);
    let ran = data("to coco-results", folder.path(), &stream).expect(1);
    assert!(ran.stderr.contains("--truth ANN.json"), "{}", ran.stderr);
}

#[test]
fn a_detection_of_an_unknown_class_is_told_before_anything_is_written() {
    let folder = folder();
    let record =
        json!({"id": "a", "coco": {"id": 1}, "detections": [{"box": [0, 0, 1, 1], "label": "yak", "score": 1}]});
    let ran = data("to coco-results", folder.path(), &record.to_string()).expect(2);
    assert!(ran.stderr.contains("category id of \"yak\""), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

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

#[test]
fn folders_are_classes_unless_told_otherwise() {
    let folder = folder();
    for name in ["cat/1.pgm", "cat/more/2.PGM", "dög x/3.pgm", "plain.pgm", "cat/notes.txt", ".hidden/4.pgm"] {
        picture(folder.path(), name, 4, 3);
    }
    let records = data("from folder {}", folder.path(), "").expect(0).records();
    let found: Vec<_> =
        records.iter().map(|record| (record["id"].as_str().unwrap(), record["label"].as_str())).collect();
    assert_eq!(
        found,
        [
            ("cat/1.pgm", Some("cat")),
            ("cat/more/2.PGM", Some("cat")),
            ("dög x/3.pgm", Some("dög x")),
            ("plain.pgm", None)
        ]
    );
    assert_eq!((&records[0]["width"], &records[0]["height"]), (&json!(4), &json!(3)));
    assert!(data("from folder {} --no-labels", folder.path(), "").records().iter().all(|r| r.get("label").is_none()));
}

#[test]
fn an_empty_dataset_is_an_empty_stream() {
    let folder = folder();
    write(folder.path(), "Annotations/x.txt", "");
    write(folder.path(), "images/x.txt", "");
    write(folder.path(), "ann.json", r#"{"images":[],"annotations":[],"categories":[]}"#);
    for line in
        ["from voc {}", "from yolo {} --names a", "from folder {}", "from coco {}/ann.json", "check", "shard 1/2"]
    {
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
fn boxes_labels_and_ids_survive_the_way_through_all_formats() {
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
fn what_a_format_cannot_hold_is_said() {
    let folder = folder();
    write(folder.path(), "ann.json", coco().to_string());
    picture(folder.path(), "sub folder/ä 1.pgm", 20, 10);
    picture(folder.path(), "b.pgm", 8, 8);
    let records = data("from coco {}/ann.json", folder.path(), "").stdout;
    let ran = data("to voc {}/voc", folder.path(), &records).expect(0);
    assert!(ran.stderr.contains("crowd (1)") && ran.stderr.contains("mask (3)"), "{}", ran.stderr);
    let ran = data("to yolo {}/yolo", folder.path(), &records).expect(0);
    assert!(ran.stderr.contains("crowd (1)") && ran.stderr.contains("mask (3)"), "{}", ran.stderr);
    assert!(texts(&folder.path().join("yolo"))["data.yaml"].contains("2: \"never seen\""));
}

#[test]
fn two_samples_never_share_a_file() {
    let folder = folder();
    picture(folder.path(), "a/x.pgm", 4, 4);
    picture(folder.path(), "b/x.pgm", 4, 4);
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

fn numbered(count: usize) -> String {
    (0..count)
        .map(|n| {
            format!("{}\n", json!({"id": format!("{n}.jpg"), "label": (if n % 10 == 0 { "rare" } else { "often" })}))
        })
        .collect()
}

#[test]
fn shards_are_disjoint_and_complete() {
    let stream = numbered(10) + "no record\n";
    let shards: Vec<Ran> = (1..=3).map(|index| data(&format!("shard {index}/3"), Path::new(""), &stream)).collect();
    assert_eq!(shards.iter().map(|shard| shard.status).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(shards.iter().map(|shard| shard.records().len()).collect::<Vec<_>>(), [4, 4, 3]);
    assert_eq!(shards[2].records()[0]["id"], "2.jpg");
}

#[test]
fn a_split_depends_on_ids_and_seed_alone() {
    let parts = |line: &str, stream: &str| -> BTreeMap<String, String> {
        let records = data(line, Path::new(""), stream).expect(0).records();
        let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        records.iter().map(|record| (text(record, "id"), text(record, "split"))).collect()
    };
    let stream = numbered(1000);
    let reversed: String = stream.lines().rev().map(|line| format!("{line}\n")).collect();
    let line = "split --fractions 0.6,0.1,0.3";
    let split = parts(line, &stream);
    assert_eq!(split, parts(line, &reversed));
    assert_ne!(split, parts("split --fractions 0.6,0.1,0.3 --seed 1", &stream));
    let half = parts(line, &stream.lines().step_by(2).map(|line| format!("{line}\n")).collect::<String>());
    assert!(half.iter().all(|(id, part)| split[id] == *part), "a sample moved when others went");
    for (part, share) in [("train", 600.0), ("val", 100.0), ("test", 300.0)] {
        let count = split.values().filter(|name| *name == part).count() as f64;
        assert!((count - share).abs() < 50.0, "{part}: {count}");
    }
}

#[test]
fn a_stratified_split_is_exact_for_every_label() {
    let folder = folder();
    let stream = numbered(1000);
    data("split --fractions 0.8,0.2 --stratify --names learn,prove --output-dir {}", folder.path(), &stream).expect(0);
    for (part, often, rare) in [("learn", 720, 80), ("prove", 180, 20)] {
        let text = fs::read_to_string(folder.path().join(format!("{part}.jsonl"))).unwrap();
        assert_eq!(text.matches("often").count(), often);
        assert_eq!(text.matches("rare").count(), rare);
        assert!(!text.contains("split"), "the records are as they came");
    }
    let reversed: String = stream.lines().rev().map(|line| format!("{line}\n")).collect();
    let before = fs::read_to_string(folder.path().join("prove.jsonl")).unwrap();
    data("split --stratify --names learn,prove --output-dir {}", folder.path(), &reversed).expect(0);
    let after = fs::read_to_string(folder.path().join("prove.jsonl")).unwrap();
    assert!(before.lines().eq(after.lines().rev()), "the order of the stream matters");
}

#[test]
fn a_split_loses_no_record_that_is_broken() {
    let folder = folder();
    let stream =
        "{\"id\":\"a\"}\n{\"label\":\"no id\"}\n{\"id\":\"b\",\"error\":{\"tool\":\"t\",\"message\":\"m\"}}\nbroken\n";
    for line in ["split", "split --stratify"] {
        let ran = data(line, folder.path(), stream).expect(1);
        assert_eq!(ran.records().len(), 4);
        assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
        assert_eq!(ran.stdout.lines().nth(2), stream.lines().nth(2), "a failed record passes untouched");
        let ran = data(&format!("{line} --output-dir {{}} -q"), folder.path(), stream).expect(1);
        assert_eq!(ran.stdout, "");
        assert_eq!(texts(folder.path()).values().map(|text| text.lines().count()).sum::<usize>(), 4);
    }
}

/// Records with one thing wrong each, and what is said of it.
fn wrong(folder: &Path) -> Vec<(Value, &'static str)> {
    picture(folder, "good.pgm", 20, 10);
    write(folder, "text.jpg", "no picture");
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
    let mut labelled = record("labelled", "good.pgm", good.clone());
    labelled["objects"][1]["label"] = json!("yak");
    vec![
        (record("missing", "none.jpg", good.clone()), "none.jpg: no such file"),
        (record("text", "text.jpg", good.clone()), "text.jpg: not a picture"),
        (record("empty file", "empty.jpg", good.clone()), "empty.jpg: the file is empty"),
        (record("cut", "cut.pgm", good.clone()), "cut.pgm: "),
        (record("twice", "good.pgm", good.clone()), ""),
        (record("twice", "good.pgm", good.clone()), "another record before has the same id"),
        (sized, "it says 21 x 10, the picture is 20 x 10"),
        (masked, "object 1 (stop): mask is of 10 x 20 pixels, the picture of 20 x 10"),
        (overrun, "object 1 (stop): mask: "),
        (labelled, "object 1 (yak): unknown label"),
        (record("turned", "good.pgm", object([5.0, 0.0, 3.0, 4.0])), "object 1 (stop): box has x2 < x1 (3 < 5)"),
        (record("empty", "good.pgm", object([5.0, 2.0, 5.0, 4.0])), "object 1 (stop): box [5,2,5,4] is empty"),
        (
            record("outside", "good.pgm", object([-3.0, 2.0, 25.0, 12.0])),
            "object 1 (stop): box [-3,2,25,12] is outside",
        ),
        (record("far", "good.pgm", object([30.0, 2.0, 40.0, 8.0])), "object 1 (stop): box [30,2,40,8] is outside"),
    ]
}

#[test]
fn check_finds_everything_that_is_wrong_and_changes_nothing() {
    let folder = folder();
    let wrong = wrong(folder.path());
    let stream: String = wrong.iter().map(|(record, _)| format!("{record}\n")).collect();
    write(folder.path(), "labels.txt", "stop\ngo\n");
    for line in ["check --labels stop", "check --labels-from {}/labels.txt --threads 1"] {
        let ran = data(line, folder.path(), &stream).expect(1);
        assert_eq!(ran.stdout, stream);
        let wanted: Vec<_> = wrong.iter().filter(|(_, text)| !text.is_empty()).collect();
        assert_eq!(ran.stderr.lines().count(), wanted.len() + 1, "{}", ran.stderr);
        for ((record, text), line) in wanted.iter().zip(ran.stderr.lines()) {
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
    for id in ["labelled", "turned", "empty", "far"] {
        assert_eq!(fixed[id]["objects"].as_array().unwrap().len(), 1, "{id}");
    }
    // What was fixed stays fixed.
    let good: String =
        ran.stdout.lines().filter(|line| !line.contains("\"error\"")).map(|line| format!("{line}\n")).collect();
    let again = data("check --labels stop", folder.path(), &good).expect(0);
    assert_eq!(again.stdout, good);
}

#[test]
fn bccd_has_the_counts_and_the_empty_boxes_that_it_is_known_for() {
    let Some(bccd) = shared("data/bccd") else { return };
    let expected = json_of(&bccd.join("expected.json"));
    for (split, pictures) in expected["splits"].as_object().unwrap() {
        let records = data(&format!("from voc {{}} --split {split}"), &bccd, "").expect(0).records();
        assert_eq!(json!(records.len()), *pictures);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for object in records.iter().flat_map(|record| record["objects"].as_array().unwrap()) {
            *counts.entry(object["label"].as_str().unwrap()).or_default() += 1;
        }
        if let Some(wanted) = expected["objects"].get(split) {
            assert_eq!(json!(counts), *wanted, "{split}");
        }
    }
    let all = data("from voc {}", &bccd, "").expect(0);
    assert_eq!(all.stdout.matches("\"truncated\":true").count(), expected["truncated"].as_u64().unwrap() as usize);
    let ran = data("check --headers", &bccd, &all.stdout).expect(1);
    let found: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(found.len(), 3, "{found:?}");
    for (line, empty) in found.iter().zip(expected["empty_boxes"].as_array().unwrap()) {
        let (image, index) = (empty["image"].as_str().unwrap(), empty["object_index"].as_u64().unwrap());
        assert!(line.starts_with(&format!("dl-data: {image}: object {index} (RBC): box [")), "{line}");
    }
}

#[test]
fn bccd_survives_a_round_trip_to_the_letter() {
    let Some(bccd) = shared("data/bccd") else { return };
    let copy = folder();
    let records = data("from voc {} --split test", &bccd, "").expect(0).stdout;
    data("to voc {} --split test --images leave", copy.path(), &records).expect(0);
    let written = texts(&copy.path().join("Annotations"));
    assert_eq!(written.len(), 72);
    for (name, text) in written {
        let before = fs::read_to_string(bccd.join("Annotations").join(&name)).unwrap();
        // Some of the files are indented by two blanks, ours by tabs.
        assert!(text.lines().map(str::trim).eq(before.lines().map(str::trim)), "{name}");
    }
}

#[test]
fn real_coco_files_survive_a_round_trip() {
    for file in [
        "data/nuclei/instances_val.json",
        "data/nuclei/instances_train.json",
        "data/coco-eval/instances_val2014_100.json",
    ] {
        let Some(path) = shared(file) else { return };
        let records = data("from coco {}", &path, "").expect(0).stdout;
        let written = data("to coco", &path, &records).expect(0).stdout;
        // 140 is written as 140.0, and edges are summed in between.
        assert_close(&by_id(serde_json::from_str(&written).unwrap()), &by_id(json_of(&path)), 1e-12);
    }
}
