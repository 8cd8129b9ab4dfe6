//! The description of a text network in its file.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bert::BertFamily;
use super::{BertOptions, ClipOptions, Gpt2Options, SiglipOptions, folder};
use crate::checkpoint::printable;
use crate::file::limits::{self, MOST_CLASSES};
use crate::file::{Kind, Provenance};
use crate::{Checkpoint, LayerName, Preprocessing};

/// An entry of the table of text networks.
pub struct TextArchitecture {
    /// Its name, Hugging Face's `model_type`.
    pub name: &'static str,
    /// The paper that introduced it.
    pub paper: &'static str,
    /// The default layer of dl-embed.
    pub layer: &'static str,
}

/// Every text network. CLIP and SigLIP are in [`ARCHITECTURES`](crate::ARCHITECTURES) too, for their image networks.
pub const TEXT_ARCHITECTURES: &[TextArchitecture] = &[
    TextArchitecture {
        name: "bert",
        paper: "Devlin et al. 2019, BERT: pre-training of deep bidirectional transformers for language understanding",
        layer: "last_hidden_state",
    },
    TextArchitecture {
        name: "distilbert",
        paper: "Sanh et al. 2019, DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter",
        layer: "last_hidden_state",
    },
    TextArchitecture {
        name: "gpt2",
        paper: "Radford et al. 2019, Language models are unsupervised multitask learners",
        layer: "ln_f",
    },
    #[cfg(feature = "transformers")]
    TextArchitecture {
        name: "llama",
        paper: "Touvron et al. 2023, LLaMA: open and efficient foundation language models; by candle-transformers",
        layer: "logits",
    },
    #[cfg(feature = "transformers")]
    TextArchitecture {
        name: "modernbert",
        paper: "Warner et al. 2024, Smarter, better, faster, longer: ...; by candle-transformers",
        layer: "last_hidden_state",
    },
    TextArchitecture {
        name: "roberta",
        paper: "Liu et al. 2019, RoBERTa: a robustly optimized BERT pretraining approach",
        layer: "last_hidden_state",
    },
    TextArchitecture {
        name: "xlm-roberta",
        paper: "Conneau et al. 2020, Unsupervised cross-lingual representation learning at scale",
        layer: "last_hidden_state",
    },
    TextArchitecture {
        name: "clip",
        paper: "Radford et al. 2021, Learning transferable visual models from natural language supervision; its texts",
        layer: "text_embeds",
    },
    TextArchitecture {
        name: "siglip",
        paper: "Zhai et al. 2023, Sigmoid loss for language image pre-training; its texts",
        layer: "text_embeds",
    },
];

/// Whether a text network comes with one for images.
pub(crate) fn reads_images(architecture: &str) -> bool {
    ["clip", "siglip"].contains(&architecture)
}

/// Tensors that every file of the network has, with or without a prefix.
fn first_tensors(architecture: &str) -> &'static [&'static str] {
    match architecture {
        "bert" => &["bert.embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"],
        "distilbert" => &["distilbert.embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"],
        "llama" => &["model.embed_tokens.weight", "embed_tokens.weight"],
        "modernbert" => &["model.embeddings.tok_embeddings.weight", "embeddings.tok_embeddings.weight"],
        "roberta" | "xlm-roberta" => {
            &["roberta.embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"]
        }
        "gpt2" => &["transformer.wte.weight", "wte.weight"],
        _ => &["text_model.embeddings.token_embedding.weight"],
    }
}

fn find(name: &str) -> Option<&'static TextArchitecture> {
    TEXT_ARCHITECTURES.iter().find(|architecture| architecture.name == name)
}

