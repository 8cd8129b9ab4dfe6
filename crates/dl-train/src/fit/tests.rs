use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use candle_core::{DType, Device, Tensor, Var};
use dl_models::{Checkpoint, Precision};
use rand::RngExt;
use serde_json::{Map, json};

use super::*;
use crate::schedule::{Decay, Plateau, Schedule};

/// A line through noisy points, and a second player that chases the first; a buffer counts the steps.
struct Line {
    weight: Var,
    bias: Var,
    chaser: Var,
    count: Var,
    pool: Var,
}

fn var(start: f32) -> Var {
    Var::from_tensor(&Tensor::full(start, (1, 1), &Device::Cpu).unwrap()).unwrap()
}

impl Line {
    fn new() -> Self {
        Self { weight: var(0.0), bias: var(0.0), chaser: var(5.0), count: var(0.0), pool: var(0.0) }
    }
}

impl Task for Line {
    type Batch = (Tensor, Tensor);
    type Shared = Option<f64>;

    fn parameters(&self, player: usize) -> Vec<Parameter> {
        match player {
            0 => vec![
                Parameter::new("weight", self.weight.clone(), 1e-3),
                Parameter::new("bias", self.bias.clone(), 1e-3),
            ],
            _ => vec![Parameter::new("chaser", self.chaser.clone(), 0.0)],
        }
    }

    fn buffers(&self) -> Vec<(String, Var)> {
        vec![("count".into(), self.count.clone())]
    }

    fn phases(&self) -> Vec<Phase> {
        let pull = Phase::new("pull", 1).when(When::Every(4));
        vec![Phase::new("line", 0), Phase::new("chase", 1), pull]
    }

    fn state(&self) -> Vec<(String, Var)> {
        vec![("pool".into(), self.pool.clone())]
    }

    fn after_step(&self, step: usize) -> Result<()> {
        let pool = ((self.pool.as_detached_tensor() * 0.5)? + self.weight.as_detached_tensor())?;
        Ok(self.pool.set(&(pool + step as f64 * 1e-3)?)?)
    }

    fn batch(&self, step: usize) -> Result<Self::Batch> {
        let mut rng = dl_record::rng(0, &format!("batch/{step}"));
        let x: Vec<f32> = (0..8).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect();
        let y: Vec<f32> = x.iter().map(|x| 3.0 * x - 1.0 + 0.1 * rng.random::<f32>()).collect();
        Ok((Tensor::from_vec(x, (8, 1), &Device::Cpu)?, Tensor::from_vec(y, (8, 1), &Device::Cpu)?))
    }

    fn loss(&self, _: usize, phase: usize, (x, y): &Self::Batch, shared: &mut Option<f64>) -> Result<Loss> {
        if phase == 1 {
            let (slope, pool) = (self.weight.detach(), self.pool.as_detached_tensor());
            let value = (self.chaser.as_tensor() - (slope + pool)?)?.sqr()?.sum_all()?;
            return Ok(Loss { value, metrics: vec![("handed_on", shared.take().unwrap_or(f64::NAN))] });
        }
        if phase == 2 {
            return Ok(Loss { value: self.chaser.as_tensor().abs()?.sum_all()?, metrics: Vec::new() });
        }
        *shared = Some(self.slope()?);
        self.count.set(&(self.count.as_detached_tensor() + 1.0)?)?;
        let found = x.matmul(&self.weight)?.broadcast_add(&self.bias)?;
        Ok(Loss { value: (found - y)?.sqr()?.mean_all()?, metrics: vec![("slope", self.slope()?)] })
    }

    fn validate(&self) -> Result<Option<Validation>> {
        let away = (self.slope()? - 3.0).abs();
        Ok(Some(Validation {
            loss: Some(away),
            score: -away,
            metrics: BTreeMap::from([("slope".into(), self.slope()?)]),
        }))
    }

    fn model(&self, progress: &Progress) -> Result<TrainedModel> {
        // The chaser is of no use to those who open the model.
        let named = [("weight", &self.weight), ("bias", &self.bias), ("count", &self.count)];
        Ok(TrainedModel {
            config: json!({"slope": progress.mean("slope"), "steps": progress.step}),
            tensors: named.map(|(name, var)| (name.to_owned(), var.as_detached_tensor())).into(),
            texts: vec![("tokenizer", "{}".to_owned())],
            precision: Precision::F32,
        })
    }
}

impl Line {
    fn slope(&self) -> Result<f64> {
        Ok(f64::from(self.weight.as_detached_tensor().sum_all()?.to_scalar::<f32>()?))
    }
}

fn players(rule: Rule, largest_gradient: Option<f64>, schedule: Schedule) -> Vec<Player> {
    let half = Schedule { rate: schedule.rate / 2.0, ..schedule.clone() };
    [schedule, half].map(|schedule| Player { optimizer: OptimizerConfig { rule, largest_gradient }, schedule }).into()
}

