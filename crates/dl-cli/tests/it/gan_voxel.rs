//! `dl-gan-train voxel`, `dl-gan-edit voxel` and `dl-eval voxels`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use image::{GrayImage, Luma};
use serde_json::{Value, json};

use crate::support::{Ran, run, run_killed};

const SIDE: usize = 8;

/// A box in the grid: its silhouette, and the NumPy array.
fn solid(index: usize) -> (GrayImage, Vec<u8>) {
    let half = [1 + index % 3, 1 + index / 3 % 3, 1 + index / 2 % 3];
    let inside = |axis: usize, at: usize| (SIDE / 2 - half[axis]..SIDE / 2 + half[axis]).contains(&at);
    let header = format!("{{'descr': '|b1', 'fortran_order': False, 'shape': ({SIDE}, {SIDE}, {SIDE}), }}");
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend(format!("{header:<117}\n").bytes());
    for z in 0..SIDE {
        for y in 0..SIDE {
            npy.extend((0..SIDE).map(|x| u8::from(inside(0, z) && inside(1, y) && inside(2, x))));
        }
    }
    let image = GrayImage::from_fn(SIDE as u32, SIDE as u32, |x, y| {
        Luma([if inside(1, y as usize) && inside(2, x as usize) { 255 } else { 0 }])
    });
    (image, npy)
}

/// Records of solids in a folder.
fn records(folder: &Path, count: usize) -> String {
    let mut all = String::new();
    for index in 0..count {
        let (image, npy) = solid(index);
        let path = |ending: &str| folder.join(format!("s{index}.{ending}"));
        image.save(path("png")).unwrap();
        fs::write(path("npy"), npy).unwrap();
        let record = json!({"id": format!("s{index}"), "image": path("png"), "voxels": path("npy"), "label": "box"});
        all += &format!("{record}\n");
    }
    all
}

fn train(words: &str, output: &Path, input: &str) -> Ran {
    let words: Vec<&str> = words.split(' ').collect();
    run("dl-gan-train", &[&words[..], &["--output", output.to_str().unwrap()]].concat(), input)
}

#[test]
fn solids_are_made_of_silhouettes_exported_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let input = records(folder.path(), 24);
    let model = folder.path().join("solids.safetensors");
    let log = folder.path().join("log.jsonl");
    let words = format!(
        "voxel --channels 8 --iterations 60 --batch 12 --lr-g 0.003 --samples-every 60 --log {}",
        log.display()
    );
    let ran = train(&words, &model, &input).expect(0);
    assert!(ran.stderr.contains("24 solids of 8 x 8 x 8 voxels"), "{}", ran.stderr);
    let log = fs::read_to_string(&log).unwrap();
    let [first, last] = [log.lines().next(), log.lines().rfind(|line| line.contains("iou"))]
        .map(|line| serde_json::from_str::<Value>(line.unwrap()).unwrap());
    let names = ["generator", "discriminator", "voxels", "iou", "d_real", "d_fake", "d_accuracy", "diversity"];
    assert!(names.iter().all(|name| first[name].is_number()), "{first}");
    assert!(last["iou"].as_f64() > first["iou"].as_f64() && last["iou"].as_f64() > Some(0.5), "{first} {last}");
    let sheet = image::open(folder.path().join("solids.samples-000060.png")).unwrap();
    // Silhouettes, and the solids made and true, each named.
    assert_eq!(sheet.height(), 3 * (160 + 4) + 4);
    assert!(sheet.width() > 8 * (160 + 4) + 50, "{}", sheet.width());
    let made = folder.path().join("made");
    let words = ["--largest", "--obj", "--ply", "--draw=64", "--output-dir", made.to_str().unwrap()];
    let words = [&["voxel", "--model", model.to_str().unwrap()], &words[..]].concat();
    let ran = run("dl-gan-edit", &words, &input).expect(0);
    let edited = ran.records();
    assert_eq!(edited.len(), 24);
    for record in &edited {
        assert_eq!(record["label"], "box");
        let path = |field: &str| record[field].as_str().unwrap().to_owned();
        assert!(fs::read_to_string(path("obj")).unwrap().starts_with("v "));
        assert!(fs::read_to_string(path("ply")).unwrap().starts_with("ply\n"));
        assert_eq!(image::open(path("drawing")).unwrap().width(), 64);
        assert_eq!(fs::metadata(path("reconstruction")).unwrap().len(), 128 + 512);
    }
    let train = folder.path().join("train.jsonl");
    fs::write(&train, &input).unwrap();
    let found = run("dl-eval", &["voxels", "--mean-of", train.to_str().unwrap()], &ran.stdout).expect(0);
    let found = found.records().remove(0);
    assert!(found["iou"].as_f64().unwrap() > 0.4 && found["iou_of_mean"].as_f64().unwrap() > 0.1, "{found}");
    assert_eq!(found["solids"].as_u64(), Some(24));
    // The truth itself.
    let same = run("dl-eval", &["voxels", "--field", "voxels"], &input).expect(0).records().remove(0);
    assert_eq!(same["iou"].as_f64(), Some(1.0));
    // Other programs name the right one.
    let ran = run("dl-gan-sample", &[model.to_str().unwrap()], "").expect(2);
    assert!(ran.stderr.contains("dl-gan-edit voxel takes it"), "{}", ran.stderr);
}

#[test]
fn a_training_of_voxels_that_is_killed_resumes_to_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("train.jsonl");
    fs::write(&input, records(folder.path(), 12)).unwrap();
    let args = |name: &str| -> Vec<String> {
        let model = folder.path().join(name).join("solids.safetensors");
        fs::create_dir_all(model.parent().unwrap()).unwrap();
        let words = "voxel --channels 8 --batch 6 --iterations 60 --checkpoint-every 4 --resume";
        let files = [input.display().to_string(), "--output".to_owned(), model.display().to_string()];
        words.split(' ').map(str::to_owned).chain(files).collect()
    };
    let kills = run_killed("dl-gan-train", &args("broken"), 6, |kills| Duration::from_millis(40 + (kills * 67) % 200));
    assert!(kills >= 1, "{kills} kills");
    run("dl-gan-train", &args("whole"), "").expect(0);
    for file in ["solids.safetensors", "solids.last.safetensors"] {
        let [broken, whole] = ["broken", "whole"].map(|name| fs::read(folder.path().join(name).join(file)).unwrap());
        assert!(broken == whole, "{file}");
    }
}

#[test]
fn solids_that_cannot_be_trained_on_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("solids.safetensors");
    let good = records(folder.path(), 3);
    let path = folder.path().join("s9.npy");
    fs::write(&path, "text").unwrap();
    let bad = json!({"id": "s9", "image": folder.path().join("s0.png"), "voxels": path});
    let ran = train("voxel --channels 8 --iterations 1", &model, &format!("{good}{bad}\n{{\"id\":\"a\"}}\n")).expect(1);
    assert!(ran.stderr.contains("s9.npy: is neither a NumPy array"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the record has no \"voxels\""), "{}", ran.stderr);
    fs::remove_file(&model).unwrap();
    for (input, said) in
        [("", "no records to train on"), (good.lines().next().unwrap(), "cannot be trained on one solid")]
    {
        assert!(train("voxel --channels 8", &model, input).expect(2).stderr.contains(said), "{said}");
    }
}
