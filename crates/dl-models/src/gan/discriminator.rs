//! Discriminators: is an image real or generated?

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use dl_ops::{Conv2dConfig, Padding};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::condition::ConditionEmbedding;
use super::dcgan::{STDEV, norm};
use super::stylegan::{StyleChannels, StyleDiscriminator};
use super::{Canvas, ConditionSize};
use crate::network::pass::{Halt, Pass, Run, Value};
use crate::{BatchNorm2d, Conv2d, Fresh, Linear, SpectralConv2d, SpectralLinear, plain};

/// Slope of the leaky ReLU for negative numbers, in all of them.
const SLOPE: f32 = 0.2;

/// Most numbers of features' embedding beside a fully connected one's image.
const MOST_APPENDED: usize = 128;

/// How a discriminator gets to know the label or the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conditioning {
    /// An embedding is appended to the image: as numbers of its row, or as another channel (Mirza and Osindero 2014).
    Embed,
    /// The inner product of an embedding with the last features is added to the logit (Miyato and Koyama 2018).
    Project,
}

/// What a discriminator looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct DiscriminatorConfig {
    /// Fully connected, with hidden layers of these sizes; convolutional, with this many channels in the first map (`ndf`),
    /// doubled by each next one; or StyleGAN2's.
    pub body: DiscriminatorBody,
    /// The images.
    pub image: Canvas,
    /// The condition, and how it is used.
    pub condition: Option<(ConditionSize, Conditioning)>,
    /// Batch norms in the convolutional one, after every convolution but the first and the last.
    pub norms: bool,
    /// Spectral normalization of all weights (Miyato et al. 2018); not for StyleGAN2's.
    pub spectral: bool,
    /// Probability of dropout after each hidden layer of the fully connected one.
    pub dropout: f64,
    /// Whether the weights are constants, for training the generator; norms still use the batch's statistics.
    pub constant: bool,
}

/// The hidden layers of a discriminator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscriminatorBody {
    /// PyTorch-GAN's `gan.py`: 512, 256.
    Vanilla(Vec<usize>),
    /// pytorch/examples' `dcgan`: 64.
    Dcgan(usize),
    /// StyleGAN2's residual one.
    StyleGan(StyleChannels),
}

/// A discriminator.
pub struct Discriminator {
    body: Body,
    last: Last,
    dropout: f64,
    /// An embedding as large as an image's row or channel.
    appended: Option<ConditionEmbedding>,
    projected: Option<ConditionEmbedding>,
}

enum Body {
    Vanilla(Vec<Dense>),
    Dcgan(Vec<(Conv, Option<BatchNorm2d>)>),
    Style(Box<StyleDiscriminator>),
}

enum Last {
    Linear(Dense),
    Conv(Conv),
    /// A part of the body.
    Style,
}

/// A fully connected layer.
enum Dense {
    Plain(Linear),
    Spectral(SpectralLinear),
}

impl Dense {
    fn new(inputs: usize, outputs: usize, spectral: bool, vb: VarBuilder) -> candle_core::Result<Self> {
        let fresh = Fresh::torch(inputs);
        Ok(match spectral {
            true => Self::Spectral(SpectralLinear::new(inputs, outputs, fresh, vb)?),
            false => Self::Plain(Linear::new(inputs, outputs, fresh, vb)?),
        })
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        match self {
            Self::Plain(layer) => pass.linear("", layer, x),
            Self::Spectral(layer) => pass.spectral_linear("", layer, x),
        }
    }
}

/// A convolution without bias.
enum Conv {
    Plain(Conv2d),
    Spectral(SpectralConv2d),
}

impl Conv {
    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        match self {
            Self::Plain(layer) => pass.conv("", layer, x),
            Self::Spectral(layer) => pass.spectral_conv("", layer, x),
        }
    }
}

