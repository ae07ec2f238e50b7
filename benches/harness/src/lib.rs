//! Load generation and process measurement for the reference services.
