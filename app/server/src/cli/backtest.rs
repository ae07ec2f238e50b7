//! `assay backtest [DIR]`: how often the advice agrees with what was chosen.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::{Path, PathBuf},
};

use assay_advice::{
    Backtest, BuiltinCases, ByAdvice, Case, CaseResult, Choice, KindTally, Model, Problem,
    Reliability, Summary, Usage, Verdict, WithoutCriterion, backtest, without_each_criterion,
};
use assay_records::{Record, Status};
use clap::Args;
use uuid::Uuid;

use super::{Context, Failure, input, report, stderr_is_terminal, write_json};
use crate::{
    judged::{self, Judged},
    own,
    pages::words::{self, percent, tipped},
    recording,
};

/// Fewer cases that count are shown one by one only.
const TABLES_FROM: usize = 10;

/// The most characters of a record's title in a line.
const TITLE_MAX: usize = 40;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Folder of cases: TOML files with `id`, `option` and `[answers]`, and `use` if not core;
    /// other keys are passed over. Or a folder of records, of which the accepted ones count [default: the precedents that come with assay]
    dir: Option<PathBuf>,
    /// Only the cases of this use: core, pre-rust-era, thin-reasons or not-a-service [default: all,
    /// of which only the core ones count]
    #[arg(long = "use", value_name = "USE", value_parser = usage)]
    usage: Option<Usage>,
    /// Print the whole result as JSON
    #[arg(long)]
    json: bool,
}

fn usage(text: &str) -> Result<Usage, String> {
    let allowed = Usage::ALL.map(Usage::id).join(", ");
    Usage::from_id(text).ok_or_else(|| format!("allowed: {allowed}"))
}

pub(super) fn run(
    context: &Context,
    arguments: &Arguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let engine = std::sync::Arc::clone(&context.evidence()?.now().engine);
    let Read { mut cases, names, faults } = match &arguments.dir {
        Some(folder) => read_folder(folder, engine.model())?,
        None => Read { cases: builtin(engine.model()), ..Read::default() },
    };
    faults.tell();
    if let Some(usage) = arguments.usage {
        cases.retain(|case| case.usage == usage);
    }
    if !cases.is_empty() {
        let counted = arguments.usage.unwrap_or(Usage::Core);
        let found = backtest(&engine, &cases, counted);
        let ours = arguments.dir.is_none() && counted == Usage::Core;
        let criteria = match ours {
            true => without_each_criterion(&engine, &cases, &found.per_case, counted),
            false => Vec::new(),
        };
        match (arguments.json, ours) {
            (true, true) => write_json(out, &Judged::precedents(&found, &criteria))?,
            (true, false) => write_json(out, &Judged::cases(&found))?,
            (false, _) => {
                let known = if ours { judged::tuned(&found) } else { String::new() };
                let told = in_words(&found, &criteria, &known, &names, faults.files);
                out.write_all(told.as_bytes())?;
            }
        }
    }
    if faults.files > 0 {
        out.flush()?;
        return Err(Failure::Input(format!("{} left out", plural(faults.files, "faulty file"))));
    }
    match (cases.is_empty(), arguments.usage) {
        (true, Some(usage)) => {
            Err(Failure::Input(format!("there is no case whose use is {}", usage.id())))
        }
        _ => Ok(()),
    }
}

/// The precedents. What a model of one's own does not ask is told and left out.
fn builtin(model: &Model) -> Vec<Case> {
    let BuiltinCases { cases, left_out } = BuiltinCases::new(model);
    for question in left_out {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(
            io::stderr(),
            "warning: the model does not know some answers to `{question}`; they are left out"
        );
    }
    cases
}

/// What a folder holds.
#[derive(Default)]
struct Read {
    cases: Vec<Case>,
    /// What people call a record, by its id: number and title.
    names: BTreeMap<String, String>,
    faults: Faults,
}

/// What is wrong with the files of a folder.
#[derive(Default)]
struct Faults {
    /// How many files are left out.
    files: usize,
    /// All that is wrong with them, as shown.
    text: String,
}

impl Faults {
    fn add(&mut self, name: &str, text: &str, problems: &[Problem]) {
        self.files += 1;
        self.text.push_str(&report::problems(name, text, problems, stderr_is_terminal()));
    }

