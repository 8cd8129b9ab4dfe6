//! Metrics of detection, classification and image generation: numbers only, no networks.

pub mod binary;
pub mod classify;
pub mod coco;
pub mod columns;
pub mod confusion;
pub mod duplicates;
pub mod fid;
pub mod inception_score;
pub mod kid;
pub mod matching;
pub mod modes;
pub mod ms_ssim;
mod neighbors;
pub mod planes;
pub mod precision_recall;
pub mod proposals;
pub mod psnr;
pub mod ssim;
pub mod voc;

use anyhow::{Result, ensure};
use dl_record::Matrix;

/// Checks that two sets of features can be compared: rows of the same, positive length, each set with at least `least`
/// rows.
fn check_sets(generated: &Matrix, real: &Matrix, least: usize) -> Result<()> {
    for (name, set) in [("generated", generated), ("real", real)] {
        ensure!(set.rows >= least, "the {name} set has {} rows; expected at least {least}", set.rows);
        ensure!(set.data.len() == set.rows * set.columns, "the {name} set has numbers that are not in a row");
    }
    let (ours, theirs) = (generated.columns, real.columns);
    ensure!(ours == theirs && ours > 0, "the generated features have {ours} columns, the real ones {theirs}");
    Ok(())
}

/// A number from -2 to 2 that depends on its place alone, as in the scripts of testdata/goldens.
#[cfg(test)]
fn formula(row: u64, column: u64) -> f64 {
    let mut mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) & 0xffff_ffff;
    mixed ^= mixed >> 13;
    mixed = mixed.wrapping_mul(1_597_334_677) & 0xffff_ffff;
    mixed ^= mixed >> 16;
    (mixed % 256) as f64 / 64.0 - 2.0
}

/// What testdata/goldens/generated/make.py writes.
#[cfg(test)]
fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../testdata/goldens/generated/golden.json")).expect("the golden is JSON")
}

/// The feature sets of that script, by formula: `rows` from row `first`, each a mixture of four neighbors so that
/// columns correlate, plus `shift`.
#[cfg(test)]
fn golden_rows(first: usize, rows: usize, columns: usize, shift: f64) -> Matrix {
    let value = |at: usize| {
        let (row, column) = ((first + at / columns) as u64, (at % columns) as u64);
        let mixed = formula(row, column) + formula(row, column + 1) + 0.5 * formula(row, column % 4 + 1000);
        (mixed + shift * (1 + column % 3) as f64) as f32
    };
    Matrix { rows, columns, data: (0..rows * columns).map(value).collect() }
}
