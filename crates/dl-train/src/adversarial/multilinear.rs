//! CDAN's multilinear map of features and classes (Long et al. 2018, section 3).

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use dl_models::plain;
use dl_ops::{linear, softmax};
use rand::RngExt;
use rand_distr::StandardNormal;

/// The widest outer product; wider ones become random maps.
const WIDEST: usize = 4096;
/// Outputs of a random map, as in the authors' code.
const RANDOM_OUTPUTS: usize = 1024;
/// Names of the random map's matrices.
const NAMES: [&str; 2] = ["multilinear.features", "multilinear.classes"];

/// Joins features f with class probabilities g: the outer product, number class * inputs + input; or, when that has
/// more than 4096 numbers, the random map (R f) * (S g) / sqrt(outputs), whose inner products are those of outer
/// products on average. The random matrices are not trained.
#[derive(Clone, Debug)]
pub struct MultilinearMap {
    inputs: usize,
    classes: usize,
    /// [outputs, inputs] and [outputs, classes], standard normal.
    random: Option<[Tensor; 2]>,
}

impl MultilinearMap {
    /// The map of `inputs` features and `classes` classes; random matrices are drawn by the seed.
    /// # Errors
    /// When a width is 0, or candle fails.
    pub fn new(inputs: usize, classes: usize, seed: u64, device: &Device) -> Result<Self> {
        ensure!(inputs > 0 && classes > 0, "a multilinear map of {inputs} features and {classes} classes is empty");
        if inputs * classes <= WIDEST {
            return Ok(Self { inputs, classes, random: None });
        }
        let draw = |name: &str, columns: usize| {
            let mut rng = dl_record::rng(seed, name);
            let count = RANDOM_OUTPUTS * columns;
            let numbers: Vec<f32> = (0..count).map(|_| rng.sample::<f64, _>(StandardNormal) as f32).collect();
            Tensor::from_vec(numbers, (RANDOM_OUTPUTS, columns), device).map_err(plain)
        };
        Ok(Self { inputs, classes, random: Some([draw(NAMES[0], inputs)?, draw(NAMES[1], classes)?]) })
    }

    /// The map whose random matrices were saved as [`tensors`](Self::tensors); other tensors are ignored.
    /// # Errors
    /// When one of the matrices is missing or has another shape.
    pub fn restored(inputs: usize, classes: usize, tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        if !tensors.contains_key(NAMES[0]) && inputs * classes <= WIDEST {
            return Ok(Self { inputs, classes, random: None });
        }
        let find = |name: &str| tensors.get(name).cloned().with_context(|| format!("tensor \"{name}\" is missing"));
        let (of_features, of_classes) = (find(NAMES[0])?, find(NAMES[1])?);
        let outputs = of_features.dims().first().copied().unwrap_or(0);
        for (name, tensor, columns) in [(NAMES[0], &of_features, inputs), (NAMES[1], &of_classes, classes)] {
            let found = tensor.dims();
            ensure!(found == [outputs, columns], "tensor \"{name}\" is {found:?}, not {:?}", [outputs, columns]);
        }
        Ok(Self { inputs, classes, random: Some([of_features, of_classes]) })
    }

