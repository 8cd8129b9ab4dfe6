//! `dl-gan-train cyclegan`, `discogan` and `lapgan`.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{Ran, run, run_killed};

/// Images of squares on a plain ground, `count` of each domain and label: orange for `fire`, blue for `ice`.
fn records(count: usize, side: u32, domains: &[&str]) -> String {
    let mut all = String::new();
    for index in 0..count {
        for domain in domains {
            let color = if *domain == "ice" { [20, 90, 230] } else { [240, 120, 10] };
            let at = (index as u32 * 3) % (side / 2);
            let inside = |place: u32| (at..at + side / 3).contains(&place);
            let image =
                RgbImage::from_fn(side, side, |x, y| Rgb(if inside(x) && inside(y) { [250; 3] } else { color }));
            let mut bytes = Cursor::new(Vec::new());
            image.write_to(&mut bytes, ImageFormat::Png).unwrap();
            let uri = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes.into_inner()));
            let record = json!({ "id": format!("{domain}-{index}"), "image": uri, "domain": domain, "label": domain });
            all += &format!("{record}\n");
        }
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

#[test]
fn both_directions_are_trained_and_translate_images_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    for (words, names) in [
        (
            "cyclegan --blocks 1 --width 0.1 --iterations 4 --pool 2 --residual --random-crop 1.12 --flip --ema 0.9",
            &["generator", "discriminator", "cycle_a", "cycle_b", "identity", "d_real", "d_accuracy_a", "d_fake_b"][..],
        ),
        (
            "cyclegan --generator small --width 0.2 --iterations 2 --batch 4 --identity 0 --pool 0 --loss hinge \
             --patch-layers 1",
            &["generator", "discriminator", "cycle_a", "cycle_b", "adversarial"],
        ),
        (
            "discogan --width 0.1 --iterations 4 --batch 4 --warm-iterations 2 --code 6",
            &["discriminator", "d_real", "d_accuracy_b", "diversity"],
        ),
    ] {
        let output = folder.path().join("ice.safetensors");
        let back = folder.path().join("ice.back.safetensors");
        let log = folder.path().join("log.jsonl");
        let words = format!("{words} --domains fire,ice --force --samples-every 2 --log {}", log.display());
        let words: Vec<&str> = words.split_whitespace().collect();
        let ran = train(&words.join(" "), &output, &records(5, 16, &["fire", "ice"])).expect(0);
        assert!(ran.stderr.contains("5 images of fire, 5 of ice, as 16 x 16 pixels, RGB"), "{}", ran.stderr);
        let first = lines(&fs::read_to_string(&log).unwrap()).remove(0);
        assert!(names.iter().all(|name| first[name].is_number()), "{first}");
        let sheet = image::open(folder.path().join("ice.samples-000002.png")).unwrap();
        // Tiles of 64 x 64 pixels, right of the names of their rows.
        assert_eq!(sheet.height(), 6 * 68 + 4);
        assert!(sheet.width() > 8 * 68 + 30, "{}", sheet.width());
        let bytes: Vec<Vec<u8>> = [&output, &back].iter().map(|path| fs::read(path).unwrap()).collect();
        assert_ne!(bytes[0], bytes[1]);
        for (model, from, to) in [(&output, "fire", "ice"), (&back, "ice", "fire")] {
            let image = records(1, 27, &[from]);
            let made = run("dl-gan-edit", &["translate", "--model", model.to_str().unwrap()], &image).expect(0);
            let made = lines(&made.stdout).remove(0);
            assert_eq!((made["width"].as_u64(), made["height"].as_u64()), (Some(27), Some(27)));
            let text = String::from_utf8_lossy(&fs::read(model).unwrap()).into_owned();
            assert!(text.contains(&format!("\\\"from\\\":\\\"{from}\\\"")), "{from} {to}");
        }
    }
}

/// Trains twice, once killed again and again, and compares all files.
fn assert_resumes(words: &str, records: &str, files: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("train.jsonl");
    fs::write(&input, records).unwrap();
    let args = |name: &str| -> Vec<String> {
        let model = folder.path().join(name).join("gan.safetensors");
        fs::create_dir_all(model.parent().unwrap()).unwrap();
        let files = [input.display().to_string(), "--output".to_owned(), model.display().to_string()];
        words.split_whitespace().map(str::to_owned).chain(files).collect()
    };
    let kills = run_killed("dl-gan-train", &args("broken"), 10, |kills| Duration::from_millis(80 + (kills * 97) % 300));
    assert!(kills >= 1, "{kills} kills");
    let whole = args("whole");
    run("dl-gan-train", &whole, "").expect(0);
    for file in files {
        let bytes = |name: &str| fs::read(folder.path().join(name).join(file)).unwrap();
        assert!(bytes("whole") == bytes("broken"), "{file} after {kills} kills");
    }
    let other = [&whole[..], &["--lr-g".to_owned(), "0.1".to_owned()]].concat();
    let ran = run("dl-gan-train", &other, "").expect(2);
    assert!(ran.stderr.contains("that run had"), "{}", ran.stderr);
}

