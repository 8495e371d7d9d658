//! Options of command lines, for programs that read them with clap.

mod log;

pub use log::{Log, LogArgs, is_colourful};

use crate::node::Ports;
use clap::Args;
use core::str::FromStr;
use unstick::{Endpoint, Service};

/// The ports of a node's services: a number each, 0 to let the system choose one, or `off`.
///
/// ```
/// use clap::Parser;
/// use unstick_std::options::PortArgs;
/// use unstick_std::unstick::Endpoint;
///
/// #[derive(Parser)]
/// struct Program {
///     #[command(flatten)]
///     ports: PortArgs,
/// }
///
/// let program = Program::parse_from(["node", "--echo", "off", "--udp-command", "9000"]);
/// let ports = program.ports.ports();
/// assert_eq!(ports.get(Endpoint::UDP_COMMAND), Some(9000));
/// assert_eq!(ports.iter().count(), 5);
/// ```
#[derive(Args, Clone, Copy, Debug)]
#[group(id = "ports")]
pub struct PortArgs {
    /// Port of the echo service over TCP [default: 8080]
    #[arg(long, value_name = "PORT")]
    echo: Option<Port>,
    /// Port of the frame service [default: 8086]
    #[arg(long, value_name = "PORT")]
    frame: Option<Port>,
    /// Port of the message service [default: 8087]
    #[arg(long, value_name = "PORT")]
    message: Option<Port>,
    /// Port of the command service over TCP [default: 8088]
    #[arg(long, value_name = "PORT")]
    command: Option<Port>,
    /// Port of the echo service over UDP [default: 8092]
    #[arg(long, value_name = "PORT")]
    udp_echo: Option<Port>,
    /// Port of the command service over UDP [default: 8093]
    #[arg(long, value_name = "PORT")]
    udp_command: Option<Port>,
}

impl PortArgs {
    /// The ports, those that were not named at their defaults.
    #[must_use]
    pub fn ports(&self) -> Ports {
        self.or(Ports::DEFAULT)
    }

    /// The ports, those that were not named as they are in `ports`.
    #[must_use]
    pub fn or(&self, ports: Ports) -> Ports {
        let named = [
            (Endpoint::tcp(Service::Echo), self.echo),
            (Endpoint::tcp(Service::Frame), self.frame),
            (Endpoint::tcp(Service::Message), self.message),
            (Endpoint::tcp(Service::Command), self.command),
            (Endpoint::UDP_ECHO, self.udp_echo),
            (Endpoint::UDP_COMMAND, self.udp_command),
        ];
        named.into_iter().fold(ports, |ports, (endpoint, port)| match port {
            Some(port) => ports.with(endpoint, port.0),
            None => ports,
        })
    }
}

/// A port, or none for a service that is off.
#[derive(Clone, Copy, Debug)]
struct Port(Option<u16>);

impl FromStr for Port {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match (text, text.parse()) {
            ("off", _) => Ok(Self(None)),
            (_, Ok(port)) => Ok(Self(Some(port))),
            _ => Err("a port is a number from 0 to 65535, or `off`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        ports: PortArgs,
    }

    #[test]
    fn the_defaults_are_those_of_the_services() {
        assert_eq!(Program::parse_from(["node"]).ports.ports(), Ports::DEFAULT);
    }
}
