//! `assay demo hybrid`: three services start, get some load, are shown, and end with assay.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    cli::Desk,
    support::{TestApp, skip},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder with the three programs; none where there is no Go.
fn programs(desk: &Desk) -> Option<PathBuf> {
    let folder = desk.path("programs");
    fs::create_dir(&folder).expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(folder.join("gateway"))
        .arg(".")
        .current_dir(root.join("reference-services/gateway/go"))
        .env("GOTOOLCHAIN", "local")
        .status();
    if built.is_err() {
        return None;
    }
    assert!(built.is_ok_and(|status| status.success()), "go build");
    let here = Path::new(env!("CARGO_BIN_EXE_assay")).parent().expect("a folder");
    let names = ["token-service", "fastjson-api"];
    // A test of the whole workspace has built them.
    if names.iter().any(|name| !here.join(name).is_file()) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "gateway", "--package", "fastjson-api"]);
        assert!(cargo.current_dir(&root).status().expect("cargo").success());
    }
    for name in names {
        symlink(here.join(name), folder.join(name)).expect("a link");
    }
    Some(folder)
}

/// Killed at the latest when the test ends.
struct Assay(Child);

impl Drop for Assay {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sending");
    stream
}

fn page(address: &str) -> String {
    let mut page = String::new();
    ask(address, "/demo/hybrid").read_to_string(&mut page).expect("a page");
    page
}

/// The number in the cell behind a row's heading.
fn figure(page: &str, heading: &str) -> f64 {
    let rest = page.split(&format!("{heading}</th><td class=\"num\">")).nth(1);
    let number = rest.and_then(|rest| rest.split('<').next()?.parse().ok());
    number.unwrap_or(0.0)
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn terminate(pid: &str) {
    signal("-TERM", pid);
}

fn signal(which: &str, pid: &str) {
    assert!(Command::new("kill").args([which, pid]).status().expect("kill").success());
}

#[test]
fn the_hybrid_starts_serves_is_shown_and_ends() {
    let desk = Desk::new();
    let Some(programs) = programs(&desk) else {
        return skip("the hybrid's demonstration", "there is no go");
    };
    let programs = programs.to_str().expect("text");
    let arguments = ["--listen", "127.0.0.1:0", "--rate", "200", "--binaries", programs];
    let mut command = desk.command(&[&["demo", "hybrid"][..], &arguments].concat());
    let mut assay = Assay(command.stderr(Stdio::piped()).spawn().expect("the program"));
    let mut lines = BufReader::new(assay.0.stderr.take().expect("stderr")).lines();
    let mut said = |start: &str| {
        let lines = lines.by_ref().map(|line| line.expect("a line"));
        let found = lines.filter_map(|line| Some(line.split_once(start)?.1.to_owned())).next();
        found.unwrap_or_else(|| panic!("it never said {start:?}"))
    };
    let gateway = said("the gateway listens on http://");
    let (gateway, token_file) = gateway.split_once("; a token for it is in ").expect("a token");
    let url = said("assay is ready: http://");
    let address = url.strip_suffix("/demo/hybrid").expect("the page");

    let seen = wait_for("traffic", || {
        let page = page(address);
        let served =
            figure(&page, "Answered well") > 50.0 && figure(&page, "Tokens found good") > 50.0;
        (served && figure(&page, "Refused (4xx): forged tokens") > 0.0).then_some(page)
    });
    assert!(!seen.contains("<script>") && !seen.contains("style="), "{seen}");
    assert!(seen.contains("data-events=\"/demo/hybrid/events\""), "{seen}");
    let parts: Vec<&str> = seen.split("<td><code>").skip(1).collect();
    let pids: Vec<&str> = parts
        .iter()
        .map(|part| {
            part.split("class=\"num\">").nth(1).and_then(|it| it.split('<').next()).expect("a pid")
        })
        .collect();
    assert_eq!(pids.len(), 3, "{seen}");
    let runs = |pid: &&str| Path::new("/proc").join(pid).exists();
    assert!(pids.iter().all(runs), "{pids:?}");
    let mut events = BufReader::new(ask(address, "/demo/hybrid/events")).lines();
    let data = events.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("data: ")));
    assert!(data.is_some(), "no event comes");
    // The token that is offered is good, and another is not.
    let token = fs::read_to_string(token_file).expect("a token");
    for (token, status) in [(token.as_str(), "422"), ("a.b.c", "401")] {
        let mut stream = TcpStream::connect(gateway).expect("a connection");
        let text = format!(
            "POST /v1/quotes HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        stream.write_all(text.as_bytes()).expect("sending");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("an answer");
        assert_eq!(line.split(' ').nth(1), Some(status), "{line}");
    }

    // Without the token service everything is refused, and the page goes on to say so.
    terminate(pids[1]);
    let seen = wait_for("refusals", || {
        let page = page(address);
        let refused = figure(&page, "Errors (5xx)") > 50.0 && page.contains("exit status: 0");
        refused.then_some(page)
    });
    assert!(seen.contains("data-say=\"Ended: token service.\""), "{seen}");
    terminate(&assay.0.id().to_string());
    let status = wait_for("the end", || assay.0.try_wait().expect("its status"));
    assert_eq!(status.code(), Some(0));
    assert!(!pids.iter().any(runs), "left running: {pids:?}");
    assert!(TcpStream::connect(gateway).is_err(), "somebody listens on {gateway}");
    assert!(!Path::new(token_file).exists(), "the token is left behind");
}

#[test]
fn closing_the_terminal_ends_it_even_while_a_service_is_silent() {
    let desk = Desk::new();
    let programs = desk.path("silent");
    fs::create_dir(&programs).expect("a folder");
    for name in ["gateway", "token-service", "fastjson-api"] {
        let program = programs.join(name);
        fs::write(&program, "#!/bin/sh\necho $$ > \"$0.pid\"\nexec sleep 1000\n")
            .expect("a script");
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("its mode");
    }
    let folder = programs.to_str().expect("text");
    let arguments = ["demo", "hybrid", "--listen", "127.0.0.1:0", "--binaries", folder];
    let mut assay = Assay(desk.command(&arguments).spawn().expect("the program"));
    let pid = wait_for("the first service", || {
        let pid = fs::read_to_string(programs.join("fastjson-api.pid")).ok()?;
        pid.ends_with('\n').then(|| pid.trim_end().to_owned())
    });
    signal("-HUP", &assay.0.id().to_string());
    let status = wait_for("the end", || assay.0.try_wait().expect("its status"));
    assert_eq!(status.code(), Some(0));
    assert!(!Path::new("/proc").join(&pid).exists(), "left running: {pid}");
}

#[test]
fn what_is_missing_is_said_plainly() {
    let desk = Desk::new();
    let listen = ["--listen", "127.0.0.1:0"];
    let text = desk.fails(2, &[&["demo", "hybrid"][..], &listen].concat());
    assert!(text.contains("source tree"), "{text}");
    let text = desk.fails(2, &[&["demo", "hybrid", "--binaries", "none"][..], &listen].concat());
    assert!(text.contains("none/gateway"), "{text}");
}

#[tokio::test]
async fn without_it_the_page_says_how_to_start_it() {
    let app = TestApp::new().await;
    let page = app.get("/demo/hybrid").await;
    assert!(page.status == 200 && page.body.contains("assay demo hybrid"), "{}", page.body);
    assert_eq!(app.get("/demo/hybrid/events").await.status, 404);
}
