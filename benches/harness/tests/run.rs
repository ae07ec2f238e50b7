//! Whole runs against stand-in services: this program itself, linked under the name of how it is
//! to behave. Needs Linux and two cores.

#[cfg(target_os = "linux")]
mod stand_in;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    if std::env::args().any(|argument| argument == "--listen") {
        return stand_in::serve();
    }
    if std::env::args().any(|argument| argument == "--bench-here") {
        return tests::bench_here();
    }
    if std::env::args().any(|argument| argument == "--measure-here") {
        return tests::measure_here();
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
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use anyhow::Result;
    use assay_evidence::{
        Environment, GoSettings, Machine, Pinning, Profile, Run, Summary, Twin, Versions, Work,
        metric,
    };
    use assay_harness::{
        Binaries, LoadOptions, Options, Outcome, Progress, Scenario, Schedule, bench, encode, load,
        measure, scenarios,
    };

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

    /// An A/A variant and one with other settings at run time.
    const VARIANTS: &str = r#"
        [[variant]]
        id = "rust-again"
        language = "rust"
        kind = "again"
        label = "The same once more"
        why = "noise"
        [[variant]]
        id = "go-other"
        language = "go"
        kind = "runtime"
        label = "With other settings"
        why = "cause"
        env = { STAND_IN = "seen" }
        args = ["--more"]
    "#;

    /// A test, given a folder of its own.
    type Test = fn(&Path);

    pub(super) fn run() -> Result<()> {
        let cores = std::thread::available_parallelism()?.get();
        if cores < 2 {
            println!("skipped: whole runs, because this process may use one core only");
            return required();
        }
        let tests: [(&str, Test); 27] = [
            ("a finished run can be read back", a_finished_run_can_be_read_back),
            ("an interrupted run keeps its finished blocks", an_interrupted_run),
            ("a run stopped before its first block leaves nothing", stopped_at_once),
            ("a service that dies is named and its blocks are kept", a_service_that_dies),
            ("twins that answer differently are not timed", different_twins),
            ("outside the source tree it says so", outside_the_source_tree),
            ("variants run in the same blocks, in a balanced order", variants_in_every_block),
            ("a variant that answers differently is not timed", a_different_variant),
            ("Ctrl-C keeps whole blocks with their variants", an_interrupted_run_with_variants),
            ("a service that lags makes void loads that are kept", a_service_that_lags),
            ("a service that never listens is said to", a_service_that_never_listens),
            ("resident state is built first, and a refusal is named", resident_state),
            ("the collector's trace lands on the load's clock", the_collectors_trace),
            ("a folder that cannot be written is said early", an_unwritable_folder),
            ("with one core it says so", with_one_core),
            ("without Go it says so before anything is built", without_go),
            ("a stop during a build ends it and begins no other", stopped_during_a_build),
            ("a full disk is said and keeps the finished blocks", a_full_disk),
            ("broken scenarios are refused with what is allowed", broken_scenarios),
            ("the committed scenarios and their bodies can be read", committed_scenarios),
            ("a load can be made against any address", a_load_by_itself),
            ("a cache is filled, loaded in pipelines, traced and emptied", a_cache),
            ("a wrong answer of a cache is an error", a_cache_that_lies),
            ("broken scenarios of a cache are refused", broken_caches),
            ("events are stored and asked about beside others", questions),
            ("events are taken in, counted one by one", taking_in),
            ("broken scenarios of analytics are refused", broken_analytics),
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
        measured_as(scratch, SCENARIO, behaviours, &[], watch)
    }

    /// The same with a scenario's text and the stand-ins of its variants that are binaries of
    /// their own.
    fn measured_as(
        scratch: &Path,
        scenario: &str,
        behaviours: [&str; 2],
        variants: &[(&str, &str)],
        watch: impl Fn(&str) -> bool + Send,
    ) -> Result<Outcome> {
        let options = options(scratch);
        let [rust, go] = behaviours.map(|behaviour| stand_in(scratch, behaviour));
        let variants = variants
            .iter()
            .map(|(id, behaviour)| ((*id).to_owned(), stand_in(scratch, behaviour)))
            .collect();
        let scenario = Scenario::parse(scenario)?;
        let stop = Arc::clone(&options.stop);
        let mut report = move |progress: Progress| {
            assert!((0.0..=1.0).contains(&progress.share));
            if watch(&progress.text) {
                stop.store(true, Ordering::Relaxed);
            }
        };
        measure(&options, &scenario, &environment(), &Binaries { rust, go, variants }, &mut report)
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
        assert_eq!(outcome.folder.file_name().unwrap(), "2026-11-21-test-host-stand-in");
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
        assert_eq!(again.unwrap().folder.file_name().unwrap(), "2026-11-21-test-host-stand-in-2");
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
        let text =
            fs::read_to_string(scratch.join("runs/2026-11-21-test-host-stand-in/summary.toml"));
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

    fn variants_in_every_block(scratch: &Path) {
        let scenario = format!("{SCENARIO}{VARIANTS}");
        let outcome = measured_as(scratch, &scenario, ["good", "good"], &[], |_| false).unwrap();
        let run = read_back(&outcome.folder);
        assert_eq!(run.summary.blocks, 3);
        let order = |block: u32| -> Vec<String> {
            let mut samples: Vec<_> =
                run.samples.samples.iter().filter(|sample| sample.block == block).collect();
            samples.sort_by_key(|sample| sample.position);
            let name = |sample: &&assay_evidence::Sample| {
                sample.variant.clone().unwrap_or_else(|| sample.twin.to_string())
            };
            samples.iter().map(name).collect()
        };
        assert_eq!(order(1), ["rust", "go", "go-other", "rust-again"]);
        assert_eq!(order(2), ["rust-again", "go-other", "go", "rust"]);
        assert_ne!(order(3), order(1));
        let again = run.summary.variant("rust-again").unwrap();
        assert!(again.metric(metric::COLD_START).is_some_and(|metric| metric.ratio.is_some()));
        assert!(again.metric(metric::PSS_PER_CONNECTION).is_none(), "only twins are weighed");
        assert!(run.summary.noise_factor(metric::COLD_START).is_some_and(|noise| noise >= 1.0));
        let whose = |twin: Twin, variant: Option<&str>| {
            let found =
                run.summary.timelines.iter().filter(|timeline| {
                    timeline.twin == twin && timeline.variant.as_deref() == variant
                });
            found.count()
        };
        assert_eq!(run.summary.timelines.len(), 4);
        assert_eq!((whose(Twin::Go, Some("go-other")), whose(Twin::Rust, None)), (1, 1));
        // Settings reach the process: the stand-in notes what it was given.
        let given = fs::read_to_string(scratch.join("given")).unwrap();
        assert!(given.lines().any(|line| line == "seen --threads 1 --more"), "{given}");
        assert!(given.lines().any(|line| line == " --threads 1"), "{given}");
        let log = fs::read_to_string(outcome.folder.join("histograms.hlog")).unwrap();
        assert!(log.lines().any(|line| line.starts_with("Tag=go-other.1.")), "{log:.200}");
    }

    const FLOOR: &str = r#"
        [[variant]]
        id = "floor"
        language = "rust"
        kind = "floor"
        label = "A floor"
        why = "what the kernel costs"
        build = { package = "floor" }
    "#;

    fn a_different_variant(scratch: &Path) {
        let scenario = format!("{SCENARIO}{FLOOR}");
        let error =
            measured_as(scratch, &scenario, ["good", "good"], &[("floor", "other")], |_| false);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("the variant floor answer differently"), "{error}");
        let outcome =
            measured_as(scratch, &scenario, ["good", "good"], &[("floor", "good")], |_| false);
        assert_eq!(outcome.unwrap().summary.blocks, 3);
    }

    fn an_interrupted_run_with_variants(scratch: &Path) {
        let scenario = format!("{SCENARIO}{VARIANTS}");
        let outcome = measured_as(scratch, &scenario, ["good", "good"], &[], |text| {
            text == "block 2 of 3: rust-again"
        });
        let outcome = outcome.unwrap();
        assert!(outcome.interrupted);
        let run = read_back(&outcome.folder);
        assert_eq!((run.summary.blocks, run.samples.samples.len()), (1, 4));
        assert!(run.summary.notes.iter().any(|note| note.contains("1 of 3")));
    }

    fn a_service_that_lags(scratch: &Path) {
        let outcome = measured(scratch, ["good", "lags"], |text| {
            if text.starts_with("block 2") {
                fs::write(scratch.join("lag"), "").unwrap();
            }
            false
        });
        let summary = read_back(&outcome.unwrap().folder).summary;
        assert_eq!(summary.blocks, 3);
        let void = summary.voids.iter().find(|void| void.block == 2 && void.twin == Twin::Go);
        let why = &void.expect("a lagging load is void").why;
        assert!(why.contains("of the schedule was answered within it"), "{why}");
        // Its figures are kept, though they do not count. Which twin is faster, and so has a rate
        // of its own, is up to the machine.
        let kept = summary.sweep.iter().filter_map(|point| point.go.as_ref());
        assert!(kept.clone().count() >= 2 && kept.clone().all(|figures| figures.blocks > 0));
    }

    fn a_service_that_never_listens(scratch: &Path) {
        let error = format!("{:#}", measured(scratch, ["good", "mute"], |_| false).unwrap_err());
        assert!(error.contains("the go twin") && error.contains("listening on ADDR"), "{error}");
        assert!(error.contains("still thinking"), "{error}");
        let error = format!("{:#}", measured(scratch, ["babbles", "good"], |_| false).unwrap_err());
        assert!(error.contains("the rust twin") && error.contains("\"hello there\""), "{error}");
        assert_eq!(fs::read_dir(scratch.join("runs")).unwrap().count(), 0);
    }

    fn resident_state(scratch: &Path) {
        let preload = r#"
            [preload]
            method = "PUT"
            path = "/documents/{n}"
            text = "hello"
            count = 2500
        "#;
        let scenario = format!("{SCENARIO}{preload}");
        let outcome = measured_as(scratch, &scenario, ["good", "good"], &[], |_| false).unwrap();
        let resident = outcome.summary.metric(metric::RESIDENT_PSS).unwrap();
        assert!(resident.rust.is_some() && resident.go.is_some());
        let refusing = format!("{SCENARIO}{}", preload.replace("count", "expect = 201\ncount"));
        let error = measured_as(scratch, &refusing, ["good", "good"], &[], |_| false).unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("building the resident state, 0 of 2500"), "{error}");
        assert!(error.contains("answered with status 200"), "{error}");
    }

    fn the_collectors_trace(scratch: &Path) {
        let scenario = SCENARIO.replace("seed = 1", "seed = 1\ngc_trace = true");
        let outcome =
            measured_as(scratch, &scenario, ["good", "collects"], &[], |_| false).unwrap();
        let run = read_back(&outcome.folder);
        let go = run.samples.samples.iter().filter(|sample| sample.twin == Twin::Go);
        for sample in go {
            let gc = sample.gc.as_ref().unwrap();
            // One every 20 ms for 0.3 s, on a machine that may be busy.
            assert!((5..=20).contains(&gc.cycles), "{gc:?}");
            assert_eq!(gc.pause_us_max, Some(300.0));
        }
        assert!(run.samples.samples.iter().all(|s| s.twin == Twin::Go || s.gc.is_none()));
        let timeline = run.summary.timelines.iter().find(|line| line.twin == Twin::Go).unwrap();
        let within = timeline.collections.iter().all(|one| (0.0..=300.0).contains(&one.start_ms));
        assert!(within && timeline.collections.len() >= 5, "{timeline:?}");
    }

    fn an_unwritable_folder(scratch: &Path) {
        let file = scratch.join("file");
        fs::write(&file, "in the way").unwrap();
        let root = source_tree(scratch, SCENARIO);
        let options = Options { root, out: Some(file.join("runs")), ..options(scratch) };
        let error = format!("{:#}", bench(&options, &mut |_| ()).unwrap_err());
        assert!(error.contains("cannot make") && error.contains("file/runs"), "{error}");
    }

    /// Something that passes for the source tree, with one scenario.
    fn source_tree(scratch: &Path, scenario: &str) -> std::path::PathBuf {
        let root = scratch.join("tree");
        fs::create_dir_all(root.join("reference-services")).unwrap();
        fs::create_dir_all(root.join("benches/scenarios")).unwrap();
        fs::write(root.join("benches/scenarios/stand-in.toml"), scenario).unwrap();
        root
    }

    fn with_one_core(scratch: &Path) {
        let root = source_tree(scratch, SCENARIO);
        let options = Options { root, ..options(scratch) };
        // Only the thread that asks is kept to one core.
        let error = std::thread::spawn(move || {
            let mut set = rustix::thread::CpuSet::new();
            let all = rustix::thread::sched_getaffinity(None).unwrap();
            let first = (0..rustix::thread::CpuSet::MAX_CPU).find(|core| all.is_set(*core));
            set.set(first.unwrap());
            rustix::thread::sched_setaffinity(None, &set).unwrap();
            format!("{:#}", bench(&options, &mut |_| ()).unwrap_err())
        });
        let error = error.join().unwrap();
        assert!(error.contains("two cores") && error.contains("may use one"), "{error}");
    }

    /// `--bench-here ROOT`: measures a source tree and prints why it cannot; asked to stop once
    /// there is a file `stop` beside the tree.
    pub(super) fn bench_here() -> Result<()> {
        let root = std::env::args().next_back().unwrap();
        let scratch = Path::new(&root).parent().unwrap().to_owned();
        let options = Options { root: root.into(), ..options(&scratch) };
        let stop = Arc::clone(&options.stop);
        std::thread::spawn(move || {
            while !scratch.join("stop").exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            stop.store(true, Ordering::Relaxed);
        });
        bench(&options, &mut |progress| println!("{}", progress.text)).map(|_| ())
    }

    /// `--measure-here SCRATCH`: measures two stand-ins and prints why it cannot; from the second
    /// block on no file may grow beyond the histograms of the first.
    pub(super) fn measure_here() -> Result<()> {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let scratch = std::env::args().next_back().unwrap();
        let log = Path::new(&scratch).join("runs/2026-11-21-test-host-stand-in/histograms.hlog");
        let watch = move |text: &str| {
            if text.starts_with("block 2") {
                let full = Some(fs::metadata(&log).unwrap().len());
                setrlimit(Resource::Fsize, Rlimit { current: full, maximum: full }).unwrap();
            }
            false
        };
        measured(Path::new(&scratch), ["good", "good"], watch).map(|_| ())
    }

    /// A folder with a tool of each name that does what the script says.
    fn tools(scratch: &Path, scripts: &[(&str, &str)]) -> std::path::PathBuf {
        let tools = scratch.join("tools");
        fs::create_dir(&tools).unwrap();
        for (tool, script) in scripts {
            let path = tools.join(tool);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        tools
    }

    /// The first build, of Rust, starts a compiler that would take all day and ignores Ctrl-C.
    fn stopped_during_a_build(scratch: &Path) {
        let root = source_tree(scratch, SCENARIO);
        let cargo = r#"
            case "$1" in
            metadata) echo '{"target_directory":"'"$PWD"'/target"}' ;;
            build)
                echo "cargo $*" >> ../builds
                sleep 86400 & echo $! > ../compiler
                touch ../stop
                wait ;;
            esac"#;
        let go = r#"[ "$1" = build ] && echo "go $*" >> ../../../../builds; echo go1.26"#;
        let tools = tools(scratch, &[("cargo", cargo), ("rustc", "echo rustc"), ("go", go)]);
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .arg("--bench-here")
            .arg(&root)
            .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(error.lines().next(), Some("Error: interrupted"), "{error}");
        let builds = fs::read_to_string(scratch.join("builds")).unwrap();
        assert_eq!(builds.lines().count(), 1, "no other build begins: {builds}");
        let compiler = fs::read_to_string(scratch.join("compiler")).unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", compiler.trim()));
        // Nobody may be there to reap it yet.
        let gone = status.as_deref().map_or(true, |text| text.contains("State:\tZ"));
        assert!(gone, "what the build started ends with it: {status:?}");
        assert_eq!(fs::read_dir(scratch.join("runs")).unwrap().count(), 0);
    }

    /// What a full disk does: a write fails in the second of three blocks. By default a process is
    /// killed for it, so the shell has that signal ignored.
    fn a_full_disk(scratch: &Path) {
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .arg("--measure-here")
            .arg(scratch)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{output:?}");
        assert!(error.contains("the finished blocks (1) are kept in"), "{error}");
        assert!(error.contains("cannot write") && error.contains("histograms.hlog"), "{error}");
        assert!(error.contains("File too large"), "{error}");
        let folder = scratch.join("runs/2026-11-21-test-host-stand-in");
        let run = read_back(&folder);
        assert_eq!((run.summary.blocks, run.samples.blocks()), (1, 1));
        let log = fs::read_to_string(folder.join("histograms.hlog")).unwrap();
        assert!(log.ends_with('\n'), "no histogram is cut off");
    }

    fn without_go(scratch: &Path) {
        let root = source_tree(scratch, SCENARIO);
        let tools = tools(scratch, &[("cargo", "exit 0"), ("rustc", "exit 0")]);
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .arg("--bench-here")
            .arg(&root)
            .env("PATH", &tools)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("Go is not installed"), "{error}");
        assert!(output.stdout.is_empty(), "nothing is built before: {output:?}");
    }

    fn broken_scenarios(scratch: &Path) {
        let fails = |text: &str| format!("{:#}", Scenario::parse(text).unwrap_err());
        let with = |variant: &str| {
            format!(
                "{SCENARIO}[[variant]]\nid = \"x\"\nlanguage = \"go\"\nlabel = \"x\"\nwhy = \"x\"\n{variant}"
            )
        };
        for (text, says) in [
            (with("kind = \"again\"\nenv = { GOGC = \"off\" }"), "same binary run the same way"),
            (with("kind = \"runtime\"\nbuild = {}"), "drop build"),
            (with("kind = \"floor\""), "name its build"),
            (with("kind = \"tuning\"\nbuild = { features = [\"a\"] }"), "features are for Rust"),
            (with("kind = \"faster\""), "again"),
            (SCENARIO.replace("method = \"POST\"", "expect = 99, method = \"POST\""), "200 to 599"),
            (SCENARIO.replace("method = \"POST\"", "text = \"x\", method = \"POST\""), "give one"),
            (SCENARIO.replace("path = \"/\"", "path = \"x\""), "begins with /"),
            (SCENARIO.replace("half = 0.01", "half = 1.5"), "between 0 and 1"),
            (SCENARIO.replace("load = {", "load = { schedule = \"random\","), "poisson"),
            (SCENARIO.replace("seed = 1", "sede = 1"), "line 8"),
        ] {
            let error = fails(&text);
            assert!(error.contains(says), "{says:?} is not in: {error}");
        }
        let list = SCENARIO.replace("request = {", "request = [{").replace(
            "\"body.txt\" }",
            "\"body.txt\" }, { method = \"GET\", path = \"/a/{n}\", expect = [200, 304] }]",
        );
        assert_eq!(Scenario::parse(&list).unwrap().requests.len(), 2);
        // A file is named after its id, and a broken one is named.
        let root = source_tree(scratch, SCENARIO);
        assert_eq!(scenarios(&root).unwrap().len(), 1);
        let error = Scenario::find(&root, "nothing").unwrap_err().to_string();
        assert!(error.contains("\"nothing\"") && error.contains("scenarios: stand-in"), "{error}");
        fs::write(root.join("benches/scenarios/other.toml"), "schema = ").unwrap();
        let error = format!("{:#}", scenarios(&root).unwrap_err());
        assert!(error.contains("other.toml") && error.contains("line 1"), "{error}");
    }

    fn committed_scenarios(_: &Path) {
        let root = assay_harness::find_root(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let all = scenarios(&root).unwrap();
        assert_eq!(Scenario::find(&root, "fastjson-api").unwrap().id, "json-quotes");
        for scenario in &all {
            let preload = scenario.preload.iter().filter_map(|preload| preload.body.clone());
            let bodies = scenario.requests.iter().filter_map(|request| request.body.clone());
            for body in bodies.chain(preload) {
                assert!(root.join(&body).is_file(), "{}: no {}", scenario.id, body.display());
            }
            // Six blocks are the fewest with an interval.
            assert!(scenario.quick.blocks >= 6 && scenario.publish.blocks >= 10, "{}", scenario.id);
        }
    }

    fn a_load_by_itself(scratch: &Path) {
        let mut service = std::process::Command::new(stand_in(scratch, "good"))
            .args(["--listen", "127.0.0.1:0"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = service.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let options = LoadOptions {
            addr: line.trim().strip_prefix("listening on ").unwrap().parse().unwrap(),
            request: encode("POST", "/", &[("Content-Type", "text/plain")], Some(b"hello")),
            expect: 200,
            schedule: Schedule::Constant,
            seed: 0,
            rate_rps: 500.0,
            seconds: 0.4,
            connections: 8,
            core: None,
        };
        let seen = load(&options, &AtomicBool::new(false));
        let refused = load(&LoadOptions { expect: 201, ..options }, &AtomicBool::new(false));
        service.kill().unwrap();
        service.wait().unwrap();
        let seen = seen.unwrap();
        assert_eq!((seen.offered, seen.completed, seen.errors), (200, 200, 0));
        assert!(seen.latency.p50 > 0.0 && seen.latency.p50 <= seen.latency.p99);
        assert_eq!(refused.unwrap().errors, 200);
    }

    const CACHE: &str = r#"
        schema = 1
        id = "stand-in"
        title = "A stand-in"
        service = "stand-in"
        workload = "cache"
        protocol = "resp"
        resident_state = "small"
        seed = 1
        p99_limit_ms = 1000.0
        command = [
            { command = ["GET", "{key}"], expect = "value", share = 3 },
            { command = ["SET", "{key}", "{value}"], expect = "ok" },
        ]
        data = { keys = 1_000, key_bytes = 16, value_bytes = 64, draw = { zipf = 0.9 }, flush_s = 0.1 }
        trace = [{ id = "loop", keys = 100, reads = 1_000 }]
        load = { connections = 4, capacity_connections = 4, pipeline = 8, half = 0.05 }
        quick = { blocks = 2, warm_up_s = 0.05, half_s = 0.3, sweep_s = 0.1, capacity_s = 0.2 }
        publish = { blocks = 10, warm_up_s = 1.0, half_s = 1.0, sweep_s = 1.0, capacity_s = 1.0 }
        [[variant]]
        id = "elsewhere"
        kind = "other"
        label = "A program of others"
        why = "to stand beside"
        program = { binary = "elsewhere", from = "nowhere", version = [], protocol = "resp", args = ["--listen", "127.0.0.1:{port}"] }
    "#;

    /// A cache and one that may lie, beside a program of others.
    fn measured_cache(
        scratch: &Path,
        scenario: &str,
        go: &str,
        watch: impl Fn(&str) -> bool + Send,
    ) -> Result<Run> {
        let others = [("elsewhere", "cache")];
        let outcome = measured_as(scratch, scenario, ["cache", go], &others, watch)?;
        Ok(read_back(&outcome.folder))
    }

    fn a_cache(scratch: &Path) {
        let Run { samples, summary, .. } =
            measured_cache(scratch, CACHE, "cache", |_| false).unwrap();
        assert_eq!((summary.work, summary.pipeline, samples.samples.len()), (Work::Command, 8, 6));
        for sample in &samples.samples {
            let load = &sample.loads[0];
            assert_eq!((load.errors, load.offered % 8), (0, 0), "counts are of commands");
            assert_eq!(load.completed, load.offered);
            // 1,000 keys of 100 bytes and what a process of one core needs to answer 8 at a time.
            assert_eq!(sample.entries, Some(1_000));
            assert!(sample.resident_rss_kib.unwrap() >= sample.resident_pss_kib.unwrap());
            assert!(sample.flushed_pss_kib.is_some());
            // Nothing is ever dropped: only the first round of the loop misses.
            let [hits] = sample.hits.as_slice() else { panic!("{:?}", sample.hits) };
            assert_eq!((hits.reads, hits.hits), (1_000, 900));
        }
        let other = summary.variant("elsewhere").unwrap();
        let memory = other.metric(metric::RSS_PER_ENTRY).unwrap();
        assert!(memory.ratio.is_none() && memory.rust_over.is_some() && memory.go_over.is_some());
        let cpu = summary.metric(metric::CPU).map(|cpu| cpu.title.clone());
        // On a busy machine the half loads may be void.
        assert!(cpu.is_none_or(|title| title == "CPU time per command, pipelines of 8"));
        assert!(summary.metric(metric::HITS_LOOP).is_some_and(|hits| hits.rust.is_some()));
        let given = fs::read_to_string(scratch.join("given")).unwrap();
        assert!(given.lines().any(|line| line.trim().is_empty()), "its own arguments: {given}");
    }

    fn a_cache_that_lies(scratch: &Path) {
        let trace = r#"trace = [{ id = "loop", keys = 100, reads = 1_000 }]"#;
        assert!(CACHE.contains(trace));
        let untraced = CACHE.replace(trace, "");
        let run = measured_cache(scratch, &untraced, "lying-cache", |text| {
            if text.starts_with("block 1") {
                fs::write(scratch.join("lie"), "").unwrap();
            }
            false
        });
        let run = run.unwrap();
        let go = run.samples.samples.iter().filter(|sample| sample.twin == Twin::Go);
        for load in go.flat_map(|sample| &sample.loads) {
            // Three of four commands read, and every tenth read is wrong.
            let share = load.errors as f64 / load.offered as f64;
            assert!((0.05..0.1).contains(&share), "{share}");
            assert_eq!(load.errors + load.completed, load.offered);
        }
        let why = run.summary.voids.iter().find(|void| void.twin == Twin::Go);
        assert!(why.is_some_and(|void| void.why.contains("of the requests failed")));
        assert!(run.summary.metric(metric::CPU).is_none_or(|cpu| cpu.go.is_none()));
        // What is tried before anything is timed must hold, or nothing is measured.
        let error = measured_cache(scratch, CACHE, "lying-cache", |_| false);
        let error = format!("{:#}", error.unwrap_err());
        assert!(error.contains("the go twin") && error.contains("with the value"), "{error}");
    }

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

    fn questions(scratch: &Path) {
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
        let data = outcome.folder.join("data-").display().to_string();
        assert!(given.contains(&format!(" --threads 2 --data {data}")), "{given}");
        assert!(given.lines().any(|line| line == " --threads 2 --more"), "{given}");
        let left = fs::read_dir(&outcome.folder).unwrap().flatten();
        let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("data-"));
        assert_eq!(left.count(), 0, "data folders go with their services");
        let other =
            measured_as(scratch, ANALYTICS, ["events", "lying-events"], &ELSEWHERE, |_| false);
        let error = format!("{:#}", other.unwrap_err());
        assert!(error.contains("the rust twin and the go twin answer differently"), "{error}");
        assert!(error.contains("[[\"all\",20000]]\n[[\"all\",20001]]"), "{error}");
    }

    fn taking_in(scratch: &Path) {
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
        let outcome =
            measured_as(scratch, &scenario, ["events", "events"], &[], |_| false).unwrap();
        let Run { samples, summary, .. } = read_back(&outcome.folder);
        assert_eq!((summary.work, summary.pipeline), (Work::Event, 50));
        for sample in &samples.samples {
            let load = &sample.loads[0];
            assert_eq!((load.errors, load.offered % 50, sample.entries), (0, 0, None));
            assert_eq!(load.completed, load.offered);
        }
        let capacity = summary.metric(metric::CAPACITY);
        assert!(
            capacity.is_none_or(|it| it.unit == "events/s" && it.title.contains("batches of 50"))
        );
    }

    const SECONDS: &str = ", warm_up_s = 0.05, half_s = 0.3, sweep_s = 0.1, capacity_s = 0.2";

    fn broken_analytics(_: &Path) {
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

    fn broken_caches(_: &Path) {
        let fails = |from: &str, to: &str, says: &str| {
            let error = format!("{:#}", Scenario::parse(&CACHE.replace(from, to)).unwrap_err());
            assert!(error.contains(says), "{says:?} is not in: {error}");
        };
        fails("protocol = \"resp\"\n        resident", "resident", "[data] needs protocol");
        fails("pipeline = 8", "pipeline = 0", "load.pipeline is 0, but must be 1 to 1000");
        fails("key_bytes = 16", "key_bytes = 8", "must be 14 to 250");
        fails("value_bytes = 64", "value_bytes = 8", "a value begins with its key");
        fails("zipf = 0.9", "zipf = 9", "exponent is 9");
        fails("expect = \"ok\"", "expect = \"fine\"", "value_or_nothing");
        fails("kind = \"other\"", "kind = \"again\"", "kind other has a program");
        fails("127.0.0.1:{port}", "127.0.0.1:80", "args must say {port}");
        fails("id = \"loop\"", "id = \"scan\"", "scan_every and scan_keys");
        fails("\"GET\", \"{key}\"", "\"GET x\"", "printable ASCII without spaces");
    }
}
