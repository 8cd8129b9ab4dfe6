//! Networks in darknet's format agree with the outputs of darknet's own program, layer by layer and box by box. Skipped
//! if the files do not exist.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test prints why")]

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use dl_models::checkpoint::convert;
use dl_models::detection::darknet::{Darknet, Network, Recipe, Suppression};
use dl_models::detection::{self, Detector, Found, Placed, Rules};
use dl_models::{Backbone, Checkpoint, LayerName};
use dl_record::BBox;
use dl_vision::boxes::iou;
use dl_vision::picture::warp::{Interpolation, resample};
use serde_json::Value;

fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(path);
    if !found.exists() {
        eprintln!("SKIPPED: {} does not exist", found.display());
    }
    found.exists().then_some(found)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn detector(path: &Path, recipe: &str) -> Darknet {
    Darknet::open(Checkpoint::open(path).unwrap(), &Recipe::named(recipe).unwrap(), &Device::Cpu).unwrap()
}

fn layer(name: &str) -> LayerName {
    name.parse().unwrap()
}

/// The largest difference of any layer in `stored` from the network's; plans and direct computation are compared.
fn worst_layer(detector: &Darknet, x: &Tensor, stored: &Checkpoint, but: &[&str]) -> f32 {
    let known = detector.network().layers();
    let mut worst = 0_f32;
    let mut compared = 0;
    for tensor in stored.tensors() {
        if !tensor.name.starts_with("layer_") || but.contains(&tensor.name.as_str()) {
            continue;
        }
        assert!(known.contains(&tensor.name), "{}", tensor.name);
        let expected = stored.tensor(&tensor.name, &Device::Cpu).unwrap();
        let requested = [layer(&tensor.name)];
        let network: &dyn Backbone = detector.network();
        for found in [detector.features(x, &requested).unwrap(), network.features(x, &requested, None).unwrap()] {
            assert_eq!(found[0].elem_count(), expected.elem_count(), "{}", tensor.name);
            for (found, expected) in numbers(&found[0]).iter().zip(numbers(&expected)) {
                worst = worst.max((found - expected).abs() / (1.0 + expected.abs()));
            }
        }
        compared += 1;
    }
    assert!(compared > 1);
    worst
}

/// The largest difference of an edge and of a score from the stated boxes, which are cut to the image as ours are.
fn worst_box(found: &[Found], stated: &Value, image: [u32; 2]) -> (f64, f64) {
    let [width, height] = image.map(f64::from);
    let stated: Vec<(BBox, usize, f64)> = stated
        .as_array()
        .unwrap()
        .iter()
        .map(|object| {
            let bbox: BBox = serde_json::from_value(object["box"].clone()).unwrap();
            let class = object["class"].as_u64().unwrap() as usize;
            (bbox.clip(width, height), class, object["score"].as_f64().unwrap())
        })
        .filter(|(bbox, ..)| bbox.area() > 0.0)
        .collect();
    assert_eq!(found.len(), stated.len());
    let (mut edge, mut score) = (0_f64, 0_f64);
    for (found, stated) in found.iter().zip(&stated) {
        assert_eq!(found.class, stated.1);
        score = score.max((found.score - stated.2.min(1.0)).abs());
        for (found, stated) in <[f64; 4]>::from(found.bbox).iter().zip(<[f64; 4]>::from(stated.0)) {
            edge = edge.max((found - stated).abs());
        }
    }
    (edge, score)
}

