//! The decision model and its arithmetic: answers in, an explained recommendation out.

mod choice;
mod problem;
mod score;

pub use choice::{ByOption, Choice};
pub use problem::{Problem, line_column};
pub use score::{
    Change, Flip, FlipKind, ModelRef, Need, Notice, OptionScore, Performance, PrecedentRef, Reason,
    Score, Settled, Verdict,
};
