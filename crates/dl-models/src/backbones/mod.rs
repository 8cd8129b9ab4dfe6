//! Networks that turn pictures into features and class scores, and the table of them.
//!
//! How to add one: a module with a struct of named parts and `impl Backbone`, in the names of torchvision's module
//! tree, and a row in [`ARCHITECTURES`].

mod alexnet;
mod layer_name;
mod resnet;
mod squeezenet;

use anyhow::{Context, Result, bail};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use rand_chacha::ChaCha8Rng;

pub use alexnet::AlexNet;
pub use layer_name::LayerName;
pub use resnet::{Depth, ResNet};
pub use squeezenet::{SqueezeNet, SqueezeNetOptions, Version};

use crate::{Halt, ModelConfig, Pass, Run, Value, plain};

/// The name of the class scores in every network.
pub const LOGITS: &str = "logits";

/// A network that turns pictures into features and class scores.
pub trait Backbone: Send + Sync {
    /// The names of its outputs in the order of computing, as torchvision writes the module paths; last is `logits`.
    fn layers(&self) -> Vec<String>;

    /// The names that papers use, each with the module path that it stands for.
    fn aliases(&self) -> &'static [(&'static str, &'static str)];

    /// Runs on x [n, 3, h, w] f32, showing each output to `pass`, and gives the class scores [n, classes].
    /// # Errors
    /// [`Halt::Done`] when `pass` has all it wanted, or when x does not fit.
    fn run(&self, x: &Value, pass: &mut Pass) -> Run;
}

impl dyn Backbone + '_ {
    /// The class scores [n, classes] of x [n, 3, h, w], with gradients. `train`: dropout is on, and draws from it; batch
    /// norms take the batch's statistics.
    /// # Errors
    /// When x does not fit, for example a picture that is too small.
    pub fn forward_t(&self, x: &Tensor, train: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
        match self.run(&Value::Now(x.clone()), &mut Pass::new(Vec::new(), train)) {
            Ok(Value::Now(logits)) => Ok(logits),
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("a network stopped although nothing was asked of it"),
        }
    }

    /// The named outputs for x [n, 3, h, w], in the order asked for, each [n, ...], with gradients. Nothing beyond the
    /// last of them is computed. For inference [`Model::features`](crate::Model::features) is faster.
    /// # Errors
    /// When there is no such layer (see [`check`](Self::check)), or x does not fit.
    pub fn features(&self, x: &Tensor, layers: &[LayerName], train: Option<&mut ChaCha8Rng>) -> Result<Vec<Tensor>> {
        let names: Vec<String> = layers.iter().map(|layer| self.check(layer)).collect::<Result<_>>()?;
        let mut pass = Pass::new(distinct(&names), train);
        if let Err(Halt::Failed(error)) = self.run(&Value::Now(x.clone()), &mut pass) {
            return Err(plain(error));
        }
        let kept = pass.kept();
        let pooled = layers.iter().zip(&names).map(|(layer, name)| match (kept.get(name), layer.pooled) {
            (Some(Value::Now(map)), Some(size)) if map.rank() == 4 => {
                dl_ops::adaptive_avg_pool2d(map, size).map_err(plain)
            }
            (Some(Value::Now(map)), Some(_)) => {
                bail!("layer {layer}: {name} has shape {:?}, it is no map to average", map.dims())
            }
            (Some(Value::Now(map)), None) => Ok(map.clone()),
            _ => bail!("the network did not come to its layer {name}"),
        });
        pooled.collect()
    }

    /// The module path that a layer's name stands for.
    /// # Errors
    /// When there is no such layer; the message lists those there are.
    pub fn check(&self, layer: &LayerName) -> Result<String> {
        let aliases = self.aliases();
        let name = aliases.iter().find(|(alias, _)| *alias == layer.name).map_or(layer.name.as_str(), |(_, path)| path);
        let layers = self.layers();
        if !layers.iter().any(|known| known == name) {
            // The inner modules would make the list long.
            let known = layers.iter().map(String::as_str).filter(|known| known.matches('.').count() < 2);
            let known: Vec<&str> = known.chain(aliases.iter().map(|(alias, _)| *alias)).collect();
            bail!("there is no layer {}; there are {}", layer.name, known.join(", "));
        }
        Ok(name.to_owned())
    }
}

/// Each name once.
pub(crate) fn distinct(names: &[String]) -> Vec<String> {
    let mut distinct = names.to_vec();
    distinct.sort();
    distinct.dedup();
    distinct
}

/// A row of the table of networks.
pub struct Architecture {
    /// Its name, torchvision's.
    pub name: &'static str,
    /// Who described it, and where.
    pub paper: &'static str,
    /// The layer that dl-embed takes when none is named.
    pub layer: &'static str,
    /// The module path of the layer that gives the class scores.
    pub head: &'static str,
    /// Options that are switched on when the head is a new one, to be trained.
    pub new_head: &'static [&'static str],
    /// Builds it.
    pub build: fn(&ModelConfig, VarBuilder) -> Result<Box<dyn Backbone>>,
}

/// Every network, in the order of the manual.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        name: "alexnet",
        paper: "Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks",
        layer: "fc7",
        head: "classifier.6",
        new_head: &[],
        build: |config, vb| Ok(Box::new(AlexNet::new(config.num_classes, vb).map_err(plain)?)),
    },
    Architecture {
        name: "resnet18",
        paper: "He et al. 2016, Deep residual learning for image recognition",
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        build: |config, vb| resnet(Depth::D18, config, vb),
    },
    Architecture {
        name: "resnet34",
        paper: "He et al. 2016, Deep residual learning for image recognition",
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        build: |config, vb| resnet(Depth::D34, config, vb),
    },
    Architecture {
        name: "resnet50",
        paper: "He et al. 2016, Deep residual learning for image recognition",
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        build: |config, vb| resnet(Depth::D50, config, vb),
    },
    Architecture {
        name: "resnet101",
        paper: "He et al. 2016, Deep residual learning for image recognition",
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        build: |config, vb| resnet(Depth::D101, config, vb),
    },
    Architecture {
        name: "resnet152",
        paper: "He et al. 2016, Deep residual learning for image recognition",
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        build: |config, vb| resnet(Depth::D152, config, vb),
    },
    Architecture {
        name: "squeezenet1_0",
        paper: "Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters",
        layer: "fire9@1",
        head: "classifier.1",
        new_head: &["linear_logits"],
        build: |config, vb| squeezenet(Version::V1_0, config, vb),
    },
    Architecture {
        name: "squeezenet1_1",
        paper: "Iandola et al. 2016, release 1.1: 2.4 times less computation",
        layer: "fire9@1",
        head: "classifier.1",
        new_head: &["linear_logits"],
        build: |config, vb| squeezenet(Version::V1_1, config, vb),
    },
];

fn resnet(depth: Depth, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    Ok(Box::new(ResNet::new(depth, config.num_classes, vb).map_err(plain)?))
}

fn squeezenet(version: Version, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options: SqueezeNetOptions = config.options()?;
    Ok(Box::new(SqueezeNet::new(version, &options, config.num_classes, vb).map_err(plain)?))
}

impl Architecture {
    /// The architecture of this name.
    /// # Errors
    /// When there is none; the message lists those there are.
    pub fn find(name: &str) -> Result<&'static Self> {
        ARCHITECTURES.iter().find(|architecture| architecture.name == name).with_context(|| {
            let known: Vec<_> = ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
            format!("there is no architecture {name}; there are {}", known.join(", "))
        })
    }
}
