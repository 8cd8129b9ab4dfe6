//! Limits on tokenizers. The file is untrusted input, and the `tokenizers` crate trusts it: ten replacements of a
//! character by a thousand would fill any memory, and a special token could be added a million times.
//!
//! Regular expressions are bounded in number and length; their run time is left to the crate, which gives up a match
//! after a million backtracking steps.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::checkpoint::printable;
use crate::file::limits::MOST_TOKENS;

/// The longest `tokenizer.json` in bytes; one with 260,000 tokens takes 35 MB.
const LONGEST: usize = 64 << 20;
/// Added tokens, and the bytes of all of them.
const MOST_ADDED: usize = 1 << 16;
const MOST_ADDED_BYTES: usize = 4 << 20;
/// Normalizers, pre-tokenizers, post-processors or decoders in a sequence.
const MOST_STEPS: usize = 64;
/// Bytes of a pattern.
const LONGEST_PATTERN: usize = 8192;
/// Characters that one character may become.
const LARGEST_GROWTH: usize = 256;
/// Special tokens and texts in a template.
const MOST_PIECES: usize = 64;
/// Characters of a word that is split into pieces: the run time grows with the square.
const LONGEST_WORD: u64 = 1000;
/// Bytes of the table of a `Precompiled` normalizer, and of a replacement in it.
const LONGEST_TABLE: usize = 2 << 20;
const LONGEST_ENTRY: usize = 256;
/// Bytes of a text, with a growth of 1: the crate takes about a hundred bytes of memory for each.
const LONGEST_TEXT: usize = 16 << 20;

#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    id: u64,
    content: String,
}

#[derive(Deserialize)]
struct Model {
    #[serde(default)]
    vocab: Vocabulary,
    #[serde(default)]
    max_input_chars_per_word: Option<u64>,
}

/// The number of tokens; each id is below [`MOST_TOKENS`].
#[derive(Default)]
struct Vocabulary(usize);

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        impl<'de> Visitor<'de> for Count {
            type Value = Vocabulary;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("the tokens of a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
                let mut count = 0;
                while let Some((_, id)) = map.next_entry::<IgnoredAny, u64>()? {
                    if id >= MOST_TOKENS as u64 {
                        return Err(A::Error::custom(format!(
                            "a token has the id {id}; expected less than {MOST_TOKENS}"
                        )));
                    }
                    count += 1;
                }
                Ok(Vocabulary(count))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vocabulary, A::Error> {
                let mut count = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Vocabulary(count))
            }
        }
        deserializer.deserialize_any(Count)
    }
}

/// Checks the text of a `tokenizer.json` before it is built; returns the bytes of the longest text that it may be
/// given.
/// # Errors
/// When it exceeds what any tokenizer needs.
pub(super) fn check(text: &str) -> Result<usize> {
    ensure!(text.len() <= LONGEST, "has {} bytes; up to {LONGEST} are supported", text.len());
    let outline: Outline = serde_json::from_str(text).context("is not a tokenizer.json")?;
    ensure!(
        outline.model.vocab.0 <= MOST_TOKENS,
        "has {} tokens; up to {MOST_TOKENS} are supported",
        outline.model.vocab.0
    );
    let word = outline.model.max_input_chars_per_word.unwrap_or(0);
    ensure!(word <= LONGEST_WORD, "max_input_chars_per_word is {word}; up to {LONGEST_WORD} is supported");
    let added = &outline.added_tokens;
    let bytes: usize = added.iter().map(|token| token.content.len()).sum();
    ensure!(
        added.len() <= MOST_ADDED && bytes <= MOST_ADDED_BYTES,
        "adds {} tokens of {bytes} bytes; up to {MOST_ADDED} of {MOST_ADDED_BYTES} are supported",
        added.len()
    );
    if let Some(token) = added.iter().find(|token| token.id >= MOST_TOKENS as u64) {
        bail!("the token \"{}\" has the id {}; expected less than {MOST_TOKENS}", printable(&token.content), token.id);
    }
    let growth = Chain::of(&outline.normalizer).context("normalizer")?.growth;
    Chain::of(&outline.pre_tokenizer).context("pre_tokenizer")?;
    Chain::of(&outline.post_processor).context("post_processor")?;
    Chain::of(&outline.decoder).context("decoder")?;
    Ok(LONGEST_TEXT / growth)
}

/// The combined effect of the steps of a part.
struct Chain {
    steps: usize,
    /// Characters that one character may become.
    growth: usize,
}

impl Chain {
    fn of(part: &Value) -> Result<Self> {
        let mut chain = Self { steps: 0, growth: 1 };
        chain.look(part)?;
        Ok(chain)
    }

