//! `dl-gan-edit`, as a user runs it.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;
use dl_models::gan::{Translator, TranslatorConfig};
use dl_models::{Parameters, Precision, checkpoint};
use image::{GrayImage, Luma, LumaA, Rgb, RgbImage, Rgba};
use serde_json::{Value, json};

use crate::support::{Ran, run};

/// Writes a small seeded generator.
pub fn write_generator(path: &Path, name: &str, options: &Value) {
    let parameters = Parameters::fresh(3);
    let config = TranslatorConfig::new(name, options).unwrap();
    let translator = Translator::new(config, &parameters.builder(&Device::Cpu)).unwrap();
    checkpoint::save(path, &translator.config, &parameters.tensors(), Precision::F32).unwrap();
}

/// A folder with a model that enlarges twice, one that translates, and an image.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        write_generator(&bench.at("x2.safetensors"), "rdn", &json!({"channels": 8}));
        write_generator(&bench.at("style.safetensors"), "cyclegan", &json!({"blocks": 1, "channels": 4}));
        let photo = RgbImage::from_fn(21, 14, |x, y| Rgb([(9 * x) as u8, (11 * y) as u8, (5 * (x + y)) as u8]));
        photo.save(bench.at("photo.png")).unwrap();
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    fn edit(&self, command: &str, more: &[&str], stream: &str) -> Ran {
        let model = if command == "translate" { "style.safetensors" } else { "x2.safetensors" };
        run("dl-gan-edit", &[&[command, "--model", &self.path(model)], more].concat(), stream)
    }
}

fn opened(record: &Value) -> image::DynamicImage {
    let name = record["image"].as_str().unwrap();
    match name.strip_prefix("data:image/png;base64,") {
        Some(text) => {
            use base64::Engine;
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
            image::load_from_memory(&bytes).unwrap()
        }
        None => image::open(name).unwrap(),
    }
}

#[test]
fn an_image_is_replaced_and_everything_else_stays() {
    let bench = Bench::new();
    let line = json!({
        "id": "a/b", "image": bench.path("photo.png"), "mine": [1.50, null], "label": "cat",
        "objects": [{"box": [1, 2, 5, 8.5], "label": "eye", "area": 10.0}],
        "proposals": [{"box": [0, 0, 4, 4], "score": 1.0}],
        "detections": [{"box": [3, 3, 4, 5], "label": "eye", "score": 0.5}],
    });
    for command in ["super-resolve", "translate"] {
        let folder = bench.path(command);
        let ran = bench.edit(command, &["--output-dir", &folder], &line.to_string()).expect(0);
        let record = &ran.records()[0];
        let scale = if command == "translate" { 1 } else { 2 };
        assert_eq!(record["image"], bench.path(&format!("{command}/a/b.png")));
        assert_eq!(opened(record).to_rgb8().dimensions(), (21 * scale, 14 * scale));
        assert_eq!((&record["width"], &record["height"]), (&json!(21 * scale), &json!(14 * scale)));
        for field in ["id", "mine", "label"] {
            assert_eq!(record[field], line[field], "{field}");
        }
        assert!(ran.stdout.contains("[1.5,null]") || ran.stdout.contains("[1.50,null]"));
        let first = |field: &str, number: usize| record[field][0]["box"][number].as_f64().unwrap();
        assert_eq!(first("objects", 3), 8.5 * f64::from(scale));
        assert_eq!(record["objects"][0]["area"].as_f64(), Some(10.0 * f64::from(scale * scale)));
        assert_eq!((first("proposals", 2), first("detections", 0)), (4.0 * f64::from(scale), 3.0 * f64::from(scale)));
        // Again, over the same file.
        bench.edit(command, &["--out-dir", &folder], &line.to_string()).expect(0);
    }
}

#[test]
fn without_a_folder_the_result_is_in_the_record_and_the_id_stays() {
    let bench = Bench::new();
    let photo = bench.path("photo.png");
    let ran = bench.edit("super-resolve", &[&photo], "").expect(0);
    let record = &ran.records()[0];
    assert_eq!(record["id"], photo);
    assert!(record["image"].as_str().unwrap().starts_with("data:image/png;base64,"));
    assert_eq!(opened(record).to_rgb8().dimensions(), (42, 28));
    // The next program reads it.
    run("dl-data", &["check"], &ran.stdout).expect(0);
    let jpeg = bench.edit("translate", &[&photo, "--format", "jpg"], "").expect(0);
    assert!(jpeg.records()[0]["image"].as_str().unwrap().starts_with("data:image/jpeg;base64,"));
}

