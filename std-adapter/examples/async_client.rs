//! Several calls at once on one connection. `cargo run --package unstick-std --example async_client`

use core::future::pending;
use unstick_std::client::Client;
use unstick_std::node::{Config, Node, Ports};

async fn ask(url: &str) -> Result<(), Box<dyn core::error::Error>> {
    let client = Client::connect(url).await?;
    // The requests leave one behind the other; none waits for the reply to another.
    let (hello, uptime, stats) =
        tokio::join!(client.call("upper hello"), client.call("uptime"), client.call("stats"));
    println!("{}\n{} s\n{}", hello?, uptime?, stats?);

    // A clone is the same connection, for a task of its own.
    let tasks = (1..=3).map(|n| {
        let client = client.clone();
        tokio::spawn(async move { client.call(&format!("upper task {n}")).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        println!("{}", task.await??);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let node = Node::bind(Config::new().ports(Ports::ANY)).await?;
    let command = node.listening().iter().find(|it| it.endpoint.scheme() == "command");
    let url = command.ok_or("it is off")?.url().to_string();
    tokio::spawn(node.run(pending()));
    ask(&url).await
}
