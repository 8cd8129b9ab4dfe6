//! The generator of Xu et al. 2019, section 4.4: each hidden layer's result is appended to its input.

use anyhow::Result;
use candle_nn::VarBuilder;

use crate::network::pass::{Pass, Run, Value};
use crate::{Backbone, BatchNorm2d, Fresh, Linear, plain};

/// The name of the output.
pub(super) const ROWS: &str = "rows";

/// z and the condition -> fully connected layers with batch norm and ReLU -> a row, before its last functions.
pub(super) struct Network {
    hidden: Vec<(Linear, BatchNorm2d, usize)>,
    last: Linear,
}

impl Network {
    /// A network with `hidden.N.linear`, `hidden.N.norm` and `last` of the builder.
    pub(super) fn new([inputs, outputs]: [usize; 2], hidden: &[usize], vb: &VarBuilder) -> Result<Self> {
        let (mut inputs, mut layers) = (inputs, Vec::new());
        for (index, &columns) in hidden.iter().enumerate() {
            let vb = vb.pp("hidden").pp(index);
            let linear = Linear::new(inputs, columns, Fresh::torch(inputs), vb.pp("linear")).map_err(plain)?;
            let norm = BatchNorm2d::new(columns, 1e-5, vb.pp("norm")).map_err(plain)?;
            layers.push((linear, norm, columns));
            inputs += columns;
        }
        let last = Linear::new(inputs, outputs, Fresh::torch(inputs), vb.pp("last")).map_err(plain)?;
        Ok(Self { hidden: layers, last })
    }
}

impl Backbone for Network {
    fn layers(&self) -> Vec<String> {
        vec![ROWS.to_owned()]
    }

    fn aliases(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// x [n, inputs, 1, 1] -> [n, outputs].
    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        // Maps of one pixel, which plans can join.
        let mut x = x.clone();
        for (linear, norm, columns) in &self.hidden {
            let row = pass.flatten("", &x)?;
            let y = pass.linear_norm("", linear, norm, &row)?;
            let y = pass.relu("", &y)?;
            let y = pass.unflatten("", [*columns, 1, 1], &y)?;
            x = pass.concat("", &[&y, &x])?;
        }
        let row = pass.flatten("", &x)?;
        pass.linear(ROWS, &self.last, &row)
    }
}
