//! The image of a record.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use dl_record::Record;
use dl_vision::picture::{Loaded, Loader, Truncated};
use image::RgbImage;
use serde::Serialize;

use super::Messages;

/// Option of every program that decodes images.
#[derive(Args, Serialize, Clone, Copy, Debug)]
#[command(next_help_heading = "Common options")]
pub struct ImageArgs {
    /// What to do with an image that is truncated or lacks part of its data
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Rule::Error)]
    truncated: Rule,
}

#[derive(ValueEnum, Serialize, Clone, Copy, Debug)]
#[serde(rename_all = "kebab-case")]
enum Rule {
    /// Fail its record
    Error,
    /// Decode what is there, and report the damage
    Keep,
}

impl ImageArgs {
    /// Opens the images of all records.
    pub fn images(self, messages: &Messages) -> Images {
        Images { loader: Loader::new(self.truncated()), messages: messages.clone() }
    }

    /// The same for programs that write images: the alpha of transparent pixels is kept apart.
    pub fn images_with_alpha(self, messages: &Messages) -> Images {
        Images { loader: Loader::new(self.truncated()).keeping_alpha(), messages: messages.clone() }
    }

    /// What to do with truncated images.
    pub fn truncated(self) -> Truncated {
        match self.truncated {
            Rule::Error => Truncated::Error,
            Rule::Keep => Truncated::Keep,
        }
    }
}

/// Opens the images of records, for all threads.
pub struct Images {
    loader: Loader,
    messages: Messages,
}

impl Images {
    /// Opens the record's image (see [`dl_vision::picture::load`]) and sets `width` and `height` where they are absent.
    /// # Errors
    /// When the record has no `image`, the image cannot be read, or its size differs from the record's.
    pub fn open(&self, record: &mut Record) -> Result<Loaded<'_>> {
        let source: String = record.require("image", "it is the path of the image, or a data: URI")?;
        let image = self.load(&source)?;
        let stated = (record.width()?, record.height()?);
        let (width, height) = image.dimensions();
        if stated.0.is_some_and(|stated| stated != width) || stated.1.is_some_and(|stated| stated != height) {
            let text = |side: Option<u32>| side.map_or_else(|| "?".to_owned(), |side| side.to_string());
            let (stated_width, stated_height) = (text(stated.0), text(stated.1));
            bail!(
                "{source}: the image has {width} x {height} pixels, the record says {stated_width} x {stated_height}"
            );
        }
        if stated.0.is_none() {
            record.set_width(&width)?;
        }
        if stated.1.is_none() {
            record.set_height(&height)?;
        }
        Ok(image)
    }

    /// Opens an image, and reports it if it is damaged and kept all the same.
    /// # Errors
    /// When it cannot be read.
    pub fn load(&self, source: &str) -> Result<Loaded<'_>> {
        let image = self.loader.load(source)?;
        if let Some(damage) = image.damage() {
            let name = source.split(',').next().filter(|_| source.starts_with("data:")).unwrap_or(source);
            self.messages.note(format_args!("{name}: {damage}; decoded what is there (--truncated keep)"));
        }
        Ok(image)
    }
}

/// Whether red, green and blue are equal everywhere.
pub(crate) fn is_gray(image: &RgbImage) -> bool {
    image.pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::Progress;

    const ONE_WHITE_PIXEL: &str = "data:image/x-portable-graymap;base64,UDIgMSAxIDEgMQo=";

    fn record(rest: &str) -> Record {
        Record::parse(&format!(r#"{{"image":"{ONE_WHITE_PIXEL}"{rest}}}"#)).unwrap()
    }

    fn images() -> Images {
        let messages = Messages::new("dl-test", Box::new(std::io::sink()), true, 0, Progress::hidden("dl-test"));
        ImageArgs { truncated: Rule::Error }.images(&messages)
    }

    #[test]
    fn a_missing_size_is_added() {
        let mut record = record("");
        assert_eq!(images().open(&mut record).unwrap().as_raw(), &[255; 3]);
        assert_eq!((record.width().unwrap(), record.height().unwrap()), (Some(1), Some(1)));
    }

    #[test]
    fn a_size_that_differs_from_the_images_is_an_error() {
        let images = images();
        let error = images.open(&mut record(r#","width":1,"height":2"#)).unwrap_err().to_string();
        assert!(error.contains("has 1 x 1 pixels, the record says 1 x 2"), "{error}");
    }
}
