//! Two classification tasks for transfer learning: a large one to pretrain on, and a small one whose classes do not
//! occur in the large one.

use std::io::Cursor;
use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use dl_vision::picture::raster::{self, Point};
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, ImageFormat, Luma};
use rayon::prelude::*;
use serde_json::json;

use super::canvas::{Canvas, Color};
use super::dataset::Files;
use super::dice::Dice;
use super::face::{BLACK, BLUE, Face, GREEN, RED, WHITE, YELLOW};
use super::glyph::{Glyph, ROAD, SERVICES};
use super::perspective::Pose;
use super::plate::Plate;
use super::symbol::Symbol;
use super::{camera, clutter, scenery};

/// The classes to distinguish.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    /// Sixty road signs: five kinds of plates with twelve pictograms each
    Roads,
    /// Ten service signs: one kind of plate, ten pictograms; neither is in the other task
    Services,
}

/// Signs that differ only in the pictogram.
struct Series {
    name: &'static str,
    plate: Plate,
    layers: &'static [(f64, Color)],
    ink: Color,
    /// Half the side of the pictogram, and its distance below the center.
    room: (f64, f64),
    glyphs: &'static [Glyph],
}

#[rustfmt::skip]
const ROADS: &[Series] = &[
    Series { name: "prohibited", plate: Plate::Disc, layers: &[(1.0, RED), (0.78, WHITE)], ink: BLACK, room: (0.5, 0.0), glyphs: ROAD },
    Series { name: "mandatory", plate: Plate::Disc, layers: &[(1.0, WHITE), (0.94, BLUE)], ink: WHITE, room: (0.58, 0.0), glyphs: ROAD },
    Series { name: "warning", plate: Plate::TriangleUp, layers: &[(1.0, RED), (0.72, WHITE)], ink: BLACK, room: (0.34, 0.14), glyphs: ROAD },
    Series { name: "works", plate: Plate::Diamond, layers: &[(1.0, BLACK), (0.94, YELLOW)], ink: BLACK, room: (0.46, 0.0), glyphs: ROAD },
    Series { name: "route", plate: Plate::Square, layers: &[(1.0, WHITE), (0.93, GREEN)], ink: WHITE, room: (0.6, 0.0), glyphs: ROAD },
];

const SERVICE: &[Series] = &[Series {
    name: "service",
    plate: Plate::Square,
    layers: &[(1.0, WHITE), (0.95, BLUE), (0.72, WHITE)],
    ink: BLACK,
    room: (0.5, 0.0),
    glyphs: SERVICES,
}];

/// Width and height of an image.
const SIDE: u32 = 64;

impl Task {
    /// The names and faces of the classes.
    fn classes(self) -> Vec<(String, Face)> {
        let series = match self {
            Self::Roads => ROADS,
            Self::Services => SERVICE,
        };
        series.iter().flat_map(Series::classes).collect()
    }

    /// Draws `per_class` images per class, in one folder per class. The same arguments give the same files, bit for
    /// bit.
    pub(crate) fn files(self, split: &str, per_class: u32, seed: u64) -> Result<Files> {
        self.each(split, per_class, seed, |label, name, drawn| Ok((format!("{label}/{name}.jpg"), drawn.photo)))
    }

    /// What `work` makes of the images of all classes, given the class, the image's name and the image.
    fn each<T: Send, C: FromParallelIterator<T> + Send>(
        self,
        split: &str,
        per_class: u32,
        seed: u64,
        work: impl Fn(&str, String, Drawn) -> Result<T> + Sync,
    ) -> Result<C> {
        let classes = self.classes();
        let all = classes.par_iter().flat_map_iter(|class| (1..=per_class).map(move |number| (class, number)));
        all.map(|((label, face), number)| {
            let name = format!("{label}-{number:04}");
            let drawn = draw(face, &mut Dice::new(seed, &format!("{split}/{name}")))?;
            work(label, name, drawn)
        })
        .collect()
    }

