//! The `unstick` tool.
fn main() {}
