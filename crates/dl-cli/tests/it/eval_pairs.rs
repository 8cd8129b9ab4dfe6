//! `dl-eval` on pairs of images, as a user runs it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use image::RgbImage;
use serde_json::{Value, json};

use crate::support::{run, shared};

#[track_caller]
fn eval(args: &[&str], stdin: &str) -> Value {
    let ran = run("dl-eval", args, stdin).expect(0);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

#[track_caller]
fn close(found: &Value, expected: f64, tolerance: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
}

/// An image of a wave, `brighter` by some levels.
fn save(path: &Path, width: u32, height: u32, brighter: u8) -> String {
    let image = RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([0, 40, 80].map(|shift| ((3 * x + 5 * y + shift) % 200) as u8 + brighter))
    });
    image.save(path).unwrap();
    path.display().to_string()
}

#[test]
fn figures_equal_the_stated_ones_of_the_shared_pairs() {
    let Some(folder) = shared("data/gan-metrics") else { return };
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("pairs.expected.json")).unwrap()).unwrap();
    let pairs = expected["pairs"].as_array().unwrap();
    let line = |pair: &Value| {
        let path = |key: &str| folder.join(pair[key].as_str().unwrap()).display().to_string();
        format!("{}\n", json!({"id": pair["first"], "image": path("first"), "target": path("second")}))
    };
    let mean = |key: &str, pairs: &[&Value]| {
        pairs.iter().map(|pair| pair[key].as_f64().unwrap()).sum::<f64>() / pairs.len() as f64
    };
    let all: Vec<&Value> = pairs.iter().collect();
    // BasicSR's luma of a gray image is of its three equal channels, which the expected values do not have.
    let colored: Vec<&Value> = pairs.iter().filter(|pair| pair["channels"] == 3).collect();
    let lines = |pairs: &[&Value]| pairs.iter().map(|pair| line(pair)).collect::<String>();
    let sr = ["--protocol", "sr", "--border"];
    let cases: [(&[&str], &str, &[&Value]); 7] = [
        (&["psnr"], "psnr", &all),
        (&["psnr", sr[0], sr[1], sr[2], "4"], "psnr_y_border4", &colored),
        (&["ssim"], "ssim_scikit_image_default", &all),
        (&["ssim", sr[0], sr[1], sr[2], "0", "--channels", "rgb"], "ssim", &all),
        (&["ssim", sr[0], sr[1], sr[2], "0"], "ssim_y_border0", &colored),
        (&["ssim", sr[0], sr[1], sr[2], "4"], "ssim_y_border4", &colored),
        (&["ms-ssim"], "ms_ssim", &all),
    ];
    for (args, key, pairs) in cases {
        let found = eval(&[args, &["-q", "--field", "target"]].concat(), &lines(pairs));
        close(&found[args[0].replace('-', "_")], mean(key, pairs), 1e-6);
        assert_eq!(found["images"], pairs.len());
    }
}

#[test]
fn pairs_are_fields_of_a_record_records_of_a_file_or_images_of_two_folders() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["made", "real"] {
        fs::create_dir(at(name)).unwrap();
    }
    let (mut fields, mut made, mut real) = (String::new(), String::new(), String::new());
    for (index, brighter) in [1, 2, 4].into_iter().enumerate() {
        let image = save(&at("made").join(format!("{index}.png")), 30, 20, brighter);
        let target = save(&at("real").join(format!("{index}.png")), 30, 20, 0);
        fields += &format!("{}\n", json!({"id": index.to_string(), "image": image, "target": target, "mine": 1.50}));
        made += &format!("{}\n", json!({"id": index.to_string(), "image": image}));
        // In another order.
        real.insert_str(0, &format!("{}\n", json!({"id": index.to_string(), "image": target})));
    }
    let expected = [1.0_f64, 2.0, 4.0].map(|level| 20.0 * (255.0 / level).log10());
    let mean = expected.iter().sum::<f64>() / 3.0;
    fs::write(at("real.jsonl"), real).unwrap();
    let path = |name: &str| at(name).display().to_string();
    let measured = path("measured.jsonl");
    let by_field = eval(&["psnr", "-q", "--field", "target", "--records", &measured], &fields);
    let by_id = eval(&["psnr", "-q", "--against", &path("real.jsonl")], &made);
    let by_name = eval(&["psnr", "-q", "--against", &path("real"), &path("made")], "");
    for found in [by_field, by_id, by_name] {
        close(&found["psnr"], mean, 1e-9);
        let details = [&found["images"], &found["protocol"], &found["channels"], &found["border"], &found["errors"]];
        assert_eq!(details, [&json!(3), &json!("skimage"), &json!("rgb"), &json!(0), &json!(0)]);
    }
    let lines = fs::read_to_string(&measured).unwrap();
    for (line, expected) in lines.lines().zip(expected) {
        let record: Value = serde_json::from_str(line).unwrap();
        close(&record["psnr"], expected, 1e-9);
        assert!(line.contains("\"mine\":1.5") && record["width"] == 30, "{line}");
    }
    assert_eq!(lines.lines().count(), 3);
    let table = run("dl-eval", &["psnr", "--format", "table", "--field", "target"], &fields).expect(0).stdout;
    assert!(table.starts_with("psnr ") && table.contains("skimage"), "{table}");
}

