//! Metric triggers through real programs: the rules that are exported, evaluated by Prometheus, sent
//! by Alertmanager, and heard by assay.

use std::{
    fs,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{cli::Desk, revisit::in_place_of_drafted, support::skip};

const PATIENCE: Duration = Duration::from_secs(60);
const TOKEN: &str = "from-the-vault";

const TRIGGERS: &str = r#"
[[trigger]]
id = "slow"
kind = "metric"
when = "p99_ms > 10 for 1s"
promql = "vector(14) # always too slow"
note = "{{ braces }} and \"quotes\""

[[trigger]]
id = "calm"
kind = "metric"
when = "p99_ms > 10 for 1s"
promql = "vector(3)"

[[trigger]]
id = "bare"
kind = "metric"
when = "rps >= 1e6 for 2w"
"#;

/// A program that ends with its owner.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The name under which a program is installed, if it is.
fn installed(names: &[&'static str]) -> Option<&'static str> {
    let answers = |name: &&&str| {
        let mut command = Command::new(name);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    names.iter().find(answers).copied()
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// An accepted record with the triggers above; gives its file.
fn record(desk: &Desk) -> std::path::PathBuf {
    let made = desk.json(&[
        "record",
        "rust.toml",
        "--title",
        "The {{gateway}} \"edge\"",
        "--status",
        "accepted",
        "--json",
    ]);
    let file = desk.path(made["path"].as_str().expect("a path"));
    let text = fs::read_to_string(&file).expect("the record");
    fs::write(&file, in_place_of_drafted(&text, TRIGGERS)).expect("written");
    file
}

fn rules(desk: &Desk) -> String {
    let output = desk.run(&["export", "--format", "prometheus"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("left out, as it has no promql: ") && said.contains(": bare"), "{said}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn promtool_accepts_the_exported_rules() {
    let test = "promtool_accepts_the_exported_rules";
    let desk = Desk::new();
    desk.ok(&["record", "go.toml", "--title", "A draft"]);
    let Some(promtool) = installed(&["promtool"]) else {
        return skip(test, "there is no promtool");
    };
    let check = |rules: &str, count: &str| {
        let file = desk.path("rules.yml");
        fs::write(&file, rules).expect("rules");
        let output = Command::new(promtool).args(["check", "rules"]).arg(&file).output();
        let output = output.expect("promtool");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains(count), "{said}");
    };
    check(&desk.ok(&["export", "--format", "prometheus"]), "0 rules");
    record(&desk);
    check(&rules(&desk), "2 rules");
}

/// Asks the program on this port and gives its answer.
pub(crate) fn ask(port: u16, method: &str, path: &str, body: &str) -> String {
    ask_with(port, method, path, "", body)
}

/// Asks with more header lines, each ended as HTTP ends them.
pub(crate) fn ask_with(port: u16, method: &str, path: &str, more: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("assay");
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{more}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Starts assay on a port; it answers once it has said so.
pub(crate) fn serve(mut command: Command) -> Running {
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().expect("assay");
    let mut lines = BufReader::new(child.stderr.take().expect("its words")).lines();
    lines.next().expect("a line").expect("text");
    thread::spawn(move || lines.for_each(drop));
    Running(child)
}

#[test]
fn prometheus_and_alertmanager_fire_a_trigger_once() {
    let test = "prometheus_and_alertmanager_fire_a_trigger_once";
    let (Some(prometheus), Some(alertmanager)) =
        (installed(&["prometheus"]), installed(&["prometheus-alertmanager", "alertmanager"]))
    else {
        return skip(test, "there is no Prometheus or no Alertmanager");
    };
    let desk = Desk::new();
    let file = record(&desk);
    fs::write(desk.path("rules.yml"), rules(&desk)).expect("rules");
    let (alerts, graph, port) = (free_port(), free_port(), free_port());
    // Milliseconds where a team would say minutes.
    let route = format!(
        "route: {{receiver: assay, group_wait: 0s, group_interval: 100ms, repeat_interval: 100ms}}\n\
         receivers:\n- name: assay\n  webhook_configs:\n  - url: http://127.0.0.1:{port}/hooks/alertmanager\n    \
         http_config: {{authorization: {{credentials: {TOKEN}}}}}\n"
    );
    fs::write(desk.path("alertmanager.yml"), route).expect("a configuration");
    let scrape = format!(
        "global: {{evaluation_interval: 200ms}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['127.0.0.1:{alerts}']}}]\n"
    );
    fs::write(desk.path("prometheus.yml"), scrape).expect("a configuration");
    let start = |program: &str, arguments: &[String]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(desk.path("."));
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a program"))
    };
    let _alertmanager = start(
        alertmanager,
        &[
            "--config.file=alertmanager.yml".to_owned(),
            format!("--storage.path={}", desk.path("alerts").display()),
            format!("--web.listen-address=127.0.0.1:{alerts}"),
            "--cluster.listen-address=".to_owned(),
        ],
    );
    let _prometheus = start(
        prometheus,
        &[
            "--config.file=prometheus.yml".to_owned(),
            format!("--storage.tsdb.path={}", desk.path("series").display()),
            // The first alert is lost when Alertmanager is not discovered yet; else the next one
            // comes a minute later.
            "--rules.alert.resend-delay=1s".to_owned(),
            format!("--web.listen-address=127.0.0.1:{graph}"),
        ],
    );
    // Prometheus looks for Alertmanager five seconds after its start; till then assay is up.
    let mut command = desk.command(&["--listen", &format!("127.0.0.1:{port}")]);
    command.env("ASSAY_HOOK_TOKEN", TOKEN);
    let _assay = serve(command);
    let fired = || {
        let text = fs::read_to_string(&file).expect("the record");
        text.matches("kind = \"trigger_fired\"").count()
    };
    wait_until("a firing", || fired() > 0);
    let text = fs::read_to_string(&file).expect("the record");
    assert!(text.contains("trigger = \"slow\"") && !text.contains("trigger = \"calm\""), "{text}");
    assert!(text.contains("by = \"alertmanager\""), "{text}");
    let id = text.split("id = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let queue = ask(port, "GET", "/api/v1/review-queue", "");
    assert!(queue.contains(id) && queue.contains("\"fired\":true"), "{queue}");
    let kept = r#"{"outcome":"keep","reason":"Known and accepted","review_by":"2099-01-01"}"#;
    let answer = ask(port, "POST", &format!("/api/v1/decisions/{id}/revisits"), kept);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    // Alertmanager goes on sending the alert; heard again, it changes nothing.
    let sent = |what: &str| -> f64 {
        let metrics = ask(alerts, "GET", "/metrics", "");
        let name = format!("alertmanager_{what}{{integration=\"webhook\"");
        let counts = metrics.lines().filter(|line| line.starts_with(&name));
        counts.filter_map(|line| line.rsplit(' ').next()?.trim().parse::<f64>().ok()).sum()
    };
    let before = sent("notifications_total");
    assert!(before > 0.0, "Alertmanager counts what it sent");
    wait_until("two repetitions", || sent("notifications_total") - before >= 2.0);
    assert_eq!(sent("notifications_failed_total"), 0.0, "assay took all of them");
    assert_eq!(fired(), 1, "the same alert fires once");
}
