//! The description in a model file: the JSON under its metadata key `config`.

use std::path::{Component, Path};

use anyhow::{Context, Result, bail, ensure};
use dl_record::BBox;
use dl_record::file::{MOST_LIST_BYTES, decode, lines, read_regular};
use dl_vision::picture::warp::{Interpolation, Normalization, letterbox_box, shorter_box, stretch_box};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::checkpoint::printable;
use crate::limits::{self, LARGEST_SIDE};
use crate::text::ClipOptions;
use crate::{Architecture, LayerName};

/// Everything about a model except its weights. Unknown keys are preserved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Name of the architecture, see [`ARCHITECTURES`](crate::ARCHITECTURES).
    pub architecture: String,
    /// Options of the architecture that differ from the defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Number of `logits`.
    pub num_classes: usize,
    /// Names of the classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// How an image becomes the input.
    pub preprocessing: Preprocessing,
    /// The default layer for features; if absent, the architecture's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Origin of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Value>,
    /// License of the weights.
    #[serde(default, alias = "licence", skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Training seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Digest of the training data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_digest: Option<String>,
    /// Training statistics: steps, losses, accuracy.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub training: Map<String, Value>,
    /// Unknown keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Class names: in the config, or in a text file beside the model, one per line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Labels {
    /// The names, in the order of the logits.
    Names(Vec<String>),
    /// The file's name, in the model's folder.
    File(String),
}

/// Turns an image into the network's input [3, h, w] f32.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// [height, width] of the input in pixels.
    pub size: [usize; 2],
    /// How a whole image is resized.
    #[serde(default, deserialize_with = "resize_rule")]
    pub resize: Resize,
    /// [`Resize::Shorter`]: the shorter side in pixels before the center crop; default: the smaller of `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shorter: Option<usize>,
    /// Interpolation between pixels.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// Order of the color channels.
    #[serde(default, deserialize_with = "channel_order")]
    pub channel_order: ChannelOrder,
    /// The values of black and white before the mean is subtracted: [0, 1] or [0, 255].
    #[serde(serialize_with = "in_short")]
    pub range: [f32; 2],
    /// Subtracted from each channel, in the order of `channel_order`. A single number in the file applies to all.
    #[serde(deserialize_with = "each_channel", serialize_with = "in_short")]
    pub mean: [f32; 3],
    /// Divisor of each channel, in the order of `channel_order`. A single number in the file applies to all.
    #[serde(deserialize_with = "each_channel", serialize_with = "in_short")]
    pub std: [f32; 3],
    /// Unknown keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// How a whole image is resized to the network's input size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// The shorter side to a length, then a center crop: torchvision's classification models.
    Shorter,
    /// Both sides to the input size, ignoring the aspect ratio.
    #[default]
    Stretch,
    /// The longer side to the input size, the rest filled with the mean.
    Letterbox,
    /// Not resized, only normalized.
    None,
}

/// Order of the color channels in the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red: Caffe models.
    Bgr,
}

impl Preprocessing {
    /// torchvision's preprocessing for ImageNet models: shorter side 256, center 224 x 224, RGB in [0, 1], ImageNet's
    /// mean and standard deviation.
    pub fn torchvision() -> Self {
        Self {
            size: [224, 224],
            resize: Resize::Shorter,
            shorter: Some(256),
            interpolation: Interpolation::Bilinear,
            channel_order: ChannelOrder::Rgb,
            range: [0.0, 1.0],
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
            extra: Map::new(),
        }
    }

    /// torchvision's preprocessing for Inception v3: as [`torchvision`](Self::torchvision), with shorter side 342 and
    /// center 299 x 299. (The network itself converts to its own mean and standard deviation.)
    pub fn inception_v3() -> Self {
        Self { size: [299, 299], shorter: Some(342), ..Self::torchvision() }
    }

    /// timm's preprocessing for `legacy_xception`: shorter side 333 (bicubic), center 299 x 299, RGB in [-1, 1].
    pub fn legacy_xception() -> Self {
        Self { size: [299, 299], shorter: Some(333), ..Self::mobilenet_v1() }
    }

    /// timm's preprocessing for `mobilenetv1_100`: shorter side 256 (bicubic), center 224 x 224, RGB in [-1, 1].
    pub fn mobilenet_v1() -> Self {
        let interpolation = Interpolation::Bicubic;
        Self { interpolation, mean: [0.5; 3], std: [0.5; 3], ..Self::torchvision() }
    }

