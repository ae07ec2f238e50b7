//! `/precedents/backtest`: is the advice any good? How it agrees with the documented decisions, and
//! why that is not the same as being right.

use std::sync::LazyLock;

use askama::Template;
use assay_advice::{
    Backtest, BaselineTally, Basis, BuiltinCases, ByOption, CaseResult, Choice, Counted,
    LeaveOneOut, Reliability, Summary, Usage, Verdict, WithoutCriterion, grouped, held_back_by,
    precedents,
};
use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};

use crate::{
    error::{Error, FieldError},
    evidence::Known,
    judged,
    pages::{
        Page, markdown,
        plot::{self, ShareInput, Shares},
        words::{self, percent, tipped},
    },
    precedents::{only, use_words},
    state::App,
};

#[derive(Template)]
#[template(path = "precedents/backtest.html")]
struct View<'a> {
    backtest: &'a Backtest,
    summary: &'a Summary,
    /// The model in a line.
    model: String,
    /// Whether it is the built-in one, of which more is known.
    built_in: bool,
    /// Questions that the model in use does not ask in that way; empty as a rule.
    left_out: String,
    said: Said,
    figures: Figures,
    reliability: Vec<Reliable>,
    plot: Shares,
    confusion: Vec<Recommended<'a>>,
    ways: Vec<Way>,
    ablations: Vec<Ablated>,
    criteria: &'a [WithoutCriterion],
    /// What follows, in sentences.
    conclusions: Vec<String>,
    /// Whether cases from before Rust was usable are among those apart.
    pre_rust: bool,
    coded: Coded,
    groups: Vec<Group<'a>>,
    left_one_out: Option<LeftOneOut>,
    /// How many variants of the model are on record.
    variants: usize,
    /// What is on record of them: safe HTML.
    history: &'static str,
}

/// The figures of the first sentence.
struct Said {
    agreement: String,
    interval: String,
    strong: String,
    /// How many abstentions say to stay; empty when none does.
    stayed: String,
    /// The same without what looks like a stated reason.
    like_reasons: Option<Left>,
}

/// What is left once something is taken away.
struct Left {
    agree: usize,
    decided: usize,
    share: Option<String>,
    abstained: usize,
}

/// Several sets of cases beside each other.
struct Figures {
    sets: Vec<&'static str>,
    rows: Vec<(&'static str, Vec<String>)>,
}

/// A verdict and how it kept its word.
struct Reliable {
    name: &'static str,
    of: Reliability,
    share: String,
    interval: String,
    expected: String,
}

/// What was chosen where this was recommended.
struct Recommended<'a> {
    option: Option<Choice>,
    chosen: &'a ByOption<usize>,
    total: usize,
}

/// A way to decide, and how it fares.
struct Way {
    name: &'static str,
    rule: &'static str,
    agree: usize,
    decided: usize,
    abstained: usize,
    credit: String,
    /// On how many cases the model does better and worse.
    against: Option<(usize, usize)>,
    /// How often chance would divide them as unevenly.
    by_chance: String,
}

/// How the model and the best simple way fare without some of what is known.
struct Ablated {
    name: String,
    own: Row,
    abstained: usize,
    best_name: &'static str,
    best: Row,
    /// Whether the model earns more, the same or less.
    earns: &'static str,
    wins: usize,
    losses: usize,
}

/// One way to decide on one set of cases.
struct Row {
    agree: usize,
    decided: usize,
    credit: String,
}

/// What becomes of the choice of the model's numbers for organisations that it has not seen.
struct LeftOneOut {
    organisations: usize,
    models: String,
    /// Whether equal shares for all would have done better than the first draft.
    draft_worse: bool,
    left_out: &'static Counted,
    rows: Vec<(&'static str, &'static Counted)>,
}

/// What the coded answers rest on.
struct Coded {
    answers: usize,
    like_reasons: usize,
    inferred: usize,
    no_fact: usize,
}

