//! Training of two-stage detectors: losses fall, gradients arrive everywhere, and files open again.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use dl_models::checkpoint::save;
use dl_models::detection::rcnn::{self, GeneralizedRcnn, RCNNS};
use dl_models::detection::{Detector, Placed, Rules};
use dl_models::{ARCHITECTURES, Checkpoint, Parameters, Precision, TRANSFORMERS};
use dl_record::{BBox, rng};
use dl_train::detection::rcnn::Sampler;
use dl_train::detection::{DetectionLoss, RcnnTrainee, Trainee, Truth};
use dl_train::fit::{Parameter, weights};
use dl_vision::masks::from_bitmap;
use rand::RngExt;
use serde_json::{Map, Value, json};

const SIDE: usize = 96;

fn options(more: &Value) -> Map<String, Value> {
    let mut options = json!({
        "body_options": {"width": 0.25},
        "min_size": SIDE, "max_size": SIDE, "fpn_channels": 32, "box_hidden": 32,
        "rpn_batch_size_per_image": 64, "box_batch_size_per_image": 32,
    });
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    options.as_object().unwrap().clone()
}

fn labels() -> Vec<String> {
    ["square", "tall"].map(str::to_owned).to_vec()
}

fn trainee(arch: &str, more: &Value) -> (RcnnTrainee, Parameters) {
    let config = rcnn::config(arch, None, &options(more), &labels()).unwrap();
    let parameters = Parameters::fresh(3);
    (RcnnTrainee::new(&config, &parameters, &Device::Cpu).unwrap(), parameters)
}

/// Noise with a rectangle for each object: a square one is bright, a tall one dark.
fn scene(objects: &[Vec<(usize, BBox)>]) -> (Tensor, Vec<Truth>) {
    let mut random = rng(7, "scene");
    let mut numbers = Vec::new();
    let mut truths = Vec::new();
    for objects in objects {
        let mut image = vec![0.0_f32; 3 * SIDE * SIDE];
        image.iter_mut().for_each(|pixel| *pixel = random.random_range(-0.3..0.3));
        let mut masks = Vec::new();
        for (class, bbox) in objects {
            let inside = |at: usize| {
                let (x, y) = ((at % SIDE) as f64 + 0.5, (at / SIDE % SIDE) as f64 + 0.5);
                x > bbox.x1 && x < bbox.x2 && y > bbox.y1 && y < bbox.y2
            };
            let color = if *class == 0 { 2.0 } else { -2.0 };
            image.iter_mut().enumerate().filter(|(at, _)| inside(*at)).for_each(|(_, pixel)| *pixel += color);
            let bitmap: Vec<u8> = (0..SIDE * SIDE).map(|at| u8::from(inside(at))).collect();
            masks.push(from_bitmap(&bitmap, SIDE as u32, SIDE as u32).unwrap());
        }
        numbers.extend(image);
        let source = BBox::new(0.0, 0.0, SIDE as f64, SIDE as f64);
        truths.push(Truth {
            placed: Placed { image: [SIDE as u32; 2], source, size: [SIDE; 2] },
            extent: [SIDE as f64; 2],
            boxes: objects.iter().map(|(_, bbox)| *bbox).collect(),
            classes: objects.iter().map(|(class, _)| *class).collect(),
            masks,
            proposals: (0..40)
                .map(|index| {
                    let (x, y) = (f64::from(index % 8) * 10.0, f64::from(index / 8) * 14.0);
                    BBox::new(x, y, x + 24.0, y + 30.0)
                })
                .collect(),
        });
    }
    (Tensor::from_vec(numbers, (objects.len(), 3, SIDE, SIDE), &Device::Cpu).unwrap(), truths)
}

fn two_images() -> (Tensor, Vec<Truth>) {
    scene(&[
        vec![(0, BBox::new(10.0, 12.0, 42.0, 44.0)), (1, BBox::new(60.0, 20.0, 80.0, 70.0))],
        vec![(0, BBox::new(50.0, 48.0, 84.0, 80.0))],
    ])
}

/// The moving sums of gradients by weight.
type Momenta = HashMap<String, Tensor>;

