//! `spiece.model`, the file of a SentencePiece tokenizer (Kudo and Richardson 2018), as a `tokenizer.json`. The parts
//! of `sentencepiece_model.proto` that it needs are written by hand; other fields are skipped.

use anyhow::{Context, Result, bail, ensure};
use prost::Message;
use serde_json::{Value, json};

use super::tokenizer::{bare, special, template};

/// The largest file in bytes; one with 250,000 pieces takes 4.3 MB. In memory it takes up to about 30 times as much.
pub(super) const LARGEST: u64 = 16 << 20;

#[derive(Clone, PartialEq, Message)]
struct ModelProto {
    #[prost(message, repeated, tag = "1")]
    pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    trainer: Option<Trainer>,
    #[prost(message, optional, tag = "3")]
    normalizer: Option<Normalizer>,
}

#[derive(Clone, PartialEq, Message)]
struct Piece {
    #[prost(string, tag = "1")]
    piece: String,
    /// Logarithm of the probability.
    #[prost(float, tag = "2")]
    score: f32,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
}

/// `Piece.Type.UNKNOWN`.
const UNKNOWN: i32 = 2;

#[derive(Clone, PartialEq, Message)]
struct Trainer {
    /// `ModelType`: 1, the default, is unigram.
    #[prost(int32, optional, tag = "3")]
    model_type: Option<i32>,
    #[prost(bool, optional, tag = "35")]
    byte_fallback: Option<bool>,
}

#[derive(Clone, PartialEq, Message)]
struct Normalizer {
    #[prost(bytes = "vec", tag = "2")]
    precompiled_charsmap: Vec<u8>,
}

/// SigLIP's tokenizer: the text in lower case and without ASCII punctuation, in the pieces of the model, and an end
/// token. The first part is the `canonicalize_text` of its training, before the table of the model.
/// # Errors
/// When the bytes are not of a unigram model, or lack a piece `</s>` or `<unk>`.
pub(super) fn siglip(bytes: &[u8]) -> Result<Value> {
    let model = ModelProto::decode(bytes).ok().context("is not a SentencePiece model")?;
    let trainer = model.trainer.unwrap_or_default();
    ensure!(trainer.model_type.unwrap_or(1) == 1, "is not a unigram model, the only kind that is supported");
    let pieces = &model.pieces;
    let id = |name: &str| pieces.iter().position(|piece| piece.piece == name);
    let Some(end) = id("</s>") else { bail!("has no piece </s>") };
    let unknown = pieces.iter().position(|piece| piece.kind == Some(UNKNOWN)).context("has no unknown piece")?;
    let vocabulary: Vec<Value> = pieces.iter().map(|piece| json!([piece.piece, piece.score])).collect();
    let mut json = bare(json!({
        "type": "Unigram", "unk_id": unknown, "vocab": vocabulary,
        "byte_fallback": trainer.byte_fallback.unwrap_or(false),
    }));
    let mut specials = vec![(end, "</s>"), (unknown, pieces[unknown].piece.as_str())];
    specials.sort_unstable();
    json["added_tokens"] = specials.into_iter().map(|(id, name)| special(name, id as u64)).collect();
    let replace = |pattern: &str, by: &str| json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": by});
    let strip = json!({"type": "Strip", "strip_left": true, "strip_right": true});
    let mut steps = vec![
        json!({"type": "Lowercase"}),
        replace(r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"##, ""),
        replace(r"\s+", " "),
        strip.clone(),
    ];
    let table = model.normalizer.unwrap_or_default().precompiled_charsmap;
    if !table.is_empty() {
        let table = base64_simd::STANDARD.encode_to_string(&table);
        steps.push(json!({"type": "Precompiled", "precompiled_charsmap": table}));
    }
    // The table can bring new spaces.
    steps.extend([replace(" {2,}", " "), strip]);
    json["normalizer"] = json!({"type": "Sequence", "normalizers": steps});
    let spaces = json!({"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": false});
    json["pre_tokenizer"] = spaces.clone();
    json["decoder"] = spaces;
    json["post_processor"] = template(&[], &[("</s>", end as u64)]);
    Ok(json)
}
