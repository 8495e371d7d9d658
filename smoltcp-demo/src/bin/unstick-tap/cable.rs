//! What is between the node and its TAP interface: perhaps a bad cable, perhaps a capture.

use crate::Failure;
use crate::faults::{Faults, Faulty};
use crate::pcap::{Captured, capture};
use crate::tap::{self, TapConfig};
use core::num::NonZeroU32;
use smoltcp_tap::Tap;
use std::path::PathBuf;

/// A TAP interface, and the cable to it.
pub(crate) type Cable = Captured<Faulty<Tap>>;

/// Options of the cable.
#[derive(clap::Args)]
#[group(id = "cable")]
pub(crate) struct Args {
    /// Write what the node sends and receives to a file for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Percentage of frames, of either direction, that do not arrive
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    loss: f64,
    /// Percentage of frames that arrive with a bit flipped
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    corrupt: f64,
    /// Percentage of frames that arrive twice
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    duplicate: f64,
    /// Percentage of frames that later ones overtake
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    reorder: f64,
    /// Most bytes a second in either direction
    #[arg(long, value_name = "BYTES", value_parser = rate)]
    rate: Option<NonZeroU32>,
    /// What the faults are drawn from: the same seed, the same faults
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Cut and sum up every frame as on a real cable, also what stays in this system
    #[arg(long)]
    no_offload: bool,
}

impl Args {
    /// Opens the interface, and puts the cable to it.
    pub(crate) fn open(&self, tap: &TapConfig) -> Result<Cable, Failure> {
        let tap = tap::open(tap).map_err(|error| Failure::NoTap(error.to_string()))?;
        capture(Faulty::new(tap, &self.faults()), self.pcap.as_deref()).map_err(|error| {
            let path = self.pcap.as_deref().unwrap_or_else(|| "".as_ref()).display();
            Failure::Other(format!("cannot write {path}: {error}; choose another file"))
        })
    }

    /// Whether the kernel may leave frames as they are: a bad cable carries them as on a real one.
    pub(crate) fn offloads(&self) -> bool {
        !self.no_offload && self.faults().is_none()
    }

    /// Whether anything is asked for that only a TAP interface has.
    pub(crate) fn is_wanted(&self) -> bool {
        self.pcap.is_some() || !self.faults().is_none()
    }

    /// What happens to frames.
    pub(crate) fn faults(&self) -> Faults {
        Faults {
            seed: self.seed,
            loss: self.loss,
            corruption: self.corrupt,
            duplication: self.duplicate,
            reordering: self.reorder,
            rate: self.rate,
        }
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("a percentage is a number from 0 to 100".into()),
    }
}

fn rate(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| {
        let most = u32::MAX;
        format!("a rate is a number of bytes from 1 to {most}; leave it out for none")
    })
}
