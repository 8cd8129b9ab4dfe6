//! darknet's `.cfg`: one section per layer, read as far as the shapes of the weights depend on it.
//!
//! Reference: darknet's `parser.c` and the `make_..._layer` functions.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};

/// A layer's tensors in the order of the file: name within the layer, shape.
pub(super) type Tensors = Vec<(String, Vec<usize>)>;

/// Largest side, number of channels or kernel.
const LARGEST: i64 = 1 << 20;

/// Largest side or number of channels of an output.
const LARGEST_OUTPUT: usize = 1 << 40;

struct Section {
    kind: String,
    options: HashMap<String, String>,
}

impl Section {
    fn get(&self, key: &str, default: usize) -> Result<usize> {
        let Some(text) = self.options.get(key) else { return Ok(default) };
        let number = text.parse::<i64>().ok().filter(|number| (0..=LARGEST).contains(number));
        Ok(number.with_context(|| format!("[{}] {key}={text}: expected a number", self.kind))? as usize)
    }

    /// As [`get`](Self::get), but not 0.
    fn positive(&self, key: &str, default: usize) -> Result<usize> {
        let number = self.get(key, default)?;
        ensure!(number > 0, "[{}] {key}=0: expected a number above 0", self.kind);
        Ok(number)
    }
}

/// Channels, height, width of an output.
type Shape = [usize; 3];

/// The tensors of each layer.
/// # Errors
/// When a layer's kind is not supported, or its options are invalid.
pub(super) fn layers(text: &str) -> Result<Vec<Tensors>> {
    let sections = sections(text)?;
    let (net, sections) = sections.split_first().context("is empty")?;
    ensure!(matches!(net.kind.as_str(), "net" | "network"), "begins with [{}]; expected [net]", net.kind);
    let mut shape: Shape = [net.get("channels", 3)?, net.get("height", 0)?, net.get("width", 0)?];
    let mut shapes: Vec<Shape> = Vec::new();
    let mut all = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let of_layer = || format!("layer {index} [{}]", section.kind);
        let (tensors, output) = layer(section, shape, &shapes).with_context(of_layer)?;
        let known = output.iter().all(|side| *side <= LARGEST_OUTPUT);
        ensure!(known, "layer {index} [{}] has an output of shape {output:?}, which is too large", section.kind);
        shape = output;
        shapes.push(output);
        all.push(tensors);
    }
    Ok(all)
}

fn sections(text: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // darknet removes all whitespace from a line.
        let line: String = line.chars().filter(|letter| !letter.is_whitespace()).collect();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(kind) = line.strip_prefix('[') {
            let kind = kind.split(']').next().unwrap_or_default();
            sections.push(Section { kind: kind.to_owned(), options: HashMap::new() });
            continue;
        }
        let (Some(section), Some((key, value))) = (sections.last_mut(), line.split_once('=')) else {
            bail!("line {}: expected [section] or key=value", number + 1);
        };
        section.options.insert(key.to_owned(), value.to_owned());
    }
    Ok(sections)
}

/// The tensors and the output of a layer on maps of shape `input`; `before`: the outputs of the layers before it.
fn layer(section: &Section, input: Shape, before: &[Shape]) -> Result<(Tensors, Shape)> {
    let [channels, height, width] = input;
    let nothing = |shape: Shape| Ok((Vec::new(), shape));
    match section.kind.as_str() {
        "convolutional" | "conv" => {
            let (filters, size) = (section.positive("filters", 1)?, section.positive("size", 1)?);
            let (stride, groups) = (section.positive("stride", 1)?, section.positive("groups", 1)?);
            ensure!(channels % groups == 0, "{channels} channels cannot be divided into {groups} groups");
            let padding = if section.get("pad", 0)? != 0 { size / 2 } else { section.get("padding", 0)? };
            let norm = section.get("batch_normalize", 0)? != 0;
            let weight = vec![filters, channels / groups, size, size];
            let tensors = weights("Conv2d", norm, filters, weight);
            let side = |side: usize| (side + 2 * padding).saturating_sub(size) / stride + 1;
            Ok((tensors, [filters, side(height), side(width)]))
        }
        "connected" | "conn" => {
            let outputs = section.positive("output", 1)?;
            let inputs = channels.checked_mul(height).and_then(|all| all.checked_mul(width)).filter(|all| *all > 0);
            let inputs = inputs.context("its input size is unknown: [net] has no height and width")?;
            let norm = section.get("batch_normalize", 0)? != 0;
            // The bias comes first and the batch norm last, unlike in a convolution.
            let mut tensors =
                vec![("Linear.bias".to_owned(), vec![outputs]), ("Linear.weight".to_owned(), vec![outputs, inputs])];
            if norm {
                tensors[0].0 = "BatchNorm1d.bias".to_owned();
                let parts = ["weight", "running_mean", "running_var"];
                tensors.extend(parts.map(|part| (format!("BatchNorm1d.{part}"), vec![outputs])));
            }
            Ok((tensors, [outputs, 1, 1]))
        }
        "maxpool" | "max" => {
            let stride = section.positive("stride", 1)?;
            let size = section.positive("size", stride)?;
            let padding = section.get("padding", size - 1)?;
            let side = |side: usize| (side + padding).saturating_sub(size) / stride + 1;
            nothing([channels, side(height), side(width)])
        }
        "avgpool" | "avg" => nothing([channels, 1, 1]),
        "upsample" => {
            let stride = section.positive("stride", 2)?;
            nothing([channels, height.saturating_mul(stride), width.saturating_mul(stride)])
        }
        "reorg" if section.get("reverse", 0)? == 0 => {
            let stride = section.positive("stride", 1)?;
            nothing([channels.saturating_mul(stride * stride), height / stride, width / stride])
        }
        "crop" => {
            let (rows, columns) = (section.get("crop_height", 1)?, section.get("crop_width", 1)?);
            nothing([channels, rows, columns])
        }
        "route" => {
            let places = section.options.get("layers").context("has no layers=")?;
            let mut sum = None::<Shape>;
            for place in places.split(',') {
                let place: i64 = place.parse().ok().with_context(|| format!("layers={places}: expected numbers"))?;
                let index = if place < 0 { before.len() as i64 + place } else { place };
                let found = usize::try_from(index).ok().and_then(|index| before.get(index));
                let found =
                    found.with_context(|| format!("layers={places}: layer {index} does not exist before it"))?;
                sum = Some(match sum {
                    None => *found,
                    Some([channels, height, width]) => [channels.saturating_add(found[0]), height, width],
                });
            }
            let [channels, height, width] = sum.context("has no layers=")?;
            nothing([channels / section.positive("groups", 1)?, height, width])
        }
        "shortcut" | "yolo" | "region" | "detection" | "dropout" | "softmax" | "soft" | "cost" | "activation"
        | "logistic" | "Gaussian_yolo" => nothing(input),
        other => bail!("layers [{other}] are not supported"),
    }
}

/// Bias first; with a batch norm, its four tensors, the bias first.
fn weights(module: &str, norm: bool, outputs: usize, weight: Vec<usize>) -> Tensors {
    let mut tensors = Tensors::new();
    if norm {
        let parts = ["bias", "weight", "running_mean", "running_var"];
        tensors.extend(parts.map(|part| (format!("BatchNorm2d.{part}"), vec![outputs])));
    } else {
        tensors.push((format!("{module}.bias"), vec![outputs]));
    }
    tensors.push((format!("{module}.weight"), weight));
    tensors
}
