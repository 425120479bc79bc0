//! The Postgres wire protocol, sans-IO: frames, messages, session state machine.
