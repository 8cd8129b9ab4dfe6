//! What every format comes down to: names, shapes, and the places of the numbers in files.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use safetensors::Dtype;

/// What a reader of a format finds. The numbers themselves are read later, one tensor at a time.
#[derive(Default)]
pub(super) struct Contents {
    /// The file's own texts, `config` among them.
    pub(super) metadata: HashMap<String, String>,
    /// By name.
    pub(super) tensors: BTreeMap<String, Stored>,
    /// The files that hold the numbers.
    pub(super) files: Vec<PathBuf>,
}

/// A tensor in a file.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) place: Place,
    /// Are the numbers meant with the other sign?
    pub(super) negative: bool,
}

/// Where a tensor's numbers are, little-endian.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// Row-major, from this byte of this file on.
    File { file: usize, start: u64 },
    /// As `File`, but one step along an axis is so many numbers.
    Strided { file: usize, start: u64, strides: Vec<usize> },
    /// Decoded already.
    Memory(Arc<Vec<f32>>),
}

impl Stored {
    /// Row-major numbers at byte `start` of a file.
    pub(super) fn at(dtype: Dtype, shape: Vec<usize>, file: usize, start: u64) -> Self {
        Self { dtype, shape, place: Place::File { file, start }, negative: false }
    }

    /// Numbers that are decoded already.
    pub(super) fn decoded(shape: Vec<usize>, numbers: Vec<f32>) -> Self {
        Self { dtype: Dtype::F32, shape, place: Place::Memory(Arc::new(numbers)), negative: false }
    }

    /// Length of all numbers in bytes.
    /// # Errors
    /// When it is beyond all measure.
    pub(super) fn byte_length(&self) -> Result<usize> {
        byte_length(self.dtype, &self.shape)
    }
}

/// Length of a tensor in bytes.
/// # Errors
/// When it is beyond all measure.
pub(super) fn byte_length(dtype: Dtype, shape: &[usize]) -> Result<usize> {
    let bits = shape.iter().try_fold(dtype.bitsize(), |all, side| all.checked_mul(*side));
    let bits = bits.with_context(|| format!("shape {shape:?} is beyond all measure"))?;
    ensure!(bits % 8 == 0, "{dtype:?} of shape {shape:?} does not end at a byte");
    Ok(bits / 8)
}