fn step(
    (trainee, parameters): &(RcnnTrainee, Parameters),
    momenta: &mut Momenta,
    scene: &(Tensor, Vec<Truth>),
    draw: &str,
) -> DetectionLoss {
    let loss = trainee.loss(&scene.0, &scene.1, &mut rng(1, draw)).unwrap();
    let gradients = loss.value.backward().unwrap();
    for Parameter { name, var, .. } in weights(parameters, 0.0, &|_| 1.0) {
        if let Some(gradient) = gradients.get(&var) {
            let momentum = match momenta.get(&name) {
                Some(before) => ((before * 0.9).unwrap() + gradient).unwrap(),
                None => gradient.clone(),
            };
            var.set(&(var.as_tensor() - (&momentum * 0.02).unwrap()).unwrap()).unwrap();
            momenta.insert(name, momentum);
        }
    }
    loss
}

fn total(loss: &DetectionLoss) -> f64 {
    f64::from(loss.value.to_scalar::<f32>().unwrap())
}

#[track_caller]
fn assert_falls(arch: &str, more: &Value, parts: &[&str]) {
    let trained = trainee(arch, more);
    let scene = two_images();
    let (mut losses, mut momenta) = (Vec::new(), Momenta::new());
    for index in 0..20 {
        let loss = step(&trained, &mut momenta, &scene, &index.to_string());
        let names: Vec<&str> = loss.parts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, parts);
        let sum: f64 = loss.parts.iter().map(|(_, part)| part).sum();
        assert!((sum - total(&loss)).abs() < 1e-4);
        losses.push(total(&loss));
    }
    let (first, last) = (losses[0], losses[17..].iter().sum::<f64>() / 3.0);
    assert!(last < 0.8 * first, "{arch}: {losses:?}");
}

#[test]
fn the_loss_of_faster_rcnn_falls() {
    assert_falls(
        "faster_rcnn",
        &json!({}),
        &["loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"],
    );
}

#[test]
fn the_loss_of_faster_rcnn_without_a_pyramid_falls() {
    let parts = ["loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"];
    assert_falls(
        "faster_rcnn",
        &json!({"fpn": "none", "roi": "pool", "box_dropout": 0.5, "recipe": "faster-caffe",
        "rpn_min_size": 1.0, "channel_order": "RGB"}),
        &parts,
    );
}

#[test]
fn the_loss_of_fast_rcnn_falls() {
    assert_falls("fast_rcnn", &json!({"box_bg_iou_range": [0.1, 0.5]}), &["loss_classifier", "loss_box_reg"]);
}

#[test]
fn the_loss_of_mask_rcnn_falls() {
    let parts = ["loss_objectness", "loss_rpn_box_reg", "loss_mask", "loss_classifier", "loss_box_reg"];
    assert_falls("mask_rcnn", &json!({}), &parts);
}

#[test]
fn the_loss_of_a_cascade_falls_at_its_three_stages() {
    let parts = [
        "loss_objectness",
        "loss_rpn_box_reg",
        "loss_cls_stage0",
        "loss_box_reg_stage0",
        "loss_cls_stage1",
        "loss_box_reg_stage1",
        "loss_cls_stage2",
        "loss_box_reg_stage2",
    ];
    assert_falls("cascade_rcnn", &json!({"recipe": "detectron2"}), &parts);
}

#[test]
fn gradients_reach_every_trained_weight() {
    for (arch, more) in [
        ("faster_rcnn", json!({})),
        ("mask_rcnn", json!({"fpn": "norm", "masks": "norm"})),
        ("cascade_rcnn", json!({})),
        ("fast_rcnn", json!({"fpn": "plain"})),
    ] {
        let (trainee, parameters) = trainee(arch, &more);
        let (x, truths) = two_images();
        let loss = trainee.loss(&x, &truths, &mut rng(0, "")).unwrap();
        let gradients = loss.value.backward().unwrap();
        for Parameter { name, var, .. } in weights(&parameters, 0.0, &|_| 1.0) {
            // Small regions are pooled from the first map alone.
            if arch == "fast_rcnn" && ["layer_blocks.1", "layer_blocks.2"].iter().any(|block| name.contains(block)) {
                continue;
            }
            let gradient = gradients.get(&var).unwrap_or_else(|| panic!("{arch}: {name} has no gradient"));
            let size = gradient.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(size.is_finite() && size > 0.0, "{arch}: {name} {size}");
        }
    }
}

