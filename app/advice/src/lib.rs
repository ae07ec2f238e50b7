//! The decision model and its arithmetic: answers in, an explained recommendation out.

mod answers;
mod choice;
mod engine;
mod expr;
mod measure;
mod model;
mod model_parse;
mod presets;
mod problem;
mod score;

pub use answers::{AnswerValue, Answers, Sheet};
pub use choice::{ByOption, Choice};
pub use engine::{CriterionDetail, DRAWS, Engine, Robustness, SEED};
pub use measure::{Estimate, Measurements, SweepPoint, TwinFigures, WorkloadMeasurement};
pub use model::{
    Answer, Bin, Criterion, CriterionKind, Group, Knockout, Model, Question, QuestionKind,
};
pub use presets::{Preset, presets};
pub use problem::{Problem, line_column};
pub use score::{
    Change, Flip, FlipKind, ModelRef, Need, Notice, OptionScore, Performance, PrecedentRef, Reason,
    Score, Settled, Verdict,
};
