//! Images of every format: the header must agree with the pixels.

use dl_vision::picture::{dimensions, load};

use super::Target;
use crate::folder::Folder;
use crate::weights::checked;

pub(super) const TARGET: Target = Target {
    name: "image",
    run,
    words: &[
        "IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf", "iCCP", "acTL", "fcTL", "RIFF", "WEBP", "VP8 ", "VP8L", "VP8X",
        "ALPH", "ANIM", "ANMF", "EXIF", "ICCP", "GIF89a", "GIF87a", "P1\n", "P4\n", "P5\n", "P6\n", "P7\n", "WIDTH",
        "MAXVAL", "TUPLTYPE", "ENDHDR", "Exif\0\0", "II*\0", "MM\0*", "BM", "JFIF", "Adobe",
    ],
    seeds: &["testdata/goldens/images"],
    share: 100,
};

fn run(data: &[u8]) {
    // A record names an image by its path or contains it.
    let source = match str::from_utf8(data) {
        Ok(text) if text.starts_with("data:") => text.to_owned(),
        _ => {
            let folder = Folder::of(data, "image");
            check(&folder.arg("image"));
            return;
        }
    };
    check(&source);
}

fn check(source: &str) {
    let size = checked(dimensions(source));
    if let Some(image) = checked(load(source)) {
        assert_eq!(Some(image.dimensions()), size, "the header states another size");
    }
}
