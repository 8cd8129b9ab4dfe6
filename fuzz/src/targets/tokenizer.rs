//! `tokenizer.json`.

use dl_models::text::TextTokenizer;

use super::Target;
use crate::weights::checked;

pub(super) const TARGET: Target = Target {
    name: "tokenizer",
    run,
    words: &[
        "model",
        "type",
        "BPE",
        "WordPiece",
        "WordLevel",
        "Unigram",
        "vocab",
        "merges",
        "unk_token",
        "unk_id",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "byte_fallback",
        "ignore_merges",
        "dropout",
        "fuse_unk",
        "max_input_chars_per_word",
        "normalizer",
        "Sequence",
        "Replace",
        "Prepend",
        "Precompiled",
        "precompiled_charsmap",
        "BertNormalizer",
        "Lowercase",
        "NFKD",
        "Strip",
        "pre_tokenizer",
        "ByteLevel",
        "Whitespace",
        "Split",
        "Regex",
        "Punctuation",
        "Metaspace",
        "Digits",
        "FixedLength",
        "length",
        "post_processor",
        "TemplateProcessing",
        "RobertaProcessing",
        "BertProcessing",
        "single",
        "pair",
        "special_tokens",
        "added_tokens",
        "truncation",
        "padding",
        "BatchLongest",
        "Fixed",
        "stride",
        "max_length",
        "pad_to_multiple_of",
        "strategy",
        "decoder",
        "CTC",
        "(a+)+$",
        "[[:alpha:]]",
        "\\\\p{L}",
        "(?<=a)",
        "isolated",
        "removed",
        "pattern",
        "content",
        "behavior",
        "invert",
        "lstrip",
        "rstrip",
        "single_word",
        "normalized",
        "special",
    ],
    seeds: &[],
    share: 20,
};

const TEXTS: [&str; 6] =
    ["", "a cat", "A Cat sat on the mat, 1234!", "\u{e9}\u{4e2d} \u{1f600}\u{301}", "[CLS] a [SEP]", "\0\u{feff}\n"];

fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some(tokenizer) = checked(TextTokenizer::new(text, 64)) else { return };
    for text in TEXTS.into_iter().chain(["a ".repeat(200).as_str(), "a".repeat(300).as_str()]) {
        if let Some((tokens, _)) = checked(tokenizer.encode(text)) {
            assert!(tokens.ids.len() <= 64, "{} tokens for a network that reads 64", tokens.ids.len());
            checked(tokenizer.decode(&tokens.ids));
        }
        checked(tokenizer.encode_pair(text, "b"));
        checked(tokenizer.encode_plain(text));
    }
    checked(tokenizer.decode(&[0, 1, 2, u32::MAX]));
}