impl Coded {
    fn of(usage: Usage) -> Self {
        let cases = || precedents().iter().filter(|case| case.usage == usage);
        let bases: Vec<&Basis> = cases().flat_map(|case| case.answer_basis.values()).collect();
        Self {
            inferred: cases().map(|case| case.inferred().count()).sum(),
            answers: bases.len(),
            like_reasons: bases.iter().filter(|basis| basis.like_reason).count(),
            no_fact: bases.iter().filter(|basis| basis.topics.is_empty()).count(),
        }
    }
}

/// Cases that went alike.
struct Group<'a> {
    title: String,
    open: bool,
    cases: Vec<CaseRow<'a>>,
}

struct CaseRow<'a> {
    case: &'a CaseResult,
    verdict: &'static str,
    /// What made a lean of a strong verdict; empty when nothing did.
    held_back: String,
    /// What tipped it, in words.
    tipped: String,
    /// What would lead to what was chosen, where the model does not.
    lead: Option<String>,
    /// Each option's bar: its left end and length in percent, and its share in words.
    bars: Vec<(Choice, f64, f64, String)>,
}

/// Every variant of the model that was tried; people also read it in the source tree.
const HISTORY: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../advice/models/HISTORY.md"));

static HISTORY_HTML: LazyLock<String> = LazyLock::new(|| {
    let (html, _) = markdown::render_page(HISTORY);
    // Each table scrolls by itself, and regions need names of their own.
    let mut parts = html.split("<table>");
    let mut framed = parts.next().unwrap_or_default().to_owned();
    for (part, number) in parts.zip(1..) {
        framed.push_str(&format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" \
             aria-label=\"Table of variants {number}\"><table>"
        ));
        framed.push_str(part);
    }
    framed.replace("</table>", "</table></div>")
});

/// How many variants of the built-in model are on record: the rows of the table that begin with a
/// number.
pub(crate) fn variants_tried() -> usize {
    let numbered = |line: &&str| {
        let first = line.strip_prefix("| ").and_then(|rest| rest.split(" |").next());
        first.is_some_and(|first| first.parse::<u32>().is_ok())
    };
    HISTORY.lines().filter(numbered).count()
}

/// Refuses a `use` that the backtest of the program does not count.
///
/// # Errors
/// When the query names another use than `core`.
pub(crate) fn counts_core(query: Option<String>) -> Result<(), Error> {
    let asked = only(&query.unwrap_or_default(), "use")?;
    let Some(asked) = asked.filter(|asked| *asked != Usage::Core.id()) else {
        return Ok(());
    };
    let fault = FieldError {
        field: "use".to_owned(),
        message: format!("`{asked}` is not counted here"),
        allowed: "core; the cases of another use are listed apart, and `assay backtest --use` \
                  counts them in a shell"
            .to_owned(),
        line: None,
        column: None,
    };
    Err(Error::Invalid { message: "the backtest counts core cases".into(), errors: vec![fault] })
}

/// `GET /precedents/backtest`.
pub(crate) async fn get(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    counts_core(query)?;
    let known = app.backtested(true).await?;
    let left_out = BuiltinCases::new(app.model()).left_out;
    let left_out = left_out.into_iter().collect::<Vec<_>>().join(", ");
    Ok(Page(view(&app, &known, left_out)).into_response())
}

fn view<'a>(app: &App, known: &'a Known, left_out: String) -> View<'a> {
    let (backtest, criteria) = (known.backtest(), known.without_each_criterion());
    let summary = &backtest.summary;
    let reliability: Vec<_> =
        [("Strong", summary.strong), ("Lean", summary.lean), ("Too close", summary.too_close)]
            .into_iter()
            .filter(|(_, of)| of.cases > 0)
            .map(|(name, of)| reliable(name, of))
            .collect();
    let confusion = Choice::ALL.map(Some).into_iter().chain([None]);
    View {
        model: app.model_words(),
        built_in: app.model().is_builtin(),
        said: Said {
            agreement: share(summary.agreement),
            interval: interval(summary.agreement_interval),
            strong: outcome(summary.strong),
            stayed: judged::stayed(summary),
            like_reasons: without_like_reasons(backtest),
        },
        criteria,
        conclusions: judged::conclusions(backtest, criteria),
        pre_rust: backtest.apart.iter().any(|apart| apart.usage == Usage::PreRustEra),
        figures: figures(backtest),
        plot: plot::shares(reliability.iter().filter_map(share_input).collect()),
        reliability,
        confusion: confusion.map(|option| recommended(summary, option)).collect(),
        ways: ways(summary),
        ablations: ablations(backtest),
        coded: Coded::of(backtest.usage),
        groups: groups(backtest),
        left_one_out: judged::left_one_out(backtest).map(left_one_out),
        variants: variants_tried(),
        history: &HISTORY_HTML,
        summary,
        left_out,
        backtest,
    }
}