    /// The random matrices by name, for [`Task::frozen`](crate::fit::Task::frozen); empty for an outer product.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        self.random.iter().flat_map(|random| NAMES.map(String::from).into_iter().zip(random.iter().cloned())).collect()
    }

    /// The width of the domain classifier's input.
    pub fn outputs(&self) -> usize {
        match &self.random {
            Some([of_features, _]) => of_features.dims()[0],
            None => self.inputs * self.classes,
        }
    }

    /// Joins features [n, inputs] with softmax(logits), logits [n, classes]: [n, outputs], f32. The logits get no
    /// gradient.
    /// # Errors
    /// When a shape is another.
    pub fn forward(&self, features: &Tensor, logits: &Tensor) -> Result<Tensor> {
        let n = features.dims().first().copied().unwrap_or(0);
        ensure!(
            features.dims() == [n, self.inputs] && logits.dims() == [n, self.classes],
            "features {:?} and class scores {:?}; the map takes widths {} and {}",
            features.dims(),
            logits.dims(),
            self.inputs,
            self.classes
        );
        let joined = || -> candle_core::Result<Tensor> {
            let classes = softmax(&logits.detach(), 1)?;
            match &self.random {
                Some([of_features, of_classes]) => {
                    let product = (linear(features, of_features, None)? * linear(&classes, of_classes, None)?)?;
                    product / (self.outputs() as f64).sqrt()
                }
                None => classes.unsqueeze(2)?.broadcast_mul(&features.unsqueeze(1)?)?.flatten_from(1),
            }
        };
        joined().map_err(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DomainClassifier, GOLDEN, domain_loss, entropy_weights, reverse_gradient};
    use super::*;
    use crate::golden::{case, check_with, input, numbers, weights};

    /// A step of CDAN with entropy weights.
    fn check(name: &str, map: &MultilinearMap) {
        let [first, second] = [[map.outputs()], [1]];
        let weights = weights(&[("domain.0.weight", 100, &[1, first[0]], 0.5), ("domain.0.bias", 110, &second, 0.5)]);
        let classifier = DomainClassifier::new(map.outputs(), &[], 0.0, &weights.builder(&Device::Cpu)).unwrap();
        let (features, logits) = (input(0, &[6, 3], 1.0), input(10, &[6, 4], 1.0));
        let joined = map.forward(&reverse_gradient(&features, 0.4).unwrap(), &logits).unwrap();
        let scores = classifier.forward(&joined, None).unwrap();
        let loss = domain_loss(&scores, 3, Some(&entropy_weights(&logits).unwrap())).unwrap();
        check_with(&loss, &[("features", &features), ("logits", &logits)], &weights, &case(GOLDEN, name));
    }

    #[test]
    fn a_step_of_cdan_has_the_loss_and_gradients_of_torch() {
        check("cdan", &MultilinearMap::new(3, 4, 0, &Device::Cpu).unwrap());
        let matrices = [(NAMES[0], 200, [5, 3]), (NAMES[1], 210, [5, 4])];
        let tensors =
            matrices.map(|(name, first, shape)| (name.to_owned(), input(first, &shape, 1.0).as_detached_tensor()));
        check("cdan by a random map", &MultilinearMap::restored(3, 4, &tensors.into()).unwrap());
    }

    #[test]
    fn wide_products_are_random_maps_that_keep_inner_products_and_survive_a_restart() {
        assert_eq!(MultilinearMap::new(64, 64, 0, &Device::Cpu).unwrap().outputs(), 4096);
        let map = MultilinearMap::new(65, 64, 3, &Device::Cpu).unwrap();
        assert_eq!(map.outputs(), 1024);
        let (features, logits) = (input(0, &[2, 65], 1.0), input(10, &[2, 64], 1.0));
        let joined = map.forward(&features, &logits).unwrap();
        let restored = MultilinearMap::restored(65, 64, &map.tensors()).unwrap();
        assert_eq!(numbers(&restored.forward(&features, &logits).unwrap()), numbers(&joined));
        let norm = |x: &Tensor| x.sqr().unwrap().sum(1).unwrap().to_vec1::<f32>().unwrap();
        let probabilities = softmax(&logits, 1).unwrap();
        for ((found, f), g) in norm(&joined).iter().zip(norm(&features)).zip(norm(&probabilities)) {
            assert!((found / (f * g) - 1.0).abs() < 0.2, "{found} {}", f * g);
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let map = MultilinearMap::new(3, 4, 0, &Device::Cpu).unwrap();
        let error = map.forward(&input(0, &[2, 3], 1.0), &input(0, &[2, 5], 1.0)).unwrap_err().to_string();
        assert_eq!(error, "features [2, 3] and class scores [2, 5]; the map takes widths 3 and 4");
        let error = MultilinearMap::restored(65, 64, &BTreeMap::new()).unwrap_err().to_string();
        assert_eq!(error, "tensor \"multilinear.features\" is missing");
        let error = MultilinearMap::restored(66, 64, &MultilinearMap::new(65, 64, 0, &Device::Cpu).unwrap().tensors());
        assert_eq!(error.unwrap_err().to_string(), "tensor \"multilinear.features\" is [1024, 65], not [1024, 66]");
    }
}
