//! The common form of all formats: names, shapes, and locations of the numbers in files.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use safetensors::Dtype;

/// What a format's reader returns. The numbers themselves are read later, one tensor at a time.
#[derive(Default)]
pub(super) struct Contents {
    /// The file's metadata, including `config`.
    pub(super) metadata: HashMap<String, String>,
    /// By name.
    pub(super) tensors: BTreeMap<String, StoredTensor>,
    /// The files that hold the numbers.
    pub(super) files: Vec<PathBuf>,
}

/// A tensor in a file.
#[derive(Clone, Debug)]
pub(super) struct StoredTensor {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) place: Place,
    /// Whether the numbers are to be negated.
    pub(super) negative: bool,
}

/// Where a tensor's numbers are, little-endian.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Row-major, starting at this byte of this file.
    File { file: usize, start: u64 },
    /// As `File`, with explicit strides, in numbers.
    Strided { file: usize, start: u64, strides: Vec<usize> },
    /// Already decoded.
    Memory(Arc<Vec<f32>>),
}

impl StoredTensor {
    /// Row-major numbers at byte `start` of a file.
    pub(super) fn at(dtype: Dtype, shape: Vec<usize>, file: usize, start: u64) -> Self {
        Self { dtype, shape, place: Place::File { file, start }, negative: false }
    }

    /// Numbers that are already decoded.
    pub(super) fn decoded(shape: Vec<usize>, numbers: Vec<f32>) -> Self {
        Self { dtype: Dtype::F32, shape, place: Place::Memory(Arc::new(numbers)), negative: false }
    }

    /// Length in bytes.
    /// # Errors
    /// When it is too large.
    pub(super) fn byte_length(&self) -> Result<usize> {
        byte_length(self.dtype, &self.shape)
    }
}

/// Length of a tensor in bytes.
/// # Errors
/// When it is too large.
pub(super) fn byte_length(dtype: Dtype, shape: &[usize]) -> Result<usize> {
    let bits = shape.iter().try_fold(dtype.bitsize(), |all, side| all.checked_mul(*side));
    let bits = bits.with_context(|| format!("shape {shape:?} is too large"))?;
    ensure!(bits % 8 == 0, "{dtype:?} of shape {shape:?} is not a whole number of bytes");
    Ok(bits / 8)
}
