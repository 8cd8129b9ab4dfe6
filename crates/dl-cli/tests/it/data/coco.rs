//! COCO files, as records and back.

use serde_json::{Value, json};

use super::*;
use crate::support::shared;

pub(super) fn coco() -> Value {
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
fn a_record_whose_size_cannot_be_found_fails() {
    let folder = folder();
    write_image(folder.path(), "a.pgm", 8, 6);
    let line = |name: &str, more: &str| {
        let image = folder.path().join(name).display().to_string();
        format!("{{\"id\":\"{name}\",\"image\":{image:?}{more}}}\n")
    };
    let stream = line("a.pgm", "") + &line("none.pgm", "") + &line("gone.pgm", ",\"width\":8,\"height\":6");
    let ran = data("to coco", folder.path(), &stream).expect(1);
    assert!(ran.stderr.contains("<stdin>:2: ") && ran.stderr.contains("none.pgm: no such file"), "{}", ran.stderr);
    let written: Value = serde_json::from_str(&ran.stdout).unwrap();
    let names: Vec<&Value> = written["images"].as_array().unwrap().iter().map(|image| &image["file_name"]).collect();
    assert_eq!(json!(names), json!(["a.pgm", "gone.pgm"]));
}

#[test]
fn a_polygon_that_does_not_match_the_mask_is_not_written() {
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
fn an_invalid_coco_annotation_loses_only_itself() {
    let folder = folder();
    let mut bad = coco();
    bad["annotations"][0]["category_id"] = json!(99);
    bad["annotations"][1]["bbox"] = json!([1, 2, 3, 4, 5]);
    let others = [
        json!({"id": 8, "image_id": 1, "category_id": 3, "bbox": [0, 0, 1, 1]}),
        json!({"id": 9, "image_id": 42, "category_id": 3, "bbox": [0, null, 1, 1]}),
        json!({"id": 10, "image_id": 42, "category_id": 3, "bbox": [0, 0, -1, 1]}),
        json!({"id": 11, "image_id": 42, "category_id": 3, "bbox": ["left", 0, 1, 1]}),
        json!({"id": 12, "image_id": 42, "category_id": 3, "bbox": [0, 0, "quoted NaN", 1]}),
        json!({"id": 13, "image_id": 42, "category_id": 3}),
        json!({"id": 14, "category_id": 3, "bbox": [0, 0, 1, 1]}),
        json!({"id": 15, "image_id": 42, "bbox": [0, 0, 1, 1]}),
        json!({"id": 16, "image_id": 42, "category_id": 3, "bbox": [0, 0, 1, 1], "iscrowd": "many"}),
        json!({"id": 17, "image_id": 42, "category_id": 3, "bbox": [0, 0, 1, 1], "segmentation": [[[1, 2], [3, 4]]]}),
        json!(null),
    ];
    bad["annotations"].as_array_mut().unwrap().extend(others);
    write(folder.path(), "ann.json", bad.to_string().replace("\"quoted NaN\"", "NaN"));
    let ran = data("from coco {}/ann.json", folder.path(), "").expect(1);
    for expected in [
        "annotation 9000000000: bbox has 5 entries, expected 4: [x, y, width, height]; skipped",
        "annotation 9: bbox has no finite number at [1]",
        "annotation 10: bbox has a negative width (-1)",
        "annotation 11: bbox has no finite number at [0]",
        "annotation 12: bbox has no finite number at [2]",
        "annotation 13: it has neither bbox nor a mask",
        "annotation 14: it has no image_id",
        "annotation 15: it has no category_id",
        "annotation 16: iscrowd is \"many\", not 0 or 1",
        "annotation 17: its segmentation cannot be used",
        "annotations[14]: it is null, not an object",
        "1 annotation is of images that are not in the file (id 1); skipped",
        "1 annotation is of categories that are not in the file (id 99); skipped",
    ] {
        assert!(ran.stderr.contains(expected), "{expected}\nis not in\n{}", ran.stderr);
    }
    let records = ran.records();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.get("error").is_none()));
    let ids: Vec<_> = records[0]["objects"].as_array().unwrap().iter().map(|object| &object["id"]).collect();
    assert_eq!(ids, [5, 6, 17].map(|id| json!(id)).iter().collect::<Vec<_>>());
}

