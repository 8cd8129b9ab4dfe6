//! `dl-draw`, as a user runs it.

use std::fs;
use std::path::Path;

use image::RgbImage;
use serde_json::{Value, json};

use crate::support::run;

/// A gray image of 64 x 48 pixels.
fn gray_image(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    RgbImage::from_pixel(64, 48, image::Rgb([128; 3])).save(&path).unwrap();
    path.display().to_string()
}

fn record(folder: &Path, id: &str) -> Value {
    json!({
        "id": id, "image": gray_image(folder, &format!("{id}.png")), "note": [1.50, "keep"],
        "objects": [{"box": [8, 8, 24, 24], "label": "stop"}],
        "detections": [
            {"box": [9, 8, 24, 25], "label": "stop", "score": 0.9},
            {"box": [40, 20, 60, 44], "label": "yield", "score": 0.8},
            {"box": [2, 40, 10, 46], "label": "faint", "score": 0.1},
        ],
    })
}

fn open(record: &Value) -> RgbImage {
    image::open(record["drawing"].as_str().unwrap()).unwrap().to_rgb8()
}

/// Whether every pixel of this rectangle is as gray as before.
fn untouched(drawing: &RgbImage, [x1, y1, x2, y2]: [u32; 4]) -> bool {
    (y1..y2).all(|y| (x1..x2).all(|x| drawing.get_pixel(x, y).0 == [128; 3]))
}

fn boxes(folder: &Path, stream: &str, more: &[&str]) -> crate::support::Ran {
    let output = folder.join("drawn");
    let args = ["boxes", "--format", "png", "--zoom", "4", "--output-dir", output.to_str().unwrap()];
    run("dl-draw", &[&args, more].concat(), stream)
}

#[test]
fn only_the_chosen_layers_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let line = record(folder.path(), "a").to_string();
    let ran = boxes(folder.path(), &line, &[]).expect(0);
    let drawn = &ran.records()[0];
    assert_eq!(drawn["drawing"], folder.path().join("drawn/a.png").to_str().unwrap());
    assert!(ran.stdout.starts_with(line.trim_end_matches('}')), "the rest passes through: {}", ran.stdout);
    let drawing = open(drawn);
    assert_eq!(drawing.dimensions(), (256, 192));
    // Edges of the object, of the correct and the wrong detection; none of the one with a low score.
    for (x, y) in [(33, 70), (94, 70), (160, 140), (238, 140)] {
        assert_ne!(drawing.get_pixel(x, y).0, [128; 3], "({x}, {y})");
    }
    assert!(untouched(&drawing, [8, 150, 44, 186]));
    assert!(untouched(&drawing, [40, 40, 90, 90]), "boxes are not filled");

    let truth = open(&boxes(folder.path(), &line, &["--show", "objects"]).expect(0).records()[0]);
    assert!(untouched(&truth, [120, 0, 256, 192]));
    let all = open(&boxes(folder.path(), &line, &["--score", "0"]).expect(0).records()[0]);
    assert!(!untouched(&all, [8, 150, 44, 186]));
    let one = open(&boxes(folder.path(), &line, &["--max", "1"]).expect(0).records()[0]);
    assert!(untouched(&one, [150, 60, 256, 192]));
}

#[test]
fn masks_tint_their_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let mut record = record(folder.path(), "a");
    // The first 10 columns of 48 rows.
    let mask = json!({"size": [48, 64], "counts": "0P?Pa2"});
    record["detections"] = json!([{"box": [0, 0, 10, 48], "label": "stop", "score": 0.9, "mask": mask}]);
    let plain = open(&boxes(folder.path(), &record.to_string(), &["--show", "detections"]).expect(0).records()[0]);
    assert!(untouched(&plain, [8, 60, 32, 180]));
    let ran = boxes(folder.path(), &record.to_string(), &["--show", "detections", "--masks"]).expect(0);
    let tinted = open(&ran.records()[0]);
    assert!((60..180).all(|y| (8..32).all(|x| tinted.get_pixel(x, y).0 != [128; 3])));
    assert!(untouched(&tinted, [100, 60, 256, 192]));
    record["detections"][0]["mask"]["size"] = json!([48, 63]);
    let ran = boxes(folder.path(), &record.to_string(), &["--masks"]).expect(1);
    assert!(ran.stderr.contains("63 x 48 pixels on an image of 64 x 48"), "{}", ran.stderr);
}