fn equals_darknet(set: &str, weights: &str) {
    let Some(path) = shared(&format!("darknet_yolov1/{weights}.weights")) else { return };
    let folder = tempfile::tempdir().unwrap();
    // The transposed file has no .cfg of its name.
    let own = folder.path().join(format!("{weights}.weights"));
    std::fs::copy(&path, &own).unwrap();
    std::fs::copy(path.with_file_name(format!("{set}.cfg")), own.with_extension("cfg")).unwrap();
    let stored = |kind: &str| Checkpoint::open(&path.with_file_name(format!("{set}.{kind}.safetensors"))).unwrap();
    let expected = json(&path.with_file_name(format!("{set}.expected.json")));
    let x = stored("input").tensor("input", &Device::Cpu).unwrap();
    let cpu = detector(&own, "darknet-cpu");
    let worst = worst_layer(&cpu, &x, &stored("output"), &[]);
    let default = worst_layer(&detector(&own, "darknet"), &x, &stored("output"), &[]);
    eprintln!("{weights}: layers differ by {worst:.1e}, with the default epsilon by {default:.1e}");
    assert!(worst < 2e-5 && default < 1e-4, "{worst} {default}");

    let (height, width) = (x.dims()[2], x.dims()[3]);
    let placed = Placed { image: [500, 375], source: BBox::new(0.0, 0.0, 500.0, 375.0), size: [height, width] };
    let found = cpu.detect(&numbers(&x), &[placed], &Rules::default()).unwrap().remove(0);
    let (edge, score) = worst_box(&found, &expected["detections"]["detections"], placed.image);
    eprintln!("{weights}: {} boxes differ by {edge:.1e} pixels, scores by {score:.1e}", found.len());
    assert!(edge < 0.01 && score < 1e-4, "{edge} {score}");

    let suppression = Suppression { score: 0.001, iou: 0.5, clip: false };
    let recipe = Recipe { yolo_v1: suppression, ..Recipe::named("darknet-cpu").unwrap() };
    let validation = Darknet::open(Checkpoint::open(&own).unwrap(), &recipe, &Device::Cpu).unwrap();
    let found = validation.detect(&numbers(&x), &[placed], &Rules::default()).unwrap().remove(0);
    let stated = &expected["detections_validation_rule"];
    assert_eq!(found.len() as u64, stated["count"].as_u64().unwrap());
    let sum: f64 = found.iter().map(|found| found.score).sum();
    assert!((sum - stated["sum_of_scores"].as_f64().unwrap()).abs() < 1e-3, "{sum}");
    assert_eq!(cpu.labels()[0], "aeroplane");
    assert!(cpu.note().unwrap().contains("Pascal VOC"));
}

#[test]
fn locally_connected_yolo_equals_darknet() {
    equals_darknet("yolov1_local", "yolov1_local");
}

#[test]
fn yolo_of_the_paper_equals_darknet() {
    equals_darknet("yolov1_paper", "yolov1_paper");
}

#[test]
fn transposed_weights_give_the_same_network() {
    equals_darknet("yolov1_paper", "yolov1_paper_transposed");
}

#[test]
fn fast_yolo_equals_darknet() {
    equals_darknet("yolov1_tiny", "yolov1_tiny");
}

/// The photographs of Yolo-Fastest, from 0 to 1.
fn photos(path: &Path) -> Tensor {
    let photos = path.with_file_name("yolo_fastest_1.1.photos.safetensors");
    let pixels = candle_core::safetensors::load(photos, &Device::Cpu).unwrap()["pixels"].to_dtype(DType::F32).unwrap();
    (pixels / 255.0).unwrap()
}

