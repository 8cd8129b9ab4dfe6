//! Tokenizes and detokenizes texts with the `tokenizers` crate.
//!
//! A model file carries the text of its `tokenizer.json` under the metadata key `tokenizer`. A Hugging Face folder has
//! `tokenizer.json`, or the older `vocab.txt` (BERT), `vocab.json` and `merges.txt` (GPT-2, CLIP) or
//! `spiece.model` (SigLIP), which are converted to that form here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value, json};
use tokenizers::{Encoding, PostProcessor, Tokenizer, TruncationParams, truncate_encodings};

use super::folder::{bytes_beside, json_beside, text_beside};
use super::{TextConfig, Tokens, sentence_piece, siglip, tokenizer_limits};
use crate::Checkpoint;
use crate::checkpoint::printable;

/// The metadata key of the tokenizer.
pub const TOKENIZER_KEY: &str = "tokenizer";

/// A tokenizer, with the length limit of its network.
pub struct TextTokenizer {
    inner: Tokenizer,
    /// Its `tokenizer.json`.
    text: String,
    longest: usize,
    /// The token that pads each text to the longest length, for a network that was trained on such texts.
    padding: Option<u32>,
    /// Bytes of the longest accepted text.
    most_bytes: usize,
}

/// What a network needs that a `tokenizer.json` may lack.
#[derive(Clone, Copy)]
struct Needs<'a> {
    config: &'a TextConfig,
    /// The `tokenizer_config.json` beside a tokenizer that is not ours.
    beside: Option<&'a Map<String, Value>>,
}

impl TextTokenizer {
    /// Reads the text of a `tokenizer.json`, for a network that reads `longest` tokens.
    /// # Errors
    /// When it is invalid, or its special tokens alone exceed `longest`.
    pub fn new(text: &str, longest: usize) -> Result<Self> {
        Self::build(text, longest, None)
    }

    /// Reads the text of a `tokenizer.json` for the network of `config`.
    /// # Errors
    /// As [`new`](Self::new), and when the network needs padding and nothing says which.
    pub fn for_network(config: &TextConfig, text: &str, longest: usize) -> Result<Self> {
        Self::build(text, longest, Some(Needs { config, beside: None }))
    }

    fn build(text: &str, longest: usize, needs: Option<Needs>) -> Result<Self> {
        let most_bytes = tokenizer_limits::check(text).context("the tokenizer file is invalid")?;
        let mut inner: Tokenizer = sure(|| text.parse()).context("the tokenizer cannot be read")?;
        let (mut text, mut padding) = (text.to_owned(), None);
        if let Some(Needs { config, beside }) = needs.filter(|needs| needs.config.architecture == "siglip") {
            if siglip::tokens::complete(&mut inner, longest, config, beside)? {
                text = sure(|| inner.to_string(false)).context("the tokenizer cannot be written")?;
            }
            padding = inner.get_padding().map(|params| params.pad_id);
        }
        // Other padding and truncation in the file are meant for other programs; texts are truncated and padded here.
        sure(|| inner.with_padding(None).with_truncation(None).map(drop)).context("the tokenizer cannot be read")?;
        let tokenizer = Self { inner, text, longest, padding, most_bytes };
        let marks = tokenizer.marks(true).max(tokenizer.marks(false));
        if longest <= marks {
            bail!("the network reads {longest} tokens, but the tokenizer's special tokens alone are {marks}");
        }
        Ok(tokenizer)
    }

    /// The tokenizer of a model: in its file, beside it, or from a vocabulary of single characters in its config.
    /// # Errors
    /// When it does not exist, or cannot be read.
    pub fn of_model(checkpoint: &Checkpoint, config: &TextConfig, longest: usize) -> Result<Self> {
        if let Some(text) = checkpoint.metadata(TOKENIZER_KEY) {
            return Self::for_network(config, text, longest);
        }
        if let Some(json) = letters(config)? {
            return Self::for_network(config, &json.to_string(), longest);
        }
        let stated = json_beside(checkpoint.path(), "tokenizer_config.json")?.unwrap_or_default();
        let text = beside(checkpoint.path(), config, &stated)?.context(
            "no tokenizer in the file, and no tokenizer.json, vocab.txt, spiece.model, or vocab.json and merges.txt \
             beside it",
        )?;
        Self::build(&text, longest, Some(Needs { config, beside: Some(&stated) }))
    }

    /// Its `tokenizer.json`, to store in a model file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Encodes a text with the network's special tokens (BERT's [CLS] and [SEP]), truncated to the network's limit, and
    /// padded to it for SigLIP; returns whether it was truncated, too.
    /// # Errors
    /// When the vocabulary lacks one of its characters.
    pub fn encode(&self, text: &str) -> Result<(Tokens, bool)> {
        self.marked(text, None)
    }