#[test]
fn proposals_are_drawn_if_a_record_has_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "a.png");
    let line = json!({"id": "a", "image": image, "proposals": [{"box": [10, 10, 50, 40], "score": 1}]}).to_string();
    let drawing = open(&boxes(folder.path(), &line, &[]).expect(0).records()[0]);
    assert_ne!(drawing.get_pixel(40, 100).0, [128; 3]);
}

#[test]
fn a_bad_record_carries_its_error_and_the_others_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let mut records: Vec<Value> = ["a", "b", "c", "d"].map(|id| record(folder.path(), id)).into();
    records[1]["image"] = json!("nowhere.jpg");
    records[2]["detections"][0]["box"] = json!([10, 0, 4, 5]);
    let stream: Vec<String> = records.iter().map(Value::to_string).collect();
    let ran = boxes(folder.path(), &stream.join("\n"), &["--threads", "3"]).expect(1);
    let drawn = ran.records();
    assert!(drawn[1]["error"]["message"].as_str().unwrap().contains("nowhere.jpg"));
    assert!(drawn[2]["error"]["message"].as_str().unwrap().contains("detections[0]: box has x2 < x1"));
    assert_eq!(fs::read_dir(folder.path().join("drawn")).unwrap().count(), 2);
    for good in [0, 3] {
        open(&drawn[good]);
    }
}

#[test]
fn a_drawing_never_replaces_an_image_or_leaves_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "a.png");
    let before = fs::read(&image).unwrap();
    let stream = json!({"id": "a", "image": image, "objects": []}).to_string();
    let args = ["boxes", "--format", "png", "--output-dir", folder.path().to_str().unwrap()];
    let ran = run("dl-draw", &args, &stream).expect(1);
    assert!(ran.stderr.contains("would replace the image"), "{}", ran.stderr);
    assert_eq!(fs::read(&image).unwrap(), before);
    // Nor is another one that was named.
    let other = json!({"id": "a", "image": gray_image(folder.path(), "b.png"), "objects": []}).to_string();
    let records = folder.path().join("r.jsonl").display().to_string();
    fs::write(&records, other).unwrap();
    let ran = run("dl-draw", &[&args[..], &[&records, &image]].concat(), "").expect(1);
    assert!(ran.stderr.contains("would replace an input"), "{}", ran.stderr);
    assert_eq!(fs::read(&image).unwrap(), before);

    let stream = ["/x/é ü.png", "../../y.jpg", "deep/er/z"]
        .map(|id| json!({"id": id, "image": image, "objects": []}).to_string())
        .join("\n");
    let drawn = boxes(folder.path(), &stream, &[]).expect(0).records();
    let paths = drawn.iter().map(|record| record["drawing"].as_str().unwrap());
    let below: Vec<_> = paths.map(|path| path.rsplit_once("/drawn/").unwrap().1).collect();
    assert_eq!(below, ["x/é ü.png", "up/up/y.jpg.png", "deep/er/z.png"]);
    drawn.iter().for_each(|record| drop(open(record)));
}

#[test]
fn a_grid_has_a_cell_for_each_good_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut records: Vec<Value> = ["a", "b", "c", "d", "e"].map(|id| record(folder.path(), id)).into();
    records[1]["image"] = json!("nowhere.jpg");
    let stream: Vec<String> = records.iter().map(Value::to_string).collect();
    let path = folder.path().join("grid.png");
    let args = ["grid", "--columns", "2", "--cell", "128", "--output", path.to_str().unwrap()];
    let ran = run("dl-draw", &args, &stream.join("\n")).expect(1);
    let drawn: Vec<bool> = ran.records().iter().map(|record| record.get("drawing").is_some()).collect();
    assert_eq!(drawn, [true, false, true, true, true]);
    let grid = image::open(&path).unwrap().to_rgb8();
    assert!(grid.width() > 256 && grid.width() < 300, "{}", grid.width());
    assert!(grid.height() > 2 * 96 && grid.height() < 300, "{}", grid.height());

    let ran = run("dl-draw", &[&args[..], &["--rows", "1"]].concat(), &stream.join("\n")).expect(1);
    assert!(ran.stderr.contains("2 records beyond 1 rows"), "{}", ran.stderr);
    assert_eq!(ran.records().iter().filter(|record| record.get("drawing").is_some()).count(), 2);
}

