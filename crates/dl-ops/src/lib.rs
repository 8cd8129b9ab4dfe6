//! Fast CPU kernels as candle custom ops, each with its gradient, and a naive reference beside each.
