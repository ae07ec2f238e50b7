//! Judges how the model's numbers were chosen: leaves out each organisation in turn, chooses anew
//! without it, and scores what was left out, with the measurements that come with assay. Prints
//! what `app/advice/models/leave-one-out.toml` holds; takes a minute or two.

use std::{error::Error, io::Write as _, sync::Arc};

use assay::evidence::Evidence;
use assay_advice::{Model, leave_one_out};

fn main() -> Result<(), Box<dyn Error>> {
    // No folder of runs: what is measured here must be what everyone has.
    let nothing = std::env::temp_dir().join("assay-leave-one-out-reads-nothing");
    let evidence = Evidence::open(Arc::new(Model::builtin().clone()), None, &nothing);
    let found = leave_one_out(evidence.now().engine.measurements())?;
    let text = toml::to_string(&found)?;
    writeln!(
        std::io::stdout(),
        "# Written by `cargo run -p assay --example leave-one-out`; see levers.toml.\n{text}"
    )?;
    Ok(())
}
