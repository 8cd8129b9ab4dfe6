//! Runs the trainable part of a network on the outputs of its frozen part.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use dl_kernels::Graph;
use rand_chacha::ChaCha8Rng;

use crate::network::LOGITS;
use crate::network::plans::Plans;
use crate::{Auxiliary, Backbone, Halt, LayerName, Model, Pass, Value, plain};

/// Options of a training run of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrainingPass<'a> {
    /// The output that x is, instead of an image: earlier layers are not computed.
    pub from: Option<&'a str>,
    /// Dropout probability, instead of the architecture's.
    pub dropout: Option<f64>,
}

impl dyn Backbone + '_ {
    /// The class scores [n, classes] for x, which is the network's output `from`, without dropout.
    /// # Errors
    /// When x has the wrong shape, or something after `from` needs an earlier output.
    pub fn scores_from(&self, x: &Tensor, from: &str) -> Result<Tensor> {
        let training = TrainingPass { from: Some(from), dropout: None };
        let scores = self.outputs(x, training, &[LOGITS], None)?.remove(LOGITS);
        scores.with_context(|| format!("the network has no output {from}"))
    }

    /// The outputs `requested` that come after the start of the run.
    fn outputs(
        &self,
        x: &Tensor,
        training: TrainingPass,
        requested: &[&str],
        rng: Option<&mut ChaCha8Rng>,
    ) -> Result<BTreeMap<String, Tensor>> {
        let requested = requested.iter().map(|name| (*name).to_owned()).collect();
        let mut pass = Pass::new(requested, rng).with_dropout(training.dropout);
        let mut input = Value::Now(x.clone());
        if let Some(from) = training.from {
            pass = pass.beginning_at(from, x.clone());
            input = Value::Before;
        }
        if let Err(Halt::Failed(error)) = self.run(&input, &mut pass) {
            return Err(plain(error));
        }
        let now = |(name, value)| match value {
            Value::Now(x) => Some((name, x)),
            _ => None,
        };
        Ok(pass.kept().into_iter().filter_map(now).collect())
    }
}

impl Model {
    /// The class scores [n, classes] for x in training, each with its weight in the loss: first the network's own, with
    /// weight 1, then those of its auxiliary classifiers, if they come after x. Trainable batch norms use the batch's
    /// statistics.
    /// # Errors
    /// When x has the wrong shape, or something after `training.from` needs an earlier output.
    pub fn training_scores(
        &self,
        x: &Tensor,
        training: TrainingPass,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<(Tensor, f64)>> {
        let layers = self.backbone.layers();
        let there = |auxiliary: &&Auxiliary| layers.iter().any(|layer| layer == auxiliary.layer);
        let auxiliary: Vec<&Auxiliary> = self.architecture.auxiliary.iter().filter(there).collect();
        let requested: Vec<&str> =
            [LOGITS].into_iter().chain(auxiliary.iter().map(|auxiliary| auxiliary.layer)).collect();
        let mut outputs = self.backbone.outputs(x, training, &requested, Some(rng))?;
        let logits = outputs.remove(LOGITS);
        let logits =
            logits.with_context(|| format!("the network has no output {}", training.from.unwrap_or(LOGITS)))?;
        let rest = auxiliary.iter().filter_map(|one| Some((outputs.remove(one.layer)?, one.weight)));
        Ok([(logits, 1.0)].into_iter().chain(rest).collect())
    }
}

impl Model {
    /// The outputs of `layers` for x in training, in this order, with gradients; maps are averaged as the names say.
    /// Trainable batch norms use the batch's statistics.
    /// # Errors
    /// When x has the wrong shape, or a layer does not exist.
    pub fn training_outputs(
        &self,
        x: &Tensor,
        training: TrainingPass,
        layers: &[LayerName],
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Tensor>> {
        let names: Vec<String> = layers.iter().map(|layer| self.backbone.check(layer)).collect::<Result<_>>()?;
        let requested: Vec<&str> = names.iter().map(String::as_str).collect();
        let outputs = self.backbone.outputs(x, training, &requested, Some(rng))?;
        let output = |(name, layer): (&String, &LayerName)| {
            let x = outputs.get(name).with_context(|| format!("the network has no output {name}"))?;
            match layer.pooled {
                Some([1, 1]) if x.rank() == 4 => x.mean((2, 3)).map_err(plain),
                Some(_) => anyhow::bail!("{layer}: in training, maps are averaged to 1 x 1 only"),
                None => Ok(x.clone()),
            }
        };
        names.iter().zip(layers).map(output).collect()
    }
}

/// A network with its current weights. It has its own plans: those of a [`Model`] keep the weights of their first call.
pub struct CurrentModel<'a> {
    model: &'a Model,
    plans: Plans,
}

impl CurrentModel<'_> {
    /// As [`Model::features`].
    /// # Errors
    /// As [`Model::features`].
    pub fn features(&self, x: &Tensor, layers: &[LayerName]) -> Result<Vec<Tensor>> {
        if x.device().is_cpu() && x.dtype() == DType::F32 && self.model.backbone.plans() {
            return self.plans.run(&*self.model.backbone, x, layers);
        }
        self.model.backbone.features(x, layers, None)
    }
}