#[test]
fn a_table_becomes_a_line_per_method() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let row =
        |method: &str, images: u32, accuracy: f64| json!({"method": method, "images": images, "accuracy": accuracy});
    let rows =
        [row("head", 1, 0.5), row("all", 1, 0.25), row("head", 100, 0.75), row("all", 100, 1.0), row("head", 1, 0.3)];
    fs::write(file("t.jsonl"), rows.map(|row| row.to_string()).join("\n")).unwrap();
    let draw = |table: &str, more: &[&str]| {
        let table = file(table);
        run("dl-draw", &[&["lines", &table, "--x", "images", "--y", "accuracy"], more].concat(), "")
    };
    draw("t.jsonl", &["--by", "method", "--log-x", "--title", "How many", "--output", &file("t.svg")]).expect(0);
    let svg = fs::read_to_string(file("t.svg")).unwrap();
    for words in ["How many", "head", "all", "images", "accuracy"] {
        assert!(svg.contains(words), "{words}: {svg}");
    }
    // The line that ends higher is first; two values at the same x are one point of the line and two dots.
    assert!(svg.find("\nall\n").unwrap() < svg.find("\nhead\n").unwrap());
    assert_eq!(svg.matches("<circle").count(), 4 + 5);
    draw("t.jsonl", &["--output", &file("t.png"), "--width", "600"]).expect(0);
    assert_eq!(image::open(file("t.png")).unwrap().to_rgb8().dimensions(), (600, 540));

    for (text, message) in [
        ("[]", "line 1: not a JSON object"),
        ("", "has no measurements"),
        (r#"{"images": 0, "accuracy": 1}"#, "\"images\" is 0; with --log-x"),
        (r#"{"images": "many", "accuracy": 1}"#, "\"images\" is \"many\", not a number"),
        (r#"{"images": 1}"#, "line 1: has no \"accuracy\""),
    ] {
        fs::write(file("bad.jsonl"), text).unwrap();
        let ran = draw("bad.jsonl", &["--log-x", "--output", &file("x.png")]).expect(2);
        assert!(ran.stderr.contains(message) && ran.stderr.contains("bad.jsonl"), "{}", ran.stderr);
    }
}

#[test]
fn curves_become_a_png_or_an_svg() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let curves = json!({
        "stop & go": {"precision": [1.0, 1.0, 0.7], "recall": [0.2, 0.5, 0.9], "ap": 0.75},
        "unseen": {"precision": [], "recall": [], "ap": null},
    });
    fs::write(file("curves.json"), curves.to_string()).unwrap();
    run("dl-draw", &["pr", &file("curves.json"), "--output", &file("pr.svg")], "").expect(0);
    let svg = fs::read_to_string(file("pr.svg")).unwrap();
    for words in ["AP 0.750", "0.750  stop &amp; go", "unseen", "recall", "precision"] {
        assert!(svg.contains(words), "{words}: {svg}");
    }
    run("dl-draw", &["pr", &file("curves.json"), "--output", &file("pr.png"), "--width", "700"], "").expect(0);
    let chart = image::open(file("pr.png")).unwrap().to_rgb8();
    assert_eq!(chart.dimensions(), (700, 640));
    assert!(chart.pixels().filter(|pixel| pixel.0 != [255; 3]).count() > 3000);

    for (name, text, message) in [
        ("list.json", "[1]", "list.json: not a file of curves; dl-eval --curves writes one\n"),
        ("coco.json", r#"{"images":[],"categories":[]}"#, "not a file of curves; dl-eval --curves writes one\n"),
        ("cut.json", r#"{"a":{"precision":[1"#, "EOF while parsing"),
        ("uneven.json", r#"{"a":{"precision":[1],"recall":[]}}"#, "1 precisions and 0 recalls"),
        ("empty.json", "{}", "has no curves"),
    ] {
        fs::write(file(name), text).unwrap();
        let ran = run("dl-draw", &["pr", &file(name), "--output", &file("x.png")], "").expect(2);
        assert!(ran.stderr.contains(message) && ran.stderr.contains(name), "{}", ran.stderr);
    }
    run("dl-draw", &["pr", &file("curves.json"), "--output", &file("x.pdf")], "").expect(2);
}

#[test]
fn records_of_the_same_name_get_a_drawing_each_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "a.png");
    let long = "n".repeat(600);
    let ids = ["same", "same", "x/../y", "x/up/y.png", "bell\u{7}\n", "same", &long];
    let line = |id: &str| json!({"id": id, "image": image, "objects": []}).to_string();
    let stream = ids.map(line).join("\n");
    let drawn = |threads: &str| {
        let ran = boxes(folder.path(), &stream, &["--threads", threads]).expect(0);
        assert!(ran.stderr.contains("3 drawings end in -2, -3, ..."), "{}", ran.stderr);
        ran.records().iter().map(|record| record["drawing"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let paths = drawn("4");
    assert_eq!(paths, drawn("1"));
    let below: Vec<&str> = paths.iter().map(|path| path.rsplit_once("/drawn/").unwrap().1).collect();
    let expected = ["same.png", "same-2.png", "x/up/y.png", "x/up/y-2.png", "bell__.png", "same-3.png"];
    assert_eq!(below[..6], expected);
    assert!(below[6].len() < 255 && below[6].starts_with("nnn"), "{}", below[6]);
    paths.iter().for_each(|path| drop(image::open(path).unwrap()));
}

#[cfg(unix)]
#[test]
fn nothing_is_drawn_through_a_link_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "a.png");
    fs::create_dir_all(folder.path().join("drawn")).unwrap();
    fs::create_dir(folder.path().join("home")).unwrap();
    std::os::unix::fs::symlink("../home", folder.path().join("drawn/way")).unwrap();
    let stream = ["way/x", "b"].map(|id| json!({"id": id, "image": image, "objects": []}).to_string()).join("\n");
    let ran = boxes(folder.path(), &stream, &[]).expect(1);
    assert!(ran.stderr.contains("is a symlink"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(folder.path().join("home")).unwrap().count(), 0);
    open(&ran.records()[1]);
}

#[test]
fn invalid_numbers_and_a_file_in_place_of_the_folder_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stream = format!("{}\n{}\n", record(folder.path(), "a"), record(folder.path(), "b"));
    let (file, grid) = (folder.path().join("file"), folder.path().join("grid.png"));
    fs::write(&file, "mine").unwrap();
    let (file, grid) = (file.to_str().unwrap(), grid.to_str().unwrap());
    let ran = run("dl-draw", &["boxes", "--output-dir", file], &stream).expect(2);
    assert!(ran.stderr.contains("is a file, not a folder") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    assert!(ran.stdout.is_empty());
    for (option, value) in [("--score", "nan"), ("--score", "1e999"), ("--iou", "nan"), ("--iou", "1e99")] {
        run("dl-draw", &["grid", "--output", grid, option, value], &stream).expect(2);
        assert!(
            boxes(folder.path(), &stream, &[option, value]).expect(2).stderr.contains("expected "),
            "{option} {value}"
        );
    }
}

#[test]
fn help_shows_json_without_escapes() {
    for what in ["pr", "confusion"] {
        let help = run("dl-draw", &[what, "--help"], "").expect(0).stdout;
        assert!(help.contains("{\"") && !help.contains('\\'), "{help}");
    }
}

#[test]
fn a_grid_never_replaces_an_image_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "photo.png");
    let before = fs::read(&image).unwrap();
    let line = json!({"id": "a", "image": image}).to_string();
    for (inputs, stdin) in [(&[image.as_str()][..], ""), (&[folder.path().to_str().unwrap()], ""), (&[], line.as_str())]
    {
        let ran = run("dl-draw", &[&["grid", "--output", &image], inputs].concat(), stdin).expect(2);
        assert!(ran.stderr.contains("replace"), "{}", ran.stderr);
        assert_eq!(fs::read(&image).unwrap(), before);
    }
}

#[test]
fn the_size_of_a_drawing_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let image = gray_image(folder.path(), "a.png");
    let grid = ["grid", "--columns", "100", "--cell", "4096", "--output", &at("g.png"), &image];
    let ran = run("dl-draw", &grid, "").expect(2);
    assert!(ran.stderr.contains("make it smaller"), "{}", ran.stderr);
    let rows = usize::MAX.to_string();
    let ran =
        run("dl-draw", &["grid", "--columns", "2", "--rows", &rows, "--output", &at("g.png"), &image], "").expect(0);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    let large = at("large.png");
    RgbImage::new(3000, 3000).save(&large).unwrap();
    let ran = run("dl-draw", &["boxes", "--zoom", "16", "--output-dir", &at("d"), &large], "").expect(1);
    assert!(ran.stderr.contains("48000 x 48000 pixels"), "{}", ran.stderr);

    let log: String = (0..40).map(|n| format!("{{\"iteration\":1,\"figure{n}\":1}}\n")).collect();
    fs::write(at("log.jsonl"), log).unwrap();
    let curves =
        |more: &[&str]| run("dl-draw", &[&["curves", &at("log.jsonl"), "--output", &at("c.png")], more].concat(), "");
    let ran = curves(&["--width", "8192", "--height", "4096"]).expect(2);
    assert!(ran.stderr.contains("32768 x 40960 pixels"), "{}", ran.stderr);
    curves(&[]).expect(0);
    let log: String = (0..100).map(|n| format!("{{\"iteration\":1,\"figure{n}\":1}}\n")).collect();
    fs::write(at("log.jsonl"), log).unwrap();
    let ran = curves(&[]).expect(2);
    assert!(ran.stderr.contains("more than 64 metrics; choose some with --metrics"), "{}", ran.stderr);
    curves(&["--metrics", "figure99"]).expect(0);
    assert!(curves(&["--metrics", "none"]).expect(2).stderr.contains("has no metric none, only figure0, "));
}

#[test]
fn the_charts_of_a_gan_fill_a_square_and_share_axes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let log: String = (0..9)
        .map(|step| {
            let half = f64::from(step) / 16.0;
            let validation = json!({"iteration": step, "val_fid": 90 - step, "val_loss": 90 - step});
            let step = json!({"iteration": step, "discriminator": 1.0, "generator": 2.0 + half, "d_real": 0.5 + half,
                "d_fake": 0.5 - half, "d_accuracy": 0.75, "diversity": 0.3, "generator_gradient": 3.0, "lr": 1e-4,
                "generator_lr": 2e-4, "cycle_a": half, "cycle_b": 1.0 - half});
            format!("{step}\n{validation}\n")
        })
        .collect();
    fs::write(at("log.jsonl"), log).unwrap();
    let draw = |output: &str, more: &[&str]| {
        run("dl-draw", &[&["curves", &at("log.jsonl"), "--output", &at(output)], more].concat(), "").expect(0);
    };
    draw("c.svg", &[]);
    let svg = fs::read_to_string(at("c.svg")).unwrap();
    let place = |words: &str| svg.find(&format!("\n{words}\n")).unwrap_or_else(|| panic!("{words}: {svg}"));
    let order = ["d_accuracy", "d_real", "d_fake", "diversity", "fid = loss", "generator", "discriminator", "cycle_a"];
    assert!(order.map(place).is_sorted(), "{svg}");
    assert!(place("cycle_b") < place("generator_gradient"));
    assert!(!svg.contains("_lr") && !svg.contains("\nloss\n"), "{svg}");
    // Eight charts.
    let size = |more: &[&str]| {
        draw("c.png", more);
        image::open(at("c.png")).unwrap().to_rgb8().dimensions()
    };
    assert_eq!(size(&[]), (2 * 960, 4 * 360));
    assert_eq!(size(&["--columns", "3"]), (3 * 960, 3 * 360));
    assert_eq!(size(&["--columns", "9", "--metrics", "lr,fid", "--width", "400"]), (2 * 400, 360));
}

