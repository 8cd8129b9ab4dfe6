//! A table of a network's layers, like torchinfo's.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result, bail, ensure};
use candle_core::Tensor;
use serde::Serialize;

use crate::detection::summary::{Detector, described};
use crate::model::outline;
use crate::network::distinct;
use crate::network::tally::{TallyStep, zeros};
use crate::text::{self, Network, TextBatch, TextConfig, Tokens};
use crate::{Backbone, Checkpoint, Halt, ModelConfig, Pass, Value, plain};
use dl_kernels::{Graph, NodeId, Operation};

/// A network's layers and their totals, for one image or one text.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Name of the architecture.
    pub architecture: String,
    /// [channels, height, width] of the image, for an image network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<[usize; 3]>,
    /// Tokens of the text, for a text network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
    /// The layers, in the order of computation.
    pub layers: Vec<LayerSummary>,
    /// Number of trainable weights.
    pub parameters: usize,
    /// Other numbers: the running means and variances of batch norms.
    pub buffers: usize,
    /// Multiply-adds of convolutions, fully connected layers, and the two products of each attention.
    pub multiply_adds: u64,
    /// Bytes of the image in f32, and of the token ids.
    pub input_bytes: usize,
    /// Bytes of weights and buffers in f32.
    pub parameter_bytes: usize,
    /// Bytes of all layers' outputs in f32, which training keeps for the backward pass. Inference keeps a few at a
    /// time.
    pub output_bytes: usize,
}

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct LayerSummary {
    /// Module path.
    pub name: String,
    /// The operation, with PyTorch's name where it exists; empty if the output is the input.
    pub kind: String,
    /// [channels, height, width], [tokens, width], or [features].
    pub output: Vec<usize>,
    /// Number of its own weights: each is counted in one row.
    pub parameters: usize,
    /// Multiply-adds of convolutions, fully connected layers, and the two products of an attention.
    pub multiply_adds: u64,
    /// Bytes of its output in f32; 0 if it is the input.
    pub output_bytes: usize,
}

impl Summary {
    /// The table of the network of `config` for images [channels, height, width]. No weights are read or initialized.
    /// # Errors
    /// When the architecture or an option is unknown, or the image is too small.
    pub fn of(config: &ModelConfig, image: [usize; 3]) -> Result<Self> {
        let (backbone, tensors) = outline(config)?;
        let architecture = config.architecture.clone();
        if !backbone.plans() {
            let mut pass = Pass::tally();
            finished(backbone.run(&Value::Now(blank(image)?), &mut pass))?;
            let layers = rows(pass.into_steps(), "");
            return Ok(Self { architecture, input: Some(image), ..Self::sums(layers) }.with_tensors(&tensors));
        }
        let (mut rows, graph) = planned(&*backbone, image)?;
        count_operations(&mut rows, &graph, 0);
        let sums = Self::sums(rows.into_iter().map(|(_, row)| row).collect());
        let mut summary = Self { architecture, input: Some(image), multiply_adds: graph.multiply_adds(), ..sums };
        summary.assign_parameters(&tensors);
        Ok(summary.with_tensors(&tensors))
    }

    /// The table of a detector: that in `file`, or `arch` with its defaults, for an image of `side` x `side` pixels (default:
    /// its input size); `None` if it is none. What a detector of two stages computes for each region is counted for one. No
    /// weights are read or initialized.
    /// # Errors
    /// When the detector cannot be described, or does not take an image of this size.
    pub fn of_detector(file: Option<&Checkpoint>, arch: Option<&str>, side: Option<usize>) -> Result<Option<Self>> {
        let Some(detector) = described(file, arch, side)? else { return Ok(None) };
        let mut layers = Vec::new();
        for part in detector.parts() {
            let (mut rows, graph) = planned(part.network, part.input).with_context(|| {
                let [_, height, width] = detector.image;
                format!("{} for images of {height} x {width}", detector.architecture)
            })?;
            if let Some(last) = part.last {
                let last = rows.iter().filter(|(_, row)| last.contains(&row.name)).map(|(node, _)| *node).max();
                rows.retain(|(node, _)| last.is_some_and(|last| *node <= last));
            }
            rows.retain(|(node, _)| node.index() > part.listed);
            count_operations(&mut rows, &graph, part.listed);
            if part.by_operation {
                count_weights(&mut rows, &graph, part.listed);
            }
            let named =
                |(_, row): (NodeId, LayerSummary)| LayerSummary { name: format!("{}{}", part.prefix, row.name), ..row };
            layers.extend(rows.into_iter().map(named));
        }
        let Detector { architecture, image, tensors, .. } = &detector;
        let mut summary = Self { architecture: architecture.clone(), input: Some(*image), ..Self::sums(layers) }
            .with_tensors(tensors);
        detector.settle(&mut summary);
        Ok(Some(summary))
    }