impl Model {
    /// The network with its current weights.
    pub fn current(&self) -> CurrentModel<'_> {
        CurrentModel { model: self, plans: Plans::default() }
    }

    /// The shape of a layer's output for one image of the network's input size.
    /// # Errors
    /// When the layer does not exist.
    pub fn shape_of(&self, layer: &LayerName) -> Result<Vec<usize>> {
        let [height, width] = self.config.preprocessing.size;
        let shapes = self.shapes([3, height, width], std::slice::from_ref(layer))?;
        shapes.into_iter().next().context("one layer has one output")
    }

    /// The last output from which the class scores can be computed: the input of the head. `None` if there is none.
    /// # Errors
    /// When the network does not accept images of its own input size.
    pub fn layer_before_head(&self) -> Result<Option<LayerName>> {
        let [height, width] = self.config.preprocessing.size;
        let image = Tensor::zeros((1, 3, height, width), DType::F32, &Device::Cpu).map_err(plain)?;
        for name in self.backbone.layers().into_iter().rev().filter(|name| name != LOGITS) {
            let layer = LayerName { name, pooled: None };
            let output = self.features(&image, std::slice::from_ref(&layer))?.remove(0);
            if self.backbone.scores_from(&output, &layer.name).is_ok() {
                return Ok(Some(layer));
            }
        }
        Ok(None)
    }

    /// The last output that is always the same for an image: no layer before it is trained or random, and nothing after
    /// it needs an earlier output. `None` if the first layer is trained, or the network has no plans.
    ///
    /// `dropout` is as in [`TrainingPass`]; 0 is not random.
    /// # Errors
    /// When the network does not accept images of its own input size.
    pub fn last_fixed_layer(&self, dropout: Option<f64>) -> Result<Option<LayerName>> {
        if !self.backbone.plans() {
            // It does not report which layers are trained.
            return Ok(None);
        }
        let [height, width] = self.config.preprocessing.size;
        let empty = Graph::new([3, height, width]);
        let input = Value::Later(empty.input());
        let mut pass = Pass::plan(Vec::new(), empty).with_dropout(dropout).traced();
        if let Err(Halt::Failed(error)) = self.backbone.run(&input, &mut pass) {
            return Err(plain(error));
        }
        let known = self.backbone.layers();
        let fixed: Vec<String> = pass.fixed_outputs().into_iter().filter(|name| known.contains(name)).collect();
        let image = Tensor::zeros((1, 3, height, width), DType::F32, &Device::Cpu).map_err(plain)?;
        for name in fixed.into_iter().rev() {
            let layer = LayerName { name, pooled: None };
            let output = self.features(&image, std::slice::from_ref(&layer))?;
            let output = output.first().context("one layer has one output")?;
            // An output is not enough if later layers need earlier ones, too.
            if self.backbone.scores_from(output, &layer.name).is_ok() {
                return Ok(Some(layer));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::D;

    use super::*;
    use crate::{ModelConfig, Outline, Parameters};

    fn model(name: &str, width: Option<f64>, frozen: &str) -> (Model, Parameters) {
        let mut config = ModelConfig::new(name, 3);
        config.preprocessing.size = [64, 64];
        if let Some(width) = width {
            config.options.insert("width".into(), width.into());
        }
        let outline = Outline::of(&config).unwrap();
        let fixed = match frozen {
            "all" => outline.body(),
            "" => Vec::new(),
            layer => outline.weights_up_to(&layer.parse().unwrap()).unwrap(),
        };
        let parameters = Parameters::fresh(1).frozen(move |name| fixed.iter().any(|fixed| fixed == name));
        (Model::build(config, parameters.builder(&Device::Cpu)).unwrap(), parameters)
    }

    fn begins(name: &str, width: Option<f64>, frozen: &str, dropout: Option<f64>) -> Option<String> {
        model(name, width, frozen).0.last_fixed_layer(dropout).unwrap().map(|layer| layer.name)
    }

    #[test]
    fn the_last_fixed_layer_is_after_frozen_and_before_random_layers() {
        assert_eq!(begins("resnet18", None, "", None), None);
        assert_eq!(begins("resnet18", None, "all", None).as_deref(), Some("avgpool"));
        assert_eq!(begins("resnet18", None, "layer2", None).as_deref(), Some("layer2"));
        // In the middle of a block, its shortcut is needed, too.
        assert_eq!(begins("resnet18", None, "layer2.0.conv1", None).as_deref(), Some("layer1"));
        let squeezenet = |frozen| begins("squeezenet1_1", Some(0.25), frozen, None);
        assert_eq!(squeezenet("all").as_deref(), Some("features.12"));
        assert_eq!(squeezenet("features.3.squeeze").as_deref(), Some("features.3.squeeze_activation"));
        assert_eq!(begins("vgg11", Some(0.1), "all", None).as_deref(), Some("classifier.1"));
        assert_eq!(begins("vgg11", Some(0.1), "all", Some(0.0)).as_deref(), Some("classifier.5"));
    }

    #[test]
    fn a_run_from_the_middle_gives_the_same_scores() {
        for (name, frozen) in [("resnet18", "layer2"), ("squeezenet1_0", "all"), ("mobilenet_v2", "features.7")] {
            let (model, _) = model(name, None, frozen);
            let x = Tensor::randn(0_f32, 1.0, (2, 3, 64, 64), &Device::Cpu).unwrap();
            let layer = model.last_fixed_layer(None).unwrap().unwrap();
            let features = model.features(&x, std::slice::from_ref(&layer)).unwrap();
            let found = model.backbone.scores_from(&features[0], &layer.name).unwrap();
            let expected = model.backbone.forward_t(&x, None).unwrap();
            let error = (&found - &expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            let largest = expected.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(error <= 1e-4 * largest, "{name}: {error} of {largest}");
        }
    }

    #[test]
    fn frozen_layers_have_no_gradient_and_keep_their_statistics() {
        let (model, parameters) = model("resnet18", None, "layer2");
        // Copies, since training modifies the tensors.
        let before = parameters.tensors().into_iter().map(|(name, tensor)| (name, tensor.copy().unwrap()));
        let before: std::collections::BTreeMap<_, _> = before.collect();
        let x = Tensor::randn(0_f32, 1.0, (2, 3, 64, 64), &Device::Cpu).unwrap();
        let mut rng = dl_record::rng(0, "dropout");
        let (scores, _) = model.training_scores(&x, TrainingPass::default(), &mut rng).unwrap().remove(0);
        let gradients = scores.sqr().unwrap().sum(D::Minus1).unwrap().sum_all().unwrap().backward().unwrap();
        let trained: Vec<_> = parameters.vars().into_iter().collect();
        assert!(trained.iter().all(|(name, _)| !name.starts_with("layer1.") && !name.starts_with("conv1.")));
        let with_gradient = trained.iter().filter(|(_, var)| gradients.get(var).is_some()).count();
        assert_eq!(with_gradient, trained.iter().filter(|(name, _)| !name.contains(".running_")).count());
        for (name, tensor) in parameters.tensors() {
            let change =
                (tensor - &before[&name]).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            let changes = name.contains(".running_") && (name.starts_with("layer3") || name.starts_with("layer4"));
            assert_eq!(change > 0.0, changes, "{name} {change}");
        }
    }
}
