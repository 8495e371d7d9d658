//! A blocking client. `cargo run --package unstick-std --example client [URL]`

use unstick_std::client::blocking::Client;
use unstick_std::node::{Config, Ports, Running};
use unstick_std::unstick::{Endpoint, Service};

fn ask(url: &str) -> Result<(), Box<dyn core::error::Error>> {
    let client = Client::connect(url)?;
    println!("{}", client.call("upper hello")?);
    let reply = client.call("remove nothing")?;
    println!("{reply}"); // failed: there is no file `nothing`; try list
    println!("{}", reply.is_ok());
    Ok(())
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    if let Some(url) = std::env::args().nth(1) {
        return ask(&url);
    }
    // Nobody was named, so there is a node of our own to ask.
    let node = Running::start(Config::new().ports(Ports::ANY))?;
    let url = node.url(Endpoint::tcp(Service::Command)).ok_or("it is off")?;
    ask(&url.to_string())
}
