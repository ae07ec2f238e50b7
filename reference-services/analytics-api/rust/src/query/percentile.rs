//! Exact percentiles: selecting by rank without sorting.
//!
//! A few hundred sampled values bracket the wanted rank (Floyd and Rivest, 1975); one pass counts
//! what lies below the bracket and keeps what lies inside; the answer is selected among the few
//! that are kept. A bracket that misses, which is rare, falls back to selecting among all. Ranks
//! near the top, as p99 of few values, are found by keeping the few greatest.

/// Below so many values, selecting among all is as fast.
const SAMPLE_FROM_VALUES: usize = 4_096;
const SAMPLE_VALUES: usize = 512;
/// Ranks among so many greatest are found by keeping these.
const GREATEST_MAX: usize = 48;
/// So few are kept in each lane, without a branch.
const GREATEST_OF_LANE_MAX: usize = 4;
/// Values that are compared at once.
const LANES: usize = 8;
/// Half the width of the bracket, in standard deviations of a sampled rank.
const BRACKET_DEVIATIONS: f64 = 3.5;

/// The place of a percentile among so many values in rising order, counted from 1 (nearest rank).
pub fn rank(percent: u64, count: u64) -> u64 {
    percent.saturating_mul(count).div_ceil(100).max(1)
}

/// A total order on finite doubles, as integers.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

fn value(ordered: i64) -> f64 {
    f64::from_bits((ordered ^ (((ordered >> 63) as u64) >> 1) as i64) as u64)
}

/// Room that selections share.
#[derive(Debug, Default)]
pub struct Scratch {
    kept: Vec<i64>,
    sample: Vec<i64>,
    greatest: Vec<f64>,
}

/// The values at these ranks (from 1, ascending) among the values of all slices. Ranks beyond the
/// number of values give the greatest.
pub fn select(slices: &[&[f64]], ranks: &[u64], scratch: &mut Scratch, found: &mut Vec<f64>) {
    found.clear();
    let count: usize = slices.iter().map(|slice| slice.len()).sum();
    if count == 0 {
        return;
    }
    let from_top = |rank: u64| count - (rank as usize).clamp(1, count);
    if let Some(&least) = ranks.first()
        && from_top(least) < GREATEST_MAX
    {
        keep_greatest(slices, from_top(least) + 1, &mut scratch.greatest);
        let place = |&rank| scratch.greatest.len().checked_sub(from_top(rank) + 1);
        let values = ranks.iter().filter_map(|rank| scratch.greatest.get(place(rank)?).copied());
        return found.extend(values);
    }
    if count < SAMPLE_FROM_VALUES {
        return select_among_all(slices, ranks, count, scratch, found);
    }
    sample(slices, count, &mut scratch.sample);
    for &rank in ranks {
        let rank = (rank as usize).clamp(1, count);
        let at = match select_bracketed(slices, rank, count, scratch) {
            Some(at) => at,
            None => {
                let mut one = Vec::new();
                select_among_all(slices, &[rank as u64], count, scratch, &mut one);
                one.pop().unwrap_or_default()
            }
        };
        found.push(at);
    }
}

/// The so many greatest values, rising.
fn keep_greatest(slices: &[&[f64]], count: usize, kept: &mut Vec<f64>) {
    kept.clear();
    match count {
        1 => kept.extend(greatest::<1>(slices)),
        2 => kept.extend(greatest::<2>(slices)),
        3..=GREATEST_OF_LANE_MAX => {
            kept.extend(greatest::<GREATEST_OF_LANE_MAX>(slices));
            kept.drain(..GREATEST_OF_LANE_MAX - count);
        }
        _ => keep_more(slices, count, kept),
    }
}

/// The greatest values, rising: those of each lane, then those of one half of the lanes and the
/// other, until one lane is left. Nothing depends on how values lie, so that no branch is guessed.
fn greatest<const KEEP: usize>(slices: &[&[f64]]) -> impl Iterator<Item = f64> {
    let mut lanes = [[f64::NEG_INFINITY; LANES]; KEEP];
    for slice in slices {
        let (chunks, rest) = slice.as_chunks::<LANES>();
        for chunk in chunks {
            sift(&mut lanes, *chunk);
        }
        if !rest.is_empty() {
            let mut last = [f64::NEG_INFINITY; LANES];
            last.iter_mut().zip(rest).for_each(|(slot, &value)| *slot = value);
            sift(&mut lanes, last);
        }
    }
    let four = halved::<KEEP, LANES, 4>(lanes);
    let two = halved::<KEEP, 4, 2>(four);
    halved::<KEEP, 2, 1>(two).into_iter().rev().map(|[value]| value)
}

