//! `assay score FILE`: the recommendation for an answers file.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use assay_advice::{
    Answers, Assumptions, Choice, Cost, Model, Precedent, PrecedentRef, Score, Sheet, precedent,
    precedents,
};
use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use super::{Context, Failure, Home, input, report, stderr_is_terminal, write_json};
use crate::pages::{
    cost::CostView,
    words::{self, Headline, percent},
};

/// How many reasons are shown to people; `--json` has all.
const SHOWN: usize = 5;

/// How many ids are offered for one misspelt, and how alike they must be, 0 to 1.
const CLOSE_MAX: usize = 3;
const CLOSE: f32 = 0.6;

/// Fewer letters than these are part of too many ids to say which was meant.
const HELD_MIN: usize = 3;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Answers, a record or a precedent, in TOML; `-` reads standard input. Or the id of a precedent
    /// that comes with assay, for example `grab`
    file: PathBuf,
    /// Print the whole score as JSON; with `--cost`, the cost is one more key of it
    #[arg(long)]
    json: bool,
    /// Say what the options cost as well: cores, money and when the ramp is paid back
    #[arg(long)]
    cost: bool,
    /// Change an assumption about cost, such as core_month=25; may be repeated
    #[arg(long = "assume", value_name = "ID=VALUE", requires = "cost")]
    assume: Vec<String>,
}

/// What `--json --cost` prints: the score with one more key.
#[derive(Serialize)]
struct WithCost<'a> {
    #[serde(flatten)]
    score: &'a Score,
    cost: &'a Cost,
}

pub(super) fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let engine = std::sync::Arc::clone(&context.evidence()?.now().engine);
    let sheet = match known_precedent(&arguments.file) {
        Some(case) => coded(engine.model(), case)?,
        None => {
            let text = input::read(&arguments.file)
                .map_err(|why| neither(context, &arguments.file, why))?;
            sheet(engine.model(), &arguments.file, &text)?
        }
    };
    let score = engine.score_with_precedents(&sheet.answers);
    let cost = match arguments.cost {
        true => {
            let assumptions = assumptions(&arguments.assume)?;
            let cost = engine.cost(&sheet.answers, &assumptions, score.recommended);
            Some((cost, assumptions))
        }
        false => None,
    };
    if arguments.json {
        return match &cost {
            None => write_json(out, &score),
            Some((cost, _)) => write_json(out, &WithCost { score: &score, cost }),
        };
    }
    let name = sheet.service.as_deref().unwrap_or("this service");
    out.write_all(
        in_words(&report::visible(name), &score, &sheet.answers, engine.model()).as_bytes(),
    )?;
    if let Some((cost, assumptions)) = cost {
        out.write_all(cost_in_words(&CostView::new(cost, &assumptions, Some(&score))).as_bytes())?;
    }
    Ok(())
}

/// The precedent of this id, unless a file has that name.
fn known_precedent(name: &Path) -> Option<&'static Precedent> {
    if name.exists() { None } else { precedent(name.to_str()?) }
}

/// The answers of a precedent as they were coded.
fn coded(model: &Model, case: &Precedent) -> Result<Sheet, Failure> {
    let answers = Answers::from_table(model, &case.answers.to_table()).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::Input(format!("the model in use does not ask {}: {}", case.id, told.join("; ")))
    })?;
    Ok(Sheet { service: Some(format!("{}: {}", case.organisation, case.component)), answers })
}

/// Says of what is no file what may be meant: the file of a record, or the id of a precedent.
fn neither(context: &Context, name: &Path, why: Failure) -> Failure {
    let id = name.to_string_lossy();
    let like_an_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match why {
        Failure::CannotRun(why) if !name.exists() && id.chars().all(like_an_id) => {
            Failure::CannotRun(format!("{why}\n{}", meant(context, &id)))
        }
        other => other,
    }
}

fn meant(context: &Context, id: &str) -> String {
    if let Home::Folder(folder) = context.home()
        && let Some(file) = input::record_file(&folder, id)
    {
        return format!("Did you mean the record {}?", file.display());
    }
    let number = id.chars().all(|c| c.is_ascii_digit());
    if number || Uuid::try_parse(id).is_ok() {
        return "A record is scored by its file, and none here has that number or id; `assay list` \
                shows those there are."
            .to_owned();
    }
    match near_ids(&id.to_ascii_lowercase()) {
        near if near.is_empty() => format!(
            "Nor is {id} the id of a documented decision; `assay backtest` lists those there are."
        ),
        near => format!("Did you mean the documented decision {}?", near.join(" or ")),
    }
}

/// The ids of precedents that hold what was written, or else are spelt much like it.
fn near_ids(written: &str) -> Vec<&'static str> {
    let ids: Vec<&str> = precedents().iter().map(|case| case.id.as_str()).collect();
    let holds = |id: &&str| written.len() >= HELD_MIN && id.contains(written);
    let held: Vec<&str> = ids.iter().copied().filter(holds).take(CLOSE_MAX).collect();
    match held.is_empty() {
        true => similar::get_close_matches(written, &ids, CLOSE_MAX, CLOSE),
        false => held,
    }
}

