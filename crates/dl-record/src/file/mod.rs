//! Files of the outside world, each in one way for every program: read within a bound, decoded to text, written whole.
//!
//! Who named a file decides how far it is trusted. A path that the user typed may be a pipe ([`read_named`]), such as
//! bash's `<(...)`. A path out of a record, an annotation file or a model's config comes from a stranger: only a
//! regular file is opened ([`read_regular`]), so that a FIFO cannot hang the run and `/dev/zero` cannot fill the memory.
//! Likewise for writing: [`write_atomically`] writes what the user named, [`write_inside`] what a record named.

mod decode;
mod read;
mod spool;
mod write;

pub use decode::{decode, decode_xml, lines};
pub use read::{MOST_LIST_BYTES, is_same, open_regular, read_list, read_named, read_regular, read_text};
pub use spool::Spool;
pub use write::{check_writable, make_inside, write_atomically, write_inside};
