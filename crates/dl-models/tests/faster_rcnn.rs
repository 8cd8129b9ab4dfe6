//! The two-stage detectors equal torchvision's, with weights from a formula, stage by stage; see
//! testdata/goldens/detection/rcnn/make_rcnn.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod formula;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use dl_models::detection::rcnn::{self, GeneralizedRcnn, RcnnKind};
use dl_models::detection::{self, Detector, Found, Placed, Rules};
use dl_models::{Checkpoint, Parameters};
use dl_record::BBox;
use dl_vision::boxes::{BoxCoder, iou};
use dl_vision::masks::to_bitmap;
use dl_vision::picture::warp::resample;
use formula::{formula, mix};
use serde_json::{Map, Value, json};

fn golden(case: &str) -> Value {
    let goldens: Value =
        serde_json::from_str(include_str!("../../../testdata/goldens/detection/rcnn/rcnn.json")).unwrap();
    goldens[case].clone()
}

/// The weights of make_rcnn.py, which keeps those requested.
#[derive(Clone)]
struct Weights {
    gain: f64,
    adjust: Map<String, Value>,
    requested: Arc<Mutex<BTreeMap<String, Tensor>>>,
}

impl Weights {
    fn of(golden: &Value) -> Self {
        let adjust = golden["adjust"].as_object().unwrap().clone();
        Self { gain: golden["gain"].as_f64().unwrap(), adjust, requested: Arc::default() }
    }
}

impl SimpleBackend for Weights {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        let fan_in: usize = shape.dims().iter().skip(1).product();
        let gain = if name.contains(".body.") { self.gain } else { 6.0 };
        let (center, scale) = if name.ends_with("running_var") || (shape.rank() == 1 && name.ends_with(".weight")) {
            (1.0, 0.5)
        } else {
            (0.0, if shape.rank() == 1 { 0.1 } else { (gain / fan_in as f64).sqrt() })
        };
        let weight = match self.adjust.get(name) {
            None => formula(name, shape.dims(), center, scale),
            Some(Value::Array(numbers)) => {
                let numbers: Vec<f32> = numbers.iter().map(|number| number.as_f64().unwrap() as f32).collect();
                Tensor::from_vec(numbers, shape, &Device::Cpu)?
            }
            Some(factor) => (formula(name, shape.dims(), center, scale) * factor.as_f64().unwrap())?,
        };
        self.requested.lock().unwrap().insert(name.to_owned(), weight.clone());
        Ok(weight)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name}")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

fn labels(classes: usize) -> Vec<String> {
    (1..classes).map(|class| class.to_string()).collect()
}

fn build(arch: &str, options: &Value, classes: usize, weights: impl SimpleBackend + 'static) -> GeneralizedRcnn {
    let (layout, recipe) = RcnnKind::find(arch).unwrap().configured(options.as_object().unwrap()).unwrap();
    let vb = VarBuilder::from_backend(Box::new(weights), DType::F32, Device::Cpu);
    GeneralizedRcnn::new(layout, recipe, labels(classes), vb).unwrap()
}

/// The pixels of make_rcnn.py, and their place and numbers in the input.
fn input(detector: &dyn Detector, [height, width]: [usize; 2]) -> (Vec<f32>, Placed) {
    let (rows, columns) = (height.div_ceil(16), width.div_ceil(16));
    let blocks: Vec<f64> = mix("blocks", rows * columns * 3).collect();
    let mut pixels = format!("P6 {width} {height} 255\n").into_bytes();
    pixels.extend(mix("noise", height * width * 3).enumerate().map(|(index, noise)| {
        let (y, x, channel) = (index / 3 / width, index / 3 % width, index % 3);
        (200.0 * blocks[((y / 16) * columns + x / 16) * 3 + channel] + 55.0 * noise).floor() as u8
    }));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.ppm");
    std::fs::write(&path, pixels).unwrap();
    let image = dl_vision::picture::load(path.to_str().unwrap()).unwrap();
    let placed = detector.placed(width as u32, height as u32);
    let preprocessing = detector.preprocessing();
    let mut x = vec![0.0; 3 * placed.size[0] * placed.size[1]];
    let (by, normalization) = (preprocessing.interpolation, preprocessing.normalization());
    resample(&image, &placed.source, placed.size, by, &normalization, &mut x);
    (x, placed)
}

