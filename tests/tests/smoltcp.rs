//! The node on smoltcp, played from another smoltcp stack over a wire in memory.

#[path = "../../smoltcp-demo/src/bin/unstick-tap/world/mod.rs"]
mod world;

use unstick_conformance::scenarios;

/// Rings of a small device, and of a desktop.
const SMALL: usize = 2048;
const LARGE: usize = 1 << 16;

fn plays_as_written<const RING: usize>() {
    let mut differences = String::new();
    for scenario in scenarios() {
        let Some(played) = world::links::play::<RING>(&scenario) else { continue };
        if let Err(difference) = played {
            differences += &format!("{}\n{difference}\n", scenario.name);
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn every_scenario_plays_as_written_on_rings_of_a_device() {
    plays_as_written::<SMALL>();
}

#[test]
fn every_scenario_plays_as_written_on_rings_of_a_desktop() {
    plays_as_written::<LARGE>();
}
