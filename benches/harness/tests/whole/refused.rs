//! What keeps a run from beginning, or ends it: tools, folders, disks and broken scenarios.

use super::*;

pub(super) fn outside_the_source_tree(scratch: &Path) {
    let error = bench(&options(scratch), &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("source tree") && error.contains("checkout"), "{error}");
}

pub(super) fn an_unwritable_folder(scratch: &Path) {
    let file = scratch.join("file");
    fs::write(&file, "in the way").unwrap();
    let root = source_tree(scratch, SCENARIO);
    let options = Options { root, out: Some(file.join("runs")), ..options(scratch) };
    let error = format!("{:#}", bench(&options, &mut |_| ()).unwrap_err());
    assert!(error.contains("cannot make") && error.contains("file/runs"), "{error}");
}

/// Something that passes for the source tree, with one scenario.
pub(super) fn source_tree(scratch: &Path, scenario: &str) -> std::path::PathBuf {
    let root = scratch.join("tree");
    fs::create_dir_all(root.join("reference-services")).unwrap();
    fs::create_dir_all(root.join("benches/scenarios")).unwrap();
    fs::write(root.join("benches/scenarios/stand-in.toml"), scenario).unwrap();
    root
}

pub(super) fn with_one_core(scratch: &Path) {
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
pub(crate) fn bench_here() -> Result<()> {
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
pub(crate) fn measure_here() -> Result<()> {
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
pub(super) fn tools(scratch: &Path, scripts: &[(&str, &str)]) -> std::path::PathBuf {
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
pub(super) fn stopped_during_a_build(scratch: &Path) {
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
pub(super) fn a_full_disk(scratch: &Path) {
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

pub(super) fn without_go(scratch: &Path) {
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

pub(super) fn broken_scenarios(scratch: &Path) {
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

pub(super) fn committed_scenarios(_: &Path) {
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
