//! Caffe's `.caffemodel`: a `NetParameter` in protocol buffers.
//!
//! A layer's blobs become `LAYER.weight` and `LAYER.bias`; those of a `BatchNorm` layer `running_mean` and
//! `running_var` (its third blob divides both). Weights of a fully connected layer have two axes, a bias one, even from
//! old files, where every blob has four. Networks that are recognized by their layer names get our names and a config
//! ([`names`]): Caffe's images are BGR, from 0 to 255, minus the mean of each channel. The mean image that some were
//! trained with is reduced to channel means, as in Caffe's own `classification.cpp`.

mod messages;
mod names;
mod wire;

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_record::file::read_regular;
use prost::Message;
use safetensors::Dtype;

use self::messages::{BlobProto, NetParameter, TransformationParameter};
use super::contents::{Contents, StoredTensor, byte_length};
use super::{CONFIG_KEY, printable};

/// The limit of protocol buffers.
const LONGEST: u64 = (1 << 31) - 1;
/// Bytes of a mean image.
const LONGEST_MEAN: u64 = 1 << 28;

/// Whether a network can begin like this: with its name, or a layer.
pub(super) fn is_start(start: &[u8]) -> bool {
    matches!(start, [0x0a | 0x12 | 0x1a, ..] | [0xa2, 0x06, ..])
}

/// A layer with weights, of any form.
struct Layer {
    name: String,
    kind: Kind,
    blobs: Vec<BlobProto>,
    transform: Option<TransformationParameter>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    InnerProduct,
    BatchNorm,
    Other,
}

impl Kind {
    fn of(text: &str) -> Self {
        match text {
            "InnerProduct" | "innerproduct" => Self::InnerProduct,
            "BatchNorm" => Self::BatchNorm,
            _ => Self::Other,
        }
    }
}

/// Reads the whole file, as protocol buffers require.
pub(super) fn read(path: &Path) -> Result<Contents> {
    let bytes = read_regular(path, LONGEST).context("is not a Caffe model: protocol buffers are limited to 2 GB")?;
    wire::check(&bytes).context("is not a Caffe model, or is truncated")?;
    let net = NetParameter::decode(bytes.as_slice()).context("is not a Caffe model, or is truncated")?;
    drop(bytes);
    let mut contents = Contents { files: vec![path.to_owned()], ..Contents::default() };
    let (layers, transform) = layers(net.layers, net.layer);
    for layer in layers {
        let of_layer = format!("layer \"{}\"", printable(&layer.name));
        for (name, shape, numbers) in tensors(layer).context(of_layer)? {
            contents.tensors.insert(name, StoredTensor::decoded(shape, numbers));
        }
    }
    ensure!(!contents.tensors.is_empty(), "is not a Caffe model: it has no layer with weights");
    if let Some(config) = names::recognize(&mut contents.tensors, &net.name, transform.as_ref()) {
        contents.metadata.insert(CONFIG_KEY.to_owned(), serde_json::to_string(&config)?);
    }
    Ok(contents)
}

/// The layers with weights, and the file's preprocessing.
fn layers(
    old: Vec<messages::V1LayerParameter>,
    new: Vec<messages::LayerParameter>,
) -> (Vec<Layer>, Option<TransformationParameter>) {
    /// `INNER_PRODUCT` of `V1LayerParameter.LayerType`.
    const INNER_PRODUCT: i32 = 14;
    let old = old.into_iter().map(|layer| match layer.layer {
        Some(first) => Layer {
            kind: Kind::of(&first.kind),
            name: first.name,
            blobs: [first.blobs, layer.blobs].concat(),
            transform: None,
        },
        None => Layer {
            name: layer.name,
            kind: if layer.kind == INNER_PRODUCT { Kind::InnerProduct } else { Kind::Other },
            blobs: layer.blobs,
            transform: layer.transform_param,
        },
    });
    let new = new.into_iter().map(|layer| Layer {
        kind: Kind::of(&layer.kind),
        name: layer.name,
        blobs: layer.blobs,
        transform: layer.transform_param,
    });
    let mut layers: Vec<Layer> = old.chain(new).collect();
    let transform = layers.iter_mut().find_map(|layer| layer.transform.take());
    layers.retain(|layer| !layer.blobs.is_empty());
    (layers, transform)
}

