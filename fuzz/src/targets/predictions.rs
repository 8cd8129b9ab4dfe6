//! `dl-eval classify`: labels, tables, and the confusion matrix that `dl-draw` reads.

use dl_cli::tools::draw::Args as Draw;
use dl_cli::tools::eval::Args as Eval;

use super::Target;
use crate::folder::Folder;
use crate::program::run as program;

pub(super) const TARGET: Target = Target {
    name: "predictions",
    run,
    words: &["id", "label", "predictions", "score", "error", "\\u001b[2J", "\\n", "=1+1"],
    seeds: &[],
    share: 10,
};

fn run(data: &[u8]) {
    let folder = Folder::of(data, "records.jsonl");
    let (matrix, chart) = (folder.arg("confusion.json"), folder.arg("confusion.svg"));
    let table = program::<Eval>(&["classify", "--format", "table", "--confusion", &matrix], data);
    let text = str::from_utf8(&table).expect("a table is UTF-8");
    let control = text.chars().find(|letter| letter.is_control() && *letter != '\n');
    assert!(control.is_none(), "a table holds {control:?}");
    program::<Eval>(&["classify", "--format", "json"], data);
    program::<Draw>(&["confusion", &matrix, "--output", &chart], b"");
}
