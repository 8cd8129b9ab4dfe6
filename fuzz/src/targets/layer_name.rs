//! Layer names on the command line or in a config: `fire9@3x3`.

use std::sync::OnceLock;

use candle_core::Device;
use dl_models::{LayerName, Model, ModelConfig, Parameters};

use super::Target;
use crate::weights::checked;

pub(super) const TARGET: Target = Target {
    name: "layer_name",
    run,
    words: &[
        "@",
        "x",
        "@1",
        "@3x3",
        "@4294967296x4294967296",
        "conv1",
        "layer1",
        "layer1.0",
        "avgpool",
        "fc",
        "logits",
        "@0",
        "@-1",
    ],
    seeds: &[],
    share: 20,
};

fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some(layer) = checked(text.parse::<LayerName>()) else { return };
    let again: LayerName = layer.to_string().parse().expect("a layer's name is read as it is written");
    assert_eq!(again, layer);
    static MODEL: OnceLock<Model> = OnceLock::new();
    let model = MODEL.get_or_init(|| {
        let weights = Parameters::fresh(0).builder(&Device::Cpu);
        Model::build(ModelConfig::new("resnet20_cifar", 10), weights).expect("the test network can be built")
    });
    checked(model.shapes([3, 32, 32], std::slice::from_ref(&layer)));
    checked(model.multiply_adds([3, 32, 32], &layer));
}
