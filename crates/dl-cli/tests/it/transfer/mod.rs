//! `dl-transfer`, and the heads and figures that go with it, on two small domains.

mod figures;
mod heads;
mod maps;
mod records;

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ran, run};

/// The number at (row, column) of the goldens' matrices, in [-2, 2).
fn formula(row: u64, column: u64) -> f64 {
    let mut mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) & 0xffff_ffff;
    mixed ^= mixed >> 13;
    mixed = mixed.wrapping_mul(1_597_334_677) & 0xffff_ffff;
    mixed ^= mixed >> 16;
    (mixed % 256) as f64 / 64.0 - 2.0
}

const COLUMNS: u64 = 6;

/// A record with features of one row.
fn record(id: &str, label: &str, domain: &str, features: &[f64]) -> Value {
    json!({"id": id, "label": label, "domain": domain, "mine": 1,
        "features": {"f": {"dtype": "f32", "shape": [1, features.len()], "values": features}}})
}

/// Rows of three classes in two domains: in the target, columns are stretched, mixed and moved.
fn domains(rows: u64) -> Vec<Value> {
    let mut records = Vec::new();
    for (offset, domain) in [(0, "source"), (5000, "target")] {
        for row in 0..rows {
            let class = row % 3;
            let mut x: Vec<f64> = (0..COLUMNS)
                .map(|column| 0.4 * formula(offset + row, column) + if column == class { 2.0 } else { 0.0 })
                .collect();
            if domain == "target" {
                let first = x[0];
                for (column, value) in x.iter_mut().enumerate() {
                    *value = 3.0 * *value + 0.8 * first + if column == 1 { 6.0 } else { column as f64 };
                }
            }
            records.push(record(&format!("{domain}-{row}"), ["a", "b", "c"][class as usize], domain, &x));
        }
    }
    records
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Runs `dl-transfer` with these words.
#[track_caller]
fn transfer(text: &str, input: &str) -> Ran {
    run("dl-transfer", &words(text), input)
}

fn at(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

/// The share of target records whose first prediction is right.
fn accuracy(classified: &str) -> f64 {
    let ran = run("dl-eval", &["classify", "--by", "domain", "--format", "json"], classified).expect(0);
    let figures: Value = serde_json::from_str(&ran.stdout).unwrap();
    figures["by"]["domain"]["target"]["top1"].as_f64().unwrap()
}
