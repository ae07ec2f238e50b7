//! Simple ways to decide from the same answers, to hold the model against. Where their rules leave
//! room, the reading that fared best on the core precedents was taken (32 were compared), so that
//! the model meets a fair opponent.

use serde::Serialize;

use super::BaselineTally;
use crate::{AnswerValue, Answers, Choice, Engine, Score};

/// One `T` for each baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Baselines<T> {
    /// What most of the other cases chose.
    pub majority: T,
    /// The model's own criteria, all counting the same.
    pub equal_weights: T,
    /// The language that more of the owners can review.
    pub fluency_only: T,
    /// The common checklist of four questions.
    pub four_questions: T,
    /// A hybrid for what falls into two parts, and the four questions for the rest.
    pub two_parts: T,
}

impl<T> Baselines<T> {
    /// Each baseline with its words.
    pub const fn each(&self) -> [(BaselineWords, &T); 5] {
        [
            (BASELINES.majority, &self.majority),
            (BASELINES.equal_weights, &self.equal_weights),
            (BASELINES.fluency_only, &self.fluency_only),
            (BASELINES.four_questions, &self.four_questions),
            (BASELINES.two_parts, &self.two_parts),
        ]
    }
}

impl Baselines<BaselineTally> {
    /// The one that earned the most credit; of equals the one named first, which is the simpler.
    #[must_use]
    pub fn best(&self) -> (BaselineWords, &BaselineTally) {
        let mut best = (BASELINES.majority, &self.majority);
        for (words, tally) in self.each() {
            if tally.credit > best.1.credit + SAME {
                best = (words, tally);
            }
        }
        best
    }
}

/// Sums of the same numbers in another order may differ in their last bits.
const SAME: f64 = 1e-9;

/// What a baseline is called and how it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineWords {
    /// The id, as in the backtest object.
    pub id: &'static str,
    /// The name shown.
    pub name: &'static str,
    /// Its rule in a sentence or two.
    pub rule: &'static str,
}

/// The baselines in words.
pub const BASELINES: Baselines<BaselineWords> = Baselines {
    majority: BaselineWords {
        id: "majority",
        name: "Majority",
        rule: "What most of the other cases of the same use chose, whatever the answers; a tie \
               abstains. The case itself is left out, so that it cannot vote for itself.",
    },
    equal_weights: BaselineWords {
        id: "equal_weights",
        name: "Equal weights",
        rule: "The model's own values for every criterion that plays a part, all counting the \
               same, and its knock-outs; open answers are averaged over. A tie abstains.",
    },
    fluency_only: BaselineWords {
        id: "fluency_only",
        name: "Fluency only",
        rule: "Rust or Go, whichever more of the owners can review; an open answer counts as \
               nobody. A tie abstains.",
    },
    four_questions: BaselineWords {
        id: "four_questions",
        name: "Four questions",
        rule: "One vote each. Is performance or safety critical? Rust. Must it be quick to write \
               and easy to join? Go. Which does the team know better? Where do the libraries it \
               needs live? The most votes win, a tie abstains; a language ruled out beforehand \
               cannot win. It knows no hybrid.",
    },
    two_parts: BaselineWords {
        id: "two_parts",
        name: "Two parts first",
        rule: "A hybrid when the service falls into two parts, else the four questions. It leans \
               on how that one answer was coded; see the same with it unknown.",
    },
};

pub(super) fn all(
    engine: &Engine,
    answers: &Answers,
    score: &Score,
    others: impl Iterator<Item = Choice>,
) -> Baselines<Option<Choice>> {
    Baselines {
        majority: majority(others),
        equal_weights: equal_weights(engine, answers, score),
        fluency_only: fluency(answers),
        four_questions: four_questions(answers),
        two_parts: two_parts(answers),
    }
}

fn majority(others: impl Iterator<Item = Choice>) -> Option<Choice> {
    let mut counts = [0_u32; 3];
    for option in others {
        if let Some(count) = counts.get_mut(option as usize) {
            *count += 1;
        }
    }
    greatest(counts.map(|count| (count > 0).then_some(f64::from(count))))
}