/// Everything about a text network except its weights and its tokenizer. Unknown keys are preserved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TextConfig {
    /// One of [`TEXT_ARCHITECTURES`].
    pub architecture: String,
    /// Its options, with the names of Hugging Face's `config.json`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Class names, in the order of the head's `logits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// The default layer for features; if absent, the architecture's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Where the weights come from.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Unknown keys; options are looked up here too.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl TextConfig {
    /// A config with only the architecture and its options.
    pub fn new(architecture: &str, options: Map<String, Value>) -> Self {
        Self { architecture: architecture.to_owned(), options, ..Self::default() }
    }

    /// The file's checked config, or that of the `config.json` beside it. A prefix of the network's tensor names in the
    /// file is stripped.
    /// # Errors
    /// When there is no config, it is not of a text network, or it is out of range.
    pub fn read(checkpoint: &mut Checkpoint) -> Result<Self> {
        let of_file = format!("model {}", checkpoint.path().display());
        let Some(architecture) = Self::architecture(checkpoint)? else {
            bail!("{of_file}: has no config with its architecture, and no config.json beside it");
        };
        if find(&architecture).is_none() {
            let known: Vec<&str> = TEXT_ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
            bail!("{of_file}: {} is not a text network; choose from {}", printable(&architecture), known.join(", "));
        }
        checkpoint.strip_prefix_before(first_tensors(&architecture));
        let config = match (checkpoint.config::<Self>()?, folder::config_json(checkpoint.path())?) {
            (Some(config), _) => config,
            (None, json) => {
                let mut json = json.unwrap_or_default();
                // A property of the tokenizer that our model files store in the config.
                let tokenizer = folder::json_beside(checkpoint.path(), "tokenizer_config.json")?.unwrap_or_default();
                if let Some(stated) = tokenizer.get("add_bos_token").filter(|stated| stated.is_boolean()) {
                    json.insert("add_bos_token".to_owned(), stated.clone());
                }
                let mut config = Self::of_hugging_face(json, checkpoint).with_context(|| of_file.clone())?;
                if reads_images(&config.architecture)
                    && let Some(images) =
                        crate::backbones::folder::config(checkpoint).with_context(|| of_file.clone())?
                {
                    // What reading it as an image network needs, once it is one file.
                    config.extra.insert("num_classes".to_owned(), images.num_classes.into());
                    config.extra.insert("preprocessing".to_owned(), serde_json::to_value(&images.preprocessing)?);
                }
                config
            }
        };
        config.check().with_context(|| format!("{of_file}: its config"))?;
        let (_, shapes) = super::outline(&config, Some(checkpoint)).with_context(|| of_file.clone())?;
        limits::check_weights(&shapes, checkpoint).context(of_file)?;
        Ok(config)
    }

    /// Checks that every value is valid and within limits. Every config from a file is checked before a network is
    /// built from it.
    /// # Errors
    /// When a value is invalid or out of range.
    pub fn check(&self) -> Result<()> {
        match self.architecture.as_str() {
            name if BertFamily::of(name).is_some() => BertOptions::of(self)?.check()?,
            "gpt2" => self.options::<Gpt2Options>()?.check()?,
            "clip" => self.options::<ClipOptions>()?.check()?,
            "siglip" => self.options::<SiglipOptions>()?.check()?,
            #[cfg(feature = "transformers")]
            "llama" => {
                crate::transformers::check_llama(self)?;
            }
            #[cfg(feature = "transformers")]
            "modernbert" => {
                crate::transformers::check_modernbert(self)?;
            }
            _ => {}
        }
        limits::labels(self.labels.as_deref().unwrap_or_default())?;
        if let Some(layer) = &self.layer {
            layer.parse::<LayerName>()?;
        }
        Ok(())
    }

    /// The architecture of a file, if it is that of a text network. `clip` and `siglip` read images too.
    /// # Errors
    /// When its config cannot be read, or is of a network that this build does not support.
    pub fn text_architecture(checkpoint: &Checkpoint) -> Result<Option<String>> {
        let architecture = Self::architecture(checkpoint)?;
        if let Some(lacking) = architecture.as_deref().and_then(crate::transformers_missing) {
            bail!(lacking);
        }
        if architecture.as_deref() == Some("siglip2") {
            // The public files of a fixed resolution are of the architecture siglip.
            bail!(
                "siglip2 is a SigLIP 2 for images of any shape (NaFlex), which is not supported; take one of a fixed \
                 resolution, for example hf:google/siglip2-base-patch16-224"
            );
        }
        let is_classifier = architecture.as_deref() == Some("siglip") && checkpoint.contains("classifier.weight");
        Ok(architecture.filter(|architecture| find(architecture).is_some() && !is_classifier))
    }

    fn architecture(checkpoint: &Checkpoint) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Named {
            architecture: String,
        }
        if let Some(named) = checkpoint.config::<Named>()? {
            return Ok(Some(named.architecture));
        }
        let json = folder::config_json(checkpoint.path())?;
        Ok(json.and_then(|json| Some(json.get("model_type")?.as_str()?.to_owned())))
    }

    fn of_hugging_face(json: Map<String, Value>, checkpoint: &Checkpoint) -> Result<Self> {
        let architecture = json.get("model_type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let head =
            ["classifier.weight", "classifier.out_proj.weight"].into_iter().find_map(|head| checkpoint.shape(head));
        let classes = head.and_then(|shape| shape.first().copied());
        // An empty tensor can have any number of rows.
        ensure!(classes.is_none_or(|classes| classes <= MOST_CLASSES), "its head has {} classes", classes.unwrap_or(0));
        let labels = classes.map(|classes| {
            let names: BTreeMap<String, String> =
                json.get("id2label").and_then(|names| Deserialize::deserialize(names).ok()).unwrap_or_default();
            (0..classes)
                .map(|class| names.get(&class.to_string()).cloned().unwrap_or_else(|| format!("LABEL_{class}")))
                .collect()
        });
        Ok(Self { architecture, options: json, labels, ..Self::default() })
    }

    /// The architecture's options as a `T`.
    /// # Errors
    /// When an option has the wrong type.
    pub fn options<T: for<'a> Deserialize<'a>>(&self) -> Result<T> {
        let mut all = self.extra.clone();
        all.extend(self.options.clone());
        // Hugging Face writes `null` for "the default".
        all.retain(|_, value| !value.is_null());
        serde_json::from_value(Value::Object(all))
            .with_context(|| format!("options of the architecture {}", self.architecture))
    }

    /// The config to write to a file.
    /// # Errors
    /// Never for values that JSON can represent.
    pub fn description(&self) -> Result<Value> {
        let mut written = serde_json::to_value(self)?;
        let kind = if reads_images(&self.architecture) { Kind::Clip } else { Kind::TextNetwork };
        written["kind"] = serde_json::to_value(kind)?;
        if let Some((dimensions, images)) = self.images()? {
            for (key, value) in
                [("num_classes", Value::from(dimensions)), ("preprocessing", serde_json::to_value(&images)?)]
            {
                if written.get(key).is_none() {
                    written[key] = value;
                }
            }
        }
        Ok(written)
    }

    /// The dimensions of the embeddings of images, and their usual preprocessing, for a network that reads them.
    fn images(&self) -> Result<Option<(usize, Preprocessing)>> {
        Ok(match self.architecture.as_str() {
            "clip" => {
                let options: ClipOptions = self.options()?;
                Some((options.projection_dim, folder::clip_preprocessing(options.vision_config.image_size)))
            }
            "siglip" => {
                let images = self.options::<SiglipOptions>()?.vision_config;
                let size = [images.image_size; 2];
                Some((images.hidden_size, Preprocessing { size, ..Preprocessing::siglip() }))
            }
            _ => None,
        })
    }

    /// The layer to take features from when none is named.
    pub fn default_layer(&self) -> &str {
        let usual = find(&self.architecture).map(|architecture| architecture.layer);
        self.layer.as_deref().or(usual).unwrap_or_default()
    }

    /// An option's value, from the options or the top level.
    pub fn option(&self, name: &str) -> Option<&Value> {
        self.options.get(name).or_else(|| self.extra.get(name)).filter(|value| !value.is_null())
    }
}

