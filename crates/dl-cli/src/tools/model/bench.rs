//! `dl-model bench`: measure the speed of a network.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use clap::{ArgGroup, ValueEnum};
use dl_models::{LayerName, Level, Model, ModelConfig, Parameters, Winograd, plain};
use dl_ops::cross_entropy;
use dl_train::fit::{Optimizer, OptimizerConfig, Parameter};
use rand::RngExt;
use serde_json::{Value, json};

use crate::common::{Common, DeviceArgs, Io, Outcome, numbers};

/// Measure the speed of a network on this machine
///
/// Runs random images through the network, once to warm up and then for --seconds. Prints one JSON line: the median
/// and the shortest time per batch in milliseconds, and the billions of floating-point operations per second at the
/// median (two for each multiply-add of convolutions and fully connected layers).
///
/// Two environment variables change how every program computes on the CPU. DL_CPU_LEVEL selects the processor's
/// instructions: portable, avx2, avx512 or neon. DL_WINOGRAD selects the algorithm for 3 x 3 convolutions: f4 (the
/// default and the fastest), f2 (more accurate) or off.
#[derive(clap::Args, Debug)]
#[command(group(ArgGroup::new("network").args(["arch", "model"]).required(true).multiple(true)))]
#[command(after_help = "Examples:\n  dl-model bench --arch resnet50 --batch 8 --threads 2 | jq .median_ms")]
pub(super) struct BenchArgs {
    /// Architecture to measure, with random weights unless --model is given; see dl-model list
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,

    /// Model file to measure
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,

    /// Images per batch, at most 4096
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = numbers::batch)]
    batch: usize,

    /// Side of the images in pixels [default: the network's input size]
    #[arg(long, value_name = "PIXELS", value_parser = numbers::side)]
    size: Option<usize>,

    /// Layer to stop at
    #[arg(long, value_name = "LAYER", default_value = "logits")]
    layer: LayerName,

    /// Number type to compute with
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    dtype: Dtype,

    /// Implementation to measure
    #[arg(long, value_enum, default_value_t = Engine::Plan)]
    engine: Engine,

    /// Seconds to measure for, at most 600; at least five batches are run
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = numbers::seconds)]
    seconds: f64,

    #[command(flatten)]
    device: DeviceArgs,

    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
enum Dtype {
    /// Single precision
    F32,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
enum Engine {
    /// The fused plan for inference on the CPU; graph on other devices
    Plan,
    /// One operation after another, as in training
    Graph,
    /// candle's operations, for comparison
    Candle,
    /// A training step: forward, backward, SGD with momentum
    Train,
}

impl BenchArgs {
    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let device = self.device.open()?;
        let (model, parameters) = self.open(&device)?;
        let [height, width] = self.size.map_or(model.config.preprocessing.size, |size| [size; 2]);
        numbers::check_batch(self.batch, [height, width])?;
        let mut rng = dl_record::rng(self.common.seed, "bench");
        let pixels: Vec<f32> = (0..self.batch * 3 * height * width).map(|_| rng.random_range(-1.0..1.0)).collect();
        let x = Tensor::from_vec(pixels, (self.batch, 3, height, width), &device)?;
        let layers = [self.layer.clone()];
        let targets = Tensor::from_iter((0..self.batch as u32).map(|index| index % 2), &device)?;
        let weights = parameters.vars().into_iter().map(|(name, var)| Parameter::new(name, var, 5e-4));
        let mut sgd = Optimizer::new(weights, OptimizerConfig::default());
        let mut once = || match self.engine {
            Engine::Plan => model.features(&x, &layers),
            Engine::Graph => model.backbone.features(&x, &layers, None),
            Engine::Train => {
                let mut rng = dl_record::rng(self.common.seed, "dropout");
                let loss = cross_entropy(&model.backbone.forward_t(&x, Some(&mut rng))?, &targets).map_err(plain)?;
                sgd.step(&loss.backward().map_err(plain)?, 1e-3)?;
                Ok(vec![loss])
            }
            Engine::Candle => dl_models::with_candle_ops(|| model.backbone.features(&x, &layers, None)),
        };
        // A device may still be working when the call returns.
        let mut once = || once().and_then(|outputs| device.synchronize().map(|()| outputs).map_err(plain));
        once()?;
        let mut times = Vec::new();
        io.messages.bar().count("run");
        let start = Instant::now();
        while times.len() < 5 || start.elapsed() < Duration::from_secs_f64(self.seconds) {
            let before = Instant::now();
            once()?;
            times.push(before.elapsed().as_secs_f64());
            io.messages.bar().inc(1);
        }
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        let operations = 2.0 * model.multiply_adds([3, height, width], &self.layer)? as f64 * self.batch as f64;
        let result = json!({
            "arch": model.config.architecture,
            "batch": self.batch,
            "size": [height, width],
            "threads": self.common.thread_count(),
            "dtype": "f32",
            "engine": self.engine.to_possible_value().map_or(Value::Null, |value| value.get_name().into()),
            "device": self.device.device,
            "level": Level::current().name(),
            "winograd": Winograd::current()?.name(),
            "runs": times.len(),
            "median_ms": median * 1e3,
            "min_ms": times[0] * 1e3,
            "gflops": operations / median / 1e9,
        });
        writeln!(io.output, "{result}")?;
        Ok(Outcome::AllWell)
    }

    /// The network and its trainable weights; a network from a file has none.
    fn open(&self, device: &Device) -> Result<(Model, Parameters)> {
        let parameters = Parameters::fresh(self.common.seed);
        if let Some(path) = &self.model {
            ensure!(self.engine != Engine::Train, "--engine train needs --arch NAME, not --model");
            return Ok((Model::open(path, self.arch.as_deref(), device)?, parameters));
        }
        let name = self.arch.as_deref().context("give --arch or --model")?;
        let config = ModelConfig::new(name, 1000);
        let model = Model::build(config.clone(), parameters.builder(device))?;
        if self.engine == Engine::Train {
            return Ok((model, parameters));
        }
        Ok((Model::build(config, parameters.fixed(device))?, parameters))
    }
}
