//! A part of a detector with its plans.

use anyhow::Result;
use candle_core::{DType, Tensor};

use crate::network::plans::Plans;
use crate::{Backbone, LayerName};

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
}
