//! Networks that read texts: BERT, GPT-2 and CLIP, in Hugging Face's tensor names.
//!
//! The texts of a batch are not filled up to one length: their tokens stand one after another in the rows of a matrix
//! [tokens, width], and attention keeps within each text ([`dl_ops::attention`]). So nothing is computed for padding,
//! no mask is needed, and a text's numbers are the same bits whatever stands beside it.
//!
//! [`TextModel::open`] reads a network with its tokenizer, from one model file or from a folder as Hugging Face writes
//! it. [`loss`] has what training minimizes, [`generate`] writes texts, [`zero_shot`] names images.

mod batch;
mod bert;
mod clip;
mod config;
pub(crate) mod folder;
mod freeze;
pub mod generate;
mod gpt2;
mod layers;
pub mod loss;
mod model;
mod tokenizer;
mod tokenizer_limits;
pub mod zero_shot;

use anyhow::{Result, bail};
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;

use crate::{Halt, Pass, Value, plain};

pub use batch::{TextBatch, Tokens};
pub use bert::{Bert, BertOptions};
pub use clip::{Clip, ClipImages, ClipImagesOptions, ClipOptions, ClipTexts, ClipTextsOptions};
pub use config::{TEXT_ARCHITECTURES, TextArchitecture, TextConfig};
pub use freeze::TextFreeze;
pub use gpt2::{Cache, Gpt2, Gpt2Options};
pub(crate) use model::outline;
pub use model::{Network, TextModel, convert};
pub use tokenizer::{TOKENIZER_KEY, TextTokenizer};

/// An output of a network that reads texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextLayer {
    /// Its name, for example `encoder.layer.11`.
    pub name: String,
    /// One row for each token; otherwise one for each text.
    pub per_token: bool,
}

/// A network that turns texts into features.
pub trait TextNetwork: Send + Sync {
    /// Its outputs, in the order of computation.
    fn layers(&self) -> Vec<TextLayer>;

    /// Other names, each with the output that it stands for.
    fn aliases(&self) -> Vec<(String, String)>;

    /// Tokens of the longest text that it reads.
    fn longest(&self) -> usize;

    /// Runs on a batch, showing each output to `pass`, and gives the last one.
    /// # Errors
    /// [`Halt::Done`] when `pass` has all it wanted, or when the batch does not fit.
    fn run(&self, batch: &TextBatch, pass: &mut Pass) -> std::result::Result<Tensor, Halt>;
}

impl dyn TextNetwork + '_ {
    /// The last output, with gradients. `train`: dropout is on, and draws from it.
    /// # Errors
    /// When the batch has the wrong shape: a text too long, a token that is none.
    pub fn forward_t(&self, batch: &TextBatch, train: Option<&mut ChaCha8Rng>) -> Result<Tensor> {
        to_the_end(self, batch, Pass::new(Vec::new(), train))
    }

    /// The named outputs, in the order asked for, each [tokens, width] or [texts, width], with gradients. Nothing beyond
    /// the last of them is computed.
    /// # Errors
    /// When there is no such output, or the batch does not fit.
    pub fn features(&self, batch: &TextBatch, names: &[&str], train: Option<&mut ChaCha8Rng>) -> Result<Vec<Tensor>> {
        let layers: Vec<TextLayer> = names.iter().map(|name| self.layer(name)).collect::<Result<_>>()?;
        let wanted: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
        let mut pass = Pass::new(crate::backbones::distinct(&wanted), train);
        if let Err(Halt::Failed(error)) = self.run(batch, &mut pass) {
            return Err(plain(error));
        }
        let kept = pass.kept();
        let found = wanted.iter().map(|name| match kept.get(name) {
            Some(Value::Now(output)) => Ok(output.clone()),
            _ => bail!("the network did not come to its output {name}"),
        });
        found.collect()
    }

    /// The output of this name.
    /// # Errors
    /// When there is none; the message lists those there are.
    pub fn layer(&self, name: &str) -> Result<TextLayer> {
        let (layers, aliases) = (self.layers(), self.aliases());
        let name = aliases.iter().find(|(alias, _)| alias == name).map_or(name, |(_, layer)| layer.as_str());
        match layers.iter().find(|layer| layer.name == name) {
            Some(layer) => Ok(layer.clone()),
            None => {
                let known = layers.iter().map(|layer| &layer.name).chain(aliases.iter().map(|(alias, _)| alias));
                bail!("there is no layer {name}; there are {}", known.cloned().collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The last output of a run that nothing else is asked of.
fn to_the_end(network: &dyn TextNetwork, batch: &TextBatch, mut pass: Pass) -> Result<Tensor> {
    match network.run(batch, &mut pass) {
        Ok(last) => Ok(last),
        Err(Halt::Failed(error)) => Err(plain(error)),
        Err(Halt::Done) => bail!("a network stopped although nothing was asked of it"),
    }
}

/// Outputs of these names, one row for each token.
fn per_token(names: impl IntoIterator<Item = String>) -> Vec<TextLayer> {
    names.into_iter().map(|name| TextLayer { name, per_token: true }).collect()
}

/// An output of this name, one row for each text.
fn per_text(name: &str) -> TextLayer {
    TextLayer { name: name.to_owned(), per_token: false }
}
