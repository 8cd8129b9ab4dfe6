//! Dataset formats: VOC, COCO, YOLO and folders, each converted to records and back by name.
