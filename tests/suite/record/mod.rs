//! `tilltape record`, as a till and a terminal meet it: sockets on both sides, the cassette, the exit code.

mod live;
mod losing;
mod opening;
mod peers;
mod recording;
mod results;
mod tls;
mod tunnel;
