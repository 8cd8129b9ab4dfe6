//! The options of Llama, and which of them candle computes.

use anyhow::{Result, bail, ensure};
use candle_transformers::models::llama::{Config, Llama3RopeConfig, Llama3RopeType};
use serde::Deserialize;
use serde_json::Value;

use crate::checkpoint::printable;
use crate::file::limits;
use crate::plain;
use crate::text::TextConfig;
use crate::text::config::check_heads;

/// Tokens of the longest text. Llama 3.1 reads 131,072, for which the memory of attention would be too large.
const LONGEST: usize = 1 << 14;
/// Columns of a head; 128 in all published models.
pub(super) const MOST_HEAD_COLUMNS: usize = 512;

/// Options, with the names of Hugging Face's config; the defaults are those of transformers.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct LlamaOptions {
    pub(super) vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    hidden_act: String,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    tie_word_embeddings: bool,
    rope_theta: f64,
    rope_interleaved: bool,
    attention_bias: bool,
    mlp_bias: bool,
    pub(super) bos_token_id: Option<u32>,
    pub(super) eos_token_id: Option<Ends>,
    #[serde(skip)]
    scaling: Option<Scaling>,
}

/// One token that ends a text, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Ends {
    One(u32),
    Several(Vec<u32>),
}

impl Ends {
    pub(super) fn all(self) -> Vec<u32> {
        match self {
            Self::One(token) => vec![token],
            Self::Several(tokens) => tokens,
        }
    }
}

/// Llama 3.1's scaling of the rotation.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Scaling {
    factor: f64,
    low_freq_factor: f64,
    high_freq_factor: f64,
    original_max_position_embeddings: usize,
}

impl Default for LlamaOptions {
    fn default() -> Self {
        Self {
            vocab_size: 32000,
            hidden_size: 4096,
            intermediate_size: 11008,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            num_key_value_heads: None,
            head_dim: None,
            hidden_act: "silu".into(),
            max_position_embeddings: 2048,
            rms_norm_eps: 1e-6,
            tie_word_embeddings: false,
            rope_theta: 10_000.0,
            rope_interleaved: false,
            attention_bias: false,
            mlp_bias: false,
            bos_token_id: None,
            eos_token_id: None,
            scaling: None,
        }
    }
}

impl LlamaOptions {
    /// Reads and checks the options of a config.
    /// # Errors
    /// When an option has the wrong type, is out of range, or is not supported.
    pub(super) fn read(config: &TextConfig) -> Result<Self> {
        let mut options: Self = config.options()?;
        options.read_rotation(config)?;
        limits::count("vocab_size", options.vocab_size, limits::MOST_TOKENS)?;
        limits::count("hidden_size", options.hidden_size, limits::MOST_COLUMNS)?;
        limits::count("intermediate_size", options.intermediate_size, limits::MOST_INNER)?;
        limits::count("num_hidden_layers", options.num_hidden_layers, limits::MOST_BLOCKS)?;
        limits::count("num_attention_heads", options.num_attention_heads, limits::MOST_HEADS)?;
        limits::count("max_position_embeddings", options.max_position_embeddings, 1 << 24)?;
        limits::epsilon("rms_norm_eps", options.rms_norm_eps)?;
        check_heads(options.hidden_size, options.num_attention_heads).map_err(plain)?;
        let (heads, columns) = (options.num_attention_heads, options.hidden_size / options.num_attention_heads);
        let stated = options.head_dim.unwrap_or(columns);
        ensure!(
            stated == columns,
            "head_dim is {stated}; only hidden_size / num_attention_heads is supported: {columns}"
        );
        check_head(columns, heads, options.kept_heads())?;
        ensure!(options.kept_heads() <= options.longest(), "max_position_embeddings is less than the number of heads");
        let theta = options.rope_theta;
        ensure!(theta.is_finite() && theta >= 1.0, "rope_theta is {theta}; expected 1 or more");
        let activation = printable(&options.hidden_act);
        ensure!(activation == "silu", "hidden_act is \"{activation}\"; only silu is supported");
        let flags = [
            ("attention_bias", options.attention_bias),
            ("mlp_bias", options.mlp_bias),
            ("rope_interleaved", options.rope_interleaved),
        ];
        if let Some((name, _)) = flags.into_iter().find(|(_, stated)| *stated) {
            bail!("{name} is true, which is not supported");
        }
        Ok(options)
    }

    /// The rotation's base and scaling, under `rope_parameters` in files since 2026.
    fn read_rotation(&mut self, config: &TextConfig) -> Result<()> {
        let Some(stated) = config.option("rope_parameters").or_else(|| config.option("rope_scaling")) else {
            return Ok(());
        };
        self.rope_theta = stated.get("rope_theta").and_then(Value::as_f64).unwrap_or(self.rope_theta);
        let share = stated.get("partial_rotary_factor").and_then(Value::as_f64).unwrap_or(1.0);
        ensure!(share == 1.0, "partial_rotary_factor is {share}, which is not supported");
        let kind = stated.get("rope_type").or_else(|| stated.get("type")).and_then(Value::as_str).unwrap_or("default");
        match kind {
            "default" => {}
            "llama3" => {
                let scaling: Scaling = serde_json::from_value(stated.clone())?;
                let Scaling { factor, low_freq_factor: low, high_freq_factor: high, .. } = scaling;
                let right = factor >= 1.0 && factor.is_finite() && low > 0.0 && high > low && high.is_finite();
                ensure!(
                    right,
                    "the factors of the rotation are {factor}, {low} and {high}; expected 1 <= factor, 0 < low < high"
                );
                limits::count(
                    "original_max_position_embeddings",
                    scaling.original_max_position_embeddings,
                    limits::MOST_POSITIONS,
                )?;
                self.scaling = Some(scaling);
            }
            other => bail!("rope_type is \"{}\"; default and llama3 are supported", printable(other)),
        }
        Ok(())
    }

    /// Heads of keys and values.
    fn kept_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Tokens of the longest text.
    pub(super) fn longest(&self) -> usize {
        self.max_position_embeddings.min(LONGEST)
    }

    /// candle's config.
    pub(super) fn candle(&self) -> Config {
        Config {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            vocab_size: self.vocab_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            num_key_value_heads: self.kept_heads(),
            use_flash_attn: false,
            rms_norm_eps: self.rms_norm_eps,
            rope_theta: self.rope_theta as f32,
            bos_token_id: None,
            eos_token_id: None,
            rope_scaling: self.scaling.map(|scaling| Llama3RopeConfig {
                factor: scaling.factor as f32,
                low_freq_factor: scaling.low_freq_factor as f32,
                high_freq_factor: scaling.high_freq_factor as f32,
                original_max_position_embeddings: scaling.original_max_position_embeddings,
                rope_type: Llama3RopeType::Llama3,
            }),
            max_position_embeddings: self.longest(),
            tie_word_embeddings: self.tie_word_embeddings,
        }
    }
}

/// Checks the columns of a head, and the numbers of heads of queries, and of keys and values.
pub(super) fn check_head(columns: usize, heads: usize, kept: usize) -> Result<()> {
    ensure!(columns.is_multiple_of(2), "the columns of a head are odd: {columns}");
    ensure!(columns <= MOST_HEAD_COLUMNS, "a head has {columns} columns; up to {MOST_HEAD_COLUMNS} are supported");
    ensure!(
        kept > 0 && heads.is_multiple_of(kept),
        "{heads} heads of queries cannot be divided among {kept} heads of keys and values"
    );
    Ok(())
}
