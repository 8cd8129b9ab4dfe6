//! One run of a network: which outputs to keep, and when to stop.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::bail;
use candle_core::Tensor;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::Conv2d;

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

/// An output of a network, or why there is none.
pub type Run = Result<Tensor, Halt>;

/// One run of a network.
///
/// The network shows every named output to [`see`](Self::see), which keeps the wanted ones and stops the run after the
/// last of them: nothing is computed that nobody asked for.
pub struct Pass<'a> {
    wanted: Vec<String>,
    kept: BTreeMap<String, Tensor>,
    train: Option<&'a mut ChaCha8Rng>,
}

impl<'a> Pass<'a> {
    /// A run that keeps `wanted`, by the network's own names. `train`: dropout is on, and draws from it.
    pub fn new(wanted: Vec<String>, train: Option<&'a mut ChaCha8Rng>) -> Self {
        Self { wanted, kept: BTreeMap::new(), train }
    }

    /// What was kept.
    pub fn kept(self) -> BTreeMap<String, Tensor> {
        self.kept
    }

    /// Is this output to be kept?
    pub fn wants(&self, name: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted == name)
    }

    /// Here is the output `name`.
    /// # Errors
    /// [`Halt::Done`] when it was the last that was wanted.
    pub fn see(&mut self, name: &str, x: Tensor) -> Run {
        if self.wants(name) {
            self.kept.insert(name.to_owned(), x.clone());
            if self.kept.len() == self.wanted.len() {
                return Err(Halt::Done);
            }
        }
        Ok(x)
    }

    /// A convolution, and ReLU after it: in one step, unless the output between them is wanted.
    /// # Errors
    /// As [`see`](Self::see), or when x does not fit.
    pub fn conv_relu(&mut self, conv: &Conv2d, [before, after]: [&str; 2], x: &Tensor) -> Run {
        let y = if self.wants(before) {
            let y = self.see(before, conv.forward(x)?)?;
            dl_ops::relu(&y)?
        } else {
            conv.forward_relu(x)?
        };
        self.see(after, y)
    }

    /// The part of a network in which pictures are alone, `part`, a few pictures at a time and on all threads: the
    /// memory that it works in stays small and warm, and so it is faster than all of x [n, c, h, w] at once. The
    /// outputs are the same; in training they are computed at once, for dropout's sake.
    /// # Errors
    /// As `part`.
    pub fn few_at_a_time(&mut self, x: &Tensor, part: impl Fn(&Tensor, &mut Pass) -> Run + Sync) -> Run {
        /// Numbers of the inputs that are computed together; the largest map of a network is some 8 times as large.
        const INPUTS: usize = 1 << 19;
        let pictures = x.dim(0)?;
        let few = (INPUTS * pictures / x.elem_count().max(1)).max(1);
        if self.train.is_some() || pictures <= few {
            return part(x, self);
        }
        let wanted = &self.wanted;
        let run = |first: usize| -> Result<(Option<Tensor>, BTreeMap<String, Tensor>), Halt> {
            let mut pass = Pass::new(wanted.clone(), None);
            match part(&x.narrow(0, first, few.min(pictures - first))?, &mut pass) {
                Ok(output) => Ok((Some(output), pass.kept)),
                Err(Halt::Done) => Ok((None, pass.kept)),
                Err(failed) => Err(failed),
            }
        };
        let firsts: Vec<usize> = (0..pictures).step_by(few).collect();
        let parts = firsts.into_par_iter().map(run).collect::<Result<Vec<_>, Halt>>()?;
        let names: Vec<String> = parts.first().into_iter().flat_map(|(_, kept)| kept.keys().cloned()).collect();
        for name in names {
            let maps: Vec<&Tensor> = parts.iter().filter_map(|(_, kept)| kept.get(&name)).collect();
            self.kept.insert(name, Tensor::cat(&maps, 0)?);
        }
        let outputs: Option<Vec<&Tensor>> = parts.iter().map(|(output, _)| output.as_ref()).collect();
        match outputs {
            Some(outputs) => Ok(Tensor::cat(&outputs, 0)?),
            None => Err(Halt::Done),
        }
    }

    /// Dropout in training, nothing otherwise.
    /// # Errors
    /// Those of candle.
    pub fn dropout(&mut self, x: &Tensor, p: f64) -> candle_core::Result<Tensor> {
        match &mut self.train {
            Some(rng) => dl_ops::dropout(x, p, rng),
            None => Ok(x.clone()),
        }
    }
}

/// A layer as a user names it: `fc7`, `features.12`, or a map averaged to a few places, `fire9@1`, `fire9@3x4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerName {
    /// The output's name or alias.
    pub name: String,
    /// Average the map to [height, width] (torch's adaptive average pooling).
    pub pooled: Option<[usize; 2]>,
}

impl FromStr for LayerName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some((name, size)) = text.split_once('@') else {
            return Ok(Self { name: text.to_owned(), pooled: None });
        };
        let (height, width) = size.split_once('x').unwrap_or((size, size));
        match (height.parse(), width.parse()) {
            (Ok(height), Ok(width)) if height > 0 && width > 0 => {
                Ok(Self { name: name.to_owned(), pooled: Some([height, width]) })
            }
            _ => bail!("layer {text}: after @ comes the size to average to, for example {name}@1 or {name}@3x4"),
        }
    }
}

impl fmt::Display for LayerName {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.name)?;
        match self.pooled {
            None => Ok(()),
            Some([height, width]) if height == width => write!(formatter, "@{height}"),
            Some([height, width]) => write!(formatter, "@{height}x{width}"),
        }
    }
}
