//! Whole steps of networks trained on pairs of images equal PyTorch's; see testdata/goldens/gan/make_pairs.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;

use std::sync::atomic::AtomicBool;

use candle_core::{Device, Tensor};
use dl_models::gan::patch_gan::{PatchGan, PatchGanConfig};
use dl_models::gan::sr_discriminator::{SrDiscriminator, SrDiscriminatorConfig};
use dl_models::gan::{LUMA, Task, Translator, TranslatorConfig};
use dl_models::{Checkpoint, Parameters, Precision};
use dl_train::fit::{Event, Files, FitConfig, OptimizerConfig, Player, Progress, Rule, TrainedModel, fit};
use dl_train::gan::GanLoss;
use dl_train::gan::paired::{
    Critic, Distance, HoleShape, Holes, PairKind, PairedBatch, PairedBatchConfig, PairedLosses, PairedPlayers,
    PairedTask,
};
use dl_train::schedule::{Decay, Schedule};
use formula::{formula, mix};
use serde_json::{Map, Value, json};

/// Fills the weights as make_pairs.py does.
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

fn signed(name: &str, count: usize) -> Vec<f32> {
    mix(name, count).map(|u| (2.0 * u - 1.0) as f32).collect()
}

fn number(golden: &Value, name: &str) -> usize {
    golden[name].as_u64().unwrap() as usize
}

/// What a pair is, and the generator.
fn generator(name: &str) -> (PairKind, TranslatorConfig) {
    let (name, norm) = name.split_once('-').unwrap_or((name, "batch"));
    let unet = |inputs: usize| {
        let options = json!({"steps": 5, "channels": 4, "inputs": inputs, "norm": norm, "dropout": false});
        TranslatorConfig::new("unet", &options).unwrap()
    };
    let of_task = |task, inputs| TranslatorConfig { task: Some(task), ..unet(inputs) };
    match name {
        "srgan" | "srresnet" => {
            let options = json!({"scale": 2, "blocks": 2, "channels": 4});
            (PairKind::SuperResolution(2), TranslatorConfig::new(name, &options).unwrap())
        }
        "pix2pix" => (PairKind::Translation, unet(3)),
        "complete" => {
            let holes = Holes { shape: HoleShape::Center, share: 0.25 };
            (PairKind::Completion(holes), of_task(Task::Completion, 4))
        }
        _ => (PairKind::Colorization, of_task(Task::Colorization, 1)),
    }
}

fn players(name: &str, kind: PairKind, config: TranslatorConfig, side: usize, has_critic: bool) -> PairedPlayers {
    let device = Device::Cpu;
    let [weights, of_critic] = [0, 1].map(Parameters::fresh);
    let generator = Translator::new(config, &weights.builder(&device)).unwrap();
    fill(&weights, "generator");
    let critic = has_critic.then(|| {
        let (network, judge): (Box<dyn dl_models::Backbone>, Box<dyn dl_models::Backbone>) = match kind {
            PairKind::SuperResolution(_) => {
                let config = SrDiscriminatorConfig { channels: 4, hidden: 8, size: [side; 2] };
                let network = SrDiscriminator::new(&config, &of_critic.builder(&device)).unwrap();
                fill(&of_critic, "discriminator");
                let judge = SrDiscriminator::new(&config, &of_critic.following(&device)).unwrap();
                (Box::new(network), Box::new(judge.of_batch()))
            }
            _ => {
                let norm = serde_json::from_value(name.split_once('-').unwrap().1.into()).unwrap();
                let inputs = generator.channels()[0] + 3;
                let config = PatchGanConfig { inputs, channels: 4, layers: 2, norm };
                let network = PatchGan::new(&config, &of_critic.builder(&device)).unwrap();
                fill(&of_critic, "discriminator");
                let judge = PatchGan::new(&config, &of_critic.following(&device)).unwrap();
                (Box::new(network), Box::new(judge.of_batch()))
            }
        };
        let conditional = !matches!(kind, PairKind::SuperResolution(_));
        Critic { network, judge, weights: of_critic.clone(), conditional }
    });
    PairedPlayers { generator, weights, critic }
}

