//! `dl-gan-train` and `dl-gan-sample`.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{Ran, root, run, run_killed, shared};
use crate::text::{BERT, GPT2};

fn uri(image: impl FnOnce(&mut Cursor<Vec<u8>>)) -> String {
    let mut bytes = Cursor::new(Vec::new());
    image(&mut bytes);
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes.into_inner()))
}

/// Images of bright discs (label `disc`) and bars (label `bar`), gray or colored, of `side` pixels.
pub(crate) fn records(count: usize, side: u32, gray: bool) -> String {
    let mut all = String::new();
    for index in 0..count {
        let disc = index % 2 == 0;
        let (x0, y0) = ((index % 5) as u32, (index / 5 % 5) as u32);
        let is_bright = |x: u32, y: u32| match disc {
            true => (x.abs_diff(side / 2 + x0) + y.abs_diff(side / 2 + y0)) < side / 4,
            false => x.abs_diff(side / 2 + x0) < 2,
        };
        let image = match gray {
            true => {
                let image = GrayImage::from_fn(side, side, |x, y| Luma([if is_bright(x, y) { 255 } else { 0 }]));
                uri(|to| image.write_to(to, ImageFormat::Png).unwrap())
            }
            false => {
                let image = RgbImage::from_fn(side, side, |x, y| {
                    if is_bright(x, y) { Rgb([250, 40, 10]) } else { Rgb([10, 90, 160]) }
                });
                uri(|to| image.write_to(to, ImageFormat::Png).unwrap())
            }
        };
        let label = if disc { "disc" } else { "bar" };
        all += &format!("{}\n", json!({ "id": format!("r{index}"), "image": image, "label": label }));
    }
    all
}

pub(crate) fn train(words: &str, output: &Path, records: &str) -> Ran {
    let words: Vec<&str> = words.split(' ').collect();
    run("dl-gan-train", &[&words[..], &["--output", output.to_str().unwrap()]].concat(), records)
}

pub(crate) fn sample(model: &Path, words: &[&str]) -> Ran {
    run("dl-gan-sample", &[&[model.to_str().unwrap()], words].concat(), "")
}

pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_gan_is_trained_on_gray_and_colored_images_and_makes_images_of_their_shape() {
    let folder = tempfile::tempdir().unwrap();
    for (words, gray, channels) in [
        ("vanilla --iterations 3 --width 0.1 --batch 8", true, 1),
        ("dcgan --iterations 2 --width 0.1 --batch 8 --ema 0.9 --flip --instance-noise 0.1", false, 3),
        ("dcgan --iterations 2 --width 0.1 --batch 8 --colors gray --size 24x16 --loss hinge --n-critic 2", false, 1),
        ("dcgan --iterations 6 --width 0.1 --batch 8 --loss wgan --augment diff", false, 3),
        ("vanilla --iterations 4 --width 0.1 --batch 8 --loss relativistic --penalty r1+r2 --lazy 2", true, 1),
        ("conditional --iterations 2 --width 0.1 --batch 8 --penalty r1 --gamma 1 --conditioning project", false, 3),
        ("conditional --body upsample --iterations 2 --width 0.1 --batch 8 --conditioning project", false, 3),
    ] {
        let output = folder.path().join("gan.safetensors");
        let log = folder.path().join("log.jsonl");
        let words = format!("{words} --force --samples-every 2 --log {}", log.display());
        let ran = train(&words, &output, &records(20, 16, gray)).expect(0);
        assert!(
            ran.stderr.contains("20 images") && ran.stderr.contains("accuracy of the discriminator"),
            "{}",
            ran.stderr
        );
        let first = lines(&fs::read_to_string(&log).unwrap()).remove(0);
        let names = ["generator", "discriminator", "d_real", "d_fake", "d_accuracy", "diversity", "generator_gradient"];
        assert!(names.iter().all(|name| first[name].is_number()), "{first}");
        assert_eq!(first["penalty"].is_number(), words.contains("wgan") || words.contains("--penalty"), "{first}");
        let made = sample(&output, &["--count", "3"]).expect(0);
        let made = lines(&made.stdout);
        let size = if words.contains("24x16") { (24, 16) } else { (16, 16) };
        assert_eq!(made.len(), 3);
        for record in &made {
            assert_eq!((record["width"].as_u64(), record["height"].as_u64()), (Some(size.0), Some(size.1)));
            let uri = record["image"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
            let image = image::load_from_memory(&BASE64_STANDARD.decode(uri).unwrap()).unwrap();
            assert_eq!(usize::from(image.color().channel_count()), channels, "{words}");
        }
        let labels: Vec<_> = made.iter().filter_map(|record| record["label"].as_str()).collect();
        let expected: &[&str] = if words.starts_with("conditional") { &["bar", "disc", "bar"] } else { &[] };
        assert_eq!(labels, expected);
        let sheet = image::open(folder.path().join("gan.samples-000002.png")).unwrap();
        // Enlarged by 4, with gaps of 4 pixels.
        assert_eq!(u64::from(sheet.width()), 8 * (4 * size.0 + 4) + 4);
    }
}

#[test]
fn a_sample_depends_on_the_model_the_seed_and_its_number_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    train("conditional --iterations 2 --width 0.1 --batch 8 --seed 3", &output, &records(20, 16, true)).expect(0);
    let all = lines(&sample(&output, &["-n", "9"]).expect(0).stdout);
    let some = lines(&sample(&output, &["--n", "2", "--first", "5", "--threads", "1"]).expect(0).stdout);
    assert_eq!(all[5..7], some[..]);
    assert_ne!(all[0]["image"], all[2]["image"]);
    let other = lines(&sample(&output, &["--count", "1", "--seed", "1"]).expect(0).stdout);
    assert_ne!(all[0]["image"], other[0]["image"]);
    // The ends of an interpolation are the samples themselves.
    let words = ["--interpolate", "2:7", "--count", "4", "--label", "disc"];
    let between = lines(&sample(&output, &words).expect(0).stdout);
    let at = |number: &str| {
        let words = ["--first", number, "--count", "1", "--label", "disc"];
        lines(&sample(&output, &words).expect(0).stdout).remove(0)["image"].clone()
    };
    assert_eq!([&between[0]["image"], &between[3]["image"]], [&at("2"), &at("7")]);
    assert_ne!(between[1]["image"], between[2]["image"]);
    // Files, and a sheet of the same images.
    let (files, sheet) = (folder.path().join("made"), folder.path().join("sheet.png"));
    let words =
        ["--count", "3", "--output-dir", files.to_str().unwrap(), "--grid", "1x2", "--output", sheet.to_str().unwrap()];
    let made = lines(&sample(&output, &words).expect(0).stdout);
    let first = image::open(made[0]["image"].as_str().unwrap()).unwrap().to_luma8();
    let sheet = image::open(sheet).unwrap().to_luma8();
    // Tiles of 64 x 64 pixels below their labels.
    assert_eq!(sheet.dimensions(), (140, 86));
    let at = |x: u32, y: u32| sheet.get_pixel(4 + x, 18 + y);
    assert!((0..64).all(|y| (0..64).all(|x| first.get_pixel(x / 4, y / 4) == at(x, y))));
}

