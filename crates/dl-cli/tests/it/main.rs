//! The real programs on real files.
#![allow(clippy::unwrap_used, reason = "a test that finds nothing to unwrap fails, as it should")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]
#![allow(unreachable_pub, reason = "the helpers serve the modules of this test only")]

mod support;

mod bad_input;
mod classifier;
mod classify;
mod data;
mod detect;
mod detector_training;
mod detectors;
mod disentangle;
mod draw;
mod draw_html;
mod embed;
mod eval;
mod eval_coco;
mod eval_generated;
mod eval_pairs;
mod every_tool;
mod fetch;
mod finetune;
mod gan;
mod gan_edit;
mod gan_files;
mod gan_pairs;
mod gan_style;
mod gan_table;
mod gan_unpaired;
mod gan_voxel;
mod help;
mod hints;
mod hostile_models;
mod images;
mod memory;
mod model;
mod network_methods;
mod nms;
mod pipeline;
mod propose;
mod streams;
mod tables;
mod terminal;
mod text;
mod text_strategies;
mod transfer;
mod transformers;
