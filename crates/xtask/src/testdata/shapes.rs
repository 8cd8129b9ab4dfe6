//! Solids with their silhouettes: boxes, balls, tables, chairs and cylinders of random sizes, turned about the vertical axis.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use anyhow::Result;
use dl_vision::voxels::{VoxelGrid, write_npy};
use image::{GrayImage, ImageFormat, Luma};
use rayon::prelude::*;
use serde_json::json;

use super::dice::Dice;

/// Kinds of solids.
const KINDS: [&str; 5] = ["box", "ball", "table", "chair", "cylinder"];

/// A part of a solid: whether a point [x, y, z] from -1 to 1, y down, is in it.
type Part = Box<dyn Fn([f64; 3]) -> bool>;

/// The files of `count` solids of `side` x `side` x `side` voxels: NAME.npy, its silhouette NAME.png, and the records of all.
/// `folder` is where they will be.
pub(super) fn files(
    split: &str,
    count: u32,
    side: usize,
    seed: u64,
    folder: &Path,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let made: Vec<Result<_>> = (0..count)
        .into_par_iter()
        .map(|index| {
            let name = format!("{split}-{index:05}");
            let kind = KINDS[index as usize % KINDS.len()];
            let grid = solid(kind, side, &mut Dice::new(seed, &format!("shapes/{name}")))?;
            let mut voxels = Vec::new();
            write_npy(&grid, None, &mut voxels)?;
            let seen = grid.silhouette();
            let image = GrayImage::from_fn(side as u32, side as u32, |x, y| {
                Luma([if seen[y as usize * side + x as usize] { 255 } else { 0 }])
            });
            let mut png = Cursor::new(Vec::new());
            image.write_to(&mut png, ImageFormat::Png)?;
            let path = |ending: &str| folder.join(format!("{name}.{ending}")).display().to_string();
            let record = json!({"id": name, "image": path("png"), "label": kind, "voxels": path("npy")});
            Ok((name, voxels, png.into_inner(), record.to_string()))
        })
        .collect();
    let mut files = BTreeMap::new();
    let mut records = String::new();
    for made in made {
        let (name, voxels, png, record) = made?;
        files.insert(format!("{name}.npy"), voxels);
        files.insert(format!("{name}.png"), png);
        records.push_str(&record);
        records.push('\n');
    }
    files.insert(format!("{split}.jsonl"), records.into_bytes());
    Ok(files)
}

/// A solid, turned by a random angle.
fn solid(kind: &str, side: usize, dice: &mut Dice) -> Result<VoxelGrid> {
    let parts = parts(kind, dice);
    let angle = dice.between(0.0, std::f64::consts::TAU);
    let (sine, cosine) = (sine(angle), sine(angle + std::f64::consts::FRAC_PI_2));
    let at = |place: usize| 2.0 * (place as f64 + 0.5) / side as f64 - 1.0;
    let mut filled = Vec::with_capacity(side * side * side);
    for z in 0..side {
        for y in 0..side {
            for x in 0..side {
                let (x, y, z) = (at(x), at(y), at(z));
                let point = [cosine * x + sine * z, y, cosine * z - sine * x];
                filled.push(parts.iter().any(|part| part(point)));
            }
        }
    }
    VoxelGrid::new([side; 3], filled)
}

/// The sine by its series, which is the same on every machine.
fn sine(angle: f64) -> f64 {
    let turn = (angle / std::f64::consts::TAU).round();
    let x = angle - turn * std::f64::consts::TAU;
    let (mut term, mut sum) = (x, x);
    for n in 1..16 {
        term *= -x * x / f64::from(2 * n * (2 * n + 1));
        sum += term;
    }
    sum
}

fn cuboid(low: [f64; 3], high: [f64; 3]) -> Part {
    Box::new(move |point| (0..3).all(|axis| (low[axis]..=high[axis]).contains(&point[axis])))
}

/// All fit into a circle of radius 0.95 about the vertical axis.
fn parts(kind: &str, dice: &mut Dice) -> Vec<Part> {
    match kind {
        "box" => {
            let [x, z] = [dice.between(0.25, 0.65), dice.between(0.25, 0.65)];
            let (top, bottom) = (dice.between(-0.8, 0.0), dice.between(0.3, 0.9));
            vec![cuboid([-x, top, -z], [x, bottom, z])]
        }
        "ball" => {
            let radii = [dice.between(0.35, 0.9), dice.between(0.35, 0.9), dice.between(0.35, 0.9)];
            let ball: Part = Box::new(move |point| {
                (0..3).map(|axis| point[axis] / radii[axis]).map(|part| part * part).sum::<f64>() <= 1.0
            });
            vec![ball]
        }
        "cylinder" => {
            let (wide, narrow) = (dice.between(0.35, 0.85), dice.between(0.1, 1.0));
            let (top, bottom) = (dice.between(-0.9, -0.2), dice.between(0.3, 0.9));
            // A cone if it is narrower at the top.
            let cylinder: Part = Box::new(move |[x, y, z]| {
                let part = (y - top) / (bottom - top);
                let radius = wide * (narrow + (1.0 - narrow) * part);
                (0.0..=1.0).contains(&part) && x * x + z * z <= radius * radius
            });
            vec![cylinder]
        }
        _ => {
            let [x, z] = [dice.between(0.4, 0.65), dice.between(0.4, 0.65)];
            let leg = dice.between(0.1, 0.18);
            let seat = if kind == "table" { dice.between(-0.6, -0.1) } else { dice.between(-0.05, 0.25) };
            let thick = dice.between(0.1, 0.2);
            let mut parts = vec![cuboid([-x, seat, -z], [x, seat + thick, z])];
            for (right, back) in [(false, false), (false, true), (true, false), (true, true)] {
                let span = |end: bool, half: f64| if end { (half - leg, half) } else { (-half, leg - half) };
                let ((x0, x1), (z0, z1)) = (span(right, x), span(back, z));
                parts.push(cuboid([x0, seat, z0], [x1, 0.9, z1]));
            }
            if kind == "chair" {
                let top = dice.between(-0.9, -0.5);
                parts.push(cuboid([-x, top, z - leg], [x, seat, z]));
            }
            parts
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_solid_hangs_together_fits_and_depends_on_its_seed_alone() {
        for kind in KINDS {
            for seed in 0..8 {
                let grid = solid(kind, 32, &mut Dice::new(seed, kind)).unwrap();
                assert_eq!(grid, solid(kind, 32, &mut Dice::new(seed, kind)).unwrap());
                assert_eq!(grid, grid.largest_component(), "{kind} {seed}");
                assert!((500..20_000).contains(&grid.count()), "{kind} {seed}: {}", grid.count());
                let edge = (0..32).any(|y| (0..32).any(|x| grid.is_filled([0, y, x]) || grid.is_filled([y, x, 0])));
                assert!(!edge, "{kind} {seed}");
            }
        }
        let files = files("train", 6, 16, 1, Path::new("out")).unwrap();
        assert_eq!(files.len(), 13);
        let records = String::from_utf8(files["train.jsonl"].clone()).unwrap();
        assert!(records.contains("\"voxels\":\"out/train-00000.npy\""), "{records}");
        assert!((sine(2.5) - 2.5_f64.sin()).abs() < 1e-12 && (sine(7.0) - 7.0_f64.sin()).abs() < 1e-12);
    }
}
