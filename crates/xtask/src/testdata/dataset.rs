//! The files of a split, as VOC and as COCO.
//!
//! They are not written with the writers of `dl-vision`, so that its readers are tested on files from another source.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::photo::{self, Photo};
use super::signs::SIGNS;

/// File contents by path relative to the dataset folder.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Draws `images` images of `split`. The same arguments give the same files, bit for bit.
pub(crate) fn files(split: &str, images: u32, seed: u64) -> Result<Files> {
    let names: Vec<String> = (1..=images).map(|number| format!("{split}-{number:04}")).collect();
    let photos = names.par_iter().map(|name| photo::draw(seed, name)).collect::<Result<Vec<Photo>>>()?;
    let mut files = Files::new();
    files.insert(format!("instances_{split}.json"), coco(&names, &photos).into_bytes());
    files.insert(
        format!("ImageSets/Main/{split}.txt"),
        names.iter().map(|name| format!("{name}\n")).collect::<String>().into(),
    );
    for (name, photo) in names.iter().zip(photos) {
        files.insert(format!("Annotations/{name}.xml"), voc(name, &photo).into_bytes());
        files.insert(format!("JPEGImages/{name}.jpg"), photo.jpeg);
    }
    Ok(files)
}

/// A VOC annotation: 1-based pixels, both ends inclusive.
fn voc(name: &str, photo: &Photo) -> String {
    let Photo { width, height, .. } = photo;
    let mut text = format!(
        "<annotation>\n\t<folder>signs</folder>\n\t<filename>{name}.jpg</filename>\n\
         \t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>\n\
         \t<segmented>0</segmented>\n"
    );
    for sign in &photo.signs {
        let (label, bbox) = (SIGNS[sign.class].name, sign.bbox);
        let [truncated, occluded] = [sign.truncated, sign.occluded].map(u8::from);
        let [xmin, ymin] = [bbox.x1 + 1.0, bbox.y1 + 1.0];
        let [xmax, ymax] = [bbox.x2, bbox.y2];
        write!(
            text,
            "\t<object>\n\t\t<name>{label}</name>\n\t\t<truncated>{truncated}</truncated>\n\
             \t\t<occluded>{occluded}</occluded>\n\t\t<difficult>0</difficult>\n\
             \t\t<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>\n\
             \t</object>\n"
        )
        .expect("writing to a string never fails");
    }
    text.push_str("</annotation>\n");
    text
}

/// The COCO file of a split, with one image or object per line.
fn coco(names: &[String], photos: &[Photo]) -> String {
    let mut images = Vec::new();
    let mut annotations = Vec::new();
    for (image_id, (name, photo)) in (1..).zip(names.iter().zip(photos)) {
        let (width, height) = (photo.width, photo.height);
        images.push(json!({"id": image_id, "file_name": format!("{name}.jpg"), "width": width, "height": height}));
        for sign in &photo.signs {
            let [x, y, w, h] = [sign.bbox.x1, sign.bbox.y1, sign.bbox.width(), sign.bbox.height()].map(|v| v as u32);
            annotations.push(json!({
                "id": annotations.len() + 1, "image_id": image_id, "category_id": sign.class + 1,
                "bbox": [x, y, w, h], "area": sign.area, "iscrowd": 0,
                "segmentation": {"size": sign.mask.size, "counts": sign.mask.counts},
            }));
        }
    }
    let categories: Vec<Value> =
        (1..).zip(SIGNS).map(|(id, sign)| json!({"id": id, "name": sign.name, "supercategory": "sign"})).collect();
    let info = json!({"description": "Drawn by `cargo xtask testdata`; dedicated to the public domain (CC0)"});
    let sections = [("images", images), ("annotations", annotations), ("categories", categories)];
    let mut text = format!("{{\n\"info\": {info}");
    for (name, rows) in sections {
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        write!(text, ",\n\"{name}\": [\n{}\n]", rows.join(",\n")).expect("writing to a string never fails");
    }
    text.push_str("\n}\n");
    text
}
