//! Zero-shot classification of images by CLIP (Radford et al. 2021, section 3.1) and SigLIP (Zhai et al. 2023).

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};

use super::{Network, TextBatch, TextModel, TextNetwork, Tokens};
use crate::text::config::reads_images;
use crate::{Backbone, Checkpoint, LayerName, ModelConfig, Preprocessing, plain};

/// A CLIP or SigLIP that scores images against labels.
pub struct ZeroShot {
    network: Network,
    /// The preprocessing of images.
    pub preprocessing: Preprocessing,
    /// The labels, in the order of the probabilities.
    pub labels: Vec<String>,
    /// Text embeddings [labels, dimensions], each of length 1.
    names: Tensor,
}

impl ZeroShot {
    /// Reads a CLIP or SigLIP and embeds each label in each template, for example `a photo of a {}`: the mean over the
    /// templates represents the label.
    /// # Errors
    /// When the file is neither, there are no labels, or a template has no `{}`.
    pub fn open(path: &Path, labels: &[String], templates: &[String], device: &Device) -> Result<Self> {
        ensure!(!labels.is_empty(), "no labels given");
        ensure!(!templates.is_empty(), "no templates given");
        if let Some(template) = templates.iter().find(|template| !template.contains("{}")) {
            bail!("the template \"{template}\" has no {{}} for the label");
        }
        let open = || Checkpoint::open(path);
        let preprocessing = ModelConfig::read(&mut open()?, None)?.preprocessing;
        let model = TextModel::from_checkpoint(open()?, device)?;
        if !reads_images(&model.config.architecture) {
            bail!("model {}: is {}; expected clip or siglip", path.display(), model.config.architecture);
        }
        let names = embed(&model, labels, templates).with_context(|| format!("model {}", path.display()))?;
        Ok(Self { network: model.network, preprocessing, labels: labels.to_vec(), names })
    }

    /// The probability of each label for each image of x [n, 3, h, w]. CLIP's are the softmax of the scaled cosines
    /// over the labels; SigLIP gives each label its own, the logistic function of its scaled cosine plus a bias.
    /// # Errors
    /// When x has the wrong shape.
    pub fn probabilities(&self, x: &Tensor) -> Result<Vec<Vec<f32>>> {
        let embeds = |images: &dyn Backbone| -> Result<Tensor> {
            let layer = [LayerName { name: "image_embeds".into(), pooled: None }];
            Ok(images.features(x, &layer, None)?.remove(0))
        };
        let probabilities = match &self.network {
            Network::Clip(clip) => {
                let scores = clip.similarity(&embeds(&clip.images)?, &self.names);
                scores.and_then(|scores| dl_ops::softmax(&scores, 1))
            }
            Network::Siglip(siglip) => {
                let scores = siglip.similarity(&embeds(&siglip.images)?, &self.names);
                scores.and_then(|scores| dl_ops::sigmoid(&scores))
            }
            _ => bail!("a network that reads only texts cannot classify images"),
        };
        probabilities.and_then(|p| p.to_dtype(DType::F32)?.to_vec2()).map_err(plain)
    }
}

/// The embedding of each label, averaged over the templates and scaled to length 1: [labels, dimensions].
fn embed(model: &TextModel, labels: &[String], templates: &[String]) -> Result<Tensor> {
    let network: &dyn TextNetwork = model.network.texts();
    let rows = labels.iter().map(|label| {
        let texts: Vec<Tokens> = templates
            .iter()
            .map(|template| Ok(model.tokenizer.encode(&template.replace("{}", label))?.0))
            .collect::<Result<_>>()?;
        let embedded = network.forward_t(&TextBatch::new(&texts), None)?;
        let unit = |x: &Tensor| x.broadcast_div(&x.sqr()?.sum_keepdim(1)?.sqrt()?);
        unit(&embedded).and_then(|rows| rows.mean_keepdim(0)).and_then(|mean| unit(&mean)).map_err(plain)
    });
    Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0).map_err(plain)
}
