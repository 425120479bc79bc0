//! The gateway between real clients and real servers, judged by the server's own log.
//!
//! Every server here logs every statement before it runs it, and a client sees the server's own process id, so a test can
//! say exactly what of one session reached the database. What is not in that log did not run.

mod admin;
mod audit;
mod cancel;
mod faults;
mod hostile;
mod judging;
mod masking;
mod place;
mod reload;
mod sign_in;
mod wire;
