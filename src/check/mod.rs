//! Runs the rules of a pack over a stream of events, in one pass.
