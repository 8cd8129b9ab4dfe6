//! The constants in which the sources of the two-stage detectors differ. A recipe's fields are torchvision's keyword
//! arguments where it has them; a model's config overrides single ones under `options`.

use anyhow::{Result, ensure};
use dl_vision::picture::warp::Interpolation;
use serde::{Deserialize, Serialize};

use super::anchors::AnchorRounding;
use crate::ChannelOrder;

/// How the sides of a resized image are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SizeRounding {
    /// torchvision.
    Down,
    /// OpenCV, detectron2.
    Nearest,
}

/// The constants of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The shorter side of the resized image in pixels.
    pub min_size: usize,
    /// The most pixels of its longer side; the shorter one is then shorter than `min_size`.
    pub max_size: usize,
    /// Rounding of both sides.
    pub size_rounding: SizeRounding,
    /// The input's sides are padded to a multiple of this.
    pub divisible: usize,
    /// Interpolation between pixels.
    pub interpolation: Interpolation,
    /// Order of the color channels.
    pub channel_order: ChannelOrder,
    /// The values of black and white.
    pub range: [f32; 2],
    /// Subtracted from each channel.
    pub mean: [f32; 3],
    /// Divisor of each channel.
    pub std: [f32; 3],

    /// Rounding of the anchors.
    pub anchor_rounding: AnchorRounding,
    /// The best anchors of each map, before suppression, in inference.
    pub rpn_pre_nms_top_n_test: usize,
    /// The proposals of an image, after suppression, in inference.
    pub rpn_post_nms_top_n_test: usize,
    /// As `rpn_pre_nms_top_n_test`, in training.
    pub rpn_pre_nms_top_n_train: usize,
    /// As `rpn_post_nms_top_n_test`, in training.
    pub rpn_post_nms_top_n_train: usize,
    /// A proposal that overlaps a better one of its map by more than this is dropped.
    pub rpn_nms_thresh: f64,
    /// A proposal with a lower probability is dropped.
    pub rpn_score_thresh: f64,
    /// A proposal with a shorter side, in pixels of the input, is dropped.
    pub rpn_min_size: f64,

    /// The scale of a map is guessed from the image without its padding: torchvision, which differs for images that are
    /// mostly padding.
    pub roi_scale_of_image: bool,
    /// RoIAlign shifts boxes by half a pixel.
    pub roi_aligned: bool,
    /// Samples along each side of a bin of RoIAlign; 0: as many as the bin has pixels.
    pub roi_sampling_ratio: usize,

    /// Objects with a higher score are reported.
    pub box_score_thresh: f64,
    /// An object with a shorter side, in pixels of the input, is dropped.
    pub box_min_size: f64,
    /// An object that overlaps a better one of its class by more than this is dropped.
    pub box_nms_thresh: f64,
    /// The most objects of an image.
    pub box_detections_per_img: usize,
    /// Pixels of an object have a higher probability.
    pub mask_thresh: f32,

    /// An anchor with at least this IoU is an object in training.
    pub rpn_fg_iou_thresh: f64,
    /// An anchor with less than this IoU is background in training.
    pub rpn_bg_iou_thresh: f64,
    /// Whether anchors that extend outside of the image are trained.
    pub rpn_outside: bool,
    /// Anchors of an image in the loss.
    pub rpn_batch_size_per_image: usize,
    /// The largest share of objects among them.
    pub rpn_positive_fraction: f64,
    /// Where the smooth L1 loss of the RPN's boxes becomes linear.
    pub rpn_beta: f64,
    /// A proposal with at least this IoU is an object in training, for each stage.
    pub box_fg_iou_thresh: [f64; 3],
    /// A proposal with an IoU from the first to below the second is background in training.
    pub box_bg_iou_range: [f64; 2],
    /// Proposals of an image in the loss.
    pub box_batch_size_per_image: usize,
    /// The largest share of objects among them.
    pub box_positive_fraction: f64,
    /// Where the smooth L1 loss of the boxes becomes linear; 0: L1.
    pub box_beta: f64,
}

