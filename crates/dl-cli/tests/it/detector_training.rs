//! `dl-finetune detector`: a training, its model in use, kills and resumed runs, odd and refused input.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Ran, root, run, run_killed};

fn arguments(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A record with `objects`: [x1, y1, x2, y2] and label.
fn record(id: &str, image: &Path, objects: &[([f64; 4], &str)]) -> Value {
    let objects: Vec<Value> = objects.iter().map(|(bbox, label)| json!({"box": bbox, "label": label})).collect();
    json!({"id": id, "image": image, "width": 64, "height": 48, "objects": objects})
}

/// Images of 64 x 48 pixels: a red square or a blue one on gray; every fifth has none.
fn squares(folder: &Path, count: usize) -> Vec<Value> {
    let image = |index: usize| {
        let path = folder.join(format!("{index}.png"));
        let (x, y, side) = (4 + (index * 13) % 32, 2 + (index * 7) % 18, 18 + index % 8);
        let (label, color) = if index.is_multiple_of(2) { ("red", [220, 30, 30]) } else { ("blue", [30, 30, 220]) };
        let is_empty = index % 5 == 4;
        let inside = |px: u32, py: u32| {
            !is_empty && (x..x + side).contains(&(px as usize)) && (y..y + side).contains(&(py as usize))
        };
        let pixels = image::RgbImage::from_fn(64, 48, |px, py| {
            image::Rgb(if inside(px, py) { color } else { [100 + (index * 9 % 50) as u8; 3] })
        });
        pixels.save(&path).unwrap();
        let bbox = [x as f64, y as f64, (x + side) as f64, (y + side) as f64];
        let objects = [(bbox, label)];
        record(&format!("r{index}"), &path, if is_empty { &[] } else { &objects })
    };
    (0..count).map(image).collect()
}

fn written(folder: &Path, name: &str, records: &[Value]) -> String {
    let path = folder.join(name);
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    fs::write(&path, lines).unwrap();
    path.to_str().unwrap().to_owned()
}

fn train(model: &Path, input: &str, more: &str) -> Ran {
    run("dl-finetune", &arguments(&format!("detector {input} --output {} {more}", model.display())), "")
}

/// A small SSD for small images.
const SSD: &str = "--arch ssd_mobilenet_v1 --width-mult 0.25 --size 96 --batch 4 --default-boxes objects";
/// A small Fast YOLO, padded and with a finer grid.
const YOLO: &str = "--arch fast_yolo --width-mult 0.0625 --size 64 --grid 3 --resize pad --augment yolo --batch 4";

fn log_of(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn mean_loss(lines: &[&Value]) -> f64 {
    lines.iter().map(|line| line["loss"].as_f64().unwrap()).sum::<f64>() / lines.len() as f64
}

#[test]
fn a_trained_ssd_finds_what_it_was_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let records = squares(folder.path(), 20);
    let (input, model) = (written(folder.path(), "train.jsonl", &records), folder.path().join("m.safetensors"));
    let log = folder.path().join("log.jsonl");
    let more =
        format!("{SSD} --lr 0.01 --iterations 120 --val {input} --validate-every 40 --ema 0.9 --log {}", log.display());
    let input2 = written(folder.path(), "same.jsonl", &records);
    let ran = train(&model, &input2, &more).expect(0);
    assert!(ran.stderr.contains("20 images, 16 objects of 2 classes, 4 images without objects"), "{}", ran.stderr);
    let lines = log_of(&log);
    let steps: Vec<&Value> = lines.iter().filter(|line| line.get("loss").is_some()).collect();
    assert_eq!(steps.len(), 120);
    for step in &steps {
        let parts = ["bbox_regression", "classification"].map(|part| step[part].as_f64().unwrap());
        let loss = step["loss"].as_f64().unwrap();
        assert!((parts[0] + parts[1] - loss).abs() < 1e-4 * loss.max(1.0), "{step}");
    }
    assert!(mean_loss(&steps[100..]) < 0.5 * mean_loss(&steps[..10]));
    let best = lines.iter().filter_map(|line| line.get("val_AP50")?.as_f64()).fold(0.0, f64::max);
    assert!(best > 0.5, "{best}");

    // The file opens everywhere, and an evaluation of its detections gives the figure of the log.
    let found = run("dl-detect", &["--model", model.to_str().unwrap(), &input], "").expect(0);
    assert!(found.records().iter().any(|record| !record["detections"].as_array().unwrap().is_empty()));
    let figures = run("dl-eval", &["coco"], &found.stdout).expect(0);
    let figure = format!("{best:.3}");
    assert!(figures.stdout.contains(&figure[..4]), "{figure}\n{}", figures.stdout);
    run("dl-model", &["info", model.to_str().unwrap()], "").expect(0);
    run("dl-draw", &["curves", log.to_str().unwrap(), "--output", &format!("{}.png", log.display())], "").expect(0);

    // Other labels keep all but the class scores; the same ones keep everything.
    let tuned = folder.path().join("tuned.safetensors");
    let from = format!("--init-from {} --iterations 2 --batch 2", model.display());
    let more = format!("{from} --freeze all");
    let ran = train(&tuned, &input, &more).expect(0);
    assert!(!ran.stderr.contains("new:") && ran.stderr.contains("tensors are frozen"), "{}", ran.stderr);
    let mut one = records.clone();
    one.retain(|record| record["objects"][0]["label"] == "red");
    let input = written(folder.path(), "red.jsonl", &one);
    let ran = train(&tuned, &input, &format!("{more} --force")).expect(0);
    assert!(ran.stderr.contains("new: classification_headers.0.bias"), "{}", ran.stderr);
    let ran = train(&tuned, &input, &format!("{from} --force --freeze nothing.here")).expect(2);
    assert!(ran.stderr.contains("layer nothing.here does not exist"), "{}", ran.stderr);
}

#[test]
fn a_trained_yolo_opens_with_its_grid_and_its_labels() {
    let folder = tempfile::tempdir().unwrap();
    let records = squares(folder.path(), 12);
    let (input, model) = (written(folder.path(), "train.jsonl", &records), folder.path().join("m.safetensors"));
    let log = folder.path().join("log.jsonl");
    train(&model, &input, &format!("{YOLO} --iterations 60 --log {}", log.display())).expect(0);
    let lines = log_of(&log);
    let steps: Vec<&Value> = lines.iter().collect();
    for part in ["coordinates", "object", "no_object", "class"] {
        assert!(steps[0][part].is_number(), "{}", steps[0]);
    }
    assert!(mean_loss(&steps[50..]) < 0.8 * mean_loss(&steps[..10]));
    let model = model.to_str().unwrap();
    let found = run("dl-detect", &["--model", model, "--score", "0.001", "--classes", "red", &input], "").expect(0);
    assert_eq!(found.records().len(), 12);
    let tuned = folder.path().join("tuned.safetensors");
    let ran = train(&tuned, &input, &format!("--init-from {model} --iterations 2 --batch 2")).expect(0);
    assert!(!ran.stderr.contains("new:"), "{}", ran.stderr);
    let cfg = folder.path().join("tiny.cfg");
    let text = "[net]\nheight=32\nwidth=32\n[convolutional]\nfilters=4\nsize=3\nstride=2\npad=1\nactivation=leaky\n\
                [connected]\noutput=120\nactivation=linear\n[detection]\nclasses=20\ncoords=4\nside=2\nnum=2\nsqrt=1\n\
                rescore=1\nnoobject_scale=.5\ncoord_scale=5\n";
    fs::write(&cfg, text).unwrap();
    train(&tuned, &input, &format!("--arch {} --iterations 2 --batch 2 --force", cfg.display())).expect(0);
    run("dl-detect", &["--model", tuned.to_str().unwrap(), &input], "").expect(0);
}

#[test]
fn a_training_killed_at_any_moment_resumes_to_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let input = written(folder.path(), "train.jsonl", &squares(folder.path(), 12));
    let options = format!(
        "{SSD} --iterations 36 --resume --checkpoint-every 3 --val-fraction 0.3 --validate-every 5 --ema 0.9 \
         --accumulate 2 --augment ssd --optimizer adamw"
    );
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name).join("m.safetensors"));
    for model in [&whole, &broken] {
        fs::create_dir_all(model.parent().unwrap()).unwrap();
    }
    train(&whole, &input, &options).expect(0);
    let args = arguments(&format!("detector {input} --output {} {options}", broken.display()));
    let kills = run_killed("dl-finetune", &args, 20, |kills| Duration::from_millis(150 + (kills * 137 + 11) % 900));
    assert!(kills >= 1, "{kills} kills");
    let last = |model: &Path| -> PathBuf { model.with_file_name("m.last.safetensors") };
    assert!(fs::read(&whole).unwrap() == fs::read(&broken).unwrap());
    assert!(fs::read(last(&whole)).unwrap() == fs::read(last(&broken)).unwrap());
}

