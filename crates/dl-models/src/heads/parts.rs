//! Matrices of dl-transfer as tensors of a model file.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use candle_core::{Device, Tensor};
use dl_transfer::Mat;

use crate::checkpoint::{Checkpoint, printable};
use crate::network::plain;

/// Matrices by name: [rows, columns], vectors as a single row.
pub(super) type Parts = BTreeMap<&'static str, Mat<f64>>;

/// The numbers of a matrix, row by row.
pub(super) fn row_major(matrix: &Mat<f64>) -> impl Iterator<Item = f64> {
    (0..matrix.nrows()).flat_map(move |row| (0..matrix.ncols()).map(move |column| matrix[(row, column)]))
}

/// A vector as a matrix of one row.
pub(super) fn row(numbers: &[f64]) -> Mat<f64> {
    Mat::from_fn(1, numbers.len(), |_, column| numbers[column])
}

/// The numbers of a matrix of one row; `name` names it in the error.
pub(super) fn vector(name: &str, matrix: &Mat<f64>) -> Result<Vec<f64>> {
    ensure!(matrix.nrows() == 1, "{name} has {} rows; expected one", matrix.nrows());
    Ok(row_major(matrix).collect())
}

/// Rounds the numbers to those that a file holds.
pub(super) fn round(matrix: &mut Mat<f64>) {
    for column in matrix.col_iter_mut() {
        column.iter_mut().for_each(|value| *value = f64::from(*value as f32));
    }
}

/// The matrix as it is written.
pub(super) fn tensor(matrix: &Mat<f64>) -> Result<Tensor> {
    let numbers: Vec<f32> = row_major(matrix).map(|value| value as f32).collect();
    Ok(Tensor::from_vec(numbers, (matrix.nrows(), matrix.ncols()), &Device::Cpu)?)
}

/// Fails when the file has tensors of other names than these.
pub(super) fn ensure_only(file: &Checkpoint, names: &BTreeSet<String>) -> Result<()> {
    if let Some(left) = file.tensors().into_iter().find(|tensor| !names.contains(&tensor.name)) {
        bail!("has a tensor {} that its config does not list", printable(&left.name));
    }
    Ok(())
}

/// Fails when two classes have the same label.
pub(super) fn ensure_different(labels: &[String]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match labels.iter().find(|label| !seen.insert(*label)) {
        Some(label) => bail!("has the label \"{}\" for two classes", printable(label)),
        None => Ok(()),
    }
}

/// Reads a matrix, if the file has it.
pub(super) fn find(file: &Checkpoint, name: &str) -> Result<Option<Mat<f64>>> {
    if !file.contains(name) {
        return Ok(None);
    }
    let tensor = file.tensor(name, &Device::Cpu)?;
    let (rows, columns) = tensor.dims2().map_err(plain)?;
    let numbers = tensor.flatten_all()?.to_vec1::<f32>()?;
    ensure!(numbers.iter().all(|number| number.is_finite()), "tensor {name} holds numbers that are not finite");
    Ok(Some(Mat::from_fn(rows, columns, |row, column| f64::from(numbers[row * columns + column]))))
}
