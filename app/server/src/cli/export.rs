//! `assay export`: a measurement run in the format of another tool.

use std::io::Write;

use assay_evidence::export;
use clap::{Args, ValueEnum};

use super::{Context, Failure, runs};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The run: its name, or its folder
    #[arg(long, value_name = "RUN")]
    run: String,
    /// The format to write
    #[arg(long, value_enum)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Go benchmark text, for benchstat: `benchstat -col /twin FILE`
    GoBench,
    /// Bencher Metric Format, JSON
    Bencher,
    /// As hyperfine's --export-json writes
    Hyperfine,
}

pub(super) fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let run = runs::find(&context.evidence()?.now().runs, &arguments.run)?;
    let text = match arguments.format {
        Format::GoBench => export::go_bench(&run.environment, &runs::samples(&run)?, &run.summary),
        Format::Bencher => export::bencher(&run.summary)?,
        Format::Hyperfine => export::hyperfine(&runs::samples(&run)?, &run.summary)?,
    };
    Ok(out.write_all(text.as_bytes())?)
}
