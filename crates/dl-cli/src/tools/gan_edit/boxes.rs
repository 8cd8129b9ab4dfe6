//! What a record says of places in its image, for an image that was enlarged.

use anyhow::{Result, bail};
use dl_record::{BBox, Record};

/// Multiplies the boxes and areas of a record, and refuses masks, which would have to be drawn anew.
/// # Errors
/// When a field is broken, or a region has a mask.
pub(super) fn scale_boxes(record: &mut Record, scale: usize) -> Result<()> {
    let factor = scale as f64;
    let scaled = |bbox: &mut BBox| {
        *bbox = BBox::new(bbox.x1 * factor, bbox.y1 * factor, bbox.x2 * factor, bbox.y2 * factor);
    };
    let no_mask = |field: &str, mask: bool| match mask {
        true => bail!("\"{field}\" has masks, which are not enlarged; remove them first"),
        false => Ok(()),
    };
    if let Some(mut objects) = record.objects()? {
        for object in &mut objects {
            no_mask("objects", object.mask.is_some())?;
            scaled(&mut object.bbox);
            object.area = object.area.map(|area| area * factor * factor);
        }
        record.set_objects(&objects)?;
    }
    if let Some(mut proposals) = record.proposals()? {
        proposals.iter_mut().for_each(|proposal| scaled(&mut proposal.bbox));
        record.set_proposals(&proposals)?;
    }
    if let Some(mut detections) = record.detections()? {
        for detection in &mut detections {
            no_mask("detections", detection.mask.is_some())?;
            scaled(&mut detection.bbox);
        }
        record.set_detections(&detections)?;
    }
    Ok(())
}
