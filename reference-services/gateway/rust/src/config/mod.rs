//! Reads the gateway's table. The contract names every key, its range and its default.

mod section;

use section::{Found, Section, Wrong};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeTable;

const FILE_BYTES_MAX: usize = 1 << 20;
const MS_MAX: u64 = 600_000;
const TIMEOUT_MS_MAX: u64 = 86_400_000;
const TEXT_BYTES_MAX: usize = 255;

/// Methods that a route may name, and that a route without any takes.
pub(crate) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Everything that one file says, checked.
#[derive(Debug)]
pub(crate) struct Config {
    file: PathBuf,
    pub(crate) server: Server,
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    pub(crate) auths: BTreeMap<String, Auth>,
    pub(crate) rates: BTreeMap<String, Rate>,
    pub(crate) routes: Vec<Route>,
}

/// What holds for all routes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Server {
    pub(crate) in_flight_max: usize,
    pub(crate) connections_max: usize,
    pub(crate) head: Duration,
    pub(crate) client_idle: Duration,
    pub(crate) drain: Duration,
}

/// A set of addresses that answer alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Upstream {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) in_flight_max: usize,
    pub(crate) connect: Duration,
    pub(crate) head: Duration,
    pub(crate) body_idle: Duration,
    pub(crate) breaker_failures: u64,
    pub(crate) breaker_open: Duration,
    pub(crate) retry_percent: u64,
}

/// How tokens are checked.
#[derive(Clone, Debug)]
pub(crate) enum Auth {
    /// By the keys of a file; `line_column` is where the table names it.
    File {
        file: PathBuf,
        line_column: (usize, usize),
        issuer: String,
        audience: String,
        leeway_s: u64,
    },
    /// By a service.
    Service { address: SocketAddr, path: String, timeout: Duration },
}

/// A token bucket for each client.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) per_minute: u64,
    pub(crate) burst: u64,
    pub(crate) by: By,
}

/// What tells clients apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Address,
    Subject,
}

/// Where requests go, and how.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) path: String,
    /// Empty for all hosts.
    pub(crate) host: String,
    /// Those of `METHODS` that it takes.
    pub(crate) methods: Vec<&'static str>,
    pub(crate) upstream: String,
    pub(crate) auth: Option<String>,
    pub(crate) rate: Option<String>,
    /// None without a limit.
    pub(crate) timeout: Option<Duration>,
    pub(crate) body_bytes_max: u64,
    pub(crate) attempts: usize,
    pub(crate) hedge: Option<Duration>,
}

/// What is wrong with a table, and where.
#[derive(Debug)]
pub struct Fault {
    file: PathBuf,
    /// Both from 1; none where the file as a whole is at fault.
    line_column: Option<(usize, usize)>,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line_column, what } = self;
        match line_column {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {what}", file.display()),
            None => write!(f, "{}: {what}", file.display()),
        }
    }
}

impl std::error::Error for Fault {}

