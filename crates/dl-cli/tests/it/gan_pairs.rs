//! `dl-gan-train srgan|pix2pix|complete|colorize`, and `dl-gan-edit` with what they trained.

use std::fs;
use std::path::Path;
use std::time::Duration;

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::{Value, json};

use crate::support::{Ran, run, run_killed, shared};

/// A bright disc on a dark slope, of `side` pixels; `outline`: its edge alone, white on black.
fn disc(index: u32, side: u32, outline: bool) -> RgbImage {
    let (x0, y0) = (side / 3 + index % 5, side / 3 + index / 5 % 5);
    RgbImage::from_fn(side, side, |x, y| {
        let distance = x.abs_diff(x0) + y.abs_diff(y0);
        match (outline, distance) {
            (true, distance) => Rgb([if distance == side / 4 { 255 } else { 0 }; 3]),
            (false, distance) if distance < side / 4 => Rgb([240, 60 + 10 * (index % 5) as u8, 20]),
            (false, _) => Rgb([20, (3 * x) as u8, (3 * y) as u8]),
        }
    })
}

/// Records with `image`, the outline or the disc, and `sign`, the disc.
fn records(folder: &Path, count: u32, side: u32, outlines: bool) -> String {
    let mut all = String::new();
    for index in 0..count {
        let path = |name: &str| folder.join(format!("{name}-{side}-{index}.png"));
        let (image, sign) = (path(if outlines { "outline" } else { "sign" }), path("sign"));
        disc(index, side, outlines).save(&image).unwrap();
        disc(index, side, false).save(&sign).unwrap();
        all += &format!("{}\n", json!({ "id": format!("r{index}"), "image": image, "sign": sign }));
    }
    all
}

