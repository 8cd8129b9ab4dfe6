//! Llama in GGUF, the format of llama.cpp: quantized weights, the config and the tokenizer in one file.
//!
//! The weights stay quantized in memory. candle multiplies them with activations that are quantized too, to 8 bits, so
//! the logits differ from those of the dequantized weights by about a percent.

mod header;
mod tokenizer;

use std::collections::{BTreeMap, HashMap};
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, TensorInfo, Value, VersionedMagic};
use candle_transformers::models::quantized_llama::{MAX_SEQ_LEN, ModelWeights};
use dl_record::file::open_regular;
use serde_json::json;

use self::header::{Header, of_tensor};
use self::tokenizer::GgufTokenizer;
use super::llama::{Llama, QuantizedConfig};
use super::llama_options::check_head;
use crate::checkpoint::printable;
use crate::file::limits;
use crate::plain;
use crate::text::config::check_heads;
use crate::text::{Network, TextConfig, TextModel, TextTokenizer, text_beside};

/// Reads a Llama with its tokenizer, which may be in a `tokenizer.json` beside it.
/// # Errors
/// When the file is invalid, is of another network, or needs what candle does not compute.
pub(crate) fn open_gguf(path: &Path, device: &Device) -> Result<TextModel> {
    open(path, device).with_context(|| format!("model {}", path.display()))
}

fn open(path: &Path, device: &Device) -> Result<TextModel> {
    let header = Header::read(path)?;
    let sizes = Sizes::read(&header)?;
    sizes.check_tensors(&header)?;
    let (text, begins) = match GgufTokenizer::read(&header)? {
        Ok(found) => (found.json, found.begins),
        Err(reason) => match text_beside(path, "tokenizer.json")? {
            Some(text) => (text, header.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(false)),
            None => bail!(
                "{reason}; supported are the model llama (SentencePiece), and gpt2 with gpt-2, smollm or llama-bpe; put \
                 the network's tokenizer.json beside the file"
            ),
        },
    };
    let tokenizer = TextTokenizer::new(&text, sizes.longest)?;
    let id = |key: &str| -> Result<Option<u32>> {
        let id = header.integer(key)?;
        ensure!(
            id.is_none_or(|id| id < sizes.vocabulary as u64),
            "its {key} is {}, which is not a token",
            id.unwrap_or(0)
        );
        Ok(id.map(|id| id as u32))
    };
    let start = id("tokenizer.ggml.bos_token_id")?;
    let ends = [id("tokenizer.ggml.eos_token_id")?, id("tokenizer.ggml.eot_token_id")?];
    let ends: Vec<u32> = ends.into_iter().flatten().collect();
    let options = json!({"bos_token_id": start, "eos_token_id": ends, "add_bos_token": begins});
    let config = TextConfig::new("llama", options.as_object().cloned().unwrap_or_default());
    let mut file = BufReader::new(open_regular(path).context("cannot be opened")?);
    let weights = ModelWeights::from_gguf(sizes.content(header), &mut file, device).map_err(plain)?;
    let told = QuantizedConfig { vocabulary: sizes.vocabulary, longest: sizes.longest, start, ends };
    let network = Network::Language(Box::new(Llama::quantized(weights, told, device)));
    Ok(TextModel { config, network, tokenizer, note: None })
}

/// The sizes of the network.
struct Sizes {
    vocabulary: usize,
    width: usize,
    inner: usize,
    blocks: usize,
    heads: usize,
    /// Heads of keys and values.
    kept: usize,
    epsilon: f64,
    theta: f64,
    longest: usize,
}

impl Sizes {
    fn read(header: &Header) -> Result<Self> {
        let architecture = header.text("general.architecture")?.unwrap_or_default();
        ensure!(architecture == "llama", "is of the architecture \"{}\"; llama is supported", printable(architecture));
        let parts = header.integer("split.count")?.unwrap_or(1);
        ensure!(parts <= 1, "is one of {parts} parts; merge them by llama-gguf-split --merge");
        refuse_variants(header)?;
        let count = |key: &str, most: usize, usual: Option<usize>| -> Result<usize> {
            let key = format!("llama.{key}");
            let stated = header.integer(&key)?.map(|number| usize::try_from(number).unwrap_or(usize::MAX));
            let number = stated.or(usual).with_context(|| format!("its key {key} is missing"))?;
            limits::count(&key, number, most)?;
            Ok(number)
        };
        let width = count("embedding_length", limits::MOST_COLUMNS, None)?;
        let heads = count("attention.head_count", limits::MOST_HEADS, None)?;
        let kept = count("attention.head_count_kv", limits::MOST_HEADS, Some(heads))?;
        check_heads(width, heads).map_err(plain)?;
        let columns = width / heads;
        check_head(columns, heads, kept)?;
        for key in ["rope.dimension_count", "attention.key_length", "attention.value_length"] {
            let stated = count(key, limits::MOST_COLUMNS, Some(columns))?;
            ensure!(stated == columns, "llama.{key} is {stated}; only the columns of a head are supported: {columns}");
        }
        let embedding = header.tensors.get("token_embd.weight");
        let vocabulary = embedding.and_then(|place| place.shape.first().copied()).unwrap_or(0);
        limits::count("the number of rows of token_embd.weight", vocabulary, limits::MOST_TOKENS)?;
        let epsilon = "llama.attention.layer_norm_rms_epsilon";
        let epsilon_value = header.real(epsilon)?.with_context(|| format!("its key {epsilon} is missing"))?;
        limits::epsilon(epsilon, epsilon_value)?;
        let theta = header.real("llama.rope.freq_base")?.unwrap_or(10_000.0);
        ensure!(theta.is_finite() && theta >= 1.0, "llama.rope.freq_base is {theta}; expected 1 or more");
        Ok(Self {
            vocabulary,
            width,
            inner: count("feed_forward_length", limits::MOST_INNER, None)?,
            blocks: count("block_count", limits::MOST_BLOCKS, None)?,
            heads,
            kept,
            epsilon: epsilon_value,
            theta,
            longest: count("context_length", 1 << 24, None)?.min(MAX_SEQ_LEN),
        })
    }

