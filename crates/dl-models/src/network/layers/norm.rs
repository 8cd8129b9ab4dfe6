//! Normalization layers.

use candle_core::{Result, Tensor, Var};
use candle_nn::{Init, VarBuilder};
use dl_kernels::{LocalResponse, Neighbors, Operation};
use dl_ops::{BatchStatistics, L2Epsilon};

use super::vector;

/// Batch normalization (Ioffe and Szegedy 2015), with the running statistics of torch's `BatchNorm2d`.
#[derive(Clone, Debug)]
pub struct BatchNorm2d {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_variance: Var,
    eps: f64,
    momentum: f64,
    /// Whether training uses the batch's statistics also if the weights are constants.
    of_batch: bool,
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
            of_batch: false,
        })
    }

    /// The same with another momentum. Keras and TensorFlow state one minus it.
    #[must_use]
    pub fn with_momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// The same, but training uses the batch's statistics also if the weights are constants: a discriminator while its
    /// generator is trained.
    #[must_use]
    pub fn of_batch(self) -> Self {
        Self { of_batch: true, ..self }
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
        if !train || !self.uses_batch() {
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

    /// Training forward pass fused with a leaky ReLU.
    /// # Errors
    /// When x has the wrong shape.
    pub(crate) fn train_leaky_relu(&self, x: &Tensor, slope: f32) -> Result<Tensor> {
        let (y, batch) = dl_ops::batch_norm_train_leaky_relu(x, &self.weight, &self.bias, self.eps, slope)?;
        self.update_running(&batch)?;
        Ok(y)
    }

    /// Whether training normalizes by the batch's statistics.
    pub(crate) fn uses_batch(&self) -> bool {
        self.is_trained() || self.of_batch
    }

    fn update_running(&self, batch: &BatchStatistics) -> Result<()> {
        let (mean, variance) = (self.running_mean.as_detached_tensor(), self.running_variance.as_detached_tensor());
        let (mean, variance) = batch.update(&mean, &variance, self.momentum)?;
        self.running_mean.set(&mean)?;
        self.running_variance.set(&variance)
    }

    /// The factor of each channel with the running statistics, [channels], with a gradient for the weight.
    pub(crate) fn scale(&self) -> Result<Tensor> {
        &self.weight / (self.running_variance.as_detached_tensor() + self.eps)?.sqrt()?
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let [scale, shift] = self.scale_and_shift()?;
        Ok(Operation::Affine { scale, shift })
    }

    /// Factor and summand of each channel, by the running statistics.
    pub(crate) fn scale_and_shift(&self) -> Result<[Vec<f32>; 2]> {
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
        let shift = shift.collect();
        Ok([scale.iter().map(|scale| *scale as f32).collect(), shift])
    }
}

/// Instance normalization (Ulyanov et al. 2016), like torch's `InstanceNorm2d` without running statistics.
#[derive(Clone, Debug)]
pub struct InstanceNorm2d {
    affine: Option<[Tensor; 2]>,
    channels: usize,
    eps: f64,
}

impl InstanceNorm2d {
    /// Without weight and bias: torch's default, and that of CycleGAN and pix2pix.
    pub fn new(channels: usize, eps: f64) -> Self {
        Self { affine: None, channels, eps }
    }

    /// With `weight` and `bias` [channels] under the builder's prefix.
    /// # Errors
    /// When the builder lacks one of the tensors.
    pub fn affine(channels: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints(channels, "weight", Init::Const(1.0))?;
        let bias = vb.get_with_hints(channels, "bias", Init::Const(0.0))?;
        Ok(Self { affine: Some([weight, bias]), channels, eps })
    }

    /// Normalizes x [n, channels, h, w].
    /// # Errors
    /// When x has the wrong shape, or its maps have a single pixel.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::instance_norm(x, self.affine.as_ref().map(|[weight, bias]| [weight, bias]), self.eps)
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.affine.iter().flatten().any(Tensor::is_variable)
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        let [weight, bias] = match &self.affine {
            Some([weight, bias]) => [vector(weight)?, vector(bias)?],
            None => [vec![1.0; self.channels], vec![0.0; self.channels]],
        };
        Ok(Operation::InstanceNorm { weight, bias, eps: self.eps })
    }
}

/// Local response normalization, with torch's and Caffe's parameters.
#[derive(Clone, Copy, Debug)]
pub struct LocalResponseNorm {
    /// Which numbers are in the sum.
    pub neighbors: Neighbors,
    /// How many, along each axis.
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
        match self.neighbors {
            Neighbors::Channels => dl_ops::local_response_norm(x, self.size, self.alpha, self.beta, self.k),
            Neighbors::Positions => dl_ops::spatial_response_norm(x, self.size, self.alpha, self.beta, self.k),
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        let Self { neighbors, size, alpha, beta, k } = *self;
        let [alpha, beta, k] = [alpha, beta, k].map(|number| number as f32);
        Operation::LocalResponseNorm(LocalResponse { neighbors, size, alpha, beta, k })
    }
}

/// Divides the channels of each position by their L2 norm and multiplies them by trained scales: SSD's norm of conv4_3
/// (Liu et al. 2015, ParseNet, section 3.3).
#[derive(Clone, Debug)]
pub struct L2Norm {
    weight: Tensor,
    epsilon: L2Epsilon,
}

impl L2Norm {
    /// `weight` [channels], at first `scale` everywhere, under the builder's prefix.
    /// # Errors
    /// When the builder lacks the tensor.
    pub fn new(channels: usize, scale: f64, epsilon: L2Epsilon, vb: VarBuilder) -> Result<Self> {
        Ok(Self::with_weight(vb.get_with_hints(channels, "weight", Init::Const(scale))?, epsilon))
    }

    /// With this weight [channels], for a reference that has another name for it.
    pub fn with_weight(weight: Tensor, epsilon: L2Epsilon) -> Self {
        Self { weight, epsilon }
    }

    /// Normalizes x [n, channels, h, w].
    /// # Errors
    /// When x has the wrong shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        dl_ops::l2_norm(x, &self.weight, self.epsilon)
    }

    /// Whether it is trained.
    pub(crate) fn is_trained(&self) -> bool {
        self.weight.is_variable()
    }

    pub(crate) fn operation(&self) -> Result<Operation> {
        Ok(Operation::L2Norm { weight: vector(&self.weight)?, epsilon: self.epsilon })
    }
}
