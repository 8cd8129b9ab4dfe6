//! The weights of a network as parameters of its training.

use candle_core::Var;
use dl_models::{Parameters, is_statistic};

use super::Parameter;

/// All trained weights; `factor` is that on the learning rate of a weight, by its name.
pub fn weights(parameters: &Parameters, decay: f64, factor: &dyn Fn(&str) -> f64) -> Vec<Parameter> {
    let weights = parameters.vars().into_iter().filter(|(name, _)| !is_statistic(name));
    weights.map(|(name, var)| Parameter { factor: factor(&name), ..Parameter::new(name, var, decay) }).collect()
}

/// All running statistics, by name.
pub fn buffers(parameters: &Parameters) -> Vec<(String, Var)> {
    parameters.vars().into_iter().filter(|(name, _)| is_statistic(name)).collect()
}