    /// Caffe's preprocessing for AlexNet (2012): shorter side 256, center 227 x 227, BGR from 0 to 255 minus its mean.
    pub fn caffe() -> Self {
        Self {
            size: [227, 227],
            channel_order: ChannelOrder::Bgr,
            range: [0.0, 255.0],
            mean: [104.0, 117.0, 123.0],
            std: [1.0; 3],
            ..Self::torchvision()
        }
    }

    /// Preprocessing of the CIFAR ResNets: 32 x 32 pixels, ImageNet's mean and standard deviation.
    pub fn cifar() -> Self {
        Self { size: [32, 32], shorter: Some(32), ..Self::torchvision() }
    }

    /// Preprocessing of mini-Xception: 64 x 64 pixels in [-1, 1], ignoring the aspect ratio.
    pub fn mini_xception() -> Self {
        let [mean, std] = [[0.5; 3]; 2];
        Self { size: [64, 64], resize: Resize::Stretch, shorter: None, mean, std, ..Self::torchvision() }
    }

    /// How pixel values are normalized.
    pub fn normalization(&self) -> Normalization {
        let bgr = self.channel_order == ChannelOrder::Bgr;
        Normalization { bgr, white: self.range[1], mean: self.mean, std: self.std }
    }

    /// The source rectangle of a whole image of `width` x `height` pixels, and the input's [height, width], for
    /// [`resample`](dl_vision::picture::warp::resample).
    pub fn whole_image(&self, width: u32, height: u32, resize: Resize) -> (BBox, [usize; 2]) {
        let shorter = self.shorter.unwrap_or(self.size[0].min(self.size[1]));
        match resize {
            Resize::Shorter => (shorter_box(width, height, shorter, self.size), self.size),
            Resize::Stretch => (stretch_box(width, height), self.size),
            Resize::Letterbox => (letterbox_box(width, height, self.size), self.size),
            Resize::None => (stretch_box(width, height), [height as usize, width as usize]),
        }
    }

    fn check(&self) -> Result<()> {
        if self.size.iter().any(|side| !(1..=LARGEST_SIDE).contains(side)) {
            bail!("preprocessing: size is {:?}; expected [height, width] from 1 to {LARGEST_SIDE}", self.size);
        }
        if let Some(shorter) = self.shorter.filter(|shorter| !(1..=2 * LARGEST_SIDE).contains(shorter)) {
            bail!("preprocessing: shorter is {shorter}; expected 1 to {}", 2 * LARGEST_SIDE);
        }
        if self.range[0] != 0.0 || self.range[1] <= 0.0 || !self.range[1].is_finite() {
            bail!("preprocessing: range is {:?}; expected [0, 1] or [0, 255]", self.range);
        }
        if self.std.iter().any(|std| !std.is_normal()) || self.mean.iter().any(|mean| !mean.is_finite()) {
            bail!("preprocessing: mean {:?} and std {:?} must be finite, std not 0", self.mean, self.std);
        }
        Ok(())
    }
}

impl ModelConfig {
    /// The config of bare weights: the architecture's default options and preprocessing, no labels.
    pub fn new(architecture: &str, num_classes: usize) -> Self {
        Self {
            architecture: architecture.to_owned(),
            options: Map::new(),
            num_classes,
            labels: None,
            preprocessing: Architecture::find(architecture)
                .map_or_else(|_| Preprocessing::torchvision(), |architecture| (architecture.preprocessing)()),
            layer: None,
            source: None,
            license: None,
            seed: None,
            data_digest: None,
            training: Map::new(),
            extra: Map::new(),
        }
    }

