//! File access, the same in every program: read up to a size limit, decoded to text, written whole or not at all.
//!
//! How far a path is trusted depends on where it comes from. A path that the user typed may be a pipe ([`read_named`]),
//! such as bash's `<(...)`. A path in a record, an annotation file or a model's config is untrusted: only regular files
//! are opened ([`read_regular`]), so that a FIFO cannot hang the run and `/dev/zero` cannot fill the memory. For writing,
//! [`write_atomically`] takes a path from the user, [`write_inside`] one from a record.

mod decode;
mod read;
mod spool;
mod unfinished;
mod write;

pub use decode::{decode, decode_xml, lines};
pub use read::{MOST_LIST_BYTES, is_same, open_named, open_regular, read_list, read_named, read_regular, read_text};
pub use spool::Spool;
pub use write::{check_writable, folder_of, make_inside, write_atomically, write_inside};
