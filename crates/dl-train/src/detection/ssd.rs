//! The training objective of SSD (Liu et al. 2016, section 2.2): default boxes are matched to objects, classes are
//! trained on the matched boxes and on the worst classified of the others, box codes on the matched ones.

use anyhow::{Context, Result, ensure};
use candle_core::Tensor;
use dl_models::plain;
use dl_record::BBox;
use dl_vision::boxes::{BoxCoder, Match, Matcher, iou};

use super::losses::smooth_l1;

/// How default boxes are matched to objects. In both, a box with an IoU of at least 0.5 with some object is matched to
/// the one that it overlaps most; the rules differ in how each object gets a box, however little they overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// Each object gets the box that overlaps it most; of several objects with the same box, the last one does.
    Torchvision,
    /// The pair of a box and an object that overlap most is matched, then the best pair of the others, and so on, so that
    /// no object loses its box to another one. An object that overlaps no box gets none.
    Caffe,
}

const FOREGROUND: f64 = 0.5;
/// Caffe ignores smaller overlaps.
const LEAST_OVERLAP: f64 = 1e-6;
/// Negatives per positive.
pub const NEGATIVES: usize = 3;

impl Matching {
    /// The object of each default box; `None`: background.
    pub fn assign(self, default_boxes: &[BBox], objects: &[BBox]) -> Vec<Option<usize>> {
        let matcher = Matcher { foreground: FOREGROUND, background: FOREGROUND, keep_best: false };
        let matches = matcher.assign(default_boxes, objects).into_iter();
        let mut matches: Vec<Option<usize>> =
            matches.map(|found| if let Match::Object(object) = found { Some(object) } else { None }).collect();
        match self {
            Self::Torchvision => {
                for (object, bbox) in objects.iter().enumerate() {
                    if let Some((best, _)) = best_of(default_boxes.iter().map(|default| iou(default, bbox))) {
                        matches[best] = Some(object);
                    }
                }
            }
            Self::Caffe => {
                best_pairs(default_boxes, objects).for_each(|(default, object)| matches[default] = Some(object))
            }
        }
        matches
    }
}

/// The position and value of the largest number, the first one of equals.
fn best_of(numbers: impl Iterator<Item = f64>) -> Option<(usize, f64)> {
    numbers.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Pairs of a default box and an object, each of which is in one pair at most, best overlap first.
fn best_pairs(default_boxes: &[BBox], objects: &[BBox]) -> impl Iterator<Item = (usize, usize)> {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (index, default) in default_boxes.iter().enumerate() {
        let overlaps = objects.iter().enumerate().map(|(object, bbox)| (iou(default, bbox), index, object));
        pairs.extend(overlaps.filter(|(overlap, ..)| *overlap > LEAST_OVERLAP));
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut free_boxes, mut free_objects) = (vec![true; default_boxes.len()], vec![true; objects.len()]);
    pairs.into_iter().filter_map(move |(_, default, object)| {
        let free = free_boxes[default] && free_objects[object];
        free.then(|| {
            (free_boxes[default], free_objects[object]) = (false, false);
            (default, object)
        })
    })
}

/// What the default boxes of an image should predict.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// The class of each default box; 0: background.
    pub classes: Vec<u32>,
    /// The box code of each matched default box, with its index.
    pub codes: Vec<(usize, [f64; 4])>,
}

impl Targets {
    /// The targets for `objects` of these `classes`, from 1 on. Objects must have a width and a height above 0.
    pub fn new(
        matches: &[Option<usize>],
        default_boxes: &[BBox],
        objects: &[BBox],
        classes: &[u32],
        coder: &BoxCoder,
    ) -> Self {
        let class = |object: &Option<usize>| object.map_or(0, |object| classes[object]);
        let matched = matches.iter().zip(default_boxes).enumerate();
        let codes = matched.filter_map(|(index, (object, default))| {
            object.map(|object| (index, coder.encode(default, &objects[object])))
        });
        Self { classes: matches.iter().map(class).collect(), codes: codes.collect() }
    }
}

