//! `dl-eval coco` on files, for boxes and for masks.

use dl_cli::tools::eval::Args as Eval;

use super::Target;
use crate::folder::Folder;
use crate::program::run as program;

pub(super) const TARGET: Target = Target { name: "coco_eval", run, words: super::coco::WORDS, seeds: &[], share: 20 };

fn run(data: &[u8]) {
    let folder = Folder::of(data, "truth.json");
    let (truth, found) = (folder.arg("truth.json"), folder.arg("results.json"));
    for kind in ["bbox", "segm"] {
        program::<Eval>(&["coco", "--truth", &truth, "--detections", &found, "--iou-type", kind], b"");
    }
}
