//! `assay check [DIR]`: faults in a folder of records, and what is due for review.
//!
//! It reads the files alone and writes nothing, so that it runs anywhere, for example in CI.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, IsTerminal, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use assay_advice::{Model, Problem, line_column};
use assay_records::{Record, Status, number_of};
use clap::{Args, ValueEnum};
use jiff::{civil::Date, tz::TimeZone};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Context, Failure, Home, input, promtool,
    report::{self, Severity},
    write_json,
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The folder [default: that of --decisions]
    dir: Option<PathBuf>,
    /// How to print what is found
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// What makes the check fail
    #[arg(long, value_enum, default_value = "error", value_name = "WHAT")]
    fail_on: FailOn,
    /// The day to check for, as YYYY-MM-DD [default: today]
    #[arg(long, value_name = "DATE")]
    today: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// Workflow commands that GitHub shows beside the lines
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Files that cannot be used
    Error,
    /// Those, and records due for review
    Due,
}

/// How a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Error,
    Warning,
    Due,
}

struct Finding {
    kind: Kind,
    file: String,
    problem: Problem,
}

struct Source {
    name: String,
    /// Absent when it cannot be read as text.
    text: Option<String>,
    record: Option<Record>,
}

pub(super) fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let model = context.model()?;
    let home = context.home();
    let folder = match (&arguments.dir, &home) {
        (Some(folder), _) | (None, Home::Folder(folder)) => folder,
        (None, Home::Database(_)) => {
            let message = "check reads files, and the records are in a database; name a folder, or see \
                           `assay list --due`";
            return Err(Failure::CannotRun(message.to_owned()));
        }
    };
    let mut findings = Vec::new();
    let sources = read_folder(folder, &model, &mut findings)?;
    find_shared_ids(&sources, &mut findings);
    find_lost_links(&sources, &mut findings);
    find_due(&sources, arguments.today.unwrap_or_else(|| context.today()), &mut findings);
    find_refused_rules(&sources, &mut findings);
    findings.sort_by(|a, b| a.file.cmp(&b.file));

    let format = if arguments.json { Format::Json } else { arguments.format };
    match format {
        Format::Text => write_text(out, &sources, &findings)?,
        Format::Json => write_document(out, &sources, &findings)?,
        Format::Github => write_github(out, &sources, &findings)?,
    }
    let count = |kind| findings.iter().filter(|finding| finding.kind == kind).count();
    let (errors, warnings, due) = (count(Kind::Error), count(Kind::Warning), count(Kind::Due));
    let summary = format!(
        "{} checked: {}, {}, {due} due for review",
        plural(sources.len(), "record"),
        plural(errors, "error"),
        plural(warnings, "warning"),
    );
    if errors > 0 || (arguments.fail_on == FailOn::Due && due > 0) {
        out.flush()?;
        return Err(Failure::Input(summary));
    }
    // The result is on standard output; a closed standard error loses nothing.
    let _ = writeln!(io::stderr(), "{summary}");
    Ok(())
}

/// Reads every `.toml` file of the folder, in the order of their names.
fn read_folder(
    folder: &Path,
    model: &Model,
    findings: &mut Vec<Finding>,
) -> Result<Vec<Source>, Failure> {
    let paths = input::toml_files(folder)?;
    Ok(paths.iter().map(|path| read_record(path, model, findings)).collect())
}

fn read_record(path: &Path, model: &Model, findings: &mut Vec<Finding>) -> Source {
    let name = path.display().to_string();
    let mut keep = |kind, problems: Vec<Problem>| {
        let found =
            problems.into_iter().map(|problem| Finding { kind, file: name.clone(), problem });
        findings.extend(found);
    };
    let text = match input::read_file(path) {
        Ok(text) => text,
        Err(failure) => {
            keep(Kind::Error, vec![problem("", failure.to_string(), "")]);
            return Source { name, text: None, record: None };
        }
    };
    let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let record = match Record::parse(&text, model) {
        Ok(_) if path.is_symlink() => {
            let help = "put the file itself here";
            keep(Kind::Error, vec![problem("", "this is a symbolic link".to_owned(), help)]);
            None
        }
        Ok(_) if number_of(&file_name).is_none() => {
            let message = "this is not a record's file name".to_owned();
            let help = "name it like 0007-language-for-the-gateway.toml";
            keep(Kind::Error, vec![problem("file name", message, help)]);
            None
        }
        Ok(parsed) => {
            keep(Kind::Warning, parsed.warnings);
            Some(parsed.record)
        }
        Err(problems) => {
            keep(Kind::Error, problems);
            None
        }
    };
    Source { name, text: Some(text), record }
}

