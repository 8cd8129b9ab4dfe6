//! Layers with weights, built from a `VarBuilder` with torchvision's names.

use candle_core::{DType, Error, Result, Tensor, Var};
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use candle_nn::{Init, VarBuilder};
use dl_kernels::{LocalResponse, Numbers, Operation};
use dl_ops::{BatchStatistics, Conv2dConfig, Padding};

/// How new weights are initialized.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Initialization of the weight.
    pub weight: Init,
    /// Initialization of the bias.
    pub bias: Init,
}

impl Fresh {
    /// PyTorch's default: weight and bias uniform within +-1 / sqrt(inputs of one output).
    pub fn torch(inputs: usize) -> Self {
        let up = 1.0 / (inputs as f64).sqrt();
        Self { weight: Init::Uniform { lo: -up, up }, bias: Init::Uniform { lo: -up, up } }
    }

    /// Weights by He et al. 2015 for ReLU, uniform; biases 0.
    pub fn kaiming() -> Self {
        Self { weight: candle_nn::init::DEFAULT_KAIMING_UNIFORM, bias: Init::Const(0.0) }
    }

    /// Weights by He et al. 2015 for ReLU, normal, preserving the variance of gradients (torch's `fan_out`); biases 0.
    pub fn kaiming_out() -> Self {
        let (dist, fan, non_linearity) = (NormalOrUniform::Normal, FanInOut::FanOut, NonLinearity::ReLU);
        Self { weight: Init::Kaiming { dist, fan, non_linearity }, bias: Init::Const(0.0) }
    }

    /// Weights by He et al. 2015 for ReLU, normal, preserving the variance of outputs (torch's `fan_in`); biases 0.
    pub fn kaiming_in() -> Self {
        Self { weight: candle_nn::init::DEFAULT_KAIMING_NORMAL, bias: Init::Const(0.0) }
    }

    /// Weights normal with this standard deviation; biases 0.
    pub fn normal(stdev: f64) -> Self {
        Self { weight: Init::Randn { mean: 0.0, stdev }, bias: Init::Const(0.0) }
    }
}

/// A convolution.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
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
        Ok(Self { weight, bias: None, config })
    }

    /// A convolution without bias and with a constant weight [outputs, inputs / groups, kh, kw].
    pub fn fixed(weight: Tensor, config: Conv2dConfig) -> Self {
        Self { weight, bias: None, config }
    }

    /// Maps x [n, inputs, h, w] to [n, outputs, h', w'].
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::conv2d(x, &self.weight, self.bias.as_ref(), &self.config)
    }

    /// The convolution fused with ReLU.
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward_relu(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::conv2d_relu(x, &self.weight, self.bias.as_ref(), &self.config)
    }

    /// The same with other padding.
    pub(crate) fn padded(&self, padding: Padding) -> Self {
        Self { config: Conv2dConfig { padding, ..self.config }, ..self.clone() }
    }

    /// [outputs, inputs / groups, kh, kw]
    pub(crate) fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.is_variable() || self.bias.as_ref().is_some_and(Tensor::is_variable)
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let (outputs, inputs, kh, kw) = self.weight.dims4()?;
        Ok(Operation::Conv2d {
            weight: to_read(&self.weight),
            shape: [outputs, inputs, kh, kw],
            bias: self.bias.as_ref().map(to_read),
            config: self.config,
        })
    }
}

/// The numbers of a weight, read when a plan packs them.
fn to_read(weight: &Tensor) -> Numbers {
    let weight = weight.clone();
    // A weight that cannot be read has no numbers: the plan reports the mismatch with its shape.
    Box::new(move || vector(&weight).unwrap_or_default())
}

fn vector(x: &Tensor) -> Result<Vec<f32>> {
    x.flatten_all()?.to_dtype(DType::F32)?.to_vec1()
}

/// Batch normalization (Ioffe and Szegedy 2015), with the running statistics of torch's `BatchNorm2d`.
#[derive(Clone, Debug)]
pub struct BatchNorm2d {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_variance: Var,
    eps: f64,
    momentum: f64,
}

impl BatchNorm2d {
    /// torch's momentum: the weight of the batch in the running statistics.
    const MOMENTUM: f64 = 0.1;