#[test]
fn yolo_fastest_equals_the_program_that_it_comes_from() {
    let Some(path) = shared("yolo_fastest_1.1.weights") else { return };
    let expected = json(&path.with_file_name("yolo_fastest_1.1.expected.json"));
    let detector = detector(&path, "darknet");
    assert_eq!(detector.preprocessing().resize, dl_models::Resize::Stretch);
    assert_eq!((detector.labels().len(), detector.note()), (80, None));
    let x = photos(&path);
    let first = x.narrow(0, 0, 1).unwrap();
    let stored = Checkpoint::open(&path.with_file_name("yolo_fastest_1.1.output.safetensors")).unwrap();
    // Layers 121 and 130 describe boxes; the boxes show them.
    let worst = worst_layer(&detector, &first, &stored, &["layer_121", "layer_130"]);
    let mut of_sums = 0_f64;
    for layer_sums in expected["layers_for_photo_0"].as_array().unwrap() {
        if layer_sums["type"] == "yolo" {
            continue;
        }
        let name = format!("layer_{}", layer_sums["layer"]);
        let found = detector.features(&first, &[layer(&name)]).unwrap().remove(0);
        let squares: f64 = numbers(&found).iter().map(|number| f64::from(*number).powi(2)).sum();
        let stated = layer_sums["sum_of_squares"].as_f64().unwrap();
        let error = (squares - stated).abs() / stated;
        assert!(error < 1e-4, "{name}: {squares}, not {stated}");
        of_sums = of_sums.max(error);
    }
    eprintln!("yolo_fastest: layers differ by {worst:.1e}, sums of squares by {of_sums:.1e}");
    assert!(worst < 1e-4, "{worst}");

    let names = expected["input"]["names"].as_array().unwrap();
    let images: Vec<[u32; 2]> = names
        .iter()
        .map(|name| {
            let size = &expected["detections"]["photos"][name.as_str().unwrap()]["size"];
            serde_json::from_value(size.clone()).unwrap()
        })
        .collect();
    let placed: Vec<Placed> = images.iter().map(|[width, height]| detector.placed(*width, *height)).collect();
    let together = detector.detect(&numbers(&x), &placed, &Rules::default()).unwrap();
    for (index, name) in names.iter().enumerate() {
        let stated = &expected["detections"]["photos"][name.as_str().unwrap()]["detections"];
        let (edge, score) = worst_box(&together[index], stated, images[index]);
        eprintln!("{name}: {} boxes differ by {edge:.1e} pixels, scores by {score:.1e}", together[index].len());
        assert!(edge < 0.01 && score < 1e-4, "{edge} {score}");
        // The same bits alone as in a batch.
        let alone = numbers(&x.narrow(0, index, 1).unwrap());
        assert_eq!(detector.detect(&alone, &placed[index..=index], &Rules::default()).unwrap()[0], together[index]);
    }
    let rules = Rules { classes: Some(vec![17]), ..Rules::default() };
    let horses = detector.detect(&numbers(&first), &placed[..1], &rules).unwrap().remove(0);
    assert_eq!(horses, together[0].iter().filter(|found| found.class == 17).cloned().collect::<Vec<_>>());
    let rules = Rules { score: Some(0.9), max: Some(1), ..Rules::default() };
    assert_eq!(detector.detect(&numbers(&first), &placed[..1], &rules).unwrap()[0], together[0][..1]);
    let raw = detector.detect(&numbers(&first), &placed[..1], &Rules { raw: true, ..Rules::default() }).unwrap();
    assert_eq!(raw[0].len(), 49);
}

#[test]
fn the_table_of_detectors_opens_yolo_fastest() {
    let Some(path) = shared("yolo_fastest_1.1.weights") else { return };
    let detector = detection::open(Checkpoint::open(&path).unwrap(), None, &Device::Cpu).unwrap().unwrap();
    assert_eq!(detector.labels()[17], "horse");
}

#[test]
fn yolo_fastest_finds_the_stated_boxes_in_the_photographs() {
    let Some(path) = shared("yolo_fastest_1.1.weights") else { return };
    let expected = json(&path.with_file_name("yolo_fastest_1.1.expected.json"));
    let detector = detector(&path, "darknet");
    for (name, stated) in expected["detections"]["photos"].as_object().unwrap() {
        let Some(photo) = shared(name) else { continue };
        let image = dl_vision::picture::load(photo.to_str().unwrap()).unwrap();
        let (placed, preprocessing) = (detector.placed(image.width(), image.height()), detector.preprocessing());
        let mut x = vec![0.0; 3 * placed.size[0] * placed.size[1]];
        let (interpolation, normalization) = (preprocessing.interpolation, preprocessing.normalization());
        resample(&image, &placed.source, placed.size, interpolation, &normalization, &mut x);
        let mut stated = stated["detections"].as_array().unwrap().clone();
        // Two classes of one box have nearly the same score.
        stated.sort_by_key(|object| object["class"].as_u64());
        let stated = stated.into();
        let mut found = detector.detect(&x, &[placed], &Rules::default()).unwrap().remove(0);
        found.sort_by_key(|found| found.class);
        let (edge, score) = worst_box(&found, &stated, placed.image);
        eprintln!("{name}: {} boxes differ by {edge:.1e} pixels, scores by {score:.1e}", found.len());
        // The stated ones are of pixels that were rounded to bytes.
        assert!(edge < 0.5 && score < 0.02, "{name}: {edge} {score}");
    }
}

