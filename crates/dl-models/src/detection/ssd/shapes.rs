//! Default boxes whose shapes are in the config: those of a network that was trained on objects of other sizes than its
//! source's.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::architectures::Architecture;
use crate::ModelConfig;
use crate::detection::default_boxes::{DefaultBoxes, SourceBoxes};

/// The option that has them: for each source, (width, height) of each box of a cell as parts of the input's; an empty list
/// stands for the architecture's.
pub(super) const OPTION: &str = "shapes";

/// The option of an additional source with cells half as large as those of the first one.
pub(super) const FINE: &str = "fine";
/// The architecture that has it.
pub(super) const WITH_FINE: &str = "ssd_mobilenet_v1";
/// The scale of the boxes of the additional source, unless their shapes are stated.
const FINE_SCALE: f64 = 0.08;

/// Most boxes around a cell of a source.
const MOST: usize = 64;
/// The longest side of a box, as a part of the input's.
const LONGEST: f64 = 4.0;

/// The default boxes of a config.
/// # Errors
/// When the option is invalid.
pub(super) fn default_boxes(architecture: &Architecture, config: &ModelConfig) -> Result<DefaultBoxes> {
    let mut boxes = (architecture.boxes)(config.preprocessing.size);
    if let Some(fine) = config.options.get(FINE) {
        let fine = fine.as_bool().filter(|_| architecture.name == WITH_FINE);
        if fine.with_context(|| format!("options: fine is true or false, for {WITH_FINE}"))? {
            boxes.sources.insert(0, SourceBoxes { shapes: vec![[FINE_SCALE; 2]], step: None });
        }
    }
    let Some(stated) = config.options.get(OPTION) else { return Ok(boxes) };
    let stated = Vec::<Vec<[f64; 2]>>::deserialize(stated).context("options: shapes")?;
    let sources = boxes.sources.len();
    ensure!(stated.len() == sources, "options: shapes are for {} sources, not {sources}", stated.len());
    for (source, shapes) in boxes.sources.iter_mut().zip(stated) {
        let is_valid = |side: &f64| *side > 0.0 && *side <= LONGEST;
        ensure!(
            shapes.len() <= MOST && shapes.as_flattened().iter().all(is_valid),
            "options: shapes: expected up to {MOST} pairs of numbers above 0, up to {LONGEST}"
        );
        if !shapes.is_empty() {
            source.shapes = shapes;
        }
    }
    Ok(boxes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::detection::ssd::Ssd;

    #[test]
    fn stated_shapes_replace_those_of_their_sources() {
        let mut config = Ssd::default_config("ssd_mobilenet_v1", 3).unwrap();
        let boxes = |config| Ssd::new(config, crate::Parameters::fresh(0).builder(&candle_core::Device::Cpu));
        let mut shapes = vec![Vec::new(); 6];
        shapes[1] = vec![[0.25, 0.5]];
        config.options.insert("width".to_owned(), json!(0.25));
        Ssd::set_shapes(&mut config, &shapes);
        let ssd = boxes(config.clone()).unwrap();
        // Three around a cell of the first source, as in the source.
        let first = &ssd.default_boxes()[3 * 19 * 19];
        assert!((first.width() - 75.0).abs() < 1e-9 && (first.height() - 150.0).abs() < 1e-9, "{first:?}");
        assert_eq!(ssd.default_boxes().len(), 3 * 361 + 100 + 6 * (25 + 9 + 4 + 1));
        assert_eq!(Ssd::cells(&config).unwrap()[1], [0.1, 0.1]);
        assert!(Ssd::add_fine_source(&mut config));
        shapes.insert(0, vec![[0.05, 0.05]]);
        Ssd::set_shapes(&mut config, &shapes);
        let fine = boxes(config.clone()).unwrap();
        assert_eq!(fine.default_boxes().len(), ssd.default_boxes().len() + 38 * 38);
        for broken in [json!([[]]), json!("x"), json!([[], [], [], [], [], [[0.0, 1.0]]])] {
            config.options.insert("shapes".to_owned(), broken);
            assert!(format!("{:#}", boxes(config.clone()).err().unwrap()).contains("shapes"));
        }
    }
}
