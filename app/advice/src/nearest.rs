//! The decided cases nearest to a sheet of answers, by Gower's distance (1971). They illustrate the
//! advice; they never enter it.

use serde::Serialize;

use crate::{
    AnswerValue, Answers, Case, Choice, Comparison, Engine, Model, PrecedentRef, Question,
    QuestionKind, Score, Usage, gower, precedent_cases, wording::counted,
};

/// How many of the nearest are shown.
const SHOWN: usize = 3;

/// What a question costs that the case leaves open: as much as half a difference.
const MISSING: f64 = 0.5;

/// So many questions, and this share of those answered, must be answered by both.
const OVERLAP_LEAST: usize = 5;
const OVERLAP_SHARE: f64 = 0.6;

/// The cases nearest to some answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest<'a> {
    /// The nearest first: three, and behind them the nearest that chose otherwise when it is not
    /// among them. Fewer when fewer can be compared.
    pub near: Vec<Near<'a>>,
    /// What "otherwise" is held against: the option recommended; without one, what most of the
    /// three nearest chose, or the nearest of them when all differ. Absent when nothing is near.
    pub than: Option<Choice>,
    /// How many questions were answered and so compared.
    pub answered: usize,
}

/// A case near to some answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Near<'a> {
    /// The case.
    pub case: &'a Case,
    /// 1 − distance, 0 to 1.
    pub similarity: f64,
    /// How many of the questions answered the case answers too.
    pub overlap: usize,
    /// Whether it is the nearest that chose otherwise.
    pub otherwise: bool,
    /// Where the two differ, what weighs most first.
    pub differs: Vec<Difference>,
}

/// A question on which a case and the answers differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The question's id.
    pub question: String,
    /// The question as asked.
    pub label: String,
    /// Their answer, in words.
    pub theirs: String,
    /// Your answer, in words.
    pub yours: String,
    /// How far apart the two are, 0 to 1.
    pub distance: f64,
}

impl Engine {
    /// [`Self::score`], and the documented decisions nearest to the answers.
    #[must_use]
    pub fn score_with_precedents(&self, answers: &Answers) -> Score {
        let mut score = self.score(answers);
        let found = nearest_precedents(self.model(), answers, score.recommended);
        score.precedents = found.nearest.near.iter().map(Near::reference).collect();
        score.same_as = found.same.map(|case| case.id.clone());
        score
    }
}

impl Near<'_> {
    fn reference(&self) -> PrecedentRef {
        let Case { id, option, .. } = self.case;
        PrecedentRef { id: id.clone(), similarity: self.similarity, option: *option }
    }
}

/// The documented decisions nearest to some answers.
#[derive(Clone, Debug, PartialEq)]
pub struct NearestPrecedents {
    /// The one with exactly these answers, whatever its use: it is this very case, not one near it.
    pub same: Option<&'static Case>,
    /// The nearest of the others.
    pub nearest: Nearest<'static>,
}

/// The documented decisions nearest to the answers; none is its own nearest.
#[must_use]
pub fn nearest_precedents(
    model: &Model,
    answers: &Answers,
    recommended: Option<Choice>,
) -> NearestPrecedents {
    let is_same = |case: &&Case| is_same(model, answers, &case.answers);
    let others = precedent_cases().iter().filter(|case| !is_same(case));
    NearestPrecedents {
        same: precedent_cases().iter().find(is_same),
        nearest: nearest(model, answers, recommended, others),
    }
}

/// The cases nearest to the answers, of those that count ([`Usage::Core`]).
///
/// Every question answered is compared, and the groups of questions count the same. What the
/// answers leave open makes no case nearer or farther; what only the case leaves open costs half a
/// difference. A list left out is an empty list. A case is near only when it answers at least 60%
/// of the questions answered, and five.
#[must_use]
pub fn nearest<'a>(
    model: &Model,
    answers: &Answers,
    recommended: Option<Choice>,
    cases: impl IntoIterator<Item = &'a Case>,
) -> Nearest<'a> {
    let sheet = Yours::new(model, answers);
    let core = cases.into_iter().filter(|case| case.usage == Usage::Core);
    let mut near: Vec<Near<'a>> = core.filter_map(|case| sheet.compare(case)).collect();
    near.sort_by(|l, r| {
        r.similarity.total_cmp(&l.similarity).then_with(|| l.case.id.cmp(&r.case.id))
    });
    let than = recommended.or_else(|| most(near.iter().take(SHOWN).map(|near| near.case.option)));
    let otherwise = near.iter().position(|near| Some(near.case.option) != than);
    let mut at = 0;
    near.retain_mut(|near| {
        near.otherwise = otherwise == Some(at);
        at += 1;
        near.otherwise || at <= SHOWN
    });
    for near in &mut near {
        near.differs = sheet.differences(near.case);
    }
    Nearest { than: than.filter(|_| !near.is_empty()), near, answered: sheet.answered }
}

/// Whether two sheets say the same of every question, and leave the same open.
fn is_same(model: &Model, yours: &Answers, theirs: &Answers) -> bool {
    model.questions().iter().all(|question| {
        let open = !said(question, yours) && !said(question, theirs);
        open || yours.value(&question.id) == theirs.value(&question.id)
    })
}

