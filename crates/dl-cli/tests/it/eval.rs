//! `dl-eval`, as a user runs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{root, run, shared};

const NAMES: [&str; 12] = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs `dl-eval` and reads its JSON.
#[track_caller]
fn eval(args: &[&str], stdin: &str) -> Value {
    let ran = run("dl-eval", args, stdin).expect(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[track_caller]
fn close(found: &Value, expected: &Value, what: &str) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() < 1e-9, "{what}: {found}, expected {expected}");
}

/// Records of a COCO truth and results file, as dl-data and dl-detect would write them.
fn records(truth: &Value, results: &Value, masks: bool) -> String {
    let xyxy = |bbox: &Value| {
        let [x, y, w, h] = [0, 1, 2, 3].map(|edge| bbox[edge].as_f64().unwrap());
        json!([x, y, x + w, y + h])
    };
    let label = |id: &Value| {
        truth["categories"].as_array().unwrap().iter().find(|category| category["id"] == *id).unwrap()["name"].clone()
    };
    let of_image = |list: &Value, id: &Value, make: &dyn Fn(&Value) -> Value| -> Value {
        list.as_array().unwrap().iter().filter(|entry| entry["image_id"] == *id).map(make).collect()
    };
    let mut lines = String::new();
    // In COCO's order, which breaks ties of scores.
    let mut images: Vec<&Value> = truth["images"].as_array().unwrap().iter().collect();
    images.sort_by_key(|image| image["id"].as_u64());
    for image in images {
        let objects = of_image(&truth["annotations"], &image["id"], &|entry| {
            let mut object = json!({
                "box": xyxy(&entry["bbox"]), "label": label(&entry["category_id"]), "area": entry["area"],
                "crowd": entry["iscrowd"] == 1,
            });
            if masks {
                object["mask"] = entry["segmentation"].clone();
            }
            object
        });
        let detections = of_image(results, &image["id"], &|entry| {
            let bbox = if masks { json!([0, 0, 1, 1]) } else { xyxy(&entry["bbox"]) };
            let mut found = json!({"box": bbox, "label": label(&entry["category_id"]), "score": entry["score"]});
            if masks {
                found["mask"] = entry["segmentation"].clone();
            }
            found
        });
        let record = json!({"id": image["id"].to_string(), "objects": objects, "detections": detections});
        lines += &format!("{record}\n");
    }
    lines
}

#[test]
fn the_twelve_coco_numbers_equal_pycocotools_for_boxes_and_masks() {
    let Some(folder) = shared("data/coco-eval") else { return };
    let truth = folder.join("instances_val2014_100.json").display().to_string();
    let expected = read(&folder.join("expected.json"));
    for iou_type in ["bbox", "segm"] {
        let results = folder.join(format!("instances_val2014_fake{iou_type}100_results.json")).display().to_string();
        let found = eval(&["coco", "-q", "--iou-type", iou_type, "--truth", &truth, "--detections", &results], "");
        for (name, expected) in NAMES.iter().zip(expected[iou_type]["stats"].as_array().unwrap()) {
            close(&found[name], expected, &format!("{iou_type} {name}"));
        }
        for (label, class) in expected[iou_type]["per_category"].as_object().unwrap() {
            for (name, ours) in [("AP", "AP"), ("AP50", "AP50"), ("AR_100", "AR100")] {
                let expected = if class[name].is_null() { &json!(-1) } else { &class[name] };
                close(&found["per_class"][label][ours], expected, &format!("{iou_type} {label} {name}"));
            }
        }
    }
}

#[test]
fn records_on_stdin_give_the_same_coco_numbers_as_files() {
    let Some(folder) = shared("data/coco-eval") else { return };
    let truth = read(&folder.join("instances_val2014_100.json"));
    let results = read(&folder.join("instances_val2014_fakebbox100_results.json"));
    let expected = read(&folder.join("expected.json"));
    let found = eval(&["coco", "-q"], &records(&truth, &results, false));
    for (name, expected) in NAMES.iter().zip(expected["bbox"]["stats"].as_array().unwrap()) {
        close(&found[name], expected, name);
    }
}

