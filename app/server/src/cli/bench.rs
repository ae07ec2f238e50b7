//! `assay bench`: measures a reference service's twins on this machine.

use std::io::Write;

use clap::Args;

use super::{Context, Failure};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The reference service
    #[arg(default_value = "fastjson-api")]
    service: String,
    /// A minute or two: see whether this machine behaves as the shipped run says
    #[arg(long, conflicts_with = "publish")]
    quick: bool,
    /// Enough blocks and the build times: fit to be committed
    #[arg(long)]
    publish: bool,
    /// Print the run's summary as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    _context: &Context,
    _arguments: &Arguments,
    _out: &mut dyn Write,
) -> Result<(), Failure> {
    Err(Failure::CannotRun(
        "measuring is not part of this build".to_owned(),
    ))
}
