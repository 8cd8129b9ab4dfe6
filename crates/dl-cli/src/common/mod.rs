//! What every program does alike.

mod allocator;
mod args;
mod clipped;
mod closed;
mod digest;
mod inputs;
mod io;
mod labels;
pub(crate) mod main;
mod messages;
pub(crate) mod numbers;
mod output;
mod patient;
mod picture;
mod room;
mod stream;
mod whole;

pub use allocator::keep_freed_memory;
pub use args::{Common, DeviceArgs, RegionWarp, WarpArgs};
pub(crate) use clipped::{clipped, padded_left, padded_right};
pub(crate) use digest::digest;
pub use inputs::Inputs;
pub use io::Io;
#[allow(unused_imports)]
pub(crate) use labels::Labels;
pub use main::{Outcome, Tool, main};
pub(crate) use messages::counted;
pub use messages::{Messages, one_line};
pub(crate) use output::{is_image_of, not_an_input};
pub use picture::{ImageArgs, Images};
pub use stream::{Job, Tally, each_record, map_batches, map_records, map_weighed_batches};
pub(crate) use stream::{STRICT, each_arrival, each_line, say_broken, say_failed};
pub(crate) use whole::whole_features;
