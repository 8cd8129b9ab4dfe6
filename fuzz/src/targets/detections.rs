//! `dl-nms` and `dl-eval` on records.

use dl_cli::tools::eval::Args as Eval;
use dl_cli::tools::nms::Args as Nms;

use super::Target;
use crate::program::{records, run as program};

pub(super) const TARGET: Target = Target { name: "detections", run, words: WORDS, seeds: &[], share: 20 };

pub(super) const WORDS: &[&str] = &[
    "id",
    "image",
    "width",
    "height",
    "objects",
    "detections",
    "proposals",
    "box",
    "label",
    "score",
    "mask",
    "size",
    "counts",
    "difficult",
    "crowd",
    "area",
    "proposal",
    "error",
    "[0,0,1,1]",
    "[1e308,-1e308,1e308,1e308]",
    "[3,3,1,1]",
    "null",
];

fn run(data: &[u8]) {
    for method in ["hard", "soft-linear", "soft-gaussian", "diou", "weighted"] {
        records::<Nms>(&["--method", method], data);
    }
    program::<Eval>(&["voc", "--format", "table"], data);
    program::<Eval>(&["coco"], data);
    program::<Eval>(&["coco", "--masks", "--format", "table"], data);
    program::<Eval>(&["proposals"], data);
}
