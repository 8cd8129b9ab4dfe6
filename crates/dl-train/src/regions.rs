//! The regions of a record and its ground truth.

use anyhow::{Context, Result, ensure};
use dl_record::{BBox, Record};
use dl_vision::boxes::iou;
use serde::{Deserialize, Serialize};

/// The regions of one sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Regions {
    /// Boxes of the proposals.
    pub boxes: Vec<BBox>,
    /// For each proposal, the index into `objects` when it is a ground-truth box from `dl-embed --with-objects`.
    pub truth: Vec<Option<usize>>,
    /// The ground-truth objects.
    pub objects: Vec<Truth>,
}

/// A ground-truth object, as training needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Its box.
    pub bbox: BBox,
    /// The name of its class.
    pub label: String,
    /// Difficult, or a crowd: neither an example of its class nor background.
    pub ignored: bool,
}

impl Regions {
    /// Reads `proposals` and `objects`. A record without objects is all background.
    /// # Errors
    /// When there are no proposals, or a field is broken.
    pub fn of(record: &Record) -> Result<Self> {
        let hint = "pipe the records through dl-propose";
        let proposals = record.proposals()?.with_context(|| format!("the record has no \"proposals\"; {hint}"))?;
        let objects = record.objects()?.unwrap_or_default();
        let mut regions = Self::default();
        for proposal in proposals {
            proposal.bbox.check()?;
            let truth = proposal.extra.get("truth").map(|index| {
                let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                index
                    .filter(|index| *index < objects.len())
                    .context("a proposal's \"truth\" is not an index into \"objects\"")
            });
            regions.boxes.push(proposal.bbox);
            regions.truth.push(truth.transpose()?);
        }
        for object in objects {
            object.bbox.check()?;
            ensure!(!object.label.is_empty(), "an object has an empty label");
            let ignored = object.difficult || object.crowd;
            regions.objects.push(Truth { bbox: object.bbox, label: object.label, ignored });
        }
        Ok(regions)
    }

    /// For each proposal, its largest IoU with an object of the class, including ignored ones, or 0.
    pub fn overlaps(&self, label: &str) -> Vec<f64> {
        let objects: Vec<&Truth> = self.objects.iter().filter(|object| object.label == label).collect();
        let overlap = |bbox| objects.iter().map(|object| iou(bbox, &object.bbox)).fold(0.0, f64::max);
        self.boxes.iter().map(overlap).collect()
    }
}
