//! Opens text networks from model files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::bert::BertFamily;
use super::freeze::in_head;
use super::tokenizer::TOKENIZER_KEY;
use super::{
    Bert, BertOptions, Clip, Gpt2, LanguageModel, Siglip, SiglipOptions, TEXT_ARCHITECTURES, TextConfig, TextFreeze,
    TextNetwork, TextTokenizer,
};
use crate::model::{CheckpointBackend, TensorShapes, build_outline};
use crate::{Checkpoint, Parameters, Precision, checkpoint, plain};

/// A text network with its tokenizer and its description.
pub struct TextModel {
    /// The description in its file.
    pub config: TextConfig,
    /// The network.
    pub network: Network,
    /// The tokenizer.
    pub tokenizer: TextTokenizer,
    /// A note about its file, for the user.
    pub note: Option<String>,
}

/// The text networks.
pub enum Network {
    /// BERT, DistilBERT, RoBERTa and XLM-RoBERTa.
    Bert(Bert),
    /// GPT-2.
    Gpt2(Gpt2),
    /// CLIP.
    Clip(Box<Clip>),
    /// SigLIP.
    Siglip(Box<Siglip>),
    /// A network of candle-transformers, for inference.
    Candle(Box<dyn TextNetwork>),
    /// A language model of candle-transformers, which generates.
    Language(Box<dyn LanguageModel>),
}

impl Network {
    /// Builds the network from a config and a source of weights.
    /// # Errors
    /// When the architecture is unknown, or a weight is missing or has a different shape.
    pub fn build(config: &TextConfig, vb: VarBuilder) -> Result<Self> {
        let classes = config.labels.as_ref().map(Vec::len);
        Ok(match config.architecture.as_str() {
            name if BertFamily::of(name).is_some() => {
                Self::Bert(Bert::new(&BertOptions::of(config)?, classes, vb).map_err(plain)?)
            }
            "gpt2" => Self::Gpt2(Gpt2::new(&config.options()?, vb).map_err(plain)?),
            "clip" => Self::Clip(Box::new(Clip::new(&config.options()?, vb).map_err(plain)?)),
            "siglip" => Self::Siglip(Box::new(Siglip::new(&config.options()?, vb).map_err(plain)?)),
            #[cfg(feature = "transformers")]
            "llama" => Self::Language(crate::transformers::llama(config, vb)?),
            #[cfg(feature = "transformers")]
            "modernbert" => Self::Candle(crate::transformers::modernbert(config, vb)?),
            other => {
                let known: Vec<&str> = TEXT_ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
                let other = checkpoint::printable(other);
                bail!("the text network {other} does not exist; choose from {}", known.join(", "))
            }
        })
    }

    /// The prefix of its tensor names in files of a network with a head.
    pub(crate) fn prefix(&self) -> &'static str {
        match self {
            Self::Bert(bert) => bert.prefix(),
            Self::Gpt2(_) => Gpt2::PREFIX,
            Self::Clip(_) | Self::Siglip(_) => "",
            Self::Candle(_) | Self::Language(_) => "model",
        }
    }

    /// The part that reads texts.
    pub fn texts(&self) -> &dyn TextNetwork {
        match self {
            Self::Bert(bert) => bert,
            Self::Gpt2(gpt2) => gpt2,
            Self::Clip(clip) => &clip.texts,
            Self::Siglip(siglip) => &siglip.texts,
            Self::Candle(network) => &**network,
            Self::Language(network) => &**network,
        }
    }
}

/// Builds a network without weights; returns the names and shapes of its tensors, too: those of `file`, where they
/// depend on the file's age or purpose.
pub(crate) fn outline(config: &TextConfig, file: Option<&Checkpoint>) -> Result<(Network, TensorShapes)> {
    config.check()?;
    build_outline(file, |vb| Network::build(config, vb))
}