/// The assumptions said with `--assume`.
fn assumptions(said: &[String]) -> Result<Assumptions, Failure> {
    let mut assumptions = Assumptions::default();
    for text in said {
        let (id, value) = text.split_once('=').ok_or_else(|| {
            Failure::Input(format!("--assume {text}: write ID=VALUE, for example core_month=25"))
        })?;
        assumptions
            .say(id.trim(), value.trim())
            .map_err(|problem| Failure::Input(format!("--assume {problem}")))?;
    }
    Ok(assumptions)
}

/// The cost as text below the recommendation.
fn cost_in_words(view: &CostView) -> String {
    let mut lines = Vec::new();
    let figures = view.options.iter().map(|(option, own)| {
        format!(
            "  {:<6}  cores {:>9}   {:>13} {} a month   ramp {:>9}   pays back: {}",
            option.name(),
            own.cores.words(),
            own.per_month.words(),
            view.cost.currency,
            own.ramp_words(),
            own.payback.words()
        )
    });
    let mut body = vec![format!("  {}", view.cost.summary)];
    body.extend(figures);
    section(&mut lines, "What it costs", body);
    if !view.ratio.is_empty() {
        let source = &view.cost.source;
        lines.push(format!("  Processor time, Rust ÷ Go: {}, measured with {source}", view.ratio));
    }
    lines.extend(view.cost.notes.iter().map(|note| format!("  {note}")));
    if !view.options.is_empty() {
        let assumed = view.assumed.iter().map(|(label, value)| format!("  - {label}: {value}"));
        section(&mut lines, "Assumed (change with --assume ID=VALUE)", assumed.collect());
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The answers of a file, or every fault at its place.
pub(super) fn sheet(model: &Model, file: &Path, text: &str) -> Result<Sheet, Failure> {
    Answers::from_toml(model, text).map_err(|problems| {
        let name = file.display().to_string();
        Failure::Input(report::problems(&name, text, &problems, stderr_is_terminal()))
    })
}

/// The recommendation as a page of text.
fn in_words(service: &str, score: &Score, answers: &Answers, model: &Model) -> String {
    let headline = Headline::new(score, answers).line();
    let mut lines = vec![format!("{service}: {headline}"), String::new()];
    if score.recommended.is_none() || words::only_one_left(score) {
        lines.extend([words::first_sentence(score), String::new()]);
    }
    for choice in Choice::ALL {
        let option = score.options.get(choice);
        let out = match score.ruled_out(model, choice) {
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
    let none_left = words::shares(score).none_left;
    if !none_left.is_empty() {
        lines.push(format!("  {none_left}"));
    }
    if !score.held_back.is_empty() {
        let why = assay_advice::held_back_by(&score.held_back);
        lines.push(format!("  No more than a lean, because {why}"));
    }
    for notice in words::notices(score) {
        lines.extend([String::new(), notice.text]);
    }
    if !words::performance(score).is_empty() {
        lines.extend([String::new(), words::performance(score).to_owned()]);
    }
    section(&mut lines, &words::compared(score), reasons(score));
    let mut flips: Vec<String> =
        score.flips.iter().map(|flip| format!("  - {}", flip.text)).collect();
    if flips.is_empty() {
        flips.push(format!("  {}", words::no_flips(score)));
    }
    section(&mut lines, "What would change it", flips);
    if let Some(question) = score.next_question.as_deref().and_then(|id| model.question(id)) {
        section(
            &mut lines,
            "Most worth answering next",
            vec![format!("  {} ({})", question.label, question.id)],
        );
    }
    if let Some(Precedent { organisation, component, option, .. }) =
        score.same_as.as_deref().and_then(precedent)
    {
        lines.push(String::new());
        lines.push(format!(
            "These are the answers of {organisation}: {component}, which chose {option}: the same \
             case, so it is not among the nearest."
        ));
    }
    let near = score.precedents.iter().map(precedent_in_words);
    section(
        &mut lines,
        "Nearest documented decisions (they do not enter the advice)",
        near.collect(),
    );
    lines.push(String::new());
    lines.join("\n")
}

fn precedent_in_words(near: &PrecedentRef) -> String {
    let (chose, alike) = (near.option.id(), percent(near.similarity));
    match precedent(&near.id) {
        Some(Precedent { organisation, component, year, .. }) => {
            format!("  {alike:>3}% alike  {chose:<6}  {organisation}: {component}, {year}")
        }
        None => format!("  {alike:>3}% alike  {chose:<6}  {}", near.id),
    }
}

fn section(lines: &mut Vec<String>, title: &str, body: Vec<String>) {
    if !body.is_empty() {
        lines.push(String::new());
        lines.push(title.to_owned());
        lines.extend(body);
    }
}

/// The weightiest reasons, for (`+`) and against (`-`) the first option.
fn reasons(score: &Score) -> Vec<String> {
    words::reasons(score, |contribution| contribution != 0.0)
        .into_iter()
        .take(SHOWN)
        .map(|reason| {
            let sign = if reason.contribution > 0.0 { '+' } else { '-' };
            format!("  {sign} {:.3}  {}", reason.contribution.abs(), reason.text)
        })
        .collect()
}
