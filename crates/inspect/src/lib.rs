//! Joins statements, catalog and policy into verdicts; a state machine without I/O.