impl Discriminator {
    /// A discriminator with weights of the builder; a Dcgan's are `main.N`, a vanilla one's `model.N`, StyleGAN2's `b32.conv0`.
    /// # Errors
    /// When the images do not fit the body, or a weight has another shape.
    pub fn new(config: &DiscriminatorConfig, vb: &VarBuilder) -> Result<Self> {
        let image = &config.image;
        let embedded = config.condition.filter(|(_, conditioning)| *conditioning == Conditioning::Embed);
        let projected = config.condition.filter(|(_, conditioning)| *conditioning == Conditioning::Project);
        let (body, last, columns, features) = match &config.body {
            DiscriminatorBody::Vanilla(hidden) => {
                // PyTorch-GAN appends as many numbers as there are labels.
                let columns = embedded.map_or(0, |(size, _)| match size {
                    ConditionSize::Labels(labels) => labels,
                    ConditionSize::Features(columns) => columns.min(MOST_APPENDED),
                });
                let (body, last) =
                    vanilla(image.numbers() + columns, hidden, config.spectral, &vb.pp("model")).map_err(plain)?;
                (body, last, columns, hidden.last().copied().unwrap_or(0))
            }
            DiscriminatorBody::StyleGan(channels) => {
                let inputs = image.channels + usize::from(embedded.is_some());
                ensure!(!config.spectral, "StyleGAN's discriminator has no spectral normalization");
                let body = StyleDiscriminator::new(image, inputs, *channels, vb)?;
                let features = StyleDiscriminator::columns(image, *channels)?;
                (Body::Style(Box::new(body)), Last::Style, image.height * image.width, features)
            }
            DiscriminatorBody::Dcgan(channels) => {
                let inputs = image.channels + usize::from(embedded.is_some());
                let (body, last) = dcgan(config, inputs, *channels, &vb.pp("main"))?;
                (body, last, image.height * image.width, channels << (image.doublings()?.1 - 1))
            }
        };
        let embedding = |condition: Option<(ConditionSize, Conditioning)>, columns, how: &str| {
            let build = |(size, _)| {
                let kind = if matches!(size, ConditionSize::Labels(_)) { "label" } else { "condition" };
                ConditionEmbedding::new(size, columns, vb.pp(format!("{kind}_{how}")))
            };
            condition.map(build).transpose().map_err(plain)
        };
        Ok(Self {
            body,
            last,
            dropout: config.dropout,
            appended: embedding(embedded, columns, "embedding")?,
            projected: embedding(projected, features, "projection")?,
        })
    }

    /// The names of the hidden layers, from the image on: their weights begin with them.
    pub fn layers(config: &DiscriminatorConfig) -> Vec<String> {
        match &config.body {
            DiscriminatorBody::Vanilla(hidden) => {
                (0..hidden.len()).map(|index| format!("model.{}", 2 * index)).collect()
            }
            DiscriminatorBody::StyleGan(_) => StyleDiscriminator::layers(&config.image),
            DiscriminatorBody::Dcgan(_) => {
                let halvings = config.image.doublings().map_or(0, |(_, halvings)| halvings);
                // After the first: convolution, norm, activation.
                let stride = if config.norms { 3 } else { 2 };
                (0..halvings).map(|index| format!("main.{}", (stride * index).saturating_sub(stride - 2))).collect()
            }
        }
    }

