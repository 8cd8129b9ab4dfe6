//! COCO: the twelve numbers.