#[test]
fn a_converted_file_is_the_same_detector() {
    let Some(path) = shared("darknet_yolov1/yolov1_paper.weights") else { return };
    let folder = tempfile::tempdir().unwrap();
    let converted = folder.path().join("yolo.safetensors");
    convert(&Checkpoint::open(&path).unwrap(), &converted, None::<&Value>, None).unwrap();
    let x: Vec<f32> = (0..3 * 80 * 80).map(|index| (index * 7919 % 1009) as f32 / 1009.0).collect();
    let found = [&path, &converted].map(|path| {
        let detector = detection::open(Checkpoint::open(path).unwrap(), None, &Device::Cpu).unwrap().unwrap();
        detector.detect(&x, &[detector.placed(100, 50)], &Rules::default()).unwrap()
    });
    assert!(!found[0][0].is_empty() && found[0] == found[1]);
}

#[test]
fn images_are_resized_and_letterboxed_as_by_darknet() {
    let Some(path) = shared("darknet_yolov1/image_resize.expected.json") else { return };
    let cases = json(&path);
    let stored = Checkpoint::open(&path.with_file_name("image_resize.safetensors")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for case in cases["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let [width, height]: [u32; 2] = serde_json::from_value(case["from"].clone()).unwrap();
        let tensor = |part: &str| numbers(&stored.tensor(&format!("{name}.{part}"), &Device::Cpu).unwrap());
        let input = tensor("input");
        // CHW -> HWC
        let image = image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([0, 1, 2].map(|channel| {
                let place = (channel * height + y) * width + x;
                (input[place as usize] * 255.0).round() as u8
            }))
        });
        for (part, letter_box) in [("resize", 0), ("letterbox", 1)] {
            let [columns, rows]: [usize; 2] = serde_json::from_value(case["to"].clone()).unwrap();
            let (layers, count) = if letter_box == 1 {
                let convolution = "[convolutional]\nfilters=6\nactivation=linear\n";
                (format!("{convolution}[yolo]\nclasses=1\nanchors=1,1\nnum=1"), 24)
            } else {
                let connected = "[connected]\noutput=6\nactivation=linear\n";
                (format!("{connected}[detection]\nside=1\nclasses=1\ncoords=4\nnum=1"), 6 + 18 * rows * columns)
            };
            let cfg = format!("[net]\nheight={rows}\nwidth={columns}\n{layers}");
            let weights = folder.path().join("small.weights");
            std::fs::write(weights.with_extension("cfg"), cfg).unwrap();
            let header = [0_i32, 2, 0, 0, 0].iter().flat_map(|number| number.to_le_bytes());
            std::fs::write(&weights, header.chain(vec![0; count * 4]).collect::<Vec<u8>>()).unwrap();
            let detector = detector(&weights, "darknet");
            let (placed, preprocessing) = (detector.placed(width, height), detector.preprocessing());
            assert_eq!(preprocessing.interpolation, Interpolation::Aligned);
            let mut found = vec![f32::NAN; 3 * rows * columns];
            let normalization = preprocessing.normalization();
            resample(&image, &placed.source, placed.size, preprocessing.interpolation, &normalization, &mut found);
            let gray = if letter_box == 1 { 0.5 } else { 0.0 };
            for (found, expected) in found.iter().zip(tensor(part)) {
                assert!((found + gray - expected).abs() < 2e-6, "{name} {part}: {found}, not {expected}");
            }
        }
    }
}

/// The folder of the goldens that OpenCV made.
fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/goldens/detection/darknet")
}

/// The input of the goldens.
fn drawn_image(height: usize, width: usize) -> Tensor {
    let numbers = (0..3 * height * width).map(|index| {
        let (channel, y, x) = (index / (height * width), index / width % height, index % width);
        ((y * 37 + x * 91 + channel * 53 + (x * y) % 29 * 7) % 256) as f32 / 255.0
    });
    Tensor::from_iter(numbers, &Device::Cpu).unwrap().reshape((1, 3, height, width)).unwrap()
}

