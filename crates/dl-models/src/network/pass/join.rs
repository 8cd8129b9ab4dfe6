//! Operations that join maps, or change only their shape.

use std::sync::Arc;

use candle_core::Tensor;
use dl_kernels::{Numbers, Operation};
use dl_ops::Tape;
use rand_chacha::ChaCha8Rng;

use super::{Mode, Pass, Run, Value, later, number};
use crate::network::layers::to_read;

impl Pass<'_> {
    /// The sum of two maps.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn add(&mut self, name: &str, a: &Value, b: &Value) -> Run {
        let y = self.apply([a, b], || Ok(Operation::Add), |[a, b], _| a.add(b))?;
        if let (Some(tape), Value::Now(a), Value::Now(b), Value::Now(y)) = (&mut self.tape, a, b, &y) {
            tape.add(a, b, y);
        }
        self.see(name, y)
    }

    /// The sum of two maps followed by ReLU, fused unless the output between them is requested.
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

    /// Concatenates maps along the channels.
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
                let y = Tensor::cat(&maps, 1)?;
                if let Some(tape) = &mut self.tape {
                    tape.concat(&maps, &y);
                }
                Value::Now(y)
            }
        };
        self.see(name, y)
    }

    /// The inner product [n, 1] of each row of x [n, k] with that of embedded labels [n, k] (Miyato and Koyama 2018).
    /// # Errors
    /// As [`conv`](Self::conv), or when the run is a plan.
    pub fn project(&mut self, name: &str, x: &Value, embedded: &Tensor) -> Run {
        let y = Value::Now(dl_ops::projection(number(x)?, embedded)?);
        self.record(x, &y, |tape, x, y| tape.projection(x, y, embedded));
        self.see(name, y)
    }

    /// Multiplies the channels of a map [n, c, h, w] by those of a gate [n, c, 1, 1].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn gate(&mut self, name: &str, x: &Value, gate: &Value) -> Run {
        let y = self.apply([x, gate], || Ok(Operation::Gate), |[x, gate], _| dl_ops::gate(x, gate))?;
        self.see(name, y)
    }

    /// Adds channels of zeros before and after those of a map.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn pad_channels(&mut self, name: &str, [before, after]: [usize; 2], x: &Value) -> Run {
        let operation = || Ok(Operation::PadChannels { before, after });
        let y = self.apply([x], operation, |[x], _| x.pad_with_zeros(1, before, after))?;
        self.see(name, y)
    }

    /// Moves numbers: number i of each output, of shape `shape` without the batch, is number `from[i]` of the input.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn rearrange(&mut self, name: &str, (from, shape): (&Arc<[u32]>, &[usize]), x: &Value) -> Run {
        let operation = || Ok(Operation::Rearrange { from: from.clone(), shape: shape.to_vec() });
        let now = |[x]: [&Tensor; 1], _: Option<&mut ChaCha8Rng>| {
            let rows = x.flatten_from(1)?;
            let places = Tensor::new(&from[..], x.device())?;
            let batch: Vec<usize> = [rows.dim(0)?].iter().chain(shape).copied().collect();
            rows.index_select(&places, 1)?.reshape(batch)
        };
        let y = self.apply([x], operation, now)?;
        self.see(name, y)
    }

    /// Takes the numbers from `start` on of rows [n, features], as rows or maps of `shape` without the batch.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn slice(&mut self, name: &str, start: usize, shape: &[usize], x: &Value) -> Run {
        let count = shape.iter().product::<usize>();
        let operation = || {
            let from = (start as u32..(start + count) as u32).collect();
            Ok(Operation::Rearrange { from, shape: shape.to_vec() })
        };
        let now = |[x]: [&Tensor; 1], _: Option<&mut ChaCha8Rng>| {
            let batch: Vec<usize> = [x.dim(0)?].iter().chain(shape).copied().collect();
            x.narrow(1, start, count)?.contiguous()?.reshape(batch)
        };
        let y = self.apply([x], operation, now)?;
        self.see(name, y)
    }

    /// The same map [channels, height, width] for each sample of the rows x [n, features].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn constant(&mut self, name: &str, map: &Tensor, x: &Value) -> Run {
        let (channels, height, width) = map.dims3()?;
        if !matches!(self.mode, Mode::Plan(_)) {
            let y = self.apply(
                [x],
                || Ok(Operation::Flatten),
                |[x], _| map.broadcast_as((x.dim(0)?, channels, height, width))?.contiguous(),
            )?;
            return self.see(name, y);
        }
        // A graph has no constants: a layer of zeros with a bias.
        let numbers = map.elem_count();
        let one = self.slice("", 0, &[1], x)?;
        let weight: Numbers = Arc::new(move || vec![0.0; numbers]);
        let operation = || Ok(Operation::Linear { weight, shape: [numbers, 1], bias: Some(to_read(map)) });
        let only_planned = |_: [&Tensor; 1], _: Option<&mut ChaCha8Rng>| {
            candle_core::bail!("a step of a plan is not computed directly")
        };
        let row = self.apply([&one], operation, only_planned)?;
        self.unflatten(name, [channels, height, width], &row)
    }

    /// Reads rows as maps of the shape [channels, height, width].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn unflatten(&mut self, name: &str, shape: [usize; 3], x: &Value) -> Run {
        let operation = || {
            let from = (0..shape.iter().product::<usize>() as u32).collect();
            Ok(Operation::Rearrange { from, shape: shape.to_vec() })
        };
        let [channels, height, width] = shape;
        let y = self.apply([x], operation, |[x], _| x.reshape(((), channels, height, width)))?;
        self.see(name, y)
    }

    /// Flattens maps to rows.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn flatten(&mut self, name: &str, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::Flatten), |[x], _| x.flatten_from(1))?;
        self.record(x, &y, Tape::reshape);
        self.see(name, y)
    }
}
