//! `assay record FILE`: keeps a decision.

use std::{io::Write, path::PathBuf};

use assay_advice::{Choice, Score};
use assay_records::Status;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde::Serialize;
use uuid::Uuid;

use super::{Context, Failure, input, score::sheet, write_json};
use crate::{
    error::Error,
    recording::{self, Wishes},
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Answers, or a whole record, in TOML; `-` reads standard input
    file: PathBuf,
    /// The option chosen [default: the recommended one]
    #[arg(long, value_parser = option_parser())]
    option: Option<Choice>,
    /// The record's title, one line
    #[arg(long)]
    title: Option<String>,
    /// Why; required against the recommendation
    #[arg(long)]
    why: Option<String>,
    /// Where the record starts in its life [default: draft]
    #[arg(long, value_parser = status_parser())]
    status: Option<Status>,
    /// The team that owns the service
    #[arg(long)]
    team: Option<String>,
    /// A word to find it by; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Recorded {
    id: Uuid,
    number: u32,
    path: PathBuf,
    option: Option<Choice>,
    advice: Option<Score>,
}

pub(super) async fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let text = input::read(&arguments.file)?;
    let app = context.app().await?;
    let whole = recording::is_record(&text) && arguments.says_nothing();
    let kept = if whole {
        recording::keep_text(&app, text).await
    } else {
        let sheet = sheet(app.model(), &arguments.file, &text)?;
        let wishes = Wishes { service: sheet.service, ..arguments.wishes() };
        if wishes.title.trim().is_empty() && wishes.service.is_none() {
            return Err(Failure::Input("the record needs a title: --title TITLE".to_owned()));
        }
        match recording::draft(&app, &sheet.answers, wishes) {
            Ok(draft) => recording::create(&app, app.new_id(), &draft).await,
            Err(error) => Err(error),
        }
    };
    let stored = kept.map_err(|error| in_words(&error))?;
    let recorded = Recorded {
        id: stored.id,
        number: stored.number,
        path: app.decisions.clone().unwrap_or_default().join(&stored.file_name),
        option: stored.record.choice.map(|chosen| chosen.option),
        advice: stored.record.advice,
    };
    if arguments.json {
        return write_json(out, &recorded);
    }
    Ok(writeln!(out, "{}  {}", recorded.id, recorded.path.display())?)
}

impl Arguments {
    /// Whether nothing was said beside the file, which then stands for itself.
    fn says_nothing(&self) -> bool {
        self.option.is_none()
            && self.title.is_none()
            && self.why.is_none()
            && self.status.is_none()
            && self.team.is_none()
            && self.tags.is_empty()
    }

    fn wishes(&self) -> Wishes {
        Wishes {
            title: self.title.clone().unwrap_or_default(),
            team: self.team.clone(),
            option: self.option,
            why: self.why.clone(),
            status: self.status,
            tags: self.tags.clone(),
            ..Wishes::default()
        }
    }
}

/// An error with its faults, one a line, and how to mend them with options.
fn in_words(error: &Error) -> Failure {
    match error {
        Error::Invalid { message, errors } => {
            let mut text = message.clone();
            for fault in errors {
                // A single fault may be the message itself.
                let said = if fault.message == *message { "" } else { &fault.message };
                let place = match (fault.line, fault.field.as_str()) {
                    (Some(line), field) => format!("line {line}, {field}"),
                    (None, field @ ("why" | "option" | "title" | "team" | "status")) => {
                        format!("--{field}")
                    }
                    (None, field) => field.to_owned(),
                };
                text.push_str(&format!("\n  {place}: {said}"));
                match (said, fault.allowed.as_str()) {
                    (_, "") => {}
                    ("", allowed) => text.push_str(allowed),
                    (_, allowed) => text.push_str(&format!(" ({allowed})")),
                }
            }
            Failure::Input(text)
        }
        other => Failure::CannotRun(other.to_string()),
    }
}

fn option_parser() -> impl TypedValueParser<Value = Choice> {
    PossibleValuesParser::new(Choice::ALL.map(Choice::id))
        .try_map(|id| Choice::from_id(&id).ok_or("not an option"))
}

fn status_parser() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::id))
        .try_map(|id| Status::from_id(&id).ok_or("not a status"))
}
