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
