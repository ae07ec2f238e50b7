//! `/evidence/runs/{run}/{file}`: a run's files, as they lie in its folder.

use std::path::PathBuf;

use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{error::Error, evidence::KnownRun, state::App};

/// The files of a run folder, and what is in them.
const FILES: [(&str, &str); 4] = [
    ("summary.toml", "every figure shown here"),
    ("samples.toml", "what was read from every process"),
    ("environment.toml", "machine, versions and settings"),
    ("histograms.hlog", "every latency histogram, in HdrHistogram’s interval log"),
];

/// The largest file that is sent.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A file of a run, where it can be had.
pub(crate) struct Offer {
    pub(crate) file: &'static str,
    pub(crate) what: &'static str,
    /// Its address, if it can be reached from here.
    pub(crate) href: Option<String>,
}

/// The run's files. A committed run's summary and environment are compiled in; its other files are
/// there when assay runs inside its source tree.
pub(crate) fn offers(run: &KnownRun) -> Vec<Offer> {
    let offer = |(file, what): (&'static str, &'static str)| {
        let reachable = path(run, file).is_some() || compiled_in(run, file).is_some();
        let href = reachable.then(|| format!("{}/{file}", super::run_href(&run.name)));
        Offer { file, what, href }
    };
    FILES.into_iter().map(offer).collect()
}

/// Where the run's folder is, for people.
pub(crate) fn folder(run: &KnownRun) -> String {
    run.folder.as_ref().map_or_else(
        || format!("benches/runs/{}/", run.name),
        |folder| folder.display().to_string(),
    )
}

/// The file on disk, if it is there.
fn path(run: &KnownRun, file: &str) -> Option<PathBuf> {
    let folder = match &run.folder {
        Some(folder) => folder.clone(),
        None => {
            let here = std::env::current_dir().ok()?;
            assay_harness::find_root(&here)?.join("benches/runs").join(&run.name)
        }
    };
    Some(folder.join(file)).filter(|path| path.is_file())
}

fn compiled_in(run: &KnownRun, file: &str) -> Option<String> {
    match file {
        "summary.toml" => run.summary.to_toml().ok(),
        "environment.toml" => run.environment.to_toml().ok(),
        _ => None,
    }
}

/// `GET /evidence/runs/{run}/{file}`.
pub(crate) async fn get(
    State(app): State<App>,
    Path((run, file)): Path<(String, String)>,
) -> Result<Response, Error> {
    let runs = app.runs();
    let run = runs.get(&run).ok_or(Error::NotFound)?;
    let (file, _) = FILES.into_iter().find(|(known, _)| *known == file).ok_or(Error::NotFound)?;
    let bytes = match path(run, file) {
        Some(path) => {
            let found = tokio::fs::metadata(&path).await.map_err(|e| Error::Internal(e.into()))?;
            if found.len() > FILE_BYTES_MAX {
                let message = format!("{file} is larger than 64 MiB; it is {}", path.display());
                return Err(Error::Malformed { message, errors: Vec::new() });
            }
            tokio::fs::read(&path).await.map_err(|error| Error::Internal(error.into()))?
        }
        None => compiled_in(run, file).ok_or(Error::NotFound)?.into_bytes(),
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let name: String =
        run.name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    if let Ok(value) = format!("attachment; filename=\"{name}-{file}\"").parse() {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
