//! Fully connected layers.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use dl_kernels::Operation;

use super::{BatchNorm2d, Fresh, Weight, to_read};

/// A fully connected layer.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
}

impl Linear {
    /// `weight` [outputs, inputs] and `bias` [outputs] under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new(inputs: usize, outputs: usize, fresh: Fresh, vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints((outputs, inputs), "weight", fresh.weight)?;
        let bias = vb.get_with_hints(outputs, "bias", fresh.bias)?;
        Ok(Self { weight: Weight::new(weight), bias: Some(bias) })
    }

    /// A layer without bias, of `weight` [outputs, inputs] under the builder's prefix.
    /// # Errors
    /// When the builder lacks it.
    pub fn without_bias(inputs: usize, outputs: usize, fresh: Fresh, vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints((outputs, inputs), "weight", fresh.weight)?;
        Ok(Self { weight: Weight::new(weight), bias: None })
    }

    /// A layer of this weight [outputs, inputs] and bias [outputs].
    pub fn fixed(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight: Weight::new(weight), bias }
    }

    /// Maps x [n, inputs] to [n, outputs].
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::linear(x, &self.weight.tensor, self.bias.as_ref())
    }

    /// The layer whose outputs are those of a batch norm after this one.
    pub(crate) fn with_norm(&self, norm: &BatchNorm2d) -> Result<Self> {
        let [scale, shift] = norm.scale_and_shift()?;
        let [scale, shift] = [scale, shift].map(|numbers| Tensor::new(numbers, self.weight.tensor.device()));
        let (scale, shift) = (scale?, shift?);
        let weight = self.weight.tensor.detach().broadcast_mul(&scale.unsqueeze(1)?)?;
        let bias = match &self.bias {
            Some(bias) => ((bias.detach() * scale)? + shift)?,
            None => shift,
        };
        Ok(Self { weight: Weight::new(weight), bias: Some(bias) })
    }

    /// [outputs, inputs]
    pub(crate) fn weight(&self) -> &Tensor {
        &self.weight.tensor
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.tensor.is_variable() || self.bias.as_ref().is_some_and(Tensor::is_variable)
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let (outputs, inputs) = self.weight.tensor.dims2()?;
        let (weight, bias) = (self.weight.numbers(), self.bias.as_ref().map(to_read));
        Ok(Operation::Linear { weight, shape: [outputs, inputs], bias })
    }
}
