//! Every scenario over the core's blocking and async drivers.

use unstick_conformance::memory;
use unstick_conformance::{Column, matrix, scenarios};

#[test]
fn the_drivers_agree() {
    let mut columns = [
        Column { name: "blocking", play: Box::new(memory::blocking) },
        Column { name: "async", play: Box::new(memory::nonblocking) },
    ];
    let mut out = Vec::new();
    let summary = matrix(&scenarios(), &mut columns, &mut out, false).unwrap();
    assert_eq!(summary.differ, 0, "\n{}", String::from_utf8_lossy(&out));
    assert!(summary.agree > 200, "{summary}");
}
