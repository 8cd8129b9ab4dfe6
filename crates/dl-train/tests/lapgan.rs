//! Whole steps of LAPGAN, and a sample after them, equal PyTorch's; see testdata/goldens/gan/make_lapgan.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;
mod golden_steps;

use candle_core::Device;
use dl_models::Precision;
use dl_models::gan::lapgan::LapganOptions;
use dl_models::gan::{Canvas, Condition, DiscriminatorBody, Generator, GeneratorConfig};
use dl_train::fit::{Progress, TrainedModel};
use dl_train::gan::{GanBatch, Judges, LaplacianPlayers, LaplacianTask};
use golden_steps::{check, fill, number, signed};
use serde_json::{Value, json};

#[test]
fn steps_of_lapgan_and_a_sample_equal_those_of_torch() {
    let golden: Value = serde_json::from_str(include_str!("../../../testdata/goldens/gan/lapgan.json")).unwrap();
    let [count, labels, side, channels] = ["batch", "labels", "side", "channels"].map(|name| number(&golden, name));
    let image = Canvas { channels: 3, height: side, width: side };
    let coarse = json!({ "hidden": [8, 12], "norms": false, "slope": 0.0 });
    let options = LapganOptions {
        levels: 2,
        channels,
        coarse_options: coarse.as_object().unwrap().clone(),
        coarse_latent: number(&golden, "latent"),
        ..LapganOptions::default()
    };
    let mut config = GeneratorConfig::new("lapgan", options.latent(&image), image);
    config.options = serde_json::to_value(&options).unwrap().as_object().unwrap().clone();
    config.labels = Some((0..labels).map(|label| label.to_string()).collect());
    config.label_columns = Some(labels);

    let judges = Judges { smallest: DiscriminatorBody::Vanilla(vec![12, 8]), channels, dropout: 0.0 };
    let players = LaplacianPlayers::new(&config, &judges, 0, &Device::Cpu).unwrap();
    fill(&players.generator_weights, str::to_owned);
    fill(&players.discriminator_weights, |name| format!("discriminator.{name}"));
    let batch = |step: usize| {
        Ok(GanBatch {
            images: signed(&format!("real/{step}"), count * image.numbers(), 1.0),
            labels: (0..count).map(|index| (index % labels) as u32).collect(),
            features: Vec::new(),
            style: None,
            latents: signed(&format!("latents/{step}"), count * config.latent, 2.0),
        })
    };
    let file = |_: &Progress| {
        let tensors = players.generator_weights.tensors();
        Ok(TrainedModel { config: json!({}), tensors, texts: Vec::new(), precision: Precision::F32 })
    };
    let task = LaplacianTask {
        players: &players,
        config: &config,
        batches: &batch,
        weight_decay: 0.0,
        seed: 0,
        device: &Device::Cpu,
        file: &file,
    };
    check(&task, 4, &golden, &golden);

    let sampler = Generator::new(config.clone(), &players.generator_weights.fixed(&Device::Cpu)).unwrap();
    let last = batch(golden["losses"].as_array().unwrap().len() - 1).unwrap();
    let made = sampler.generate(&last.latents, Condition::Labels(&last.labels)).unwrap();
    for (found, expected) in made.iter().step_by(101).zip(golden["sample"].as_array().unwrap()) {
        let expected = expected.as_f64().unwrap();
        assert!((f64::from(*found) - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{found} {expected}");
    }
    // Each sample depends on its own vector alone.
    let one = sampler
        .generate(&last.latents[2 * config.latent..3 * config.latent], Condition::Labels(&last.labels[2..3]))
        .unwrap();
    let numbers = image.numbers();
    assert!(one.iter().zip(&made[2 * numbers..3 * numbers]).all(|(a, b)| (a - b).abs() < 1e-5));
}
