//! `assay score FILE`: the recommendation for an answers file.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use assay_advice::{Answers, Choice, Model, Score, Settled, Sheet, Verdict};
use clap::Args;

use super::{Context, Failure, input, report, stderr_is_terminal, write_json};
use crate::pages::words::{self, percent};

/// How many reasons and flips are shown to people; `--json` has all.
const SHOWN: usize = 5;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Answers, a record or a precedent, in TOML; `-` reads standard input
    file: PathBuf,
    /// Print the whole score as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let engine = std::sync::Arc::clone(&context.evidence()?.now().engine);
    let text = input::read(&arguments.file)?;
    let sheet = sheet(engine.model(), &arguments.file, &text)?;
    let score = engine.score(&sheet.answers);
    if arguments.json {
        return write_json(out, &score);
    }
    let name = sheet.service.as_deref().unwrap_or("this service");
    Ok(out.write_all(in_words(&report::visible(name), &score, engine.model()).as_bytes())?)
}

/// The answers of a file, or every fault at its place.
pub(super) fn sheet(model: &Model, file: &Path, text: &str) -> Result<Sheet, Failure> {
    Answers::from_toml(model, text).map_err(|problems| {
        let name = file.display().to_string();
        Failure::Input(report::problems(&name, text, &problems, stderr_is_terminal()))
    })
}

/// The recommendation as a page of text.
fn in_words(service: &str, score: &Score, model: &Model) -> String {
    let mut lines = vec![headline(service, score), String::new()];
    for choice in Choice::ALL {
        let option = score.options.get(choice);
        let out = match words::ruled_out(model, score, choice) {
            why if why.is_empty() => why,
            why => format!("   ruled out: {why}"),
        };
        lines.push(format!(
            "  {:<6}  value {:.2}   first in {:>3}% of {} plausible readings{out}",
            choice.name(),
            option.value,
            percent(option.first_share),
            assay_advice::grouped(score.draws.into()),
        ));
    }
    for notice in words::notices(score) {
        lines.extend([String::new(), notice.text]);
    }
    if !words::performance(score).is_empty() {
        lines.extend([String::new(), words::performance(score).to_owned()]);
    }
    let [first, second] = score.compared();
    section(&mut lines, &format!("Why {first} (+) or {second} (-)"), reasons(score));
    let flips = score.flips.iter().take(SHOWN).map(|flip| format!("  - {}", flip.text));
    section(&mut lines, "What would change it", flips.collect());
    if let Some(question) = score.next_question.as_deref().and_then(|id| model.question(id)) {
        section(
            &mut lines,
            "Most worth answering next",
            vec![format!("  {} ({})", question.label, question.id)],
        );
    }
    lines.push(String::new());
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, title: &str, body: Vec<String>) {
    if !body.is_empty() {
        lines.push(String::new());
        lines.push(title.to_owned());
        lines.extend(body);
    }
}

fn headline(service: &str, score: &Score) -> String {
    match (score.recommended, score.verdict, score.settled) {
        (Some(choice), Verdict::Strong, _) => format!("{service}: {choice}, strongly"),
        (Some(choice), _, _) => format!("{service}: leaning to {choice}"),
        (None, _, Some(Settled::RustInCore)) => {
            format!("{service}: Rust in the core; the edge is open")
        }
        (None, _, Some(Settled::GoAtEdge)) => {
            format!("{service}: Go at the edge; the core is open")
        }
        (None, _, None) => format!("{service}: too close to call"),
    }
}

/// The weightiest reasons, for (`+`) and against (`-`) the first option.
fn reasons(score: &Score) -> Vec<String> {
    score
        .reasons
        .iter()
        .filter(|reason| reason.contribution != 0.0)
        .take(SHOWN)
        .map(|reason| {
            let sign = if reason.contribution > 0.0 { '+' } else { '-' };
            format!("  {sign} {:.3}  {}", reason.contribution.abs(), reason.text)
        })
        .collect()
}
