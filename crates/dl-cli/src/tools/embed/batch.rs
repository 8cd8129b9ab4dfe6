//! Many regions, of one picture or of several, through the network at once.

use std::collections::HashMap;

use anyhow::{Result, anyhow};
use candle_core::{Device, Tensor};
use dl_models::{LayerName, Model, Preprocessing, Resize, plain};
use dl_record::{BBox, Matrix};
use dl_vision::picture::warp::resample;
use image::RgbImage;
use rayon::prelude::*;

use crate::common::one_line;

/// An image of more bytes fills a batch, so that few of them are in memory at a time.
const LARGE: usize = 100_000_000;

/// A record's part of the work.
pub(in crate::tools) enum Prepared {
    /// Rectangles of a picture.
    Regions { picture: RgbImage, sources: Vec<BBox> },
    /// A whole picture, already the network's input [3, height, width].
    Whole { input: Vec<f32>, size: [usize; 2] },
}

impl Prepared {
    /// A whole picture, brought to the network's input.
    pub(in crate::tools) fn whole(picture: &RgbImage, preprocessing: &Preprocessing, resize: Resize) -> Self {
        let (source, size) = preprocessing.whole_picture(picture.width(), picture.height(), resize);
        let mut input = vec![0.0; 3 * size[0] * size[1]];
        resample(picture, &source, size, preprocessing.interpolation, &preprocessing.normalization(), &mut input);
        Self::Whole { input, size }
    }

    /// How many of a batch's places it takes. A picture in memory is heavy, however few its regions.
    pub(in crate::tools) fn weight(&self, batch: usize) -> usize {
        match self {
            Self::Regions { picture, .. } if picture.as_raw().len() > LARGE => batch,
            Self::Regions { sources, .. } => sources.len().max(batch.div_ceil(8)),
            Self::Whole { .. } => 1,
        }
    }

    /// One entry for each row of the record's features.
    fn units(&self, size: [usize; 2]) -> Vec<Unit<'_>> {
        match self {
            Self::Regions { picture, sources } => {
                sources.iter().map(|source| Unit { size, input: Input::Region(picture, source) }).collect()
            }
            Self::Whole { input, size } => vec![Unit { size: *size, input: Input::Ready(input) }],
        }
    }
}

/// One row to be.
struct Unit<'a> {
    size: [usize; 2],
    input: Input<'a>,
}

enum Input<'a> {
    Region(&'a RgbImage, &'a BBox),
    Ready(&'a [f32]),
}

/// The network, and what is asked of it.
pub(in crate::tools) struct Rows<'a> {
    model: &'a Model,
    layers: &'a [LayerName],
    device: Device,
    batch: usize,
    /// Columns of each layer for the network's own input size, once known.
    columns: Option<Vec<usize>>,
}

impl<'a> Rows<'a> {
    pub(in crate::tools) fn new(model: &'a Model, layers: &'a [LayerName], device: Device, batch: usize) -> Self {
        Self { model, layers, device, batch, columns: None }
    }

    /// Does a plan on the CPU take the pictures as it likes?
    fn plans(&self) -> bool {
        self.device.is_cpu() && self.model.backbone.plans()
    }

    /// The features of each record: one matrix a layer, or why there are none.
    pub(in crate::tools) fn of(&mut self, records: &[Prepared]) -> Vec<Result<Vec<Matrix>>> {
        let size = self.model.config.preprocessing.size;
        let units: Vec<(usize, Unit)> = records
            .iter()
            .enumerate()
            .flat_map(|(record, prepared)| prepared.units(size).into_iter().map(move |unit| (record, unit)))
            .collect();
        let mut found: Vec<Result<Vec<Matrix>>> = records.iter().map(|_| Ok(Vec::new())).collect();
        // A plan takes as many as are good for it.
        let most = if self.plans() { usize::MAX } else { self.batch };
        for same_size in units.chunk_by(|(_, a), (_, b)| a.size == b.size) {
            for units in same_size.chunks(most) {
                match self.run(units) {
                    Ok(rows) => hand_out(rows, units, &mut found),
                    Err(error) => {
                        units.iter().for_each(|(record, _)| found[*record] = Err(anyhow!(one_line(&error))));
                    }
                }
            }
        }
        found.into_iter().map(|matrices| self.complete(matrices?)).collect()
    }

