//! The moving average of the weights (Polyak and Juditsky 1992, as in TensorFlow's `ExponentialMovingAverage`): models
//! are validated and written with it, and the optimizer changes the weights themselves.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::{Tensor, Var};
use dl_models::plain;

/// The moving averages of variables, by name.
pub(super) struct Average {
    decay: f64,
    entries: Vec<(String, Var, Tensor)>,
}

impl Average {
    /// Averages that start from the current values.
    pub(super) fn new(decay: f64, vars: impl IntoIterator<Item = (String, Var)>) -> Result<Self> {
        let entry = |(name, var): (String, Var)| {
            let start = var.as_detached_tensor().copy().map_err(plain)?;
            Ok((name, var, start))
        };
        Ok(Self { decay, entries: vars.into_iter().map(entry).collect::<Result<_>>()? })
    }

    /// Takes in the values after `step` steps. The first steps count more, so that the start is forgotten soon.
    pub(super) fn update(&mut self, step: usize) -> Result<()> {
        let step = step as f64;
        let decay = self.decay.min((1.0 + step) / (10.0 + step));
        for (_, var, average) in &mut self.entries {
            let away = (var.as_detached_tensor() - &*average).map_err(plain)?;
            *average = (&*average + (away * (1.0 - decay)).map_err(plain)?).map_err(plain)?;
        }
        Ok(())
    }

    /// Runs `work` while the variables hold their averages.
    /// # Errors
    /// The error of `work`, or when candle fails.
    pub(super) fn within<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let copy = |(_, var, _): &(String, Var, Tensor)| var.as_detached_tensor().copy().map_err(plain);
        let own: Vec<Tensor> = self.entries.iter().map(copy).collect::<Result<_>>()?;
        for (_, var, average) in &self.entries {
            var.set(average).map_err(plain)?;
        }
        let done = work();
        for ((_, var, _), own) in self.entries.iter().zip(own) {
            var.set(&own).map_err(plain)?;
        }
        done
    }

    /// The averages, for the file that training resumes from.
    pub(super) fn tensors(&self) -> BTreeMap<String, Tensor> {
        self.entries.iter().map(|(name, _, average)| (name.clone(), average.clone())).collect()
    }

    /// Restores saved averages. `tensor` reads one by name.
    /// # Errors
    /// When one is missing or has another shape.
    pub(super) fn recall(&mut self, tensor: impl Fn(&str) -> Result<Tensor>) -> Result<()> {
        for (name, var, average) in &mut self.entries {
            let read = tensor(name).with_context(|| format!("the average of \"{name}\""))?;
            ensure!(read.shape() == var.shape(), "the average of \"{name}\" has shape {:?}", read.dims());
            *average = read.to_device(var.device()).map_err(plain)?;
        }
        Ok(())
    }
}

/// [`Average::within`], or `work` alone without an average.
pub(super) fn within<T>(average: Option<&Average>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    match average {
        Some(average) => average.within(work),
        None => work(),
    }
}