#[test]
fn odd_records_are_counted_and_do_not_end_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = squares(folder.path(), 6);
    let pixel = folder.path().join("pixel.png");
    image::RgbImage::from_pixel(1, 1, image::Rgb([9, 9, 9])).save(&pixel).unwrap();
    records.push(record("pixel", &pixel, &[([0.0, 0.0, 1.0, 1.0], "red")]));
    let odd = record(
        "odd",
        &folder.path().join("0.png"),
        &[([5.0, 5.0, 5.0, 9.0], "red"), ([100.0, 0.0, 120.0, 9.0], "blue"), ([1.0, 1.0, 30.0, 30.0], "red")],
    );
    records.push(odd);
    records.push(json!({"id": "bare", "image": "0.png"}));
    records.push(record("missing", &folder.path().join("missing.png"), &[]));
    let (input, model) = (written(folder.path(), "train.jsonl", &records), folder.path().join("m.safetensors"));
    let ran = train(&model, &input, &format!("{SSD} --iterations 6 --augment ssd")).expect(1);
    assert!(ran.stderr.contains("not trained on: 1 empty box, 1 box outside of its image"), "{}", ran.stderr);
    assert!(ran.stderr.contains("has no \"objects\"; an image without objects has an empty list"), "{}", ran.stderr);
    assert!(ran.stderr.contains("missing.png"), "{}", ran.stderr);
    assert!(model.exists());
}