#[test]
fn a_sheet_has_as_many_samples_as_places() {
    let folder = tempfile::tempdir().unwrap();
    let [output, sheet] = ["gan.safetensors", "sheet.png"].map(|name| folder.path().join(name));
    train("conditional --iterations 1 --width 0.1 --batch 8", &output, &records(20, 16, true)).expect(0);
    let grid = |words: &[&str]| sample(&output, &[&["--output", sheet.to_str().unwrap()], words].concat());
    assert_eq!(grid(&["--grid", "3x7"]).expect(0).stdout.lines().count(), 21);
    assert_eq!(image::open(&sheet).unwrap().width(), 7 * 68 + 4);
    assert_eq!(grid(&["--grid", "1x2", "-n", "5"]).expect(0).stdout.lines().count(), 5);
    let ran = grid(&["--grid", "2x4", "--count", "7"]).expect(2);
    assert!(ran.stderr.contains("--count 7: is less than the 8 images of --grid 2x4"), "{}", ran.stderr);
    let ran = grid(&["--grid", "1000x1000"]).expect(2);
    assert!(ran.stderr.contains("--grid 1000x1000: the sheet would have"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
    assert_eq!(sample(&output, &[]).expect(0).stdout.lines().count(), 16);
}

#[test]
fn a_training_killed_at_any_moment_resumes_to_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("train.jsonl");
    fs::write(&input, records(24, 16, false)).unwrap();
    let args = |name: &str| -> Vec<String> {
        let model = folder.path().join(name).join("gan.safetensors");
        fs::create_dir_all(model.parent().unwrap()).unwrap();
        let words = "dcgan --width 0.4 --batch 16 --iterations 60 --ema 0.9 --checkpoint-every 3 --n-critic 2 --resume";
        let files = [input.display().to_string(), "--output".to_owned(), model.display().to_string()];
        words.split(' ').map(str::to_owned).chain(files).collect()
    };
    let kills = run_killed("dl-gan-train", &args("broken"), 10, |kills| Duration::from_millis(60 + (kills * 97) % 300));
    assert!(kills >= 1, "{kills} kills");
    let whole = args("whole");
    run("dl-gan-train", &whole, "").expect(0);
    for file in ["gan.safetensors", "gan.last.safetensors"] {
        let bytes = |name: &str| fs::read(folder.path().join(name).join(file)).unwrap();
        assert!(bytes("whole") == bytes("broken"), "{file} after {kills} kills");
    }
    let other = [&whole[..], &["--loss".to_owned(), "hinge".to_owned()]].concat();
    let ran = run("dl-gan-train", &other, "").expect(2);
    assert!(ran.stderr.contains("that run had"), "{}", ran.stderr);
}

#[test]
fn a_trained_gan_is_adapted_with_its_first_layers_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.safetensors"), folder.path().join("second.safetensors"));
    train("dcgan --width 0.1 --batch 8 --iterations 3", &first, &records(24, 16, false)).expect(0);
    let words = format!("dcgan --width 0.1 --batch 4 --iterations 2 --freeze-d 1 --init-from {}", first.display());
    train(&words, &second, &records(10, 32, false)).expect(0);
    let weight = |model: &Path, name: &str| {
        let last = model.with_extension("last.safetensors");
        let tensors = candle_core::safetensors::load(last, &candle_core::Device::Cpu).unwrap();
        tensors[name].flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let [frozen, trained] = ["discriminator.main.0.weight", "discriminator.main.2.weight"];
    assert_eq!(weight(&first, frozen), weight(&second, frozen));
    assert_ne!(weight(&first, trained), weight(&second, trained));
    let ran = train(&words.replace("dcgan", "vanilla"), &folder.path().join("x.safetensors"), &records(4, 16, true));
    assert!(ran.expect(2).stderr.contains("is a dcgan generator, not vanilla"));
}

#[test]
fn what_cannot_be_trained_on_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    let refused = |words: &str, records: &str| {
        let ran = train(words, &output, records).expect(2);
        assert!(!output.exists());
        ran.stderr
    };
    assert!(refused("dcgan", "").contains("no records to train on"));
    assert!(refused("dcgan", &records(1, 16, true)).contains("cannot be trained on one image"));
    assert!(refused("dcgan --size 100", &records(4, 16, true)).contains("give --size 112x112"));
    assert!(refused("dcgan --size 0", &records(4, 16, true)).contains("expected pixels"));
    let unlabeled = records(4, 16, true).replace("\"label\"", "\"other\"");
    assert!(refused("conditional", &unlabeled).contains("no record can be trained on"));
    // A loss that is not a number names the player, the batch and what to try; the last good file stands.
    let words = "dcgan --width 0.1 --batch 4 --iterations 40 --lr-g 1e30 --lr-d 1e30 --checkpoint-every 0";
    let ran = train(words, &output, &records(8, 16, true)).expect(2);
    assert!(ran.stderr.contains("at batch") && ran.stderr.contains("no model was written"), "{}", ran.stderr);
    assert!(!output.exists());
    // One broken image among good ones is reported, and the rest is trained on.
    let broken = records(8, 16, true) + "{\"id\":\"x\",\"image\":\"missing.png\"}\n";
    let ran = train("dcgan --width 0.1 --batch 4 --iterations 4", &output, &broken).expect(1);
    assert!(ran.stderr.contains("missing.png") && output.exists(), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_sampled_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    train("conditional --iterations 1 --width 0.1 --batch 8", &output, &records(20, 16, true)).expect(0);
    let ran = sample(&output, &["--label", "square"]).expect(2);
    assert!(ran.stderr.contains("no such label; choose from \"bar\", \"disc\""), "{}", ran.stderr);
    assert!(sample(&output, &["--grid", "2x2"]).expect(2).stderr.contains("--output"));
    assert!(sample(&output, &["--interpolate", "2"]).expect(2).stderr.contains("such as 3:8"));
    let ran = run("dl-detect", &["--model", output.to_str().unwrap(), "x.jpg"], "").expect(2);
    assert!(ran.stderr.contains("contains a generator of images") && ran.stderr.contains("dl-gan-sample takes it"));
    let missing = folder.path().join("missing.safetensors");
    assert!(sample(&missing, &[]).expect(2).stderr.contains("missing.safetensors"));
    if let Some(weights) = shared("weights") {
        let discriminator = weights.join("mnist_gan_mlp_discriminator.safetensors");
        let ran = sample(&discriminator, &[]).expect(2);
        assert!(ran.stderr.contains("contains a discriminator, not a generator"), "{}", ran.stderr);
        let (model, latents) =
            (weights.join("dcgan_faces_64.safetensors"), weights.join("dcgan_faces_64.input.safetensors"));
        let made = sample(&model, &["--latents", latents.to_str().unwrap()]).expect(0);
        assert_eq!(made.stdout.lines().count(), 8);
    }
}

#[test]
fn the_included_generator_draws_its_ten_signs() {
    let model = root().join("testdata/models/signs-gan.safetensors");
    let made = lines(&sample(&model, &["--count", "20"]).expect(0).stdout);
    let labels: std::collections::BTreeSet<&str> = made.iter().filter_map(|record| record["label"].as_str()).collect();
    assert_eq!((made.len(), labels.len()), (20, 10));
    let ran = sample(&model, &["--label", "service-fuel", "-n", "2"]).expect(0);
    assert!(lines(&ran.stdout).iter().all(|record| record["label"] == "service-fuel"));
}

#[test]
fn images_are_made_of_prompts_by_the_network_of_the_captions() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (output, embedded) = (at("gan.safetensors"), at("embedded.jsonl"));
    let captions = |label: &str| if label == "disc" { "the red sign" } else { "a dog ran" };
    let texts: String = lines(&records(20, 16, true))
        .into_iter()
        .map(|mut record| {
            record["text"] = captions(record["label"].as_str().unwrap()).into();
            format!("{record}\n")
        })
        .collect();
    let args = ["--model", BERT, "--layer", "last_hidden_state", "--pool", "max", "--normalize"];
    let embedding = run("dl-embed", &args, &texts).expect(0).stdout;
    fs::write(&embedded, &embedding).unwrap();
    let words = "conditional --condition last_hidden_state --iterations 3 --width 0.1 --batch 8 --samples-every 3";
    let ran = train(words, &output, &embedding).expect(0);
    assert!(ran.stderr.contains("with 16 features last_hidden_state"), "{}", ran.stderr);
    assert!(at("gan.samples-000003.png").is_file());
    // A prompt gives what the features of its record give.
    let prompted =
        sample(&output, &["-n", "4", "--prompt", "the red sign", "--prompt", "a dog ran", "--text-model", BERT]);
    let prompted = lines(&prompted.expect(0).stdout);
    let of_records = lines(&sample(&output, &["-n", "4", "--conditions", embedded.to_str().unwrap()]).expect(0).stdout);
    assert_eq!(prompted, of_records);
    assert_eq!(prompted[1]["text"], "a dog ran");
    // What is told matters.
    let same = lines(&sample(&output, &["-n", "4", "--prompt", "a dog ran", "--text-model", BERT]).expect(0).stdout);
    assert_ne!(prompted[0]["image"], same[0]["image"]);
    assert_eq!(prompted[1]["image"], same[1]["image"]);
    for (words, why) in [
        (&["--label", "disc"][..], "has no labels; use --prompt"),
        (&[], "give --prompt and --text-model, or --conditions"),
        (&["--prompt", "stop", "--text-model", GPT2], "was trained on features of"),
    ] {
        let ran = sample(&output, words).expect(2);
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
}

#[test]
fn the_generator_with_the_smallest_distance_to_real_images_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (output, log, real) = (at("gan.safetensors"), at("log.jsonl"), at("real.jsonl"));
    fs::write(&real, records(12, 16, false)).unwrap();
    let network = root().join("testdata/models/roads.safetensors");
    let words = format!(
        "dcgan --iterations 5 --width 0.1 --batch 8 --fid-every 2 --fid-samples 6 --fid-against {} --fid-model {} --log {}",
        real.display(),
        network.display(),
        log.display()
    );
    let ran = train(&words, &output, &records(20, 16, false)).expect(0);
    assert!(ran.stderr.contains("only 12 real images for"), "{}", ran.stderr);
    let validated: Vec<Value> =
        lines(&fs::read_to_string(&log).unwrap()).into_iter().filter(|line| line["val_fid"].is_number()).collect();
    assert_eq!(validated.len(), 3);
    let least = validated.iter().map(|line| line["val_fid"].as_f64().unwrap()).fold(f64::INFINITY, f64::min);
    let best = validated.iter().rfind(|line| line["best"] == true).unwrap();
    assert_eq!(best["val_fid"].as_f64(), Some(least));
    let info: Value =
        serde_json::from_str(&run("dl-model", &["info", output.to_str().unwrap()], "").expect(0).stdout).unwrap();
    let step = best["iteration"].as_u64().unwrap() + 1;
    assert_eq!(info["config"]["training"]["iterations"].as_u64(), Some(step));
    let refused = train("dcgan --iterations 1 --fid-against missing.jsonl --fid-model x", &output, "").expect(2);
    assert!(!refused.stderr.is_empty());
}