/// Two files with one id are both wrong: nobody can tell which of them a link means.
fn find_shared_ids(sources: &[Source], findings: &mut Vec<Finding>) {
    let mut by_id: BTreeMap<Uuid, Vec<&Source>> = BTreeMap::new();
    for source in sources {
        if let Some(record) = &source.record {
            by_id.entry(record.id).or_default().push(source);
        }
    }
    for (id, sharing) in by_id.into_iter().filter(|(_, sharing)| sharing.len() > 1) {
        for source in &sharing {
            let others: Vec<_> = sharing
                .iter()
                .filter(|other| other.name != source.name)
                .map(|other| other.name.as_str())
                .collect();
            let text = source.text.as_deref().unwrap_or_default();
            let at = text.find(&id.to_string());
            findings.push(Finding {
                kind: Kind::Error,
                file: source.name.clone(),
                problem: Problem {
                    field: "id".to_owned(),
                    span: at.map(|at| at..at + id.to_string().len()),
                    message: format!("{} has the same id", others.join(" and ")),
                    help: "give one of them a new id, or delete the copy".to_owned(),
                },
            });
        }
    }
}

/// Records that name one to replace which is not here.
fn find_lost_links(sources: &[Source], findings: &mut Vec<Finding>) {
    let here = || sources.iter().filter_map(|source| source.record.as_ref());
    let ids: HashSet<Uuid> = here().map(|record| record.id).collect();
    for source in sources {
        let links = source.record.iter().flat_map(|record| &record.supersedes);
        for lost in links.filter(|id| !ids.contains(id)) {
            let id = lost.to_string();
            findings.push(Finding {
                kind: Kind::Warning,
                file: source.name.clone(),
                problem: Problem {
                    span: place(source, |line| line.contains(&id)),
                    ..problem(
                        "supersedes",
                        format!("no record here has the id {id}"),
                        "restore the record it replaces, or take the id out",
                    )
                },
            });
        }
    }
}

/// Triggers that Prometheus would not load, where its `promtool` is installed to say so. They are
/// warnings: the outcome must not depend on what is installed.
fn find_refused_rules(sources: &[Source], findings: &mut Vec<Finding>) {
    let records: Vec<&Record> = sources.iter().filter_map(|it| it.record.as_ref()).collect();
    for refused in promtool::refused(&records) {
        let id = |source: &&Source| source.record.as_ref().map(|it| it.id) == Some(refused.record);
        let Some(source) = sources.iter().find(id) else { continue };
        let wanted = format!("id = \"{}\"", refused.trigger);
        let message =
            format!("Prometheus refuses the promql of `{}`: {}", refused.trigger, refused.why);
        let help =
            "mend it: one rule that is refused keeps the others of its file from being loaded";
        findings.push(Finding {
            kind: Kind::Warning,
            file: source.name.clone(),
            problem: Problem {
                span: place(source, |line| line.starts_with(&wanted)),
                ..problem("trigger", message, help)
            },
        });
    }
}

/// The first line of a file that is as wanted.
fn place(source: &Source, wanted: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let text = source.text.as_deref()?;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if wanted(line) {
            return Some(start..start + line.trim_end().len());
        }
        start += line.len();
    }
    None
}

