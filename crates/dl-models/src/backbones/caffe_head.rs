//! The fully connected layers of Caffe's AlexNets: fc6 on 6 x 6 positions, fc7 and fc8.

use candle_core::Result;
use candle_nn::VarBuilder;

use crate::network::layers::Fresh;
use crate::{LOGITS, Linear, Pass, Run, Value};

pub(super) struct CaffeHead {
    fc6: Linear,
    fc7: Linear,
    fc8: Linear,
}

impl CaffeHead {
    /// For maps of `inputs` channels. `fresh`: of fc6 and fc7, and of fc8.
    pub(super) fn new(
        [inputs, hidden, classes]: [usize; 3],
        [fresh, last]: [Fresh; 2],
        vb: &VarBuilder,
    ) -> Result<Self> {
        Ok(Self {
            fc6: Linear::new(inputs * 36, hidden, fresh, vb.pp("fc6"))?,
            fc7: Linear::new(hidden, hidden, fresh, vb.pp("fc7"))?,
            fc8: Linear::new(hidden, classes, last, vb.pp("fc8"))?,
        })
    }

    /// From maps to logits: a map of another size is averaged to 6 x 6.
    pub(super) fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let x = match pass.size(x)? {
            [6, 6] => x.clone(),
            _ => pass.adaptive_avg_pool("", [6, 6], x)?,
        };
        let x = pass.flatten("", &x)?;
        let x = pass.linear("", &self.fc6, &x)?;
        let x = pass.relu("fc6", &x)?;
        let x = pass.dropout("drop6", 0.5, &x)?;
        let x = pass.linear("", &self.fc7, &x)?;
        let x = pass.relu("fc7", &x)?;
        let x = pass.dropout("drop7", 0.5, &x)?;
        let x = pass.linear("fc8", &self.fc8, &x)?;
        pass.see(LOGITS, x)
    }
}
