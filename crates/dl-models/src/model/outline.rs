//! The structure of a network without weights: which weights come before which output.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, bail, ensure};

use crate::model;
use crate::network::LOGITS;
use crate::network::plans::graph;
use crate::{Architecture, Backbone, LayerName, ModelConfig};

/// A network without weights.
pub struct Outline {
    /// The network, with all weights 0.
    backbone: Box<dyn Backbone>,
    /// Its entry in the table of architectures.
    architecture: &'static Architecture,
    /// [height, width] of the input.
    size: [usize; 2],
    /// Its outputs, in the order of computation.
    layers: Vec<String>,
    /// The shapes of its weights.
    weights: BTreeMap<String, Vec<usize>>,
}

impl Outline {
    /// The outline of the network of `config`.
    /// # Errors
    /// When the architecture or one of its options is unknown.
    pub fn of(config: &ModelConfig) -> Result<Self> {
        let architecture = Architecture::find(&config.architecture)?;
        let (backbone, weights) = model::outline(config)?;
        let layers = backbone.layers();
        Ok(Self { backbone, architecture, size: config.preprocessing.size, layers, weights })
    }

    /// The shapes of its weights by name, running statistics included.
    pub fn weights(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.weights
    }

    /// Whether a weight belongs to a layer that computes class scores, including auxiliary classifiers.
    pub fn in_head(&self, weight: &str) -> bool {
        self.architecture.is_head_weight(weight)
    }

    /// The position, in the order of computation, of the output that a weight belongs to; past the last one if no
    /// output has its name, as for auxiliary heads.
    fn position(&self, weight: &str) -> usize {
        position(&self.layers, weight).unwrap_or(self.layers.len())
    }

    /// The weights of the output `layer` and of everything before it, except the head's.
    /// # Errors
    /// When the layer does not exist; the message lists the layers.
    pub fn weights_up_to(&self, layer: &LayerName) -> Result<Vec<String>> {
        let name = self.backbone.check(layer)?;
        ensure!(name != LOGITS, "a network frozen up to {LOGITS} has nothing left to train");
        let last = self.layers.iter().rposition(|known| *known == name).unwrap_or_default();
        let before = |weight: &&String| self.position(weight) <= last && !self.in_head(weight);
        Ok(self.weights.keys().filter(before).cloned().collect())
    }

    /// All weights except those of the head and the auxiliary heads.
    pub fn body(&self) -> Vec<String> {
        let body = |weight: &&String| self.position(weight) < self.layers.len() && !self.in_head(weight);
        self.weights.keys().filter(body).cloned().collect()
    }

    /// The last output of each stage: a stage is a sequence of layers with maps of one size, such as `conv1` and
    /// `layer1` to `layer4` of a ResNet. Fully connected layers belong to no stage.
    /// # Errors
    /// When the network does not accept images of its own input size.
    pub fn stages(&self) -> Result<Vec<LayerName>> {
        let [height, width] = self.size;
        let with_weights: HashMap<&str, ()> =
            self.weights.keys().filter_map(|weight| Some((unit(weight, &self.layers)?, ()))).collect();
        let units: Vec<LayerName> = (self.layers.iter())
            .filter(|layer| with_weights.contains_key(layer.as_str()) && !layer.starts_with(self.architecture.head))
            .map(|layer| LayerName { name: layer.clone(), pooled: None })
            .collect();
        let (graph, nodes) = graph(&*self.backbone, [3, height, width], &units)?;
        let mut stages: Vec<(LayerName, usize)> = Vec::new();
        for (layer, node) in units.into_iter().zip(nodes) {
            let [_, rows, _] = *graph.shape(node) else { continue };
            match stages.last_mut() {
                Some((last, size)) if *size == rows => *last = layer,
                _ => stages.push((layer, rows)),
            }
        }
        Ok(stages.into_iter().map(|(layer, _)| layer).collect())
    }

    /// The weights that are frozen when the last `count` stages and everything after them are trained: torchvision's
    /// `trainable_layers`, where 0 freezes the whole backbone and 5 none of a ResNet.
    /// # Errors
    /// When there are fewer stages.
    pub fn all_but_last_stages(&self, count: usize) -> Result<Vec<String>> {
        let stages = self.stages()?;
        let Some(frozen) = stages.len().checked_sub(count) else {
            bail!("{} has {} stages, fewer than {count}", self.architecture.name, stages.len());
        };
        match frozen.checked_sub(1) {
            Some(last) => self.weights_up_to(&stages[last]),
            None => Ok(Vec::new()),
        }
    }
}

/// The position among the outputs `layers` of the innermost one whose name a weight has; `None` if it has none.
pub(crate) fn position(layers: &[String], weight: &str) -> Option<usize> {
    let modules = weight.rmatch_indices('.').map(|(end, _)| &weight[..end]);
    modules.filter_map(|module| layers.iter().rposition(|layer| layer == module)).next()
}

/// The outermost module with an output that a weight belongs to: `layer1`, `features.3`.
fn unit<'a>(weight: &'a str, layers: &[String]) -> Option<&'a str> {
    let ends = weight.match_indices('.').map(|(end, _)| end);
    ends.map(|end| &weight[..end]).find(|module| layers.iter().any(|layer| layer == module))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(name: &str) -> Outline {
        Outline::of(&ModelConfig::new(name, 10)).unwrap()
    }

    fn stages(name: &str) -> Vec<String> {
        outline(name).stages().unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_stages_of_a_resnet_equal_torchvisions() {
        for name in ["resnet18", "resnet50"] {
            assert_eq!(stages(name), ["bn1", "layer1", "layer2", "layer3", "layer4"]);
            let outline = outline(name);
            let frozen = |count| outline.all_but_last_stages(count).unwrap();
            assert!(frozen(5).is_empty());
            assert_eq!(frozen(4).len(), 5, "{:?}", frozen(4));
            assert!(
                frozen(3).iter().all(|weight| ["conv1.", "bn1.", "layer1."].iter().any(|it| weight.starts_with(it)))
            );
            assert!(frozen(3).contains(&"layer1.1.bn2.running_var".to_owned()));
            assert_eq!(frozen(0), outline.body());
            assert_eq!(frozen(0).len() + 2, outline.weights().len());
            assert!(outline.all_but_last_stages(6).unwrap_err().to_string().contains("has 5 stages"));
        }
    }

    #[test]
    fn stages_of_other_networks_have_maps_of_one_size() {
        assert_eq!(stages("squeezenet1_0"), ["features.0", "features.5", "features.10", "features.12"]);
        assert_eq!(stages("vgg11").len(), 5);
        assert_eq!(stages("alexnet").len(), 3);
    }

    #[test]
    fn freezing_up_to_a_layer_includes_all_before_it() {
        let outline = outline("squeezenet1_0");
        let frozen = outline.weights_up_to(&"fire3".parse().unwrap()).unwrap();
        assert_eq!(frozen.len(), 2 + 2 * 6);
        assert!(
            frozen
                .iter()
                .all(|weight| ["features.0.", "features.3.", "features.4."].iter().any(|it| weight.starts_with(it)))
        );
        assert!(
            outline
                .weights_up_to(&"fire99".parse().unwrap())
                .unwrap_err()
                .to_string()
                .contains("layer fire99 does not exist")
        );
        assert_eq!(outline.body().len() + 2, outline.weights().len());
    }
}
