//! The critic of Xu et al. 2019, section 4.4: it sees several rows at once, so that rows that are all alike are recognized
//! (Lin et al. 2018, PacGAN).

use anyhow::{Result, bail, ensure};
use candle_core::Tensor;
use candle_nn::VarBuilder;
use rand_chacha::ChaCha8Rng;

use crate::network::pass::{Halt, Pass, Run, Value};
use crate::{Fresh, Linear, plain};

/// Slope of the leaky ReLU for negative numbers.
const SLOPE: f32 = 0.2;

/// What a critic looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct TableCriticConfig {
    /// Numbers of a row and its condition.
    pub columns: usize,
    /// Rows that are shown at once.
    pub pac: usize,
    /// Columns of the hidden layers.
    pub hidden: Vec<usize>,
    /// Probability of dropout after each hidden layer.
    pub dropout: f64,
}

/// A critic.
pub struct TableCritic {
    config: TableCriticConfig,
    hidden: Vec<Linear>,
    last: Linear,
}

impl TableCritic {
    /// A critic with weights `model.N` of the builder, numbered as the modules of a torch `Sequential` of fully connected
    /// layers, leaky ReLUs and dropouts.
    /// # Errors
    /// When a weight has another shape.
    pub fn new(config: TableCriticConfig, vb: &VarBuilder) -> Result<Self> {
        ensure!(config.pac > 0 && config.columns > 0, "a critic needs rows");
        let vb = vb.pp("model");
        let mut inputs = config.columns * config.pac;
        let mut hidden = Vec::new();
        for (index, &columns) in config.hidden.iter().enumerate() {
            hidden.push(Linear::new(inputs, columns, Fresh::torch(inputs), vb.pp(3 * index)).map_err(plain)?);
            inputs = columns;
        }
        let last = Linear::new(inputs, 1, Fresh::torch(inputs), vb.pp(3 * hidden.len())).map_err(plain)?;
        Ok(Self { config, hidden, last })
    }

    /// Rows with their conditions [n, columns] as groups [n / pac, pac x columns].
    /// # Errors
    /// When n is not a multiple of pac.
    pub fn groups(&self, rows: &Tensor) -> Result<Tensor> {
        let n = rows.dim(0).map_err(plain)?;
        ensure!(n.is_multiple_of(self.config.pac), "{n} rows are not groups of {}", self.config.pac);
        rows.reshape((n / self.config.pac, self.config.pac * self.config.columns)).map_err(plain)
    }

    /// What it thinks of groups [m, pac x columns], [m]: more for real ones.
    /// # Errors
    /// When the shapes do not fit.
    pub fn train(&self, groups: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let mut pass = Pass::new(Vec::new(), Some(rng));
        match self.run(groups, &mut pass) {
            Ok(Value::Now(scores)) => scores.flatten_all().map_err(plain),
            Err(Halt::Failed(error)) => Err(plain(error)),
            _ => bail!("the critic stopped early"),
        }
    }

    /// The gradient of the score of each group with respect to it, of the groups' shape; its own gradient goes to the
    /// weights, for the penalty.
    /// # Errors
    /// When the shapes do not fit.
    pub fn input_gradient(&self, groups: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        let mut pass = Pass::new(Vec::new(), Some(rng)).taped(groups);
        match self.run(groups, &mut pass) {
            Ok(scores) => pass.input_gradient(&scores),
            Err(Halt::Failed(error)) => Err(plain(error)),
            Err(Halt::Done) => bail!("the critic stopped early"),
        }
    }

    fn run(&self, groups: &Tensor, pass: &mut Pass) -> Run {
        let mut x = Value::Now(groups.clone());
        for linear in &self.hidden {
            x = pass.linear("", linear, &x)?;
            x = pass.leaky_relu("", SLOPE, &x)?;
            x = pass.dropout("", self.config.dropout, &x)?;
        }
        pass.linear("", &self.last, &x)
    }
}