impl TextModel {
    /// Reads a network and its tokenizer for inference, from a model file or a Hugging Face folder.
    /// # Errors
    /// When it is not a text network, or a part is missing or has a different shape.
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        Self::from_checkpoint(Checkpoint::open(path)?, device)
    }

    /// [`open`](Self::open) for an open file.
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_checkpoint(mut checkpoint: Checkpoint, device: &Device) -> Result<Self> {
        let name = format!("model {}", checkpoint.path().display());
        let config = TextConfig::read(&mut checkpoint)?;
        let note = checkpoint.prefix_note();
        let longest = longest(&config).with_context(|| name.clone())?;
        let tokenizer = TextTokenizer::of_model(&checkpoint, &config, longest).with_context(|| name.clone())?;
        let wanted_by = format!("the config's architecture {}", config.architecture);
        let backend = CheckpointBackend { checkpoint, wanted_by };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        let network = Network::build(&config, vb).with_context(|| name.clone())?;
        let model = Self { config, network, tokenizer, note };
        model.network.texts().layer(model.default_layer()).with_context(|| name)?;
        Ok(model)
    }

    /// Reads a network for training. Weights start from the file's; missing ones are initialized randomly, and those in
    /// `frozen` are not trained. With `labels` it gets a head for them, which is new unless the file's head has the
    /// same labels. `options` override the file's, for example dropout probabilities.
    /// # Errors
    /// As [`open`](Self::open), and when `labels` are given for a network without a classification head.
    pub fn to_train(
        path: &Path,
        labels: Option<&[String]>,
        options: &[(&str, serde_json::Value)],
        frozen: &TextFreeze,
        seed: u64,
        device: &Device,
    ) -> Result<(Self, Parameters)> {
        let mut checkpoint = Checkpoint::open(path)?;
        let name = format!("model {}", checkpoint.path().display());
        let mut config = TextConfig::read(&mut checkpoint)?;
        let note = checkpoint.prefix_note();
        let longest = longest(&config).with_context(|| name.clone())?;
        let tokenizer = TextTokenizer::of_model(&checkpoint, &config, longest).with_context(|| name.clone())?;
        let mut tensors = checkpoint.all(device)?;
        if let Some(labels) = labels {
            if BertFamily::of(&config.architecture).is_none() {
                let known = "bert, distilbert, roberta and xlm-roberta do";
                bail!("{name}: {} does not support classification; {known}", config.architecture);
            }
            if config.labels.as_deref() != Some(labels) {
                tensors.retain(|name, _| !in_head(name));
                config.labels = Some(labels.to_vec());
            }
        }
        config.options.extend(options.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let frozen = frozen.clone();
        let parameters = Parameters::starting_from(tensors, seed).frozen(move |name| frozen.holds(name));
        let network = Network::build(&config, parameters.builder(device)).with_context(|| name)?;
        Ok((Self { config, network, tokenizer, note }, parameters))
    }

    /// A network to train from scratch.
    /// # Errors
    /// When the config or the tokenizer (the text of a `tokenizer.json`) is invalid.
    pub fn fresh(config: TextConfig, tokenizer: &str, seed: u64, device: &Device) -> Result<(Self, Parameters)> {
        config.check()?;
        let parameters = Parameters::fresh(seed);
        let network = Network::build(&config, parameters.builder(device))?;
        let tokenizer = TextTokenizer::for_network(&config, tokenizer, network.texts().longest())?;
        Ok((Self { config, network, tokenizer, note: None }, parameters))
    }

    /// Writes the complete model as one file: weights, config and tokenizer.
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path, tensors: &BTreeMap<String, Tensor>, precision: Precision) -> Result<()> {
        let texts = [(TOKENIZER_KEY, self.tokenizer.text())];
        checkpoint::save_with(path, &self.config.description()?, &texts, tensors, precision)
    }

    /// The default layer for features.
    pub fn default_layer(&self) -> &str {
        self.config.default_layer()
    }

    /// Reads a quantized language model and its tokenizer from GGUF.
    /// # Errors
    /// When the file is invalid or not supported, or this build lacks candle-transformers.
    pub fn of_gguf(path: &Path, device: &Device) -> Result<Self> {
        #[cfg(feature = "transformers")]
        return crate::transformers::open_gguf(path, device);
        #[cfg(not(feature = "transformers"))]
        {
            let _ = device;
            let lacking = crate::transformers_missing("llama").unwrap_or_default();
            bail!("model {}: is a GGUF file; {lacking}", path.display())
        }
    }

    /// The network, if it is a language model.
    /// # Errors
    /// When it is another network.
    pub fn language_model(&self) -> Result<&dyn LanguageModel> {
        match &self.network {
            Network::Gpt2(gpt2) => Ok(gpt2),
            Network::Language(network) => Ok(&**network),
            _ => bail!("{} cannot generate text; gpt2 and llama can", self.config.architecture),
        }
    }

    /// The network, if it is a GPT-2, the language model that can be trained.
    /// # Errors
    /// When it is another network.
    pub fn gpt2(&self) -> Result<&Gpt2> {
        match &self.network {
            Network::Gpt2(gpt2) => Ok(gpt2),
            Network::Language(_) => bail!(
                "{} is computed by candle-transformers, which only infers: dl-generate takes it, training and measuring \
                 need gpt2",
                self.config.architecture
            ),
            _ => bail!("{} cannot generate text; gpt2 can", self.config.architecture),
        }
    }
}

/// Converts an open file of any format to one model file with its config and tokenizer, which may be in files beside
/// it. Floats are stored in `precision`, or unchanged if it is `None`.
/// # Errors
/// When it is not a text network, or a file cannot be read or written.
pub fn convert(from: &mut Checkpoint, path: &Path, license: Option<&str>, precision: Option<Precision>) -> Result<()> {
    let mut config = TextConfig::read(from)?;
    config.provenance.license = license.map(str::to_owned).or(config.provenance.license);
    let tokenizer = TextTokenizer::of_model(from, &config, longest(&config)?);
    let tokenizer = tokenizer.with_context(|| format!("model {}", from.path().display()))?;
    checkpoint::convert_with(from, path, Some(&config.description()?), &[(TOKENIZER_KEY, tokenizer.text())], precision)
}

/// Tokens of the longest text, according to the config.
fn longest(config: &TextConfig) -> Result<usize> {
    Ok(match config.architecture.as_str() {
        "gpt2" => config.options::<super::Gpt2Options>()?.n_positions,
        "clip" => config.options::<super::ClipOptions>()?.text_config.max_position_embeddings,
        "siglip" => config.options::<SiglipOptions>()?.text_config.max_position_embeddings,
        #[cfg(feature = "transformers")]
        "llama" => crate::transformers::check_llama(config)?,
        #[cfg(feature = "transformers")]
        "modernbert" => crate::transformers::check_modernbert(config)?,
        _ => BertOptions::of(config)?.longest(),
    })
}