    /// The table of the text network of `config`, for one text of `tokens` tokens (default: the longest supported). For
    /// CLIP and SigLIP the image network follows, for an image of `side` x `side` pixels (default: its input size), and the cosine
    /// of both. Optional parts, such as poolers and heads, are those of `file`. No weights are read or initialized.
    /// # Errors
    /// When the architecture or an option is unknown, the text is too long, the image has another size, or `side` is
    /// given without an image network.
    pub fn of_texts(
        config: &TextConfig,
        file: Option<&Checkpoint>,
        tokens: Option<usize>,
        side: Option<usize>,
    ) -> Result<Self> {
        let (network, tensors) = text::outline(config, file)?;
        let architecture = config.architecture.clone();
        let longest = network.texts().longest();
        let tokens = tokens.unwrap_or(longest);
        // Checked before such a text is made.
        ensure!(tokens <= longest, "the text has {tokens} tokens, but the network reads at most {longest}");
        let text = TextBatch::new([&Tokens::new(vec![0; tokens])]);
        let (steps, input) = match &network {
            Network::Clip(clip) => {
                let image = side.map_or(clip.images.input(), |side| [3, side, side]);
                (finished(clip.tally(&text, &blank(image)?))?.unwrap_or_default(), Some(image))
            }
            Network::Siglip(siglip) => {
                let image = side.map_or(siglip.images.input(), |side| [3, side, side]);
                (finished(siglip.tally(&text, &blank(image)?))?.unwrap_or_default(), Some(image))
            }
            _ if side.is_some() => bail!("{architecture} does not read images"),
            _ => {
                let mut pass = Pass::tally();
                finished(network.texts().run(&text, &mut pass))?;
                (pass.into_steps(), None)
            }
        };
        let sums = Self::sums(rows(steps, network.prefix()));
        Ok(Self { architecture, input, tokens: Some(tokens), ..sums }.with_tensors(&tensors))
    }

    /// The totals of the rows.
    fn sums(layers: Vec<LayerSummary>) -> Self {
        Self {
            architecture: String::new(),
            input: None,
            tokens: None,
            parameters: 0,
            buffers: 0,
            multiply_adds: layers.iter().map(|layer| layer.multiply_adds).sum(),
            input_bytes: 0,
            parameter_bytes: 0,
            output_bytes: layers.iter().map(|layer| layer.output_bytes).sum(),
            layers,
        }
    }

    /// Adds the totals of the network's tensors and of its input.
    fn with_tensors(self, tensors: &BTreeMap<String, Vec<usize>>) -> Self {
        let is_buffer = |name: &str| name.rsplit('.').next().is_some_and(|part| part.starts_with("running_"));
        let count = |buffers: bool| -> usize {
            let counted = tensors.iter().filter(|(name, _)| is_buffer(name) == buffers);
            counted.map(|(_, shape)| shape.iter().product::<usize>()).sum()
        };
        let numbers = self.input.map_or(0, |image| image.iter().product()) + self.tokens.unwrap_or(0);
        Self {
            parameters: count(false),
            buffers: count(true),
            input_bytes: 4 * numbers,
            parameter_bytes: 4 * (count(false) + count(true)),
            ..self
        }
    }

    /// Adds every tensor to the row of its module, or of the nearest enclosing one.
    pub(crate) fn assign_parameters(&mut self, tensors: &BTreeMap<String, Vec<usize>>) {
        for (tensor, shape) in tensors {
            let count: usize = shape.iter().product();
            let (module, part) = tensor.rsplit_once('.').unwrap_or(("", tensor));
            let around =
                |name: &str| module == name || module.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
            let rows = self.layers.iter_mut().filter(|row| around(&row.name));
            let Some(row) = rows.max_by_key(|row| row.name.len()) else { continue };
            match part {
                "running_mean" if row.kind == "Affine" => row.kind = "BatchNorm2d".to_owned(),
                "running_mean" | "running_var" => {}
                _ => row.parameters += count,
            }
        }
    }
}

