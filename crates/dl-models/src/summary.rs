//! What a network consists of: a table of its layers, as torchinfo prints it.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::backbones::distinct;
use crate::model::outline;
use crate::{Halt, ModelConfig, Pass, Value, plain};
use dl_kernels::{Graph, NodeId};

/// A network's layers and their sums, for one picture.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Name of the architecture.
    pub architecture: String,
    /// [channels, height, width].
    pub input: [usize; 3],
    /// In the order of computing.
    pub layers: Vec<LayerSummary>,
    /// Weights that training changes.
    pub parameters: usize,
    /// Numbers that are no weights: the running means and variances of batch norms.
    pub buffers: usize,
    /// Of convolutions and fully connected layers.
    pub multiply_adds: u64,
    /// Of the picture, in f32.
    pub input_bytes: usize,
    /// Of weights and buffers, in f32.
    pub parameter_bytes: usize,
    /// Of all layers' outputs, in f32: what training keeps for the way back. Inference keeps a few at a time.
    pub output_bytes: usize,
}

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub struct LayerSummary {
    /// Its module path.
    pub name: String,
    /// What it computes, PyTorch's name where it has one; empty when it hands on what came in.
    pub kind: String,
    /// [channels, height, width], or [features].
    pub output: Vec<usize>,
    /// Weights of its own: each is counted in one row.
    pub parameters: usize,
    /// Of convolutions and fully connected layers, for one picture.
    pub multiply_adds: u64,
    /// Of its output, in f32; 0 when it hands on what came in.
    pub output_bytes: usize,
}

impl Summary {
    /// The table of the network of `config` for pictures [channels, height, width]. No weights are read or drawn.
    /// # Errors
    /// When the architecture or an option is unknown, or the picture is too small.
    pub fn of(config: &ModelConfig, picture: [usize; 3]) -> Result<Self> {
        let (backbone, tensors) = outline(config)?;
        if !backbone.plans() {
            bail!("{} has no table of layers; dl-model info --tensors lists its weights", config.architecture);
        }
        let names = backbone.layers();
        let mut pass = Pass::plan(distinct(&names), Graph::new(picture));
        let input = Value::Later(Graph::new(picture).input());
        match backbone.run(&input, &mut pass) {
            Err(Halt::Failed(error)) => return Err(plain(error)),
            Ok(_) | Err(Halt::Done) => {}
        }
        let (kept, Some(graph)) = pass.into_plan() else { bail!("a network was run, not planned") };
        let mut rows: Vec<(NodeId, LayerSummary)> = Vec::new();
        for name in names {
            let Some(Value::Later(node)) = kept.get(&name) else { continue };
            rows.push((*node, LayerSummary { output: graph.shape(*node).to_vec(), ..LayerSummary::named(name) }));
        }
        // By computing; what only hands on its input stands after it.
        rows.sort_by_key(|(node, _)| *node);
        count_operations(&mut rows, &graph);
        let mut summary = Self {
            architecture: config.architecture.clone(),
            input: picture,
            layers: rows.into_iter().map(|(_, row)| row).collect(),
            parameters: 0,
            buffers: 0,
            multiply_adds: graph.multiply_adds(),
            input_bytes: 4 * picture.iter().product::<usize>(),
            parameter_bytes: 0,
            output_bytes: 0,
        };
        summary.count_tensors(&tensors);
        summary.parameter_bytes = 4 * (summary.parameters + summary.buffers);
        summary.output_bytes = summary.layers.iter().map(|layer| layer.output_bytes).sum();
        Ok(summary)
    }

    /// Gives every tensor to the row of its module, or of the nearest one around it, or else to the first.
    fn count_tensors(&mut self, tensors: &BTreeMap<String, Vec<usize>>) {
        for (tensor, shape) in tensors {
            let count: usize = shape.iter().product();
            let (module, part) = tensor.rsplit_once('.').unwrap_or(("", tensor));
            if part.starts_with("running_") {
                self.buffers += count;
            } else {
                self.parameters += count;
            }
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

/// Gives every operation to the first row that stands at or after it: operations without a name belong to the next that
/// has one.
fn count_operations(rows: &mut [(NodeId, LayerSummary)], graph: &Graph) {
    for node in graph.nodes().skip(1) {
        let Some((_, row)) = rows.iter_mut().find(|(at, _)| *at >= node) else { break };
        let join = if row.kind.is_empty() { "" } else { " + " };
        row.kind = format!("{}{join}{}", row.kind, graph.operation(node).name());
        row.multiply_adds += graph.multiply_adds_of(node);
        row.output_bytes += 4 * graph.shape(node).iter().product::<usize>();
    }
}