/// The names of [`RECIPES`], as in `--recipe`.
pub const RECIPE_NAMES: [&str; 4] = ["torchvision", "detectron2", "faster-caffe", "fast-caffe"];

/// torchvision 0.29.2; detectron2 02b5c4e; py-faster-rcnn 781a917 (trained end to end), fast-rcnn b612190.
///
/// The Caffe sources count the last pixel as part of a box; all boxes here are continuous.
pub static RECIPES: [Recipe; 4] = [TORCHVISION, DETECTRON2, FASTER_CAFFE, FAST_CAFFE];

const TORCHVISION: Recipe = Recipe {
    min_size: 800,
    max_size: 1333,
    size_rounding: SizeRounding::Down,
    divisible: 32,
    interpolation: Interpolation::BilinearPlain,
    channel_order: ChannelOrder::Rgb,
    range: [0.0, 1.0],
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    anchor_rounding: AnchorRounding::Corners,
    rpn_pre_nms_top_n_test: 1000,
    rpn_post_nms_top_n_test: 1000,
    rpn_pre_nms_top_n_train: 2000,
    rpn_post_nms_top_n_train: 2000,
    rpn_nms_thresh: 0.7,
    rpn_score_thresh: 0.0,
    rpn_min_size: 1e-3,
    roi_scale_of_image: true,
    roi_aligned: false,
    roi_sampling_ratio: 2,
    box_score_thresh: 0.05,
    box_min_size: 1e-2,
    box_nms_thresh: 0.5,
    box_detections_per_img: 100,
    mask_thresh: 0.5,
    rpn_fg_iou_thresh: 0.7,
    rpn_bg_iou_thresh: 0.3,
    rpn_outside: true,
    rpn_batch_size_per_image: 256,
    rpn_positive_fraction: 0.5,
    rpn_beta: 1.0 / 9.0,
    box_fg_iou_thresh: [0.5, 0.6, 0.7],
    box_bg_iou_range: [0.0, 0.5],
    box_batch_size_per_image: 512,
    box_positive_fraction: 0.25,
    box_beta: 1.0 / 9.0,
};

const DETECTRON2: Recipe = Recipe {
    size_rounding: SizeRounding::Nearest,
    interpolation: Interpolation::Bilinear,
    channel_order: ChannelOrder::Bgr,
    range: [0.0, 255.0],
    mean: [103.53, 116.28, 123.675],
    std: [1.0; 3],
    anchor_rounding: AnchorRounding::None,
    rpn_post_nms_top_n_train: 1000,
    rpn_min_size: 0.0,
    roi_scale_of_image: false,
    roi_aligned: true,
    roi_sampling_ratio: 0,
    box_min_size: 0.0,
    rpn_beta: 0.0,
    box_beta: 0.0,
    ..TORCHVISION
};

const FASTER_CAFFE: Recipe = Recipe {
    min_size: 600,
    max_size: 1000,
    size_rounding: SizeRounding::Nearest,
    divisible: 1,
    channel_order: ChannelOrder::Bgr,
    range: [0.0, 255.0],
    mean: [102.9801, 115.9465, 122.7717],
    std: [1.0; 3],
    anchor_rounding: AnchorRounding::Sides,
    rpn_pre_nms_top_n_test: 6000,
    rpn_post_nms_top_n_test: 300,
    rpn_pre_nms_top_n_train: 12000,
    rpn_post_nms_top_n_train: 2000,
    // Times the scale of the image in the source.
    rpn_min_size: 16.0,
    roi_scale_of_image: false,
    box_min_size: 0.0,
    box_nms_thresh: 0.3,
    rpn_outside: false,
    box_batch_size_per_image: 128,
    box_beta: 1.0,
    ..TORCHVISION
};

const FAST_CAFFE: Recipe = Recipe { box_bg_iou_range: [0.1, 0.5], box_batch_size_per_image: 64, ..FASTER_CAFFE };