impl Config {
    /// Reads and checks a table.
    pub(crate) fn load(file: &Path) -> Result<Self, Fault> {
        let whole = |what| Fault { file: file.to_owned(), line_column: None, what };
        let bytes = fs::read(file).map_err(|error| whole(error.to_string()))?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(whole(format!("more than {FILE_BYTES_MAX} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|_| whole("not UTF-8".to_owned()))?;
        parse(file, &text).map_err(|Wrong { at, what }| Fault {
            file: file.to_owned(),
            line_column: Some(line_column(&text, at)),
            // A fault is one line.
            what: what.replace('\n', "; "),
        })
    }

    /// A fault that only the use of what the table names has shown.
    pub(crate) fn fault(&self, line_column: (usize, usize), what: String) -> Fault {
        Fault { file: self.file.clone(), line_column: Some(line_column), what }
    }
}

fn line_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn parse(file: &Path, text: &str) -> Result<Config, Wrong> {
    let document = DeTable::parse(text).map_err(|error| Wrong {
        at: error.span().map_or(0, |span| span.start),
        what: error.message().to_owned(),
    })?;
    let mut root = Section::of(document.get_ref(), 0);
    let server = server(root.table("server")?)?;
    let upstreams = named(&mut root, "upstream", 1..=256, upstream)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let auths = named(&mut root, "auth", 0..=64, |section| auth(section, folder, text))?;
    let rates = named(&mut root, "rate", 0..=64, rate)?;
    let lists = root.list("route")?;
    root.end()?;
    let mut config =
        Config { file: file.to_owned(), server, upstreams, auths, rates, routes: Vec::new() };
    if !(1..=256).contains(&lists.len()) {
        let what = format!("there are {} of [[route]]; 1 to 256 are allowed", lists.len());
        return Err(Wrong { at: 0, what });
    }
    for section in lists {
        let route = route(section, &config)?;
        config.routes.push(route);
    }
    Ok(config)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn server(section: Option<Section<'_>>) -> Result<Server, Wrong> {
    let empty = DeTable::new();
    let mut section = section.unwrap_or_else(|| Section::of(&empty, 0));
    let server = Server {
        in_flight_max: section.number("in_flight_max", 1..=1_000_000, Some(1_024))? as usize,
        connections_max: section.number("connections_max", 1..=1_000_000, Some(8_192))? as usize,
        head: ms(section.number("head_ms", 1..=MS_MAX, Some(10_000))?),
        client_idle: ms(section.number("client_idle_ms", 1..=MS_MAX, Some(10_000))?),
        drain: ms(section.number("drain_ms", 1..=MS_MAX, Some(10_000))?),
    };
    section.end()?;
    Ok(server)
}

/// The tables of one kind by their names.
fn named<T>(
    root: &mut Section<'_>,
    kind: &str,
    allowed: std::ops::RangeInclusive<usize>,
    read: impl Fn(&mut Section<'_>) -> Result<T, Wrong>,
) -> Result<BTreeMap<String, T>, Wrong> {
    let at = root.has(kind).unwrap_or(0);
    let tables = root.tables(kind)?;
    if !allowed.contains(&tables.len()) {
        let (count, min, max) = (tables.len(), allowed.start(), allowed.end());
        let what = format!("there are {count} of [{kind}.NAME]; {min} to {max} are allowed");
        return Err(Wrong { at, what });
    }
    let mut found = BTreeMap::new();
    for (name, mut section) in tables {
        if !is_name(name) {
            return Err(section.wrong(format!("the name {name:?} is not 1 to 40 of a-z 0-9 -")));
        }
        found.insert(name.to_owned(), read(&mut section)?);
        section.end()?;
    }
    Ok(found)
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=40).contains(&name.len()) && name.bytes().all(plain)
}

fn upstream(section: &mut Section<'_>) -> Result<Upstream, Wrong> {
    let texts = section.texts("addresses")?;
    let texts = texts.ok_or_else(|| section.wrong("addresses is missing".to_owned()))?;
    if !(1..=16).contains(&texts.value.len()) {
        let what = format!("there are {} addresses; 1 to 16 are allowed", texts.value.len());
        return Err(texts.wrong(what));
    }
    let mut addresses = Vec::new();
    for text in &texts.value {
        let address: SocketAddr = text.parse().map_err(|_| {
            texts
                .wrong(format!("{text:?} is not an IP address with a port, such as 127.0.0.1:8090"))
        })?;
        if addresses.contains(&address) {
            return Err(texts.wrong(format!("{text} is there twice")));
        }
        addresses.push(address);
    }
    Ok(Upstream {
        addresses,
        in_flight_max: section.number("in_flight_max", 1..=1_000_000, Some(256))? as usize,
        connect: ms(section.number("connect_ms", 1..=MS_MAX, Some(1_000))?),
        head: ms(section.number("head_ms", 1..=MS_MAX, Some(5_000))?),
        body_idle: ms(section.number("body_idle_ms", 1..=MS_MAX, Some(10_000))?),
        breaker_failures: section.number("breaker_failures", 1..=1_000, Some(5))?,
        breaker_open: ms(section.number("breaker_open_ms", 1..=MS_MAX, Some(5_000))?),
        retry_percent: section.number("retry_percent", 0..=100, Some(20))?,
    })
}

fn auth(section: &mut Section<'_>, folder: &Path, text: &str) -> Result<Auth, Wrong> {
    match (section.text("jwks_file")?, section.text("verify_url")?) {
        (Some(file), None) => {
            if let Some(at) = section.has("verify_ms") {
                return Err(Wrong { at, what: "verify_ms belongs to verify_url".to_owned() });
            }
            Ok(Auth::File {
                file: folder.join(&file.value),
                line_column: line_column(text, file.at),
                issuer: short(section, "issuer")?,
                audience: short(section, "audience")?,
                leeway_s: section.number("leeway_s", 0..=300, Some(30))?,
            })
        }
        (None, Some(url)) => {
            for key in ["issuer", "audience", "leeway_s"] {
                if let Some(at) = section.has(key) {
                    let what = "belongs to jwks_file; the service at verify_url has its own";
                    return Err(Wrong { at, what: format!("{key} {what}") });
                }
            }
            let (address, path) = service(&url)?;
            let timeout = ms(section.number("verify_ms", 1..=MS_MAX, Some(500))?);
            Ok(Auth::Service { address, path, timeout })
        }
        _ => Err(section.wrong("exactly one of jwks_file and verify_url is needed".to_owned())),
    }
}

fn short(section: &mut Section<'_>, key: &str) -> Result<String, Wrong> {
    let found = section.required(key)?;
    if (1..=TEXT_BYTES_MAX).contains(&found.value.len()) {
        return Ok(found.value);
    }
    let count = found.value.len();
    Err(found.wrong(format!("{key} has {count} bytes; it is required, with 1 to {TEXT_BYTES_MAX}")))
}

/// The address and the path of `http://ADDRESS/PATH`.
fn service(url: &Found<String>) -> Result<(SocketAddr, String), Wrong> {
    let text = &url.value;
    let fault =
        || url.wrong(format!("{text:?} is not a URL such as http://127.0.0.1:8100/v1/verify"));
    let rest = text.strip_prefix("http://").ok_or_else(fault)?;
    let (address, path) = rest.split_at(rest.find('/').ok_or_else(fault)?);
    if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(fault());
    }
    let address = address
        .parse()
        .map_err(|_| url.wrong(format!("{address:?} is not an IP address with a port")))?;
    Ok((address, path.to_owned()))
}

fn rate(section: &mut Section<'_>) -> Result<Rate, Wrong> {
    let by = section.required("by")?;
    let by = match by.value.as_str() {
        "address" => By::Address,
        "subject" => By::Subject,
        other => {
            let what = format!("by is {other:?}; it is \"address\" or \"subject\"");
            return Err(by.wrong(what));
        }
    };
    let per_minute = section.number("per_minute", 1..=60_000_000, None)?;
    Ok(Rate { per_minute, burst: section.number("burst", 1..=1_000_000, None)?, by })
}

fn route(mut section: Section<'_>, config: &Config) -> Result<Route, Wrong> {
    let name = section.required("name")?;
    if !is_name(&name.value) || ["none", "gateway"].contains(&name.value.as_str()) {
        let what =
            format!("the name {:?} is not 1 to 40 of a-z 0-9 -, or is none or gateway", name.value);
        return Err(name.wrong(what));
    }
    let path = section.required("path")?;
    if !is_prefix(&path.value) {
        return Err(path.wrong(format!("{:?} is not a prefix such as / or /v1/quotes", path.value)));
    }
    let host = match section.text("host")? {
        Some(host) if !is_host(&host.value) => {
            let what =
                format!("{:?} is not a host such as api.example, without a port", host.value);
            return Err(host.wrong(what));
        }
        host => host.map(|host| host.value.to_ascii_lowercase()).unwrap_or_default(),
    };
    let methods = methods(section.texts("methods")?)?;
    let upstream = section.required("upstream")?;
    if !config.upstreams.contains_key(&upstream.value) {
        return Err(upstream.wrong(format!("there is no [upstream.{}]", upstream.value)));
    }
    let auth = section.text("auth")?;
    if let Some(auth) = auth.as_ref().filter(|auth| !config.auths.contains_key(&auth.value)) {
        return Err(auth.wrong(format!("there is no [auth.{}]", auth.value)));
    }
    let rate = section.text("rate")?;
    if let Some(rate) = &rate {
        let Some(known) = config.rates.get(&rate.value) else {
            return Err(rate.wrong(format!("there is no [rate.{}]", rate.value)));
        };
        if known.by == By::Subject && auth.is_none() {
            let what =
                format!("[rate.{}] counts by subject, but the route has no auth", rate.value);
            return Err(rate.wrong(what));
        }
    }
    let timeout_ms = section.number("timeout_ms", 0..=TIMEOUT_MS_MAX, Some(30_000))?;
    let body_bytes_max = section.number("body_bytes_max", 0..=1 << 30, Some(1 << 20))?;
    let attempts = section.number("attempts", 1..=4, Some(2))? as usize;
    let hedge_ms = section.number("hedge_ms", 0..=MS_MAX, Some(0))?;
    let at = section.at;
    section.end()?;
    let route = Route {
        path: path.value,
        host,
        methods,
        upstream: upstream.value,
        auth: auth.map(|found| found.value),
        rate: rate.map(|found| found.value),
        timeout: (timeout_ms > 0).then(|| ms(timeout_ms)),
        body_bytes_max,
        attempts,
        hedge: (hedge_ms > 0).then(|| ms(hedge_ms)),
        name: name.value.clone(),
    };
    for other in &config.routes {
        if other.name == route.name {
            return Err(name.wrong(format!("there is another route {:?}", route.name)));
        }
        if let Some(method) = shared(other, &route) {
            let what = format!("the route {:?} takes {method} {}, too", other.name, route.path);
            return Err(Wrong { at, what });
        }
    }
    Ok(route)
}

fn is_prefix(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let segment = |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(plain);
    path == "/" || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment))
}

fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let begins = host.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins && host.len() <= 253 && host.bytes().all(plain)
}

fn methods(texts: Option<Found<Vec<String>>>) -> Result<Vec<&'static str>, Wrong> {
    let Some(texts) = texts else { return Ok(METHODS.to_vec()) };
    let all = METHODS.join(" ");
    if texts.value.is_empty() {
        return Err(texts.wrong(format!("methods is empty; leave it out to take all of {all}")));
    }
    let mut methods = Vec::new();
    for text in &texts.value {
        match METHODS.iter().find(|method| *method == text) {
            Some(method) if !methods.contains(method) => methods.push(*method),
            _ => return Err(texts.wrong(format!("{text:?} is not one of {all}, each once"))),
        }
    }
    Ok(methods)
}

/// A method that both routes would take for the same host and prefix.
fn shared(a: &Route, b: &Route) -> Option<&'static str> {
    let same = a.host == b.host && a.path == b.path;
    b.methods.iter().find(|method| same && a.methods.contains(method)).copied()
}
