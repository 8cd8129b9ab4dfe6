//! A stream of images as records, one per image: `ffmpeg -i video.mp4 -f image2pipe -c:v mjpeg - | dl-detect ...`.

use std::io::BufRead;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dl_record::{Line, Record};
use dl_vision::picture::{Frame, Frames};

type Stream<'a> = Box<dyn BufRead + Send + 'a>;

/// The records of the frames, with ids that sort in their order.
pub(super) struct FrameLines<'a> {
    frames: Frames<Stream<'a>>,
    count: usize,
    tool: &'static str,
}

impl<'a> FrameLines<'a> {
    /// `tool` is named in the errors of broken frames.
    pub(super) fn new(stream: Stream<'a>, tool: &'static str) -> Self {
        Self { frames: Frames::new(stream), count: 0, tool }
    }

    fn line(&self, frame: Result<Frame>) -> Result<Line> {
        let id = format!("frame-{:06}", self.count);
        let mut record = Record::default();
        record.set_id(&id)?;
        let broken = frame.is_err();
        match frame {
            Ok(Frame { bytes, media_type }) => {
                let data = STANDARD.encode(bytes);
                record.set_image(&format!("data:{media_type};base64,{data}"))?;
            }
            Err(error) => {
                let error = error.context("the rest of the stream is skipped");
                record.fail(self.tool, format!("{error:#}"));
            }
        }
        Ok(Line { place: format!("<stdin>: frame {}", self.count), record, broken })
    }
}

impl Iterator for FrameLines<'_> {
    type Item = Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.frames.next()?;
        self.count += 1;
        Some(self.line(frame).context("<stdin>"))
    }
}