/// The two parts of the loss, over the number of matched boxes of the batch (at least 1).
pub struct SsdLoss {
    /// Smooth L1 of the codes of matched boxes.
    pub boxes: Tensor,
    /// Cross-entropy of matched boxes and of the hardest negatives.
    pub classes: Tensor,
}

/// The loss for logits [n, default boxes, classes] and codes [n, default boxes, 4] f32 of n images.
/// # Errors
/// When shapes and targets differ.
pub fn ssd_loss(logits: &Tensor, codes: &Tensor, targets: &[Targets]) -> Result<SsdLoss> {
    let (images, count, classes) = logits.dims3().map_err(plain)?;
    ensure!(
        codes.dims() == [images, count, 4] && targets.len() == images,
        "logits {:?}, codes {:?} and {} targets differ",
        logits.dims(),
        codes.dims(),
        targets.len()
    );
    let fits = |target: &Targets| {
        target.classes.len() == count && target.classes.iter().all(|class| (*class as usize) < classes)
    };
    ensure!(targets.iter().all(fits), "the targets are not classes below {classes} for {count} default boxes");
    let flat = logits.reshape((images * count, classes)).map_err(plain)?;
    let scores: Vec<f32> = flat.detach().flatten_all().and_then(|scores| scores.to_vec1()).map_err(plain)?;

    let (mut rows, mut wanted) = (Vec::new(), Vec::new());
    let (mut code_rows, mut code_targets) = (Vec::new(), Vec::new());
    for (image, target) in targets.iter().enumerate() {
        let first = image * count;
        let scores = &scores[first * classes..][..count * classes];
        let chosen = samples(scores, classes, &target.classes);
        rows.extend(chosen.iter().map(|index| (first + index) as u32));
        wanted.extend(chosen.iter().map(|index| target.classes[*index]));
        for (index, code) in &target.codes {
            code_rows.push((first + index) as u32);
            code_targets.extend(code.map(|number| number as f32));
        }
    }
    let device = logits.device();
    let divisor = code_rows.len().max(1) as f64;
    let zero = || Tensor::zeros((), candle_core::DType::F32, device);
    let loss = || -> candle_core::Result<SsdLoss> {
        if rows.is_empty() {
            return Ok(SsdLoss { boxes: zero()?, classes: zero()? });
        }
        let sampled = rows.len() as f64;
        let logits = flat.index_select(&Tensor::new(rows, device)?, 0)?;
        let classes = (dl_ops::cross_entropy(&logits, &Tensor::new(wanted, device)?)? * (sampled / divisor))?;
        let matched = code_rows.len();
        if matched == 0 {
            return Ok(SsdLoss { boxes: zero()?, classes });
        }
        let codes = codes.reshape((images * count, 4))?.index_select(&Tensor::new(code_rows, device)?, 0)?;
        let boxes = (smooth_l1(&codes, &Tensor::from_vec(code_targets, (matched, 4), device)?, 1.0)? / divisor)?;
        Ok(SsdLoss { boxes, classes })
    };
    loss().map_err(plain).context("the loss of SSD")
}