#[test]
fn boxes_of_any_size_are_drawn_in_bounded_time() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "a.png");
    let extremes =
        [[-1e300, -1e300, 1e300, 1e300], [1e300, 0.0, 1e300, 5.0], [5.0, 5.0, 5.0, 5.0], [-1e9, 3.0, 1e-320, 4.0]];
    let label = format!("{}\u{202e}\u{1b}[2J\n{}", "long ".repeat(20_000), "שלום");
    let found: Vec<Value> =
        extremes.iter().map(|edges| json!({"box": edges, "label": label, "score": 1e300})).collect();
    let line = json!({"id": "a", "image": image, "objects": found, "detections": found, "proposals": found});
    boxes(folder.path(), &line.to_string(), &["--show", "objects,detections,proposals"]).expect(0);
    let at = folder.path().join("grid.png").display().to_string();
    run("dl-draw", &["grid", "--output", &at], &line.to_string()).expect(0);
    let bad = json!({"id": "a", "image": image, "objects": [{"box": [9, 9, -9, -9], "label": "x"}]});
    assert!(boxes(folder.path(), &bad.to_string(), &[]).expect(1).stderr.contains("x2 < x1"));
}

#[test]
fn charts_of_extreme_numbers_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let draw = |text: &str, args: &[&str]| {
        fs::write(at("in.jsonl"), text).unwrap();
        for output in ["out.png", "out.svg"] {
            let input = at("in.jsonl");
            run("dl-draw", &[&[args[0], &input, "--output", &at(output)], &args[1..]].concat(), "").expect(0);
        }
        assert!(fs::metadata(at("out.svg")).unwrap().len() < 2 << 20, "{text:.100}");
        fs::read_to_string(at("out.svg")).unwrap()
    };
    let values: &[&[&str]] = &[
        &["1e308", "-1e308", "0"],
        &["1e-320", "2e-320"],
        &["0.5"],
        &["0.5", "0.5"],
        &["-4", "-4"],
        &["1e16", "10000000000000002"],
        &["0", "1e-300", "1e300"],
        &["5e-324"],
    ];
    for values in values {
        let table = |key: &str, other: &str| -> String {
            let row = |(at, value): (usize, &&str)| format!("{{\"{key}\":{value},\"{other}\":{at}}}\n");
            values.iter().enumerate().map(row).collect()
        };
        for (x, y) in [("x", "y"), ("y", "x")] {
            draw(&table(x, y), &["lines", "--x", "x", "--y", "y"]);
        }
        if values.iter().all(|value| !value.starts_with(['-', '0']) || *value == "0.5") {
            draw(&table("x", "y"), &["lines", "--x", "x", "--y", "y", "--log-x"]);
        }
        draw(&table("loss", "iteration").replace("}\n", ",\"none\":null}\n"), &["curves"]);
        draw(&table("iteration", "val_loss"), &["curves"]);
    }
    // Very many points are thinned.
    let many: String =
        (0..60_000).map(|at| format!("{{\"iteration\":{at},\"loss\":{}}}\n", at * 7919 % 1000)).collect();
    draw(&many, &["curves"]);
    draw(&many, &["lines", "--x", "iteration", "--y", "loss"]);
    let steps: Vec<f64> = (0..50_000).map(|at| f64::from(at) / 50_000.0).collect();
    draw(&json!({"a": {"precision": steps, "recall": steps, "ap": 0.5}}).to_string(), &["pr"]);
    // Long labels are cut, and control characters escaped.
    let label = format!("\u{1b}[2J{}", "x".repeat(100_000));
    let svg = draw(&json!({&label: {"precision": [1], "recall": [1], "ap": 0.5}}).to_string(), &["pr"]);
    assert!(!svg.contains('\u{1b}') && svg.len() < 50_000, "{}", svg.len());
    let svg = draw(&json!({"by": label, "x": 1, "y": 2}).to_string(), &["lines", "--x", "x", "--y", "y", "--by", "by"]);
    assert!(!svg.contains('\u{1b}') && svg.len() < 50_000, "{}", svg.len());
    let svg = draw(&json!({"iteration": 1, &label: 2}).to_string(), &["curves"]);
    assert!(!svg.contains('\u{1b}') && svg.len() < 50_000, "{}", svg.len());
    let svg = draw(&json!({"labels": [label], "counts": [[u64::MAX]]}).to_string(), &["confusion"]);
    assert!(!svg.contains('\u{1b}') && svg.len() < 50_000, "{}", svg.len());
    fs::write(at("far.json"), r#"{"a":{"precision":[1e300],"recall":[0.5],"ap":null}}"#).unwrap();
    let ran = run("dl-draw", &["pr", &at("far.json"), "--output", &at("x.png")], "").expect(2);
    assert!(ran.stderr.contains("those are from 0 to 1"), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn a_chart_can_be_written_to_a_pipe_or_dev_null() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl").display().to_string();
    fs::write(&log, "{\"iteration\":1,\"loss\":2}\n").unwrap();
    run("dl-draw", &["curves", &log, "--output", "/dev/null"], "").expect(0);
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let output = std::process::Command::new(crate::support::program("dl-draw"))
        .args(["curves", &log, "--output", "/dev/stdout"])
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stdout.starts_with(b"\x89PNG"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    run("dl-draw", &["curves", &log, "--output", &folder.path().join("chart").display().to_string()], "").expect(2);
}

#[test]
fn the_threshold_follows_the_kind_of_scores_and_hidden_detections_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "a.png");
    let record = |id: &str, scores: &[f64]| {
        let detection = |score| json!({"box": [8, 8, 40, 40], "label": "stop", "score": score});
        let detections: Vec<Value> = scores.iter().map(detection).collect();
        json!({"id": id, "image": image, "detections": detections}).to_string()
    };
    let probabilities = [record("a", &[0.9, 0.2]), record("b", &[0.4]), record("c", &[0.6])].join("\n");
    let ran = boxes(folder.path(), &probabilities, &[]).expect(0);
    assert_eq!(ran.stderr, "dl-draw: 2 detections below --score 0.5 hidden in 2 images\n");
    assert!(untouched(&open(&ran.records()[1]), [0, 0, 256, 192]));
    assert!(boxes(folder.path(), &probabilities, &["--score", "0.1"]).expect(0).stderr.is_empty());
    // Margins of an SVM, of which one is outside 0 to 1: later records are drawn from 0 on, however many threads draw.
    let margins = [record("a", &[1.4, -0.3]), record("b", &[0.2])].join("\n");
    for threads in ["1", "4"] {
        let ran = boxes(folder.path(), &margins, &["--threads", threads]).expect(0);
        assert_eq!(ran.stderr, "dl-draw: 1 detection below --score 0 hidden in 1 image\n");
        assert!(!untouched(&open(&ran.records()[1]), [0, 0, 256, 192]));
    }
    let ran = boxes(folder.path(), &record("a", &[0.9, 0.8, 0.7]), &["--max", "1"]).expect(0);
    assert_eq!(ran.stderr, "dl-draw: 2 detections not drawn: --max 1 per image\n");
}

