//! Trainable weights.
//!
//! [`Parameters`] is the source of weights for a `VarBuilder`: each weight that the network requests is taken from a
//! file's tensors if it exists there, and drawn at random otherwise. The numbers drawn depend only on the seed and the
//! weight's name, not on the order of requests (candle's CPU generator cannot be seeded at all).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Shape, Tensor, Var, bail};
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use rand::RngExt;
use rand_distr::StandardNormal;

/// The weights of a network in training, by name. Clones share them.
#[derive(Clone)]
pub struct Parameters {
    seed: u64,
    given: Arc<BTreeMap<String, Tensor>>,
    vars: Arc<Mutex<BTreeMap<String, Var>>>,
    /// Which weights are frozen.
    frozen: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    constants: Arc<Mutex<BTreeMap<String, Tensor>>>,
}

impl Parameters {
    /// All weights are drawn at random.
    pub fn fresh(seed: u64) -> Self {
        Self::starting_from(BTreeMap::new(), seed)
    }

    /// Weights in `tensors` start from these values; the others are drawn at random. Leave out those of a head to be
    /// replaced.
    pub fn starting_from(tensors: BTreeMap<String, Tensor>, seed: u64) -> Self {
        let (vars, constants) = (Arc::default(), Arc::default());
        Self { seed, given: Arc::new(tensors), vars, frozen: Arc::new(|_| false), constants }
    }

    /// The same with frozen weights, for which the backward pass computes nothing. A batch norm with frozen weights
    /// keeps its running statistics and uses them in training, too.
    pub fn frozen(self, frozen: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { frozen: Arc::new(frozen), ..self }
    }