#[test]
fn gray_stays_gray_and_transparency_is_enlarged_beside() {
    let bench = Bench::new();
    GrayImage::from_fn(9, 7, |x, y| Luma([(20 * x + y) as u8])).save(bench.at("gray.png")).unwrap();
    image::ImageBuffer::from_fn(9, 7, |x, _| LumaA([90_u8, if x < 4 { 0 } else { 255 }]))
        .save(bench.at("glass.png"))
        .unwrap();
    let rgba = image::ImageBuffer::from_fn(9, 7, |x, y| {
        Rgba([(20 * x) as u8, 50, (9 * y) as u8, if y < 3 { 0 } else { 255 }])
    });
    rgba.save(bench.at("sign.png")).unwrap();
    let names = ["gray.png", "glass.png", "sign.png"].map(|name| bench.path(name));
    let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
    let ran = bench.edit("super-resolve", &inputs, "").expect(0);
    let colors: Vec<image::ColorType> = ran.records().iter().map(|record| opened(record).color()).collect();
    assert_eq!(colors, [image::ColorType::L8, image::ColorType::La8, image::ColorType::Rgba8]);
    let sign = opened(&ran.records()[2]).to_rgba8();
    assert_eq!(sign.dimensions(), (18, 14));
    assert_eq!((sign.get_pixel(5, 0).0[3], sign.get_pixel(5, 13).0[3]), (0, 255));
    // The colors do not depend on the transparency.
    let opaque = RgbImage::from_fn(9, 7, |x, y| Rgb([rgba.get_pixel(x, y).0[0], 50, rgba.get_pixel(x, y).0[2]]));
    opaque.save(bench.at("opaque.png")).unwrap();
    let other = bench.edit("super-resolve", &[&bench.path("opaque.png")], "").expect(0);
    let other = opened(&other.records()[0]).to_rgb8();
    assert!(sign.pixels().zip(other.pixels()).all(|(a, b)| a.0[..3] == b.0));
    // An image that keeps its size keeps its transparency.
    let ran = bench.edit("translate", &[&names[2]], "").expect(0);
    let translated = opened(&ran.records()[0]).to_rgba8();
    assert!(translated.pixels().zip(rgba.pixels()).all(|(a, b)| a.0[3] == b.0[3]));
    let ran = bench.edit("translate", &[&names[2], "--format", "jpg"], "").expect(1);
    assert!(ran.stderr.contains("a JPEG cannot store; use --format png"), "{}", ran.stderr);
}

