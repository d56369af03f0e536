//! Renders the result of a run; decides nothing. One file per format.