/// The pairs of a step, as in the script.
fn batch(kind: PairKind, step: usize, [count, side]: [usize; 2]) -> PairedBatch {
    let area = side * side;
    let target = signed(&format!("target/{step}"), count * 3 * area);
    let halved = |numbers: Vec<f32>| numbers.iter().map(|number| (number + 1.0) / 2.0).collect();
    match kind {
        PairKind::SuperResolution(_) => {
            let input = signed(&format!("input/{step}"), count * 3 * area / 4);
            PairedBatch { inputs: halved(input), targets: halved(target) }
        }
        PairKind::Translation => {
            PairedBatch { inputs: signed(&format!("input/{step}"), count * 3 * area), targets: target }
        }
        PairKind::Completion(_) => {
            let masks = signed(&format!("mask/{step}"), count * area);
            let masks: Vec<f32> = masks.iter().map(|number| f32::from(u8::from(*number > 0.3))).collect();
            let mut inputs = Vec::new();
            for (target, mask) in target.chunks(3 * area).zip(masks.chunks(area)) {
                inputs.extend(target.iter().zip(mask.iter().cycle()).map(|(value, missing)| value * (1.0 - missing)));
                inputs.extend(mask);
            }
            PairedBatch { inputs, targets: target }
        }
        PairKind::Colorization => {
            let gray = target.chunks(3 * area).flat_map(|target| {
                (0..area).map(|at| (0..3).map(|channel| LUMA[channel] * target[channel * area + at]).sum())
            });
            PairedBatch { inputs: gray.collect(), targets: target }
        }
    }
}

#[test]
fn whole_steps_on_pairs_equal_those_of_torch() {
    let golden: Value = serde_json::from_str(include_str!("../../../testdata/goldens/gan/pairs.json")).unwrap();
    let (count, side, steps) = (number(&golden, "batch"), number(&golden, "side"), number(&golden, "steps"));
    for (name, case) in golden["cases"].as_object().unwrap() {
        let words: Vec<&str> = name.split(' ').collect();
        let weight = |index: usize| words[index].parse::<f64>().unwrap();
        let (kind, config) = generator(words[0]);
        let players = players(words[0], kind, config, side, weight(3) > 0.0);
        let range = players.generator.architecture.range;
        let losses = PairedLosses {
            pixel: serde_json::from_value::<Distance>(words[1].into()).unwrap(),
            pixel_weight: weight(2),
            game: GanLoss::NonSaturating,
            adversarial_weight: weight(3),
            critic_weight: weight(4),
            perceptual: None,
            variation_weight: weight(5),
            smoothing: 0.0,
            noise: 0.0,
        };
        let batches = |step: usize| Ok(batch(kind, step, [count, side]));
        let file = |_: &Progress| {
            let tensors = players.weights.tensors();
            Ok(TrainedModel { config: json!({}), tensors, texts: Vec::new(), precision: Precision::F32 })
        };
        let task = PairedTask {
            players: &players,
            losses: &losses,
            config: PairedBatchConfig { kind, size: [side; 2], jitter: 1.0, range, batch: count, flip: false, seed: 0 },
            batches: &batches,
            validation: None,
            steps,
            weight_decay: 0.0,
            seed: 0,
            device: &Device::Cpu,
            file: &file,
        };
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(&folder.path().join("model.safetensors"));
        let betas = [0, 1].map(|index| golden["betas"][index].as_f64().unwrap());
        let rule = Rule::Adam { betas, eps: golden["eps"].as_f64().unwrap() };
        let rate = golden["rate"].as_f64().unwrap();
        let player = Player {
            optimizer: OptimizerConfig { rule, largest_gradient: None },
            schedule: Schedule { rate, warmup: 0, decay: Decay::Constant, iterations: steps },
        };
        let config = FitConfig {
            iterations: steps,
            players: vec![player; if players.critic.is_some() { 2 } else { 1 }],
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
        let ended = fit(&task, &config, &AtomicBool::new(false), |event| {
            if let Event::Step { figures, .. } = event {
                seen.push(figures.to_vec());
            }
            Ok(())
        });
        ended.unwrap();
        for (figures, expected) in seen.iter().zip(case["losses"].as_array().unwrap()) {
            for (loss, expected) in expected.as_object().unwrap() {
                let found = figures.iter().find(|(known, _)| known == loss).unwrap().1;
                let expected = expected.as_f64().unwrap();
                assert!((found - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{name}: {loss} {found} {expected}");
            }
        }
        let last = Checkpoint::open(&files.last).unwrap();
        for (weight, expected) in case["weights"].as_object().unwrap() {
            let stored = weight.strip_prefix("generator.").unwrap_or(weight);
            let found: Tensor = last.tensor(stored, &Device::Cpu).unwrap();
            let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
            let stride = (found.len() / 4).max(1);
            for (found, expected) in found.iter().step_by(stride).zip(expected.as_array().unwrap()) {
                let expected = expected.as_f64().unwrap();
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-4 * (1.0 + expected.abs()), "{name}: {weight}: {found} {expected}");
            }
        }
    }
}