fn config(folder: &Path, rule: Rule) -> FitConfig {
    let decay = Decay::Plateau(Plateau { factor: 0.5, patience: 1, threshold: 1e-4 });
    FitConfig {
        iterations: 60,
        players: players(rule, Some(1.0), Schedule { rate: 0.05, warmup: 5, decay, iterations: 60 }),
        accumulate: 1,
        average: None,
        epoch: 10,
        validate_every: 7,
        save_every: 4,
        patience: None,
        explosion: None,
        files: Some(Files::of(&folder.join("line.safetensors"))),
        settings: Map::from_iter([("lr".to_owned(), json!(0.05))]),
        resume: true,
    }
}

fn paths(config: &FitConfig) -> &Files {
    config.files.as_ref().unwrap()
}

fn files(config: &FitConfig) -> [Vec<u8>; 2] {
    [&paths(config).model, &paths(config).last].map(|path| std::fs::read(path).unwrap())
}

static GO: AtomicBool = AtomicBool::new(false);

#[test]
fn a_run_killed_anywhere_ends_in_the_same_files() {
    for rule in [Rule::Sgd { momentum: 0.9 }, Rule::ADAM, Rule::ADAM_W] {
        let folder = tempfile::tempdir().unwrap();
        let whole = config(&folder.path().join("whole"), rule);
        let ended = fit(&Line::new(), &whole, &GO, |_| Ok(())).unwrap();
        assert_eq!((ended.why, ended.progress.step), (Why::Done, 60));
        // Adam has not come to its plateau yet.
        assert!(ended.progress.plateau.factor < 1.0 || !matches!(rule, Rule::Sgd { .. }), "{ended:?}");
        for every in [1, 7, 11] {
            let broken = config(&folder.path().join(every.to_string()), rule);
            let mut breaks = 0;
            loop {
                // What dies is not asked to save: it ends between any two events.
                let left = Cell::new(every * (1 + breaks));
                let ran = fit(&Line::new(), &broken, &GO, |_| match left.replace(left.get() - 1) {
                    1 => bail!("killed"),
                    _ => Ok(()),
                });
                if ran.is_ok() {
                    break;
                }
                breaks += 1;
            }
            assert!(breaks >= 3, "{breaks}");
            assert!(files(&whole) == files(&broken), "{rule:?}, killed every {every}");
        }
    }
}

#[test]
fn a_run_with_an_average_and_several_batches_per_step_resumes_to_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let with =
        |name: &str| FitConfig { average: Some(0.9), accumulate: 3, ..config(&folder.path().join(name), Rule::ADAM) };
    let whole = with("whole");
    let line = Line::new();
    fit(&line, &whole, &GO, |_| Ok(())).unwrap();
    // The model that is written is the average, and training went on with the weights themselves.
    let weight = |path: &Path, name: &str| {
        let tensor = Checkpoint::open(path).unwrap().tensor(name, &Device::Cpu).unwrap();
        tensor.to_vec2::<f32>().unwrap()[0][0]
    };
    let last = &paths(&whole).last;
    assert_eq!(f64::from(weight(last, "weight")), line.slope().unwrap());
    assert!((weight(last, "weight") - weight(last, "average.weight")).abs() > 1e-4);
    // Three batches per step, each counted by the buffer.
    assert_eq!(weight(last, "count"), 180.0);
    let broken = with("broken");
    for every in [5, 13, 29, 1000] {
        let left = Cell::new(every);
        let _ = fit(&Line::new(), &broken, &GO, |_| match left.replace(left.get() - 1) {
            1 => bail!("killed"),
            _ => Ok(()),
        });
    }
    assert!(files(&whole) == files(&broken));
}

