//! An analytics service: events stored, taken in and asked about.

use super::*;

const ANALYTICS: &str = r#"
    schema = 1
    id = "stand-in"
    title = "A stand-in"
    service = "stand-in"
    workload = "analytics"
    resident_state = "small"
    seed = 1
    p99_limit_ms = 1000.0
    threads = 2
    data_folder = true
    events = { keys = 10, users = 10, span_s = 60 }
    question = [{ id = "buckets", query = "{}", sql = "SELECT" }]
    load = { connections = 1, capacity_connections = 2 }
    quick = { blocks = 2, stored = 30_000, rounds = 3 }
    publish = { blocks = 10, stored = 100_000, rounds = 3 }
    [[variant]]
    id = "elsewhere"
    kind = "other"
    label = "A program of others"
    why = "to stand beside"
    program = { binary = "elsewhere", from = "nowhere", version = [], protocol = "http", args = ["--listen", "127.0.0.1:{port}"] }
    [[variant]]
    id = "floor"
    kind = "other"
    label = "A floor that counts otherwise"
    why = "keeps no contract"
    build = { package = "floor" }
    args = ["--more"]
"#;

const ELSEWHERE: [(&str, &str); 2] = [("elsewhere", "events"), ("floor", "lying-events")];

pub(super) fn questions(scratch: &Path) {
    let outcome =
        measured_as(scratch, ANALYTICS, ["events", "events"], &ELSEWHERE, |_| false).unwrap();
    let Run { samples, summary, .. } = read_back(&outcome.folder);
    assert_eq!((summary.work, samples.samples.len()), (Work::Question, 8));
    for sample in &samples.samples {
        assert_eq!(sample.entries, Some(30_000));
        let [asked] = sample.questions.as_slice() else { panic!("{:?}", sample.questions) };
        assert_eq!((asked.question.as_str(), asked.ms.len()), ("buckets", 3));
        assert!(asked.ms.iter().all(|ms| *ms > 0.0) && sample.capacity.is_none());
    }
    for other in ["elsewhere", "floor"] {
        let memory = summary.variant(other).unwrap().metric(metric::RSS_PER_ENTRY).unwrap();
        assert!(memory.rust_over.is_some() && memory.go_over.is_some(), "{other}");
    }
    assert!(summary.notes.iter().any(|note| note.contains("two cores for the service")));
    assert!(summary.notes.iter().any(|note| note.contains("30000 events")));
    // Of five arguments the stand-in leaves out three; a program of others gets none of them.
    let given = fs::read_to_string(scratch.join("given")).unwrap();
    let data = outcome.folder.join("working-").display().to_string();
    assert!(given.contains(&format!(" --threads 2 --data {data}")), "{given}");
    assert!(given.lines().any(|line| line == " --threads 2 --more"), "{given}");
    let left = fs::read_dir(&outcome.folder).unwrap().flatten();
    let left = left.filter(|entry| entry.path().is_dir());
    assert_eq!(left.count(), 0, "no data is left");
    let other = measured_as(scratch, ANALYTICS, ["events", "lying-events"], &ELSEWHERE, |_| false);
    let error = format!("{:#}", other.unwrap_err());
    assert!(error.contains("the rust twin and the go twin answer differently"), "{error}");
    assert!(error.contains("[[\"all\",20000]]\n[[\"all\",20001]]"), "{error}");
}

pub(super) fn taking_in(scratch: &Path) {
    let request = r#"request = { method = "POST", path = "/v1/events", events = 50 }"#;
    let scenario = ANALYTICS
        .split("[[variant]]")
        .next()
        .unwrap()
        .replace(r#"question = [{ id = "buckets", query = "{}", sql = "SELECT" }]"#, request)
        .replace("threads = 2", "threads = 1")
        .replace("connections = 2 }", "connections = 2, ids = 3, half = 0.02 }")
        .replace(", stored = 30_000, rounds = 3", SECONDS)
        .replace(", stored = 100_000, rounds = 3", SECONDS);
    let outcome = measured_as(scratch, &scenario, ["events", "events"], &[], |_| false).unwrap();
    let Run { samples, summary, .. } = read_back(&outcome.folder);
    assert_eq!((summary.work, summary.pipeline), (Work::Event, 50));
    for sample in &samples.samples {
        let load = &sample.loads[0];
        assert_eq!((load.errors, load.offered % 50, sample.entries), (0, 0, None));
        assert_eq!(load.completed, load.offered);
    }
    let capacity = summary.metric(metric::CAPACITY);
    assert!(capacity.is_none_or(|it| it.unit == "events/s" && it.title.contains("batches of 50")));
}

const SECONDS: &str = ", warm_up_s = 0.05, half_s = 0.3, sweep_s = 0.1, capacity_s = 0.2";

pub(super) fn broken_analytics(_: &Path) {
    let fails = |from: &str, to: &str, says: &str| {
        assert!(ANALYTICS.contains(from), "{from}");
        let error = format!("{:#}", Scenario::parse(&ANALYTICS.replace(from, to)).unwrap_err());
        assert!(error.contains(says), "{says:?} is not in: {error}");
    };
    fails("threads = 2", "threads = 3", "threads is 3, not 1 or 2");
    fails("keys = 10", "keys = 0", "events.keys is 0, but must be 1 to");
    fails("query = \"{}\"", "query = \"[]\"", "query must be a JSON object");
    fails("id = \"buckets\"", "id = \"rows\"", "`buckets` or `groups`");
    fails("rounds = 3", "rounds = 0", "need stored events and 1 to 1000 rounds");
    fails("rounds = 3", "rounds = 3, half_s = 1.0", "no lengths in seconds");
    fails("events = {", "event = {", "unknown field `event`");
    fails("binary = \"elsewhere\"", "binary = \"../elsewhere\"", "a place in the source tree");
    fails("protocol = \"http\"", "protocol = \"resp\"", "one that is asked questions http");
    let request = "request = { method = \"POST\", path = \"/\", events = 5 }\n        question";
    fails("question", request, "a request or a question, and not both");
}