    fn tell(&self) {
        // A closed standard error leaves nobody to tell; the exit code still does.
        let _ = io::stderr().write_all(self.text.as_bytes());
    }
}

fn read_folder(folder: &Path, model: &Model) -> Result<Read, Failure> {
    let paths = input::toml_files(folder)?;
    if paths.is_empty() {
        return Err(Failure::Input(format!(
            "there is no case in {}: a case is a .toml file with id, option and [answers]",
            folder.display()
        )));
    }
    let Read { mut cases, mut names, mut faults } = Read::default();
    let mut first_with: BTreeMap<String, String> = BTreeMap::new();
    let (mut recorded, mut replaced) = (BTreeSet::new(), BTreeSet::new());
    for path in paths {
        let name = path.display().to_string();
        let text = match input::read_file(&path) {
            Ok(text) => text,
            Err(failure) => {
                faults.files += 1;
                faults.text.push_str(&format!("error: {failure}\n\n"));
                continue;
            }
        };
        let case = match recording::is_record(&text) {
            false => Case::parse(model, &text).map(Some),
            true => Record::parse(&text, model).map(|parsed| {
                let record = parsed.record;
                recorded.insert(record.id.to_string());
                names.insert(record.id.to_string(), record_name(&path, &record));
                if matches!(record.status, Status::Accepted | Status::Deprecated) {
                    replaced.extend(record.supersedes.iter().map(Uuid::to_string));
                }
                own::accepted(&record)
            }),
        };
        match case {
            Err(problems) => faults.add(&name, &text, &problems),
            Ok(None) => {}
            Ok(Some(case)) => match first_with.get(&case.id) {
                Some(other) => faults.add(&name, &text, &[same_id(&text, &case.id, other)]),
                None => {
                    first_with.insert(case.id.clone(), name);
                    cases.push(case);
                }
            },
        }
    }
    cases.retain(|case| !replaced.contains(&case.id));
    if !recorded.is_empty() {
        let counted = cases.iter().filter(|case| recorded.contains(&case.id)).count();
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(
            io::stderr(),
            "{counted} of {} count: those accepted, not replaced since, and with answers",
            plural(recorded.len(), "record")
        );
    }
    Ok(Read { cases, names, faults })
}

/// What a record is called in a line: its number and as much of its title as fits.
fn record_name(path: &Path, record: &Record) -> String {
    let number = input::record_number(path).map(|number| format!("{number:04} "));
    let mut title: String = record.title.chars().take(TITLE_MAX).collect();
    if record.title.chars().count() > TITLE_MAX {
        title.push('…');
    }
    format!("{}{title}", number.unwrap_or_default())
}

fn same_id(text: &str, id: &str, other: &str) -> Problem {
    let at = text.find(id).unwrap_or_default();
    Problem {
        field: "id".to_owned(),
        span: Some(at..at + id.len()),
        message: format!("{other} has the same id"),
        help: "give one of them another id, or delete the copy".to_owned(),
    }
}

/// The result as a page of text, with what is known of how the model came about; so many files were
/// left out.
fn in_words(
    found: &Backtest,
    criteria: &[WithoutCriterion],
    known: &str,
    names: &BTreeMap<String, String>,
    left_out: usize,
) -> String {
    let mut text = headline(found, left_out);
    if !known.is_empty() {
        text.push_str(&format!("\n{known}\n"));
    }
    text.push_str(&found.by_advice.as_ref().map(by_advice).unwrap_or_default());
    if found.summary.cases < TABLES_FROM {
        text.push_str(&format!(
            "\nTables begin at {TABLES_FROM} cases: of fewer, each says more than a share would.\n"
        ));
    } else {
        text.push_str(&reliability(&found.summary));
        text.push_str(&confusion(&found.summary));
        text.push_str(&beside_baselines(&found.summary));
        text.push_str(&taken_away(found));
        text.push_str(&without_criteria(criteria));
        text.push_str("\nWhat follows\n");
        for told in judged::conclusions(found, criteria) {
            text.push_str(&format!("  - {told}\n"));
        }
        text.push_str(&found.hybrid_kind.as_ref().map(kinds).unwrap_or_default());
    }
    if !found.apart.is_empty() {
        text.push_str("\nCounted apart\n");
        if found.apart.iter().any(|apart| apart.usage == Usage::PreRustEra) {
            text.push_str(&format!("  {}\n", judged::CIRCULAR));
        }
    }
    for apart in &found.apart {
        text.push_str(&format!("  {:<22}  {}\n", apart.usage.id(), short(&apart.summary)));
    }
    text.push_str(&format!("\nCases (shares: Rust, Go, hybrid). {}\n", judged::SHARES));
    let name = |case: &CaseResult| report::visible(names.get(&case.id).unwrap_or(&case.id));
    let width = found.per_case.iter().map(|case| name(case).chars().count()).max().unwrap_or(0);
    for case in &found.per_case {
        text.push_str(&line(case, &name(case), width));
    }
    text.push_str("\nAgreement with what was chosen is not correctness.\n");
    text
}

