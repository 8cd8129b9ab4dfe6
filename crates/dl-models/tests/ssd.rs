//! SSD equals torchvision's with weights from a formula (testdata/goldens/detection/ssd/make_ssd.py), and the trained
//! detectors find what their sources find. The latter are skipped if the files do not exist.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test prints why")]

mod formula;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::detection::ssd::Ssd;
use dl_models::detection::{Detector, DetectorKind, Found, Placed, Rules, open};
use dl_models::{
    ChannelOrder, Checkpoint, Kind, ModelConfig, ModelFile, Parameters, Precision, checkpoint, with_candle_ops,
};
use dl_record::BBox;
use dl_vision::picture::warp::resample;
use formula::Formula;
use serde_json::Value;

fn shared(file: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(file);
    if !found.exists() {
        eprintln!("SKIPPED: {} does not exist", found.display());
    }
    found.exists().then_some(found)
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn stored(path: &Path, file: &str, tensor: &str) -> Vec<f32> {
    let path = path.with_file_name(file);
    numbers(&Checkpoint::open(&path).unwrap().tensor(tensor, &Device::Cpu).unwrap())
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max)
}

/// The stored photos, which already have the size of the input, as inputs; and where the original photos are in them.
fn photos(path: &Path, name: &str, ssd: &Ssd, expected: &Value) -> (Vec<f32>, Vec<Placed>) {
    let preprocessing = ssd.preprocessing();
    let file = path.with_file_name(format!("{name}.photos.safetensors"));
    let pixels = candle_core::safetensors::load(file, &Device::Cpu).unwrap()["pixels"].to_dtype(DType::F32).unwrap();
    let order = if preprocessing.channel_order == ChannelOrder::Bgr { [2, 1, 0] } else { [0, 1, 2] };
    let ordered = Tensor::cat(&order.map(|channel| pixels.narrow(1, channel, 1).unwrap()), 1).unwrap();
    assert_eq!(preprocessing.range, [0.0, 255.0]);
    let [mean, std] = [preprocessing.mean, preprocessing.std]
        .map(|numbers| Tensor::new(&numbers, &Device::Cpu).unwrap().reshape((1, 3, 1, 1)).unwrap());
    let x = ordered.broadcast_sub(&mean).unwrap().broadcast_div(&std).unwrap();
    let names = expected["input"]["names"].as_array().unwrap();
    let placed = names.iter().map(|name| {
        let photo = &expected["detections"]["photos"][name.as_str().unwrap()];
        let [width, height]: [u32; 2] = serde_json::from_value(photo["size"].clone()).unwrap();
        ssd.placed(width, height)
    });
    (numbers(&x), placed.collect())
}

/// The model file `name` gives the stored numbers and detections. `score`: the least score of the expected detections;
/// `maps`: the stored inner maps; `[classes, codes]`: the stored outputs of the heads.
fn finds_what_its_source_finds(name: &str, extension: &str, score: f64, heads: [&str; 2], maps: &[(&str, &str)]) {
    let Some(path) = shared(&format!("{name}.{extension}")) else { return };
    let expected: Value =
        serde_json::from_slice(&std::fs::read(path.with_file_name(format!("{name}.expected.json"))).unwrap()).unwrap();
    let file = Checkpoint::open(&path).unwrap();
    let kind = DetectorKind::of(&file, None).unwrap().expect("a detector");
    let ssd = Ssd::open(kind.name, file, &Device::Cpu).unwrap();
    let (x, placed) = photos(&path, name, &ssd, &expected);

    let output = format!("{name}.output.safetensors");
    let raw = ssd.run(&x).unwrap();
    let first = &x[..x.len() / placed.len()];
    let shape = (1, 3, ssd.preprocessing().size[0], ssd.preprocessing().size[1]);
    let first = Tensor::from_slice(first, shape, &Device::Cpu).unwrap();
    for (layer, tensor) in maps {
        let found = ssd.network().features(&first, &[layer.parse().unwrap()], None).unwrap().remove(0);
        let stored = stored(&path, &output, tensor);
        let difference = largest_difference(&numbers(&found)[..stored.len()], &stored);
        eprintln!("{name}: map {layer}: {difference:e}");
        assert!(difference < 1e-4, "{name} {layer}: {difference}");
    }
    let [logits, codes] = heads.map(|tensor| stored(&path, &output, tensor));
    let differences = [largest_difference(&raw[0].logits, &logits), largest_difference(&raw[0].codes, &codes)];
    eprintln!("{name}: logits {:e}, box codes {:e}", differences[0], differences[1]);
    assert!(differences.iter().all(|difference| *difference < 1e-4), "{name}: {differences:?}");

    let rules = Rules { score: Some(score), ..Rules::default() };
    let found = ssd.detect(&x, &placed, &rules).unwrap();
    let names = expected["input"]["names"].as_array().unwrap();
    let (mut farthest, mut largest) = (0.0_f64, 0.0_f64);
    for (found, photo) in found.iter().zip(names) {
        let photo = photo.as_str().unwrap();
        let expected = expected["detections"]["photos"][photo]["detections"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{name} {photo}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(ssd.labels()[found.class], expected["label"].as_str().unwrap(), "{name} {photo}");
            let bbox: [f64; 4] = serde_json::from_value(expected["box"].clone()).unwrap();
            let edges = <[f64; 4]>::from(found.bbox).into_iter().zip(bbox);
            farthest = edges.map(|(found, expected)| (found - expected).abs()).fold(farthest, f64::max);
            largest = largest.max((found.score - expected["score"].as_f64().unwrap()).abs());
        }
    }
    eprintln!("{name}: boxes {farthest:e} pixels, scores {largest:e}");
    assert!(farthest < 0.5 && largest < 1e-3, "{name}: boxes {farthest} pixels, scores {largest}");
}