/// The largest difference from the golden's numbers, relative to their size.
fn worst_number(found: &Tensor, expected: &Value) -> f32 {
    let (found, expected): (Vec<f32>, Vec<f32>) = (numbers(found), serde_json::from_value(expected.clone()).unwrap());
    assert_eq!(found.len(), expected.len());
    found.iter().zip(&expected).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f32::max)
}

#[test]
fn later_generations_equal_opencv() {
    let golden = json(&goldens().join("opencv.json"));
    for name in ["yolov2", "yolov3_tiny", "yolov4_tiny", "yolov4_csp"] {
        let detector = detector(&goldens().join(name).with_extension("weights"), "opencv");
        let size @ [height, width] = detector.preprocessing().size;
        let x = drawn_image(height, width);
        let network: &dyn Backbone = detector.network();
        let mut worst = 0_f32;
        for (map, expected) in golden[name]["maps"].as_object().unwrap() {
            let requested = [layer(map)];
            for found in [detector.features(&x, &requested).unwrap(), network.features(&x, &requested, None).unwrap()] {
                worst = worst.max(worst_number(&found[0], expected));
            }
        }
        let image = [width as u32, height as u32];
        let whole = BBox::new(0.0, 0.0, width as f64, height as f64);
        // Not cut to the image; suppressed where OpenCV does it.
        let recipe = Recipe::named("opencv").unwrap();
        let iou = golden[name]["iou"].as_f64();
        let suppression = Suppression { iou: iou.unwrap_or_default(), clip: false, ..recipe.yolo_v2 };
        let rules = Rules { score: golden["least"].as_f64(), raw: iou.is_none(), ..Rules::default() };
        let recipe = Recipe { yolo_v2: suppression, ..recipe };
        let file = Checkpoint::open(&goldens().join(name).with_extension("weights")).unwrap();
        let uncut = Darknet::open(file, &recipe, &Device::Cpu).unwrap();
        let placed = Placed { image, source: whole, size };
        let found = uncut.detect(&numbers(&x), &[placed], &rules).unwrap().remove(0);
        assert_eq!(found.len() as u64, golden[name]["count"].as_u64().unwrap(), "{name}");
        let (mut edge, mut score) = (0_f64, 0_f64);
        let stated = golden[name]["boxes"].as_array().unwrap();
        for stated in stated {
            let bbox: [f64; 4] = serde_json::from_value(stated["box"].clone()).unwrap();
            // Equal scores may be in another order.
            let differences = found.iter().filter(|found| stated["class"] == found.class).map(|found| {
                let edges = <[f64; 4]>::from(found.bbox);
                let edge = edges.iter().zip(bbox).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                (edge, (found.score - stated["score"].as_f64().unwrap()).abs())
            });
            let closest = differences.min_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1))).unwrap();
            (edge, score) = (edge.max(closest.0), score.max(closest.1));
        }
        eprintln!("{name}: numbers differ by {worst:.1e}, boxes by {edge:.1e} pixels, scores by {score:.1e}");
        assert!(stated.len() > 10 && worst < 2e-5 && edge < 1e-3 && score < 1e-5, "{name}");
    }
}

/// The network of a golden that is not a detector.
fn classifier(cfg: &str) -> Network {
    let file = Checkpoint::open(&goldens().join("classifier.weights")).unwrap();
    let tensors = file.all(&Device::Cpu).unwrap().into_iter().collect();
    let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    Network::of_cfg(cfg, &Recipe::named("opencv").unwrap(), &vb).unwrap()
}

#[test]
fn a_classifier_ends_with_a_softmax_and_its_cost_is_ignored() {
    let golden = json(&goldens().join("opencv.json"));
    let network = classifier(&std::fs::read_to_string(goldens().join("classifier.cfg")).unwrap());
    let requested = [layer("layer_6"), layer("layer_7")];
    let found = (&network as &dyn Backbone).features(&drawn_image(24, 24), &requested, None).unwrap();
    let worst = worst_number(&found[0], &golden["classifier"]["maps"]["layer_6"]);
    assert!(worst < 1e-6, "{worst}");
    assert_eq!(numbers(&found[1]), numbers(&found[0]));
}

