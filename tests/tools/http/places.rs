//! Requests that someone wants us to send elsewhere: no connection is made.

use super::world::{FakeNames, World, call, shop};
use crate::fakes::api::{FakeApi, Reply, SpySocket};
use lorekeeper::domain::GapClass;
use serde_json::json;
use std::collections::BTreeSet;

/// Hosts that mean this machine, a private network or a cloud's credentials.
const HOSTS: [&str; 116] = [
    // 127.0.0.1 in dotted, decimal, octal, hexadecimal and short forms.
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7F000001",
    "0177.0.0.1",
    "0177.1",
    "0x7f.0.0.1",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.01",
    "00177.00.00.01",
    "127.0.0.0x1",
    "127.0x1",
    "127.00000.1",
    "0x7f.0.1",
    "0x007f.0.0.1",
    "127.0.0.01",
    "127.0.0.1.",
    "127.1.",
    "2130706433.",
    "0x7f000001.",
    "127.000.000.001",
    "127.0.0.2",
    "127.255.255.254",
    "127.127.127.127",
    "2130706434",
    "127.66051",
    // The unspecified address reaches this machine on Linux.
    "0",
    "0.0.0.0",
    "0x0",
    "00",
    "0.0",
    "0.0.0",
    "000.000.000.000",
    "0x0.0x0.0x0.0x0",
    "0.0.0.1",
    // Private, shared, link-local, multicast, reserved, documentation, broadcast.
    "10.0.0.1",
    "10.1",
    "167772161",
    "0xa000001",
    "012.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "0xac.16.0.1",
    "2886729729",
    "192.168.0.1",
    "192.168.1",
    "3232235521",
    "0xc0a80001",
    "0300.0250.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "0xa9.0xfe.0xa9.0xfe",
    "169.254.43518",
    "169.16689662",
    "169.254.170.2",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "4294967295",
    "0xffffffff",
    // Unicode digits and dots, which the URL standard maps to ASCII.
    "１２７.０.０.１",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "①②⑦.⓪.⓪.①",
    "１２７。０．０｡１",
    "⑯⑨。②⑤④。⑯⑨｡②⑤④",
    "0ₓ7f.1",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    // Percent-encoded hosts.
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "%30x7f.1",
    "127.0.0.%31",
    "%6cocalhost",
    "%31%36%39.254.169.254",
    // IPv6: loopback, unspecified, link-local, unique local, multicast, documentation.
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[2001:db8::1]",
    "[100::1]",
    // IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2a00::5efe:127.0.0.1]",
    "[5f00::1]",
];

/// Addresses that a harmless name could resolve to.
const ADDRESSES: [&str; 42] = [
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.255",
    "0.0.0.0",
    "0.0.0.1",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.0.1",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "100.127.0.1",
    "169.254.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "ff02::1",
];

/// Names that are not resolved by us alone; the resolver says where they lead.
const NAMES: [&str; 13] = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "ip6-localhost",
    "a.localhost",
    "metadata.google.internal",
    "metadata",
    "127.0.0.1.nip.test",
    "xn--lcalhost-n4a.test",
    "ｌｏｃａｌｈｏｓｔ",
    "loc%61lhost",
    "host.docker.internal",
];

/// Whole addresses; `{home}` is the API's own authority, `{spy}` the spy's port.
const TRICKS: [&str; 54] = [
    "http://{home}@127.0.0.1:{spy}/",
    "http://home.test@127.0.0.1:{spy}/",
    "http://home.test:80@127.0.0.1:{spy}/",
    "http://home.test%00@127.0.0.1:{spy}/",
    "http://home.test%23@127.0.0.1:{spy}/",
    "http://user:pw@{home}/",
    "http://user@{home}/",
    "http://:pw@{home}/",
    "http://127.0.0.1:{spy}@{home}/",
    "http://127.0.0.1:{spy}\\@{home}/",
    "http://127.0.0.1:{spy}#@{home}/",
    "http://127.0.0.1:{spy}?@{home}/",
    "http://127.0.0.1:{spy}/@{home}/",
    "http://127.0.0.1:{spy};@{home}/",
    "http:\\\\127.0.0.1:{spy}\\",
    "http:/\\127.0.0.1:{spy}/",
    "http:127.0.0.1:{spy}/",
    "http:///127.0.0.1:{spy}/",
    "//127.0.0.1:{spy}/",
    "\\\\127.0.0.1:{spy}\\",
    "/\\127.0.0.1:{spy}/",
    "\\/127.0.0.1:{spy}/",
    "///127.0.0.1:{spy}/",
    "ht\ttp://127.0.0.1:{spy}/",
    "http://127.0.0.1\t:{spy}/",
    " http://127.0.0.1:{spy}/",
    "http://127.0.0.1:{spy}/\u{a0}",
    "HTTP://127.0.0.1:{spy}/",
    "hTTp://[::1]:{spy}/",
    "http://home.test:{spy}/",
    "http://HOME.TEST:{spy}/",
    "http://home.test.:{spy}/",
    "http://home.test:0{spy}/",
    "http://home.test/",
    "http://home.test:443/",
    "https://{home}/",
    "https://home.test:{spy}/",
    "http://127.0.0.1:{spy}:80/",
    "http://127.0.0.1:80:{spy}/",
    "http://home.test:{spy}%20/",
    "ftp://127.0.0.1:{spy}/",
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "gopher://127.0.0.1:{spy}/_x",
    "dict://127.0.0.1:{spy}/",
    "ldap://127.0.0.1:{spy}/",
    "ws://127.0.0.1:{spy}/",
    "wss://127.0.0.1:{spy}/",
    "unix:///var/run/docker.sock",
    "data:application/json,[]",
    "javascript:alert(1)",
    "jar:http://127.0.0.1:{spy}/!/",
    "blob:http://127.0.0.1:{spy}/x",
    "about:blank",
];

