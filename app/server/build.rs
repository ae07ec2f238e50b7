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
    fs::write(out.join("scenarios.rs"), scenarios(Path::new("../../benches/scenarios"))?)?;
    Ok(())
}

/// A table of the texts of all scenarios, in the order of their names.
fn scenarios(folder: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = fs::canonicalize(entry?.path())?;
        if path.extension().is_some_and(|extension| extension == "toml") {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        writeln!(table, "    include_str!({file:?}),")?;
    }
    table.push_str("]\n");
    Ok(table)
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