#[test]
fn a_softmax_has_groups_and_a_temperature_on_maps_and_on_rows() {
    let text = std::fs::read_to_string(goldens().join("classifier.cfg")).unwrap();
    let before = text.split("[avgpool]").next().unwrap();
    let softmax = "[softmax]\ngroups=4\ntemperature=.5\n";
    let network = classifier(&format!("{before}{softmax}"));
    let network: &dyn Backbone = &network;
    let found = network.features(&drawn_image(24, 24), &[layer("layer_4"), layer("layer_5")], None).unwrap();
    assert_eq!(found[1].dims(), [1, 5, 6, 6]);
    for (found, x) in numbers(&found[1]).chunks(45).zip(numbers(&found[0]).chunks(45)) {
        let sum: f64 = x.iter().map(|x| (f64::from(*x) * 2.0).exp()).sum();
        for (found, x) in found.iter().zip(x) {
            assert!((f64::from(*found) - (f64::from(*x) * 2.0).exp() / sum).abs() < 1e-6, "{found}");
        }
    }
    let cfg = format!("[net]\nheight=2\nwidth=2\n[connected]\noutput=8\nactivation=linear\n{softmax}[dropout]\n");
    let tensors = [("module_list.0.Linear.weight", vec![8, 12]), ("module_list.0.Linear.bias", vec![8])];
    let draw = |shape: Vec<usize>| {
        let numbers = (0..shape.iter().product::<usize>()).map(|index| (index * 7919 % 1009) as f32 / 1009.0);
        Tensor::from_iter(numbers, &Device::Cpu).unwrap().reshape(shape).unwrap()
    };
    let tensors = tensors.map(|(name, shape)| (name.to_owned(), draw(shape)));
    let vb = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
    let network = Network::of_cfg(&cfg, &Recipe::default(), &vb).unwrap();
    let found = (&network as &dyn Backbone).features(&draw(vec![1, 3, 2, 2]), &[layer("layer_2")], None).unwrap();
    assert_eq!(found[0].dims(), [1, 8]);
    assert!(numbers(&found[0]).chunks(2).all(|pair| (pair[0] + pair[1] - 1.0).abs() < 1e-6), "{found:?}");
}

#[test]
fn an_upsampling_multiplies_by_its_scale() {
    let cfg = "[net]\nheight=2\nwidth=2\n[upsample]\nstride=2\nscale=.5\n[reorg3d]\nstride=2\n";
    let vb = VarBuilder::from_tensors(std::collections::HashMap::new(), DType::F32, &Device::Cpu);
    let network = Network::of_cfg(cfg, &Recipe::default(), &vb).unwrap();
    let x = Tensor::arange(0_f32, 12.0, &Device::Cpu).unwrap().reshape((1, 3, 2, 2)).unwrap();
    let found = (&network as &dyn Backbone).features(&x, &[layer("layer_1")], None).unwrap().remove(0);
    let expected: Vec<f32> = (0..48).map(|index| (index % 12) as f32 / 2.0).collect();
    assert_eq!((found.dims(), numbers(&found)), (&[1, 12, 2, 2][..], expected));
}

/// The error for weights of `count` zeros with this `.cfg`.
fn error(cfg: &str, count: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.weights");
    std::fs::write(path.with_extension("cfg"), cfg).unwrap();
    let header = [0_i32, 2, 0, 0, 0].iter().flat_map(|number| number.to_le_bytes());
    std::fs::write(&path, header.chain(vec![0; count * 4]).collect::<Vec<u8>>()).unwrap();
    let opened = Checkpoint::open(&path);
    let error = match opened {
        Err(error) => error,
        Ok(file) => Darknet::open(file, &Recipe::default(), &Device::Cpu).err().unwrap(),
    };
    let text = format!("{error:#}");
    assert!(!text.contains('\n'), "{text}");
    text
}

