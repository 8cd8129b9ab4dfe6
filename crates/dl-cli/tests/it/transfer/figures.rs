//! What `dl-eval` says of two domains.

use std::fs;

use serde_json::{Value, json};

use super::{at, domains, formula, lines, transfer};
use crate::support::run;

#[test]
fn the_shift_between_domains_is_measured_before_and_after() {
    let input = lines(&domains(60));
    let figures = |input: &str| -> Value {
        serde_json::from_str(&run("dl-eval", &["shift", "--format", "json"], input).expect(0).stdout).unwrap()
    };
    let before = figures(&input);
    let scaled = transfer("normalize --columns zscore --per-domain", &input).expect(0).stdout;
    let after = figures(&transfer("coral", &scaled).expect(0).stdout);
    for figure in ["mmd2", "covariance_distance", "proxy_a_distance"] {
        let (before, after) = (before[figure].as_f64().unwrap(), after[figure].as_f64().unwrap());
        assert!(after < 0.5 * before, "{figure}: {before} {after}");
    }
    assert_eq!(before["source_rows"], 60);
}

#[test]
fn the_run_that_fits_the_target_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    // The good run knows the class; the bad one is unsure, and confuses two of them.
    let names = ["a", "b", "c"];
    let run_of = |name: &str, sure: f64| {
        let records: Vec<Value> = domains(60)
            .into_iter()
            .enumerate()
            .map(|(index, mut record)| {
                let class = index % 3;
                let confused = sure < 0.9 && index % 4 == 0;
                let named = if confused { (class + 1) % 3 } else { class };
                let share = (formula(index as u64, 40) + 2.0) / 4.0;
                // The bad run divides what is left of the probability as chance has it.
                let next = if sure < 0.9 { share } else { 0.5 };
                let scores = [sure, (1.0 - sure) * next, (1.0 - sure) * (1.0 - next)];
                let mut predictions: Vec<Value> =
                    (0..3).map(|at| json!({"label": names[(named + at) % 3], "score": scores[at]})).collect();
                predictions.sort_by(|a, b| b["score"].as_f64().unwrap().total_cmp(&a["score"].as_f64().unwrap()));
                record["predictions"] = predictions.into();
                if record["domain"] == "source" {
                    record["weight"] = json!(0.5 + index as f64 / 60.0);
                }
                record
            })
            .collect();
        let path = at(folder.path(), name);
        let scaled = transfer("normalize --columns zscore --per-domain", &lines(&records)).expect(0).stdout;
        fs::write(&path, scaled).unwrap();
        path
    };
    let (bad, good) = (run_of("bad.jsonl", 0.4), run_of("good.jsonl", 0.97));
    let ran = run("dl-eval", &["adapt", &bad, &good], "").expect(0);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    // Not by density: the predictions of a run that is unsure everywhere are alike, too.
    for criterion in ["entropy", "importance_weighted", "dev", "circular"] {
        assert_eq!(found["best"][criterion], json!(good), "{criterion}: {found}");
    }
    // By hand: the good run is always right, and sure alike of all rows.
    let entropy = -(0.97_f64 * 0.97_f64.ln() + 0.03 * 0.015_f64.ln());
    assert!((found["runs"][1]["entropy"].as_f64().unwrap() - entropy).abs() < 1e-9, "{found}");
    assert!(found["runs"][1]["importance_weighted"] == json!(0.0) && found["runs"][1]["target_rows"] == json!(60));
    let table = run("dl-eval", &["adapt", "--format", "table", &bad, &good], "").expect(0).stdout;
    assert!(table.lines().last().unwrap().starts_with("best"), "{table}");
    // What a criterion needs is said.
    let plain = fs::read_to_string(&good).unwrap().replace("\"weight\"", "\"other\"");
    fs::write(&good, plain).unwrap();
    let ran = run("dl-eval", &["adapt", &good], "").expect(0);
    assert!(ran.stderr.contains("dl-transfer kmm, kliep or domain-classifier writes it"), "{}", ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(found["best"]["dev"].is_null() && found["runs"][0]["source_loss"] == json!(0.0), "{found}");
    let few = fs::read_to_string(&bad).unwrap().replace("\"score\":0.4", "\"score\":0.1");
    fs::write(&bad, few).unwrap();
    let ran = run("dl-eval", &["adapt", &bad], "");
    assert!(ran.stderr.contains("use dl-classify --top-k 0"), "{}", ran.stderr);
}

#[test]
fn figures_of_each_class_are_printed_for_each_group() {
    let records: Vec<Value> = domains(12)
        .into_iter()
        .map(|mut record| {
            let guess = if record["domain"] == "source" { record["label"].clone() } else { json!("a") };
            record["predictions"] = json!([{"label": guess, "score": 1.0}]);
            record
        })
        .collect();
    let ran = run("dl-eval", &["classify", "--by", "domain", "--format", "json"], &lines(&records)).expect(0);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let by = &found["by"]["domain"];
    assert_eq!(
        (&by["source"]["per_class"]["b"]["recall"], &by["target"]["per_class"]["b"]["recall"]),
        (&json!(1.0), &json!(0.0))
    );
    assert_eq!(by["target"]["per_class"]["a"]["predicted"], json!(12));
}
