//! Measures a service without the server: `bench SERVICE [--quick|--publish] [--host NAME]
//! [--out DIR]`, run inside a checkout. Finished blocks are in the run folder at any time, so
//! that Ctrl-C loses only the block at hand.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, bail};
use assay_evidence::{Profile, Summary};
use assay_harness::{Options, bench, find_root, on_stderr};

#[expect(clippy::disallowed_methods, reason = "a main program may read the clock")]
fn main() -> Result<()> {
    let here = std::env::current_dir()?;
    let mut options = Options {
        root: find_root(&here).context("this is not inside assay's source tree")?,
        out: None,
        service: String::new(),
        profile: Profile::Quick,
        started: jiff::Timestamp::now(),
        host: None,
        stop: Arc::new(AtomicBool::new(false)),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.profile = Profile::Quick,
            "--publish" => options.profile = Profile::Publish,
            "--host" => options.host = Some(arguments.next().context("--host needs a name")?),
            "--out" => options.out = Some(arguments.next().context("--out needs a folder")?.into()),
            option if option.starts_with('-') => bail!("unknown option {option}"),
            service => service.clone_into(&mut options.service),
        }
    }
    if options.service.is_empty() {
        bail!("usage: bench SERVICE [--quick|--publish] [--host NAME] [--out DIR]");
    }
    let outcome = bench(&options, &mut on_stderr())?;
    print(&outcome.summary);
    println!("\n{}", outcome.folder.display());
    Ok(())
}

fn print(summary: &Summary) {
    for metric in &summary.metrics {
        let figure = |twin: Option<assay_evidence::Figure>| {
            twin.map_or("–".into(), |f| format!("{:.4} [{:.4}, {:.4}]", f.value, f.low, f.high))
        };
        let ratio = metric.ratio.map_or("–".into(), |ratio| {
            let end = |end: Option<f64>| end.map_or("–".into(), |end| format!("{end:.3}"));
            let (low, high) = (end(ratio.low), end(ratio.high));
            format!("{:.3} [{low}, {high}] n = {}", ratio.estimate, ratio.n)
        });
        let (rust, go) = (figure(metric.rust), figure(metric.go));
        println!("{} ({}): rust {rust}, go {go}, rust/go {ratio}", metric.title, metric.unit);
    }
    for point in &summary.sweep {
        let p99 = |figures: &Option<assay_evidence::SweepFigures>| {
            figures.as_ref().map_or("–".into(), |f| {
                let void = if f.void { " void" } else { "" };
                format!("{:.0}/{:.0} µs{void}", f.p99_us.value, f.p999_us.value)
            })
        };
        let (rust, go) = (p99(&point.rust), p99(&point.go));
        println!("{:.0} requests/s: p99/p99.9 rust {rust}, go {go}", point.rate_rps);
    }
    for gate in &summary.gates {
        println!(
            "{}: {} of {} failed, worst {:.4}",
            gate.title, gate.failed, gate.checked, gate.worst
        );
    }
    for void in &summary.voids {
        println!("void: block {} {} at {}: {}", void.block, void.twin, void.rate_rps, void.why);
    }
}
