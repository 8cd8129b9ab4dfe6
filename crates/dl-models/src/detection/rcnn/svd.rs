//! Smaller fully connected layers (Girshick 2015, section 3.1): W ~ U_t diag(s_t) V_t^T, a layer of t outputs without
//! bias and one with the old bias. With t = 1024 and 256, VGG-16's fc6 and fc7 take a quarter of the multiply-adds.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, ensure};
use candle_core::{Device, Tensor};
use dl_transfer::symmetric_eigen;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par};
use serde_json::json;

use super::layout::{BoxHeadKind, RcnnKind};
use super::open::{config_of, tensors};
use crate::file::ModelConfig;
use crate::{Checkpoint, plain};

/// The two layers, as fast-rcnn's `compress_net.py` names them with `_L` and `_U`.
const LAYERS: [&str; 2] = ["fc6", "fc7"];

/// The detector in a file with fc6 and fc7 truncated to `ranks`, in every stage: its config and all its tensors.
/// # Errors
/// When the head has other layers, is truncated already, a rank is out of range, or the file cannot be read.
pub fn truncated(
    kind: &RcnnKind,
    file: &Checkpoint,
    ranks: [usize; 2],
) -> Result<(ModelConfig, BTreeMap<String, Tensor>)> {
    let mut config = config_of(kind, file)?;
    let (layout, _) = kind.configured(&config.options)?;
    ensure!(
        layout.box_head == BoxHeadKind::Linear,
        "the head of {} has convolutions; only one of two fully connected layers, fc6 and fc7, can be truncated",
        kind.name
    );
    if let Some([fc6, fc7]) = layout.box_svd {
        return Err(anyhow!("fc6 and fc7 are truncated already, to ranks {fc6} and {fc7}"));
    }
    let mut tensors = tensors(file, &Device::Cpu)?;
    for stage in 0..layout.box_weights.len() {
        let stage = if layout.box_weights.len() > 1 { format!("{stage}.") } else { String::new() };
        for (layer, rank) in LAYERS.into_iter().zip(ranks) {
            let name = |end: &str| format!("roi_heads.box_head.{stage}{layer}{end}");
            let mut take = |end: &str| {
                let name = name(end);
                tensors.remove(&name).with_context(|| format!("tensor \"{name}\" is missing, {} expects it", kind.name))
            };
            let (weight, bias) = (take(".weight")?, take(".bias")?);
            let [first, second] = factors(&weight, rank).with_context(|| layer.to_owned())?;
            tensors.extend([(name("_L.weight"), first), (name("_U.weight"), second), (name("_U.bias"), bias)]);
        }
    }
    config.options.insert("box_svd".to_owned(), json!(ranks));
    Ok((config, tensors))
}

/// Columns of a weight in memory in double precision: 4096 x 4096 numbers are 134 MB, all of fc6 would be 822 MB.
const BLOCK: usize = 4096;

