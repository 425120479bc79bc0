//! Content detectors that overwrite secrets in place, in streams of any length.
