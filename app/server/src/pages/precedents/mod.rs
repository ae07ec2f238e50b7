//! The pages below `/precedents`, one file each, and the precedents nearest to a sheet of answers.

pub(crate) mod backtest;
pub(crate) mod case;
pub(crate) mod list;
pub(crate) mod nearest;

use assay_advice::{Holds, Precedent, Usage};

use crate::precedents::{holds_words, use_words};

/// A word or a few that mark a precedent, with the class of the mark.
pub(crate) struct Mark {
    pub(crate) class: &'static str,
    pub(crate) words: &'static str,
}

/// What marks a precedent beside its option.
pub(crate) fn marks(precedent: &Precedent) -> Vec<Mark> {
    let today = holds_mark(precedent.today.holds);
    let apart = precedent.usage != Usage::Core;
    let apart = apart.then(|| Mark { class: "apart", words: use_words(precedent.usage) });
    std::iter::once(today).chain(apart).collect()
}

/// The mark of whether a reason holds today.
pub(crate) fn holds_mark(holds: Holds) -> Mark {
    let class = match holds {
        Holds::Yes => "holds-yes",
        Holds::Partly => "holds-partly",
        Holds::No => "holds-no",
        Holds::Unknown => "holds-unknown",
    };
    Mark { class, words: holds_words(holds) }
}
