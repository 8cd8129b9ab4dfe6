//! Generators of tables: CTGAN (Xu et al. 2019, Modeling tabular data using conditional GAN).
//!
//! A row is numbers that a network can make: a category is one-hot, and a number is the mode of its column's distribution
//! that it belongs to, one-hot, and its place within the mode. The [`TableSchema`] in the model file has what is needed to
//! turn such a row back into cells.

mod cell;
mod config;
mod critic;
mod generator;
mod layout;
mod network;
mod schema;

pub use config::{CTGAN, TableConfig};
pub use critic::{TableCritic, TableCriticConfig};
pub use generator::{Request, Sampled, TableGenerator};
pub use layout::{Condition, TableLayout};
pub use schema::{Category, Column, ColumnKind, Mode, TableSchema};
