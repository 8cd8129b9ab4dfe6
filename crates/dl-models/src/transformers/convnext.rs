//! ConvNeXt (Liu et al. 2022, A ConvNet for the 2020s) and V2 (Woo et al. 2023), with timm's tensor names or those of
//! Hugging Face's `ConvNextModel`.
//!
//! | output | shape | is |
//! | --- | --- | --- |
//! | global_pool | images, width | the mean over the last map |
//! | head.norm | images, width | normalized |
//! | logits | images, classes | of a network with a head |

use anyhow::{Result, bail};
use candle_nn::VarBuilder;
use candle_transformers::models::convnext::{Config, convnext_no_final_layer};
use serde::Deserialize;

use super::renamed::Source;
use super::{CandleImages, Renamed};
use crate::{Architecture, Backbone, ModelConfig, Preprocessing, plain};

/// Its entry in the table.
pub(crate) const CONVNEXT: Architecture = Architecture {
    name: "convnext",
    paper: "Liu et al. 2022, A ConvNet for the 2020s; by candle-transformers",
    layer: "head.norm",
    head: "head.fc",
    new_head: &["classifier"],
    auxiliary: &[],
    preprocessing: Preprocessing::dinov2,
    build,
};

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// timm's size.
    size: String,
    /// Whose tensor names.
    names: Names,
    /// Before Hugging Face's names.
    prefix: String,
    /// V2: responses are normalized, and branches not scaled.
    grn: bool,
    /// Whether it has a classification head.
    classifier: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Names {
    #[default]
    Timm,
    HuggingFace,
}

impl Default for Options {
    fn default() -> Self {
        Self { size: "tiny".into(), names: Names::Timm, prefix: String::new(), grn: false, classifier: true }
    }
}

fn build(config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options: Options = config.options()?;
    let (candle, width) = match options.size.as_str() {
        "atto" => (Config::atto(), 320),
        "femto" => (Config::femto(), 384),
        "pico" => (Config::pico(), 512),
        "nano" => (Config::nano(), 640),
        "tiny" => (Config::tiny(), 768),
        "small" => (Config::small(), 768),
        "base" => (Config::base(), 1024),
        "large" => (Config::large(), 1536),
        "xlarge" => (Config::xlarge(), 2048),
        "huge" => (Config::huge(), 2816),
        other => {
            let known = "atto, femto, pico, nano, tiny, small, base, large, xlarge, huge";
            bail!("the size of a convnext is \"{}\"; expected {known}", crate::checkpoint::printable(other))
        }
    };
    let theirs = options.names == Names::HuggingFace;
    // transformers' last norm has the config's epsilon, 1e-12 in every published file.
    let (eps, head) = if theirs { (1e-12, "classifier") } else { (1e-6, "head.fc") };
    let (prefix, grn) = (options.prefix.clone(), options.grn);
    let vb = Renamed::builder(&vb, move |name: &str| {
        // candle takes what there is; a network has one or the other.
        let absent = if grn { name.ends_with(".gamma") } else { name.contains(".grn.") };
        match absent {
            true => Source::Absent,
            false if theirs => Source::Named(hugging_face(&prefix, name)),
            false => Source::Named(name.to_owned()),
        }
    });
    let body = convnext_no_final_layer(&candle, vb.clone()).map_err(plain)?;
    let norm = candle_nn::layer_norm(width, eps, vb.pp("head.norm")).map_err(plain)?;
    let head = options.classifier.then(|| CandleImages::head(width, config.num_classes, vb.pp(head)));
    let head = head.transpose().map_err(plain)?;
    Ok(Box::new(CandleImages { name: "convnext", body: Box::new(body), norm: Some(("head.norm", norm)), head }))
}

/// Hugging Face's name of a tensor.
fn hugging_face(prefix: &str, name: &str) -> String {
    if name.starts_with("classifier.") {
        return name.to_owned();
    }
    let pairs = [
        ("stem.0.", "embeddings.patch_embeddings."),
        ("stem.1.", "embeddings.layernorm."),
        ("head.norm.", "layernorm."),
        ("stages.", "encoder.stages."),
        (".downsample.", ".downsampling_layer."),
        (".blocks.", ".layers."),
        (".conv_dw.", ".dwconv."),
        (".norm.", ".layernorm."),
        (".mlp.fc1.", ".pwconv1."),
        (".mlp.fc2.", ".pwconv2."),
        (".mlp.grn.", ".grn."),
    ];
    let mut name = name.to_owned();
    for (timm, theirs) in pairs {
        name = match timm.starts_with('.') {
            true => name.replace(timm, theirs),
            false => name.strip_prefix(timm).map(|rest| format!("{theirs}{rest}")).unwrap_or(name),
        };
    }
    match name.strip_suffix(".gamma") {
        Some(block) => format!("{prefix}{block}.layer_scale_parameter"),
        None => format!("{prefix}{name}"),
    }
}
