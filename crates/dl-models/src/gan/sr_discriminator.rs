//! The discriminator of SRGAN (Ledig et al. 2017, figure 4), with the names of Lornatang/SRGAN-PyTorch. Images are RGB, all
//! of one size; the result is a logit.
//!
//! ```text
//! n64s1 - n64s2 - n128s1 - n128s2 - n256s1 - n256s2 - n512s1 - n512s2 - 1024 - 1
//! ```
//!
//! nCsS: 3x3 with stride S, batch norm (not after the first), leaky ReLU 0.2; a leaky ReLU after the first fully connected
//! layer, too. The paper's sigmoid is part of the loss.

use anyhow::{Result, ensure};
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use serde::{Deserialize, Serialize};

use crate::file::limits;
use crate::{Backbone, BatchNorm2d, Conv2d, Fresh, Linear, Pass, Run, Value, plain};

/// The slope of every leaky ReLU.
const SLOPE: f32 = 0.2;
/// Convolutions; every second one halves the map.
const CONVS: usize = 8;

/// Options of the discriminator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SrDiscriminatorConfig {
    /// Channels of the first map.
    pub channels: usize,
    /// Columns of the hidden fully connected layer.
    pub hidden: usize,
    /// [height, width] of the images in pixels.
    pub size: [usize; 2],
}

impl Default for SrDiscriminatorConfig {
    fn default() -> Self {
        Self { channels: 64, hidden: 1024, size: [96, 96] }
    }
}

/// The discriminator.
pub struct SrDiscriminator {
    convs: Vec<(Conv2d, Option<BatchNorm2d>)>,
    hidden: Linear,
    last: Linear,
}

impl SrDiscriminator {
    /// # Errors
    /// When an option is out of range, or a tensor is missing or has another shape.
    pub fn new(config: &SrDiscriminatorConfig, vb: &VarBuilder) -> Result<Self> {
        limits::count("channels", config.channels, limits::MOST_CHANNELS)?;
        limits::count("hidden", config.hidden, 1 << 16)?;
        ensure!(config.size.iter().all(|side| (1..=4096).contains(side)), "size is {:?}", config.size);
        let (mut inputs, mut place, mut convs) = (3, 0, Vec::new());
        for index in 0..CONVS {
            let outputs = config.channels << (index / 2);
            let geometry = Conv2dConfig { stride: [1 + index % 2; 2], padding: Padding::all(1), ..Default::default() };
            let vb = |place: usize| vb.pp(format!("features.{place}"));
            let new = if index == 0 { Conv2d::new } else { Conv2d::without_bias };
            let conv = new([inputs, outputs], [3, 3], geometry, Fresh::torch(9 * inputs), vb(place)).map_err(plain)?;
            let norm = (index > 0).then(|| BatchNorm2d::new(outputs, 1e-5, vb(place + 1)));
            convs.push((conv, norm.transpose().map_err(plain)?));
            (inputs, place) = (outputs, place + 2 + usize::from(index > 0));
        }
        let area: usize = config.size.iter().map(|side| side.div_ceil(1 << (CONVS / 2))).product();
        let linear = |[inputs, outputs]: [usize; 2], name: &str| {
            Linear::new(inputs, outputs, Fresh::torch(inputs), vb.pp(name)).map_err(plain)
        };
        Ok(Self {
            convs,
            hidden: linear([inputs * area, config.hidden], "classifier.0")?,
            last: linear([config.hidden, 1], "classifier.2")?,
        })
    }

    /// The same, but its batch norms use the batch's statistics also if its weights are constants: while the generator is
    /// trained.
    #[must_use]
    pub fn of_batch(self) -> Self {
        let convs = self.convs.into_iter().map(|(conv, norm)| (conv, norm.map(BatchNorm2d::of_batch))).collect();
        Self { convs, ..self }
    }
}

impl Backbone for SrDiscriminator {
    fn layers(&self) -> Vec<String> {
        let convs = (0..CONVS).map(|index| format!("features.{}", 3 * index + 1));
        convs.chain(["classifier.1".to_owned(), "logits".to_owned()]).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = x.clone();
        for (index, (conv, norm)) in self.convs.iter().enumerate() {
            x = pass.conv("", conv, &x)?;
            x = pass.batch_norm_leaky_relu(&format!("features.{}", 3 * index + 1), norm.as_ref(), SLOPE, &x)?;
        }
        let x = pass.flatten("", &x)?;
        let x = pass.linear("", &self.hidden, &x)?;
        let x = pass.leaky_relu("classifier.1", SLOPE, &x)?;
        pass.linear("logits", &self.last, &x)
    }
}