/// Dawes (1979): unit weights. Only criteria with a swing play a part: nothing to embed, no vote.
fn equal_weights(engine: &Engine, answers: &Answers, score: &Score) -> Option<Choice> {
    let mut sums = [0.0; 3];
    for criterion in engine.explain(answers).iter().filter(|criterion| criterion.swing > 0.0) {
        for (sum, choice) in sums.iter_mut().zip(Choice::ALL) {
            *sum += criterion.values.get(choice).unwrap_or(0.0);
        }
    }
    let out = Choice::ALL.map(|choice| !score.options.get(choice).knocked_out.is_empty());
    let mut left = sums.map(Some);
    for (sum, out) in left.iter_mut().zip(out) {
        if out {
            *sum = None;
        }
    }
    greatest(left)
}

/// The one greatest number's option; none when two share it.
fn greatest(numbers: [Option<f64>; 3]) -> Option<Choice> {
    let top = numbers.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut best = Choice::ALL
        .into_iter()
        .zip(numbers)
        .filter(|(_, number)| number.is_some_and(|number| number > top - SAME));
    let first = best.next().map(|(choice, _)| choice);
    if best.next().is_some() { None } else { first }
}

fn fluency(answers: &Answers) -> Option<Choice> {
    let rank = |id| match answers.value(id) {
        AnswerValue::One("most") => 2,
        AnswerValue::One("few") => 1,
        _ => 0,
    };
    sides(rank("rust_fluency"), rank("go_fluency"))
}

/// The side with the greater number; none when they are equal.
fn sides(rust: u32, go: u32) -> Option<Choice> {
    match rust.cmp(&go) {
        std::cmp::Ordering::Greater => Some(Choice::Rust),
        std::cmp::Ordering::Less => Some(Choice::Go),
        std::cmp::Ordering::Equal => None,
    }
}

fn four_questions(answers: &Answers) -> Option<Choice> {
    let is = |id: &str, value: &str| answers.value(id) == AnswerValue::One(value);
    let wants = |any: &[&str]| names(answers, "priorities", any);
    let bars = |any: &[&str]| names(answers, "constraints", any);

    let critical = is("tail_latency", "tight")
        || is("failure_consequence", "catastrophic")
        || is("untrusted_input", "core_job")
        || is("memory_tight", "yes")
        || is("cpu_bound", "yes")
        || wants(&["safety", "latency", "efficiency"]);
    let quick = is("first_production", "weeks")
        || is("change_rate", "weekly")
        || is("newcomers", "many")
        || wants(&["delivery", "people"]);
    let libraries = match answers.value("libraries") {
        AnswerValue::One("systems") => Some(Choice::Rust),
        AnswerValue::One("cloud_native") => Some(Choice::Go),
        _ => None,
    };

    let no_rust = bars(&["no_rust", "library_only_go"]);
    let no_go = bars(&["no_go", "no_gc", "library_only_rust"]);
    match (no_rust, no_go) {
        (true, true) => return None,
        (true, false) => return Some(Choice::Go),
        (false, true) => return Some(Choice::Rust),
        (false, false) => {}
    }
    let votes = [
        critical.then_some(Choice::Rust),
        quick.then_some(Choice::Go),
        fluency(answers),
        libraries,
    ];
    let count = |choice| votes.iter().fold(0, |sum, vote| sum + u32::from(*vote == Some(choice)));
    sides(count(Choice::Rust), count(Choice::Go))
}

/// Whether a list names any of these.
fn names(answers: &Answers, id: &str, any: &[&str]) -> bool {
    match answers.value(id) {
        AnswerValue::Many(values) => values.iter().any(|value| any.contains(&value.as_str())),
        _ => false,
    }
}

fn two_parts(answers: &Answers) -> Option<Choice> {
    let barred = names(answers, "constraints", &["no_rust", "no_go"]);
    match answers.value("separable_core") {
        AnswerValue::One("yes") if !barred => Some(Choice::Hybrid),
        _ => four_questions(answers),
    }
}
