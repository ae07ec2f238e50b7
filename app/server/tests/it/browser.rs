//! Runs the browser tests of `tests/browser` against the built program.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use assay::http;
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    live,
    support::{TestApp, npm_packages, skip},
};

/// Stops the program when the test ends, however it ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn pages_work_in_a_browser() {
    let test = "the browser tests";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let Some(chromium) = chromium() else {
        return skip(test, "no chromium is installed");
    };
    if !succeeds(Command::new("node").arg("--version")) {
        return skip(test, "no node is installed");
    }
    if !npm_packages(&folder) {
        return skip(test, "npm ci cannot fetch their packages");
    }
    let home = tempfile::tempdir().expect("a temporary folder");
    let decisions = home.path().join("decisions");
    let (_measuring, measuring) = Measuring::start();
    let runs = home.path().join("runs");
    crate::runs::write(&runs);
    let (_server, address) = start(&decisions, &home.path().join("data"), &runs);
    let mut suite = Command::new("npx");
    suite
        .args(["playwright", "test"])
        .current_dir(&folder)
        .env("ASSAY_URL", address)
        .env("ASSAY_LIVE_URL", measuring)
        .env("ASSAY_DECISIONS", &decisions)
        .env("ASSAY_OUTPUT", home.path().join("output"))
        .env("CHROMIUM", chromium);
    let output = suite.output().expect("npx");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// The application with a harness that takes seconds, served until the test ends.
struct Measuring {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Measuring {
    /// Starts it, and says where it is.
    fn start() -> (Self, String) {
        let (tell, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async move {
                let app = TestApp::measuring(live::in_seconds(), live::source_tree(), true).await;
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                tell.send(listener.local_addr().expect("an address")).expect("somebody waits");
                let router = http::app(Arc::clone(&app.app));
                let stop = async { drop(stopped.await) };
                http::serve(listener, router, http::Limits::default(), stop)
                    .await
                    .expect("serving");
            });
        });
        let address = format!("http://{}", address.recv().expect("an address"));
        (Self { stop: Some(stop), thread: Some(thread) }, address)
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        // Waited for, so that its folders are gone.
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Starts the program on a free port and waits for the address it prints.
fn start(decisions: &Path, data: &Path, runs: &Path) -> (Server, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
        .args(["--listen", "127.0.0.1:0", "--decisions"])
        .arg(decisions)
        .arg("--data")
        .arg(data)
        .arg("--runs")
        .arg(runs)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let stderr = child.stderr.take().expect("its messages");
    let server = Server(child);
    let mut lines = BufReader::new(stderr).lines();
    let ready = lines.by_ref().map_while(Result::ok).find_map(|line| {
        line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
    });
    // What it says later must be read too, or it would block.
    std::thread::spawn(move || lines.for_each(drop));
    (server, ready.expect("an address"))
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn chromium() -> Option<PathBuf> {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}
