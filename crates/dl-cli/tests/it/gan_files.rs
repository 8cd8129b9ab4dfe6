//! The files that the programs of GANs write: never what they read, nor what others wrote.

use std::fs;

use crate::gan::{lines, records, train};
use crate::support::{Ran, run};

/// A small generator at `output`.
fn trained(output: &std::path::Path, words: &str) -> Ran {
    train(&format!("dcgan --width 0.1 --batch 8 {words}"), output, &records(20, 16, false))
}

#[test]
fn samples_replace_neither_the_model_nor_foreign_images_nor_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    trained(&folder.path().join("gan.safetensors"), "--iterations 1").expect(0);
    let model = at("gan.safetensors");
    let before = fs::read(&model).unwrap();
    let sample = |words: &str| {
        let args: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let args: Vec<&str> = [model.as_str()].into_iter().chain(args.iter().map(String::as_str)).collect();
        run("dl-gan-sample", &args, "")
    };
    for (words, why) in [
        (format!("--grid 1x1 --output {model}"), "would replace the input"),
        (format!("--grid 1x1 --output {}", at("sheet.jpg")), "a sheet is a .png file"),
        (
            format!("--grid 1x1 --output-dir {} --output {}", at("made"), at("made/sample-000000.png")),
            "would replace an image of --output-dir",
        ),
        ("--first 18446744073709551614".to_owned(), "expected at most"),
    ] {
        let ran = sample(&words).expect(2);
        assert!(ran.stderr.contains(why), "{words}: {}", ran.stderr);
    }
    assert_eq!(fs::read(&model).unwrap(), before);
    // A second run replaces what the first one made, and nothing else.
    for _ in 0..2 {
        sample(&format!("--count 2 --output-dir {}", at("made"))).expect(0);
    }
    fs::write(at("made/sample-000000.png"), "mine").unwrap();
    let ran = sample(&format!("--count 2 --output-dir {}", at("made"))).expect(2);
    assert!(ran.stderr.contains("was not made by dl-gan-sample"), "{}", ran.stderr);
    assert_eq!(fs::read(at("made/sample-000000.png")).unwrap(), b"mine");
}

#[test]
fn a_training_overwrites_the_files_of_an_earlier_one_only_when_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let output = at("gan.safetensors");
    let logged = format!("--iterations 2 --log {}", at("log.jsonl").display());
    trained(&output, &logged).expect(0);
    let other = at("other.safetensors");
    let log = fs::read(at("log.jsonl")).unwrap();
    let ran = trained(&other, &logged).expect(2);
    assert!(ran.stderr.contains("exists; --force overwrites it"), "{}", ran.stderr);
    assert_eq!(fs::read(at("log.jsonl")).unwrap(), log);
    fs::write(at("notes.txt"), "mine\n").unwrap();
    for more in ["", "--force", "--resume"] {
        let ran = trained(&other, &format!("--iterations 2 {more} --log {}", at("notes.txt").display())).expect(2);
        assert!(ran.stderr.contains("is not a log"), "{}", ran.stderr);
    }
    assert_eq!(fs::read(at("notes.txt")).unwrap(), b"mine\n");
    // The state without its model, and the model without its state.
    fs::rename(&output, &other).unwrap();
    let ran = trained(&output, "--iterations 2").expect(2);
    assert!(ran.stderr.contains("the state of an earlier run"), "{}", ran.stderr);
    let ran = trained(&other, "--iterations 2 --resume").expect(2);
    assert!(ran.stderr.contains("from which --resume continues, does not"), "{}", ran.stderr);
    let ran = trained(std::path::Path::new("-"), "--iterations 1").expect(2);
    assert!(ran.stderr.contains("cannot be written to stdout"), "{}", ran.stderr);
}

#[test]
fn weights_that_exploded_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    let ran = trained(&output, "--iterations 1 --lr-g 1e30").expect(2);
    assert!(ran.stderr.contains("exploded after 1 batches; try --lr-g 0.0002"), "{}", ran.stderr);
    assert!(!output.exists());
    trained(&output, "--iterations 1").expect(0);
    let before = fs::read(&output).unwrap();
    let ran = trained(&output, "--iterations 9 --force --checkpoint-every 1 --lr-g 1e30").expect(2);
    assert!(ran.stderr.contains("no model was written"), "{}", ran.stderr);
    assert_eq!(fs::read(&output).unwrap(), before);
}

#[test]
fn options_without_effect_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    for (words, why) in [
        ("--gamma 1", "give --penalty, too"),
        ("--ada-speed 9", "is of --augment ada"),
        ("--loss wgan --label-smoothing 0.1", "does not train on probabilities"),
        ("--n-critic 9 --iterations 5", "would not be trained in 5 batches"),
        ("--batch 1", "need at least 2 images"),
    ] {
        let words = format!("dcgan --width 0.1 {words}");
        let ran = train(&words, &output, &records(20, 16, false)).expect(2);
        assert!(ran.stderr.contains(why), "{words}: {}", ran.stderr);
    }
    // The width is that of the generator to start from.
    trained(&output, "--iterations 1").expect(0);
    let next = folder.path().join("next.safetensors");
    let from = format!("dcgan --batch 8 --iterations 1 --init-from {}", output.display());
    let ran = train(&format!("{from} --width 0.5"), &next, &records(20, 16, false)).expect(2);
    assert!(ran.stderr.contains("leave the option out"), "{}", ran.stderr);
    let ran = train(&format!("{from} --freeze-d 99"), &next, &records(20, 16, false)).expect(2);
    assert!(ran.stderr.contains("the discriminator has"), "{}", ran.stderr);
    train(&from, &next, &records(20, 16, false)).expect(0);
}

#[test]
fn between_two_samples_the_label_stays() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gan.safetensors");
    train("conditional --width 0.1 --batch 8 --iterations 1", &output, &records(20, 16, false)).expect(0);
    let args = [output.to_str().unwrap(), "--interpolate", "1:4", "--count", "5"];
    let made = lines(&run("dl-gan-sample", &args, "").expect(0).stdout);
    assert!(made.len() == 5 && made.iter().all(|record| record["label"] == "disc"), "{made:?}");
}
