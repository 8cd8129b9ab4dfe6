//! A pretrained image network as the trunk of an SSD: the same weights by other names.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use serde_json::json;

use super::lite::torchvision_name;
use crate::backbones::MobileNetV1Options;
use crate::{Checkpoint, ModelConfig, plain};

/// The image network that is the trunk of an SSD.
#[derive(Clone, Copy)]
pub struct Trunk {
    /// Its name in the table of image networks.
    pub network: &'static str,
    /// The name that a tensor has in the SSD; `None` if the SSD does not have it.
    rename: fn(&str) -> Option<String>,
}

/// The SSDs whose trunk is an image network of the table.
const TRUNKS: [(&str, Trunk); 5] = [
    ("ssd300_vgg16", Trunk { network: "vgg16", rename: vgg16 }),
    ("ssd512_vgg16", Trunk { network: "vgg16", rename: vgg16 }),
    ("ssd_mobilenet_v1", Trunk { network: "mobilenet_v1", rename: |name| Some(name.to_owned()) }),
    ("ssdlite_mobilenet_v2", Trunk { network: "mobilenet_v2", rename: |name| Some(format!("backbone.{name}")) }),
    (
        "ssdlite320_mobilenet_v3_large",
        Trunk { network: "mobilenet_v3_large", rename: |name| torchvision_name(&format!("backbone.{name}")) },
    ),
];

/// conv1_1 to conv4_3 keep their names; conv5_1 to conv5_3 are in the first of the extra layers.
fn vgg16(name: &str) -> Option<String> {
    let (index, rest) = name.strip_prefix("features.")?.split_once('.')?;
    Some(match index.parse().ok()? {
        index @ 0..=21 => format!("backbone.features.{index}.{rest}"),
        index @ (24 | 26 | 28) => format!("backbone.extra.0.{}.{rest}", index - 23),
        _ => return None,
    })
}

impl Trunk {
    /// The trunk of this SSD; `None` if no image network of the table is.
    pub fn of(ssd: &str) -> Option<Self> {
        TRUNKS.iter().find(|(name, _)| *name == ssd).map(|(_, trunk)| *trunk)
    }

    /// The options of the SSD `ssd` for the trunk of `config`, and the preprocessing of its pixels.
    /// # Errors
    /// When an option of the image network is unknown.
    pub fn adapt(&self, config: &ModelConfig, ssd: &mut ModelConfig) -> Result<()> {
        match self.network {
            "mobilenet_v1" => {
                // An SSD has options of its own.
                let known = MobileNetV1Options::default().entries();
                let mut trunk = config.clone();
                trunk.options.retain(|name, _| known.contains_key(name));
                ssd.options.extend(MobileNetV1Options::read(&trunk)?.entries());
            }
            _ => ssd.options.extend(config.options.get("width").map(|width| ("width".to_owned(), width.clone()))),
        }
        if self.network == "mobilenet_v3_large" {
            let reduced = config.options.get("reduced_tail").cloned().unwrap_or(json!(false));
            ssd.options.insert("reduced_tail".to_owned(), reduced);
        }
        let pixels = &config.preprocessing;
        ssd.preprocessing.channel_order = pixels.channel_order;
        (ssd.preprocessing.range, ssd.preprocessing.mean, ssd.preprocessing.std) =
            (pixels.range, pixels.mean, pixels.std);
        Ok(())
    }

    /// The tensors of an image network by their names in the SSD.
    /// # Errors
    /// When one cannot be read.
    pub fn tensors(&self, file: &Checkpoint, device: &Device) -> Result<BTreeMap<String, Tensor>> {
        let mut tensors = BTreeMap::new();
        for (name, tensor) in file.all(device)? {
            match (self.network, name.as_str()) {
                (
                    "vgg16",
                    "classifier.0.weight" | "classifier.0.bias" | "classifier.3.weight" | "classifier.3.bias",
                ) => {
                    let (name, tensor) = thinned(&name, &tensor).with_context(|| format!("tensor \"{name}\""))?;
                    tensors.insert(name, tensor);
                }
                _ => tensors.extend((self.rename)(&name).map(|name| (name, tensor))),
            }
        }
        Ok(tensors)
    }
}

/// fc6 and fc7 of VGG-16 as convolutions of a quarter of the channels (Chen et al. 2015): every fourth output, and of the
/// 7 x 7 pixels that fc6 sees, every third.
fn thinned(name: &str, tensor: &Tensor) -> Result<(String, Tensor)> {
    const FEWER: usize = 4;
    let every = |tensor: &Tensor, axis: usize, step: usize| -> Result<Tensor> {
        let places: Vec<u32> = (0..tensor.dim(axis).map_err(plain)? as u32).step_by(step).collect();
        let places = Tensor::new(places, tensor.device()).map_err(plain)?;
        tensor.index_select(&places, axis).map_err(plain)
    };
    let is_fc6 = name.starts_with("classifier.0.");
    let module = if is_fc6 { "backbone.extra.0.7.1" } else { "backbone.extra.0.7.3" };
    let thin = every(tensor, 0, FEWER)?;
    let tensor = match (tensor.rank(), is_fc6) {
        (1, _) => return Ok((format!("{module}.bias"), thin)),
        (_, true) => {
            let inputs = thin.dim(1).map_err(plain)? / 49;
            let maps = thin.reshape((thin.dim(0).map_err(plain)?, inputs, 7, 7)).map_err(plain)?;
            every(&every(&maps, 2, 3)?, 3, 3)?
        }
        (_, false) => every(&thin, 1, FEWER)?.unsqueeze(2).and_then(|thin| thin.unsqueeze(3)).map_err(plain)?,
    };
    Ok((format!("{module}.weight"), tensor.contiguous().map_err(plain)?))
}

/// Whether a weight belongs to a head that computes class scores.
pub fn is_class_head(weight: &str) -> bool {
    weight.starts_with("head.classification_head.")
        || weight.starts_with("classification_headers.")
        || weight.contains("_mbox_conf.")
}

/// Whether a weight belongs to a head that computes box codes.
pub fn is_box_head(weight: &str) -> bool {
    weight.starts_with("head.regression_head.")
        || weight.starts_with("regression_headers.")
        || weight.contains("_mbox_loc.")
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;

    #[test]
    fn every_tensor_of_vgg_16_but_the_classifiers_last_has_a_place() {
        assert_eq!(vgg16("features.21.weight").unwrap(), "backbone.features.21.weight");
        assert_eq!(vgg16("features.28.bias").unwrap(), "backbone.extra.0.5.bias");
        assert_eq!(vgg16("classifier.6.weight"), None);
        let fc6 = Tensor::arange(0_f32, 8.0 * 98.0, &Device::Cpu).unwrap().reshape((8, 98)).unwrap();
        let (name, thin) = thinned("classifier.0.weight", &fc6).unwrap();
        assert_eq!((name.as_str(), thin.dims()), ("backbone.extra.0.7.1.weight", &[2, 2, 3, 3][..]));
        let numbers: Vec<f32> = thin.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(numbers[..4], [0.0, 3.0, 6.0, 21.0]);
        assert_eq!(numbers[18], 4.0 * 98.0);
        let fc7 = Tensor::zeros((8, 8), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(thinned("classifier.3.weight", &fc7).unwrap().1.dims(), [2, 2, 1, 1]);
    }
}
