//! The decision model and its arithmetic: answers in, an explained recommendation out.
//!
//! [`Model`] is read from TOML, [`Answers`] are checked against it, and an [`Engine`] gives a
//! [`Score`]: a value for each option with the contribution of each criterion, how often each
//! option ranks first over plausible readings of the answers (SMAA-2), a verdict, and what would
//! change it. Nothing here does I/O or reads a clock; the same seed gives the same bits.

mod answers;
mod backtest;
mod basis;
mod case;
mod cells;
mod choice;
mod cost;
mod describe;
mod engine;
mod expected;
mod expr;
mod flips;
mod gower;
mod kernel;
mod lane;
mod levers;
mod measure;
mod model;
mod model_parse;
mod nearest;
mod notices;
mod performance;
mod precedents;
mod presets;
mod problem;
mod score;
mod sensitivity;
mod situation;
mod smaa;
mod streams;
mod trial;
mod two_services;
mod value;
mod wording;

pub use answers::{AnswerValue, Answers, Sheet};
pub use backtest::{
    Ablation, Apart, BASELINES, Backtest, BaselineTally, BaselineWords, Baselines, ByAdvice,
    CaseResult, Confusion, KindTally, Reliability, Stayed, Summary, Tipped, WithoutCriterion,
    backtest, sign_test, wilson, without_each_criterion,
};
pub use basis::Basis;
pub use case::{BuiltinCases, Case, Heeded, precedent_cases};
pub use choice::{ByOption, Choice};
pub use cost::{
    Assumption, Assumptions, CURRENCY, Cost, OptionCost, Payback, Range, assumptions, cost,
};
pub use describe::{Grid, GridFactor, GridRow, Stated};
pub use engine::{
    CriterionDetail, DRAWS, Engine, LEAN, OPEN_SHARE, Robustness, SEED, SETTLED, STRONG,
};
pub use gower::{Comparison, gower};
pub use levers::{
    Counted, LeaveOneOut, Lever, OneAtATime, committed_leave_one_out, leave_one_out, levers,
    measured_digest,
};
pub use measure::{
    Beside, Compared, Estimate, Measurements, Part, SweepPoint, TwinFigures, WorkloadMeasurement,
};
pub use model::{
    Answer, Bin, Criterion, CriterionKind, Group, Knockout, Model, Question, QuestionKind, Spread,
};
pub use nearest::{Difference, Near, Nearest, NearestPrecedents, nearest, nearest_precedents};
pub use notices::held_back_by;
pub use precedents::{
    Decision, Fact, Holds, HybridKind, Precedent, Source, Today, Usage, precedent, precedents,
};
pub use presets::{Preset, presets};
pub use problem::{Problem, line_column};
pub use score::{
    Change, Flip, FlipKind, ModelRef, Need, Notice, OptionScore, Performance, PrecedentRef, Reason,
    Score, Settled, Told, Verdict,
};
pub use sensitivity::{importance_factor, importance_thresholds};
pub use smaa::{Acceptability, acceptability};
pub use trial::{Advised, Decided, Tally, Tried, advise, tally, try_model};
pub use two_services::{Shipped, TwoServices};
pub use wording::{grouped, quantity};
