//! Compares this generator with an independent one, h2load of the nghttp2 project (Debian's
//! `nghttp2-client`), on the same service at the same constant rates.
//!
//! ```text
//! cargo run --release -p assay-harness --example agreement -- target/release/fastjson-api \
//!     [--rounds N] [--out FILE]
//! ```
//! Each round runs, for every rate, our generator, h2load and our generator again, in an order
//! that alternates, against one process of the service. Both send on one connection at equal
//! distances and both read done − sent. The second run of ours gives the noise between two equal
//! measurements. h2load runs twice: as it is, asleep between requests, and with a loop of the
//! lowest priority that keeps its core awake as our spinning does.

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("comparing generators needs Linux: it pins processes to cores");
}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::{BufRead as _, BufReader};
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::sync::atomic::AtomicBool;

    use anyhow::{Context as _, Result, bail, ensure};
    use assay_evidence::stats::{hodges_lehmann, signed_rank_interval};
    use assay_harness::{LoadOptions, Schedule, encode, find_root, load};
    use serde::Serialize;

    /// What is asked, and at how many requests per second. One connection carries them, so that the
    /// distance between two must be far above the time one takes. A quote takes some 50 µs, where the
    /// time a generator needs for itself shows; canonical JSON of a large body takes ten times that.
    const ASKED: [(&str, &str, u32); 3] = [
        ("/v1/quotes", ORDER, 2000),
        ("/v1/canonicalize", LARGE, 200),
        ("/v1/canonicalize", LARGE, 1000),
    ];
    const SECONDS: u32 = 2;
    const SERVER_CORE: u32 = 1;
    const GENERATOR_CORE: u32 = 0;
    const ORDER: &str = "reference-services/fastjson-api/sample-order.json";
    const LARGE: &str = "benches/scenarios/bodies/records.json";

    /// One figure of what was seen.
    type Of = fn(&Seen) -> f64;

    /// A path and the body to send there.
    type Asked<'a> = (&'static str, &'a Path);

    /// Who measured.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Way {
        Ours,
        OursAgain,
        H2load,
        H2loadAwake,
    }

    /// Percentiles of done − sent in µs.
    #[derive(Debug, Clone, Copy, Serialize)]
    struct Seen {
        p50_us: f64,
        p99_us: f64,
    }

    #[derive(Debug, Serialize)]
    struct Round {
        path: &'static str,
        rate_rps: u32,
        round: u32,
        way: String,
        p50_us: f64,
        p99_us: f64,
    }

    /// The other ÷ ours over the rounds: Hodges–Lehmann estimate and exact signed-rank interval.
    #[derive(Debug, Serialize)]
    struct Ratio {
        path: &'static str,
        rate_rps: u32,
        way: String,
        percentile: &'static str,
        ours_us: f64,
        estimate: f64,
        low: f64,
        high: f64,
    }

    #[derive(Debug, Serialize)]
    struct Agreement {
        generator: String,
        service: String,
        cpu: String,
        rounds: u32,
        seconds: u32,
        ratio: Vec<Ratio>,
        sample: Vec<Round>,
    }

    pub(super) fn main() -> Result<()> {
        let mut arguments = std::env::args().skip(1);
        let usage = "usage: agreement SERVICE [--rounds N] [--out FILE]";
        let service = PathBuf::from(arguments.next().context(usage)?);
        let (mut rounds, mut out) = (10_u32, None);
        while let Some(name) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--rounds" => rounds = value.parse().context("--rounds takes a number")?,
                "--out" => out = Some(PathBuf::from(value)),
                _ => bail!("unknown option {name}\n{usage}"),
            }
        }
        ensure!((6..=100).contains(&rounds), "--rounds must be 6 to 100 for an interval at 95%");
        let root = find_root(Path::new(".")).context("run it inside a checkout")?;
        let generator = version()?;

        let server = Server::start(&service)?;
        let mut seen: BTreeMap<Key, Vec<Seen>> = BTreeMap::new();
        let mut sample = Vec::new();
        for round in 1..=rounds {
            for (path, body, rate) in ASKED {
                let body = root.join(body);
                let mut ways = [Way::Ours, Way::H2load, Way::OursAgain, Way::H2loadAwake];
                if round % 2 == 0 {
                    ways.reverse();
                }
                for way in ways {
                    let found = measure(way, server.addr, (path, &body), rate)?;
                    seen.entry((path, rate, way)).or_default().push(found);
                    let Seen { p50_us, p99_us } = found;
                    let way = way.name().to_owned();
                    sample.push(Round { path, rate_rps: rate, round, way, p50_us, p99_us });
                }
            }
            eprintln!("round {round} of {rounds}");
        }
        drop(server);

        let ratio = ratios(&seen)?;
        println!("| path | requests/s | against ours | percentile | ours, µs | ratio | interval |");
        println!("|---|---|---|---|---|---|---|");
        for Ratio { path, rate_rps, way, percentile, ours_us, estimate, low, high } in &ratio {
            println!(
                "| {path} | {rate_rps} | {way} | {percentile} | {ours_us:.1} | {estimate:.3} | {low:.3}–{high:.3} |"
            );
        }
        if let Some(out) = out {
            let service = service.display().to_string();
            let cpu = cpu();
            let seconds = SECONDS;
            let all = Agreement { generator, service, cpu, rounds, seconds, ratio, sample };
            fs::write(&out, toml::to_string(&all)?)
                .with_context(|| format!("cannot write {}", out.display()))?;
        }
        Ok(())
    }

    impl Way {
        const fn name(self) -> &'static str {
            match self {
                Self::Ours => "ours",
                Self::OursAgain => "ours again",
                Self::H2load => "h2load",
                Self::H2loadAwake => "h2load, core kept awake",
            }
        }
    }

    fn ratios(seen: &BTreeMap<Key, Vec<Seen>>) -> Result<Vec<Ratio>> {
        let percentiles: [(&'static str, Of); 2] =
            [("p50", |seen| seen.p50_us), ("p99", |seen| seen.p99_us)];
        let mut ratios = Vec::new();
        for (path, _, rate) in ASKED {
            for (percentile, of) in percentiles {
                let of_way = |way| -> Vec<f64> {
                    seen.get(&(path, rate, way))
                        .into_iter()
                        .flatten()
                        .map(|seen| of(seen).ln())
                        .collect()
                };
                let ours = of_way(Way::Ours);
                for way in [Way::OursAgain, Way::H2loadAwake, Way::H2load] {
                    let difference: Vec<f64> =
                        of_way(way).iter().zip(&ours).map(|(other, ours)| other - ours).collect();
                    let interval = signed_rank_interval(&difference, 0.95)
                        .context("too few rounds for an interval")?;
                    ratios.push(Ratio {
                        path,
                        rate_rps: rate,
                        way: way.name().to_owned(),
                        percentile,
                        ours_us: hodges_lehmann(&ours).context("no rounds")?.exp(),
                        estimate: hodges_lehmann(&difference).context("no rounds")?.exp(),
                        low: interval.low.exp(),
                        high: interval.high.exp(),
                    });
                }
            }
        }
        Ok(ratios)
    }

    /// What was asked, how often, and who measured.
    type Key = (&'static str, u32, Way);

    fn measure(way: Way, addr: SocketAddr, body: Asked<'_>, rate: u32) -> Result<Seen> {
        match way {
            Way::Ours | Way::OursAgain => ours(addr, body, rate),
            Way::H2load => h2load(addr, body, rate),
            Way::H2loadAwake => {
                let _awake = Awake::start()?;
                h2load(addr, body, rate)
            }
        }
    }

    fn ours(addr: SocketAddr, (path, body): Asked<'_>, rate: u32) -> Result<Seen> {
        let body = fs::read(body).with_context(|| format!("cannot read {}", body.display()))?;
        let headers = [("Content-Type", "application/json")];
        let options = LoadOptions {
            addr,
            request: encode("POST", path, &headers, Some(&body)),
            expect: 200,
            schedule: Schedule::Constant,
            seed: 0,
            rate_rps: f64::from(rate),
            seconds: f64::from(SECONDS),
            connections: 1,
            core: Some(GENERATOR_CORE),
        };
        let seen = load(&options, &AtomicBool::new(false))?;
        ensure!(seen.errors == 0, "{} of our requests failed", seen.errors);
        Ok(Seen { p50_us: seen.service.p50, p99_us: seen.service.p99 })
    }

    /// h2load starts a client's timer when it has connected and sends at its ticks; what its log
    /// holds is the time from sending to the last byte of the answer, in whole µs.
    fn h2load(addr: SocketAddr, (path, body): Asked<'_>, rate: u32) -> Result<Seen> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let status = Command::new("taskset")
            .args(["-c", &GENERATOR_CORE.to_string(), "h2load", "--h1", "-c1", "-m1"])
            .args(["--rps", &rate.to_string(), "-D", &SECONDS.to_string()])
            .args(["--warm-up-time", "1", "-H", "content-type: application/json", "-d"])
            .arg(body)
            .arg("--log-file")
            .arg(&log)
            .arg(format!("http://{addr}{path}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "h2load failed: {status}");
        let text = fs::read_to_string(&log)?;
        let mut times = Vec::new();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let (status, time) = (fields.nth(1), fields.next());
            ensure!(status == Some("200"), "h2load got {line:?}");
            times.push(time.context("h2load's log lacks a column")?.parse::<f64>()?);
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "an index within a short list"
            )]
            let index = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
            times.get(index).copied().context("h2load answered nothing")
        };
        Ok(Seen { p50_us: at(0.5)?, p99_us: at(0.99)? })
    }

    fn version() -> Result<String> {
        let output = Command::new("h2load").arg("--version").output();
        let output =
            output.context("h2load is not installed: on Debian, apt install nghttp2-client")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn cpu() -> String {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let line =
            text.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
        line.trim_start_matches([' ', '\t', ':']).to_owned()
    }

    /// The service, ended when dropped.
    struct Server {
        child: Child,
        addr: SocketAddr,
    }

    impl Server {
        fn start(service: &Path) -> Result<Self> {
            let mut child = Command::new("taskset")
                .args(["-c", &SERVER_CORE.to_string()])
                .arg(service)
                .args(["--listen", "127.0.0.1:0", "--threads", "1"])
                .stdout(Stdio::piped())
                .spawn()
                .context("cannot start the service")?;
            let mut line = String::new();
            let stdout = child.stdout.take().context("the service has no output")?;
            BufReader::new(stdout).read_line(&mut line)?;
            let addr = line.trim().strip_prefix("listening on ").and_then(|addr| addr.parse().ok());
            let addr = addr.with_context(|| format!("the service said {line:?}"))?;
            Ok(Self { child, addr })
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            // It may have ended by itself; there is nothing else to be done then.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    /// A loop that runs only when nothing else wants the generator's core.
    struct Awake(Child);

    impl Awake {
        fn start() -> Result<Self> {
            let child = Command::new("taskset")
                .args(["-c", &GENERATOR_CORE.to_string(), "chrt", "--idle", "0"])
                .args(["sh", "-c", "while :; do :; done"])
                .spawn()
                .context("cannot keep the core awake")?;
            Ok(Self(child))
        }
    }

    impl Drop for Awake {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