#[test]
fn labels_in_scripts_of_the_built_in_font_are_drawn_and_others_ask_for_a_font() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "a.png");
    let draw = |label: &str, more: &[&str]| {
        let detections = json!([{"box": [2, 30, 60, 46], "label": label, "score": 0.9}]);
        let line = json!({"id": "a", "image": image, "detections": detections}).to_string();
        boxes(folder.path(), &line, more)
    };
    let drawings = ["знак", "σήμα", "תמרור", "إشارة", "señal"].map(|label| {
        let ran = draw(label, &[]).expect(0);
        assert!(ran.stderr.is_empty(), "{}", ran.stderr);
        open(&ran.records()[0]).into_raw()
    });
    assert!(drawings.windows(2).all(|pair| pair[0] != pair[1]));
    let ran = draw("標識", &[]).expect(0);
    assert!(ran.stderr.contains("no font has 標識") && ran.stderr.contains("--font FILE"), "{}", ran.stderr);
    let broken = folder.path().join("broken.ttf");
    fs::write(&broken, "no font").unwrap();
    let ran = draw("stop", &["--font", broken.to_str().unwrap()]).expect(2);
    assert!(ran.stderr.contains("--font") && ran.stderr.contains("broken.ttf: not a font"), "{}", ran.stderr);
    let cjk = Path::new("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc");
    if cjk.exists() {
        assert!(draw("標識", &["--font", cjk.to_str().unwrap()]).expect(0).stderr.is_empty());
    } else {
        eprintln!("SKIPPED: {} is not here", cjk.display());
    }
}

