//! Layers whose weight is divided by its largest singular value (Miyato et al. 2018), with torch's tensor names.

use candle_core::{Result, Shape, Tensor, Var};
use candle_nn::{Init, VarBuilder};
use dl_kernels::Operation;
use dl_ops::{Conv2dConfig, spectral_norm};

use super::{Fresh, to_read};

/// A weight and the estimate of its left singular vector.
#[derive(Clone, Debug)]
struct SpectralWeight {
    weight: Tensor,
    u: Var,
}

impl SpectralWeight {
    /// `weight_orig` and `weight_u` [outputs] under the builder's prefix.
    fn new(shape: impl Into<Shape>, fresh: Fresh, vb: &VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints(shape, "weight_orig", fresh.weight)?;
        let start = Init::Randn { mean: 0.0, stdev: 1.0 };
        // Shares the builder's variable in training.
        let u = Var::from_tensor(&vb.get_with_hints(weight.dim(0)?, "weight_u", start)?)?;
        Ok(Self { weight, u })
    }

    /// The weight divided by its largest singular value, whose estimate a step of training improves.
    fn normalized(&self, train: bool) -> Result<Tensor> {
        let found = spectral_norm(&self.weight, &self.u.as_detached_tensor(), usize::from(train))?;
        if train {
            self.u.set(&found.u.detach())?;
        }
        Ok(found.weight)
    }
}

/// A convolution with spectral normalization.
#[derive(Clone, Debug)]
pub struct SpectralConv2d {
    weight: SpectralWeight,
    bias: Option<Tensor>,
    config: Conv2dConfig,
}

impl SpectralConv2d {
    /// `weight_orig` [outputs, inputs / groups, kh, kw], its singular vector `weight_u` [outputs], which is a buffer, and
    /// `bias` [outputs] under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new(
        [inputs, outputs]: [usize; 2],
        [kh, kw]: [usize; 2],
        config: Conv2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let without = Self::without_bias([inputs, outputs], [kh, kw], config, fresh, vb.clone())?;
        Ok(Self { bias: Some(vb.get_with_hints(outputs, "bias", fresh.bias)?), ..without })
    }

    /// The same without a bias.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn without_bias(
        [inputs, outputs]: [usize; 2],
        [kh, kw]: [usize; 2],
        config: Conv2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let weight = SpectralWeight::new((outputs, inputs / config.groups.max(1), kh, kw), fresh, &vb)?;
        Ok(Self { weight, bias: None, config })
    }

    /// The normalized weight; a step of training improves the estimate of the singular vector.
    /// # Errors
    /// When candle fails.
    pub(crate) fn weight(&self, train: bool) -> Result<Tensor> {
        self.weight.normalized(train)
    }

    pub(crate) fn forward(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        dl_ops::conv2d(x, weight, self.bias.as_ref(), &self.config)
    }

    pub(crate) fn config(&self) -> &Conv2dConfig {
        &self.config
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.weight.is_variable() || self.bias.as_ref().is_some_and(Tensor::is_variable)
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let weight = self.weight(false)?;
        let (outputs, inputs, kh, kw) = weight.dims4()?;
        let bias = self.bias.as_ref().map(to_read);
        Ok(Operation::Conv2d { weight: to_read(&weight), shape: [outputs, inputs, kh, kw], bias, config: self.config })
    }
}

/// A fully connected layer with spectral normalization.
#[derive(Clone, Debug)]
pub struct SpectralLinear {
    weight: SpectralWeight,
    bias: Tensor,
}

impl SpectralLinear {
    /// `weight_orig` [outputs, inputs], its singular vector `weight_u` [outputs], which is a buffer, and `bias` [outputs]
    /// under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new(inputs: usize, outputs: usize, fresh: Fresh, vb: VarBuilder) -> Result<Self> {
        let weight = SpectralWeight::new((outputs, inputs), fresh, &vb)?;
        Ok(Self { weight, bias: vb.get_with_hints(outputs, "bias", fresh.bias)? })
    }

    /// The normalized weight; a step of training improves the estimate of the singular vector.
    /// # Errors
    /// When candle fails.
    pub(crate) fn weight(&self, train: bool) -> Result<Tensor> {
        self.weight.normalized(train)
    }

    pub(crate) fn forward(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        dl_ops::linear(x, weight, Some(&self.bias))
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.weight.is_variable() || self.bias.is_variable()
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let weight = self.weight(false)?;
        let (outputs, inputs) = weight.dims2()?;
        Ok(Operation::Linear { weight: to_read(&weight), shape: [outputs, inputs], bias: Some(to_read(&self.bias)) })
    }
}