    /// The builder for a network.
    pub fn builder(&self, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, device.clone())
    }

    /// A builder that uses the weights requested so far as constants.
    pub fn fixed(&self, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_tensors(self.tensors().into_iter().collect(), DType::F32, device)
    }

    /// A builder of another network on the weights requested so far: constants that change when these are trained. Running
    /// statistics of batch norms are shared.
    pub fn following(&self, device: &Device) -> VarBuilder<'static> {
        let vars = self.lock();
        let own = vars.iter().map(|(name, var)| {
            (name.clone(), if is_statistic(name) { var.as_tensor().clone() } else { var.as_detached_tensor() })
        });
        let all = self.constants().clone().into_iter().chain(own).collect();
        VarBuilder::from_tensors(all, DType::F32, device)
    }

    /// The trainable weights requested so far, sorted by name.
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.lock().iter().map(|(name, var)| (name.clone(), var.clone())).collect()
    }

    /// The current values of all weights requested so far, including frozen ones, for
    /// [`save`](crate::checkpoint::save).
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = self.constants().clone();
        tensors.extend(self.lock().iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())));
        tensors
    }

    fn constants(&self) -> MutexGuard<'_, BTreeMap<String, Tensor>> {
        self.constants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        self.vars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimpleBackend for Parameters {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let mut vars = self.lock();
        if let Some(var) = vars.get(name) {
            return Ok(var.as_tensor().clone());
        }
        if let Some(constants) = self.constants().get(name) {
            return Ok(constants.clone());
        }
        let start = match self.given.get(name) {
            Some(given) if *given.shape() == shape => given.to_device(device)?.to_dtype(dtype)?,
            Some(given) => bail!("tensor \"{name}\" is {:?}, the network expects {:?}", given.dims(), shape.dims()),
            None => Tensor::from_vec(draw(self.seed, name, &shape, init), shape, device)?.to_dtype(dtype)?,
        };
        if (self.frozen)(name) {
            self.constants().insert(name.to_owned(), start.clone());
            return Ok(start);
        }
        // A copy: training must not modify the given tensors.
        let var = Var::from_tensor(&start.copy()?)?;
        let tensor = var.as_tensor().clone();
        vars.insert(name.to_owned(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        bail!("tensor \"{name}\": a trainable weight needs a shape")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }
}

/// Endings of the names of tensors that training changes without a gradient, or not at all: statistics of batch norms, the
/// singular vector of a spectral norm, StyleGAN's mean style and stored noise.
const STATISTICS: [&str; 5] = [".running_mean", ".running_var", ".weight_u", ".w_avg", ".noise_const"];

/// Whether a tensor is a buffer, which has no gradient.
pub fn is_statistic(name: &str) -> bool {
    STATISTICS.iter().any(|ending| name.ends_with(ending))
}

/// Initial numbers of the weight `name`.
fn draw(seed: u64, name: &str, shape: &Shape, init: Init) -> Vec<f32> {
    let mut rng = dl_record::rng(seed, &format!("init/{name}"));
    let count = shape.elem_count();
    match init {
        Init::Const(value) => vec![value as f32; count],
        Init::Uniform { lo, up } => numbers(count, || lo + (up - lo) * rng.random::<f64>()),
        Init::Randn { mean, stdev } => numbers(count, || mean + stdev * rng.sample::<f64, _>(StandardNormal)),
        Init::Kaiming { dist, fan, non_linearity } => {
            let stdev = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
            let up = 3_f64.sqrt() * stdev;
            let init = match dist {
                NormalOrUniform::Normal => Init::Randn { mean: 0.0, stdev },
                NormalOrUniform::Uniform => Init::Uniform { lo: -up, up },
            };
            draw(seed, name, shape, init)
        }
    }
}

fn numbers(count: usize, mut next: impl FnMut() -> f64) -> Vec<f32> {
    (0..count).map(|_| next() as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(parameters: &Parameters, name: &str, init: Init) -> Vec<f32> {
        let vb = parameters.builder(&Device::Cpu);
        vb.get_with_hints((100, 100), name, init).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_weight_depends_only_on_seed_and_name() {
        let init = Init::Randn { mean: 1.0, stdev: 0.5 };
        let (first, other) = (Parameters::fresh(3), Parameters::fresh(3));
        numbers(&other, "b", init);
        assert_eq!(numbers(&first, "a", init), numbers(&other, "a", init));
        assert_ne!(numbers(&first, "a", init), numbers(&Parameters::fresh(4), "a", init));
        assert_ne!(numbers(&first, "a", init), numbers(&first, "b", init));
    }

    #[test]
    fn draws_have_the_stated_mean_and_spread() {
        let parameters = Parameters::fresh(0);
        let he = (2.0_f64 / 100.0).sqrt();
        let cases = [
            ("normal", Init::Randn { mean: 1.0, stdev: 0.5 }, 1.0, 0.5),
            ("uniform", Init::Uniform { lo: -1.0, up: 3.0 }, 1.0, 4.0 / 12_f64.sqrt()),
            ("he", candle_nn::init::DEFAULT_KAIMING_UNIFORM, 0.0, he),
            ("he normal", candle_nn::init::DEFAULT_KAIMING_NORMAL, 0.0, he),
        ];
        for (name, init, mean, stdev) in cases {
            let numbers = numbers(&parameters, name, init);
            let found = numbers.iter().map(|x| f64::from(*x)).sum::<f64>() / 1e4;
            let spread = (numbers.iter().map(|x| (f64::from(*x) - found).powi(2)).sum::<f64>() / 1e4).sqrt();
            assert!((found - mean).abs() < 0.04 && (spread / stdev - 1.0).abs() < 0.03, "{name}: {found} {spread}");
        }
    }

    #[test]
    fn training_starts_from_given_tensors_and_does_not_modify_them() {
        let given = Tensor::new(&[1_f32, 2.0], &Device::Cpu).unwrap();
        let parameters = Parameters::starting_from(BTreeMap::from([("bias".into(), given.clone())]), 0);
        let vb = parameters.builder(&Device::Cpu);
        vb.get(2, "bias").unwrap();
        let (_, var) = &parameters.vars()[0];
        var.set(&(var.as_tensor() + 1.0).unwrap()).unwrap();
        assert_eq!(parameters.tensors()["bias"].to_vec1::<f32>().unwrap(), [2.0, 3.0]);
        assert_eq!(given.to_vec1::<f32>().unwrap(), [1.0, 2.0]);
        let error = Parameters::starting_from(BTreeMap::from([("bias".into(), given)]), 0)
            .builder(&Device::Cpu)
            .get(3, "bias")
            .unwrap_err();
        assert!(error.to_string().contains("tensor \"bias\" is [2], the network expects [3]"));
    }
}
