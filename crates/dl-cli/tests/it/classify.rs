//! `dl-classify` and `dl-eval classify`, as a user runs them.

use std::fs;

use serde_json::{Value, json};

use crate::embed::write_small_network;
use crate::support::{run, shared};

#[test]
fn squeezenet_names_the_photographs() {
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
fn names_of_classes_come_from_a_file_and_must_be_as_many() {
    let folder = tempfile::tempdir().unwrap();
    let (model, labels) = (folder.path().join("m.safetensors"), folder.path().join("labels.txt"));
    write_small_network(&model);
    fs::write(&labels, "a\nb\nc\nd\ne\n").unwrap();
    let (model, labels) = (model.to_str().unwrap(), labels.to_str().unwrap());
    let picture = folder.path().join("p.png");
    image::RgbImage::new(30, 30).save(&picture).unwrap();
    let picture = picture.to_str().unwrap();
    let record = &run("dl-classify", &["--model", model, "--label-file", labels, picture], "").expect(0).records()[0];
    assert!("abcde".contains(record["predictions"][0]["label"].as_str().unwrap()));
    fs::write(labels, "a\nb\n").unwrap();
    let ran = run("dl-classify", &["--model", model, "--label-file", labels, picture], "").expect(2);
    assert!(ran.stderr.contains("has 2 names for 5 classes"), "{}", ran.stderr);
}

fn sample(label: &str, scores: &[(&str, f64)]) -> String {
    let predictions: Vec<Value> = scores.iter().map(|(label, score)| json!({"label": label, "score": score})).collect();
    format!("{}\n", json!({"id": label, "label": label, "predictions": predictions}))
}

#[test]
fn a_classifier_is_measured_and_its_confusion_is_drawn() {
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
fn a_sample_without_its_true_class_is_told() {
    let line = "{\"id\":\"x\",\"predictions\":[]}\n";
    let ran = run("dl-eval", &["classify"], &format!("{line}{}", sample("a", &[("a", 1.0)]))).expect(1);
    assert!(ran.stderr.contains("dl-eval: <stdin>:1:") && ran.stderr.contains("\"label\""), "{}", ran.stderr);
    assert_eq!(ran.records()[0]["errors"], 1);
}
