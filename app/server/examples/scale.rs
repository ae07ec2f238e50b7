//! Holds assay against a folder of many records, as `assay-store`'s example `many` writes them:
//! `cargo run --release -p assay --example scale -- target/release/assay FOLDER [ADRS]`.
//!
//! It starts the program on an empty data folder and watches it read: how long until it is ready, and
//! what pages took meanwhile. Then it asks for lists, filters and searches, changes a file by hand,
//! and reads the process' memory. With the `adrs` program and a folder `FOLDER` of its kind, it sets
//! the command lines of both side by side. The results are printed as TOML.

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

type Failure = Box<dyn Error>;

/// Every kind of page is asked for so often.
const ROUNDS: usize = 100;
/// Pairs of command lines.
const PAIRS: usize = 15;

fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1).map(PathBuf::from);
    let usage = "scale ASSAY FOLDER [ADRS FOLDER-OF-ADRS]";
    let assay = arguments.next().ok_or(usage)?.canonicalize()?;
    let folder = arguments.next().ok_or(usage)?;
    let data = tempfile::tempdir()?;
    if let (Some(adrs), Some(theirs)) = (arguments.next(), arguments.next()) {
        return command_lines(&assay, &folder, data.path(), &adrs, &theirs);
    }
    let records = fs::read_dir(&folder)?.count();
    println!("records = {records}");
    let served = Served::start(&assay, &folder, data.path())?;
    cold(&served)?;
    println!(
        "\n# Ready, while the advice on all records is still being compared in the background."
    );
    pages(&served, "busy")?;
    wait_for_comparison(&served)?;
    println!("\n# With nothing else going on.");
    pages(&served, "calm")?;
    by_hand(&served, &folder)?;
    println!("memory_mb = {}", served.memory_mb("VmRSS")?);
    println!("memory_peak_mb = {}", served.memory_mb("VmHWM")?);
    drop(served);
    let started = Instant::now();
    let served = Served::start(&assay, &folder, data.path())?;
    while served.get("/readyz")?.status != 200 {
        thread::sleep(Duration::from_millis(5));
    }
    println!("warm_ready_s = {:.2}", started.elapsed().as_secs_f64());
    Ok(())
}

/// The program, serving until it is dropped.
struct Served {
    child: Child,
    address: SocketAddr,
    started: Instant,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Answer {
    status: u16,
    body: String,
    took: Duration,
}

impl Served {
    fn start(assay: &Path, folder: &Path, data: &Path) -> Result<Self, Failure> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let started = Instant::now();
        let mut child = Command::new(assay)
            .args(["--listen", &address.to_string(), "--decisions"])
            .arg(folder)
            .arg("--data")
            .arg(data)
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
        let served = Self { child, address, started };
        lines.next().ok_or("it said nothing")??;
        thread::spawn(move || lines.for_each(drop));
        Ok(served)
    }

    fn get(&self, path: &str) -> Result<Answer, Failure> {
        let started = Instant::now();
        let mut stream = TcpStream::connect(self.address)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let took = started.elapsed();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
        let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        Ok(Answer { status, body: body.to_owned(), took })
    }

    fn memory_mb(&self, field: &str) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(field)).ok_or("no such field")?;
        let kb: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
        Ok(kb * 1024 / 1_000_000)
    }
}

/// From an empty data folder until everything is known.
fn cold(served: &Served) -> Result<(), Failure> {
    let (mut told, mut pages) = (0, Vec::new());
    loop {
        let ready = served.get("/readyz")?;
        if ready.status == 200 {
            break;
        }
        let page = served.get("/decisions")?;
        assert_eq!(page.status, 200, "pages work meanwhile");
        told += usize::from(page.body.contains("being read for the first time"));
        pages.push(page.took);
        thread::sleep(Duration::from_millis(50));
    }
    println!("cold_ready_s = {:.2}", served.started.elapsed().as_secs_f64());
    println!("cold_pages_that_told_progress = {told}");
    summary("cold_page", pages);
    Ok(())
}

/// Lists, filters and searches, common and rare.
const PAGES: [(&str, &str); 9] = [
    ("list", "/decisions"),
    ("list_far", "/decisions?page=900"),
    ("filter_status", "/decisions?status=superseded"),
    ("filter_several", "/decisions?status=accepted&option=rust&due=yes"),
    ("search_all", "/decisions?q=accepted"),
    ("search_common", "/decisions?q=rust+review"),
    ("search_rare", "/decisions?q=quistator"),
    ("search_beginning", "/decisions?q=ga"),
    ("search_and_filter", "/decisions?q=go+latency&status=accepted"),
];

/// Words that most records have, and beginnings of others: asked for in pairs, a search that has to be
/// made anew each time, where one of [`PAGES`] is remembered until something changes.
const COMMON: [&str; 4] = ["accepted", "rust", "go", "review"];
const BEGINNINGS: [&str; 25] = [
    "ac", "al", "be", "ca", "co", "da", "de", "er", "fi", "in", "la", "li", "lo", "ma", "me", "mi",
    "no", "or", "pa", "qui", "ra", "re", "ri", "sa", "sta",
];

