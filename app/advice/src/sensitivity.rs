//! How far importance may move before two options change places, in closed form.

/// For each criterion the factor on its own swing at which the difference `Σ sⱼ Δⱼ` vanishes, the
/// others held: `s′ = s − D/Δ`. None where no factor of 0 or more does it.
#[must_use]
pub fn importance_thresholds(swings: &[f64], differences: &[f64]) -> Vec<Option<f64>> {
    let total: f64 = swings.iter().zip(differences).map(|(s, d)| s * d).sum();
    let threshold = |(swing, difference): (&f64, &f64)| {
        let factor = (swing - total / difference) / swing;
        (factor.is_finite() && factor >= 0.0).then_some(factor)
    };
    swings.iter().zip(differences).map(threshold).collect()
}

/// ρ* = √(P/N) of the positive and the negative contributions: while every importance stays
/// within a factor ρ* of its own, the two options cannot change places. None when nothing speaks
/// against the first.
#[must_use]
pub fn importance_factor(contributions: &[f64]) -> Option<f64> {
    let part = |sign: f64| contributions.iter().map(|c| (c * sign).max(0.0)).sum::<f64>();
    let (positive, negative) = (part(1.0), part(-1.0));
    (negative > 0.0).then(|| libm::sqrt(positive / negative))
}
