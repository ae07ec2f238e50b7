//! The pages, one file each: the handler and its view.
