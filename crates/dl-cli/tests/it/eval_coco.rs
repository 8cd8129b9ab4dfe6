//! `dl-eval coco` on real-world files, and by every route.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ran, run};

const FIGURES: [&str; 12] = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];

/// A folder with the truth and the results.
fn files(truth: &str, results: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("g.json"), truth).unwrap();
    fs::write(folder.path().join("r.json"), results).unwrap();
    folder
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[track_caller]
fn eval(folder: &Path, detections: &str, options: &[&str]) -> Ran {
    let (truth, detections) = (path(folder, "g.json"), path(folder, detections));
    run("dl-eval", &[&["coco", "--truth", &truth, "--detections", &detections], options].concat(), "")
}

/// One hit of one object has the precision 1 / (1 + epsilon), as in pycocotools.
#[track_caller]
fn is_one(figure: &Value) {
    assert!((figure.as_f64().unwrap() - 1.0).abs() < 1e-12, "{figure}");
}

fn figures(ran: &Ran) -> Vec<Value> {
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    FIGURES.iter().map(|name| report[name].clone()).collect()
}

/// Truth of two images without `area`, and results that equal it.
fn perfect(segmentation: &Value) -> (Value, Value) {
    let images = [1, 2].map(|id| json!({"id": id, "file_name": format!("{id}.jpg"), "width": 64, "height": 48}));
    let annotations = [1, 2].map(|id| {
        json!({"id": id, "image_id": id, "category_id": 1, "bbox": [1, 1, 40, 40], "iscrowd": 0,
               "segmentation": segmentation})
    });
    let results = [1, 2].map(|id| json!({"image_id": id, "category_id": 1, "bbox": [1, 1, 40, 40], "score": 0.9}));
    let categories = json!([{"id": 1, "name": "cat"}]);
    (json!({"images": images, "annotations": annotations, "categories": categories}), json!(results))
}

/// The results as records, by the names of the images in the truth.
fn as_records(truth: &Value, results: &Value) -> String {
    let name = |id: &Value| {
        truth["images"].as_array().unwrap().iter().find(|image| image["id"] == *id).unwrap()["file_name"].clone()
    };
    let mut lines = String::new();
    for image in truth["images"].as_array().unwrap() {
        let own = results.as_array().unwrap().iter().filter(|result| result["image_id"] == image["id"]);
        let detections: Vec<Value> = own
            .map(|result| {
                let [x, y, w, h] = [0, 1, 2, 3].map(|index| result["bbox"][index].as_f64().unwrap());
                let label = truth["categories"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|category| category["id"] == result["category_id"]);
                json!({"box": [x, y, x + w, y + h], "label": label.unwrap()["name"], "score": result["score"]})
            })
            .collect();
        lines += &format!("{}\n", json!({"id": name(&image["id"]), "detections": detections}));
    }
    lines
}

/// The figures by two files, by a file and records, and by records with objects and detections.
#[track_caller]
fn by_every_route(truth: &Value, results: &Value) -> [Vec<Value>; 4] {
    let folder = files(&truth.to_string(), &results.to_string());
    let lines = as_records(truth, results);
    fs::write(folder.path().join("found.jsonl"), &lines).unwrap();
    let records = run("dl-data", &["from", "coco", "-q", &path(folder.path(), "g.json")], "").expect(0).records();
    let both: String = (records.into_iter().zip(lines.lines()))
        .map(|(mut record, found)| {
            record["detections"] = serde_json::from_str::<Value>(found).unwrap()["detections"].clone();
            format!("{record}\n")
        })
        .collect();
    let results = run("dl-data", &["to", "coco-results"], &both).expect(0).stdout;
    fs::write(folder.path().join("written.json"), results).unwrap();
    [
        figures(&eval(folder.path(), "r.json", &[]).expect(0)),
        figures(&eval(folder.path(), "found.jsonl", &[]).expect(0)),
        figures(&run("dl-eval", &["coco"], &both).expect(0)),
        figures(&eval(folder.path(), "written.json", &[]).expect(0)),
    ]
}

#[test]
fn a_missing_area_is_the_same_by_every_route() {
    // pycocotools 2.0.11 with "area": 1600 and "area": 780, which is maskUtils.area of the triangle.
    for (segmentation, [small, medium]) in [
        (json!([]), [-1.0, 1.0]),
        (json!(null), [-1.0, 1.0]),
        (json!([[1, 1, 41, 41]]), [-1.0, 1.0]),
        (json!([[1, 1, 41, 1, 1, 41]]), [1.0, -1.0]),
    ] {
        let (truth, results) = perfect(&segmentation);
        for figures in by_every_route(&truth, &results) {
            assert_eq!(
                [&figures[0], &figures[3], &figures[4]].map(|figure| figure.as_f64().unwrap()),
                [1.0, small, medium]
            );
        }
    }
}

