//! The network below a detector: any image network with plans, up to the maps that are used.
//!
//! [`choose`] finds the maps of a network that a detector should use, and anchors of matching sizes.

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use super::layout::{Layout, Pyramid};
use crate::backbones::{BottleneckStride, Depth, MobileNetV3Features, MobileNetV3Options, MobileNetV3Size, ResNet};
use crate::network::plans::graph;
use crate::{Architecture, Backbone, LOGITS, LayerName, ModelConfig, plain};

/// The option of a ResNet whose bottlenecks have their stride in the first convolution, as detectron2 calls it.
pub(super) const STRIDE_IN_1X1: &str = "stride_in_1x1";

/// Side of the input, in pixels, with which the sizes of maps are found: large enough for any network of the table.
const SIDE: usize = 256;

/// The network, and the maps that it provides.
pub(super) struct Body {
    pub(super) network: Box<dyn Backbone>,
    /// Names of its outputs, in the order of computation.
    pub(super) maps: Vec<String>,
    /// Channels of each map.
    pub(super) channels: Vec<usize>,
}

impl Body {
    /// `vb`: with the prefix of the body. MobileNet V3 has torchvision's names there, `0.0.weight` instead of
    /// `features.0.0.weight`.
    pub(super) fn new(layout: &Layout, vb: VarBuilder) -> Result<Self> {
        let network = network(layout, vb)?;
        let (mut maps, mut channels) = (Vec::new(), Vec::new());
        for (map, shape) in outputs(&*network, layout.maps.clone(), layout)? {
            ensure!(shape.len() == 3, "{map} of {} is not a map", layout.body);
            channels.push(shape[0]);
            maps.push(map);
        }
        Ok(Self { network, maps, channels })
    }
}

fn network(layout: &Layout, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let eps = layout.norm_eps;
    let mut config = ModelConfig::new(&layout.body, 1);
    config.options.clone_from(&layout.body_options);
    config.check().context("body_options")?;
    let resnet = |depth| -> Result<Box<dyn Backbone>> {
        let strided = match config.options.get(STRIDE_IN_1X1).map(|option| option.as_bool()) {
            None | Some(Some(false)) => BottleneckStride::Second,
            Some(Some(true)) => BottleneckStride::First,
            Some(None) => bail!("body_options: {STRIDE_IN_1X1} must be true or false"),
        };
        Ok(Box::new(ResNet::body(depth, eps, strided, vb.clone()).map_err(plain)?))
    };
    let mobilenet = |size| -> Result<Box<dyn Backbone>> {
        let weights = within(&vb, |name| Some(name.strip_prefix("features.").unwrap_or(name).to_owned()));
        let options: MobileNetV3Options = config.options()?;
        Ok(Box::new(MobileNetV3Features::new(size, options.width, false, eps, &weights).map_err(plain)?))
    };
    match layout.body.as_str() {
        "resnet18" => resnet(Depth::D18),
        "resnet34" => resnet(Depth::D34),
        "resnet50" => resnet(Depth::D50),
        "resnet101" => resnet(Depth::D101),
        "resnet152" => resnet(Depth::D152),
        "mobilenet_v3_large" => mobilenet(MobileNetV3Size::Large),
        "mobilenet_v3_small" => mobilenet(MobileNetV3Size::Small),
        other => {
            let architecture = Architecture::find(other)?;
            let weights = within(&vb, move |name| {
                // Maps end below all of these.
                let is_above = ["classifier.", "fc6.", "fc7."].iter().any(|module| name.starts_with(module));
                (!is_above && !architecture.is_head_weight(name)).then(|| name.to_owned())
            });
            (architecture.build)(&config, weights)
        }
    }
}

/// The strides of the maps that a pyramid is built on, and of the one that is used without a pyramid.
const STRIDES: [usize; 3] = [8, 16, 32];
const SINGLE_STRIDE: usize = 16;

/// The anchors on a map with a position every `stride` pixels: squares of 3 and 4.2 strides, for small images.
pub(super) fn anchor_sizes(stride: f64) -> Vec<f64> {
    vec![3.0 * stride, (3.0 * std::f64::consts::SQRT_2 * stride).round()]
}

