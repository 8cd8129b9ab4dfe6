//! The weights of a network as parameters of its training.

use candle_core::Var;
use dl_models::Parameters;

use super::Parameter;

/// Whether a tensor holds running statistics of a batch norm, which have no gradient.
fn is_buffer(name: &str) -> bool {
    name.ends_with(".running_mean") || name.ends_with(".running_var")
}

/// All trained weights; `factor` is that on the learning rate of a weight, by its name.
pub fn weights(parameters: &Parameters, decay: f64, factor: &dyn Fn(&str) -> f64) -> Vec<Parameter> {
    let weights = parameters.vars().into_iter().filter(|(name, _)| !is_buffer(name));
    weights.map(|(name, var)| Parameter { factor: factor(&name), ..Parameter::new(name, var, decay) }).collect()
}

/// All running statistics, by name.
pub fn buffers(parameters: &Parameters) -> Vec<(String, Var)> {
    parameters.vars().into_iter().filter(|(name, _)| is_buffer(name)).collect()
}
