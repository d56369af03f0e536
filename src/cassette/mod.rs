//! The recording as a file format: lines, version, reader, writer and its errors. Works on `Read` and `Write`.
