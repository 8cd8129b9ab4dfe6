//! The repeated part of SSD networks: a convolution with a norm and an activation, and stages of them.

use candle_core::Result;
use candle_nn::{Init, VarBuilder};
use dl_ops::{Conv2dConfig, Padding, PoolConfig};

use crate::network::layers::Fresh;
use crate::{BatchNorm2d, Conv2d, Pass, Run, Value};

/// The shape of a square convolution.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    dilation: usize,
    groups: usize,
    padding: Pad,
}

#[derive(Clone, Copy)]
enum Pad {
    /// As many pixels on each side.
    Fixed(usize),
    /// TensorFlow's `SAME`: with a stride of 2, an even side is padded only by one pixel after.
    Same,
}

impl Shape {
    /// From and to these numbers of channels, padded to preserve the size.
    pub(super) const fn square(kernel: usize, channels: [usize; 2]) -> Self {
        Self { channels, kernel, stride: 1, dilation: 1, groups: 1, padding: Pad::Fixed(kernel / 2) }
    }

    pub(super) const fn pointwise(channels: [usize; 2]) -> Self {
        Self::square(1, channels)
    }

    /// 3 x 3 of each channel separately.
    pub(super) const fn depthwise(channels: usize) -> Self {
        Self { groups: channels, ..Self::square(3, [channels; 2]) }
    }

    pub(super) const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Still padded to preserve the size.
    pub(super) const fn dilation(self, dilation: usize) -> Self {
        Self { dilation, padding: Pad::Fixed(self.kernel / 2 * dilation), ..self }
    }

    pub(super) const fn padding(self, padding: usize) -> Self {
        Self { padding: Pad::Fixed(padding), ..self }
    }

    pub(super) const fn same_padding(self) -> Self {
        Self { padding: Pad::Same, ..self }
    }

    fn config(&self) -> Conv2dConfig {
        let padding = match self.padding {
            Pad::Fixed(pixels) => Padding::all(pixels),
            Pad::Same => Padding::default(),
        };
        Conv2dConfig { stride: [self.stride; 2], padding, dilation: [self.dilation; 2], groups: self.groups }
    }

    /// TensorFlow's `SAME` padding before and after a side of this length.
    fn same(&self, length: usize) -> [usize; 2] {
        let reach = (length.div_ceil(self.stride).max(1) - 1) * self.stride + (self.kernel - 1) * self.dilation + 1;
        let total = reach.saturating_sub(length);
        [total / 2, total - total / 2]
    }

    /// Glorot and Bengio 2010, uniform, as in Caffe's and torchvision's SSD; biases 0.
    pub(super) fn xavier(&self) -> Fresh {
        let [inputs, outputs] = self.channels.map(|channels| channels / self.groups * self.kernel * self.kernel);
        let up = (6.0 / (inputs + outputs) as f64).sqrt();
        Fresh { weight: Init::Uniform { lo: -up, up }, bias: Init::Const(0.0) }
    }
}

/// What follows a convolution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    Linear,
    Relu,
    Relu6,
}

/// The constants of a batch norm.
#[derive(Clone, Copy)]
pub(super) struct Norm {
    pub(super) eps: f64,
    /// torch's: the weight of the batch in the running statistics.
    pub(super) momentum: f64,
}

/// A convolution, a batch norm if there is one, and an activation.
pub(super) struct Unit {
    /// The name of its output.
    name: String,
    conv: Conv2d,
    norm: Option<BatchNorm2d>,
    shape: Shape,
    activation: Activation,
}

impl Unit {
    /// A convolution with a bias.
    pub(super) fn biased(
        name: &str,
        shape: Shape,
        activation: Activation,
        fresh: Fresh,
        vb: VarBuilder,
    ) -> Result<Self> {
        let conv = Conv2d::new(shape.channels, [shape.kernel; 2], shape.config(), fresh, vb)?;
        Ok(Self { name: name.to_owned(), conv, norm: None, shape, activation })
    }

    /// A convolution without a bias and a batch norm.
    pub(super) fn normed(
        name: &str,
        shape: Shape,
        norm: Norm,
        activation: Activation,
        fresh: Fresh,
        [conv, bn]: [VarBuilder; 2],
    ) -> Result<Self> {
        let conv = Conv2d::without_bias(shape.channels, [shape.kernel; 2], shape.config(), fresh, conv)?;
        let norm = BatchNorm2d::new(shape.channels[1], norm.eps, bn)?.with_momentum(norm.momentum);
        Ok(Self { name: name.to_owned(), conv, norm: Some(norm), shape, activation })
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let padded;
        let conv = match self.shape.padding {
            Pad::Fixed(_) => &self.conv,
            Pad::Same => {
                let [[top, bottom], [left, right]] = pass.size(x)?.map(|length| self.shape.same(length));
                padded = self.conv.padded(Padding { top, bottom, left, right });
                &padded
            }
        };
        match (&self.norm, self.activation) {
            (None, Activation::Linear) => pass.conv(&self.name, conv, x),
            (None, Activation::Relu) => pass.conv_relu(["", &self.name], conv, x),
            (None, Activation::Relu6) => {
                let x = pass.conv("", conv, x)?;
                pass.relu6(&self.name, &x)
            }
            (Some(norm), activation) => {
                let x = pass.conv("", conv, x)?;
                match activation {
                    Activation::Linear => pass.batch_norm(&self.name, norm, &x),
                    Activation::Relu => pass.batch_norm_relu(["", &self.name], norm, &x),
                    Activation::Relu6 => {
                        let x = pass.batch_norm("", norm, &x)?;
                        pass.relu6(&self.name, &x)
                    }
                }
            }
        }
    }
}

/// A step of a stage.
pub(super) enum Step {
    Conv(Unit),
    /// A max pool and the name of its output.
    Pool(&'static str, PoolConfig),
}

/// Steps one after the other; the output of the last one is known by the name of the stage, too.
pub(super) struct Stage {
    name: String,
    pub(super) units: Vec<Step>,
}

impl Stage {
    pub(super) fn new(name: &str, units: Vec<Step>) -> Self {
        Self { name: name.to_owned(), units }
    }

    /// Without pools.
    pub(super) fn of_units(name: &str, units: Vec<Unit>) -> Self {
        Self::new(name, units.into_iter().map(Step::Conv).collect())
    }

    pub(super) fn layers(&self) -> Vec<String> {
        let names = self.units.iter().map(|step| match step {
            Step::Conv(unit) => unit.name.clone(),
            Step::Pool(name, _) => (*name).to_owned(),
        });
        names.chain([self.name.clone()]).filter(|name| !name.is_empty()).collect()
    }

    pub(super) fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = run_units(&self.units, x, pass)?;
        pass.see(&self.name, x)
    }
}

pub(super) fn run_units(steps: &[Step], x: &Value, pass: &mut Pass) -> Run {
    let mut x = x.clone();
    for step in steps {
        x = match step {
            Step::Conv(unit) => unit.run(&x, pass)?,
            Step::Pool(name, pool) => pass.max_pool(name, pool, &x)?,
        };
    }
    Ok(x)
}
