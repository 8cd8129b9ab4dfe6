//! Files of annotation programs: labelme, CVAT, Label Studio.

use serde_json::json;

use super::*;

fn labels(record: &Value) -> Vec<&str> {
    record["objects"].as_array().unwrap().iter().map(|object| object["label"].as_str().unwrap()).collect()
}

#[test]
fn labelme_shapes_become_boxes_and_masks() {
    let folder = folder();
    write_image(folder.path(), "images/a.pgm", 20, 10);
    let shape = |kind: &str, label: &str, points: Value| json!({"label": label, "points": points, "shape_type": kind, "group_id": null, "flags": {}, "description": ""});
    let file = json!({
        "version": "5.4.1", "flags": {"night": true}, "imageData": null, "imageHeight": 10, "imageWidth": 20,
        "imagePath": "..\\images\\a.pgm",
        "shapes": [
            shape("rectangle", "box", json!([[8.0, 6.0], [2.0, 1.0]])),
            shape("polygon", "area", json!([[0, 0], [4, 0], [4, 4], [0, 4]])),
            shape("circle", "disc", json!([[10, 5], [10, 8]])),
            shape("point", "dot", json!([[1, 1]])),
            shape("polygon", "thin", json!([[1, 1], [2, 2]])),
        ],
    });
    write(folder.path(), "json/a.json", serde_json::to_string_pretty(&file).unwrap());
    write(folder.path(), "json/broken.json", "{\"shapes\": [");
    let ran = data("from labelme {}/json", folder.path(), "").expect(1);
    let records = ran.records();
    let [record, broken] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record["id"], "a");
    assert!(record["image"].as_str().unwrap().ends_with("images/a.pgm"), "{record}");
    assert_eq!(labels(record), ["box", "area", "disc"]);
    assert_eq!(record["objects"][0], json!({"box": [2.0, 1.0, 8.0, 6.0], "label": "box"}));
    assert_eq!(record["objects"][1]["box"], json!([0.0, 0.0, 4.0, 4.0]));
    assert_eq!(record["objects"][1]["mask"]["size"], json!([10, 20]));
    assert_eq!(record["objects"][2]["labelme"]["shape_type"], "circle");
    assert_eq!(record["labelme"]["flags"], json!({"night": true}));
    assert!(broken["error"]["message"].as_str().unwrap().contains("broken.json"), "{broken}");
    for message in ["1 shape skipped, neither box nor area: point (1)", "shape 4 skipped: a polygon of fewer"] {
        assert!(ran.stderr.contains(message), "{message}: {}", ran.stderr);
    }
}

#[test]
fn the_image_embedded_in_a_labelme_file_is_used_if_there_is_no_other() {
    let folder = folder();
    let file = json!({"shapes": [], "imagePath": "a.pgm", "imageData": "UDIgMSAxIDEgMQo="});
    write(folder.path(), "a.json", file.to_string());
    let record = &data("from labelme {}/a.json", folder.path(), "").expect(0).records()[0];
    assert!(record["image"].as_str().unwrap().starts_with("data:image/"), "{record}");
    assert_eq!((&record["width"], &record["objects"]), (&json!(1), &json!([])));
    write_image(folder.path(), "a.pgm", 20, 10);
    let record = &data("from labelme {}/a.json", folder.path(), "").expect(0).records()[0];
    assert_eq!(record["image"], folder.path().join("a.pgm").to_str().unwrap());
}

const CVAT: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>1</id></task></meta>
  <image id="0" name="sub/a.pgm" subset="Train" width="20" height="10">
    <box label="car" source="manual" occluded="1" xtl="1.5" ytl="2" xbr="8" ybr="6" z_order="0">
      <attribute name="color">red &amp; blue</attribute>
    </box>
    <polygon label="road" occluded="0" points="0,0;4,0;4,4;0,4"></polygon>
    <mask label="tree" occluded="0" rle="1, 2, 3" left="3" top="4" width="3" height="2"/>
    <box label="turned" xtl="4" ytl="4" xbr="8" ybr="6" rotation="90"/>
    <box label="swapped" xtl="8" ytl="4" xbr="4" ybr="6"/>
    <points label="dot" points="1,1"/>
    <polyline label="lane" points="1,1;2,2"/>
    <tag label="day"/>
  </image>
  <image id="1" name="b.pgm" width="8" height="8"/>
