//! One run of a network: which outputs to keep, and when to stop.
//!
//! A network is written once, in the operations of a [`Pass`]. In training they are computed immediately, by candle and
//! with gradients; for inference they are recorded as a graph, which is compiled to a [`Plan`](dl_kernels::Plan).

mod activation;
mod blur;
mod conv;
mod inside;
mod join;
mod norm;
mod pool;
mod resize;
mod shuffle;
mod spectral;
mod tape;

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};
use dl_kernels::{Graph, NodeId, Operation};
use dl_ops::Tape;
use rand_chacha::ChaCha8Rng;

use crate::network::tally::{Tally, TallyStep};

/// Why a network stopped before its end.
pub enum Halt {
    /// All requested outputs are computed.
    Done,
    /// Something went wrong.
    Failed(candle_core::Error),
}

impl From<candle_core::Error> for Halt {
    fn from(error: candle_core::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<anyhow::Error> for Halt {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(candle_core::Error::Msg(format!("{error:#}")))
    }
}

/// An output of a network, or the reason for stopping.
pub type Run = std::result::Result<Value, Halt>;

/// Maps [n, c, h, w] or rows [n, features] on their way through a network.
#[derive(Clone, Debug)]
pub enum Value {
    /// Their values.
    Now(Tensor),
    /// Their node in a graph, to be computed later.
    Later(NodeId),
    /// Before the start of the run: not computed.
    Before,
}

/// One run of a network.
///
/// The network passes every named output to [`see`](Self::see) (each operation takes its output's name and does so),
/// which keeps the requested ones and stops the run after the last of them, so that nothing is computed in vain.
pub struct Pass<'a> {
    requested: Vec<String>,
    kept: BTreeMap<String, Value>,
    /// The output that [`tapped`](Self::tapped) waits for, and its value once it is computed.
    tap: Option<(String, Option<Value>)>,
    mode: Mode<'a>,
    /// The output that the run starts from, and its value.
    beginning: Option<(String, Tensor)>,
    /// Dropout probability, instead of the network's.
    dropout: Option<f64>,
    /// The outputs before any trained or random layer; `None` if they are not traced.
    fixed_outputs: Option<Vec<String>>,
    /// Whether a layer so far is trained or random.
    varies: bool,
    /// Records how to compute the gradient with respect to the input, for a penalty on it.
    tape: Option<Tape>,
}

enum Mode<'a> {
    Infer,
    /// Dropout is on, and draws from the generator; batch norms use the batch's statistics.
    Train(&'a mut ChaCha8Rng),
    Plan(Graph),
    /// The operations of [`Pass::step`] are recorded, and return zeros.
    Tally(Tally),
}

impl<'a> Pass<'a> {
    /// A run that keeps the outputs `requested`, by the network's own names. With `train`, dropout is on and draws from
    /// the generator; batch norms use the batch's statistics and update the running ones.
    pub fn new(requested: Vec<String>, train: Option<&'a mut ChaCha8Rng>) -> Self {
        Self::in_mode(requested, train.map_or(Mode::Infer, Mode::Train))
    }

    fn in_mode(requested: Vec<String>, mode: Mode<'a>) -> Self {
        Self {
            requested,
            kept: BTreeMap::new(),
            tap: None,
            mode,
            beginning: None,
            dropout: None,
            fixed_outputs: None,
            varies: false,
            tape: None,
        }
    }

    /// The same with another dropout probability than the network's.
    pub fn with_dropout(self, dropout: Option<f64>) -> Self {
        Self { dropout, ..self }
    }

    /// The same, but starting from the output `name`, whose value is x: the network is run on [`Value::Before`].
    pub fn beginning_at(self, name: &str, x: Tensor) -> Self {
        Self { beginning: Some((name.to_owned(), x)), ..self }
    }

    /// Whether it starts from an output instead of the input.
    pub(crate) fn begins_later(&self) -> bool {
        self.beginning.is_some()
    }

    /// The same, recording the outputs before any trained or random layer.
    pub fn traced(self) -> Self {
        Self { fixed_outputs: Some(Vec::new()), ..self }
    }

