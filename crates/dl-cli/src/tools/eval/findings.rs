//! Findings of a detector or a proposal method.

use anyhow::{Context, Result};
use dl_record::{BBox, Detection, Mask, Proposal, Record};
use dl_vision::formats::coco::corners;
use dl_vision::formats::coco::fields::{Annotation, Entry, Id};
use serde::de::DeserializeOwned;
use serde_json::Map;

/// An entry of a record's `detections` or `proposals`.
pub(super) trait Finding: DeserializeOwned {
    /// The field that holds them.
    const FIELD: &'static str;
    /// The program that writes it.
    const HINT: &'static str;
    /// Does each have a class?
    const HAS_CLASS: bool;

    fn bbox(&self) -> &BBox;

    fn score(&self) -> f64;

    fn of_result(result: CocoResult, label: &str) -> Self;
}

/// An entry of a COCO results file. [`dl_metrics::coco`] reads masks, from the file itself.
pub(super) struct CocoResult {
    pub(super) image: Id,
    pub(super) category: Id,
    bbox: [f64; 4],
    score: f64,
}

impl CocoResult {
    /// Reads an entry.
    /// # Errors
    /// When a field is missing or malformed.
    pub(super) fn of(entry: Entry<Annotation>) -> Result<Self> {
        let result = entry.good()?;
        Ok(Self {
            image: result.image_id.required("image_id")?.clone(),
            category: result.category_id.required("category_id")?.clone(),
            bbox: result.outline(None, false)?.bbox,
            score: *result.score.required("score")?,
        })
    }
}

impl Finding for Detection {
    const FIELD: &'static str = "detections";
    const HINT: &'static str = "dl-detect writes them, `[]` when nothing is found";
    const HAS_CLASS: bool = true;

    fn bbox(&self) -> &BBox {
        &self.bbox
    }

    fn score(&self) -> f64 {
        self.score
    }

    fn of_result(result: CocoResult, label: &str) -> Self {
        let (bbox, score) = (corners(&result.bbox), result.score);
        Self { bbox, label: label.to_owned(), score, mask: None::<Mask>, proposal: None, extra: Map::new() }
    }
}

impl Finding for Proposal {
    const FIELD: &'static str = "proposals";
    const HINT: &'static str = "dl-propose writes them";
    const HAS_CLASS: bool = false;

    fn bbox(&self) -> &BBox {
        &self.bbox
    }

    fn score(&self) -> f64 {
        self.score
    }

    fn of_result(result: CocoResult, _: &str) -> Self {
        Self { bbox: corners(&result.bbox), score: result.score, extra: Map::new() }
    }
}

/// The findings of a record, with valid boxes.
pub(super) fn findings<F: Finding>(record: &Record) -> Result<Vec<F>> {
    let found: Vec<F> = record.require(F::FIELD, F::HINT)?;
    for (index, one) in found.iter().enumerate() {
        one.bbox().check().with_context(|| format!("{}[{index}]", F::FIELD))?;
    }
    Ok(found)
}
