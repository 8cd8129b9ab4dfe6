//! SSD on MobileNet V1 (Howard et al. 2017, section 4.6), as in TensorFlow's Object Detection API, with timm's names for
//! the backbone.
//!
//! | source | what | size for 300 |
//! | --- | --- | --- |
//! | blocks.2, with the option `fine` | 256 channels | 38 |
//! | blocks.3 | 512 channels | 19 |
//! | blocks.4 | 1024 channels | 10 |
//! | extras.0 .. extras.3 | 1 x 1, then 3 x 3 of stride 2: 512, 256, 256, 128 channels | 5, 3, 2, 1 |

use anyhow::Result;
use candle_nn::VarBuilder;

use super::heads::Heads;
use super::network::{SsdNetwork, Trunk};
use super::parts::{Activation, Norm, Shape, Stage, Unit};
use crate::backbones::{MobileNetV1Features, MobileNetV1Options, divisible};
use crate::network::pass::Halt;
use crate::{Pass, Value, plain};

/// The channels of the extra layers; half as many between the two convolutions of a layer.
const EXTRAS: [usize; 4] = [512, 256, 256, 128];
const NORM: Norm = Norm { eps: 1e-3, momentum: 0.1 };

/// The backbone, and how many of its last outputs are sources.
struct MobileNetV1Trunk(MobileNetV1Features, usize);

impl Trunk for MobileNetV1Trunk {
    fn layers(&self) -> Vec<String> {
        self.0.layers()
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Result<Vec<Value>, Halt> {
        let stages = self.0.run_stages(x, pass)?;
        Ok(stages[stages.len() - self.1..].to_vec())
    }
}

pub(super) fn build(options: &MobileNetV1Options, heads: Heads, vb: &VarBuilder) -> Result<SsdNetwork> {
    let trunk = MobileNetV1Features::new(options, vb).map_err(plain)?;
    // Two, or three with the option `fine`.
    let stages = MobileNetV1Features::channels(options);
    let taken = heads.boxes.len().saturating_sub(EXTRAS.len()).clamp(1, stages.len());
    let (mut channels, mut extras) = (stages[stages.len() - taken..].to_vec(), Vec::new());
    for (index, outputs) in EXTRAS.into_iter().enumerate() {
        let inputs = channels[channels.len() - 1];
        let [between, outputs] = [outputs / 2, outputs].map(|channels| divisible(channels, options.width));
        let shapes = [Shape::pointwise([inputs, between]), Shape::square(3, [between, outputs]).stride(2)];
        let units = (0..).zip(shapes).map(|(place, shape): (usize, Shape)| {
            let shape = if options.same_padding { shape.same_padding() } else { shape };
            let name = format!("extras.{index}.{place}");
            let (vb, fresh) = (vb.pp(&name), shape.xavier());
            if options.folded {
                Unit::biased(&name, shape, Activation::Relu6, fresh, vb)
            } else {
                Unit::normed(&name, shape, NORM, Activation::Relu6, fresh, [vb.clone(), vb.pp("bn")])
            }
        });
        let units = units.collect::<candle_core::Result<_>>().map_err(plain)?;
        extras.push(Stage::of_units(&format!("extras.{index}"), units));
        channels.push(outputs);
    }
    Ok(SsdNetwork { trunk: Box::new(MobileNetV1Trunk(trunk, taken)), extras, heads: heads.pointwise(&channels, vb)? })
}
