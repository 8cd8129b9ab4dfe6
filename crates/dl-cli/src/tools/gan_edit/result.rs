//! Where results go: files in a folder, or `data:` URIs in the records.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use dl_record::Record;
use dl_record::file::write_inside;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat};

use crate::common::{FileNames, ImageFile, Inputs, Messages, Originals, is_image_of, is_marked, marked};

/// The comment in a result's file.
pub(super) const MARK: &str = "made by dl-gan-edit";

/// Format of the results.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Lossless
    Png,
    /// Smaller files, without transparency
    Jpg,
}

/// Writes results.
pub(super) struct Results {
    folder: Option<PathBuf>,
    format: Format,
    names: FileNames,
    originals: Originals,
    renamed: usize,
}

impl Results {
    /// # Errors
    /// When the folder is a file.
    pub(super) fn new(folder: Option<&Path>, format: Format, inputs: &Inputs) -> Result<Self> {
        if let Some(folder) = folder.filter(|folder| folder.exists() && !folder.is_dir()) {
            bail!("--output-dir {}: is a file, not a folder; choose another", folder.display());
        }
        let (folder, names) = (folder.map(Path::to_owned), FileNames::default());
        Ok(Self { folder, format, names, originals: Originals::of(inputs), renamed: 0 })
    }

    /// Makes the image that of the record, whose id stays what it was.
    /// # Errors
    /// When the record has neither id nor image, or the file cannot be written.
    pub(super) fn write(&mut self, record: &mut Record, image: DynamicImage) -> Result<()> {
        let before = record.image()?;
        let id = record.id()?;
        let Some(name) = id.clone().or_else(|| before.clone()) else { bail!("the record has neither id nor image") };
        let bytes = encoded(image, self.format)?;
        if let (None, Some(before)) = (id, before) {
            // The default id is the path of the image, which becomes another one.
            record.set("id", &before)?;
        }
        let Some(folder) = &self.folder else {
            let kind = if self.format == Format::Png { "png" } else { "jpeg" };
            return record.set("image", &format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)));
        };
        let endings: &[&str] = if self.format == Format::Png { &["png"] } else { &["jpg", "jpeg"] };
        let (file, renamed) = self.names.take(&name, endings)?;
        let path = folder.join(&file);
        if is_image_of(&path, record)? {
            bail!("{}: would replace the image of the record; name another --output-dir", path.display());
        }
        self.originals.check(&path)?;
        // It may be the image of another record, even of one that has not been read yet.
        if path.is_file() && !is_marked(&path, MARK) {
            bail!("{}: exists and is not a result of dl-gan-edit; name another --output-dir", path.display());
        }
        let kind = if self.format == Format::Png { ImageFile::Png } else { ImageFile::Jpg };
        let bytes = marked(bytes, kind, MARK);
        write_inside(folder, &file, |output| Ok(output.write_all(&bytes)?))?;
        self.renamed += usize::from(renamed);
        record.set("image", &path.display().to_string())
    }

    pub(super) fn report(&self, messages: &Messages) {
        if self.renamed > 0 {
            messages.note(format_args!(
                "{} results end in -2, -3, ... because their name was taken; see the field image",
                self.renamed
            ));
        }
    }
}

fn encoded(image: DynamicImage, format: Format) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match format {
        Format::Png => image.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?,
        Format::Jpg if image.color().has_alpha() => {
            bail!("the image is transparent in part, which a JPEG cannot store; use --format png")
        }
        Format::Jpg => JpegEncoder::new_with_quality(&mut bytes, 92).encode_image(&image)?,
    }
    Ok(bytes)
}
