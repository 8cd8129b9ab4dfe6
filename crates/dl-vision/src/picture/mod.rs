//! Pictures: decoding, warping and drawing.
