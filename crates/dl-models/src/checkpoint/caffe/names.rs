//! Maps Caffe's layer names to those of dl-tools, for networks that are widely used as caffemodels.
//!
//! | network | recognized by | Caffe's | dl-tools' |
//! | --- | --- | --- | --- |
//! | VGG (11, 13, 16, 19 layers, and column C) | conv1_1, fc6 | conv1_1 .. conv5_4, fc6, fc7, the last | features.0 .. , classifier.0, .3, .6 |
//! | SqueezeNet 1.0, 1.1 | fire2/squeeze1x1 | conv1, fireN/expand3x3, conv10 | features.0, features.M.expand3x3, classifier.1 |
//! | AlexNet, CaffeNet, R-CNN's | conv1 of 11 x 11, fc6 | conv1 .. conv5, fc6, fc7, the last | the same, fc8 |
//! | ZF | conv1 of 7 x 7, conv5, fc6 | conv1 .. conv5, fc6, fc7, the last | the same, fc8 |
//! | GoogLeNet | inception_3a/1x1 | conv1/7x7_s2, inception_3a/3x3_reduce, loss3/classifier | conv1.conv, inception3a.branch2.0.conv, fc |
//!
//! The last layer of a network fine-tuned for other classes may have any name. A network in the table of architectures
//! gets a config, too. Caffe's GoogLeNet has 5 x 5 convolutions and no batch norms, so it differs from torchvision's.
//! Layers of other networks keep their names, with `/` replaced by `.`.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::contents::StoredTensor;
use super::messages::TransformationParameter;
use crate::{ChannelOrder, ModelConfig, Preprocessing, Resize};

/// A recognized network.
struct Known {
    /// Its entry in the table of architectures, if it has one.
    architecture: Option<&'static str>,
    /// Caffe's layer names and our modules.
    modules: Vec<(String, String)>,
    size: usize,
    resize: Resize,
    shorter: Option<usize>,
    /// The mean of ImageNet; B, G, R.
    mean: [f32; 3],
}

/// Renames the tensors to our names, and returns a config if the network is recognized.
pub(super) fn recognize(
    tensors: &mut BTreeMap<String, StoredTensor>,
    net: &str,
    transform: Option<&TransformationParameter>,
) -> Option<ModelConfig> {
    let known = vgg(tensors)
        .or_else(|| squeezenet(tensors))
        .or_else(|| alexnet(tensors, net))
        .or_else(|| zf(tensors))
        .or_else(|| googlenet(tensors));
    let modules: BTreeMap<&str, &str> = match &known {
        Some(known) => known.modules.iter().map(|(theirs, ours)| (theirs.as_str(), ours.as_str())).collect(),
        None => BTreeMap::new(),
    };
    let renamed = std::mem::take(tensors).into_iter().map(|(name, stored)| {
        let (layer, part) = name.rsplit_once('.').unwrap_or((&name, "weight"));
        let module = modules.get(layer).map_or_else(|| layer.replace('/', "."), |module| module.to_string());
        (format!("{module}.{part}"), stored)
    });
    *tensors = renamed.collect();
    let known = known?;
    let architecture = known.architecture?;
    let head = crate::Architecture::find(architecture).ok()?.head;
    let classes = *tensors.get(&format!("{head}.weight"))?.shape.first()?;
    let mut config = ModelConfig::new(architecture, classes);
    config.preprocessing = preprocessing(&known, transform);
    config.provenance.source = Some(json!({"format": "caffe", "name": net}));
    Some(config)
}

/// The preprocessing stated in the file, with the network's usual values as defaults.
fn preprocessing(known: &Known, transform: Option<&TransformationParameter>) -> Preprocessing {
    let crop = transform.map(|transform| transform.crop_size as usize).filter(|crop| (1..=4096).contains(crop));
    let stated = transform.and_then(|transform| <[f32; 3]>::try_from(transform.mean_value.as_slice()).ok());
    let scale = transform.and_then(|transform| transform.scale).filter(|scale| scale.is_normal());
    Preprocessing {
        size: [crop.unwrap_or(known.size); 2],
        resize: known.resize,
        shorter: known.shorter,
        interpolation: Default::default(),
        channel_order: ChannelOrder::Bgr,
        range: [0.0, 255.0],
        mean: stated.unwrap_or(known.mean),
        std: [scale.map_or(1.0, |scale| 1.0 / scale); 3],
        extra: Default::default(),
    }
}

fn has(tensors: &BTreeMap<String, StoredTensor>, layer: &str) -> bool {
    tensors.contains_key(&format!("{layer}.weight"))
}

/// The name of the last fully connected layer: `fc8`, or a custom name.
fn last(tensors: &BTreeMap<String, StoredTensor>) -> Option<String> {
    let layers = tensors.keys().filter_map(|name| name.strip_suffix(".weight"));
    let mut layers = layers
        .filter(|layer| *layer != "fc6" && *layer != "fc7" && tensors[&format!("{layer}.weight")].shape.len() == 2);
    let last = layers.next()?.to_owned();
    // R-CNN's successors have more than one.
    layers.next().is_none().then_some(last)
}

