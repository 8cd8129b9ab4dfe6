//! The regions of an image in the losses of the heads.

use dl_models::detection::rcnn::Recipe;
use dl_record::BBox;
use dl_vision::boxes::{Match, Matcher, best_overlap};
use rand_chacha::ChaCha8Rng;

use super::sampler::{Chosen, Sampler};
use crate::detection::Truth;

/// A region, and what it shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Region {
    /// Index of the image in the batch.
    pub(super) image: usize,
    /// In pixels of the input.
    pub(super) bbox: BBox,
    /// Index of its object in the ground truth; `None`: background.
    pub(super) object: Option<usize>,
}

impl Region {
    /// Its class; 0 is the background.
    pub(super) fn class(&self, truths: &[Truth]) -> u32 {
        self.object.map_or(0, |object| truths[self.image].classes[object] as u32 + 1)
    }
}

/// The regions of an image for the first stage: some of the proposals and of the objects' own boxes, those that show
/// objects first.
pub(super) fn sample(
    image: usize,
    mut candidates: Vec<BBox>,
    truth: &Truth,
    recipe: &Recipe,
    sampler: Sampler,
    rng: &mut ChaCha8Rng,
) -> Vec<Region> {
    candidates.extend(&truth.boxes);
    let [lowest, background] = recipe.box_bg_iou_range;
    let matcher = Matcher { foreground: recipe.box_fg_iou_thresh[0], background, keep_best: false };
    let mut matches = matcher.assign(&candidates, &truth.boxes);
    if lowest > 0.0 {
        for (found, bbox) in matches.iter_mut().zip(&candidates).filter(|(found, _)| **found == Match::Background) {
            if best_overlap(bbox, &truth.boxes).is_none_or(|best| best.iou < lowest) {
                *found = Match::Ignored;
            }
        }
    }
    let Chosen { positives, negatives } =
        sampler.choose(&matches, recipe.box_batch_size_per_image, recipe.box_positive_fraction, rng);
    let region = |index: usize| Region { image, bbox: candidates[index], object: object_of(matches[index]) };
    positives.into_iter().chain(negatives).map(region).collect()
}

/// The regions of an image for a later stage of a cascade: all boxes that the stage before moved, matched anew.
pub(super) fn of_later_stage(image: usize, boxes: Vec<BBox>, truth: &Truth, threshold: f64) -> Vec<Region> {
    let matcher = Matcher { foreground: threshold, background: threshold, keep_best: false };
    let matches = matcher.assign(&boxes, &truth.boxes);
    boxes.into_iter().zip(matches).map(|(bbox, found)| Region { image, bbox, object: object_of(found) }).collect()
}

fn object_of(found: Match) -> Option<usize> {
    match found {
        Match::Object(object) => Some(object),
        Match::Background | Match::Ignored => None,
    }
}
