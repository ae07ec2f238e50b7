//! The built-in model and presets, and what is said of a broken model.

use assay_advice::{Model, presets};

#[test]
fn the_built_in_model_and_presets_are_whole() {
    let model = Model::builtin();
    assert_eq!(model.id(), "backend");
    assert_eq!(model.questions().len(), 28);
    assert_eq!(model.criteria().len(), 14);
    assert_eq!(presets().len(), 8);
}
