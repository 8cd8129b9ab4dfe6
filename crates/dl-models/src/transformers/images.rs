//! Image networks of candle-transformers.

use candle_core::{Module, Result, Tensor};
use candle_nn::{Linear, VarBuilder};
use rayon::prelude::*;

use crate::network::pass::number;
use crate::{Backbone, LOGITS, Pass, Run, Value};

/// The layer of pooled features.
pub(super) const POOLED: &str = "global_pool";

/// An image network whose body maps [n, 3, h, w] to pooled features [n, width].
pub(super) struct CandleImages {
    /// The name of its architecture.
    pub(super) name: &'static str,
    /// [1, 3, h, w] to [1, width].
    pub(super) body: Box<dyn Module + Send + Sync>,
    /// Normalizes the pooled features, under the layer's name.
    pub(super) norm: Option<(&'static str, candle_nn::LayerNorm)>,
    /// The classification layer.
    pub(super) head: Option<Linear>,
}

impl CandleImages {
    /// The classification layer under `vb`.
    pub(super) fn head(width: usize, classes: usize, vb: VarBuilder) -> Result<Linear> {
        candle_nn::linear(width, classes, vb)
    }

    /// The features [n, width] of x. Each image is computed by itself, so that its features do not depend on the batch.
    fn pooled(&self, x: &Tensor) -> Result<Tensor> {
        let images = x.dim(0)?;
        let rows: Vec<Tensor> = (0..images)
            .into_par_iter()
            .map(|image| self.body.forward(&x.narrow(0, image, 1)?.contiguous()?))
            .collect::<Result<_>>()?;
        Tensor::cat(&rows, 0)
    }
}

impl Backbone for CandleImages {
    fn layers(&self) -> Vec<String> {
        let norm = self.norm.as_ref().map(|(name, _)| (*name).to_owned());
        let head = self.head.as_ref().map(|_| LOGITS.to_owned());
        std::iter::once(POOLED.to_owned()).chain(norm).chain(head).collect()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn plans(&self) -> bool {
        false
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = number(x)?;
        if pass.trains() {
            return Err(super::only_infers(self.name).into());
        }
        let step = || candle_core::bail!("the layers of {} are inside candle-transformers", self.name);
        let mut x = pass.step(step, || self.pooled(x))?;
        x = pass.show(POOLED, x)?;
        if let Some((name, norm)) = &self.norm {
            x = pass.show(name, norm.forward(&x)?)?;
        }
        match &self.head {
            Some(head) => pass.see(LOGITS, Value::Now(head.forward(&x)?)),
            None => Ok(Value::Now(x)),
        }
    }
}
