//! The detections of a record, also those that dl-classify made of its regions.

use anyhow::{Context, Result};
use dl_models::heads::rcnn::BACKGROUND;
use dl_record::{BBox, Detection, Mask, Record, region_predictions};
use serde_json::{Map, Value};

/// The record's detections, each with the label of its best prediction if dl-classify gave it some. Without detections,
/// the classified objects or proposals, except for background.
/// # Errors
/// When a field has the wrong form.
pub(super) fn detections(record: &Record) -> Result<Option<Vec<Detection>>> {
    if let Some(mut detections) = record.detections()? {
        for (index, detection) in detections.iter_mut().enumerate() {
            let best = best(&detection.extra).with_context(|| format!("detections[{index}]"))?;
            if let Some((label, score)) = best {
                (detection.label, detection.score) = (label, score);
            }
        }
        return Ok(Some(detections));
    }
    let objects = record.objects()?.unwrap_or_default();
    let objects = objects.into_iter().map(|object| (object.bbox, object.mask, object.extra));
    let found = classified("objects", objects)?;
    if found.is_some() {
        return Ok(found);
    }
    let proposals = record.proposals()?.unwrap_or_default();
    classified("proposals", proposals.into_iter().map(|proposal| (proposal.bbox, None, proposal.extra)))
}

fn classified(
    field: &str,
    regions: impl Iterator<Item = (BBox, Option<Mask>, Map<String, Value>)>,
) -> Result<Option<Vec<Detection>>> {
    let mut found = None;
    for (index, (bbox, mask, extra)) in regions.enumerate() {
        let Some((label, score)) = best(&extra).with_context(|| format!("{field}[{index}]"))? else { continue };
        let found: &mut Vec<Detection> = found.get_or_insert_default();
        if label != BACKGROUND {
            found.push(Detection { bbox, label, score, mask, proposal: None, extra: Map::new() });
        }
    }
    Ok(found)
}

/// The best prediction of a region.
fn best(extra: &Map<String, Value>) -> Result<Option<(String, f64)>> {
    let best = region_predictions(extra)?.and_then(|all| all.into_iter().next());
    Ok(best.map(|best| (best.label, best.score)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classified_objects_are_detections_unless_there_are_others() {
        let best = r#""predictions":[{"label":"cat","score":0.75},{"label":"dog","score":0.25}]"#;
        let objects =
            format!(r#""objects":[{{"box":[0,0,2,2],"label":"dog",{best}}},{{"box":[0,0,1,1],"label":"cat"}}]"#);
        let found = |fields: &str| detections(&Record::parse(&format!("{{{fields}}}")).unwrap()).unwrap();
        let of_objects = found(&objects).unwrap();
        assert_eq!((of_objects.len(), of_objects[0].label.as_str(), of_objects[0].score), (1, "cat", 0.75));
        assert_eq!(found(&format!(r#"{objects},"detections":[]"#)).unwrap().len(), 0);
        let own = found(&format!(r#""detections":[{{"box":[0,0,2,2],"label":"dog","score":0.5,{best}}}]"#)).unwrap();
        assert_eq!((own[0].label.as_str(), own[0].score), ("cat", 0.75));
        assert!(found(r#""objects":[{"box":[0,0,2,2],"label":"dog"}]"#).is_none());
        let background =
            r#""proposals":[{"box":[0,0,2,2],"score":1,"predictions":[{"label":"background","score":1}]}]"#;
        assert_eq!(found(background).unwrap().len(), 0);
    }
}
