//! Weights for a network of candle's that panics when one is missing.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

/// The first error of a [`Lenient`] source.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    /// # Errors
    /// When a tensor could not be read.
    pub(super) fn check(&self) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// A source of weights that never fails: it keeps the first error and gives zeros from then on.
pub(super) struct Lenient<'a> {
    weights: VarBuilder<'a>,
    failure: Failure,
}

impl<'a> Lenient<'a> {
    /// A builder, and what to check when the network is built.
    pub(super) fn builder(weights: &VarBuilder<'a>) -> (VarBuilder<'a>, Failure) {
        let (dtype, device) = (weights.dtype(), weights.device().clone());
        let failure = Failure::default();
        let lenient = Self { weights: weights.clone(), failure: failure.clone() };
        (VarBuilder::from_backend(Box::new(lenient), dtype, device), failure)
    }
}

impl SimpleBackend for Lenient<'_> {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let mut failed = self.failure.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_none() {
            match self.weights.get_with_hints(shape.clone(), name, init) {
                Ok(tensor) => return Ok(tensor),
                Err(error) => *failed = Some(error),
            }
        }
        // A broadcast scalar takes no memory.
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("tensor \"{name}\" was requested without a shape")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.weights.contains_tensor(name)
    }
}
