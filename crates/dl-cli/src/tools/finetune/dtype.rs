//! `--dtype`.

use clap::ValueEnum;
use dl_models::Precision;

/// Number type of the stored weights.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum DtypeName {
    /// Single precision
    F32,
    /// Half precision: a file of half the size
    F16,
}

impl From<DtypeName> for Precision {
    fn from(dtype: DtypeName) -> Self {
        match dtype {
            DtypeName::F32 => Self::F32,
            DtypeName::F16 => Self::F16,
        }
    }
}
