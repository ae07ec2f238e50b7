//! `assay bench`: measures a reference service's twins on this machine.

use std::{
    env,
    io::{self, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use assay_evidence::{Figure, Profile, Summary};
use assay_harness::{Options, Outcome, bench, expected, find_root, on_stderr, scenarios};
use clap::Args;
use tokio::{signal, task};

use super::{Context, Failure, write_json};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The reference service, or one of its scenarios
    #[arg(default_value = "fastjson-api")]
    service: String,
    /// A minute or two: does this machine behave as the shipped run says? (the default)
    #[arg(long, conflicts_with = "publish")]
    quick: bool,
    /// Enough blocks and the build times: fit to be committed
    #[arg(long)]
    publish: bool,
    /// List the scenarios with the minutes each takes, and measure nothing
    #[arg(long)]
    list: bool,
    /// What to call this machine in the run's name; its processor and cores by default
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Print the run's summary as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let here = env::current_dir()
        .map_err(|error| Failure::CannotRun(format!("the current folder is gone: {error}")))?;
    let root = find_root(&here).ok_or_else(|| {
        Failure::CannotRun(
            "measuring builds the reference services, so it needs assay's source tree\n\
             Run it inside a checkout of assay"
                .to_owned(),
        )
    })?;
    if arguments.list {
        return list(&root, arguments.json, out);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let options = Options {
        root,
        out: context.settings.runs.clone(),
        service: arguments.service.clone(),
        profile: if arguments.publish { Profile::Publish } else { Profile::Quick },
        started: (context.surroundings.clock)(),
        host: arguments.host.clone(),
        stop: Arc::clone(&stop),
    };
    let interrupt = task::spawn(async move {
        if signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    let measured = task::spawn_blocking(move || bench(&options, &mut on_stderr())).await;
    interrupt.abort();
    let outcome = measured
        .map_err(|error| Failure::CannotRun(format!("measuring broke off: {error}")))?
        .map_err(|error| Failure::CannotRun(format!("{error:#}")))?;
    show(&outcome, arguments.json, out)
}

/// The scenarios there are, with about how long each takes.
fn list(root: &Path, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let found = scenarios(root).map_err(|error| Failure::CannotRun(format!("{error:#}")))?;
    let minutes = |scenario, profile| {
        let minutes = expected(scenario, profile).as_secs_f64() / 60.0;
        (minutes * 10.0).round() / 10.0
    };
    if json {
        let rows: Vec<_> = found
            .iter()
            .map(|scenario| {
                serde_json::json!({
                    "id": scenario.id,
                    "service": scenario.service,
                    "title": scenario.title,
                    "variants": scenario.variants.len(),
                    "minutes": {
                        "quick": minutes(scenario, Profile::Quick),
                        "publish": minutes(scenario, Profile::Publish),
                    },
                })
            })
            .collect();
        write_json(out, &rows)?;
        return Ok(());
    }
    writeln!(out, "{:<20} {:>12} {:>12}  title", "scenario", "quick, min", "publish, min")?;
    for scenario in &found {
        let quick = minutes(scenario, Profile::Quick);
        let publish = minutes(scenario, Profile::Publish);
        writeln!(out, "{:<20} {quick:>12.1} {publish:>12.1}  {}", scenario.id, scenario.title)?;
    }
    Ok(())
}

fn show(outcome: &Outcome, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    // The result is on standard output; a closed standard error loses nothing.
    let _ = writeln!(io::stderr(), "the run is in {}", outcome.folder.display());
    if json {
        write_json(out, &outcome.summary)?;
    } else {
        write_table(out, &outcome.summary)?;
    }
    if outcome.interrupted {
        let (done, planned) = (outcome.summary.blocks, outcome.summary.blocks_planned);
        let message = format!(
            "stopped after {done} of {planned} blocks; what they found is kept in {}",
            outcome.folder.display()
        );
        return Err(Failure::CannotRun(message));
    }
    Ok(())
}

/// Each metric with both figures and their ratio.
fn write_table(out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let shown = |figure: Option<Figure>| match figure {
        Some(figure) if figure.value.abs() >= 100.0 => format!("{:.0}", figure.value),
        Some(figure) => format!("{:.2}", figure.value),
        None => "-".to_owned(),
    };
    writeln!(out, "{:<44} {:>12} {:>12}  Rust/Go", "", "Rust", "Go")?;
    for metric in &summary.metrics {
        let title = format!("{} ({})", metric.title, metric.unit);
        let ratio = match metric.ratio {
            None => "-".to_owned(),
            Some(ratio) => match (ratio.low, ratio.high) {
                (Some(low), Some(high)) => {
                    format!("{:.2} [{low:.2}, {high:.2}]", ratio.estimate)
                }
                _ => format!("{:.2}", ratio.estimate),
            },
        };
        writeln!(out, "{title:<44} {:>12} {:>12}  {ratio}", shown(metric.rust), shown(metric.go))?;
    }
    for note in &summary.notes {
        writeln!(out, "{note}")?;
    }
    Ok(())
}
