//! `dl-finetune classifier` on texts: every strategy of transfer, and what is computed once.

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

/// Texts of a made-up errand: whoever is told to go goes, to stop stays.
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

/// The same errands by other names: what was learned of them serves here.
fn motions(indices: impl Iterator<Item = usize>) -> String {
    errands(indices).replace("\"goes\"", "\"moves\"").replace("\"stays\"", "\"rests\"")
}

/// Which of the errands are learned from; the others are held out.
fn learned() -> impl Iterator<Item = usize> {
    (0..128).filter(|index| index % 3 != 0)
}

fn classifier(from: &str, model: &Path, options: &str, stream: &str) -> Ran {
    let usual = ["classifier", "--init-from", from, "--model", model.to_str().unwrap()];
    let options: Vec<&str> = options.split_whitespace().collect();
    run("dl-finetune", &[&usual[..], &options].concat(), stream)
}

/// A BERT that was trained on errands, in `folder`.
fn pretrained(folder: &Path) -> PathBuf {
    let model = folder.join("errands.safetensors");
    let options = "--optimizer adamw --lr 3e-3 --batch 16 --epochs 10";
    classifier(BERT, &model, options, &errands(learned())).expect(0);
    model
}

/// The share of the held-out texts that a model names rightly.
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
fn every_strategy_learns_the_texts_and_changes_what_it_should() {
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
            "--strategy {strategy} {options} --optimizer adamw --batch 16 --val-share 0.1 --log {}",
            log.display()
        );
        let ran = classifier(start.to_str().unwrap(), &model, &options, &motions(learned())).expect(0);
        let right = accuracy(&model, &held_out);
        assert!(right > 0.9, "{strategy}: {right}\n{}", ran.stderr);
        assert!(ran.stderr.contains("76 texts of 2 classes to learn, 9 to judge by"), "{}", ran.stderr);
        assert!(ran.stderr.contains("validation loss"), "{}", ran.stderr);
        let config = config(&model);
        assert_eq!(config["training"]["strategy"], strategy);
        assert_eq!(config["labels"], json!(["moves", "rests"]));
        assert!(config["training"]["validation"]["score"].as_f64().unwrap() > 0.7, "{config}");
        for (name, numbers) in tensors(&model) {
            let learns = moved.iter().any(|part| name.contains(part));
            assert_eq!(numbers != before[&name], learns, "{strategy}: {name}");
        }
        let new = ran.stderr.contains("tensors loaded; new: classifier.bias, classifier.weight");
        assert_eq!(new, strategy != "scratch", "{}", ran.stderr);
        let still = ran.stderr.contains("weights do not learn");
        assert_eq!(still, !["all", "scratch"].contains(&strategy), "{}", ran.stderr);
        let events = fs::read_to_string(&log).unwrap();
        assert!(events.contains("\"accuracy\"") && events.contains("\"val_accuracy\""), "{events}");
    }
    let from = |strategy: &str| config(&folder.path().join(format!("{strategy}.safetensors")))["source"].clone();
    assert_eq!(from("feature-extraction")["initialised_from"], "errands.safetensors");
    assert_eq!(from("scratch"), Value::Null);
}

#[test]
fn auto_says_what_it_found_in_the_texts_and_takes_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    let start = pretrained(folder.path());
    let model = folder.path().join("auto.safetensors");
    let ran = classifier(start.to_str().unwrap(), &model, "--strategy auto", &motions(learned())).expect(0);
    let words = "at least 42 examples a class is little data; the features explain";
    assert!(ran.stderr.contains(words) && ran.stderr.contains("LogME"), "{}", ran.stderr);
    assert!(ran.stderr.contains("a similar domain: strategy feature-extraction"), "{}", ran.stderr);
    assert_eq!(config(&model)["training"]["strategy"], "feature-extraction");
    // Labels that have nothing to do with the texts.
    let drawn: String = motions(learned())
        .lines()
        .enumerate()
        .map(|(index, line)| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            record["label"] = json!(format!("heap {}", index * index % 7 % 2));
            format!("{record}\n")
        })
        .collect();
    let ran = classifier(start.to_str().unwrap(), &model, "--strategy auto --iterations 2 --force", &drawn).expect(0);
    assert!(ran.stderr.contains("strategy top"), "{}", ran.stderr);
    assert_eq!(config(&model)["training"]["strategy"], "top");
}

