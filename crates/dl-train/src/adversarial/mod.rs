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
mod game;
mod method;
mod multilinear;
mod reversal;
mod rows;

pub use coral::coral_loss;
pub use domain::DomainClassifier;
pub use domain_loss::{domain_accuracy, domain_loss};
pub use entropy::entropy_weights;
pub use game::{Alignment, Game, GameConfig};
pub use method::AdversarialMethod;
pub use multilinear::MultilinearMap;
pub use reversal::{reversal_strength, reverse_gradient};
pub use rows::{AdversarialRows, LabeledRows, RowNetwork, row_orders};

#[cfg(test)]
const GOLDEN: &str = include_str!("../../../../testdata/goldens/losses/adversarial.json");
