//! LPIPS, the learned perceptual distance of two images, version 0.1 (Zhang et al. 2018, The unreasonable effectiveness of
//! deep features as a perceptual metric, section 3; richzhang/PerceptualSimilarity).
//!
//! Both images go through the convolutions of a network, the trunk. At some layers, the channels of each pixel are divided
//! by their norm; the squared differences, weighted by channel, are averaged over the pixels and added over the layers. The
//! weights are those of small files of their own (`lin0` to `lin4`, or `lin6`), calibrated to human judgments.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use image::RgbImage;

use crate::model::{CheckpointBackend, TensorShapes, fingerprint_of, tensor_shapes};
use crate::{Checkpoint, LayerName, Model, ModelConfig, Preprocessing, Resize, plain};

/// A network that LPIPS is calibrated for.
struct Trunk {
    /// Ours, for which the convolutions of its `features` are enough.
    architecture: &'static str,
    /// What the weights of its channels are called.
    short: &'static str,
    /// The layers that are compared, each with its channels.
    layers: &'static [(&'static str, usize)],
}

const TRUNKS: [Trunk; 3] = [
    Trunk {
        architecture: "alexnet",
        short: "alex",
        layers: &[
            ("features.1", 64),
            ("features.4", 192),
            ("features.7", 384),
            ("features.9", 256),
            ("features.11", 256),
        ],
    },
    Trunk {
        architecture: "vgg16",
        short: "vgg",
        layers: &[
            ("features.3", 64),
            ("features.8", 128),
            ("features.15", 256),
            ("features.22", 512),
            ("features.29", 512),
        ],
    },
    Trunk {
        architecture: "squeezenet1_1",
        short: "squeeze",
        layers: &[
            ("features.1", 64),
            ("features.4", 128),
            ("features.7", 256),
            ("features.9", 384),
            ("features.10", 384),
            ("features.11", 512),
            ("features.12", 512),
        ],
    },
];

/// The tensors of a trunk are those under this prefix.
const PREFIX: &str = "features.";
/// Added to the norm of the channels of a pixel.
const EPS: f64 = 1e-10;

/// Measures the perceptual distance of images.
pub struct Lpips {
    model: Model,
    layers: Vec<LayerName>,
    /// Of each layer, one per channel.
    weights: Vec<Vec<f32>>,
    fingerprint: String,
}

/// The distance of two images.
#[derive(Clone, Debug, PartialEq)]
pub struct LpipsDistance {
    /// The sum over the layers.
    pub total: f64,
    /// Of each layer.
    pub layers: Vec<f64>,
}

impl Lpips {
    /// Opens a trunk, AlexNet, VGG-16 or SqueezeNet 1.1 by its shapes, whatever else is in the file; and the weights of its
    /// channels, `alex.lin0.weight` or as in the files of the lpips package, `lin0.model.1.weight`. Without them, every
    /// channel weighs 1, which is `lpips=False` there.
    /// # Errors
    /// When a file cannot be read, holds no such trunk, or no weights for it.
    pub fn open(trunk: &Path, linear: Option<&Path>) -> Result<Self> {
        let file = Checkpoint::open(trunk)?;
        let (trunk, file) = Trunk::of(file).with_context(|| format!("model {}", trunk.display()))?;
        let fingerprint = fingerprint_of(trunk.architecture, &file, |name| name.starts_with(PREFIX))?;
        let weights = match linear {
            Some(path) => trunk.weights(path).with_context(|| format!("model {}", path.display()))?,
            None => trunk.layers.iter().map(|(_, channels)| vec![1.0; *channels]).collect(),
        };
        let wanted_by = format!("a trunk of {}", trunk.architecture);
        let backend = TrunkBackend(CheckpointBackend { checkpoint: file, wanted_by });
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, Device::Cpu);
        let model = Model::build(trunk.config(), vb)?;
        let layers = trunk.layers.iter().map(|(layer, _)| layer.parse()).collect::<Result<_>>()?;
        Ok(Self { model, layers, weights, fingerprint })
    }

    /// The architecture of the trunk, a colon and 16 hexadecimal digits of its weights.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The layers that are compared, in the order of [`LpipsDistance::layers`].
    pub fn layers(&self) -> impl Iterator<Item = String> {
        self.layers.iter().map(LayerName::to_string)
    }

    /// The features of images [n, 1 or 3, h, w], -1 to 1, at each layer that is compared, with gradients.
    /// # Errors
    /// When the images are too small for the trunk.
    pub fn features(&self, images: &Tensor) -> Result<Vec<Tensor>> {
        let normalized = || -> candle_core::Result<Tensor> {
            let (n, _, h, w) = images.dims4()?;
            let column = |numbers: [f32; 3]| Tensor::new(&numbers, images.device())?.reshape((1, 3, 1, 1));
            let Preprocessing { mean, std, .. } = Preprocessing::torchvision();
            let shown = ((images.broadcast_as((n, 3, h, w))? * 0.5)? + 0.5)?;
            shown.broadcast_sub(&column(mean)?)?.broadcast_div(&column(std)?)
        };
        let features = self.model.backbone.features(&normalized().map_err(plain)?, &self.layers, None)?;
        let unit = |map: &Tensor| -> candle_core::Result<Tensor> {
            // The gradient of a root at 0 is infinite.
            let norm = ((map.sqr()?.sum_keepdim(1)? + EPS * EPS)?.sqrt()? + EPS)?;
            map.broadcast_div(&norm)
        };
        features.iter().map(|map| unit(map).map_err(plain)).collect()
    }

    /// The mean distance of images with these [`features`](Self::features), a scalar with its gradient.
    /// # Errors
    /// When the shapes differ.
    pub fn loss(&self, first: &[Tensor], second: &[Tensor]) -> Result<Tensor> {
        let layer = |(index, weights): (usize, &Vec<f32>)| -> candle_core::Result<Tensor> {
            let weights = Tensor::new(&weights[..], first[index].device())?.reshape((1, (), 1, 1))?;
            let squares = (&first[index] - &second[index])?.sqr()?;
            squares.broadcast_mul(&weights)?.sum(1)?.mean_all()
        };
        ensure!(first.len() == self.weights.len() && second.len() == first.len(), "features of other layers");
        let layers =
            self.weights.iter().enumerate().map(layer).collect::<candle_core::Result<Vec<_>>>().map_err(plain)?;
        Tensor::stack(&layers, 0).and_then(|layers| layers.sum_all()).map_err(plain)
    }

    /// The distance of two images of the same size, which are not resized; 0 for equal ones.
    /// # Errors
    /// When the sizes differ, or the images are too small for the trunk.
    pub fn distance(&self, first: &RgbImage, second: &RgbImage) -> Result<LpipsDistance> {
        let (width, height) = first.dimensions();
        let (other_width, other_height) = second.dimensions();
        ensure!(
            (width, height) == (other_width, other_height),
            "the images differ in size: {width} x {height} pixels and {other_width} x {other_height} pixels"
        );
        // The shift and scale of LPIPS on -1..1 are ImageNet's mean and standard deviation on 0..1.
        let preprocessing = Preprocessing::torchvision();
        let (source, [height, width]) = preprocessing.whole_image(width, height, Resize::None);
        let images = [first, second];
        let image = [3, height, width];
        let shapes = self.model.shapes(image, &self.layers)?;
        let features = self.model.features_of([2, 2], image, &self.layers, |index, input| {
            preprocessing.fill(images[index], &source, [height, width], input);
        })?;
        let layers = features.iter().zip(&shapes).zip(&self.weights).map(|((features, shape), weights)| {
            let places = shape[1..].iter().product();
            layer_distance([features.row(0), features.row(1)], weights, places)
        });
        let layers: Vec<f64> = layers.collect();
        Ok(LpipsDistance { total: layers.iter().sum(), layers })
    }
}