#[test]
fn a_recipe_is_stored_with_the_model_and_refused_for_other_detectors() {
    let folder = tempfile::tempdir().unwrap();
    let input = written(folder.path(), "train.jsonl", &squares(folder.path(), 6));
    let model = folder.path().join("m.safetensors");
    let zf = "--arch faster_rcnn --backbone zf --width-mult 0.0625 --size 64 --option fpn=none --option box_hidden=16 \
              --batch 2 --iterations 2 --force";
    for (program, recipe, mean) in [("caffe", "faster-caffe", 102.9801), ("detectron2", "detectron2", 103.53)] {
        train(&model, &input, &format!("{zf} --recipe {program}")).expect(0);
        let config = run("dl-model", &["info", model.to_str().unwrap()], "").expect(0).records()[0]["config"].clone();
        assert_eq!((&config["options"]["recipe"], &config["options"]["body"]), (&json!(recipe), &json!("zf")));
        let stored = config["preprocessing"]["mean"][0].as_f64().unwrap();
        assert!((stored - mean).abs() < 1e-4, "{config}");
        run("dl-detect", &["--model", model.to_str().unwrap(), &input], "").expect(0);
    }
    let kept = fs::read(&model).unwrap();
    for (arguments, words) in [
        (
            format!("{zf} --recipe darknet"),
            "recipe darknet is not for a detector of two stages; choose from torchvision",
        ),
        (format!("{zf} --recipe caffe --option recipe=torchvision"), "--recipe and --option recipe are the same"),
        (format!("{SSD} --force --recipe detectron2"), "recipe detectron2 is not for an SSD; choose from torchvision"),
        (format!("{YOLO} --force --recipe caffe"), "recipe caffe is not for a YOLO; choose from darknet"),
    ] {
        let ran = train(&model, &input, &arguments).expect(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert!(fs::read(&model).unwrap() == kept, "nothing is overwritten");
}

#[test]
fn unfit_input_is_refused_in_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let records = squares(folder.path(), 6);
    let input = written(folder.path(), "train.jsonl", &records);
    let model = folder.path().join("m.safetensors");
    let refused = |input: &str, more: &str, message: &str| {
        let ran = train(&model, input, more).expect(2);
        assert!(ran.stderr.contains(message), "{more}: {}", ran.stderr);
        assert!(!model.exists());
    };
    let none = written(folder.path(), "none.jsonl", &[record("a", &folder.path().join("0.png"), &[])]);
    refused(&none, SSD, "none of the 1 records has an object to train on");
    let emu = written(
        folder.path(),
        "emu.jsonl",
        &[record("a", &folder.path().join("0.png"), &[([0.0, 0.0, 9.0, 9.0], "emu")])],
    );
    refused(&input, &format!("{SSD} --val {emu}"), "a: the label \"emu\" has no training example");
    refused(&input, &format!("{SSD} --val {none}"), "has an object to validate on");
    refused(&input, "", "which detector? give --arch");
    refused(&input, "--arch alexnet", "--arch alexnet: cannot be trained");
    refused(&input, "--arch fast_yolo --size 100", "multiple of 64");
    refused(&input, "--arch ssd_mobilenet_v1 --grid 7", "--grid is for YOLO");
    let network = root().join("testdata/models/signs.safetensors");
    refused(
        &input,
        &format!("--arch ssd_mobilenet_v1 --init-from {}", network.display()),
        "the trunk of ssd_mobilenet_v1 is a mobilenet_v1",
    );
    let heads = root().join("testdata/models/signs-rcnn.safetensors");
    refused(
        &input,
        &format!("--arch ssd_mobilenet_v1 --init-from {}", heads.display()),
        "not a detector, or a network for images",
    );
}