#[test]
fn the_coco_ssd_on_mobilenet_v1_finds_what_its_source_finds() {
    let maps = [("blocks.4", "blocks.4"), ("extras.0", "extras.0"), ("extras.3", "extras.3")];
    let heads = ["class_logits", "box_codes"];
    finds_what_its_source_finds("coco_ssd_mobilenet_v1_300", "safetensors", 0.45, heads, &maps);
}

#[test]
fn opencvs_face_detector_finds_what_its_source_finds() {
    let maps = [("conv4_3_norm", "conv4_3_norm_first_16"), ("conv6_2", "conv6_2"), ("conv9_2", "conv9_2")];
    let heads = ["confidences", "locations"];
    finds_what_its_source_finds("face_ssd300_res10", "safetensors", 0.3, heads, &maps);
}

#[test]
fn the_slim_face_detector_finds_what_its_source_finds() {
    for extension in ["safetensors", "pth"] {
        finds_what_its_source_finds("face_ssd_slim_320", extension, 0.7, ["confidences", "locations"], &[]);
    }
}

fn small(name: &str, classes: usize) -> Ssd {
    let mut config = Ssd::default_config(name, classes).unwrap();
    config.options.insert("width".into(), 0.125.into());
    if name == "ssd512_vgg16" {
        config.preprocessing.size = [512, 512];
    }
    Ssd::new(config, Parameters::fresh(5).builder(&Device::Cpu)).unwrap()
}

/// Images of noise, different ones.
fn noise(ssd: &Ssd, images: usize) -> Vec<f32> {
    let [height, width] = ssd.preprocessing().size;
    let count = images * 3 * height * width;
    (0..count as u64)
        .map(|index| (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 8_388_608.0 - 1.0)
        .collect()
}

fn bits(found: &[Vec<Found>]) -> Vec<Vec<(usize, [u64; 5])>> {
    let bits = |found: &Found| {
        let BBox { x1, y1, x2, y2 } = found.bbox;
        (found.class, [x1, y1, x2, y2, found.score].map(f64::to_bits))
    };
    found.iter().map(|found| found.iter().map(bits).collect()).collect()
}

#[test]
fn detections_are_the_same_bits_alone_and_in_any_batch_with_any_number_of_threads() {
    for name in ["ssd300_vgg16", "ssdlite320_mobilenet_v3_large"] {
        let ssd = small(name, 4);
        let x = noise(&ssd, 3);
        let placed = [ssd.placed(500, 375), ssd.placed(31, 200), ssd.placed(640, 480)];
        let rules = Rules { score: Some(0.0), max: Some(50), ..Rules::default() };
        let together = bits(&ssd.detect(&x, &placed, &rules).unwrap());
        assert!(together.iter().all(|found| found.len() == 50), "{name}");
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                assert!(together == bits(&ssd.detect(&x, &placed, &rules).unwrap()), "{name}, {threads} threads");
                for (index, x) in x.chunks(x.len() / 3).enumerate() {
                    let alone = bits(&ssd.detect(x, &placed[index..=index], &rules).unwrap());
                    assert!(together[index..=index] == alone, "{name} image {index} alone, {threads} threads");
                }
            });
        }
    }
}

