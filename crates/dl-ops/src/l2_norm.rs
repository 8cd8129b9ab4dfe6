//! Divides the channels of each position by their L2 norm and scales them (Liu et al. 2015, ParseNet, section 3.3): the
//! norm of SSD's conv4_3.

use candle_core::{Result, Tensor, bail};

use crate::{L2Epsilon, portable};

/// x [n, c, ...] divided by the L2 norm over c of each position, times weight [c].
/// # Errors
/// When the shapes do not match, or candle fails.
pub fn l2_norm(x: &Tensor, weight: &Tensor, epsilon: L2Epsilon) -> Result<Tensor> {
    if x.rank() < 2 || weight.dims() != [x.dim(1)?] {
        bail!("l2_norm: weight {:?} does not match x {:?}", weight.dims(), x.dims());
    }
    portable::l2_norm(x, weight, epsilon)
}
