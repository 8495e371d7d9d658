//! Addresses of services: `command://HOST:PORT`.

use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;
use unstick::Endpoint;

/// Where a service is: `SCHEME://HOST` or `SCHEME://HOST:PORT`.
///
/// The schemes are `echo`, `frame`, `message`, `command`, `echo+udp` and `command+udp`; an IPv6
/// address stands in brackets. Without a port it is the service's own. It is shown with its port.
///
/// ```
/// use unstick_std::url::Url;
///
/// let url: Url = "command://bench-3.local".parse()?;
/// assert_eq!(url.to_string(), "command://bench-3.local:8088");
/// # Ok::<(), unstick_std::url::UrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// What is served there.
    pub endpoint: Endpoint,
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The port, never 0.
    pub port: u16,
}

impl Url {
    /// All services a host has, at their own ports.
    #[must_use]
    pub fn all(host: &str) -> Vec<Self> {
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        let url =
            |endpoint: Endpoint| Self { endpoint, host: host.to_owned(), port: endpoint.port() };
        Endpoint::ALL.map(url).into()
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// Where to ask what a datagram cannot carry: the same service over TCP. Its port can only be
    /// guessed where this one is the service's own.
    pub(crate) fn over_tcp(&self) -> String {
        let endpoint = Endpoint::tcp(self.endpoint.service());
        let tcp = Self { endpoint, host: self.host.clone(), port: endpoint.port() };
        if self.port == self.endpoint.port() {
            tcp.to_string()
        } else {
            format!("{}PORT", tcp.to_string().trim_end_matches(|c: char| c.is_ascii_digit()))
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.endpoint, self.authority())
    }
}

impl TryFrom<&str> for Url {
    type Error = UrlError;

    fn try_from(text: &str) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl TryFrom<String> for Url {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl TryFrom<&String> for Url {
    type Error = UrlError;

    fn try_from(text: &String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl From<&Self> for Url {
    fn from(url: &Self) -> Self {
        url.clone()
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let seen = || text.to_owned();
        let Some((name, rest)) = text.split_once("://") else {
            return Err(match text.split_once(':') {
                Some((name, host)) if schemes().any(|scheme| scheme == name) => {
                    UrlError::NoSlashes { seen: seen(), meant: format!("{name}://{host}") }
                }
                _ => UrlError::NoScheme { seen: seen() },
            });
        };
        let name = name.to_ascii_lowercase();
        let endpoint: Endpoint =
            name.parse().map_err(|_| UrlError::Scheme { near: near(&name), seen: seen() })?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if let Some((place, path)) = rest.split_once('/') {
            let (place, path) = (format!("{name}://{place}"), path.to_owned());
            return Err(UrlError::Path { seen: seen(), place, path });
        }
        let (host, port) = split(rest).ok_or_else(|| UrlError::Host { seen: seen() })?;
        if port.get(1..).is_some_and(|port| port.contains(':')) {
            return Err(UrlError::NoBrackets { scheme: name, address: rest.to_owned() });
        }
        let port = match port.strip_prefix(':') {
            None => endpoint.port(),
            Some(digits) => {
                let port = digits.parse().ok().filter(|port| *port > 0);
                port.ok_or_else(|| UrlError::Port { seen: seen(), port: digits.to_owned() })?
            }
        };
        Ok(Self { endpoint, host: host.to_owned(), port })
    }
}

/// The host, without brackets, and what follows it: nothing, or a colon and more.
fn split(rest: &str) -> Option<(&str, &str)> {
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, port) = bracketed.split_once(']')?;
        // A zone (`fe80::1%eth0`) is for the system to read.
        let (address, zone) =
            host.split_once('%').map_or((host, None), |(it, zone)| (it, Some(zone)));
        address.parse::<Ipv6Addr>().ok()?;
        let is_zone = |zone: &str| {
            !zone.is_empty() && !zone.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        let fits = zone.is_none_or(is_zone) && (port.is_empty() || port.starts_with(':'));
        return fits.then_some((host, port));
    }
    let (host, port) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    let address = rest.parse::<Ipv6Addr>().is_ok();
    (address || !host.is_empty() && host.chars().all(allowed)).then_some((host, port))
}

/// The schemes, as people are told of them.
fn schemes() -> impl Iterator<Item = &'static str> {
    Endpoint::ALL.into_iter().map(Endpoint::scheme)
}

/// The scheme that was perhaps meant.
fn near(name: &str) -> Option<&'static str> {
    let distance = |scheme: &&str| strsim::damerau_levenshtein(name, scheme);
    let nearest = schemes().min_by_key(distance).filter(|scheme| distance(scheme) <= 2);
    // Or the service is right, and is not served over that.
    nearest.or_else(|| schemes().find(|scheme| name.split('+').next() == Some(*scheme)))
}

/// Why a text is no [`Url`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It has no `://`.
    NoScheme {
        /// The text.
        seen: String,
    },
    /// It has a scheme, and no `//` behind it.
    NoSlashes {
        /// The text.
        seen: String,
        /// What was meant.
        meant: String,
    },
    /// It has a path, which no service has.
    Path {
        /// The text.
        seen: String,
        /// The URL without it.
        place: String,
        /// The path.
        path: String,
    },
    /// It names no service.
    Scheme {
        /// The text.
        seen: String,
        /// What was perhaps meant.
        near: Option<&'static str>,
    },
    /// Its host is neither a name nor an address.
    Host {
        /// The text.
        seen: String,
    },
    /// An IPv6 address without brackets.
    NoBrackets {
        /// The scheme.
        scheme: String,
        /// What follows it.
        address: String,
    },
    /// Its port is not a number from 1 to 65535.
    Port {
        /// The text.
        seen: String,
        /// The port.
        port: String,
    },
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = schemes().collect::<Vec<_>>().join(", ");
        match self {
            Self::NoScheme { seen } => {
                write!(f, "`{seen}` names no service: write command://{seen} (or {known})")
            }
            Self::NoSlashes { seen, meant } => write!(f, "`{seen}`: write {meant}"),
            Self::Path { seen, place, path } => write!(
                f,
                "`{seen}` has a path, which no service has: write {place}; a file is got by \
                 `unstick get {place} {path}`"
            ),
            Self::Scheme { seen, near: Some(near) } => {
                write!(f, "`{seen}`: there is no such service, did you mean {near}://? ({known})")
            }
            Self::Scheme { seen, near: None } => {
                write!(f, "`{seen}`: there is no such service, there are {known}")
            }
            Self::Host { seen } => {
                write!(f, "`{seen}` has no usable host: write SCHEME://HOST or SCHEME://HOST:PORT")
            }
            Self::NoBrackets { scheme, address } => write!(
                f,
                "an IPv6 address needs brackets: write {scheme}://[{address}], a port behind them"
            ),
            Self::Port { seen, port } => {
                write!(f, "`{seen}`: `{port}` is no port, which is a number from 1 to 65535")
            }
        }
    }
}