/// Your side of the comparison: each question compared, with its weight.
struct Yours<'a> {
    answers: &'a Answers,
    compared: Vec<(&'a Question, f64)>,
    /// How many questions were answered.
    answered: usize,
}

impl<'a> Yours<'a> {
    fn new(model: &'a Model, answers: &'a Answers) -> Self {
        let compared: Vec<&Question> =
            model.questions().iter().filter(|question| compared(question, answers)).collect();
        let in_group = |group: &str| compared.iter().filter(|q| q.group == group).count();
        Self {
            answers,
            answered: compared.iter().filter(|question| said(question, answers)).count(),
            compared: compared.iter().map(|q| (*q, 1.0 / real(in_group(&q.group)))).collect(),
        }
    }

    /// How near a case is, without its differences; none when too little is known of both.
    fn compare<'c>(&self, case: &'c Case) -> Option<Near<'c>> {
        let mut overlap = 0;
        let mut distances = Vec::with_capacity(self.compared.len());
        for (question, weight) in &self.compared {
            let distance = distance(question, self.answers, &case.answers);
            overlap += usize::from(distance.is_some() && said(question, self.answers));
            distances.push((*weight, distance));
        }
        if overlap < OVERLAP_LEAST || real(overlap) < OVERLAP_SHARE * real(self.answered) {
            return None;
        }
        let similarity = 1.0 - gower(&distances, Some(MISSING))?;
        Some(Near { case, similarity, overlap, otherwise: false, differs: Vec::new() })
    }

    /// Where a case differs, what weighs most first.
    fn differences(&self, case: &Case) -> Vec<Difference> {
        let differs = |(question, weight): &(&Question, f64)| {
            let distance = distance(question, self.answers, &case.answers).filter(|d| *d > 0.0)?;
            let difference = Difference {
                question: question.id.clone(),
                label: question.label.clone(),
                theirs: words(question, &case.answers),
                yours: words(question, self.answers),
                distance,
            };
            Some((weight * distance, difference))
        };
        let mut found: Vec<(f64, Difference)> = self.compared.iter().filter_map(differs).collect();
        found.sort_by(|(l, _), (r, _)| r.total_cmp(l));
        found.into_iter().map(|(_, difference)| difference).collect()
    }
}

/// A list is always compared, since leaving it out means that it is empty.
fn compared(question: &Question, answers: &Answers) -> bool {
    is_list(question) || !answers.value(&question.id).is_open()
}

/// Whether something was answered, as an empty list does not.
fn said(question: &Question, answers: &Answers) -> bool {
    match answers.value(&question.id) {
        AnswerValue::Many(values) => !values.is_empty(),
        value => !value.is_open(),
    }
}

const fn is_list(question: &Question) -> bool {
    matches!(question.kind, QuestionKind::Many { .. })
}

fn distance(question: &Question, yours: &Answers, theirs: &Answers) -> Option<f64> {
    let (left, right) = (yours.value(&question.id), theirs.value(&question.id));
    let list = |value| if let AnswerValue::Many(values) = value { values } else { &[] };
    let comparison = match (&question.kind, left, right) {
        (QuestionKind::Many { .. }, left, right) => Comparison::List(list(left), list(right)),
        (
            QuestionKind::Number { .. },
            AnswerValue::Number { value: left, .. },
            AnswerValue::Number { value: right, .. },
        ) => Comparison::Number(left, right),
        (QuestionKind::One(_), AnswerValue::One(left), AnswerValue::One(right)) => {
            if question.ordered {
                ordinal(question, left, right)
            } else {
                Comparison::Nominal(left, right)
            }
        }
        _ => Comparison::Missing,
    };
    comparison.distance()
}

/// The answers' places on the question's scale; one that the model does not know is missing.
fn ordinal(question: &Question, left: &str, right: &str) -> Comparison<'static> {
    let rank = |value| question.answers().iter().position(|answer| answer.value == value);
    match (rank(left), rank(right)) {
        (Some(left), Some(right)) => Comparison::Ordinal {
            left: real(left),
            right: real(right),
            range: real(question.answers().len().saturating_sub(1)),
        },
        _ => Comparison::Missing,
    }
}

/// The option most of them chose; of equals the one that came first.
fn most(options: impl Iterator<Item = Choice>) -> Option<Choice> {
    let options: Vec<Choice> = options.collect();
    let count = |choice: &Choice| options.iter().filter(|other| *other == choice).count();
    options.iter().rev().max_by_key(|choice| count(choice)).copied()
}

/// An answer as the form shows it.
fn words(question: &Question, answers: &Answers) -> String {
    let label = |value: &str| {
        question.answer(value).map_or_else(|| value.to_owned(), |answer| answer.label.clone())
    };
    match (answers.value(&question.id), &question.kind) {
        (AnswerValue::One(value), _) => label(value),
        (AnswerValue::Number { value, .. }, QuestionKind::Number { unit, .. }) => {
            counted(value, unit)
        }
        (AnswerValue::Many(values), _) if !values.is_empty() => {
            values.iter().map(|value| label(value)).collect::<Vec<_>>().join(", ")
        }
        (AnswerValue::Many(_), _) => "None".to_owned(),
        _ if is_list(question) => "Nothing named".to_owned(),
        _ => "Not known".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^53 questions")]
const fn real(count: usize) -> f64 {
    count as f64
}
