//! A network inside of another one.

use super::{Halt, Pass, Value};
use crate::Backbone;

impl Pass<'_> {
    /// The outputs `names` of another network for x, in this order; nothing after the last of them is computed. The
    /// names are the network's own, and not outputs of this run.
    /// # Errors
    /// As [`conv`](Self::conv), or when the network does not have one of them.
    pub fn outputs_of(
        &mut self,
        network: &dyn Backbone,
        x: &Value,
        names: &[String],
    ) -> std::result::Result<Vec<Value>, Halt> {
        let requested = std::mem::replace(&mut self.requested, names.to_vec());
        let kept = std::mem::take(&mut self.kept);
        let run = network.run(x, self);
        self.requested = requested;
        let found = std::mem::replace(&mut self.kept, kept);
        if let Err(Halt::Failed(error)) = run {
            return Err(Halt::Failed(error));
        }
        let output = |name: &String| {
            let found = found.get(name).cloned();
            found.ok_or_else(|| Halt::from(anyhow::anyhow!("the network inside did not compute its layer {name}")))
        };
        names.iter().map(output).collect()
    }
}
