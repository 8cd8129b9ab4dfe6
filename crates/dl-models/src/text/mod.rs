//! Text networks: BERT and its descendants, GPT-2, Llama, CLIP and SigLIP, with Hugging Face's tensor names.
//!
//! The texts of a batch are not padded: their tokens are consecutive rows of a matrix [tokens, width], and attention
//! stays within each text ([`dl_ops::attention`]). So nothing is computed for padding, no mask is needed, and a text's
//! results are bit for bit independent of the rest of the batch.
//!
//! [`TextModel::open`] reads a network with its tokenizer, from a model file or a Hugging Face folder. [`loss`] has the
//! training losses, [`generate`] generates text, [`zero_shot`] classifies images.

mod batch;
mod bert;
mod clip;
pub(crate) mod config;
mod encoder;
pub(crate) mod folder;
mod freeze;
pub mod generate;
mod gpt2;
mod language;
pub(crate) mod layers;
pub mod loss;
mod model;
mod sentence_piece;
mod siglip;
mod tokenizer;
mod tokenizer_limits;
pub mod zero_shot;

use anyhow::{Result, bail};
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use crate::{Halt, Pass, Value, plain};

pub use batch::{TextBatch, Tokens};
pub use bert::{Bert, BertFamily, BertOptions};
pub use clip::{Clip, ClipImages, ClipImagesOptions, ClipOptions, ClipTexts, ClipTextsOptions};
pub use config::{TEXT_ARCHITECTURES, TextArchitecture, TextConfig};
#[cfg(feature = "transformers")]
pub(crate) use folder::text_beside;
pub use freeze::TextFreeze;
pub use gpt2::{Cache, Gpt2, Gpt2Options};
pub use language::{Continuations, LanguageModel};
pub(crate) use model::outline;
pub use model::{Network, TextModel, convert};
pub use siglip::{Siglip, SiglipImages, SiglipImagesOptions, SiglipOptions, SiglipTexts, SiglipTextsOptions};
#[cfg(feature = "transformers")]
pub(crate) use tokenizer::begin_with;
pub use tokenizer::{TOKENIZER_KEY, TextTokenizer};

/// An output of a text network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextLayer {
    /// Its name, for example `encoder.layer.11`.
    pub name: String,
    /// Whether it has one row per token; otherwise one per text.
    pub per_token: bool,
}

/// A network that computes features of texts.
pub trait TextNetwork: Send + Sync {
    /// Its outputs, in the order of computation.
    fn layers(&self) -> Vec<TextLayer>;

    /// Aliases, each with the output that it stands for.
    fn aliases(&self) -> Vec<(String, String)>;

    /// Tokens of the longest supported text.
    fn longest(&self) -> usize;

    /// Runs on a batch, passing each output to `pass`, and returns the last one.
    /// # Errors
    /// [`Halt::Done`] when `pass` has all requested outputs, or when the batch is invalid.
    fn run(&self, batch: &TextBatch, pass: &mut Pass) -> std::result::Result<Tensor, Halt>;
}

impl dyn TextNetwork + '_ {
    /// The last output, with gradients. With `train`, dropout is on and draws from the generator.
    /// # Errors
    /// When the batch is invalid: a text is too long, or a token is out of range.
    pub fn forward_t(&self, batch: &TextBatch, train: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
        to_the_end(self, batch, Pass::new(Vec::new(), train))
    }

    /// The named outputs, in the order requested, each [tokens, width] or [texts, width], with gradients. Nothing after
    /// the last of them is computed.
    /// # Errors
    /// When an output does not exist, or the batch is invalid.
    pub fn features(&self, batch: &TextBatch, names: &[&str], train: Option<&mut ChaCha8Rng>) -> Result<Vec<Tensor>> {
        let layers: Vec<TextLayer> = names.iter().map(|name| self.layer(name)).collect::<Result<_>>()?;
        let requested: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
        let mut pass = Pass::new(crate::network::distinct(&requested), train);
        if let Err(Halt::Failed(error)) = self.run(batch, &mut pass) {
            return Err(plain(error));
        }
        let kept = pass.kept();
        let found = requested.iter().map(|name| match kept.get(name) {
            Some(Value::Now(output)) => Ok(output.clone()),
            _ => bail!("the network did not compute its output {name}"),
        });
        found.collect()
    }

    /// Finds an output by name.
    /// # Errors
    /// When it does not exist; the message lists the outputs.
    pub fn layer(&self, name: &str) -> Result<TextLayer> {
        let (layers, aliases) = (self.layers(), self.aliases());
        let name = aliases.iter().find(|(alias, _)| alias == name).map_or(name, |(_, layer)| layer.as_str());
        match layers.iter().find(|layer| layer.name == name) {
            Some(layer) => Ok(layer.clone()),
            None => {
                let known = layers.iter().map(|layer| &layer.name).chain(aliases.iter().map(|(alias, _)| alias));
                bail!("layer {name} does not exist; choose from {}", known.cloned().collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The last output of a run without requested outputs.
fn to_the_end(network: &dyn TextNetwork, batch: &TextBatch, mut pass: Pass) -> Result<Tensor> {
    match network.run(batch, &mut pass) {
        Ok(last) => Ok(last),
        Err(Halt::Failed(error)) => Err(plain(error)),
        Err(Halt::Done) => bail!("the network stopped early although no outputs were requested"),
    }
}

/// Outputs with one row per token.
fn per_token(names: impl IntoIterator<Item = String>) -> Vec<TextLayer> {
    names.into_iter().map(|name| TextLayer { name, per_token: true }).collect()
}

/// An output with one row per text.
fn per_text(name: &str) -> TextLayer {
    TextLayer { name: name.to_owned(), per_token: false }
}
