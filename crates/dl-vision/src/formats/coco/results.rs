//! Writes detections to a COCO results list: `[{"image_id", "category_id", "bbox", "score", "segmentation"?}]`.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Context, Result, anyhow};
use dl_record::{Detection, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::categories::Categories;
use super::fields::Id;
use super::outline::xywh;
use super::{DATASET, Ids, compressed};
use crate::formats::spooled::Spooled;
use crate::masks;

/// A result that waits until all categories are known.
#[derive(Serialize, Deserialize)]
struct Waiting {
    label: String,
    own: Option<Value>,
    result: Map<String, Value>,
}

/// Collects detections and writes them as one results list.
pub struct ResultsWriter {
    ids: Ids,
    categories: Categories,
    /// Each label, with the category id that it came with.
    labels: BTreeSet<(String, Option<Id>)>,
    waiting: Spooled<Vec<Waiting>>,
}

impl ResultsWriter {
    /// Starts a list. Ids come from `truth`, else from what the records kept of a COCO file.
    /// # Errors
    /// When a temporary file cannot be created.
    pub fn new(truth: Option<Ids>) -> Result<Self> {
        let ids = truth.unwrap_or_default();
        let mut categories = Categories::default();
        categories.add_dataset(&ids.dataset)?;
        ids.used.iter().for_each(|id| categories.add_use(id));
        Ok(Self { ids, categories, labels: BTreeSet::new(), waiting: Spooled::new()? })
    }

    /// Adds the detections of one sample.
    /// # Errors
    /// When its fields are invalid, it has no detections, or the COCO id of its image is unknown. Then nothing of it is
    /// written.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let detections: Vec<Detection> = record.require("detections", "run dl-detect first")?;
        let objects = record.objects()?.unwrap_or_default();
        let image_id = self.ids.image(record)?.ok_or_else(|| {
            anyhow!("the COCO id of this image is unknown; name the file that has it with --truth ANN.json")
        })?;
        let waiting: Vec<Waiting> = (detections.into_iter().enumerate())
            .map(|(index, found)| result(found, &image_id).with_context(|| format!("detection {index}")))
            .collect::<Result<_>>()?;
        let dataset = record.get::<Record>(DATASET)?;
        dataset.as_ref().map(super::categories).transpose()?;
        self.waiting.push(&waiting)?;
        // Nothing fails from here on, so that a record is either written or leaves no trace.
        if let Some(dataset) = dataset {
            self.categories.add_dataset(&dataset)?;
        }
        for object in objects {
            self.categories.add(&object.label, object.extra.get("category_id").and_then(Id::of).as_ref());
        }
        self.labels.extend(waiting.into_iter().map(|found| (found.label, found.own.as_ref().and_then(Id::of))));
        Ok(())
    }

    /// Writes the list to `output`.
    /// # Errors
    /// When a label has no category id, or several, or the output cannot be written.
    pub fn finish(self, output: &mut dyn Write) -> Result<()> {
        let Self { categories, labels, waiting, .. } = self;
        for (label, own) in &labels {
            categories.only_id(label, own.as_ref())?;
        }
        let mut separator = "\n";
        output.write_all(b"[")?;
        waiting.close()?.each(|results, _| {
            for Waiting { label, own, mut result } in results {
                let category = categories.only_id(&label, own.as_ref().and_then(Id::of).as_ref())?;
                result["category_id"] = Value::from(&category);
                output.write_all(separator.as_bytes())?;
                serde_json::to_writer(&mut *output, &result)?;
                separator = ",\n";
            }
            Ok(())
        })?;
        Ok(output.write_all(b"\n]\n")?)
    }
}

fn result(detection: Detection, image_id: &Id) -> Result<Waiting> {
    detection.bbox.check()?;
    let bbox = xywh(&detection.bbox, &detection.extra);
    // The category is filled in at the end.
    let mut result = Map::new();
    result.insert("image_id".to_owned(), image_id.into());
    result.insert("category_id".to_owned(), Value::Null);
    result.insert("bbox".to_owned(), json!(bbox));
    result.insert("score".to_owned(), json!(detection.score));
    if let Some(mask) = &detection.mask {
        masks::area(mask)?;
        result.insert("segmentation".to_owned(), compressed(mask));
    }
    Ok(Waiting { label: detection.label, own: detection.extra.get("category_id").cloned(), result })
}
