//! Fuses operations into steps.

use crate::activation::{Activation, Curve};
use crate::graph::{Graph, NodeId, Operation};

/// Fused operations; the output of the last one is the step's.
#[derive(Clone, Debug)]
pub(super) struct Fused {
    /// The operation that the others are fused with.
    pub(super) core: usize,
    /// The last operation.
    pub(super) last: usize,
    /// A batch norm to fold into the weight; for the image, a change of its normalization.
    pub(super) affine: Option<usize>,
    /// A node to add.
    pub(super) residual: Option<usize>,
    pub(super) activation: Activation,
    /// Applied after that.
    pub(super) curve: Curve,
}

/// The steps for `outputs`, in the order of computation.
pub(super) fn fuse(graph: &Graph, outputs: &[NodeId]) -> Vec<Fused> {
    let uses = Uses::new(graph, outputs);
    let mut taken = vec![false; graph.nodes.len()];
    let mut steps = Vec::new();
    for core in 0..graph.nodes.len() {
        if taken[core] || !uses.needed[core] {
            continue;
        }
        let (activation, curve) = (Activation::NONE, Curve::None);
        let mut step = Fused { core, last: core, affine: None, residual: None, activation, curve };
        while let Some(next) = uses.only(step.last).filter(|next| !taken[*next]) {
            if !step.takes(graph, next) {
                break;
            }
            taken[next] = true;
            step.last = next;
            if step.is_activated() {
                break;
            }
        }
        steps.push(step);
    }
    // What is added must be computed before: a step runs at the position of its last operation.
    steps.sort_by_key(|step| step.last);
    steps
}

impl Fused {
    fn is_activated(&self) -> bool {
        self.curve != Curve::None || self.activation != Activation::NONE
    }

    /// Fuses with `next`, if possible.
    fn takes(&mut self, graph: &Graph, next: usize) -> bool {
        let core = &graph.nodes[self.core].operation;
        let conv = matches!(core, Operation::Conv2d { .. });
        let transposed = matches!(core, Operation::ConvTranspose2d { .. });
        let dense = matches!(core, Operation::Linear { .. } | Operation::LocallyConnected2d { .. });
        let mixes = matches!(core, Operation::Affine { .. } | Operation::Add);
        let instance = matches!(core, Operation::InstanceNorm { .. });
        let node = &graph.nodes[next];
        match &node.operation {
            Operation::Affine { .. } if matches!(core, Operation::Input) => {
                self.affine = Some(next);
                true
            }
            Operation::Affine { .. } if (conv || transposed) && self.affine.is_none() && self.residual.is_none() => {
                self.affine = Some(next);
                true
            }
            Operation::Add
                if self.residual.is_none() && (conv || instance || matches!(core, Operation::Affine { .. })) =>
            {
                let other = node.inputs.iter().find(|input| input.0 != self.last);
                self.residual = other.map(|other| other.0);
                self.residual.is_some()
            }
            Operation::Clamp { low, high } if conv || transposed || dense || mixes || instance => {
                self.activation = Activation::clamp(*low, *high);
                true
            }
            Operation::LeakyRelu { slope } if conv || transposed || dense || mixes || instance => {
                self.activation = Activation::leaky(*slope);
                true
            }
            operation if mixes && curve(operation) != Curve::None => {
                self.curve = curve(operation);
                true
            }
            _ => false,
        }
    }
}

/// The curve that an operation is.
pub(super) fn curve(operation: &Operation) -> Curve {
    match operation {
        Operation::HardSwish => Curve::HardSwish,
        Operation::InverseRoot => Curve::InverseRoot,
        Operation::Mish => Curve::Mish,
        Operation::Sigmoid => Curve::Sigmoid,
        Operation::Softplus => Curve::Softplus,
        Operation::Square => Curve::Square,
        Operation::Swish => Curve::Swish,
        Operation::Tanh => Curve::Tanh,
        _ => Curve::None,
    }
}

/// The readers of each node.
struct Uses {
    needed: Vec<bool>,
    by: Vec<Vec<usize>>,
    is_output: Vec<bool>,
}

impl Uses {
    fn new(graph: &Graph, outputs: &[NodeId]) -> Self {
        let count = graph.nodes.len();
        let (mut needed, mut is_output, mut by) = (vec![false; count], vec![false; count], vec![Vec::new(); count]);
        for output in outputs {
            (needed[output.0], is_output[output.0]) = (true, true);
        }
        for node in (0..count).rev() {
            if needed[node] {
                for input in &graph.nodes[node].inputs {
                    needed[input.0] = true;
                    by[input.0].push(node);
                }
            }
        }
        // A plan checks all of its inputs.
        graph.inputs().for_each(|input| needed[input.0] = true);
        Self { needed, by, is_output }
    }

    /// The only reader of `node`'s output, if it has exactly one.
    fn only(&self, node: usize) -> Option<usize> {
        match self.by[node][..] {
            [one] if !self.is_output[node] => Some(one),
            _ => None,
        }
    }
}