/// The API lives at `home.test`, which resolves to the one address that is listed.
const HOME: &str = "127.0.0.7";

struct Siege {
    world: World,
    home: FakeApi,
    spy: SpySocket,
    forms: BTreeSet<String>,
}

impl Siege {
    async fn new() -> Self {
        Self {
            world: World::new(&shop()).await,
            home: FakeApi::start_on(HOME.parse().expect("is an address")).await,
            spy: SpySocket::listen().await,
            forms: BTreeSet::new(),
        }
    }

    fn authority(&self) -> String {
        format!("home.test:{}", self.home.address.port())
    }

    fn names(&self) -> FakeNames {
        let names = FakeNames::default().with("home.test", &[HOME]);
        let names = NAMES.iter().fold(names, |names, name| {
            let name = reqwest::Url::parse(&format!("http://{name}/"))
                .map(|url| url.host_str().unwrap_or_default().to_string());
            names.with(&name.unwrap_or_default(), &["127.0.0.1", "::1"])
        });
        ADDRESSES
            .iter()
            .enumerate()
            .fold(names, |names, (i, address)| {
                names.with(&format!("name{i}.test"), &[address])
            })
    }

    /// As the address of the API itself: refused at start, or at the call.
    async fn as_base(&mut self, address: &str) {
        self.forms.insert(address.into());
        let more = format!(
            "url = {}\nnetworks = [\"{HOME}\"]\n",
            serde_json::Value::from(address)
        );
        if let Ok(toolbox) = self.world.try_open(&more, self.names()).await {
            let result = call(&toolbox, "list_orders", json!({})).await;
            assert!(result.is_err(), "{address} was answered: {result:?}");
        }
        assert_eq!(self.spy.reached(), 0, "{address}");
    }

    /// As the target of a redirect and as the next page, with its host listed where it can be.
    async fn as_target(&mut self, target: &str, listed: Option<&str>) {
        self.forms.insert(target.into());
        let hosts = listed.map_or(String::new(), |host| {
            format!("hosts = [{}]\n", serde_json::Value::from(host))
        });
        let more = format!(
            "url = \"http://{}/v1\"\nnetworks = [\"{HOME}\"]\n{hosts}",
            self.authority()
        );
        let Ok(toolbox) = self.world.try_open(&more, self.names()).await else {
            // Not every form can be listed.
            assert!(listed.is_some(), "{target}");
            return;
        };
        // A header carries no line breaks; every other form goes as it is.
        if let Ok(location) = axum::http::HeaderValue::from_bytes(target.trim().as_bytes())
            && let Ok(location) = location.to_str()
        {
            self.home.on("/v1/orders", Reply::redirect(location));
            let result = call(&toolbox, "list_orders", json!({})).await;
            let rows = result.as_ref().map(|result| result.rows.rows.len());
            assert!(rows.unwrap_or(0) == 0, "{target}: {result:?}");
        }
        self.home.on(
            "/v1/orders",
            Reply::Json(
                json!({"items": [{"id": 1}], "next": target, "links": {"next": {"href": target}}}),
            ),
        );
        let result = call(&toolbox, "list_orders", json!({})).await;
        let result = result.unwrap_or_else(|error| panic!("{target}: {error:?}"));
        assert_eq!(result.rows.rows.first(), Some(&vec![json!(1)]), "{target}");
        assert_eq!(self.spy.reached(), 0, "{target}, listed: {listed:?}");
    }
}