impl LayerSummary {
    fn named(name: String) -> Self {
        Self { name, kind: String::new(), output: Vec::new(), parameters: 0, multiply_adds: 0, output_bytes: 0 }
    }
}

/// The rows of steps, without the `prefix` of their names. A shared weight counts in the first step.
fn rows(steps: Vec<TallyStep>, prefix: &str) -> Vec<LayerSummary> {
    let mut seen = HashSet::new();
    let rows = steps.into_iter().map(|step| {
        let own = step.weights.iter().filter(|weight| seen.insert(weight.id()));
        LayerSummary {
            parameters: own.map(Tensor::elem_count).sum(),
            kind: step.kind,
            output: step.output,
            multiply_adds: step.multiply_adds,
            output_bytes: step.output_bytes,
            name: step.name.strip_prefix(&format!("{prefix}.")).unwrap_or(&step.name).to_owned(),
        }
    });
    rows.collect()
}

/// The result of a run, unless it stopped early after the last requested output.
fn finished<T>(run: std::result::Result<T, Halt>) -> Result<Option<T>> {
    match run {
        Ok(last) => Ok(Some(last)),
        Err(Halt::Done) => Ok(None),
        Err(Halt::Failed(error)) => Err(plain(error)),
    }
}

/// An image [1, channels, height, width] of zeros.
fn blank([channels, height, width]: [usize; 3]) -> Result<Tensor> {
    zeros(&[1, channels, height, width]).map_err(plain)
}

/// The graph of a network, and a row for each of its outputs.
fn planned(network: &dyn Backbone, image: [usize; 3]) -> Result<(Vec<(NodeId, LayerSummary)>, Graph)> {
    let names = network.layers();
    let mut pass = Pass::plan(distinct(&names), Graph::new(image));
    let input = Value::Later(Graph::new(image).input());
    finished(network.run(&input, &mut pass))?;
    let (kept, Some(graph)) = pass.into_plan() else { bail!("the network was run instead of planned") };
    let mut rows: Vec<(NodeId, LayerSummary)> = Vec::new();
    for name in names {
        let Some(Value::Later(node)) = kept.get(&name) else { continue };
        rows.push((*node, LayerSummary { output: graph.shape(*node).to_vec(), ..LayerSummary::named(name) }));
    }
    // By order of computation; an output that equals its input comes after it.
    rows.sort_by_key(|(node, _)| *node);
    Ok((rows, graph))
}

/// Adds to each row the weights of its operations in a network that was built without weights.
fn count_weights(rows: &mut [(NodeId, LayerSummary)], graph: &Graph, listed: usize) {
    for node in graph.nodes().skip(listed + 1) {
        let Some((_, row)) = rows.iter_mut().find(|(at, _)| *at >= node) else { break };
        row.parameters += match graph.operation(node) {
            Operation::Conv2d { shape, bias, .. } => {
                shape.iter().product::<usize>() + bias.as_ref().map_or(0, |_| shape[0])
            }
            Operation::ConvTranspose2d { shape, bias, config, .. } => {
                shape.iter().product::<usize>() + bias.as_ref().map_or(0, |_| shape[1] * config.groups)
            }
            Operation::Linear { shape, bias, .. } => {
                shape.iter().product::<usize>() + bias.as_ref().map_or(0, |_| shape[0])
            }
            Operation::L2Norm { weight, .. } => weight.len(),
            // Without weights, a batch norm is all zeros; a constant is not.
            Operation::Affine { scale, shift } if scale.iter().chain(shift).all(|number| *number == 0.0) => {
                scale.len() + shift.len()
            }
            _ => 0,
        };
    }
}

/// Adds every operation to the first row at or after it: unnamed operations belong to the next named one. The first
/// `listed` ones are left out.
fn count_operations(rows: &mut [(NodeId, LayerSummary)], graph: &Graph, listed: usize) {
    for node in graph.nodes().skip(listed + 1) {
        let Some((_, row)) = rows.iter_mut().find(|(at, _)| *at >= node) else { break };
        let join = if row.kind.is_empty() { "" } else { " + " };
        row.kind = format!("{}{join}{}", row.kind, graph.operation(node).name());
        row.multiply_adds += graph.multiply_adds_of(node);
        row.output_bytes += 4 * graph.shape(node).iter().product::<usize>();
    }
}
