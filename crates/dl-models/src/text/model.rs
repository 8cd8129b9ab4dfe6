//! A network that reads texts, from its file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::tokenizer::TOKENIZER_KEY;
use super::{Bert, Clip, Gpt2, TextConfig, TextFreeze, TextNetwork, TextTokenizer};
use crate::model::{Stored, TensorShapes, asked};
use crate::{Checkpoint, Parameters, Precision, checkpoint, plain};

/// A network with its tokenizer and what its file says about it.
pub struct TextModel {
    /// What it is.
    pub config: TextConfig,
    /// The network.
    pub network: Network,
    /// From texts to its input.
    pub tokenizer: TextTokenizer,
    /// What the user should know of its file, in words.
    pub note: Option<String>,
}

/// The networks that read texts.
pub enum Network {
    /// BERT.
    Bert(Bert),
    /// GPT-2.
    Gpt2(Gpt2),
    /// CLIP.
    Clip(Box<Clip>),
}

impl Network {
    /// From a config and a source of weights.
    /// # Errors
    /// When the architecture is unknown, or a weight is missing or of another shape.
    pub fn build(config: &TextConfig, vb: VarBuilder) -> Result<Self> {
        let classes = config.labels.as_ref().map(Vec::len);
        Ok(match config.architecture.as_str() {
            "bert" => Self::Bert(Bert::new(&config.options()?, classes, vb).map_err(plain)?),
            "gpt2" => Self::Gpt2(Gpt2::new(&config.options()?, vb).map_err(plain)?),
            "clip" => Self::Clip(Box::new(Clip::new(&config.options()?, vb).map_err(plain)?)),
            other => bail!(
                "there is no network for texts called {}; there are bert, gpt2, clip",
                checkpoint::printable(other)
            ),
        })
    }

    /// What stands before the names of its tensors in files of a network with a head.
    pub(crate) fn prefix(&self) -> &'static str {
        match self {
            Self::Bert(_) => Bert::PREFIX,
            Self::Gpt2(_) => Gpt2::PREFIX,
            Self::Clip(_) => "",
        }
    }

    /// What reads the texts.
    pub fn texts(&self) -> &dyn TextNetwork {
        match self {
            Self::Bert(bert) => bert,
            Self::Gpt2(gpt2) => gpt2,
            Self::Clip(clip) => &clip.texts,
        }
    }
}

/// A network without weights, and the names and shapes of its tensors: those of `file` where names differ by a file's
/// age or purpose.
pub(crate) fn outline(config: &TextConfig, file: Option<&Checkpoint>) -> Result<(Network, TensorShapes)> {
    config.check()?;
    asked(file, |vb| Network::build(config, vb))
}

impl TextModel {
    /// Reads a network and its tokenizer for inference, from a model file or a folder as Hugging Face writes it.
    /// # Errors
    /// When it is no network for texts, or something of it is missing or of another shape.
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        Self::from_checkpoint(Checkpoint::open(path)?, device)
    }

    /// [`open`](Self::open) for a file that is open.
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_checkpoint(mut checkpoint: Checkpoint, device: &Device) -> Result<Self> {
        let name = format!("model {}", checkpoint.path().display());
        let config = TextConfig::read(&mut checkpoint)?;
        let note = checkpoint.prefix_note();
        let longest = longest(&config).with_context(|| name.clone())?;
        let tokenizer = TextTokenizer::of_model(&checkpoint, &config, longest).with_context(|| name.clone())?;
        let wanted_by = format!("the config's architecture {}", config.architecture);
        let backend = Stored { checkpoint, wanted_by };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        let network = Network::build(&config, vb).with_context(|| name.clone())?;
        let model = Self { config, network, tokenizer, note };
        model.network.texts().layer(model.default_layer()).with_context(|| name)?;
        Ok(model)
    }

    /// A network to be trained: its weights start as in the file, those that it lacks are drawn, and those that `frozen`
    /// names do not learn. With `labels` it gets a head for them, a new one unless the file's is for the same. `options`
    /// replace the file's, for example the probabilities of dropout.
    /// # Errors
    /// As [`open`](Self::open), and when `labels` are given to a network without a head.
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
            if config.architecture != "bert" {
                bail!("{name}: {} has no head that names classes; bert has", config.architecture);
            }
            if config.labels.as_deref() != Some(labels) {
                tensors.retain(|name, _| !name.starts_with("classifier."));
                config.labels = Some(labels.to_vec());
            }
        }
        config.options.extend(options.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let frozen = frozen.clone();
        let parameters = Parameters::starting_from(tensors, seed).frozen(move |name| frozen.holds(name));
        let network = Network::build(&config, parameters.builder(device)).with_context(|| name)?;
        Ok((Self { config, network, tokenizer, note }, parameters))
    }

    /// A network from nothing, to be trained.
    /// # Errors
    /// When the config or the tokenizer (the text of a `tokenizer.json`) is not one.
    pub fn fresh(config: TextConfig, tokenizer: &str, seed: u64, device: &Device) -> Result<(Self, Parameters)> {
        config.check()?;
        let parameters = Parameters::fresh(seed);
        let network = Network::build(&config, parameters.builder(device))?;
        let tokenizer = TextTokenizer::new(tokenizer, network.texts().longest())?;
        Ok((Self { config, network, tokenizer, note: None }, parameters))
    }

    /// Writes the whole model as one file: weights, config and tokenizer.
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path, tensors: &BTreeMap<String, Tensor>, precision: Precision) -> Result<()> {
        let texts = [(TOKENIZER_KEY, self.tokenizer.text())];
        checkpoint::save_with(path, &self.config.description()?, &texts, tensors, precision)
    }

    /// The layer to take features from when none is named.
    pub fn default_layer(&self) -> &str {
        self.config.default_layer()
    }

    /// The GPT-2 that it is.
    /// # Errors
    /// When it is another network.
    pub fn gpt2(&self) -> Result<&Gpt2> {
        match &self.network {
            Network::Gpt2(gpt2) => Ok(gpt2),
            _ => bail!("{} writes no texts; gpt2 does", self.config.architecture),
        }
    }
}

/// Writes an open file, of whatever format, as one model file with its config and its tokenizer, which may lie beside it.
/// Floats are stored in `precision`, or as they are without one.
/// # Errors
/// When it is no network for texts, or a file cannot be read or written.
pub fn convert(from: &mut Checkpoint, path: &Path, license: Option<&str>, precision: Option<Precision>) -> Result<()> {
    let mut config = TextConfig::read(from)?;
    config.license = license.map(str::to_owned).or(config.license);
    let tokenizer = TextTokenizer::of_model(from, &config, longest(&config)?);
    let tokenizer = tokenizer.with_context(|| format!("model {}", from.path().display()))?;
    checkpoint::convert_with(from, path, Some(&config.description()?), &[(TOKENIZER_KEY, tokenizer.text())], precision)
}

/// Tokens of the longest text, by the config alone.
fn longest(config: &TextConfig) -> Result<usize> {
    Ok(match config.architecture.as_str() {
        "gpt2" => config.options::<super::Gpt2Options>()?.n_positions,
        "clip" => config.options::<super::ClipOptions>()?.text_config.max_position_embeddings,
        _ => config.options::<super::BertOptions>()?.max_position_embeddings,
    })
}