#[test]
fn every_record_of_an_indented_file_is_one_line() {
    let folder = folder();
    let mut file = coco();
    file["images"][0]["more"] = json!({"a": [1, {"b": "line\nend"}]});
    file["annotations"][0]["attributes"] = json!({"deep": [[1, 2], {"c": null}]});
    let indented = serde_json::to_string_pretty(&file).unwrap();
    write(folder.path(), "ann.json", file.to_string());
    let expected = data("from coco {}/ann.json", folder.path(), "").expect(0).stdout;
    let utf16: Vec<u8> = format!("\u{feff}{indented}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let forms =
        [indented.clone().into_bytes(), format!("\u{feff}{indented}").replace('\n', "\r\n").into_bytes(), utf16];
    for bytes in forms {
        write(folder.path(), "ann.json", bytes);
        let found = data("from coco {}/ann.json", folder.path(), "").expect(0).stdout;
        assert_eq!(found, expected);
        let written = data("to coco", folder.path(), &found).expect(0).stdout;
        assert_eq!(by_id(serde_json::from_str(&written).unwrap()), by_id(file.clone()));
    }
}

#[test]
fn the_signs_are_written_back_unchanged() {
    let path = crate::support::root().join("testdata/signs/instances_test.json");
    let ran = data("from coco {} --images testdata/signs/JPEGImages", &path, "").expect(0);
    assert_eq!(ran.records().len(), json_of(&path)["images"].as_array().unwrap().len());
    let written = data("to coco", &path, &ran.stdout).expect(0).stdout;
    assert_close(&by_id(serde_json::from_str(&written).unwrap()), &by_id(json_of(&path)), 0.0);
}

#[test]
fn ids_and_sizes_may_be_strings_floats_or_null() {
    let folder = folder();
    write_image(folder.path(), "b.pgm", 8, 6);
    let file = json!({
        "info": null,
        "licenses": "odd",
        "images": [{"id": "1", "file_name": "a.pgm", "width": 20.0, "height": "10"},
                   {"id": 2.0, "file_name": "b.pgm", "width": null, "height": null}],
        "categories": [{"id": "3", "name": "dog"}],
        "annotations": [
            {"id": "7", "image_id": 1, "category_id": 3.0, "bbox": [1, 1, 2, 2], "iscrowd": null, "area": null},
            {"id": 8.0, "image_id": "2", "category_id": "3", "bbox": [1, 1, 2, 2], "iscrowd": 1.0,
             "segmentation": [[1, 1, 3, 1, 3, 3, 1, 3]]}],
    });
    write(folder.path(), "ann.json", file.to_string());
    let ran = data("from coco {}/ann.json", folder.path(), "").expect(0);
    let records = ran.records();
    assert_eq!((&records[0]["width"], &records[0]["height"]), (&json!(20), &json!(10)));
    assert_eq!((&records[1]["width"], &records[1]["height"]), (&json!(8), &json!(6)));
    assert_eq!(records[0]["objects"][0]["label"], "dog");
    assert_eq!(records[1]["objects"][0]["mask"]["size"], json!([6, 8]));
    assert_eq!(records[1]["objects"][0]["crowd"], true);
    let written: Value = serde_json::from_str(&data("to coco", folder.path(), &ran.stdout).expect(0).stdout).unwrap();
    assert_eq!(written["categories"], json!([{"id": 3, "name": "dog"}]));
    let links = written["annotations"].as_array().unwrap().iter();
    let links: Vec<_> = links.map(|entry| [&entry["id"], &entry["image_id"], &entry["category_id"]]).collect();
    assert_eq!(json!(links), json!([[7, 1, 3], [8, 2, 3]]));
}

#[test]
fn numbers_may_be_strings_and_anything_else_is_unknown() {
    let folder = folder();
    let file = json!({
        "images": [{"id": 1, "file_name": "a.pgm", "width": 20, "height": 10},
                   {"id": 2, "file_name": "b.pgm", "width": "NaN", "height": "NaN"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": "NaN"},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": "Infinity"},
            {"id": 3, "image_id": 1, "category_id": 1, "bbox": ["1", "2.0", "3", "4"], "area": "9.5"},
            {"id": 4, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 10],
             "segmentation": {"size": [10.0, 20.0], "counts": [0.0, 20.0, 180.0]}},
        ],
    });
    let text = file.to_string().replace("\"NaN\"", "NaN").replace("\"Infinity\"", "Infinity");
    write(folder.path(), "ann.json", text);
    let records = data("from coco {}/ann.json", folder.path(), "").expect(0).records();
    let objects = &records[0]["objects"];
    for index in 0..3 {
        assert_eq!(objects[index]["box"], json!([1.0, 2.0, 4.0, 6.0]));
    }
    assert_eq!((objects[0].get("area"), &objects[2]["area"]), (None, &json!(9.5)));
    assert_eq!(objects[3]["mask"], json!({"size": [10, 20], "counts": "0d0d5"}));
}