</annotations>
"#;

#[test]
fn cvat_for_images_becomes_records() {
    let folder = folder();
    write(folder.path(), "annotations.xml", CVAT);
    write_image(folder.path(), "images/Train/sub/a.pgm", 20, 10);
    let ran = data("from cvat {}/annotations.xml", folder.path(), "").expect(1);
    let records = ran.records();
    let [record, empty] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record["id"], "sub/a.pgm");
    assert_eq!(record["image"], folder.path().join("images/Train/sub/a.pgm").to_str().unwrap());
    assert_eq!(record["label"], "day");
    assert_eq!(labels(record), ["car", "road", "tree", "turned"]);
    let car = &record["objects"][0];
    assert_eq!((&car["box"], &car["occluded"]), (&json!([1.5, 2.0, 8.0, 6.0]), &json!(true)));
    assert_eq!(car["attributes"], json!({"color": "red & blue"}));
    assert_eq!(record["objects"][1]["segmentation"], json!([[0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 4.0]]));
    assert_eq!(record["objects"][2]["box"], json!([4.0, 4.0, 6.0, 5.0]), "runs go along the rows");
    assert_close(&record["objects"][3]["box"], &json!([5.0, 3.0, 7.0, 7.0]), 1e-9);
    assert_eq!((&empty["id"], &empty["objects"]), (&json!("b.pgm"), &json!([])));
    for message in
        ["2 shapes skipped, neither box nor area: points (1), polyline (1)", "(box) skipped: its corners are swapped"]
    {
        assert!(ran.stderr.contains(message), "{message}: {}", ran.stderr);
    }
}

