//! Cedar policies for database statements: load, slice, decide.