#[test]
fn quirks_of_pycocotools_are_reproduced_only_on_request() {
    let folder = root().join("testdata/goldens/coco");
    let (truth, results) = (folder.join("truth.json"), folder.join("results.json"));
    let (truth_path, results_path) = (truth.display().to_string(), results.display().to_string());
    for case in read(&folder.join("expected.json"))["cases"].as_array().unwrap() {
        let iou_type = case["iou_type"].as_str().unwrap();
        let max_dets: Vec<String> = case["max_dets"].as_array().unwrap().iter().map(Value::to_string).collect();
        let max_dets = max_dets.join(",");
        let files = ["--truth", &truth_path, "--detections", &results_path];
        let options = ["coco", "-q", "--iou-type", iou_type, "--max-dets", &max_dets];
        let theirs = eval(&[&options[..], &["--pycocotools"], &files].concat(), "");
        let ours = eval(&[&options[..], &files].concat(), "");
        for (index, name) in NAMES.iter().enumerate() {
            let what = format!("{iou_type} {max_dets} {name}");
            close(&theirs[name], &case["stats"][index], &what);
            if *name != "AP" {
                close(&ours[name], &case["stats_with_ids_from_1"][index], &what);
            }
        }
        // Few enough detections that 100 and 300 are the same.
        let at_100 = eval(&[&["coco", "-q", "--iou-type", iou_type][..], &files].concat(), "");
        if max_dets.ends_with("300") {
            close(&ours["AP"], &at_100["AP"], &max_dets);
        }
    }
}

