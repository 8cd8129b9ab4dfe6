//! Feature extraction: the network stays unchanged, and a logistic regression on the features before its head becomes
//! the head.

use anyhow::{Context, Result, ensure};
use candle_core::Var;
use dl_models::{LayerName, Model, Outline, Parameters, plain};

use super::Batches;
use crate::sampler::first_of_each;
use crate::transfer::FeatureRows;
use dl_transfer::linear::{Logistic, LogisticConfig};

/// Examples whose features are computed together.
const TOGETHER: usize = 64;

/// The head of a network that otherwise stays unchanged.
pub struct Head<'a> {
    /// The network.
    pub model: &'a Model,
    /// Its weights; only those of the head change.
    pub parameters: &'a Parameters,
    /// The last output before the head; maps are averaged.
    pub layer: LayerName,
}

impl<'a> Head<'a> {
    /// Finds the layer before the head.
    /// # Errors
    /// When the network has no layer before its head.
    pub fn new(model: &'a Model, parameters: &'a Parameters) -> Result<Self> {
        let layer = match model.backbone.plans() {
            true => model.last_fixed_layer(Some(0.0))?,
            false => model.layer_before_head()?,
        };
        let mut layer = layer.with_context(|| format!("{} has no layer before its head", model.config.architecture))?;
        if model.shape_of(&layer)?.len() == 3 {
            layer.pooled = Some([1, 1]);
        }
        Ok(Self { model, parameters, layer })
    }

    /// The features of the first `most` examples of each class. `batches` must make images without augmentation.
    /// # Errors
    /// When the network fails, or no image can be decoded.
    pub fn features(&self, batches: &Batches, most: usize, mut done: impl FnMut(usize)) -> Result<FeatureRows> {
        let examples = batches.examples();
        let mut rows = FeatureRows::default();
        let mut taken = vec![0_usize; examples.labels().len()];
        for (sort, list) in [examples.positives(), examples.background()].into_iter().enumerate() {
            let indices = first_of_each(list.iter().map(|example| example.class), &mut taken, most);
            for indices in indices.chunks(TOGETHER) {
                let (inputs, targets) = batches.plain(sort, indices)?;
                done(indices.len());
                if targets.classes.is_empty() {
                    continue;
                }
                let outputs = self.model.features(&inputs, std::slice::from_ref(&self.layer))?;
                let output = outputs.first().context("one layer has one output")?;
                let output = output.flatten_from(1).map_err(plain)?;
                rows.push(&output, &targets)?;
            }
        }
        ensure!(!rows.targets.classes.is_empty(), "no image can be decoded");
        Ok(rows)
    }

    /// Fits the head to `rows` and stores it in the network.
    /// # Errors
    /// When the head is not linear in the features.
    pub fn fit(&self, rows: &FeatureRows, config: &LogisticConfig) -> Result<Logistic> {
        let classes = self.model.config.num_classes;
        let outline = Outline::of(&self.model.config)?;
        let var = |end: &str| -> Result<Var> {
            let vars = self.parameters.vars().into_iter();
            let mut own = vars.filter(|(name, _)| outline.in_head(name) && name.ends_with(end));
            own.next().map(|(_, var)| var).with_context(|| format!("the head has no {end}"))
        };
        let (weight, bias) = (var(".weight")?, var(".bias")?);
        ensure!(
            weight.elem_count() == classes * rows.columns,
            "{}: its head takes {:?}, not the {} numbers of {}; choose --strategy head",
            self.model.config.architecture,
            weight.dims(),
            rows.columns,
            self.layer
        );
        rows.fit([&weight, &bias], classes, config)
    }
}
