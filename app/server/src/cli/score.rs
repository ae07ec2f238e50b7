//! `assay score FILE`: the recommendation for an answers file.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use assay_advice::{
    Answers, Assumptions, Choice, Cost, Model, Precedent, PrecedentRef, Score, Settled, Sheet,
    Verdict, precedent, precedents,
};
use clap::Args;
use serde::Serialize;

use super::{Context, Failure, input, report, stderr_is_terminal, write_json};
use crate::pages::{
    cost::CostView,
    words::{self, percent},
};

/// How many reasons and flips are shown to people; `--json` has all.
const SHOWN: usize = 5;

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
            let text = input::read(&arguments.file).map_err(|why| neither(&arguments.file, why))?;
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
    out.write_all(in_words(&report::visible(name), &score, engine.model()).as_bytes())?;
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

/// Says of what is no file that it is no precedent either.
fn neither(name: &Path, why: Failure) -> Failure {
    let id = name.to_string_lossy();
    let like_an_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match why {
        Failure::CannotRun(why) if !name.exists() && id.chars().all(like_an_id) => {
            let ids: Vec<&str> = precedents().iter().map(|case| case.id.as_str()).collect();
            Failure::CannotRun(format!(
                "{why}\nNor is {id} the id of a documented decision; these are: {}",
                ids.join(", ")
            ))
        }
        other => other,
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
fn in_words(service: &str, score: &Score, model: &Model) -> String {
    let mut lines = vec![headline(service, score), String::new()];
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
    let shares = assay_advice::ByOption::from_fn(|choice| score.options.get(choice).first_share);
    let none_left = words::none_left(&shares);
    if !none_left.is_empty() {
        lines.push(format!("  All three are ruled out in {none_left}%, by answers that are open"));
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