#[test]
fn masks_of_records_are_compared_by_their_pixels() {
    let folder = root().join("testdata/goldens/coco");
    let mut results = read(&folder.join("results.json"));
    let lines = records(&read(&folder.join("truth.json")), &results, true);
    for result in results.as_array_mut().unwrap() {
        // The area range of a result with a box would be that of the box.
        result.as_object_mut().unwrap().remove("bbox");
    }
    let without_boxes = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    fs::write(without_boxes.path(), results.to_string()).unwrap();
    let truth = folder.join("truth.json").display().to_string();
    let path = without_boxes.path().display().to_string();
    let of_files = eval(&["coco", "-q", "--masks", "--truth", &truth, "--detections", &path], "");
    let of_records = eval(&["coco", "-q", "--masks"], &lines);
    for name in NAMES {
        close(&of_records[name], &of_files[name], name);
    }
    assert!(of_records["AP"].as_f64().unwrap() > 0.1);
    let ran = run("dl-eval", &["coco", "--masks"], r#"{"objects":[{"box":[0,0,1,1],"label":"a"}],"detections":[]}"#);
    assert!(ran.expect(1).stderr.contains("objects[0] (a) has no mask"));
}

/// The sample of data/voc-eval as records, images and lines in the order of its files.
fn voc_sample(folder: &Path) -> String {
    let boxes = |part: &str, scored: usize| {
        let mut images: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let lines = fs::read_to_string(&path).unwrap();
            let found = lines.lines().filter(|line| !line.trim().is_empty()).map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let numbers: Vec<f64> = words[1..].iter().map(|word| word.parse().unwrap()).collect();
                let [x, y, w, h] = numbers[scored..] else { panic!("{line}") };
                let mut found = json!({"box": [x, y, x + w, y + h], "label": words[0]});
                if scored == 1 {
                    found["score"] = json!(numbers[0]);
                }
                found
            });
            images.insert(path.file_stem().unwrap().to_str().unwrap().to_owned(), found.collect());
        }
        images
    };
    let mut detections = boxes("detections", 1);
    let lines = boxes("groundtruths", 0).into_iter().map(|(id, objects)| {
        json!({"id": id, "objects": objects, "detections": detections.remove(&id).unwrap_or_default()}).to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn voc_figures_equal_the_published_sample() {
    let Some(folder) = shared("data/voc-eval") else { return };
    let sample = voc_sample(&folder);
    let expected = read(&folder.join("expected.json"));
    for (iou, by_rule) in expected["by_iou"].as_object().unwrap() {
        for (rule, expected) in by_rule.as_object().unwrap() {
            let mut args = vec!["voc", "--iou", iou];
            if rule == "plus_one" {
                args.push("--plus-one");
            }
            let class = &eval(&args, &sample)["per_class"]["person"];
            close(&class["AP_all_points"], &expected["ap_all_points"], &format!("{iou} {rule}"));
            close(&class["AP_11_points"], &expected["ap_11_points"], &format!("{iou} {rule}"));
            assert_eq!(class["true_positives"], expected["tp"], "{iou} {rule}");
            assert_eq!(class["false_positives"], expected["fp"], "{iou} {rule}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let curves = folder.path().join("curves.json").display().to_string();
    let args = ["voc", "--iou", "0.3", "--plus-one", "--points", "11", "--curves", &curves];
    let mean = eval(&args, &sample)["mAP"].clone();
    let expected = &expected["by_iou"]["0.3"]["plus_one"];
    close(&mean, &expected["ap_11_points"], "mAP");
    let person = &read(Path::new(&curves))["person"];
    close(&person["ap"], &expected["ap_11_points"], "ap of the curve");
    for (index, point) in expected["curve"].as_array().unwrap().iter().enumerate() {
        close(&person["precision"][index], &point["precision"], "precision");
        close(&person["recall"][index], &point["recall"], "recall");
    }
}

const GOOD: &str = r#"{"id":"a","objects":[{"box":[0,0,10,10],"label":"dog"}],"detections":[{"box":[0,0,10,10],"label":"dog","score":0.5}]}"#;

#[test]
fn records_that_failed_before_are_left_out_and_reported() {
    let carried =
        r#"{"id":"b","objects":[{"box":[0,0,10,10],"label":"dog"}],"error":{"tool":"dl-embed","message":"x"}}"#;
    for metric in ["voc", "coco"] {
        let ran = run("dl-eval", &[metric], &format!("{GOOD}\n{carried}\n")).expect(0);
        assert!(ran.stderr.contains("1 record carries \"error\""), "{}", ran.stderr);
        let found: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&found["errors"], &found["images"]), (&json!(1), &json!(1)));
        close(if metric == "voc" { &found["mAP"] } else { &found["AP"] }, &json!(1.0), metric);
    }
}

#[test]
fn records_that_cannot_be_evaluated_fail_alone() {
    let bad = [
        r#"{"id":"b","objects":[]}"#,
        r#"{"id":"c","detections":[]}"#,
        r#"{"id":"d","objects":[{"box":[5,0,4,10],"label":"dog"}],"detections":[]}"#,
        r#"{"id":"e","objects":"#,
    ];
    let ran = run("dl-eval", &["voc"], &format!("{}\n{GOOD}\n", bad.join("\n"))).expect(1);
    for text in [
        "<stdin>:1: the record has no \"detections\"; dl-detect writes them",
        "<stdin>:2: the record has no \"objects\"",
        "<stdin>:3: objects[0]: box has x2 < x1 (4 < 5)",
        "<stdin>:4: not a JSON object",
    ] {
        assert!(ran.stderr.contains(text), "{text} in\n{}", ran.stderr);
    }
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&found["errors"], &found["mAP"]), (&json!(4), &json!(1.0)));
}

#[test]
fn truth_and_detections_may_come_from_two_files_of_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let objects = r#""objects":[{"box":[0,0,10,10],"label":"dog"}]"#;
    fs::write(path("truth.jsonl"), format!("{{\"id\":\"a\",{objects}}}\n{{\"id\":\"b\",{objects}}}\n")).unwrap();
    let found = r#""detections":[{"box":[0,0,10,10],"label":"dog","score":0.5}]"#;
    fs::write(path("found.jsonl"), format!("{{\"id\":\"b\",{found}}}\n{{\"id\":\"z\",{found}}}\n")).unwrap();
    let (truth, detections) = (path("truth.jsonl"), path("found.jsonl"));
    let ran = run("dl-eval", &["voc", "--truth", &truth, "--detections", &detections], "").expect(1);
    assert!(ran.stderr.contains("1 image is not in the truth, first \"z\""), "{}", ran.stderr);
    assert!(ran.stderr.contains("no detections for 1 image of the truth"), "{}", ran.stderr);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["mAP"], 0.5);
    // A record that failed is counted once, although the truth does not have it.
    fs::write(path("found.jsonl"), format!("{{\"id\":\"a\",{found}}}\n{{\"id\":\"y\"}}\n{{\"id\":\"z\"}}\n")).unwrap();
    let ran = run("dl-eval", &["voc", "--truth", &truth, "--detections", &detections], "").expect(1);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["errors"], 2, "{}", ran.stderr);
}

