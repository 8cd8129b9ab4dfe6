//! Whole steps of GANs equal PyTorch's; see testdata/goldens/gan/make_step.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;

use std::sync::atomic::AtomicBool;

use candle_core::{Device, Tensor};
use dl_models::gan::{
    Canvas, ConditionSize, Conditioning, Discriminator, DiscriminatorBody, DiscriminatorConfig, Generator,
    GeneratorConfig,
};
use dl_models::{Checkpoint, Parameters, Precision};
use dl_train::fit::{Event, Files, FitConfig, OptimizerConfig, Player, Progress, Rule, TrainedModel, fit};
use dl_train::gan::{Augment, GanBatch, GanLoss, GanTask, Penalty, PenaltyKind, Players};
use dl_train::schedule::{Decay, Schedule};
use formula::{formula, mix};
use serde_json::{Map, Value, json};

/// Fills the weights as make_step.py does.
fn fill(parameters: &Parameters, player: &str) {
    for (name, var) in parameters.vars() {
        let (shape, name) = (var.dims().to_vec(), format!("{player}.{name}"));
        let fan_in: usize = shape.iter().skip(1).product();
        let (center, scale) = match shape.len() {
            1 if name.ends_with(".weight") || name.ends_with("running_var") => (1.0, 0.5),
            1 => (0.0, 0.1),
            _ => (0.0, (2.0 / fan_in as f64).sqrt()),
        };
        var.set(&formula(&name, &shape, center, scale)).unwrap();
    }
}

fn signed(name: &str, count: usize, scale: f32) -> Vec<f32> {
    mix(name, count).map(|u| scale * (2.0 * u - 1.0) as f32).collect()
}

fn number(golden: &Value, name: &str) -> usize {
    golden[name].as_u64().unwrap() as usize
}

fn penalty(words: &[&str]) -> Option<PenaltyKind> {
    match words.get(3) {
        Some(&"r1") => Some(PenaltyKind::R1),
        Some(&"r1+r2") => Some(PenaltyKind::R1R2),
        _ => None,
    }
}

/// The networks of a case: `vanilla|dcgan LOSS [embed|project] [r1|r1+r2] [spectral]`.
fn players(golden: &Value, words: &[&str]) -> Players {
    let (labels, columns) = (number(golden, "labels"), number(golden, "columns"));
    let conditioning = match words.get(2) {
        Some(&"embed") => Some(Conditioning::Embed),
        Some(&"project") => Some(Conditioning::Project),
        _ => None,
    };
    let (image, body, options) = match words[0] {
        "vanilla" => {
            let options = json!({ "hidden": [8, 12, 16] });
            (Canvas { channels: 1, height: 4, width: 4 }, DiscriminatorBody::Vanilla(vec![12, 8]), options)
        }
        _ => {
            let options = json!({ "channels": 4 });
            (Canvas { channels: 3, height: 16, width: 16 }, DiscriminatorBody::Dcgan(4), options)
        }
    };
    let mut config = GeneratorConfig::new(words[0], number(golden, "latent"), image);
    config.options = options.as_object().unwrap().clone();
    if conditioning.is_some() {
        config.labels = Some((0..labels).map(|label| label.to_string()).collect());
        config.label_columns = Some(columns);
    }
    let [generator_weights, discriminator_weights] = [0, 1].map(Parameters::fresh);
    let generator = Generator::new(config, &generator_weights.builder(&Device::Cpu)).unwrap();
    let config = DiscriminatorConfig {
        body,
        image,
        condition: conditioning.map(|conditioning| (ConditionSize::Labels(labels), conditioning)),
        norms: penalty(words).is_none() && !words.contains(&"spectral"),
        spectral: words.contains(&"spectral"),
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

#[test]
fn whole_steps_equal_those_of_torch() {
    let golden = include_str!("../../../testdata/goldens/gan/step.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    let (count, steps) = (number(&golden, "batch"), number(&golden, "steps"));
    for (name, case) in golden["cases"].as_object().unwrap() {
        let words: Vec<&str> = name.split(' ').collect();
        let players = players(&golden, &words);
        let config = players.generator.config().clone();
        let labels = config.labels.as_ref().map_or(0, Vec::len);
        let batches = |step: usize| {
            Ok(GanBatch {
                images: signed(&format!("real/{step}"), count * config.image.numbers(), 1.0),
                labels: if labels > 0 { (0..count).map(|index| (index % labels) as u32).collect() } else { Vec::new() },
                features: Vec::new(),
                latents: signed(&format!("latents/{step}"), count * config.latent, 2.0),
                style: None,
            })
        };
        let file = |_: &Progress| {
            let tensors = players.generator_weights.tensors();
            Ok(TrainedModel { config: json!({}), tensors, texts: Vec::new(), precision: Precision::F32 })
        };
        let kind = penalty(&words);
        let loss: GanLoss = serde_json::from_value(words[1].into()).unwrap();
        let task = GanTask {
            players: &players,
            batches: &batches,
            loss,
            penalty: kind.map(|kind| Penalty { kind, gamma: 1.0, lazy: 1 }),
            // Those of the script.
            smoothing: if matches!(&name[..], "vanilla lsgan embed" | "dcgan non-saturating") { 0.1 } else { 0.0 },
            noise: 0.0,
            augment: &Augment::None,
            mismatched: false,
            steps,
            critic: 1,
            weight_decay: 0.0,
            seed: 0,
            device: &Device::Cpu,
            validate: None,
            file: &file,
        };
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(&folder.path().join("gan.safetensors"));
        let rule = Rule::Adam { betas: [0.5, 0.999], eps: golden["eps"].as_f64().unwrap() };
        let schedule =
            Schedule { rate: golden["rate"].as_f64().unwrap(), warmup: 0, decay: Decay::Constant, iterations: steps };
        let player = Player { optimizer: OptimizerConfig { rule, largest_gradient: None }, schedule };
        let fit_config = FitConfig {
            iterations: steps,
            players: vec![player.clone(), player],
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
        let ended = fit(&task, &fit_config, &AtomicBool::new(false), |event| {
            if let Event::Step { figures, .. } = event {
                seen.push(figures.to_vec());
            }
            Ok(())
        });
        ended.unwrap();
        for (figures, expected) in seen.iter().zip(case["losses"].as_array().unwrap()) {
            for player in ["discriminator", "generator"] {
                let found = figures.iter().find(|(known, _)| known == player).unwrap().1;
                let expected = expected[player].as_f64().unwrap();
                assert!(
                    (found - expected).abs() < 1e-4 * (1.0 + expected.abs()),
                    "{name}: {player} {found} {expected}"
                );
            }
        }
        let last = Checkpoint::open(&files.last).unwrap();
        let weights = case["weights"].as_object().unwrap();
        for (weight, expected) in weights {
            let stored = weight.strip_prefix("generator.").unwrap_or(weight);
            let found: Tensor = last.tensor(stored, &Device::Cpu).unwrap();
            let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
            let stride = (found.len() / 8).max(1);
            for (found, expected) in found.iter().step_by(stride).zip(expected.as_array().unwrap()) {
                let expected = expected.as_f64().unwrap();
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-4 * (1.0 + expected.abs()), "{name}: {weight}: {found} {expected}");
            }
        }
    }
}
