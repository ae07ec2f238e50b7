//! What an allocation really takes.

const CLASSES_PER_DOUBLING_BITS: u32 = 2;
const SMALL_BYTES: usize = 64;
const HUGE_BYTES: usize = 4 << 20;
const HUGE_STEP_BYTES: usize = 64 << 10;

/// Bytes that the allocator takes for `bytes`: it has four size classes for each doubling.
#[must_use]
pub(crate) fn allocated(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=SMALL_BYTES => bytes.next_multiple_of(16),
        HUGE_BYTES.. => bytes.next_multiple_of(HUGE_STEP_BYTES),
        _ => {
            let doubling = (bytes - 1).ilog2();
            bytes.next_multiple_of(1 << (doubling - CLASSES_PER_DOUBLING_BITS))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::allocated;

    #[test]
    fn rounds_up_by_a_quarter_at_most() {
        assert_eq!(allocated(0), 0);
        assert_eq!(allocated(1), 16);
        assert_eq!(allocated(65), 80);
        assert_eq!(allocated(129), 160);
        assert_eq!(allocated(1024), 1024);
        for bytes in 1..100_000 {
            let whole = allocated(bytes);
            assert!(whole >= bytes && whole <= (bytes * 5 / 4).max(bytes + 15), "{bytes} {whole}");
        }
    }
}
