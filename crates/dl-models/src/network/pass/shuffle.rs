//! Pixels that change their place, and statistics of a batch.

use candle_core::bail;
use dl_kernels::{Operation, Padding};

use super::{Pass, Run, Value};

impl Pass<'_> {
    /// Turns channels into the pixels of a map that is `factor` times as high and wide.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn pixel_shuffle(&mut self, name: &str, factor: usize, x: &Value) -> Run {
        let operation = || Ok(Operation::PixelShuffle { factor });
        let y = self.apply([x], operation, |[x], _| dl_ops::pixel_shuffle(x, factor))?;
        self.see(name, y)
    }

    /// Adds rows and columns that mirror those inside of the edge.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn reflection_pad(&mut self, name: &str, padding: Padding, x: &Value) -> Run {
        let operation = || Ok(Operation::ReflectionPad(padding));
        let y = self.apply([x], operation, |[x], _| dl_ops::reflection_pad2d(x, padding))?;
        self.see(name, y)
    }

    /// Appends the standard deviation over groups of `group` samples as `features` channels. Plans do not support it:
    /// a sample's result depends on the others.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn minibatch_stddev(&mut self, name: &str, (group, features): (usize, usize), x: &Value) -> Run {
        let operation =
            || bail!("a minibatch standard deviation mixes the samples of a batch: there is no plan for it");
        let y = match (&self.tape, x) {
            (Some(_), Value::Now(x)) => Value::Now(dl_ops::minibatch_stddev(x, group, features)?),
            _ => self.apply([x], operation, |[x], _| dl_ops::minibatch_stddev(x, group, features))?,
        };
        let mut recorded = Ok(());
        self.record(x, &y, |tape, x, y| recorded = tape.minibatch_stddev(x, y, group, features));
        recorded?;
        self.see(name, y)
    }
}
