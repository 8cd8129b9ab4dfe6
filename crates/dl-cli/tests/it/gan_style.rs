//! StyleGAN, adaptive augmentation, spectral normalization and projection.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::gan::{lines, records, sample, train};
use crate::support::{Ran, run, run_killed};

/// A quick training.
const SMALL: &str = "stylegan --width 0.02 --latent 12 --mapping-layers 2 --batch 8 --style-mixing 0.5";

fn project(model: &Path, words: &[&str], records: &str) -> Ran {
    run("dl-gan-edit", &[&["project", "--model", model.to_str().unwrap()], words].concat(), records)
}

#[test]
fn a_stylegan_is_trained_and_its_styles_are_truncated_and_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let (output, log) = (folder.path().join("style.safetensors"), folder.path().join("log.jsonl"));
    for (words, gray) in [("--size 28", true), ("--size 24x16 --augment ada --ada-speed 0.1", false)] {
        let words = format!("{SMALL} {words} --iterations 6 --samples-every 6 --force --log {}", log.display());
        train(&words, &output, &records(20, 16, gray)).expect(0);
        let steps = lines(&fs::read_to_string(&log).unwrap());
        assert!(steps[0]["penalty"].is_number() && steps[1]["penalty"].is_null(), "{}", steps[0]);
        assert_eq!(steps[5]["ada_p"].as_f64().is_some(), !gray);
    }
    assert!(folder.path().join("style.samples-000006.png").is_file());
    // A sample depends on its number alone, with and without truncation.
    for psi in ["1", "0.5"] {
        let all = lines(&sample(&output, &["-n", "7", "--truncation", psi]).expect(0).stdout);
        let words = ["-n", "2", "--first", "4", "--truncation", psi, "--threads", "1"];
        assert_eq!(all[4..6], lines(&sample(&output, &words).expect(0).stdout)[..]);
        assert_ne!(all[0]["image"], all[1]["image"]);
    }
    let at = |words: &[&str]| lines(&sample(&output, words).expect(0).stdout);
    let ends = at(&["--interpolate", "2:5", "-n", "3"]);
    let own = at(&["--first", "2", "-n", "4"]);
    assert_eq!([&ends[0]["image"], &ends[2]["image"]], [&own[0]["image"], &own[3]["image"]]);
    // The sheet has the unmixed images at its edges; mixing all layers makes the column's image with the row's noise.
    let sheet = folder.path().join("mixed.png");
    let words = ["--mix", "0-1", "--grid", "2x3", "--output", sheet.to_str().unwrap()];
    let mixed = at(&words);
    assert_eq!((mixed.len(), mixed[5]["id"].as_str()), (6, Some("mix-000001-000004")));
    let drawn = image::open(&sheet).unwrap().to_rgb8();
    // The numbers of the samples are beside and above the tiles, which are enlarged by 4.
    let left = drawn.width() - 4 * (96 + 4);
    assert!(left > 40 && drawn.height() == 18 + 3 * (64 + 4), "{:?}", drawn.dimensions());
    let first = image_of(&at(&["-n", "1"])[0]);
    let of_sheet = |x: u32, y: u32| drawn.get_pixel(left + x, 18 + 68 + y);
    assert!((0..64).all(|y| (0..96).all(|x| of_sheet(x, y) == first.get_pixel(x / 4, y / 4))));
    let ran = sample(&output, &["--mix", "0-9", "--grid", "1x1", "--output", "x.png"]).expect(2);
    assert!(ran.stderr.contains("layers 0 to 5"), "{}", ran.stderr);
    let plain = folder.path().join("dcgan.safetensors");
    train("dcgan --width 0.05 --batch 4 --iterations 1", &plain, &records(8, 16, true)).expect(0);
    let ran = sample(&plain, &["--mix", "0-1", "--grid", "1x1", "--output", "x.png"]).expect(2);
    assert!(ran.stderr.contains("a dcgan generator has no styles to mix"), "{}", ran.stderr);
}

