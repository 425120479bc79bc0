//! Development only: frame builders, scripted peers, real-server fixtures.