    /// Encodes a pair of texts, the second in another segment (BERT).
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_pair(&self, first: &str, second: &str) -> Result<(Tokens, bool)> {
        self.marked(first, Some(second))
    }

    fn marked(&self, first: &str, second: Option<&str>) -> Result<(Tokens, bool)> {
        let (first, second) = (self.plain(first)?, second.map(|second| self.plain(second)).transpose()?);
        let room = self.longest - self.marks(second.is_some());
        let cut = first.len() + second.as_ref().map_or(0, |second| second.len()) > room;
        let params = TruncationParams { max_length: room, ..TruncationParams::default() };
        let encoding = sure(|| {
            let (first, second) = truncate_encodings(first, second, &params)?;
            self.inner.post_process(first, second, true)
        });
        let encoding = encoding.context("the special tokens cannot be added to the text")?;
        let mut tokens = Tokens { ids: encoding.get_ids().to_vec(), types: encoding.get_type_ids().to_vec() };
        if let Some(padding) = self.padding {
            tokens.ids.resize(self.longest, padding);
            tokens.types.resize(self.longest, 0);
        }
        Ok((tokens, cut))
    }

    /// A text without special tokens.
    fn plain(&self, text: &str) -> Result<Encoding> {
        if text.len() > self.most_bytes {
            bail!("the text has {} bytes; this tokenizer supports up to {}", text.len(), self.most_bytes);
        }
        guarded(|| self.inner.encode_fast(text, false))?.map_err(|error| self.unknown(text, &error))
    }

    /// Number of special tokens around a text, or a pair of texts.
    fn marks(&self, is_pair: bool) -> usize {
        self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(is_pair))
    }

    /// Encodes a text of any length without special tokens.
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.plain(text)?.get_ids().to_vec())
    }

    /// Decodes token ids, omitting special tokens.
    /// # Errors
    /// When an id is not a token.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        sure(|| self.inner.decode(ids, true)).context("the tokens cannot be decoded")
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Tokens of the longest text.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The reason why a text cannot be encoded.
    fn unknown(&self, text: &str, error: &tokenizers::Error) -> anyhow::Error {
        let fails = |letter: &char| sure(|| self.inner.encode_fast(letter.to_string(), false)).is_err();
        match text.chars().take(LETTERS_TRIED).find(fails) {
            Some(letter) => anyhow!("the model's vocabulary lacks {letter:?}"),
            None => anyhow!("the text cannot be tokenized: {error}"),
        }
    }
}

/// Characters tried to find the one that is missing.
const LETTERS_TRIED: usize = 10_000;

/// Calls the `tokenizers` crate. It trusts its files, so an invalid one can cause a panic, which becomes an error here.
fn guarded<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<tokenizers::Result<T>> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default();
        anyhow!("the tokenizer file is invalid: the library that reads it failed ({})", printable(text))
    })
}

/// The same, for calls where every error is fatal.
fn sure<T>(work: impl FnOnce() -> tokenizers::Result<T>) -> Result<T> {
    guarded(work)?.map_err(|error| anyhow!("{error}"))
}

/// A tokenizer of single characters, for a config with a `vocabulary`.
fn letters(config: &TextConfig) -> Result<Option<Value>> {
    let Some(vocabulary) = config.option("vocabulary") else { return Ok(None) };
    let tokens: Vec<String> = serde_json::from_value(vocabulary.clone()).context("the config's vocabulary")?;
    let mark = config.option("bos_token_id").and_then(Value::as_u64).unwrap_or(0);
    let name = tokens.get(mark as usize).context("the config's bos_token_id is not in its vocabulary")?;
    let vocabulary: Map<String, Value> = tokens.iter().cloned().zip((0..tokens.len()).map(Value::from)).collect();
    let mut json = bare(json!({"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unknown>"}));
    json["added_tokens"] = json!([special(name, mark)]);
    json["pre_tokenizer"] =
        json!({"type": "Split", "pattern": {"Regex": "(?s)."}, "behavior": "Isolated", "invert": false});
    json["post_processor"] = template(&[(name.as_str(), mark)], &[]);
    json["decoder"] = json!({"type": "Fuse"});
    Ok(Some(json))
}

