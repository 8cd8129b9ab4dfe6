//! The evaluation beside hotcoco's, on random data with ties, crowds, unknown ids and objects at the limits of area ranges.

use std::fs;

use hotcoco::{COCO, COCOeval, IouType, Params};
use rand::{Rng, RngExt};
use serde_json::{Value, json};

use super::*;

fn pick<'a, T>(rng: &mut dyn Rng, among: &'a [T]) -> &'a T {
    &among[rng.random_range(0..among.len())]
}

/// Random truth and results in COCO's form.
fn random_files(seed: u64, masks: bool) -> (Value, Value) {
    let mut rng = dl_record::rng(seed, "coco");
    let count = rng.random_range(1..12);
    let images: Vec<Value> = (0..count).map(|id| json!({"id": id * 3, "height": 120, "width": 130})).collect();
    let categories: Vec<Value> = [9, 2, 4].iter().map(|id| json!({"id": id, "name": format!("c{id}")})).collect();
    let bbox = |rng: &mut dyn Rng| -> [f64; 4] {
        let side = |rng: &mut dyn Rng| *pick(rng, &[8.0, 32.0, 96.0, 40.0, 31.5]);
        [f64::from(rng.random_range(0..6)) * 4.0, f64::from(rng.random_range(0..4)) * 5.0, side(rng), side(rng)]
    };
    let corners = |[x, y, w, h]: [f64; 4]| json!([[x, y, x + w, y, x + w, y + h, x, y + h]]);
    let (mut truth, mut results) = (Vec::new(), Vec::new());
    for id in 1..=rng.random_range(1..60) {
        let place = bbox(&mut rng);
        let mut object = json!({
            "id": id, "image_id": rng.random_range(0..count) * 3, "category_id": *pick(&mut rng, &[9, 2, 4, 4]),
            "bbox": place, "area": place[2] * place[3], "iscrowd": u8::from(rng.random_bool(0.1)),
        });
        if masks {
            object["segmentation"] = corners(place);
        }
        truth.push(object);
    }
    for _ in 0..rng.random_range(0..300) {
        let place = bbox(&mut rng);
        let mut result = json!({
            "image_id": rng.random_range(0..count + 1) * 3, "category_id": *pick(&mut rng, &[9, 2, 4, 77]),
            "score": f64::from(rng.random_range(-3..9)) / 8.0, "bbox": place,
        });
        if masks {
            result["segmentation"] = corners(place);
        }
        results.push(result);
    }
    (json!({"images": images, "categories": categories, "annotations": truth}), json!(results))
}

fn write_files(truth: &Value, results: &Value) -> [tempfile::NamedTempFile; 2] {
    [truth, results].map(|value| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), value.to_string()).unwrap();
        file
    })
}

#[test]
fn figures_equal_those_of_hotcoco() {
    for seed in 0..60 {
        let masks = seed % 4 == 3;
        let (truth, results) = random_files(seed, masks);
        let [truth, results] = write_files(&truth, &results);
        let max_dets = [[1, 10, 100], [1, 2, 3], [2, 5, 30]][seed as usize % 3];
        let theirs = COCO::new(truth.path()).unwrap();
        let found = theirs.load_res(results.path()).unwrap();
        let mut evaluation = COCOeval::new(theirs, found, if masks { IouType::Segm } else { IouType::Bbox });
        evaluation.params.max_dets = max_dets.to_vec();
        evaluation.evaluate().unwrap();
        evaluation.accumulate();
        let expected = evaluation.accumulated().unwrap();
        let shape = expected.shape;

        let data = CocoData::open(truth.path(), results.path(), masks).unwrap();
        let matched = matching::match_all(&data, max_dets[2], false);
        let (ours, _) = curves::of_classes(&data, &matched, max_dets, |_, sums, _| sums.clone());
        for (class, ours) in ours.iter().enumerate() {
            let ids: Vec<String> = data.categories.iter().map(|category| category.0.to_string()).collect();
            assert_eq!(expected.cat_ids.iter().map(ToString::to_string).collect::<Vec<_>>(), ids);
            for (series, (area, most)) in [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (3, 2)].into_iter().enumerate() {
                let mut recall = 0.0;
                for iou in 0..IOUS {
                    let points = (0..curves::RECALLS)
                        .map(|r| expected.precision[shape.precision_idx(iou, r, class, area, most)]);
                    let precision = points.sum::<f64>() / curves::RECALLS as f64;
                    let found = ours.mean_precision(series, iou..iou + 1);
                    assert!((found - precision).abs() < 1e-12, "{seed} {class} {series} {iou}: {found} {precision}");
                    recall += expected.recall[shape.recall_idx(iou, class, area, most)] / IOUS as f64;
                }
                let found = ours.mean_recall(series);
                assert!((found - recall).abs() < 1e-12, "{seed} {class} {series}: {found} {recall}");
            }
        }
    }
}

#[test]
fn thresholds_and_ranges_equal_those_of_hotcoco() {
    let params = Params::new(IouType::Bbox);
    assert!((0..IOUS).map(matching::threshold).eq(params.iou_thrs.iter().copied()));
    let recalls = (0..curves::RECALLS).map(|index| matching::linspace(0.0, 1.0, curves::RECALLS, index));
    assert!(recalls.eq(params.rec_thrs.iter().copied()));
    assert!(AREAS.into_iter().eq(params.area_ranges.iter().map(|area| area.range)));
}

#[test]
fn figures_do_not_depend_on_the_number_of_threads() {
    let (truth, results) = random_files(5, false);
    let [truth, results] = write_files(&truth, &results);
    let report = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let data = CocoData::open(truth.path(), results.path(), false).unwrap();
            evaluate(data, &CocoConfig::default())
        })
    };
    assert_eq!(report(1), report(5));
}

#[test]
fn results_of_unknown_images_and_categories_are_reported() {
    let truth = json!({
        "images": [{"id": 1}],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}],
    });
    let result =
        |image: u64, class: u64| json!({"image_id": image, "category_id": class, "bbox": [0, 0, 9, 9], "score": 1});
    let [truth, results] =
        write_files(&truth, &json!([result(1, 1), result(7, 1), result(1, 2), result(1, 3), result(8, 3)]));
    let data = CocoData::open(truth.path(), results.path(), false).unwrap();
    let [images, categories] = data.lost() else { panic!("{:?}", data.lost()) };
    assert!(images.contains("2 results have an image_id that is not among those of"), "{images}");
    assert!(categories.contains("1 result has a category_id that is not among those of"), "{categories}");
    let report = evaluate(data, &CocoConfig::default());
    assert_eq!(report.unknown, ["cat"]);
    assert!((report.stats[0] - 1.0).abs() < 1e-12);
    let [_, scoreless] = write_files(&json!({}), &json!([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}]));
    let error = CocoData::open(truth.path(), scoreless.path(), false).err().unwrap();
    assert!(format!("{error:#}").ends_with("no result can be used; the first: it has no score"), "{error:#}");
    // No masks, and no image sizes to make them from boxes.
    let data = CocoData::open(truth.path(), results.path(), true).unwrap();
    assert!(data.truth.is_empty() && data.found.is_empty());
}
