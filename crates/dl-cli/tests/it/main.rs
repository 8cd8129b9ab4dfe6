//! The real programs on real files.

mod support;

mod data;
mod detect;
mod draw;
mod embed;
mod eval;
mod every_tool;
mod finetune;
mod memory;
mod model;
mod nms;
mod propose;
