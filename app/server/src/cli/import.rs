//! `assay import DIR`: decisions of other tools, and of assay, become records.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write},
    path::{Path, PathBuf},
};

use assay_records::{MAX_RECORD_BYTES, Status, adr::Source};
use clap::Args;

use super::{Context, Failure, report::visible, write_json};
use crate::moving::{self, Fate, Line, Report};

/// The most files looked at in one import.
const MAX_FILES: usize = 200_000;
/// The most folders within each other.
const MAX_DEPTH: usize = 16;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Folder (or file) of MADR, adr-tools, log4brains, JSON-ADR or assay's own records
    place: PathBuf,
    /// What a status that is not one of ours means here, such as `approved=accepted`; `=draft` is for
    /// files without a status, `superseded=deprecated` for those whose successor is missing
    #[arg(long = "status", value_name = "WORD=STATUS", value_parser = status_word)]
    statuses: Vec<(String, Status)>,
    /// Say what would happen and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before writing (nothing is asked when input is not a terminal)
    #[arg(long, short)]
    yes: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let sources = sources(&arguments.place)?;
    let app = context.app().await?;
    let statuses: BTreeMap<String, Status> = arguments.statuses.iter().cloned().collect();
    let asks = !arguments.yes && !arguments.json && io::stdin().is_terminal();
    let cannot = |error: crate::error::Error| Failure::CannotRun(error.to_string());
    let mut report = if arguments.dry_run || asks {
        let report = moving::import(&app, &sources, &statuses, false).await.map_err(cannot)?;
        tell(&report, true);
        report
    } else {
        moving::import(&app, &sources, &statuses, true).await.map_err(cannot)?
    };
    if asks && !arguments.dry_run && report.count(Fate::New) > 0 && agreed(&report)? {
        report = moving::import(&app, &sources, &statuses, true).await.map_err(cannot)?;
        tell(&report, false);
    } else if !asks && !arguments.dry_run {
        tell(&report, false);
    }
    if arguments.json {
        write_json(out, &report)?;
    } else if !arguments.dry_run {
        for line in &report.decisions {
            if let (Fate::New, Some(id), Some(number)) = (line.result, line.id, line.number) {
                writeln!(out, "{number:04}  {id}  {}", visible(&line.file))?;
            }
        }
    }
    match report.count(Fate::NeedsStatus) + report.count(Fate::Faulty) {
        0 => Ok(()),
        // All is told already.
        _ => Err(Failure::Input(String::new())),
    }
}

/// Says what happens, and how to go on.
fn tell(report: &Report, ahead: bool) {
    let mut err = io::stderr().lock();
    for line in &report.decisions {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(err, "{}", sentence(line, ahead));
        for warning in &line.warnings {
            let _ = writeln!(err, "    note: {}", visible(warning));
        }
    }
    for word in report.words() {
        let _ = match word.as_str() {
            "" => writeln!(err, "say what a missing status means: --status =STATUS"),
            word => writeln!(
                err,
                "say what `{}` means: --status '{}=STATUS'",
                visible(word),
                visible(word)
            ),
        };
    }
    let counts = [
        (Fate::New, if ahead { "would be imported" } else { "imported" }),
        (Fate::Here, "here already"),
        (Fate::NeedsStatus, "without a known status"),
        (Fate::Faulty, "to be mended"),
        (Fate::LeftOut, "no decisions"),
    ];
    let told: Vec<String> = counts
        .into_iter()
        .map(|(fate, words)| (report.count(fate), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    let _ = match told.is_empty() {
        true => writeln!(err, "there is no file to import"),
        false => writeln!(err, "{}", told.join(", ")),
    };
}

fn sentence(line: &Line, ahead: bool) -> String {
    let file = visible(&line.file);
    let title = line.title.as_deref().map(visible).unwrap_or_default();
    match line.result {
        Fate::New => {
            let status = line.status.unwrap_or_default();
            let format = line.format.unwrap_or("assay");
            let number = match line.number {
                Some(number) if !ahead => format!("record {number:04}, "),
                _ => String::new(),
            };
            format!("{file}: {number}{status}, {format}: {title}")
        }
        Fate::Here => {
            let number = line.number.unwrap_or_default();
            format!("{file}: here already as record {number:04}")
        }
        Fate::NeedsStatus => format!("{file}: not imported, {}", visible(&line.why)),
        Fate::Faulty => format!("{file}: not imported: {}", visible(&line.why)),
        Fate::LeftOut => format!("{file}: left out, {}", visible(&line.why)),
    }
}

/// Asks before writing.
fn agreed(report: &Report) -> Result<bool, Failure> {
    let count = report.count(Fate::New);
    let records = if count == 1 { "record" } else { "records" };
    write!(io::stderr(), "Make {count} {records}? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().take(100).read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// `approved=accepted`.
fn status_word(text: &str) -> Result<(String, Status), String> {
    let (word, status) = text.rsplit_once('=').ok_or("write WORD=STATUS")?;
    let allowed = || Status::ALL.map(Status::id).join(", ");
    let status =
        Status::from_id(status.trim()).ok_or_else(|| format!("STATUS is {}", allowed()))?;
    Ok((word.trim().to_lowercase(), status))
}

/// The texts of a folder, hidden files and folders left alone.
fn sources(place: &Path) -> Result<Vec<Source>, Failure> {
    let mut found = Vec::new();
    if place.is_file() {
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned());
        found.push(source(place, name.unwrap_or_default()));
    } else {
        gather(place, "", 0, &mut found)?;
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

fn gather(folder: &Path, path: &str, depth: usize, found: &mut Vec<Source>) -> Result<(), Failure> {
    let cannot = |error: io::Error| {
        Failure::CannotRun(format!("the folder {} cannot be read: {error}", folder.display()))
    };
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(cannot)?;
        if name.starts_with('.') || name == "node_modules" {
            continue;
        }
        let file = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        if kind.is_dir() && depth < MAX_DEPTH {
            gather(&entry.path(), &file, depth + 1, found)?;
        } else if kind.is_file() && is_text(&name) {
            if found.len() == MAX_FILES {
                let message = format!("there are more than {MAX_FILES} files; import a part");
                return Err(Failure::CannotRun(message));
            }
            found.push(source(&entry.path(), file));
        }
    }
    Ok(())
}

fn is_text(name: &str) -> bool {
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let known = ["md", "markdown", "json", "toml"];
    // The schema that assay puts beside its records.
    ending.is_some_and(|ending| known.contains(&ending.as_str())) && name != "record.schema.json"
}

fn source(path: &Path, file: String) -> Source {
    Source { file, text: text_of(path) }
}

fn text_of(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let limit = MAX_RECORD_BYTES;
    File::open(path)
        .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("it cannot be read: {error}"))?;
    if bytes.len() > limit {
        return Err(format!("it is larger than {} KiB", limit / 1024));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("it is not UTF-8 text: line {line} holds other bytes")
    })
}
