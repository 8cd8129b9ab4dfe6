//! Whole steps of StyleGAN2, and the transformations of adaptive augmentation, equal PyTorch's; see
//! testdata/goldens/gan/make_style.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;

use std::sync::atomic::AtomicBool;

use candle_core::{Device, Tensor};
use dl_models::gan::{
    Canvas, ConditionSize, Conditioning, Discriminator, DiscriminatorBody, DiscriminatorConfig, Generator,
    GeneratorConfig, StyleChannels,
};
use dl_models::{Checkpoint, Parameters, Precision};
use dl_train::fit::{Event, Files, FitConfig, OptimizerConfig, Player, Progress, Rule, TrainedModel, fit};
use dl_train::gan::{
    Augment, Draws, GanBatch, GanLoss, GanTask, Penalty, PenaltyKind, Players, StyleBatch, Transforms,
};
use dl_train::schedule::{Decay, Schedule};
use formula::{formula, mix};
use serde_json::{Map, Value, json};

/// Fills the weights as make_style.py does: times what the constants of the equalized learning rate divide them by.
fn fill(parameters: &Parameters, player: &str) {
    for (name, var) in parameters.vars() {
        let (shape, name) = (var.dims().to_vec(), format!("{player}.{name}"));
        let scale = if shape.len() > 1 { 2_f64.sqrt() } else { 0.1 };
        let mapped = name.contains(".mapping.") && !name.ends_with("w_avg");
        let center = if name.ends_with("affine.bias") { 1.0 } else { 0.0 };
        var.set(&formula(&name, &shape, center, if mapped { 100.0 * scale } else { scale })).unwrap();
    }
}

fn signed(name: &str, count: usize, scale: f32) -> Vec<f32> {
    mix(name, count).map(|u| scale * (2.0 * u - 1.0) as f32).collect()
}

fn number(golden: &Value, name: &str) -> usize {
    golden[name].as_u64().unwrap() as usize
}

fn players(golden: &Value, labeled: bool) -> Players {
    let image = Canvas { channels: 3, height: number(golden, "height"), width: number(golden, "width") };
    let channels = StyleChannels { base: number(golden, "channel_base"), max: number(golden, "channel_max") };
    let options = json!({
        "channel_base": channels.base,
        "channel_max": channels.max,
        "mapping_layers": golden["mapping_layers"],
    });
    let mut config = GeneratorConfig::new("stylegan", number(golden, "latent"), image);
    config.options = options.as_object().unwrap().clone();
    let labels = number(golden, "labels");
    if labeled {
        config.labels = Some((0..labels).map(|label| label.to_string()).collect());
        config.label_columns = Some(number(golden, "columns"));
    }
    let [generator_weights, discriminator_weights] = [0, 1].map(Parameters::fresh);
    let generator = Generator::new(config, &generator_weights.builder(&Device::Cpu)).unwrap();
    let config = DiscriminatorConfig {
        body: DiscriminatorBody::StyleGan(channels),
        image,
        condition: labeled.then_some((ConditionSize::Labels(labels), Conditioning::Project)),
        norms: false,
        spectral: false,
        dropout: 0.0,
        constant: false,
    };
    let discriminator = Discriminator::new(&config, &discriminator_weights.builder(&Device::Cpu)).unwrap();
    fill(&generator_weights, "generator");
    fill(&discriminator_weights, "discriminator");
    let config = DiscriminatorConfig { constant: true, ..config };
    let judge = Discriminator::new(&config, &discriminator_weights.following(&Device::Cpu)).unwrap();
    Players { generator, generator_weights, discriminator, judge, discriminator_weights }
}

/// Adam for the generator, and for the discriminator with a lazy penalty.
fn optimizers(golden: &Value, steps: usize) -> Vec<Player> {
    let betas: [f64; 2] = serde_json::from_value(golden["betas"].clone()).unwrap();
    let lazy = golden["lazy"].as_f64().unwrap();
    let player = |part: f64| Player {
        optimizer: OptimizerConfig {
            rule: Rule::Adam { betas: betas.map(|beta| beta.powf(part)), eps: golden["eps"].as_f64().unwrap() },
            largest_gradient: None,
        },
        schedule: Schedule {
            rate: golden["rate"].as_f64().unwrap() * part,
            warmup: 0,
            decay: Decay::Constant,
            iterations: steps,
        },
    };
    vec![player(1.0), player(lazy / (lazy + 1.0))]
}

