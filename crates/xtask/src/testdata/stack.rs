//! Gray images stacked as the channels of one (Srivastava et al. 2017, VEEGAN): of ten digits, a thousand modes.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use dl_vision::picture::load;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::dataset::Files;
use super::dice::Dice;

/// The source of an image, and its label.
struct Source {
    id: String,
    image: String,
    label: String,
}

fn read(records: &Path) -> Result<Vec<Source>> {
    let text = std::fs::read_to_string(records).with_context(|| records.display().to_string())?;
    let source = |line: &str| {
        let record: Value = serde_json::from_str(line)?;
        let word = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
        Ok(Source { id: word("id"), image: word("image"), label: word("label") })
    };
    text.lines().map(source).collect::<Result<_>>().with_context(|| records.display().to_string())
}

fn png(image: impl Into<DynamicImage>) -> Result<Vec<u8>> {
    let mut png = Cursor::new(Vec::new());
    image.into().write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

/// `count` stacks of three images each, and their records, whose labels are those of the three one after the other.
pub(super) fn stacked(records: &Path, count: u32, seed: u64, folder: &Path) -> Result<Files> {
    let sources = read(records)?;
    ensure!(!sources.is_empty(), "{}: there are no records", records.display());
    let made: Vec<Result<_>> = (0..count)
        .into_par_iter()
        .map(|index| {
            let name = format!("{index:06}");
            let mut dice = Dice::new(seed, &format!("stack/{name}"));
            let parts = [(); 3].map(|()| &sources[dice.whole(0, sources.len() - 1)]);
            let [red, green, blue] = parts.map(|part| load(&part.image));
            let (red, green, blue) = (red?, green?, blue?);
            let equal = red.dimensions() == green.dimensions() && red.dimensions() == blue.dimensions();
            ensure!(equal, "{}: the images have different sizes", records.display());
            let level = |image: &RgbImage, x, y| image.get_pixel(x, y).0[0];
            let image = RgbImage::from_fn(red.width(), red.height(), |x, y| {
                Rgb([level(&red, x, y), level(&green, x, y), level(&blue, x, y)])
            });
            let label: String = parts.iter().map(|part| part.label.as_str()).collect();
            Ok((name, label, png(image)?))
        })
        .collect();
    let (mut files, mut lines) = (Files::new(), String::new());
    for made in made {
        let (name, label, png) = made?;
        let file = format!("images/{name}.png");
        let record = json!({"id": name, "image": folder.join(&file).display().to_string(), "label": label});
        lines.push_str(&format!("{record}\n"));
        files.insert(file, png);
    }
    files.insert("stacks.jsonl".to_owned(), lines.into_bytes());
    Ok(files)
}

/// Three gray images of each, and their records, in order: of its red, its green, its blue.
pub(super) fn unstacked(records: &Path, folder: &Path) -> Result<Files> {
    let sources = read(records)?;
    let parts: Vec<Result<_>> = sources
        .par_iter()
        .map(|source| {
            let image = load(&source.image)?;
            let part = |channel: usize| {
                png(GrayImage::from_fn(image.width(), image.height(), |x, y| Luma([image.get_pixel(x, y).0[channel]])))
            };
            Ok((&source.id, [part(0)?, part(1)?, part(2)?]))
        })
        .collect();
    let (mut files, mut lines) = (Files::new(), String::new());
    for (index, part) in parts.into_iter().enumerate() {
        let (id, channels) = part?;
        for (color, png) in ["red", "green", "blue"].into_iter().zip(channels) {
            let file = format!("parts/{index:06}-{color}.png");
            let image = folder.join(&file).display().to_string();
            lines.push_str(&format!("{}\n", json!({"id": format!("{id}/{color}"), "image": image})));
            files.insert(file, png);
        }
    }
    files.insert("parts.jsonl".to_owned(), lines.into_bytes());
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stacked_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let lines: Vec<String> = (0..10_u8)
            .map(|digit| {
                let image = at(&format!("{digit}.png"));
                GrayImage::from_pixel(2, 3, Luma([20 * digit])).save(&image).unwrap();
                json!({"id": digit.to_string(), "image": image.to_str(), "label": digit.to_string()}).to_string()
            })
            .collect();
        std::fs::write(at("digits.jsonl"), lines.join("\n")).unwrap();
        let write = |files: Files, folder: &str| {
            for (name, bytes) in files {
                let path = at(folder).join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        };
        write(stacked(&at("digits.jsonl"), 4, 1, &at("stacks")).unwrap(), "stacks");
        write(unstacked(&at("stacks/stacks.jsonl"), &at("parts")).unwrap(), "parts");
        let (stacks, parts) = (read(&at("stacks/stacks.jsonl")).unwrap(), read(&at("parts/parts.jsonl")).unwrap());
        assert_eq!((stacks.len(), parts.len()), (4, 12));
        for (digit, part) in stacks.iter().flat_map(|stack| stack.label.bytes()).zip(&parts) {
            assert_eq!(load(&part.image).unwrap().get_pixel(1, 1).0[0], 20 * (digit - b'0'), "{}", part.id);
        }
        assert!(stacks.iter().any(|stack| stack.label != stacks[0].label));
    }
}
