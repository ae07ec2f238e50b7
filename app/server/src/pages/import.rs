//! `/import`: decisions of other tools become records; first what would happen, then the writing.

use std::collections::BTreeMap;

use askama::Template;
use assay_records::{Status, adr::Source};
use axum::{
    extract::{Multipart, State, multipart::MultipartError},
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    error::Error,
    moving::{self, Fate, Line, Report},
    pages::Page,
    state::App,
};

/// The most bytes of all files together.
pub(crate) const IMPORT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most files at once.
const MAX_FILES: usize = 2_000;

#[derive(Default, Template)]
#[template(path = "import.html")]
struct View {
    /// What is wrong with the request as a whole.
    problem: Option<String>,
    /// What would happen, or happened; none before files were chosen.
    report: Option<Report>,
    /// Whether it happened.
    done: bool,
    /// The files, to be sent again with the confirmation.
    files: Vec<(String, String)>,
    /// The files that could not be read, to be told of again after it.
    unreadable: Vec<String>,
    /// The words for statuses, with what was said.
    words: Vec<(String, Option<Status>)>,
}

/// `GET /import`.
pub(crate) async fn get() -> Response {
    Page(View::default()).into_response()
}

/// `POST /import`: a preview, or with `do=import` the import itself.
pub(crate) async fn post(State(app): State<App>, multipart: Multipart) -> Result<Response, Error> {
    let sent = match Sent::read(multipart).await {
        Ok(sent) => sent,
        Err((status, problem)) => {
            let view = View { problem: Some(problem), ..View::default() };
            return Ok((status, Page(view)).into_response());
        }
    };
    let sources: Vec<Source> = sent
        .files
        .iter()
        .map(|(file, text)| Source { file: file.clone(), text: Ok(text.clone()) })
        .chain(sent.unreadable.iter().map(|file| not_text(file)))
        .collect();
    let report = moving::import(&app, &sources, &sent.statuses, sent.import).await?;
    let mut words: Vec<String> = report.words();
    words.extend(sent.statuses.keys().cloned());
    words.sort();
    words.dedup();
    let words = words.into_iter().map(|word| {
        let said = sent.statuses.get(&word).copied();
        (word, said)
    });
    let view = View {
        problem: None,
        done: sent.import,
        words: words.collect(),
        files: sent.files,
        unreadable: sent.unreadable,
        report: Some(report),
    };
    Ok(Page(view).into_response())
}

/// What a form sent.
#[derive(Default)]
struct Sent {
    files: Vec<(String, String)>,
    unreadable: Vec<String>,
    statuses: BTreeMap<String, Status>,
    import: bool,
}

impl Sent {
    async fn read(mut multipart: Multipart) -> Result<Self, (StatusCode, String)> {
        let mut sent = Self::default();
        let mut names = Vec::new();
        let mut texts = Vec::new();
        let broken = |error: MultipartError| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let limit = IMPORT_BYTES_MAX / (1024 * 1024);
                let message = format!(
                    "The files are larger than {limit} MiB together. Choose fewer, or use `assay \
                     import` on the command line."
                );
                (StatusCode::PAYLOAD_TOO_LARGE, message)
            }
            status => (status, "The form cannot be read; choose the files again.".to_owned()),
        };
        while let Some(field) = multipart.next_field().await.map_err(broken)? {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field.file_name().map(str::to_owned);
            let bytes = field.bytes().await.map_err(broken)?;
            let text = String::from_utf8(bytes.to_vec());
            match (name.as_str(), file, text) {
                // A browser sends an empty part when no file was chosen.
                ("files", None, _) => {}
                ("files", Some(file), _) if file.is_empty() => {}
                ("files", Some(file), Ok(text)) => sent.files.push((file.replace('\\', "/"), text)),
                ("files", Some(file), Err(_)) | ("unreadable", _, Ok(file)) => {
                    sent.unreadable.push(file);
                }
                ("name", _, Ok(name)) => names.push(name),
                // A browser sends every line end of a hidden text as CR LF, so it comes as JSON.
                ("text", _, Ok(text)) => {
                    texts.push(serde_json::from_str(&text).unwrap_or_default());
                }
                ("do", _, Ok(what)) => sent.import = what == "import",
                (word, _, Ok(status)) => {
                    let status = Status::from_id(&status);
                    let word = word.strip_prefix("status:").map(str::to_owned);
                    sent.statuses.extend(word.zip(status));
                }
                _ => {}
            }
        }
        sent.files.extend(names.into_iter().zip(texts));
        match sent.files.len() + sent.unreadable.len() {
            0 => {
                let message = "Choose the files to import first.".to_owned();
                Err((StatusCode::UNPROCESSABLE_ENTITY, message))
            }
            count if count > MAX_FILES => {
                let message = format!("These are {count} files; at most {MAX_FILES} at once.");
                Err((StatusCode::UNPROCESSABLE_ENTITY, message))
            }
            _ => Ok(sent),
        }
    }
}

fn not_text(file: &str) -> Source {
    Source { file: file.to_owned(), text: Err("it is not UTF-8 text".to_owned()) }
}

/// A text for a hidden field, where line ends survive.
fn kept(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl View {
    fn count(&self, fate: Fate) -> usize {
        self.report.as_ref().map_or(0, |report| report.count(fate))
    }
}

/// What happens with a decision, in words.
fn fate(line: &Line, done: bool) -> &'static str {
    match (line.result, done) {
        (Fate::New, true) => "Imported",
        (Fate::New, false) => "New",
        (Fate::Here, _) => "Here already",
        (Fate::NeedsStatus, _) => "Status not known",
        (Fate::LeftOut, _) => "Left out",
        (Fate::Faulty, _) => "To be mended",
    }
}