#[test]
fn a_duplicate_list_is_not_silently_dropped() {
    let folder = folder();
    for name in ["images", "annotations"] {
        write(folder.path(), "ann.json", format!("{{\"images\": [], \"annotations\": [], \"{name}\": []}}"));
        let ran = data("from coco {}/ann.json", folder.path(), "").expect(2);
        assert!(ran.stderr.contains(&format!("the list \"{name}\" occurs twice")), "{}", ran.stderr);
    }
}

#[test]
fn images_that_share_an_id_fail_and_a_duplicate_is_read_once() {
    let folder = folder();
    let mut file = coco();
    file["images"].as_array_mut().unwrap().extend([
        json!({"id": 42, "file_name": "other.pgm"}),
        json!({"id": 7, "file_name": "b.pgm", "width": 8, "height": 8}),
        json!({"id": 8, "file_name": "b.pgm"}),
        json!({"id": 9}),
        json!("x"),
    ]);
    write(folder.path(), "ann.json", file.to_string());
    let ran = data("from coco {}/ann.json", folder.path(), "").expect(1);
    let records = ran.records();
    let ids: Vec<_> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    assert_eq!(ids[..4], ["sub folder/ä 1.pgm", "b.pgm", "other.pgm", "b.pgm (8)"]);
    for (index, expected) in [
        (0, "images[0]: another image has the same id (id 42)"),
        (2, "images[2]: another image has the same id (id 42)"),
        (4, "images[5]: the image (id 9) has no file_name"),
        (5, "images[6]: it is a string, not an object"),
    ] {
        let message = records[index]["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(ran.stderr.contains("images[3] is the same image as images[1]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 image has the file name of another one; the id is added to the name (id 8)"));
    assert_eq!(records.len(), 6);
}

/// Two categories that share a name; annotations of `used`.
fn two_fish(used: &[u64]) -> Value {
    let annotations = used.iter().zip(1..).map(|(category, id)| {
        json!({"id": id, "image_id": 1, "category_id": category, "bbox": [10 * id, 5, 8, 8], "area": 64, "iscrowd": 0})
    });
    json!({
        "images": [{"id": 1, "file_name": "a.pgm", "width": 64, "height": 48}],
        "categories": [{"id": 0, "name": "fish", "supercategory": "none"}, {"id": 1, "name": "fish"}],
        "annotations": annotations.collect::<Vec<_>>(),
    })
}

#[test]
fn categories_that_share_a_name_are_distinguished_by_id() {
    let folder = folder();
    for (used, labels) in [(&[1, 1][..], ["fish", "fish"]), (&[1, 0], ["fish (1)", "fish (0)"])] {
        write(folder.path(), "ann.json", two_fish(used).to_string());
        let ran = data("from coco {}/ann.json", folder.path(), "").expect(0);
        let mut record = ran.records().remove(0);
        let found: Vec<_> = record["objects"].as_array().unwrap().iter().map(|object| &object["label"]).collect();
        assert_eq!(json!(found), json!(labels));
        let written = data("to coco", folder.path(), &ran.stdout).expect(0).stdout;
        assert_close(&by_id(serde_json::from_str(&written).unwrap()), &two_fish(used), 0.0);
        // The labels alone also determine the ids.
        let detections = labels.map(|label| json!({"box": [0, 0, 1, 1], "label": label, "score": 0.5}));
        record = json!({"id": "a.pgm", "detections": detections});
        let ran = data("to coco-results --truth {}/ann.json", folder.path(), &record.to_string()).expect(0);
        let results: Value = serde_json::from_str(&ran.stdout).unwrap();
        let found: Vec<_> = results.as_array().unwrap().iter().map(|result| result["category_id"].as_u64()).collect();
        assert_eq!(found, used.iter().map(|id| Some(*id)).collect::<Vec<_>>());
    }
    let record = json!({"id": "a.pgm", "detections": [{"box": [0, 0, 1, 1], "label": "fish", "score": 0.5}]});
    let ran = data("to coco-results --truth {}/ann.json", folder.path(), &record.to_string()).expect(2);
    assert!(ran.stderr.contains("the label \"fish\" belongs to several categories: 0, 1"), "{}", ran.stderr);
}

#[test]
fn images_are_found_by_windows_paths_and_urls() {
    let folder = folder();
    for name in ["sub/a.pgm", "val2017/b.pgm", "c.pgm", "imgs/d.pgm"] {
        write_image(folder.path(), name, 8, 6);
    }
    let url = |name: &str| json!(format!("http://images.cocodataset.org/val2017/{name}"));
    let file = json!({"annotations": [], "categories": [], "images": [
        {"id": 1, "file_name": "sub\\a.pgm"}, {"id": 2, "coco_url": url("b.pgm")}, {"id": 3, "coco_url": url("c.pgm")},
        {"id": 4, "file_name": "C:\\Users\\me\\imgs\\d.pgm"},
    ]});
    write(folder.path(), "ann.json", file.to_string());
    let ran = data("from coco {}/ann.json", folder.path(), "").expect(0);
    let records = ran.records();
    let found: Vec<_> = records.iter().map(|record| [&record["id"], &record["width"]]).collect();
    let expected = ["sub/a.pgm", "val2017/b.pgm", "val2017/c.pgm", "C:/Users/me/imgs/d.pgm"].map(|id| json!([id, 8]));
    assert_eq!(json!(found), json!(expected));
    assert!(ran.stderr.contains("no annotations"), "{}", ran.stderr);
    // Without the folder, the message says where the images were expected.
    fs::create_dir(folder.path().join("empty")).unwrap();
    let ran = data("from coco {}/ann.json --images {}/empty", folder.path(), "").expect(0);
    assert!(ran.stderr.contains("none of the images is in"), "{}", ran.stderr);
    assert_eq!(ran.records().len(), 4);
}

#[test]
fn a_file_without_images_is_reported() {
    let folder = folder();
    write(folder.path(), "ann.json", r#"{"images": [], "annotations": [], "categories": []}"#);
    let ran = data("from coco {}/ann.json", folder.path(), "").expect(1);
    assert!(ran.stderr.contains("the list of images is empty"), "{}", ran.stderr);
    for (text, expected) in [
        ("[]", "ann.json: a list, like a results file; expected an object with images"),
        ("{\"images\": [\n}", "ann.json: expected value at line 2"),
        ("", "ann.json: EOF"),
        (r#"{"images": {}}"#, "invalid type: map, expected a sequence"),
    ] {
        write(folder.path(), "ann.json", text);
        let ran = data("from coco {}/ann.json", folder.path(), "").expect(2);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
}

#[test]
fn a_segmentation_without_a_polygon_gives_no_mask() {
    let folder = folder();
    let mut file = coco();
    file["annotations"][0]["segmentation"] = json!([]);
    file["annotations"][3]["segmentation"] = json!([[1, 1, 2, 2]]);
    write(folder.path(), "ann.json", file.to_string());
    let ran = data("from coco {}/ann.json", folder.path(), "").expect(0);
    assert!(ran.stderr.contains("1 annotation has an empty segmentation, so no mask (id 0)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 annotation has polygons of fewer than three points, so no mask (id 6)"));
    let objects = &ran.records()[0]["objects"];
    assert!(objects[0].get("mask").is_none() && objects[3].get("mask").is_none());
    let written = data("to coco", folder.path(), &ran.stdout).expect(0).stdout;
    assert_eq!(by_id(serde_json::from_str(&written).unwrap()), by_id(file));
}

#[test]
fn a_record_that_cannot_be_written_loses_only_itself() {
    let folder = folder();
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let bad = [
        r#""mask":{"size":[8,8],"counts":"oooooooooooooooooooo"}"#.to_owned(),
        r#""area":3,"mask":{"size":[8,8],"counts":"oooooooooooooooooooo"}"#.to_owned(),
        format!("\"x\":{}", deep(118)),
        format!("\"x\":{}", deep(124)),
        format!("\"x\":{}", deep(400)),
        r#""area":"wide""#.to_owned(),
    ];
    for bad in bad {
        let line = |id: usize, extra: &str| {
            format!(
                "{{\"id\":\"{id}.pgm\",\"width\":8,\"height\":8,\"objects\":[{{\"box\":[0,0,4,4],\"label\":\"a\"{extra}}}]}}\n"
            )
        };
        let lines = [line(0, ""), line(1, &format!(",{bad}")), line(2, "")].concat();
        let ran = data("to coco", folder.path(), &lines).expect(1);
        assert!(ran.stderr.contains("<stdin>:2: "), "{}", ran.stderr);
        let written: Value = serde_json::from_str(&ran.stdout).unwrap();
        let names: Vec<_> = written["images"].as_array().unwrap().iter().map(|image| &image["file_name"]).collect();
        assert_eq!(json!(names), json!(["0.pgm", "2.pgm"]));
        let links = written["annotations"].as_array().unwrap().iter();
        let links: Vec<_> = links.map(|entry| [&entry["id"], &entry["image_id"]]).collect();
        assert_eq!(json!(links), json!([[1, 1], [2, 2]]));
        let results =
            lines.replace("\"objects\"", "\"coco\":{\"id\":7},\"detections\"").replace("\"a\"", "\"a\",\"score\":1");
        let truth = json!({"images": [], "categories": [{"id": 1, "name": "a"}]});
        write(folder.path(), "truth.json", truth.to_string());
        if bad.contains("oooo") && !bad.contains("area") {
            let ran = data("to coco-results --truth {}/truth.json", folder.path(), &results).expect(1);
            assert!(ran.stderr.contains("<stdin>:2: detection 0: mask"), "{}", ran.stderr);
            assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap().as_array().unwrap().len(), 2);
        }
    }
}

#[test]
fn boxes_are_restored_to_the_last_bit() {
    let folder = folder();
    let mut file = coco();
    file["annotations"][0]["bbox"] = json!([500.25, 0.3, 0.123_456_789_012_345_67, 1.0 / 3.0]);
    file["annotations"][3]["bbox"] = json!([258.15, 0.1, 348.26, 0.2]);
    write(folder.path(), "ann.json", file.to_string());
    let records = data("from coco {}/ann.json", folder.path(), "").expect(0).stdout;
    let written = data("to coco", folder.path(), &records).expect(0).stdout;
    assert_eq!(by_id(serde_json::from_str(&written).unwrap()), by_id(file));
}

#[test]
fn records_of_two_coco_files_get_new_ids_where_they_clash() {
    let folder = folder();
    write(folder.path(), "a/ann.json", coco().to_string());
    write(folder.path(), "b/ann.json", coco().to_string().replace("ä 1.pgm", "ö 2.pgm").replace("b.pgm", "c.pgm"));
    let a = data("from coco {}/a/ann.json", folder.path(), "").stdout;
    let b = data("from coco {}/b/ann.json", folder.path(), "").stdout;
    let ran = data("to coco", folder.path(), &(a + &b)).expect(0);
    assert!(ran.stderr.contains("2 images had a duplicate COCO id"), "{}", ran.stderr);
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
fn detections_become_a_results_list_with_their_original_ids() {
    let folder = folder();
    write(folder.path(), "ann.json", coco().to_string());
    let mut records = data("from coco {}/ann.json", folder.path(), "").records();
    records[0]["detections"] = json!([
        {"box": [1.0, 2.0, 4.5, 6.25], "label": "never seen", "score": 0.75},
        {"box": [0.0, 0.0, 1.0, 1.0], "label": "car", "score": 0.5, "mask": {"size": [10, 20], "counts": "d5::"}},
    ]);
    records[1]["detections"] = json!([]);
    let expected = json!([
        {"image_id": 42, "category_id": 90, "bbox": [1.0, 2.0, 3.5, 4.25], "score": 0.75},
        {"image_id": 42, "category_id": 3, "bbox": [0.0, 0.0, 1.0, 1.0], "score": 0.5,
         "segmentation": {"size": [10, 20], "counts": "d5::"}},
    ]);
    let stream: String = records.iter().map(|record| format!("{record}\n")).collect();
    let written = data("to coco-results", folder.path(), &stream).expect(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected);

    // Without the stored ids, the names determine them.
    records[0] = json!({"id": records[0]["id"], "detections": records[0]["detections"]});
    let stream = records[0].to_string();
    let written = data("to coco-results --truth {}/ann.json", folder.path(), &stream).expect(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected);
    let ran = data("to coco-results", folder.path(), &stream).expect(1);
    assert!(ran.stderr.contains("--truth ANN.json"), "{}", ran.stderr);
}

#[test]
fn a_detection_of_an_unknown_class_is_an_error_before_anything_is_written() {
    let folder = folder();
    let record =
        json!({"id": "a", "coco": {"id": 1}, "detections": [{"box": [0, 0, 1, 1], "label": "yak", "score": 1}]});
    let ran = data("to coco-results", folder.path(), &record.to_string()).expect(2);
    assert!(ran.stderr.contains("category id of \"yak\""), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
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
        // 140 is written as 140.0, and edges are sums.
        assert_close(&by_id(serde_json::from_str(&written).unwrap()), &by_id(json_of(&path)), 1e-12);
    }
}
