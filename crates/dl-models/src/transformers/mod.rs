//! Networks of the crate candle-transformers, for inference: one adapter for families that are not written here.
//!
//! [`CandleImages`] makes an image network of a function of candle's, as a [`Backbone`](crate::Backbone) without plans;
//! a text network is a [`TextNetwork`](crate::text::TextNetwork). [`Renamed`] translates tensor names of other sources,
//! and [`Lenient`](lenient::Lenient) turns a panic of candle's into an error.
//! None of these networks can be trained.

mod convnext;
mod efficientnet;
mod gguf;
mod images;
mod lenient;
mod llama;
mod llama_options;
mod modernbert;
mod renamed;

pub(crate) use convnext::CONVNEXT;
pub(crate) use efficientnet::EFFICIENTNET;
pub(crate) use gguf::open_gguf;
use images::CandleImages;
pub(crate) use llama::{check_llama, llama};
pub(crate) use modernbert::{check_modernbert, modernbert};
use renamed::Renamed;

/// The error of training a network of candle's.
fn only_infers(name: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{name} is computed by candle-transformers, which only infers; train a head on its features: dl-embed, then \
         dl-finetune linear"
    )
}

/// The error of training a language model of candle's.
fn only_generates() -> anyhow::Error {
    anyhow::anyhow!("llama is computed by candle-transformers, which only infers; dl-finetune lm trains gpt2")
}