fn headline(found: &Backtest, left_out: usize) -> String {
    let Summary { cases, decided, agree, abstained, .. } = found.summary;
    let summary = &found.summary;
    let share = match (summary.agreement, summary.agreement_interval) {
        (Some(share), Some(interval)) => {
            format!(" ({}%, 95% interval {})", percent(share), range(interval))
        }
        _ => String::new(),
    };
    let model = report::visible(&format!("{} {}", found.model.id, found.model.version));
    let cases = match found.usage {
        Usage::Core => plural(cases, "core case"),
        usage => format!("{} of use {}", plural(cases, "case"), usage.id()),
    };
    let stayed = match judged::stayed(summary) {
        none if none.is_empty() => none,
        words => format!("; {words}"),
    };
    let left_out = match left_out {
        0 => String::new(),
        files => format!(", {} left out", plural(files, "faulty file")),
    };
    format!(
        "The model {model} on {cases}{left_out}\n\n  \
           agrees    {agree} of {decided} decided{share}\n  \
           abstains  {abstained}{stayed}\n  \
           credit    {:.1}, where an abstention counts a third\n  \
           kappa     {}\n  \
           Brier     {} (equal shares for all: 0.667)\n",
        summary.credit,
        number(summary.kappa),
        number(summary.brier),
    )
}

fn reliability(summary: &Summary) -> String {
    let row = |name: &str, own: &Reliability| {
        let Reliability { cases, agree, mean_first_share, interval } = own;
        let interval = interval.map_or_else(|| "-".to_owned(), range);
        let share = number(*mean_first_share);
        format!("  {name:<10}  {cases:>5}  {agree:>6}  {share:>11}  {interval:>12}\n")
    };
    format!(
        "\nBy verdict    cases  agreed  first share  95% interval\n{}{}{}",
        row("strong", &summary.strong),
        row("lean", &summary.lean),
        row("too close", &summary.too_close),
    )
}

fn confusion(summary: &Summary) -> String {
    let mut text = "\nRecommended      Rust      Go  Hybrid  were chosen\n".to_owned();
    for recommended in Choice::ALL.map(Some).into_iter().chain([None]) {
        let name = recommended.map_or("nothing", Choice::name);
        let row = summary.confusion.row(recommended);
        text.push_str(&format!(
            "  {name:<11}  {:>6}  {:>6}  {:>6}\n",
            row.rust, row.go, row.hybrid
        ));
    }
    text
}

fn beside_baselines(summary: &Summary) -> String {
    let mut text =
        "\nBeside simpler ways  decided  agreed  credit  the model wins  loses\n".to_owned();
    text.push_str(&format!(
        "  {:<17}  {:>7}  {:>6}  {:>6.1}\n",
        "The model", summary.decided, summary.agree, summary.credit
    ));
    for (words, own) in summary.baselines.each() {
        text.push_str(&format!(
            "  {:<17}  {:>7}  {:>6}  {:>6.1}  {:>14}  {:>5}\n",
            words.name, own.decided, own.agree, own.credit, own.wins, own.losses
        ));
    }
    text
}