fn without_like_reasons(backtest: &Backtest) -> Option<Left> {
    let own = backtest.ablations.iter().find(|own| own.id == "without_like_reasons")?;
    let Summary { agree, decided, abstained, agreement, .. } = own.summary;
    Some(Left { agree, decided, abstained, share: agreement.map(|it| share(Some(it))) })
}

/// The Brier score of equal shares for all three options: (2/3)² + 2 (1/3)².
const EQUAL_SHARES: f64 = 2.0 / 3.0;

fn left_one_out(found: &'static LeaveOneOut) -> LeftOneOut {
    LeftOneOut {
        organisations: found.organisations,
        models: grouped(u64::try_from(found.models).unwrap_or(u64::MAX)),
        draft_worse: found.draft.brier > EQUAL_SHARES,
        left_out: &found.left_out,
        rows: vec![
            ("The first draft’s numbers", &found.draft),
            ("Chosen by all cases: what it has seen", &found.in_sample),
            ("Chosen without the case’s organisation", &found.left_out),
            ("As shipped", &found.shipped),
        ],
    }
}

fn reliable(name: &'static str, of: Reliability) -> Reliable {
    Reliable {
        name,
        share: share(Some(of.agree as f64 / of.cases.max(1) as f64)),
        interval: interval(of.interval),
        expected: share(of.mean_first_share),
        of,
    }
}

fn share_input(row: &Reliable) -> Option<ShareInput> {
    Some(ShareInput {
        name: format!("{}, {} cases", row.name, row.of.cases),
        text: row.share.clone(),
        share: row.of.agree as f64 / row.of.cases.max(1) as f64,
        interval: row.of.interval?,
        expected: row.of.mean_first_share?,
    })
}

fn recommended(summary: &Summary, option: Option<Choice>) -> Recommended<'_> {
    let chosen = summary.confusion.row(option);
    let total = Choice::ALL.iter().map(|choice| chosen.get(*choice)).sum();
    Recommended { option, chosen, total }
}

fn figures(backtest: &Backtest) -> Figures {
    let counted = [
        ("Cases that count", &backtest.summary),
        ("The same, separable core unknown", &backtest.separable_unknown),
    ];
    let apart = backtest.apart.iter().map(|apart| (use_words(apart.usage), &apart.summary));
    let sets: Vec<(&'static str, &Summary)> = counted.into_iter().chain(apart).collect();
    let row = |name: &'static str, figure: fn(&Summary) -> String| {
        (name, sets.iter().map(|(_, summary)| figure(summary)).collect::<Vec<_>>())
    };
    let rows = vec![
        row("Cases", |of| of.cases.to_string()),
        row("Decided", |of| format!("{} of {}", of.decided, of.cases)),
        row("Abstained", |of| of.abstained.to_string()),
        row("of these, saying to stay with what is there", |of| of.stayed.cases.to_string()),
        row("and it did stay", |of| of.stayed.agree.to_string()),
        row("Agreed, of all", |of| format!("{} of {}", of.agree, of.cases)),
        row("Credit, an abstention a third", |of| format!("{:.1}", of.credit)),
        row("Agreement of those decided", |of| share(of.agreement)),
        row("95% interval", |of| interval(of.agreement_interval)),
        row("Strong verdicts that agreed", |of| outcome(of.strong)),
        row("Leaning ones that agreed", |of| outcome(of.lean)),
        row("Kappa", |of| decimal(of.kappa, 2)),
        row("Brier score (equal shares: 0.667)", |of| decimal(of.brier, 3)),
    ];
    Figures { sets: sets.iter().map(|(name, _)| *name).collect(), rows }
}

