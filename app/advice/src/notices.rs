//! What the reader must know beside the verdict, and what holds a strong verdict back.

use crate::{
    AnswerValue, Answers, Choice, CriterionKind, Notice,
    engine::{Judgement, notice},
    measure::Needs,
    performance::Assessment,
    situation::Situation,
    value::{Ground, Offer, Term, Totals},
    wording::{capitalised, counted, join},
};

/// What holds a strong verdict back, beside open questions.
pub(crate) fn caps(ground: &Ground, situation: &Situation) -> Vec<&'static str> {
    let mut caps = Vec::new();
    let needs = ground.needs(situation);
    if needs.any_must()
        && let Some(criterion) =
            ground.model.criteria().iter().find(|c| c.kind == CriterionKind::Headroom)
    {
        let (mut not_measured, mut across) = (false, false);
        ground.points(criterion, situation, &needs, |point| match point.offer {
            Offer::Headroom(headroom) => {
                across |= headroom.musts().iter().any(|[low, high]| *low < 0.0 && *high >= 0.0);
            }
            _ => not_measured = true,
        });
        if not_measured {
            caps.push("not_measured");
        }
        if !needs.missing_for_musts().is_empty() {
            caps.push("must_unchecked");
        }
        if across {
            caps.push("measure_first");
        }
    }
    if consider_staying(ground, situation) {
        caps.push("consider_staying");
    }
    caps
}

/// What holds a strong verdict back, in words; empty when nothing does.
#[must_use]
pub fn held_back_by(caps: &[String]) -> String {
    let words = |cap: &String| match cap.as_str() {
        "not_measured" => "a limit that must be kept is not measured".to_owned(),
        "must_unchecked" => "a limit that must be kept cannot be checked".to_owned(),
        "measure_first" => "a limit that must be kept lies within the uncertainty".to_owned(),
        "consider_staying" => "neither language fits the team yet".to_owned(),
        "capped_unknown" => {
            "half or more of what counts is open, and one answer could turn it".to_owned()
        }
        "capped_expected" => {
            "without what is only expected it would be too close to call".to_owned()
        }
        // Advice of another model may name what this one does not know.
        other => other.to_owned(),
    };
    join(&caps.iter().map(words).collect::<Vec<_>>())
}

fn answered(ground: &Ground, situation: &Situation, id: &str, value: &str) -> bool {
    let question = ground.model.question_index(id);
    let state = situation.state(question);
    let answers =
        question.and_then(|at| ground.model.questions().get(at)).map(crate::Question::answers);
    let answer = answers.zip(state).and_then(|(answers, state)| answers.get(usize::from(state)));
    answer.is_some_and(|answer| answer.value == value)
}

fn consider_staying(ground: &Ground, situation: &Situation) -> bool {
    let is = |id, value| answered(ground, situation, id, value);
    (is("go_fluency", "none") && is("rust_fluency", "none"))
        || (is("existing_code", "other") && is("paved_road", "neither"))
}

/// What rules an option out for certain, by id.
pub(crate) fn knocked_out(ground: &Ground, situation: &Situation, choice: Choice) -> Vec<String> {
    let mut ids: Vec<String> = stated(ground, situation, choice).map(|k| k.id.clone()).collect();
    let missed = ground.missed_musts(situation, &ground.needs(situation));
    if missed >> (choice as usize) & 1 == 1 {
        ids.push("must_missed".to_owned());
    }
    ids
}

fn stated<'a>(
    ground: &'a Ground,
    situation: &'a Situation,
    choice: Choice,
) -> impl Iterator<Item = &'a crate::Knockout> {
    let out = ground.model.knockouts().iter().filter(move |k| *k.rules_out.get(choice));
    out.filter(|k| k.when.iter().all(|(f, state)| situation.factor(*f) == Some(*state)))
}

/// Every notice, the weightiest first.
pub(crate) fn all(
    ground: &Ground,
    answers: &Answers,
    situation: &Situation,
    totals: &Totals,
    judged: &Judgement,
    assessed: &Assessment,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    if consider_staying(ground, situation) {
        let stay = "Consider staying with what you have: neither language fits this team yet";
        let lean = match judged.recommended {
            Some(_) => ", so the advice goes no further than a lean.",
            None => ".",
        };
        notices.push(notice("consider_staying", format!("{stay}{lean}")));
    }
    if totals.out == 7 {
        notices.push(all_knocked_out(ground, situation));
    }
    notices.extend(existing(answers, judged));
    if judged.caps.contains(&"measure_first") {
        let text = "Measure first: a limit that must be kept lies within the measurement's uncertainty, so the advice goes no further than a lean.";
        notices.push(notice("measure_first", text));
    }
    if judged.recommended == Some(Choice::Hybrid) {
        notices.push(hybrid_kind(ground, situation));
    }
    let needs = ground.needs(situation);
    if let Some(id) = assessed.notice {
        let counts = |of: fn(&Term) -> bool| {
            let mut criteria = ground.model.criteria().iter().zip(&totals.terms);
            criteria.any(|(c, term)| c.kind.is_measured() && of(term))
        };
        let stands = match (counts(|term| term.measured), counts(|term| term.expected)) {
            (true, _) => "",
            (false, true) => " Tail and resource use are expected, not measured.",
            (false, false) => " Performance, tail and resource use contribute nothing.",
        };
        notices.push(notice(id, performance_text(id, assessed, &needs, stands)));
    }
    let missing = needs.missing_for_musts();
    if assessed.cell.is_some() && !missing.is_empty() {
        let text = format!(
            "A limit that must be kept cannot be checked, so the advice goes no further than a lean: say {}.",
            join(&missing)
        );
        notices.push(notice("must_unchecked", text));
    }
    if totals.out & 4 == 0 {
        notices.extend(hybrid_measured(ground, situation, totals, assessed));
    }
    if let (Some(at), Some(cell)) = (situation.state(ground.known.resident_state), assessed.cell)
        && ground.tail_cell(situation.state(ground.known.workload), Some(at)).is_none()
        && ground.measurements.workloads.get(cell).is_some()
    {
        let text = if ground.model.expected.is_some() {
            "The tail was not measured with that much data in memory: what is expected of it counts instead."
        } else {
            "The tail was not measured with that much data in memory: it contributes nothing."
        };
        notices.push(notice("tail_not_measured", text));
    }
    if judged.caps.contains(&"capped_unknown") {
        let text = "Half or more of what counts hangs on open questions, and an answer to one of them could turn it, so the advice goes no further than a lean.";
        notices.push(notice("capped_unknown", text));
    }
    if judged.caps.contains(&"capped_expected") {
        let text = "Without what is expected but not measured it would be too close to call, so the advice goes no further than a lean.";
        notices.push(notice("capped_expected", text));
    }
    notices
}

