//! `dl-finetune classifier` on texts: every transfer strategy, and features that are computed once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use candle_core::Device;
use dl_models::Checkpoint;
use serde_json::{Value, json};

use crate::support::{Ran, program, root, run};
use crate::text::BERT;

/// Texts of made-up errands in two classes.
pub(crate) fn errands(indices: impl Iterator<Item = usize>) -> String {
    let (go, stay) = (["go", "run", "walking", "ran"], ["stop", "sat", "on", "mat"]);
    let (who, how) = (["cat", "dog", "sign", "mat"], ["left", "right", "red", "to"]);
    let record = |index: usize| {
        let word = if index.is_multiple_of(2) { go[index / 2 % 4] } else { stay[index / 2 % 4] };
        let text = format!("the {} {word} {}", who[index / 8 % 4], how[index / 32 % 4]);
        let label = if index.is_multiple_of(2) { "goes" } else { "stays" };
        format!("{}\n", json!({"id": index.to_string(), "text": text, "label": label}))
    };
    indices.map(record).collect()
}

/// The same errands under other labels: pretraining on them helps here.
fn motions(indices: impl Iterator<Item = usize>) -> String {
    errands(indices).replace("\"goes\"", "\"moves\"").replace("\"stays\"", "\"rests\"")
}

/// The indices of the training errands; the others are held out.
fn training() -> impl Iterator<Item = usize> {
    (0..128).filter(|index| index % 3 != 0)
}

fn classifier(from: &str, model: &Path, options: &str, stream: &str) -> Ran {
    let usual = ["classifier", "--init-from", from, "--output", model.to_str().unwrap()];
    let options: Vec<&str> = options.split_whitespace().collect();
    run("dl-finetune", &[&usual[..], &options].concat(), stream)
}

/// A BERT that was trained on errands, in `folder`.
fn pretrained(folder: &Path) -> PathBuf {
    let model = folder.join("errands.safetensors");
    let options = "--optimizer adamw --lr 3e-3 --batch 16 --epochs 10";
    classifier(BERT, &model, options, &errands(training())).expect(0);
    model
}

/// The accuracy of a model on the held-out texts.
fn accuracy(model: &Path, held_out: &str) -> f64 {
    let named = run("dl-classify", &["--model", model.to_str().unwrap()], held_out).expect(0).records();
    let right = named.iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
    right as f64 / named.len() as f64
}

fn config(model: &Path) -> Value {
    let ran = run("dl-model", &["info", model.to_str().unwrap()], "").expect(0);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["config"].clone()
}

fn tensors(model: &Path) -> BTreeMap<String, Vec<f32>> {
    let all = Checkpoint::open(model).unwrap().all(&Device::Cpu).unwrap();
    all.into_iter().map(|(name, x)| (name, x.flatten_all().unwrap().to_vec1().unwrap())).collect()
}

#[test]
fn every_strategy_classifies_texts_and_changes_only_its_layers() {
    let folder = tempfile::tempdir().unwrap();
    let start = pretrained(folder.path());
    let before = tensors(&start);
    let held_out = motions((0..128).filter(|index| index % 3 == 0));
    for (strategy, options, moved) in [
        ("feature-extraction", "", &["classifier"][..]),
        ("head", "--lr 3e-2 --epochs 4", &["classifier"]),
        ("top", "--lr 3e-3 --epochs 4", &["classifier", "pooler", "layer.0", "layer.1"]),
        ("all", "--lr 3e-3 --epochs 4", &["classifier", "pooler", "layer.0", "layer.1", "embeddings"]),
        ("scratch", "--lr 3e-3 --epochs 12", &["classifier", "pooler", "layer.0", "layer.1", "embeddings"]),
    ] {
        let model = folder.path().join(format!("{strategy}.safetensors"));
        let log = folder.path().join(format!("{strategy}.jsonl"));
        let options = format!(
            "--strategy {strategy} {options} --optimizer adamw --batch 16 --val-fraction 0.1 --log {}",
            log.display()
        );
        let ran = classifier(start.to_str().unwrap(), &model, &options, &motions(training())).expect(0);
        let right = accuracy(&model, &held_out);
        assert!(right > 0.9, "{strategy}: {right}\n{}", ran.stderr);
        assert!(ran.stderr.contains("76 texts of 2 classes, 9 validation texts"), "{}", ran.stderr);
        assert!(ran.stderr.contains("best validation") || ran.stderr.contains("validation loss"), "{}", ran.stderr);
        let config = config(&model);
        assert_eq!(config["training"]["strategy"], strategy);
        assert_eq!(config["labels"], json!(["moves", "rests"]));
        assert!(config["training"]["validation"]["score"].as_f64().unwrap() > 0.7, "{config}");
        for (name, numbers) in tensors(&model) {
            let is_trained = moved.iter().any(|part| name.contains(part));
            assert_eq!(numbers != before[&name], is_trained, "{strategy}: {name}");
        }
        let new = ran.stderr.contains("tensors loaded; new: classifier.bias, classifier.weight");
        assert_eq!(new, strategy != "scratch", "{}", ran.stderr);
        let still = ran.stderr.contains("tensors are frozen");
        assert_eq!(still, !["all", "scratch"].contains(&strategy), "{}", ran.stderr);
        let events = fs::read_to_string(&log).unwrap();
        assert!(events.contains("\"accuracy\"") && events.contains("\"val_accuracy\""), "{events}");
    }
    let from = |strategy: &str| config(&folder.path().join(format!("{strategy}.safetensors")))["source"].clone();
    assert_eq!(from("feature-extraction")["initialized_from"], "errands.safetensors");
    assert_eq!(from("scratch"), Value::Null);
}