fn ways(summary: &Summary) -> Vec<Way> {
    let own = Way {
        name: "The model",
        rule: "",
        agree: summary.agree,
        decided: summary.decided,
        abstained: summary.abstained,
        credit: format!("{:.1}", summary.credit),
        against: None,
        by_chance: dash(),
    };
    let baseline = |(words, tally): (assay_advice::BaselineWords, &BaselineTally)| Way {
        name: words.name,
        rule: words.rule,
        agree: tally.agree,
        decided: tally.decided,
        abstained: tally.abstained,
        credit: format!("{:.1}", tally.credit),
        against: Some((tally.wins, tally.losses)),
        by_chance: share(tally.by_chance),
    };
    std::iter::once(own).chain(summary.baselines.each().map(baseline)).collect()
}

fn ablations(backtest: &Backtest) -> Vec<Ablated> {
    let row = |agree, decided, credit: f64| Row { agree, decided, credit: format!("{credit:.1}") };
    let ablated = |(name, of): (&str, &Summary)| {
        let (words, best) = of.baselines.best();
        Ablated {
            name: name.to_owned(),
            own: row(of.agree, of.decided, of.credit),
            abstained: of.abstained,
            best_name: words.name,
            best: row(best.agree, best.decided, best.credit),
            earns: judged::Beside::of(of).word(),
            wins: best.wins,
            losses: best.losses,
        }
    };
    let whole = [
        ("All answers, as above", &backtest.summary),
        ("Without separable core", &backtest.separable_unknown),
    ];
    let taken = backtest.ablations.iter().map(|own| (own.name, &own.summary));
    whole.into_iter().chain(taken).map(ablated).collect()
}

fn groups(backtest: &Backtest) -> Vec<Group<'_>> {
    let counted = |agreed: Option<bool>| {
        let cases = backtest.per_case.iter();
        let cases =
            cases.filter(move |case| case.usage == backtest.usage && case.agreed() == agreed);
        cases.map(case_row).collect::<Vec<_>>()
    };
    let apart = |usage: Usage| {
        let cases = backtest.per_case.iter().filter(move |case| case.usage == usage);
        cases.map(case_row).collect::<Vec<_>>()
    };
    let mut groups = vec![
        Group {
            title: "Something else was chosen".to_owned(),
            open: true,
            cases: counted(Some(false)),
        },
        Group { title: "The model abstains".to_owned(), open: true, cases: counted(None) },
        Group { title: "The same was chosen".to_owned(), open: false, cases: counted(Some(true)) },
    ];
    for kind in &backtest.apart {
        let title = format!("{}, counted apart", use_words(kind.usage));
        groups.push(Group { title, open: false, cases: apart(kind.usage) });
    }
    groups.retain(|group| !group.cases.is_empty());
    groups
}

fn case_row(case: &CaseResult) -> CaseRow<'_> {
    let mut left = 0.0;
    let bar = |option| {
        let share = *case.first_share.get(option);
        let width = (share * 1000.0).round() / 10.0;
        let x = left;
        left += width;
        (option, (x * 10.0_f64).round() / 10.0, width, percent(share))
    };
    CaseRow {
        verdict: match case.verdict {
            Verdict::Strong => "strong",
            Verdict::Lean => "lean",
            Verdict::TooClose => "too close",
        },
        held_back: held_back_by(&case.held_back),
        tipped: tipped(case),
        lead: words::lead(case),
        bars: Choice::ALL.map(bar).into(),
        case,
    }
}

/// A share as a percentage; a dash when there is none.
fn share(share: Option<f64>) -> String {
    share.map_or_else(dash, |share| format!("{}%", percent(share)))
}

fn interval(interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(dash, |[low, high]| format!("{}–{}%", percent(low), percent(high)))
}

fn outcome(of: Reliability) -> String {
    format!("{} of {}", of.agree, of.cases)
}

fn decimal(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(dash, |number| format!("{number:.digits$}").replace('-', "−"))
}

fn dash() -> String {
    "–".to_owned()
}