#[test]
fn every_route_gives_the_same_bits() {
    let mut rng = dl_record::rng(3, "routes");
    let mut draw = |digits: f64, range: f64| {
        use rand::RngExt;
        (rng.random_range(0.0..range) * digits).round() / digits
    };
    for digits in [1.0, 100.0, 1e4] {
        // The list of images is not in the order of the ids, and scores tie.
        let images =
            [9, 4, 70, 1].map(|id| json!({"id": id, "file_name": format!("{id}.jpg"), "width": 640, "height": 480}));
        let (mut annotations, mut results) = (Vec::new(), Vec::new());
        for id in 1..60 {
            let image = images[id % 4]["id"].clone();
            let category = [5, 2, 8][id % 3];
            let [x, y] = [draw(digits, 400.0), draw(digits, 300.0)];
            let [w, h] = [1.0 + draw(digits, 150.0), 1.0 + draw(digits, 150.0)];
            annotations.push(json!({"id": id, "image_id": image, "category_id": category, "bbox": [x, y, w, h]}));
            // A quarter and a half of the width away: IoUs about 0.6 and 0.33, and once at a threshold.
            for (shift, score) in [(0.0, 0.5), (0.25, draw(10.0, 1.0)), (0.5, draw(10.0, 1.0))] {
                let bbox = [x + shift * w, y, w, h];
                results.push(json!({"image_id": image, "category_id": category, "bbox": bbox, "score": score}));
            }
        }
        let categories = json!([{"id": 5, "name": "a"}, {"id": 2, "name": "c"}, {"id": 8, "name": "b"}]);
        let truth = json!({"images": images, "annotations": annotations, "categories": categories});
        // Detections have corners, so these are the boxes that all routes get.
        let folder = files(&truth.to_string(), "[]");
        let lines = as_records(&truth, &json!(results));
        let ran = run("dl-data", &["to", "coco-results", "--truth", &path(folder.path(), "g.json")], &lines).expect(0);
        let results: Value = serde_json::from_str(&ran.stdout).unwrap();
        let [files, joined, stream, written] = by_every_route(&truth, &results);
        assert!(files[0].as_f64().unwrap() > 0.1);
        assert_eq!((&joined, &stream, &written), (&files, &files, &files), "{digits}");
    }
}

#[test]
fn an_overlap_exactly_at_a_threshold_is_the_same_by_every_route() {
    // (truth, result, IoU): the overlap is the threshold itself for pycocotools, or next to it.
    for (object, found) in [
        ([10.0, 10.0, 40.0, 40.0], [10.0, 10.0, 40.0, 20.0]),
        ([10.1, 20.2, 40.0, 40.0], [10.1, 20.2, 40.0, 20.0]),
        ([258.15, 0.1, 348.2, 10.2], [258.15, 0.1, 348.2, 5.1]),
        ([0.3, 0.7, 100.1, 8.4], [0.3, 0.7, 100.1, 6.3]),
        ([33.3, 66.6, 0.2, 0.2], [33.3, 66.6, 0.2, 0.15]),
        ([500.1, 123.4, 32.0, 32.0], [500.1, 123.4, 32.0, 32.0]),
    ] {
        let (mut truth, mut results) = perfect(&json!([]));
        for index in 0..2 {
            truth["annotations"][index]["bbox"] = json!(object);
            results[index]["bbox"] = json!(found);
        }
        let [files, joined, stream, written] = by_every_route(&truth, &results);
        assert_eq!((&joined, &stream, &written), (&files, &files, &files), "{object:?} {found:?}");
    }
}

