//! What an argument names.

use std::path::Path;

use dl_vision::formats::has_ending;

/// The characters that make an argument a glob.
pub(super) const GLOB: [char; 3] = ['*', '?', '['];

/// Whether an argument is a glob: no file has its name.
pub(super) fn is_glob(input: &str) -> bool {
    input.contains(GLOB) && !Path::new(input).exists()
}

/// The endings of files of records.
pub(super) const RECORD_ENDINGS: [&str; 2] = ["jsonl", "ndjson"];

/// The endings of compressed files; those that are not of gzip are explained.
const COMPRESSED_ENDINGS: [&str; 4] = ["gz", "zst", "xz", "zip"];

/// What is at a path.
pub(super) enum Kind {
    Folder,
    Records,
    /// Anything else: whether it is an image is known when it is opened.
    Image,
}

impl Kind {
    /// The kind of what is at `path`, by its name if it is not a folder.
    pub(super) fn of(path: &Path) -> Self {
        match () {
            () if path.is_dir() => Self::Folder,
            () if has_ending(path, &RECORD_ENDINGS) => Self::Records,
            () if has_ending(path, &COMPRESSED_ENDINGS) && has_ending(&path.with_extension(""), &RECORD_ENDINGS) => {
                Self::Records
            }
            () => Self::Image,
        }
    }
}