    fn look(&mut self, part: &Value) -> Result<()> {
        let fields = match part {
            Value::Object(fields) => fields,
            // The crate would read it as a sequence of steps.
            Value::Array(_) => bail!("has a list instead of a step"),
            _ => return Ok(()),
        };
        self.steps += 1;
        ensure!(self.steps <= MOST_STEPS, "has more than {MOST_STEPS} steps");
        for pattern in [part.pointer("/pattern/Regex"), part.pointer("/pattern/String")].into_iter().flatten() {
            let length = pattern.as_str().map_or(0, str::len);
            ensure!(
                length <= LONGEST_PATTERN,
                "has a pattern of {length} bytes; up to {LONGEST_PATTERN} are supported"
            );
        }
        match fields.get("type").and_then(Value::as_str).unwrap_or_default() {
            "Replace" => {
                let content = fields.get("content").and_then(Value::as_str).unwrap_or_default();
                // An expression can match the empty string before a character, which then stays.
                let is_text = part.pointer("/pattern/String").is_some_and(|text| text != "");
                self.grow(content.chars().count().max(1) + usize::from(!is_text && content.chars().count() > 1))?;
            }
            "Prepend" => {
                let text = fields.get("prepend").and_then(Value::as_str).unwrap_or_default();
                self.grow(1 + text.chars().count() / 8)?;
            }
            "ByteLevel" => self.grow(4)?,
            "NFD" | "NFC" => self.grow(4)?,
            "NFKD" | "NFKC" => self.grow(18)?,
            "Precompiled" => {
                let table = fields.get("precompiled_charsmap").and_then(Value::as_str).unwrap_or_default();
                self.grow(longest_entry(table)?)?;
            }
            "TemplateProcessing" => {
                template(fields.get("single"), "single")?;
                template(fields.get("pair"), "pair")?;
                let tokens = fields.get("special_tokens").and_then(Value::as_object).into_iter().flatten();
                for (name, token) in tokens {
                    let lengths =
                        ["ids", "tokens"].map(|part| token.get(part).and_then(Value::as_array).map_or(0, Vec::len));
                    let right = lengths[0] == lengths[1] && lengths[0] <= MOST_PIECES;
                    ensure!(
                        right,
                        "the special token \"{}\" has {} ids and {} tokens",
                        printable(name),
                        lengths[0],
                        lengths[1]
                    );
                }
            }
            _ => {}
        }
        for inner in ["normalizers", "pretokenizers", "processors", "decoders"] {
            for step in fields.get(inner).and_then(Value::as_array).into_iter().flatten() {
                self.look(step)?;
            }
        }
        Ok(())
    }

    fn grow(&mut self, factor: usize) -> Result<()> {
        self.growth = self.growth.saturating_mul(factor);
        ensure!(
            self.growth <= LARGEST_GROWTH,
            "turns one character into more than {LARGEST_GROWTH}; no tokenizer needs that"
        );
        Ok(())
    }
}

/// Checks a template of special tokens: each text occurs once.
fn template(pieces: Option<&Value>, name: &str) -> Result<()> {
    let pieces = pieces.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    ensure!(pieces.len() <= MOST_PIECES, "{name} has {} pieces; up to {MOST_PIECES} are supported", pieces.len());
    let texts = pieces.iter().filter(|piece| piece.get("Sequence").is_some()).count();
    let most = if name == "single" { 1 } else { 2 };
    ensure!(texts <= most, "{name} has {texts} placeholders for texts; expected {most}");
    Ok(())
}

/// The longest replacement in a table of SentencePiece: a trie, after its length, followed by zero-terminated texts.
fn longest_entry(table: &str) -> Result<usize> {
    ensure!(table.len() <= LONGEST_TABLE, "has a table of {} bytes; up to {LONGEST_TABLE} are supported", table.len());
    let bytes = base64_simd::STANDARD.decode_to_vec(table).ok().context("has a table that is not base64")?;
    let trie = bytes.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
    let texts = bytes.get(trie.saturating_add(4)..).unwrap_or_default();
    let longest = texts.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0);
    ensure!(longest <= LONGEST_ENTRY, "turns one character into {longest} bytes; no tokenizer needs that");
    // For characters of two or more bytes.
    Ok((longest / 2).max(1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(part: &str, value: Value) -> String {
        let mut json = json!({"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}});
        json[part] = value;
        json.to_string()
    }

    #[test]
    fn endless_growth_is_an_error() {
        let replace = |content: &str| json!({"type": "Replace", "pattern": {"String": "a"}, "content": content});
        let marks = |count: usize| {
            json!({"type": "TemplateProcessing", "pair": [], "special_tokens": {},
            "single": vec![json!({"Sequence": {"id": "A", "type_id": 0}}); count]})
        };
        let cases = [
            (
                "normalizer",
                json!({"type": "Sequence", "normalizers": vec![replace("aa"); 60]}),
                "turns one character into",
            ),
            ("normalizer", replace(&"a".repeat(300)), "turns one character into"),
            ("decoder", json!({"type": "Sequence", "decoders": vec![replace("aa"); 60]}), "turns one character into"),
            ("normalizer", json!({"type": "Sequence", "normalizers": vec![json!({"type": "Lowercase"}); 99]}), "steps"),
            ("normalizer", json!({"type": "Precompiled", "precompiled_charsmap": "A".repeat(3 << 20)}), "table of"),
            ("pre_tokenizer", json!({"type": "Split", "pattern": {"Regex": "(a".repeat(9000)}}), "pattern of"),
            ("post_processor", marks(1000), "pieces"),
            ("post_processor", marks(3), "placeholders for texts"),
            ("model", json!({"type": "WordPiece", "vocab": {}, "max_input_chars_per_word": 1_u64 << 40}), "max_input"),
            ("model", json!({"type": "BPE", "vocab": {"a": u32::MAX}, "merges": []}), "has the id"),
            ("added_tokens", json!(vec![json!({"id": 1, "content": "x".repeat(100)}); 70_000]), "adds 70000 tokens"),
            ("added_tokens", json!([{"id": 1_u64 << 40, "content": "x"}]), "has the id"),
        ];
        for (part, value, word) in cases {
            let error = format!("{:#}", check(&with(part, value)).unwrap_err());
            assert!(error.contains(word) && error.len() < 300, "{word}: {error}");
        }
        assert_eq!(check(&with("normalizer", replace("b"))).unwrap(), LONGEST_TEXT);
        assert!(check("[]").is_err());
    }
}
