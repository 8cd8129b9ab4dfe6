//! The discriminator of a size: it sees the image, the sum of the enlarged smaller one and the difference.

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_ops::Conv2dConfig;
use rand_chacha::ChaCha8Rng;

use super::ClassPlane;
use crate::file::limits;
use crate::gan::Canvas;
use crate::network::pass::Halt;
use crate::{Conv2d, Fresh, Linear, Pass, Run, Value, plain};

/// Side of the convolutions, which have no padding.
const KERNEL: usize = 5;

/// The discriminator.
pub struct LapganDiscriminator {
    plane: Option<ClassPlane>,
    convs: [Conv2d; 2],
    dropout: f64,
    last: Linear,
}

impl LapganDiscriminator {
    /// A discriminator of images of this shape. `labels`: numbers of a label.
    /// # Errors
    /// When the images are smaller than 9 pixels, or a tensor is missing or has another shape.
    pub fn new(image: &Canvas, labels: Option<usize>, channels: usize, dropout: f64, vb: &VarBuilder) -> Result<Self> {
        limits::count("channels", channels, limits::MOST_CHANNELS)?;
        let mut map = 1;
        for side in [image.height, image.width] {
            ensure!(side > 2 * (KERNEL - 1), "images of {} x {} pixels are too small", image.width, image.height);
            map *= (side + 1 - 2 * KERNEL) / 2 + 1;
        }
        let conv = |name: &str, inputs: usize, stride: usize| {
            let config = Conv2dConfig { stride: [stride; 2], ..Default::default() };
            let fresh = Fresh::torch(inputs * KERNEL * KERNEL);
            Conv2d::new([inputs, channels], [KERNEL; 2], config, fresh, vb.pp(name)).map_err(plain)
        };
        let inputs = image.channels + usize::from(labels.is_some());
        let plane = labels.map(|labels| ClassPlane::new(labels, image, vb.pp("class_plane"))).transpose()?;
        let last = Linear::new(channels * map, 1, Fresh::torch(channels * map), vb.pp("linear")).map_err(plain)?;
        Ok(Self { plane, convs: [conv("conv1", inputs, 1)?, conv("conv2", channels, 2)?], dropout, last })
    }

    /// Logits [n] of images [n, channels, h, w] and labels [n, columns], in training.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(&self, images: &Tensor, labels: Option<&Tensor>, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let labels = labels.map(|labels| Value::Now(labels.clone()));
        match self.run(&Value::Now(images.clone()), labels.as_ref(), &mut Pass::new(Vec::new(), Some(rng))) {
            Ok(Value::Now(logits)) => logits.flatten_all().map_err(plain),
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("the discriminator stopped early"),
        }
    }

    fn run(&self, images: &Value, labels: Option<&Value>, pass: &mut Pass) -> Run {
        let mut x = images.clone();
        if let Some(plane) = &self.plane {
            let Some(labels) = labels else {
                return Err(anyhow::anyhow!("the discriminator is conditional: it needs labels").into());
            };
            let plane = plane.run(labels, pass)?;
            x = pass.concat("", &[&x, &plane])?;
        }
        for conv in &self.convs {
            x = pass.conv_relu(["", ""], conv, &x)?;
        }
        let x = pass.flatten("", &x)?;
        let x = pass.dropout("", self.dropout, &x)?;
        pass.linear("", &self.last, &x)
    }
}
