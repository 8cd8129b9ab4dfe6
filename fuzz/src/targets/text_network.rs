//! A text network in a Hugging Face folder: `config.json`, tokenizer, weights.

use std::path::Path;
use std::sync::OnceLock;

use dl_cli::tools::embed::Args as Embed;
use dl_cli::tools::model::Args as Model;

use super::Target;
use crate::folder::{Folder, part, split};
use crate::program::{records, run as program};

pub(super) const TARGET: Target = Target {
    name: "text_network",
    run,
    words: &[
        "model_type",
        "bert",
        "gpt2",
        "clip",
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "type_vocab_size",
        "layer_norm_eps",
        "hidden_act",
        "gelu",
        "gelu_new",
        "quick_gelu",
        "n_embd",
        "n_layer",
        "n_head",
        "n_positions",
        "n_inner",
        "bos_token_id",
        "eos_token_id",
        "id2label",
        "vocabulary",
        "text_config",
        "vision_config",
        "projection_dim",
        "image_size",
        "patch_size",
        "lowercase",
        "do_lower_case",
        "[CLS]",
        "[SEP]",
        "[UNK]",
        "[PAD]",
        "##a",
        "<|endoftext|>",
    ],
    seeds: &[],
    share: 8,
};

/// Small networks, made by testdata/goldens/text/make.py.
const KINDS: [&str; 3] = ["bert", "gpt2", "clip"];

fn run(data: &[u8]) {
    let folder = Folder::of(data, "config.json");
    let files = split(data);
    let config = String::from_utf8_lossy(part(&files, "config.json").unwrap_or(data)).into_owned();
    let kind = KINDS.iter().position(|kind| config.contains(&format!("\"{kind}\""))).unwrap_or(0);
    folder.put("model.safetensors", &weights()[kind]);
    let path = folder.arg("");
    program::<Model>(&["summary", &path], b"");
    let texts = b"{\"id\":\"a\",\"text\":\"a cat\"}\n{\"id\":\"b\",\"text\":\"\"}\n{\"id\":\"c\",\"text\":\"\\u00e9\\u4e2d \\ud83d\\ude00\"}\n";
    records::<Embed>(&["--model", &path], texts);
}

fn weights() -> &'static [Vec<u8>; 3] {
    static WEIGHTS: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    WEIGHTS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/goldens/text");
        KINDS.map(|kind| std::fs::read(folder.join(kind).join("model.safetensors")).expect("a golden"))
    })
}
