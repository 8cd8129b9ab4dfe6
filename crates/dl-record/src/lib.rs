//! The contract between the programs: one JSON object per line, one sample per object.
//!
//! A [`Record`] keeps each field as the text it was read as, in its original order. A program parses only the fields
//! that it reads and replaces only those that it owns; the rest is written unchanged, byte for byte, whatever it means.
//! A third-party program can thus stand between two of them.
//!
//! [`Reader`] and [`Writer`] stream records; [`Tensor`] carries feature matrices in a record or in a file beside it;
//! [`schema`] is the JSON Schema of a record, generated from the same table as the accessors.

mod bbox;
mod compact;
mod digest;
mod failure;
mod features;
mod fields;
pub mod file;
mod fnv;
mod numbers;
mod reader;
mod record;
mod scan;
mod schema;
mod seed;
mod shard;
mod shown;
mod tensor;
mod tensor_file;
mod text;
mod utf16;
mod weight;
mod writer;

pub use bbox::BBox;
pub use digest::Digest;
pub use failure::Failure;
pub use fields::{Cell, Detection, Mask, Object, Prediction, Proposal, region_predictions, set_region_predictions};
pub use file::write_atomically;
pub use fnv::Fnv1a;
pub use reader::{Line, MOST_LINE_BYTES, Reader};
pub use record::{MOST_FIELDS, Record};
pub use schema::schema;
pub use seed::rng;
pub use shard::Shard;
pub use shown::shown;
pub use tensor::{Base64, Dtype, Matrix, Payload, Tensor};
pub use tensor_file::{read_tensor_file, write_tensor_file};
pub use writer::Writer;