#[test]
fn images_without_objects_show_background() {
    for arch in ["faster_rcnn", "mask_rcnn", "cascade_rcnn", "fast_rcnn"] {
        let (trainee, _) = trainee(arch, &json!({}));
        let (x, mut truths) = scene(&[vec![], vec![]]);
        let loss = trainee.loss(&x, &truths, &mut rng(0, "")).unwrap();
        assert!(total(&loss).is_finite() && total(&loss) > 0.0);
        for (name, part) in &loss.parts {
            assert!(part.is_finite() && (*part == 0.0 || !name.contains("box_reg") && *name != "loss_mask"), "{name}");
        }
        assert!(!loss.value.backward().unwrap().get_ids().collect::<Vec<_>>().is_empty());
        let (x, one) = scene(&[vec![(1, BBox::new(30.0, 20.0, 52.0, 71.0))], vec![]]);
        let loss = trainee.loss(&x, &one, &mut rng(0, "")).unwrap();
        assert!(loss.parts.iter().any(|(name, part)| name.contains("box_reg") && *part > 0.0));
        // Not even a proposal.
        truths.iter_mut().for_each(|truth| truth.proposals.clear());
        assert!(total(&trainee.loss(&x, &truths, &mut rng(0, "")).unwrap()).is_finite());
    }
}

#[test]
fn a_loss_depends_on_the_draw_and_not_on_threads() {
    let (x, truths) = two_images();
    let numbers = |draw: &str, threads: usize| {
        let (trainee, _) = trainee("mask_rcnn", &json!({}));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| trainee.loss(&x, &truths, &mut rng(1, draw)).unwrap().parts)
    };
    assert_eq!(numbers("a", 1), numbers("a", 2));
    assert_ne!(numbers("a", 1), numbers("b", 1));
    let (trainee, _) = trainee("mask_rcnn", &json!({}));
    let first = trainee.with_sampler(Sampler::First);
    assert_eq!(
        first.loss(&x, &truths, &mut rng(1, "a")).unwrap().parts,
        first.loss(&x, &truths, &mut rng(1, "b")).unwrap().parts
    );
}

#[test]
fn a_trained_file_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for arch in ["fast_rcnn", "faster_rcnn", "mask_rcnn", "cascade_rcnn"] {
        let config = rcnn::config(arch, Some("squeezenet1_1"), &Map::new(), &labels()).unwrap();
        let parameters = Parameters::fresh(3);
        let trainee = RcnnTrainee::new(&config, &parameters, &Device::Cpu).unwrap();
        let outline = GeneralizedRcnn::outline(&config).unwrap();
        assert_eq!(outline.weights.keys().collect::<Vec<_>>(), parameters.tensors().keys().collect::<Vec<_>>());
        save(&path, &serde_json::to_value(&config).unwrap(), &parameters.tensors(), Precision::F32).unwrap();
        let opened = dl_models::detection::open(Checkpoint::open(&path).unwrap(), None, &Device::Cpu).unwrap().unwrap();
        assert_eq!(opened.labels(), labels());
        assert_eq!(opened.preprocessing(), trainee.detector().preprocessing());
        assert_eq!(opened.preprocessing(), &config.preprocessing);
        let two_stage = opened.two_stage().unwrap();
        assert_eq!(two_stage.layout(), trainee.detector().layout());
        let placed = opened.placed(120, 80);
        let x = vec![0.1; 3 * placed.size[0] * placed.size[1]];
        let regions = vec![vec![BBox::new(0.0, 0.0, 60.0, 50.0)]];
        let rules = Rules { score: Some(0.0), ..Rules::default() };
        if two_stage.has_proposals() {
            opened.detect(&x, &[placed], &rules).unwrap();
        } else {
            assert!(!two_stage.detect_regions(&x, &[placed], &regions, &rules).unwrap()[0].is_empty());
        }
    }
}

#[test]
fn every_image_network_has_maps_for_a_detector() {
    for architecture in ARCHITECTURES {
        let head = format!("backbone.body.{}.", architecture.head);
        for fpn in ["plain", "none"] {
            let options = json!({"fpn": fpn});
            let config = rcnn::config("faster_rcnn", Some(architecture.name), options.as_object().unwrap(), &labels());
            match config.and_then(|config| Ok((GeneralizedRcnn::outline(&config)?, config))) {
                Ok((outline, config)) => {
                    assert!(!outline.weights.keys().any(|name| name.starts_with(&head)), "{config:?}");
                }
                Err(error) => {
                    let name = architecture.name;
                    let without_maps =
                        ["clip", "conv4", "dinov2", "siglip", "vit"].contains(&name) || TRANSFORMERS.contains(&name);
                    assert!(without_maps, "{name} with {fpn}: {error:#}");
                }
            }
        }
    }
    let own =
        rcnn::config("fasterrcnn_resnet50_fpn", Some("resnet18"), &Map::new(), &labels()).unwrap_err().to_string();
    assert!(own.contains("has its own backbone"), "{own}");
    assert_eq!(RCNNS.iter().filter(|kind| kind.any_body).count(), 4);
}
