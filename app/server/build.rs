//! Tells cargo what the program embeds besides its sources: the static files, the templates and
//! the committed measurement runs, which it lists in a generated table.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by variables")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../../static");
    println!("cargo:rerun-if-changed=../../templates");
    let runs = Path::new("../../benches/runs");
    println!("cargo:rerun-if-changed={}", runs.display());

    let mut table = String::from("&[\n");
    for (run, folder) in folders(runs)? {
        let summary = folder.join("summary.toml");
        let environment = folder.join("environment.toml");
        println!("cargo:rerun-if-changed={}", summary.display());
        println!("cargo:rerun-if-changed={}", environment.display());
        writeln!(
            table,
            "    Committed {{ run: {run:?}, summary: include_str!({summary:?}), \
             environment: include_str!({environment:?}) }},"
        )?;
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("committed_runs.rs"), table)?;
    Ok(())
}

/// The name and the folder of each committed run that has its summary and its environment, in the
/// order of their names.
fn folders(runs: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let mut found = Vec::new();
    if runs.is_dir() {
        for entry in fs::read_dir(runs)? {
            let entry = entry?;
            let folder = fs::canonicalize(entry.path())?;
            if folder.join("summary.toml").is_file() && folder.join("environment.toml").is_file() {
                found.push((entry.file_name().to_string_lossy().into_owned(), folder));
            }
        }
    }
    found.sort();
    Ok(found)
}
