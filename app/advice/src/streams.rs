//! Reproducible draws: one keyed stream for each thing that varies, the same bits everywhere.
//!
//! A stream is ChaCha8 seeded with SHA-256 of the seed and the stream's key, so that adding a
//! criterion changes no other criterion's draws. Only basic arithmetic and `libm` are used.

use rand::{Rng as _, SeedableRng as _, rngs::ChaCha8Rng};
use sha2::{Digest as _, Sha256};

use crate::{Model, QuestionKind, cells::TwoStreams, engine::DRAWS};

/// Draws are kept in blocks that fit the nearest cache.
pub(crate) const BLOCK: usize = 1024;
pub(crate) const BLOCKS: usize = DRAWS as usize / BLOCK;

/// One number for each draw.
pub(crate) type Stream<T> = Vec<[T; BLOCK]>;

/// Everything that varies from draw to draw, for one model and seed.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// For each criterion the factor on its swing, `2^(G_group + E)`, each within the model's spread.
    pub(crate) factor: Vec<Stream<f32>>,
    /// For each criterion and option triangular noise on (−1, 1).
    pub(crate) noise: Vec<[Stream<f32>; 3]>,
    /// For each question with states the state drawn from its prior, and an independent second.
    pub(crate) state: Vec<Stream<u8>>,
    pub(crate) redrawn: Vec<Stream<u8>>,
    /// What two services cost, where that is measured.
    pub(crate) two: Option<TwoStreams>,
}

/// A generator of uniform numbers for one key.
pub(crate) struct Keyed(ChaCha8Rng);

impl Keyed {
    pub(crate) fn new(seed: u64, key: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(key.as_bytes());
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// Uniform on (0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / 4_294_967_296.0
    }

    /// Triangular on (−1, 1) around 0: the difference of two uniform numbers.
    pub(crate) fn triangular(&mut self) -> f64 {
        self.uniform() - self.uniform()
    }
}

/// Fills a stream in the order of its draws.
pub(crate) fn fill<T: Copy + Default>(mut next: impl FnMut() -> T) -> Stream<T> {
    let mut stream = vec![[T::default(); BLOCK]; BLOCKS];
    stream.iter_mut().flatten().for_each(|slot| *slot = next());
    stream
}

/// Narrows to the precision of the kernel.
#[expect(clippy::cast_possible_truncation, reason = "streams are kept in single precision")]
pub(crate) const fn narrow(number: f64) -> f32 {
    number as f32
}

/// The prior of each state of a question, summing to 1; empty without states.
pub(crate) fn prior(kind: &QuestionKind) -> Vec<f64> {
    let weights: Vec<f64> = match kind {
        QuestionKind::One(answers) => answers.iter().map(|answer| answer.prior).collect(),
        QuestionKind::Number { bins, .. } => bins.iter().map(|bin| bin.prior).collect(),
        QuestionKind::Many { .. } => Vec::new(),
    };
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

impl Streams {
    pub(crate) fn new(model: &Model, seed: u64) -> Self {
        let keyed = |key: String| Keyed::new(seed, &key);
        let spread = model.spread();
        let factor = model.criteria().iter().map(|criterion| {
            let mut group = keyed(format!("g:{}", criterion.group));
            let mut own = keyed(format!("s:{}", criterion.id));
            fill(|| {
                let exponent = spread.group * (2.0 * group.uniform() - 1.0)
                    + spread.criterion * (2.0 * own.uniform() - 1.0);
                narrow(libm::exp2(exponent))
            })
        });
        let noise = model.criteria().iter().map(|criterion| {
            ["rust", "go", "hybrid"].map(|option| {
                let mut keyed = keyed(format!("v:{}/{option}", criterion.id));
                fill(|| narrow(keyed.triangular()))
            })
        });
        let states = |prefix: &'static str| {
            model.questions().iter().map(move |question| {
                let prior = prior(&question.kind);
                if prior.is_empty() {
                    return Vec::new();
                }
                let mut keyed = Keyed::new(seed, &format!("{prefix}:{}", question.id));
                fill(|| state_at(&prior, keyed.uniform()))
            })
        };
        Self {
            factor: factor.collect(),
            noise: noise.collect(),
            state: states("q").collect(),
            redrawn: states("r").collect(),
            two: None,
        }
    }
}

/// The state whose share of the prior holds `uniform`.
fn state_at(prior: &[f64], uniform: f64) -> u8 {
    let mut below = 0.0;
    for (state, share) in (0_u8..).zip(prior) {
        below += share;
        if uniform < below {
            return state;
        }
    }
    u8::try_from(prior.len().saturating_sub(1)).unwrap_or(u8::MAX)
}
