//! RFC 6455 as values: frames, messages, opcodes, close codes, handshakes, and the tap's decoder. No I/O.