    /// Checks that every value is valid and within limits. Every config from a file is checked before a network is
    /// built from it.
    /// # Errors
    /// When a value is invalid or out of range.
    pub fn check(&self) -> Result<()> {
        limits::count("num_classes", self.num_classes, limits::MOST_CLASSES)?;
        match &self.labels {
            Some(Labels::Names(names)) => limits::labels(names)?,
            Some(Labels::File(name)) => check_beside(name)?,
            None => {}
        }
        self.preprocessing.check()?;
        if let Some(layer) = &self.layer {
            layer.parse::<LayerName>()?;
        }
        let widths = ["width", "width_mult"].map(|name| self.options.get(name));
        for width in widths.into_iter().chain([self.extra.get("width_multiplier")]).flatten() {
            limits::width(width.as_f64().unwrap_or(f64::NAN)).context("options")?;
        }
        for option in ["dropout", "dropout_aux"] {
            if let Some(value) = self.options.get(option) {
                limits::share(option, value.as_f64().unwrap_or(f64::NAN)).context("options")?;
            }
        }
        if self.architecture == "clip" {
            self.options::<ClipOptions>()?.check().context("options")?;
        }
        match self.training.get("pad") {
            Some(pad) if pad.as_u64().is_none_or(|pad| pad >= LARGEST_SIDE as u64) => {
                bail!(
                    "training.pad is {}; expected a number of pixels below the input size",
                    printable(&pad.to_string())
                )
            }
            _ => Ok(()),
        }
    }

    /// The architecture's options as a `T`.
    /// # Errors
    /// When an option is unknown or has the wrong type.
    pub fn options<T: for<'a> Deserialize<'a>>(&self) -> Result<T> {
        serde_json::from_value(Value::Object(self.options.clone()))
            .with_context(|| format!("options of the architecture {}", self.architecture))
    }

    /// The class names, in the order of the logits; `None` if the config has none. `folder` is the model's. The first
    /// `label_offset` classes (a third-party key) are named `background`.
    /// # Errors
    /// When the label file cannot be read, or the number of names differs from the number of classes.
    pub fn label_names(&self, folder: &Path) -> Result<Option<Vec<String>>> {
        let names = match &self.labels {
            None => return Ok(None),
            Some(Labels::Names(names)) => names.clone(),
            Some(Labels::File(name)) => {
                let names = labels_beside(folder, name);
                names.with_context(|| format!("the config's label file \"{}\"", printable(name)))?
            }
        };
        let offset = self.extra.get("label_offset").and_then(Value::as_u64).unwrap_or(0);
        let background = (0..offset.min(self.num_classes as u64)).map(|_| "background".to_owned());
        let names: Vec<String> = background.chain(names).collect();
        if names.len() != self.num_classes {
            bail!("the config has {} labels for {} classes", names.len(), self.num_classes);
        }
        Ok(Some(names))
    }
}

/// Reads a label file, which must be in the model's folder.
fn labels_beside(folder: &Path, name: &str) -> Result<Vec<String>> {
    check_beside(name)?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let path = folder.join(name);
    if let (Ok(folder), Ok(path)) = (folder.canonicalize(), path.canonicalize()) {
        // A symbolic link in a downloaded folder could point anywhere.
        ensure!(path.parent() == Some(folder.as_path()), "is a link out of the model's folder");
    }
    let names = lines(&decode(read_regular(&path, MOST_LIST_BYTES)?)?);
    limits::labels(&names)?;
    Ok(names)
}

/// Checks that `name` is a plain file name.
fn check_beside(name: &str) -> Result<()> {
    let mut parts = Path::new(name).components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    if !is_name || name.contains(['/', '\\', '\0']) {
        bail!("labels: \"{}\" is not a file name in the model's folder", printable(name));
    }
    Ok(())
}

/// Reads one of our keywords, or a third-party description that mentions the aspect ratio.
fn resize_rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Resize, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_str() {
        "shorter" => Ok(Resize::Shorter),
        "stretch" => Ok(Resize::Stretch),
        "letterbox" => Ok(Resize::Letterbox),
        "none" => Ok(Resize::None),
        sentence if sentence.contains("aspect ratio not kept") => Ok(Resize::Stretch),
        other => Err(D::Error::custom(format!(
            "resize is \"{}\"; expected shorter, stretch, letterbox or none",
            printable(other)
        ))),
    }
}

fn channel_order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ChannelOrder, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_uppercase().as_str() {
        "RGB" => Ok(ChannelOrder::Rgb),
        "BGR" => Ok(ChannelOrder::Bgr),
        // A grayscale network converts red, green and blue itself.
        "GREY" | "GRAY" => Ok(ChannelOrder::Rgb),
        _ => Err(D::Error::custom(format!("channel_order is \"{}\"; expected RGB or BGR", printable(&text)))),
    }
}

