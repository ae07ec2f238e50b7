//! Measures two binaries as the twins of a scenario, beside its other programs, and prints what
//! came of it: for a look at a change to one of them before it is measured for good.
//!
//! ```text
//! cargo run --release -p assay-harness --example pair -- SCENARIO RUST GO [--blocks N] [--out DIR]
//! ```
//! Nothing is built and no contract is checked. The two may be one binary before and after a change.

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("measuring needs Linux: it pins processes to cores");
}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use anyhow::{Context as _, Result, bail};
    use assay_evidence::{
        Environment, Figure, GoSettings, Machine, Pinning, Profile, Ratio, Summary, Twin, Versions,
    };
    use assay_harness::{Binaries, Options, Scenario, find_root, measure, on_stderr};

    const PROGRAMS: [&str; 2] = ["/usr/bin", "/usr/sbin"];
    const USAGE: &str = "usage: pair SCENARIO RUST GO [--blocks N] [--out DIR]";

    pub(super) fn main() -> Result<()> {
        let mut arguments = std::env::args().skip(1);
        let mut next = || arguments.next().context(USAGE);
        let root = find_root(&std::env::current_dir()?).context("run it inside a checkout")?;
        let mut scenario = Scenario::find(&root, &next()?)?;
        let (rust, go) = (PathBuf::from(next()?), PathBuf::from(next()?));
        let mut out = std::env::temp_dir().join("assay-pair");
        while let Some(name) = arguments.next() {
            let value = arguments.next().with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--blocks" => scenario.quick.blocks = value.parse().context("--blocks N")?,
                "--out" => out = PathBuf::from(value),
                _ => bail!("unknown option {name}\n{USAGE}"),
            }
        }
        let others = scenario.variants.iter().filter_map(|variant| {
            let program = variant.program.as_ref()?;
            let own = program.binary.contains('/');
            let folders = if own { vec![root.as_path()] } else { PROGRAMS.map(Path::new).to_vec() };
            let mut paths = folders.into_iter().map(|folder| folder.join(&program.binary));
            Some((variant.id.clone(), paths.find(|path| path.is_file())?))
        });
        let variants: BTreeMap<String, PathBuf> =
            others.filter(|(_, path)| path.is_file()).collect();
        // Nothing is built: what needs a build of its own stays out.
        scenario.variants.retain(|it| {
            it.build.is_none() && (it.program.is_none() || variants.contains_key(&it.id))
        });
        let options = Options {
            root,
            out: Some(out),
            service: scenario.id.clone(),
            profile: Profile::Quick,
            started: "2000-01-01T00:00:00Z".parse()?,
            host: None,
            stop: Arc::default(),
        };
        let beside = |place: &str, name: &str| rust.parent().map(|it| it.join(place).join(name));
        let behind = scenario.behind.iter().filter_map(|plan| {
            let name = plan.binary.as_ref().unwrap_or(&plan.service);
            let place = if plan.language == Twin::Rust { "" } else { "../go" };
            Some((plan.key(), beside(place, name)?))
        });
        let behind = behind.collect();
        let binaries = Binaries { rust, go, variants, behind };
        let outcome = measure(&options, &scenario, &environment()?, &binaries, &mut on_stderr())?;
        print(&outcome.summary);
        println!("\n{}", outcome.folder.display());
        Ok(())
    }

    fn environment() -> Result<Environment> {
        let text = || "unknown".to_owned();
        let cores = std::thread::available_parallelism()?.get();
        let generator_core = u32::try_from(cores)?.checked_sub(1).context("no core")?;
        Ok(Environment {
            schema: assay_evidence::SCHEMA,
            started: "2000-01-01T00:00:00Z".into(),
            host: "pair".into(),
            machine: Machine {
                cpu: text(),
                cores: u32::try_from(cores)?,
                memory_mb: 0,
                kernel: text(),
                governor: text(),
                virtualisation: text(),
                clock: text(),
            },
            pinning: Pinning { server_core: 0, generator_core, same_physical_core: false },
            versions: Versions { rustc: text(), go: text(), commit: text() },
            go: GoSettings {
                gomaxprocs: "1".into(),
                gogc: String::new(),
                gomemlimit: String::new(),
                goexperiment: String::new(),
            },
            variants: Vec::new(),
        })
    }

    fn print(summary: &Summary) {
        for metric in &summary.metrics {
            let least = if metric.at_least { " (at least)" } else { "" };
            println!("\n{} [{}]{least}", metric.title, metric.unit);
            println!("  {:12} {}", "rust", figure(metric.rust));
            println!("  {:12} {}   rust ÷ go {}", "go", figure(metric.go), ratio(metric.ratio));
            for variant in &summary.variants {
                let Some(own) = variant.metric(&metric.id) else { continue };
                let ratios = match own.ratio {
                    Some(_) => format!("÷ its twin {}", ratio(own.ratio)),
                    None => format!(
                        "rust ÷ it {}, go ÷ it {}",
                        ratio(own.rust_over),
                        ratio(own.go_over)
                    ),
                };
                let least = if own.at_least { " (at least)" } else { "" };
                println!("  {:12} {}{least}   {ratios}", variant.id, figure(own.figure));
            }
        }
        for void in &summary.voids {
            let who = void.variant.clone().unwrap_or_else(|| void.twin.to_string());
            println!("void: block {} {who} at {}/s: {}", void.block, void.rate_rps, void.why);
        }
    }

    fn figure(figure: Option<Figure>) -> String {
        figure.map_or("–".into(), |it| format!("{:.4} [{:.4}, {:.4}]", it.value, it.low, it.high))
    }

    fn ratio(ratio: Option<Ratio>) -> String {
        ratio.map_or("–".into(), |it| match it.low.zip(it.high) {
            Some((low, high)) => format!("{:.3} [{low:.3}, {high:.3}]", it.estimate),
            None => format!("{:.3} ({} pairs)", it.estimate, it.n),
        })
    }
}