#[test]
fn auto_compares_strategies_on_texts_and_prints_the_scores() {
    let folder = tempfile::tempdir().unwrap();
    let start = pretrained(folder.path());
    let model = folder.path().join("auto.safetensors");
    let run = |options: &str| {
        let options = format!("--strategy auto --force {options}");
        classifier(start.to_str().unwrap(), &model, &options, &motions(training())).expect(0).stderr
    };
    let stderr = run("");
    let line = stderr.lines().find(|line| line.contains("auto: ")).unwrap();
    assert!(line.contains("the smallest class has 42 examples; the features explain"), "{stderr}");
    for strategy in ["feature-extraction", "head", "top", "all"] {
        assert!(line.contains(&format!("{strategy} 0.")) || line.contains(&format!("{strategy} 1.")), "{stderr}");
    }
    let chosen = config(&model)["training"]["strategy"].as_str().unwrap().to_owned();
    assert!(line.ends_with(&format!("; training {chosen}")), "{stderr}");
    let held_out = motions((0..128).filter(|index| index % 3 == 0));
    assert!(accuracy(&model, &held_out) > 0.9, "{stderr}");
    // The choice is deterministic.
    assert!(run("--threads 3").contains(line), "{stderr}");
    // One text per class is not enough to compare strategies.
    assert!(run("--per-class 1").contains("too few to compare strategies: training head"));
}

#[test]
fn per_class_draws_texts_by_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, options: &str| {
        let model = folder.path().join(name);
        let options = format!("--strategy feature-extraction {options}");
        let ran = classifier(BERT, &model, &options, &errands(training())).expect(0);
        (ran.stderr, tensors(&model))
    };
    let (stderr, first) = train("a", "--per-class 5 --seed 1");
    assert!(stderr.contains("10 texts of 2 classes"), "{stderr}");
    assert_eq!(config(&folder.path().join("a"))["training"]["per_class"], 5);
    assert!(first == train("b", "--per-class 5 --seed 1").1);
    assert!(first != train("c", "--per-class 5 --seed 2").1);
    let (stderr, all) = train("d", "--per-class 1000");
    assert!(stderr.contains("85 texts of 2 classes"), "{stderr}");
    assert!(all == train("e", "").1);
    let ran = classifier(BERT, &folder.path().join("f"), "--per-class 0", "").expect(2);
    assert!(ran.stderr.contains("--per-class must be above 0"), "{}", ran.stderr);
}

/// The same weights whether features are kept or computed at every step.
#[test]
fn frozen_layers_computed_once_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, options: &str| {
        let model = folder.path().join(name);
        let options =
            format!("{options} -v --force --optimizer adamw --lr 1e-2 --batch 16 --epochs 3 --val-fraction 0.2");
        let ran = classifier(BERT, &model, &options, &errands(training())).expect(0);
        (ran.stderr, fs::read(&model).unwrap())
    };
    for (options, layer) in [
        ("--freeze embeddings", "embeddings"),
        ("--trainable-layers 1", "encoder.layer.0"),
        ("--freeze encoder.layer.1", "encoder.layer.1"),
        ("--strategy head", "pooler"),
    ] {
        let (stderr, kept) = train("kept", options);
        let words = format!("training begins after {layer}: the layers up to it are computed once");
        assert!(stderr.contains(&words), "{stderr}");
        assert!(kept == train("anew", &format!("{options} --cache 0")).1, "{options}");
        assert!(kept == train("threads", &format!("{options} --threads 3")).1, "{options}");
        // With dropout, nothing is kept.
        let (stderr, dropped) = train("dropped", &format!("{options} --dropout 0.1"));
        assert!(!stderr.contains("training begins") && dropped != kept, "{stderr}");
    }
    assert!(!train("all", "--strategy all").0.contains("training begins"));
}

#[test]
fn a_killed_training_on_kept_features_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name).join("m.safetensors"));
    let options = "--trainable-layers 1 --optimizer adamw --lr 3e-3 --batch 8 --epochs 12 --val-fraction 0.2 \
                   --checkpoint-every 1 --resume";
    [&whole, &broken].iter().for_each(|model| fs::create_dir_all(model.parent().unwrap()).unwrap());
    let input = folder.path().join("errands.jsonl");
    fs::write(&input, errands(training())).unwrap();
    let options = format!("{options} {}", input.display());
    let last = |model: &Path| model.with_file_name("m.last.safetensors");
    classifier(BERT, &whole, &options, "").expect(0);
    let mut child;
    let mut kills = 0;
    for tenth in 0..6 {
        child = Command::new(program("dl-finetune"))
            .args(["classifier", "--init-from", BERT, "--output", broken.to_str().unwrap()])
            .args(options.split_whitespace())
            .current_dir(root())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Killed soon after a file exists, so that there is something to resume from.
        while !last(&broken).exists() && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(1));
        }
        sleep(Duration::from_millis(7 * tenth));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(kills > 0);
    let ran = classifier(BERT, &broken, &options, "").expect(0);
    assert!(ran.stderr.contains("resuming after"), "{}", ran.stderr);
    for path in [|model: &Path| model.to_owned(), last] {
        assert!(fs::read(path(&whole)).unwrap() == fs::read(path(&broken)).unwrap(), "{}", path(&whole).display());
    }
    // Another --per-class is another training.
    let ran = classifier(BERT, &broken, &format!("{options} --per-class 9"), "").expect(2);
    assert!(ran.stderr.contains("per_class"), "{}", ran.stderr);
}
