//! Where a request may go: the API's own origin, and the hosts that are listed.

use super::address::Admitted;
use reqwest::Url;
use std::net::IpAddr;

#[derive(Clone, Debug)]
pub(super) struct Places {
    base: Url,
    others: Vec<Host>,
    admitted: Admitted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    /// As the URL standard spells it: lower case, `127.0.0.1` for `0x7f.1`.
    name: String,
    /// `None`: the base's.
    port: Option<u16>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum PlaceRefused {
    #[error("`{0}` is neither http nor https")]
    Scheme(String),
    #[error("it would leave https")]
    Downgrade,
    #[error("it has a user or password in the address")]
    UserInfo,
    #[error("it has no host")]
    NoHost,
    #[error("{0} is not public; list it in `networks` if it is meant")]
    Address(IpAddr),
    #[error("`{host}` with port {port} is not the API's own host and not in `hosts`")]
    Host { host: String, port: u16 },
}

impl Places {
    /// The error completes "`url` …" or "host `x` …".
    pub(super) fn new(base: &Url, hosts: &[String], admitted: Admitted) -> Result<Self, String> {
        let others = hosts
            .iter()
            .map(|text| {
                Host::parse(text)
                    .ok_or_else(|| format!("`{text}` in `hosts` is neither `host` nor `host:port`"))
            })
            .collect::<Result<_, _>>()?;
        let places = Self {
            base: base.clone(),
            others,
            admitted,
        };
        places
            .check(base)
            .map_err(|problem| format!("its address can't be used: {problem}"))?;
        Ok(places)
    }

    /// Names are checked when they are resolved, addresses here.
    pub(super) fn check(&self, url: &Url) -> Result<(), PlaceRefused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(PlaceRefused::Scheme(url.scheme().into()));
        }
        if self.base.scheme() == "https" && url.scheme() != "https" {
            return Err(PlaceRefused::Downgrade);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PlaceRefused::UserInfo);
        }
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(PlaceRefused::NoHost)?;
        let port = port_of(url);
        let is_own = Some(host) == self.base.host_str() && port == port_of(&self.base);
        let is_listed = || {
            self.others.iter().any(|other| {
                other.name == host && other.port.unwrap_or(port_of(&self.base)) == port
            })
        };
        if !is_own && !is_listed() {
            return Err(PlaceRefused::Host {
                host: host.into(),
                port,
            });
        }
        match literal(host) {
            Some(address) if !self.admitted.admits(address) => Err(PlaceRefused::Address(address)),
            _ => Ok(()),
        }
    }

    /// Whether it is the API itself: scheme, host and port of its base.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && port_of(url) == port_of(&self.base)
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if text.contains(['/', '\\', '@', '?', '#']) {
            return None;
        }
        // The port that a scheme has anyway is dropped, so both are asked.
        let plain = Url::parse(&format!("http://{text}/")).ok()?;
        let secure = Url::parse(&format!("https://{text}/")).ok()?;
        Some(Self {
            name: plain.host_str()?.to_string(),
            port: plain.port().or(secure.port()),
        })
    }
}

/// The address that stands in a URL in place of a name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

fn port_of(url: &Url) -> u16 {
    url.port_or_known_default().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(base: &str, hosts: &[&str]) -> Result<Places, String> {
        let hosts: Vec<String> = hosts.iter().map(|host| host.to_string()).collect();
        let base = Url::parse(base).unwrap_or_else(|error| panic!("{base}: {error}"));
        Places::new(&base, &hosts, Admitted::default())
    }

    #[test]
    fn only_own_and_listed_hosts_are_allowed() {
        let places = places(
            "https://api.example.com/v1",
            &[
                "files.example.com",
                "cdn.example.com:8443",
                "plain.example.com:443",
            ],
        )
        .expect("is an address");
        let check = |url: &str, allowed: bool| {
            let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(places.check(&url).is_ok(), allowed, "{url}");
        };
        check("https://api.example.com/v2", true);
        check("https://API.example.com:443/", true);
        check("https://api.example.com:444/", false);
        check("https://api.example.com./", false);
        check("https://files.example.com/x", true);
        check("https://files.example.com:8443/x", false);
        check("https://cdn.example.com:8443/x", true);
        check("https://cdn.example.com/x", false);
        check("https://plain.example.com/x", true);
        check("http://api.example.com/", false);
        check("http://api.example.com:443/", false);
        check("https://api.example.com.evil.test/", false);
        check("https://evil.test/api.example.com", false);
        check("https://user@api.example.com/", false);
        check("https://:pw@api.example.com/", false);
        check("ftp://api.example.com/", false);
        check("file:///etc/passwd", false);
        check("data:application/json,{}", false);
    }

    #[test]
    fn base_is_held_to_the_same_rules() {
        assert!(places("https://api.example.com", &[]).is_ok());
        assert!(places("http://169.254.169.254/latest", &[]).is_err());
        assert!(places("https://user:pw@api.example.com", &[]).is_err());
        assert!(places("ftp://api.example.com", &[]).is_err());
        assert!(places("https://api.example.com", &["https://b.example.com/"]).is_err());
    }
}
