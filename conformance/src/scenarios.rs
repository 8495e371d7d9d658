//! The table, by service.

mod bare;
mod body;
mod command;
mod datagram;
mod echo;
mod header;
mod own;

use crate::scenario::{Act, Scenario, Setup};
use unstick::{Endpoint, Service};

/// Every scenario, each on a connection of its own.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let tables = [
        echo::table(),
        bare::table(),
        command::table(),
        header::table(),
        body::table(),
        datagram::table(),
        own::table(),
    ];
    tables.into_iter().flatten().collect()
}

/// A scenario over TCP on any node. Unless the script ends with the peer's close, ours is added: it
/// ends every connection and shows that nothing more comes.
fn tcp(
    service: Service,
    name: &'static str,
    rules: &'static str,
    script: impl IntoIterator<Item = Act>,
) -> Scenario {
    let mut script: Vec<_> = script.into_iter().collect();
    if script.last() != Some(&Act::ExpectEnd) {
        script.extend([Act::Finish, Act::ExpectEnd]);
    }
    Scenario { name, rules, endpoint: Endpoint::tcp(service), setup: Setup::Default, script }
}

/// A scenario over UDP on any node.
fn udp(
    service: Service,
    name: &'static str,
    rules: &'static str,
    script: impl IntoIterator<Item = Act>,
) -> Scenario {
    let endpoint = Endpoint::udp(service).expect("the service has datagrams");
    let script = script.into_iter().collect();
    Scenario { name, rules, endpoint, setup: Setup::Default, script }
}

impl Scenario {
    /// The same on a node with this setup.
    fn on(self, setup: Setup) -> Self {
        Self { setup, ..self }
    }
}

fn send(bytes: impl Into<Vec<u8>>) -> Act {
    Act::Send(bytes.into())
}

fn expect(bytes: impl Into<Vec<u8>>) -> Act {
    Act::Expect(bytes.into())
}
