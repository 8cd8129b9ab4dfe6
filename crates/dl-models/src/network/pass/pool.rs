//! Pooling.

use dl_kernels::Operation;
use dl_ops::{PoolConfig, Tape};

use super::{Pass, Run, Value};

impl Pass<'_> {
    /// Max pooling.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn max_pool(&mut self, name: &str, pool: &PoolConfig, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::MaxPool2d(*pool)), |[x], _| dl_ops::max_pool2d(x, pool))?;
        self.see(name, y)
    }

    /// Average pooling that counts the padding.
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn avg_pool(&mut self, name: &str, pool: &PoolConfig, x: &Value) -> Run {
        let y = self.apply([x], || Ok(Operation::AvgPool2d(*pool)), |[x], _| dl_ops::avg_pool2d(x, pool))?;
        self.record(x, &y, |tape, x, y| tape.avg_pool2d(x, y, pool));
        self.see(name, y)
    }

    /// Average pooling to [height, width].
    /// # Errors
    /// As [`conv`](Self::conv).
    pub fn adaptive_avg_pool(&mut self, name: &str, size: [usize; 2], x: &Value) -> Run {
        let operation = || Ok(Operation::AdaptiveAvgPool2d(size));
        let y = self.apply([x], operation, |[x], _| dl_ops::adaptive_avg_pool2d(x, size))?;
        self.record(x, &y, Tape::adaptive_avg_pool2d);
        self.see(name, y)
    }
}
