//! DuckDB as the judge of what a right answer is (`oracle.py`).

use super::event::Event;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A Python with DuckDB that answers questions.
#[derive(Debug)]
pub struct Oracle {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
}

impl Oracle {
    /// Starts it with a Python that has the package `duckdb`.
    ///
    /// # Errors
    /// When there is no such Python, or it has no DuckDB.
    pub fn start(python: &Path) -> Result<Self> {
        let mut child = Command::new(python)
            .args(["-c", include_str!("oracle.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let requests = child.stdin.take().context("no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("no stdout")?);
        let mut oracle = Self { child, requests, answers, folder: tempfile::tempdir()? };
        let greeting = oracle.read().context("it has no DuckDB")?;
        ensure!(greeting.get("duckdb").is_some(), "it says {greeting}");
        Ok(oracle)
    }

    /// Answers are about these events from now on.
    ///
    /// # Errors
    /// When DuckDB takes in another number of events.
    pub(crate) fn load(&mut self, events: &[Event]) -> Result<()> {
        let names: BTreeSet<&String> = events.iter().flat_map(|event| event.tags.keys()).collect();
        let mut text = String::new();
        for event in events {
            let mut row = vec![json!(event.ts.to_string()), json!(event.key)];
            row.push(json!(json!(event.value).to_string()));
            row.extend(names.iter().map(|name| json!(event.tags.get(*name))));
            writeln!(text, "{}", json!({"row": row}))?;
        }
        let path = self.folder.path().join("events.ndjson");
        std::fs::write(&path, text)?;
        let answer = self.ask(&json!({"load": path, "tags": names}))?;
        ensure!(answer == json!({"events": events.len()}), "DuckDB took in {answer}");
        Ok(())
    }

    /// All rows of the answer to a question whose times are numbers.
    pub(crate) fn answer(&mut self, question: &Value) -> Result<Value> {
        self.ask(&json!({"query": question}))
    }

    pub(crate) fn series(&mut self, question: &Value) -> Result<Value> {
        self.ask(&json!({"series": question}))
    }

    /// What is in a Parquet file: the types of its columns, its rows.
    pub(crate) fn parquet(&mut self, bytes: &[u8]) -> Result<Value> {
        let path = self.folder.path().join("events.parquet");
        std::fs::write(&path, bytes)?;
        self.ask(&json!({"parquet": path}))
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        writeln!(self.requests, "{request}")?;
        self.requests.flush()?;
        let answer = self.read()?;
        ensure!(answer.get("error").is_none(), "DuckDB: {answer} for {request}");
        Ok(answer)
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the oracle says {line:?}"))
    }
}

/// A Python in a virtual environment of its own, with DuckDB from PyPI; made in `folder` if it is
/// not there yet.
///
/// # Errors
/// When there is no Python, or pip cannot fetch DuckDB.
pub fn environment(folder: &Path) -> Result<PathBuf> {
    const DUCKDB: &str = "duckdb==2.0.0";
    let python = folder.join("bin/python");
    let installed = || {
        let import = Command::new(&python).args(["-c", "import duckdb"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    if !installed() {
        Command::new("python3").args(["-m", "venv"]).arg(folder).output()?;
        let pip = ["-m", "pip", "install", "--quiet", "--only-binary=:all:", DUCKDB];
        let output = Command::new(&python).args(pip).output()?;
        ensure!(installed(), "pip: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(python)
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
