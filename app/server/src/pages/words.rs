//! A score in words: what the checklist, a record, the overview and the command line say alike.

use assay_advice::{
    Advised, AnswerValue, Answers, ByOption, CaseResult, Choice, Notice, Reason, Score, Settled,
    Verdict, grouped, held_back_by,
};

/// The verdict as a headline.
pub(crate) struct Headline {
    /// The recommended option, which lends its hue.
    pub(crate) option: Option<Choice>,
    /// What doing it means, for example "Keep Go"; empty without a recommended option.
    pub(crate) name: String,
    /// The rest of the headline.
    pub(crate) words: &'static str,
}

impl Headline {
    /// The headline of a score for these answers.
    pub(crate) fn new(score: &Score, answers: &Answers) -> Self {
        let words = match (score.verdict, score.settled) {
            (Verdict::Strong, _) => "a strong recommendation",
            (Verdict::Lean, _) => "a lean",
            (Verdict::TooClose, _) if score.all_ruled_out() => "Every option is ruled out",
            (Verdict::TooClose, Some(Settled::RustInCore)) => {
                "Too close to call: Rust in the core; the edge is open"
            }
            (Verdict::TooClose, Some(Settled::GoAtEdge)) => {
                "Too close to call: Go at the edge; the core is open"
            }
            (Verdict::TooClose, None) => "Too close to call",
        };
        let name = score.recommended.map(|option| course(option, answers).to_owned());
        Self { option: score.recommended, name: name.unwrap_or_default(), words }
    }

    /// The headline in a line, as pages put it together.
    pub(crate) fn line(&self) -> String {
        match self.name.as_str() {
            "" => self.words.to_owned(),
            name => format!("{name} — {}", self.words),
        }
    }
}

/// What choosing an option means when code exists already.
fn course(option: Choice, answers: &Answers) -> &'static str {
    match (answers.value("existing_code"), option) {
        (AnswerValue::One("go"), Choice::Go) => "Keep Go",
        (AnswerValue::One("go"), Choice::Rust) => "Rewrite in Rust",
        (AnswerValue::One("go"), Choice::Hybrid) => "Keep Go, rewrite the core in Rust",
        (AnswerValue::One("rust"), Choice::Rust) => "Keep Rust",
        (AnswerValue::One("rust"), Choice::Go) => "Rewrite in Go",
        (AnswerValue::One("rust"), Choice::Hybrid) => "Keep Rust, rewrite the edge in Go",
        (_, option) => option.name(),
    }
}

/// One option's share of first ranks.
pub(crate) struct Share {
    pub(crate) option: Choice,
    /// A whole number as a rule; "<1" and ">99" rather than a false 0 or 100.
    pub(crate) percent: String,
    /// 0 to 100, the bar's width.
    pub(crate) width: f64,
}

/// The shares in the order used everywhere, and in how many readings none is left, in a sentence
/// that is empty as a rule.
pub(crate) struct Shares {
    pub(crate) each: Vec<Share>,
    pub(crate) none_left: String,
}

/// The shares of a score.
pub(crate) fn shares(score: &Score) -> Shares {
    let share = |option: Choice| {
        let share = score.options.get(option).first_share;
        Share { option, percent: percent(share), width: (share * 1000.0).round() / 10.0 }
    };
    let shares = ByOption::from_fn(|option| score.options.get(option).first_share);
    let none_left = match none_left(&shares) {
        // The headline says it, and no answer that is open has a part in it.
        percent if percent.is_empty() || score.all_ruled_out() => String::new(),
        percent => format!(
            "All three are ruled out in {percent}% of the readings: by answers that are open, or \
             by a limit within what a measurement leaves uncertain."
        ),
    };
    Shares { each: Choice::ALL.map(share).into(), none_left }
}

/// In how many readings every option is ruled out, in percent; empty when there is none.
fn none_left(shares: &ByOption<f64>) -> String {
    let some: f64 = Choice::ALL.iter().map(|option| shares.get(*option)).sum();
    // Less than one reading is rounding.
    let left = 1.0 - some;
    if left * f64::from(assay_advice::DRAWS) < 0.5 { String::new() } else { percent(left) }
}

/// What made a lean of a strong verdict, as the end of a sentence; empty when nothing did.
fn held_back(caps: &[String]) -> String {
    match held_back_by(caps) {
        none if none.is_empty() => none,
        why => format!("; no more than a lean, because {why}"),
    }
}

/// An advice in a line: "rust, strong (93%)".
pub(crate) fn advised(advised: &Advised) -> String {
    match advised.recommended {
        Some(option) => format!("{option}, {}", firmness(advised)),
        None => firmness(advised),
    }
}

/// How firm an advice is, to stand behind the option's name.
pub(crate) fn firmness(advised: &Advised) -> String {
    let share = |option: Choice| percent(*advised.first_share.get(option));
    match (advised.recommended, advised.verdict) {
        (Some(option), Verdict::Strong) => format!("strong, first in {}%", share(option)),
        (Some(option), _) => {
            format!("lean, first in {}%{}", share(option), held_back(&advised.held_back))
        }
        (None, _) => {
            let shares = Choice::ALL.map(|option| format!("{option} {}%", share(option)));
            let none_left = match none_left(&advised.first_share) {
                none if none.is_empty() => none,
                percent => format!(", all ruled out {percent}%"),
            };
            format!("too close to call: {}{none_left}", shares.join(", "))
        }
    }
}

/// A share as a percentage, never rounded to a certainty that it is not.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 0.5 => "<1".to_owned(),
        percent if (99.5..100.0).contains(&percent) => ">99".to_owned(),
        percent => format!("{percent:.0}"),
    }
}

