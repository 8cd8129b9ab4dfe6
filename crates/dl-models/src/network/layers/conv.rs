//! Convolutions of every kind.

use candle_core::{Result, Tensor, bail};
use candle_nn::VarBuilder;
use dl_kernels::Operation;
use dl_ops::{Conv2dConfig, ConvTranspose2dConfig, Padding};

use super::{Fresh, Weight, to_read};

/// A convolution.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Weight,
    bias: Option<Tensor>,
    config: Conv2dConfig,
}

impl Conv2d {
    /// `weight` [outputs, inputs / groups, kh, kw] and `bias` [outputs] under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new(
        channels: [usize; 2],
        kernel: [usize; 2],
        config: Conv2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let without = Self::without_bias(channels, kernel, config, fresh, vb.clone())?;
        Ok(Self { bias: Some(vb.get_with_hints(channels[1], "bias", fresh.bias)?), ..without })
    }

    /// The same without a bias, for a batch norm after it.
    /// # Errors
    /// When the builder lacks the tensor.
    pub fn without_bias(
        [inputs, outputs]: [usize; 2],
        [kh, kw]: [usize; 2],
        config: Conv2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let weight = vb.get_with_hints((outputs, inputs / config.groups, kh, kw), "weight", fresh.weight)?;
        Ok(Self::fixed(weight, config))
    }

    /// A convolution without bias and with a constant weight [outputs, inputs / groups, kh, kw].
    pub fn fixed(weight: Tensor, config: Conv2dConfig) -> Self {
        Self { weight: Weight::new(weight), bias: None, config }
    }

    /// The same with this bias [outputs].
    #[must_use]
    pub fn with_bias(self, bias: Tensor) -> Self {
        Self { bias: Some(bias), ..self }
    }

    /// Maps x [n, inputs, h, w] to [n, outputs, h', w'].
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::conv2d(x, &self.weight.tensor, self.bias.as_ref(), &self.config)
    }

    /// The convolution fused with ReLU.
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward_relu(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::conv2d_relu(x, &self.weight.tensor, self.bias.as_ref(), &self.config)
    }

    /// The same with other padding.
    pub(crate) fn padded(&self, padding: Padding) -> Self {
        Self { config: Conv2dConfig { padding, ..self.config }, ..self.clone() }
    }

    /// [outputs]
    pub(crate) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// [outputs, inputs / groups, kh, kw]
    pub(crate) fn weight(&self) -> &Tensor {
        &self.weight.tensor
    }

    pub(crate) fn config(&self) -> &Conv2dConfig {
        &self.config
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.tensor.is_variable() || self.bias.as_ref().is_some_and(Tensor::is_variable)
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let (outputs, inputs, kh, kw) = self.weight.tensor.dims4()?;
        Ok(Operation::Conv2d {
            weight: self.weight.numbers(),
            shape: [outputs, inputs, kh, kw],
            bias: self.bias.as_ref().map(to_read),
            config: self.config,
        })
    }
}

/// A transposed convolution.
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    weight: Weight,
    bias: Option<Tensor>,
    config: ConvTranspose2dConfig,
}

impl ConvTranspose2d {
    /// `weight` [inputs, outputs / groups, kh, kw] and `bias` [outputs] under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new(
        channels: [usize; 2],
        kernel: [usize; 2],
        config: ConvTranspose2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let without = Self::without_bias(channels, kernel, config, fresh, vb.clone())?;
        Ok(Self { bias: Some(vb.get_with_hints(channels[1], "bias", fresh.bias)?), ..without })
    }

    /// The same without a bias, for a batch norm after it.
    /// # Errors
    /// When the builder lacks the tensor.
    pub fn without_bias(
        [inputs, outputs]: [usize; 2],
        [kh, kw]: [usize; 2],
        config: ConvTranspose2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let shape = (inputs, outputs / config.groups.max(1), kh, kw);
        let weight = Weight::new(vb.get_with_hints(shape, "weight", fresh.weight)?);
        Ok(Self { weight, bias: None, config })
    }

    /// [inputs, outputs / groups, kh, kw]
    pub(crate) fn weight(&self) -> &Tensor {
        &self.weight.tensor
    }

    pub(crate) fn config(&self) -> &ConvTranspose2dConfig {
        &self.config
    }

    /// Maps x [n, inputs, h, w] to [n, outputs, h', w'].
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::conv_transpose2d(x, &self.weight.tensor, self.bias.as_ref(), &self.config)
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.tensor.is_variable() || self.bias.as_ref().is_some_and(Tensor::is_variable)
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let (inputs, outputs, kh, kw) = self.weight.tensor.dims4()?;
        Ok(Operation::ConvTranspose2d {
            weight: self.weight.numbers(),
            shape: [inputs, outputs, kh, kw],
            bias: self.bias.as_ref().map(to_read),
            config: self.config,
        })
    }
}

/// A locally connected layer: a convolution with filters of its own at every place, darknet's `[local]`.
#[derive(Clone, Debug)]
pub struct LocallyConnected2d {
    weight: Weight,
    bias: Tensor,
    kernel: [usize; 2],
    config: Conv2dConfig,
}

impl LocallyConnected2d {
    /// `weight` [places, filters, channels * kh * kw] and `bias` [filters, h, w] under the builder's prefix, for maps of
    /// `map` [height, width]. Places are the positions of the output [h, w] in row-major order. `config` has neither
    /// dilation nor groups.
    /// # Errors
    /// When the builder lacks one of the tensors, or the map is smaller than the kernel.
    pub fn new(
        [channels, filters]: [usize; 2],
        kernel: [usize; 2],
        map: [usize; 2],
        config: Conv2dConfig,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let [height, width] = config.output(map, kernel).map_err(candle_core::Error::msg)?;
        let shape = (height * width, filters, channels * kernel[0] * kernel[1]);
        let weight = Weight::new(vb.get_with_hints(shape, "weight", fresh.weight)?);
        Ok(Self { weight, bias: vb.get_with_hints((filters, height, width), "bias", fresh.bias)?, kernel, config })
    }

    /// Maps x [n, channels, h, w] to [n, filters, h', w'].
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::locally_connected2d(x, &self.weight.tensor, Some(&self.bias), self.kernel, &self.config)
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.tensor.is_variable() || self.bias.is_variable()
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let (places, filters, inputs) = self.weight.tensor.dims3()?;
        let [kh, kw] = self.kernel;
        if kh * kw == 0 || !inputs.is_multiple_of(kh * kw) {
            bail!("a locally connected weight {:?} does not match its kernel {kh}x{kw}", self.weight.tensor.dims());
        }
        Ok(Operation::LocallyConnected2d {
            weight: self.weight.numbers(),
            shape: [places, filters, inputs / (kh * kw), kh, kw],
            bias: Some(to_read(&self.bias)),
            config: self.config,
        })
    }
}
