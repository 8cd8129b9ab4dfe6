//! Tables: what their columns hold, and models of their rows.

mod boosting;
mod columns;
mod features;
mod mixture;
mod nearest;
mod raw;
mod schema;
mod smote;
mod utility;

pub use boosting::{Boosting, BoostingConfig, boost};
pub use columns::{ColumnOptions, Detected, Kinds, detect, is_missing, number};
pub use features::FeatureMap;
pub use mixture::{Mixture, MixtureConfig, mixture};
pub use nearest::{copies, nearest};
pub use raw::RawTable;
pub use schema::{Assumed, schema};
pub use smote::smote;
pub use utility::{Classifier, LabeledRows, Ranking};
