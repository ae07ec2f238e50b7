//! Stochastic multicriteria acceptability analysis (SMAA-2; Lahdelma and Salminen 2001), for any
//! number of options and criteria and a caller's own sampler.

/// What the draws say of each option.
#[derive(Clone, Debug, PartialEq)]
pub struct Acceptability {
    /// For each option its share of each rank; ties share the better rank.
    pub ranks: Vec<Vec<f64>>,
    /// For each option the mean weights of the draws it ranks first in; none when it never does.
    pub central_weights: Vec<Option<Vec<f64>>>,
    /// For each option its first-rank share with the weights fixed at its central weights.
    pub confidence: Vec<Option<f64>>,
}

/// Ranks `options` in `draws` samples. `sample(draw, weights, values)` fills one weight for each
/// criterion and the values option by option (`values[option * criteria + criterion]`); it is
/// called a second time for the same draws, with the weights ignored, for the confidence factors.
/// An option with a value of −∞ is out of that draw: it ranks behind the others, never first.
pub fn acceptability(
    options: usize,
    criteria: usize,
    draws: u32,
    mut sample: impl FnMut(u32, &mut [f64], &mut [f64]),
) -> Acceptability {
    let mut weights = vec![0.0; criteria];
    let mut values = vec![0.0; options * criteria];
    let mut scores = vec![0.0; options];
    let mut ranks = vec![vec![0_u32; options]; options];
    let mut sums = vec![vec![0.0; criteria]; options];
    for draw in 0..draws {
        sample(draw, &mut weights, &mut values);
        score(&weights, &values, &mut scores);
        let total: f64 = weights.iter().sum();
        for ((own, ranks), sums) in scores.iter().zip(&mut ranks).zip(&mut sums) {
            let rank = scores.iter().filter(|other| *other > own).count();
            if rank == 0 && *own == f64::NEG_INFINITY {
                continue;
            }
            if let Some(count) = ranks.get_mut(rank) {
                *count += 1;
            }
            if rank == 0 && total > 0.0 {
                sums.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum += weight / total);
            }
        }
    }
    let central_weights: Vec<Option<Vec<f64>>> = ranks
        .iter()
        .zip(&sums)
        .map(|(ranks, sums)| {
            let first = ranks.first().copied().filter(|first| *first > 0)?;
            Some(sums.iter().map(|sum| sum / f64::from(first)).collect())
        })
        .collect();
    let mut wins = vec![0_u32; options];
    for draw in 0..draws {
        sample(draw, &mut weights, &mut values);
        for (option, (central, wins)) in central_weights.iter().zip(&mut wins).enumerate() {
            let Some(central) = central else { continue };
            score(central, &values, &mut scores);
            let own = scores.get(option).copied().unwrap_or(f64::NEG_INFINITY);
            let first = own > f64::NEG_INFINITY && scores.iter().all(|other| *other <= own);
            *wins += u32::from(first);
        }
    }
    let share = |count: u32| f64::from(count) / f64::from(draws.max(1));
    Acceptability {
        ranks: ranks
            .iter()
            .map(|ranks| ranks.iter().map(|count| share(*count)).collect())
            .collect(),
        confidence: central_weights
            .iter()
            .zip(&wins)
            .map(|(central, wins)| central.as_ref().map(|_| share(*wins)))
            .collect(),
        central_weights,
    }
}

fn score(weights: &[f64], values: &[f64], scores: &mut [f64]) {
    for (score, values) in scores.iter_mut().zip(values.chunks(weights.len().max(1))) {
        *score = if values.contains(&f64::NEG_INFINITY) {
            f64::NEG_INFINITY
        } else {
            weights.iter().zip(values).map(|(weight, value)| weight * value).sum()
        };
    }
}