fn each_channel<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f32; 3], D::Error> {
    match Vec::deserialize(deserializer)?[..] {
        [all] => Ok([all; 3]),
        [a, b, c] => Ok([a, b, c]),
        ref other => {
            Err(D::Error::custom(format!("{} numbers for 3 channels; expected 3, or 1 for all channels", other.len())))
        }
    }
}

/// Writes f32 values with the fewest digits (0.485), even through a JSON value, whose numbers are doubles.
fn in_short<S: Serializer>(numbers: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(numbers.iter().map(|number| number.to_string().parse::<f64>().unwrap_or(f64::from(*number))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_written_with_the_digits_it_was_read_with() {
        let text = r#"{"size":[8,8],"range":[0,1],"mean":[0.485,0.456,0.406],"std":[0.229]}"#;
        let preprocessing: Preprocessing = serde_json::from_str(text).unwrap();
        let ways = [serde_json::to_string(&preprocessing), serde_json::to_value(&preprocessing).map(|v| v.to_string())];
        for written in ways.map(Result::unwrap) {
            assert!(written.contains(r#""mean":[0.485,0.456,0.406],"std":[0.229,0.229,0.229]"#), "{written}");
            assert_eq!(serde_json::from_str::<Preprocessing>(&written).unwrap(), preprocessing);
        }
    }

    #[test]
    fn a_third_party_config_is_read_and_its_keys_are_preserved() {
        let text = r#"{"architecture":"squeezenet1_0","num_classes":2,"task":"classification","labels":["cat","dog"],
            "preprocessing":{"size":[227,227],"resize":"whole image, bilinear, aspect ratio not kept",
            "channel_order":"BGR","range":[0,255],"mean":[104.0,117.0,123.0],"std":[1.0,1.0,1.0],"note":"Caffe"}}"#;
        let config: ModelConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.preprocessing.resize, Resize::Stretch);
        assert_eq!(config.preprocessing.channel_order, ChannelOrder::Bgr);
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written["task"], "classification");
        assert_eq!(written["preprocessing"]["note"], "Caffe");
        assert_eq!(written["preprocessing"]["channel_order"], "BGR");
        let again: ModelConfig = serde_json::from_value(written).unwrap();
        assert_eq!(again.preprocessing, config.preprocessing);
        assert_eq!(config.label_names(Path::new("")).unwrap().unwrap(), ["cat", "dog"]);
    }

    #[test]
    fn a_license_is_read_under_its_old_key_and_written_under_the_new_one() {
        let mut old = serde_json::to_value(ModelConfig::new("alexnet", 3)).unwrap();
        old["licence"] = "MIT".into();
        let config: ModelConfig = serde_json::from_value(old).unwrap();
        assert_eq!(config.license.as_deref(), Some("MIT"));
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!((written["license"].as_str(), written.get("licence")), (Some("MIT"), None));
    }

    #[test]
    fn a_grayscale_config_is_read() {
        let text = r#"{"size":[64,64],"channel_order":"grey","range":[0,1],"mean":[0.5],"std":[0.5]}"#;
        let preprocessing: Preprocessing = serde_json::from_str(text).unwrap();
        assert_eq!((preprocessing.mean, preprocessing.std), ([0.5; 3], [0.5; 3]));
        let error = serde_json::from_str::<Preprocessing>(&text.replace("[0.5]", "[1,2]")).unwrap_err().to_string();
        assert!(error.contains("2 numbers for 3 channels"), "{error}");
    }

    #[test]
    fn a_class_before_the_labels_is_named_background() {
        let mut config = ModelConfig::new("mobilenet_v1", 3);
        config.labels = Some(Labels::Names(vec!["cat".into(), "dog".into()]));
        config.extra.insert("label_offset".into(), 1.into());
        assert_eq!(config.label_names(Path::new("")).unwrap().unwrap(), ["background", "cat", "dog"]);
    }

    #[test]
    fn labels_that_do_not_match_the_classes_are_an_error() {
        let mut config = ModelConfig::new("alexnet", 3);
        config.labels = Some(Labels::Names(vec!["cat".into()]));
        let error = config.label_names(Path::new("")).unwrap_err();
        assert_eq!(error.to_string(), "the config has 1 labels for 3 classes");
        config.labels = Some(Labels::File("no-such.txt".into()));
        assert!(config.label_names(Path::new("models")).unwrap_err().to_string().contains("no-such.txt"));
    }
}
