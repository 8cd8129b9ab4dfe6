//! `dl-finetune disentangle` and `dl-gan-edit swap`.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use candle_core::Device;
use dl_models::gan::Canvas;
use dl_models::gan::swap::{SwapConfig, SwapNetwork};
use dl_models::{Parameters, Precision, checkpoint};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::gan_edit::write_generator;
use crate::support::{Ran, run, run_killed};

/// Writes a small seeded network of contents and styles for images of 24 x 16 pixels.
pub fn write_swap(path: &Path) {
    let parameters = Parameters::fresh(3);
    let config = SwapConfig::new(Canvas { channels: 3, height: 16, width: 24 }, 4, 1);
    SwapNetwork::new(config.clone(), &parameters.builder(&Device::Cpu)).unwrap();
    checkpoint::save(path, &config, &parameters.tensors(), Precision::F32).unwrap();
}

fn uri(image: &RgbImage) -> String {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes.into_inner()))
}

/// Squares at one of two places, the content, on a ground of one of two colors, the style.
fn records(count: usize, side: u32) -> Vec<Value> {
    let record = |index: usize| {
        let (sign, plate) = (["left", "right"][index % 2], ["fire", "ice"][index / 2 % 2]);
        let (at, up) = (if sign == "left" { 1 } else { side / 2 }, (index as u32 / 4) % (side / 2));
        let color = if plate == "ice" { [20, 90, 230] } else { [240, 120, 10] };
        let image = RgbImage::from_fn(side, side, |x, y| {
            let inside = (at..at + side / 3).contains(&x) && (up..up + side / 3).contains(&y);
            Rgb(if inside { [250; 3] } else { color })
        });
        let labels = json!({ "sign": sign, "plate": plate });
        json!({ "id": format!("s{index}"), "image": uri(&image), "domain": plate, "labels": labels })
    };
    (0..count).map(record).collect()
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

fn train(words: &str, output: &Path, input: &str) -> Ran {
    let words: Vec<&str> = words.split_whitespace().collect();
    let words = [&["disentangle"], &words[..], &["--output", output.to_str().unwrap()]].concat();
    run("dl-finetune", &words, input)
}

/// The color at the bottom right, where no square is.
fn ground(record: &Value) -> [u8; 3] {
    let text = record["image"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    let image = image::load_from_memory(&BASE64_STANDARD.decode(text).unwrap()).unwrap().into_rgb8();
    image.get_pixel(image.width() - 2, image.height() - 2).0
}

#[test]
fn a_network_is_trained_and_its_styles_are_swapped_mixed_and_averaged() {
    let folder = tempfile::tempdir().unwrap();
    let (model, log) = (folder.path().join("swap.safetensors"), folder.path().join("log.jsonl"));
    let all = records(24, 16);
    let words = format!(
        "--style plate --content sign --channels 6 --blocks 1 --batch 8 --iterations 120 --lr-g 0.003 --samples-every 120 \
         --log {}",
        log.display()
    );
    let ran = train(&words, &model, &lines(&all)).expect(0);
    assert!(ran.stderr.contains("24 images of 2 styles, 2 contents, as 16 x 16 pixels, RGB"), "{}", ran.stderr);
    let log = fs::read_to_string(&log).unwrap();
    let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let names =
        ["generator", "discriminator", "image", "content", "style", "adversarial", "style_taken", "content_kept"];
    assert!(names.iter().all(|name| first[name].is_number()), "{first}");
    let sheet = image::open(folder.path().join("swap.samples-000120.png")).unwrap();
    // The images, and a row for each style.
    assert_eq!(sheet.height(), 3 * (64 + 4) + 4);

    let swap = |more: &[&str], records: &[Value]| {
        let words = [&["swap", "--model", model.to_str().unwrap()], more].concat();
        run("dl-gan-edit", &words, &lines(records)).expect(0).records()
    };
    let is_ice = |record: &Value| ground(record)[2] > ground(record)[0];
    let (fire, ice) = (&all[0], &all[2]);
    let file = folder.path().join("ice.jsonl");
    fs::write(&file, lines(&[ice.clone(), all[6].clone()])).unwrap();
    let from_file = swap(&["--style-from", file.to_str().unwrap()], &all);
    assert!(from_file.iter().all(is_ice));
    assert_eq!(
        (&from_file[0]["id"], &from_file[0]["labels"], &from_file[0]["width"]),
        (&fire["id"], &fire["labels"], &json!(16))
    );
    let pair = |from: &Value, to: &Value| {
        let mut record = to.clone();
        record["style_from"] = from["image"].clone();
        record
    };
    let pairs = swap(&["--pairs", "--threads", "1"], &[pair(ice, fire), pair(fire, ice)]);
    assert_eq!([0, 1].map(|place| is_ice(&pairs[place])), [true, false]);
    // One image is as good as a file of one record, alone or with others.
    let path = folder.path().join("ice.png");
    let text = ice["image"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    fs::write(&path, BASE64_STANDARD.decode(text).unwrap()).unwrap();
    let one = swap(&["--style-from", path.to_str().unwrap()], &all);
    assert_eq!(one[0]["image"], pairs[0]["image"]);
    let own = swap(&["--style-from", path.to_str().unwrap(), "--mix", "0"], std::slice::from_ref(fire));
    assert_eq!(own[0]["image"], swap(&["--pairs"], &[pair(fire, fire)])[0]["image"]);
    // A folder of results, in which nothing else is replaced.
    let made = folder.path().join("made");
    let words = ["--style-from", path.to_str().unwrap(), "--output-dir", made.to_str().unwrap(), "--format", "jpg"];
    let files = swap(&words, &all[..2]);
    assert_eq!(files[1]["image"], json!(made.join("s1.jpg")));
    assert_eq!(image::open(made.join("s1.jpg")).unwrap().width(), 16);
}

#[test]
fn a_training_without_contents_killed_at_any_moment_resumes_to_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("train.jsonl");
    fs::write(&input, lines(&records(12, 16))).unwrap();
    let args = |name: &str| -> Vec<String> {
        let model = folder.path().join(name).join("swap.safetensors");
        fs::create_dir_all(model.parent().unwrap()).unwrap();
        let words = "disentangle --channels 4 --blocks 1 --batch 4 --iterations 60 --ema 0.9 --flip --checkpoint-every 4 --resume";
        let files = [input.display().to_string(), "--output".to_owned(), model.display().to_string()];
        words.split_whitespace().map(str::to_owned).chain(files).collect()
    };
    let kills = run_killed("dl-finetune", &args("broken"), 10, |kills| Duration::from_millis(80 + (kills * 97) % 300));
    assert!(kills >= 1, "{kills} kills");
    let whole = [args("whole"), vec!["--threads".to_owned(), "1".to_owned()]].concat();
    run("dl-finetune", &whole, "").expect(0);
    for file in ["swap.safetensors", "swap.last.safetensors"] {
        let bytes = |name: &str| fs::read(folder.path().join(name).join(file)).unwrap();
        assert!(bytes("whole") == bytes("broken"), "{file} after {kills} kills");
    }
    let other = [&whole[..], &["--image-weight".to_owned(), "5".to_owned()]].concat();
    let ran = run("dl-finetune", &other, "").expect(2);
    assert!(ran.stderr.contains("that run had"), "{}", ran.stderr);
}

#[test]
fn records_without_styles_and_sizes_that_do_not_fit_are_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("swap.safetensors");
    let all = records(8, 16);
    let refused = |words: &str, records: &[Value]| {
        let ran = train(words, &output, &lines(records)).expect(2);
        assert!(!output.exists());
        ran.stderr
    };
    assert!(refused("", &[]).contains("no records to train on"));
    assert!(refused("", &all[..1]).contains("a single image has no style to swap"));
    assert!(refused("", &all[..2]).contains("all records have the style fire"));
    assert!(refused("--style color", &all).contains("\"labels\" has no \"color\", the style"));
    assert!(refused("--content color", &all).contains("--content color: the records have 0 of its classes"));
    assert!(refused("--style sign --content sign", &all).contains("name the same task"));
    assert!(refused("--size 30", &all).contains("32 x 32 do"));
    assert!(refused("--batch 1", &all).contains("give at least 2"));
    let mut bare = all[..3].to_vec();
    bare.iter_mut().for_each(|record| drop(record.as_object_mut().unwrap().remove("domain")));
    assert!(refused("", &bare).contains("no \"domain\", which names its style; or give --style"));
}

#[test]
fn other_models_and_records_without_a_style_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    write_swap(&folder.path().join("swap.safetensors"));
    write_generator(&folder.path().join("cycle.safetensors"), "cyclegan_small", &json!({"channels": 4}));
    let input = lines(&records(2, 16));
    let edit = |words: &[&str], status: i32| run("dl-gan-edit", words, &input).expect(status);
    let ran = edit(&["swap", "--model", &at("cycle.safetensors"), "--pairs"], 2);
    assert!(
        ran.stderr.contains("not a network of contents and styles; dl-finetune disentangle makes one"),
        "{}",
        ran.stderr
    );
    let ran = edit(&["translate", "--model", &at("swap.safetensors")], 2);
    assert!(ran.stderr.contains("a network of contents and styles; dl-gan-edit swap takes it"), "{}", ran.stderr);
    let ran = run("dl-gan-sample", &[at("swap.safetensors")], "").expect(2);
    assert!(ran.stderr.contains("dl-gan-edit swap takes it"), "{}", ran.stderr);
    let ran = edit(&["swap", "--model", &at("swap.safetensors")], 2);
    assert!(ran.stderr.contains("--style-from"), "{}", ran.stderr);
    let ran = edit(&["swap", "--model", &at("swap.safetensors"), "--style-from", "missing.png"], 2);
    assert!(ran.stderr.contains("--style-from missing.png"), "{}", ran.stderr);
    let ran = edit(&["swap", "--model", &at("swap.safetensors"), "--pairs"], 1);
    assert_eq!(ran.records().len(), 2);
    assert!(ran.records()[0]["error"]["message"].as_str().unwrap().contains("no \"style_from\""), "{}", ran.stdout);
}