#[test]
fn whole_steps_of_stylegan_equal_those_of_torch() {
    let golden = include_str!("../../../testdata/goldens/gan/style.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    let (count, steps) = (number(&golden, "batch"), number(&golden, "steps"));
    for (name, case) in golden["cases"].as_object().unwrap() {
        let labeled = name == "labeled";
        let players = players(&golden, labeled);
        let config = players.generator.config().clone();
        let noise = players.generator.style().unwrap().noise_numbers();
        let batches = |step: usize| {
            let from = golden["mixed"][step.to_string()].as_u64();
            let mixed = from.map(|from| (signed(&format!("mixed/{step}"), count * config.latent, 2.0), from as usize));
            Ok(GanBatch {
                images: signed(&format!("real/{step}"), count * config.image.numbers(), 1.0),
                labels: if labeled { (0..count as u32).map(|index| index % 3).collect() } else { Vec::new() },
                features: Vec::new(),
                latents: signed(&format!("latents/{step}"), count * config.latent, 2.0),
                style: Some(StyleBatch { mixed, noise: signed(&format!("noise/{step}"), count * noise, 1.0) }),
            })
        };
        let file = |_: &Progress| {
            let tensors = players.generator_weights.tensors();
            Ok(TrainedModel { config: json!({}), tensors, texts: Vec::new(), precision: Precision::F32 })
        };
        let task = GanTask {
            players: &players,
            batches: &batches,
            loss: GanLoss::NonSaturating,
            penalty: Some(Penalty {
                kind: PenaltyKind::R1,
                gamma: golden["gamma"].as_f64().unwrap(),
                lazy: number(&golden, "lazy"),
            }),
            smoothing: 0.0,
            noise: 0.0,
            augment: &Augment::None,
            mismatched: false,
            validate: None,
            steps,
            critic: 1,
            weight_decay: 0.0,
            seed: 0,
            device: &Device::Cpu,
            file: &file,
        };
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(&folder.path().join("gan.safetensors"));
        let fit_config = FitConfig {
            iterations: steps,
            players: optimizers(&golden, steps),
            accumulate: 1,
            average: golden["ema"].as_f64(),
            epoch: 1,
            validate_every: 0,
            save_every: 0,
            patience: None,
            explosion: None,
            files: Some(files.clone()),
            settings: Map::new(),
            resume: false,
        };
        let mut seen = Vec::new();
        fit(&task, &fit_config, &AtomicBool::new(false), |event| {
            if let Event::Step { figures, .. } = event {
                seen.push(figures.to_vec());
            }
            Ok(())
        })
        .unwrap();
        for (figures, expected) in seen.iter().zip(case["losses"].as_array().unwrap()) {
            for (phase, expected) in expected.as_object().unwrap() {
                let found = figures.iter().find(|(known, _)| known == phase).unwrap().1;
                let expected = expected.as_f64().unwrap();
                assert!((found - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{name}: {phase} {found} {expected}");
            }
        }
        let last = Checkpoint::open(&files.last).unwrap();
        for (weight, expected) in case["weights"].as_object().unwrap() {
            let stored = weight.strip_prefix("generator.").unwrap_or(weight);
            let found: Tensor = last.tensor(stored, &Device::Cpu).unwrap();
            let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
            let stride = (found.len() / 6).max(1);
            for (found, expected) in found.iter().step_by(stride).zip(expected.as_array().unwrap()) {
                let expected = expected.as_f64().unwrap();
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-4 * (1.0 + expected.abs()), "{name}: {weight}: {found} {expected}");
            }
        }
    }
}

#[test]
fn each_transformation_of_adaptive_augmentation_equals_torch() {
    let golden = include_str!("../../../testdata/goldens/gan/transforms.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    let size = [number(&golden, "height"), number(&golden, "width")];
    for case in golden["cases"].as_array().unwrap() {
        let (name, channels) = (case["name"].as_str().unwrap(), number(case, "channels"));
        let draws: Draws = serde_json::from_value(case["draws"].clone()).unwrap();
        let shape = (1, channels, size[0], size[1]);
        let image = Tensor::from_vec(signed("image", channels * size[0] * size[1], 1.0), shape, &Device::Cpu).unwrap();
        let y = Transforms::new(&[draws], channels, size).unwrap().apply(&image).unwrap();
        let found: Vec<f32> = y.flatten_all().unwrap().to_vec1().unwrap();
        for (found, expected) in found.iter().step_by(5).zip(case["numbers"].as_array().unwrap()) {
            let expected = expected.as_f64().unwrap();
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{name}, {channels} channels: {found} {expected}");
        }
    }
}
