//! Weights under other names than the network expects.

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

/// What a requested tensor is.
pub(super) enum Source {
    /// The tensor of this name in the file.
    Named(String),
    /// The identity matrix of a layer that is to be left out, or zeros for its bias.
    Identity,
    /// A part that the network does not have.
    Absent,
}

/// A source of weights that translates names.
pub(super) struct Renamed<'a, F> {
    weights: VarBuilder<'a>,
    source: F,
}

impl<'a, F: Fn(&str) -> Source + Send + Sync + 'a> Renamed<'a, F> {
    /// A builder that reads what `source` says in place of each name.
    pub(super) fn builder(weights: &VarBuilder<'a>, source: F) -> VarBuilder<'a> {
        let (dtype, device) = (weights.dtype(), weights.device().clone());
        VarBuilder::from_backend(Box::new(Self { weights: weights.clone(), source }), dtype, device)
    }
}

impl<F: Fn(&str) -> Source + Send + Sync> SimpleBackend for Renamed<'_, F> {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        match (self.source)(name) {
            Source::Named(name) => self.weights.get_with_hints(shape, &name, init),
            Source::Identity if shape.rank() == 2 => Tensor::eye(shape.dims()[0], dtype, device),
            Source::Identity => Tensor::zeros(shape, dtype, device),
            Source::Absent => candle_core::bail!("the network has no tensor \"{name}\""),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("tensor \"{name}\" was requested without a shape")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        match (self.source)(name) {
            Source::Named(name) => self.weights.contains_tensor(&name),
            Source::Identity => true,
            Source::Absent => false,
        }
    }
}
