//! Networks of the crate candle-transformers, for inference: one adapter for families that are not written here.
//!
//! [`CandleImages`] makes an image network of a function of candle's, as a [`Backbone`](crate::Backbone) without plans;
//! a text network is a [`TextNetwork`](crate::text::TextNetwork). [`Renamed`] translates tensor names of other sources.
//! None of these networks can be trained.

mod convnext;
mod efficientnet;
mod images;
mod modernbert;
mod renamed;

pub(crate) use convnext::CONVNEXT;
pub(crate) use efficientnet::EFFICIENTNET;
use images::CandleImages;
pub(crate) use modernbert::{check_modernbert, modernbert};
use renamed::Renamed;

/// The error of training a network of candle's.
fn only_infers(name: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{name} is computed by candle-transformers, which only infers; train a head on its features: dl-embed, then \
         dl-finetune linear"
    )
}
