//! Features of many regions, of one image or several, computed together.

use anyhow::{Result, anyhow};
use candle_core::{Device, Tensor};
use dl_models::{LayerName, Model, Preprocessing, Resize, plain};
use dl_record::{BBox, Matrix};
use dl_vision::picture::Loaded;
use dl_vision::picture::warp::context_box;
use image::RgbImage;
use rayon::prelude::*;

use super::{RegionWarp, one_line};

/// An image of more bytes fills a batch, so that few of them are in memory at once.
const LARGE: usize = 100_000_000;

/// A record's input for a network.
pub(crate) enum Prepared {
    /// Rectangles of an image.
    Regions { image: RgbImage, sources: Vec<BBox> },
    /// A whole image, already the network's input [3, height, width].
    Whole { input: Vec<f32>, size: [usize; 2] },
}

impl Prepared {
    /// A whole image, resized and normalized.
    pub(crate) fn whole(image: &RgbImage, preprocessing: &Preprocessing, resize: Resize) -> Self {
        let (source, size) = preprocessing.whole_image(image.width(), image.height(), resize);
        Self::Whole { input: preprocessing.input(image, &source, size), size }
    }

    /// Regions of an image, warped as the network was trained.
    pub(crate) fn regions(image: Loaded, boxes: &[BBox], preprocessing: &Preprocessing, warp: RegionWarp) -> Self {
        let source = |region: &BBox| context_box(region, warp.rule, warp.pad, preprocessing.size);
        Self::Regions { image: image.into_image(), sources: boxes.iter().map(source).collect() }
    }

    /// How much of a batch it fills. An image takes memory even if its regions are few.
    pub(crate) fn weight(&self, batch: usize) -> usize {
        match self {
            Self::Regions { image, .. } if image.as_raw().len() > LARGE => batch,
            Self::Regions { sources, .. } => sources.len().max(batch.div_ceil(8)),
            Self::Whole { .. } => 1,
        }
    }

    /// One unit for each row of the record's features.
    fn units(&self, size: [usize; 2]) -> Vec<Unit<'_>> {
        match self {
            Self::Regions { image, sources } => {
                sources.iter().map(|source| Unit { size, input: Input::Region(image, source) }).collect()
            }
            Self::Whole { input, size } => vec![Unit { size: *size, input: Input::Ready(input) }],
        }
    }
}

/// The input of one row.
struct Unit<'a> {
    size: [usize; 2],
    input: Input<'a>,
}

enum Input<'a> {
    Region(&'a RgbImage, &'a BBox),
    Ready(&'a [f32]),
}

/// Computes features of regions and whole images.
pub(crate) struct FeatureExtractor<'a> {
    model: &'a Model,
    layers: &'a [LayerName],
    device: Device,
    batch: usize,
    /// Columns of each layer for the network's own input size, once known.
    columns: Option<Vec<usize>>,
}

impl<'a> FeatureExtractor<'a> {
    pub(crate) fn new(model: &'a Model, layers: &'a [LayerName], device: Device, batch: usize) -> Self {
        Self { model, layers, device, batch, columns: None }
    }

    /// Whether a plan on the CPU splits the images into batches itself.
    fn plans(&self) -> bool {
        self.device.is_cpu() && self.model.backbone.plans()
    }

    /// The features of each record: one matrix per layer, or the error.
    pub(crate) fn of(&mut self, records: &[Prepared]) -> Vec<Result<Vec<Matrix>>> {
        let size = self.model.config.preprocessing.size;
        let units: Vec<(usize, Unit)> = records
            .iter()
            .enumerate()
            .flat_map(|(record, prepared)| prepared.units(size).into_iter().map(move |unit| (record, unit)))
            .collect();
        let mut found: Vec<Result<Vec<Matrix>>> = records.iter().map(|_| Ok(Vec::new())).collect();
        // A plan chooses its own batches.
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

    /// Adds matrices without rows to a record without regions.
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

    /// The rows of units of one size, one matrix per layer.
    fn run(&self, units: &[(usize, Unit)]) -> Result<Vec<Matrix>> {
        let [height, width] = units[0].1.size;
        let preprocessing = &self.model.config.preprocessing;
        let make = |index: usize, input: &mut [f32]| match units[index].1.input {
            Input::Region(image, source) => preprocessing.fill(image, source, [height, width], input),
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

/// Features as rows; maps [n, c, h, w] are flattened.
fn matrix(features: &Tensor) -> candle_core::Result<Matrix> {
    let rows = features.flatten_from(1)?;
    let (rows, columns, data) = (rows.dim(0)?, rows.dim(1)?, rows.flatten_all()?.to_vec1()?);
    Ok(Matrix { rows, columns, data })
}

/// Appends the rows of `units`, one matrix per layer, to the matrices of their records. A failed record stays failed.
fn hand_out(rows: Vec<Matrix>, units: &[(usize, Unit)], found: &mut [Result<Vec<Matrix>>]) {
    // All rows belong to one record: no copy.
    if let [(first, _), .., (last, _)] = units
        && first == last
        && let Ok(target) = &mut found[*first]
        && target.is_empty()
    {
        *target = rows;
        return;
    }
    let mut at = 0;
    // The rows of a record are adjacent.
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