    /// The outputs before any trained or random layer, in order.
    pub fn fixed_outputs(self) -> Vec<String> {
        self.fixed_outputs.unwrap_or_default()
    }

    /// A run that only records what would be computed.
    pub fn plan(requested: Vec<String>, graph: Graph) -> Self {
        Self::in_mode(requested, Mode::Plan(graph))
    }

    /// A run that records the operations of a network without plans, and computes next to nothing.
    pub(crate) fn tally() -> Self {
        Self::in_mode(Vec::new(), Mode::Tally(Tally::default()))
    }

    /// The steps that a run of [`tally`](Self::tally) recorded.
    pub(crate) fn into_steps(self) -> Vec<TallyStep> {
        match self.mode {
            Mode::Tally(tally) => tally.into_steps(),
            _ => Vec::new(),
        }
    }

    /// The outputs kept.
    pub fn kept(self) -> BTreeMap<String, Value> {
        self.kept
    }

    /// The outputs kept, and the graph if one was recorded.
    pub fn into_plan(self) -> (BTreeMap<String, Value>, Option<Graph>) {
        let graph = match self.mode {
            Mode::Plan(graph) => Some(graph),
            _ => None,
        };
        (self.kept, graph)
    }

    /// Whether this output is to be kept.
    pub fn keeps(&self, name: &str) -> bool {
        self.requested.iter().any(|requested| requested == name) || self.is_tapped(name)
    }

    fn is_tapped(&self, name: &str) -> bool {
        self.tap.as_ref().is_some_and(|(tap, _)| tap == name)
    }

    /// Runs a part of a network that has the output `name` inside; returns that output and the part's own.
    /// # Errors
    /// As `run`, or when it has no such output.
    pub(crate) fn tapped(
        &mut self,
        name: &str,
        run: impl FnOnce(&mut Self) -> Run,
    ) -> std::result::Result<[Value; 2], Halt> {
        let outer = self.tap.replace((name.to_owned(), None));
        let last = run(self);
        match (last?, std::mem::replace(&mut self.tap, outer)) {
            (last, Some((_, Some(inner)))) => Ok([inner, last]),
            _ => Err(anyhow::anyhow!("the network did not compute its layer {name}").into()),
        }
    }

    /// Whether two fusible operations must be computed separately, because the output between them is requested, or the
    /// run may start from it.
    fn apart(&self, between: &str, x: &Value) -> bool {
        self.keeps(between) || matches!(x, Value::Before) || self.tape.is_some()
    }

    /// Whether the network is being trained.
    pub fn trains(&self) -> bool {
        matches!(self.mode, Mode::Train(_))
    }

    /// The random generator of training; `None` in inference.
    pub(crate) fn randomness(&mut self) -> Option<&mut ChaCha8Rng> {
        match &mut self.mode {
            Mode::Train(rng) => Some(rng),
            _ => None,
        }
    }

    /// Height and width of a map.
    /// # Errors
    /// When it is not a map.
    pub fn size(&self, x: &Value) -> std::result::Result<[usize; 2], Halt> {
        let [_, height, width] = self.shape(x)?;
        Ok([height, width])
    }

    /// Channels, height and width of a map.
    /// # Errors
    /// When it is not a map.
    pub fn shape(&self, x: &Value) -> std::result::Result<[usize; 3], Halt> {
        let shape = match (x, &self.mode) {
            (Value::Now(x), _) => &x.dims()[1..],
            (Value::Later(node), Mode::Plan(graph)) => graph.shape(*node),
            (Value::Later(_), _) => return Err(anyhow::anyhow!("a network mixes graph nodes with tensors").into()),
            // Its results are not computed either.
            (Value::Before, _) => &[1, 1, 1],
        };
        match *shape {
            [channels, height, width] => Ok([channels, height, width]),
            _ => Err(anyhow::anyhow!("expected a map, not rows").into()),
        }
    }

