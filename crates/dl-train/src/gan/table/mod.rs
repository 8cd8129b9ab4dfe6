//! Training of generators of tables (Xu et al. 2019, CTGAN).

mod batches;
mod task;

pub use batches::{TableBatch, TableBatches, TableDraw};
pub use task::{TablePlayers, TableTask};
