//! Times metrics of generated images, for bench/gan_metrics.py: prints the seconds of the computation alone, and the figure.
//!
//!     generated_speed fid|precision-recall COLUMNS GENERATED REAL        (files of f32, little-endian, row by row)
//!     generated_speed ssim|ssim-gaussian WIDTH FIRST SECOND              (files of 8-bit RGB pixels)
#![allow(clippy::print_stdout, reason = "its output")]

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use dl_metrics::fid::{FeatureMoments, fid};
use dl_metrics::planes::Planes;
use dl_metrics::precision_recall::precision_recall;
use dl_metrics::ssim::{Window, ssim};
use dl_record::Matrix;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [metric, width, first, second] = arguments.as_slice() else { bail!("expected METRIC WIDTH FIRST SECOND") };
    let width: usize = width.parse().context("the width")?;
    let bytes = [fs::read(first)?, fs::read(second)?];
    let rows = |bytes: &Vec<u8>| {
        let data: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Matrix { rows: data.len() / width, columns: width, data }
    };
    let (seconds, figure) = match metric.as_str() {
        "fid" => {
            let sets = bytes.each_ref().map(rows);
            timed(|| {
                let [generated, real] = sets.each_ref().map(|set| {
                    let mut moments = FeatureMoments::new(width);
                    (0..set.rows).try_for_each(|row| moments.push(set.row(row))).map(|()| moments)
                });
                fid(&generated?, &real?)
            })?
        }
        "precision-recall" => {
            let [generated, real] = bytes.each_ref().map(rows);
            timed(|| Ok(precision_recall(&generated, &real, 3)?.f_score()))?
        }
        "ssim" | "ssim-gaussian" => timed(|| {
            let planes = |bytes: &Vec<u8>| Planes::of_rgb(bytes, width, bytes.len() / 3 / width);
            let window = if metric == "ssim" { Window::Uniform } else { Window::Gaussian };
            ssim(&planes(&bytes[0])?, &planes(&bytes[1])?, window)
        })?,
        other => bail!("{other} is not a metric of this program"),
    };
    println!("{{\"seconds\":{seconds},\"figure\":{figure}}}");
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<f64>) -> Result<(f64, f64)> {
    let start = Instant::now();
    let figure = work()?;
    Ok((start.elapsed().as_secs_f64(), figure))
}