#[test]
fn an_image_that_failed_on_either_side_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let objects = r#""objects":[{"box":[0,0,10,10],"label":"dog"}]"#;
    let found = r#""detections":[{"box":[0,0,10,10],"label":"dog","score":0.5}]"#;
    let error = r#""error":{"tool":"dl-embed","message":"x"}"#;
    let truth = [("a", ""), ("b", ""), ("c", error), ("d", "")].map(|(id, error)| {
        let comma = if error.is_empty() { "" } else { "," };
        format!("{{\"id\":\"{id}\",{objects}{comma}{error}}}\n")
    });
    fs::write(path("truth.jsonl"), truth.concat()).unwrap();
    let bad = found.replace("[0,0,10,10]", "[9,0,5,10]");
    let detections = [("a", found), ("b", error), ("c", found), ("d", &bad)];
    let detections = detections.map(|(id, rest)| format!("{{\"id\":\"{id}\",{rest}}}\n"));
    fs::write(path("found.jsonl"), detections.concat()).unwrap();
    let (truth, detections) = (path("truth.jsonl"), path("found.jsonl"));
    let ran = run("dl-eval", &["voc", "--truth", &truth, "--detections", &detections], "").expect(1);
    assert!(ran.stderr.contains("found.jsonl:4: detections[0]: box has x2 < x1 (5 < 9)"), "{}", ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&found["mAP"], &found["images"], &found["errors"]), (&json!(1.0), &json!(1), &json!(3)));
}

#[test]
fn coco_files_give_the_voc_figures_too() {
    let folder = root().join("testdata/goldens/coco");
    let (truth, results) = (folder.join("truth.json"), folder.join("results.json"));
    let lines = records(&read(&truth), &read(&results), false);
    let expected = eval(&["voc"], &lines);
    let (truth, results) = (truth.display().to_string(), results.display().to_string());
    let found = eval(&["voc", "--truth", &truth, "--detections", &results], "");
    assert_eq!(found["per_class"], expected["per_class"]);
    // Crowds are left out of the proposals' figures.
    let found = eval(&["proposals", "--truth", &truth, "--detections", &results], "");
    let counted = expected["per_class"].as_object().unwrap().values().map(|class| class["truth"].as_u64().unwrap());
    assert_eq!(found["objects"], counted.sum::<u64>());
}

#[test]
fn the_truth_can_be_a_split_of_a_voc_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["Annotations", "ImageSets/Main", "JPEGImages"] {
        fs::create_dir_all(path(name)).unwrap();
    }
    let object = "<object><name>dog</name><difficult>0</difficult>\
        <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>10</ymax></bndbox></object>";
    for name in ["a", "b"] {
        let size = "<size><width>20</width><height>20</height><depth>3</depth></size>";
        let text = format!("<annotation><filename>{name}.jpg</filename>{size}{object}</annotation>");
        fs::write(path(&format!("Annotations/{name}.xml")), text).unwrap();
    }
    fs::write(path("ImageSets/Main/test.txt"), "a\n").unwrap();
    fs::write(path("found.jsonl"), GOOD).unwrap();
    let (truth, found) = (folder.path().display().to_string(), path("found.jsonl").display().to_string());
    // VOC's pixels 1 to 10 are [0, 0, 10, 10].
    let args = ["voc", "--iou", "1", "--truth", &truth, "--detections", &found];
    assert_eq!(eval(&[&args[..], &["--split", "test"]].concat(), "")["mAP"], 1.0);
    assert_eq!(eval(&args, "")["mAP"], 0.5);
}

#[test]
fn proposals_are_evaluated_by_number_of_boxes() {
    let line = r#"{"objects":[{"box":[0,0,10,10],"label":"dog"}],
        "proposals":[{"box":[0,0,6,10],"score":2},{"box":[0,0,10,10],"score":1}]}"#;
    let found = eval(&["proposals", "--iou", "0.5,0.7", "--at", "1,10"], &line.replace('\n', " "));
    assert_eq!(found["at"][0]["recall"], json!({"0.5": 1.0, "0.7": 0.0}));
    assert_eq!(found["at"][0]["ABO"], json!({"dog": 0.6}));
    assert_eq!((&found["at"][1]["MABO"], &found["at"][1]["proposals"]), (&json!(1.0), &json!(10)));
}

