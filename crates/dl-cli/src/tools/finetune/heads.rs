//! The file that holds both parts of R-CNN's heads.

use std::path::Path;

use anyhow::{Result, bail};
use dl_models::heads::rcnn::RcnnHeads;

/// Fails when the file exists and has this part already, or is not such a file. Returns the network
/// whose features the other part was trained on, if known.
pub(super) fn check(model: &Path, part: &str, force: bool) -> Result<Option<String>> {
    if !model.exists() {
        return Ok(None);
    }
    let heads = RcnnHeads::load(model)?;
    let (own, other) = if part == "svm" { (heads.svm, heads.bbox) } else { (heads.bbox, heads.svm) };
    if own.is_some() && !force {
        bail!("--output {}: already has an {part} part; --force replaces it", model.display());
    }
    Ok(other.and_then(|other| other.network))
}