    /// The images of [`files`](Self::files) in one folder, each with the outlines of its sign, and the records of these
    /// pairs. `folder` is where they will be.
    pub(crate) fn outlined(self, split: &str, per_class: u32, seed: u64, folder: &Path) -> Result<Files> {
        let drawn: Vec<_> = self.each(split, per_class, seed, |label, name, Drawn { photo, outlines }| {
            let mut outline = Cursor::new(Vec::new());
            drawing(&outlines).write_to(&mut outline, ImageFormat::Png)?;
            Ok((label.to_owned(), name, photo, outline.into_inner()))
        })?;
        let (mut files, mut records) = (Files::new(), String::new());
        for (label, name, photo, outline) in drawn {
            let [image, target] = ["outline.png", "jpg"].map(|ending| format!("{split}/{name}.{ending}"));
            let path = |file: &str| folder.join(file).display().to_string();
            let record = json!({"id": name, "image": path(&image), "target": path(&target), "label": label});
            records.push_str(&format!("{record}\n"));
            files.insert(image, outline);
            files.insert(target, photo);
        }
        files.insert(format!("{split}.jsonl"), records.into_bytes());
        Ok(files)
    }
}

impl Series {
    fn classes(&self) -> impl Iterator<Item = (String, Face)> {
        let (size, below) = self.room;
        let ground = self.layers[self.layers.len() - 1].1;
        self.glyphs.iter().map(move |glyph| {
            let symbol = Symbol::Glyph { glyph, size, below, ground };
            let face = Face { plate: self.plate, layers: self.layers, symbol, ink: self.ink };
            (format!("{}-{}", self.name, glyph.name), face)
        })
    }
}

/// One sign that fills most of a small image.
struct Drawn {
    /// As JPEG.
    photo: Vec<u8>,
    /// Of the sign, in the image.
    outlines: Vec<Vec<Point>>,
}

fn draw(face: &Face, dice: &mut Dice) -> Result<Drawn> {
    let mut canvas = Canvas::new(SIDE, SIDE);
    let horizon = scenery::paint(&mut canvas, dice);
    clutter::paint(&mut canvas, dice, horizon);
    let (radius, middle) = (dice.between(19.0, 29.0), 0.5 * f64::from(SIDE));
    let center = [middle, middle].map(|at| at + dice.between(-5.0, 5.0));
    if dice.chance(0.75) {
        clutter::pole(&mut canvas, dice, [center[0], center[1] - 0.6 * radius], 100.0, (0.07 * radius).max(0.9));
    }
    let pose = Pose::draw(dice, center, radius);
    face.draw(&mut canvas, &pose, dice);
    if dice.chance(0.2) {
        clutter::occlude(&mut canvas, dice, center, radius);
    }
    let mut photo = Vec::new();
    let quality = dice.whole(72, 92) as u8;
    JpegEncoder::new_with_quality(&mut photo, quality).encode_image(&camera::take(&canvas, dice))?;
    Ok(Drawn { photo, outlines: face.outlines(&pose, dice) })
}

