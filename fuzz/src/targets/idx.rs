//! `dl-data from idx`: MNIST files.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::records;

pub(super) const TARGET: Target = Target { name: "idx", run, words: &[], seeds: &[], share: 30 };

fn run(data: &[u8]) {
    let folder = Folder::of(data, "train-images-idx3-ubyte");
    for split in ["train", "test"] {
        records::<Data>(&["from", "idx", &folder.arg(""), "--split", split], b"");
    }
}
