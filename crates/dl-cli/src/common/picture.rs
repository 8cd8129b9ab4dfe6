//! The picture of a record.

use anyhow::{Result, bail};
use dl_record::Record;
use dl_vision::picture;
use image::RgbImage;

/// Opens the record's picture (see [`picture::load`]) and sets `width` and `height` where they are absent.
/// # Errors
/// When the record has no `image`, the picture cannot be read, or it has not the size that the record states.
pub fn open_picture(record: &mut Record) -> Result<RgbImage> {
    let source: String = record.require("image", "it is the path of the picture, or a data: URI")?;
    let picture = picture::load(&source)?;
    let stated = (record.width()?, record.height()?);
    let (width, height) = picture.dimensions();
    if stated.0.is_some_and(|stated| stated != width) || stated.1.is_some_and(|stated| stated != height) {
        let text = |side: Option<u32>| side.map_or_else(|| "?".to_owned(), |side| side.to_string());
        let (stated_width, stated_height) = (text(stated.0), text(stated.1));
        bail!("{source}: the picture is {width} x {height} pixels, the record says {stated_width} x {stated_height}");
    }
    if stated.0.is_none() {
        record.set_width(&width)?;
    }
    if stated.1.is_none() {
        record.set_height(&height)?;
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_WHITE_PIXEL: &str = "data:image/x-portable-graymap;base64,UDIgMSAxIDEgMQo=";

    fn record(rest: &str) -> Record {
        Record::parse(&format!(r#"{{"image":"{ONE_WHITE_PIXEL}"{rest}}}"#)).unwrap()
    }

    #[test]
    fn the_size_is_set_where_it_is_absent() {
        let mut record = record("");
        assert_eq!(open_picture(&mut record).unwrap().as_raw(), &[255; 3]);
        assert_eq!((record.width().unwrap(), record.height().unwrap()), (Some(1), Some(1)));
    }

    #[test]
    fn a_size_that_is_not_the_pictures_is_an_error() {
        let error = open_picture(&mut record(r#","width":1,"height":2"#)).unwrap_err().to_string();
        assert!(error.contains("is 1 x 1 pixels, the record says 1 x 2"), "{error}");
    }
}
