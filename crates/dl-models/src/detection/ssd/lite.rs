//! SSDLite: all convolutions of SSD separable (Sandler et al. 2018, section 6.2), on MobileNet V2 or V3, with the names
//! of torchvision's tensors.
//!
//! | source | what | size for 320 |
//! | --- | --- | --- |
//! | the last expanded map of stride 16 | V2: features.14.conv.0; V3: features.13.block.0 | 20 |
//! | the last output of the backbone | V2: features.18; V3: features.16 | 10 |
//! | extra.0 .. extra.3 | 1 x 1, 3 x 3 of each channel with stride 2, 1 x 1: 512, 256, 256, 128 channels | 5, 3, 2, 1 |

use anyhow::Result;
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::heads::Heads;
use super::network::{SsdNetwork, Trunk};
use super::parts::{Activation, Norm, Shape, Stage, Unit};
use crate::backbones::{MobileNetV2Features, MobileNetV3Features, MobileNetV3Size};
use crate::network::layers::Fresh;
use crate::network::pass::Halt;
use crate::{Backbone, Pass, Run, Value, plain};

const EXTRAS: [usize; 4] = [512, 256, 256, 128];
/// torchvision's.
const NORM: Norm = Norm { eps: 1e-3, momentum: 0.03 };

/// Options of the architectures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LiteOptions {
    /// Factor on the number of channels.
    pub(super) width: f64,
    /// Half the channels in the last three blocks of MobileNet V3: torchvision's choice, unless the backbone was
    /// pretrained.
    pub(super) reduced_tail: bool,
}

impl Default for LiteOptions {
    fn default() -> Self {
        Self { width: 1.0, reduced_tail: true }
    }
}

/// A backbone, and its first source.
struct LiteTrunk<F> {
    features: F,
    layers: fn(&F) -> Vec<String>,
    run: fn(&F, &Value, &mut Pass) -> Run,
    expanded: &'static str,
}

impl<F: Send + Sync> Trunk for LiteTrunk<F> {
    fn layers(&self) -> Vec<String> {
        (self.layers)(&self.features)
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Result<Vec<Value>, Halt> {
        let [expanded, last] = pass.tapped(self.expanded, |pass| (self.run)(&self.features, x, pass))?;
        Ok(vec![expanded, last])
    }
}

pub(super) fn on_mobilenet_v2(options: &LiteOptions, heads: Heads, vb: &VarBuilder) -> Result<SsdNetwork> {
    let features = MobileNetV2Features::new(options.width, &vb.pp("backbone")).map_err(plain)?;
    let channels = features.channels(options.width);
    let (layers, run) = (MobileNetV2Features::layers, MobileNetV2Features::run);
    let trunk = LiteTrunk { features, layers, run, expanded: MobileNetV2Features::EXPANDED };
    with_extras(Box::new(trunk), channels, options, heads, vb)
}

pub(super) fn on_mobilenet_v3(options: &LiteOptions, heads: Heads, vb: &VarBuilder) -> Result<SsdNetwork> {
    let renamed = vb.clone().rename_f(|name| torchvision_name(name).unwrap_or_else(|| name.to_owned()));
    let (size, backbone) = (MobileNetV3Size::Large, renamed.pp("backbone"));
    let features =
        MobileNetV3Features::new(size, options.width, options.reduced_tail, MobileNetV3Features::EPS, &backbone)
            .map_err(plain)?;
    let channels = features.channels(options.width);
    let (layers, run) = (MobileNetV3Features::layers, MobileNetV3Features::run);
    let trunk = LiteTrunk { features, layers, run, expanded: MobileNetV3Features::EXPANDED };
    with_extras(Box::new(trunk), channels, options, heads, vb)
}

/// The block in whose middle torchvision's SSDLite cuts MobileNet V3 in two sequences.
const CUT: usize = 13;

/// The name in torchvision's SSDLite of a tensor of MobileNet V3: `backbone.features.14.block.0.0.weight` becomes
/// `backbone.features.1.1.block.0.0.weight`.
pub(super) fn torchvision_name(name: &str) -> Option<String> {
    let (index, rest) = name.strip_prefix("backbone.features.")?.split_once('.')?;
    let index: usize = index.parse().ok()?;
    let place = match (index, rest.strip_prefix("block.")) {
        (CUT, Some(rest)) => match rest.strip_prefix("0.") {
            Some(rest) => format!("0.{CUT}.{rest}"),
            None => format!("1.0.{rest}"),
        },
        (..CUT, _) => format!("0.{index}.{rest}"),
        _ => format!("1.{}.{rest}", index - CUT),
    };
    Some(format!("backbone.features.{place}"))
}

fn with_extras(
    trunk: Box<dyn Trunk>,
    channels: [usize; 2],
    options: &LiteOptions,
    heads: Heads,
    vb: &VarBuilder,
) -> Result<SsdNetwork> {
    let (mut channels, mut extras) = (channels.to_vec(), Vec::new());
    for (index, outputs) in EXTRAS.into_iter().enumerate() {
        // torchvision's get_depth.
        let outputs = ((outputs as f64 * options.width) as usize).max(16);
        let (inputs, between) = (channels[channels.len() - 1], outputs / 2);
        let shapes = [
            Shape::pointwise([inputs, between]),
            Shape::depthwise(between).stride(2),
            Shape::pointwise([between, outputs]),
        ];
        let name = format!("extra.{index}");
        let units = (0..).zip(shapes).map(|(place, shape): (usize, Shape)| {
            let vb = vb.pp(format!("backbone.{name}.{place}"));
            let (output, fresh) = (format!("{name}.{place}"), Fresh::normal(0.03));
            Unit::normed(&output, shape, NORM, Activation::Relu6, fresh, [vb.pp(0), vb.pp(1)])
        });
        extras.push(Stage::of_units(&name, units.collect::<candle_core::Result<_>>().map_err(plain)?));
        channels.push(outputs);
    }
    Ok(SsdNetwork { trunk, extras, heads: heads.lite(NORM, &channels, vb)? })
}

#[cfg(test)]
mod tests {
    use super::torchvision_name;

    #[test]
    fn tensors_are_named_as_in_torchvisions_two_sequences() {
        let names = [
            ("features.0.0.weight", "features.0.0.0.weight"),
            ("features.12.block.1.1.bias", "features.0.12.block.1.1.bias"),
            ("features.13.block.0.1.weight", "features.0.13.1.weight"),
            ("features.13.block.2.fc1.weight", "features.1.0.2.fc1.weight"),
            ("features.14.block.0.0.weight", "features.1.1.block.0.0.weight"),
            ("features.16.1.bias", "features.1.3.1.bias"),
        ];
        for (name, expected) in names {
            assert_eq!(torchvision_name(&format!("backbone.{name}")), Some(format!("backbone.{expected}")));
        }
    }
}
