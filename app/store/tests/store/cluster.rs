//! A real PostgreSQL for tests, to be thrown away.

#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

const SCRIPT: &str = include_str!("cluster.sh");

/// A running PostgreSQL. It ends when its input does: with this value, or with this process however
/// that ends.
pub(crate) struct Cluster {
    /// The folder of its socket.
    home: String,
    port: u16,
    talk: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    databases: AtomicU32,
}

impl Cluster {
    /// The one that the tests of this process share; none when PostgreSQL is not installed.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// One of its own, for a test that stops it.
    pub(crate) fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let port = free.expect("a port").port();
        let user = Command::new("id").arg("-u").output().expect("id").stdout;
        // PostgreSQL refuses to run as root.
        let mut command = match user.trim_ascii() {
            b"0" => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--", "sh"]);
                command
            }
            _ => Command::new("sh"),
        };
        command.args(["-c", SCRIPT, "cluster"]).arg(port.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let talk = (child.stdin.take()?, BufReader::new(child.stdout.take()?));
        let mut cluster =
            Self { home: String::new(), port, talk: Mutex::new(talk), databases: 0.into() };
        let mut line = String::new();
        cluster.talk.get_mut().expect("no panic").1.read_line(&mut line).expect("its output");
        cluster.home = line.strip_prefix("ready ")?.trim().to_owned();
        Some(cluster)
    }

    /// Tells it something and gives what it answers.
    pub(crate) fn tell(&self, command: &str) -> String {
        let mut talk = self.talk.lock().expect("no panic");
        writeln!(talk.0, "{}", command.replace('\n', " ")).expect("its input");
        let mut answer = String::new();
        loop {
            let start = answer.len();
            assert!(talk.1.read_line(&mut answer).expect("its output") > 0, "it ended: {answer}");
            if &answer[start..] == "done\n" {
                answer.truncate(start);
                return answer.trim_end().to_owned();
            }
        }
    }

    /// Makes an empty database and gives its name.
    pub(crate) fn database(&self, options: &str) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let said = self.tell(&format!("create {name} {options}"));
        assert!(said.is_empty(), "{said}");
        name
    }

    /// The address of a database, through the socket: without a password.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres://assay@localhost:{}/{name}?host={}", self.port, self.home)
    }

    /// The address of a database through TCP, with a password; the right one is `the%20password`.
    pub(crate) fn tcp_url(&self, name: &str, password: &str) -> String {
        format!("postgres://assay:{password}@127.0.0.1:{}/{name}", self.port)
    }
}
