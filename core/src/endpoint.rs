//! What a node serves, and where: services, transports, and the six pairs of them.

use core::fmt;
use core::str::FromStr;

/// What a connection or a datagram socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Service {
    /// Bytes in, the same bytes out, ASCII a-z in upper case.
    Echo,
    /// Bare requests in, frames out.
    Frame,
    /// Bare requests in, messages out.
    Message,
    /// Messages in, messages out, correlated by `id`.
    Command,
}

impl Service {
    /// All of them, in the order of their ports.
    pub const ALL: [Self; 4] = [Self::Echo, Self::Frame, Self::Message, Self::Command];

    /// The name, as in URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Frame => "frame",
            Self::Message => "message",
            Self::Command => "command",
        }
    }

    /// Whether its requests are bare: text that ends where a line or a receive ends (rule B1).
    #[must_use]
    pub const fn is_bare(self) -> bool {
        matches!(self, Self::Frame | Self::Message)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What bytes travel over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// The name: `tcp` or `udp`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A service over a transport: one of the six that there are.
///
/// It is displayed and parsed as the scheme of its URLs.
///
/// ```
/// use unstick::{Endpoint, Service, Transport};
///
/// let endpoint: Endpoint = "command+udp".parse()?;
/// assert_eq!((endpoint.service(), endpoint.transport()), (Service::Command, Transport::Udp));
/// assert_eq!(endpoint.port(), 8093);
/// assert_eq!(Endpoint::tcp(Service::Frame).to_string(), "frame");
/// assert_eq!(Endpoint::udp(Service::Frame), None, "frames are for streams");
/// # Ok::<(), unstick::endpoint::UnknownScheme>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Endpoint {
    transport: Transport,
    service: Service,
}

impl Endpoint {
    /// All six: TCP first, services in the order of [`Service::ALL`].
    pub const ALL: [Self; 6] = [
        Self::tcp(Service::Echo),
        Self::tcp(Service::Frame),
        Self::tcp(Service::Message),
        Self::tcp(Service::Command),
        Self::UDP_ECHO,
        Self::UDP_COMMAND,
    ];

    /// The two over UDP.
    pub const UDP: [Self; 2] = [Self::UDP_ECHO, Self::UDP_COMMAND];

    /// The echo over UDP.
    pub const UDP_ECHO: Self = Self { transport: Transport::Udp, service: Service::Echo };

    /// Commands over UDP.
    pub const UDP_COMMAND: Self = Self { transport: Transport::Udp, service: Service::Command };

    /// The UDP ports of a node that is not configured otherwise.
    pub const UDP_PORTS: [u16; 2] = [Self::UDP_ECHO.port(), Self::UDP_COMMAND.port()];

    /// A service over TCP, which serves all of them.
    #[must_use]
    pub const fn tcp(service: Service) -> Self {
        Self { transport: Transport::Tcp, service }
    }

    /// A service over UDP; `None` for the two whose requests are bare.
    #[must_use]
    pub const fn udp(service: Service) -> Option<Self> {
        if service.is_bare() { None } else { Some(Self { transport: Transport::Udp, service }) }
    }

    /// A service over a transport; `None` if there is no such endpoint.
    #[must_use]
    pub const fn new(service: Service, transport: Transport) -> Option<Self> {
        match transport {
            Transport::Tcp => Some(Self::tcp(service)),
            Transport::Udp => Self::udp(service),
        }
    }

    /// The service.
    #[must_use]
    pub const fn service(self) -> Service {
        self.service
    }

    /// The transport.
    #[must_use]
    pub const fn transport(self) -> Transport {
        self.transport
    }

    /// The port where it is not configured otherwise.
    #[must_use]
    pub const fn port(self) -> u16 {
        match (self.transport, self.service) {
            (Transport::Tcp, Service::Echo) => 8080,
            (_, Service::Frame) => 8086,
            (_, Service::Message) => 8087,
            (Transport::Tcp, Service::Command) => 8088,
            (Transport::Udp, Service::Echo) => 8092,
            (Transport::Udp, Service::Command) => 8093,
        }
    }

    /// The scheme of its URLs: the service, followed by `+udp` over UDP.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match (self.transport, self.service) {
            (Transport::Tcp, service) => service.as_str(),
            (Transport::Udp, Service::Echo) => "echo+udp",
            (Transport::Udp, _) => "command+udp",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.scheme())
    }
}

impl FromStr for Endpoint {
    type Err = UnknownScheme;

    fn from_str(scheme: &str) -> Result<Self, UnknownScheme> {
        Self::ALL.into_iter().find(|it| it.scheme() == scheme).ok_or(UnknownScheme)
    }
}

/// A text is the scheme of no [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownScheme;

impl fmt::Display for UnknownScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a scheme is one of")?;
        for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            write!(f, "{} {endpoint}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownScheme {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString as _;

    #[test]
    fn each_endpoint_has_a_scheme_and_a_port_of_its_own() {
        for (index, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            assert_eq!(Endpoint::new(endpoint.service(), endpoint.transport()), Some(endpoint));
            assert!(Endpoint::ALL[..index].iter().all(|other| other.port() != endpoint.port()));
        }
        let listed = "a scheme is one of echo, frame, message, command, echo+udp, command+udp";
        assert_eq!("frame+udp".parse::<Endpoint>().unwrap_err().to_string(), listed);
    }

    #[test]
    fn names_of_services_and_transports() {
        let services = Service::ALL.map(|service| std::format!("{service:>8}"));
        assert_eq!(services, ["    echo", "   frame", " message", " command"]);
        let transports = [Transport::Tcp, Transport::Udp].map(|it| std::format!("{it:<4}"));
        assert_eq!(transports, ["tcp ", "udp "]);
        assert_eq!(Service::ALL.map(Service::is_bare), [false, true, true, false]);
    }
}
