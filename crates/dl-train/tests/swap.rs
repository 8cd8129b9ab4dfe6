//! Whole steps of contents and styles equal PyTorch's; see testdata/goldens/gan/make_swap.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;
mod golden_steps;

use candle_core::Device;
use dl_models::Precision;
use dl_models::gan::Canvas;
use dl_models::gan::swap::{SwapConfig, SwapJudgeConfig};
use dl_train::disentangle::{CodeBatch, SwapPlayers, SwapTask, SwapTaskWeights, SwapWeights};
use dl_train::fit::{Progress, TrainedModel};
use golden_steps::{check, fill, number, signed};
use serde_json::{Value, json};

#[test]
fn steps_of_contents_and_styles_equal_those_of_torch() {
    let golden: Value = serde_json::from_str(include_str!("../../../testdata/goldens/gan/swap.json")).unwrap();
    let case = &golden["swap"];
    let [height, width]: [usize; 2] = serde_json::from_value(case["sides"].clone()).unwrap();
    let canvas = Canvas { channels: 3, height, width };
    let config = SwapConfig { style: number(case, "style"), ..SwapConfig::new(canvas, number(case, "channels"), 1) };
    let judge = SwapJudgeConfig { image: canvas, channels: config.channels, classes: vec![3, 2] };
    let players = SwapPlayers::new(&config, &judge, 0, &Device::Cpu).unwrap();
    fill(&players.weights, |name| format!("generator.{name}"));
    fill(&players.judge_weights, |name| format!("discriminator.{name}"));
    let count = number(case, "batch") * canvas.numbers();
    let batches = |step: usize| {
        let [images, mates] = ["images", "mates"].map(|name| signed(&format!("{name}/{step}"), count, 1.0));
        let styles = serde_json::from_value(case["styles"].clone())?;
        Ok(CodeBatch { images, mates, styles, contents: serde_json::from_value(case["contents"].clone())? })
    };
    let file = |_: &Progress| {
        let tensors = players.weights.tensors();
        Ok(TrainedModel { config: json!({}), tensors, texts: Vec::new(), precision: Precision::F32 })
    };
    let factor = |name: &str| case["factors"][name].as_f64().unwrap();
    let task = SwapTask {
        players: &players,
        batches: &batches,
        factors: SwapTaskWeights {
            codes: SwapWeights { image: factor("image"), content: factor("content"), style: factor("style") },
            real: factor("real"),
            classes: factor("classes"),
        },
        weight_decay: 0.0,
        device: &Device::Cpu,
        file: &file,
    };
    check(&task, 2, &golden, case);
}