/// Fills in the maps, anchors, channels of the pyramid and of the heads for a body.
/// # Errors
/// When the body does not exist or has no maps.
pub(super) fn choose(layout: &mut Layout) -> Result<()> {
    let network = network(layout, zeros())?;
    let is_head = |name: &str| ["avgpool", "classifier", LOGITS].iter().any(|head| name.starts_with(head));
    let all = network.layers().into_iter().filter(|name| !is_head(name));
    let mut stages: Vec<(String, f64, usize)> = Vec::new();
    for (map, shape) in outputs(&*network, all.collect(), layout)? {
        let [channels, height, _] = shape[..] else { continue };
        if height < 2 {
            continue;
        }
        let stride = (SIDE as f64 / height as f64).log2().round().exp2();
        // The last map of each size. Within a block, a branch may return to the size before.
        match stages.last_mut() {
            Some(last) if last.1 > stride => {}
            Some(last) if last.1 == stride => *last = (map, stride, channels),
            _ => stages.push((map, stride, channels)),
        }
    }
    let wanted: &[usize] = if layout.fpn == Pyramid::None { &[SINGLE_STRIDE] } else { &STRIDES };
    let mut used = stages.clone();
    used.retain(|(_, stride, _)| wanted.contains(&(*stride as usize)));
    if used.is_empty() {
        used = stages.split_off(stages.len().saturating_sub(wanted.len()));
    }
    let (_, last_stride, last_channels) = used.last().context("has no maps").with_context(|| layout.body.clone())?;
    layout.fpn_channels = (last_channels / 4).next_power_of_two().clamp(32, 256);
    layout.box_hidden = 4 * layout.fpn_channels;
    let pooled = (layout.fpn != Pyramid::None).then_some(2.0 * last_stride);
    layout.anchor_sizes = match pooled {
        Some(pooled) => used.iter().map(|(_, stride, _)| *stride).chain([pooled]).map(anchor_sizes).collect(),
        // One map for objects of all sizes.
        None => vec![[0.5, 1.0, 2.0, 4.0].map(|factor| 3.0 * last_stride * factor).to_vec()],
    };
    layout.maps = used.into_iter().map(|(map, ..)| map).collect();
    Ok(())
}

/// Outputs of a network, with their shapes for an input of [`SIDE`].
fn outputs(network: &dyn Backbone, names: Vec<String>, layout: &Layout) -> Result<Vec<(String, Vec<usize>)>> {
    let layers: Vec<LayerName> = names.iter().map(|name| name.parse()).collect::<Result<_>>()?;
    ensure!(network.plans(), "{} cannot be the body of a detector", layout.body);
    let names: Vec<String> = layers.iter().map(|layer| network.check(layer)).collect::<Result<_>>()?;
    let (graph, nodes) = graph(network, [3, SIDE, SIDE], &layers)?;
    Ok(names.into_iter().zip(nodes.into_iter().map(|node| graph.shape(node).to_vec())).collect())
}

/// Weights of 0, which take no memory.
fn zeros() -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(Zeros), DType::F32, Device::Cpu)
}

struct Zeros;

impl SimpleBackend for Zeros {
    fn get(&self, shape: Shape, _: &str, _: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("tensor \"{name}\" was requested without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// The weights under the prefix of `vb`, by other names; a weight without a name is not used, and takes no memory.
fn within<'a>(vb: &VarBuilder<'a>, stored: impl Fn(&str) -> Option<String> + Send + Sync + 'a) -> VarBuilder<'a> {
    let (dtype, device) = (vb.dtype(), vb.device().clone());
    VarBuilder::from_backend(Box::new(Within { vb: vb.clone(), stored: Box::new(stored) }), dtype, device)
}

/// The stored name of a weight, if it is used.
type Stored<'a> = dyn Fn(&str) -> Option<String> + Send + Sync + 'a;

struct Within<'a> {
    vb: VarBuilder<'a>,
    stored: Box<Stored<'a>>,
}

impl SimpleBackend for Within<'_> {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        match (self.stored)(name) {
            Some(stored) => self.vb.get_with_hints_dtype(shape, &stored, init, dtype),
            // A broadcast scalar takes no memory.
            None => Tensor::zeros((), dtype, device)?.broadcast_as(shape),
        }
    }

    fn get_unchecked(&self, name: &str, dtype: DType, _: &Device) -> candle_core::Result<Tensor> {
        self.vb.get_unchecked_dtype(name, dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        (self.stored)(name).is_none_or(|stored| self.vb.contains_tensor(&stored))
    }
}