#[test]
fn figures_can_be_a_table_or_csv() {
    let found = run("dl-eval", &["voc", "--format", "csv"], GOOD).expect(0).stdout;
    assert_eq!(
        found,
        "class,AP,truth,difficult,detections,true_positives,false_positives\ndog,1,1,0,1,1,0\nmAP,1,1,0,1,1,0\n"
    );
    let found = run("dl-eval", &["coco", "--format", "table"], GOOD).expect(0).stdout;
    let last: Vec<&str> = found.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(last[..6], ["all", "1.0000", "1.0000", "1.0000", "1.0000", "-"]);
}

#[test]
fn an_evaluation_without_data_fails() {
    for metric in ["voc", "coco", "proposals", "classify"] {
        let ran = run("dl-eval", &[metric], "").expect(1);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains("nothing to measure: the input has no record"), "{}", ran.stderr);
    }
    let carried = r#"{"id":"b","error":{"tool":"dl-embed","message":"x"}}"#;
    let dog = r#"{"box":[0,0,10,10],"label":"dog"}"#;
    let cat = r#"{"box":[0,0,10,10],"label":"Dog","score":0.5}"#;
    let of_boxes = |objects: &str, found: &str| {
        format!(r#"{{"objects":[{objects}],"detections":[{found}],"proposals":[{found}]}}"#)
    };
    let of_classes = |found: &str| format!(r#"{{"label":"dog","predictions":[{found}]}}"#);
    let hard = r#"{"box":[0,0,10,10],"label":"Dog","difficult":true}"#;
    for (metric, line, message) in [
        ("voc", carried.to_owned(), "the only record carries an error or failed"),
        ("classify", carried.to_owned(), "the only record carries an error or failed"),
        ("proposals", carried.to_owned(), "the only record carries an error or failed"),
        ("coco", carried.to_owned(), "the only record carries an error or failed"),
        ("coco", of_boxes("", cat), "no record has any truth"),
        ("coco", of_boxes(dog, ""), "no record has any detections"),
        ("coco", of_boxes(dog, cat), "no label is in both: the truth has \"dog\", the detections have \"Dog\""),
        ("voc", of_boxes("", cat), "no record has any truth"),
        ("voc", of_boxes(hard, cat), "all true objects are difficult or crowds"),
        ("voc", of_boxes(dog, ""), "no record has any detections"),
        ("voc", of_boxes(dog, cat), "no label is in both: the truth has \"dog\", the detections have \"Dog\""),
        ("proposals", of_boxes("", cat), "no record has any truth"),
        ("proposals", of_boxes(dog, ""), "no record has any proposals"),
        ("classify", of_classes(""), "no record has any predictions"),
        ("classify", of_classes(cat), "no label is in both: the truth has \"dog\", the predictions have \"Dog\""),
    ] {
        let ran = run("dl-eval", &[metric, "--quiet"], &line).expect(1);
        assert!(ran.stderr.contains(message), "{metric} {line}: {}", ran.stderr);
        assert!(serde_json::from_str::<Value>(&ran.stdout).is_ok(), "{metric} {line}: the figures are still written");
    }
    // Of many labels, only a few are named.
    let many: Vec<String> = (0..500).map(|n| cat.replace("Dog", &format!("{n}{}", "x".repeat(500)))).collect();
    let ran = run("dl-eval", &["voc"], &of_boxes(dog, &many.join(","))).expect(1);
    assert!(ran.stderr.contains("and 490 more") && ran.stderr.len() < 1000, "{}", ran.stderr);
}

#[test]
fn no_output_replaces_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let boxes = r#"[{"box":[0,0,10,10],"label":"dog","score":1}]"#;
    let line = format!(
        r#"{{"id":"a","image":"{}","width":8,"height":8,"label":"dog","text":"a","objects":{boxes},"detections":{boxes},"predictions":[{{"label":"dog","score":1}}]}}"#,
        at("photo.png")
    );
    let (records, photo, link) = (at("r.jsonl"), at("photo.png"), at("link.json"));
    fs::write(&records, &line).unwrap();
    fs::write(&photo, "pixels").unwrap();
    let truth = at("truth.json");
    fs::write(&truth, "{\"images\":[],\"annotations\":[],\"categories\":[]}").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&records, &link).unwrap();
    for args in [
        &["dl-eval", "classify", "--confusion", &records, &records][..],
        &["dl-eval", "classify", "--confusion", &link, &records],
        &["dl-eval", "voc", "--curves", &records, &records],
        &["dl-eval", "coco", "--curves", &records, &records],
        &["dl-eval", "voc", "--curves", &records, "--truth", &records, "--detections", &records],
        &["dl-eval", "lm", "--model", "testdata/goldens/text/gpt2", "--records", &records, &records],
        &["dl-data", "to", "coco", "--output", &records, &records],
        &["dl-data", "to", "coco", "--output", &link, &records],
        &["dl-data", "to", "coco", "--output", &photo, &records],
        &["dl-data", "to", "coco", "--truth", &truth, "--output", &truth, &records],
        &["dl-data", "to", "coco-results", "--output", &records, &records],
        &["dl-draw", "lines", &records, "--x", "width", "--y", "height", "--output", &records],
        &["dl-draw", "curves", &link, "--output", &records],
        &["dl-draw", "confusion", &records, "--output", &records],
        &["dl-draw", "pr", &records, "--output", &link],
    ] {
        let ran = run(args[0], &args[1..], "").expect(2);
        let named =
            ["would replace the input", "is an image of the records"].iter().any(|words| ran.stderr.contains(words));
        assert!(named, "{args:?}: {}", ran.stderr);
        assert_eq!(fs::read_to_string(&records).unwrap(), line, "{args:?}");
        assert_eq!(fs::read_to_string(&photo).unwrap(), "pixels", "{args:?}");
    }
}