    /// A record without a single region still has matrices, of no rows.
    fn complete(&mut self, matrices: Vec<Matrix>) -> Result<Vec<Matrix>> {
        if !matrices.is_empty() {
            return Ok(matrices);
        }
        if self.columns.is_none() {
            let size = self.model.config.preprocessing.size;
            let blank = vec![0.0; 3 * size[0] * size[1]];
            let rows = self.run(&[(0, Unit { size, input: Input::Ready(&blank) })])?;
            self.columns = Some(rows.iter().map(|matrix| matrix.columns).collect());
        }
        let columns = self.columns.iter().flatten();
        Ok(columns.map(|columns| Matrix { rows: 0, columns: *columns, data: Vec::new() }).collect())
    }

    /// The rows of units of one size, one matrix a layer.
    fn run(&self, units: &[(usize, Unit)]) -> Result<Vec<Matrix>> {
        let [height, width] = units[0].1.size;
        let preprocessing = &self.model.config.preprocessing;
        let (interpolation, normalization) = (preprocessing.interpolation, preprocessing.normalization());
        let make = |index: usize, input: &mut [f32]| match units[index].1.input {
            Input::Region(picture, source) => {
                resample(picture, source, [height, width], interpolation, &normalization, input);
            }
            Input::Ready(ready) => input.copy_from_slice(ready),
        };
        if self.plans() {
            return self.model.features_of([units.len(), self.batch], [3, height, width], self.layers, make);
        }
        let mut input = vec![0.0; units.len() * 3 * height * width];
        let inputs = input.par_chunks_exact_mut(3 * height * width).enumerate();
        inputs.for_each(|(index, input)| make(index, input));
        let input = Tensor::from_vec(input, (units.len(), 3, height, width), &self.device).map_err(plain)?;
        let features = self.model.features(&input, self.layers)?;
        features.iter().map(|features| matrix(features).map_err(plain)).collect()
    }
}

/// Maps [n, c, h, w] are flattened, row by row.
fn matrix(features: &Tensor) -> candle_core::Result<Matrix> {
    let rows = features.flatten_from(1)?;
    let (rows, columns, data) = (rows.dim(0)?, rows.dim(1)?, rows.flatten_all()?.to_vec1()?);
    Ok(Matrix { rows, columns, data })
}

/// Appends the rows of `units`, one matrix a layer, to the matrices of their records. A record that failed stays failed.
fn hand_out(rows: Vec<Matrix>, units: &[(usize, Unit)], found: &mut [Result<Vec<Matrix>>]) {
    // All of one record: nothing is copied.
    if let [(first, _), .., (last, _)] = units
        && first == last
        && let Ok(target) = &mut found[*first]
        && target.is_empty()
    {
        *target = rows;
        return;
    }
    let mut at = 0;
    // The rows of one record stand together.
    for of_record in units.chunk_by(|(a, _), (b, _)| a == b) {
        if let Ok(target) = &mut found[of_record[0].0] {
            append(&rows, at, of_record.len(), target);
        }
        at += of_record.len();
    }
}

/// Appends rows `first..first + count` of each layer's `rows` to the record's matrices.
fn append(rows: &[Matrix], first: usize, count: usize, target: &mut Vec<Matrix>) {
    if target.is_empty() {
        target.extend(rows.iter().map(|rows| Matrix { rows: 0, columns: rows.columns, data: Vec::new() }));
    }
    for (rows, target) in rows.iter().zip(target) {
        target.data.extend_from_slice(&rows.data[first * rows.columns..(first + count) * rows.columns]);
        target.rows += count;
    }
}

/// Names for the files of records, each given once.
#[derive(Default)]
pub(super) struct FileNames {
    given: HashMap<String, usize>,
}

impl FileNames {
    /// A file name for the record `id`: its readable characters, and a hash so that other ids have other files. Of several
    /// records of one id, which should not be, each gets a file too.
    pub(super) fn name(&mut self, id: &str) -> String {
        let name = file_name(id);
        let given = self.given.entry(name.clone()).or_default();
        *given += 1;
        if *given == 1 { name } else { format!("{name}-{given}") }
    }
}

fn file_name(id: &str) -> String {
    let hash = dl_record::Fnv1a::of(id.bytes());
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    // The end of a path tells more than its beginning.
    let readable: Vec<char> = id.chars().rev().take(60).map(safe).collect();
    format!("{}-{hash:016x}", readable.into_iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_differ_where_ids_do() {
        assert!(file_name("../../etc/passwd").starts_with("______etc_passwd-"));
        assert_ne!(file_name("a/b"), file_name("a_b"));
        assert!(file_name(&"x".repeat(10_000)).len() < 90);
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut names = FileNames::default();
        let first = names.name("a");
        assert_eq!([names.name("a"), names.name("b")], [format!("{first}-2"), file_name("b")]);
    }
}
