//! `dl-draw html`, as a user runs it, and its page in a real browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::RgbImage;
use serde_json::{Value, json};

use crate::support::run;

/// A label that would run a script if it reached the HTML.
const HOSTILE: &str = "</script><img src=x onerror=\"document.title='hacked'\"><!--";

fn image(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    RgbImage::from_pixel(64, 48, image::Rgb([128; 3])).save(&path).unwrap();
    path.display().to_string()
}

/// Records of every kind: detections with each kind of error, a prediction, a text, proposals, and failures.
fn records(folder: &Path) -> Vec<Value> {
    let object = |x: f64, label: &str| json!({"box": [x, 0, x + 10.0, 10], "label": label});
    let detection =
        |x: f64, label: &str, score: f64| json!({"box": [x, 0, x + 10.0, 10], "label": label, "score": score});
    // The first 10 columns of 48 rows.
    let mask = json!({"size": [48, 64], "counts": "0P?Pa2"});
    let mut masked = detection(0.0, "stop", 0.9);
    masked["mask"] = mask;
    vec![
        json!({"id": "a", "image": image(folder, "a.png"), "note": [1.50], "width": 64, "height": 48,
            "objects": [object(0.0, "stop"), object(20.0, "yield"), object(40.0, "stop")],
            "detections": [masked, detection(1.0, "stop", 0.8), detection(20.0, "stop", 0.7),
                detection(45.0, "stop", 0.6), detection(50.0, HOSTILE, 0.3)]}),
        json!({"id": "b", "image": image(folder, "b.png"), "label": "cat", "width": 64, "height": 48,
            "predictions": [{"label": "dog", "score": 0.7}, {"label": "cat", "score": 0.3}]}),
        json!({"id": "c", "text": HOSTILE, "label": "good", "predictions": [{"label": "good", "score": 0.8}]}),
        json!({"id": "d", "image": image(folder, "d.png"), "width": 64, "height": 48,
            "proposals": [{"box": [1, 1, 20, 20], "score": 1.0}]}),
        json!({"id": "e", "image": "nowhere.png"}),
        json!({"id": "f", "error": {"tool": "dl-embed", "message": "out of luck"}}),
    ]
}

fn stream(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// The page's JSON, and the page.
fn page(path: &Path) -> (Value, String) {
    let text = fs::read_to_string(path).unwrap();
    let start = "<script type=\"application/json\" id=\"data\">";
    let (_, data) = text.split_once(start).unwrap();
    (serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap(), text)
}

#[test]
fn a_page_holds_every_record_and_the_stream_passes_through() {
    let folder = tempfile::tempdir().unwrap();
    let records = records(folder.path());
    let output = folder.path().join("page.html");
    let args = ["html", "--title", HOSTILE, "--output", output.to_str().unwrap()];
    let ran = run("dl-draw", &args, &stream(&records)).expect(1);
    assert!(ran.stderr.contains("nowhere.png") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    let passed = ran.records();
    for index in [0, 1, 2, 3, 5] {
        assert_eq!(passed[index], records[index]);
    }
    assert!(passed[4]["error"]["message"].as_str().unwrap().contains("nowhere.png"));

    let (data, text) = page(&output);
    let ids: Vec<&str> = data["records"].as_array().unwrap().iter().map(|card| card["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "b", "c", "d", "e", "f"]);
    let detections = data["records"][0]["detections"].as_array().unwrap();
    let kinds: Vec<&str> = detections.iter().map(|found| found["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["right", "duplicate", "label", "place", "background"]);
    assert_eq!(detections[0]["mask"], "0P?Pa2");
    assert_eq!(data["records"][0]["objects"][0]["found"], 0.9);
    assert!(data["records"][4]["error"].as_str().unwrap().contains("nowhere.png"));
    assert_eq!(data["records"][5]["error"], "dl-embed: out of luck");
    assert_eq!(data["settings"]["score"], 0.5);
    assert_eq!(data["classes"]["stop"]["ap"], 0.5);
    // Texts of records are in the JSON alone, where they cannot end its element.
    assert_eq!(data["records"][2]["text"], HOSTILE);
    assert!(!text.contains("<img") && !text.contains("<!--") && text.matches("</script>").count() == 2);
    assert!(!text.contains("http://") || text.matches("http://").count() == 1, "only the name space of SVG");
}

#[test]
fn a_page_is_bounded_and_does_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.png").display().to_string();
    RgbImage::from_pixel(1000, 500, image::Rgb([9; 3])).save(&large).unwrap();
    let found: Vec<Value> =
        (0..9).map(|at| json!({"box": [at, 0, at + 1, 1], "label": "x", "score": at - 4})).collect();
    let records: Vec<Value> =
        (0..20).map(|id| json!({"id": id.to_string(), "image": large, "detections": found})).collect();
    let write = |threads: &str| {
        let output = folder.path().join(format!("{threads}.html"));
        let more = ["--records", "12", "--max", "5", "--thumbnail", "100", "--title", "same", "--threads", threads];
        let ran =
            run("dl-draw", &[&["html", "--output", output.to_str().unwrap()], &more[..]].concat(), &stream(&records));
        let ran = ran.expect(0);
        assert!(ran.stderr.contains("8 records beyond --records 12 not in the page"), "{}", ran.stderr);
        assert!(ran.stderr.contains("48 detections not drawn: --max 5 per image"), "{}", ran.stderr);
        assert_eq!(ran.records().len(), 20);
        page(&output)
    };
    let (data, text) = write("1");
    assert_eq!(text, write("4").1);
    assert_eq!(data["records"].as_array().unwrap().len(), 12);
    let card = &data["records"][0];
    assert_eq!((&card["size"], &card["thumbnail"]), (&json!([1000, 500]), &json!([100, 50])));
    assert_eq!((card["detections"].as_array().unwrap().len(), &card["left_out"]), (5, &json!(4)));
    assert_eq!(data["settings"]["score"], 0.0, "scores outside 0 to 1 are margins");
}

#[test]
fn an_empty_stream_makes_an_empty_page_and_an_input_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("page.html");
    run("dl-draw", &["html", "--output", output.to_str().unwrap()], "").expect(0);
    assert_eq!(page(&output).0["records"], json!([]));
    let before = fs::read(&output).unwrap();
    run("dl-draw", &["html", "--output", output.to_str().unwrap(), output.to_str().unwrap()], "").expect(2);
    assert_eq!(fs::read(&output).unwrap(), before);
    run("dl-draw", &["html", "--output", "page.png"], "").expect(2);
}

#[test]
fn a_page_never_replaces_the_image_of_any_record() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("in.html");
    fs::write(&output, "mine").unwrap();
    let output = output.to_str().unwrap();
    let records_of = [json!({"id": "a", "text": "good"}), json!({"id": "b", "image": output})];
    for records in ["1", "2"] {
        let ran = run("dl-draw", &["html", "--records", records, "--output", output], &stream(&records_of)).expect(2);
        assert!(ran.stderr.contains("which the page would replace"), "{}", ran.stderr);
        assert_eq!(fs::read_to_string(output).unwrap(), "mine");
    }
}

#[test]
fn an_id_that_is_not_a_string_fails_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("page.html").display().to_string();
    let ran = run("dl-draw", &["html", "--output", &output], "{\"id\":5}\n").expect(1);
    assert!(ran.stderr.contains("field \"id\""), "{}", ran.stderr);
}

/// A headless Chromium, if one is installed.
fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()));
    if found.is_none() {
        eprintln!("SKIPPED: no chromium is installed");
    }
    found
}

