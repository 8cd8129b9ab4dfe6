//! One run of a network: which outputs to keep, and when to stop.
//!
//! A network is written once, in the operations of a [`Pass`]. They are computed at once, by candle and with gradients,
//! when it is trained; or written down as a graph, of which a [`Plan`](dl_kernels::Plan) is made for inference.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};
use dl_kernels::{Graph, NodeId, Operation};
use dl_ops::PoolConfig;
use rand_chacha::ChaCha8Rng;

use crate::layers::{BatchNorm2d, Conv2d, Linear, LocalResponseNorm};
use crate::tally::{Step, Tally};

/// Why a network stopped before its end.
pub enum Halt {
    /// All outputs that were asked for are there.
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

/// An output of a network, or why there is none.
pub type Run = std::result::Result<Value, Halt>;

/// Maps [n, c, h, w] or rows [n, features] on their way through a network.
#[derive(Clone, Debug)]
pub enum Value {
    /// Their numbers.
    Now(Tensor),
    /// Their place in a graph, to be computed later.
    Later(NodeId),
    /// Before the place where the run begins: not computed.
    Before,
}

/// One run of a network.
///
/// The network shows every named output to [`see`](Self::see) (each operation takes its output's name and does so), which
/// keeps the wanted ones and stops the run after the last of them: nothing is computed that nobody asked for.
pub struct Pass<'a> {
    wanted: Vec<String>,
    kept: BTreeMap<String, Value>,
    mode: Mode<'a>,
    /// The output that the run begins at, and its numbers.
    beginning: Option<(String, Tensor)>,
    /// The probability of dropout, in place of the network's.
    dropout: Option<f64>,
    /// The outputs seen before anything learned or was random; `None` when nobody asks.
    still: Option<Vec<String>>,
    /// Has something learned or been random?
    moved: bool,
}

enum Mode<'a> {
    Infer,
    /// Dropout is on, and draws from it; batch norms take the batch's statistics.
    Train(&'a mut ChaCha8Rng),
    Plan(Graph),
    /// The operations of [`Pass::step`] are written down, and give zeros.
    Tally(Tally),
}

impl<'a> Pass<'a> {
    /// A run that keeps `wanted`, by the network's own names. `train`: dropout is on, and draws from it; batch norms
    /// take the batch's statistics and learn the running ones.
    pub fn new(wanted: Vec<String>, train: Option<&'a mut ChaCha8Rng>) -> Self {
        Self::in_mode(wanted, train.map_or(Mode::Infer, Mode::Train))
    }

    fn in_mode(wanted: Vec<String>, mode: Mode<'a>) -> Self {
        Self { wanted, kept: BTreeMap::new(), mode, beginning: None, dropout: None, still: None, moved: false }
    }

    /// The same with another probability of dropout than the network's.
    pub fn with_dropout(self, dropout: Option<f64>) -> Self {
        Self { dropout, ..self }
    }

    /// The same, but it begins at the output `name`, which is x: the network is given [`Value::Before`].
    pub fn beginning_at(self, name: &str, x: Tensor) -> Self {
        Self { beginning: Some((name.to_owned(), x)), ..self }
    }

    /// Does it begin at an output, and not at the input?
    pub(crate) fn begins_later(&self) -> bool {
        self.beginning.is_some()
    }

    /// The same, and it writes down the outputs before which nothing learns and nothing is random.
    pub fn traced(self) -> Self {
        Self { still: Some(Vec::new()), ..self }
    }

    /// The outputs before which nothing learned and nothing was random, in order.
    pub fn still(self) -> Vec<String> {
        self.still.unwrap_or_default()
    }

    /// A run that only writes down what would be computed.
    pub fn plan(wanted: Vec<String>, graph: Graph) -> Self {
        Self::in_mode(wanted, Mode::Plan(graph))
    }

    /// A run that writes down the operations of a network that is computed at once, and computes next to nothing.
    pub(crate) fn tally() -> Self {
        Self::in_mode(Vec::new(), Mode::Tally(Tally::default()))
    }

    /// The steps that a run of [`tally`](Self::tally) wrote down.
    pub(crate) fn into_steps(self) -> Vec<Step> {
        match self.mode {
            Mode::Tally(tally) => tally.into_steps(),
            _ => Vec::new(),
        }
    }

    /// What was kept.
    pub fn kept(self) -> BTreeMap<String, Value> {
        self.kept
    }