    /// `weight`, `bias`, `running_mean` and `running_var`, all [channels], under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new(channels: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
        let statistics = |name: &str, start: f64| {
            // Shares the builder's variable in training.
            Var::from_tensor(&vb.get_with_hints(channels, name, Init::Const(start))?)
        };
        Ok(Self {
            weight: vb.get_with_hints(channels, "weight", Init::Const(1.0))?,
            bias: vb.get_with_hints(channels, "bias", Init::Const(0.0))?,
            running_mean: statistics("running_mean", 0.0)?,
            running_variance: statistics("running_var", 1.0)?,
            eps,
            momentum: Self::MOMENTUM,
        })
    }

    /// The same with another momentum. Keras and TensorFlow state one minus it.
    #[must_use]
    pub fn with_momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// Whether it is trained. Otherwise it keeps its running statistics.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.is_variable() || self.bias.is_variable()
    }

    /// Normalizes x [n, channels, h, w] by the running statistics. In training, unless the norm is frozen, it uses the
    /// batch's statistics and updates the running ones.
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let (mean, variance) = (self.running_mean.as_detached_tensor(), self.running_variance.as_detached_tensor());
        if !train || !self.is_trained() {
            return dl_ops::batch_norm(x, &self.weight, &self.bias, &mean, &variance, self.eps);
        }
        let (y, batch) = dl_ops::batch_norm_train(x, &self.weight, &self.bias, self.eps)?;
        self.update_running(&batch)?;
        Ok(y)
    }

    /// Training forward pass fused with ReLU.
    /// # Errors
    /// When x has the wrong shape.
    pub(crate) fn train_relu(&self, x: &Tensor) -> Result<Tensor> {
        let (y, batch) = dl_ops::batch_norm_train_relu(x, &self.weight, &self.bias, self.eps)?;
        self.update_running(&batch)?;
        Ok(y)
    }

    fn update_running(&self, batch: &BatchStatistics) -> Result<()> {
        let (mean, variance) = (self.running_mean.as_detached_tensor(), self.running_variance.as_detached_tensor());
        let (mean, variance) = batch.update(&mean, &variance, self.momentum)?;
        self.running_mean.set(&mean)?;
        self.running_variance.set(&variance)
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let [weight, bias] = [vector(&self.weight)?, vector(&self.bias)?];
        let [mean, variance] = [vector(&self.running_mean)?, vector(&self.running_variance)?];
        let scale = weight.iter().zip(&variance).map(|(weight, variance)| {
            let deviation = (f64::from(*variance) + self.eps).sqrt();
            f64::from(*weight) / deviation
        });
        let scale: Vec<f64> = scale.collect();
        let shift = bias.iter().zip(&mean).zip(&scale).map(|((bias, mean), scale)| {
            let shift = f64::from(*bias) - f64::from(*mean) * scale;
            shift as f32
        });
        Ok(Operation::Affine { shift: shift.collect(), scale: scale.iter().map(|scale| *scale as f32).collect() })
    }
}

/// Local response normalization (Krizhevsky et al. 2012, section 3.3), with torch's parameters.
#[derive(Clone, Copy, Debug)]
pub struct LocalResponseNorm {
    /// Number of neighboring channels in the sum.
    pub size: usize,
    /// Factor on the mean of their squares.
    pub alpha: f64,
    /// Exponent.
    pub beta: f64,
    /// Added to the sum.
    pub k: f64,
}

impl LocalResponseNorm {
    /// Normalizes x [n, channels, h, w].
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::local_response_norm(x, self.size, self.alpha, self.beta, self.k)
    }

    pub(crate) fn operation(&self) -> Operation {
        let Self { size, alpha, beta, k } = *self;
        Operation::LocalResponseNorm(LocalResponse { size, alpha: alpha as f32, beta: beta as f32, k: k as f32 })
    }
}

/// A fully connected layer with bias.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// `weight` [outputs, inputs] and `bias` [outputs] under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn new(inputs: usize, outputs: usize, fresh: Fresh, vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints((outputs, inputs), "weight", fresh.weight)?;
        let bias = vb.get_with_hints(outputs, "bias", fresh.bias)?;
        Ok(Self { weight, bias })
    }

    /// Maps x [n, inputs] to [n, outputs].
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::linear(x, &self.weight, Some(&self.bias))
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.is_variable() || self.bias.is_variable()
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let (outputs, inputs) = self.weight.dims2()?;
        let (weight, bias) = (to_read(&self.weight), Some(to_read(&self.bias)));
        Ok(Operation::Linear { weight, shape: [outputs, inputs], bias })
    }
}

/// A candle error without the backtrace that candle includes in its text.
pub fn plain(error: Error) -> anyhow::Error {
    match error {
        Error::WithBacktrace { inner, .. } => plain(*inner),
        Error::Context { inner, context } => plain(*inner).context(context.to_string()),
        Error::Msg(text) => anyhow::Error::msg(text),
        other => other.into(),
    }
}