#[tokio::test]
async fn no_form_of_an_address_leads_inside() {
    let mut siege = Siege::new().await;
    let port = siege.spy.port;
    let named: Vec<String> = (0..ADDRESSES.len())
        .map(|i| format!("name{i}.test"))
        .collect();
    let hosts: Vec<&str> = HOSTS
        .into_iter()
        .chain(NAMES)
        .chain(named.iter().map(String::as_str))
        .collect();
    for host in hosts {
        let place = format!("{host}:{port}");
        let address = format!("http://{place}/");
        siege.as_base(&address).await;
        siege.as_target(&address, None).await;
        siege.as_target(&address, Some(&place)).await;
    }
    for trick in TRICKS {
        let address = trick
            .replace("{home}", &siege.authority())
            .replace("{spy}", &port.to_string());
        siege.as_target(&address, None).await;
        // As the address of the API itself those of its own name are meant.
        if !address.to_lowercase().contains("home.test") {
            siege.as_base(&address).await;
        }
    }
    assert!(siege.forms.len() >= 200, "{} forms", siege.forms.len());
    assert_eq!(siege.spy.reached(), 0);
    // The siege can fail: the spy does count whoever comes.
    let _ = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("the spy listens");
    tokio::time::timeout(std::time::Duration::from_secs(5), async {
        while siege.spy.reached() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the spy counts");
}

#[tokio::test]
async fn refused_address_is_no_access_and_is_named_in_the_log_alone() {
    let siege = Siege::new().await;
    let more = format!(
        "url = \"http://inside.test:{}/v1\"\n networks = []\n",
        siege.spy.port
    );
    let names = FakeNames::default().with("inside.test", &["10.1.2.3"]);
    let toolbox = siege
        .world
        .try_open(&more, names)
        .await
        .unwrap_or_else(|faults| panic!("{faults:?}"));
    let error = call(&toolbox, "list_orders", json!({}))
        .await
        .expect_err("is inside");
    assert_eq!(error.class(), GapClass::NotAllowed);
    let causes = lorekeeper::ports::with_causes(&error);
    assert!(
        causes.contains("`inside.test` resolves to 10.1.2.3, which is not public"),
        "{causes}"
    );
    let health = toolbox.api_health().await;
    assert!(
        !health[0].reachable && health[0].state.contains("list it in `networks`"),
        "{health:?}"
    );
}

#[tokio::test]
async fn name_that_changes_its_mind_leads_nowhere_new() {
    let siege = Siege::new().await;
    let home = siege.home.address;
    // The same port on an address that is not listed.
    let spy = SpySocket::listen_on(
        format!("127.0.0.1:{}", home.port())
            .parse()
            .expect("is an address"),
    )
    .await;
    let more = format!(
        "url = \"http://rebind.test:{}/v1\"\nnetworks = [\"{HOME}\"]\n",
        home.port()
    );
    let names = FakeNames::default()
        .with("rebind.test", &[HOME])
        .with("rebind.test", &["127.0.0.1"]);
    let toolbox = siege
        .world
        .try_open(&more, names)
        .await
        .unwrap_or_else(|faults| panic!("{faults:?}"));
    let closing = vec![
        ("content-type", "application/json".into()),
        ("connection", "close".into()),
    ];
    siege
        .home
        .on("/v1/orders", Reply::Raw(200, closing, b"[]".to_vec()));
    call(&toolbox, "list_orders", json!({}))
        .await
        .expect("the first answer is listed");
    let error = call(&toolbox, "list_orders", json!({}))
        .await
        .expect_err("the second is not");
    assert_eq!((error.class(), spy.reached()), (GapClass::NotAllowed, 0));
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_are_used() {
    let siege = Siege::new().await;
    let home = siege.home.address;
    let spy = SpySocket::listen_on(
        format!("127.0.0.1:{}", home.port())
            .parse()
            .expect("is an address"),
    )
    .await;
    let more = format!(
        "url = \"http://mixed.test:{}/v1\"\nnetworks = [\"{HOME}\"]\n",
        home.port()
    );
    let names = FakeNames::default().with("mixed.test", &["127.0.0.1", HOME, "::1"]);
    let toolbox = siege
        .world
        .try_open(&more, names)
        .await
        .unwrap_or_else(|faults| panic!("{faults:?}"));
    siege.home.on("/v1/orders", Reply::Json(json!([{"id": 1}])));
    let result = call(&toolbox, "list_orders", json!({}))
        .await
        .expect("one of them is listed");
    assert_eq!((result.rows.rows.len(), spy.reached()), (1, 0));
}
