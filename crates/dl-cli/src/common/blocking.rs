//! The streams of the process, made to block, with the stream's name in their errors.
//!
//! Another process that shares a pipe or a terminal with the program may have set it to non-blocking (node and some
//! shells do). A read or a write then fails instead of waiting. Here it waits.

use std::io::{self, Read, Write};
#[cfg(unix)]
use std::os::fd::AsFd as Handle;
#[cfg(windows)]
use std::os::windows::io::AsHandle as Handle;

/// A stream of the process.
pub(super) struct Blocking<S> {
    stream: S,
    name: &'static str,
    closed: bool,
}

impl<S: Handle> Blocking<S> {
    /// `stream`, called `name` in errors; `closed` if it was closed when the program started.
    pub(super) fn new(stream: S, name: &'static str, closed: bool) -> Self {
        Self { stream, name, closed }
    }

    fn check_open(&self) -> io::Result<()> {
        if self.closed { Err(io::Error::other(format!("{}: is closed", self.name))) } else { Ok(()) }
    }

    /// Repeats `action` until the stream is ready for it.
    fn retry<T>(&mut self, reads: bool, mut action: impl FnMut(&mut S) -> io::Result<T>) -> io::Result<T> {
        let name = self.name;
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
        loop {
            match action(&mut self.stream) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(&self.stream, reads).map_err(named)?,
                result => return result.map_err(named),
            }
        }
    }
}

impl<S: Handle + Read> Read for Blocking<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check_open()?;
        self.retry(true, |stream| stream.read(buffer))
    }
}

impl<S: Handle + Write> Write for Blocking<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check_open()?;
        self.retry(false, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.retry(false, Write::flush)
    }
}

/// Waits until the stream can be read or written, or reports an error.
#[cfg(unix)]
fn wait(stream: &impl Handle, reads: bool) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};

    let flags = if reads { PollFlags::IN } else { PollFlags::OUT };
    match poll(&mut [PollFd::new(stream, flags)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn wait(_: &impl Handle, _: bool) -> io::Result<()> {
    std::thread::sleep(std::time::Duration::from_millis(1));
    Ok(())
}