#[test]
fn every_architecture_is_built_from_a_config_and_a_saved_one_opens() {
    let folder = tempfile::tempdir().unwrap();
    let boxes = [
        ("ssd300_vgg16", 8732),
        ("ssd512_vgg16", 24564),
        ("ssd_mobilenet_v1", 1917),
        ("ssdlite_mobilenet_v2", 3234),
        ("ssdlite320_mobilenet_v3_large", 3234),
    ];
    for (name, count) in boxes {
        let mut config = Ssd::default_config(name, 3).unwrap();
        config.options.insert("width".into(), 0.125.into());
        let parameters = Parameters::fresh(1);
        let ssd = Ssd::new(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
        assert_eq!(ssd.default_boxes().len(), count, "{name}");
        let path = folder.path().join(format!("{name}.safetensors"));
        checkpoint::save(&path, &config, &parameters.tensors(), Precision::F32).unwrap();
        assert_eq!(ModelFile::open(&path, None).unwrap().kind(), Kind::Detector);
        let opened = open(Checkpoint::open(&path).unwrap(), None, &Device::Cpu).unwrap().expect("a detector");
        let x = noise(&ssd, 1);
        let placed = [ssd.placed(90, 60)];
        let rules = Rules { score: Some(0.0), max: Some(5), ..Rules::default() };
        let (built, opened) = (ssd.detect(&x, &placed, &rules).unwrap(), opened.detect(&x, &placed, &rules).unwrap());
        assert_eq!((built[0].len(), bits(&built)), (5, bits(&opened)), "{name}");
    }
}

#[test]
fn a_plan_computes_the_outputs_that_are_trained() {
    for name in ["ssd300_vgg16", "ssd_mobilenet_v1", "ssdlite_mobilenet_v2", "ssdlite320_mobilenet_v3_large"] {
        let ssd = small(name, 4);
        let x = noise(&ssd, 1);
        let planned = ssd.run(&x).unwrap().remove(0);
        let [height, width] = ssd.preprocessing().size;
        let x = Tensor::from_vec(x, (1, 3, height, width), &Device::Cpu).unwrap();
        let maps = with_candle_ops(|| ssd.network().features(&x, ssd.outputs(), None)).unwrap();
        let rows = |part: usize, columns: usize| -> Vec<f32> {
            let maps = maps.iter().skip(part).step_by(2);
            // [1, boxes per cell x columns, h, w] -> [h w boxes per cell x columns]
            maps.flat_map(|map| numbers(&map.permute((0, 2, 3, 1)).unwrap().reshape(((), columns)).unwrap())).collect()
        };
        for (found, expected) in [(&planned.logits, rows(0, 4)), (&planned.codes, rows(1, 4))] {
            let size = expected.iter().map(|x| x.abs()).fold(0.0, f32::max);
            let difference = largest_difference(found, &expected);
            assert!(difference <= 1e-4 * size, "{name}: {difference} of {size}");
        }
    }
}

#[test]
fn rules_change_the_recipe() {
    let ssd = small("ssd_mobilenet_v1", 4);
    let x = noise(&ssd, 1);
    let placed = [ssd.placed(100, 100)];
    let detect = |rules: Rules| ssd.detect(&x, &placed, &rules).unwrap().remove(0);
    let all = detect(Rules::default());
    assert_eq!(all.len(), 100);
    assert!(all.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!(detect(Rules { max: Some(7), ..Rules::default() }), all[..7]);
    let score = all[10].score;
    assert!(detect(Rules { score: Some(score), ..Rules::default() }).iter().all(|found| found.score >= score));
    let second = detect(Rules { classes: Some(vec![2]), ..Rules::default() });
    assert!(!second.is_empty() && second.iter().all(|found| found.class == 2));
    assert_eq!(detect(Rules { raw: true, ..Rules::default() }).len(), 3 * 1917);
}

/// A file of an architecture's tensors and nothing else, as torchvision's checkpoints are.
fn bare(path: &Path, config: ModelConfig) {
    let parameters = Parameters::fresh(2);
    Ssd::new(config, parameters.builder(&Device::Cpu)).unwrap();
    let tensors: HashMap<String, Tensor> = parameters.tensors().into_iter().collect();
    candle_core::safetensors::save(&tensors, path).unwrap();
}

#[test]
fn bare_weights_are_recognized_by_their_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.safetensors");
    let cases = [
        ("ssdlite_mobilenet_v2", 91, "toothbrush"),
        ("ssdlite320_mobilenet_v3_large", 91, "toothbrush"),
        ("ssd_mobilenet_v1", 21, "tvmonitor"),
        ("ssd_mb_tiny_slim", 2, "face"),
        ("ssd300_res10", 2, "face"),
        ("ssd_mb_tiny_slim", 4, "3"),
    ];
    for (name, classes, last) in cases {
        let mut config = Ssd::default_config(name, classes).unwrap();
        if name == "ssdlite320_mobilenet_v3_large" {
            config.options.insert("reduced_tail".into(), false.into());
        }
        bare(&path, config);
        let opened = open(Checkpoint::open(&path).unwrap(), None, &Device::Cpu).unwrap().expect(name);
        let labels = opened.labels();
        assert_eq!((labels.len(), labels[0].as_str(), labels[classes - 1].as_str()), (classes, "background", last));
    }
    let file = Checkpoint::open(&path).unwrap();
    assert_eq!(DetectorKind::of(&file, None).unwrap().unwrap().name, "ssd_mb_tiny_slim");
}

#[test]
fn vggs_weights_are_recognized_by_their_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.safetensors");
    for (name, classes) in [("ssd300_vgg16", 3), ("ssd512_vgg16", 3)] {
        let mut config = Ssd::default_config(name, classes).unwrap();
        config.options.insert("width".into(), 0.125.into());
        bare(&path, config);
        let file = Checkpoint::open(&path).unwrap();
        assert_eq!(DetectorKind::of(&file, None).unwrap().unwrap().name, name);
        // A narrow network without a config does not fit, and the message says where.
        assert!(error(&path, None).contains("backbone.features.0.weight"), "{}", error(&path, None));
    }
}

