//! `dl-classify` and `dl-eval classify`, as a user runs them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::embed::{write_network, write_small_network};
use crate::support::{run, shared};

#[test]
fn squeezenet_classifies_photos() {
    let Some(model) = shared("weights/squeezenet1_0_imagenet.safetensors") else { return };
    let Some(folder) = shared("data/photos") else { return };
    let photos = [("cat.png", "Egyptian cat"), ("bird.png", "chickadee"), ("parrot.jpg", "macaw")];
    let mut args = vec!["--model".to_owned(), model.display().to_string(), "--top-k".to_owned(), "2".to_owned()];
    args.extend(photos.map(|(name, _)| folder.join(name).display().to_string()));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let records = run("dl-classify", &args, "").expect(0).records();
    for (record, (_, label)) in records.iter().zip(photos) {
        assert_eq!(record["predictions"][0]["label"], label, "{record}");
        assert_eq!(record["predictions"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn probabilities_of_all_classes_sum_to_one_and_do_not_depend_on_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("m.safetensors");
    write_small_network(&model);
    let model = model.to_str().unwrap();
    let mut paths = Vec::new();
    for index in 0..5_u8 {
        let path = folder.path().join(format!("{index}.png"));
        image::RgbImage::from_fn(50, 40, |x, y| image::Rgb([x as u8 * index, y as u8, 90])).save(&path).unwrap();
        paths.push(path.display().to_string());
    }
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let all = |batch: &str| {
        let options = ["--model", model, "--top-k", "0", "--batch", batch];
        run("dl-classify", &[&options[..], &paths].concat(), "").expect(0)
    };
    let one = all("1");
    assert_eq!(one.stdout, all("4").stdout);
    for record in one.records() {
        let predictions = record["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), 5);
        let scores: Vec<f64> = predictions.iter().map(|prediction| prediction["score"].as_f64().unwrap()).collect();
        assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(scores.is_sorted_by(|a, b| a >= b));
    }
}

#[test]
fn labels_of_the_command_line_must_match_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (model, image, labels) = (at("m.safetensors"), at("p.png"), at("labels.txt"));
    write_small_network(Path::new(&model));
    image::RgbImage::new(30, 30).save(&image).unwrap();
    fs::write(&labels, "a\nb\nc\nd\ne\n").unwrap();
    let named = |labels: &str| run("dl-classify", &["--model", &model, "--labels", labels, &image], "");
    for labels in ["a,b,c,d,e", &format!("@{labels}")] {
        let records = named(labels).expect(0).records();
        assert!("abcde".contains(records[0]["predictions"][0]["label"].as_str().unwrap()), "{}", records[0]);
    }
    let ran = named("a,b").expect(2);
    assert!(ran.stderr.contains("has 5 classes, --labels has 2 names"), "{}", ran.stderr);
    let args = ["--model", &model, "--labels", "a,b,c,d,e", "--template", "a {}", &image];
    let ran = run("dl-classify", &args, "").expect(2);
    assert!(ran.stderr.contains("--template is for CLIP and SigLIP"), "{}", ran.stderr);
}

/// A network trained on crops and an image, in a folder.
fn crop_network(folder: &Path) -> [String; 2] {
    let at = |name: &str| folder.join(name).display().to_string();
    let (model, image) = (at("crops.safetensors"), at("p.png"));
    write_network(Path::new(&model), 1, |config| {
        config.provenance.training.insert("crops".into(), true.into());
        config.provenance.training.insert("warp".into(), "square".into());
        config.provenance.training.insert("pad".into(), 4.into());
    });
    let pixels = image::RgbImage::from_fn(90, 70, |x, y| image::Rgb([(x * 5) as u8, (y * 3) as u8, (x * y) as u8]));
    pixels.save(&image).unwrap();
    [model, image]
}

#[test]
fn a_network_trained_on_crops_classifies_objects_and_detections_as_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let [model, image] = crop_network(folder.path());
    let boxes = [[2.0, 3.0, 40.0, 50.0], [30.0, 10.0, 80.0, 60.0], [0.0, 0.0, 90.0, 70.0]];
    let line = json!({
        "id": "a", "image": image,
        "objects": [{"box": boxes[0], "label": "0", "pose": "left"}, {"box": boxes[1], "label": "1"}],
        "detections": [{"box": boxes[2], "label": "thing", "score": 0.5}],
        "proposals": [{"box": boxes[0], "score": 1}, {"box": boxes[1], "score": 1}, {"box": boxes[2], "score": 1}],
    });
    let empty = json!({"id": "b", "image": image, "objects": []});
    let lines = format!("{line}\n{empty}\n{line}\n");
    let all = ["--model", &model, "--top-k", "0"];
    let ran = run("dl-classify", &all, &lines).expect(0);
    let records = ran.records();
    assert_eq!(records[0], records[2]);
    assert_eq!(records[1], {
        let mut expected = empty.clone();
        expected["width"] = json!(90);
        expected["height"] = json!(70);
        expected
    });
    assert_eq!(records[0]["objects"][0]["pose"], "left");
    assert!(records[0].get("predictions").is_none() && records[0]["proposals"] == line["proposals"]);
    // The same crops through dl-embed, whose regions are those of the training.
    let args = ["--model", &model, "--layer", "logits", "--features-json"];
    let embedded = run("dl-embed", &args, &line.to_string()).expect(0).records();
    let regions = [&records[0]["objects"][0], &records[0]["objects"][1], &records[0]["detections"][0]];
    for (row, region) in regions.into_iter().enumerate() {
        let logits: Vec<f64> =
            serde_json::from_value(embedded[0]["features"]["logits"]["values"][row].clone()).unwrap();
        let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
        let predictions = region["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), logits.len());
        for prediction in predictions {
            let class: usize = prediction["label"].as_str().unwrap().parse().unwrap();
            let probability = logits[class].exp() / total;
            assert!((prediction["score"].as_f64().unwrap() - probability).abs() < 1e-6, "{row}: {prediction}");
        }
    }
    for threads in ["1", "3"] {
        let more = [&all[..], &["--batch", "2", "--threads", threads]].concat();
        assert_eq!(run("dl-classify", &more, &lines).expect(0).stdout, ran.stdout);
    }
    let one =
        run("dl-classify", &[&all[..], &["--input", "proposals"]].concat(), &line.to_string()).expect(0).records();
    assert_eq!(one[0]["proposals"][2]["predictions"], records[0]["detections"][0]["predictions"]);
    assert_eq!(one[0]["objects"], line["objects"]);
}

#[test]
fn a_network_trained_on_crops_refuses_whole_images_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let [model, image] = crop_network(folder.path());
    let ran = run("dl-classify", &["--model", &model, &image], "").expect(1);
    let message = "the network was trained on crops of objects, and the record has no \"objects\" or \"detections\"";
    assert!(ran.stderr.contains(message) && ran.stderr.contains("--input image"), "{}", ran.stderr);
    let records = run("dl-classify", &["--model", &model, "--input", "image", &image], "").expect(0).records();
    assert_eq!(records[0]["predictions"].as_array().unwrap().len(), 5);
    let ran = run("dl-classify", &["--model", &model, "--input", "objects", &image], "").expect(1);
    assert!(ran.stderr.contains("the record has no \"objects\", which --input asks for"), "{}", ran.stderr);
}

#[test]
fn a_head_refuses_features_of_another_network() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (network, other, head) = (at("a.safetensors"), at("b.safetensors"), at("head.safetensors"));
    write_network(Path::new(&network), 1, |_| ());
    write_network(Path::new(&other), 2, |_| ());
    let mut lines = String::new();
    for index in 0..6_u8 {
        let path = at(&format!("{index}.png"));
        image::RgbImage::from_fn(50, 40, |x, y| image::Rgb([x as u8 * index, y as u8, 40 * index]))
            .save(&path)
            .unwrap();
        lines += &format!("{}\n", json!({"id": path, "image": path, "label": if index < 3 { "low" } else { "high" }}));
    }
    let embedded = |network: &str, more: &[&str]| {
        run("dl-embed", &[&["--model", network, "--layer", "fire9@1"], more].concat(), &lines).expect(0).stdout
    };
    let features = embedded(&network, &[]);
    run("dl-finetune", &["linear", "--output", &head], &features).expect(0);
    let fingerprint = dl_models::LinearHead::load(Path::new(&head)).unwrap().network.unwrap();
    assert!(features.contains(&format!("\"network\":\"{fingerprint}\"")));
    let named = |features: &str| run("dl-classify", &["--model", &head], features);
    named(&features).expect(0);
    for features in [embedded(&other, &[]), embedded(&network, &["--normalize"])] {
        let ran = named(&features).expect(1);
        assert!(ran.stderr.contains(&format!("the model was trained on those of \"{fingerprint}\"")), "{}", ran.stderr);
    }
    // Features of another program and old heads have no fingerprint.
    let without = features.replace(&format!("\"network\":\"{fingerprint}\","), "");
    assert_ne!(without, features);
    named(&without).expect(0);
    run("dl-finetune", &["linear", "--force", "--output", &head], &without).expect(0);
    named(&embedded(&other, &[])).expect(0);
    // One head cannot be trained on records of two networks.
    let mixed = features.lines().take(3).chain(embedded(&other, &[]).lines().skip(3)).collect::<Vec<_>>().join("\n");
    let ran = run("dl-finetune", &["linear", "--force", "--output", &head], &mixed);
    assert!(ran.stderr.contains("those of the records before"), "{}", ran.stderr);
}

fn sample(label: &str, scores: &[(&str, f64)]) -> String {
    let predictions: Vec<Value> = scores.iter().map(|(label, score)| json!({"label": label, "score": score})).collect();
    format!("{}\n", json!({"id": label, "label": label, "predictions": predictions}))
}

#[test]
fn a_classifier_is_evaluated_and_its_confusion_matrix_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        sample("cat", &[("cat", 0.9), ("dog", 0.1)]),
        sample("cat", &[("dog", 0.6), ("cat", 0.4)]),
        sample("dog", &[("dog", 0.8), ("cat", 0.2)]),
        sample("dog", &[("dog", 0.7), ("cat", 0.3)]),
    ];
    let matrix = folder.path().join("confusion.json");
    let matrix = matrix.to_str().unwrap();
    let ran = run("dl-eval", &["classify", "--confusion", matrix], &lines.concat()).expect(0);
    let figures = &ran.records()[0];
    assert_eq!(figures["top1"], 0.75);
    assert_eq!(figures["per_class"]["cat"]["recall"], 0.5);
    assert_eq!(figures["per_class"]["dog"]["precision"], 2.0 / 3.0);
    assert_eq!(figures["AUC"], 1.0);
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(matrix).unwrap()).unwrap()["counts"], json!([[1, 1], [0, 2]]));
    for name in ["confusion.png", "confusion.svg"] {
        let output = folder.path().join(name);
        run("dl-draw", &["confusion", matrix, "--output", output.to_str().unwrap()], "").expect(0);
        assert!(fs::metadata(output).unwrap().len() > 500);
    }
    let table = run("dl-eval", &["classify", "--format", "table"], &lines.concat()).expect(0).stdout;
    assert!(table.contains("top-1") && table.contains("calibration error"), "{table}");
}

