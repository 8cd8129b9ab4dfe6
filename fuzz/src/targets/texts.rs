//! `dl-data from lines` and `csv`: texts and tables.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::records;

pub(super) const TARGET: Target = Target {
    name: "texts",
    run,
    words: &["text", "label", "id", "image", ",", ";", "\t", "\"", "\"\"", "\r\n", "\"a\nb\"", "=1+1"],
    seeds: &[],
    share: 30,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "texts.csv");
    let file = folder.arg("texts.csv");
    records::<Data>(&["from", "lines", &file], b"");
    records::<Data>(&["from", "csv", &file, "--text", "text", "--label", "label"], b"");
    records::<Data>(&["from", "csv", &file, "--image", "image", "--id", "id"], b"");
}
