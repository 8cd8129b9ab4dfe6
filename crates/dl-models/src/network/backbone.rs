//! What a network for images provides.

use anyhow::{Result, bail};
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use super::layer_name::LayerName;
use super::layers::plain;
use super::pass::{Halt, Pass, Run, Value};

/// The name of the class scores output in every network.
pub const LOGITS: &str = "logits";

/// A network that computes features and class scores of images.
pub trait Backbone: Send + Sync {
    /// The names of its outputs, in the order of computation, named by torchvision's module paths; the last is
    /// `logits`.
    fn layers(&self) -> Vec<String>;

    /// Names used in papers, each with the module path that it stands for.
    fn aliases(&self) -> Vec<(String, String)>;

    /// Whether it supports plans for inference. Otherwise it is computed directly.
    fn plans(&self) -> bool {
        true
    }

    /// Whether the first of an image's tokens stands for the whole image, as ViT's class token does.
    fn has_class_token(&self) -> bool {
        true
    }

    /// Runs on x [n, 3, h, w] f32, passing each output to `pass`, and returns the class scores [n, classes].
    /// # Errors
    /// [`Halt::Done`] when `pass` has all requested outputs, or when x has the wrong shape.
    fn run(&self, x: &Value, pass: &mut Pass) -> Run;
}

impl dyn Backbone + '_ {
    /// The class scores [n, classes] for x [n, 3, h, w], with gradients. With `train`, dropout is on and draws from the
    /// generator; batch norms use the batch's statistics.
    /// # Errors
    /// When x has the wrong shape, for example when an image is too small.
    pub fn forward_t(&self, x: &Tensor, train: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
        match self.run(&Value::Now(x.clone()), &mut Pass::new(Vec::new(), train)) {
            Ok(Value::Now(logits)) => Ok(logits),
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("the network stopped early although no outputs were requested"),
        }
    }

    /// The named outputs for x [n, 3, h, w], in the order requested, each [n, ...], with gradients. Nothing after the
    /// last of them is computed. For inference [`Model::features`](crate::Model::features) is faster.
    /// # Errors
    /// When a layer does not exist (see [`check`](Self::check)), or x has the wrong shape.
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
                bail!("layer {layer}: {name} has shape {:?}, which cannot be averaged as a map", map.dims())
            }
            (Some(Value::Now(map)), None) => Ok(map.clone()),
            _ => bail!("the network did not compute its layer {name}"),
        });
        pooled.collect()
    }

    /// The module path that a layer's name stands for.
    /// # Errors
    /// When the layer does not exist; the message lists the layers.
    pub fn check(&self, layer: &LayerName) -> Result<String> {
        let aliases = self.aliases();
        let alias = aliases.iter().find(|(alias, _)| *alias == layer.name);
        let name = alias.map_or(layer.name.as_str(), |(_, path)| path.as_str());
        let layers = self.layers();
        if !layers.iter().any(|known| known == name) {
            // Inner modules are omitted to keep the list short.
            let known = layers.iter().map(String::as_str).filter(|known| known.matches('.').count() < 2);
            let known: Vec<&str> = known.chain(aliases.iter().map(|(alias, _)| alias.as_str())).collect();
            bail!("layer {} does not exist; choose from {}", layer.name, known.join(", "));
        }
        Ok(name.to_owned())
    }
}

/// The distinct names, sorted.
pub(crate) fn distinct(names: &[String]) -> Vec<String> {
    let mut distinct = names.to_vec();
    distinct.sort();
    distinct.dedup();
    distinct
}
