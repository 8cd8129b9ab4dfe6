//! The tensors of a layer, in the order of the `.weights`.

use super::{Kind, Layer, numbers};

/// A tensor of a layer.
pub(in crate::checkpoint::darknet) struct Part {
    /// Its name within the layer, as in Ultralytics' port.
    pub(in crate::checkpoint::darknet) name: String,
    /// Its shape.
    pub(in crate::checkpoint::darknet) shape: Vec<usize>,
    /// Whether a file with the header's transpose flag has it transposed.
    pub(in crate::checkpoint::darknet) transposed: bool,
}

impl Part {
    fn new(module: &str, name: &str, shape: Vec<usize>) -> Self {
        Self { name: format!("{module}.{name}"), shape, transposed: false }
    }
}

/// The tensors of a layer.
pub(in crate::checkpoint::darknet) fn tensors(layer: &Layer) -> Vec<Part> {
    let [channels, height, width] = layer.output;
    match &layer.kind {
        Kind::Convolutional(conv) => {
            let weight = vec![conv.filters, layer.input[0] / conv.groups, conv.size, conv.size];
            // Bias first; with a batch norm, its four tensors, the bias first.
            let mut parts = match conv.norm {
                true => norm("BatchNorm2d", &["bias", "weight", "running_mean", "running_var"], conv.filters),
                false => vec![Part::new("Conv2d", "bias", vec![conv.filters])],
            };
            parts.push(Part::new("Conv2d", "weight", weight));
            parts
        }
        Kind::Connected(connected) => {
            let outputs = connected.outputs;
            let weight =
                Part { transposed: true, ..Part::new("Linear", "weight", vec![outputs, numbers(layer.input)]) };
            // The bias comes first and the batch norm last, unlike in a convolution.
            match connected.norm {
                true => {
                    let mut parts = norm("BatchNorm1d", &["bias"], outputs);
                    parts.push(weight);
                    parts.extend(norm("BatchNorm1d", &["weight", "running_mean", "running_var"], outputs));
                    parts
                }
                false => vec![Part::new("Linear", "bias", vec![outputs]), weight],
            }
        }
        Kind::Local(local) => {
            let inputs = layer.input[0].saturating_mul(local.size).saturating_mul(local.size);
            vec![
                Part::new("Local2d", "bias", vec![channels, height, width]),
                Part::new("Local2d", "weight", vec![height.saturating_mul(width), channels, inputs]),
            ]
        }
        _ => Vec::new(),
    }
}

fn norm(module: &str, parts: &[&str], channels: usize) -> Vec<Part> {
    parts.iter().map(|part| Part::new(module, part, vec![channels])).collect()
}