/// The greatest of each lane of one half and its like in the other.
fn halved<const KEEP: usize, const ALL: usize, const HALF: usize>(
    lanes: [[f64; ALL]; KEEP],
) -> [[f64; HALF]; KEEP] {
    let half = |it: Option<&[f64; HALF]>| it.copied().unwrap_or([f64::NEG_INFINITY; HALF]);
    let mut kept = lanes.map(|level| half(level.first_chunk()));
    lanes.iter().for_each(|level| sift(&mut kept, half(level.last_chunk())));
    kept
}

/// Puts a value into each lane, greatest first, and drops the lane's least.
fn sift<const KEEP: usize, const ALL: usize>(
    lanes: &mut [[f64; ALL]; KEEP],
    mut values: [f64; ALL],
) {
    for level in lanes {
        for (kept, value) in level.iter_mut().zip(&mut values) {
            let more = if *value > *kept { *value } else { *kept };
            // The other of the two, without a second choice.
            *value = f64::from_bits(value.to_bits() ^ kept.to_bits() ^ more.to_bits());
            *kept = more;
        }
    }
}

/// The same for more of them: nearly all values are less than all that are kept, which is looked at first.
fn keep_more(slices: &[&[f64]], count: usize, kept: &mut Vec<f64>) {
    for slice in slices {
        let (chunks, rest) = slice.as_chunks::<LANES>();
        for chunk in chunks {
            let bound = if kept.len() < count { f64::NEG_INFINITY } else { least(kept) };
            if chunk.iter().fold(false, |any, &value| any | (value > bound)) {
                chunk.iter().for_each(|&value| keep(value, count, kept));
            }
        }
        rest.iter().for_each(|&value| keep(value, count, kept));
    }
}

fn least(kept: &[f64]) -> f64 {
    kept.first().copied().unwrap_or(f64::NEG_INFINITY)
}

fn keep(value: f64, count: usize, kept: &mut Vec<f64>) {
    let place = kept.partition_point(|&it| it < value);
    if kept.len() < count {
        kept.insert(place, value);
    } else if let Some(less) = kept.get_mut(..place)
        && !less.is_empty()
    {
        // The least makes room.
        less.rotate_left(1);
        if let Some(last) = less.last_mut() {
            *last = value;
        }
    }
}

fn select_among_all(
    slices: &[&[f64]],
    ranks: &[u64],
    count: usize,
    scratch: &mut Scratch,
    found: &mut Vec<f64>,
) {
    let kept = &mut scratch.kept;
    kept.clear();
    kept.reserve(count);
    for slice in slices {
        kept.extend(slice.iter().map(|&value| ordered(value)));
    }
    // Everything left of a selected rank is no greater, so that the next one looks right of it.
    let mut done = 0;
    for &rank in ranks {
        let place = (rank as usize).clamp(1, count) - 1;
        if place >= done
            && let Some(rest) = kept.get_mut(done..)
        {
            rest.select_nth_unstable(place - done);
            done = place + 1;
        }
        found.push(kept.get(place).map_or(0.0, |&it| value(it)));
    }
}

/// Values at even distances, sorted.
fn sample(slices: &[&[f64]], count: usize, sample: &mut Vec<i64>) {
    sample.clear();
    let step = count / SAMPLE_VALUES;
    let mut next = step / 2;
    for slice in slices {
        while let Some(&value) = slice.get(next) {
            sample.push(ordered(value));
            next += step;
        }
        next -= slice.len();
    }
    sample.sort_unstable();
}

fn select_bracketed(
    slices: &[&[f64]],
    rank: usize,
    count: usize,
    scratch: &mut Scratch,
) -> Option<f64> {
    let share = rank as f64 / count as f64;
    let sampled = scratch.sample.len() as f64;
    let margin = BRACKET_DEVIATIONS * (share * (1.0 - share) * sampled).sqrt() + 1.0;
    let (low, high) = (share * sampled - margin, share * sampled + margin);
    // Beyond the sample's ends there is no bound.
    let sampled_at = |place: f64| scratch.sample.get(place as usize).map(|&it| value(it));
    let low = if low < 0.0 { f64::NEG_INFINITY } else { sampled_at(low)? };
    let high = sampled_at(high).unwrap_or(f64::INFINITY);

    let kept = &mut scratch.kept;
    kept.clear();
    let mut below = 0;
    if high == f64::INFINITY {
        for slice in slices {
            let before = kept.len();
            kept.extend(slice.iter().filter(|&&it| it >= low).map(|&it| ordered(it)));
            below += slice.len() - (kept.len() - before);
        }
    } else {
        for slice in slices {
            for &it in *slice {
                below += usize::from(it < low);
                if it >= low && it <= high {
                    kept.push(ordered(it));
                }
            }
        }
    }
    let place = rank.checked_sub(below + 1)?;
    if place >= kept.len() {
        return None;
    }
    let (_, at, _) = kept.select_nth_unstable(place);
    Some(value(*at))
}