/// diag(s) V^T [rank, inputs] and U [outputs, rank] of the best approximation of a weight [outputs, inputs].
///
/// U has the eigenvectors of W W^T, and diag(s) V^T = U^T W, which needs a small decomposition only, and is exact at
/// full rank whatever the rounding of U.
fn factors(weight: &Tensor, rank: usize) -> Result<[Tensor; 2]> {
    let (outputs, inputs) = weight.dims2().map_err(plain)?;
    let most = outputs.min(inputs);
    ensure!((1..=most).contains(&rank), "rank {rank}: its weight is {outputs} x {inputs}; expected 1 to {most}");
    let numbers: Vec<f32> = weight.flatten_all().and_then(|weight| weight.to_vec1()).map_err(plain)?;
    ensure!(numbers.iter().all(|number| number.is_finite()), "its weight has numbers that are not finite");
    let starts = || (0..inputs).step_by(BLOCK);
    // [columns of a block, outputs]
    let block = |start: usize| {
        let end = inputs.min(start + BLOCK);
        let mut block = Mat::<f64>::zeros(end - start, outputs);
        for (row, column) in numbers.chunks_exact(inputs).zip(block.col_iter_mut()) {
            row[start..end].iter().zip(column.iter_mut()).for_each(|(number, place)| *place = f64::from(*number));
        }
        block
    };
    // A fixed number of threads: sums do not depend on `--threads`.
    let parallelism = Par::rayon(16);
    let mut gram = Mat::<f64>::zeros(outputs, outputs);
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    for start in starts() {
        let block = block(start);
        triangular::matmul(&mut gram, lower, Accum::Add, block.transpose(), full, &block, full, 1.0, parallelism);
    }
    let (_, vectors) = symmetric_eigen(gram.as_ref())?;
    let vectors = vectors.subcols(0, rank);
    let mut first = vec![0.0_f32; rank * inputs];
    for start in starts() {
        let block = block(start);
        let mut projected = Mat::<f64>::zeros(block.nrows(), rank);
        matmul(&mut projected, Accum::Replace, &block, vectors, 1.0, parallelism);
        for (row, column) in first.chunks_exact_mut(inputs).zip(projected.col_iter()) {
            row[start..].iter_mut().zip(column.iter()).for_each(|(place, number)| *place = *number as f32);
        }
    }
    let second: Vec<f32> =
        (0..outputs).flat_map(|row| vectors.row(row).iter().map(|number| *number as f32).collect::<Vec<_>>()).collect();
    Ok([
        Tensor::from_vec(first, (rank, inputs), weight.device()).map_err(plain)?,
        Tensor::from_vec(second, (outputs, rank), weight.device()).map_err(plain)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(shape: (usize, usize), seed: &str) -> Tensor {
        use rand::RngExt;
        let mut rng = dl_record::rng(0, seed);
        let numbers: Vec<f32> = (0..shape.0 * shape.1).map(|_| rng.random_range(-1.0..1.0)).collect();
        Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
    }

    /// The largest difference between a weight and the product of its factors.
    fn error(weight: &Tensor, rank: usize) -> f32 {
        let [first, second] = factors(weight, rank).unwrap();
        let difference = (second.matmul(&first).unwrap() - weight).unwrap();
        difference.abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn a_weight_of_low_rank_is_the_product_of_its_factors() {
        for (outputs, inputs) in [(9, 40), (40, 9), (12, BLOCK + 7)] {
            let low = random((outputs, 4), "a").matmul(&random((4, inputs), "b")).unwrap();
            assert!(error(&low, 4) < 1e-5, "{outputs} x {inputs}: {}", error(&low, 4));
            assert!(error(&low, 3) > 1e-2);
            let full = random((outputs, inputs), "c");
            let most = outputs.min(inputs);
            assert!(error(&full, most) < 1e-5, "{outputs} x {inputs}: {}", error(&full, most));
            assert!(error(&full, most - 1) > 1e-2);
        }
    }

    #[test]
    fn no_matrix_of_its_rank_is_closer() {
        // diag(3, 2, 1) between two rotations: rank 2 is off by 1 in the Frobenius norm.
        let rotation = |angle: f64| {
            let (sin, cos) = (angle.sin() as f32, angle.cos() as f32);
            Tensor::new(&[[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]], &Device::Cpu).unwrap()
        };
        let middle = Tensor::new(&[[3.0_f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]], &Device::Cpu).unwrap();
        let weight = rotation(0.7).matmul(&middle).unwrap().matmul(&rotation(0.3)).unwrap();
        let [first, second] = factors(&weight, 2).unwrap();
        let difference = (second.matmul(&first).unwrap() - weight).unwrap();
        let squared: f32 = difference.sqr().unwrap().sum_all().unwrap().to_scalar().unwrap();
        assert!((squared - 1.0).abs() < 1e-5, "{squared}");
    }

    #[test]
    fn impossible_ranks_and_numbers_are_refused() {
        let weight = random((3, 5), "a");
        for rank in [0, 4] {
            let error = factors(&weight, rank).unwrap_err().to_string();
            assert_eq!(error, format!("rank {rank}: its weight is 3 x 5; expected 1 to 3"));
        }
        let infinite = (weight * f64::INFINITY).unwrap();
        assert!(factors(&infinite, 1).unwrap_err().to_string().contains("not finite"));
    }
}