#[test]
fn equal_images_are_infinitely_alike_and_are_counted_apart() {
    let folder = tempfile::tempdir().unwrap();
    let same = save(&folder.path().join("same.png"), 24, 24, 0);
    let other = save(&folder.path().join("other.png"), 24, 24, 2);
    let line = |target: &str| format!("{}\n", json!({"image": same, "target": target}));
    let found = eval(&["psnr", "-q", "--field", "target"], &(line(&same) + &line(&other)));
    assert_eq!((found["images"].as_u64(), found["infinite"].as_u64()), (Some(2), Some(1)));
    close(&found["psnr"], 20.0 * (255_f64 / 2.0).log10(), 1e-9);
    let found = eval(&["psnr", "-q", "--field", "target"], &line(&same));
    assert_eq!(found["psnr"], Value::Null);
    close(&eval(&["ssim", "-q", "--field", "target"], &line(&same))["ssim"], 1.0, 1e-12);
}

#[test]
fn pairs_that_cannot_be_compared_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let small = save(&folder.path().join("small.png"), 24, 20, 0);
    let large = save(&folder.path().join("large.png"), 25, 20, 0);
    let record =
        |id: &str, image: &str, target: &str| format!("{}\n", json!({"id": id, "image": image, "target": target}));
    let good = record("a", &small, &small);
    let stdin = format!(
        "{good}{}{}{}{}\n",
        record("b", &small, &large),
        record("c", &small, "no-such.png"),
        format_args!("{}\n", json!({"id": "d", "image": small})),
        json!({"id": "e", "error": {"tool": "dl-gan-edit", "message": "out of memory"}}),
    );
    let ran = run("dl-eval", &["ssim", "--field", "target"], &stdin).expect(1);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((found["images"].as_u64(), found["errors"].as_u64()), (Some(1), Some(4)));
    for message in [
        "<stdin>:2: the images differ in size: 24 x 20 pixels and 25 x 20 pixels",
        "no-such.png",
        "<stdin>:4: ",
        "1 record carries \"error\"",
    ] {
        assert!(ran.stderr.contains(message), "no {message} in\n{}", ran.stderr);
    }
    // By id.
    let against = folder.path().join("real.jsonl");
    fs::write(&against, format!("{good}{good}{}", record("b", &large, &large))).unwrap();
    let against = against.display().to_string();
    let ran = run("dl-eval", &["psnr", "--against", &against], &record("z", &small, &small)).expect(1);
    assert!(ran.stderr.contains("duplicate id \"a\""), "{}", ran.stderr);
    assert!(ran.stderr.contains("has no record with the id \"z\""), "{}", ran.stderr);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("nothing to measure"), "{}", ran.stderr);
    // Options.
    let ran = run("dl-eval", &["psnr", "--protocol", "sr", "--field", "target"], &good).expect(2);
    assert!(ran.stderr.contains("--border 4"), "{}", ran.stderr);
    let ran = run("dl-eval", &["psnr", "--border", "10", "--field", "target"], &good).expect(1);
    assert!(ran.stderr.contains("24 x 20 pixels less a border of 10 leave nothing"), "{}", ran.stderr);
    run("dl-eval", &["psnr"], &good).expect(2);
    let ran = run("dl-eval", &["ms-ssim", "--field", "target"], &good).expect(1);
    assert!(ran.stderr.contains("each side needs at least 176"), "{}", ran.stderr);
}

#[test]
fn lpips_equals_the_stated_distances() {
    let Some(weights) = shared("weights/lpips_linear.safetensors") else { return };
    let at = |name: &str| weights.with_file_name(name).display().to_string();
    let expected: Value = serde_json::from_slice(&fs::read(at("lpips.expected.json")).unwrap()).unwrap();
    let expected = &expected["results"]["squeeze"];
    let pixels = candle_core::safetensors::load(at("lpips.input.safetensors"), &Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, index: usize| {
        let planes = pixels[name].get(index).unwrap();
        let (_, height, width) = planes.dims3().unwrap();
        // CHW -> HWC
        let bytes: Vec<u8> = planes.permute((1, 2, 0)).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let path = folder.path().join(format!("{name}{index}.png"));
        RgbImage::from_raw(width as u32, height as u32, bytes).unwrap().save(&path).unwrap();
        path.display().to_string()
    };
    let line = |index: usize| format!("{}\n", json!({"image": path("first", index), "target": path("second", index)}));
    let lines = line(0) + &line(1);
    let measured = folder.path().join("measured.jsonl").display().to_string();
    let (trunk, linear) = (at("lpips_squeeze_random_trunk.safetensors"), weights.display().to_string());
    let options = ["lpips", "-q", "--model", &trunk, "--field", "target"];
    let found = eval(&[&options[..], &["--linear", &linear, "--records", &measured]].concat(), &lines);
    let of_pair = |key: &str, index: usize| expected[key][index].as_f64().unwrap();
    close(&found["lpips"], (of_pair("lpips", 0) + of_pair("lpips", 1)) / 2.0, 1e-6);
    assert!(found["network"].as_str().unwrap().starts_with("squeezenet1_1:"), "{found}");
    assert_eq!((found["calibration"].as_str(), found["layers"].as_object().unwrap().len()), (Some("linear"), 7));
    for (index, line) in fs::read_to_string(&measured).unwrap().lines().enumerate() {
        let record: Value = serde_json::from_str(line).unwrap();
        close(&record["lpips"], of_pair("lpips", index), 1e-6);
    }
    let found = eval(&[&options[..], &["--uncalibrated"]].concat(), &lines);
    let key = "without_linear_layers";
    close(&found["lpips"], (of_pair(key, 0) + of_pair(key, 1)) / 2.0, 1e-5);
    run("dl-eval", &options, &lines).expect(2);
}

#[test]
fn lpips_refuses_files_that_are_no_trunk_and_no_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let tensors = HashMap::from([("a".to_owned(), Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap())]);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let path = path.display().to_string();
    let ran = run("dl-eval", &["lpips", "--model", &path, "--uncalibrated", "--field", "target"], "").expect(2);
    assert!(ran.stderr.contains("other.safetensors: has no trunk of LPIPS"), "{}", ran.stderr);
}