pub(crate) fn check_heads(width: usize, heads: usize) -> candle_core::Result<()> {
    if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
        candle_core::bail!("{width} columns cannot be divided among {heads} heads");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Bert;
    use crate::{Parameters, text::layers::Activation};

    #[test]
    fn options_are_read_nested_or_flat_and_null_is_the_default() {
        let flat: TextConfig =
            serde_json::from_str(r#"{"architecture":"gpt2","n_embd":8,"n_inner":null,"task":"letters"}"#).unwrap();
        let options: Gpt2Options = flat.options().unwrap();
        assert_eq!((options.n_embd, options.n_inner, options.n_layer), (8, None, 12));
        let ours: TextConfig = serde_json::from_str(
            r#"{"architecture":"gpt2","options":{"n_embd":4,"activation_function":"relu"},"n_embd":8}"#,
        )
        .unwrap();
        let options: Gpt2Options = ours.options().unwrap();
        assert_eq!((options.n_embd, options.activation_function), (4, Activation::Relu));
        let again = serde_json::to_value(&flat).unwrap();
        assert_eq!(again["task"], "letters");
    }

    #[test]
    fn heads_that_do_not_divide_the_columns_are_an_error() {
        let options = BertOptions { hidden_size: 10, num_attention_heads: 3, ..BertOptions::default() };
        let vb = Parameters::fresh(0).builder(&candle_core::Device::Cpu);
        assert!(
            Bert::new(&options, None, vb).err().unwrap().to_string().contains("10 columns cannot be divided among 3")
        );
    }
}
