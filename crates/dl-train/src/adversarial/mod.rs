//! Adversarial domain adaptation: features from which a classifier of the domain cannot tell source from target.
//!
//! A batch holds source rows, then target rows. DANN (Ganin et al. 2016) reverses the gradient of a
//! [`DomainClassifier`] on the features; CDAN (Long et al. 2018) gives it the features joined with the predicted
//! classes, by a [`MultilinearMap`]; Deep CORAL (Sun and Saenko 2016) needs no classifier: its loss is a distance of
//! covariances.

mod coral;
mod domain;
mod domain_loss;
mod entropy;
mod multilinear;
mod reversal;

pub use coral::coral_loss;
pub use domain::DomainClassifier;
pub use domain_loss::{domain_accuracy, domain_loss};
pub use entropy::entropy_weights;
pub use multilinear::MultilinearMap;
pub use reversal::{annealed_rate, reversal_strength, reverse_gradient};

#[cfg(test)]
const GOLDEN: &str = include_str!("../../../../testdata/goldens/losses/adversarial.json");