/// Records not yet out of force whose date has come or whose trigger has fired.
fn find_due(sources: &[Source], today: Date, findings: &mut Vec<Finding>) {
    let superseded: HashSet<Uuid> = sources
        .iter()
        .filter_map(|source| source.record.as_ref())
        .filter(|record| matches!(record.status, Status::Accepted | Status::Deprecated))
        .flat_map(|record| record.supersedes.iter().copied())
        .collect();
    for source in sources {
        let Some(record) = &source.record else {
            continue;
        };
        let alive = matches!(record.status, Status::Draft | Status::Proposed | Status::Accepted);
        let example = record.is_example();
        if !alive || example || superseded.contains(&record.id) {
            continue;
        }
        if let Some(due) = why_due(source, record, today) {
            findings.push(Finding { kind: Kind::Due, file: source.name.clone(), problem: due });
        }
    }
}

/// Why a record is due on this day, and where its file says so.
fn why_due(source: &Source, record: &Record, today: Date) -> Option<Problem> {
    let help =
        "revisit it, in the browser or with an event of kind \"revisited\" and the next review_by";
    if let Some(day) = record.due_on().filter(|day| *day <= today) {
        let day_here = day.to_string();
        let by_date = record.review_by == Some(day);
        let wanted =
            |line: &str| line.contains(&day_here) && (!by_date || line.starts_with("review_by"));
        let field = if by_date { "review_by" } else { "trigger" };
        let problem = problem(field, format!("due for review since {day}"), help);
        return Some(Problem { span: place(source, wanted), ..problem });
    }
    let fired = record.fired().last()?;
    let which = fired.trigger.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
    let day = fired.at.to_zoned(TimeZone::UTC).date();
    let message = format!("due for review: the trigger{which} fired on {day}");
    let here = fired.trigger.as_deref().map(|id| format!("id = \"{id}\""));
    let span = here.and_then(|here| place(source, |line| line.starts_with(&here)));
    Some(Problem { span, ..problem("trigger", message, help) })
}

fn problem(field: &str, message: String, help: &str) -> Problem {
    Problem { field: field.to_owned(), span: None, message, help: help.to_owned() }
}

fn text_of<'a>(sources: &'a [Source], file: &str) -> Option<&'a str> {
    sources.iter().find(|source| source.name == file)?.text.as_deref()
}

fn write_text(
    out: &mut dyn Write,
    sources: &[Source],
    findings: &[Finding],
) -> Result<(), Failure> {
    let styled = io::stdout().is_terminal();
    for finding in findings {
        let severity = match finding.kind {
            Kind::Error => Severity::Error,
            Kind::Warning | Kind::Due => Severity::Warning,
        };
        let text = text_of(sources, &finding.file);
        let shown = report::render(&finding.file, text, &finding.problem, severity, styled);
        out.write_all(shown.as_bytes())?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Document<'a> {
    checked: usize,
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    kind: Kind,
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    field: &'a str,
    message: &'a str,
    help: &'a str,
}

impl<'a> Entry<'a> {
    fn new(finding: &'a Finding, sources: &[Source]) -> Self {
        let span = finding.problem.span.as_ref();
        let place = text_of(sources, &finding.file)
            .and_then(|text| span.map(|span| line_column(text, span.start)));
        Self {
            kind: finding.kind,
            file: &finding.file,
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            field: &finding.problem.field,
            message: &finding.problem.message,
            help: &finding.problem.help,
        }
    }
}

fn write_document(
    out: &mut dyn Write,
    sources: &[Source],
    findings: &[Finding],
) -> Result<(), Failure> {
    let findings = findings.iter().map(|finding| Entry::new(finding, sources)).collect();
    write_json(out, &Document { checked: sources.len(), findings })
}

/// GitHub's workflow commands, one a line: `::error file=…,line=…,col=…::message`.
fn write_github(
    out: &mut dyn Write,
    sources: &[Source],
    findings: &[Finding],
) -> Result<(), Failure> {
    for finding in findings {
        let entry = Entry::new(finding, sources);
        let command = match finding.kind {
            Kind::Error => "error",
            Kind::Warning | Kind::Due => "warning",
        };
        let mut place = format!("file={}", escape_property(entry.file));
        if let (Some(line), Some(column)) = (entry.line, entry.column) {
            place.push_str(&format!(",line={line},col={column}"));
        }
        let message = escape_data(&finding.problem.to_string());
        writeln!(out, "::{command} {place}::{message}")?;
    }
    Ok(())
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

fn plural(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
