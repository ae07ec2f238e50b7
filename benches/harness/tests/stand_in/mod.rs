//! A stand-in for a reference service; the name it is called by says how it behaves.

mod cache;
mod events;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How a stand-in behaves, and the folder with the flags that change it.
#[derive(Clone)]
struct Behaviour {
    name: String,
    folder: PathBuf,
}

impl Behaviour {
    fn flagged(&self, name: &str, flag: &str) -> bool {
        self.name == name && self.folder.join(flag).exists()
    }
}

/// Serves until killed, a thread for each connection.
pub(crate) fn serve() -> Result<()> {
    let called = std::env::args().next().context("a program has a name")?;
    let path = Path::new(&called);
    let name = path.file_name().context("a program has a name")?.to_string_lossy().into_owned();
    let folder = path.parent().context("a program lies in a folder")?.to_owned();
    let behaviour = Behaviour { name, folder };
    note_settings(&behaviour)?;
    match behaviour.name.as_str() {
        "mute" => {
            eprintln!("still thinking");
            thread::sleep(Duration::from_secs(60));
            return Ok(());
        }
        "babbles" => println!("hello there"),
        "collects" => {
            thread::spawn(collect);
        }
        _ => {}
    }
    // A program of others is told where to listen, a service chooses a port.
    let given = std::env::args().find(|argument| argument.starts_with("127.0.0.1:"));
    let listener = TcpListener::bind(given.as_deref().unwrap_or("127.0.0.1:0"))?;
    let entries = cache::Entries::default();
    let count = events::Count::default();
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        if behaviour.flagged("dies", "die") {
            eprintln!("out of cheese");
            std::process::exit(3);
        }
        let behaviour = behaviour.clone();
        if ["cache", "lying-cache"].contains(&behaviour.name.as_str()) {
            let (entries, lies) = (entries.clone(), behaviour.folder.join("lie").exists());
            let lies = lies && behaviour.name == "lying-cache";
            thread::spawn(move || cache::answer(&stream, &entries, lies));
            continue;
        }
        if ["events", "lying-events"].contains(&behaviour.name.as_str()) {
            let (count, lies) = (count.clone(), behaviour.name == "lying-events");
            thread::spawn(move || events::answer(&stream, &count, lies));
            continue;
        }
        thread::spawn(move || answer(stream, &behaviour));
    }
    Ok(())
}

/// Notes the variable and the arguments it was given, the address apart.
#[expect(clippy::disallowed_methods, reason = "what a variant sets must be seen to arrive")]
fn note_settings(behaviour: &Behaviour) -> Result<()> {
    let given = std::env::var("STAND_IN").unwrap_or_default();
    let arguments: Vec<String> = std::env::args().skip(3).collect();
    let mut file =
        std::fs::File::options().create(true).append(true).open(behaviour.folder.join("given"))?;
    writeln!(file, "{given} {}", arguments.join(" "))?;
    Ok(())
}

/// Reports a collection every 20 ms, as Go does with gctrace=1.
fn collect() {
    let began = Instant::now();
    for cycle in 1.. {
        thread::sleep(Duration::from_millis(20));
        let at = began.elapsed().as_secs_f64();
        eprintln!(
            "gc {cycle} @{at:.3}s 1%: 0.10+0.50+0.30 ms clock, 0.10+0.1/0.2/0+0.30 ms cpu, \
             4->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 1 P"
        );
    }
}

/// Answers each request, which ends in `hello`.
fn answer(mut stream: TcpStream, behaviour: &Behaviour) -> std::io::Result<()> {
    let body = if behaviour.name == "other" { "{\"total\":2}" } else { "{\"total\":1}" };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = [head.as_bytes(), body.as_bytes()].concat();
    let mut received = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if received.ends_with(b"hello") {
            received.clear();
            if behaviour.flagged("lags", "lag") {
                thread::sleep(Duration::from_millis(400));
            }
            stream.write_all(&answer)?;
        }
    }
}
