//! A part of a detector with its plans.

use anyhow::Result;
use candle_core::{DType, Tensor};

/// Regions that are computed together, which bounds the working memory of the heads.
const TOGETHER: usize = 128;

use crate::network::plans::Plans;
use crate::{Backbone, LayerName, plain};

pub(super) struct Planned<N> {
    pub(super) network: N,
    plans: Plans,
}

impl<N: Backbone> Planned<N> {
    pub(super) fn new(network: N) -> Self {
        Self { network, plans: Plans::default() }
    }

    /// The outputs of `names` for x [n, channels, h, w], each [n, ...], without gradients.
    pub(super) fn run(&self, x: &Tensor, names: &[impl AsRef<str>]) -> Result<Vec<Tensor>> {
        let name = |name: &str| LayerName { name: name.to_owned(), pooled: None };
        let layers: Vec<LayerName> = names.iter().map(|known| name(known.as_ref())).collect();
        if x.device().is_cpu() && x.dtype() == DType::F32 {
            return self.plans.run(&self.network, x, &layers);
        }
        (&self.network as &dyn Backbone).features(x, &layers, None)
    }
    /// [`run`](Self::run), a few regions at a time.
    pub(super) fn run_regions(&self, x: &Tensor, names: &[&str]) -> Result<Vec<Tensor>> {
        let count = x.dim(0).map_err(plain)?;
        let mut parts: Vec<Vec<Tensor>> = vec![Vec::new(); names.len()];
        for first in (0..count).step_by(TOGETHER) {
            let some = x.narrow(0, first, TOGETHER.min(count - first)).map_err(plain)?;
            for (parts, output) in parts.iter_mut().zip(self.run(&some, names)?) {
                parts.push(output);
            }
        }
        parts.iter().map(|parts| Tensor::cat(parts, 0).map_err(plain)).collect()
    }
}