#[test]
fn a_sample_without_its_true_class_fails() {
    let line = "{\"id\":\"x\",\"predictions\":[]}\n";
    let ran = run("dl-eval", &["classify"], &format!("{line}{}", sample("a", &[("a", 1.0)]))).expect(1);
    assert!(ran.stderr.contains("dl-eval: <stdin>:1:") && ran.stderr.contains("\"label\""), "{}", ran.stderr);
    assert_eq!(ran.records()[0]["errors"], 1);
}

#[test]
fn predictions_of_objects_and_detections_are_evaluated() {
    let region = |bbox: [u32; 4], label: &str, predicted: &str| json!({"box": bbox, "label": label, "score": 1, "predictions": [{"label": predicted, "score": 0.75}]});
    let objects = json!([region([0, 0, 10, 10], "cat", "cat"), region([20, 0, 30, 10], "dog", "cat"),
        {"box": [50, 0, 60, 10], "label": "dog", "difficult": true}]);
    let detections = json!([
        region([0, 0, 10, 9], "thing", "dog"),
        region([21, 0, 30, 10], "thing", "dog"),
        region([50, 0, 60, 10], "thing", "cat"),
        region([80, 0, 90, 10], "thing", "cat")
    ]);
    let both = json!({"id": "a", "objects": objects, "detections": detections}).to_string();
    let empty = json!({"id": "b", "objects": []}).to_string();
    let lines = format!("{both}\n{empty}\n");
    let eval = |args: &[&str], lines: &str| run("dl-eval", &[&["classify"], args].concat(), lines);
    // The objects come first, and an image without objects is valid.
    for args in [&[][..], &["--input", "objects"]] {
        let figures = eval(args, &lines).expect(0).records().remove(0);
        assert_eq!((&figures["samples"], &figures["top1"]), (&json!(2), &json!(0.5)));
    }
    let ran = eval(&["--input", "detections"], &both).expect(0);
    let figures = &ran.records()[0];
    assert_eq!((&figures["samples"], &figures["top1"]), (&json!(2), &json!(0.5)));
    assert_eq!(figures["per_class"]["dog"]["recall"], 1.0);
    assert!(ran.stderr.contains("1 detection overlaps no object by 0.5 or more"), "{}", ran.stderr);
    let figures = eval(&["--input", "detections", "--iou", "0.95"], &both).expect(1).stderr;
    assert!(figures.contains("3 detections overlap no object"), "{figures}");
    let missing = json!({"objects": [objects[0], {"box": [0, 0, 1, 1], "label": "cat"}]}).to_string();
    let ran = eval(&[], &missing).expect(1);
    assert!(ran.stderr.contains("objects[1] has no \"predictions\"; dl-classify --input objects"), "{}", ran.stderr);
}