/// Whether all options but one are ruled out.
pub(crate) fn only_one_left(score: &Score) -> bool {
    let left = |option: &&Choice| score.options.get(**option).knocked_out.is_empty();
    Choice::ALL.iter().filter(left).count() == 1
}

/// How often the advised option, or the settled part, comes first.
pub(crate) fn first_sentence(score: &Score) -> String {
    let readings = format!("of {} plausible readings of the answers", grouped(score.draws.into()));
    let held_back = held_back(&score.held_back);
    match (score.recommended, score.settled) {
        (Some(option), _) if only_one_left(score) => {
            let share = percent(score.options.get(option).first_share);
            format!("The only option left: first in {share}% {readings}{held_back}.")
        }
        (Some(option), _) => {
            let share = percent(score.options.get(option).first_share);
            format!("First in {share}% {readings}{held_back}.")
        }
        (None, Some(Settled::RustInCore)) => {
            let share = percent(score.rust_in_core);
            format!("Rust, whole or as the core, comes first in {share}% {readings}.")
        }
        (None, Some(Settled::GoAtEdge)) => {
            let share = percent(score.go_at_edge);
            format!("Go, whole or as the edge, comes first in {share}% {readings}.")
        }
        (None, None) if score.all_ruled_out() => {
            "No option is left to come first in any reading of the answers.".to_owned()
        }
        (None, None) => {
            let [ahead, _] = score.compared();
            let share = |option: Choice| score.options.get(option).first_share;
            let often = score.most_often_first();
            match share(often) > share(ahead) {
                true => format!(
                    "{ahead} has the greatest value, but {often} comes first more often: in {}% \
                     {readings}, and {ahead} in {}%.",
                    percent(share(often)),
                    percent(share(ahead))
                ),
                false => format!(
                    "No option comes first often enough in {} plausible readings of the answers.",
                    grouped(score.draws.into())
                ),
            }
        }
    }
}

/// The weightiest reasons on one side, as far as there is anything to weigh: none once every option
/// is ruled out.
pub(crate) fn reasons(score: &Score, side: impl Fn(f64) -> bool) -> Vec<&Reason> {
    let weighed = if score.all_ruled_out() { &[] } else { score.reasons.as_slice() };
    weighed.iter().filter(|reason| side(reason.contribution)).collect()
}

/// What the reasons compare, as a heading: nothing is advised when it is too close to call.
pub(crate) fn compared(score: &Score) -> String {
    let [first, second] = score.compared();
    if score.recommended.is_some() {
        let out = match score.options.get(second).knocked_out.is_empty() {
            true => "",
            false => ", which is ruled out",
        };
        return format!("Why {first} (+) rather than {second} (-){out}");
    }
    format!("What speaks for {first} (+) and for {second} (-)")
}

/// That no flip was found, in a sentence.
pub(crate) fn no_flips(score: &Score) -> &'static str {
    match score.all_ruled_out() {
        true => "No answer or pair of answers that was tried lifts what rules the options out.",
        false => {
            "No answer, pair of answers, number or importance that was tried leads to another \
             recommendation; adding a constraint was not tried."
        }
    }
}

/// What tipped the advice on a case, and what it rules out that was chosen, in sentences.
pub(crate) fn tipped(case: &CaseResult) -> String {
    let mut text = match (&case.tipped, case.most_often_first()) {
        (None, None) => "Nothing tips it: every option is ruled out.".to_owned(),
        (None, Some(_)) => "Nothing stands out.".to_owned(),
        (Some(tipped), Some(first)) if first != tipped.option => format!(
            "{} (That speaks for {}, which has the greatest value; {first} comes first in more of \
             the readings.)",
            tipped.text, tipped.option
        ),
        (Some(tipped), _) => tipped.text.clone(),
    };
    if !case.chosen_ruled_out.is_empty() {
        text.push_str(&format!(
            " The model rules out {}, which was chosen: {}.",
            case.option, case.chosen_ruled_out
        ));
    }
    text
}

/// What would lead to what was chosen in a case; none where the model names that already.
pub(crate) fn lead(case: &CaseResult) -> Option<String> {
    let option = case.option;
    (case.agreed() != Some(true)).then(|| match &case.flip {
        Some(flip) => format!("What would lead to {option}, which was chosen: {}", flip.text),
        None => format!("Nothing that was tried would lead to {option}, which was chosen."),
    })
}

/// How far all importances may be off, in words; empty when there is nothing to say.
pub(crate) fn importance_sentence(score: &Score) -> String {
    match score.importance_factor {
        Some(factor) if factor.is_finite() => format!(
            "The order holds while every importance is right to within a factor of {factor:.2}."
        ),
        _ => String::new(),
    }
}

/// What the measurement means for the stated needs; empty when a notice says that there is none.
pub(crate) fn performance(score: &Score) -> &str {
    let unmeasured = score.notices.iter().any(|notice| notice.id == "not_measured");
    if unmeasured { "" } else { &score.performance.summary }
}

/// What the reader must know, less what the measurement's own part says.
pub(crate) fn notices(score: &Score) -> Vec<Notice> {
    let repeats = |notice: &Notice| {
        matches!(notice.id.as_str(), "both_meet" | "upper_bound" | "neither_meets")
    };
    let said = !performance(score).is_empty();
    score.notices.iter().filter(|notice| !(said && repeats(notice))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_to_a_certainty() {
        assert_eq!(percent(0.0), "0");
        assert_eq!(percent(0.0004), "<1");
        assert_eq!(percent(0.834), "83");
        assert_eq!(percent(0.9996), ">99");
        assert_eq!(percent(1.0), "100");
    }
}