#[test]
fn hostile_networks_are_refused_with_one_line() {
    let net = "[net]\nheight=32\nwidth=32\n";
    let head = "[convolutional]\nfilters=6\nactivation=linear\n[yolo]\nclasses=1\nanchors=1,1\nnum=1\n";
    let shrunk = format!("[maxpool]\nsize=1\nstride=1048576\n{head}");
    let cases = [
        (format!("{net}[upsample]\nstride=1024\n{head}"), 24, "describes too many boxes"),
        (format!("{net}{}{shrunk}", "[upsample]\nstride=1024\n".repeat(2)), 24, "too large"),
        (format!("{net}{}{head}", "[dropout]\n".repeat(5000)), 24, "networks of up to 2048 are supported"),
        (
            format!("{net}[upsample]\nstride=64\n{}{shrunk}", "[maxpool]\nsize=2001\nstride=1\n".repeat(9)),
            24,
            "multiply-adds",
        ),
        (format!("{net}[upsample]\nstride=128\n{}{shrunk}", "[dropout]\n".repeat(99)), 24, "too large together"),
        (format!("{net}[route]\nlayers=0\n{head}"), 24, "layer 0 does not exist before it"),
        (format!("{net}{head}[route]\nlayers=1\n"), 24, "layer 1 has boxes"),
        (format!("{net}{head}{head}"), 24, "is truncated"),
        (format!("{net}{head}[dropout]"), 24, "follows boxes"),
        (format!("{net}[convolutional]\nfilters=6\nactivation=hard_mish\n"), 24, "is not a detector"),
        (
            format!("{net}{}", head.replace("linear", "hard_mish")),
            24,
            "line 4: layer 0 [convolutional]: activation=hard_mish",
        ),
        (head.replace("[conv", "[net]\n[conv"), 24, "height=0 and width=0"),
        (format!("{net}channels=1\n{head}"), 12, "channels=1"),
        (format!("[net]\nheight=99999\nwidth=32\n{head}"), 24, "expected 1 to 2048"),
        (format!("{net}[connected]\noutput=9999999\n"), 24, "expected a number"),
        (format!("{net}[connected]\noutput=999999\n"), 24, "is truncated"),
        (format!("{net}[connected]\noutput=6\n{head}"), 6 + 6 * 3072 + 42, "expects a map"),
        (format!("{net}{head}[crop]\n"), 24, "follows boxes"),
        (format!("{net}[crop]\ncrop_height=8\ncrop_width=8\n{head}"), 24, "line 4: layer 0 [crop]: is not supported"),
        (format!("{net}[reorg]\nstride=2\n{head}"), 24, "[reorg]: stride=2 does not divide a map of shape [3, 32, 32]"),
        (format!("{net}[reorg3d]\nstride=2\nreverse=1\n{head}"), 24, "[reorg3d]: reverse=1 is not supported"),
        (format!("{net}[reorg3d]\nstride=5\n{head}"), 24, "[reorg3d]: stride=5 does not divide"),
        (format!("{net}[softmax]\ngroups=5\n{head}"), 24, "3072 numbers cannot be divided into 5 groups"),
        (format!("{net}[softmax]\ntree=9k.tree\n{head}"), 24, "[softmax]: tree=9k.tree is not supported"),
        (format!("{net}[softmax]\ntemperature=0\n{head}"), 24, "temperature=0: expected a number above 0"),
        (format!("{net}[sam]\nfrom=-2\n{head}"), 24, "layers [sam] are not supported"),
        (format!("{net}[upsample]\nstride=128\n[softmax]\n{shrunk}"), 24, "too large to be moved"),
    ];
    for (cfg, count, expected) in cases {
        let text = error(&cfg, count);
        assert!(text.contains(expected), "{text}\n{cfg:.200}");
    }
}

