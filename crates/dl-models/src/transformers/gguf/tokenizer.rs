//! The tokenizer of a GGUF file, as a `tokenizer.json`: byte pairs as in GPT-2 and Llama 3, or SentencePiece as in
//! Llama 2, which becomes byte pairs whose merges are ordered by the scores of the results.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::header::{Field, Header};
use crate::checkpoint::printable;
use crate::file::limits::MOST_TOKENS;

/// Kinds of tokens, in `tokenizer.ggml.token_type`.
const NORMAL: i64 = 1;
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;
/// Bytes of a piece that is merged from others; Llama 2's longest have 48.
const LONGEST_PIECE: usize = 128;

/// The words of Llama 3: of its tokenizer.json.
const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A tokenizer.
pub(super) struct GgufTokenizer {
    /// The text of its `tokenizer.json`.
    pub(super) json: String,
    /// Whether texts begin with the start token.
    pub(super) begins: bool,
}

impl GgufTokenizer {
    /// The tokenizer in the header; `None` with a reason if it is of a kind that is not supported.
    /// # Errors
    /// When it is invalid.
    pub(super) fn read(header: &Header) -> Result<std::result::Result<Self, String>> {
        let Some(model) = header.text("tokenizer.ggml.model")? else { return Ok(Err("it has no tokenizer".into())) };
        let pre = header.text("tokenizer.ggml.pre")?.unwrap_or("default");
        let vocabulary = Vocabulary::read(header)?;
        let (mut json, begins) = match (model, pre) {
            ("llama", _) => (sentence_pieces(header, &vocabulary)?, true),
            ("gpt2", "gpt-2") => (byte_pairs(header, &vocabulary, Words::Gpt2)?, false),
            ("gpt2", "smollm") => (byte_pairs(header, &vocabulary, Words::SmolLm)?, false),
            ("gpt2", "llama-bpe") => (byte_pairs(header, &vocabulary, Words::Llama3)?, true),
            ("gpt2", other) => return Ok(Err(format!("its tokenizer.ggml.pre is \"{}\"", printable(other)))),
            (other, _) => return Ok(Err(format!("its tokenizer.ggml.model is \"{}\"", printable(other)))),
        };
        let begins = header.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(begins);
        if begins {
            let id =
                header.integer("tokenizer.ggml.bos_token_id")?.context("its tokenizer.ggml.bos_token_id is missing")?;
            let token = usize::try_from(id).ok().and_then(|id| vocabulary.tokens.get(id));
            let token =
                token.with_context(|| format!("its tokenizer.ggml.bos_token_id is {id}, which is not a token"))?;
            json["post_processor"] = crate::text::begin_with(token, id);
        }
        json["added_tokens"] = vocabulary.added();
        Ok(Ok(Self { json: json.to_string(), begins }))
    }
}

/// The tokens, by id.
struct Vocabulary<'a> {
    tokens: &'a [String],
    kinds: &'a [i64],
}

impl<'a> Vocabulary<'a> {
    fn read(header: &'a Header) -> Result<Self> {
        let tokens = texts(header, "tokenizer.ggml.tokens")?;
        ensure!(tokens.len() <= MOST_TOKENS, "has {} tokens; up to {MOST_TOKENS} are supported", tokens.len());
        let kinds = match header.fields.get("tokenizer.ggml.token_type") {
            None => &[],
            Some(Field::Integers(kinds)) if kinds.len() == tokens.len() => kinds.as_slice(),
            Some(_) => {
                bail!("its tokenizer.ggml.token_type does not have a number for each of {} tokens", tokens.len())
            }
        };
        Ok(Self { tokens, kinds })
    }

    fn kind(&self, id: usize) -> i64 {
        self.kinds.get(id).copied().unwrap_or(NORMAL)
    }

    fn ids(&self) -> Map<String, Value> {
        self.tokens.iter().enumerate().map(|(id, token)| (token.clone(), id.into())).collect()
    }

    /// The tokens that are looked for in a text before it is split.
    fn added(&self) -> Value {
        let added = self.tokens.iter().enumerate().filter_map(|(id, token)| {
            let special = match self.kind(id) {
                UNKNOWN | CONTROL => true,
                USER_DEFINED => false,
                _ => return None,
            };
            Some(json!({
                "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": special,
            }))
        });
        added.collect()
    }
}