#[test]
fn an_interrupted_run_saves_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = config(&folder.path().join("whole"), Rule::ADAM);
    fit(&Line::new(), &whole, &GO, |_| Ok(())).unwrap();
    let broken = FitConfig { save_every: 0, ..config(&folder.path().join("broken"), Rule::ADAM) };
    let stop = AtomicBool::new(false);
    let ended = fit(&Line::new(), &broken, &stop, |event| {
        if matches!(event, Event::Step { iteration: 10, .. }) {
            stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    });
    assert_eq!(ended.map(|ended| (ended.why, ended.progress.step)).unwrap(), (Why::Interrupted, 11));
    let mut resumed = 0;
    fit(&Line::new(), &broken, &GO, |event| {
        if let Event::Resumed(progress) = event {
            resumed = progress.step;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(resumed, 11);
    assert!(files(&whole) == files(&broken));
    // Nothing is left to do.
    let ended = fit(&Line::new(), &broken, &GO, |event| match event {
        Event::Resumed(_) => Ok(()),
        other => bail!("{other:?}"),
    });
    assert_eq!(ended.unwrap().why, Why::Done);
}

#[test]
fn patience_ends_the_run_and_keeps_the_best_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), Rule::Sgd { momentum: 0.95 });
    config.patience = Some(2);
    let schedule = Schedule { rate: 0.1, warmup: 0, decay: Decay::Constant, iterations: 1000 };
    config.iterations = 1000;
    config.players = players(Rule::Sgd { momentum: 0.95 }, None, schedule);
    let mut scores = Vec::new();
    let ended = fit(&Line::new(), &config, &GO, |event| {
        if let Event::Validated { validation, .. } = event {
            scores.push(validation.score);
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(ended.why, Why::Patience);
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(scores.iter().position(|score| *score == best), Some(scores.len() - 3));
    let weight = |path: &Path| {
        let tensor = Checkpoint::open(path).unwrap().tensor("weight", &Device::Cpu).unwrap();
        f64::from(tensor.to_dtype(DType::F32).unwrap().to_vec2::<f32>().unwrap()[0][0])
    };
    assert_eq!(-(weight(&paths(&config).model) - 3.0).abs(), best);
    assert_eq!(-(weight(&paths(&config).last) - 3.0).abs(), *scores.last().unwrap());
    // Going on finds that there is nothing to do.
    let ended = fit(&Line::new(), &config, &GO, |_| Ok(())).unwrap();
    assert_eq!(ended.why, Why::Patience);
}

#[test]
fn a_run_with_other_settings_cannot_resume() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), Rule::ADAM);
    fit(&Line::new(), &config, &GO, |_| Ok(())).unwrap();
    config.settings.insert("lr".into(), json!(0.5));
    let error = fit(&Line::new(), &config, &GO, |_| Ok(())).unwrap_err().to_string();
    assert!(error.contains("that run had lr 0.05, this one has 0.5"), "{error}");
    std::fs::copy(&paths(&config).model, &paths(&config).last).unwrap();
    let error = fit(&Line::new(), &config, &GO, |_| Ok(())).unwrap_err().to_string();
    assert!(error.contains("holds no training state"), "{error}");
}

#[test]
fn a_resumed_log_drops_steps_that_are_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), Rule::ADAM);
    let path = folder.path().join("log.jsonl");
    let mut left = 23;
    let mut log = Log::open(&path, true).unwrap();
    fit(&Line::new(), &config, &GO, |event| {
        log.write(&event)?;
        left -= 1;
        if left == 0 { bail!("killed") } else { Ok(()) }
    })
    .unwrap_err();
    drop(log);
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + "{\"iterat").unwrap();
    let mut log = Log::open(&path, true).unwrap();
    fit(&Line::new(), &config, &GO, |event| log.write(&event)).unwrap();
    drop(log);
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<u64> = lines
        .iter()
        .filter(|line| line.get("line").is_some())
        .map(|line| line["iteration"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, (0..60).collect::<Vec<_>>());
    assert_eq!(lines.iter().filter(|line| line.get("val_loss").is_some()).count(), 9);
    assert!(lines.iter().all(|line| line["seconds"].is_number() && line["epoch"].is_u64()));
}

/// A weight that grows at every step; the loss is its square.
struct Runaway(Var);

impl Task for Runaway {
    type Batch = ();
    type Shared = ();

    fn parameters(&self, _: usize) -> Vec<Parameter> {
        vec![Parameter::new("weight", self.0.clone(), 0.0)]
    }

    fn batch(&self, _: usize) -> Result<()> {
        Ok(())
    }

    fn loss(&self, _: usize, _: usize, (): &(), (): &mut ()) -> Result<Loss> {
        Ok(Loss { value: self.0.as_tensor().sqr()?.sum_all()?, metrics: Vec::new() })
    }

    fn model(&self, _: &Progress) -> Result<TrainedModel> {
        let tensors = BTreeMap::from([("weight".to_owned(), self.0.as_detached_tensor())]);
        Ok(TrainedModel { config: json!({}), tensors, texts: Vec::new(), precision: Precision::F32 })
    }
}

#[test]
fn an_exploding_loss_ends_the_run_and_leaves_the_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), Rule::Sgd { momentum: 0.0 });
    let schedule = Schedule { rate: 1.05, warmup: 0, decay: Decay::Constant, iterations: 2000 };
    config.iterations = 2000;
    config.players = players(Rule::Sgd { momentum: 0.0 }, None, schedule);
    config.save_every = 0;
    for (explosion, least, most) in [(Some(3.0), 40, 60), (None, 400, 600)] {
        config.explosion = explosion;
        let ended = fit(&Runaway(var(1.0)), &config, &GO, |_| Ok(())).unwrap();
        assert!(matches!(ended.why, Why::Exploded { .. }), "{ended:?}");
        assert!((least..most).contains(&ended.progress.step) && ended.written.is_none(), "{ended:?}");
        assert!(!paths(&config).model.exists() && !paths(&config).last.exists());
    }
}