fn pairs<const N: usize>(table: [(&str, &str); N]) -> Vec<(String, String)> {
    table.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned())).to_vec()
}

fn vgg(tensors: &BTreeMap<String, StoredTensor>) -> Option<Known> {
    if !has(tensors, "conv1_1") || !has(tensors, "fc6") {
        return None;
    }
    let (mut modules, mut place, mut counts) =
        (pairs([("fc6", "classifier.0"), ("fc7", "classifier.3")]), 0, Vec::new());
    for block in 1..=5 {
        let layers = (1..=4).map(|index| format!("conv{block}_{index}")).take_while(|layer| has(tensors, layer));
        let before = modules.len();
        for layer in layers {
            modules.push((layer, format!("features.{place}")));
            place += 2;
        }
        counts.push(modules.len() - before);
        place += 1;
    }
    let point = tensors.get("conv3_3.weight").is_some_and(|weight| weight.shape.ends_with(&[1, 1]));
    let architecture = match counts.as_slice() {
        [1, 1, 2, 2, 2] => "vgg11",
        [2, 2, 2, 2, 2] => "vgg13",
        [2, 2, 3, 3, 3] if point => "vgg16_c",
        [2, 2, 3, 3, 3] => "vgg16",
        [2, 2, 4, 4, 4] => "vgg19",
        _ => return None,
    };
    let last = last(tensors);
    modules.extend(last.iter().map(|last| (last.clone(), "classifier.6".to_owned())));
    let mean = [103.939, 116.779, 123.68];
    Some(Known {
        architecture: Some(architecture),
        modules,
        size: 224,
        resize: Resize::Shorter,
        shorter: Some(256),
        mean,
    })
}

fn squeezenet(tensors: &BTreeMap<String, StoredTensor>) -> Option<Known> {
    if !has(tensors, "fire2/squeeze1x1") {
        return None;
    }
    let kernel = *tensors.get("conv1.weight")?.shape.last()?;
    // The indices of fire2 .. fire9 in `features`; the pools are between them.
    let (architecture, places) = match kernel {
        7 => ("squeezenet1_0", [3, 4, 5, 7, 8, 9, 10, 12]),
        _ => ("squeezenet1_1", [3, 4, 6, 7, 9, 10, 11, 12]),
    };
    let mut modules = pairs([("conv1", "features.0"), ("conv10", "classifier.1")]);
    for (fire, place) in (2..).zip(places) {
        let parts = [("squeeze1x1", "squeeze"), ("expand1x1", "expand1x1"), ("expand3x3", "expand3x3")];
        modules
            .extend(parts.map(|(theirs, ours)| (format!("fire{fire}/{theirs}"), format!("features.{place}.{ours}"))));
    }
    // Fine-tuned for other classes, conv10 has another name.
    if !has(tensors, "conv10") {
        let layers = tensors.keys().filter_map(|name| name.strip_suffix(".weight"));
        let mut others = layers.filter(|layer| !modules.iter().any(|(theirs, _)| theirs == layer));
        let last = others.next().filter(|_| others.next().is_none())?.to_owned();
        modules.push((last, "classifier.1".to_owned()));
    }
    let mean = [104.0, 117.0, 123.0];
    Some(Known { architecture: Some(architecture), modules, size: 227, resize: Resize::Stretch, shorter: None, mean })
}

fn alexnet(tensors: &BTreeMap<String, StoredTensor>, net: &str) -> Option<Known> {
    let first = tensors.get("conv1.weight")?.shape.as_slice();
    if first != [96, 3, 11, 11] || !has(tensors, "conv5") || !has(tensors, "fc6") {
        return None;
    }
    // They differ in the order of pooling and normalization, which the weights do not show; R-CNN's network is a
    // CaffeNet.
    let architecture = if net.to_ascii_lowercase().contains("alexnet") { "alexnet_2012" } else { "caffenet" };
    let modules = last(tensors).map(|last| (last, "fc8".to_owned())).into_iter().collect();
    let mean = [104.007, 116.669, 122.679];
    Some(Known { architecture: Some(architecture), modules, size: 227, resize: Resize::Stretch, shorter: None, mean })
}

fn zf(tensors: &BTreeMap<String, StoredTensor>) -> Option<Known> {
    let first = tensors.get("conv1.weight")?.shape.as_slice();
    if first != [96, 3, 7, 7] || !has(tensors, "conv5") || !has(tensors, "fc6") {
        return None;
    }
    let modules = last(tensors).map(|last| (last, "fc8".to_owned())).into_iter().collect();
    let mean = [102.9801, 115.9465, 122.7717];
    Some(Known { architecture: Some("zf"), modules, size: 224, resize: Resize::Stretch, shorter: None, mean })
}

