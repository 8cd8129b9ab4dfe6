//! Optimizers over a fixed list of weights: SGD with momentum, Adam and AdamW, by torch's formulas.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use dl_models::plain;
use dl_ops::{AdamStep, SgdStep, adam_step, sgd_step, with_floats};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The update rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// v = momentum v + gradient + decay w; w = w - rate v (torch's `SGD`, Caffe's solver).
    Sgd {
        /// Momentum.
        momentum: f64,
    },
    /// Kingma and Ba 2015; weight decay is part of the gradient.
    Adam {
        /// Decay rates of the moments.
        betas: [f64; 2],
        /// Added to the square root of the second moment.
        eps: f64,
    },
    /// Loshchilov and Hutter 2019: Adam with weight decay kept out of the moments.
    AdamW {
        /// Decay rates of the moments.
        betas: [f64; 2],
        /// Added to the square root of the second moment.
        eps: f64,
    },
}

impl Rule {
    /// Adam with torch's constants.
    pub const ADAM: Self = Self::Adam { betas: [0.9, 0.999], eps: 1e-8 };
    /// AdamW with torch's constants.
    pub const ADAM_W: Self = Self::AdamW { betas: [0.9, 0.999], eps: 1e-8 };

    /// Names of the state tensors of each weight.
    fn slots(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd { .. } => &["velocity"],
            Self::Adam { .. } | Self::AdamW { .. } => &["first", "second"],
        }
    }
}

/// Options of an optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerConfig {
    /// The update rule.
    pub rule: Rule,
    /// Gradients whose norm over all weights is larger are scaled down to it (Pascanu et al. 2013), so that one bad batch
    /// does not ruin a network without normalization.
    pub largest_gradient: Option<f64>,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self { rule: Rule::Sgd { momentum: 0.9 }, largest_gradient: None }
    }
}

/// A trained weight.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the model file.
    pub name: String,
    /// The weight.
    pub var: Var,
    /// Factor on the learning rate.
    pub factor: f64,
    /// Weight decay.
    pub decay: f64,
    /// What is different in the first steps.
    pub early: Option<Early>,
}

/// Another factor on the learning rate of a weight in the first steps of its optimizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Early {
    /// Number of steps.
    pub steps: u64,
    /// The factor; with 0, nothing changes the weight.
    pub factor: f64,
}

impl Parameter {
    /// A weight at the common rate. Biases, norms and other vectors have no weight decay.
    pub fn new(name: impl Into<String>, var: Var, decay: f64) -> Self {
        let decay = if var.rank() > 1 { decay } else { 0.0 };
        Self { name: name.into(), var, factor: 1.0, decay, early: None }
    }
}

impl Parameter {
    /// The factor on the learning rate after so many steps of the optimizer; `None` if nothing changes the weight yet.
    fn factor_after(&self, steps: u64) -> Option<f64> {
        match self.early.filter(|early| steps < early.steps) {
            Some(Early { factor: 0.0, .. }) => None,
            Some(early) => Some(early.factor),
            None => Some(self.factor),
        }
    }

    /// Steps of the optimizer before the first one that changes it.
    fn waits(&self) -> u64 {
        self.early.filter(|early| early.factor == 0.0).map_or(0, |early| early.steps)
    }
}

/// An optimizer and its state.
pub struct Optimizer {
    config: OptimizerConfig,
    weights: Vec<Weight>,
    /// Steps taken so far.
    taken: u64,
}

struct Weight {
    parameter: Parameter,
    /// Steps that changed it so far.
    steps: u64,
    /// The state tensors in the order of [`Rule::slots`]; empty before the first step.
    memory: Vec<Tensor>,
}