#[test]
fn a_grid_frames_right_predictions_green_and_wrong_ones_red() {
    let folder = tempfile::tempdir().unwrap();
    let image = gray_image(folder.path(), "a.png");
    let record = |id: &str, label: Option<&str>| {
        json!({"id": id, "image": image, "label": label, "predictions": [{"label": "cat", "score": 0.8}]}).to_string()
    };
    let stream = [record("a", Some("cat")), record("b", Some("dog")), record("c", None)].join("\n");
    let path = folder.path().join("grid.png");
    let args = ["grid", "--columns", "3", "--cell", "128", "--output", path.to_str().unwrap()];
    run("dl-draw", &args, &stream).expect(0);
    let grid = image::open(&path).unwrap().to_rgb8();
    let left = |cell: u32| grid.get_pixel(8 + cell * 136 - 2, 50).0;
    let ([right, wrong], unknown) = ([left(0), left(1)], left(2));
    assert!(right[1] > 100 && right[0] < 50, "{right:?}");
    assert!(wrong[0] > 150 && wrong[1] < 50, "{wrong:?}");
    assert_eq!(unknown, [255; 3]);
}

#[test]
fn one_measurement_is_drawn_as_a_dot_with_its_value_on_the_axes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let draw = |text: &str, args: &[&str]| {
        fs::write(at("in.jsonl"), text).unwrap();
        run("dl-draw", &[&[args[0], &at("in.jsonl"), "--output", &at("out.svg")], &args[1..]].concat(), "").expect(0);
        let svg = fs::read_to_string(at("out.svg")).unwrap();
        assert!(!svg.contains("NaN"), "{svg}");
        svg
    };
    for text in ["{\"x\":7,\"y\":0.53}", "{\"x\":7,\"y\":0.53}\n{\"x\":7,\"y\":0.53}"] {
        let svg = draw(text, &["lines", "--x", "x", "--y", "y"]);
        assert!(svg.contains("<circle") && svg.contains("\n7\n") && svg.contains("\n0.53\n"), "{svg}");
    }
    let svg = draw("{\"iteration\":0,\"loss\":2.5}", &["curves"]);
    assert!(svg.contains("<circle") && svg.contains("\n0\n") && svg.contains("\n2.5\n"), "{svg}");
    let svg = draw("{\"iteration\":0,\"loss\":2.5}\n{\"iteration\":2,\"loss\":2.5}", &["curves"]);
    assert!(!svg.contains("\n1.5\n"), "iterations are whole: {svg}");
    let svg = draw(&json!({"a": {"precision": [1], "recall": [0.5], "ap": 0.5}}).to_string(), &["pr"]);
    assert!(svg.contains("<circle"), "{svg}");
}

