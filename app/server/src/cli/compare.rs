//! `assay compare`: two measurement runs side by side.

use std::{
    io::{self, Write},
    sync::Arc,
};

use assay_evidence::{
    Evidence, Figure,
    compare::{CHANGE_LEVEL, Compared, Comparison, MARGIN, Pair, compare},
    stats::Equivalence,
    three_digits,
};
use clap::Args;

use super::{Context, Failure, runs, write_json};
use crate::evidence::KnownRun;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The run to compare with: its name, or its folder
    a: String,
    /// The run that is compared with it
    b: String,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let known = Arc::clone(&context.evidence()?.now().runs);
    let (a, b) = (runs::find(&known, &arguments.a)?, runs::find(&known, &arguments.b)?);
    let comparison = compare(evidence(&a), evidence(&b));
    if arguments.json {
        return write_json(out, &comparison);
    }
    Ok(write_text(out, &comparison)?)
}

fn evidence(run: &KnownRun) -> Evidence<'_> {
    Evidence { summary: &run.summary, environment: &run.environment }
}

fn write_text(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    writeln!(out, "A: {}\nB: {}", comparison.a, comparison.b)?;
    writeln!(out, "\nWhat differs around them")?;
    for caution in &comparison.cautions {
        writeln!(out, "  ! {caution}")?;
    }
    for difference in &comparison.differences {
        writeln!(out, "  {}: {} | {}", difference.what, difference.a, difference.b)?;
    }
    if comparison.differences.is_empty() {
        writeln!(out, "  nothing")?;
    }
    if comparison.metrics.is_empty() && comparison.unmatched.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nChange is B ÷ A. The runs are not paired: the interval takes the worst of both and \
         covers at least {}%.\n“no change that matters” is within {}%.\n",
        three_digits(CHANGE_LEVEL * 100.0),
        three_digits(MARGIN * 100.0)
    )?;
    writeln!(out, "{:<52} {:>12} {:>12}  change", "", "A", "B")?;
    write_metrics(out, &comparison.metrics, "Rust ÷ Go")?;
    for variant in &comparison.variants {
        writeln!(out, "\nBeside the pair: {}", variant.label)?;
        write_metrics(out, &variant.metrics, variant.over)?;
    }
    for left in &comparison.unmatched {
        writeln!(out, "{}: left out, {}", left.title, left.why)?;
    }
    Ok(())
}

/// The rows of each metric; `over` says what its ratio is.
fn write_metrics(out: &mut dyn Write, metrics: &[Compared], over: &str) -> io::Result<()> {
    for metric in metrics {
        writeln!(out, "{} ({})", metric.title, metric.unit)?;
        let rows = [
            ("Rust", metric.rust),
            ("Go", metric.go),
            ("itself", metric.own),
            (over, metric.ratio),
        ];
        for (of, pair) in rows {
            if let Some(pair) = pair {
                let shown = |figure: Figure| three_digits(figure.value);
                let (a, b) = (shown(pair.a), shown(pair.b));
                writeln!(out, "    {of:<48} {a:>12} {b:>12}  {}", change(&pair))?;
            }
        }
    }
    Ok(())
}

fn change(pair: &Pair) -> String {
    let change = three_digits(pair.change);
    let Some(((low, high), says)) = pair.low.zip(pair.high).zip(pair.says) else {
        return format!("{change}×, no interval");
    };
    let says = match says {
        Equivalence::Equivalent if pair.change == 1.0 && low == high => {
            return format!("{change}× the same");
        }
        Equivalence::Equivalent => "no change that matters",
        Equivalence::Different if pair.change > 1.0 => "more",
        Equivalence::Different => "less",
        Equivalence::Undecided => "undecided",
    };
    format!("{change}× [{}, {}] {says}", three_digits(low), three_digits(high))
}
