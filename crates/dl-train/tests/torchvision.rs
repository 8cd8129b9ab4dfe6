//! The losses of detectors, and a step of SGD, equal torchvision's; see testdata/goldens/detection/*/make_training.py.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../dl-models/tests/formula/mod.rs"]
mod formula;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use dl_models::Parameters;
use dl_models::detection::rcnn::{self, GeneralizedRcnn};
use dl_models::detection::ssd::Ssd;
use dl_models::detection::{DetectorOutline, Placed};
use dl_record::{BBox, rng};
use dl_train::detection::rcnn::Sampler;
use dl_train::detection::ssd::Matching;
use dl_train::detection::{DetectionLoss, RcnnTrainee, SsdTrainee, Trainee, Truth};
use dl_vision::masks::from_bitmap;
use formula::formula;
use serde_json::{Map, Value};

/// [height, width] of the images of two-stage detectors.
const SIZE: [usize; 2] = [96, 128];
const RATE: f64 = 0.01;

/// The weights of make_training.py; `gain` depends on the name.
fn weights(outline: &DetectorOutline, gain: impl Fn(&str) -> f64) -> BTreeMap<String, Tensor> {
    let weight = |(name, shape): (&String, &Vec<usize>)| {
        let fan_in: usize = shape.iter().skip(1).product();
        let (center, scale) = if name.ends_with("running_var") || (shape.len() == 1 && name.ends_with(".weight")) {
            (1.0, 0.5)
        } else {
            (0.0, if shape.len() == 1 { 0.1 } else { f64::sqrt(gain(name) / fan_in as f64) })
        };
        (name.clone(), formula(name, shape, center, scale))
    };
    outline.weights.iter().map(weight).collect()
}

/// Objects in an image of `size` [height, width], with their classes from 1.
fn truth(size: [usize; 2], objects: &[([usize; 4], usize)]) -> Truth {
    let [height, width] = size;
    let mask = |[x1, y1, x2, y2]: [usize; 4]| {
        let (x, y) = (usize::midpoint(x1, x2), usize::midpoint(y1, y2));
        let is_in = |row: usize, column: usize| {
            (y1..y).contains(&row) && (x1..x2).contains(&column) || (y..y2).contains(&row) && (x1..x).contains(&column)
        };
        let bitmap: Vec<u8> = (0..height * width).map(|at| u8::from(is_in(at / width, at % width))).collect();
        from_bitmap(&bitmap, width as u32, height as u32).unwrap()
    };
    let source = BBox::new(0.0, 0.0, width as f64, height as f64);
    Truth {
        placed: Placed { image: [width as u32, height as u32], source, size },
        extent: size.map(|side| side as f64),
        boxes: objects.iter().map(|(bbox, _)| BBox::from(bbox.map(|edge| edge as f64))).collect(),
        classes: objects.iter().map(|(_, class)| class - 1).collect(),
        masks: objects.iter().map(|(bbox, _)| mask(*bbox)).collect(),
        proposals: Vec::new(),
    }
}

/// Compares the parts of a loss and the changes of weights after a step with those of a golden.
fn compare(arch: &str, loss: &DetectionLoss, parameters: &Parameters, golden: &Value) {
    assert_eq!(loss.parts.len(), golden["losses"].as_object().unwrap().len());
    for (name, found) in &loss.parts {
        let expected = golden["losses"][name].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-4, "{arch}: {name} is {found}, not {expected}");
    }
    let gradients = loss.value.backward().unwrap();
    let vars: BTreeMap<String, _> = parameters.vars().into_iter().collect();
    for (name, expected) in golden["changes"].as_object().unwrap() {
        let change = (gradients.get(&vars[name]).unwrap() * -RATE).unwrap().flatten_all().unwrap();
        let change: Vec<f32> = change.to_vec1().unwrap();
        let sum: f64 = change.iter().map(|x| f64::from(*x)).sum();
        let size: f64 = change.iter().map(|x| f64::from(x.abs())).sum();
        let [wanted_sum, wanted_size] = [0, 1].map(|index| expected[index].as_f64().unwrap());
        let error = (sum - wanted_sum).abs().max((size - wanted_size).abs());
        assert!(error < 1e-3 * wanted_size + 1e-7, "{arch}: {name}: {sum} {size}, not {expected}");
    }
}

#[test]
fn losses_and_a_step_of_two_stages_equal_torchvisions() {
    let golden: Value =
        serde_json::from_str(include_str!("../../../testdata/goldens/detection/rcnn/training.json")).unwrap();
    let x = formula("x", &[2, 3, SIZE[0], SIZE[1]], 0.0, 1.0);
    let truths = [truth(SIZE, &[([8, 10, 60, 52], 1), ([70, 30, 118, 90], 2)]), truth(SIZE, &[([20, 16, 100, 84], 2)])];
    let labels = ["one", "two"].map(str::to_owned);
    for case in golden["cases"].as_array().unwrap() {
        let arch = case["arch"].as_str().unwrap();
        let config = rcnn::config(arch, None, &Map::new(), &labels).unwrap();
        let outline = GeneralizedRcnn::outline(&config).unwrap();
        let gain = |name: &str| if name.contains(".body.") { 2.0 } else { 1.0 };
        let weights = weights(&outline, gain);
        let is_norm = move |name: &str| {
            let module = name.rsplit_once('.').map_or("", |(module, _)| module);
            outline.weights.contains_key(&format!("{module}.running_mean"))
        };
        let parameters = Parameters::starting_from(weights, 0).frozen(is_norm);
        let trainee = RcnnTrainee::new(&config, &parameters, &Device::Cpu).unwrap().with_sampler(Sampler::First);
        compare(arch, &trainee.loss(&x, &truths, &mut rng(0, "")).unwrap(), &parameters, case);
    }
}

#[test]
fn losses_and_a_step_of_ssd_equal_torchvisions() {
    const SIDE: usize = 300;
    let golden: Value =
        serde_json::from_str(include_str!("../../../testdata/goldens/detection/ssd/training.json")).unwrap();
    let x = formula("x", &[2, 3, SIDE, SIDE], 0.0, 1.0);
    let first = [([24, 30, 190, 152], 1), ([200, 90, 280, 270], 2), ([40, 200, 66, 226], 3)];
    let truths = [truth([SIDE; 2], &first), truth([SIDE; 2], &[([60, 48, 290, 252], 2)])];
    let config = Ssd::default_config("ssd300_vgg16", 4).unwrap();
    let parameters = Parameters::starting_from(weights(&Ssd::outline(&config).unwrap(), |_| 3.6), 0);
    let ssd = Ssd::new(config, parameters.builder(&Device::Cpu)).unwrap();
    let trainee = SsdTrainee { ssd, matching: Matching::Torchvision };
    compare("ssd300_vgg16", &trainee.loss(&x, &truths, &mut rng(0, "")).unwrap(), &parameters, &golden);
}