fn texts<'a>(header: &'a Header, key: &str) -> Result<&'a [String]> {
    match header.fields.get(key) {
        Some(Field::Texts(texts)) => Ok(texts),
        _ => bail!("its key {key} is not a list of texts"),
    }
}

/// How a text is split before byte pairs are merged.
#[derive(Clone, Copy, PartialEq)]
enum Words {
    Gpt2,
    /// As GPT-2, with each digit alone.
    SmolLm,
    Llama3,
}

fn byte_pairs(header: &Header, vocabulary: &Vocabulary, words: Words) -> Result<Value> {
    let merges = texts(header, "tokenizer.ggml.merges")?;
    ensure!(merges.len() <= MOST_TOKENS, "has {} merges; up to {MOST_TOKENS} are supported", merges.len());
    let bytes = |use_regex: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex});
    let first = match words {
        Words::Gpt2 => None,
        Words::SmolLm => Some(json!({"type": "Digits", "individual_digits": true})),
        Words::Llama3 => {
            Some(json!({"type": "Split", "pattern": {"Regex": LLAMA_3}, "behavior": "Isolated", "invert": false}))
        }
    };
    let steps: Vec<Value> = first.into_iter().chain([bytes(words != Words::Llama3)]).collect();
    Ok(json!({
        "version": "1.0", "normalizer": null, "post_processor": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "decoder": bytes(true),
        "model": {
            "type": "BPE", "ignore_merges": words == Words::Llama3, "vocab": vocabulary.ids(), "merges": merges,
        },
    }))
}

/// SentencePiece's byte pairs, as transformers converts them for Llama 2.
fn sentence_pieces(header: &Header, vocabulary: &Vocabulary) -> Result<Value> {
    let count = vocabulary.tokens.len();
    let scores = match header.fields.get("tokenizer.ggml.scores") {
        Some(Field::Reals(scores)) if scores.len() == count => scores,
        _ => bail!("its tokenizer.ggml.scores does not have a number for each of {count} tokens"),
    };
    let unknown = (0..count).find(|id| vocabulary.kind(*id) == UNKNOWN).map(|id| &vocabulary.tokens[id]);
    let space = json!({"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"});
    let prefixed = header.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let prefix = prefixed.then(|| json!({"type": "Prepend", "prepend": "\u{2581}"}));
    let normalizers: Vec<Value> = prefix.into_iter().chain([space]).collect();
    let strip = prefixed.then(|| json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    let decoders: Vec<Value> = [
        json!({"type": "Replace", "pattern": {"String": "\u{2581}"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ]
    .into_iter()
    .chain(strip)
    .collect();
    Ok(json!({
        "version": "1.0", "pre_tokenizer": null, "post_processor": null,
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE", "unk_token": unknown, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "vocab": vocabulary.ids(), "merges": merges(vocabulary, scores)?,
        },
    }))
}

/// Each way to put a piece together from two others, best score first; among equals, longer first parts first.
fn merges(vocabulary: &Vocabulary, scores: &[f32]) -> Result<Vec<[String; 2]>> {
    let ids: HashMap<&str, usize> =
        vocabulary.tokens.iter().enumerate().map(|(id, token)| (token.as_str(), id)).collect();
    let mut found: BTreeMap<usize, Vec<[&str; 2]>> = BTreeMap::new();
    let mut count = 0;
    for (id, token) in vocabulary.tokens.iter().enumerate() {
        if vocabulary.kind(id) != NORMAL || token.len() > LONGEST_PIECE {
            continue;
        }
        for (at, _) in token.char_indices().skip(1) {
            let (first, second) = token.split_at(at);
            if ids.contains_key(first) && ids.contains_key(second) {
                found.entry(id).or_default().push([first, second]);
                count += 1;
            }
        }
        ensure!(
            count <= MOST_TOKENS,
            "its pieces can be merged in more than {MOST_TOKENS} ways, which is not supported"
        );
    }
    let mut all: Vec<(f32, [&str; 2])> =
        found.into_iter().flat_map(|(id, pairs)| pairs.into_iter().map(move |pair| (scores[id], pair))).collect();
    let length = |text: &str| text.chars().count();
    all.sort_by(|(a, [first_a, second_a]), (b, [first_b, second_b])| {
        let lengths = (length(first_b), length(second_b)).cmp(&(length(first_a), length(second_a)));
        b.total_cmp(a).then(lengths)
    });
    Ok(all.into_iter().map(|(_, pair)| pair.map(str::to_owned)).collect())
}
