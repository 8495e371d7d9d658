//! Files to a node and back, verified. `cargo run --package unstick-std --example files`

use std::fs;
use std::io::Write as _;
use std::path::Path;
use unstick_std::client::blocking::Client;
use unstick_std::node::{Config, Ports, Running};
use unstick_std::unstick::{Endpoint, Service};

fn transfer(url: &str, folder: &Path) -> Result<(), Box<dyn core::error::Error>> {
    let show = |progress| {
        print!("\r{progress}    ");
        let _ = std::io::stdout().flush();
    };
    let client = Client::connect(url)?;
    let reply = client.put_file(folder.join("here.bin"), "there.bin", show)?;
    println!("\n{reply}");
    let reply = client.get_file("there.bin", folder.join("back.bin"), show)?;
    println!("\n{} bytes, {:?}", reply.size, reply.integrity);
    Ok(())
}

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let node = Running::start(Config::new().ports(Ports::ANY))?;
    let url = node.url(Endpoint::tcp(Service::Command)).ok_or("it is off")?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("here.bin"), vec![7; 60_000])?;
    transfer(&url.to_string(), folder.path())?;
    assert_eq!(fs::read(folder.path().join("back.bin"))?, vec![7; 60_000]);
    Ok(())
}