/// The page's document after its script has run, at an address that ends in `view`.
fn shown(browser: &str, page: &Path, view: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--window-size=1400,1000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg("--dump-dom")
        .arg(format!("file://{}{view}", page.display()))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The ids of the cards that a filter shows, in order.
fn visible(document: &str) -> Vec<String> {
    let (_, cards) = document.split_once("<ol id=\"cards\"").unwrap();
    let cards =
        cards.split("<li class=\"card").skip(1).filter(|card| !card.split_once('>').unwrap().0.contains("hidden"));
    let name = |card: &str| card.split_once("class=\"name\">").unwrap().1.split_once('<').unwrap().0.to_owned();
    cards.map(name).collect()
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let output: PathBuf = folder.path().join("page.html");
    let args = ["html", "--title", "Signs", "--output", output.to_str().unwrap()];
    run("dl-draw", &args, &stream(&records(folder.path()))).expect(1);
    let open = |view: &str| shown(browser, &output, view);

    let all = open("");
    assert!(all.contains("data-ready="), "the script ends: {all:.2000}");
    assert!(all.contains("<title>Signs</title>"), "no script of a record ran");
    assert_eq!(visible(&all), ["a", "b", "c", "d", "e", "f"]);
    assert!(all.contains("6 of 6 records"));
    // Boxes, a mask and a thumbnail are drawn; texts of records are texts.
    assert!(all.contains("class=\"box bad\"") || all.contains("class=\"box bad "), "boxes");
    assert!(all.contains("<canvas") && all.contains("src=\"data:image/jpeg;base64,"));
    assert!(all.contains("&lt;/script&gt;&lt;img src=x") && !all.contains("<img src=\"x\""));
    assert!(all.contains("nowhere.png") && all.contains("dl-embed: out of luck"));

    for (view, ids) in [
        ("#kind=missed", vec!["a"]),
        ("#class=%E0%A4%A", vec!["a", "b", "c", "d", "e", "f"]),
        ("#kind=background", vec![]),
        ("#kind=background&score=0.2", vec!["a"]),
        ("#kind=wrong", vec!["b"]),
        ("#kind=right", vec!["a", "c"]),
        ("#kind=failed", vec!["e", "f"]),
        ("#class=cat", vec!["b"]),
        ("#class=stop,good", vec!["a", "c"]),
        ("#class=stop&kind=wrong", vec![]),
        ("#search=NOWHERE", vec!["e"]),
        ("#sort=errors&kind=missed,wrong", vec!["a", "b"]),
        ("#sort=low&class=good,stop", vec!["a", "c"]),
    ] {
        assert_eq!(visible(&open(view)), ids, "{view}");
    }
    let large = open("#open=a");
    let (_, dialog) = large.split_once("<dialog id=\"large\"").unwrap();
    assert!(dialog.split_once('>').unwrap().0.contains("open") && dialog.contains("wrong label"), "{dialog:.1000}");
}