fn googlenet(tensors: &BTreeMap<String, StoredTensor>) -> Option<Known> {
    if !has(tensors, "inception_3a/1x1") {
        return None;
    }
    let mut modules = pairs([
        ("conv1/7x7_s2", "conv1.conv"),
        ("conv2/3x3_reduce", "conv2.conv"),
        ("conv2/3x3", "conv3.conv"),
        ("loss3/classifier", "fc"),
        ("loss1/conv", "aux1.conv.conv"),
        ("loss1/fc", "aux1.fc1"),
        ("loss1/classifier", "aux1.fc2"),
        ("loss2/conv", "aux2.conv.conv"),
        ("loss2/fc", "aux2.fc1"),
        ("loss2/classifier", "aux2.fc2"),
    ]);
    let parts = [
        ("1x1", "branch1"),
        ("3x3_reduce", "branch2.0"),
        ("3x3", "branch2.1"),
        ("5x5_reduce", "branch3.0"),
        ("5x5", "branch3.1"),
        ("pool_proj", "branch4.1"),
    ];
    for module in ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"] {
        let names = |(theirs, ours)| (format!("inception_{module}/{theirs}"), format!("inception{module}.{ours}.conv"));
        modules.extend(parts.map(names));
    }
    let mean = [104.0, 117.0, 123.0];
    Some(Known { architecture: None, modules, size: 224, resize: Resize::Stretch, shorter: None, mean })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor_shapes;

    /// A network's tensors under Caffe's names, in the order of the layers.
    fn caffe(architecture: &str, layers: &[&str]) -> BTreeMap<String, StoredTensor> {
        let shapes = tensor_shapes(&ModelConfig::new(architecture, 7)).unwrap();
        let mut modules: Vec<&str> = shapes.keys().filter_map(|name| name.strip_suffix(".weight")).collect();
        // features.0, features.2, .. features.10, classifier.0, ..
        modules.sort_by_key(|module| (!module.starts_with("features"), module.len(), module.to_string()));
        assert_eq!(modules.len(), layers.len(), "{architecture}");
        let tensor = |(layer, module): (&&str, &&str), part: &str| {
            let shape = shapes[&format!("{module}.{part}")].clone();
            (format!("{layer}.{part}"), StoredTensor::decoded(shape, Vec::new()))
        };
        let pairs = layers.iter().zip(&modules);
        pairs.flat_map(|pair| ["weight", "bias"].map(|part| tensor(pair, part))).collect()
    }

    #[test]
    fn vggs_get_torchvision_names_and_caffe_preprocessing() {
        let start = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"];
        let sixteen = [&start[..], &["conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3"]].concat();
        let nineteen = [
            &start[..],
            &["conv3_4", "conv4_1", "conv4_2", "conv4_3", "conv4_4", "conv5_1", "conv5_2", "conv5_3", "conv5_4"],
        ]
        .concat();
        // The last layer of a fine-tuned network has a custom name.
        for (architecture, layers, last) in
            [("vgg16", &sixteen, "fc8"), ("vgg19", &nineteen, "fc8"), ("vgg16_c", &sixteen, "fc8_birds")]
        {
            let layers = [&layers[..], &["fc6", "fc7", last]].concat();
            let mut tensors = caffe(architecture, &layers);
            let config = recognize(&mut tensors, "VGG", None).unwrap();
            assert_eq!((config.architecture.as_str(), config.num_classes), (architecture, 7));
            assert_eq!(config.preprocessing.channel_order, ChannelOrder::Bgr);
            assert_eq!(config.preprocessing.mean, [103.939, 116.779, 123.68]);
            let found: BTreeMap<String, Vec<usize>> =
                tensors.into_iter().map(|(name, stored)| (name, stored.shape)).collect();
            assert_eq!(found, tensor_shapes(&ModelConfig::new(architecture, 7)).unwrap());
        }
    }

    #[test]
    fn zf_keeps_caffes_names() {
        let layers = ["fc6", "fc7", "fc8_birds", "conv1", "conv2", "conv3", "conv4", "conv5"];
        let mut tensors = caffe("zf", &layers);
        let config = recognize(&mut tensors, "ZF", None).unwrap();
        assert_eq!((config.architecture.as_str(), config.num_classes), ("zf", 7));
        let found: BTreeMap<String, Vec<usize>> =
            tensors.into_iter().map(|(name, stored)| (name, stored.shape)).collect();
        assert_eq!(found, tensor_shapes(&ModelConfig::new("zf", 7)).unwrap());
    }

    #[test]
    fn preprocessing_stated_in_the_file_is_used() {
        let layers =
            ["conv1_1", "conv2_1", "conv3_1", "conv3_2", "conv4_1", "conv4_2", "conv5_1", "conv5_2", "fc6", "fc7", "x"];
        let mut tensors = caffe("vgg11", &layers);
        let transform = TransformationParameter {
            scale: Some(0.5),
            crop_size: 200,
            mean_value: vec![1.0, 2.0, 3.0],
            ..Default::default()
        };
        let config = recognize(&mut tensors, "", Some(&transform)).unwrap();
        let Preprocessing { size, mean, std, .. } = config.preprocessing;
        assert_eq!((size, mean, std), ([200, 200], [1.0, 2.0, 3.0], [2.0; 3]));
    }
}
