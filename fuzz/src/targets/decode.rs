//! Decoding text: byte order marks, UTF-16, the encodings of XML.

use dl_record::file::{decode, decode_xml, lines};
use dl_record::shown;

use super::Target;
use crate::weights::checked;

pub(super) const TARGET: Target = Target {
    name: "decode",
    run,
    words: &[
        "<?xml version=\"1.0\" encoding=\"",
        "UTF-8",
        "UTF-16",
        "utf-16le",
        "ISO-8859-1",
        "windows-1252",
        "Shift_JIS",
        "GB18030",
        "ISO-2022-JP",
        "UTF-7",
        "UTF-32",
        "replacement",
        "standalone=\"yes\"",
        "?>",
    ],
    seeds: &["fuzz/corpus/voc"],
    share: 60,
};

fn run(data: &[u8]) {
    checked(decode_xml(data.to_vec()));
    let Some(text) = checked(decode(data.to_vec())) else { return };
    for line in lines(&text) {
        assert!(!line.contains(['\n', '\r']), "a line with a line end in it");
        assert!(!shown(&line).chars().any(char::is_control), "a control character is shown");
    }
}