/// Closed lines, white on black.
fn drawing(outlines: &[Vec<Point>]) -> GrayImage {
    let mut image = GrayImage::new(SIDE, SIDE);
    for outline in outlines {
        let closed: Vec<Point> = outline.iter().chain(&outline[..1]).copied().collect();
        raster::stroke(&closed, 1.2, (SIDE, SIDE), |x, y, coverage| {
            let Luma([pixel]) = image.get_pixel_mut(x, y);
            *pixel = (*pixel).max((255.0 * coverage).round() as u8);
        });
    }
    image
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use candle_core::{Device, Tensor};
    use dl_models::{Model, Preprocessing};
    use dl_transfer::linear::{LogisticConfig, logistic};
    use dl_vision::picture::warp::resample;

    use super::*;

    #[test]
    fn the_two_tasks_share_no_pictogram() {
        let names = |glyphs: &[Glyph]| glyphs.iter().map(|glyph| glyph.name).collect::<BTreeSet<_>>();
        assert!(names(ROAD).is_disjoint(&names(SERVICES)));
        let classes = |task: Task| task.classes().into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
        assert_eq!((classes(Task::Roads).len(), classes(Task::Services).len()), (60, 10));
    }

    #[test]
    fn an_image_depends_on_task_split_class_number_and_seed() {
        let files = |split, count, seed| Task::Services.files(split, count, seed).unwrap();
        let (two, three) = (files("train", 2, 1), files("train", 3, 1));
        assert_eq!((two.len(), three.len()), (20, 30));
        assert!(two.iter().all(|(name, photo)| three[name] == *photo));
        let different: BTreeSet<&Vec<u8>> = three.values().collect();
        assert_eq!(different.len(), 30);
        let (name, photo) = two.first_key_value().unwrap();
        assert!(files("test", 1, 1)[name] != *photo && files("train", 1, 2)[name] != *photo);
    }

    /// Features of the shipped backbone for `per_class` images per class of a task: one row per image, and the classes.
    fn seen(task: Task, split: &str, per_class: u32, model: &Model, layer: &str) -> (Vec<f32>, Vec<u32>) {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let preprocessing = &model.config.preprocessing;
        let classes: Vec<String> = task.classes().into_iter().map(|(name, _)| name).collect();
        for (name, jpeg) in task.files(split, per_class, 2).unwrap() {
            let photo = image::load_from_memory(&jpeg).unwrap().to_rgb8();
            let (source, size) = preprocessing.whole_image(SIDE, SIDE, preprocessing.resize);
            let mut input = vec![0.0; 3 * size[0] * size[1]];
            let Preprocessing { interpolation, .. } = *preprocessing;
            resample(&photo, &source, size, interpolation, &preprocessing.normalization(), &mut input);
            inputs.extend(input);
            let class = classes.iter().position(|class| name.starts_with(&format!("{class}/"))).unwrap();
            targets.push(class as u32);
        }
        let [height, width] = preprocessing.size;
        let inputs = Tensor::from_vec(inputs, (targets.len(), 3, height, width), &Device::Cpu).unwrap();
        let features = model.features(&inputs, &[layer.parse().unwrap()]).unwrap().remove(0);
        (features.flatten_all().unwrap().to_vec1().unwrap(), targets)
    }

    #[test]
    fn the_shipped_backbone_recognizes_road_signs_and_transfers_to_service_signs() {
        let path = crate::root().join("testdata/models/roads.safetensors");
        let model = Model::open(&path, None, &Device::Cpu).unwrap();
        let (logits, targets) = seen(Task::Roads, "other", 2, &model, "logits");
        let roads: Vec<String> = Task::Roads.classes().into_iter().map(|(name, _)| name).collect();
        let labels = model.config.label_names(&path).unwrap().unwrap();
        let best = |row: &[f32]| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        let rows = logits.chunks_exact(60).zip(&targets);
        let right = rows.filter(|(row, target)| labels[best(row)] == roads[**target as usize]).count();
        assert!(right >= 114, "{right} of 120 signs of the roads");

        // Five images of each service sign suffice for a head that recognizes most of the others.
        let (features, targets) = seen(Task::Services, "train", 5, &model, "pooled");
        let columns = features.len() / targets.len();
        let found = logistic(&features, columns, &targets, 10, &LogisticConfig::default()).unwrap();
        let (features, targets) = seen(Task::Services, "test", 10, &model, "pooled");
        let score = |row: &[f32], class: usize| {
            let weight = &found.weight[class * columns..][..columns];
            row.iter().zip(weight).map(|(x, w)| f64::from(*x) * w).sum::<f64>() + found.bias[class]
        };
        let named = |row: &[f32]| (0..10).max_by(|a, b| score(row, *a).total_cmp(&score(row, *b))).unwrap();
        let right =
            features.chunks_exact(columns).zip(&targets).filter(|(row, target)| named(row) == **target as usize);
        let right = right.count();
        assert!(right >= 70, "{right} of 100 signs of services");
    }
}
