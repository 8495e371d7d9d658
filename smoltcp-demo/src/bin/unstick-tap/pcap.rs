//! What the node sends and receives, in a file that Wireshark opens, and in the log.
//!
//! smoltcp's own [`PcapWriter`] does the work. It sees the frames as the stack does, so put around
//! injected faults it shows a corrupted frame as it came, and a lost one not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use smoltcp::phy::{Device, PcapMode, PcapSink, PcapWriter};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetFrame, PrettyPrinter};
use tracing::trace;

/// A device whose frames are written down, if there is a file to write them to.
pub(crate) type Captured<D> = PcapWriter<D, Sink>;

/// Puts the capture around a device. Without a path it does nothing: the device is of one type
/// either way.
pub(crate) fn capture<D: Device>(device: D, path: Option<&Path>) -> io::Result<Captured<D>> {
    let file = path.map(File::create).transpose()?;
    Ok(PcapWriter::new(device, Sink::new(file), PcapMode::Both))
}

/// Where the frames go.
pub(crate) struct Sink {
    file: Option<BufWriter<File>>,
    /// What the stack's clock lacks to be the time of day, in microseconds; from the first frame on.
    offset: Option<i64>,
}

impl Sink {
    fn new(file: Option<File>) -> Self {
        Self { file: file.map(BufWriter::new), offset: None }
    }

    /// A full disk must not stop the node: the capture ends, which is said once, the node goes on.
    fn try_to(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        if let Some(file) = &mut self.file
            && let Err(error) = write(file)
        {
            eprintln!("the packet capture ends here: {error}");
            self.file = None;
        }
    }
}

impl PcapSink for Sink {
    fn write(&mut self, data: &[u8]) {
        self.try_to(|file| file.write_all(data));
    }

    /// Comes once after each frame, so that the file is whole whenever the node is killed.
    fn flush(&mut self) {
        self.try_to(Write::flush);
    }

    fn packet(&mut self, timestamp: Instant, packet: &[u8]) {
        trace!("{}", shown(packet));
        if self.file.is_none() {
            return;
        }
        let offset = *self.offset.get_or_insert_with(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(0, |now| now.as_micros() as i64) - timestamp.total_micros()
        });
        let time = Instant::from_micros(timestamp.total_micros() + offset);
        self.packet_header(time, packet.len());
        self.write(packet);
        self.flush();
    }
}

/// A frame's headers, on one line.
fn shown(frame: &[u8]) -> String {
    let frame = PrettyPrinter::<EthernetFrame<&[u8]>>::new("", &frame).to_string();
    let parts: Vec<&str> =
        frame.lines().map(|line| line.trim_start_matches([' ', '\\', '-'])).collect();
    parts.join(", ")
}