impl Recipe {
    /// The recipe of this name.
    /// # Errors
    /// When it does not exist; the message lists the names.
    pub fn find(name: &str) -> Result<&'static Self> {
        let index = RECIPE_NAMES.iter().position(|known| *known == name);
        ensure!(index.is_some(), "recipe {name} does not exist; choose from {}", RECIPE_NAMES.join(", "));
        Ok(&RECIPES[index.unwrap_or(0)])
    }

    /// This recipe with what `other` does after the network in inference: which regions are proposed, and which objects
    /// are reported.
    #[must_use]
    pub(super) fn reporting_as(self, other: &Self) -> Self {
        Self {
            rpn_pre_nms_top_n_test: other.rpn_pre_nms_top_n_test,
            rpn_post_nms_top_n_test: other.rpn_post_nms_top_n_test,
            rpn_nms_thresh: other.rpn_nms_thresh,
            rpn_score_thresh: other.rpn_score_thresh,
            rpn_min_size: other.rpn_min_size,
            box_score_thresh: other.box_score_thresh,
            box_min_size: other.box_min_size,
            box_nms_thresh: other.box_nms_thresh,
            box_detections_per_img: other.box_detections_per_img,
            mask_thresh: other.mask_thresh,
            ..self
        }
    }

    /// Checks that a file's numbers are within memory, and make sense.
    pub(super) fn check(&self) -> Result<()> {
        const LONGEST: usize = 8192;
        const MOST: usize = 1 << 17;
        ensure!(
            (1..=self.max_size).contains(&self.min_size) && self.max_size <= LONGEST,
            "min_size {} and max_size {} must be from 1 to {LONGEST}, in this order",
            self.min_size,
            self.max_size
        );
        ensure!((1..=128).contains(&self.divisible), "divisible is {}; expected 1 to 128", self.divisible);
        let counts = [
            self.rpn_pre_nms_top_n_test,
            self.rpn_post_nms_top_n_test,
            self.rpn_pre_nms_top_n_train,
            self.rpn_post_nms_top_n_train,
            self.box_detections_per_img,
            self.rpn_batch_size_per_image,
            self.box_batch_size_per_image,
        ];
        ensure!(counts.iter().all(|count| (1..=MOST).contains(count)), "numbers of boxes must be from 1 to {MOST}");
        ensure!(self.roi_sampling_ratio <= 64, "roi_sampling_ratio is {}; expected 0 to 64", self.roi_sampling_ratio);
        let shares = [
            self.rpn_nms_thresh,
            self.rpn_score_thresh,
            self.box_score_thresh,
            self.box_nms_thresh,
            self.mask_thresh.into(),
            self.rpn_positive_fraction,
            self.box_positive_fraction,
        ];
        ensure!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "thresholds must be from 0 to 1");
        ensure!(
            self.std.iter().all(|std| std.is_normal()) && self.mean.iter().all(|mean| mean.is_finite()),
            "mean {:?} and std {:?} must be finite, std not 0",
            self.mean,
            self.std
        );
        ensure!(
            self.range[0] == 0.0 && self.range[1] > 0.0 && self.range[1].is_finite(),
            "range is {:?}; expected [0, 1] or [0, 255]",
            self.range
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_as_another_program_keeps_what_was_trained() {
        let [torchvision, _, caffe, _] = &RECIPES;
        let mixed = torchvision.clone().reporting_as(caffe);
        assert_eq!((mixed.box_nms_thresh, mixed.rpn_post_nms_top_n_test, mixed.rpn_min_size), (0.3, 300, 16.0));
        let kept = |recipe: &Recipe| (recipe.mean, recipe.min_size, recipe.anchor_rounding, recipe.roi_scale_of_image);
        assert_eq!(kept(&mixed), kept(torchvision));
        assert_eq!(mixed.clone().reporting_as(torchvision), *torchvision);
    }

    #[test]
    fn every_recipe_is_valid_and_has_a_name() {
        for name in RECIPE_NAMES {
            Recipe::find(name).unwrap().check().unwrap();
        }
        assert!(Recipe::find("darknet").unwrap_err().to_string().contains("choose from torchvision, detectron2"));
    }
}
