//! The face detector "ultra light, slim" (Linzaer 2019): SSD on thirteen separable convolutions, with the names of its
//! source. 320 pixels wide and 240 high.
//!
//! | source | channels | size |
//! | --- | --- | --- |
//! | base_net.7 | 64 | 30 x 40 |
//! | base_net.10 | 128 | 15 x 20 |
//! | base_net.12 | 256 | 8 x 10 |
//! | extras.0: 1 x 1, then separable with stride 2 | 256 | 4 x 5 |

use anyhow::Result;
use candle_nn::VarBuilder;

use super::heads::Heads;
use super::network::{SsdNetwork, Trunk};
use super::parts::{Activation, Norm, Shape, Stage, Unit};
use crate::network::pass::Halt;
use crate::{Pass, Value, plain};

/// Channels and stride of base_net.1 to base_net.12.
const BASE: [[usize; 2]; 12] =
    [[32, 1], [32, 2], [32, 1], [64, 2], [64, 1], [64, 1], [64, 1], [128, 2], [128, 1], [128, 1], [256, 2], [256, 1]];
/// The layers of base_net whose outputs are sources.
const SOURCES: [usize; 3] = [7, 10, 12];
const NORM: Norm = Norm { eps: 1e-5, momentum: 0.1 };

/// Stages whose outputs are source maps.
struct Stages(Vec<Stage>);

impl Trunk for Stages {
    fn layers(&self) -> Vec<String> {
        self.0.iter().flat_map(Stage::layers).collect()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Result<Vec<Value>, Halt> {
        let mut sources: Vec<Value> = Vec::new();
        for stage in &self.0 {
            let before = sources.last().unwrap_or(x);
            sources.push(stage.run(before, pass)?);
        }
        Ok(sources)
    }
}

pub(super) fn build(heads: Heads, vb: &VarBuilder) -> Result<SsdNetwork> {
    let normed = |name: &str, shape: Shape, [conv, norm]: [usize; 2], module: &str| {
        let vb = vb.pp(module);
        Unit::normed(name, shape, NORM, Activation::Relu, shape.xavier(), [vb.pp(conv), vb.pp(norm)]).map_err(plain)
    };
    let mut inputs = 16;
    let (mut stages, mut channels) = (Vec::new(), Vec::new());
    let mut units = vec![normed("base_net.0", Shape::square(3, [3, inputs]).stride(2), [0, 1], "base_net.0")?];
    for (index, [outputs, stride]) in (1..).zip(BASE) {
        let name = format!("base_net.{index}");
        units.push(normed(&format!("{name}.2"), Shape::depthwise(inputs).stride(stride), [0, 1], &name)?);
        // The last output of the layer is known by the layer's name.
        let output = if SOURCES.contains(&index) { "" } else { name.as_str() };
        units.push(normed(output, Shape::pointwise([inputs, outputs]), [3, 4], &name)?);
        inputs = outputs;
        if SOURCES.contains(&index) {
            stages.push(Stage::of_units(&name, std::mem::take(&mut units)));
            channels.push(outputs);
        }
    }
    let biased = |module: &str, shape: Shape| {
        Unit::biased("", shape, Activation::Relu, shape.xavier(), vb.pp(module)).map_err(plain)
    };
    let extra = vec![
        biased("extras.0.0", Shape::pointwise([inputs, 64]))?,
        biased("extras.0.2.0", Shape::depthwise(64).stride(2))?,
        biased("extras.0.2.2", Shape::pointwise([64, 256]))?,
    ];
    channels.push(256);
    Ok(SsdNetwork {
        trunk: Box::new(Stages(stages)),
        extras: vec![Stage::of_units("extras.0", extra)],
        heads: heads.separable(&channels, vb)?,
    })
}
