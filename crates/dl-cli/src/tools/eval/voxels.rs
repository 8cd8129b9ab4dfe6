//! `dl-eval voxels`.

use std::path::Path;

use anyhow::{Result, ensure};
use dl_record::Record;
use dl_vision::voxels::{VoxelGrid, read_voxels};
use serde_json::json;

use super::report::{Cell, Format, Report};
use super::source::carrying;
use crate::common::{Common, Inputs, Io, Job, Outcome, each_record};

/// Measure solids: the overlap (IoU) of made voxels with the true ones
///
/// Records have two paths of solids (.npy or .binvox), in `reconstruction` and `voxels`. Reports the mean IoU, the smallest
/// (least) and the share above 0.5; with --mean-of, also that of the mean solid of other records, which a generator should
/// beat: its voxels are those that are filled in at least half of them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-eval voxels --mean-of train.jsonl made.jsonl")]
#[command(mut_arg("inputs", crate::common::only_records))]
pub(super) struct Args {
    #[command(flatten)]
    inputs: Inputs,

    /// Field with the made solid
    #[arg(long, value_name = "NAME", default_value = "reconstruction")]
    field: String,

    /// Field with the true solid
    #[arg(long, value_name = "NAME", default_value = "voxels")]
    truth: String,

    /// Records (.jsonl) whose mean solid is measured, too: those that the generator was trained on
    #[arg(long, value_name = "FILE")]
    mean_of: Option<String>,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

fn solid(record: &Record, field: &str) -> Result<VoxelGrid> {
    let path: String = record.require(field, "it is the path of a solid (.npy or .binvox)")?;
    read_voxels(Path::new(&path))
}

impl Args {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let mut failed = 0;
        let mean = match &self.mean_of {
            Some(path) => Some(self.mean(io, path, &mut failed)?),
            None => None,
        };
        let (mut made, mut of_mean) = (Vec::new(), Vec::new());
        let tally = each_record(io, Job { common: &self.common, inputs: &self.inputs }, |record, _| {
            let truth = solid(&record, &self.truth)?;
            made.push(solid(&record, &self.field)?.iou(&truth)?);
            if let Some(mean) = &mean {
                of_mean.push(mean.iou(&truth)?);
            }
            Ok(())
        })?;
        if tally.carried > 0 {
            io.messages.note(format_args!("{} \"error\"; left out", carrying(tally.carried)));
        }
        failed += tally.failed;
        if made.is_empty() {
            io.messages.error("nothing to measure: no record with both solids");
            return Ok(Outcome::SomeFailed);
        }
        let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let above = made.iter().filter(|iou| **iou > 0.5).count() as f64 / made.len() as f64;
        let least = made.iter().copied().fold(f64::INFINITY, f64::min);
        let of_mean = (!of_mean.is_empty()).then(|| average(&of_mean));
        let header = ["iou", "least", "above 0.5", "iou of the mean solid", "solids"].map(str::to_owned).to_vec();
        let figures = [Some(average(&made)), Some(least), Some(above), of_mean].map(Cell::Figure);
        let row = figures.into_iter().chain([Cell::Count(made.len())]).collect();
        let json = json!({
            "iou": average(&made),
            "least": least,
            "above_half": above,
            "iou_of_mean": of_mean,
            "solids": made.len(),
            "errors": failed + tally.carried,
        });
        Report { json, header, rows: vec![row] }.write(io, self.format)?;
        Ok(Outcome::of(failed))
    }

    /// The mean solid of records.
    fn mean(&self, io: &mut Io, path: &str, failed: &mut usize) -> Result<VoxelGrid> {
        ensure!(path == "-" || Path::new(path).exists(), "--mean-of {path}: no such file");
        let inputs = Inputs { inputs: vec![path.to_owned()] };
        let (mut size, mut sums, mut count) = ([0; 3], Vec::new(), 0.0_f32);
        let tally = each_record(io, Job { common: &self.common, inputs: &inputs }, |record, _| {
            let grid = solid(&record, &self.truth)?;
            if sums.is_empty() {
                size = grid.size();
                sums = vec![0.0_f32; grid.filled().len()];
            }
            ensure!(grid.size() == size, "the solid has another size than those before");
            sums.iter_mut().zip(grid.filled()).for_each(|(sum, filled)| *sum += f32::from(u8::from(*filled)));
            count += 1.0;
            Ok(())
        })?;
        *failed += tally.failed;
        ensure!(count > 0.0, "--mean-of {path}: has no record with a solid");
        VoxelGrid::above(size, &sums, count / 2.0)
    }
}