#[test]
fn options_out_of_range_are_refused() {
    for args in [
        &["voc", "--iou", "0"][..],
        &["coco", "--max-dets", "1,10"],
        &["coco", "--max-dets", "10,1,100"],
        &["proposals", "--iou", "2"],
        &["proposals", "--iou", "0.5,nan"],
        &["voc", "--iou", "nan"],
        &["voc", "--truth", "a.jsonl"],
    ] {
        run("dl-eval", args, GOOD).expect(2);
    }
}

#[test]
fn an_option_without_effect_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records.jsonl").display().to_string();
    fs::write(&records, GOOD).unwrap();
    for metric in ["voc", "coco", "proposals"] {
        for (option, value) in [("--detections", "no-such-file.jsonl"), ("--split", "test")] {
            let ran = run("dl-eval", &[metric, option, value, &records], "").expect(2);
            assert!(ran.stderr.contains(&format!("{option} needs --truth")), "{metric}: {}", ran.stderr);
            assert_eq!(ran.stdout, "");
        }
    }
    let truth = root().join("testdata/goldens/coco").display().to_string();
    let (truth, results) = (format!("{truth}/truth.json"), format!("{truth}/results.json"));
    for metric in ["voc", "coco", "proposals"] {
        let args = [metric, "--truth", &truth, "--detections", &results, "--split", "test"];
        let ran = run("dl-eval", &args, "").expect(2);
        assert!(ran.stderr.contains("--split is for a VOC folder"), "{metric}: {}", ran.stderr);
    }
}

#[test]
fn ids_that_differ_by_a_folder_or_an_ending_are_hinted_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let line = |id: &str, field: &str| {
        format!("{}\n", json!({"id": id, field: [{"box": [0, 0, 9, 9], "label": "dog", "score": 1}]}))
    };
    let (truth, detections) = (path("truth.jsonl"), path("found.jsonl"));
    let eval = || run("dl-eval", &["voc", "--truth", &truth, "--detections", &detections], "");
    fs::write(&truth, line("photos/img1.jpg", "objects") + &line("photos/img2.jpg", "objects")).unwrap();
    fs::write(&detections, line("img1", "detections") + &line("img2", "detections")).unwrap();
    let ran = eval().expect(1);
    let hint = "is \"img1\" of the detections \"photos/img1.jpg\" of the truth?";
    let filter = "jq -c '.id |= (\"photos/\" + . + \".jpg\")'";
    assert!(ran.stderr.contains(hint) && ran.stderr.contains(filter), "{}", ran.stderr);
    fs::write(&detections, line("photos/img1.jpg", "detections") + &line("other", "detections")).unwrap();
    let ran = eval().expect(1);
    assert!(ran.stderr.contains("1 image is not in the truth, first \"other\""), "{}", ran.stderr);
    assert!(!ran.stderr.contains("jq"), "{}", ran.stderr);
}
