//! `dl-finetune adversarial`, `distill`, `multitask`, `contrast` and `prototypical`: networks trained by other means than a
//! label for each image.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dl_models::{Checkpoint, Labels, ModelConfig};
use serde_json::{Value, json};

use crate::finetune::{lines, shapes};
use crate::support::{Ran, run, run_killed};

/// Records of single shapes on drawn backgrounds.
struct Shapes {
    folder: tempfile::TempDir,
    records: Vec<Value>,
}

impl Shapes {
    fn new(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let labeled = |record: Value| json!({"id": record["id"], "image": record["image"], "label": record["objects"][0]["label"]});
        let records = shapes(folder.path(), count).into_iter().map(labeled).collect();
        Self { folder, records }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of the records as `change` makes them.
    fn write(&self, name: &str, change: impl Fn(usize, &mut Value)) -> String {
        let mut records = self.records.clone();
        records.iter_mut().enumerate().for_each(|(index, record)| change(index, record));
        fs::write(self.path(name), lines(&records)).unwrap();
        self.path(name).display().to_string()
    }

    fn plain(&self) -> String {
        self.write("records.jsonl", |_, _| ())
    }

    /// Half of the records, with their labels, are the source, and the others the target without.
    fn domains(&self) -> String {
        self.write("domains.jsonl", |index, record| {
            if index % 4 < 2 {
                record["domain"] = json!("source");
            } else {
                record["domain"] = json!("target");
                record.as_object_mut().unwrap().remove("label");
            }
        })
    }

    fn tasks(&self) -> String {
        self.write("tasks.jsonl", |index, record| {
            let label = record["label"].clone();
            record.as_object_mut().unwrap().remove("label");
            let pair = ["even", "odd"][index / 2 % 2];
            record["labels"] = json!({"shape": label, "pair": pair});
            if index == 3 {
                record["labels"].as_object_mut().unwrap().remove("shape");
            }
        })
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn finetune(command: &str, output: &Path, more: &str) -> Ran {
    run("dl-finetune", &words(&format!("{command} --output {} {more}", output.display())), "")
}

const SMALL: &str = "--arch mobilenet_v2 --width-mult 0.25 --size 32 --optimizer adamw --lr 0.003";

fn config(path: &Path) -> ModelConfig {
    ModelConfig::read(&mut Checkpoint::open(path).unwrap(), None).unwrap()
}

#[test]
fn every_method_killed_at_any_moment_resumes_to_the_same_weights() {
    let shapes = Shapes::new(24);
    let teacher = shapes.path("teacher.safetensors");
    finetune("classifier", &teacher, &format!("{} {SMALL} --iterations 2", shapes.plain())).expect(0);
    let distill = format!("distill --teacher {} --features features.18@1", teacher.display());
    for (command, input) in [
        ("adversarial --method dann".to_owned(), shapes.domains()),
        ("adversarial --method cdan --entropy".to_owned(), shapes.domains()),
        ("adversarial --method coral".to_owned(), shapes.domains()),
        (distill, shapes.plain()),
        ("multitask --weighting uncertainty --val-fraction 0.25".to_owned(), shapes.tasks()),
        ("contrast simclr".to_owned(), shapes.plain()),
        ("contrast rotation".to_owned(), shapes.plain()),
        ("prototypical --ways 2 --shots 1 --queries 2".to_owned(), shapes.plain()),
    ] {
        let [whole, broken] = ["whole", "broken"].map(|name| shapes.path(&command.replace(' ', "_")).join(name));
        for folder in [&whole, &broken] {
            fs::create_dir_all(folder).unwrap();
        }
        let [whole, broken] = [whole, broken].map(|folder| folder.join("m.safetensors"));
        let batch = if command.contains("prototypical") { "" } else { "--batch 8" };
        let more = format!("{input} {SMALL} {batch} --iterations 24 --checkpoint-every 3 --resume");
        finetune(&command, &whole, &more).expect(0);
        let args = words(&format!("{command} --output {} {more}", broken.display()));
        let kills = run_killed("dl-finetune", &args, 4, |kills| Duration::from_millis(100 + (kills * 97 + 41) % 400));
        assert!(kills >= 1, "{command}: {kills} kills");
        assert!(fs::read(&whole).unwrap() == fs::read(&broken).unwrap(), "{command}");
    }
}

#[test]
fn a_network_for_several_tasks_is_trained_used_and_scored() {
    let shapes = Shapes::new(24);
    let input = shapes.tasks();
    let model = shapes.path("tasks.safetensors");
    let ran = finetune("multitask", &model, &format!("{input} {SMALL} --iterations 150 --batch 12")).expect(0);
    assert!(ran.stderr.contains("task shape: ") && ran.stderr.contains(", 23 labeled images"), "{}", ran.stderr);
    let classified = run("dl-classify", &["--model", model.to_str().unwrap(), "--top-k", "1", &input], "").expect(0);
    let first: Value = serde_json::from_str(classified.stdout.lines().next().unwrap()).unwrap();
    let tasks: Vec<&str> =
        first["predictions"].as_array().unwrap().iter().map(|one| one["task"].as_str().unwrap()).collect();
    assert_eq!(tasks, ["pair", "shape"]);
    let score = |task: &[&str]| run("dl-eval", &[&["classify", "--format", "json"], task].concat(), &classified.stdout);
    let report: Value = serde_json::from_str(&score(&["--task", "shape"]).expect(0).stdout).unwrap();
    assert_eq!(report["samples"], 23);
    assert!(report["top1"].as_f64().unwrap() > 0.6, "{report}");
    assert!(score(&[]).expect(1).stderr.contains("choose one with --task"));
    assert!(score(&["--task", "color"]).expect(1).stderr.contains("no prediction is of the task \"color\""));
    // A head for other classes takes the body.
    let next = shapes.path("next.safetensors");
    let init = format!("{} --init-from {} --iterations 1", shapes.plain(), model.display());
    finetune("classifier", &next, &init).expect(0);
    assert_eq!(config(&next).tasks, None);
}

#[test]
fn networks_without_labels_are_a_start_and_no_classifier() {
    let shapes = Shapes::new(16);
    let input = shapes.plain();
    let model = shapes.path("start.safetensors");
    finetune("contrast simclr", &model, &format!("{input} {SMALL} --iterations 3")).expect(0);
    let ran = run("dl-classify", &["--model", model.to_str().unwrap(), &input], "").expect(2);
    assert!(ran.stderr.contains("was trained without labels"), "{}", ran.stderr);
    run("dl-embed", &["--model", model.to_str().unwrap(), &input], "").expect(0);
    let tuned = shapes.path("tuned.safetensors");
    finetune("classifier", &tuned, &format!("{input} --init-from {} --iterations 1", model.display())).expect(0);
}

#[test]
fn a_student_follows_its_teacher_to_classes_it_has_never_seen() {
    let shapes = Shapes::new(48);
    let all = shapes.plain();
    let teacher = shapes.path("teacher.safetensors");
    finetune("classifier", &teacher, &format!("{all} {SMALL} --iterations 150 --batch 12")).expect(0);
    let Some(Labels::Names(labels)) = config(&teacher).labels else { panic!("the teacher has no labels") };
    // One class is left out.
    let kept: Vec<Value> =
        shapes.records.iter().filter(|record| record["label"] != labels[0].as_str()).cloned().collect();
    fs::write(shapes.path("kept.jsonl"), lines(&kept)).unwrap();
    let (kept, student) = (shapes.path("kept.jsonl").display().to_string(), shapes.path("student.safetensors"));
    let more = format!("{kept} --teacher {} {SMALL} --iterations 100 --batch 12", teacher.display());
    let ran = finetune("distill", &student, &format!("{more} --correct-bias {all}")).expect(0);
    assert!(ran.stderr.contains("the bias of"), "{}", ran.stderr);
    assert_eq!(config(&student).labels, Some(Labels::Names(labels)));
    // Without labels, only the teacher counts.
    let bare = shapes.write("bare.jsonl", |_, record| drop(record.as_object_mut().unwrap().remove("label")));
    let other = shapes.path("other.safetensors");
    let more = format!("{bare} --teacher {} {SMALL} --iterations 2", teacher.display());
    assert!(finetune("distill", &other, &more).expect(2).stderr.contains("no \"label\""));
    finetune("distill --alpha 1", &other, &more).expect(0);
}

#[test]
fn features_are_adapted_by_a_small_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Two classes along the first axis; the target is shifted along the second.
    let row = |index: usize, domain: &str, labeled: bool| {
        let class = index % 2;
        let wobble = |salt: usize| ((index * 7919 + salt * 104_729) % 1000) as f32 / 1000.0 - 0.5;
        let shift = if domain == "target" { 4.0 } else { 0.0 };
        let x = [class as f32 * 2.0 - 1.0 + wobble(1), shift + wobble(2)];
        let mut record = json!({"id": format!("{domain}{index}"), "domain": domain,
            "features": {"x": {"dtype": "f32", "shape": [1, 2], "values": x}}});
        if labeled {
            let label = ["a", "b"][class];
            record["label"] = json!(label);
        }
        record
    };
    let both: Vec<Value> = (0..80)
        .map(|index| row(index, "source", true))
        .chain((0..80).map(|index| row(index, "target", false)))
        .collect();
    fs::write(path("both.jsonl"), lines(&both)).unwrap();
    fs::write(path("test.jsonl"), lines(&(0..80).map(|index| row(index, "target", true)).collect::<Vec<_>>())).unwrap();
    let input = path("both.jsonl").display().to_string();
    for method in ["dann", "cdan", "coral"] {
        let head = path(&format!("{method}.safetensors"));
        let more =
            format!("{input} --method {method} --hidden 16 --iterations 200 --val {}", path("test.jsonl").display());
        finetune("adversarial", &head, &more).expect(0);
        let test = path("test.jsonl").display().to_string();
        let classified = run("dl-classify", &["--model", head.to_str().unwrap(), &test], "").expect(0);
        let report = run("dl-eval", &["classify", "--format", "json"], &classified.stdout).expect(0);
        let report: Value = serde_json::from_str(&report.stdout).unwrap();
        assert!(report["top1"].as_f64().unwrap() > 0.95, "{method}: {report}");
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let shapes = Shapes::new(8);
    let output = shapes.path("m.safetensors");
    let fails = |command: &str, more: &str, status: i32, expected: &str| {
        let ran = finetune(command, &output, &format!("{more} {SMALL} --iterations 1"));
        assert!(ran.stderr.contains(expected), "{command}: {}", ran.stderr);
        ran.expect(status);
        assert!(!output.exists(), "{command}");
    };
    let (plain, domains, tasks) = (shapes.plain(), shapes.domains(), shapes.tasks());
    fails("adversarial", &plain, 2, "has no \"domain\"");
    let one = shapes.write("one.jsonl", |_, record| record["domain"] = json!("source"));
    fails("adversarial", &one, 2, "no record of the target");
    fails("adversarial --source target --target source", &domains, 2, "label");
    fails("adversarial --method dann --entropy", &domains, 2, "--entropy is for --method cdan");
    fails("multitask", &plain, 2, "no \"labels\" to train on");
    fails("multitask --tasks color", &tasks, 2, "no record has the task \"color\"");
    fails("multitask --task-weight color=2", &tasks, 2, "no task is called \"color\"");
    fails("prototypical --ways 50", &plain, 2, "episodes of 50 classes need as many");
    fails("prototypical --ways 2 --shots 100 --queries 5", &plain, 2, "too few examples of");
    fails("contrast rotation --mixup 0.5", &plain, 2, "--mixup");
    fails("distill --teacher /nonexistent", &plain, 2, "/nonexistent");
}
