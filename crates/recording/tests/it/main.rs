//! The recording on a real disk: written, closed, killed, filled up, changed, cut, removed, expired, encrypted.

mod faults;
mod helpers;
mod kill;
mod normal;
mod tampering;
