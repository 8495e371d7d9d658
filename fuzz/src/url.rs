//! Any text as an address of a service: what is taken for one is one, however it is written, and
//! what is not is refused in a line that shows what was seen.

use unstick_std::url::Url;

/// The text, in UTF-8.
pub fn run(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    match text.parse::<Url>() {
        Ok(url) => {
            assert!(url.port > 0 && !url.host.is_empty());
            let shown = url.to_string();
            assert!(!shown.contains(|c: char| c.is_whitespace() || c.is_control()), "{shown:?}");
            assert_eq!(shown.parse::<Url>(), Ok(url.clone()), "{shown}");
            assert_eq!(shown, format!("{}://{}", url.endpoint, url.authority()));
            let upper = url.endpoint.scheme().to_uppercase();
            let rest = text.split_once("://").map(|(_, rest)| rest).expect("a URL has these");
            assert_eq!(format!("{upper}://{rest}").parse::<Url>(), Ok(url.clone()));
            let own = Url::all(&url.host).into_iter().find(|it| it.endpoint == url.endpoint);
            let own = own.expect("a host has all services");
            assert_eq!((own.host, own.port), (url.host, url.endpoint.port()));
        }
        Err(error) => {
            let said = error.to_string();
            let port = said.contains("is no port");
            assert!(port || said.contains("write ") || said.contains("there is no such"), "{said}");
        }
    }
}
