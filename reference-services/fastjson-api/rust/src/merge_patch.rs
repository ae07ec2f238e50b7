//! JSON Merge Patch (RFC 7396).

use crate::json::{Members, Value};
use std::sync::Arc;

/// Applies a merge patch as in RFC 7396 §2. The result is no deeper than the deeper of the two.
pub fn merge(target: Value, patch: Value) -> Value {
    let Value::Object(changes) = patch else { return patch };
    let members = match target {
        Value::Object(members) => members,
        _ => Arc::default(),
    };
    if changes.is_empty() {
        return Value::Object(members);
    }
    // Both are sorted, so that one walk along the two merges them.
    let mut old = Arc::unwrap_or_clone(members).into_iter().peekable();
    let mut merged = Vec::with_capacity(old.len());
    for (name, change) in Arc::unwrap_or_clone(changes) {
        while let Some(member) = old.next_if(|(own, _)| *own < name) {
            merged.push(member);
        }
        let own = old.next_if(|(own, _)| *own == name).map_or(Value::Null, |(_, value)| value);
        if !matches!(change, Value::Null) {
            merged.push((name, merge(own, change)));
        }
    }
    merged.extend(old);
    Value::Object(Members::from_sorted(merged).into())
}