/// What the stated needs come to, in a line; the figures are in the summary.
fn performance_text(id: &str, assessed: &Assessment, needs: &Needs, stands: &str) -> String {
    let summary = &assessed.performance.summary;
    match id {
        "both_meet" => "Both meet the stated need: performance does not decide.".to_owned(),
        "neither_meets" => "Neither twin meets the stated need: measure your own.".to_owned(),
        "upper_bound" => "The headroom is an upper bound: say how much processor time one of your requests takes.".to_owned(),
        _ if needs.any_must() => format!(
            "{summary}{stands} A number that must be kept cannot be checked, so the advice goes no further than a lean."
        ),
        _ => format!("{summary}{stands}"),
    }
}

/// What the hybrid's measured figures are taken from.
fn hybrid_measured(
    ground: &Ground,
    situation: &Situation,
    totals: &Totals,
    assessed: &Assessment,
) -> Option<Notice> {
    let hybrid = ground.hybrid(situation);
    let mut criteria = ground.model.criteria().iter().zip(&totals.terms);
    let counts = criteria.any(|(c, term)| c.kind.is_measured() && term.swing > 0.0);
    let Some(two) = hybrid.two.filter(|_| counts) else {
        let why = match ground.measurements.two_services {
            Some(_) => "A hybrid in one process has not been measured",
            None => "No hybrid has been measured yet",
        };
        let text =
            format!("{why}: its capacity, latency and processor time are taken to be Rust's.");
        return (assessed.headroom.is_some() && hybrid.two.is_none())
            .then(|| notice("hybrid_as_rust", text));
    };
    let path = two.path_cpu_ms;
    let [rust, go, own] = [path.rust, path.go, path.hybrid].map(|ms| counted(ms, "ms"));
    let text = format!(
        "The hybrid as two services counts with what a Go edge in front of Rust cost over a whole path {}: {own} of processor time a request, where all in Rust took {rust} and all in Go {go}. That is the upper end of its range, for a Go side that every request goes through; the lower end is what Rust needs, for one that only controls the core.",
        two.source()
    );
    Some(notice("hybrid_two_services", text))
}

/// Whether the hybrid meant is one process or two services, as far as the answers tell.
fn hybrid_kind(ground: &Ground, situation: &Situation) -> Notice {
    let Some(when) = ground.in_process(situation) else {
        let text = "Meant as two services with a wire between them: no answer points to a Rust library inside the Go program.";
        return notice("two_services", text);
    };
    let phrases = when.iter().filter_map(|(factor, state)| {
        let question = ground.model.questions().get(factor.question)?;
        let answer = question.answers().get(usize::from(factor.holds.unwrap_or(*state)))?;
        Some(answer.phrase.clone())
    });
    let why = join(&phrases.collect::<Vec<_>>());
    let text = format!(
        "Meant as one process, a Rust library inside the Go program, because {why}: one thing to deploy, and calls across a language boundary."
    );
    notice("one_process", text)
}

fn all_knocked_out(ground: &Ground, situation: &Situation) -> Notice {
    let mut why: Vec<String> = Vec::new();
    for choice in Choice::ALL {
        for knockout in stated(ground, situation, choice) {
            if !why.contains(&knockout.text) {
                why.push(knockout.text.clone());
            }
        }
    }
    if ground.missed_musts(situation, &ground.needs(situation)) != 0 {
        why.push("a limit that must be kept is missed".to_owned());
    }
    let text = format!("Every option is ruled out: {}. Loosen one of these.", join(&why));
    notice("all_knocked_out", text)
}

/// With code in Go or Rust, the options read keep or rewrite.
fn existing(answers: &Answers, judged: &Judgement) -> Option<Notice> {
    let AnswerValue::One(id) = answers.value("existing_code") else {
        return None;
    };
    let has = Choice::from_id(id)?;
    let part = |has: Choice| match has {
        Choice::Rust => "keep the core in Rust and rewrite the edge in Go",
        _ => "keep the edge in Go and rewrite the core in Rust",
    };
    Some(match judged.recommended {
        None => notice("keep", format!("Too close to justify a rewrite: keep it in {has}.")),
        Some(choice) if choice == has => {
            notice("keep", format!("Keep it in {has}: choosing {has} means no rewrite."))
        }
        Some(Choice::Hybrid) => notice("rewrite", format!("{}.", capitalised(part(has)))),
        Some(choice) => notice("rewrite", format!("{choice} means a rewrite of the {has} code.")),
    })
}
