//! Fast CPU kernels as candle custom ops, each with its gradient and a naive reference.
//!
//! Two guarantees that candle's own kernels do not give:
//!
//! - **Results do not depend on the batch or the number of threads.** Work is divided by shape alone, never by the
//!   number of threads, and a row or image is computed by the same steps in any batch.
//! - **Correct gradients** where candle 0.11's are wrong: max pooling (candle divides by the window's area),
//!   convolutions of non-square images with stride 2, and ReLU at 0.
//!
//! The kernels support f32 on the CPU. For other devices and types (see `cpu::serves`), every function falls back to an
//! equivalent composition of candle's ops in `portable`. None supports second-order gradients: for penalties on a gradient,
//! a [`Tape`] writes it as operations that have gradients.

mod activation;
mod adam;
mod add_relu;
mod attention;
mod average;
mod batch_norm;
mod conv;
mod conv_transpose;
mod cpu;
mod cross_entropy;
mod dropout;
mod embedding;
mod gate;
mod gelu;
#[cfg(test)]
mod gradient_check;
mod hard_swish;
mod instance_norm;
mod l2_norm;
mod layer_norm;
mod linear;
mod local_response_norm;
mod locally_connected;
mod matmul;
mod max_pool;
mod minibatch_stddev;
mod modulation;
mod penalty;
mod pixel_shuffle;
mod portable;
mod prelu;
mod reflection_pad;
mod relu;
mod relu6;
mod resize;
mod roi;
mod sgd;
mod softmax;
mod spans;
mod spatial_response_norm;
mod spectral_norm;
mod strip;
mod tape;
mod upfirdn;
mod warp;
mod wide;

pub use activation::{leaky_relu, mish, sigmoid, softplus, swish, tanh};
pub use adam::{AdamStep, adam_step};
pub use add_relu::add_relu;
pub use attention::{AttentionConfig, AttentionDropout, attention};
pub use average::{adaptive_avg_pool2d, avg_pool2d, avg_pool2d_without_padding};
pub use batch_norm::{
    BatchStatistics, batch_norm, batch_norm_train, batch_norm_train_leaky_relu, batch_norm_train_relu,
};
pub use conv::{conv2d, conv2d_relu};
pub use conv_transpose::conv_transpose2d;
pub use cpu::{with_candle_ops, with_floats};
pub use cross_entropy::cross_entropy;
pub use dl_kernels::{Conv2dConfig, ConvTranspose2dConfig, L2Epsilon, Neighbors, Padding, PoolConfig, ResizeMethod};
pub use dropout::{dropout, dropout_mask};
pub use embedding::{embedding, projection};
pub use gate::gate;
pub use gelu::{Gelu, gelu};
pub use hard_swish::{hard_sigmoid, hard_swish};
pub use instance_norm::instance_norm;
pub use l2_norm::l2_norm;
pub use layer_norm::layer_norm;
pub use linear::{linear, linear_transposed};
pub use local_response_norm::local_response_norm;
pub use locally_connected::locally_connected2d;
pub use max_pool::max_pool2d;
pub use minibatch_stddev::minibatch_stddev;
pub use modulation::{DEMODULATION_EPS, demodulation, modulated_conv_transpose2d, modulated_conv2d};
pub use penalty::{between, one_centered_penalty, zero_centered_penalty};
pub use pixel_shuffle::{pixel_shuffle, pixel_unshuffle};
pub use prelu::prelu;
pub use reflection_pad::reflection_pad2d;
pub use relu::relu;
pub use relu6::relu6;
pub use resize::{ResizeTo, resize_bilinear, resize_nearest};
pub use roi::{RoiAlignConfig, RoiPoolConfig, roi_align, roi_pool};
pub use sgd::{SgdStep, sgd_step};
pub use softmax::{log_softmax, softmax};
pub use spans::{Span, SpanKind, activate_spans};
pub use spatial_response_norm::spatial_response_norm;
pub use spectral_norm::{SpectrallyNormalized, spectral_norm};
pub use tape::Tape;
pub use upfirdn::{Resampling, ResamplingStep, upfirdn2d};
pub use warp::{Affine, Warp};
