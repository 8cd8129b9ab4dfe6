//! From detections to COCO's result list: `[{"image_id", "category_id", "bbox", "score", "segmentation"?}]`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};

use anyhow::{Context, Result, anyhow, bail};
use dl_record::{Detection, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::write::Categories;
use super::{DATASET, Ids, compressed};
use crate::formats::number::shortest;

/// The detections of a picture, which wait until the categories of all are known.
#[derive(Serialize, Deserialize)]
struct Waiting {
    image_id: Value,
    detections: Vec<Detection>,
}

/// Collects detections and writes them as one result list.
pub struct ResultsWriter {
    ids: Ids,
    categories: Categories,
    labels: BTreeSet<String>,
    waiting: BufWriter<File>,
}

impl ResultsWriter {
    /// Begins a list. Ids come from `truth`, or else from what the records have kept of a COCO file.
    /// # Errors
    /// When a temporary file cannot be made.
    pub fn new(truth: Option<Ids>) -> Result<Self> {
        let ids = truth.unwrap_or_default();
        let mut categories = Categories::default();
        categories.learn_dataset(&ids.dataset)?;
        let waiting = BufWriter::new(tempfile::tempfile().context("a temporary file cannot be made")?);
        Ok(Self { ids, categories, labels: BTreeSet::new(), waiting })
    }

    /// Takes the detections of one sample.
    /// # Errors
    /// When its fields are broken, it has no detections, or COCO's id of its picture is unknown.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let detections: Vec<Detection> = record.require("detections", "run dl-detect before")?;
        let image_id = self.ids.image(record)?.ok_or_else(|| {
            anyhow!("COCO's id of this picture is unknown; name the file that has it with --truth ANN.json")
        })?;
        if let Some(dataset) = record.get::<Record>(DATASET)? {
            self.categories.learn_dataset(&dataset)?;
        }
        for object in record.objects()?.unwrap_or_default() {
            self.categories.learn(object.label, object.extra.get("category_id"));
        }
        self.labels.extend(detections.iter().map(|detection| detection.label.clone()));
        serde_json::to_writer(&mut self.waiting, &Waiting { image_id, detections })?;
        Ok(self.waiting.write_all(b"\n")?)
    }

    /// Writes the list to `output`.
    /// # Errors
    /// When a label has no category id, or the output cannot be written.
    pub fn finish(self, output: &mut dyn Write) -> Result<()> {
        if let Some(unknown) = self.labels.iter().find(|label| self.categories.get(label).is_none()) {
            bail!("COCO's category id of \"{unknown}\" is unknown; name the file that has it with --truth ANN.json");
        }
        let mut file = self.waiting.into_inner().context("a temporary file cannot be written")?;
        file.rewind()?;
        let mut separator = "\n";
        output.write_all(b"[")?;
        for line in BufReader::new(file).lines() {
            let Waiting { image_id, detections } = serde_json::from_str(&line?)?;
            for detection in detections {
                let category = self.categories.get(&detection.label);
                output.write_all(separator.as_bytes())?;
                serde_json::to_writer(&mut *output, &entry(&image_id, category, &detection))?;
                separator = ",\n";
            }
        }
        Ok(output.write_all(b"\n]\n")?)
    }
}

fn entry(image_id: &Value, category_id: Option<&Value>, detection: &Detection) -> Value {
    let bbox = detection.bbox;
    // xyxy -> xywh
    let width = shortest(bbox.width(), |width| bbox.x1 + width == bbox.x2);
    let height = shortest(bbox.height(), |height| bbox.y1 + height == bbox.y2);
    let bbox = [bbox.x1, bbox.y1, width, height];
    let mut entry = json!({"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": detection.score});
    if let Some(mask) = &detection.mask {
        entry["segmentation"] = compressed(mask);
    }
    entry
}
