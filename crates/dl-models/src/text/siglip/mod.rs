//! SigLIP (Zhai et al. 2023, Sigmoid loss for language image pre-training) and SigLIP 2 at a fixed resolution
//! (Tschannen et al. 2025): an image network and a text network, whose last outputs share one space. Each pair of an
//! image and a text has a probability of its own. The layout is that of Hugging Face's `SiglipModel`.

mod head;
mod images;
mod options;
mod texts;
pub(super) mod tokens;

use candle_core::{Result, Tensor};
use candle_nn::{Init, VarBuilder};

pub use images::SiglipImages;
pub use options::{SiglipImagesOptions, SiglipOptions, SiglipTextsOptions};
pub use texts::SiglipTexts;

use super::{TextBatch, TextNetwork};
use crate::network::pass::number;
use crate::network::tally::TallyStep;
use crate::{Backbone, Halt, Pass, Value};

/// Both networks.
pub struct Siglip {
    /// The text network.
    pub texts: SiglipTexts,
    /// The image network.
    pub images: SiglipImages,
    /// Logarithm of the factor on the cosines, [1].
    pub logit_scale: Tensor,
    /// Added to the scaled cosines, [1].
    pub logit_bias: Tensor,
}

impl Siglip {
    /// Builds the network from Hugging Face's tensors.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(options: &SiglipOptions, vb: VarBuilder) -> Result<Self> {
        let options = SiglipOptions { classifier: false, ..options.clone() };
        Ok(Self {
            texts: SiglipTexts::new(&options.text_config, &vb)?,
            images: SiglipImages::new(&options, options.vision_config.hidden_size, &vb)?,
            // The paper's start: a factor of 10 and a bias of -10, section 3.2.
            logit_scale: vb.get_with_hints(1, "logit_scale", Init::Const(std::f64::consts::LN_10))?,
            logit_bias: vb.get_with_hints(1, "logit_bias", Init::Const(-10.0))?,
        })
    }

    /// The scaled cosines plus the bias, [images, texts], of image and text embeddings [n, dimensions], with gradients.
    /// Their logistic function is the probability that image and text belong together.
    /// # Errors
    /// When the shapes do not match.
    pub fn similarity(&self, images: &Tensor, texts: &Tensor) -> Result<Tensor> {
        self.compare(images, texts, &mut Pass::new(Vec::new(), None))
    }

    fn compare(&self, images: &Tensor, texts: &Tensor, pass: &mut Pass) -> Result<Tensor> {
        let step = || {
            let step = TallyStep::new("logits_per_image", "CosineSimilarity", &[images.dim(0)?, texts.dim(0)?]);
            Ok(step.with([&self.logit_scale, &self.logit_bias]).multiplying(images.dim(1)?))
        };
        let now = || {
            let unit = |x: &Tensor| x.broadcast_div(&x.sqr()?.sum_keepdim(1)?.sqrt()?);
            let cosines = dl_ops::linear(&unit(images)?, &unit(texts)?, None)?;
            cosines.broadcast_mul(&self.logit_scale.exp()?)?.broadcast_add(&self.logit_bias)
        };
        pass.step(step, now)
    }

    /// The steps of both networks for one text and one image, and of comparing their embeddings.
    pub(crate) fn tally(&self, text: &TextBatch, image: &Tensor) -> std::result::Result<Vec<TallyStep>, Halt> {
        let mut of_text = Pass::tally();
        let text = self.texts.run(text, &mut of_text)?;
        let mut of_image = Pass::tally();
        let image = self.images.run(&Value::Now(image.clone()), &mut of_image)?;
        self.compare(number(&image)?, &text, &mut of_image)?;
        Ok(of_text.into_steps().into_iter().chain(of_image.into_steps()).collect())
    }
}
