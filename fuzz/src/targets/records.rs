//! Lines of records: reading every field and every tensor, and writing the records again.

use std::collections::BTreeMap;

use dl_record::{Reader, Record, Tensor, Writer, shown};

use super::Target;
use crate::program::check_records;
use crate::weights::checked;

pub(super) const TARGET: Target = Target {
    name: "records",
    run,
    words: &[
        "id",
        "image",
        "width",
        "height",
        "text",
        "label",
        "objects",
        "proposals",
        "features",
        "predictions",
        "detections",
        "error",
        "box",
        "score",
        "mask",
        "size",
        "counts",
        "difficult",
        "crowd",
        "area",
        "proposal",
        "f32",
        "f16",
        "dtype",
        "shape",
        "base64",
        "values",
        "file",
        "name",
        "tool",
        "message",
        "AACAPw==",
        "data:image/png;base64,",
    ],
    seeds: &[],
    share: 60,
};

fn run(data: &[u8]) {
    let mut written = Vec::new();
    let mut writer = Writer::new(&mut written);
    let mut count = 0;
    for line in Reader::new(data, "<stdin>", "fuzz") {
        let record = line.expect("memory can be read").record;
        let again = read_all(record.clone());
        for record in [&record, &again] {
            writer.write(record).expect("writing to memory never fails");
            count += 1;
        }
    }
    writer.flush().expect("writing to memory never fails");
    check_records(&written);
    assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), count, "a record is not one line");
}

/// Reads every field, and sets those that are valid.
fn read_all(mut record: Record) -> Record {
    macro_rules! fields {
        ($($name:ident $set:ident)+) => {$(
            if let Some(value) = checked(record.$name()).flatten() {
                checked(record.$set(&value));
            }
        )+};
    }
    fields! {
        id set_id image set_image width set_width height set_height text set_text label set_label objects set_objects
        proposals set_proposals predictions set_predictions detections set_detections error set_error
    }
    for object in checked(record.objects()).flatten().unwrap_or_default() {
        checked(object.bbox.check());
    }
    if let Some(features) = checked(record.features()).flatten() {
        let matrices: BTreeMap<String, Tensor> = features
            .iter()
            .filter_map(|(name, tensor)| Some((name.clone(), Tensor::inline(checked(tensor.matrix())?, tensor.dtype))))
            .collect();
        checked(record.set_features(&features));
        checked(record.set_features(&matrices));
    }
    let names: Vec<String> = record.names().map(|name| shown(name).into_owned()).collect();
    for name in names {
        checked(record.get::<serde_json::Value>(&name));
    }
    record.fail("fuzz", "a failure");
    record
}
