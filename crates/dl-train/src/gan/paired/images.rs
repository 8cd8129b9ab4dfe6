//! The pairs of a stream, without pixels.

use anyhow::{Context, Result, ensure};
use dl_record::Record;
use dl_vision::picture::dimensions;

use dl_record::Digest;

/// How much the aspect ratios of an image and its target may differ.
const MOST_ASPECT: f64 = 1.05;

/// The images of a stream, each with its target if that is another image.
#[derive(Clone, Debug, Default)]
pub struct PairedImages {
    sources: Vec<String>,
    targets: Vec<String>,
    digest: Digest,
}

impl PairedImages {
    /// Adds the image of a record and, if `target` names a field, the one in that. A record that fails adds nothing.
    /// # Errors
    /// When the record lacks one of them, one of a pair cannot be opened, or both have different shapes.
    pub fn push(&mut self, record: &Record, target: Option<&str>) -> Result<()> {
        let image: String = record.require("image", "it is what the network is trained on")?;
        if let Some(field) = target {
            let other: String = record
                .require(field, "the network learns to make this image of `image`; --target names another field")?;
            let aspect = |source: &str| -> Result<(u32, u32, f64)> {
                let (width, height) = dimensions(source)?;
                Ok((width, height, f64::from(width) / f64::from(height)))
            };
            let (width, height, first) = aspect(&image)?;
            let (other_width, other_height, second) = aspect(&other).with_context(|| format!("\"{field}\""))?;
            ensure!(
                (first / second).max(second / first) <= MOST_ASPECT,
                "image has {width} x {height} pixels and {field} {other_width} x {other_height}; both images of a pair show \
                 the same, in the same shape"
            );
            self.digest.text(&other);
            self.targets.push(other);
        }
        self.digest.text(&image);
        self.sources.push(image);
        Ok(())
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The paths or `data:` URIs: all images, then all targets.
    pub fn sources(&self) -> Vec<String> {
        self.sources.iter().chain(&self.targets).cloned().collect()
    }

    /// Whether each image has a target of its own.
    pub fn has_targets(&self) -> bool {
        !self.targets.is_empty()
    }

    /// A fingerprint of the data.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
