//! The gateway between scripted clients and real MySQL and MariaDB servers, judged by the server's own log.
//!
//! Every server here logs every command before it runs it, under its own number of the connection, so a test can say
//! exactly what of one session reached the database. What is not in that log did not run.

mod agreement;
mod answer;
mod diagnostics;
mod faults;
mod hostile;
mod judging;
mod masking;
mod modes;
mod packets;
mod place;
mod proof;
mod recording;
mod session;
mod sign_in;
mod wire;