#[test]
fn so_many_texts_of_each_class_are_drawn_by_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, options: &str| {
        let model = folder.path().join(name);
        let options = format!("--strategy feature-extraction {options}");
        let ran = classifier(BERT, &model, &options, &errands(learned())).expect(0);
        (ran.stderr, tensors(&model))
    };
    let (said, first) = train("a", "--per-class 5 --seed 1");
    assert!(said.contains("10 texts of 2 classes to learn"), "{said}");
    assert_eq!(config(&folder.path().join("a"))["training"]["per_class"], 5);
    assert!(first == train("b", "--per-class 5 --seed 1").1);
    assert!(first != train("c", "--per-class 5 --seed 2").1);
    let (said, all) = train("d", "--per-class 1000");
    assert!(said.contains("85 texts of 2 classes to learn"), "{said}");
    assert!(all == train("e", "").1);
    let ran = classifier(BERT, &folder.path().join("f"), "--per-class 0", "").expect(2);
    assert!(ran.stderr.contains("--per-class must be above 0"), "{}", ran.stderr);
}

/// The same weights whether features are kept or computed at every step.
#[test]
fn what_is_frozen_is_computed_once_and_the_weights_are_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, options: &str| {
        let model = folder.path().join(name);
        let options = format!("{options} -v --force --optimizer adamw --lr 1e-2 --batch 16 --epochs 3 --val-share 0.2");
        let ran = classifier(BERT, &model, &options, &errands(learned())).expect(0);
        (ran.stderr, fs::read(&model).unwrap())
    };
    for (options, layer) in [
        ("--freeze embeddings", "embeddings"),
        ("--trainable-layers 1", "encoder.layer.0"),
        ("--freeze encoder.layer.1", "encoder.layer.1"),
        ("--strategy head", "pooler"),
    ] {
        let (said, kept) = train("kept", options);
        let words = format!("learning begins after {layer}: what is before it is computed once");
        assert!(said.contains(&words), "{said}");
        assert!(kept == train("anew", &format!("{options} --cache 0")).1, "{options}");
        assert!(kept == train("threads", &format!("{options} --threads 3")).1, "{options}");
        // Something random stands before it.
        let (said, dropped) = train("dropped", &format!("{options} --dropout 0.1"));
        assert!(!said.contains("learning begins") && dropped != kept, "{said}");
    }
    assert!(!train("all", "--strategy all").0.contains("learning begins"));
}

#[test]
fn a_training_on_kept_features_that_is_killed_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name).join("m.safetensors"));
    let options = "--trainable-layers 1 --optimizer adamw --lr 3e-3 --batch 8 --epochs 12 --val-share 0.2 \
                   --checkpoint-every 1 --resume";
    [&whole, &broken].iter().for_each(|model| fs::create_dir_all(model.parent().unwrap()).unwrap());
    let input = folder.path().join("errands.jsonl");
    fs::write(&input, errands(learned())).unwrap();
    let options = format!("{options} {}", input.display());
    let last = |model: &Path| model.with_file_name("m.last.safetensors");
    classifier(BERT, &whole, &options, "").expect(0);
    let mut child;
    let mut kills = 0;
    for tenth in 0..6 {
        child = Command::new(program("dl-finetune"))
            .args(["classifier", "--init-from", BERT, "--model", broken.to_str().unwrap()])
            .args(options.split_whitespace())
            .current_dir(root())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Killed soon after a file is there, so that something is left to go on from.
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
    assert!(ran.stderr.contains("going on after"), "{}", ran.stderr);
    for path in [|model: &Path| model.to_owned(), last] {
        assert!(fs::read(path(&whole)).unwrap() == fs::read(path(&broken)).unwrap(), "{}", path(&whole).display());
    }
    // Another number of texts of a class is another training.
    let ran = classifier(BERT, &broken, &format!("{options} --per-class 9"), "").expect(2);
    assert!(ran.stderr.contains("per_class"), "{}", ran.stderr);
}