#[test]
fn files_that_are_not_cvat_for_images_are_rejected_with_the_reason() {
    let folder = folder();
    for (text, status, expected) in [
        ("<annotations><version>1.1</version><track id=\"0\" label=\"a\"/></annotations>", 2, "CVAT for video"),
        ("<annotation/>", 2, "the root is <annotation>"),
        ("<annotations></annotations>", 2, "it has no <image>"),
        ("", 2, "the file has no element"),
        (&CVAT[..CVAT.len() - 40], 1, "line 17: "),
    ] {
        write(folder.path(), "a.xml", text);
        let ran = data("from cvat {}/a.xml", folder.path(), "").expect(status);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
}

#[test]
fn label_studio_tasks_become_records() {
    let folder = folder();
    write_image(folder.path(), "my photo.pgm", 200, 100);
    write_image(folder.path(), "deep/b.pgm", 200, 100);
    let region = |kind: &str, value: Value| {
        json!({"id": "r", "type": kind, "from_name": "label", "to_name": "image", "original_width": 200,
            "original_height": 100, "image_rotation": 0, "value": value})
    };
    let tasks = json!([
        {"id": 7, "data": {"image": "/data/upload/1/0a1b2c3d-my%20photo.pgm"}, "annotations": [
            {"id": 1, "was_cancelled": true, "result": []},
            {"id": 2, "was_cancelled": false, "result": [
                region("rectanglelabels", json!({"x": 10, "y": 20, "width": 5, "height": 10, "rotation": 0, "rectanglelabels": ["cat"]})),
                region("polygonlabels", json!({"points": [[0, 0], [10, 0], [10, 10]], "polygonlabels": ["dog"]})),
                region("rectanglelabels", json!({"x": 50, "y": 50, "width": 10, "height": 10, "rotation": 90, "rectanglelabels": ["turned"]})),
                region("brushlabels", json!({"format": "rle", "rle": [1, 2], "brushlabels": ["stroke"]})),
                region("rectanglelabels", json!({"x": 1, "y": 1, "width": 1, "height": 1})),
                {"type": "choices", "from_name": "kind", "value": {"choices": ["indoor"]}},
            ]},
        ], "predictions": [{"score": 0.5, "result": [
            region("rectanglelabels", json!({"x": 0, "y": 0, "width": 50, "height": 50, "rectanglelabels": ["cat"]})),
        ]}]},
        {"id": 8, "data": {"image": "/data/local-files/?d=media/deep/b.pgm"}, "annotations": []},
        {"id": 9, "data": {"text": "good"}, "annotations": [{"result": [
            {"type": "choices", "from_name": "mood", "value": {"choices": ["positive"]}}]}]},
        {"id": 10, "data": {}},
    ]);
    write(folder.path(), "project.json", serde_json::to_string_pretty(&tasks).unwrap());
    let ran = data("from label-studio {}/project.json --predictions", folder.path(), "").expect(1);
    let records = ran.records();
    let [photo, local, text, nothing] = &records[..] else { panic!("{records:?}") };
    assert_eq!((&photo["id"], &photo["label"]), (&json!("my photo.pgm"), &json!("indoor")));
    assert_eq!(photo["image"], folder.path().join("my photo.pgm").to_str().unwrap());
    assert_eq!((&photo["width"], &photo["height"]), (&json!(200), &json!(100)));
    assert_eq!(labels(photo), ["cat", "dog", "turned"]);
    assert_close(&photo["objects"][0]["box"], &json!([20.0, 20.0, 30.0, 30.0]), 1e-9);
    assert_close(&photo["objects"][1]["box"], &json!([0.0, 0.0, 20.0, 10.0]), 1e-9);
    assert_close(&photo["objects"][2]["box"], &json!([90.0, 50.0, 100.0, 70.0]), 1e-9);
    assert_eq!(photo["detections"][0]["score"], 0.5);
    assert_eq!(local["image"], folder.path().join("deep/b.pgm").to_str().unwrap());
    assert_eq!((&text["text"], &text["label"], &text["id"]), (&json!("good"), &json!("positive"), &json!("9")));
    assert!(nothing["error"]["message"].as_str().unwrap().contains("neither an image nor a text"), "{nothing}");
    for message in [
        "1 result skipped, neither box nor area: brushlabels (1)",
        "result 4 (rectanglelabels) skipped: it has no label",
    ] {
        assert!(ran.stderr.contains(message), "{message}: {}", ran.stderr);
    }
}

#[test]
fn ignored_predictions_are_reported() {
    let folder = folder();
    let tasks = json!([{"id": 1, "data": {"image": "a.jpg"}, "predictions": [{"result": []}]}]);
    write(folder.path(), "project.json", tasks.to_string());
    let ran = data("from label-studio {}/project.json", folder.path(), "").expect(0);
    assert!(ran.stderr.contains("use --predictions to read them"), "{}", ran.stderr);
}

#[test]
fn requested_predictions_that_are_missing_are_reported() {
    let folder = folder();
    let tasks = json!([{"id": 1, "data": {"image": "a.jpg"}, "annotations": []}]);
    write(folder.path(), "project.json", tasks.to_string());
    let ran = data("from label-studio {}/project.json --predictions", folder.path(), "").expect(1);
    assert!(ran.stderr.contains("none of the tasks has predictions"), "{}", ran.stderr);
}

#[test]
fn missing_images_are_reported_with_their_folder() {
    let folder = folder();
    write(folder.path(), "annotations.xml", CVAT);
    write(folder.path(), "a.json", json!({"shapes": [], "imagePath": "a.pgm"}).to_string());
    write(folder.path(), "b.json", "{}");
    write(folder.path(), "c.json", "{}");
    for line in ["from cvat {}/annotations.xml", "from labelme {}/a.json"] {
        let ran = data(line, folder.path(), "");
        assert!(ran.stderr.contains("none of the images is in"), "{line}: {}", ran.stderr);
    }
    let ran = data("from labelme {} --images {}/none", folder.path(), "").expect(2);
    assert!(ran.stderr.contains("none: no such folder"), "{}", ran.stderr);
    let ran = data("from labelme {}/b.json {}/c.json", folder.path(), "").expect(1);
    assert!(ran.stderr.contains("none of the 2 samples could be read"), "{}", ran.stderr);
}

#[test]
fn annotations_convert_to_coco() {
    let folder = folder();
    write(folder.path(), "annotations.xml", CVAT);
    write_image(folder.path(), "sub/a.pgm", 20, 10);
    write_image(folder.path(), "b.pgm", 8, 8);
    let records = data("from cvat {}/annotations.xml", folder.path(), "").stdout;
    let coco: Value = serde_json::from_str(&data("to coco", folder.path(), &records).expect(0).stdout).unwrap();
    assert_eq!(coco["annotations"].as_array().unwrap().len(), 4);
    assert_eq!(coco["annotations"][1]["segmentation"], json!([[0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 4.0]]));
}
