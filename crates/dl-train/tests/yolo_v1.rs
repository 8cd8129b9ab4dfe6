//! Targets, loss and training of YOLOv1 equal those of darknet's own program. Skipped if the files do not exist.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test prints why")]

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use dl_models::detection::darknet::{Network, Recipe};
use dl_models::detection::yolo_v1::Grid;
use dl_models::{Backbone, Checkpoint, Parameters, Pass, Value};
use dl_ops::{SgdStep, sgd_step};
use dl_record::BBox;
use dl_train::detection::yolo_v1::{LossConfig, target};

fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights/darknet_yolov1").join(path);
    if !found.exists() {
        eprintln!("SKIPPED: {} does not exist", found.display());
    }
    found.exists().then_some(found)
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference.
#[track_caller]
fn worst(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max)
}

#[test]
fn targets_equal_darknets() {
    let Some(path) = shared("truth.expected.json") else { return };
    let stored = Checkpoint::open(&path.with_file_name("truth.safetensors")).unwrap();
    let cases = json(&path);
    let cases = cases["cases"].as_array().unwrap();
    let mut largest = 0_f32;
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let number = |key: &str| case[key].as_f64().unwrap();
        let labels: Vec<[f64; 5]> = serde_json::from_value(case["labels"].clone()).unwrap();
        let kept: Vec<usize> = serde_json::from_value(case["kept"].clone()).unwrap();
        let object = |[class, x, y, width, height]: [f64; 5]| {
            let along = |center: f64, length: f64, axis: &str| {
                let (scale, shift) = (number(&format!("s{axis}")), number(&format!("d{axis}")));
                [center - length / 2.0, center + length / 2.0].map(|edge| edge * scale - shift)
            };
            let ([mut x1, mut x2], [y1, y2]) = (along(x, width, "x"), along(y, height, "y"));
            if number("flip") == 1.0 {
                (x1, x2) = (1.0 - x2, 1.0 - x1);
            }
            (class as usize, BBox::new(x1, y1, x2, y2))
        };
        // darknet shuffles the list: those that were kept come first.
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_key(|index| !kept.contains(index));
        let objects: Vec<(usize, BBox)> = order.into_iter().map(|index| object(labels[index])).collect();
        let [side, classes] = ["side", "classes"].map(|key| case[key].as_u64().unwrap() as usize);
        let found = target(&objects, &Grid { side, boxes: 2, classes });
        let difference = worst(&found, &numbers(&stored.tensor(name, &Device::Cpu).unwrap()));
        assert!(difference < 2e-6, "{name}: {difference}");
        largest = largest.max(difference);
    }
    eprintln!("{} targets differ by {largest:.1e}", cases.len());
    assert_eq!(cases.len(), 15);
}

fn loss_config(options: &serde_json::Value) -> LossConfig {
    let count = |key: &str| options[key].as_u64().unwrap() as usize;
    let factor = |key: &str| options[key].as_f64().unwrap() as f32;
    LossConfig {
        grid: Grid { side: count("side"), boxes: count("num"), classes: count("classes") },
        object: factor("object_scale"),
        no_object: factor("noobject_scale"),
        class: factor("class_scale"),
        coordinates: factor("coord_scale"),
        rescore: count("rescore") == 1,
        sqrt: count("sqrt") == 1,
        softmax: count("softmax") == 1,
    }
}

#[test]
fn deltas_and_costs_equal_darknets() {
    let Some(path) = shared("detection_layer.expected.json") else { return };
    let stored = Checkpoint::open(&path.with_file_name("detection_layer.safetensors")).unwrap();
    let cases = json(&path);
    let cases = cases["cases"].as_array().unwrap();
    let (mut of_delta, mut of_cost) = (0_f32, 0_f64);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let tensor = |part: &str| numbers(&stored.tensor(&format!("{name}.{part}"), &Device::Cpu).unwrap());
        let loss = loss_config(&case["options"]).loss(&tensor("predictions"), &tensor("truth")).unwrap();
        let expected = tensor("delta");
        for (found, expected) in loss.delta.iter().zip(&expected) {
            assert!((found - expected).abs() < 2e-5 + 1e-5 * expected.abs(), "{name}: {found}, not {expected}");
        }
        of_delta = of_delta.max(worst(&loss.delta, &expected));
        for (found, key) in [(loss.cost, "cost"), (loss.total(), "half_loss")] {
            let expected = case[key].as_f64().unwrap();
            let error = (found - expected).abs() / expected;
            assert!(error < 1e-5, "{name}: {key} {found}, not {expected}");
            of_cost = of_cost.max(error);
        }
        let responsible = case["responsible"].as_array().unwrap();
        assert_eq!(loss.responsible.len(), responsible.len(), "{name}");
        for (found, stated) in loss.responsible.iter().zip(responsible) {
            let side = case["options"]["side"].as_u64().unwrap();
            let stated = |key: &str| stated[key].as_u64().unwrap();
            let cell = stated("row") * side + stated("column");
            assert_eq!(
                [found.image, found.cell, found.index].map(|number| number as u64),
                [stated("image"), cell, stated("box")],
                "{name}"
            );
        }
    }
    eprintln!("{} cases: deltas differ by {of_delta:.1e}, costs by {of_cost:.1e} of them", cases.len());
    assert_eq!(cases.len(), 19);
}