#[test]
fn two_categories_of_one_name_give_the_same_figures_by_every_route() {
    let (mut truth, mut results) = perfect(&json!([]));
    truth["categories"] = json!([{"id": 0, "name": "cat"}, {"id": 1, "name": "cat"}]);
    for figures in by_every_route(&truth, &results) {
        assert_eq!(figures[0], json!(1.0));
    }
    // Both are in use: their labels distinguish them.
    truth["annotations"][1]["category_id"] = json!(0);
    let folder = files(&truth.to_string(), &results.to_string());
    let ran = eval(folder.path(), "r.json", &[]).expect(0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(ran.stderr.contains("several used categories share the name \"cat\""), "{}", ran.stderr);
    assert_eq!(report["per_class"]["cat (0)"]["AP"], json!(0.0));
    is_one(&report["per_class"]["cat (1)"]["AP"]);
    results[1]["category_id"] = json!(0);
    let lines =
        as_records(&truth, &results).replacen("\"cat\"", "\"cat (1)\"", 1).replacen("\"cat\"", "\"cat (0)\"", 1);
    fs::write(folder.path().join("found.jsonl"), lines).unwrap();
    is_one(&figures(&eval(folder.path(), "found.jsonl", &[]).expect(0))[0]);
}

#[test]
fn entries_left_out_of_the_figures_are_reported() {
    let (mut truth, mut results) = perfect(&json!([]));
    let extra = [
        json!({"id": 3, "image_id": 1, "category_id": 7, "bbox": [30, 30, 9, 9]}),
        json!({"id": 4, "image_id": 9, "category_id": 1, "bbox": [30, 30, 9, 9]}),
        json!({"id": 5, "image_id": 1, "category_id": 1, "bbox": [30, 30, 9, 9, 9]}),
        json!({"id": 6, "image_id": 1, "category_id": 1, "bbox": ["not a number", 30, 9, 9]}),
        json!({"id": 7, "image_id": 1, "category_id": 1}),
        json!({"id": 8, "category_id": 1, "bbox": [30, 30, 9, 9]}),
        json!(null),
    ];
    truth["annotations"].as_array_mut().unwrap().extend(extra);
    let more = [
        json!({"image_id": 8, "category_id": 1, "bbox": [1, 1, 4, 4], "score": 0.5}),
        json!({"image_id": 1, "category_id": 1, "bbox": [1, 1, -4, 4], "score": 0.5}),
        json!({"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "score": "not a number"}),
        json!({"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}),
        json!([]),
    ];
    results.as_array_mut().unwrap().extend(more);
    let text = |value: &Value| value.to_string().replace("\"not a number\"", "NaN");
    let folder = files(&text(&truth), &text(&results));
    let ran = eval(folder.path(), "r.json", &[]).expect(1);
    for message in [
        "g.json: 1 annotation has a category_id that is not in the file: 7; it is left out",
        "g.json: 1 annotation has an image_id that is not in the file: 9; it is left out",
        "g.json: annotation 5: bbox has 5 entries, expected 4",
        "g.json: annotation 6: bbox has no finite number at [0]",
        "g.json: annotation 7: it has neither bbox nor a mask",
        "g.json: annotation 8: it has no image_id",
        "g.json: annotations[8]: it is null, not an object",
        "r.json: 1 result has an image_id that is not among those of",
        "r.json: result 3 (from 0): bbox has a negative width (-4)",
        "r.json: result 4 (from 0): score is \"NaN\", not a finite number",
        "r.json: result 5 (from 0): it has no score",
        "r.json: result 6 (from 0): it is a list, not an object",
    ] {
        assert!(ran.stderr.contains(message), "{message}\nis not in\n{}", ran.stderr);
    }
    assert_eq!(figures(&ran)[0], json!(1.0));
}

#[test]
fn annotations_without_masks_are_reported_when_masks_are_compared() {
    let square = json!([[30, 30, 40, 30, 40, 40, 30, 40]]);
    let (mut truth, _) = perfect(&json!([]));
    truth["annotations"][1]["segmentation"] = json!([[5, 5, 15, 15]]);
    let good = json!({"id": 3, "image_id": 2, "category_id": 1, "bbox": [30, 30, 10, 10], "segmentation": square});
    truth["annotations"].as_array_mut().unwrap().push(good);
    let results = json!([{"image_id": 2, "category_id": 1, "segmentation": square, "score": 0.9}]);
    let folder = files(&truth.to_string(), &results.to_string());
    let ran = eval(folder.path(), "r.json", &["--masks"]).expect(1);
    assert!(
        ran.stderr.contains("1 annotation has no mask (its segmentation is empty): 1; it is left out"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("(its polygons have fewer than three points): 2; it is left out"), "{}", ran.stderr);
    is_one(&figures(&ran)[0]);
    // The same truth as records.
    let records = run("dl-data", &["from", "coco", "-q", &path(folder.path(), "g.json")], "").expect(0).records();
    let both: String = (records.into_iter().enumerate())
        .map(|(index, mut record)| {
            let mask = &record["objects"][1]["mask"];
            let found = json!({"box": [30, 30, 40, 40], "label": "cat", "score": 0.9, "mask": mask});
            record["detections"] = if index == 1 { json!([found]) } else { json!([]) };
            format!("{record}\n")
        })
        .collect();
    let ran = run("dl-eval", &["coco", "--masks"], &both).expect(1);
    assert!(ran.stderr.contains("1.jpg: objects[0] (cat) has no mask"), "{}", ran.stderr);
    is_one(&figures(&ran)[0]);
}

#[test]
fn ids_are_equal_in_every_notation() {
    let (mut truth, mut results) = perfect(&json!([]));
    truth["images"][0]["id"] = json!("1");
    truth["annotations"][1]["image_id"] = json!("2");
    truth["annotations"][1]["category_id"] = json!(1.0);
    truth["categories"][0]["id"] = json!("1");
    for name in ["width", "height"] {
        truth["images"][0][name] = json!(null);
        truth["images"][1][name] = json!(48.0);
    }
    truth["annotations"][0]["iscrowd"] = json!(null);
    results[0]["image_id"] = json!(1.0);
    results[1]["category_id"] = json!("1");
    let folder = files(&serde_json::to_string_pretty(&truth).unwrap(), &format!("\u{feff}{results:#}"));
    assert_eq!(figures(&eval(folder.path(), "r.json", &[]).expect(0))[0], json!(1.0));
    // Strings that are not numbers.
    let names = |text: String| {
        text.replace("\"image_id\":1", "\"image_id\":\"one\"").replace("\"id\":1,\"width\"", "\"id\":\"one\",\"width\"")
    };
    let (truth, results) = perfect(&json!([]));
    let truth = truth.to_string().replace("{\"id\":1,\"file_name\"", "{\"id\":\"one\",\"file_name\"");
    let folder = files(&names(truth), &names(results.to_string()));
    assert_eq!(figures(&eval(folder.path(), "r.json", &[]).expect(0))[0], json!(1.0));
}

#[test]
fn images_that_share_an_id_are_left_out() {
    let (mut truth, results) = perfect(&json!([]));
    truth["images"].as_array_mut().unwrap().push(json!({"id": 2, "file_name": "other.jpg"}));
    let folder = files(&truth.to_string(), &results.to_string());
    let ran = eval(folder.path(), "r.json", &[]).expect(1);
    assert!(ran.stderr.contains("several images have the id 2, so their annotations are ambiguous"), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    is_one(&report["AP"]);
    assert_eq!(report["images"], json!(1));
}

#[test]
fn an_empty_evaluation_fails() {
    let ran = run("dl-eval", &["coco"], "").expect(1);
    assert!(
        ran.stderr.contains("nothing to measure: the input has no record") && ran.stdout.is_empty(),
        "{}",
        ran.stderr
    );
    let (mut truth, results) = perfect(&json!([]));
    truth["annotations"] = json!([]);
    let folder = files(&truth.to_string(), &results.to_string());
    let ran = eval(folder.path(), "r.json", &[]).expect(1);
    assert!(ran.stderr.contains("nothing to measure: no record has any truth"), "{}", ran.stderr);
    // Results of another dataset.
    let (truth, results) = perfect(&json!([]));
    let folder = files(&truth.to_string(), &results.to_string().replace("\"image_id\":", "\"image_id\":10"));
    let ran = eval(folder.path(), "r.json", &[]).expect(1);
    assert!(ran.stderr.contains("2 results have an image_id that is not among those of"), "{}", ran.stderr);
    // Swapped files, and files of another kind.
    for (truth, results, message) in [
        (results.to_string(), results.to_string(), "g.json: a list, like a results file"),
        (truth.to_string(), truth.to_string(), "r.json: no result can be used; the first: it has no score"),
        (r#"{"images": []}"#.to_owned(), results.to_string(), "g.json: has no image that can be used"),
        (r#"{"annotations": []}"#.to_owned(), results.to_string(), "g.json: it has no images"),
        (truth.to_string(), "7".to_owned(), "r.json: expected a list of results"),
        (format!("{truth:#},"), results.to_string(), "trailing characters at line"),
    ] {
        let folder = files(&truth, &results);
        let ran = eval(folder.path(), "r.json", &[]).expect(2);
        assert!(ran.stderr.contains(message), "{message}: {}", ran.stderr);
    }
}

#[test]
fn results_of_unknown_categories_are_reported_and_end_with_status_1() {
    let (truth, mut results) = perfect(&json!([]));
    let folder = files(&truth.to_string(), &results.to_string());
    eval(folder.path(), "r.json", &[]).expect(0);
    let unknown = json!({"image_id": 1, "category_id": 7, "bbox": [1, 1, 4, 4], "score": 0.5});
    results.as_array_mut().unwrap().push(unknown);
    let folder = files(&truth.to_string(), &results.to_string());
    let (truth, results) = (path(folder.path(), "g.json"), path(folder.path(), "r.json"));
    for metric in ["coco", "voc"] {
        let ran = run("dl-eval", &[metric, "--truth", &truth, "--detections", &results], "").expect(1);
        assert!(ran.stderr.contains("1 result has a category_id that is not among those of"), "{}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(report["per_class"].as_object().unwrap().len(), 1, "{report}");
    }
    // Proposals have no classes.
    run("dl-eval", &["proposals", "--truth", &truth, "--detections", &results], "").expect(0);
}
