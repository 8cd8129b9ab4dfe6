//! `dl-draw pr`, `confusion`, `curves` and `lines`: files with data for charts.

use dl_cli::tools::draw::Args as Draw;

use super::Target;
use crate::folder::Folder;
use crate::program::run as program;

pub(super) const TARGET: Target = Target {
    name: "charts",
    run,
    words: &[
        "precision",
        "recall",
        "ap",
        "labels",
        "counts",
        "iteration",
        "epoch",
        "loss",
        "val_loss",
        "accuracy",
        "lr",
        "seconds",
        "x",
        "y",
        "[0,1]",
        "[]",
        "1e308",
        "-1e308",
        "<script>",
        "&amp;",
    ],
    seeds: &[],
    share: 10,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "figures");
    let (figures, output) = (folder.arg("figures"), folder.arg("chart.svg"));
    for kind in ["pr", "confusion", "curves"] {
        program::<Draw>(&[kind, &figures, "--output", &output], b"");
    }
    program::<Draw>(&["lines", &figures, "--x", "x", "--y", "y", "--output", &output], b"");
}
