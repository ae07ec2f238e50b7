//! JSON Merge Patch (RFC 7396).

use crate::json::Value;
use std::sync::Arc;

/// Applies a merge patch as in RFC 7396 §2. The result is no deeper than the deeper of the two.
pub fn merge(target: Value, patch: Value) -> Value {
    let Value::Object(changes) = patch else { return patch };
    let mut members = match target {
        Value::Object(members) => members,
        _ => Arc::default(),
    };
    if changes.is_empty() {
        return Value::Object(members);
    }
    let target = Arc::make_mut(&mut members);
    for (name, change) in Arc::unwrap_or_clone(changes) {
        if matches!(change, Value::Null) {
            target.remove(&name);
        } else {
            let old = target.remove(&name).unwrap_or(Value::Null);
            target.insert(name, merge(old, change));
        }
    }
    Value::Object(members)
}