/// Three steps of SGD with momentum and decay, with darknet's own dropout masks.
#[test]
fn three_steps_of_training_equal_darknets() {
    let Some(path) = shared("yolov1_paper_train.expected.json") else { return };
    let beside = |name: &str| path.with_file_name(name);
    let (expected, device) = (json(&path), Device::Cpu);
    // The masks are bytes.
    let stored = candle_core::safetensors::load(beside("yolov1_paper_train.safetensors"), &device).unwrap();
    let tensor = |name: &str| stored[name].to_dtype(DType::F32).unwrap();
    let cfg = std::fs::read_to_string(beside("yolov1_paper_train.cfg")).unwrap();
    let start = Checkpoint::open(&beside("yolov1_paper.weights")).unwrap().all(&device).unwrap();
    let parameters = Parameters::starting_from(start, 0);
    let network = Network::of_cfg(&cfg, &Recipe::default(), &parameters.builder(&device)).unwrap();
    let vars = parameters.vars();
    let velocities: Vec<Tensor> = vars.iter().map(|(_, var)| var.zeros_like().unwrap()).collect();
    let (x, truth) = (tensor("input"), numbers(&tensor("truth")));
    let batch = x.dims()[0] as f64;
    let run = |x: &Value, mut pass: Pass| match network.run(x, &mut pass) {
        Ok(Value::Now(x)) => x,
        _ => match pass.kept().into_values().next() {
            Some(Value::Now(x)) => x,
            _ => panic!("the network was not computed"),
        },
    };
    let (mut of_delta, mut of_update) = (0_f32, 0_f32);
    for step in 0..3 {
        let before = run(&Value::Now(x.clone()), Pass::new(vec!["layer_28".into()], None));
        let dropped = ((before * tensor(&format!("step_{step}.layer_29.keep"))).unwrap() * 2.0).unwrap();
        let output = run(&Value::Before, Pass::new(Vec::new(), None).beginning_at("layer_29", dropped));
        let (scalar, loss) = LossConfig::default().tensor(&output, &truth).unwrap();
        of_delta = of_delta.max(worst(&loss.delta, &numbers(&tensor(&format!("step_{step}.delta")))));
        let cost = expected["costs"][step].as_f64().unwrap();
        assert!((loss.cost - cost).abs() < 1e-4 * cost, "step {step}: {}, not {cost}", loss.cost);
        let gradients = scalar.backward().unwrap();
        for ((name, var), velocity) in vars.iter().zip(&velocities) {
            let gradient = gradients.get(var).unwrap();
            if step == 0 {
                // module_list.3.Conv2d.weight
                let parts: Vec<&str> = name.split('.').collect();
                let stated = numbers(&tensor(&format!("step_0.layer_{}.{}_updates", parts[1], parts[3])));
                let largest = stated.iter().fold(0_f32, |largest, number| largest.max(number.abs()));
                let update = worst(&numbers(&gradient.neg().unwrap()), &stated);
                assert!(update < 2e-4 + 1e-3 * largest, "{name}: {update}");
                of_update = of_update.max(update);
            }
            let decay = if name.ends_with(".weight") { 0.0005 } else { 0.0 };
            let step = SgdStep { rate: 0.01, momentum: 0.9, decay, scale: 1.0 / batch };
            sgd_step(var, gradient, velocity, step).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let after = folder.path().join("after.weights");
    std::fs::copy(beside("yolov1_paper_train.step3.weights"), &after).unwrap();
    std::fs::write(after.with_extension("cfg"), cfg).unwrap();
    let after = Checkpoint::open(&after).unwrap();
    let mut of_weight = 0_f32;
    for (name, var) in &vars {
        of_weight = of_weight.max(worst(&numbers(var), &numbers(&after.tensor(name, &device).unwrap())));
    }
    eprintln!(
        "deltas differ by {of_delta:.1e}, updates by {of_update:.1e}, weights after three steps by {of_weight:.1e}"
    );
    assert!(of_delta < 2e-4 && of_weight < 2e-5, "{of_delta} {of_weight}");
}
