//! How cost grows: with connections, and with the size of a body. Drawn into `docs/performance/`.
//!
//!     cargo bench -p unstick-bench --bench curves                 about two minutes
//!     cargo bench -p unstick-bench --bench curves -- --write      and the pictures are drawn
//!
//! The node is the `unstick` tool in a process of its own, the client this one.

mod bodies;
mod connections;
mod drawing;

use clap::Parser;

/// How cost grows with connections and bodies.
#[derive(Parser)]
struct Options {
    /// The most connections.
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// The most bytes of a body.
    #[arg(long, default_value_t = 1 << 30)]
    bytes: u64,
    /// Draw the pictures in docs/performance.
    #[arg(long)]
    write: bool,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let options = Options::parse();
    let pictures =
        [connections::rates(options.connections), connections::memory(options.connections)]
            .into_iter()
            .chain(bodies::rates_and_memory(options.bytes));
    for picture in pictures {
        println!("{picture}");
        if options.write {
            picture.draw();
        }
    }
}
