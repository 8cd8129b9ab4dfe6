//! Whole steps of the GAN of tables equal PyTorch's; see testdata/goldens/gan/make_table.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;

use std::sync::atomic::AtomicBool;

use candle_core::{Device, Tensor};
use dl_models::gan::table::{
    Category, Column, ColumnKind, Mode, TableConfig, TableCritic, TableCriticConfig, TableGenerator, TableSchema,
};
use dl_models::{Checkpoint, Parameters, Precision};
use dl_train::fit::{Event, Files, FitConfig, OptimizerConfig, Player, Progress, Rule, TrainedModel, fit};
use dl_train::gan::table::{TableBatch, TableDraw, TablePlayers, TableTask};
use dl_train::schedule::{Decay, Schedule};
use formula::{formula, mix};
use serde_json::{Map, Value, json};

/// Fills the weights as make_table.py does.
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

/// A column of numbers with three modes and empty cells, and two of categories.
fn table() -> TableSchema {
    let mode = |mean| Mode { mean, deviation: 1.0, weight: 0.25 };
    let categories = |count| ColumnKind::Categorical {
        categories: (0..count).map(|name| Category { name: Some(name.to_string()), count: 1 }).collect(),
    };
    let numbers = ColumnKind::Numeric {
        modes: [1.0, 2.0, 3.0].map(mode).to_vec(),
        decimals: 1,
        least: 0.0,
        most: 9.0,
        missing: true,
    };
    let columns = [("x", numbers), ("c", categories(3)), ("d", categories(2))];
    let columns = columns.map(|(name, kind)| Column { name: name.into(), kind }).to_vec();
    TableSchema { columns, label: None }
}

fn draw(golden: &Value, player: &str, step: usize) -> TableDraw {
    let (rows, latent) = (number(golden, "batch"), number(golden, "latent"));
    let latents = signed(&format!("{player}/latents/{step}"), rows * latent, 2.0);
    let mut noise = signed(&format!("{player}/noise/{step}"), rows * 10, 2.0);
    noise.chunks_exact_mut(10).for_each(|row| row[0] = 0.0);
    let mut draw = TableDraw { inputs: Vec::new(), noise, chosen: Vec::new() };
    for (row, latents) in latents.chunks_exact(latent).enumerate() {
        let condition = (row + step) % 2;
        let category = row % [3, 2][condition];
        draw.inputs.extend_from_slice(latents);
        let mut of_condition = [0.0; 5];
        of_condition[[0, 3][condition] + category] = 1.0;
        draw.inputs.extend(of_condition);
        draw.chosen.push([condition, category]);
    }
    draw
}

fn players(golden: &Value) -> TablePlayers {
    let [generator_weights, critic_weights] = [0, 1].map(Parameters::fresh);
    let temperature = golden["temperature"].as_f64().unwrap();
    let config =
        TableConfig { latent: number(golden, "latent"), hidden: vec![6, 5], temperature, ..TableConfig::new(table()) };
    let generator = TableGenerator::new(config, &generator_weights.builder(&Device::Cpu)).unwrap();
    let config = TableCriticConfig { columns: 15, pac: number(golden, "pac"), hidden: vec![8, 6], dropout: 0.0 };
    let critic = TableCritic::new(config.clone(), &critic_weights.builder(&Device::Cpu)).unwrap();
    fill(&generator_weights, "generator");
    fill(&critic_weights, "discriminator");
    let judge = TableCritic::new(config, &critic_weights.following(&Device::Cpu)).unwrap();
    TablePlayers { generator, generator_weights, critic, judge, critic_weights }
}

#[test]
fn whole_steps_of_a_gan_of_tables_equal_those_of_torch() {
    let golden = include_str!("../../../testdata/goldens/gan/table.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    let (rows, pac, steps) = (number(&golden, "batch"), number(&golden, "pac"), number(&golden, "steps"));
    let players = players(&golden);
    let batches = |step: usize| {
        Ok(TableBatch {
            real: signed(&format!("real/{step}"), rows * 15, 1.0),
            critic: draw(&golden, "critic", step),
            generator: draw(&golden, "generator", step),
            shares: signed(&format!("shares/{step}"), rows / pac, 1.0)
                .iter()
                .map(|share| (share + 1.0) / 2.0)
                .collect(),
        })
    };
    let file = |_: &Progress| {
        let tensors = players.generator_weights.tensors();
        Ok(TrainedModel { config: json!({}), tensors, texts: Vec::new(), precision: Precision::F32 })
    };
    let figure = |name: &str| golden[name].as_f64().unwrap();
    let task = TableTask {
        players: &players,
        batches: &batches,
        penalty: figure("gamma"),
        critic: 1,
        weight_decay: figure("weight_decay"),
        seed: 0,
        device: &Device::Cpu,
        file: &file,
    };
    let folder = tempfile::tempdir().unwrap();
    let files = Files::of(&folder.path().join("table.safetensors"));
    let rule = Rule::Adam { betas: [0.5, 0.9], eps: figure("eps") };
    let schedule = Schedule { rate: figure("rate"), warmup: 0, decay: Decay::Constant, iterations: steps };
    let player = Player { optimizer: OptimizerConfig { rule, largest_gradient: None }, schedule };
    let fit_config = FitConfig {
        iterations: steps,
        players: vec![player.clone(), player],
        accumulate: 1,
        average: None,
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
    let is_close = |found: f64, expected: f64| (found - expected).abs() < 1e-4 * (1.0 + expected.abs());
    for (figures, expected) in seen.iter().zip(golden["losses"].as_array().unwrap()) {
        for (name, expected) in expected.as_object().unwrap() {
            let found = figures.iter().find(|(known, _)| known == name).unwrap().1;
            let expected = expected.as_f64().unwrap();
            assert!(is_close(found, expected), "{name} {found} {expected}");
        }
    }
    let last = Checkpoint::open(&files.last).unwrap();
    for (name, expected) in golden["weights"].as_object().unwrap() {
        let found: Tensor = last.tensor(name, &Device::Cpu).unwrap();
        let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        let stride = (found.len() / 8).max(1);
        for (found, expected) in found.iter().step_by(stride).zip(expected.as_array().unwrap()) {
            let expected = expected.as_f64().unwrap();
            assert!(is_close(f64::from(*found), expected), "{name}: {found} {expected}");
        }
    }
}