fn train(words: &str, output: &Path, records: &str) -> Ran {
    let words: Vec<&str> = words.split(' ').collect();
    run("dl-gan-train", &[&words[..], &["--output", output.to_str().unwrap()]].concat(), records)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The result of an edit, as an image.
fn edited(words: &[&str], stream: &str) -> Vec<image::DynamicImage> {
    let folder = tempfile::tempdir().unwrap();
    let ran =
        run("dl-gan-edit", &[words, &["--output-dir", folder.path().to_str().unwrap()]].concat(), stream).expect(0);
    ran.records().iter().map(|record| image::open(record["image"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn each_kind_of_pairs_is_trained_with_a_log_and_a_sheet_and_its_model_edits_images() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let held_out = at("val.jsonl");
    fs::write(&held_out, records(folder.path(), 2, 40, true)).unwrap();
    let input = records(folder.path(), 6, 40, true);
    let photo = at("sign-40-0.png");
    let photo = photo.to_str().unwrap();
    for (words, command, scale) in [
        ("srgan --scale 4 --crop 32 --blocks 1", "super-resolve", 4),
        ("srgan --scale 2 --crop 32 --blocks 1 --generator srresnet --adversarial 0 --ema 0.9", "super-resolve", 2),
        ("pix2pix --target sign --size 32 --jitter 1.25 --ema 0.9 --instance-noise 0.1", "translate", 1),
        ("pix2pix --target sign --batch 4 --generator resnet --size 16 --loss lsgan", "translate", 1),
        ("complete --hole 0.2 --label-smoothing 0.1 --batch 4", "complete", 1),
        ("complete --hole-shape center --size 32 --adversarial 0 --variation 1e-4", "complete", 1),
        ("colorize --loss relativistic --no-flip", "colorize", 1),
    ] {
        let (output, log) = (at("model.safetensors"), at("log.jsonl"));
        let more = "--width 0.1 --iterations 4 --samples-every 2 --validate-every 2 --force";
        let words = format!("{words} {more} --val {} --log {}", held_out.display(), log.display());
        let ran = train(&words, &output, &input).expect(0);
        assert!(ran.stderr.contains("PSNR") && ran.stderr.contains("after 4 batches"), "{words}: {}", ran.stderr);
        let log = lines(&fs::read_to_string(&log).unwrap());
        let has_critic = !words.contains("--adversarial 0");
        let game: &[&str] = &["generator", "discriminator", "adversarial", "d_real", "d_fake", "d_accuracy"];
        let names = if has_critic { game } else { &["loss"] };
        assert!(names.iter().chain(&["pixel", "psnr"]).all(|name| log[0][name].is_number()), "{words}: {}", log[0]);
        let validations: Vec<&Value> = log.iter().filter(|line| line["val_psnr"].is_number()).collect();
        assert_eq!(validations.len(), 2, "{words}");
        // A generator that deceives is not chosen by its distance from the targets.
        assert_eq!(validations[0]["best"], !has_critic, "{words}");
        let sheet = image::open(at("model.samples-000002.png")).unwrap();
        // Three rows with gaps of 4 pixels.
        assert!(sheet.height() >= 3 * 68 + 4 && (sheet.height() - 4) % 3 == 0, "{}", sheet.height());
        let model = output.to_str().unwrap();
        let mut edit = vec![command, "--model", model, photo];
        if command == "complete" {
            edit.extend(["--box", "5,6,20,21"]);
        }
        let result = edited(&edit, "").remove(0).to_rgb8();
        assert_eq!(result.dimensions(), (40 * scale, 40 * scale), "{words}");
        // Other commands name the one that takes it.
        let other = if command == "colorize" { "translate" } else { "colorize" };
        let ran = run("dl-gan-edit", &[other, "--model", model, photo], "").expect(2);
        assert!(ran.stderr.contains(&format!("use dl-gan-edit {command}")), "{}", ran.stderr);
        run("dl-model", &["info", model], "").expect(0);
    }
}

#[test]
fn completion_keeps_known_pixels_and_reads_masks_boxes_and_transparency() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let model = at("model.safetensors");
    train("complete --width 0.1 --iterations 2 --size 32 --batch 2", &model, &records(folder.path(), 4, 40, false))
        .expect(0);
    let image = disc(1, 50, false);
    image.save(at("photo.png")).unwrap();
    let inside = |x: u32, y: u32| (10..22).contains(&x) && (5..41).contains(&y);
    let mask = GrayImage::from_fn(50, 50, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
    mask.save(at("mask.png")).unwrap();
    let clear = RgbaImage::from_fn(50, 50, |x, y| {
        let Rgb([red, green, blue]) = *image.get_pixel(x, y);
        Rgba([red, green, blue, if inside(x, y) { 0 } else { 255 }])
    });
    clear.save(at("clear.png")).unwrap();
    let path = |name: &str| at(name).display().to_string();
    let of = |more: &[&str], stream: &str| {
        let model = path("model.safetensors");
        edited(&[&["complete", "--model", &model], more].concat(), stream).remove(0).to_rgb8()
    };
    let line = json!({"id": "a", "image": path("photo.png"), "mask": path("mask.png")}).to_string();
    let results = [
        of(&[&path("photo.png"), "--box", "10,5,22,41"], ""),
        of(&[&path("photo.png"), "--mask", &path("mask.png")], ""),
        of(&[], &line),
        of(&[&path("clear.png")], ""),
        of(&[&path("photo.png"), "--box", "10,5,22,20", "--box", "10,20,22,41", "--tile", "96"], ""),
    ];
    for result in &results {
        let changed = result.enumerate_pixels().filter(|(x, y, pixel)| *pixel != image.get_pixel(*x, *y));
        assert!(changed.clone().count() > 100);
        assert!(changed.into_iter().all(|(x, y, _)| inside(x, y)));
        assert!(*result == results[0]);
    }
    let refused = |more: &[&str], word: &str| {
        let ran = run(
            "dl-gan-edit",
            &[&["complete", "--model", &path("model.safetensors"), &path("photo.png")], more].concat(),
            "",
        );
        assert!(
            ran.status != 0 && (ran.stderr.contains(word) || ran.stdout.contains(word)),
            "{} {}",
            ran.stdout,
            ran.stderr
        );
    };
    refused(&[], "nothing says which pixels are missing");
    refused(&["--box", "60,60,70,70"], "lies outside the image");
    refused(&["--box", "1,2,3"], "expected four numbers");
    GrayImage::new(9, 9).save(at("small.png")).unwrap();
    refused(&["--mask", &path("small.png")], "the mask has 9 x 9 pixels");
}

#[test]
fn colors_have_exactly_the_brightness_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    train("colorize --width 0.1 --iterations 3 --size 32", &model, &records(folder.path(), 4, 40, false)).expect(0);
    let gray = GrayImage::from_fn(45, 37, |x, y| Luma([(5 * x + y) as u8]));
    let path = folder.path().join("gray.png");
    gray.save(&path).unwrap();
    let result =
        edited(&["colorize", "--model", model.to_str().unwrap(), path.to_str().unwrap()], "").remove(0).to_rgb8();
    let level =
        |Rgb([r, g, b]): Rgb<u8>| ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8;
    assert!(result.pixels().zip(gray.pixels()).all(|(color, gray)| level(*color) == gray.0[0]));
    assert!(result.pixels().any(|Rgb([r, g, b])| r != g || g != b));
}

#[test]
fn a_training_on_pairs_killed_at_any_moment_resumes_to_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("train.jsonl");
    fs::write(&input, records(folder.path(), 8, 40, true)).unwrap();
    let args = |name: &str| -> Vec<String> {
        let model = folder.path().join(name).join("model.safetensors");
        fs::create_dir_all(model.parent().unwrap()).unwrap();
        let words = "pix2pix --target sign --size 32 --width 0.2 --batch 4 --iterations 40 --ema 0.9 --checkpoint-every 3 \
                     --instance-noise 0.1 --resume";
        let files = [input.display().to_string(), "--output".to_owned(), model.display().to_string()];
        words.split_whitespace().map(str::to_owned).chain(files).collect()
    };
    let kills = run_killed("dl-gan-train", &args("broken"), 10, |kills| Duration::from_millis(60 + (kills * 97) % 300));
    assert!(kills >= 1, "{kills} kills");
    let whole = args("whole");
    run("dl-gan-train", &whole, "").expect(0);
    for file in ["model.safetensors", "model.last.safetensors"] {
        let bytes = |name: &str| fs::read(folder.path().join(name).join(file)).unwrap();
        assert!(bytes("whole") == bytes("broken"), "{file} after {kills} kills");
    }
    let other = [&whole[..], &["--pixel-weight".to_owned(), "10".to_owned()]].concat();
    let ran = run("dl-gan-train", &other, "").expect(2);
    assert!(ran.stderr.contains("that run had"), "{}", ran.stderr);
}

#[test]
fn srgan_starts_from_a_network_trained_by_pixels_and_compares_features() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let input = records(folder.path(), 6, 40, false);
    let (first, second) = (at("first.safetensors"), at("second.safetensors"));
    let network = "srgan --scale 2 --crop 32 --blocks 1 --width 0.1 --batch 4";
    train(&format!("{network} --adversarial 0 --iterations 2"), &first, &input).expect(0);
    // Too small a rate to change anything.
    let start = format!("{network} --iterations 1 --lr-g 1e-12 --init-from {}", first.display());
    train(&start, &second, &input).expect(0);
    let weight = |model: &Path| {
        let tensors = candle_core::safetensors::load(model, &candle_core::Device::Cpu).unwrap();
        tensors["block2.conv1.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let far = weight(&first).iter().zip(weight(&second)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(far < 1e-8, "{far}");
    let wrong = format!("srgan --scale 4 --crop 32 --blocks 1 --width 0.1 --init-from {}", first.display());
    let ran = train(&wrong, &at("x.safetensors"), &input).expect(2);
    assert!(ran.stderr.contains("its scale is 2, not 4"), "{}", ran.stderr);
    let ran =
        train(&format!("colorize --size 32 --init-from {}", first.display()), &at("x.safetensors"), &input).expect(2);
    assert!(ran.stderr.contains("for another task"), "{}", ran.stderr);
    if let Some(weights) = shared("weights") {
        let model = weights.join("squeezenet1_0_imagenet.safetensors");
        let log = at("log.jsonl");
        let words = format!("{network} --iterations 1 --perceptual {} --perceptual-layer features.3", model.display());
        train(&format!("{words} --log {}", log.display()), &at("third.safetensors"), &input).expect(0);
        assert!(lines(&fs::read_to_string(log).unwrap())[0]["perceptual"].as_f64().unwrap() > 0.0);
        let ran = train(&words.replace("features.3", "features.99"), &at("x.safetensors"), &input).expect(2);
        assert!(ran.stderr.contains("--perceptual-layer"), "{}", ran.stderr);
    }
}

#[test]
fn pairs_that_cannot_be_trained_on_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model.safetensors");
    let input = records(folder.path(), 4, 40, true);
    let refused = |words: &str, records: &str| {
        let ran = train(words, &output, records).expect(2);
        assert!(!output.exists());
        ran.stderr
    };
    assert!(refused("pix2pix --size 32", &input).contains("--target names another field"));
    assert!(refused("pix2pix --target sign --size 40", &input).contains("choose a multiple of 32"));
    assert!(refused("pix2pix --target sign --size 32 --patch-layers 6", &input).contains("at most 3 suit"));
    assert!(refused("srgan --crop 30", &input).contains("choose a multiple of 4"));
    assert!(refused("srgan --scale 3", &input).contains("expected 2, 4 or 8"));
    assert!(refused("complete --hole 0", &input).contains("above 0 and below 1"));
    assert!(refused("srgan --pixel-weight 0 --adversarial 0", &input).contains("nothing to train by"));
    assert!(refused("srgan", "").contains("no records to train on"));
    assert!(refused("srgan", input.lines().next().unwrap()).contains("cannot be trained on one image"));
    // A target of another shape, and one that does not exist, fail by themselves.
    let wide = folder.path().join("wide.png");
    RgbImage::new(80, 40).save(&wide).unwrap();
    let bad = json!({"id": "bad", "image": folder.path().join("outline-40-0.png"), "sign": wide});
    let missing = json!({"id": "missing", "image": folder.path().join("outline-40-0.png"), "sign": "nowhere.png"});
    let words = "pix2pix --target sign --size 32 --width 0.1 --iterations 2";
    let ran = train(words, &output, &format!("{input}{bad}\n{missing}\n")).expect(1);
    assert!(
        ran.stderr.contains("40 x 40 pixels and sign 80 x 40") && ran.stderr.contains("nowhere.png"),
        "{}",
        ran.stderr
    );
    // A loss that is not a number names the player and what to try.
    let words = "srgan --crop 32 --blocks 1 --width 0.1 --batch 4 --iterations 40 --lr-g 1e30 --adversarial 0 --checkpoint-every 0 --force";
    let ran = train(words, &output, &input).expect(2);
    assert!(ran.stderr.contains("at batch") && ran.stderr.contains("--lr-g"), "{}", ran.stderr);
}