/// Name, shape, numbers.
type Named = (String, Vec<usize>, Vec<f32>);

/// A layer's tensors.
fn tensors(layer: Layer) -> Result<Vec<Named>> {
    let Layer { name, kind, blobs, .. } = layer;
    let mut read = Vec::new();
    for blob in blobs {
        let shape = shape(&blob)?;
        let numbers = match blob.data.is_empty() {
            true => blob.double_data.iter().map(|number| *number as f32).collect(),
            false => blob.data,
        };
        let count = byte_length(Dtype::F32, &shape)? / 4;
        ensure!(
            count == numbers.len(),
            "a blob of shape {shape:?} has {} numbers; is the file truncated?",
            numbers.len()
        );
        read.push((shape, numbers));
    }
    let count = read.len();
    let factor = match (kind, read.get(2)) {
        (Kind::BatchNorm, Some((_, factor))) => match factor.first() {
            Some(0.0) | None => Some(0.0),
            Some(factor) => Some(1.0 / factor),
        },
        _ => None,
    };
    let named = read.into_iter().enumerate().filter(|(index, _)| factor.is_none() || *index < 2);
    let tensor = |(index, (shape, mut numbers)): (usize, (Vec<usize>, Vec<f32>))| {
        let part = match (kind, index) {
            (Kind::BatchNorm, 0) => "running_mean".to_owned(),
            (Kind::BatchNorm, 1) => "running_var".to_owned(),
            (_, 0) => "weight".to_owned(),
            (_, 1) => "bias".to_owned(),
            (_, index) => format!("blob{index}"),
        };
        if let Some(factor) = factor {
            numbers.iter_mut().for_each(|number| *number *= factor);
        }
        // In old files every blob has four axes.
        let shape = match (kind, part.as_str(), shape.as_slice()) {
            (Kind::InnerProduct, "weight", [1, 1, outputs, inputs]) => vec![*outputs, *inputs],
            (_, _, [1, 1, 1, count]) if index > 0 || kind == Kind::BatchNorm => vec![*count],
            _ => shape,
        };
        (format!("{}.{part}", printable(&name)), shape, numbers)
    };
    ensure!(count < 100, "has {count} blobs; fewer than 100 are supported");
    Ok(named.map(tensor).collect())
}

fn shape(blob: &BlobProto) -> Result<Vec<usize>> {
    let sides: Vec<i64> = match (&blob.shape, [blob.num, blob.channels, blob.height, blob.width]) {
        (Some(shape), _) => shape.dim.clone(),
        (None, [None, None, None, None]) => vec![blob.data.len().max(blob.double_data.len()) as i64],
        (None, old) => old.iter().map(|side| side.unwrap_or(0).into()).collect(),
    };
    ensure!(sides.len() <= 32, "a blob has {} axes", sides.len());
    sides.iter().map(|side| usize::try_from(*side).with_context(|| format!("a blob has the shape {sides:?}"))).collect()
}

/// The mean of each channel, B, G, R, of a mean image: a `.binaryproto` of Caffe.
/// # Errors
/// When the file cannot be read or is not an image of three channels.
pub fn mean_of_image(path: &Path) -> Result<[f32; 3]> {
    let read = || {
        let bytes = read_regular(path, LONGEST_MEAN).context("cannot be read")?;
        wire::check(&bytes).context("is not a Caffe mean image")?;
        let blob = BlobProto::decode(bytes.as_slice()).context("is not a Caffe mean image")?;
        let shape = shape(&blob)?;
        let ([.., 3, height, width], true) = (shape.as_slice(), shape.iter().rev().skip(3).all(|side| *side == 1))
        else {
            bail!("is not a mean image of three channels: its shape is {shape:?}");
        };
        let area = height.checked_mul(*width).filter(|area| *area > 0);
        let Some(area) = area.filter(|area| area.checked_mul(3) == Some(blob.data.len())) else {
            bail!("has {} numbers for the shape {shape:?}", blob.data.len());
        };
        let channel = |channel: usize| {
            let numbers = &blob.data[channel * area..(channel + 1) * area];
            (numbers.iter().map(|number| f64::from(*number)).sum::<f64>() / area as f64) as f32
        };
        Ok([0, 1, 2].map(channel))
    };
    read().with_context(|| format!("mean image {}", path.display()))
}
