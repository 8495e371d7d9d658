//! Fault 40 of `docs/faults.md`: a link with every fault at once. `./ci.sh hold` plays many more seeds.

use unstick_sim::world::{Options, run};

#[test]
fn fault_40_a_link_that_loses_damages_doubles_reorders_and_delays() {
    for seed in 1..=20 {
        let outcome = run(seed, Options::default());
        assert!(outcome.faults > 0 && outcome.answered > 0);
        assert_eq!(outcome.broken, None, "again: cargo run --release -- --seed {seed}");
    }
}

#[test]
fn a_seed_is_played_the_same_each_time() {
    let [first, again] = [(); 2].map(|()| run(7, Options { capture: true, ..Options::default() }));
    assert_eq!(first.capture, again.capture);
}