#[test]
fn tiles_and_threads_do_not_change_the_result() {
    let bench = Bench::new();
    let image = RgbImage::from_fn(150, 90, |x, y| Rgb([(x * y) as u8, (3 * x) as u8, (7 * y) as u8]));
    image.save(bench.at("large.png")).unwrap();
    let large = bench.path("large.png");
    let results: Vec<RgbImage> = [vec![], vec!["--tile", "50"], vec!["--threads", "1"], vec!["--threads", "3"]]
        .iter()
        .map(|more| {
            let ran = bench.edit("super-resolve", &[&[large.as_str()], more.as_slice()].concat(), "").expect(0);
            opened(&ran.records()[0]).to_rgb8()
        })
        .collect();
    assert_eq!(results[2].as_raw(), results[3].as_raw());
    let far = results[0].as_raw().iter().zip(results[1].as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(far <= 1, "{far}");
    assert_eq!(results[0].as_raw(), results[2].as_raw());
}

#[test]
fn bad_input_is_one_line_that_says_what_to_do() {
    let bench = Bench::new();
    let photo = bench.path("photo.png");
    let fails = |command: &str, model: &str, more: &[&str], expected: &str| {
        let ran = run("dl-gan-edit", &[&[command, "--model", model, &photo], more].concat(), "").expect(2);
        assert!(ran.stderr.contains(expected) && ran.stderr.lines().count() == 1, "{}", ran.stderr);
        assert!(ran.stdout.is_empty());
    };
    let (large, style) = (bench.path("x2.safetensors"), bench.path("style.safetensors"));
    fails("translate", &large, &[], "rdn enlarges images; use dl-gan-edit super-resolve");
    fails("super-resolve", &style, &[], "cyclegan translates images; use dl-gan-edit translate");
    fails("translate", "testdata/models/signs.safetensors", &[], "contains a network for images, not a generator");
    fails("super-resolve", &large, &["--tile", "5"], "--tile: tiles of 5 pixels are too small");
    fails("super-resolve", &large, &["--output-dir", &photo], "is a file, not a folder");
    fails("super-resolve", "none.safetensors", &[], "none.safetensors");

    // Of records.
    let record = |id: &str, more: Value| {
        let mut record = json!({"id": id, "image": photo});
        more.as_object().unwrap().iter().for_each(|(key, value)| record[key] = value.clone());
        record.to_string() + "\n"
    };
    let mask = json!({"objects": [{"box": [0, 0, 2, 2], "label": "a", "mask": {"size": [14, 21], "counts": "0"}}]});
    let stream = record("masked", mask) + &record("small", json!({"width": 5})) + &record("good", json!({}));
    let ran = bench.edit("super-resolve", &[], &stream).expect(1);
    let records = ran.records();
    assert_eq!(records.len(), 3);
    assert!(records[0]["error"]["message"].as_str().unwrap().contains("masks"), "{}", records[0]);
    assert!(records[1]["error"]["message"].as_str().unwrap().contains("the record says 5 x ?"), "{}", records[1]);
    assert!(records[2].get("error").is_none());
    // A failed record keeps its image.
    assert_eq!(records[0]["image"], photo);
}

#[test]
fn nothing_but_earlier_results_is_replaced() {
    let bench = Bench::new();
    let folder = bench.path("out");
    fs::create_dir(&folder).unwrap();
    fs::copy(bench.at("photo.png"), bench.at("out/a.png")).unwrap();
    let before = fs::read(bench.at("out/a.png")).unwrap();
    let line = json!({"id": "a", "image": bench.path("photo.png")}).to_string();
    let ran = bench.edit("translate", &["--output-dir", &folder], &line).expect(1);
    assert!(ran.stderr.contains("exists and is not a result of dl-gan-edit"), "{}", ran.stderr);
    let line = json!({"id": "a", "image": bench.path("out/a.png")}).to_string();
    let ran = bench.edit("translate", &["--output-dir", &folder], &line).expect(1);
    assert!(ran.stderr.contains("would replace the image of the record"), "{}", ran.stderr);
    let ran = bench.edit("translate", &["--output-dir", &folder], &line.replace("\"a\"", "\"../../a\"")).expect(0);
    assert_eq!(ran.records()[0]["image"], bench.path("out/up/up/a.png"));
    assert_eq!(fs::read(bench.at("out/a.png")).unwrap(), before);
}

#[test]
fn a_real_model_enlarges_as_its_source_does() {
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights");
    let model = weights.join("esrgan_slim_x2.safetensors");
    if !model.exists() {
        eprintln!("SKIPPED: {} does not exist", model.display());
        return;
    }
    let fixture = weights.join("esrgan_slim.fixture.png").display().to_string();
    let ran = run("dl-gan-edit", &["super-resolve", "--model", model.to_str().unwrap(), &fixture], "").expect(0);
    let found = opened(&ran.records()[0]);
    assert_eq!(found.color(), image::ColorType::Rgba8);
    let expected = image::open(weights.join("esrgan_slim_x2.result.png")).unwrap().to_rgb8();
    let found = found.to_rgb8();
    assert_eq!(found.dimensions(), expected.dimensions());
    assert!(found.as_raw().iter().zip(expected.as_raw()).all(|(a, b)| a.abs_diff(*b) <= 1));
}

#[test]
fn a_generator_is_exported_to_onnx() {
    let bench = Bench::new();
    for model in ["x2.safetensors", "style.safetensors"] {
        let onnx = bench.path("model.onnx");
        let ran = run("dl-model", &["export", &bench.path(model), "--size", "64", "--onnx", &onnx], "").expect(0);
        assert!(ran.stderr.contains("outputs output"), "{}", ran.stderr);
        assert!(fs::metadata(&onnx).unwrap().len() > 1000);
    }
}
