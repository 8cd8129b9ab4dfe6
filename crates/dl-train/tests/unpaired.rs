//! Whole steps of CycleGAN and DiscoGAN equal PyTorch's; see testdata/goldens/gan/make_unpaired.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;
mod golden_steps;

use candle_core::Device;
use dl_models::Precision;
use dl_models::gan::discogan::{DiscoganConfig, DiscoganDiscriminator};
use dl_models::gan::patch_gan::{PatchGan, PatchGanConfig};
use dl_models::gan::{Canvas, TranslatorConfig};
use dl_train::fit::{Progress, TrainedModel};
use dl_train::gan::{BACK, CycleTask, DiscoTask, GanLoss, Pair, Pool, UnpairedBatch};
use golden_steps::{check, fill, number, signed};
use rand::RngExt;
use serde_json::{Value, json};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../testdata/goldens/gan/unpaired.json")).unwrap()
}

/// Fills all networks as the script does.
fn filled<D>(pair: Pair<D>) -> Pair<D> {
    fill(
        &pair.generator_weights,
        |name| {
            if name.starts_with(BACK) { name.to_owned() } else { format!("generator.{name}") }
        },
    );
    fill(&pair.discriminator_weights, |name| format!("discriminator.{name}"));
    pair
}

fn batches(count: usize, canvas: Canvas) -> impl Fn(usize) -> anyhow::Result<UnpairedBatch> + Sync {
    move |step| {
        let images = ["a", "b"].map(|domain| signed(&format!("{domain}/{step}"), count * canvas.numbers(), 1.0));
        Ok(UnpairedBatch { images })
    }
}

/// The model file of a direction.
fn file<D>(pair: &Pair<D>) -> impl Fn(usize, &Progress) -> anyhow::Result<TrainedModel> + Sync
where
    D: Sync,
{
    |direction, _| {
        let tensors = pair.generator_tensors(direction);
        Ok(TrainedModel { config: json!({}), tensors, texts: Vec::new(), precision: Precision::F32 })
    }
}

#[test]
fn steps_of_cyclegan_with_a_pool_equal_those_of_torch() {
    let golden = golden();
    let case = &golden["cyclegan"];
    let [height, width]: [usize; 2] = serde_json::from_value(case["sides"].clone()).unwrap();
    let canvas = Canvas { channels: 3, height, width };
    let config = TranslatorConfig::new("cyclegan", &json!({ "blocks": 1, "channels": 4 })).unwrap();
    let judged = PatchGanConfig { channels: 4, layers: 1, ..PatchGanConfig::default() };
    let pair = filled(Pair::new(&config, 0, &Device::Cpu, |vb, _| PatchGan::new(&judged, vb)).unwrap());
    let capacity = number(case, "capacity");
    // What the pools decide is what the script was told.
    for (step, expected) in case["pool"].as_array().unwrap().iter().enumerate().skip(capacity) {
        let mut rng = dl_record::rng(0, &format!("discriminator/{step}"));
        let decided: Vec<Option<usize>> =
            (0..2).map(|_| rng.random::<bool>().then(|| rng.random_range(0..capacity))).collect();
        assert_eq!(json!(decided), *expected, "step {step}");
    }
    let [to_b, to_a] = [0, 1].map(|_| Pool::new(capacity, canvas, &Device::Cpu).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let task = CycleTask {
        pair: &pair,
        batches: &batches(1, canvas),
        canvas,
        loss: GanLoss::Lsgan,
        cycle: 10.0,
        identity: 0.5,
        pools: &[to_b, to_a],
        weight_decay: 0.0,
        seed: 0,
        device: &Device::Cpu,
        file: &file(&pair),
        back: folder.path().join("back.safetensors"),
    };
    check(&task, 2, &golden, case);
    assert!(task.back.exists());
}

#[test]
fn steps_of_discogan_equal_those_of_torch() {
    let golden = golden();
    let case = &golden["discogan"];
    let canvas = Canvas { channels: 3, height: 16, width: 16 };
    let options = DiscoganConfig { steps: 2, channels: 4, code: number(case, "code"), ..DiscoganConfig::default() };
    let config = TranslatorConfig::new("discogan", &options).unwrap();
    let pair = Pair::new(&config, 0, &Device::Cpu, |vb, constant| DiscoganDiscriminator::new(&canvas, 4, constant, vb));
    let pair = filled(pair.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let task = DiscoTask {
        pair: &pair,
        batches: &batches(number(case, "batch"), canvas),
        canvas,
        shares: serde_json::from_value(case["shares"].clone()).unwrap(),
        warm: number(case, "warm"),
        interval: number(case, "interval"),
        weight_decay: case["decay"].as_f64().unwrap(),
        seed: 0,
        device: &Device::Cpu,
        file: &file(&pair),
        back: folder.path().join("back.safetensors"),
    };
    check(&task, 2, &golden, case);
}