impl core::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        text.parse::<Url>().map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn urls_are_shown_with_their_port() {
        for (text, shown) in [
            ("echo://10.0.0.7", "echo://10.0.0.7:8080"),
            ("frame://device", "frame://device:8086"),
            ("message://a_b-c.local/", "message://a_b-c.local:8087"),
            ("command://h:1", "command://h:1"),
            ("Echo+UDP://h", "echo+udp://h:8092"),
            ("command+udp://[::1]", "command+udp://[::1]:8093"),
            ("command://[fe80::1%eth0]:65535", "command://[fe80::1%eth0]:65535"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(shown));
            assert_eq!(parse(shown).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn an_error_says_what_was_seen_and_what_to_write() {
        for (text, part) in [
            ("127.0.0.1:8088", "write command://127.0.0.1:8088"),
            ("comand://h", "did you mean command://?"),
            ("frame+udp://h", "did you mean frame://?"),
            ("gopher://h", "there are echo, frame, message, command, echo+udp, command+udp"),
            ("command://", "has no usable host"),
            (
                "command://h/a/b",
                "write command://h; a file is got by `unstick get command://h a/b`",
            ),
            ("command:h", "write command://h"),
            ("frame:h:7", "write frame://h:7"),
            ("command://u@h", "has no usable host"),
            ("command://[::1", "has no usable host"),
            ("command://[h]", "has no usable host"),
            ("command://[::1]8088", "has no usable host"),
            ("command://[fe80::1%]", "has no usable host"),
            ("command://[fe80::1%e\0]", "has no usable host"),
            ("command://fe80::1", "write command://[fe80::1]"),
            ("command://::1", "write command://[::1]"),
            ("command://h:0", "`0` is no port"),
            ("command://h:", "`` is no port"),
            ("command://h:65536", "`65536` is no port"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_host_alone_means_all_services() {
        let urls: Vec<_> = Url::all("[::1]").iter().map(ToString::to_string).collect();
        assert_eq!(urls.len(), Endpoint::ALL.len());
        assert_eq!(urls.first().map(String::as_str), Some("echo://[::1]:8080"));
    }

    #[test]
    fn the_way_over_tcp_is_named() {
        let over_tcp = |text: &str| text.parse::<Url>().unwrap().over_tcp();
        assert_eq!(over_tcp("command+udp://h"), "command://h:8088");
        assert_eq!(over_tcp("command+udp://[::1]:9"), "command://[::1]:PORT");
    }
}
