//! Networks with named parts, and the files they live in.

pub mod detection;