fn pages(served: &Served, when: &str) -> Result<(), Failure> {
    let mut took: Vec<Vec<Duration>> = vec![Vec::new(); PAGES.len()];
    for _ in 0..ROUNDS {
        for ((name, path), took) in PAGES.iter().zip(&mut took) {
            let page = served.get(path)?;
            assert_eq!(page.status, 200, "{name}");
            took.push(page.took);
        }
    }
    let mut new = Vec::new();
    for word in COMMON {
        for beginning in BEGINNINGS {
            let path = format!("/decisions?q={word}+{beginning}");
            let page = served.get(&path)?;
            assert_eq!(page.status, 200, "{path}");
            new.push(page.took);
        }
    }
    for ((name, _), took) in PAGES.iter().zip(&took) {
        summary(&format!("{when}_{name}"), took.clone());
    }
    summary(&format!("{when}_search_new"), new.clone());
    took.push(new);
    summary(&format!("{when}_all_pages"), took.concat());
    Ok(())
}

fn wait_for_comparison(served: &Served) -> Result<(), Failure> {
    let started = Instant::now();
    let number = |body: &str, key: &str| -> Option<u64> {
        let rest = body.split(&format!("\"{key}\":")).nth(1)?;
        rest.split([',', '}']).next()?.trim().parse().ok()
    };
    loop {
        let queue = served.get("/api/v1/review-queue")?.body;
        let (done, all) = (number(&queue, "compared"), number(&queue, "to_compare"));
        if done.is_some_and(|done| done > 0) && done == all {
            println!("compared_in_s = {:.0}", started.elapsed().as_secs_f64());
            return Ok(());
        }
        thread::sleep(Duration::from_secs(1));
    }
}

/// A file changed in place by hand, until a search finds it.
fn by_hand(served: &Served, folder: &Path) -> Result<(), Failure> {
    let mut took = Vec::new();
    let file = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let file = file.filter(|path| path.extension().is_some_and(|it| it == "toml")).nth(4321);
    let file = file.ok_or("too few records")?;
    let before = fs::read_to_string(&file)?;
    for round in 0..10 {
        let word = format!("byhand{round}x");
        let line = before.lines().find(|line| line.starts_with("title = ")).ok_or("no title")?;
        let started = Instant::now();
        fs::write(&file, before.replacen(line, &format!("title = \"Changed {word}\""), 1))?;
        while !served
            .get(&format!("/decisions?q={word}"))?
            .body
            .contains(&format!("Changed {word}"))
        {
            thread::sleep(Duration::from_millis(10));
        }
        took.push(started.elapsed());
        thread::sleep(Duration::from_millis(300));
    }
    fs::write(&file, before)?;
    summary("changed_file_visible", took);
    Ok(())
}

/// `assay list` and `assay search` beside `adrs`, in turn.
fn command_lines(
    assay: &Path,
    ours: &Path,
    data: &Path,
    adrs: &Path,
    theirs: &Path,
) -> Result<(), Failure> {
    println!("records = {}", fs::read_dir(ours)?.count());
    let adrs = adrs.canonicalize()?;
    let run = |program: &Path, folder: &Path, arguments: &[&str]| -> Result<Duration, Failure> {
        let started = Instant::now();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        let output = command.stderr(Stdio::null()).output()?;
        let took = started.elapsed();
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
        Ok(took)
    };
    let data = data.to_str().ok_or("a strange folder")?;
    let with = |verb: &[&str]| -> Vec<String> {
        let place = ["--decisions", ".", "--data", data];
        verb.iter().chain(&place).map(|part| (*part).to_owned()).collect()
    };
    for (name, our_verb, their_verb) in [
        ("list", &["list", "--all"] as &[&str], &["list"] as &[&str]),
        ("search", &["search", "--all", "gateway"], &["search", "gateway"]),
    ] {
        let ours_arguments = with(our_verb);
        let ours_arguments: Vec<&str> = ours_arguments.iter().map(String::as_str).collect();
        run(assay, ours, &ours_arguments)?;
        let (mut mine, mut other) = (Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            mine.push(run(assay, ours, &ours_arguments)?);
            other.push(run(&adrs, theirs, their_verb)?);
        }
        summary(&format!("assay_{name}"), mine);
        summary(&format!("adrs_{name}"), other);
    }
    Ok(())
}

/// The middle, the 99th percentile and the greatest, in ms.
fn summary(name: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let ms = |share: f64| {
        let place = ((took.len() as f64 * share).ceil() as usize).clamp(1, took.len().max(1));
        took.get(place - 1).map_or(0.0, Duration::as_secs_f64) * 1000.0
    };
    println!("{name}_ms = {{ p50 = {:.1}, p99 = {:.1}, max = {:.1} }}", ms(0.5), ms(0.99), ms(1.0));
}
