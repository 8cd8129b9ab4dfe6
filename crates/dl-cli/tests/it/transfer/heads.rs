//! Heads on aligned or weighted features.

use std::fs;

use serde_json::{Value, json};

use super::{accuracy, at, domains, formula, lines, record, transfer, words};
use crate::support::run;

#[test]
fn a_head_of_the_source_recognizes_the_target_after_alignment() {
    let folder = tempfile::tempdir().unwrap();
    let input = lines(&domains(120));
    let (head, map) = (at(folder.path(), "head.safetensors"), at(folder.path(), "map.safetensors"));
    let classified = |records: &str, new: &str| {
        let source = run("dl-data", &["select", "--domain", "source"], records).expect(0).stdout;
        run("dl-finetune", &["linear", "--force", "--output", &head], &source).expect(0);
        accuracy(&run("dl-classify", &["--model", &head], new).expect(0).stdout)
    };
    let before = classified(&input, &input);
    let scaled = transfer("normalize --columns zscore --per-domain", &input).expect(0).stdout;
    let aligned = transfer(&format!("coral --output {map}"), &scaled).expect(0).stdout;
    // The same records as new ones, whose domain is stated.
    let new = scaled.replace("\"domain\":\"target\"", "\"domain\":\"new\"");
    let refused = transfer(&format!("apply --model {map}"), &new);
    assert!(refused.status == 1 && refused.stderr.contains("does not know the domain \"new\""), "{}", refused.stderr);
    let new = run("dl-data", &["select", "--domain", "new"], &new).expect(0).stdout;
    let new = transfer(&format!("apply --model {map} --domain target"), &new).expect(0).stdout;
    let after = classified(&aligned, &new.replace("\"domain\":\"new\"", "\"domain\":\"target\""));
    assert!(before < 0.75 && after > 0.95, "{before} {after}");
    // The head knows which map its features came from.
    let other = run("dl-classify", &["--model", &head], &scaled.replace("\"normalize\"", "\"coral\""));
    assert!(other.status == 1 && other.stderr.contains("normalize:"), "{}", other.stderr);
}

#[test]
fn weights_of_source_records_are_honored_by_training() {
    let folder = tempfile::tempdir().unwrap();
    let input = lines(&domains(40));
    for method in ["kmm --gamma 0.05", "kliep --gamma 0.05", "domain-classifier", "kmm --random-features 64"] {
        let records = transfer(method, &input).expect(0).records();
        let weights: Vec<f64> = records.iter().filter_map(|record| record["weight"].as_f64()).collect();
        assert_eq!((records.len(), weights.len()), (80, 40), "{method}");
        assert!(weights.iter().all(|weight| *weight >= 0.0) && weights.iter().sum::<f64>() > 0.0, "{method}");
        assert!(records[40..].iter().all(|record| record.get("weight").is_none()), "{method}");
    }
    // A weight of 2 is the record twice.
    let mut records = domains(9);
    records.truncate(9);
    let mut twice = records.clone();
    let mut copy = records[4].clone();
    copy["id"] = json!("copy");
    twice.push(copy);
    records[4]["weight"] = json!(2);
    let weights = |records: &[Value]| {
        let head = at(folder.path(), "head.safetensors");
        let args = ["linear", "--force", "--tolerance", "1e-9", "--output", &head];
        run("dl-finetune", &args, &lines(records)).expect(0);
        let figures = run("dl-model", &["info", &head], "").expect(0);
        serde_json::from_str::<Value>(&figures.stdout).unwrap()["config"]["training"]["objective"].as_f64().unwrap()
    };
    let (weighted, repeated) = (weights(&records), weights(&twice));
    assert!((weighted - repeated).abs() < 1e-6 * repeated, "{weighted} {repeated}");
    records[4]["weight"] = json!(-1);
    let head = at(folder.path(), "negative.safetensors");
    let ran = run("dl-finetune", &["linear", "--output", &head], &lines(&records)).expect(1);
    assert!(ran.stderr.contains("-1 is below 0"), "{}", ran.stderr);
}