    /// Logits [n] of images [n, channels, height, width] and a condition, labels [n] u32 or features
    /// [n, columns], in training: above 0 for real ones.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(&self, images: &Tensor, condition: Option<&Tensor>, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let mut pass = Pass::new(Vec::new(), Some(rng));
        match self.logits(images, condition, &mut pass) {
            Ok(Value::Now(logits)) => logits.flatten_all().map_err(plain),
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("the discriminator stopped early"),
        }
    }

    /// The gradient of the logit of each image with respect to it, of the images' shape; its own gradient goes to the
    /// weights, for penalties on it.
    /// # Errors
    /// When the shapes do not fit, or the discriminator has batch norms, in which the images of a batch mix.
    pub fn input_gradient(&self, images: &Tensor, condition: Option<&Tensor>, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let mut pass = Pass::new(Vec::new(), Some(rng)).taped(images);
        match self.logits(images, condition, &mut pass) {
            Ok(logits) => pass.input_gradient(&logits),
            Err(Halt::Failed(error)) => Err(plain(error)),
            Err(Halt::Done) => bail!("the discriminator stopped early"),
        }
    }

    /// [n, 1]
    fn logits(&self, images: &Tensor, condition: Option<&Tensor>, pass: &mut Pass) -> Run {
        let embed = |embedding: &ConditionEmbedding| -> Result<Tensor, Halt> {
            let Some(condition) = condition else {
                return Err(anyhow::anyhow!("the discriminator is conditional: it needs labels or features").into());
            };
            Ok(embedding.forward(condition)?)
        };
        let (n, _, height, width) = images.dims4()?;
        let mut x = Value::Now(images.clone());
        if matches!(self.body, Body::Vanilla(_)) {
            x = pass.flatten("", &x)?;
        }
        if let Some(embedding) = &self.appended {
            let embedded = embed(embedding)?;
            let embedded = match self.body {
                Body::Vanilla(_) => embedded,
                Body::Dcgan(_) | Body::Style(_) => embedded.reshape((n, 1, height, width))?,
            };
            x = pass.concat("", &[&x, &Value::Now(embedded)])?;
        }
        let features = self.features(x, pass)?;
        let logits = match &self.last {
            Last::Linear(last) => last.run(&features, pass)?,
            Last::Conv(last) => {
                let logits = last.run(&features, pass)?;
                pass.flatten("", &logits)?
            }
            Last::Style => match &self.body {
                Body::Style(body) => body.logits(&features, pass)?,
                _ => features.clone(),
            },
        };
        let Some(embedding) = &self.projected else { return Ok(logits) };
        let embedded = embed(embedding)?;
        let product = match self.body {
            Body::Vanilla(_) => pass.project("", &features, &embedded)?,
            // As in StyleGAN2-ADA: as large as one number of the embedding.
            Body::Style(_) => {
                let columns = embedded.dim(1)?.max(1) as f64;
                pass.project("", &features, &(embedded / columns.sqrt())?)?
            }
            Body::Dcgan(_) => {
                // The sum over the positions is their mean times their number.
                let [rows, columns] = pass.size(&features)?;
                let mean = pass.adaptive_avg_pool("", [1, 1], &features)?;
                let mean = pass.flatten("", &mean)?;
                pass.project("", &mean, &(embedded * (rows * columns) as f64)?)?
            }
        };
        pass.add("", &logits, &product)
    }

    /// The last hidden layer.
    fn features(&self, mut x: Value, pass: &mut Pass) -> Run {
        match &self.body {
            Body::Vanilla(layers) => {
                for linear in layers {
                    x = linear.run(&x, pass)?;
                    x = pass.leaky_relu("", SLOPE, &x)?;
                    if self.dropout > 0.0 {
                        x = pass.dropout("", self.dropout, &x)?;
                    }
                }
            }
            Body::Dcgan(layers) => {
                for (conv, norm) in layers {
                    x = conv.run(&x, pass)?;
                    x = pass.batch_norm_leaky_relu("", norm.as_ref(), SLOPE, &x)?;
                }
            }
            Body::Style(body) => x = body.features(&x, pass)?,
        }
        Ok(x)
    }
}

fn vanilla(inputs: usize, hidden: &[usize], spectral: bool, vb: &VarBuilder) -> candle_core::Result<(Body, Last)> {
    let (mut inputs, mut layers, mut place) = (inputs, Vec::new(), 0);
    for &columns in hidden {
        layers.push(Dense::new(inputs, columns, spectral, vb.pp(place))?);
        // Its activation is a module of torch's, too.
        (inputs, place) = (columns, place + 2);
    }
    let last = Dense::new(inputs, 1, spectral, vb.pp(place))?;
    Ok((Body::Vanilla(layers), Last::Linear(last)))
}

/// Convolutions that halve the map, with the names of pytorch/examples.
fn dcgan(config: &DiscriminatorConfig, inputs: usize, channels: usize, vb: &VarBuilder) -> Result<(Body, Last)> {
    let (map, halvings) = config.image.doublings()?;
    let half = Conv2dConfig { stride: [2; 2], padding: Padding::all(1), ..Default::default() };
    let spectral = config.spectral;
    let conv = |channels, kernel, config, place: usize| {
        let (fresh, vb) = (Fresh::normal(STDEV), vb.pp(place));
        let conv = match spectral {
            true => SpectralConv2d::without_bias(channels, kernel, config, fresh, vb).map(Conv::Spectral),
            false => Conv2d::without_bias(channels, kernel, config, fresh, vb).map(Conv::Plain),
        };
        conv.map_err(plain)
    };
    let (mut inputs, mut layers, mut place) = (inputs, Vec::new(), 0);
    for index in 0..halvings {
        let outputs = channels << index;
        let layer = conv([inputs, outputs], [4; 2], half, place)?;
        let normed = config.norms && index > 0;
        let norm = normed.then(|| norm(outputs, 1e-5, &vb.pp(place + 1)).map_err(plain)).transpose()?;
        layers.push((layer, norm.map(|norm| if config.constant { norm.of_batch() } else { norm })));
        (inputs, place) = (outputs, place + 2 + usize::from(normed));
    }
    let last = conv([inputs, 1], map, Conv2dConfig::default(), place)?;
    Ok((Body::Dcgan(layers), Last::Conv(last)))
}
