//! `assay export`: records or a measurement run in the format of another tool.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use assay_evidence::export;
use assay_records::{
    Dialect, Record, Standing,
    adr::{self, Exported},
    alert_rules,
};
use assay_store::Filter;
use clap::{Args, ValueEnum};

use tempfile::NamedTempFile;

use super::{Context, Failure, report::visible, runs};
use crate::{listing::Wanted, moving};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The format to write
    #[arg(long, value_enum)]
    format: Format,
    /// The run for go-bench, bencher or hyperfine: its name, or its folder
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// The folder for formats with a file for each record; a file that says something else is kept
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The records themselves
    Toml,
    /// Markdown Any Decision Records 4
    Madr4,
    /// Markdown Any Decision Records 3
    Madr3,
    /// Markdown Any Decision Records 2
    Madr2,
    /// As adr-tools writes
    AdrTools,
    /// As log4brains writes
    Log4brains,
    /// JSON-ADR 1.0.0, one document
    JsonAdr,
    /// Backstage's technology radar, one document
    RadarBackstage,
    /// Zalando's technology radar, one document
    RadarZalando,
    /// A table for spreadsheets
    Csv,
    /// The metric triggers of the decisions in force as Prometheus alerting rules
    Prometheus,
    /// Go benchmark text, for benchstat: `benchstat -col /twin FILE`
    GoBench,
    /// Bencher Metric Format, JSON
    Bencher,
    /// As hyperfine's --export-json writes
    Hyperfine,
}

pub(super) async fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if let Format::Prometheus = arguments.format {
        return prometheus(context, out).await;
    }
    if !matches!(arguments.format, Format::GoBench | Format::Bencher | Format::Hyperfine) {
        return records(context, arguments, out).await;
    }
    let Some(name) = &arguments.run else {
        let message = "this format is of a measurement run; name one with --run";
        return Err(Failure::CannotRun(message.to_owned()));
    };
    let run = runs::find(&context.evidence()?.now().runs, name)?;
    let text = match arguments.format {
        Format::GoBench => export::go_bench(&run.environment, &runs::samples(&run)?, &run.summary),
        Format::Bencher => export::bencher(&run.summary)?,
        _ => export::hyperfine(&runs::samples(&run)?, &run.summary)?,
    };
    Ok(out.write_all(text.as_bytes())?)
}

/// The records that the filters let through.
async fn records(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let filter = arguments.wanted.filter(context.today());
    let filter: Filter = filter.map_err(|error| Failure::CannotRun(error.to_string()))?;
    let store = context.store(Arc::new(context.model()?)).await?;
    for file in store.bad_files().await? {
        // A closed standard error leaves nobody to tell.
        let name = visible(&file.file_name);
        let _ = writeln!(io::stderr(), "warning: {name} needs mending and is left out");
    }
    let all = moving::records(store.as_ref(), &filter).await?;
    let items = moving::items(&all);
    let files = match arguments.format {
        Format::Csv => return Ok(out.write_all(adr::csv(&items).as_bytes())?),
        Format::RadarBackstage => {
            return Ok(out.write_all(adr::backstage_radar(&items)?.as_bytes())?);
        }
        Format::RadarZalando => return Ok(out.write_all(adr::zalando_radar(&items)?.as_bytes())?),
        Format::Madr4 => adr::export(Dialect::Madr4, &items)?,
        Format::Madr3 => adr::export(Dialect::Madr3, &items)?,
        Format::Madr2 => adr::export(Dialect::Madr2, &items)?,
        Format::AdrTools => adr::export(Dialect::AdrTools, &items)?,
        Format::Log4brains => adr::export(Dialect::Log4brains, &items)?,
        Format::JsonAdr => adr::export(Dialect::JsonAdr, &items)?,
        Format::Toml
        | Format::Prometheus
        | Format::GoBench
        | Format::Bencher
        | Format::Hyperfine => all
            .iter()
            .map(|stored| Exported { file: stored.file_name.clone(), text: stored.text.clone() })
            .collect(),
    };
    match (&arguments.to, files.as_slice()) {
        (Some(folder), files) => write_all(folder, files, out),
        (None, [one]) => Ok(out.write_all(one.text.as_bytes())?),
        (None, []) => {
            let _ = writeln!(io::stderr(), "no record matches");
            Ok(())
        }
        (None, files) => Err(Failure::CannotRun(format!(
            "these are {} files; say where to put them: --to DIR",
            files.len()
        ))),
    }
}

/// Writes the files into a folder. A file that is there and says something else is kept, unless it is
/// an earlier export that nobody has changed.
fn write_all(folder: &Path, files: &[Exported], out: &mut dyn Write) -> Result<(), Failure> {
    let cannot = |path: &Path, error: io::Error| {
        Failure::CannotRun(format!("{} cannot be written: {error}", path.display()))
    };
    let mut kept = 0;
    for file in files {
        let path = folder.join(&file.file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| cannot(parent, error))?;
        }
        match fs::read_to_string(&path) {
            Ok(old) if old == file.text => {}
            Ok(old) if !adr::is_unchanged_export(&old) => {
                kept += 1;
                let name = visible(&path.display().to_string());
                let _ = writeln!(io::stderr(), "{name} says something else and is kept");
                continue;
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                kept += 1;
                let name = visible(&path.display().to_string());
                let _ = writeln!(io::stderr(), "{name} cannot be read and is kept: {error}");
                continue;
            }
            _ => {
                write(&path, &file.text).map_err(|error| cannot(&path, error))?;
            }
        }
        writeln!(out, "{}", visible(&path.display().to_string()))?;
    }
    match kept {
        0 => Ok(()),
        1 => {
            Err(Failure::Input("one file was not written; move it or choose another folder".into()))
        }
        _ => Err(Failure::Input(format!(
            "{kept} files were not written; move them or choose another folder"
        ))),
    }
}

/// Writes a file whole, or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // A temporary file is its owner's alone; an export is for everybody who may read the folder.
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

/// The rules of every record in force that is no example.
async fn prometheus(context: &Context, out: &mut dyn Write) -> Result<(), Failure> {
    let model = Arc::new(context.model()?);
    let store = context.store(model).await?;
    let in_force = Filter { status: Some(Standing::Accepted), ..Filter::default() };
    let all = moving::records(store.as_ref(), &in_force).await?;
    let mut records: Vec<Record> =
        all.into_iter().map(|stored| stored.record).filter(|record| !record.is_example()).collect();
    records.sort_by_key(|record| (record.created, record.id));
    let made = alert_rules(&records);
    for (trigger, why) in &made.left_out {
        let why = visible(why);
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(io::stderr(), "warning: left out, as {why}: {}", visible(trigger));
    }
    Ok(out.write_all(made.yaml.as_bytes())?)
}