#[test]
fn an_input_that_is_too_small_for_the_network_is_an_error() {
    let mut config = Ssd::default_config("ssd300_vgg16", 3).unwrap();
    config.options.insert("width".into(), 0.125.into());
    config.preprocessing.size = [64, 64];
    let error = Ssd::new(config, Parameters::fresh(1).builder(&Device::Cpu)).err().unwrap();
    let text = format!("{error:#}");
    assert!(text.contains("an input of 64 x 64 pixels") && !text.contains('\n'), "{text}");
}

fn error(path: &Path, arch: Option<&str>) -> String {
    let file = Checkpoint::open(path).unwrap();
    format!("{:#}", open(file, arch, &Device::Cpu).err().expect("an error"))
}

#[test]
fn a_file_that_does_not_fit_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let mut config = Ssd::default_config("ssd_mobilenet_v1", 3).unwrap();
    config.options.insert("width".into(), 0.125.into());
    let parameters = Parameters::fresh(1);
    Ssd::new(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
    let save = |config: &ModelConfig| {
        checkpoint::save(&path, config, &parameters.tensors(), Precision::F32).unwrap();
    };
    config.num_classes = 5;
    save(&config);
    let text = error(&path, None);
    assert!(text.contains("classification_headers.0.weight") && !text.contains('\n'), "{text}");
    config.num_classes = 500_000;
    save(&config);
    assert!(error(&path, None).contains("its config describes a network of"), "{}", error(&path, None));
    config.num_classes = 3;
    config.options.insert("recipe".into(), "mine".into());
    save(&config);
    assert!(error(&path, None).contains("recipe \"mine\" does not exist; choose from torchvision"));
}

/// Compares a golden's sum, size and picked numbers.
#[track_caller]
fn assert_summary(found: &[f32], golden: &Value, tolerance: f64, what: &str) {
    assert_eq!(found.len(), golden["count"].as_u64().unwrap() as usize, "{what}");
    let size: f64 = found.iter().map(|x| f64::from(x.abs())).sum();
    let sum: f64 = found.iter().map(|x| f64::from(*x)).sum();
    let (expected_size, expected_sum) = (golden["size"].as_f64().unwrap(), golden["sum"].as_f64().unwrap());
    assert!((size - expected_size).abs() <= tolerance * expected_size, "{what}: size {size}, not {expected_size}");
    assert!((sum - expected_sum).abs() <= tolerance * expected_size, "{what}: sum {sum}, not {expected_sum}");
    let typical = expected_size / found.len() as f64;
    let picked = golden["picked"].as_array().unwrap();
    let step = (found.len() / picked.len()).max(1);
    let mut largest = 0.0_f64;
    for (found, expected) in found.iter().step_by(step).zip(picked) {
        let expected = expected.as_f64().unwrap();
        let error = (f64::from(*found) - expected).abs() / (expected.abs() + typical);
        largest = largest.max(error);
        assert!(error <= tolerance, "{what}: {found}, not {expected}");
    }
    eprintln!("{what}: sum {:e}, numbers {largest:e}", (sum - expected_sum).abs() / expected_size);
}

