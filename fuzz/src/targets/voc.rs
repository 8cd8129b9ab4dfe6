//! `dl-data from voc`, and writing the result again.

use dl_cli::tools::data::Args as Data;

use super::Target;
use crate::folder::Folder;
use crate::program::{records, run as program};

pub(super) const TARGET: Target = Target {
    name: "voc",
    run,
    words: &[
        "annotation",
        "object",
        "bndbox",
        "xmin",
        "ymin",
        "xmax",
        "ymax",
        "name",
        "difficult",
        "truncated",
        "occluded",
        "Unspecified",
        "pose",
        "part",
        "size",
        "width",
        "height",
        "depth",
        "filename",
        "path",
        "folder",
        "source",
        "segmented",
        "polygon",
        "rotated_bndbox",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "&amp;",
        "&#x1b;",
        "&#0;",
        "&a;",
        "<!DOCTYPE a [<!ENTITY a \"b\">]>",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
        "xmlns:a=\"b\"",
        "</annotation>",
        "<annotation>",
        "<object/>",
    ],
    seeds: &[],
    share: 30,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "Annotations/a.xml");
    let mut found = records::<Data>(&["from", "voc", &folder.arg("")], b"");
    found.extend(records::<Data>(&["from", "voc", &folder.arg(""), "--split", "train"], b""));
    program::<Data>(&["to", "voc", &folder.arg("again"), "--images", "leave"], &found);
    records::<Data>(&["from", "voc", &folder.arg("again")], b"");
}
