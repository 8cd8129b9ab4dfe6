//! The real programs on real files.

mod support;

mod data;
mod detect;
mod draw;
mod embed;
mod eval;
mod finetune;
mod memory;
mod model;
mod nms;
mod propose;