/// The boxes of an image that its classes are trained on: all matched ones and, of the others, those with the largest
/// losses, [`NEGATIVES`] times as many.
fn samples(scores: &[f32], classes: usize, wanted: &[u32]) -> Vec<usize> {
    let is_positive = |index: &usize| wanted[*index] > 0;
    let (positives, negatives): (Vec<usize>, Vec<usize>) = (0..wanted.len()).partition(is_positive);
    let loss = |index: usize| {
        let scores = &scores[index * classes..][..classes];
        let largest = f64::from(scores.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let total: f64 = scores.iter().map(|score| (f64::from(*score) - largest).exp()).sum();
        total.ln() + largest - f64::from(scores[0])
    };
    let mut hardest: Vec<(f64, usize)> = negatives.into_iter().map(|index| (loss(index), index)).collect();
    hardest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    hardest.truncate(NEGATIVES * positives.len());
    positives.into_iter().chain(hardest.into_iter().map(|(_, index)| index)).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        classes: usize,
        anchors: Vec<BBox>,
        objects: Vec<Objects>,
        matched: Vec<Vec<i64>>,
        codes: Vec<f32>,
        logits: Vec<f32>,
        bbox_regression: f64,
        classification: f64,
        codes_gradient: Vec<f32>,
        logits_gradient: Vec<f32>,
    }

    #[derive(Deserialize)]
    struct Objects {
        boxes: Vec<BBox>,
        labels: Vec<u32>,
    }

    const CODER: BoxCoder = BoxCoder { weights: [10.0, 10.0, 5.0, 5.0] };

    #[track_caller]
    fn assert_close(found: &Tensor, expected: &[f32]) {
        let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(found.len(), expected.len());
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((found - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{index}: {found}, not {expected}");
        }
    }

    #[test]
    fn matches_losses_and_gradients_equal_torchvisions() {
        let text = include_str!("../../../../testdata/goldens/detection/ssd/loss.json");
        let golden: Golden = serde_json::from_str(text).unwrap();
        let mut targets = Vec::new();
        for (objects, expected) in golden.objects.iter().zip(&golden.matched) {
            let matches = Matching::Torchvision.assign(&golden.anchors, &objects.boxes);
            let found: Vec<i64> = matches.iter().map(|object| object.map_or(-1, |object| object as i64)).collect();
            assert_eq!(&found, expected);
            targets.push(Targets::new(&matches, &golden.anchors, &objects.boxes, &objects.labels, &CODER));
        }
        let (images, count) = (targets.len(), golden.anchors.len());
        let var =
            |numbers: &[f32], columns: usize| Var::from_slice(numbers, (images, count, columns), &Device::Cpu).unwrap();
        let (logits, codes) = (var(&golden.logits, golden.classes), var(&golden.codes, 4));
        let loss = ssd_loss(&logits, &codes, &targets).unwrap();
        for (found, expected) in [(&loss.boxes, golden.bbox_regression), (&loss.classes, golden.classification)] {
            let found = f64::from(found.to_scalar::<f32>().unwrap());
            assert!((found - expected).abs() < 1e-5 * expected, "{found}, not {expected}");
        }
        let gradients = (loss.boxes + loss.classes).unwrap().backward().unwrap();
        assert_close(gradients.get(&codes).unwrap(), &golden.codes_gradient);
        assert_close(gradients.get(&logits).unwrap(), &golden.logits_gradient);
    }

    #[test]
    fn caffe_gives_each_object_a_box_of_its_own() {
        let boxes =
            [BBox::new(0.0, 0.0, 10.0, 10.0), BBox::new(8.0, 0.0, 18.0, 10.0), BBox::new(50.0, 0.0, 60.0, 10.0)];
        // Both objects overlap the first box most, the second object a little less.
        let objects =
            [BBox::new(0.0, 0.0, 10.0, 9.0), BBox::new(3.0, 0.0, 11.0, 10.0), BBox::new(90.0, 0.0, 99.0, 9.0)];
        assert_eq!(Matching::Caffe.assign(&boxes, &objects), [Some(0), Some(1), None]);
        assert_eq!(Matching::Torchvision.assign(&boxes, &objects[..2]), [Some(1), None, None]);
        assert_eq!(Matching::Caffe.assign(&boxes, &[]), [None; 3]);
    }

    #[test]
    fn a_batch_without_objects_has_no_loss() {
        let targets = [Targets { classes: vec![0; 2], codes: Vec::new() }];
        let tensor = |columns: usize| Tensor::ones((1, 2, columns), candle_core::DType::F32, &Device::Cpu).unwrap();
        let loss = ssd_loss(&tensor(3), &tensor(4), &targets).unwrap();
        assert_eq!(loss.boxes.to_scalar::<f32>().unwrap() + loss.classes.to_scalar::<f32>().unwrap(), 0.0);
    }
}