    /// The tensors of the network, with their shapes.
    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let (width, inner, keys) = (self.width, self.inner, self.width / self.heads * self.kept);
        let mut shapes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        shapes.insert("token_embd.weight".into(), vec![self.vocabulary, width]);
        shapes.insert("output_norm.weight".into(), vec![width]);
        shapes.insert("output.weight".into(), vec![self.vocabulary, width]);
        for block in 0..self.blocks {
            for (name, shape) in [
                ("attn_norm", vec![width]),
                ("attn_q", vec![width, width]),
                ("attn_k", vec![keys, width]),
                ("attn_v", vec![keys, width]),
                ("attn_output", vec![width, width]),
                ("ffn_norm", vec![width]),
                ("ffn_gate", vec![inner, width]),
                ("ffn_up", vec![inner, width]),
                ("ffn_down", vec![width, inner]),
            ] {
                shapes.insert(format!("blk.{block}.{name}.weight"), shape);
            }
        }
        shapes
    }

    /// Checks that the file has these tensors and no others: candle ignores what it does not know.
    fn check_tensors(&self, header: &Header) -> Result<()> {
        let expected = self.shapes();
        for (name, shape) in &expected {
            match header.tensors.get(name) {
                Some(found) => ensure!(
                    found.shape == *shape,
                    "{} is {:?}; a llama of its sizes has {shape:?}",
                    of_tensor(name),
                    found.shape
                ),
                // The weight of the embedding is used.
                None if name == "output.weight" => {}
                None => bail!("{} is missing", of_tensor(name)),
            }
        }
        match header.tensors.keys().find(|name| !expected.contains_key(*name)) {
            Some(name) => bail!("{} is not of a llama that is supported", of_tensor(name)),
            None => Ok(()),
        }
    }

    /// What candle's reader would have made of the header.
    fn content(&self, header: Header) -> Content {
        let number = |number: usize| Value::U32(number as u32);
        let metadata = [
            ("general.architecture", Value::String("llama".into())),
            ("llama.attention.head_count", number(self.heads)),
            ("llama.attention.head_count_kv", number(self.kept)),
            ("llama.block_count", number(self.blocks)),
            ("llama.embedding_length", number(self.width)),
            ("llama.rope.dimension_count", number(self.width / self.heads)),
            ("llama.attention.layer_norm_rms_epsilon", Value::F32(self.epsilon as f32)),
            ("llama.rope.freq_base", Value::F32(self.theta as f32)),
        ];
        let tensors = header.tensors.into_iter().map(|(name, place)| {
            (name, TensorInfo { ggml_dtype: place.kind, shape: place.shape.into(), offset: place.offset })
        });
        Content {
            magic: VersionedMagic::GgufV3,
            metadata: metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            tensor_infos: tensors.collect::<HashMap<_, _>>(),
            tensor_data_offset: header.start,
        }
    }
}

/// Refuses the kinds of Llama that candle computes wrongly.
fn refuse_variants(header: &Header) -> Result<()> {
    let experts = header.integer("llama.expert_count")?.unwrap_or(0);
    ensure!(experts <= 1, "is a mixture of {experts} experts, which is not supported");
    let instead = "candle ignores that in GGUF; use its Hugging Face folder";
    let scaled = header.tensors.contains_key("rope_freqs.weight");
    ensure!(!scaled, "scales the rotation, as Llama 3.1 does (rope_freqs.weight), and {instead}");
    let scaling = header.text("llama.rope.scaling.type")?.unwrap_or("none");
    ensure!(
        scaling == "none",
        "scales the rotation (llama.rope.scaling.type \"{}\"), and {instead}",
        printable(scaling)
    );
    for key in ["llama.rope.scaling.factor", "llama.rope.scale_linear"] {
        let factor = header.real(key)?.unwrap_or(1.0);
        ensure!(factor == 1.0 || factor == 0.0, "scales the rotation ({key} {factor}), and {instead}");
    }
    let window = header.integer("llama.attention.sliding_window")?.unwrap_or(0);
    ensure!(window == 0, "has a sliding window of {window} tokens, which candle ignores");
    Ok(())
}