/// Records decided with assay, by what became of its advice.
fn by_advice(found: &ByAdvice) -> String {
    let ByAdvice { taken, overridden, none } = found;
    let mut text = "\nBy the advice they were given\n".to_owned();
    for (name, summary) in
        [("took it", taken), ("chose otherwise", overridden), ("were given none", none)]
    {
        if summary.cases > 0 {
            text.push_str(&format!("  {name:<15}  {}\n", short(summary)));
        }
    }
    let taken = plural(taken.cases, "record");
    text.push_str(&format!(
        "  {taken} simply took the advice, so that agreeing with them says nothing for it.\n"
    ));
    text
}

/// What hangs on answers whose coding may owe something to the reasons stated afterwards, and on
/// what is expected but not measured.
fn taken_away(found: &Backtest) -> String {
    let mut text = "\nWithout some of it                      decided  agreed  abstained  credit  \
                    best simple way           credit  the model wins  loses\n"
        .to_owned();
    let separable = ("Without separable core", &found.separable_unknown);
    let ablations = found.ablations.iter().map(|own| (own.name, &own.summary));
    let whole = ("All answers", &found.summary);
    for (name, own) in [whole, separable].into_iter().chain(ablations) {
        // What follows a colon explains the name.
        let name = name.split_once(':').map_or(name, |(name, _)| name);
        let (words, best) = own.baselines.best();
        text.push_str(&format!(
            "  {name:<38}  {:>7}  {:>6}  {:>9}  {:>6.1}  {:<24}  {:>6.1}  {:>14}  {:>5}\n",
            format!("{} of {}", own.decided, own.cases),
            own.agree,
            own.abstained,
            own.credit,
            format!("{}, {} of {}", words.name, best.agree, best.decided),
            best.credit,
            best.wins,
            best.losses,
        ));
    }
    text
}

/// Each criterion left out in turn; nothing when that was not asked.
fn without_criteria(criteria: &[WithoutCriterion]) -> String {
    if criteria.is_empty() {
        return String::new();
    }
    let mut text = "\nWithout one criterion               decided  agreed  abstained  credit  \
                    other verdict (of all cases)\n"
        .to_owned();
    for own in criteria {
        text.push_str(&format!(
            "  {:<34}  {:>7}  {:>6}  {:>9}  {:>6.1}  {:>13}\n",
            own.name, own.decided, own.agree, own.abstained, own.credit, own.moved
        ));
    }
    text
}

fn kinds(tally: &KindTally) -> String {
    let KindTally { cases, named, agree } = tally;
    format!(
        "\nOne process or two services: of {} built, the model recommends {named} and names the \
         right kind for {agree}\n",
        plural(*cases, "hybrid")
    )
}

fn short(summary: &Summary) -> String {
    let Summary { cases, decided, agree, abstained, .. } = summary;
    let (cases, verb) = (plural(*cases, "case"), if *cases == 1 { "agrees" } else { "agree" });
    format!("{agree} of {cases} {verb}, {} against, {abstained} abstained", decided - agree)
}

fn line(case: &CaseResult, name: &str, width: usize) -> String {
    let mark = match case.agreed() {
        Some(true) => "agrees  ",
        Some(false) => "misses  ",
        None => "abstains",
    };
    let said = match case.recommended {
        Some(option) => option.id(),
        None => "-",
    };
    let verdict = match case.verdict {
        Verdict::Strong => "strong",
        Verdict::Lean => "lean",
        Verdict::TooClose => "too close",
    };
    let [rust, go, hybrid] = Choice::ALL.map(|option| percent(*case.first_share.get(option)));
    let mut text = format!(
        "  {mark}  {name:<width$}  chosen {chosen:<6}  said {said:<6} {verdict:<9} \
         {rust:>3} {go:>3} {hybrid:>3}  {usage}\n",
        chosen = case.option.id(),
        usage = if case.usage == Usage::Core { "" } else { case.usage.id() },
    )
    .trim_end()
    .to_owned();
    text.push('\n');
    if !case.held_back.is_empty() {
        let why = assay_advice::held_back_by(&case.held_back);
        text.push_str(&format!("            no more than a lean, because {why}\n"));
    }
    if case.agreed() != Some(true) {
        text.push_str(&format!("            {}\n", tipped(case)));
        if let Some(words) = words::lead(case) {
            text.push_str(&format!("            {words}\n"));
        }
    }
    text
}

fn range([low, high]: [f64; 2]) -> String {
    format!("{}–{}%", percent(low), percent(high))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

fn plural(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
