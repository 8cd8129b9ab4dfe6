//! Boxes and scores of any size: overlap, matching, suppression, evaluation.

use dl_metrics::coco::{CocoBuilder, CocoConfig, evaluate};
use dl_metrics::proposals::{ProposalConfig, ProposalEvaluator};
use dl_metrics::voc::{VocConfig, VocEvaluator};
use dl_record::{BBox, Detection, Object};
use dl_vision::boxes::{BoxCoder, Matcher, NmsConfig, NmsMethod, diou, iou, iou_inclusive, nms};

use super::Target;
use crate::weights::checked;

pub(super) const TARGET: Target = Target { name: "boxes", run, words: &[], seeds: &[], share: 60 };

/// The maximum number of boxes: quadratic time is expected.
const MOST: usize = 64;

/// The meaning of a byte, unless it begins a number.
const NUMBERS: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    10.0,
    100.0,
    1e9,
    1e-300,
    1e300,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    f64::EPSILON,
    1e18,
    -1e18,
];

/// A box with a class and a score.
struct Scored {
    bbox: BBox,
    class: usize,
    score: f64,
}

fn run(data: &[u8]) {
    let scored = read(data);
    let boxes: Vec<BBox> = scored.iter().map(|one| one.bbox).collect();
    for pair in boxes.windows(2) {
        let [a, b] = [&pair[0], &pair[1]];
        for overlap in [iou(a, b), iou_inclusive(a, b)] {
            assert!(overlap >= 0.0 || overlap.is_nan(), "an overlap of {overlap}: {a:?}, {b:?}");
        }
        let _ = diou(a, b);
        let coder = BoxCoder::default();
        let _ = coder.decode(a, coder.encode(a, b));
        let _ = (a.check().is_ok(), a.clip(10.0, 10.0));
    }
    let middle = boxes.len() / 2;
    let matcher = Matcher { foreground: 0.5, background: 0.3, keep_best: true };
    assert_eq!(matcher.assign(&boxes, &boxes[..middle]).len(), boxes.len());
    suppress(&scored, &boxes);
    measure(&scored[..middle], &scored[middle..]);
}

fn suppress(scored: &[Scored], boxes: &[BBox]) {
    let scores: Vec<f64> = scored.iter().map(|one| one.score).collect();
    let classes: Vec<usize> = scored.iter().map(|one| one.class).collect();
    for method in
        [NmsMethod::Hard, NmsMethod::SoftLinear, NmsMethod::SoftGaussian, NmsMethod::Diou, NmsMethod::Weighted]
    {
        let kept = nms(boxes, &scores, &classes, &NmsConfig { method, ..NmsConfig::default() });
        assert!(kept.len() <= boxes.len(), "{} of {} boxes are kept", kept.len(), boxes.len());
    }
}

fn measure(truth: &[Scored], found: &[Scored]) {
    let label = |one: &Scored| one.class.to_string();
    let objects: Vec<Object> = truth
        .iter()
        .map(|one| Object {
            bbox: one.bbox,
            label: label(one),
            difficult: one.score < 0.0,
            crowd: one.score > 1.0,
            area: (one.score == 0.0).then_some(one.bbox.x1),
            ..Object::default()
        })
        .collect();
    let detections: Vec<Detection> = found
        .iter()
        .map(|one| Detection {
            bbox: one.bbox,
            label: label(one),
            score: one.score,
            mask: None,
            proposal: None,
            extra: Default::default(),
        })
        .collect();
    for plus_one in [false, true] {
        let mut voc = VocEvaluator::new(VocConfig { plus_one, ..VocConfig::default() });
        voc.add(&objects, &detections);
        let _ = voc.finish().mean(|class| class.ap_all_points);
    }
    let boxes: Vec<BBox> = found.iter().map(|one| one.bbox).collect();
    let mut proposals = ProposalEvaluator::new(ProposalConfig::default());
    proposals.add(&objects, &boxes);
    let _ = proposals.finish();
    let mut coco = CocoBuilder::new(false);
    checked(coco.add("image", None, objects, detections));
    let _ = evaluate(coco.build(), &CocoConfig::default());
}

/// Six numbers per box: four edges, the class, the score.
fn read(data: &[u8]) -> Vec<Scored> {
    let mut numbers = Numbers { data };
    let mut scored = Vec::new();
    while scored.len() < MOST && !numbers.data.is_empty() {
        let [x1, y1, x2, y2, class, score] = std::array::from_fn(|_| numbers.next());
        // The programs reject edges and scores that are not finite.
        scored.push(Scored { bbox: BBox::new(x1, y1, x2, y2), class: class.abs() as usize % 4, score });
    }
    scored
}

struct Numbers<'a> {
    data: &'a [u8],
}

impl Numbers<'_> {
    fn next(&mut self) -> f64 {
        let Some((first, rest)) = self.data.split_first() else { return 0.0 };
        self.data = rest;
        if let Some(number) = NUMBERS.get(usize::from(*first)) {
            return *number;
        }
        let whole = rest.first_chunk().map(|bytes| f64::from_le_bytes(*bytes)).filter(|number| number.is_finite());
        match whole {
            Some(number) if *first >= 0xf0 => {
                self.data = &rest[8..];
                number
            }
            _ => f64::from(*first) - 64.0,
        }
    }
}
