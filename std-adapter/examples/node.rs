//! A node with commands of its own. `cargo run --package unstick-std --example node`

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use unstick_std::client::blocking::Client;
use unstick_std::node::{Config, Handler, OwnedCall, Ports, Running};
use unstick_std::unstick::{Body, Endpoint, Refusal, Service, Status};

/// Waits, and answers then; other clients are answered meanwhile.
async fn slow(call: OwnedCall) -> Result<String, Refusal> {
    let millis = call.args.parse().map_err(|error| {
        Refusal::new(Status::BadRequest, format_args!("`{}`: {error}", call.args))
    })?;
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Ok(format!("after {millis} ms"))
}

fn config() -> Config {
    let visits = Arc::new(AtomicU64::new(0)); // captured, and shared by all connections
    let visit = Handler::new("visit", move |call| {
        let visits = visits.fetch_add(1, Ordering::Relaxed) + 1;
        async move { Ok(format!("hello {}, you are number {visits}", call.args)) }
    });
    let count = Handler::new("words", |call| async move {
        Ok(String::from_utf8_lossy(&call.body).split_whitespace().count().to_string())
    });
    Config::new()
        .name("bench-3")
        .handler(visit.usage("visit NAME").help("counts visits"))
        .handler(count.help("counts the words of its body").body(Body::Optional))
        .handler(Handler::new("slow", slow).usage("slow MS").help("answers later"))
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let node = Running::start(config().ports(Ports::ANY))?;
    let client = Client::connect(node.url(Endpoint::tcp(Service::Command)).ok_or("it is off")?)?;
    for command in ["visit Ada", "visit Bob", "slow 50", "slow a", "help slow", "words"] {
        println!("{command:<12} {}", client.call(command)?);
    }
    Ok(())
}
