//! Whole runs against stand-in services: this program itself, linked under the name of how it is
//! to behave. Needs Linux and two cores.

#[cfg(target_os = "linux")]
mod stand_in;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    if std::env::args().any(|argument| argument == "--listen") {
        return stand_in::serve();
    }
    tests::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: whole runs, because measuring needs Linux");
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use anyhow::Result;
    use assay_evidence::{
        Environment, GoSettings, Machine, Pinning, Profile, Run, Summary, Twin, Versions, metric,
    };
    use assay_harness::{Binaries, Options, Outcome, Progress, Scenario, bench, measure};

    const SCENARIO: &str = r#"
        schema = 1
        id = "stand-in"
        title = "A stand-in"
        service = "stand-in"
        workload = "json_api"
        resident_state = "small"
        seed = 1
        p99_limit_ms = 1000.0
        request = { method = "POST", path = "/", content_type = "text/plain", body = "body.txt" }
        load = { connections = 8, capacity_connections = 4, idle_connections = 5, half = 0.01, shares = [0.005], faster_shares = [0.02] }
        quick = { blocks = 3, warm_up_s = 0.05, half_s = 0.3, sweep_s = 0.1, capacity_s = 0.2 }
        publish = { blocks = 10, warm_up_s = 1.0, half_s = 1.0, sweep_s = 1.0, capacity_s = 1.0 }
    "#;

    /// A test, given a folder of its own.
    type Test = fn(&Path);

    pub(super) fn run() -> Result<()> {
        let cores = std::thread::available_parallelism()?.get();
        if cores < 2 {
            println!("skipped: whole runs, because this process may use one core only");
            return required();
        }
        let tests: [(&str, Test); 6] = [
            ("a finished run can be read back", a_finished_run_can_be_read_back),
            ("an interrupted run keeps its finished blocks", an_interrupted_run),
            ("a run stopped before its first block leaves nothing", stopped_at_once),
            ("a service that dies is named and its blocks are kept", a_service_that_dies),
            ("twins that answer differently are not timed", different_twins),
            ("outside the source tree it says so", outside_the_source_tree),
        ];
        for (name, test) in tests {
            let scratch = tempfile::tempdir()?;
            fs::write(scratch.path().join("body.txt"), "hello")?;
            test(scratch.path());
            println!("test {name} ... ok");
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the switch that makes a skip a failure")]
    fn required() -> Result<()> {
        anyhow::ensure!(std::env::var_os("ASSAY_REQUIRE").is_none(), "a skip counts as a failure");
        Ok(())
    }

    fn stand_in(scratch: &Path, behaviour: &str) -> std::path::PathBuf {
        let path = scratch.join(behaviour);
        if !path.exists() {
            symlink(std::env::current_exe().unwrap(), &path).unwrap();
        }
        path
    }

    fn options(scratch: &Path) -> Options {
        Options {
            root: scratch.to_owned(),
            out: Some(scratch.join("runs")),
            service: "stand-in".into(),
            profile: Profile::Quick,
            started: "2026-11-21T04:00:00Z".parse().unwrap(),
            host: None,
            stop: Arc::new(AtomicBool::new(false)),
        }
    }

    fn environment() -> Environment {
        let text = || "test".to_owned();
        Environment {
            schema: 1,
            started: "2026-11-21T04:00:00Z".into(),
            host: "Test host".into(),
            machine: Machine {
                cpu: text(),
                cores: 2,
                memory_mb: 1,
                kernel: text(),
                governor: text(),
                virtualisation: text(),
                clock: text(),
            },
            pinning: Pinning { server_core: 0, generator_core: 1, same_physical_core: false },
            versions: Versions { rustc: text(), go: text(), commit: text() },
            go: GoSettings {
                gomaxprocs: "1".into(),
                gogc: String::new(),
                gomemlimit: String::new(),
                goexperiment: String::new(),
            },
            variants: Vec::new(),
        }
    }

    /// Measures two stand-ins; `watch` sees each step and may ask to stop.
    fn measured(
        scratch: &Path,
        behaviours: [&str; 2],
        watch: impl Fn(&str) -> bool + Send,
    ) -> Result<Outcome> {
        let options = options(scratch);
        let [rust, go] = behaviours.map(|behaviour| stand_in(scratch, behaviour));
        let scenario = Scenario::parse(SCENARIO)?;
        let stop = Arc::clone(&options.stop);
        let mut report = move |progress: Progress| {
            assert!((0.0..=1.0).contains(&progress.share));
            if watch(&progress.text) {
                stop.store(true, Ordering::Relaxed);
            }
        };
        measure(&options, &scenario, &environment(), &Binaries { rust, go }, &mut report)
    }

    fn read_back(folder: &Path) -> Run {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let run =
            Run::parse(&read("environment.toml"), &read("samples.toml"), &read("summary.toml"));
        run.unwrap()
    }

    fn a_finished_run_can_be_read_back(scratch: &Path) {
        let outcome = measured(scratch, ["good", "good"], |_| false).unwrap();
        assert!(!outcome.interrupted);
        assert_eq!(outcome.folder.file_name().unwrap(), "2026-11-21-test-host");
        let run = read_back(&outcome.folder);
        assert_eq!(run.summary, outcome.summary);
        assert_eq!(run.summary.blocks, 3);
        // On a busy machine loads may be void; these figures never are.
        for id in [metric::COLD_START, metric::IDLE_PSS, metric::BINARY] {
            let figures = run.summary.metric(id).map(|metric| (metric.rust, metric.go));
            assert!(matches!(figures, Some((Some(_), Some(_)))), "{id}: {figures:?}");
        }
        let order: Vec<Twin> = run.samples.samples.iter().map(|sample| sample.twin).collect();
        assert_eq!(order, [Twin::Rust, Twin::Go, Twin::Go, Twin::Rust, Twin::Rust, Twin::Go]);
        let offered = |at: usize| run.samples.samples[at].loads[0].offered;
        assert_eq!(offered(0), offered(1), "both twins of a block get the same schedule");
        let log = fs::read_to_string(outcome.folder.join("histograms.hlog")).unwrap();
        assert!(log.lines().any(|line| line.starts_with("Tag=rust.1.")), "{log:.200}");
        assert!(!outcome.folder.join("service.log").exists());
        // A second run of the day gets a folder of its own.
        let again = measured(scratch, ["good", "good"], |text| text.starts_with("block 2"));
        assert_eq!(again.unwrap().folder.file_name().unwrap(), "2026-11-21-test-host-2");
    }

    fn an_interrupted_run(scratch: &Path) {
        let outcome =
            measured(scratch, ["good", "good"], |text| text.starts_with("block 3")).unwrap();
        assert!(outcome.interrupted);
        assert_eq!((outcome.summary.blocks, outcome.summary.blocks_planned), (2, 3));
        let run = read_back(&outcome.folder);
        assert_eq!((run.summary, run.samples.blocks()), (outcome.summary, 2));
    }

    fn stopped_at_once(scratch: &Path) {
        let error = measured(scratch, ["good", "good"], |text| text.starts_with("block 1"));
        assert!(error.unwrap_err().to_string().contains("interrupted"));
        assert_eq!(fs::read_dir(scratch.join("runs")).unwrap().count(), 0);
    }

    fn a_service_that_dies(scratch: &Path) {
        let error = measured(scratch, ["good", "dies"], |text| {
            if text.starts_with("block 2") {
                fs::write(scratch.join("die"), "").unwrap();
            }
            false
        });
        let error = format!("{:#}", error.unwrap_err());
        assert!(error.contains("finished blocks (1) are kept"), "{error}");
        assert!(error.contains("the go twin") && error.contains("out of cheese"), "{error}");
        let text = fs::read_to_string(scratch.join("runs/2026-11-21-test-host/summary.toml"));
        assert_eq!(Summary::parse(&text.unwrap()).unwrap().blocks, 1);
    }

    fn different_twins(scratch: &Path) {
        let error = measured(scratch, ["good", "other"], |_| false).unwrap_err().to_string();
        assert!(error.contains("answer differently"), "{error}");
        assert_eq!(fs::read_dir(scratch.join("runs")).unwrap().count(), 0);
    }

    fn outside_the_source_tree(scratch: &Path) {
        let error = bench(&options(scratch), &mut |_| ()).unwrap_err().to_string();
        assert!(error.contains("source tree") && error.contains("checkout"), "{error}");
    }
}
