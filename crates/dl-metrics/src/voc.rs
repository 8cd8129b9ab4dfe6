//! VOC: average precision per class.