/// In double precision; the same for any number of threads.
fn sum_of_squares(numbers: &[f32]) -> f64 {
    let of_part = |part: &[f32]| -> f64 {
        let (groups, rest) = part.as_chunks::<16>();
        let mut lanes = [0.0_f64; 16];
        for group in groups {
            for (lane, number) in lanes.iter_mut().zip(group) {
                *lane += f64::from(*number) * f64::from(*number);
            }
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>()
    };
    numbers.par_chunks(1 << 16).map(of_part).collect::<Vec<_>>().iter().sum()
}

impl Optimizer {
    /// An optimizer without state.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, config: OptimizerConfig) -> Self {
        let weight = |parameter| Weight { parameter, steps: 0, memory: Vec::new() };
        Self { config, weights: parameters.into_iter().map(weight).collect(), taken: 0 }
    }

    /// Takes one step at `rate`. Weights without a gradient stay as they are, and so do those that wait.
    /// # Errors
    /// When candle fails.
    pub fn step(&mut self, gradients: &GradStore, rate: f64) -> Result<()> {
        self.advance(gradients, rate).map_err(plain)
    }

    fn advance(&mut self, gradients: &GradStore, rate: f64) -> candle_core::Result<()> {
        let scale = self.clip_scale(gradients)?;
        let rule = self.config.rule;
        let taken = self.taken;
        self.taken += 1;
        for Weight { parameter, steps, memory } in &mut self.weights {
            let Some((gradient, factor)) = gradients.get(&parameter.var).zip(parameter.factor_after(taken)) else {
                continue;
            };
            let Parameter { var, decay, .. } = parameter;
            if memory.is_empty() {
                *memory = rule.slots().iter().map(|_| var.zeros_like()).collect::<candle_core::Result<_>>()?;
            }
            *steps += 1;
            let (rate, decay) = (rate * factor, *decay);
            match (rule, memory.as_slice()) {
                (Rule::Sgd { momentum }, [velocity]) => {
                    sgd_step(var, gradient, velocity, SgdStep { rate, momentum, decay, scale })?;
                }
                (Rule::Adam { betas, eps } | Rule::AdamW { betas, eps }, [first, second]) => {
                    let decoupled = matches!(rule, Rule::AdamW { .. });
                    let step = AdamStep { rate, betas, eps, decay, decoupled, scale, count: *steps };
                    adam_step(var, gradient, [first, second], step)?;
                }
                _ => candle_core::bail!("an optimizer has {} state tensors per weight", memory.len()),
            }
        }
        Ok(())
    }

    /// The factor that scales the gradients down to the largest norm allowed; 1 when they are within it.
    fn clip_scale(&self, gradients: &GradStore) -> candle_core::Result<f64> {
        match self.config.largest_gradient {
            Some(largest) => Ok((largest / self.norm(gradients)?).min(1.0)),
            None => Ok(1.0),
        }
    }

    /// The norm of the gradients of all weights that do not wait.
    pub(super) fn norm(&self, gradients: &GradStore) -> candle_core::Result<f64> {
        let mut squares = 0.0;
        for Weight { parameter, .. } in &self.weights {
            if let Some(gradient) = gradients.get(&parameter.var).filter(|_| self.taken >= parameter.waits()) {
                squares += with_floats(gradient, |numbers| Ok(sum_of_squares(numbers)))?;
            }
        }
        Ok(squares.sqrt())
    }

    /// Its state: tensors named `NAME/velocity` and the like, and the number of steps of each weight.
    pub fn memory(&self) -> (BTreeMap<String, Tensor>, BTreeMap<String, u64>) {
        let mut tensors = BTreeMap::new();
        let mut steps = BTreeMap::new();
        for Weight { parameter, steps: made, memory } in &self.weights {
            for (slot, tensor) in self.config.rule.slots().iter().zip(memory) {
                tensors.insert(format!("{}/{slot}", parameter.name), tensor.clone());
            }
            if *made > 0 {
                steps.insert(parameter.name.clone(), *made);
            }
        }
        (tensors, steps)
    }

    /// Restores a saved state. `tensor` reads a tensor by name.
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn recall(&mut self, steps: &BTreeMap<String, u64>, tensor: impl Fn(&str) -> Result<Tensor>) -> Result<()> {
        for Weight { parameter, steps: made, memory } in &mut self.weights {
            let Some(count) = steps.get(&parameter.name) else { continue };
            *made = *count;
            self.taken = self.taken.max(parameter.waits() + *count);
            memory.clear();
            for slot in self.config.rule.slots() {
                let name = format!("{}/{slot}", parameter.name);
                let read = tensor(&name).with_context(|| format!("optimizer state \"{name}\""))?;
                ensure!(
                    read.shape() == parameter.var.shape(),
                    "optimizer state \"{name}\" has shape {:?}",
                    read.dims()
                );
                // A copy, since steps write into it.
                memory.push(read.copy().map_err(plain)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_weight_that_waits_is_trained_later_also_after_a_break() {
        let number = |var: &Var| var.to_vec1::<f32>().unwrap()[0];
        let weights = || [ones(&[1]), ones(&[1])];
        let optimizer = |[head, body]: &[Var; 2]| {
            let early = |factor| Some(Early { steps: 2, factor });
            let body = Parameter { early: early(0.0), ..Parameter::new("body", body.clone(), 0.0) };
            let head = Parameter { early: early(10.0), ..Parameter::new("head", head.clone(), 0.0) };
            Optimizer::new([head, body], OptimizerConfig::default())
        };
        let step = |optimizer: &mut Optimizer, [head, body]: &[Var; 2]| {
            let loss = (head.as_tensor() * body.as_tensor()).unwrap().sum_all().unwrap();
            optimizer.step(&loss.backward().unwrap(), 0.1).unwrap();
        };
        let whole = weights();
        let mut trained = optimizer(&whole);
        for count in 0..4 {
            assert_eq!(number(&whole[1]) == 1.0, count <= 2, "{count}");
            step(&mut trained, &whole);
            // The first step of the head is ten times as long: 10 x 0.1.
            assert!(count > 0 || number(&whole[0]).abs() < 1e-6);
        }
        // The same with a break before the last step, and one before the body is trained.
        for break_at in [1, 3] {
            let broken = weights();
            let mut first = optimizer(&broken);
            (0..break_at).for_each(|_| step(&mut first, &broken));
            let (tensors, steps) = first.memory();
            let mut second = optimizer(&broken);
            second.recall(&steps, |name| Ok(tensors[name].clone())).unwrap();
            (break_at..4).for_each(|_| step(&mut second, &broken));
            assert_eq!(broken.each_ref().map(number), whole.each_ref().map(number));
        }
    }

    fn ones(shape: &[usize]) -> Var {
        Var::from_tensor(&Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap()).unwrap()
    }

    fn sgd(momentum: f64, largest_gradient: Option<f64>) -> OptimizerConfig {
        OptimizerConfig { rule: Rule::Sgd { momentum }, largest_gradient }
    }

    #[test]
    fn steps_are_those_of_torch() {
        let golden = include_str!("../../../../testdata/goldens/optimizers/golden.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        for (name, rule) in [("sgd", Rule::Sgd { momentum: 0.9 }), ("adam", Rule::ADAM), ("adamw", Rule::ADAM_W)] {
            let case = &golden[name];
            let numbers = |value: &Value| -> Vec<f32> { serde_json::from_value(value.clone()).unwrap() };
            let var = Var::new(numbers(&golden["start"]), &Device::Cpu).unwrap();
            let config = OptimizerConfig { rule, largest_gradient: golden["clip"].as_f64() };
            let parameter = Parameter {
                name: "w".into(),
                var: var.clone(),
                factor: 1.0,
                decay: golden["weight_decay"].as_f64().unwrap(),
                early: None,
            };
            let mut optimizer = Optimizer::new([parameter], config);
            for (step, expected) in case.as_array().unwrap().iter().enumerate() {
                // The loss is sum(c_i (w_i - t)^3): a gradient that depends on the weights, and is clipped now and then.
                let factors = Tensor::new(numbers(&golden["factors"]), &Device::Cpu).unwrap();
                let away = (var.as_tensor() - 0.25 * step as f64).unwrap();
                let cube = (away.sqr().unwrap() * &away).unwrap();
                let loss = (cube * factors).unwrap().sum_all().unwrap();
                let rate = golden["rate"].as_f64().unwrap();
                optimizer.step(&loss.backward().unwrap(), rate).unwrap();
                for (found, expected) in var.to_vec1::<f32>().unwrap().iter().zip(numbers(expected)) {
                    assert!(
                        (found - expected).abs() < 2e-6 * (1.0 + expected.abs()),
                        "{name} {step}: {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn vectors_do_not_decay() {
        let (vector, matrix) = (ones(&[1]), ones(&[1, 1]));
        let parameters = [Parameter::new("b", vector.clone(), 0.5), Parameter::new("w", matrix.clone(), 0.5)];
        let mut optimizer = Optimizer::new(parameters, sgd(0.0, None));
        let loss = (vector.as_tensor() + matrix.flatten_all().unwrap()).unwrap().sum_all().unwrap();
        optimizer.step(&loss.backward().unwrap(), 0.5).unwrap();
        assert_eq!(vector.to_vec1::<f32>().unwrap(), [0.5]);
        assert_eq!(matrix.to_vec2::<f32>().unwrap(), [[0.25]]);
    }

    #[test]
    fn a_gradient_that_is_too_long_is_shortened_over_all_weights() {
        let (a, b) = (ones(&[1]), ones(&[1]));
        let parameters = [Parameter::new("a", a.clone(), 0.0), Parameter::new("b", b.clone(), 0.0)];
        let mut optimizer = Optimizer::new(parameters, sgd(0.0, Some(1.0)));
        let loss = ((a.as_tensor() * 3.0).unwrap() + (b.as_tensor() * 4.0).unwrap()).unwrap().sum_all().unwrap();
        optimizer.step(&loss.backward().unwrap(), 1.0).unwrap();
        let left = [a.to_vec1::<f32>().unwrap()[0], b.to_vec1::<f32>().unwrap()[0]];
        assert!((left[0] - 0.4).abs() < 1e-6 && (left[1] - 0.2).abs() < 1e-6, "{left:?}");
    }

    #[test]
    fn an_optimizer_with_its_state_restored_continues_as_before() {
        for rule in [Rule::Sgd { momentum: 0.9 }, Rule::ADAM, Rule::ADAM_W] {
            let config = OptimizerConfig { rule, largest_gradient: None };
            let run = |breaks: bool| {
                let var = ones(&[3, 2]);
                let parameter = || Parameter::new("w", var.clone(), 0.1);
                let mut optimizer = Optimizer::new([parameter()], config);
                for step in 0..6 {
                    if breaks && step == 3 {
                        let (tensors, steps) = optimizer.memory();
                        optimizer = Optimizer::new([parameter()], config);
                        optimizer.recall(&steps, |name| Ok(tensors[name].clone())).unwrap();
                    }
                    let loss = (var.as_tensor() * (1.0 + step as f64)).unwrap().sqr().unwrap().sum_all().unwrap();
                    optimizer.step(&loss.backward().unwrap(), 0.01).unwrap();
                }
                var.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            };
            assert_eq!(run(true), run(false));
            let mut other = Optimizer::new([Parameter::new("w", ones(&[3, 3]), 0.1)], config);
            let steps = BTreeMap::from([("w".to_owned(), 1)]);
            let error = other.recall(&steps, |_| Ok(ones(&[2]).as_tensor().clone())).unwrap_err();
            assert!(error.to_string().contains("has shape [2]"), "{error}");
        }
    }
}