#[test]
fn a_cfg_with_any_character_changed_does_not_panic() {
    let cfg = "[net]\nheight=8\nwidth=8\n[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\ngroups=1\n\
               activation=leaky\n[maxpool]\nsize=2\nstride=2\n[dropout]\nprobability=.5\n[shortcut]\nfrom=-2\n\
               [upsample]\nstride=2\n[route]\nlayers=-1,0\ngroups=2\ngroup_id=1\n[local]\nsize=3\npad=1\nfilters=2\n\
               activation=relu\n[route]\nlayers=-2\n[convolutional]\nfilters=12\nstride=3\nactivation=linear\n\
               [yolo]\nmask=0,1\nclasses=1\nanchors=1,2,3,4\nnum=2\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.weights");
    let header: Vec<u8> = [0_i32, 2, 0, 0, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut opened = 0;
    for index in (0..cfg.len()).step_by(3) {
        for letter in ["", "0", "7", "-"] {
            let changed = format!("{}{letter}{}", &cfg[..index], &cfg[index + 1..]);
            std::fs::write(path.with_extension("cfg"), &changed).unwrap();
            // The first message says how many bytes there should be.
            let mut count = 5252;
            for _ in 0..40 {
                std::fs::write(&path, [&header[..], &vec![0; count]].concat()).unwrap();
                let Err(error) = Checkpoint::open(&path) else { break };
                let text = format!("{error:#}");
                let ends =
                    text.split("ends at byte ").nth(1).and_then(|rest| rest.split(',').next()?.parse::<usize>().ok());
                let remain =
                    text.split(" bytes remain").next().and_then(|rest| rest.rsplit(' ').next()?.parse::<usize>().ok());
                match (ends, remain) {
                    (Some(ends), _) if ends < 1 << 20 => count = ends - 20,
                    (None, Some(remain)) => count -= remain,
                    _ => break,
                }
            }
            let Ok(file) = Checkpoint::open(&path) else { continue };
            let Ok(detector) = Darknet::open(file, &Recipe::default(), &Device::Cpu) else { continue };
            let placed = detector.placed(20, 10);
            if placed.size.iter().product::<usize>() < 5_000 {
                let x = vec![0.5; 3 * placed.size[0] * placed.size[1]];
                // An error at most, such as for a batch norm of zeros.
                let _ = detector.detect(&x, &[placed], &Rules::default());
            }
            opened += 1;
        }
    }
    assert!(opened > 50, "{opened}");
}

#[test]
fn a_part_of_the_channels_of_a_route_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.weights");
    let cfg = "[net]\nheight=4\nwidth=4\n[convolutional]\nfilters=6\nactivation=relu\n[route]\nlayers=0,0\ngroups=2\n\
               group_id=1\n[shortcut]\nfrom=0\n[avgpool]\n[scale_channels]\nfrom=0\n[yolo]\nclasses=1\nanchors=1,1\nnum=1";
    std::fs::write(path.with_extension("cfg"), cfg).unwrap();
    let header = [0_i32, 2, 5, 0, 0].iter().flat_map(|number| number.to_le_bytes());
    let weights = (0..24).flat_map(|index| (index as f32 / 10.0).to_le_bytes());
    std::fs::write(&path, header.chain(weights).collect::<Vec<u8>>()).unwrap();
    let detector = detector(&path, "darknet");
    let x = Tensor::arange(0_f32, 48.0, &Device::Cpu).unwrap().reshape((1, 3, 4, 4)).unwrap();
    let features = |name: &str| numbers(&detector.features(&x, &[layer(name)]).unwrap()[0]);
    let (first, part, sum) = (features("layer_0"), features("layer_1"), features("layer_2"));
    assert_eq!(part, first);
    assert!(sum.iter().zip(&first).all(|(sum, first)| *sum == 2.0 * first));
    let (mean, scaled) = (features("layer_3"), features("layer_4"));
    assert!((scaled[95] - first[95] * mean[5]).abs() < 1e-3 * scaled[95].abs());
}

#[test]
fn detected_boxes_do_not_overlap_within_a_class() {
    let Some(path) = shared("darknet_yolov1/yolov1_local.weights") else { return };
    let detector = detector(&path, "darknet");
    let x: Vec<f32> = (0..3 * 56 * 56).map(|index| (index * 7919 % 1009) as f32 / 1009.0).collect();
    let placed = detector.placed(56, 56);
    let found = detector.detect(&x, &[placed], &Rules { score: Some(0.01), ..Rules::default() }).unwrap().remove(0);
    assert!(!found.is_empty());
    for (index, one) in found.iter().enumerate() {
        for other in found[..index].iter().filter(|other| other.class == one.class) {
            // Suppressed before they were cut to the image.
            let inside = |found: &Found| {
                found.bbox.x1 > 0.0 && found.bbox.y1 > 0.0 && found.bbox.x2 < 56.0 && found.bbox.y2 < 56.0
            };
            assert!(!(inside(one) && inside(other)) || iou(&one.bbox, &other.bbox) <= 0.4);
        }
    }
}
