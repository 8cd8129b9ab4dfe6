//! Matrix completion: unknown entries of a matrix of low rank, from the known ones.
//!
//! [`soft_impute`] fills features (Mazumder et al. 2010); [`complete_labels`] fills labels and features together (MC-1
//! and MC-b, Goldberg et al. 2010). Both minimize a loss of the known entries plus a multiple of the nuclear norm, by
//! steps whose singular value decomposition is of a sparse matrix plus one of low rank, never of a dense one.

mod als;
mod labels;
mod low_rank;
mod observed;
mod proximal;
mod soft_impute;

pub use labels::{LabelCompletion, LabelConfig, LabelMethod, complete_labels};
pub use observed::{Entry, Observed};
pub use soft_impute::{Completion, SoftImputeConfig, soft_impute};
