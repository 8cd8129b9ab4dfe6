//! The modulated convolution of StyleGAN2.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};
use dl_kernels::{Numbers, Operation};
use dl_ops::{Conv2dConfig, ConvTranspose2dConfig, DEMODULATION_EPS};

use super::{to_read, vector};

/// A convolution whose input channels are scaled by a style for each sample (Karras et al. 2020, section 2.2), with the
/// weight `weight` [outputs, inputs, kh, kw] times a constant (the equalized learning rate of Karras et al. 2018, section
/// 4.1).
#[derive(Clone, Debug)]
pub struct ModulatedConv2d {
    weight: Tensor,
    /// Factor on the weight.
    gain: f64,
    /// Factor on the outputs if the filters are divided by their norms; `None`: they are not.
    demodulation: Option<f64>,
    geometry: Geometry,
}

/// Which convolution.
#[derive(Clone, Copy, Debug)]
enum Geometry {
    Plain(Conv2dConfig),
    Transposed(ConvTranspose2dConfig),
}

impl ModulatedConv2d {
    /// `weight` [outputs, inputs, kh, kw] under the builder's prefix, normal at first, is multiplied by `gain`. With
    /// `demodulation`, each filter is divided by its norm, and the outputs are multiplied by this: the gain of the leaky
    /// ReLU after it.
    /// # Errors
    /// When the builder lacks the tensor.
    pub fn new(
        [inputs, outputs]: [usize; 2],
        [kh, kw]: [usize; 2],
        config: Conv2dConfig,
        (gain, demodulation): (f64, Option<f64>),
        vb: VarBuilder,
    ) -> Result<Self> {
        let fresh = Init::Randn { mean: 0.0, stdev: 1.0 };
        let weight = vb.get_with_hints((outputs, inputs, kh, kw), "weight", fresh)?;
        Ok(Self { weight, gain, demodulation, geometry: Geometry::Plain(config) })
    }

    /// The same as a transposed convolution, which enlarges the map; the weight is stored as [outputs, inputs, kh, kw].
    #[must_use]
    pub fn transposed(self, config: ConvTranspose2dConfig) -> Self {
        Self { geometry: Geometry::Transposed(config), ..self }
    }

    /// Maps x [n, inputs, h, w] with styles [n, inputs] to [n, outputs, h', w'].
    /// # Errors
    /// When the shapes do not match.
    pub fn forward(&self, x: &Tensor, styles: &Tensor) -> Result<Tensor> {
        let weight = self.weight()?;
        match &self.geometry {
            Geometry::Plain(config) => dl_ops::modulated_conv2d(x, &weight, styles, self.demodulation, config),
            Geometry::Transposed(config) => {
                dl_ops::modulated_conv_transpose2d(x, &weight, styles, self.demodulation, config)
            }
        }
    }

    /// The weight of this moment, times its constant.
    fn weight(&self) -> Result<Tensor> {
        &self.weight * self.gain
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.is_variable()
    }

    pub(crate) fn demodulates(&self) -> bool {
        self.demodulation.is_some()
    }

    /// The convolution between the scales of its input and its output.
    pub(crate) fn operation(&self) -> Result<Operation> {
        let (outputs, inputs, kh, kw) = self.weight.dims4()?;
        let weight = self.weight()?;
        Ok(match self.geometry {
            Geometry::Plain(config) => {
                Operation::Conv2d { weight: to_read(&weight), shape: [outputs, inputs, kh, kw], bias: None, config }
            }
            Geometry::Transposed(config) => Operation::ConvTranspose2d {
                weight: to_read(&weight.transpose(0, 1)?),
                shape: [inputs, outputs, kh, kw],
                bias: None,
                config,
            },
        })
    }

    /// From the squares of the styles to the squared norms of the filters, divided by the square of the factor on the
    /// outputs.
    pub(crate) fn squared_norms(&self) -> Result<Operation> {
        let (outputs, inputs, kh, kw) = self.weight.dims4()?;
        let part = self.demodulation.unwrap_or(1.0).powi(-2);
        let squares: Vec<f32> = vector(&self.weight()?)?
            .chunks_exact(kh * kw)
            .map(|filter| (part * filter.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>()) as f32)
            .collect();
        let weight: Numbers = Arc::new(move || squares.clone());
        let bias: Numbers = Arc::new(move || vec![(part * DEMODULATION_EPS) as f32; outputs]);
        Ok(Operation::Linear { weight, shape: [outputs, inputs], bias: Some(bias) })
    }
}
