//! Published weights by name, each with its address, digest and license.

use std::env;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use dl_models::checkpoint::{convert, printable};
use dl_models::text::{self, TextConfig};
use dl_models::{Checkpoint, Fit, Labels, ModelConfig};
use dl_record::file::{MOST_LIST_BYTES, decode, read_named};
use dl_vision::labels::builtin;
use serde::Deserialize;
use serde_json::json;

use super::download::Known;

/// Made by `weights.py`.
const BUILTIN: &str = include_str!("weights.jsonl");

/// The variable that names another table, with one's own weights or a mirror's addresses.
const TABLE_VARIABLE: &str = "DL_WEIGHTS";

/// A row of the table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::tools::model) struct Weights {
    /// `resnet50`, or `resnet50@v1` for weights that are not the default ones. What precedes the `@` is the architecture.
    pub(in crate::tools::model) name: String,
    /// `https://...` or `hf:...`
    pub(super) source: String,
    /// The SHA-256 of the weights, or its first digits.
    pub(super) sha256: Option<String>,
    /// Approximate size.
    pub(super) bytes: Option<u64>,
    pub(super) license: String,
    /// The built-in list of its labels.
    labels: Option<String>,
    /// The shorter side of an image before the center crop, in pixels [default: the architecture's].
    shorter: Option<usize>,
    /// Top-1 accuracy on ImageNet in percent, as published.
    pub(super) top1: Option<f64>,
    /// The publisher's name for the weights.
    pub(super) origin: Option<String>,
}

/// All weights that can be fetched by name.
/// # Errors
/// When the table that `DL_WEIGHTS` names cannot be read.
pub(in crate::tools::model) fn all() -> Result<Vec<Weights>> {
    match env::var_os(TABLE_VARIABLE) {
        None => parse(BUILTIN),
        Some(path) => {
            let place = || format!("{TABLE_VARIABLE}={}", Path::new(&path).display());
            let text = read_named(Path::new(&path), MOST_LIST_BYTES).and_then(decode);
            parse(&text.with_context(place)?).with_context(place)
        }
    }
}

/// The weights of this name.
/// # Errors
/// When the table has none.
pub(super) fn find(name: &str) -> Result<Weights> {
    let found = all()?.into_iter().find(|weights| weights.name == name);
    found.with_context(|| {
        format!("{name}: no such weights; dl-model list shows the names, hf:OWNER/NAME and https://... work too")
    })
}

fn parse(table: &str) -> Result<Vec<Weights>> {
    let rows = table.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    rows.map(|(index, line)| row(line).with_context(|| format!("line {}", index + 1))).collect()
}

fn row(line: &str) -> Result<Weights> {
    let mut weights: Weights = serde_json::from_str(line)?;
    if let Some(digits) = &mut weights.sha256 {
        digits.make_ascii_lowercase();
        ensure!(
            (8..=64).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
            "sha256 \"{}\": expected 8 to 64 hexadecimal digits",
            printable(digits)
        );
    }
    Ok(weights)
}

impl Weights {
    /// The name in `dl-model list`.
    pub(in crate::tools::model) fn architecture(&self) -> &str {
        self.name.split('@').next().unwrap_or(&self.name)
    }

    /// The name of its model file.
    pub(super) fn file_name(&self) -> String {
        let safe = |letter: char| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
        format!("{}.safetensors", self.name.chars().map(safe).collect::<String>())
    }

    /// Whether a file in the cache was made from these weights.
    pub(super) fn is_origin_of(&self, known: &Known) -> bool {
        let is_pinned = |pin: &String| known.made_from.as_ref().is_some_and(|sha256| sha256.starts_with(pin.as_str()));
        known.url == self.source && self.sha256.as_ref().is_none_or(is_pinned)
    }

    /// `103 MB, license BSD-3-Clause; trained on ImageNet, whose terms may apply; top-1 accuracy 80.858 %`
    pub(super) fn description(&self) -> String {
        let mut text = self.bytes.map_or(String::new(), |bytes| format!("{:.0} MB, ", bytes as f64 / 1e6));
        text += &format!("license {}", self.license);
        if self.labels.as_deref() == Some("imagenet") {
            text += "; trained on ImageNet, whose terms may apply";
        }
        if let Some(top1) = self.top1 {
            text += &format!("; top-1 accuracy {top1} %");
        }
        text
    }

    /// Writes `path`, a model file with config, labels and license, from the published `from`: a file, or a folder of
    /// Hugging Face.
    /// # Errors
    /// When `from` is not the network that the table says.
    pub(super) fn convert(&self, from: &Path, path: &Path, url: &str, sha256: &str) -> Result<()> {
        let mut file = Checkpoint::open(from)?;
        if TextConfig::text_architecture(&file)?.is_some() {
            return text::convert(&mut file, path, Some(&self.license), None);
        }
        let mut config = ModelConfig::read(&mut file, Some(self.architecture()))?;
        let fit = Fit::of(&config, &file, |_| false)?;
        ensure!(fit.is_whole(), "model {}: not a {}: {}", from.display(), self.architecture(), fit.report());
        if let Some(list) = &self.labels {
            config.labels = Some(Labels::Names(builtin(list).with_context(|| format!("no built-in labels @{list}"))?));
        }
        if let Some(Labels::File(file)) = &config.labels {
            bail!(
                "{}: its labels are in the file \"{}\", which is not fetched; \
                 set \"labels\" to a built-in list in its row of the table",
                self.name,
                printable(file)
            );
        }
        config.preprocessing.shorter = self.shorter.or(config.preprocessing.shorter);
        config.provenance.license = Some(self.license.clone());
        config.provenance.source = Some(json!({"url": url, "sha256": sha256, "origin": self.origin}));
        config.check()?;
        config.label_names(Path::new(""))?;
        convert(&file, path, Some(&config), None)
    }
}

#[cfg(test)]
mod tests {
    use dl_models::ARCHITECTURES;
    use dl_models::text::TEXT_ARCHITECTURES;

    use super::super::source::Source;
    use super::*;

    #[test]
    fn digests_in_the_table_are_hexadecimal() {
        let with = |sha256: &str| {
            let row = json!({"name": "resnet18", "source": "hf:a/b", "license": "MIT", "sha256": sha256});
            parse(&format!("\n{row}\n"))
        };
        assert_eq!(with("7BE5BE79").unwrap()[0].sha256.as_deref(), Some("7be5be79"));
        for bad in ["", "7be5be7", "7be5be7x", &"0".repeat(65)] {
            let error = format!("{:#}", with(bad).unwrap_err());
            assert!(error.contains("line 2") && error.contains("hexadecimal"), "{error}");
        }
    }

    #[test]
    fn every_row_of_the_table_names_a_network_and_a_source() {
        let all = parse(BUILTIN).unwrap();
        for weights in &all {
            let name = weights.architecture();
            let is_image_network = ARCHITECTURES.iter().any(|architecture| architecture.name == name);
            let is_text_network = TEXT_ARCHITECTURES.iter().any(|architecture| architecture.name == name);
            assert!(is_image_network || is_text_network, "{name}");
            assert!(matches!(weights.source.parse().unwrap(), Source::Hub(_) | Source::Web(_)), "{name}");
            let digits = weights.sha256.as_deref().unwrap_or("00000000");
            assert!(digits.len() >= 8 && digits.chars().all(|digit| digit.is_ascii_hexdigit()), "{name}");
            assert!(weights.labels.as_deref().is_none_or(|list| builtin(list).is_some()), "{name}");
            assert_eq!(all.iter().filter(|other| other.name == weights.name).count(), 1, "{name}");
        }
    }
}