fn equals_torchvision(name: &str) {
    let goldens: Value =
        serde_json::from_str(include_str!("../../../testdata/goldens/detection/ssd/ssd.json")).unwrap();
    let golden = &goldens[name];
    let classes = golden["classes"].as_u64().unwrap() as usize;
    let mut config = Ssd::default_config(name, classes).unwrap();
    config.options = golden["options"].as_object().unwrap().clone();
    let weights = Formula::new(golden["gain"].as_f64().unwrap());
    let ssd = Ssd::new(config, VarBuilder::from_backend(Box::new(weights.clone()), DType::F32, Device::Cpu)).unwrap();
    let names: Vec<String> = weights.vars().into_keys().collect();
    let expected: Vec<String> = serde_json::from_value(golden["tensors"].clone()).unwrap();
    let other = names.iter().find(|name| !expected.contains(name));
    assert!(names == expected, "{name}: {} tensors, not {}; first unknown one: {other:?}", names.len(), expected.len());

    let [width, height]: [u32; 2] = serde_json::from_value(golden["image"].clone()).unwrap();
    let image = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([0, 1, 2].map(|channel| ((y * 37 + x * 91 + channel * 53 + (x * y) % 29 * 7) % 256) as u8))
    });
    let placed = ssd.placed(width, height);
    let mut x = vec![0.0; 3 * placed.size[0] * placed.size[1]];
    let preprocessing = ssd.preprocessing();
    let normalization = preprocessing.normalization();
    resample(&image, &placed.source, placed.size, preprocessing.interpolation, &normalization, &mut x);
    assert_summary(&x, &golden["input"], 1e-5, &format!("{name} input"));

    let edges: Vec<f32> =
        ssd.default_boxes().iter().flat_map(|bbox| <[f64; 4]>::from(*bbox)).map(|edge| edge as f32).collect();
    assert_summary(&edges, &golden["default_boxes"], 1e-5, &format!("{name} default boxes"));

    let sources: Vec<dl_models::LayerName> =
        golden["sources"].as_object().unwrap().keys().map(|layer| layer.parse().unwrap()).collect();
    let tensor = Tensor::from_slice(&x, (1, 3, placed.size[0], placed.size[1]), &Device::Cpu).unwrap();
    let maps = ssd.network().features(&tensor, &sources, None).unwrap();
    for (layer, map) in sources.iter().zip(&maps) {
        assert_summary(&numbers(map), &golden["sources"][&layer.name], 1e-4, &format!("{name} {layer}"));
    }
    let raw = ssd.run(&x).unwrap().remove(0);
    assert_summary(&raw.logits, &golden["logits"], 1e-4, &format!("{name} logits"));
    assert_summary(&raw.codes, &golden["codes"], 1e-4, &format!("{name} box codes"));

    let found = ssd.detect(&x, &[placed], &Rules::default()).unwrap().remove(0);
    let expected = golden["detections"].as_array().unwrap();
    let (mut farthest, mut largest) = (0.0_f64, 0.0_f64);
    assert_eq!(found.len(), golden["found"].as_u64().unwrap() as usize, "{name}");
    for expected in expected {
        let bbox: [f64; 4] = serde_json::from_value(expected["box"].clone()).unwrap();
        let label = expected["label"].as_u64().unwrap() as usize;
        let away = |found: &Found| {
            let edges = <[f64; 4]>::from(found.bbox).into_iter().zip(bbox);
            edges.map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max)
        };
        let of_class = found.iter().filter(|found| found.class == label);
        let nearest = of_class.min_by(|a, b| away(a).total_cmp(&away(b))).unwrap();
        farthest = farthest.max(away(nearest));
        largest = largest.max((nearest.score - expected["score"].as_f64().unwrap()).abs());
    }
    eprintln!("{name}: boxes {farthest:e} pixels, scores {largest:e}");
    assert!(farthest < 1e-2 && largest < 1e-4, "{name}: boxes {farthest} pixels, scores {largest}");
}

#[test]
fn ssd300_vgg16_equals_torchvision() {
    equals_torchvision("ssd300_vgg16");
}

#[test]
fn ssdlite320_mobilenet_v3_large_equals_torchvision() {
    equals_torchvision("ssdlite320_mobilenet_v3_large");
}