    /// Reports the output `name`.
    /// # Errors
    /// [`Halt::Done`] when it was the last one requested.
    pub fn see(&mut self, name: &str, x: Value) -> Run {
        if let (Some(fixed_outputs), false) = (&mut self.fixed_outputs, self.varies) {
            fixed_outputs.push(name.to_owned());
        }
        let x = match (&self.beginning, x) {
            (Some((beginning, x)), Value::Before) if beginning == name => Value::Now(x.clone()),
            (_, x) => x,
        };
        if let (Mode::Tally(tally), Value::Now(x)) = (&mut self.mode, &x) {
            tally.show(name, x);
        }
        if let Some((tap, inner)) = &mut self.tap
            && tap == name
        {
            *inner = Some(x.clone());
        }
        if self.requested.iter().any(|requested| requested == name) {
            self.kept.insert(name.to_owned(), x.clone());
            if self.kept.len() == self.requested.len() {
                return Err(Halt::Done);
            }
        }
        Ok(x)
    }

    /// Reports the output `name` of a network without plans.
    /// # Errors
    /// [`Halt::Done`] when it was the last one requested.
    pub(crate) fn show(&mut self, name: &str, x: Tensor) -> std::result::Result<Tensor, Halt> {
        if self.keeps(name) || matches!(self.mode, Mode::Tally(_)) {
            self.see(name, Value::Now(x.clone()))?;
        }
        Ok(x)
    }

    /// Computes an operation that graphs do not support. A tallying run records it as `step` instead, and returns zeros
    /// of its shape.
    pub(crate) fn step(
        &mut self,
        step: impl FnOnce() -> Result<TallyStep>,
        now: impl FnOnce() -> Result<Tensor>,
    ) -> Result<Tensor> {
        match &mut self.mode {
            Mode::Tally(tally) => tally.add(step()?),
            _ => now(),
        }
    }

    /// Selects rows of a matrix: one per text or image of the batch.
    pub(crate) fn pick(&mut self, x: &Tensor, rows: Vec<u32>) -> Result<Tensor> {
        if let Mode::Tally(tally) = &mut self.mode {
            return tally.pick(rows.len(), x);
        }
        x.index_select(&Tensor::new(rows, x.device())?, 0)
    }

    /// Computes an operation, or records it.
    fn apply<const N: usize>(
        &mut self,
        inputs: [&Value; N],
        operation: impl FnOnce() -> Result<Operation>,
        now: impl FnOnce([&Tensor; N], Option<&mut ChaCha8Rng>) -> Result<Tensor>,
    ) -> Run {
        if inputs.iter().all(|input| matches!(input, Value::Before)) {
            return Ok(Value::Before);
        }
        match &mut self.mode {
            Mode::Plan(graph) => {
                let mut nodes = [graph.input(); N];
                for (node, input) in nodes.iter_mut().zip(inputs) {
                    *node = later(input)?;
                }
                Ok(Value::Later(graph.add(operation()?, &nodes)?))
            }
            mode => {
                let inputs = numbers(inputs)?;
                let y = match mode {
                    Mode::Train(rng) => now(inputs, Some(rng))?,
                    _ => now(inputs, None)?,
                };
                if let Some(tape) = &mut self.tape
                    && inputs.iter().any(|x| tape.depends(x))
                {
                    // Until the operation says how.
                    tape.record_unknown(operation()?.name(), &inputs, &y);
                }
                Ok(Value::Now(y))
            }
        }
    }
}

fn later(value: &Value) -> std::result::Result<NodeId, Halt> {
    match value {
        Value::Later(node) => Ok(*node),
        Value::Now(_) => Err(anyhow::anyhow!("a network mixes tensors with graph nodes").into()),
        Value::Before => Err(before()),
    }
}

pub(crate) fn number(value: &Value) -> std::result::Result<&Tensor, Halt> {
    match value {
        Value::Now(x) => Ok(x),
        Value::Later(_) => Err(anyhow::anyhow!("a network mixes graph nodes with tensors").into()),
        Value::Before => Err(before()),
    }
}

fn numbers<const N: usize>(values: [&Value; N]) -> std::result::Result<[&Tensor; N], Halt> {
    let mut all = Vec::with_capacity(N);
    for value in values {
        all.push(number(value)?);
    }
    all.try_into().map_err(|_| anyhow::anyhow!("an operation lost an input").into())
}

fn before() -> Halt {
    anyhow::anyhow!("a layer needs an output from before the start of the run").into()
}
