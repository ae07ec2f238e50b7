//! Answers resolved to the model's own indices, ready for arithmetic.

use crate::{AnswerValue, Answers, Model, QuestionKind, expr::Factor};

/// A number and whether it must be kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) value: f64,
    pub(crate) must: bool,
}

/// The questions that the measured criteria know by id; absent ones state no need.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    pub(crate) workload: Option<usize>,
    pub(crate) resident_state: Option<usize>,
    pub(crate) cpu_bound: Option<usize>,
    pub(crate) tail_latency: Option<usize>,
    pub(crate) existing_code: Option<usize>,
    pub(crate) peak_rps: Option<usize>,
    pub(crate) cores: Option<usize>,
    pub(crate) cpu_ms: Option<usize>,
    pub(crate) p99_ms: Option<usize>,
    pub(crate) memory_mb: Option<usize>,
    pub(crate) connections: Option<usize>,
}

impl Known {
    pub(crate) fn new(model: &Model) -> Self {
        let find = |id| model.question_index(id);
        Self {
            workload: find("workload"),
            resident_state: find("resident_state"),
            cpu_bound: find("cpu_bound"),
            tail_latency: find("tail_latency"),
            existing_code: find("existing_code"),
            peak_rps: find("peak_rps"),
            cores: find("cores"),
            cpu_ms: find("cpu_ms"),
            p99_ms: find("p99_ms"),
            memory_mb: find("memory_mb"),
            connections: find("connections"),
        }
    }

    /// The numbers that state needs.
    pub(crate) fn numbers(&self) -> [Option<usize>; 6] {
        [self.peak_rps, self.cores, self.cpu_ms, self.p99_ms, self.memory_mb, self.connections]
    }
}

/// What is known of one service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Situation {
    given: Vec<Given>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Given {
    state: Option<u8>,
    /// One bit for each answer a list holds.
    holds: u32,
    number: Option<Number>,
}

impl Situation {
    pub(crate) fn new(model: &Model, answers: &Answers) -> Self {
        let given = model.questions().iter().map(|question| {
            let mut given = Given::default();
            match answers.value(&question.id) {
                AnswerValue::Unanswered | AnswerValue::Unknown => {}
                AnswerValue::One(value) => given.state = state_of(&question.kind, value),
                AnswerValue::Many(values) => {
                    let states = values.iter().filter_map(|v| state_of(&question.kind, v));
                    given.holds = states.fold(0, |bits, state| bits | 1 << state);
                }
                AnswerValue::Number { value, must } => {
                    given.state = bin_of(&question.kind, value);
                    given.number = Some(Number { value, must });
                }
            }
            given
        });
        Self { given: given.collect() }
    }

    /// The state of a factor; none while its question is open.
    pub(crate) fn factor(&self, factor: Factor) -> Option<u8> {
        let given = self.given.get(factor.question)?;
        match factor.holds {
            None => given.state,
            Some(answer) => Some(u8::from(given.holds >> answer & 1 == 1)),
        }
    }

    pub(crate) fn state(&self, question: Option<usize>) -> Option<u8> {
        self.given.get(question?)?.state
    }

    pub(crate) fn number(&self, question: Option<usize>) -> Option<Number> {
        self.given.get(question?)?.number
    }

    /// The same with one choice made.
    pub(crate) fn with_state(&self, question: usize, state: u8) -> Self {
        let mut changed = self.clone();
        if let Some(given) = changed.given.get_mut(question) {
            given.state = Some(state);
        }
        changed
    }

    /// The same with one more answer held by a list.
    pub(crate) fn with_held(&self, question: usize, answer: u8) -> Self {
        let mut changed = self.clone();
        if let Some(given) = changed.given.get_mut(question) {
            given.holds |= 1 << answer;
        }
        changed
    }

    /// The same with one answer fewer held by a list.
    pub(crate) fn without_held(&self, question: usize, answer: u8) -> Self {
        let mut changed = self.clone();
        if let Some(given) = changed.given.get_mut(question) {
            given.holds &= !(1 << answer);
        }
        changed
    }

    /// How many answers a list holds.
    pub(crate) fn held(&self, question: usize) -> usize {
        self.given.get(question).map_or(0, |given| given.holds.count_ones() as usize)
    }

    /// The same with one number set; `must` is kept.
    pub(crate) fn set_number(&mut self, question: usize, value: f64) {
        if let Some(given) = self.given.get_mut(question) {
            let must = given.number.is_some_and(|number| number.must);
            given.number = Some(Number { value, must });
        }
    }
}

fn state_of(kind: &QuestionKind, value: &str) -> Option<u8> {
    let (QuestionKind::One(answers) | QuestionKind::Many { answers, .. }) = kind else {
        return None;
    };
    let at = answers.iter().position(|answer| answer.value == value)?;
    u8::try_from(at).ok()
}

fn bin_of(kind: &QuestionKind, value: f64) -> Option<u8> {
    let QuestionKind::Number { bins, .. } = kind else {
        return None;
    };
    let at = bins.iter().position(|bin| bin.below.is_none_or(|below| value < below))?;
    u8::try_from(at).ok()
}