#[test]
fn trainings_of_two_domains_killed_at_any_moment_resume_to_the_same_files() {
    let files = ["gan.safetensors", "gan.back.safetensors", "gan.last.safetensors"];
    let records = records(6, 16, &["fire", "ice"]);
    let words = "cyclegan --blocks 1 --width 0.15 --iterations 90 --pool 3 --ema 0.9 --checkpoint-every 4 --resume";
    assert_resumes(words, &records, &files);
    let words = "discogan --width 0.15 --iterations 60 --batch 4 --checkpoint-every 4 --resume";
    assert_resumes(words, &records, &files);
}

#[test]
fn records_that_are_not_of_two_domains_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    let refused = |words: &str, records: &str| {
        let ran = train(words, &output, records).expect(2);
        assert!(!output.exists());
        ran.stderr
    };
    let two = records(3, 16, &["fire", "ice"]);
    for command in ["cyclegan", "discogan"] {
        assert!(refused(command, "").contains("no records to train on"));
        let one = records(3, 16, &["fire"]);
        assert!(refused(command, &one).contains("all records have the domain fire; records of two domains"));
        let three = records(3, 16, &["fire", "ice", "water"]);
        assert!(refused(command, &three).contains("choose two with --domains A,B"));
        let single = one.clone() + &records(1, 16, &["ice"]);
        assert!(refused(command, &single).contains("the domain ice has one image"));
        let ran = refused(command, &two.replace("\"domain\"", "\"other\"").replace("\"label\"", "\"name\""));
        assert!(ran.contains("no record can be trained on") && ran.contains("domain"), "{ran}");
        // The label is the domain where none is given.
        let labels = one.replace("\"domain\"", "\"other\"");
        assert!(refused(command, &labels).contains("all records have the domain fire"));
        let domains = format!("{command} --domains fire,earth");
        assert!(refused(&domains, &two).contains("no record has the domain earth; the domains are fire, ice"));
        assert!(refused(&format!("{command} --domains fire"), &two).contains("expected two names"));
    }
    assert!(refused("cyclegan --size 30", &two).contains("--size 32x32 does"));
    assert!(refused("cyclegan --patch-layers 4", &two).contains("too small; give fewer"));
    assert!(refused("cyclegan --generator small --residual", &two).contains("makes whole images"));
    assert!(refused("discogan --size 30", &two).contains("32 x 32 can"));
    assert!(refused("discogan --size 8", &two).contains("16 x 16 can"));
    assert!(refused("discogan --d-every 1", &two).contains("expected 2 or more"));
    // Others are left out, and a file of the other direction is not overwritten.
    let three = records(3, 16, &["fire", "ice", "water"]);
    let words = "cyclegan --blocks 1 --width 0.05 --iterations 1 --domains ice,water";
    let ran = train(words, &output, &three).expect(0);
    assert!(ran.stderr.contains("3 images of other domains are left out"), "{}", ran.stderr);
    for name in ["gan.safetensors", "gan.last.safetensors"] {
        fs::remove_file(output.with_file_name(name)).unwrap();
    }
    assert!(refused(words, &three).contains("gan.back.safetensors"));
}

#[test]
fn a_lapgan_is_trained_and_sampled_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    let log = folder.path().join("log.jsonl");
    let two = records(10, 20, &["fire", "ice"]);
    for words in [
        "lapgan --conditional --width 0.1 --iterations 3 --batch 8 --levels 2",
        "lapgan --coarse dcgan --width 0.1 --iterations 3 --batch 8 --optimizer sgd --size 32x16 --colors gray",
    ] {
        let words = format!("{words} --force --samples-every 2 --log {}", log.display());
        let ran = train(&words, &output, &two).expect(0);
        assert!(ran.stderr.contains("20 images"), "{}", ran.stderr);
        let first = lines(&fs::read_to_string(&log).unwrap()).remove(0);
        let names = ["generator_0", "discriminator_1", "d_real", "d_accuracy", "d_accuracy_1", "diversity"];
        assert!(names.iter().all(|name| first[name].is_number()), "{first}");
        assert!(folder.path().join("gan.samples-000002.png").exists());
        let sample =
            |words: &[&str]| run("dl-gan-sample", &[&[output.to_str().unwrap()], words].concat(), "").expect(0);
        let all = lines(&sample(&["--count", "6"]).stdout);
        let some = lines(&sample(&["--count", "2", "--first", "3", "--threads", "1"]).stdout);
        assert_eq!(all[3..5], some[..]);
        assert_ne!(all[0]["image"], all[2]["image"]);
        let conditional = words.contains("conditional");
        assert_eq!(all[0]["label"], if conditional { json!("fire") } else { Value::Null });
        assert_eq!(all[0]["width"], if conditional { 20 } else { 32 });
    }
    for name in ["gan.safetensors", "gan.last.safetensors"] {
        fs::remove_file(output.with_file_name(name)).unwrap();
    }
    let refused = |words: &str| train(words, &output, &two).expect(2).stderr;
    assert!(refused("lapgan --size 30 --levels 3").contains("32 x 32 can"));
    assert!(refused("lapgan --size 8").contains("at least 5 pixels; 10 x 10 can"));
    assert!(refused("lapgan --levels 20").contains("expected 2 to 8"));
    let words = "lapgan --width 0.15 --iterations 40 --batch 8 --levels 2 --checkpoint-every 3 --ema 0.9 --resume";
    assert_resumes(words, &two, &["gan.safetensors", "gan.last.safetensors"]);
}