/// Compares with a summary of make_rcnn.py: shape, sum, sum of sizes and some of the numbers. Prints the largest
/// difference relative to a typical number.
#[track_caller]
fn assert_summary(found: &Tensor, golden: &Value, tolerance: f64, what: &str) {
    let shape: Vec<usize> = serde_json::from_value(golden["shape"].clone()).unwrap();
    assert_eq!(found.dims(), shape, "{what}");
    let numbers: Vec<f64> = found.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect();
    let (size, sum) = (numbers.iter().map(|x| x.abs()).sum::<f64>(), numbers.iter().sum::<f64>());
    let expected = golden["size"].as_f64().unwrap();
    let typical = expected / numbers.len() as f64;
    let step = (numbers.len() / 12).max(1);
    let mut worst: f64 = 0.0;
    for (found, expected) in numbers.iter().step_by(step).zip(golden["picked"].as_array().unwrap()) {
        let expected = expected.as_f64().unwrap();
        worst = worst.max((found - expected).abs() / (expected.abs() + typical));
    }
    let sums = (size - expected).abs().max((sum - golden["sum"].as_f64().unwrap()).abs()) / expected;
    report(&format!("{what}: numbers differ by {worst:.1e}, sums by {sums:.1e}"));
    assert!(worst <= tolerance && sums <= tolerance, "{what}: {worst:e}, sums {sums:e}");
}

#[allow(clippy::print_stderr, reason = "shown with --nocapture")]
fn report(text: &str) {
    eprintln!("{text}");
}

fn boxes(golden: &Value) -> Vec<BBox> {
    let numbers: Vec<f64> = serde_json::from_value(golden.clone()).unwrap();
    numbers.as_chunks().0.iter().map(|edges| BBox::from(*edges)).collect()
}

