//! Training of LAPGANs (Denton et al. 2015).

mod players;
mod task;

pub use players::{Judges, LaplacianPlayers};
pub use task::LaplacianTask;