/// The distance of two maps [channels, places].
fn layer_distance(maps: [&[f32]; 2], weights: &[f32], places: usize) -> f64 {
    let norms = maps.map(|map| {
        let mut squares = vec![0.0_f64; places];
        for channel in map.chunks_exact(places) {
            squares.iter_mut().zip(channel).for_each(|(sum, value)| *sum += f64::from(*value).powi(2));
        }
        squares.iter().map(|square| 1.0 / (square.sqrt() + EPS)).collect::<Vec<f64>>()
    });
    let channels = maps[0].chunks_exact(places).zip(maps[1].chunks_exact(places)).zip(weights);
    let sums = channels.map(|((a, b), weight)| {
        let pixels = a.iter().zip(b).zip(norms[0].iter().zip(&norms[1]));
        let squares = pixels.map(|((a, b), (x, y))| (f64::from(*a) * x - f64::from(*b) * y).powi(2));
        f64::from(*weight) * squares.sum::<f64>()
    });
    sums.sum::<f64>() / places as f64
}

impl Trunk {
    fn config(&self) -> ModelConfig {
        ModelConfig::new(self.architecture, 1)
    }

    /// The trunk in a file, with its prefix stripped.
    fn of(mut file: Checkpoint) -> Result<(&'static Self, Checkpoint)> {
        for trunk in &TRUNKS {
            let shapes: TensorShapes = tensor_shapes(&trunk.config())?;
            file.strip_prefix_of(&shapes, |name| !name.starts_with(PREFIX));
            let mut needed = shapes.iter().filter(|(name, _)| name.starts_with(PREFIX));
            if needed.all(|(name, shape)| file.shape(name) == Some(shape)) {
                return Ok((trunk, file));
            }
        }
        bail!(
            "has no trunk of LPIPS: AlexNet, VGG-16 or SqueezeNet 1.1 with torchvision's tensor names (features.0.weight)"
        )
    }

    /// The weights of the channels of each layer.
    fn weights(&self, path: &Path) -> Result<Vec<Vec<f32>>> {
        let file = Checkpoint::open(path)?;
        let layer = |(index, (_, channels)): (usize, &(&str, usize))| {
            let short = self.short;
            let names = [
                format!("{short}.lin{index}.weight"),
                format!("lin{index}.weight"),
                format!("lin{index}.model.1.weight"),
            ];
            let name = names.iter().find(|name| file.contains(name)).with_context(|| {
                format!(
                    "has no weights for {}: expected a tensor \"{}\" or \"{}\"",
                    self.architecture, names[0], names[2]
                )
            })?;
            let shape = file.shape(name).unwrap_or_default();
            let expected = [1, *channels, 1, 1];
            ensure!(shape == expected, "tensor \"{name}\" is {shape:?}; {} needs {expected:?}", self.architecture);
            let weights: Vec<f32> = file.tensor(name, &Device::Cpu)?.flatten_all()?.to_vec1()?;
            ensure!(
                weights.iter().all(|weight| weight.is_finite()),
                "tensor \"{name}\" has numbers that are not finite"
            );
            Ok(weights)
        };
        self.layers.iter().enumerate().map(layer).collect()
    }
}

/// The trunk from a file; its classifier, which is never computed, is zeros that take no memory.
struct TrunkBackend(CheckpointBackend);

impl SimpleBackend for TrunkBackend {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        if name.starts_with(PREFIX) {
            return self.0.get(shape, name, init, dtype, device);
        }
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.0.get_unchecked(name, dtype, device)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.contains_tensor(name)
    }
}