    /// What was kept, and the graph, if it was a run that writes one.
    pub fn into_plan(self) -> (BTreeMap<String, Value>, Option<Graph>) {
        let graph = match self.mode {
            Mode::Plan(graph) => Some(graph),
            _ => None,
        };
        (self.kept, graph)
    }

    /// Is this output to be kept?
    pub fn wants(&self, name: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted == name)
    }

    /// Must two operations that can be one be done apart, because the output between them is wanted, or is where the
    /// run begins?
    fn apart(&self, between: &str, x: &Value) -> bool {
        self.wants(between) || matches!(x, Value::Before)
    }

    /// Is the network trained?
    pub fn trains(&self) -> bool {
        matches!(self.mode, Mode::Train(_))
    }

    /// What training draws from; `None` in inference.
    pub(crate) fn randomness(&mut self) -> Option<&mut ChaCha8Rng> {
        match &mut self.mode {
            Mode::Train(rng) => Some(rng),
            _ => None,
        }
    }

    /// Height and width of a map.
    /// # Errors
    /// When it is no map.
    pub fn size(&self, x: &Value) -> std::result::Result<[usize; 2], Halt> {
        let [_, height, width] = self.shape(x)?;
        Ok([height, width])
    }

    /// Channels, height and width of a map.
    /// # Errors
    /// When it is no map.
    pub fn shape(&self, x: &Value) -> std::result::Result<[usize; 3], Halt> {
        let shape = match (x, &self.mode) {
            (Value::Now(x), _) => &x.dims()[1..],
            (Value::Later(node), Mode::Plan(graph)) => graph.shape(*node),
            (Value::Later(_), _) => return Err(anyhow::anyhow!("a network mixes a plan with numbers").into()),
            // What is made of it is not computed either.
            (Value::Before, _) => &[1, 1, 1],
        };
        match *shape {
            [channels, height, width] => Ok([channels, height, width]),
            _ => Err(anyhow::anyhow!("a map is wanted, not rows").into()),
        }
    }

    /// Here is the output `name`.
    /// # Errors
    /// [`Halt::Done`] when it was the last that was wanted.
    pub fn see(&mut self, name: &str, x: Value) -> Run {
        if let (Some(still), false) = (&mut self.still, self.moved) {
            still.push(name.to_owned());
        }
        let x = match (&self.beginning, x) {
            (Some((beginning, x)), Value::Before) if beginning == name => Value::Now(x.clone()),
            (_, x) => x,
        };
        if let (Mode::Tally(tally), Value::Now(x)) = (&mut self.mode, &x) {
            tally.show(name, x);
        }
        if self.wants(name) {
            self.kept.insert(name.to_owned(), x.clone());
            if self.kept.len() == self.wanted.len() {
                return Err(Halt::Done);
            }
        }
        Ok(x)
    }

    /// Here is the output `name` of a network that is computed at once.
    /// # Errors
    /// [`Halt::Done`] when it was the last that was wanted.
    pub(crate) fn show(&mut self, name: &str, x: Tensor) -> std::result::Result<Tensor, Halt> {
        if self.wants(name) || matches!(self.mode, Mode::Tally(_)) {
            self.see(name, Value::Now(x.clone()))?;
        }
        Ok(x)
    }

    /// Computes an operation that has no place in a graph. A run that tallies writes it down as `step` tells instead, and
    /// takes zeros of its shape.
    pub(crate) fn step(
        &mut self,
        step: impl FnOnce() -> Result<Step>,
        now: impl FnOnce() -> Result<Tensor>,
    ) -> Result<Tensor> {
        match &mut self.mode {
            Mode::Tally(tally) => tally.add(step()?),
            _ => now(),
        }
    }

    /// Some rows of a matrix: one for each text or picture of the batch.
    pub(crate) fn pick(&mut self, x: &Tensor, rows: Vec<u32>) -> Result<Tensor> {
        if let Mode::Tally(tally) = &mut self.mode {
            return tally.pick(rows.len(), x);
        }
        x.index_select(&Tensor::new(rows, x.device())?, 0)
    }

    /// Computes an operation now, or writes it down.
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
            Mode::Infer | Mode::Tally(_) => Ok(Value::Now(now(numbers(inputs)?, None)?)),
            Mode::Train(rng) => Ok(Value::Now(now(numbers(inputs)?, Some(rng))?)),
        }
    }

    /// A convolution.
    /// # Errors
    /// As [`see`](Self::see), or when x does not fit. So for all operations.
    pub fn conv(&mut self, name: &str, conv: &Conv2d, x: &Value) -> Run {
        self.moved |= conv.learns();
        let y = self.apply([x], || conv.operation(), |[x], _| conv.forward(x))?;
        self.see(name, y)
    }

    /// A convolution, and ReLU after it: in one pass over the memory, unless the output between them is wanted.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn conv_relu(&mut self, [before, after]: [&str; 2], conv: &Conv2d, x: &Value) -> Run {
        if self.apart(before, x) || matches!(self.mode, Mode::Plan(_)) {
            let y = self.conv(before, conv, x)?;
            return self.relu(after, &y);
        }
        let y = self.apply([x], || conv.operation(), |[x], _| conv.forward_relu(x))?;
        self.see(after, y)
    }

    /// Batch normalisation.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn batch_norm(&mut self, name: &str, norm: &BatchNorm2d, x: &Value) -> Run {
        self.moved |= norm.learns();
        let y = self.apply([x], || norm.operation(), |[x], train| norm.forward_t(x, train.is_some()))?;
        self.see(name, y)
    }

    /// Batch normalisation, and ReLU after it: in one pass over the memory, unless the output between them is wanted.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn batch_norm_relu(&mut self, [before, after]: [&str; 2], norm: &BatchNorm2d, x: &Value) -> Run {
        if self.apart(before, x) || !self.trains() || !norm.learns() {
            let y = self.batch_norm(before, norm, x)?;
            return self.relu(after, &y);
        }
        let y = self.apply([x], || norm.operation(), |[x], _| norm.train_relu(x))?;
        self.see(after, y)
    }

    /// The sum of two maps, and ReLU after it: in one pass over the memory, unless the output between them is wanted.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn add_relu(&mut self, [before, after]: [&str; 2], a: &Value, b: &Value) -> Run {
        if self.apart(before, a) || matches!(self.mode, Mode::Plan(_)) {
            let y = self.add(before, a, b)?;
            return self.relu(after, &y);
        }
        let y = self.apply([a, b], || Ok(Operation::Add), |[a, b], _| dl_ops::add_relu(a, b))?;
        self.see(after, y)
    }

    /// ReLU.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn relu(&mut self, name: &str, x: &Value) -> Run {
        self.clamp(name, [0.0, f32::INFINITY], dl_ops::relu, x)
    }

    /// ReLU cut off at 6 (MobileNets).
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn relu6(&mut self, name: &str, x: &Value) -> Run {
        self.clamp(name, [0.0, 6.0], dl_ops::relu6, x)
    }

    /// Hard swish (MobileNet V3).
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn hard_swish(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::HardSwish), |[x], _| dl_ops::hard_swish(x))?;
        self.see(name, y)
    }

    /// Hard sigmoid of a map.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn hard_sigmoid(&mut self, name: &str, x: &Value) -> Run {
        let scaled = if matches!(self.mode, Mode::Plan(_)) {
            let [channels, ..] = self.shape(x)?;
            // The convolution before it takes the scale in.
            self.affine("", &vec![1.0 / 6.0; channels], &vec![0.5; channels], x)?
        } else {
            x.clone()
        };
        self.clamp(name, [0.0, 1.0], dl_ops::hard_sigmoid, &scaled)
    }

    /// Every number brought between two; `now` computes it.
    fn clamp(&mut self, name: &str, [low, high]: [f32; 2], now: fn(&Tensor) -> Result<Tensor>, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Clamp { low, high }), |[x], _| now(x))?;
        self.see(name, y)
    }

    /// A map [n, c, h, w] whose channels are multiplied by those of a gate [n, c, 1, 1].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn gate(&mut self, name: &str, x: &Value, gate: &Value) -> Run {
        let y = self.apply([x, gate], || Ok(Operation::Gate), |[x, gate], _| dl_ops::gate(x, gate))?;
        self.see(name, y)
    }

    /// A map with channels of zeros before and after its own.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn pad_channels(&mut self, name: &str, [before, after]: [usize; 2], x: &Value) -> Run {
        let operation = || Ok(Operation::PadChannels { before, after });
        let y = self.apply([x], operation, |[x], _| x.pad_with_zeros(1, before, after))?;
        self.see(name, y)
    }

    /// The sum of two maps.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn add(&mut self, name: &str, a: &Value, b: &Value) -> Run {
        let y = self.apply([a, b], || Ok(Operation::Add), |[a, b], _| a.add(b))?;
        self.see(name, y)
    }

    /// Maps side by side along the channels.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn concat(&mut self, name: &str, maps: &[&Value]) -> Run {
        let y = match &mut self.mode {
            _ if maps.iter().all(|map| matches!(map, Value::Before)) => Value::Before,
            Mode::Plan(graph) => {
                let nodes = maps.iter().map(|map| later(map)).collect::<std::result::Result<Vec<_>, _>>()?;
                Value::Later(graph.add(Operation::Concat, &nodes)?)
            }
            _ => {
                let maps = maps.iter().map(|map| number(map)).collect::<std::result::Result<Vec<_>, _>>()?;
                Value::Now(Tensor::cat(&maps, 1)?)
            }
        };
        self.see(name, y)
    }

    /// Max pooling.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn max_pool(&mut self, name: &str, pool: &PoolConfig, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::MaxPool2d(*pool)), |[x], _| dl_ops::max_pool2d(x, pool))?;
        self.see(name, y)
    }

    /// Average pooling, padding counted.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn avg_pool(&mut self, name: &str, pool: &PoolConfig, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::AvgPool2d(*pool)), |[x], _| dl_ops::avg_pool2d(x, pool))?;
        self.see(name, y)
    }

    /// Average pooling to [height, width].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn adaptive_avg_pool(&mut self, name: &str, size: [usize; 2], x: &Value) -> Run {
        let operation = || Ok(Operation::AdaptiveAvgPool2d(size));
        let y = self.apply([x], operation, |[x], _| dl_ops::adaptive_avg_pool2d(x, size))?;
        self.see(name, y)
    }

    /// Local response normalisation.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn local_response_norm(&mut self, name: &str, norm: &LocalResponseNorm, x: &Value) -> Run {
        let y = self.apply([x], || Ok(norm.operation()), |[x], _| norm.forward(x))?;
        self.see(name, y)
    }

    /// Each channel times a scale plus a shift.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn affine(&mut self, name: &str, scale: &[f32], shift: &[f32], x: &Value) -> Run {
        let operation = || Ok(Operation::Affine { scale: scale.to_vec(), shift: shift.to_vec() });
        let now = |[x]: [&Tensor; 1], _: Option<&mut ChaCha8Rng>| {
            let column = |numbers: &[f32]| Tensor::new(numbers, x.device())?.reshape((1, numbers.len(), 1, 1));
            x.broadcast_mul(&column(scale)?)?.broadcast_add(&column(shift)?)
        };
        let y = self.apply([x], operation, now)?;
        self.see(name, y)
    }

    /// Maps as rows.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn flatten(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Flatten), |[x], _| x.flatten_from(1))?;
        self.see(name, y)
    }

    /// A fully connected layer.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn linear(&mut self, name: &str, linear: &Linear, x: &Value) -> Run {
        self.moved |= linear.learns();
        let y = self.apply([x], || linear.operation(), |[x], _| linear.forward(x))?;
        self.see(name, y)
    }

    /// Dropout in training, nothing otherwise.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn dropout(&mut self, name: &str, p: f64, x: &Value) -> Run {
        let p = self.dropout.unwrap_or(p);
        self.moved |= p > 0.0;
        let y = match (&mut self.mode, x) {
            (Mode::Train(rng), Value::Now(x)) => Value::Now(dl_ops::dropout(x, p, *rng)?),
            _ => x.clone(),
        };
        self.see(name, y)
    }
}

fn later(value: &Value) -> std::result::Result<NodeId, Halt> {
    match value {
        Value::Later(node) => Ok(*node),
        Value::Now(_) => Err(anyhow::anyhow!("a network mixes numbers with a plan").into()),
        Value::Before => Err(before()),
    }
}

pub(crate) fn number(value: &Value) -> std::result::Result<&Tensor, Halt> {
    match value {
        Value::Now(x) => Ok(x),
        Value::Later(_) => Err(anyhow::anyhow!("a network mixes a plan with numbers").into()),
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
    anyhow::anyhow!("an output before the place where the run begins is needed after it").into()
}