/// The tokenizer beside the weights; `stated` is its `tokenizer_config.json`.
fn beside(weights: &Path, config: &TextConfig, stated: &Map<String, Value>) -> Result<Option<String>> {
    if let Some(text) = text_beside(weights, "tokenizer.json")? {
        return Ok(Some(text));
    }
    if config.architecture == "siglip"
        && let Some(bytes) = bytes_beside(weights, "spiece.model", sentence_piece::LARGEST)?
    {
        return Ok(Some(sentence_piece::siglip(&bytes).context("spiece.model")?.to_string()));
    }
    if let Some(text) = text_beside(weights, "vocab.txt")? {
        let lowercase = stated.get("do_lower_case").and_then(Value::as_bool).unwrap_or(true);
        return Ok(Some(word_pieces(&text, lowercase)?.to_string()));
    }
    let vocabulary = json_beside(weights, "vocab.json")?;
    let merges = text_beside(weights, "merges.txt")?;
    Ok(match (vocabulary, merges) {
        (Some(vocabulary), Some(merges)) => {
            Some(byte_pairs(vocabulary, &merges, config.architecture == "clip")?.to_string())
        }
        _ => None,
    })
}

/// BERT's tokenizer, from its list of word pieces.
fn word_pieces(list: &str, lowercase: bool) -> Result<Value> {
    let pieces = list.lines().enumerate();
    let vocabulary: Map<String, Value> = pieces.map(|(id, piece)| (piece.to_owned(), id.into())).collect();
    let id = |token: &str| {
        vocabulary.get(token).and_then(Value::as_u64).with_context(|| format!("vocab.txt has no {token}"))
    };
    let mut special_tokens = Vec::new();
    for token in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] {
        if let Ok(id) = id(token) {
            special_tokens.push(special(token, id));
        }
    }
    let post_processor = template(&[("[CLS]", id("[CLS]")?)], &[("[SEP]", id("[SEP]")?)]);
    id("[UNK]")?;
    let mut json = bare(json!({
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": vocabulary,
    }));
    json["added_tokens"] = special_tokens.into();
    json["normalizer"] = json!({
        "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
        "lowercase": lowercase,
    });
    json["pre_tokenizer"] = json!({"type": "BertPreTokenizer"});
    json["post_processor"] = post_processor;
    json["decoder"] = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    Ok(json)
}

/// The tokenizer of GPT-2 or CLIP, from its vocabulary and its merges.
fn byte_pairs(vocabulary: Map<String, Value>, merges: &str, is_clip: bool) -> Result<Value> {
    let merges: Vec<&str> = merges.lines().filter(|line| !line.starts_with("#version") && !line.is_empty()).collect();
    let end = vocabulary.get("<|endoftext|>").and_then(Value::as_u64);
    let start = vocabulary.get("<|startoftext|>").and_then(Value::as_u64);
    let mut specials: Vec<Value> = start.map(|id| special("<|startoftext|>", id)).into_iter().collect();
    specials.extend(end.map(|id| special("<|endoftext|>", id)));
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": !is_clip});
    let mut json = bare(json!({
        "type": "BPE", "dropout": null, "unk_token": if is_clip { json!("<|endoftext|>") } else { Value::Null },
        "continuing_subword_prefix": "", "end_of_word_suffix": if is_clip { "</w>" } else { "" }, "fuse_unk": false,
        "vocab": vocabulary, "merges": merges,
    }));
    json["added_tokens"] = specials.into();
    json["decoder"] = bytes.clone();
    if !is_clip {
        json["pre_tokenizer"] = bytes;
        return Ok(json);
    }
    let (start, end) =
        (start.context("vocab.json has no <|startoftext|>")?, end.context("vocab.json has no <|endoftext|>")?);
    json["normalizer"] = json!({"type": "Sequence", "normalizers": [
        {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"},
    ]});
    let words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
    json["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": words}, "behavior": "Removed", "invert": true}, bytes,
    ]});
    json["post_processor"] = template(&[("<|startoftext|>", start)], &[("<|endoftext|>", end)]);
    Ok(json)
}

pub(super) fn bare(model: Value) -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null, "model": model,
    })
}

pub(super) fn special(token: &str, id: u64) -> Value {
    json!({
        "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true,
    })
}

/// A post-processor that begins each text with a token.
#[cfg(feature = "transformers")]
pub(crate) fn begin_with(token: &str, id: u64) -> Value {
    template(&[(token, id)], &[])
}

/// Special tokens before and after a text; a second text gets the latter, too.
pub(super) fn template(before: &[(&str, u64)], after: &[(&str, u64)]) -> Value {
    let marks = |marks: &[(&str, u64)], kind: u32| -> Vec<Value> {
        marks.iter().map(|(token, _)| json!({"SpecialToken": {"id": token, "type_id": kind}})).collect()
    };
    let sequence = |name: &str, kind: u32| vec![json!({"Sequence": {"id": name, "type_id": kind}})];
    let single = [marks(before, 0), sequence("A", 0), marks(after, 0)].concat();
    let pair = [single.clone(), sequence("B", 1), marks(after, 1)].concat();
    let tokens: Map<String, Value> = before
        .iter()
        .chain(after)
        .map(|(token, id)| ((*token).to_owned(), json!({"id": token, "ids": [id], "tokens": [token]})))
        .collect();
    json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens})
}
