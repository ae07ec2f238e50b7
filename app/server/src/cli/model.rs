//! `assay model show` and `assay model check FILE`: the decision model, and what an edited one
//! would change before anybody adopts it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use assay_advice::{Model, Tally};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Failure, Home, input, report, stderr_is_terminal, write_json};
use crate::{
    error::FieldError,
    own::{Own, OwnRecords},
    pages::words::advised,
    trial::{self, Part, Trial},
};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Print the model in use as TOML: a copy of it is what to edit
    Show,
    /// Check an edited model, and say which advice it would change on the documented decisions and
    /// on your own records
    Check(CheckArguments),
}

#[derive(Args, Debug)]
struct CheckArguments {
    /// The edited model, in TOML; `-` reads standard input
    file: PathBuf,
    /// Print the result as JSON, faults included
    #[arg(long)]
    json: bool,
}

/// What `--json` prints: what would change, or the faults.
#[derive(Serialize)]
struct Checked<'a> {
    file: String,
    errors: Vec<FieldError>,
    #[serde(flatten)]
    trial: Option<&'a Trial>,
}

pub(super) async fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::Show => Ok(out.write_all(context.model()?.text().as_bytes())?),
        Verb::Check(arguments) => check(context, arguments, out).await,
    }
}

async fn check(
    context: &Context,
    arguments: &CheckArguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let file = arguments.file.display().to_string();
    let text = input::read(&arguments.file)?;
    let edited = match Model::parse(&text) {
        Ok(edited) => edited,
        Err(problems) => {
            if arguments.json {
                let errors = FieldError::all(&problems, Some(&text));
                write_json(out, &Checked { file: file.clone(), errors, trial: None })?;
                out.flush()?;
            }
            let told = report::problems(&file, &text, &problems, stderr_is_terminal());
            return Err(Failure::Input(told));
        }
    };
    let in_use = Arc::clone(&context.evidence()?.now().engine);
    let records = records(context, in_use.model()).await?;
    let trial = trial::run(&in_use, edited, &records);
    if arguments.json {
        let errors = Vec::new();
        return write_json(out, &Checked { file, errors, trial: Some(&trial) });
    }
    Ok(out.write_all(in_words(&report::visible(&file), &arguments.file, &trial).as_bytes())?)
}

/// The records that are kept; a folder that is not there has none.
async fn records(context: &Context, model: &Model) -> Result<Own, Failure> {
    if matches!(context.home(), Home::Folder(folder) if !folder.is_dir()) {
        return Ok(Own::default());
    }
    let store = context.store(Arc::new(model.clone())).await?;
    let bad = store.bad_files().await?.len();
    if bad > 0 {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(
            std::io::stderr(),
            "warning: {bad} files need mending and are left out; `assay check` says why"
        );
    }
    Ok(OwnRecords::default().all(store.as_ref()).await?)
}

fn in_words(name: &str, file: &Path, trial: &Trial) -> String {
    let (edited, in_use) = (&trial.model, &trial.in_use);
    let mut lines = vec![
        format!("{name} can be used: {}, version {}", edited.id, edited.version),
        format!("  {}", edited.digest),
        format!("In use: {}, version {}", in_use.id, in_use.version),
        format!("  {}", in_use.digest),
    ];
    if trial.is_same() {
        lines.push("They are the same text, so nothing changes.".to_owned());
    }
    let warnings = trial.warnings.iter();
    lines.extend(warnings.map(|told| format!("warning: {}", report::visible(told))));
    tell(&mut lines, "documented decisions", &trial.precedents);
    if trial.records.cases == 0 {
        lines.push("\nNo records of your own with answers; examples do not count".to_owned());
    } else {
        tell(&mut lines, "records of your own", &trial.records);
    }
    if !trial.is_same() {
        lines.push(String::new());
        lines.push(format!("To adopt it: assay --model {} (or ASSAY_MODEL)", file.display()));
        lines.push("Records keep the advice they were given, and which model gave it.".to_owned());
    }
    lines.push(String::new());
    lines.join("\n")
}

fn tell(lines: &mut Vec<String>, what: &str, part: &Part) {
    lines.push(String::new());
    lines.push(match part.cases {
        1 => format!("1 {}", what.replacen("s ", " ", 1)),
        cases => format!("{cases} {what}"),
    });
    if part.beyond > 0 {
        lines.push(format!("  the newest ones; {} older ones are not looked at", part.beyond));
    }
    if part.before.cases > 0 {
        lines.push(format!("  in use: {}", agreement(&part.before)));
        lines.push(format!("  edited: {}", agreement(&part.after)));
    }
    match part.changed.len() {
        0 => lines.push("  No recommendation and no verdict changes.".to_owned()),
        changed => lines.push(format!("  Changed: {changed}")),
    }
    for changed in &part.changed {
        let chose = match changed.option {
            Some(option) => format!(" (chose {option})"),
            None => String::new(),
        };
        lines.push(format!("  - {}{chose}", report::visible(&changed.name)));
        let (before, after) = (advised(&changed.before), advised(&changed.after));
        lines.push(format!("      {before}  →  {after}"));
    }
    if !part.unfit.is_empty() {
        lines.push(format!("  Not all of whose answers it knows: {}", part.unfit.len()));
    }
    for unfit in &part.unfit {
        lines.push(format!("  - {}", report::visible(&unfit.name)));
        lines.extend(unfit.problems.iter().map(|told| format!("      {}", report::visible(told))));
    }
}

/// How the advice agrees with what was chosen, in words.
fn agreement(tally: &Tally) -> String {
    let Tally { cases, decided, agree, abstained, strong, strong_agree } = tally;
    format!(
        "of the {cases} that count it decides {decided}, agrees in {agree} ({strong_agree} of \
         {strong} strong ones), {abstained} too close to call"
    )
}
