//! Translation between two domains of images without pairs: cyclegan and discogan.

mod cyclegan;
mod data;
mod discogan;
mod options;
mod sheet;

use anyhow::Result;
use candle_core::Device;
pub(super) use cyclegan::CycleGan;
pub(super) use discogan::DiscoGan;
use dl_models::gan::TranslatorConfig;
use dl_models::{Parameters, Precision};
use dl_train::fit::{Progress, TrainedModel};
use dl_train::gan::{BACK, Pair};
use serde_json::{Map, Value, json};

use crate::common::Messages;
use data::Data;

/// The model file of the generator of a direction.
fn model<D>(
    pair: &Pair<D>,
    data: &Data,
    figures: &Map<String, Value>,
    (direction, progress): (usize, &Progress),
) -> Result<TrainedModel> {
    let mut config = pair.generators[direction].config.clone();
    config.provenance.seed = Some(data.seed);
    config.provenance.training = figures.clone();
    let names = data.images.names();
    config.provenance.training.insert("from".into(), json!(names[direction]));
    config.provenance.training.insert("to".into(), json!(names[1 - direction]));
    config.provenance.training.insert("data_digest".into(), json!(data.images.digest().to_string()));
    config.provenance.training.insert("iterations".into(), json!(progress.step));
    Ok(TrainedModel {
        config: serde_json::to_value(&config)?,
        tensors: pair.generator_tensors(direction),
        texts: Vec::new(),
        precision: Precision::F32,
    })
}

/// The generators with their present weights as constants, for sheets.
fn fixed<D>(pair: &Pair<D>) -> Result<[dl_models::gan::Translator; 2]> {
    let config: &TranslatorConfig = &pair.generators[0].config;
    let vb = pair.generator_weights.fixed(&Device::Cpu);
    let back = vb.pp(BACK.trim_end_matches('.'));
    Ok([dl_models::gan::Translator::new(config.clone(), &vb)?, dl_models::gan::Translator::new(config.clone(), &back)?])
}

fn report<D>(pair: &Pair<D>, messages: &Messages) {
    let count = |weights: &Parameters| weights.vars().iter().map(|(_, var)| var.elem_count()).sum::<usize>() / 2;
    messages.detail(format_args!(
        "{} weights of each generator, {} of each discriminator",
        count(&pair.generator_weights),
        count(&pair.discriminator_weights)
    ));
}