fn image_of(record: &Value) -> image::RgbImage {
    use base64::Engine;
    let uri = record["image"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    let bytes = base64::prelude::BASE64_STANDARD.decode(uri).unwrap();
    image::load_from_memory(&bytes).unwrap().to_rgb8()
}

#[test]
fn a_conditional_stylegan_and_spectral_norms_are_trained_with_every_penalty() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    for words in [
        "conditional --body stylegan --width 0.02 --latent 8 --batch 8 --iterations 2 --conditioning project",
        "conditional --body stylegan --width 0.02 --latent 8 --batch 6 --iterations 2 --penalty none",
        "vanilla --spectral-norm --width 0.1 --batch 8 --iterations 3 --loss hinge",
        "dcgan --spectral-norm --width 0.1 --batch 8 --iterations 3 --penalty r1 --lazy 2 --augment ada",
        "conditional --spectral-norm --width 0.1 --batch 8 --iterations 6 --loss wgan --augment ada",
    ] {
        train(&format!("{words} --force"), &output, &records(20, 16, false)).expect(0);
        assert_eq!(sample(&output, &["-n", "3"]).expect(0).stdout.lines().count(), 3, "{words}");
    }
    let ran = train("stylegan --spectral-norm --width 0.02 --force", &output, &records(8, 16, false)).expect(2);
    assert!(ran.stderr.contains("StyleGAN's discriminator has no spectral normalization"), "{}", ran.stderr);
    let ran = train("stylegan --size 100 --width 0.02 --force", &output, &records(8, 16, false)).expect(2);
    assert!(ran.stderr.contains("give --size 112x112"), "{}", ran.stderr);
}

#[test]
fn trainings_with_adaptive_augmentation_and_singular_vectors_survive_kills() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("train.jsonl");
    fs::write(&input, records(24, 16, false)).unwrap();
    for (name, words) in [
        ("style", format!("{SMALL} --augment ada --ada-speed 0.2 --lazy 3 --iterations 40")),
        ("spectral", "dcgan --spectral-norm --width 0.3 --batch 16 --iterations 60 --ema 0.9".to_owned()),
    ] {
        let args = |run: &str| -> Vec<String> {
            let model = folder.path().join(name).join(run).join("gan.safetensors");
            fs::create_dir_all(model.parent().unwrap()).unwrap();
            let files = [input.display().to_string(), "--output".to_owned(), model.display().to_string()];
            let words = format!("{words} --checkpoint-every 3 --resume");
            words.split(' ').map(str::to_owned).chain(files).collect()
        };
        let wait = |kills| Duration::from_millis(80 + (kills * 97) % 300);
        let kills = run_killed("dl-gan-train", &args("broken"), 10, wait);
        assert!(kills >= 1, "{kills} kills");
        run("dl-gan-train", &args("whole").iter().map(String::as_str).collect::<Vec<_>>(), "").expect(0);
        for file in ["gan.safetensors", "gan.last.safetensors"] {
            let bytes = |run: &str| fs::read(folder.path().join(name).join(run).join(file)).unwrap();
            assert!(bytes("whole") == bytes("broken"), "{name}: {file} after {kills} kills");
        }
    }
}

#[test]
fn images_are_projected_and_their_vectors_make_them_again() {
    let folder = tempfile::tempdir().unwrap();
    for (name, words) in [
        ("style", format!("{SMALL} --iterations 4")),
        ("dcgan", "dcgan --width 0.1 --batch 8 --iterations 4".to_owned()),
        ("conditional", "conditional --width 0.1 --batch 8 --iterations 4".to_owned()),
    ] {
        let model = folder.path().join(format!("{name}.safetensors"));
        train(&words, &model, &records(20, 16, false)).expect(0);
        // The generator's own images are near to what it can make.
        let own = sample(&model, &["-n", "2", "--truncation", "0.7"]).expect(0).stdout;
        let far = lines(&project(&model, &["--steps", "2"], &own).expect(0).stdout);
        let ran = project(&model, &["--steps", "60"], &own).expect(0);
        let near = lines(&ran.stdout);
        for (far, near) in far.iter().zip(&near) {
            let psnr = |record: &Value| record["psnr"].as_f64().unwrap();
            assert!(psnr(near) > psnr(far) + 1.0, "{name}: {} {}", psnr(far), psnr(near));
            assert_eq!(near["id"], far["id"]);
        }
        let again = project(&model, &["--steps", "60", "--threads", "1"], own.lines().nth(1).unwrap()).expect(0);
        assert_eq!(lines(&again.stdout)[0], near[1], "{name}");
        let file = folder.path().join("near.jsonl");
        fs::write(&file, &ran.stdout).unwrap();
        let made = lines(&sample(&model, &["--latents", file.to_str().unwrap()]).expect(0).stdout);
        assert_eq!(made.len(), 2);
        for (made, near) in made.iter().zip(&near) {
            let pairs = image_of(made).into_raw().into_iter().zip(image_of(near).into_raw());
            assert!(pairs.into_iter().all(|(a, b)| a.abs_diff(b) <= 1), "{name}");
        }
    }
    let model = folder.path().join("conditional.safetensors");
    let unlabeled = records(1, 16, false).replace("\"label\"", "\"other\"");
    let ran = project(&model, &["--steps", "1"], &unlabeled).expect(1);
    assert!(ran.stderr.contains("the generator is conditional"), "{}", ran.stderr);
}
