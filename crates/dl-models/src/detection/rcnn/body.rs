//! The network below a detector: any image network with plans, up to the maps that are used.

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use super::layout::Layout;
use crate::backbones::{Depth, MobileNetV3Features, MobileNetV3Size, ResNet};
use crate::network::plans::graph;
use crate::{Architecture, Backbone, LayerName, ModelConfig, plain};

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
        let layers: Vec<LayerName> = layout.maps.iter().map(|map| map.parse()).collect::<Result<_>>()?;
        ensure!(network.plans(), "{} cannot be the body of a detector", layout.body);
        let maps: Vec<String> = layers.iter().map(|layer| network.check(layer)).collect::<Result<_>>()?;
        // Large enough for any network of the table.
        let (graph, nodes) = graph(&*network, [3, 256, 256], &layers)?;
        let mut channels = Vec::new();
        for (node, map) in nodes.into_iter().zip(&maps) {
            let shape = graph.shape(node);
            ensure!(shape.len() == 3, "{map} of {} is not a map", layout.body);
            channels.push(shape[0]);
        }
        Ok(Self { network, maps, channels })
    }
}

fn network(layout: &Layout, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let eps = layout.norm_eps;
    let resnet =
        |depth| -> Result<Box<dyn Backbone>> { Ok(Box::new(ResNet::body(depth, eps, vb.clone()).map_err(plain)?)) };
    let mobilenet = |size| -> Result<Box<dyn Backbone>> {
        let weights = within(&vb, |name| Some(name.strip_prefix("features.").unwrap_or(name).to_owned()));
        Ok(Box::new(MobileNetV3Features::new(size, 1.0, false, eps, &weights).map_err(plain)?))
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
                let is_head = name.starts_with("classifier.") || architecture.is_head_weight(name);
                // SqueezeNet's maps end below its classifier, too.
                (!is_head).then(|| name.to_owned())
            });
            (architecture.build)(&ModelConfig::new(other, 1), weights)
        }
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
