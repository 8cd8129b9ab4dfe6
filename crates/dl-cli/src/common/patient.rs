//! The streams of the process, as a program wants them: they wait, and their errors have a name.
//!
//! Whoever shares a pipe or a terminal with the program may have made it not wait (node and some shells do), and a read
//! or a write then fails where it would have to wait. Here it waits all the same.

use std::io::{self, Read, Write};
#[cfg(unix)]
use std::os::fd::AsFd as Handle;
#[cfg(windows)]
use std::os::windows::io::AsHandle as Handle;

/// A stream of the process.
pub(super) struct Patient<S> {
    stream: S,
    name: &'static str,
    closed: bool,
}

impl<S: Handle> Patient<S> {
    /// `stream`, called `name` in errors; `closed`: was it closed when the program began?
    pub(super) fn new(stream: S, name: &'static str, closed: bool) -> Self {
        Self { stream, name, closed }
    }

    fn open(&self) -> io::Result<()> {
        if self.closed { Err(io::Error::other(format!("{}: is closed", self.name))) } else { Ok(()) }
    }

    /// Repeats `action` until the stream is ready for it.
    fn patiently<T>(&mut self, reads: bool, mut action: impl FnMut(&mut S) -> io::Result<T>) -> io::Result<T> {
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

impl<S: Handle + Read> Read for Patient<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.open()?;
        self.patiently(true, |stream| stream.read(buffer))
    }
}

impl<S: Handle + Write> Write for Patient<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?;
        self.patiently(false, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.patiently(false, Write::flush)
    }
}

/// Waits until the stream can be read or written, or has an error to tell.
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