#[test]
fn neighbors_prototypes_and_boosting_classify_and_support_adds_classes() {
    let folder = tempfile::tempdir().unwrap();
    let records = domains(60);
    let (source, target) = records.split_at(60);
    let head = at(folder.path(), "head.safetensors");
    for method in [
        "neighbors --k 3",
        "neighbors --k 5 --metric cosine --votes distance",
        "prototypes",
        "prototypes --metric cosine",
        "linear --loss hinge",
        "linear --loss squared-hinge --cost 0.1 --raw",
    ] {
        let args = [words(method), words(&format!("--force --output {head}"))].concat();
        run("dl-finetune", &args, &lines(source)).expect(0);
        let found = run("dl-classify", &["--model", &head, "--top-k", "0"], &lines(source)).expect(0);
        let right =
            found.records().iter().filter(|record| record["predictions"][0]["label"] == record["label"]).count();
        assert!(right >= 57, "{method}: {right} of 60");
    }
    // A fourth class from three records.
    run("dl-finetune", &words(&format!("prototypes --metric cosine --force --output {head}")), &lines(source))
        .expect(0);
    let corner = |id: &str| record(id, "d", "source", &[9.0, 9.0, 9.0, 9.0, 9.0, 9.0]);
    let few = at(folder.path(), "few.jsonl");
    fs::write(&few, lines(&[corner("1"), corner("2"), corner("3")])).unwrap();
    let found = run("dl-classify", &["--model", &head, "--support", &few], &lines(&[corner("new")])).expect(0);
    assert_eq!(found.records()[0]["predictions"].as_array().unwrap().len(), 4);
    // One that cannot be used is reported, if its class has others.
    let mut broken = [corner("1"), corner("2"), corner("3")];
    broken[1].as_object_mut().unwrap().remove("features");
    fs::write(&few, lines(&broken)).unwrap();
    let ran = run("dl-classify", &["--model", &head, "--support", &few], &lines(&[corner("new")])).expect(1);
    assert!(ran.stderr.contains(&format!("{few}:2: ")) && ran.records().len() == 1, "{}", ran.stderr);
    assert_eq!(ran.records()[0]["predictions"][0]["label"], "d");
    fs::write(&few, lines(&broken[1..2])).unwrap();
    let ran = run("dl-classify", &["--model", &head, "--support", &few], &lines(&[corner("new")])).expect(2);
    assert!(ran.stderr.contains("no record of \"d\" can be used"), "{}", ran.stderr);
    // Boosting needs both sides, with labels.
    let few_targets = [source, &target[..9]].concat();
    let boosted = at(folder.path(), "boosted.safetensors");
    run("dl-finetune", &["boost", "--rounds", "10", "--output", &boosted], &lines(&few_targets)).expect(0);
    let found = run("dl-classify", &["--model", &boosted], &lines(target)).expect(0).stdout;
    assert!(accuracy(&found) > 0.9, "{}", accuracy(&found));
    let ran = run("dl-finetune", &["boost", "--force", "--output", &boosted], &lines(source)).expect(2);
    assert!(ran.stderr.contains("no record of the target"), "{}", ran.stderr);
}

#[test]
fn classes_that_were_never_seen_are_named_by_their_attributes() {
    let folder = tempfile::tempdir().unwrap();
    // Columns show a shape (0, 1, 2) and a color (3, 4): six classes, of which two are withheld.
    let (shapes, colors) = (["round", "square", "star"], ["red", "blue"]);
    let mut csv = "class,round,square,star,red,blue\n".to_owned();
    let mut records = Vec::new();
    for (class, name) in (0..6).map(|class| (class, format!("{}-{}", shapes[class / 2], colors[class % 2]))) {
        let has = |index: usize| index == class / 2 || index == 3 + class % 2;
        csv += &format!("{name}{}\n", (0..5).map(|index| if has(index) { ",1" } else { ",0" }).collect::<String>());
        for row in 0..20 {
            let x: Vec<f64> = (0..5)
                .map(|column| {
                    0.2 * formula((class * 20 + row) as u64, column as u64) + if has(column) { 2.0 } else { 0.0 }
                })
                .collect();
            records.push(record(&format!("{name}-{row}"), &name, "target", &x));
        }
    }
    let classes = at(folder.path(), "classes.csv");
    fs::write(&classes, &csv).unwrap();
    let unseen = ["round-blue", "star-red"];
    let (seen, withheld): (Vec<Value>, Vec<Value>) =
        records.into_iter().partition(|record| !unseen.contains(&record["label"].as_str().unwrap()));
    let head = at(folder.path(), "head.safetensors");
    for method in ["eszsl --gamma 1 --lambda 1", "eszsl", "dap"] {
        let args = words(&format!("attributes --classes {classes} --method {method} --force --output {head}"));
        run("dl-finetune", &args, &lines(&seen)).expect(0);
        let found = run("dl-classify", &["--model", &head, "--classes", &classes], &lines(&withheld)).expect(0).stdout;
        let share = accuracy(&found);
        // Held-out classes of four are too few to choose penalties well.
        assert!(share > if method == "eszsl" { 0.5 } else { 0.9 }, "{method}: {share}");
        // Without --classes, the classes of the training.
        let found = run("dl-classify", &["--model", &head, "--top-k", "0"], &lines(&withheld[..1])).expect(0).records();
        assert_eq!(found[0]["predictions"].as_array().unwrap().len(), 4);
    }
    let wrong = at(folder.path(), "wrong.csv");
    fs::write(&wrong, "class,round\nx,1\n").unwrap();
    let ran = run("dl-classify", &["--model", &head, "--classes", &wrong], &lines(&withheld)).expect(2);
    assert!(ran.stderr.contains("attribute \"square\" is missing"), "{}", ran.stderr);
    let args = words(&format!("attributes --classes {wrong} --force --output {head}"));
    let ran = run("dl-finetune", &args, &lines(&seen)).expect(2);
    assert!(ran.stderr.contains("has no attributes; add it to the file of classes"), "{}", ran.stderr);
}
