//! How an image becomes a network's input.

use anyhow::{Result, bail};
use dl_record::BBox;
use dl_vision::picture::warp::{Interpolation, Normalization, letterbox_box, resample, shorter_box, stretch_box};
use image::RgbImage;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::limits::LARGEST_SIDE;
use crate::checkpoint::printable;

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

    /// Hugging Face's preprocessing for ViT: 224 x 224 pixels in [-1, 1], ignoring the aspect ratio.
    pub fn vit() -> Self {
        Self { resize: Resize::Stretch, shorter: None, mean: [0.5; 3], std: [0.5; 3], ..Self::torchvision() }
    }

    /// Hugging Face's preprocessing for DINOv2: as [`torchvision`](Self::torchvision), bicubic.
    pub fn dinov2() -> Self {
        Self { interpolation: Interpolation::Bicubic, ..Self::torchvision() }
    }

    /// Hugging Face's preprocessing for SigLIP: as [`vit`](Self::vit), bicubic.
    pub fn siglip() -> Self {
        Self { interpolation: Interpolation::Bicubic, ..Self::vit() }
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

    /// Preprocessing of LeNet-5: 32 x 32 pixels in [0, 1], ignoring the aspect ratio.
    pub fn lenet5() -> Self {
        let [mean, std] = [[0.0; 3], [1.0; 3]];
        Self { size: [32, 32], resize: Resize::Stretch, shorter: None, mean, std, ..Self::torchvision() }
    }

    /// Preprocessing of conv4: 28 x 28 pixels in [0, 1], ignoring the aspect ratio.
    pub fn conv4() -> Self {
        Self { size: [28, 28], ..Self::lenet5() }
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

    /// The input [3, height, width] of `size` [height, width] that shows the rectangle `source` of an image, in pixels.
    pub fn input(&self, image: &RgbImage, source: &BBox, size: [usize; 2]) -> Vec<f32> {
        let mut input = vec![0.0; 3 * size[0] * size[1]];
        self.fill(image, source, size, &mut input);
        input
    }

    /// The same, written to `input`, which has the length for it.
    pub fn fill(&self, image: &RgbImage, source: &BBox, size: [usize; 2], input: &mut [f32]) {
        resample(image, source, size, self.interpolation, &self.normalization(), input);
    }

    /// The source rectangle of a whole image of `width` x `height` pixels, and the input's [height, width], for
    /// [`input`](Self::input).
    pub fn whole_image(&self, width: u32, height: u32, resize: Resize) -> (BBox, [usize; 2]) {
        let shorter = self.shorter.unwrap_or(self.size[0].min(self.size[1]));
        match resize {
            Resize::Shorter => (shorter_box(width, height, shorter, self.size), self.size),
            Resize::Stretch => (stretch_box(width, height), self.size),
            Resize::Letterbox => (letterbox_box(width, height, self.size), self.size),
            Resize::None => (stretch_box(width, height), [height as usize, width as usize]),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
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

/// Reads one of our keywords, or a third-party description that mentions the aspect ratio or states both sizes
/// (`28x28 to 32x32, bilinear`).
fn resize_rule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Resize, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_str() {
        "shorter" => Ok(Resize::Shorter),
        "stretch" => Ok(Resize::Stretch),
        "letterbox" => Ok(Resize::Letterbox),
        "none" => Ok(Resize::None),
        sentence if sentence.contains("aspect ratio not kept") || states_sizes(sentence) => Ok(Resize::Stretch),
        other => Err(D::Error::custom(format!(
            "resize is \"{}\"; expected shorter, stretch, letterbox or none",
            printable(other)
        ))),
    }
}

/// Whether a description begins with two sizes: `28x28 to 32x32`.
fn states_sizes(sentence: &str) -> bool {
    let is_size = |word: Option<&str>| {
        let sides = word.and_then(|word| word.trim_end_matches(',').split_once('x'));
        sides.is_some_and(|(width, height)| [width, height].iter().all(|side| side.parse::<u32>().is_ok()))
    };
    let mut words = sentence.split_whitespace();
    is_size(words.next()) && words.next() == Some("to") && is_size(words.next())
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
    fn a_description_of_both_sizes_stretches() {
        let read = |resize: &str| {
            let text = format!(r#"{{"size":[32,32],"resize":"{resize}","range":[0,1],"mean":[0],"std":[1]}}"#);
            serde_json::from_str::<Preprocessing>(&text).map(|preprocessing| preprocessing.resize)
        };
        assert_eq!(read("28x28 to 32x32, bilinear, half-pixel centers").unwrap(), Resize::Stretch);
        for unknown in ["28x28", "28x28 to", "28 to 32", "to 32x32", "axb to 32x32"] {
            assert!(read(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_grayscale_config_is_read() {
        let text = r#"{"size":[64,64],"channel_order":"grey","range":[0,1],"mean":[0.5],"std":[0.5]}"#;
        let preprocessing: Preprocessing = serde_json::from_str(text).unwrap();
        assert_eq!((preprocessing.mean, preprocessing.std), ([0.5; 3], [0.5; 3]));
        let error = serde_json::from_str::<Preprocessing>(&text.replace("[0.5]", "[1,2]")).unwrap_err().to_string();
        assert!(error.contains("2 numbers for 3 channels"), "{error}");
    }
}
