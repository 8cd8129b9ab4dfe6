//! What annotation programs write: labelme, CVAT, Label Studio.