fn largest_difference(a: &BBox, b: &BBox) -> f64 {
    let edges = <[f64; 4]>::from(*a).into_iter().zip(<[f64; 4]>::from(*b));
    edges.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The objects are torchvision's: each has the box, class and score of one there.
#[track_caller]
fn assert_found(found: &[Found], golden: &Value, tolerance: f64) {
    let expected = boxes(&golden["boxes"]);
    assert_eq!(found.len(), expected.len());
    let [mut of_boxes, mut of_scores]: [f64; 2] = [0.0; 2];
    for (index, bbox) in expected.iter().enumerate() {
        let class = golden["labels"][index].as_u64().unwrap() as usize - 1;
        let score = golden["scores"][index].as_f64().unwrap();
        let of_class = found.iter().filter(|found| found.class == class && (found.score - score).abs() < 1e-3);
        let nearest = of_class.min_by(|a, b| iou(&b.bbox, bbox).total_cmp(&iou(&a.bbox, bbox))).unwrap();
        of_boxes = of_boxes.max(largest_difference(&nearest.bbox, bbox) / (1.0 + bbox.x2.max(bbox.y2)));
        of_scores = of_scores.max((nearest.score - score).abs());
    }
    report(&format!("boxes differ by {of_boxes:.1e} of their place, scores by {of_scores:.1e}"));
    assert!(of_boxes <= tolerance && of_scores <= tolerance, "boxes {of_boxes:e}, scores {of_scores:e}");
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

/// Every stage of the detector reproduces the golden `case`.
fn equals_golden(case: &str) -> (Vec<Found>, Value) {
    let golden = golden(case);
    let classes = golden["classes"].as_u64().unwrap() as usize;
    let detector = build(golden["arch"].as_str().unwrap(), &golden["options"], classes, Weights::of(&golden));
    let size: [usize; 2] = serde_json::from_value(golden["image"].clone()).unwrap();
    let (x, placed) = input(&detector, size);
    let of_input = Tensor::from_slice(&x, (1, 3, placed.size[0], placed.size[1]), &Device::Cpu).unwrap();
    assert_summary(&of_input, &golden["input"], 1e-5, &format!("{case}: input"));

    let maps = golden["maps"].as_object().unwrap();
    let mut pooled_from = Vec::new();
    for (index, (name, expected)) in maps.iter().enumerate() {
        let names =
            [format!("backbone.{name}"), format!("rpn.head.cls_logits.{index}"), format!("rpn.head.bbox_pred.{index}")];
        let found = detector.features(&of_input, &names.each_ref().map(String::as_str)).unwrap();
        assert_summary(&found[0], expected, 1e-4, &format!("{case}: {}", names[0]));
        assert_summary(&found[1], &golden["objectness"][index], 1e-4, &format!("{case}: {}", names[1]));
        assert_summary(&found[2], &golden["deltas"][index], 1e-4, &format!("{case}: {}", names[2]));
        if name != "pool" {
            pooled_from.push(found[0].clone());
        }
    }

    let proposals = detector.proposals(&x, &[placed]).unwrap().remove(0);
    let resized: [f64; 2] = serde_json::from_value(golden["resized"].clone()).unwrap();
    let scale = [resized[1] / size[1] as f64, resized[0] / size[0] as f64];
    let scaled = |bbox: BBox| {
        let [x1, y1, x2, y2]: [f64; 4] = bbox.into();
        BBox::new(x1 * scale[0], y1 * scale[1], x2 * scale[0], y2 * scale[1])
    };
    let regions: Vec<BBox> = proposals.iter().map(|proposal| scaled(proposal.bbox)).collect();
    for (found, expected) in regions.iter().zip(boxes(&golden["proposals"])) {
        let difference = largest_difference(found, &expected);
        assert!(difference < 1e-4 * (1.0 + expected.x2.max(expected.y2)), "{case}: {found:?}, not {expected:?}");
    }
    let rows = Tensor::from_iter(
        regions.iter().flat_map(|bbox| <[f64; 4]>::from(*bbox).map(|edge| edge as f32)),
        &Device::Cpu,
    );
    assert_summary(
        &rows.unwrap().reshape((regions.len(), 4)).unwrap(),
        &golden["proposals_sum"],
        1e-4,
        &format!("{case}: proposals"),
    );

    let outputs = detector.heads(0, &pooled_from, &placed, &regions).unwrap();
    for (found, name) in outputs.iter().zip(["pooled", "logits", "regression"]) {
        assert_summary(found, &golden[name], 1e-4, &format!("{case}: {name}"));
    }

    let found = detector.detect(&x, &[placed], &Rules::default()).unwrap().remove(0);
    assert_found(&found, &golden, 1e-4);
    (found, golden)
}

#[test]
fn faster_rcnn_resnet50_fpn_equals_torchvision() {
    equals_golden("faster");
}

#[test]
fn faster_rcnn_resnet50_fpn_v2_equals_torchvision() {
    equals_golden("faster v2");
}

#[test]
fn faster_rcnn_mobilenet_v3_equals_torchvision() {
    equals_golden("mobilenet");
}

#[test]
fn faster_rcnn_mobilenet_v3_320_equals_torchvision() {
    equals_golden("mobilenet 320");
}

#[test]
fn faster_rcnn_equals_torchvision_at_full_size() {
    equals_golden("full size");
}

#[test]
fn mask_rcnn_resnet50_fpn_equals_torchvision() {
    assert_masks("mask");
}

#[test]
fn mask_rcnn_resnet50_fpn_v2_equals_torchvision() {
    assert_masks("mask v2");
}

fn assert_masks(case: &str) {
    let (found, golden) = equals_golden(case);
    let expected = boxes(&golden["boxes"]);
    let (mut different, mut pixels) = (0, 0);
    for (counts, (bbox, score)) in
        golden["masks"].as_array().unwrap().iter().zip(expected.iter().zip(golden["scores"].as_array().unwrap()))
    {
        let score = score.as_f64().unwrap();
        let near = found.iter().filter(|found| (found.score - score).abs() < 1e-3);
        let found = near.min_by(|a, b| iou(&b.bbox, bbox).total_cmp(&iou(&a.bbox, bbox))).unwrap();
        let mask = found.mask.as_ref().unwrap();
        let golden = dl_record::Mask { size: mask.size, counts: counts.as_str().unwrap().to_owned() };
        let (found, golden) = (to_bitmap(mask).unwrap(), to_bitmap(&golden).unwrap());
        different += found.iter().zip(&golden).filter(|(a, b)| a != b).count();
        pixels += golden.iter().map(|pixel| usize::from(*pixel)).sum::<usize>();
    }
    report(&format!("{case}: {different} pixels differ of {pixels}"));
    // Some probabilities are within rounding of the threshold.
    assert!(different * 2000 <= pixels && pixels > 1000, "{different} of {pixels}");
}

/// A torchvision name before version 0.13.
fn older(name: &str) -> String {
    let mut parts: Vec<String> = name.split('.').map(str::to_owned).collect();
    match name {
        _ if name.starts_with("backbone.fpn") => _ = parts.remove(4),
        _ if name.starts_with("rpn.head.conv.") => _ = parts.drain(3..5),
        _ if name.starts_with("roi_heads.mask_head") => {
            let index: usize = parts.remove(2).parse().unwrap();
            parts[2] = format!("mask_fcn{}", index + 1);
        }
        _ => {}
    }
    parts.join(".")
}

fn opened(path: &Path, arch: Option<&str>) -> anyhow::Result<Box<dyn Detector>> {
    Ok(detection::open(Checkpoint::open(path)?, arch, &Device::Cpu)?.expect("a detector"))
}

#[test]
fn state_dicts_of_torchvision_open_as_they_are_with_names_of_both_generations() {
    let folder = tempfile::tempdir().unwrap();
    let (golden, mask) = (golden("mobilenet 320"), golden("mask"));
    let weights = Weights::of(&golden);
    let detector = build(golden["arch"].as_str().unwrap(), &golden["options"], 5, weights.clone());
    let (x, placed) = input(&detector, [427, 640]);
    let expected = detector.detect(&x, &[placed], &Rules::default()).unwrap();
    let tensors: HashMap<String, Tensor> = weights.requested.lock().unwrap().clone().into_iter().collect();
    let renamed: HashMap<String, Tensor> = tensors.iter().map(|(name, tensor)| (older(name), tensor.clone())).collect();
    for (index, tensors) in [tensors, renamed].into_iter().enumerate() {
        let path = folder.path().join(format!("fasterrcnn_mobilenet_v3_large_320_fpn-{index}.safetensors"));
        candle_core::safetensors::save(&tensors, &path).unwrap();
        let detector = opened(&path, None).unwrap();
        assert_eq!(detector.detect(&x, &[placed], &Rules::default()).unwrap(), expected);
        assert_eq!(detector.labels(), ["class 1", "class 2", "class 3", "class 4"]);
        // The same tensors under another name are the larger variant.
        let other = folder.path().join("other.safetensors");
        std::fs::rename(&path, &other).unwrap();
        assert_eq!(opened(&other, None).unwrap().preprocessing().size, [800, 1333]);
        let small = opened(&other, Some("fasterrcnn_mobilenet_v3_large_320_fpn")).unwrap();
        assert_eq!(small.preprocessing().size, [320, 640]);
    }
    let weights = Weights::of(&mask);
    build(mask["arch"].as_str().unwrap(), &json!({}), 4, weights.clone());
    let tensors = weights.requested.lock().unwrap().clone();
    let path = folder.path().join("mask.safetensors");
    let renamed: HashMap<String, Tensor> = tensors.into_iter().map(|(name, tensor)| (older(&name), tensor)).collect();
    candle_core::safetensors::save(&renamed, &path).unwrap();
    assert_eq!(opened(&path, None).unwrap().labels().len(), 3);
    let error = format!("{:#}", opened(&path, Some("fasterrcnn_resnet50_fpn_v2")).err().unwrap());
    assert!(error.contains("tensor \"") && error.contains("fasterrcnn_resnet50_fpn_v2 expects it"), "{error}");
}

/// Weights of 0, which keeps the names and shapes requested.
#[derive(Clone, Default)]
struct Zeros(Arc<Mutex<HashMap<String, Tensor>>>);

impl SimpleBackend for Zeros {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        let weight = Tensor::zeros(shape, dtype, device)?;
        self.0.lock().unwrap().insert(name.to_owned(), weight.clone());
        Ok(weight)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name}")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

#[test]
fn the_frozen_norms_of_torchvisions_coco_v1_file_have_no_epsilon() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coco.safetensors");
    let kind = RcnnKind::find("fasterrcnn_resnet50_fpn").unwrap();
    let zeros = Zeros::default();
    build(kind.name, &json!({}), 91, zeros.clone());
    let newer = zeros.0.lock().unwrap().clone();
    let coco: HashMap<String, Tensor> = newer.iter().map(|(name, tensor)| (older(name), tensor.clone())).collect();
    let mut counted = coco.clone();
    counted.insert("backbone.body.bn1.num_batches_tracked".into(), Tensor::new(0_i64, &Device::Cpu).unwrap());
    for (tensors, eps) in [(coco, 0.0), (newer, 1e-5), (counted, 1e-5)] {
        candle_core::safetensors::save(&tensors, &path).unwrap();
        let detector = rcnn::open(kind, Checkpoint::open(&path).unwrap(), &Device::Cpu).unwrap();
        assert_eq!(detector.layout().norm_eps, eps);
        assert_eq!((detector.labels().len(), detector.labels()[0].as_str()), (90, "person"));
    }
}

/// A small detector with drawn weights.
fn drawn(arch: &str, options: &Value) -> GeneralizedRcnn {
    let (layout, recipe) = RcnnKind::find(arch).unwrap().configured(options.as_object().unwrap()).unwrap();
    GeneralizedRcnn::new(layout, recipe, labels(4), Parameters::fresh(1).builder(&Device::Cpu)).unwrap()
}

fn in_pool<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn detections_are_the_same_bits_alone_in_any_batch_and_with_any_number_of_threads() {
    let golden = golden("mask");
    let options =
        json!({"min_size": 96, "max_size": 128, "rpn_pre_nms_top_n_test": 100, "rpn_post_nms_top_n_test": 40});
    let detector = build("maskrcnn_resnet50_fpn", &options, 4, Weights::of(&golden));
    let images: Vec<(Vec<f32>, Placed)> = [[90, 130], [92, 130], [90, 128]].map(|size| input(&detector, size)).to_vec();
    assert!(images.iter().all(|(_, placed)| placed.size == [96, 128]));
    let rules = Rules::default();
    let detect = |images: &[(Vec<f32>, Placed)]| {
        let x: Vec<f32> = images.iter().flat_map(|(x, _)| x.clone()).collect();
        let placed: Vec<Placed> = images.iter().map(|(_, placed)| *placed).collect();
        detector.detect(&x, &placed, &rules).unwrap()
    };
    let alone: Vec<Vec<Found>> = images.iter().map(|image| detect(std::slice::from_ref(image)).remove(0)).collect();
    assert!(alone.iter().all(|found| found.len() > 10 && found.iter().all(|found| found.mask.is_some())));
    assert_ne!(alone[0], alone[1]);
    for threads in [1, 2] {
        assert_eq!(in_pool(threads, || detect(&images)), alone, "{threads} threads");
    }
    assert_eq!(detect(&images[1..]), alone[1..]);
}

#[test]
fn images_without_any_proposal_or_object_have_empty_results() {
    let golden = golden("mask");
    let options = |extra: Value| {
        let mut options = json!({"min_size": 64, "max_size": 96});
        options.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        options
    };
    let weights = Weights::of(&golden);
    let detector = build("maskrcnn_resnet50_fpn", &options(json!({"rpn_score_thresh": 1.0})), 4, weights.clone());
    let (x, placed) = input(&detector, [60, 90]);
    assert_eq!(detector.proposals(&x, &[placed]).unwrap(), [vec![]]);
    assert_eq!(detector.detect(&x, &[placed], &Rules::default()).unwrap(), [vec![]]);
    assert_eq!(detector.detect(&[], &[], &Rules::default()).unwrap(), Vec::<Vec<Found>>::new());
    let error = detector.detect(&x[1..], &[placed], &Rules::default()).unwrap_err().to_string();
    assert!(error.contains("are not 1 images of 3 x 64 x 96"), "{error}");
    let detector = build("maskrcnn_resnet50_fpn", &options(json!({})), 4, weights);
    let strict = Rules { score: Some(1.5), ..Rules::default() };
    assert_eq!(detector.detect(&x, &[placed], &strict).unwrap(), [vec![]]);
}

#[test]
fn rules_choose_scores_numbers_and_classes() {
    let golden = golden("faster");
    let options = json!({"min_size": 96, "max_size": 128, "rpn_post_nms_top_n_test": 60});
    let detector = build("fasterrcnn_resnet50_fpn", &options, 7, Weights::of(&golden));
    let (x, placed) = input(&detector, [90, 130]);
    let detect = |rules: Rules| detector.detect(&x, &[placed], &rules).unwrap().remove(0);
    let all = detect(Rules::default());
    let third = detect(Rules { classes: Some(vec![2]), ..Rules::default() });
    assert!(!third.is_empty() && third.iter().all(|found| found.class == 2));
    assert_eq!(detect(Rules { max: Some(3), ..Rules::default() }), all[..3]);
    let high = detect(Rules { score: Some(0.5), ..Rules::default() });
    assert!(!high.is_empty() && high.iter().all(|found| found.score >= 0.5));
    let raw = detect(Rules { raw: true, ..Rules::default() });
    assert!(raw.len() > all.len());
    assert!(all.iter().all(|found| raw.contains(found)));
}

#[test]
fn fast_rcnn_needs_proposals_and_pools_them_from_conv5_3() {
    let options = json!({"min_size": 64, "max_size": 96, "box_hidden": 16, "box_score_thresh": 0.0});
    let detector = drawn("fast_rcnn_vgg16", &options);
    let (x, placed) = input(&detector, [64, 90]);
    assert_eq!(placed.size, [64, 90]);
    let error = detector.detect(&x, &[placed], &Rules::default()).unwrap_err().to_string();
    assert!(error.contains("needs proposals"), "{error}");
    let regions = vec![BBox::new(3.0, 4.0, 60.0, 50.0), BBox::new(20.0, 0.0, 90.0, 64.0)];
    let found = detector.detect_regions(
        &x,
        &[placed],
        std::slice::from_ref(&regions),
        &Rules { raw: true, ..Rules::default() },
    );
    assert_eq!(found.unwrap()[0].len(), 2 * 3);
    let x = Tensor::from_vec(x, (1, 3, 64, 90), &Device::Cpu).unwrap();
    let map = detector.features(&x, &["backbone.0"]).unwrap().remove(0);
    assert_eq!(map.dims(), [1, 512, 4, 5]);
    let [pooled, logits, deltas] = detector.heads(0, std::slice::from_ref(&map), &placed, &regions).unwrap();
    let rows = Tensor::new(&[[0.0_f32, 3.0, 4.0, 60.0, 50.0], [0.0, 20.0, 0.0, 90.0, 64.0]], &Device::Cpu).unwrap();
    let config = dl_ops::RoiPoolConfig { output_size: [7, 7], spatial_scale: 1.0 / 16.0 };
    let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(numbers(&pooled), numbers(&dl_ops::roi_pool(&map, &rows, &config).unwrap()));
    assert_eq!((logits.dims(), deltas.dims()), ([2, 4].as_slice(), [2, 16].as_slice()));
}

#[test]
fn faster_rcnn_vgg16_proposes_regions_in_the_image() {
    let options = json!({"min_size": 64, "max_size": 96, "box_hidden": 16});
    let detector = drawn("faster_rcnn_vgg16", &options);
    let (x, placed) = input(&detector, [64, 90]);
    let proposals = detector.proposals(&x, &[placed]).unwrap().remove(0);
    assert!(!proposals.is_empty() && proposals.len() <= 4 * 5 * 9);
    assert!(proposals.iter().all(|found| found.bbox == found.bbox.clip(90.0, 64.0) && found.bbox.width() >= 16.0));
    detector.detect(&x, &[placed], &Rules::default()).unwrap();
}

/// Stage by stage, from the outputs of the heads.
#[test]
fn a_cascade_refines_boxes_and_averages_scores() {
    let options = json!({"min_size": 96, "max_size": 128, "rpn_post_nms_top_n_test": 20, "rpn_score_thresh": 0.0});
    let detector = drawn("cascade_rcnn_mobilenet_v3_large_fpn", &options);
    let (x, placed) = input(&detector, [90, 130]);
    let of_input = Tensor::from_slice(&x, (1, 3, 96, 128), &Device::Cpu).unwrap();
    let maps = detector.features(&of_input, &["backbone.0", "backbone.1"]).unwrap();
    let proposals = detector.proposals(&x, &[placed]).unwrap().remove(0);
    let scale = [128.0 / placed.source.width(), 96.0 / placed.source.height()];
    let mut regions: Vec<BBox> = proposals
        .iter()
        .map(|p| BBox::new(p.bbox.x1 * scale[0], p.bbox.y1 * scale[1], p.bbox.x2 * scale[0], p.bbox.y2 * scale[1]))
        .collect();
    let resized = [(90.0 * scale[1]).round(), (130.0 * scale[0]).round()];
    let mut mean = vec![[0.0; 4]; regions.len()];
    for (stage, weights) in
        [[10.0, 10.0, 5.0, 5.0], [20.0, 20.0, 10.0, 10.0], [30.0, 30.0, 15.0, 15.0]].into_iter().enumerate()
    {
        let [_, logits, deltas] = detector.heads(stage, &maps, &placed, &regions).unwrap();
        let logits = logits.to_vec2::<f32>().unwrap();
        for (mean, row) in mean.iter_mut().zip(logits) {
            let total: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
            mean.iter_mut().zip(row).for_each(|(mean, logit)| *mean += f64::from(logit).exp() / total / 3.0);
        }
        let coder = BoxCoder { weights };
        let deltas = deltas.to_vec2::<f32>().unwrap();
        let moved = regions.iter().zip(deltas).map(|(region, row)| {
            coder.decode(region, [0, 1, 2, 3].map(|i| f64::from(row[i]))).clip(resized[1], resized[0])
        });
        regions = moved.collect();
    }
    let raw =
        detector.detect(&x, &[placed], &Rules { raw: true, score: Some(0.0), ..Rules::default() }).unwrap().remove(0);
    assert_eq!(raw.len(), 3 * regions.len());
    for (region, mean) in regions.iter().zip(&mean) {
        let bbox = placed.clip(placed.to_image(*region));
        for (class, score) in mean.iter().enumerate().skip(1) {
            let same = |found: &&Found| {
                found.class == class - 1
                    && (found.score - score).abs() < 1e-5
                    && largest_difference(&found.bbox, &bbox) < 1e-3
            };
            assert!(raw.iter().any(|found| same(&found)), "{bbox:?} {class} {score}");
        }
    }
}

#[test]
fn every_network_of_the_table_that_has_maps_can_be_the_body() {
    for (body, map) in [("squeezenet1_1", "fire9"), ("mobilenet_v1", "blocks.3"), ("resnet18", "conv4_x")] {
        let found = RcnnKind::find("fasterrcnn_resnet50_fpn").unwrap().configured(
            json!({"body": body, "maps": [map], "fpn": "none", "anchor_sizes": [[32.0, 64.0]], "min_size": 64, "max_size": 96})
                .as_object()
                .unwrap(),
        );
        let (layout, recipe) = found.unwrap();
        let detector = GeneralizedRcnn::new(layout, recipe, labels(3), Parameters::fresh(1).builder(&Device::Cpu));
        match detector {
            Ok(detector) => {
                let (x, placed) = input(&detector, [64, 90]);
                assert!(!detector.proposals(&x, &[placed]).unwrap()[0].is_empty(), "{body}");
            }
            Err(error) => panic!("{body}: {error:#}"),
        }
    }
}