#[test]
fn a_drawing_never_replaces_the_image_of_another_record() {
    let folder = tempfile::tempdir().unwrap();
    let images = ["1.png", "2.png"].map(|name| gray_image(folder.path(), name));
    let before = images.each_ref().map(|image| fs::read(image).unwrap());
    let stream =
        [("2", &images[0]), ("1", &images[1])].map(|(id, image)| json!({"id": id, "image": image}).to_string());
    let args = ["boxes", "--format", "png", "--output-dir", folder.path().to_str().unwrap()];
    let ran = run("dl-draw", &args, &stream.join("\n")).expect(1);
    assert_eq!(ran.stderr.matches("is not a drawing of dl-draw boxes").count(), 2, "{}", ran.stderr);
    assert_eq!(images.each_ref().map(|image| fs::read(image).unwrap()), before);
    // Drawings of an earlier run are replaced.
    let drawn = folder.path().join("drawn").display().to_string();
    for format in ["png", "jpg", "png", "jpg"] {
        let args = ["boxes", "--format", format, "--output-dir", &drawn];
        let ran = run("dl-draw", &args, &stream.join("\n")).expect(0);
        ran.records().iter().for_each(|record| drop(open(record)));
    }
}

#[test]
fn a_grid_of_cells_is_drawn_as_in_the_paper() {
    let folder = tempfile::tempdir().unwrap();
    // Two cells: the left one is surely a dog, the right one has nothing but a doubtful box.
    let cells = json!([
        {"box": [0, 0, 32, 48], "predictions": [{"label": "dog", "score": 1.0}],
            "proposals": [{"box": [4, 4, 28, 40], "score": 0.9}]},
        {"box": [32, 0, 64, 48], "predictions": [{"label": "cat", "score": 0.0}],
            "proposals": [{"box": [36, 8, 60, 44], "score": 0.001}]},
    ]);
    let mut line = record(folder.path(), "a");
    line["cells"] = cells;
    let output = folder.path().join("grid.png");
    let grid = ["grid", "--columns", "3", "--cell", "64", "--output", output.to_str().unwrap()];
    let ran = run("dl-draw", &grid, &line.to_string()).expect(0);
    assert_eq!(ran.records()[0]["cells"], line["cells"]);
    let drawn = image::open(&output).unwrap().to_rgb8();
    assert_eq!(drawn.width(), 3 * (64 + 8) + 8);
    // The middle of each cell: only the class map tints one of them.
    let is_gray = |panel: u32, x: u32| drawn.get_pixel(8 + panel * 72 + x, 8 + 24).0 == [128; 3];
    let middles = [[0, 16], [0, 48], [1, 16], [1, 48], [2, 32]].map(|[panel, x]| is_gray(panel, x));
    assert_eq!(middles, [true, true, false, true, true]);

    let ran = boxes(folder.path(), &line.to_string(), &["--show", "cell-boxes"]).expect(0);
    let drawn = open(&ran.records()[0]);
    assert!(!untouched(&drawn, [14, 100, 30, 104]), "the confident box");
    assert!(untouched(&drawn, [140, 100, 150, 104]), "the doubtful one");
    let ran = boxes(folder.path(), &record(folder.path(), "b").to_string(), &["--show", "cell-boxes"]).expect(1);
    assert!(ran.stderr.contains("no \"cells\", which dl-detect --cells writes"), "{}", ran.stderr);
}
