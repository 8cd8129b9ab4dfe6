//! EfficientNet (Tan and Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks) with
//! TensorFlow's padding and epsilon, as in timm's `tf_efficientnet_b0` to `b7`, whose tensor names it reads. Those of
//! torchvision and timm's `efficientnet_b0` pad otherwise; candle does not have them.
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | global_pool | images, width | the mean over the last map |
//! | logits | images, classes | of a network with a head |

use anyhow::{Result, bail};
use candle_nn::VarBuilder;
use candle_transformers::models::efficientnet::{EfficientNet, MBConvConfig};
use serde::Deserialize;

use super::renamed::Source;
use super::{CandleImages, Renamed};
use crate::{Architecture, Backbone, ModelConfig, Preprocessing, plain};

/// Its entry in the table.
pub(crate) const EFFICIENTNET: Architecture = Architecture {
    name: "tf_efficientnet",
    paper: "Tan and Le 2019, EfficientNet: rethinking model scaling for convolutional networks; by candle-transformers",
    layer: "global_pool",
    head: "classifier",
    new_head: &["classifier"],
    auxiliary: &[],
    preprocessing: Preprocessing::dinov2,
    build,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// `b0` to `b7`.
    size: String,
    /// Whether it has a classification head.
    classifier: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { size: "b0".into(), classifier: true }
    }
}

fn build(config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options: Options = config.options()?;
    let (blocks, width) = match options.size.as_str() {
        "b0" => (MBConvConfig::b0(), 1280),
        "b1" => (MBConvConfig::b1(), 1280),
        "b2" => (MBConvConfig::b2(), 1408),
        "b3" => (MBConvConfig::b3(), 1536),
        "b4" => (MBConvConfig::b4(), 1792),
        "b5" => (MBConvConfig::b5(), 2048),
        "b6" => (MBConvConfig::b6(), 2304),
        "b7" => (MBConvConfig::b7(), 2560),
        other => {
            bail!("the size of a tf_efficientnet is \"{}\"; expected b0 to b7", crate::checkpoint::printable(other))
        }
    };
    // candle's network ends with class scores: an identity leaves the features.
    let translated = Renamed::builder(&vb, |name: &str| match timm(name) {
        Some(name) => Source::Named(name),
        None => Source::Identity,
    });
    let body = EfficientNet::new(translated, blocks, width).map_err(plain)?;
    let head = options.classifier.then(|| CandleImages::head(width, config.num_classes, vb.pp("classifier")));
    let head = head.transpose().map_err(plain)?;
    Ok(Box::new(CandleImages { name: "tf_efficientnet", body: Box::new(body), norm: None, head }))
}

/// timm's name of a tensor of candle's, which are torchvision's; `None` for the head.
fn timm(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    Some(match parts[..] {
        ["features", "0", "0", weight] => format!("conv_stem.{weight}"),
        ["features", "0", "1", weight] => format!("bn1.{weight}"),
        ["features", "8", "0", weight] => format!("conv_head.{weight}"),
        ["features", "8", "1", weight] => format!("bn2.{weight}"),
        ["features", stage, block, "block", part, layer, weight] => {
            let stage: usize = stage.parse().ok()?;
            // The blocks of the first stage have no expansion.
            let names = match stage {
                1 => [["conv_dw", "bn1"], ["", ""], ["conv_pw", "bn2"], ["", ""]],
                _ => [["conv_pw", "bn1"], ["conv_dw", "bn2"], ["", ""], ["conv_pwl", "bn3"]],
            };
            let layer = match layer {
                "fc1" => "se.conv_reduce",
                "fc2" => "se.conv_expand",
                place => names.get(part.parse::<usize>().ok()?)?.get(place.parse::<usize>().ok()?)?,
            };
            format!("blocks.{}.{block}.{layer}.{weight}", stage.checked_sub(1)?)
        }
        _ => return None,
    })
}
