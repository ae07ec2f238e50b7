//! The allocator of the program, and how fast it gives memory back. A part of the binary, not of the
//! library: a program that uses the library brings an allocator of its own.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`, which its bindings do not name: for how many ms memory that is
/// free stays with the process.
const PURGE_DELAY: i32 = 15;

/// Gives memory back as soon as it is free. What large requests and answers, hashes and outgrown
/// tables leave would otherwise stand beside the budget, until there is something to do again: 420 MB
/// were seen at a budget of 64 MB. In the environment `MIMALLOC_PURGE_DELAY` wins.
pub(crate) fn give_memory_back() {
    #[expect(unsafe_code, reason = "sets a number; there is no safe binding")]
    // SAFETY: it takes any option and any number, at any time.
    unsafe {
        libmimalloc_sys::mi_option_set_default(PURGE_DELAY, 0);
    }
}
